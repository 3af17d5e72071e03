//! Reading what is not in memory, split so that the waiting for the disk can happen on another thread: the
//! log says where to look, the job reads, the log hears of it.
//!
//! The log may change meanwhile. What was read is believed only if nothing at these places did.

use std::path::PathBuf;

use disk::Disk;

use super::read::{AtLeastOne, Fetched, collect_from};
use super::{Log, Shared};
use crate::error::{LogError, Result};
use crate::limits::COLD_READ_SEGMENTS;
use crate::segment::{Lengths, Segment};
use crate::tail::Collected;

/// What a read that does not wait for the disk comes to.
pub enum Reading<D: Disk> {
    /// It is here.
    Found(Fetched),
    /// It must be read from the disk.
    Cold(ReadJob<D>),
}

/// A read from the disk. Run it anywhere, then give the outcome to [`Log::finish_read`].
pub struct ReadJob<D: Disk> {
    shared: Shared<D>,
    directory: PathBuf,
    from: i64,
    /// Where the batch begins, if a read before this one ended there.
    hint: Option<u32>,
    segments: Vec<Look>,
    collected: Collected,
    /// The log, and how often it had changed.
    layout: (u64, u64),
}

/// One segment to look into: its base offset, and how much of its files counts.
struct Look {
    base_offset: i64,
    bytes: u32,
    index_bytes: u64,
}

/// What a [`ReadJob`] found.
pub struct ColdRead {
    outcome: Result<(Fetched, Option<super::Hint>)>,
    /// The log, and how often it had changed.
    layout: (u64, u64),
}

impl<D: Disk> Log<D> {
    /// As [`Log::read`], without waiting for the disk.
    pub fn read_or_job(
        &mut self,
        from: i64,
        limit_offset: i64,
        bytes_max: usize,
        at_least_one: AtLeastOne,
    ) -> Result<Reading<D>> {
        self.shared.latch.check()?;
        let mut collected = self.begin_read(from, limit_offset, bytes_max, at_least_one)?;
        if from >= collected.limit_offset() || self.tail.collect(from, &mut collected) {
            return Ok(Reading::Found(collected.into()));
        }
        let first = self.segment_at(from);
        let hint =
            self.hints.iter().find(|hint| hint.0 == from && hint.1 == self.segments[first].base_offset);
        let look = |segment: &Segment| Look {
            base_offset: segment.base_offset,
            bytes: segment.size,
            index_bytes: segment.offsets.stored_bytes(),
        };
        Ok(Reading::Cold(ReadJob {
            shared: self.shared.clone(),
            directory: self.directory.clone(),
            from,
            hint: hint.map(|hint| hint.2),
            segments: self.segments[first..].iter().take(COLD_READ_SEGMENTS).map(look).collect(),
            collected,
            layout: (self.id, self.layout),
        }))
    }

    /// Takes note of a read. `None` if the log changed under it: read again.
    pub fn finish_read(&mut self, read: ColdRead) -> Result<Option<Fetched>> {
        if read.layout != (self.id, self.layout) {
            return Ok(None);
        }
        let (fetched, hint) = self.shared.latch.watch(read.outcome)?;
        if let Some(hint) = hint {
            self.remember(hint);
        }
        Ok(Some(fetched))
    }
}

impl<D: Disk> ReadJob<D> {
    /// Bytes that it may bring.
    pub fn bytes_max(&self) -> usize {
        let there: usize = self.segments.iter().map(|look| look.bytes as usize).sum();
        self.collected.room().min(there)
    }

    /// Reads.
    pub fn run(mut self) -> ColdRead {
        let outcome = self.read();
        let layout = self.layout;
        let outcome = outcome.map(|hint| (Fetched::from(self.collected), hint));
        ColdRead { outcome, layout }
    }

    fn read(&mut self) -> Result<Option<super::Hint>> {
        let (mut from, mut position) = (self.from, self.hint);
        let mut remembered = None;
        for (number, look) in self.segments.iter().enumerate() {
            if self.collected.full || (number > 0 && self.collected.bytes > 0) {
                break;
            }
            from = from.max(if number > 0 { look.base_offset } else { from });
            if number > 0 && from >= self.collected.limit_offset() {
                break;
            }
            let files = &self.shared.files;
            let lengths = Lengths {
                log: u64::from(look.bytes),
                offsets: Some(look.index_bytes),
                times: Some(0),
                aborts: None,
            };
            let mut segment = Segment::existing(files, look.base_offset, 0, lengths);
            let place = self.shared.place(&self.directory, look.base_offset);
            let walked = collect_from(&segment, place, position.take(), from, &mut self.collected);
            segment.close(files);
            if let Some(end) = walked? {
                remembered = Some((self.collected.next_offset, look.base_offset, end));
            }
        }
        Ok(remembered)
    }
}

impl ColdRead {
    /// What went wrong, if anything did.
    pub fn error(&self) -> Option<&LogError> {
        self.outcome.as_ref().err()
    }
}
