//! The reading of an internal topic's partitions into a coordinator: a part in each turn of the shell, so
//! that other clients are served meanwhile. Groups and transactions read in the same way.
//!
//! A partition that cannot be read is tried again after a pause: until then its groups or ids stay away,
//! as their clients are told.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use clock::{Moment, Now};
use coordinator::LoadedBatch;
use disk::Disk;
use kafka_wire::batch::{Batch, BatchError, ControlKind, ControlRecord, MAGIC, MAGIC_AT, legacy};

use crate::limits::{GROUP_LOAD_BATCH_BYTES_MAX, GROUP_LOAD_BYTES_PER_TURN, GROUP_LOAD_RETRY};
use crate::replica::Isolation;
use crate::replicas::Replicas;
use crate::{Effect, Event, TopicPartition};

/// The partitions of one topic that are being read.
#[derive(Default, Debug)]
pub(crate) struct Readings {
    partitions: BTreeMap<i32, Reading>,
    /// What may still be read in this turn, in bytes.
    budget: usize,
}

/// How far a partition was read.
#[derive(Clone, Copy, Debug)]
struct Reading {
    next: i64,
    /// When to try again what could not be read.
    pause: Option<Moment>,
}

/// What came of reading on.
#[derive(Debug)]
pub(crate) enum Part {
    /// Some of a partition.
    Batches(i32, Vec<LoadedBatch>),
    /// There is no more.
    End(i32),
    /// The partition was lost while it was read.
    Lost,
}

impl Readings {
    /// Starts at the beginning of a partition, whatever was read before.
    pub(crate) fn begin(&mut self, partition: i32, start: i64) {
        self.partitions.insert(partition, Reading { next: start, pause: None });
    }

    pub(crate) fn contains(&self, partition: i32) -> bool {
        self.partitions.contains_key(&partition)
    }

    pub(crate) fn end(&mut self, partition: i32) {
        self.partitions.remove(&partition);
    }

    /// When there is something to read next; now, unless all wait for their next attempt.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.partitions.values().map(|reading| reading.pause.unwrap_or_default()).min()
    }

    /// Starts a turn.
    pub(crate) fn begin_turn(&mut self) {
        self.budget = GROUP_LOAD_BYTES_PER_TURN;
    }

    /// Reads on; `None` when the turn is over or nothing is to be read now.
    pub(crate) fn next<D: Disk>(
        &mut self,
        now: Now,
        topic: &Arc<str>,
        replicas: &mut Replicas<D>,
        effects: &mut Vec<Effect>,
    ) -> Option<Part> {
        loop {
            if self.budget == 0 {
                return None;
            }
            let is_due = |reading: &Reading| reading.pause.is_none_or(|at| at <= now.moment);
            let (&partition, &Reading { next, .. }) =
                self.partitions.iter().find(|(_, reading)| is_due(reading))?;
            let name = TopicPartition::new(topic.clone(), partition);
            let Some(replica) = replicas.leader(&name) else {
                self.partitions.remove(&partition);
                return Some(Part::Lost);
            };
            let records = match replica.read(next, self.budget, true, Isolation::Replica) {
                Ok(read) => read.records.to_bytes(),
                Err(error) => {
                    let note = format!("{name} cannot be read at offset {next} ({error}); tried again soon");
                    effects.push(Effect::Event(Event::Note(note)));
                    let pause = Some(now.moment + GROUP_LOAD_RETRY);
                    self.partitions.insert(partition, Reading { next, pause });
                    continue;
                }
            };
            self.budget = self.budget.saturating_sub(records.len().max(1));
            let is_end = records.is_empty();
            let (batches, after, notes) = decode(records, next);
            for note in notes {
                effects.push(Effect::Event(Event::Note(format!("{name}: {note}"))));
            }
            if is_end || after <= next {
                self.partitions.remove(&partition);
                return Some(Part::End(partition));
            }
            self.partitions.insert(partition, Reading { next: after, pause: None });
            return Some(Part::Batches(partition, batches));
        }
    }
}

/// The batches as the coordinator wants them, the offset after the last, and what could not be read.
fn decode(mut bytes: Bytes, next: i64) -> (Vec<LoadedBatch>, i64, Vec<String>) {
    let (mut batches, mut after, mut notes) = (Vec::new(), next, Vec::new());
    while !bytes.is_empty() {
        if bytes.get(MAGIC_AT).is_some_and(|&magic| magic as i8 != MAGIC) {
            match decode_legacy(bytes) {
                Ok(Some((batch, end))) => {
                    batches.push(batch);
                    after = end;
                }
                Ok(None) => {}
                Err(error) => notes.push(format!("messages of an old format were left out: {error}")),
            }
            break;
        }
        let batch = match Batch::take_first(&mut bytes) {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(error) => {
                notes.push(format!("what follows offset {after} was left out: {error}"));
                break;
            }
        };
        after = batch.header().next_offset();
        match decode_batch(&batch) {
            Ok(batch) => batches.extend(batch),
            Err(error) => {
                notes.push(format!("the batch at {} was left out: {error}", batch.header().base_offset));
            }
        }
    }
    (batches, after, notes)
}

fn decode_batch(batch: &Batch) -> Result<Option<LoadedBatch>, BatchError> {
    let header = batch.header();
    let mut records = Vec::new();
    for record in batch.records(GROUP_LOAD_BATCH_BYTES_MAX)? {
        let record = record?;
        if header.attributes.is_control() {
            let kind = ControlRecord::decode(&record).map_err(BatchError::Record)?.kind;
            let committed = kind == ControlKind::Commit;
            let is_marker = committed || kind == ControlKind::Abort;
            let producer_id = header.producer_id;
            return Ok(is_marker.then_some(LoadedBatch::Marker { producer_id, committed }));
        }
        if let Some(key) = record.key {
            records.push((key, record.value));
        }
    }
    Ok(Some(LoadedBatch::Records {
        base_offset: header.base_offset,
        transaction_of: header.attributes.is_transactional().then_some(header.producer_id),
        records,
    }))
}

/// Messages of magic 0 and 1, which a broker before 0.11 wrote.
fn decode_legacy(bytes: Bytes) -> Result<Option<(LoadedBatch, i64)>, BatchError> {
    let records = legacy::records(bytes, GROUP_LOAD_BATCH_BYTES_MAX)?;
    let (Some(first), Some(last)) = (records.first(), records.last()) else { return Ok(None) };
    let (base_offset, end) = (first.offset, last.offset + 1);
    let keyed = records.into_iter().filter_map(|record| Some((record.key?, record.value))).collect();
    Ok(Some((LoadedBatch::Records { base_offset, transaction_of: None, records: keyed }, end)))
}
