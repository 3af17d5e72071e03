//! What is left of a batch. Bytes change only where records go or a deletion gets its date; a batch from
//! which nothing goes stays as it is, its checksum included.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kafka_wire::batch::{
    Batch, BatchBuilder, BatchError, BatchHeader, HEADER_LEN, MAGIC, ProducerStamp, Record, legacy, patch,
};
use kafka_wire::compression::Codec;

use super::{KeyMap, is_aborted};
use crate::batch::BatchFacts;
use crate::index::AbortedTransaction;
use crate::limits::COMPACTED_BATCH_BYTES_MAX;

/// The rules of one compaction.
#[derive(Debug)]
pub(crate) struct Filter<'a> {
    pub(crate) keys: &'a KeyMap,
    pub(crate) aborted: &'a [AbortedTransaction],
    /// The keys are known up to this offset, exclusive; what lies behind stays.
    pub(crate) end: i64,
    pub(crate) now_ms: i64,
    pub(crate) delete_retention_ms: i64,
    /// The last offset of each producer: that batch stays, if only empty, so that the producer's next
    /// sequence is known to whoever reads the log.
    pub(crate) last_offsets: &'a BTreeMap<i64, i64>,
    /// Whether no tombstone may go, because an older record that it deletes could not be taken out.
    pub(crate) keeps_tombstones: bool,
}

/// What becomes of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// It stays as it is.
    Keep,
    /// These bytes take its place, with the same offsets.
    Replace(Bytes),
    /// It goes.
    Drop,
}

impl Filter<'_> {
    /// Judges one batch; all of a log, in order. `must_stay` keeps its offsets in the log even if no record
    /// is left. `with_records` holds the producers of whose open transaction there are records before it.
    pub(crate) fn judge(
        &self,
        facts: &BatchFacts,
        bytes: &Bytes,
        must_stay: bool,
        with_records: &mut BTreeSet<i64>,
    ) -> Verdict {
        let mut is_empty = false;
        if facts.is_control() {
            is_empty = !with_records.remove(&facts.producer_id);
        } else if facts.is_transactional() {
            with_records.insert(facts.producer_id);
        }
        if facts.last_offset >= self.end {
            return Verdict::Keep;
        }
        // What cannot be read cannot be judged, and stays.
        let judged = if facts.is_control() {
            self.judge_marker(facts, bytes, must_stay, is_empty)
        } else if facts.magic == MAGIC {
            self.judge_batch(facts, bytes, must_stay)
        } else {
            self.judge_old(bytes, must_stay)
        };
        judged.unwrap_or(Verdict::Keep)
    }

    /// The marker of a transaction of which nothing is left goes as a tombstone does: a reader who is in
    /// the middle of it must have the time to see its end.
    fn judge_marker(
        &self,
        facts: &BatchFacts,
        bytes: &Bytes,
        must_stay: bool,
        is_empty: bool,
    ) -> Result<Verdict, BatchError> {
        if !is_empty {
            return Ok(Verdict::Keep);
        }
        let mut rest = bytes.clone();
        let batch = Batch::take_first(&mut rest)?.ok_or(BatchError::Empty)?;
        let header = batch.header();
        if header.attributes.has_delete_horizon() {
            // Of a producer known by its markers only, they tell the epoch.
            let is_last = self.last_offsets.get(&facts.producer_id).is_some_and(|&last| last < 0);
            let goes = header.base_timestamp <= self.now_ms && !must_stay && !is_last;
            return Ok(if goes { Verdict::Drop } else { Verdict::Keep });
        }
        let horizon = self.now_ms.saturating_add(self.delete_retention_ms);
        let mut builder = builder(header).control().delete_horizon(horizon);
        for record in batch.records(COMPACTED_BATCH_BYTES_MAX)? {
            builder.push(&record?);
        }
        builder.reach(facts.last_offset);
        Ok(Verdict::Replace(builder.build()))
    }

    fn judge_batch(&self, facts: &BatchFacts, bytes: &Bytes, must_stay: bool) -> Result<Verdict, BatchError> {
        let mut rest = bytes.clone();
        let batch = Batch::take_first(&mut rest)?.ok_or(BatchError::Empty)?;
        let header = batch.header();
        let undone =
            facts.is_transactional() && is_aborted(self.aborted, facts.producer_id, facts.base_offset);
        let expires_at = header.attributes.has_delete_horizon().then_some(header.base_timestamp);
        let mut kept: Vec<Record> = Vec::new();
        let mut tombstones = false;
        for record in batch.records(COMPACTED_BATCH_BYTES_MAX)? {
            let record = record?;
            if !undone && self.stays(&record, expires_at) {
                tombstones |= record.value.is_none();
                kept.push(record);
            }
        }
        let horizon = match expires_at {
            None if tombstones => Some(self.now_ms.saturating_add(self.delete_retention_ms)),
            known => known,
        };
        if kept.is_empty() && header.record_count > 0 {
            let is_last = self.last_offsets.get(&facts.producer_id) == Some(&facts.last_offset);
            let stays_empty = must_stay || (facts.producer_id >= 0 && is_last);
            return Ok(if stays_empty { Verdict::Replace(emptied(header)) } else { Verdict::Drop });
        }
        if header.record_count == 0 && !must_stay {
            let is_last = self.last_offsets.get(&facts.producer_id) == Some(&facts.last_offset);
            return Ok(if facts.producer_id >= 0 && is_last { Verdict::Keep } else { Verdict::Drop });
        }
        if kept.len() == header.record_count as usize && horizon == expires_at {
            return Ok(Verdict::Keep);
        }
        let codec = header.attributes.codec().unwrap_or(Codec::None);
        let mut builder = builder(header).codec(codec);
        if let Some(horizon) = horizon {
            builder = builder.delete_horizon(horizon);
        }
        for record in &kept {
            builder.push(record);
        }
        builder.reach(facts.last_offset);
        Ok(Verdict::Replace(builder.build()))
    }

    /// Messages of old formats go only all together: nothing writes those formats any more.
    fn judge_old(&self, bytes: &Bytes, must_stay: bool) -> Result<Verdict, BatchError> {
        let records = legacy::records(bytes.clone(), COMPACTED_BATCH_BYTES_MAX)?;
        let any_stays = must_stay || records.iter().any(|record| self.stays(record, None));
        Ok(if any_stays { Verdict::Keep } else { Verdict::Drop })
    }

    fn stays(&self, record: &Record, tombstones_expire_at: Option<i64>) -> bool {
        let Some(key) = &record.key else { return false };
        if self.keys.newest(key).is_some_and(|newest| newest > record.offset) {
            return false;
        }
        record.value.is_some()
            || self.keeps_tombstones
            || tombstones_expire_at.is_none_or(|at| self.now_ms < at)
    }
}

/// A batch under construction with the header fields of another that describe all of it.
fn builder(header: &BatchHeader) -> BatchBuilder {
    let builder = BatchBuilder::new(header.base_offset)
        .leader_epoch(header.partition_leader_epoch)
        .timestamp_type(header.attributes.timestamp_type());
    if header.producer_id < 0 {
        return builder;
    }
    builder.producer(ProducerStamp {
        id: header.producer_id,
        epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        transactional: header.attributes.is_transactional(),
    })
}

/// A batch without records that still tells offsets, sequences and time.
fn emptied(header: &BatchHeader) -> Bytes {
    let mut builder = builder(header);
    builder.reach(header.last_offset());
    let mut bytes = builder.build().to_vec();
    if let Some((head, records)) = bytes.split_first_chunk_mut::<HEADER_LEN>() {
        patch::set_max_timestamp(head, records, header.max_timestamp);
    }
    bytes.into()
}
