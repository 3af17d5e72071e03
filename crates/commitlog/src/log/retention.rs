//! Forgetting: old segments by time, size and log start; and cutting a log back to an offset.

use std::sync::PoisonError;

use clock::WallTime;
use disk::Disk;

use super::leaving::Leaving;
use super::{Log, NEVER_EMPTY};
use crate::error::{LogError, Result};
use crate::segment::Segment;

/// What may be forgotten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Age of the newest record at which a segment goes, in ms (`retention.ms`); `None` for never.
    pub ms: Option<i64>,
    /// Size above which the oldest segments go, in bytes (`retention.bytes`); `None` for never.
    pub bytes: Option<u64>,
    /// Nothing at or above this offset goes: the high watermark.
    pub below: i64,
}

impl<D: Disk> Log<D> {
    /// Removes the oldest segments that retention allows to remove. The log start moves up with them.
    /// Returns how many went.
    pub fn remove_expired(&mut self, now: WallTime, retention: Retention) -> Result<usize> {
        let count = self.forget_expired(now, retention)?;
        self.finish_removals()?;
        Ok(count)
    }

    /// As [`Log::remove_expired`], but the files stay until the job of [`Log::removal`] has run: to unlink
    /// a large file takes long.
    pub fn forget_expired(&mut self, now: WallTime, retention: Retention) -> Result<usize> {
        self.shared.latch.check()?;
        let result = self.forget_expired_or_fail(now, retention);
        self.shared.latch.watch(result)
    }

    fn forget_expired_or_fail(&mut self, now: WallTime, retention: Retention) -> Result<usize> {
        let mut count = 0;
        let mut size = self.size_bytes();
        while count < self.segments.len() {
            self.learn_newest(count)?;
            let segment = &self.segments[count];
            let end = self.segments.get(count + 1).map_or(self.log_end, |next| next.base_offset);
            let is_active = count + 1 == self.segments.len();
            if end > retention.below || (is_active && segment.size == 0) {
                break;
            }
            let newest =
                if segment.newest.timestamp >= 0 { segment.newest.timestamp } else { segment.opened_at_ms };
            let too_old = retention.ms.is_some_and(|ms| now.as_ms().saturating_sub(newest) > ms);
            let too_much =
                retention.bytes.is_some_and(|bytes| size.saturating_sub(u64::from(segment.size)) >= bytes);
            let below_start = !is_active && end <= self.log_start;
            if !(too_old || too_much || below_start) {
                break;
            }
            size -= u64::from(segment.size);
            count += 1;
        }
        if count == self.segments.len() {
            self.roll_at(self.log_end, now)?;
        }
        self.forget_first(count);
        Ok(count)
    }

    /// Moves the log start up to `offset`; what lies below is gone for readers at once, and from the
    /// disk with the next retention. The caller stores the new log start.
    pub fn advance_start(&mut self, offset: i64) -> Result<()> {
        self.shared.latch.check()?;
        if offset > self.log_end {
            return Err(LogError::OutOfRange { offset, log_start: self.log_start, log_end: self.log_end });
        }
        self.log_start = self.log_start.max(offset);
        self.check();
        Ok(())
    }

    /// Cuts everything from `offset` on and syncs, so that what was cut cannot come back. A batch that
    /// holds `offset` goes whole. The caller stores the new recovery point before the next append.
    pub fn truncate(&mut self, offset: i64, now: WallTime) -> Result<()> {
        self.shared.latch.check()?;
        if offset >= self.log_end {
            return Ok(());
        }
        let result = if offset < self.segments[0].base_offset || offset < self.log_start {
            self.start_over_or_fail(offset, now)
        } else {
            self.truncate_or_fail(offset, now)
        };
        self.shared.latch.watch(result)?;
        self.sync_cut()
    }

    /// Removes everything and goes on at `offset`.
    pub fn start_over(&mut self, offset: i64, now: WallTime) -> Result<()> {
        self.shared.latch.check()?;
        let result = self.start_over_or_fail(offset, now);
        self.shared.latch.watch(result)?;
        self.sync_cut()
    }

    /// Makes a cut durable. A log that was durable before looks as if it still were: that its file became
    /// shorter shows nowhere else.
    fn sync_cut(&mut self) -> Result<()> {
        let result = self
            .flush_active_indexes()
            .and_then(|()| self.sync_job_of(self.first_unsynced(), self.segments.len() - 1, self.log_end));
        let synced = self.shared.latch.watch(result)?.run()?;
        self.finish_sync(synced);
        Ok(())
    }

    fn truncate_or_fail(&mut self, offset: i64, now: WallTime) -> Result<()> {
        self.generation += 1;
        self.layout += 1;
        let at = self.segment_at(offset);
        self.remove_last(self.segments.len() - at - 1)?;
        let active = self.segments.last_mut().expect(NEVER_EMPTY);
        let place = self.shared.place(&self.directory, active.base_offset);
        let found = active.find(place, offset)?;
        let cut_at = found.map_or(offset, |(_, facts)| facts.base_offset.min(offset));
        if cut_at < self.log_start {
            return self.start_over_or_fail(self.log_start, now);
        }
        self.log_end = cut_at;
        active.truncate(place, offset)?;
        self.forget_from(self.log_end);
        self.check();
        Ok(())
    }

    fn start_over_or_fail(&mut self, offset: i64, now: WallTime) -> Result<()> {
        self.generation += 1;
        self.layout += 1;
        self.finish_removals()?;
        self.remove_last(self.segments.len())?;
        let room = self.preallocated_bytes();
        let place = self.shared.place(&self.directory, offset);
        self.segments.push(Segment::create(place, now.as_ms(), room)?);
        self.log_start = offset;
        self.log_end = offset;
        self.name_changes += 1;
        self.forget_from(offset);
        self.recovery_point = offset;
        self.remove_producer_snapshots_above(-1)?;
        self.check();
        Ok(())
    }

    fn forget_from(&mut self, offset: i64) {
        self.tail.truncate(offset);
        self.hints = Default::default();
        self.recovery_point = self.recovery_point.min(offset);
        self.log_start = self.log_start.min(offset);
    }

    /// Forgets the `count` oldest segments; their files leave later.
    fn forget_first(&mut self, count: usize) {
        assert!(count < self.segments.len());
        if count == 0 {
            return;
        }
        self.layout += 1;
        if self.recovery_point < self.segments[count].base_offset {
            self.name_changes += 1;
            self.forgotten_unsynced = self.name_changes;
        }
        self.log_start = self.log_start.max(self.segments[count].base_offset);
        let mut leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        leaving.extend(self.segments.drain(..count).map(Leaving::forgotten));
        drop(leaving);
        self.check();
    }

    /// Removes the `count` newest segments, newest first.
    pub(super) fn remove_last(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let segment = self.segments.pop().expect("the caller counted");
            let place = self.shared.place(&self.directory, segment.base_offset);
            segment.remove(place)?;
            sync_names(place.files.disk(), &self.directory)?;
        }
        Ok(())
    }
}

pub(super) fn sync_names<D: Disk>(disk: &D, directory: &std::path::Path) -> Result<()> {
    disk.sync_directory(directory).map_err(|source| LogError::Io { path: directory.to_owned(), source })
}
