//! The idempotent and transactional producers that wrote to a partition: which batch of each is next,
//! which was seen already, which transactions are open, and so how far a reader of committed records
//! may see.
//!
//! Every replica keeps this, leader or not; it is rebuilt from the log. `check` decides and changes
//! nothing, `record` follows what was appended and refuses nothing.

mod producer;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use clock::WallTime;
use kafka_wire::ErrorCode;

use crate::limits::{PRODUCERS_EVICTED, PRODUCERS_MAX};
pub use producer::BatchMark;
use producer::Producer;

/// The producers of one partition.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Producers {
    producers: BTreeMap<i64, Producer>,
    /// Open transactions: first offset to producer id.
    open: BTreeMap<i64, i64>,
    /// Ended transactions whose marker is not below the high watermark yet, by first offset.
    unreplicated: BTreeMap<i64, CompletedTransaction>,
}

/// What an idempotent producer stamps on a batch, and when it wrote it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// The producer's id, not negative.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i16,
    /// Sequence of the batch's first record.
    pub base_sequence: i32,
    /// Records after the first.
    pub last_offset_delta: i32,
    /// Largest timestamp in the batch.
    pub timestamp: i64,
    /// Whether the batch belongs to a transaction.
    pub transactional: bool,
}

/// Who asks for an append.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A client: everything is checked.
    Client,
    /// A coordinator of this cluster, writing its own records.
    Coordinator,
}

/// What is known of a batch that is about to be appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SequenceCheck {
    /// The next one.
    Next,
    /// One that was appended before: the producer missed the answer.
    Duplicate(BatchMark),
}

/// A transaction that ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CompletedTransaction {
    /// The producer.
    pub producer_id: i64,
    /// Offset of its first record.
    pub first_offset: i64,
    /// Offset of its marker.
    pub last_offset: i64,
    /// Whether the marker undoes it.
    pub aborted: bool,
}

/// An aborted transaction with the last stable offset at its end: what the abort index stores.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AbortedSpan {
    /// The transaction.
    pub transaction: CompletedTransaction,
    /// Last stable offset once its marker is replicated.
    pub last_stable_offset: i64,
}

/// What a snapshot keeps of a producer: its newest batch only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProducerSummary {
    /// The producer's id.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i16,
    /// Its newest batch, unless that was a marker.
    pub last_batch: Option<BatchMark>,
    /// When it was last heard of.
    pub last_timestamp: i64,
    /// Epoch of the coordinator that wrote its last marker; -1 for none.
    pub coordinator_epoch: i32,
    /// First offset of its open transaction.
    pub open_transaction: Option<i64>,
}

impl Producers {
    /// Whether a batch may be appended, and whether it was already.
    ///
    /// Errors: `OUT_OF_ORDER_SEQUENCE_NUMBER` for a gap, `INVALID_PRODUCER_EPOCH` for a producer that
    /// was replaced, `INVALID_TXN_STATE` for a plain batch amid the producer's own transaction.
    pub fn check(&self, stamp: &Stamp, origin: Origin) -> Result<SequenceCheck, ErrorCode> {
        // A producer that is not known (any more) may go on with any sequence.
        let Some(producer) = self.producers.get(&stamp.producer_id) else { return Ok(SequenceCheck::Next) };
        if let Some(mark) = producer.duplicate_of(stamp) {
            return Ok(SequenceCheck::Duplicate(mark));
        }
        if stamp.producer_epoch < producer.epoch {
            return Err(ErrorCode::INVALID_PRODUCER_EPOCH);
        }
        // A transaction coordinator commits offsets under the producer's name without sequences.
        if origin == Origin::Client && !producer.is_next(stamp) {
            return Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
        }
        if producer.open_transaction.is_some() && !stamp.transactional {
            return Err(ErrorCode::INVALID_TXN_STATE);
        }
        Ok(SequenceCheck::Next)
    }

    /// Takes note of an appended batch whose first record is at `base_offset`.
    pub fn record(&mut self, stamp: &Stamp, base_offset: i64) {
        self.make_room(stamp.producer_id);
        let producer =
            self.producers.entry(stamp.producer_id).or_insert_with(|| Producer::new(stamp.producer_epoch));
        producer.record(stamp, base_offset);
        if stamp.transactional && producer.open_transaction.is_none() {
            producer.open_transaction = Some(base_offset);
            self.open.insert(base_offset, stamp.producer_id);
        }
        self.check_invariants();
    }

    /// Whether a transaction coordinator of `coordinator_epoch` may end the producer's transaction.
    ///
    /// Errors: `INVALID_PRODUCER_EPOCH` for a marker of a replaced producer,
    /// `TRANSACTION_COORDINATOR_FENCED` for one of a replaced coordinator.
    pub fn check_marker(
        &self,
        producer_id: i64,
        epoch: i16,
        coordinator_epoch: i32,
    ) -> Result<(), ErrorCode> {
        let Some(producer) = self.producers.get(&producer_id) else { return Ok(()) };
        if epoch < producer.epoch {
            return Err(ErrorCode::INVALID_PRODUCER_EPOCH);
        }
        if coordinator_epoch < producer.coordinator_epoch {
            return Err(ErrorCode::TRANSACTION_COORDINATOR_FENCED);
        }
        Ok(())
    }

    /// Takes note of an appended transaction marker at `offset`. Returns what it undid, if it undid
    /// anything: the caller adds that to the abort index.
    pub fn record_marker(
        &mut self,
        stamp: &Stamp,
        coordinator_epoch: i32,
        aborted: bool,
        offset: i64,
    ) -> Option<AbortedSpan> {
        self.make_room(stamp.producer_id);
        let producer =
            self.producers.entry(stamp.producer_id).or_insert_with(|| Producer::new(stamp.producer_epoch));
        let first_offset = producer.record_marker(stamp, coordinator_epoch)?;
        self.open.remove(&first_offset);
        let transaction = CompletedTransaction {
            producer_id: stamp.producer_id,
            first_offset,
            last_offset: offset,
            aborted,
        };
        self.unreplicated.insert(first_offset, transaction);
        self.check_invariants();
        let last_stable_offset = self.open.keys().next().copied().unwrap_or(offset + 1);
        aborted.then_some(AbortedSpan { transaction, last_stable_offset })
    }

    /// Whether a transaction of the producer has records here that wait for its marker.
    pub fn has_open_transaction(&self, producer_id: i64) -> bool {
        self.producers.get(&producer_id).is_some_and(|producer| producer.open_transaction.is_some())
    }

    /// The newest epoch of a producer that is known.
    pub fn epoch_of(&self, producer_id: i64) -> Option<i16> {
        self.producers.get(&producer_id).map(|producer| producer.epoch)
    }

    /// First offset whose fate is not known to readers of committed records; `None` if all are.
    pub fn first_unstable_offset(&self) -> Option<i64> {
        let open = self.open.keys().next();
        let unreplicated = self.unreplicated.keys().next();
        open.into_iter().chain(unreplicated).min().copied()
    }

    /// Takes note that everything below `high_watermark` is on all in-sync replicas.
    pub fn replicated(&mut self, high_watermark: i64) {
        while let Some(first) = self.unreplicated.first_entry() {
            if first.get().last_offset >= high_watermark {
                break;
            }
            first.remove();
        }
    }

    /// Forgets producers that were silent for `expiration_ms` and have no open transaction.
    pub fn expire(&mut self, now: WallTime, expiration_ms: i64) {
        self.producers.retain(|_, producer| {
            let silent_ms = now.as_ms().saturating_sub(producer.last_timestamp);
            producer.open_transaction.is_some() || silent_ms < expiration_ms
        });
    }

    /// Number of producers known.
    pub fn len(&self) -> usize {
        self.producers.len()
    }

    /// Whether no producer is known.
    pub fn is_empty(&self) -> bool {
        self.producers.is_empty()
    }

    /// All producers by id, as snapshots and DescribeProducers show them.
    pub fn summaries(&self) -> impl Iterator<Item = ProducerSummary> + '_ {
        self.producers.iter().map(|(&producer_id, producer)| ProducerSummary {
            producer_id,
            producer_epoch: producer.epoch,
            last_batch: producer.last_batch(),
            last_timestamp: producer.last_timestamp,
            coordinator_epoch: producer.coordinator_epoch,
            open_transaction: producer.open_transaction,
        })
    }

    /// The producers of a snapshot.
    pub fn from_summaries(summaries: impl IntoIterator<Item = ProducerSummary>) -> Self {
        let mut producers = Producers::default();
        for summary in summaries.into_iter().take(PRODUCERS_MAX) {
            if let Some(first_offset) = summary.open_transaction {
                producers.open.insert(first_offset, summary.producer_id);
            }
            producers.producers.insert(summary.producer_id, Producer::from_summary(&summary));
        }
        producers
    }

    /// Makes room for one more producer: those that were silent longest go.
    fn make_room(&mut self, producer_id: i64) {
        if self.producers.len() < PRODUCERS_MAX || self.producers.contains_key(&producer_id) {
            return;
        }
        let idle = self.producers.iter().filter(|(_, producer)| producer.open_transaction.is_none());
        let mut oldest: Vec<(i64, i64)> = idle.map(|(&id, producer)| (producer.last_timestamp, id)).collect();
        let count = PRODUCERS_EVICTED.min(oldest.len());
        if count < oldest.len() {
            oldest.select_nth_unstable(count);
        }
        for (_, id) in &oldest[..count] {
            self.producers.remove(id);
        }
    }

    fn check_invariants(&self) {
        debug_assert!(self.open.values().all(|id| self.producers[id].open_transaction.is_some()));
    }
}
