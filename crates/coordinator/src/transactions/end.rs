//! EndTxn, the markers that follow it, and the record that says that all of them are written.

use std::sync::Arc;

use clock::Now;
use kafka_wire::ErrorCode;

use super::effect::{Answer, Effect};
use super::input::{ClientVersion, EndRequest, MarkToken};
use super::record::Value;
use super::transaction::{EPOCH_MAX, Marking, Partitions, State, Then, Transaction, is_exhausted};
use super::{Place, Transactions, answer};
use crate::input::{Producer, RequestToken};

/// What EndTxn leads to.
enum Step {
    Refuse(ErrorCode),
    NeedFreshId,
    /// It happened before: the answer was lost.
    Repeat,
    Become(Value),
}

impl Transactions {
    pub(super) fn end(
        &mut self,
        now: Now,
        token: RequestToken,
        request: &EndRequest,
        effects: &mut Vec<Effect>,
    ) {
        let place = match self.locate(&request.id) {
            Ok(partition) => Place { partition, id: Arc::from(request.id.as_str()) },
            Err(error) => return answer(effects, token, Answer::End(Err(error))),
        };
        let Some(transaction) = self.find(place.partition, &place.id) else {
            return answer(effects, token, Answer::End(Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING)));
        };
        let step = match request.version {
            ClientVersion::V1 => next_v1(transaction, request, now),
            ClientVersion::V2 => next_v2(transaction, request, now),
        };
        match step {
            Step::Refuse(error) => answer(effects, token, Answer::End(Err(error))),
            Step::NeedFreshId => answer(effects, token, Answer::NeedsFreshId),
            Step::Repeat => answer(effects, token, Answer::End(Ok(after(&transaction.value)))),
            Step::Become(value) => {
                let then = Then::End(token, after(&value));
                self.append(&place, Some(value), then, effects);
            }
        }
    }

    /// Asks for the markers of a transaction whose end is durable.
    pub(super) fn mark(&mut self, place: &Place, effects: &mut Vec<Effect>) {
        let coordinator_epoch = self.shards.get(&place.partition).map_or(-1, |shard| shard.leader_epoch);
        let token = MarkToken(self.next_mark);
        let transaction = self.find_mut(place).expect("what is there ends");
        let value = &transaction.value;
        assert!(value.state.is_prepared());
        let partitions = match &transaction.marking {
            Some(marking) => marking.left.clone(),
            None => value.partitions.clone(),
        };
        effects.push(Effect::Mark {
            mark: token,
            producer: value.producer,
            coordinator_epoch,
            committed: value.state == State::PrepareCommit,
            partitions: partitions.clone(),
        });
        transaction.marking = Some(Marking { mark: Some(token), left: partitions });
        self.next_mark += 1;
        self.marks.insert(token, place.clone());
    }

    /// Markers were written, perhaps not all.
    pub(super) fn marked(&mut self, now: Now, mark: MarkToken, left: Partitions, effects: &mut Vec<Effect>) {
        let Some(place) = self.marks.remove(&mark) else { return };
        let Some(transaction) = self.find_mut(&place) else { return };
        if left.is_empty() {
            transaction.marking = None;
            return self.complete(now, &place, effects);
        }
        transaction.marking = Some(Marking { mark: None, left });
        let at = now.moment + self.settings.retry_interval;
        self.retries.insert((at, place.partition, place.id));
    }

    /// Writes the record that says that all markers are there.
    pub(super) fn complete(&mut self, now: Now, place: &Place, effects: &mut Vec<Effect>) {
        let transaction = self.find_mut(place).expect("what is there ends");
        let value = completed(&transaction.value, now);
        self.append(place, Some(value), Then::Nothing, effects);
    }
}

fn next_v1(transaction: &Transaction, request: &EndRequest, now: Now) -> Step {
    let value = &transaction.value;
    if value.producer.id != request.producer.id {
        return Step::Refuse(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
    }
    if value.producer.epoch != request.producer.epoch {
        return Step::Refuse(ErrorCode::PRODUCER_FENCED);
    }
    if transaction.pending.is_some() {
        return Step::Refuse(ErrorCode::CONCURRENT_TRANSACTIONS);
    }
    match (value.state, request.committed) {
        (State::Ongoing, committed) => Step::Become(prepared(value, committed, now)),
        (State::CompleteCommit, true) | (State::CompleteAbort, false) => Step::Repeat,
        (State::PrepareCommit, true) | (State::PrepareAbort, false) => {
            Step::Refuse(ErrorCode::CONCURRENT_TRANSACTIONS)
        }
        _ => Step::Refuse(ErrorCode::INVALID_TXN_STATE),
    }
}

/// As version 1, but each end raises the epoch, so that a request that comes late can be told from the
/// next one; and a transaction that wrote nothing may be aborted. Source: KIP-890.
fn next_v2(transaction: &Transaction, request: &EndRequest, now: Now) -> Step {
    let value = &transaction.value;
    let Producer { id, epoch } = request.producer;
    let knows_bumps = transaction.pending.is_none() && value.bumps_epoch();
    let after_rotation =
        knows_bumps && value.previous_id == id && epoch == EPOCH_MAX && value.producer.epoch == 0;
    let after_bump = knows_bumps && epoch < i16::MAX && value.producer.epoch == epoch + 1;
    if value.producer.id != id && !after_rotation {
        return Step::Refuse(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
    }
    // The last epoch of all is the coordinator's own, for fencing: no client has it, and none follows it.
    let is_present = value.producer.epoch == epoch && epoch < i16::MAX;
    let is_valid = match value.state {
        State::PrepareCommit | State::PrepareAbort => after_bump,
        State::CompleteCommit | State::CompleteAbort => after_bump || after_rotation || is_present,
        _ => is_present,
    };
    if !is_valid {
        return Step::Refuse(ErrorCode::PRODUCER_FENCED);
    }
    if transaction.pending.is_some() {
        return Step::Refuse(ErrorCode::CONCURRENT_TRANSACTIONS);
    }
    let is_retry = after_bump || after_rotation;
    match (value.state, request.committed) {
        (State::CompleteCommit, true) | (State::CompleteAbort, false) if is_retry => return Step::Repeat,
        (State::PrepareCommit, true) | (State::PrepareAbort, false) => {
            return Step::Refuse(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        (State::Ongoing, _) => {}
        (State::Empty, false) => {}
        (State::CompleteCommit | State::CompleteAbort, false) if !is_retry => {}
        _ => return Step::Refuse(ErrorCode::INVALID_TXN_STATE),
    }
    let next_id = match (is_exhausted(epoch), request.fresh_id) {
        (false, _) => -1,
        (true, Some(fresh_id)) => fresh_id,
        (true, None) => return Step::NeedFreshId,
    };
    let mut next = prepared(value, request.committed, now);
    if value.state != State::Ongoing {
        next.partitions = Partitions::new();
        next.started_ms = now.wall.as_ms();
    }
    next.client_version = 2;
    next.previous_epoch = epoch;
    next.previous_id = id;
    next.producer.epoch = epoch + 1;
    next.next_id = next_id;
    Step::Become(next)
}

fn prepared(value: &Value, committed: bool, now: Now) -> Value {
    let state = if committed { State::PrepareCommit } else { State::PrepareAbort };
    Value { state, updated_ms: now.wall.as_ms(), ..value.clone() }
}

fn completed(value: &Value, now: Now) -> Value {
    let state = match value.state {
        State::PrepareCommit => State::CompleteCommit,
        _ => State::CompleteAbort,
    };
    Value {
        producer: after(value),
        next_id: -1,
        state,
        partitions: Partitions::new(),
        updated_ms: now.wall.as_ms(),
        ..value.clone()
    }
}

/// The producer that goes on after a transaction.
fn after(value: &Value) -> Producer {
    if value.next_id == -1 { value.producer } else { Producer { id: value.next_id, epoch: 0 } }
}
