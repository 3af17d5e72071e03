//! Transactional producers and their transactions as a log-replicated state machine.
//!
//! [`Transactions`] holds the transactional ids of those partitions of `__transaction_state` that this
//! broker leads. It is told of requests, of records that became durable, of markers that were written,
//! and of time; it answers, asks for records to be appended and for markers to be written. A change
//! counts only once its record is durable, and markers are asked for only after the decision is.
//!
//! What is not here: the markers' way to the partitions, the ids of producers (the caller brings them),
//! permissions, and the versions of requests.
//!
//! Source: KIP-98, 360, 447, 588, 664, 890 and the coordinator of Kafka 3.9.

mod add;
mod effect;
mod end;
mod init;
mod input;
mod leadership;
mod look;
mod record;
mod settings;
#[cfg(test)]
mod tests;
mod transaction;
mod upkeep;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clock::{Moment, Now};
use kafka_wire::ErrorCode;

pub use effect::{Answer, Effect};
pub use input::{AddRequest, ClientVersion, EndRequest, InitRequest, Input, MarkToken};
pub use look::{Description, Filter, Listed};
pub use record::Value;
pub use settings::Settings;
pub use transaction::{Partitions, State};

use crate::effect::{Record, WriteToken};
use crate::groups::place;
use crate::input::RequestToken;
use crate::limits::NAME_BYTES_MAX;
use transaction::{Pending, Then, Transaction};

/// The transactional ids coordinated here.
#[derive(Debug)]
pub struct Transactions {
    settings: Settings,
    shards: BTreeMap<i32, Shard>,
    /// The newest leadership epoch heard of, by partition.
    epochs: BTreeMap<i32, i32>,
    /// Appends whose fate is not known.
    writes: BTreeMap<WriteToken, Place>,
    /// Markers that are being written.
    marks: BTreeMap<MarkToken, Place>,
    /// When to try again to end transactions.
    retries: BTreeSet<(Moment, i32, Arc<str>)>,
    next_write: u64,
    next_mark: u64,
    next_abort_sweep: Moment,
    next_removal_sweep: Moment,
}

/// One partition of `__transaction_state` that this broker leads.
#[derive(Debug)]
struct Shard {
    /// Also the coordinator epoch that its markers carry.
    leader_epoch: i32,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Loading(BTreeMap<String, Value>),
    Loaded(BTreeMap<Arc<str>, Transaction>),
}

/// Where a transactional id is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Place {
    partition: i32,
    id: Arc<str>,
}

impl Transactions {
    /// Coordinates nothing yet.
    pub fn new(settings: Settings, now: Now) -> Self {
        assert!(settings.partitions > 0);
        Transactions {
            next_abort_sweep: now.moment + settings.abort_interval,
            next_removal_sweep: now.moment + settings.removal_interval,
            settings,
            shards: BTreeMap::new(),
            epochs: BTreeMap::new(),
            writes: BTreeMap::new(),
            marks: BTreeMap::new(),
            retries: BTreeSet::new(),
            next_write: 0,
            next_mark: 0,
        }
    }

    /// Takes in one thing and appends what is to be done, in order.
    pub fn step(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Init(token, request) => self.init(now, token, request, effects),
            Input::Add(token, request) => self.add(now, token, request, effects),
            Input::End(token, request) => self.end(now, token, &request, effects),
            Input::Appended { write } => self.written(now, write, Ok(()), effects),
            Input::AppendFailed { write, error } => self.written(now, write, Err(error), effects),
            Input::Marked { mark, left } => self.marked(now, mark, left, effects),
            Input::Load { partition, leader_epoch } => self.load(partition, leader_epoch, effects),
            Input::Loading { partition, records } => self.loading(partition, records, effects),
            Input::Loaded { partition } => self.loaded(partition, effects),
            Input::Unload { partition, leader_epoch } => self.unload(partition, leader_epoch, effects),
            Input::Woken => self.woken(now, effects),
        }
        self.check();
    }

    /// When the next [`Input::Woken`] is wanted.
    pub fn deadline(&self) -> Option<Moment> {
        let retry = self.retries.first().map(|&(at, _, _)| at);
        if self.shards.is_empty() {
            return retry;
        }
        retry.into_iter().chain([self.next_abort_sweep, self.next_removal_sweep]).min()
    }

    /// The partition of `__transaction_state` that holds a transactional id.
    pub fn partition_of(&self, id: &str) -> i32 {
        place(id, self.settings.partitions)
    }

    /// Takes over the number of partitions that the topic really has. Only while nothing is led.
    pub fn set_partitions(&mut self, partitions: i32) {
        assert!(partitions > 0);
        assert!(self.shards.is_empty() || partitions == self.settings.partitions);
        self.settings.partitions = partitions;
    }

    /// The partitions that are led here, with the epoch of the leadership.
    pub fn led(&self) -> impl Iterator<Item = (i32, i32)> {
        self.shards.iter().map(|(&partition, shard)| (partition, shard.leader_epoch))
    }

    /// Whether the transactional ids of a partition can be served here.
    pub fn serves(&self, partition: i32) -> bool {
        self.shards.get(&partition).is_some_and(|shard| matches!(shard.content, Content::Loaded(_)))
    }

    /// The partition of an id that can be served here.
    fn locate(&self, id: &str) -> Result<i32, ErrorCode> {
        if id.is_empty() || id.len() > NAME_BYTES_MAX {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let partition = self.partition_of(id);
        match self.shards.get(&partition).map(|shard| &shard.content) {
            None => Err(ErrorCode::NOT_COORDINATOR),
            Some(Content::Loading(_)) => Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
            Some(Content::Loaded(_)) => Ok(partition),
        }
    }

    fn find(&self, partition: i32, id: &str) -> Option<&Transaction> {
        match &self.shards.get(&partition)?.content {
            Content::Loading(_) => None,
            Content::Loaded(transactions) => transactions.get(id),
        }
    }

    fn find_mut(&mut self, place: &Place) -> Option<&mut Transaction> {
        match &mut self.shards.get_mut(&place.partition)?.content {
            Content::Loading(_) => None,
            Content::Loaded(transactions) => transactions.get_mut(&place.id),
        }
    }

    /// Asks for the record of what a transactional id becomes; `None` forgets it.
    fn append(&mut self, place: &Place, next: Option<Value>, then: Then, effects: &mut Vec<Effect>) {
        let write = WriteToken(self.next_write);
        self.next_write += 1;
        let leader_epoch = self.shards.get(&place.partition).map_or(-1, |shard| shard.leader_epoch);
        let record = Record { key: record::key(&place.id), value: next.as_ref().map(Value::encode) };
        let transaction = self.find_mut(place).expect("a change is a change of something that is there");
        assert!(transaction.pending.is_none(), "one change at a time");
        transaction.pending = Some(Pending { write, next, then });
        self.writes.insert(write, place.clone());
        effects.push(Effect::Append { partition: place.partition, leader_epoch, record, write });
    }

    /// The fate of a record is known.
    fn written(
        &mut self,
        now: Now,
        write: WriteToken,
        result: Result<(), ErrorCode>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(place) = self.writes.remove(&write) else { return };
        let Some(transaction) = self.find_mut(&place) else { return };
        let Some(Pending { next, then, .. }) = transaction.pending.take_if(|pending| pending.write == write)
        else {
            return;
        };
        if let Err(error) = result {
            return self.not_written(now, &place, then, client_error(error), effects);
        }
        let Some(next) = next else {
            if let Some(Shard { content: Content::Loaded(transactions), .. }) =
                self.shards.get_mut(&place.partition)
            {
                transactions.remove(&place.id);
            }
            return;
        };
        transaction.fence_failed = false;
        let producer = next.producer;
        let is_decided = matches!(next.state, State::PrepareCommit | State::PrepareAbort);
        transaction.value = next;
        match then {
            Then::Init(token) => answer(effects, token, Answer::Init(Ok(producer))),
            Then::Add(token) => answer(effects, token, Answer::Add(ErrorCode::NONE)),
            Then::End(token, producer) => answer(effects, token, Answer::End(Ok(producer))),
            Then::FencedForInit(token) => {
                answer(effects, token, Answer::Init(Err(ErrorCode::CONCURRENT_TRANSACTIONS)));
            }
            Then::Nothing => {}
        }
        if is_decided {
            self.mark(&place, effects);
        }
    }

    /// A record was not written: what it stood for did not happen, and whoever asked is told.
    fn not_written(
        &mut self,
        now: Now,
        place: &Place,
        then: Then,
        error: ErrorCode,
        effects: &mut Vec<Effect>,
    ) {
        let transaction = self.find_mut(place).expect("it was looked at");
        match then {
            Then::Init(token) => answer(effects, token, Answer::Init(Err(error))),
            Then::Add(token) => answer(effects, token, Answer::Add(error)),
            Then::End(token, _) => answer(effects, token, Answer::End(Err(error))),
            Then::FencedForInit(token) => {
                transaction.fence_failed = true;
                answer(effects, token, Answer::Init(Err(error)));
            }
            Then::Nothing if transaction.value.state.is_prepared() => {
                // All markers are written; only this is missing.
                let at = now.moment + self.settings.retry_interval;
                self.retries.insert((at, place.partition, place.id.clone()));
            }
            Then::Nothing => transaction.fence_failed |= transaction.value.state == State::Ongoing,
        }
    }

    fn check(&self) {
        debug_assert!(self.writes.values().all(|place| self.find(place.partition, &place.id).is_some()));
        debug_assert!(self.marks.values().all(|place| {
            self.find(place.partition, &place.id).is_some_and(|found| found.value.state.is_prepared())
        }));
    }
}

/// What a client is told when the record of its change could not be written.
fn client_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        | ErrorCode::NOT_ENOUGH_REPLICAS
        | ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND
        | ErrorCode::REQUEST_TIMED_OUT => ErrorCode::COORDINATOR_NOT_AVAILABLE,
        ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::KAFKA_STORAGE_ERROR => ErrorCode::NOT_COORDINATOR,
        ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::RECORD_LIST_TOO_LARGE => ErrorCode::UNKNOWN_SERVER_ERROR,
        other => other,
    }
}

fn answer(effects: &mut Vec<Effect>, token: RequestToken, answer: Answer) {
    effects.push(Effect::Answer { token, answer });
}
