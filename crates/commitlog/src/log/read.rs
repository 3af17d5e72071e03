//! Reading a log: whole batches from an offset on, and offsets by timestamp.

use bytes::Bytes;
use disk::Disk;

use super::Log;
use crate::batch::BatchFacts;
use crate::error::{LogError, Result};
use crate::segment::Segment;
use crate::table::Place;
use crate::tail::Collected;

/// What a read found.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Fetched {
    /// Whole batches in order; the first one may begin before the asked offset.
    pub pieces: Vec<Bytes>,
    /// Bytes in all pieces.
    pub bytes: usize,
    /// Offset after the last batch; the asked one if nothing was found.
    pub next_offset: i64,
}

/// Whether a read may exceed its bytes for the sake of progress.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AtLeastOne {
    /// The first batch comes whole even if it is larger than asked.
    Batch,
    /// Nothing comes if the first batch is too large.
    Nothing,
}

/// The batch in which a timestamp search ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimestampHit {
    /// Header of the batch.
    pub facts: BatchFacts,
    /// The whole batch: some record in it has the timestamp or a later one.
    pub batch: Bytes,
}

impl<D: Disk> Log<D> {
    /// Reads whole batches from the one that holds `from` on, at most `bytes_max` bytes, none that
    /// begins at `limit_offset` or later.
    pub fn read(
        &mut self,
        from: i64,
        limit_offset: i64,
        bytes_max: usize,
        at_least_one: AtLeastOne,
    ) -> Result<Fetched> {
        self.shared.latch.check()?;
        let mut collected = self.begin_read(from, limit_offset, bytes_max, at_least_one)?;
        if from < collected.limit_offset() {
            let read = self.collect(from, &mut collected);
            self.shared.latch.watch(read)?;
        }
        Ok(collected.into())
    }

    pub(super) fn begin_read(
        &self,
        from: i64,
        limit_offset: i64,
        bytes_max: usize,
        at_least_one: AtLeastOne,
    ) -> Result<Collected> {
        let (log_start, log_end) = (self.log_start, self.log_end);
        if from < log_start || from > log_end {
            return Err(LogError::OutOfRange { offset: from, log_start, log_end });
        }
        let takes_one = at_least_one == AtLeastOne::Batch;
        Ok(Collected::new(from, limit_offset.min(log_end), bytes_max, takes_one))
    }

    fn collect(&mut self, from: i64, collected: &mut Collected) -> Result<()> {
        let mut from = from;
        while !collected.full && from < self.log_end {
            if self.tail.collect(from, collected) {
                return Ok(());
            }
            let Some(next) = self.collect_from_file(from, collected)? else { return Ok(()) };
            from = next;
        }
        Ok(())
    }

    /// Collects from the segment that holds `from`; returns where to go on, if there is more.
    fn collect_from_file(&mut self, from: i64, collected: &mut Collected) -> Result<Option<i64>> {
        let at = self.segment_at(from);
        let segment = &self.segments[at];
        let next_segment = self.segments.get(at + 1).map(|next| next.base_offset);
        let place = self.shared.place(&self.directory, segment.base_offset);
        let hint = self.hints.iter().find(|hint| hint.0 == from && hint.1 == segment.base_offset);
        let hint = hint.map(|hint| hint.2);
        let walked = collect_from(segment, place, hint, from, collected)?;
        if let Some(position) = walked {
            self.remember((collected.next_offset, segment.base_offset, position));
        }
        Ok(if collected.full { None } else { next_segment })
    }

    /// Takes note of where a read ended.
    pub(super) fn remember(&mut self, hint: super::Hint) {
        self.hints[self.next_hint] = hint;
        self.next_hint = (self.next_hint + 1) % self.hints.len();
    }

    /// The first batch at or after `from` with a record whose timestamp is not below `timestamp`.
    pub fn find_timestamp(&mut self, timestamp: i64, from: i64) -> Result<Option<TimestampHit>> {
        self.shared.latch.check()?;
        let from = from.max(self.log_start);
        for at in self.segment_at(from)..self.segments.len() {
            self.learn_newest(at)?;
            let segment = &self.segments[at];
            if segment.newest.timestamp < timestamp {
                continue;
            }
            let place = self.shared.place(&self.directory, segment.base_offset);
            if let Some((position, facts)) = segment.find_timestamp(place, timestamp, from)? {
                return self.hit(segment, position, facts).map(Some);
            }
        }
        Ok(None)
    }

    /// The first batch with the largest timestamp in the log's files; `None` if no record has one. Deleted
    /// records count until their segment is gone, as they do for Kafka.
    pub fn find_newest_timestamp(&mut self) -> Result<Option<TimestampHit>> {
        let mut newest = -1;
        for at in 0..self.segments.len() {
            self.learn_newest(at)?;
            newest = newest.max(self.segments[at].newest.timestamp);
        }
        let Some(segment) =
            self.segments.iter().find(|segment| segment.newest.timestamp == newest && newest >= 0)
        else {
            return Ok(None);
        };
        let place = self.shared.place(&self.directory, segment.base_offset);
        match segment.find_timestamp(place, newest, segment.base_offset)? {
            Some((position, facts)) => self.hit(segment, position, facts).map(Some),
            None => Ok(None),
        }
    }

    /// Calls `each` for every batch from the one that holds `from` on, in order. The bytes of a batch
    /// are read only for control batches, whose meaning is in their record.
    pub fn replay(&mut self, from: i64, mut each: impl FnMut(&BatchFacts, Option<Bytes>)) -> Result<()> {
        self.shared.latch.check()?;
        let from = from.max(self.log_start);
        for segment in &self.segments[self.segment_at(from)..] {
            let place = self.shared.place(&self.directory, segment.base_offset);
            let start = segment.offsets.position_before(place, from)?;
            segment.walk(place, start, |position, facts| {
                if facts.last_offset >= from {
                    let control =
                        facts.is_control().then(|| segment.read(place, position, facts.size)).transpose()?;
                    each(facts, control);
                }
                Ok(true)
            })?;
        }
        Ok(())
    }

    /// Epoch of the leader that appended the last batch; `None` if there is none, or it does not tell.
    pub fn last_leader_epoch(&self) -> Result<Option<i32>> {
        self.shared.latch.check()?;
        let at = self.segments.iter().rposition(|segment| segment.size > 0);
        let Some(segment) = at.map(|at| &self.segments[at]) else { return Ok(None) };
        let place = self.shared.place(&self.directory, segment.base_offset);
        let mut last = None;
        let from = segment.offsets.position_before(place, i64::MAX)?;
        segment.walk(place, from, |_, facts| {
            last = Some(facts.leader_epoch).filter(|&epoch| epoch >= 0);
            Ok(true)
        })?;
        Ok(last)
    }

    /// A sealed segment's newest timestamp is the last entry of its time index; read once, on demand.
    pub(super) fn learn_newest(&mut self, at: usize) -> Result<()> {
        let segment = &mut self.segments[at];
        if segment.newest.timestamp < 0 && segment.size > 0 {
            let place = self.shared.place(&self.directory, segment.base_offset);
            if let Some(last) = segment.times.last(place)? {
                segment.newest = last;
            }
        }
        Ok(())
    }

    fn hit(&self, segment: &Segment, position: u32, facts: BatchFacts) -> Result<TimestampHit> {
        let place = self.shared.place(&self.directory, segment.base_offset);
        Ok(TimestampHit { facts, batch: segment.read(place, position, facts.size)? })
    }
}

/// Collects from one segment, beginning with the batch that holds `from`, which is at `hint` if that is
/// given. Returns the position after the last batch taken; `None` if nothing was looked at.
pub(super) fn collect_from<D: Disk>(
    segment: &Segment,
    place: Place<'_, D>,
    hint: Option<u32>,
    from: i64,
    collected: &mut Collected,
) -> Result<Option<u32>> {
    let found = match hint {
        Some(position) => segment.find_from(place, position, from)?,
        None => segment.find(place, from)?,
    };
    let Some((position, facts)) = found else { return Ok(None) };
    if !collected.takes(facts.size as usize) {
        collected.full = true;
        return Ok(None);
    }
    let wanted = collected.room().max(facts.size as usize).min((segment.size - position) as usize);
    let bytes = segment.read(place, position, wanted as u32)?;
    let walked = collected.add(&bytes, from);
    let position = position + walked as u32;
    collected.full |= position < segment.size;
    Ok(Some(position))
}

impl From<Collected> for Fetched {
    fn from(collected: Collected) -> Self {
        let Collected { bytes, next_offset, .. } = collected;
        Fetched { pieces: collected.into_pieces(), bytes, next_offset }
    }
}
