//! A replica as a follower: batches copied as the leader stored them, history cut where it parts from the
//! leader's, the high watermark behind the leader's.

use bytes::Bytes;
use clock::Now;
use commitlog::{AbortedTransaction, BatchFacts, LogError};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::batch::{Batch, MAGIC, MAGIC_AT};
use partition::{AbortedSpan, FollowerFetch};

use super::{Replica, loading, snapshot, storage_error};

/// What a follower's fetch brought about at its leader.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Followed {
    /// The follower is no replica of this partition as far as the leader knows.
    Stranger,
    /// It is noted; whether the high watermark, or the follower's log start, moved by it.
    Noted {
        /// Whether somebody may be waiting for it.
        moved: bool,
    },
}

impl<D: Disk> Replica<D> {
    /// Takes note of a follower's fetch.
    pub(crate) fn fetched_by(&mut self, fetch: &FollowerFetch) -> Followed {
        let end = self.log.log_end();
        let Some(leadership) = &mut self.leadership else { return Followed::Stranger };
        let start_before = leadership.log_start_of(fetch.broker_id);
        if !leadership.fetched(fetch, end) {
            return Followed::Stranger;
        }
        let start_moved = start_before != Some(fetch.log_start);
        Followed::Noted { moved: self.advance_high_watermark() || start_moved }
    }

    /// The epoch of the last record; -1 if there is none, or none is known.
    pub(crate) fn last_epoch(&self) -> i32 {
        self.epochs.latest().unwrap_or(-1)
    }

    /// Appends what the leader sent and takes over its high watermark and log start as far as they go.
    pub(crate) fn append_as_follower(
        &mut self,
        now: Now,
        records: Bytes,
        leader_high_watermark: i64,
        leader_log_start: i64,
    ) -> Result<(), ErrorCode> {
        assert!(self.leadership.is_none(), "a leader copies from nobody");
        let whole = whole_batches(&records)?;
        if !whole.is_empty() {
            match self.copy(now, whole.clone()) {
                // Too much for one segment at once: batch by batch then.
                Err(LogError::LargerThanSegment { .. }) => {
                    let mut rest = whole;
                    while let Ok(Some(batch)) = take_batch(&mut rest) {
                        self.copy(now, batch).map_err(|error| storage_error(&error))?;
                    }
                }
                copied => copied.map_err(|error| storage_error(&error))?,
            }
        }
        if leader_log_start > self.log.log_start() && leader_log_start <= self.log.log_end() {
            self.log.advance_start(leader_log_start).map_err(|error| storage_error(&error))?;
        }
        let high_watermark = leader_high_watermark.min(self.log.log_end()).max(self.log.log_start());
        if high_watermark > self.high_watermark {
            self.high_watermark = high_watermark;
            self.producers.replicated(high_watermark);
        }
        self.high_watermark = self.high_watermark.max(self.log.log_start());
        self.check();
        Ok(())
    }

    fn copy(&mut self, now: Now, batches: Bytes) -> Result<(), LogError> {
        let mut seen: Vec<(BatchFacts, Option<Bytes>)> = Vec::new();
        let appended = self.log.append_as_follower(batches, now.wall, |facts, bytes| {
            let control = facts.is_control().then(|| Bytes::copy_from_slice(bytes));
            seen.push((*facts, control));
        })?;
        if let Some(offset) = appended.rolled_at {
            let _ = self.log.write_producer_snapshot(offset, &snapshot(&self.producers));
            self.snapshot_size = self.log.size_bytes();
        }
        let mut new_epoch = false;
        for (facts, control) in seen {
            if facts.leader_epoch >= 0 {
                new_epoch |= self.epochs.assign(facts.leader_epoch, facts.base_offset);
            }
            if let Some(AbortedSpan { transaction, last_stable_offset }) =
                loading::follow(&mut self.producers, &facts, control)
            {
                self.log.append_aborted(&AbortedTransaction {
                    producer_id: transaction.producer_id,
                    first_offset: transaction.first_offset,
                    last_offset: transaction.last_offset,
                    last_stable_offset,
                })?;
            }
        }
        if new_epoch {
            // Read again from the log if it cannot be written now.
            let _ = self.store_epochs();
        }
        self.count_unsynced(now.moment, appended.last_offset + 1 - appended.base_offset);
        Ok(())
    }

    /// The leader's history parts from this one: it knows `epoch` up to `end_offset` and nothing of ours
    /// after it (KIP-101, KIP-279). Cuts; if the epochs still differ, the next fetch says where to go on.
    pub(crate) fn diverged(&mut self, now: Now, epoch: i32, end_offset: i64) -> Result<(), ErrorCode> {
        let ours = self.epochs.end_of(epoch, self.log.log_end());
        let cut = match ours {
            Some(ours) => ours.end_offset.min(end_offset),
            None => end_offset,
        };
        self.truncate(now, cut)
    }

    /// Cuts everything from `offset` on.
    pub(crate) fn truncate(&mut self, now: Now, offset: i64) -> Result<(), ErrorCode> {
        if offset >= self.log.log_end() {
            // A leader that wrote nothing leaves an epoch behind that its successor never heard of: while it
            // stands there, this follower would be told for ever that their histories part.
            if self.epochs.truncate_end(self.log.log_end()) {
                self.store_epochs()?;
            }
            return Ok(());
        }
        let result = self.log.truncate(offset.max(0), now.wall);
        result.and_then(|()| self.after_cut()).map_err(|error| storage_error(&error))
    }

    /// Cuts what is not known to be replicated: a log whose epochs nobody knows has no better mark.
    pub(crate) fn truncate_to_high_watermark(&mut self, now: Now) -> Result<(), ErrorCode> {
        self.truncate(now, self.high_watermark)
    }

    /// The leader has nothing left of what this log would need next: begins anew at the leader's start.
    pub(crate) fn start_over(&mut self, now: Now, offset: i64) -> Result<(), ErrorCode> {
        let result = self.log.start_over(offset, now.wall);
        result.and_then(|()| self.after_cut()).map_err(|error| storage_error(&error))
    }

    fn after_cut(&mut self) -> Result<(), LogError> {
        self.epochs.truncate_end(self.log.log_end());
        if self.log.log_start() == self.log.log_end() {
            self.epochs.clear();
        }
        let _ = self.store_epochs();
        self.producers = loading::rebuild(&mut self.log)?;
        self.high_watermark = self.high_watermark.clamp(self.log.log_start(), self.log.log_end());
        self.producers.replicated(self.high_watermark);
        self.unsynced = None;
        self.first_dirty = self.first_dirty.min(self.log.log_end());
        self.check();
        Ok(())
    }
}

/// Whole and sound batches from the front; a leader may cut the last one short.
fn whole_batches(records: &Bytes) -> Result<Bytes, ErrorCode> {
    let mut rest = records.clone();
    while !rest.is_empty() {
        match take_batch(&mut rest) {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(records.slice(..records.len() - rest.len()))
}

fn take_batch(rest: &mut Bytes) -> Result<Option<Bytes>, ErrorCode> {
    const PREFIX: usize = 12;
    if rest.len() <= MAGIC_AT {
        return Ok(None);
    }
    if rest[MAGIC_AT] as i8 == MAGIC {
        let batch = Batch::take_first(rest).map_err(|error| error.error_code())?;
        let Some(batch) = batch else { return Ok(None) };
        batch.verify_crc().map_err(|error| error.error_code())?;
        return Ok(Some(batch.into_bytes()));
    }
    // A message of an old format: its length stands where a batch has it.
    let length = i32::from_be_bytes([rest[8], rest[9], rest[10], rest[11]]);
    let size = usize::try_from(length).map_err(|_| ErrorCode::CORRUPT_MESSAGE)? + PREFIX;
    if rest.len() < size {
        return Ok(None);
    }
    Ok(Some(rest.split_to(size)))
}
