//! The log of one partition: a row of segments of which the last grows. It assigns offsets, rolls,
//! reads, truncates, forgets what is too old and syncs. It does not judge batches, and it knows no
//! high watermark, leader or producer; whoever owns it does.
//!
//! Invariants: there is at least one segment; base offsets rise; `log_start <= log_end`; everything
//! below the recovery point is durable.

mod append;
mod cold;
mod compact;
mod leaving;
mod open;
mod read;
mod retention;
mod snapshots;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clock::WallTime;
use disk::{Disk, File, Open};

pub use append::Appended;
pub use cold::{ColdRead, ReadJob, Reading};
pub use compact::{Compacting, Compaction, CompactionRules, CompactionSlice, Dirt, Progress, Sliced};
pub use leaving::RemovalJob;
pub use open::{Opened, Recovery};
pub use read::{AtLeastOne, Fetched, TimestampHit};
pub use retention::Retention;
pub use snapshots::ProducerEntry;

use crate::checkpoint::{self, EpochStart};
use crate::error::{LogError, Result};
use crate::files::Files;
use crate::index::AbortedTransaction;
use crate::limits::{READ_HINTS, SEGMENT_BYTES_MAX};
use crate::names::{LEADER_EPOCHS, PARTITION_METADATA};
use crate::segment::Segment;
use crate::sync::{Dirty, Latch, SyncJob, Synced};
use crate::table::Place;
use crate::tail::{Tail, TailCache};

/// The log of one partition.
pub struct Log<D: Disk> {
    shared: Shared<D>,
    directory: PathBuf,
    config: LogConfig,
    /// By rising base offset; the last is the active one.
    segments: Vec<Segment>,
    /// Offsets of the producer snapshots on disk, rising.
    snapshots: Vec<i64>,
    log_start: i64,
    log_end: i64,
    recovery_point: i64,
    tail: Tail,
    /// Where recent reads ended.
    hints: [Hint; READ_HINTS],
    next_hint: usize,
    /// Tells this log from one that had the same name before.
    id: u64,
    /// Truncations so far.
    generation: u64,
    /// How often what lies at a place of a file, or whether it is there at all, changed.
    layout: u64,
    /// Segments that are forgotten, and whose files are not removed yet.
    leaving: leaving::Queue,
    /// How often names in the directory changed, and how many of these changes are durable.
    name_changes: u64,
    durable_name_changes: u64,
    /// The change of names with which segments were forgotten that were not durable.
    forgotten_unsynced: u64,
    /// Whether the directory itself is new, and its name not durable.
    is_new: bool,
    /// What makes the jitter of this log differ from its neighbours'.
    jitter_seed: u64,
}

/// Where a read ended: next offset, base offset of the segment, position in it.
type Hint = (i64, i64, u32);

/// What the logs of one log directory share.
#[derive(Clone)]
pub(crate) struct Shared<D: Disk> {
    pub(crate) files: Files<D>,
    pub(crate) tail_cache: TailCache,
    pub(crate) latch: Latch,
}

/// When segments end and how densely they are indexed; the topic's keys in brackets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogConfig {
    /// Largest segment, in bytes (`segment.bytes`).
    pub segment_bytes: u32,
    /// Time after which a segment with data ends, in ms (`segment.ms`).
    pub segment_ms: i64,
    /// Up to how much earlier it may end, in ms (`segment.jitter.ms`).
    pub segment_jitter_ms: i64,
    /// Largest index file, in bytes (`segment.index.bytes`).
    pub index_bytes: u32,
    /// Bytes of log between two index entries (`index.interval.bytes`).
    pub index_interval_bytes: u32,
    /// Whether a new segment's file has its full length from the start (`preallocate`).
    pub preallocate: bool,
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 60 * 60 * 1000,
            segment_jitter_ms: 0,
            index_bytes: 10 * 1024 * 1024,
            index_interval_bytes: 4096,
            preallocate: false,
        }
    }
}

impl<D: Disk> Log<D> {
    /// First offset that can be read.
    pub fn log_start(&self) -> i64 {
        self.log_start
    }

    /// Offset that the next record will get.
    pub fn log_end(&self) -> i64 {
        self.log_end
    }

    /// Offset up to which (exclusive) everything is durable.
    pub fn recovery_point(&self) -> i64 {
        self.recovery_point
    }

    /// Bytes in all segments, indexes not counted.
    pub fn size_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| u64::from(segment.size)).sum()
    }

    /// Number of segments.
    pub fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// Base offset of the active segment.
    pub fn active_base_offset(&self) -> i64 {
        self.active().base_offset
    }

    /// The partition's directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Bytes that can still be written to the file system of this log.
    pub fn free_bytes(&self) -> Result<u64> {
        let free = self.shared.files.disk().free_bytes(&self.directory);
        free.map_err(|source| LogError::io(&self.directory, source))
    }

    /// Whether a disk failure took the log directory out of use.
    pub fn is_offline(&self) -> bool {
        self.shared.latch.is_offline()
    }

    /// Changes how the log grows from now on.
    pub fn configure(&mut self, config: LogConfig) {
        self.config = config;
    }

    /// Ends the active segment, if it holds anything, and begins another. Returns whether it did.
    pub fn roll(&mut self, now: WallTime) -> Result<bool> {
        self.shared.latch.check()?;
        if self.active().size == 0 {
            return Ok(false);
        }
        let result = self.roll_at(self.log_end, now);
        self.shared.latch.watch(result)?;
        Ok(true)
    }

    /// The files to sync so that everything appended so far is durable; `None` if it is already.
    pub fn begin_sync(&mut self) -> Result<Option<SyncJob<D>>> {
        self.shared.latch.check()?;
        let result = self.flush_active_indexes().and_then(|()| self.sync_job());
        self.shared.latch.watch(result)
    }

    /// As [`Log::begin_sync`], for a log that is synced all the time: index entries of the active segment
    /// stay in memory until there are enough of them.
    pub fn begin_commit(&mut self) -> Result<Option<SyncJob<D>>> {
        self.shared.latch.check()?;
        let result = self.sync_job();
        self.shared.latch.watch(result)
    }

    fn flush_active_indexes(&mut self) -> Result<()> {
        let active = self.segments.last_mut().expect(NEVER_EMPTY);
        let place = self.shared.place(&self.directory, active.base_offset);
        active.flush_indexes(place)
    }

    /// As [`Log::begin_commit`], for a log whose file system is synced as a whole: no file of it is opened.
    pub fn begin_commit_together(&mut self) -> Result<Option<Dirty>> {
        self.shared.latch.check()?;
        let result = self.write_sealed_indexes();
        self.shared.latch.watch(result)?;
        Ok(self.is_dirty().then(|| Dirty { synced: self.synced_up_to(self.log_end) }))
    }

    fn sync_job(&mut self) -> Result<Option<SyncJob<D>>> {
        if !self.is_dirty() {
            return Ok(None);
        }
        self.sync_job_of(self.first_unsynced(), self.segments.len() - 1, self.log_end).map(Some)
    }

    /// Whether anything of this log is not durable.
    fn is_dirty(&self) -> bool {
        let names = self.name_changes > self.durable_name_changes;
        self.first_unsynced() < self.segments.len() - 1 || self.recovery_point < self.log_end || names
    }

    /// Number of the first sealed segment that is not durable; that of the active one if all are.
    fn first_unsynced(&self) -> usize {
        let active = self.segments.len() - 1;
        self.segments[..active].iter().rposition(|segment| segment.is_durable).map_or(0, |at| at + 1)
    }

    /// Writes the index entries of sealed segments that are only in memory.
    fn write_sealed_indexes(&mut self) -> Result<()> {
        let active = self.segments.len() - 1;
        for at in self.first_unsynced()..active {
            let place = self.shared.place(&self.directory, self.segments[at].base_offset);
            self.segments[at].flush_indexes(place)?;
        }
        Ok(())
    }

    /// What is proved when everything written so far is durable, of which records below `up_to` count.
    fn synced_up_to(&self, up_to: i64) -> Synced {
        Synced {
            up_to,
            log: self.id,
            generation: self.generation,
            sealed_below: self.active().base_offset,
            name_changes: self.name_changes,
        }
    }

    /// The files to sync so that all but the active segment is durable; `None` if that is so already.
    /// For logs that are written too fast to sync them whole without need.
    pub fn begin_sync_sealed(&mut self) -> Result<Option<SyncJob<D>>> {
        self.shared.latch.check()?;
        let active = self.segments.len() - 1;
        if active == 0 || self.segments[active - 1].is_durable {
            return Ok(None);
        }
        let up_to = self.segments[active].base_offset;
        let result = self.sync_job_of(self.first_unsynced(), active - 1, up_to).map(Some);
        self.shared.latch.watch(result)
    }

    /// A job over the segments `first..=last`.
    fn sync_job_of(&mut self, first: usize, last: usize, up_to: i64) -> Result<SyncJob<D>> {
        let active = self.segments.len() - 1;
        let names = self.name_changes > self.durable_name_changes;
        let mut files = Vec::new();
        for at in first..=last {
            let place = self.shared.place(&self.directory, self.segments[at].base_offset);
            let segment = &mut self.segments[at];
            files.push(segment.file(place)?);
            if at < active {
                segment.flush_indexes(place)?;
                files.extend(segment.index_files(place)?);
            }
        }
        if self.forgotten_unsynced > self.durable_name_changes {
            files.extend(self.leaving_files()?);
        }
        let mut directories = Vec::new();
        if names {
            directories.push(self.directory.clone());
        }
        if self.is_new {
            files.extend(self.topic_id_file()?);
            directories.extend(self.directory.parent().map(Path::to_owned));
        }
        Ok(SyncJob {
            disk: self.shared.files.disk().clone(),
            latch: self.shared.latch.clone(),
            files,
            directory: self.directory.clone(),
            directories,
            synced: self.synced_up_to(up_to),
        })
    }

    /// The file that names the topic: a log whose topic is not known for sure may not be led, so the
    /// name becomes durable with the first records.
    fn topic_id_file(&self) -> Result<Option<Arc<D::File>>> {
        let path = self.directory.join(PARTITION_METADATA);
        let disk = self.shared.files.disk();
        if !disk.exists(&path) {
            return Ok(None);
        }
        let file = disk.open(&path, Open::Write).map_err(|source| LogError::io(&path, source))?;
        Ok(Some(Arc::new(file)))
    }

    /// Takes note of a finished sync.
    pub fn finish_sync(&mut self, synced: Synced) {
        if (synced.log, synced.generation) != (self.id, self.generation) {
            return;
        }
        self.recovery_point = self.recovery_point.max(synced.up_to);
        for segment in &mut self.segments {
            segment.is_durable |= segment.base_offset < synced.sealed_below;
        }
        self.durable_name_changes = self.durable_name_changes.max(synced.name_changes);
        self.is_new = false;
        self.check();
    }

    /// Makes everything appended so far durable, here and now.
    pub fn sync(&mut self) -> Result<()> {
        if let Some(job) = self.begin_sync()? {
            let synced = job.run()?;
            self.finish_sync(synced);
        }
        Ok(())
    }

    /// Makes the log durable with complete, trimmed indexes, so that it opens without a scan, and
    /// closes its files. The log may be used on. A log that never held anything has nothing to lose and
    /// costs nothing.
    pub fn close(&mut self) -> Result<()> {
        self.shared.latch.check()?;
        if self.was_used() {
            let result = self.seal_active().and_then(|index_files| {
                let failed = |source| LogError::Io { path: self.directory.clone(), source };
                index_files.iter().try_for_each(|file| file.sync()).map_err(failed)
            });
            self.shared.latch.watch(result)?;
            self.sync()?;
        }
        self.close_files()
    }

    /// As [`Log::close`], for a log whose file system is synced as a whole: completes the indexes. What is
    /// returned must be synced and given to [`Log::finish_sync`] before the log counts as closed.
    pub fn begin_close_together(&mut self) -> Result<Option<Dirty>> {
        self.shared.latch.check()?;
        if self.was_used() {
            let result = self.seal_active().map(drop);
            self.shared.latch.watch(result)?;
        }
        let dirty = self.begin_commit_together()?.filter(|_| self.was_used());
        self.close_files().map(|()| dirty)
    }

    fn was_used(&self) -> bool {
        self.log_end > 0 || self.segments.len() > 1
    }

    fn close_files(&mut self) -> Result<()> {
        let active = self.segments.last_mut().expect(NEVER_EMPTY);
        let place = self.shared.place(&self.directory, active.base_offset);
        let result = active.trim(place).map(drop);
        self.shared.latch.watch(result)?;
        for segment in &mut self.segments {
            segment.close(&self.shared.files);
        }
        self.finish_removals()
    }

    /// Completes the indexes of the active segment; returns those that changed, to be synced.
    fn seal_active(&mut self) -> Result<Vec<Arc<D::File>>> {
        let active = self.segments.last_mut().expect(NEVER_EMPTY);
        let place = self.shared.place(&self.directory, active.base_offset);
        if !active.seal(place)? {
            return Ok(Vec::new());
        }
        self.name_changes += 1;
        active.index_files(place)
    }

    /// Takes note that the directory was just made: the first sync makes its name durable, too.
    pub(crate) fn note_new_directory(&mut self) {
        self.is_new = true;
        self.name_changes += 1;
    }

    /// Gives back memory that an idle log needs not hold. Call it now and then.
    pub fn rest(&mut self) {
        self.tail.forget_lost();
    }

    /// The leader epochs stored beside the log, oldest first.
    pub fn read_epochs(&self) -> Result<Vec<EpochStart>> {
        checkpoint::read_epochs(self.shared.files.disk(), &self.directory.join(LEADER_EPOCHS))
    }

    /// Replaces the stored leader epochs.
    pub fn write_epochs(&mut self, epochs: &[EpochStart]) -> Result<()> {
        self.shared.latch.check()?;
        let path = self.directory.join(LEADER_EPOCHS);
        self.shared.latch.watch(checkpoint::write_epochs(self.shared.files.disk(), &path, epochs))
    }

    /// Adds an aborted transaction, whose marker has just been appended, to the active segment's index.
    pub fn append_aborted(&mut self, aborted: &AbortedTransaction) -> Result<()> {
        self.shared.latch.check()?;
        let at = self.segment_at(aborted.last_offset);
        let place = self.shared.place(&self.directory, self.segments[at].base_offset);
        let result = self.segments[at].aborts.push(place, aborted);
        self.shared.latch.watch(result)
    }

    /// The aborted transactions that overlap `from..to`, by the offset of their marker.
    pub fn aborted_transactions(&self, from: i64, to: i64) -> Result<Vec<AbortedTransaction>> {
        let mut found = Vec::new();
        for segment in &self.segments[self.segment_at(from)..] {
            if segment.aborts.len() == 0 {
                continue;
            }
            let place = self.shared.place(&self.directory, segment.base_offset);
            for aborted in segment.aborts.all(place)? {
                if aborted.last_offset >= from && aborted.first_offset < to {
                    found.push(aborted);
                }
                if aborted.last_stable_offset >= to {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    /// The length that a new segment's file has before anything is in it.
    fn preallocated_bytes(&self) -> u32 {
        if self.config.preallocate { self.config.segment_bytes.min(SEGMENT_BYTES_MAX) } else { 0 }
    }

    fn active(&self) -> &Segment {
        self.segments.last().expect(NEVER_EMPTY)
    }

    /// Number of the segment that holds `offset`, or would.
    fn segment_at(&self, offset: i64) -> usize {
        self.segments.partition_point(|segment| segment.base_offset <= offset).saturating_sub(1)
    }

    fn check(&self) {
        assert!(self.log_start <= self.log_end);
        assert!(self.recovery_point <= self.log_end);
        assert!(self.active().base_offset <= self.log_end);
        assert!(self.active().size <= SEGMENT_BYTES_MAX);
    }
}

/// A log that is gone holds no file open: those of a deleted partition would keep their space.
impl<D: Disk> Drop for Log<D> {
    fn drop(&mut self) {
        for segment in &mut self.segments {
            segment.close(&self.shared.files);
        }
    }
}

impl<D: Disk> Shared<D> {
    pub(crate) fn place<'a>(&'a self, directory: &'a Path, base_offset: i64) -> Place<'a, D> {
        Place { files: &self.files, directory, base_offset, suffix: "" }
    }
}

const NEVER_EMPTY: &str = "a log has at least one segment";
