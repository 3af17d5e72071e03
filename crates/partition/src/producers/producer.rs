//! One producer: its epoch, its last batches, its open transaction.

use super::{ProducerSummary, Stamp};
use crate::limits::PRODUCER_BATCHES;

/// Where a batch of a producer is in the log.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct BatchMark {
    /// Sequence of its last record.
    pub last_sequence: i32,
    /// Offset of its last record.
    pub last_offset: i64,
    /// Records before the last one.
    pub offset_delta: i32,
    /// Its largest timestamp.
    pub timestamp: i64,
}

impl BatchMark {
    /// Sequence of the first record.
    pub fn base_sequence(&self) -> i32 {
        sequence(i64::from(self.last_sequence) - i64::from(self.offset_delta))
    }

    /// Offset of the first record.
    pub fn base_offset(&self) -> i64 {
        self.last_offset - i64::from(self.offset_delta)
    }
}

impl Stamp {
    /// -1 for a batch without sequences, as a group coordinator writes within a transaction.
    fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 {
            return -1;
        }
        sequence(i64::from(self.base_sequence) + i64::from(self.last_offset_delta))
    }
}

/// Sequences wrap from 2^31 - 1 to 0.
fn sequence(unwrapped: i64) -> i32 {
    (unwrapped & i64::from(i32::MAX)) as i32
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Producer {
    pub(super) epoch: i16,
    /// The newest batches of this epoch, oldest first; `count` of them are valid.
    batches: [BatchMark; PRODUCER_BATCHES],
    count: u8,
    pub(super) last_timestamp: i64,
    pub(super) coordinator_epoch: i32,
    pub(super) open_transaction: Option<i64>,
}

impl Producer {
    pub(super) fn new(epoch: i16) -> Self {
        Producer {
            epoch,
            batches: Default::default(),
            count: 0,
            last_timestamp: -1,
            coordinator_epoch: -1,
            open_transaction: None,
        }
    }

    pub(super) fn from_summary(summary: &ProducerSummary) -> Self {
        let mut producer = Producer::new(summary.producer_epoch);
        producer.last_timestamp = summary.last_timestamp;
        producer.coordinator_epoch = summary.coordinator_epoch;
        producer.open_transaction = summary.open_transaction;
        if let Some(mark) = summary.last_batch {
            producer.remember(mark);
        }
        producer
    }

    fn batches(&self) -> &[BatchMark] {
        &self.batches[..usize::from(self.count)]
    }

    pub(super) fn last_batch(&self) -> Option<BatchMark> {
        self.batches().last().copied()
    }

    /// The remembered batch of the same epoch with exactly the same sequences.
    pub(super) fn duplicate_of(&self, stamp: &Stamp) -> Option<BatchMark> {
        if stamp.producer_epoch != self.epoch {
            return None;
        }
        let same = |mark: &&BatchMark| {
            mark.base_sequence() == stamp.base_sequence && mark.last_sequence == stamp.last_sequence()
        };
        self.batches().iter().find(same).copied()
    }

    /// Whether a batch follows the last one: the next sequence, or 0 in a new epoch. Behind a batch without an epoch
    /// anything follows, as in Kafka.
    pub(super) fn is_next(&self, stamp: &Stamp) -> bool {
        match self.last_batch() {
            _ if self.epoch < 0 => true,
            Some(last) if stamp.producer_epoch == self.epoch => {
                stamp.base_sequence == sequence(i64::from(last.last_sequence) + 1)
            }
            _ => stamp.base_sequence == 0,
        }
    }

    pub(super) fn record(&mut self, stamp: &Stamp, base_offset: i64) {
        self.enter_epoch(stamp.producer_epoch);
        self.remember(BatchMark {
            last_sequence: stamp.last_sequence(),
            last_offset: base_offset + i64::from(stamp.last_offset_delta),
            offset_delta: stamp.last_offset_delta,
            timestamp: stamp.timestamp,
        });
        self.last_timestamp = stamp.timestamp;
    }

    /// Takes note of a marker; returns the first offset of the transaction it ended.
    pub(super) fn record_marker(&mut self, stamp: &Stamp, coordinator_epoch: i32) -> Option<i64> {
        self.enter_epoch(stamp.producer_epoch);
        self.coordinator_epoch = coordinator_epoch;
        self.last_timestamp = stamp.timestamp;
        self.open_transaction.take()
    }

    fn enter_epoch(&mut self, epoch: i16) {
        if epoch != self.epoch {
            self.epoch = epoch;
            self.count = 0;
        }
    }

    fn remember(&mut self, mark: BatchMark) {
        if usize::from(self.count) == PRODUCER_BATCHES {
            self.batches.rotate_left(1);
            self.batches[PRODUCER_BATCHES - 1] = mark;
        } else {
            self.batches[usize::from(self.count)] = mark;
            self.count += 1;
        }
    }
}
