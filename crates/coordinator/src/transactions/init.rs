//! InitProducerId: makes a producer of a transactional id, and fences the one before it.

use std::sync::Arc;

use clock::Now;
use kafka_wire::ErrorCode;

use super::effect::{Answer, Effect};
use super::input::InitRequest;
use super::record::Value;
use super::transaction::{Partitions, State, Then, Transaction, is_exhausted};
use super::{Content, Place, Transactions, answer};
use crate::input::{Producer, RequestToken};

/// What InitProducerId leads to.
enum Step {
    Refuse(ErrorCode),
    NeedFreshId,
    /// A transaction is open: it is aborted, and the client comes again.
    FenceFirst,
    Become(Value),
}

impl Transactions {
    pub(super) fn init(
        &mut self,
        now: Now,
        token: RequestToken,
        request: InitRequest,
        effects: &mut Vec<Effect>,
    ) {
        let place = match self.admit(now, &request) {
            Ok(Some(place)) => place,
            Ok(None) => return answer(effects, token, Answer::NeedsFreshId),
            Err(error) => return answer(effects, token, Answer::Init(Err(error))),
        };
        let transaction = self.find(place.partition, &place.id).expect("it was let in");
        match next(transaction, &request, now) {
            Step::Refuse(error) => answer(effects, token, Answer::Init(Err(error))),
            Step::NeedFreshId => answer(effects, token, Answer::NeedsFreshId),
            Step::FenceFirst => self.fence(now, &place, Then::FencedForInit(token), effects),
            Step::Become(value) => self.append(&place, Some(value), Then::Init(token), effects),
        }
    }

    /// Finds the id or makes it; `None` if that takes a fresh producer id.
    fn admit(&mut self, now: Now, request: &InitRequest) -> Result<Option<Place>, ErrorCode> {
        let partition = self.locate(&request.id)?;
        if !(1..=self.settings.timeout_ms_max).contains(&request.timeout_ms) {
            return Err(ErrorCode::INVALID_TRANSACTION_TIMEOUT);
        }
        let place = Place { partition, id: Arc::from(request.id.as_str()) };
        if self.find(partition, &request.id).is_some() {
            return Ok(Some(place));
        }
        let Some(fresh_id) = request.fresh_id else { return Ok(None) };
        if self.count() >= self.settings.ids_max {
            return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
        }
        let value = Value {
            producer: Producer { id: fresh_id, epoch: NO_EPOCH },
            previous_id: -1,
            previous_epoch: NO_EPOCH,
            next_id: -1,
            timeout_ms: request.timeout_ms,
            state: State::Empty,
            partitions: Partitions::new(),
            started_ms: -1,
            updated_ms: now.wall.as_ms(),
            client_version: 0,
        };
        if let Some(super::Shard { content: Content::Loaded(transactions), .. }) =
            self.shards.get_mut(&partition)
        {
            transactions.insert(place.id.clone(), Transaction::new(value));
        }
        Ok(Some(place))
    }

    fn count(&self) -> usize {
        let of_shard = |shard: &super::Shard| match &shard.content {
            Content::Loading(_) => 0,
            Content::Loaded(transactions) => transactions.len(),
        };
        self.shards.values().map(of_shard).sum()
    }

    /// Aborts the open transaction under a raised epoch, so that its producer can do nothing more.
    pub(super) fn fence(&mut self, now: Now, place: &Place, then: Then, effects: &mut Vec<Effect>) {
        let transaction = self.find_mut(place).expect("only what is there is fenced");
        assert!(transaction.value.state == State::Ongoing && transaction.pending.is_none());
        if !transaction.fence_failed {
            // From now on, not only once it is durable: what the producer might do meanwhile is lost.
            transaction.value.producer.epoch = transaction.value.producer.epoch.saturating_add(1);
            transaction.value.previous_epoch = NO_EPOCH;
        }
        let value =
            Value { state: State::PrepareAbort, updated_ms: now.wall.as_ms(), ..transaction.value.clone() };
        self.append(place, Some(value), then, effects);
    }
}

fn next(transaction: &Transaction, request: &InitRequest, now: Now) -> Step {
    let value = &transaction.value;
    if transaction.pending.is_some() {
        return Step::Refuse(ErrorCode::CONCURRENT_TRANSACTIONS);
    }
    if !request.expected.is_none_or(|expected| may_be(value, expected)) {
        return Step::Refuse(ErrorCode::PRODUCER_FENCED);
    }
    match value.state {
        State::PrepareCommit | State::PrepareAbort => Step::Refuse(ErrorCode::CONCURRENT_TRANSACTIONS),
        State::Ongoing => Step::FenceFirst,
        State::Empty | State::CompleteCommit | State::CompleteAbort => become_next(value, request, now),
        State::Dead | State::PrepareEpochFence => unreachable!("such a state is never stored"),
    }
}

/// Whether the id that the client believes to have is, or was just before, the one of this producer.
fn may_be(value: &Value, expected: Producer) -> bool {
    value.producer.epoch == NO_EPOCH
        || expected.id == value.producer.id
        || (expected.id == value.previous_id && is_exhausted(expected.epoch))
}

fn become_next(value: &Value, request: &InitRequest, now: Now) -> Step {
    let begin = |producer: Producer, previous_id: i64, previous_epoch: i16| {
        Step::Become(Value {
            producer,
            previous_id,
            previous_epoch,
            next_id: -1,
            timeout_ms: request.timeout_ms,
            state: State::Empty,
            partitions: Partitions::new(),
            started_ms: -1,
            updated_ms: now.wall.as_ms(),
            client_version: 0,
        })
    };
    let Producer { id, epoch } = value.producer;
    if is_exhausted(epoch) && request.expected.is_none_or(|expected| expected.epoch == epoch) {
        let Some(fresh_id) = request.fresh_id else { return Step::NeedFreshId };
        let previous_epoch = if request.expected.is_some() { epoch } else { NO_EPOCH };
        return begin(Producer { id: fresh_id, epoch: 0 }, id, previous_epoch);
    }
    match request.expected {
        _ if epoch == NO_EPOCH => begin(Producer { id, epoch: 0 }, value.previous_id, NO_EPOCH),
        None => begin(Producer { id, epoch: epoch + 1 }, value.previous_id, NO_EPOCH),
        Some(expected) if expected.epoch == epoch => {
            begin(Producer { id, epoch: epoch + 1 }, value.previous_id, epoch)
        }
        // The answer to the first attempt was lost.
        Some(expected) if expected.epoch == value.previous_epoch => {
            begin(value.producer, value.previous_id, value.previous_epoch)
        }
        Some(_) => Step::Refuse(ErrorCode::PRODUCER_FENCED),
    }
}

/// The epoch of a producer that was never initialized, and of none.
const NO_EPOCH: i16 = -1;
