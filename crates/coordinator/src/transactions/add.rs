//! AddPartitionsToTxn and AddOffsetsToTxn: what a transaction will write to, before it does.

use std::sync::Arc;

use clock::Now;
use kafka_wire::ErrorCode;

use super::effect::{Answer, Effect};
use super::input::{AddRequest, ClientVersion};
use super::record::Value;
use super::transaction::{Partitions, State, Then, Transaction};
use super::{Place, Transactions, answer};
use crate::input::{Producer, RequestToken};
use crate::limits::TRANSACTION_RECORD_BYTES_MAX;

impl Transactions {
    pub(super) fn add(
        &mut self,
        now: Now,
        token: RequestToken,
        request: AddRequest,
        effects: &mut Vec<Effect>,
    ) {
        let place =
            self.locate(&request.id).map(|partition| Place { partition, id: Arc::from(request.id.as_str()) });
        let next = place.and_then(|place| {
            let transaction = self.known(&place, request.producer)?;
            if transaction.pending.is_some() || transaction.value.state.is_prepared() {
                return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
            }
            let value = &transaction.value;
            let is_ongoing = value.state == State::Ongoing;
            if is_ongoing && request.partitions.iter().all(|(topic, some)| holds(value, topic, some)) {
                return Ok(None);
            }
            let mut next = Value { state: State::Ongoing, updated_ms: now.wall.as_ms(), ..value.clone() };
            if !is_ongoing {
                next.started_ms = now.wall.as_ms();
                next.partitions = Partitions::new();
                next.client_version = if request.version == ClientVersion::V2 { 2 } else { 0 };
            }
            for (topic, partitions) in request.partitions {
                next.partitions.entry(topic).or_default().extend(partitions);
            }
            if next.encode().len() > TRANSACTION_RECORD_BYTES_MAX {
                return Err(ErrorCode::UNKNOWN_SERVER_ERROR);
            }
            Ok(Some((place, next)))
        });
        match next {
            Ok(Some((place, next))) => self.append(&place, Some(next), Then::Add(token), effects),
            Ok(None) => answer(effects, token, Answer::Add(ErrorCode::NONE)),
            Err(error) => answer(effects, token, Answer::Add(error)),
        }
    }

    /// Whether a partition is part of the producer's open transaction: what a partition's leader asks
    /// before it takes the transaction's first records.
    ///
    /// # Errors
    /// `INVALID_PRODUCER_ID_MAPPING`, `PRODUCER_FENCED`, `CONCURRENT_TRANSACTIONS` while the transaction
    /// before is ending, `TRANSACTION_ABORTABLE` if the partition is not part of it; `NOT_COORDINATOR`
    /// and `COORDINATOR_LOAD_IN_PROGRESS`.
    pub fn verify(&self, id: &str, producer: Producer, topic: &str, partition: i32) -> Result<(), ErrorCode> {
        let place = Place { partition: self.locate(id)?, id: Arc::from(id) };
        let transaction = self.known(&place, producer)?;
        if transaction.value.state.is_prepared() {
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        let is_part = transaction.value.state == State::Ongoing
            && transaction.value.partitions.get(topic).is_some_and(|some| some.contains(&partition));
        if is_part { Ok(()) } else { Err(ErrorCode::TRANSACTION_ABORTABLE) }
    }

    /// The transactional id, if the producer is its present one.
    fn known(&self, place: &Place, producer: Producer) -> Result<&Transaction, ErrorCode> {
        let transaction =
            self.find(place.partition, &place.id).ok_or(ErrorCode::INVALID_PRODUCER_ID_MAPPING)?;
        if transaction.value.producer.id != producer.id {
            return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        }
        if transaction.value.producer.epoch != producer.epoch {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        Ok(transaction)
    }
}

fn holds(value: &Value, topic: &str, some: &std::collections::BTreeSet<i32>) -> bool {
    value.partitions.get(topic).is_some_and(|known| some.is_subset(known))
}
