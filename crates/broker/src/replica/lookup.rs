//! Reading a replica: records for consumers and followers, offsets by time and by leader epoch.

use commitlog::{AtLeastOne, Fetched, ReadJob, Reading, TimestampHit};
use disk::Disk;
use kafka_wire::batch::{Batch, BatchError, MAGIC, Record, legacy};
use kafka_wire::{ErrorCode, Records};

use super::{Isolation, OffsetAndTime, Read, Replica, storage_error};
use crate::limits::LOOKUP_BATCH_BYTES_MAX;

/// What a look into a replica comes to.
pub(crate) enum Look<D: Disk> {
    /// What was asked for, as far as it is there.
    Found(Read),
    /// It must be read from the disk; meanwhile, what else there is to say.
    Cold(Read, ReadJob<D>),
}

impl<D: Disk> Replica<D> {
    /// Reads whole batches from the one that holds `offset`, at most `bytes_max` bytes, or one batch of
    /// whatever size if `at_least_one`. `OFFSET_OUT_OF_RANGE` below the start or above the end.
    pub(crate) fn read(
        &mut self,
        offset: i64,
        bytes_max: usize,
        at_least_one: bool,
        isolation: Isolation,
    ) -> Result<Read, ErrorCode> {
        let limit = self.readable_end(isolation);
        let minimum = if at_least_one { AtLeastOne::Batch } else { AtLeastOne::Nothing };
        let fetched =
            self.log.read(offset, limit, bytes_max, minimum).map_err(|error| storage_error(&error))?;
        self.found(offset, fetched, isolation)
    }

    /// As [`Replica::read`], without waiting for the disk.
    pub(crate) fn look(
        &mut self,
        offset: i64,
        bytes_max: usize,
        at_least_one: bool,
        isolation: Isolation,
    ) -> Result<Look<D>, ErrorCode> {
        let limit = self.readable_end(isolation);
        let minimum = if at_least_one { AtLeastOne::Batch } else { AtLeastOne::Nothing };
        let reading = self.log.read_or_job(offset, limit, bytes_max, minimum);
        match reading.map_err(|error| storage_error(&error))? {
            Reading::Found(fetched) => self.found(offset, fetched, isolation).map(Look::Found),
            Reading::Cold(job) => {
                let nothing = self.found(offset, Fetched::default(), isolation)?;
                Ok(Look::Cold(nothing, job))
            }
        }
    }

    /// What to tell of what a read from `offset` on brought. `OFFSET_OUT_OF_RANGE` if that was deleted
    /// meanwhile.
    pub(crate) fn found(
        &self,
        offset: i64,
        fetched: Fetched,
        isolation: Isolation,
    ) -> Result<Read, ErrorCode> {
        if offset < self.log.log_start() {
            return Err(ErrorCode::OFFSET_OUT_OF_RANGE);
        }
        let aborted = match isolation {
            Isolation::Committed if fetched.bytes > 0 => self.aborted(offset, fetched.next_offset)?,
            _ => Vec::new(),
        };
        Ok(Read {
            records: Records::from(fetched.pieces),
            high_watermark: self.high_watermark,
            last_stable_offset: self.last_stable_offset(),
            log_start_offset: self.log.log_start(),
            aborted,
        })
    }

    /// The offset at which such a reader stops.
    pub(crate) fn readable_end(&self, isolation: Isolation) -> i64 {
        match isolation {
            Isolation::Replica => self.log.log_end(),
            Isolation::Uncommitted => self.high_watermark,
            Isolation::Committed => self.last_stable_offset(),
        }
    }

    fn last_stable_offset(&self) -> i64 {
        self.producers
            .first_unstable_offset()
            .map_or(self.high_watermark, |first| first.min(self.high_watermark))
    }

    fn aborted(&self, from: i64, to: i64) -> Result<Vec<(i64, i64)>, ErrorCode> {
        let aborted = self.log.aborted_transactions(from, to).map_err(|error| storage_error(&error))?;
        Ok(aborted.iter().map(|aborted| (aborted.producer_id, aborted.first_offset)).collect())
    }

    /// The leader epoch under which the record at `offset` was written; -1 if not known.
    pub(crate) fn epoch_of(&self, offset: i64) -> i32 {
        self.epochs.epoch_at(offset).unwrap_or(-1)
    }

    /// The latest leader epoch that was taken note of; -1 if there is none.
    pub(crate) fn latest_epoch(&self) -> i32 {
        self.epochs.latest().unwrap_or(-1)
    }

    /// The greatest epoch not above `leader_epoch` and the offset at which it ended.
    pub(crate) fn end_of_epoch(&self, leader_epoch: i32) -> Option<(i32, i64)> {
        self.epochs.end_of(leader_epoch, self.log.log_end()).map(|end| (end.epoch, end.end_offset))
    }

    /// The first record whose timestamp is not before `timestamp`.
    pub(crate) fn offset_for_timestamp(
        &mut self,
        timestamp: i64,
    ) -> Result<Option<OffsetAndTime>, ErrorCode> {
        let mut from = self.log.log_start();
        while let Some(hit) =
            self.log.find_timestamp(timestamp, from).map_err(|error| storage_error(&error))?
        {
            let first = first_record(&hit, |record| record.timestamp >= timestamp && record.offset >= from)?;
            if first.is_some() {
                return Ok(first);
            }
            // Compaction took the record that gave the batch its largest timestamp.
            from = hit.facts.next_offset();
        }
        Ok(None)
    }

    /// The record with the greatest timestamp, and the leader epoch of its batch.
    pub(crate) fn offset_of_max_timestamp(&mut self) -> Result<Option<(OffsetAndTime, i32)>, ErrorCode> {
        let Some(hit) = self.log.find_newest_timestamp().map_err(|error| storage_error(&error))? else {
            return Ok(None);
        };
        let newest = hit.facts.max_timestamp;
        let first = first_record(&hit, |record| record.timestamp == newest)?;
        Ok(first.map(|at| (at, hit.facts.leader_epoch)))
    }
}

/// The first record of a batch that is wanted.
fn first_record(
    hit: &TimestampHit,
    wanted: impl Fn(&Record) -> bool,
) -> Result<Option<OffsetAndTime>, ErrorCode> {
    let find = || -> Result<Option<OffsetAndTime>, BatchError> {
        let place = |record: Record| OffsetAndTime { offset: record.offset, timestamp: record.timestamp };
        if hit.facts.magic != MAGIC {
            let records = legacy::records(hit.batch.clone(), LOOKUP_BATCH_BYTES_MAX)?;
            return Ok(records.into_iter().find(&wanted).map(place));
        }
        let mut bytes = hit.batch.clone();
        let batch = Batch::take_first(&mut bytes)?.ok_or(BatchError::Empty)?;
        for record in batch.records(LOOKUP_BATCH_BYTES_MAX)? {
            let record = record?;
            if wanted(&record) {
                return Ok(Some(place(record)));
            }
        }
        Ok(None)
    };
    find().map_err(BatchError::error_code)
}
