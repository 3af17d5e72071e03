//! The consumer groups coordinated here: the coordinator core, its log, and the calls that wait for it.
//!
//! The core ([`coordinator::Groups`]) knows the rules; this file knows where its records go. A group is
//! held by the partition `abs(java_string_hash(group)) % partitions` of `__consumer_offsets`, and
//! coordinated by whoever leads that partition. Coming to lead one means to read it from its start.

mod loading;
pub(crate) mod settings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use clock::{Moment, Now};
use coordinator::{Answer, Input, Producer, Record, RequestToken, Topic, Topics, WriteToken};
use disk::Disk;
use kafka_wire::batch::{BatchBuilder, ProducerStamp};
use kafka_wire::{ErrorCode, Uuid};

use crate::api::{
    consumer_group_heartbeat, delete_groups, join_group, offset_commit, offset_delete, sync_group,
    txn_offset_commit,
};
use crate::internal_log::Readings;
use crate::purgatory::WatchKey;
use crate::replica::Durability;
use crate::{Broker, Effect, Event, Settings, TopicPartition};

/// The topic that holds the groups.
pub(crate) const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// The groups, by the partition of `__consumer_offsets` that holds them.
pub(crate) struct Groups {
    core: coordinator::Groups,
    topic: Arc<str>,
    /// Requests that the core has not answered yet.
    waiting: BTreeMap<RequestToken, Asked>,
    next_token: u64,
    /// The answer to the request that is being asked by [`ask_now`].
    at_once: Option<(RequestToken, Option<Answer>)>,
    /// Appends in the log that are not known to be committed, in order, by partition.
    in_log: BTreeMap<i32, VecDeque<InLog>>,
    /// Partitions that are being read.
    reading: Readings,
    /// Version of the metadata that leadership was last compared with.
    seen_version: Option<u64>,
    /// Version of the metadata whose topics the core was last told.
    shown_version: Option<u64>,
    /// Whether leadership must be looked at even if the metadata stay the same.
    is_unsettled: bool,
    /// Whether something was left to do for the next turn.
    has_more: bool,
}

/// A batch in the log whose fate the core waits for.
#[derive(Clone, Copy)]
struct InLog {
    what: InLogWhat,
    first: i64,
    end: i64,
}

#[derive(Clone, Copy)]
enum InLogWhat {
    /// An append of the core.
    Write(WriteToken),
    /// The end of a producer's transaction.
    Marker { producer_id: i64, committed: bool },
}

/// Who waits for an answer of the core.
#[derive(Debug)]
pub(crate) enum Asked {
    ConsumerGroupHeartbeat(consumer_group_heartbeat::Waiting),
    JoinGroup(join_group::Waiting),
    SyncGroup(sync_group::Waiting),
    OffsetCommit(offset_commit::Waiting),
    TxnOffsetCommit(txn_offset_commit::Waiting),
    DeleteGroups(delete_groups::Waiting),
    OffsetDelete(offset_delete::Waiting),
}

impl Groups {
    /// No groups; they are loaded when this broker leads their partition.
    pub(crate) fn new(now: Now, settings: &Settings, seed: u64) -> Self {
        Groups {
            core: coordinator::Groups::new(settings::of_core(settings), now, seed),
            topic: Arc::from(OFFSETS_TOPIC),
            waiting: BTreeMap::new(),
            next_token: 0,
            at_once: None,
            in_log: BTreeMap::new(),
            reading: Readings::default(),
            seen_version: None,
            shown_version: None,
            is_unsettled: true,
            has_more: false,
        }
    }

    /// The partition of `__consumer_offsets` that holds a group.
    pub(crate) fn partition_of(&self, group: &str) -> i32 {
        self.core.partition_of(group)
    }

    /// Whether the groups of a partition can be served here.
    pub(crate) fn serves(&self, partition: i32) -> bool {
        self.core.serves(partition)
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

    /// Takes note of a transaction marker at `offset` of a partition of `__consumer_offsets`: once it is
    /// committed, so are the offsets of the transaction, or they are gone.
    pub(crate) fn marker_appended(&mut self, partition: i32, offset: i64, producer_id: i64, committed: bool) {
        let what = InLogWhat::Marker { producer_id, committed };
        let appends = self.in_log.entry(partition).or_default();
        appends.push_back(InLog { what, first: offset, end: offset + 1 });
        self.has_more = true;
    }

    fn token(&mut self) -> RequestToken {
        self.next_token += 1;
        RequestToken(self.next_token)
    }

    fn partition(&self, partition: i32) -> TopicPartition {
        TopicPartition::new(self.topic.clone(), partition)
    }
}

/// Asks the core for something that may take its time; [`Asked`] is told when it is answered.
pub(crate) fn ask<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    asked: Asked,
    input: impl FnOnce(RequestToken) -> Input,
    effects: &mut Vec<Effect>,
) {
    let token = broker.groups.token();
    broker.groups.waiting.insert(token, asked);
    step(broker, now, input(token), effects);
}

/// Asks the core for something that it answers at once.
pub(crate) fn ask_now<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    input: impl FnOnce(RequestToken) -> Input,
    effects: &mut Vec<Effect>,
) -> Answer {
    let token = broker.groups.token();
    broker.groups.at_once = Some((token, None));
    step(broker, now, input(token), effects);
    let answered = broker.groups.at_once.take().and_then(|(_, answer)| answer);
    answered.expect("the core answers such requests in the same step")
}

/// Tells the core of the cluster's topics, if they may have changed since it was last told.
pub(crate) fn show_topics<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    let metadata = broker.membership.metadata().clone();
    if broker.groups.shown_version == Some(metadata.version) {
        return;
    }
    broker.groups.shown_version = Some(metadata.version);
    let topics = metadata.topics().map(|topic| {
        let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        (topic.name.clone(), Topic { id: Uuid(topic.id.0), partitions })
    });
    let topics = Topics::new(metadata.version, topics);
    step(broker, now, Input::Topics(Arc::new(topics)), effects);
}

/// Tells that topics were deleted: their offsets mean nothing any more.
pub(crate) fn topics_deleted<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    topics: Vec<String>,
    effects: &mut Vec<Effect>,
) {
    step(broker, now, Input::TopicsDeleted { topics }, effects);
}

/// Does what is due by time.
pub(crate) fn woken<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    if broker.groups.core.deadline().is_some_and(|at| at <= now.moment) {
        step(broker, now, Input::Woken, effects);
    }
}

/// Ends the shell's turn: answers the calls whose records were committed in it, and follows leadership.
pub(crate) fn turn_ended<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    broker.groups.has_more = false;
    follow_leadership(broker, now, effects);
    loading::go_on(broker, now, effects);
    let partitions: Vec<i32> = broker.groups.in_log.keys().copied().collect();
    for partition in partitions {
        while let Some(input) = next_fate(broker, partition) {
            if let Some(input) = input {
                step(broker, now, input, effects);
            }
        }
    }
    broker.groups.in_log.retain(|_, appends| !appends.is_empty());
}

/// What became of the oldest batch of a partition, if that is known by now; nothing to tell of a marker
/// that is lost with the leadership, since whoever leads next reads the log.
fn next_fate<D: Disk>(broker: &mut Broker<D>, partition: i32) -> Option<Option<Input>> {
    let InLog { what, first, end } = *broker.groups.in_log.get(&partition)?.front()?;
    let name = broker.groups.partition(partition);
    let input = match (broker.replicas.reached(&name, end, Durability::InSync), what) {
        (Ok(false), _) => return None,
        (Ok(true), InLogWhat::Write(write)) => Some(Input::Appended { write, base_offset: first }),
        (Err(error), InLogWhat::Write(write)) => Some(Input::AppendFailed { write, error }),
        (Err(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND), InLogWhat::Marker { .. }) => return None,
        (Err(_), InLogWhat::Marker { .. }) => None,
        (Ok(true), InLogWhat::Marker { producer_id, committed }) => {
            Some(Input::TransactionEnded { partition, producer_id, committed })
        }
    };
    broker.groups.in_log.get_mut(&partition)?.pop_front();
    Some(input)
}

/// Loads the partitions that this broker came to lead and drops those that it lost.
fn follow_leadership<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    let metadata = broker.membership.metadata().clone();
    if !broker.groups.is_unsettled && broker.groups.seen_version == Some(metadata.version) {
        return;
    }
    broker.groups.seen_version = Some(metadata.version);
    broker.groups.is_unsettled = false;
    let led: BTreeMap<i32, i32> = broker.groups.core.led().collect();
    for &partition in led.keys() {
        let name = broker.groups.partition(partition);
        if broker.replicas.leader(&name).is_none() {
            broker.groups.in_log.remove(&partition);
            broker.groups.reading.end(partition);
            step(broker, now, Input::Unload { partition, leader_epoch: None }, effects);
        }
    }
    let Some(topic) = metadata.topic(OFFSETS_TOPIC).filter(|topic| !topic.partitions.is_empty()) else {
        return;
    };
    if broker.groups.core.led().next().is_none() {
        broker.groups.core.set_partitions(i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX));
    }
    for known in &topic.partitions {
        let partition = known.partition;
        let name = broker.groups.partition(partition);
        let Some(replica) = broker.replicas.leader(&name) else {
            // The cluster says it is ours, but the replica has not heard of it yet.
            broker.groups.is_unsettled |= known.leader.0 == broker.settings.broker_id;
            continue;
        };
        let leader_epoch = replica.leader_epoch();
        let start = replica.log_start_offset();
        match led.get(&partition) {
            Some(&epoch) if epoch == leader_epoch => {}
            Some(_) if !broker.groups.reading.contains(partition) => {
                step(broker, now, Input::Load { partition, leader_epoch }, effects);
            }
            _ => {
                broker.groups.reading.begin(partition, start);
                step(broker, now, Input::Load { partition, leader_epoch }, effects);
            }
        }
    }
}

/// Lets the core take something in, and does what it wants done.
fn step<D: Disk>(broker: &mut Broker<D>, now: Now, input: Input, effects: &mut Vec<Effect>) {
    let mut wanted = Vec::new();
    broker.groups.core.step(now, input, &mut wanted);
    let mut wanted = VecDeque::from(wanted);
    while let Some(effect) = wanted.pop_front() {
        match effect {
            coordinator::Effect::Append { partition, leader_epoch, producer, records, write } => {
                match append(broker, now, partition, leader_epoch, producer, &records) {
                    Ok((first, end)) => {
                        let appends = broker.groups.in_log.entry(partition).or_default();
                        appends.push_back(InLog { what: InLogWhat::Write(write), first, end });
                        broker.groups.has_more = true;
                    }
                    Err(error) => {
                        let mut more = Vec::new();
                        broker.groups.core.step(now, Input::AppendFailed { write, error }, &mut more);
                        wanted.extend(more);
                    }
                }
            }
            coordinator::Effect::Answer { token, answer } => answered(broker, token, answer, effects),
            coordinator::Effect::Note(note) => effects.push(Effect::Event(Event::Note(note))),
        }
    }
}

fn answered<D: Disk>(broker: &mut Broker<D>, token: RequestToken, answer: Answer, effects: &mut Vec<Effect>) {
    if let Some((asked, place)) = &mut broker.groups.at_once
        && *asked == token
    {
        *place = Some(answer);
        return;
    }
    let Some(asked) = broker.groups.waiting.remove(&token) else { return };
    match (asked, answer) {
        (Asked::ConsumerGroupHeartbeat(waiting), Answer::ConsumerBeat(told)) => {
            consumer_group_heartbeat::answered(broker, waiting, told, effects);
        }
        (Asked::JoinGroup(waiting), Answer::Join(joined)) => {
            join_group::answered(broker, waiting, joined, effects);
        }
        (Asked::SyncGroup(waiting), Answer::Sync(synced)) => {
            sync_group::answered(broker, waiting, synced, effects);
        }
        (Asked::OffsetCommit(waiting), Answer::Commit(outcomes)) => {
            offset_commit::answered(broker, waiting, outcomes, effects);
        }
        (Asked::TxnOffsetCommit(waiting), Answer::Commit(outcomes)) => {
            txn_offset_commit::answered(broker, waiting, outcomes, effects);
        }
        (Asked::DeleteGroups(waiting), Answer::Delete(results)) => {
            delete_groups::answered(broker, waiting, results, effects);
        }
        (Asked::OffsetDelete(waiting), Answer::DeleteOffsets(result)) => {
            offset_delete::answered(broker, waiting, result, effects);
        }
        (asked, answer) => unreachable!("{asked:?} is not answered by {answer:?}"),
    }
}

/// Appends records as one batch of the partition's leader. Returns the offsets of its first record and
/// after its last.
fn append<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    partition: i32,
    leader_epoch: i32,
    producer: Option<Producer>,
    records: &[Record],
) -> Result<(i64, i64), ErrorCode> {
    let mut batch = BatchBuilder::new(0);
    if let Some(Producer { id, epoch }) = producer {
        batch = batch.producer(ProducerStamp { id, epoch, base_sequence: -1, transactional: true });
    }
    for record in records {
        batch.append(now.wall.as_ms(), Some(&record.key), record.value.as_deref(), &[]);
    }
    let name = broker.groups.partition(partition);
    let replica = broker.replicas.leader(&name).ok_or(ErrorCode::NOT_LEADER_OR_FOLLOWER)?;
    if replica.leader_epoch() != leader_epoch {
        broker.groups.is_unsettled = true;
        return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    }
    let appended = replica.append_as_coordinator(now, batch.build()).map_err(|error| error.code)?;
    broker.purgatory.touch(&WatchKey::Partition(name));
    Ok((appended.first, appended.end))
}
