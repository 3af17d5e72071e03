//! Growing a log: as a leader, which assigns the offsets, and as a follower, which copies them.

use bytes::Bytes;
use clock::WallTime;
use disk::Disk;

use super::{Log, NEVER_EMPTY};
use crate::batch::{BatchFacts, Batches};
use crate::error::{LogError, Result};
use crate::index::TimeEntry;
use crate::limits::{COPIED_BATCH_BYTES, SEGMENT_BYTES_MAX};
use crate::segment::{Appendable, Segment};

/// Bytes at the front of a batch in which everything lies that a leader changes.
const CHANGED_BYTES: usize = 16;

/// Where an append landed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    /// Offset of the first record.
    pub base_offset: i64,
    /// Offset of the last record, inclusive.
    pub last_offset: i64,
    /// Base offset of the segment that was begun for this append, if one was.
    pub rolled_at: Option<i64>,
}

impl<D: Disk> Log<D> {
    /// Appends one validated magic 2 batch, whose records get the next offsets. The base offset and
    /// the leader epoch in its header are set on the way; the checksum does not cover them. A large batch is not
    /// copied: the log keeps the given bytes for its readers, and with them the buffer that they are a part of.
    pub fn append_as_leader(&mut self, batch: &Bytes, leader_epoch: i32, now: WallTime) -> Result<Appended> {
        self.shared.latch.check()?;
        let facts =
            BatchFacts::parse(batch, batch.len() as u64).ok_or(LogError::NotBatches("not a batch"))?;
        if facts.magic != 2 || facts.size as usize != batch.len() {
            return Err(LogError::NotBatches("not exactly one batch of magic 2"));
        }
        let first_offset = self.log_end;
        let last_offset = first_offset + (facts.last_offset - facts.base_offset);
        let is_copied = batch.len() < COPIED_BATCH_BYTES;
        let mut front = Vec::with_capacity(if is_copied { batch.len() } else { CHANGED_BYTES });
        front.extend_from_slice(&first_offset.to_be_bytes());
        front.extend_from_slice(&batch[8..12]);
        front.extend_from_slice(&leader_epoch.to_be_bytes());
        let (head, bytes) = if is_copied {
            front.extend_from_slice(&batch[CHANGED_BYTES..]);
            (Bytes::new(), front.into())
        } else {
            (front.into(), batch.slice(CHANGED_BYTES..))
        };
        let newest = TimeEntry { timestamp: facts.max_timestamp, offset: last_offset };
        self.append(Appendable { head, bytes, first_offset, last_offset, newest }, now)
    }

    /// Appends whole batches as their leader stored them. Their offsets must rise, from the log's end
    /// on at the earliest. `each` hears of every batch, in order, before any is written.
    pub fn append_as_follower(
        &mut self,
        batches: Bytes,
        now: WallTime,
        mut each: impl FnMut(&BatchFacts, &[u8]),
    ) -> Result<Appended> {
        self.shared.latch.check()?;
        let mut walk = Batches::new(&batches);
        let mut position = 0;
        let mut span: Option<(i64, i64)> = None;
        let mut newest = TimeEntry { timestamp: -1, offset: self.log_end };
        while let Some(facts) = walk.next() {
            if facts.base_offset < span.map_or(self.log_end, |(_, last)| last + 1) {
                return Err(LogError::NotBatches("offsets do not rise"));
            }
            if newest.timestamp < facts.max_timestamp {
                newest = TimeEntry { timestamp: facts.max_timestamp, offset: facts.last_offset };
            }
            span = Some((span.map_or(facts.base_offset, |(first, _)| first), facts.last_offset));
            each(&facts, &batches[position..walk.position()]);
            position = walk.position();
        }
        let (first_offset, last_offset) = match span {
            Some(span) if position == batches.len() => span,
            _ => return Err(LogError::NotBatches("not whole batches")),
        };
        let head = Bytes::new();
        self.append(Appendable { head, bytes: batches, first_offset, last_offset, newest }, now)
    }

    fn append(&mut self, batches: Appendable, now: WallTime) -> Result<Appended> {
        assert!(batches.first_offset >= self.log_end && batches.last_offset >= batches.first_offset);
        let result = self.append_or_fail(batches, now);
        self.shared.latch.watch(result)
    }

    fn append_or_fail(&mut self, batches: Appendable, now: WallTime) -> Result<Appended> {
        if batches.len() > self.config.segment_bytes.min(SEGMENT_BYTES_MAX) as usize {
            return Err(LogError::LargerThanSegment { bytes: batches.len() });
        }
        let mut rolled_at = None;
        if self.must_roll(&batches, now)? {
            // Offsets of a follower may jump: the new segment must be able to hold the last one.
            let base_offset = self.log_end.max(batches.last_offset - i64::from(i32::MAX));
            self.roll_at(base_offset, now)?;
            rolled_at = Some(base_offset);
        }
        let active = self.segments.last_mut().expect(NEVER_EMPTY);
        let place = self.shared.place(&self.directory, active.base_offset);
        active.append(place, &batches, self.config.index_interval_bytes)?;
        let Appendable { head, bytes, first_offset, last_offset, .. } = batches;
        self.log_end = last_offset + 1;
        self.tail.push(&self.shared.tail_cache, first_offset, self.log_end, head, bytes);
        self.check();
        Ok(Appended { base_offset: first_offset, last_offset, rolled_at })
    }

    /// Whether the active segment is full, old enough, or cannot express the offsets.
    fn must_roll(&mut self, batches: &Appendable, now: WallTime) -> Result<bool> {
        let config = self.config;
        let jitter_ms = self.jitter_ms();
        let active = self.segments.last_mut().expect(NEVER_EMPTY);
        if !active.can_hold_offset(batches.last_offset) {
            return Ok(true);
        }
        if active.size == 0 {
            return Ok(false);
        }
        let bytes_after = u64::from(active.size) + batches.len() as u64;
        if bytes_after > u64::from(config.segment_bytes.min(SEGMENT_BYTES_MAX)) {
            return Ok(true);
        }
        if active.offsets.len() >= config.index_bytes / 8
            || active.times.len() >= (config.index_bytes / 12).max(2) - 1
        {
            return Ok(true);
        }
        let place = self.shared.place(&self.directory, active.base_offset);
        let age_ms = match active.first_timestamp(place)? {
            Some(first) if first >= 0 && batches.newest.timestamp >= 0 => {
                batches.newest.timestamp.saturating_sub(first)
            }
            _ => now.as_ms().saturating_sub(active.opened_at_ms),
        };
        Ok(age_ms > config.segment_ms.saturating_sub(jitter_ms))
    }

    /// Seals the active segment and begins one at `base_offset`.
    pub(super) fn roll_at(&mut self, base_offset: i64, now: WallTime) -> Result<()> {
        assert!(base_offset >= self.log_end);
        let room = self.preallocated_bytes();
        let active = self.segments.last_mut().expect(NEVER_EMPTY);
        let place = self.shared.place(&self.directory, active.base_offset);
        if active.size == 0 {
            let empty = self.segments.pop().expect(NEVER_EMPTY);
            let old_place = self.shared.place(&self.directory, empty.base_offset);
            let new_place = self.shared.place(&self.directory, base_offset);
            let segment = Segment::create(new_place, now.as_ms(), room);
            if empty.base_offset != base_offset && segment.is_ok() {
                empty.remove(old_place)?;
            } else if segment.is_err() {
                self.segments.push(empty);
                return segment.map(|_| ());
            }
            self.segments.push(segment?);
        } else {
            active.seal(place)?;
            let place = self.shared.place(&self.directory, base_offset);
            let segment = Segment::create(place, now.as_ms(), room)?;
            self.segments.push(segment);
        }
        self.log_end = base_offset;
        self.name_changes += 1;
        Ok(())
    }

    /// How much earlier than its age this segment rolls: the same for one segment each time it is asked.
    fn jitter_ms(&self) -> i64 {
        if self.config.segment_jitter_ms <= 0 {
            return 0;
        }
        let mixed = (self.jitter_seed ^ self.active().base_offset as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let span = (self.config.segment_jitter_ms.min(self.config.segment_ms).max(1)) as u64;
        ((mixed >> 16) % span) as i64
    }
}
