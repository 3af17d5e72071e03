//! Reading partitions as a pure core: where each one stands, what to ask of whom, and what an answer holds.
//!
//! A broker hands out whole batches, so that the first may begin before the position; what lies before it is
//! dropped here, as are control batches and, if only committed records are wanted, those of aborted
//! transactions.

use crate::limits::{FETCH_BYTES_MAX, FETCH_PARTITION_BYTES_MAX, FETCH_WAIT};
use crate::{TopicPartition, View};
use kafka_wire::ErrorCode;
use kafka_wire::batch::{Batch, BatchError, ControlKind, ControlRecord, MAGIC, MAGIC_AT, Record, legacy};
use kafka_wire::limits::BATCH_UNPACKED_BYTES_MAX;
use kafka_wire::message::fetch::{
    AbortedTransaction, FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData,
};
use std::collections::{BTreeMap, BTreeSet};

/// Which records are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// All that every replica has.
    #[default]
    ReadUncommitted,
    /// Those of no transaction, or of a committed one.
    ReadCommitted,
}

/// A record and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The partition.
    pub partition: TopicPartition,
    /// The record.
    pub record: Record,
}

/// What an answer calls for, besides its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The leader is another one: refresh metadata, then ask again.
    Moved(TopicPartition),
    /// The position is not in the log.
    OutOfRange(TopicPartition),
    /// Something that will not pass.
    Failed(TopicPartition, ErrorCode),
    /// A batch that cannot be read.
    Damaged(TopicPartition, BatchError),
}

/// Positions and what to do with them. See the module.
#[derive(Debug, Default)]
pub struct Fetcher {
    isolation: Isolation,
    positions: BTreeMap<TopicPartition, Position>,
}

#[derive(Clone, Copy, Debug)]
struct Position {
    offset: i64,
    /// End of the partition as of the last answer; -1 before.
    high_watermark: i64,
}

impl Fetcher {
    /// Reads nothing yet.
    pub fn new(isolation: Isolation) -> Fetcher {
        Fetcher { isolation, positions: BTreeMap::new() }
    }

    /// Reads `partition` from `offset` on.
    pub fn seek(&mut self, partition: TopicPartition, offset: i64) {
        self.positions.insert(partition, Position { offset, high_watermark: -1 });
    }

    /// Reads only the partitions that `keep` names.
    pub fn retain(&mut self, keep: impl Fn(&TopicPartition) -> bool) {
        self.positions.retain(|partition, _| keep(partition));
    }

    /// The next offset to read of every partition.
    pub fn positions(&self) -> impl Iterator<Item = (&TopicPartition, i64)> {
        self.positions.iter().map(|(partition, position)| (partition, position.offset))
    }

    /// Whether every partition was read up to its end as of the last answer.
    pub fn is_at_end(&self) -> bool {
        self.positions.values().all(|at| at.high_watermark >= 0 && at.offset >= at.high_watermark)
    }

    /// One request for each leader.
    pub fn requests(&self, view: &View) -> BTreeMap<i32, FetchRequest> {
        let mut requests: BTreeMap<i32, FetchRequest> = BTreeMap::new();
        for (place, position) in &self.positions {
            let Some(leader) = view.leader(place) else { continue };
            let request = requests.entry(leader).or_insert_with(|| FetchRequest {
                max_wait_ms: FETCH_WAIT.as_ms() as i32,
                min_bytes: 1,
                max_bytes: FETCH_BYTES_MAX,
                isolation_level: self.isolation as i8,
                ..FetchRequest::default()
            });
            let partition = FetchPartition {
                partition: place.partition,
                fetch_offset: position.offset,
                partition_max_bytes: FETCH_PARTITION_BYTES_MAX,
                ..FetchPartition::default()
            };
            match request.topics.last_mut() {
                Some(topic) if topic.topic == place.topic => topic.partitions.push(partition),
                _ => request.topics.push(FetchTopic {
                    topic: place.topic.clone(),
                    partitions: vec![partition],
                    ..FetchTopic::default()
                }),
            }
        }
        requests
    }

    /// Takes an answer: appends its records in order of offset, moves the positions behind them, and says
    /// what else is to be done. An answer for a partition that is no longer read is dropped.
    pub fn answered(&mut self, response: FetchResponse, records: &mut Vec<Fetched>) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        for topic in response.responses {
            for data in topic.partitions {
                let place = TopicPartition::new(&topic.topic, data.partition_index);
                if !self.positions.contains_key(&place) {
                    continue;
                }
                if !data.error_code.is_none() {
                    troubles.push(trouble(place, data.error_code));
                } else if let Err(error) = self.take(&place, data, records) {
                    troubles.push(Trouble::Damaged(place, error));
                }
            }
        }
        troubles
    }

    fn take(
        &mut self,
        place: &TopicPartition,
        data: PartitionData,
        records: &mut Vec<Fetched>,
    ) -> Result<(), BatchError> {
        let Some(position) = self.positions.get_mut(place) else { return Ok(()) };
        position.high_watermark = match self.isolation {
            Isolation::ReadCommitted if data.last_stable_offset >= 0 => data.last_stable_offset,
            _ => data.high_watermark,
        };
        let mut bytes = data.records.map(|records| records.to_bytes()).unwrap_or_default();
        let mut aborted = Aborted::new(data.aborted_transactions.unwrap_or_default());
        let mut show = |record: Record, position: &mut Position| {
            if record.offset >= position.offset {
                position.offset = record.offset + 1;
                records.push(Fetched { partition: place.clone(), record });
            }
        };
        while let Some(magic) = bytes.get(MAGIC_AT) {
            if *magic as i8 != MAGIC {
                for record in legacy::records(std::mem::take(&mut bytes), BATCH_UNPACKED_BYTES_MAX)? {
                    show(record, position);
                }
                break;
            }
            let batch = match Batch::take_first(&mut bytes) {
                Ok(Some(batch)) => batch,
                // The last batch may be cut.
                Ok(None) | Err(BatchError::Truncated) => break,
                Err(error) => return Err(error),
            };
            batch.verify_crc()?;
            let hidden = self.isolation == Isolation::ReadCommitted && aborted.hides(&batch)?;
            if !hidden && !batch.header().attributes.is_control() {
                for record in batch.records(BATCH_UNPACKED_BYTES_MAX)? {
                    show(record?, position);
                }
            }
            // Offsets may be compacted away at the end of a batch.
            position.offset = position.offset.max(batch.header().next_offset());
        }
        Ok(())
    }
}

fn trouble(place: TopicPartition, code: ErrorCode) -> Trouble {
    match code {
        ErrorCode::OFFSET_OUT_OF_RANGE => Trouble::OutOfRange(place),
        code if code.is_retriable() && code != ErrorCode::CORRUPT_MESSAGE => Trouble::Moved(place),
        code => Trouble::Failed(place, code),
    }
}

/// The aborted transactions of one answer, and which of them are open at the batch in hand.
struct Aborted {
    /// Not begun yet, the first one last.
    upcoming: Vec<AbortedTransaction>,
    open: BTreeSet<i64>,
}

impl Aborted {
    fn new(mut upcoming: Vec<AbortedTransaction>) -> Aborted {
        upcoming.sort_by_key(|transaction| std::cmp::Reverse(transaction.first_offset));
        Aborted { upcoming, open: BTreeSet::new() }
    }

    /// Whether the batch's records belong to an aborted transaction.
    fn hides(&mut self, batch: &Batch) -> Result<bool, BatchError> {
        let header = batch.header();
        while let Some(next) = self.upcoming.pop_if(|next| next.first_offset <= header.last_offset()) {
            self.open.insert(next.producer_id);
        }
        if header.attributes.is_control() {
            if let Some(marker) = batch.records(BATCH_UNPACKED_BYTES_MAX)?.next() {
                let marker = ControlRecord::decode(&marker?).map_err(BatchError::Record)?;
                if marker.kind == ControlKind::Abort {
                    self.open.remove(&header.producer_id);
                }
            }
            return Ok(true);
        }
        Ok(header.attributes.is_transactional() && self.open.contains(&header.producer_id))
    }
}

#[cfg(test)]
mod tests;
