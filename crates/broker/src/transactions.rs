//! The transactions coordinated here: the coordinator core, its log, the markers that it wants, and the
//! calls that wait for it.
//!
//! The core ([`coordinator::transactions`]) knows the rules; this file knows where its records and
//! markers go. A transactional id is held by the partition of `__transaction_state` that its Java hash
//! falls on, and coordinated by whoever leads that partition.

mod joining;
mod leadership;
mod marks;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use clock::{Moment, Now};
use coordinator::transactions::{Answer, Effect as Wanted, Input, MarkToken};
use coordinator::{Producer, Record, RequestToken, WriteToken};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::batch::{BatchBuilder, BatchHeader};

use crate::api::{
    add_offsets_to_txn, add_partitions_to_txn, end_txn, init_producer_id, produce, txn_offset_commit,
};
use crate::internal_log::Readings;
use crate::purgatory::WatchKey;
use crate::replica::{Durability, Marker};
use crate::{Broker, Effect, Event, Settings, TopicPartition};

pub(crate) use joining::{answered as join_answered, coordinator_elsewhere, join};
pub(crate) use marks::{SentMarkers, answered as markers_answered, append_marker};

/// The topic that holds the transactional ids.
pub(crate) const TRANSACTIONS_TOPIC: &str = "__transaction_state";

/// The transactional ids, by the partition of `__transaction_state` that holds them.
pub(crate) struct Transactions {
    core: coordinator::transactions::Transactions,
    topic: Arc<str>,
    /// Requests that the core has not answered yet.
    waiting: BTreeMap<RequestToken, Asked>,
    /// Answers of the core that nobody was told yet. Empty between steps.
    answers: VecDeque<(Asked, Answer)>,
    /// Whether somebody is being told: what that leads to asks the core again, and again.
    is_telling: bool,
    next_token: u64,
    /// Appends in the log that are not known to be committed, in order, by partition.
    in_log: BTreeMap<i32, VecDeque<(WriteToken, i64)>>,
    /// Partitions that are being read: the offset to go on at.
    reading: Readings,
    /// Markers in logs that are not known to be committed.
    marking: BTreeMap<MarkToken, marks::Marking>,
    /// Version of the metadata that leadership was last compared with.
    seen_version: Option<u64>,
    /// Whether leadership must be looked at even if the metadata stay the same.
    is_unsettled: bool,
    /// Whether something was left to do for the next turn.
    has_more: bool,
    /// `transaction.partition.verification.enable`.
    verifies: bool,
}

/// Who waits for an answer of the core.
#[derive(Debug)]
pub(crate) enum Asked {
    InitProducerId(init_producer_id::Transactional),
    AddPartitions(add_partitions_to_txn::Waiting),
    AddOffsets(add_offsets_to_txn::Waiting),
    EndTxn(end_txn::Waiting),
    /// A produce request whose partitions join the transaction by it.
    Produce(produce::Joining),
    /// A TxnOffsetCommit that does the same.
    TxnOffsetCommit(txn_offset_commit::Joining),
}

impl Transactions {
    /// No transactional ids; they are loaded when this broker leads their partition.
    pub(crate) fn new(now: Now, settings: &Settings) -> Self {
        Transactions {
            core: coordinator::transactions::Transactions::new(settings::of_core(settings), now),
            topic: Arc::from(TRANSACTIONS_TOPIC),
            waiting: BTreeMap::new(),
            answers: VecDeque::new(),
            is_telling: false,
            next_token: 0,
            in_log: BTreeMap::new(),
            reading: Readings::default(),
            marking: BTreeMap::new(),
            seen_version: None,
            is_unsettled: true,
            has_more: false,
            verifies: settings::verifies(settings),
        }
    }

    /// The rules and what they know: for questions that change nothing.
    pub(crate) fn core(&self) -> &coordinator::transactions::Transactions {
        &self.core
    }

    /// Whether the first batch of a transaction in a partition is verified.
    pub(crate) fn verifies(&self) -> bool {
        self.verifies
    }

    /// Says that this broker may have come to lead partitions, or ceased to.
    pub(crate) fn leadership_changed(&mut self) {
        self.is_unsettled = true;
    }

    /// When it next wants [`woken`].
    pub(crate) fn deadline(&self) -> Option<Moment> {
        if self.has_more {
            return Some(Moment::default());
        }
        self.core.deadline().into_iter().chain(self.reading.deadline()).min()
    }

    fn partition(&self, partition: i32) -> TopicPartition {
        TopicPartition::new(self.topic.clone(), partition)
    }
}

/// Asks the core for something; [`Asked`] is told when it is answered.
pub(crate) fn ask<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    asked: Asked,
    input: impl FnOnce(RequestToken) -> Input,
    effects: &mut Vec<Effect>,
) {
    broker.transactions.next_token += 1;
    let token = RequestToken(broker.transactions.next_token);
    broker.transactions.waiting.insert(token, asked);
    step(broker, now, input(token), effects);
}

/// Whether a transactional batch may be appended: nothing to ask unless it would be the producer's first
/// in a partition; then an error if the coordinator knows of no transaction that holds the partition, or
/// `refusal` if the coordinator was asked before.
///
/// A coordinator on another broker was asked before ([`join`]).
pub(crate) fn verify<D: Disk>(
    broker: &mut Broker<D>,
    id: Option<&str>,
    partition: &TopicPartition,
    records: &[u8],
    refusal: Option<ErrorCode>,
) -> Result<(), ErrorCode> {
    let Ok(header) = BatchHeader::decode(records) else { return Ok(()) };
    if !header.attributes.is_transactional() {
        return Ok(());
    }
    let Ok(replica) = broker.leader_to_read(partition, -1) else { return Ok(()) };
    if !replica.needs_verification(&header) {
        return Ok(());
    }
    if let Some(error) = refusal {
        return Err(error);
    }
    if !broker.transactions.verifies {
        return Ok(());
    }
    let Some(id) = id else { return Err(ErrorCode::INVALID_TXN_STATE) };
    let producer = Producer { id: header.producer_id, epoch: header.producer_epoch };
    verify_member(broker, id, producer, partition)
}

/// Whether a partition is part of the producer's transaction, for its leader.
pub(crate) fn verify_member<D: Disk>(
    broker: &Broker<D>,
    id: &str,
    producer: Producer,
    partition: &TopicPartition,
) -> Result<(), ErrorCode> {
    let core = broker.transactions.core();
    match core.verify(id, producer, &partition.topic, partition.partition) {
        Err(ErrorCode::NOT_COORDINATOR) if coordinator_elsewhere(broker, id).is_some() => Ok(()),
        // Who writes is told that it was replaced as producers always were.
        Err(ErrorCode::PRODUCER_FENCED) => Err(ErrorCode::INVALID_PRODUCER_EPOCH),
        result => result,
    }
}

/// Does what is due by time.
pub(crate) fn woken<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    if broker.transactions.core.deadline().is_some_and(|at| at <= now.moment) {
        step(broker, now, Input::Woken, effects);
    }
}

/// Ends the shell's turn: tells the core what was committed in it, and follows leadership.
pub(crate) fn turn_ended<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    broker.transactions.has_more = false;
    leadership::follow(broker, now, effects);
    leadership::read_on(broker, now, effects);
    // What a commit leads to (markers, then the record of the end) is often committed at once too.
    while let Some(input) = next_fate(broker).or_else(|| marks::next_done(broker)) {
        step(broker, now, input, effects);
    }
}

/// What became of the oldest append of some partition, if that is known by now.
fn next_fate<D: Disk>(broker: &mut Broker<D>) -> Option<Input> {
    let partitions: Vec<i32> = broker.transactions.in_log.keys().copied().collect();
    for partition in partitions {
        let Some(&(write, end)) = broker.transactions.in_log.get(&partition).and_then(VecDeque::front) else {
            broker.transactions.in_log.remove(&partition);
            continue;
        };
        let name = broker.transactions.partition(partition);
        let input = match broker.replicas.reached(&name, end, Durability::InSync) {
            Ok(false) => continue,
            Ok(true) => Input::Appended { write },
            Err(error) => Input::AppendFailed { write, error },
        };
        if let Some(appends) = broker.transactions.in_log.get_mut(&partition) {
            appends.pop_front();
        }
        return Some(input);
    }
    None
}

/// Lets the core take something in, and does what it wants done.
fn step<D: Disk>(broker: &mut Broker<D>, now: Now, input: Input, effects: &mut Vec<Effect>) {
    let mut wanted = Vec::new();
    broker.transactions.core.step(now, input, &mut wanted);
    let mut wanted = VecDeque::from(wanted);
    while let Some(effect) = wanted.pop_front() {
        match effect {
            Wanted::Append { partition, leader_epoch, record, write } => {
                match append(broker, now, partition, leader_epoch, &record) {
                    Ok(end) => {
                        broker.transactions.in_log.entry(partition).or_default().push_back((write, end));
                        broker.transactions.has_more = true;
                    }
                    Err(error) => {
                        let mut more = Vec::new();
                        broker.transactions.core.step(now, Input::AppendFailed { write, error }, &mut more);
                        wanted.extend(more);
                    }
                }
            }
            Wanted::Mark { mark, producer, coordinator_epoch, committed, partitions } => {
                let marker = Marker {
                    producer_id: producer.id,
                    producer_epoch: producer.epoch,
                    coordinator_epoch,
                    committed,
                };
                marks::begin(broker, now, mark, marker, partitions, effects);
            }
            Wanted::Answer { token, answer } => {
                if let Some(asked) = broker.transactions.waiting.remove(&token) {
                    broker.transactions.answers.push_back((asked, answer));
                }
            }
            Wanted::Note(note) => effects.push(Effect::Event(Event::Note(note))),
        }
    }
    tell_all(broker, now, effects);
}

/// Tells everybody who was answered. Whoever is told may ask the core for the next thing, so this is a loop
/// and not a recursion: one AddPartitionsToTxn names any number of transactional ids, one after the other.
fn tell_all<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    if std::mem::replace(&mut broker.transactions.is_telling, true) {
        return;
    }
    while let Some((asked, answer)) = broker.transactions.answers.pop_front() {
        tell(broker, now, asked, answer, effects);
    }
    broker.transactions.is_telling = false;
}

/// Tells who asked.
fn tell<D: Disk>(broker: &mut Broker<D>, now: Now, asked: Asked, answer: Answer, effects: &mut Vec<Effect>) {
    match (asked, answer) {
        (Asked::InitProducerId(waiting), Answer::Init(result)) => {
            init_producer_id::answered(broker, waiting, result, effects);
        }
        (Asked::InitProducerId(waiting), Answer::NeedsFreshId) => {
            init_producer_id::wants_id(broker, now, waiting, effects);
        }
        (Asked::AddPartitions(waiting), Answer::Add(error)) => {
            add_partitions_to_txn::answered(broker, now, waiting, error, effects);
        }
        (Asked::AddOffsets(waiting), Answer::Add(error)) => {
            add_offsets_to_txn::answered(broker, waiting, error, effects);
        }
        (Asked::Produce(joining), Answer::Add(error)) => {
            produce::joined(broker, now, joining, error, effects);
        }
        (Asked::TxnOffsetCommit(joining), Answer::Add(error)) => {
            txn_offset_commit::joined(broker, now, joining, error, effects);
        }
        (Asked::EndTxn(waiting), Answer::End(result)) => {
            end_txn::answered(broker, waiting, result, effects);
        }
        (Asked::EndTxn(waiting), Answer::NeedsFreshId) => {
            end_txn::wants_id(broker, now, waiting, effects);
        }
        (asked, answer) => unreachable!("{asked:?} is not answered by {answer:?}"),
    }
}

/// Appends a record to the partition's leader. Returns the offset after it.
fn append<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    partition: i32,
    leader_epoch: i32,
    record: &Record,
) -> Result<i64, ErrorCode> {
    let mut batch = BatchBuilder::new(0);
    batch.append(now.wall.as_ms(), Some(&record.key), record.value.as_deref(), &[]);
    let name = broker.transactions.partition(partition);
    let replica = broker.replicas.leader(&name).ok_or(ErrorCode::NOT_LEADER_OR_FOLLOWER)?;
    if replica.leader_epoch() != leader_epoch {
        broker.transactions.is_unsettled = true;
        return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    }
    let appended = replica.append_as_coordinator(now, batch.build()).map_err(|error| error.code)?;
    broker.purgatory.touch(&WatchKey::Partition(name));
    Ok(appended.end)
}
