//! Opening a log: what the files in its directory mean, and which of them can be believed.
//!
//! After a clean stop everything is believed. Otherwise everything below the recovery point is, and
//! the rest is read and checked batch by batch; the log ends before the first that is not sound.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clock::WallTime;
use disk::Disk;

use super::{Log, LogConfig, Shared};
use crate::error::{LogError, Result};
use crate::index::TimeEntry;
use crate::limits::VOUCHED_BATCH_BYTES_MAX;
use crate::names::{FileKind, FileName};
use crate::scan::{Scan, Step};
use crate::segment::{Lengths, Segment};
use crate::table::Place;

/// What the checkpoints of the log directory say about a log.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Recovery {
    /// Whether the log directory was closed cleanly.
    pub clean: bool,
    /// Offset below which everything had been synced.
    pub recovery_point: i64,
    /// First offset of the log, where it is not that of its first segment.
    pub log_start: i64,
    /// First offset that was not compacted yet: below, offsets may be missing between segments.
    pub first_dirty: i64,
}

/// What opening a log found.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Opened {
    /// What was repaired, in words for an operator.
    pub notes: Vec<String>,
    /// First offset whose batches were checked; the index of aborted transactions is complete below.
    pub checked_from: i64,
    /// Bytes that were read to check them.
    pub checked_bytes: u64,
}

impl<D: Disk> Log<D> {
    /// Opens the log in `directory`, which exists; begins an empty one if it holds no segment.
    pub(crate) fn open(
        shared: Shared<D>,
        directory: PathBuf,
        config: LogConfig,
        recovery: Recovery,
        now: WallTime,
    ) -> Result<(Self, Opened)> {
        shared.latch.check()?;
        let latch = shared.latch.clone();
        latch.watch(Self::open_or_fail(shared, directory, config, recovery, now))
    }

    fn open_or_fail(
        shared: Shared<D>,
        directory: PathBuf,
        config: LogConfig,
        recovery: Recovery,
        now: WallTime,
    ) -> Result<(Self, Opened)> {
        let jitter_seed = u64::from(crc32c::crc32c(directory.to_string_lossy().as_bytes())) << 16;
        let mut log = Log {
            id: shared.files.unique(),
            shared,
            directory,
            config,
            segments: Vec::with_capacity(1),
            snapshots: Vec::new(),
            log_start: 0,
            log_end: 0,
            recovery_point: 0,
            tail: Default::default(),
            hints: Default::default(),
            next_hint: 0,
            generation: 0,
            layout: 0,
            leaving: Default::default(),
            name_changes: 0,
            durable_name_changes: 0,
            forgotten_unsynced: 0,
            is_new: false,
            jitter_seed,
        };
        let mut opened = Opened::default();
        log.finish_swaps(&mut opened)?;
        log.list_segments(now, &mut opened)?;
        if log.segments.is_empty() {
            let place = log.shared.place(&log.directory, recovery.log_start);
            let first = Segment::create(place, now.as_ms(), log.preallocated_bytes())?;
            log.segments.push(first);
            log.name_changes += 1;
        }
        if recovery.clean {
            log.trust(&mut opened)?;
            if !log.was_used() {
                // A log without records is closed without a sync: not even its name need be durable.
                log.note_new_directory();
            }
        } else {
            // Whoever made the directory may have been killed before its first sync.
            log.note_new_directory();
            log.check_from(recovery, &mut opened)?
        }
        log.log_start = recovery.log_start.max(log.segments[0].base_offset);
        if log.log_start > log.log_end {
            let (start, end) = (log.log_start, log.log_end);
            opened.notes.push(format!(
                "the log ends at {end}, before its start {start}: it goes on empty at its start"
            ));
            log.start_over(start, now)?;
        }
        let end = log.log_end;
        log.remove_producer_snapshots_above(end)?;
        log.remove_stray_snapshots()?;
        log.check();
        Ok((log, opened))
    }

    /// Completes or undoes what a cleaner left half done. `.cleaned` files never counted yet; `.swap`
    /// files already replace the segments whose offsets they span.
    fn finish_swaps(&mut self, opened: &mut Opened) -> Result<()> {
        let disk = self.shared.files.disk().clone();
        let mut swaps: Vec<(FileKind, i64, String)> = Vec::new();
        let mut first_cleaned = i64::MAX;
        for entry in self.list()? {
            let path = self.directory.join(&entry.name);
            match FileName::parse(&entry.name) {
                FileName::Deleted => disk.remove(&path).map_err(|source| LogError::io(&path, source))?,
                FileName::Cleaned { base_offset } => {
                    first_cleaned = first_cleaned.min(base_offset);
                    disk.remove(&path).map_err(|source| LogError::io(&path, source))?;
                }
                FileName::Swap { kind, base_offset } => swaps.push((kind, base_offset, entry.name)),
                _ => {}
            }
        }
        // A swap that began while its successors were still being cleaned was not agreed on.
        swaps.retain(|(_, base_offset, name)| {
            let agreed = *base_offset < first_cleaned;
            if !agreed {
                let _ = disk.remove(&self.directory.join(name));
            }
            agreed
        });
        if swaps.is_empty() {
            return Ok(());
        }
        for (_, base_offset, name) in swaps.iter().filter(|(kind, ..)| *kind == FileKind::Log) {
            let end = self.end_of_file(&self.directory.join(name))?;
            self.remove_spanned(*base_offset, end.unwrap_or(*base_offset))?;
            opened.notes.push(format!("completed the cleaning of the segment at {base_offset}"));
        }
        for (kind, base_offset, name) in &swaps {
            let (from, to) = (self.directory.join(name), kind.path(&self.directory, *base_offset));
            disk.rename(&from, &to).map_err(|source| LogError::io(&from, source))?;
        }
        disk.sync_directory(&self.directory).map_err(|source| LogError::io(&self.directory, source))
    }

    /// Offset after the last batch of a file of batches.
    fn end_of_file(&self, path: &std::path::Path) -> Result<Option<i64>> {
        let fail = |source| LogError::io(path, source);
        let file = self.shared.files.disk().open(path, disk::Open::Read).map_err(fail)?;
        let length = disk::File::length(&file).map_err(fail)?;
        let mut scan = Scan::new(&file, 0, length.min(u64::from(u32::MAX)) as u32);
        let mut end = None;
        while let Step::Batch { facts, .. } = scan.step().map_err(fail)? {
            end = Some(facts.next_offset());
        }
        Ok(end)
    }

    /// Removes the segments with base offsets in `from..to`, which a cleaned one replaces.
    fn remove_spanned(&self, from: i64, to: i64) -> Result<()> {
        for entry in self.list()? {
            if let FileName::Segment { kind, base_offset } = FileName::parse(&entry.name)
                && kind != FileKind::ProducerSnapshot
                && (from..to.max(from + 1)).contains(&base_offset)
            {
                let path = self.directory.join(&entry.name);
                self.shared.files.disk().remove(&path).map_err(|source| LogError::io(&path, source))?;
            }
        }
        Ok(())
    }

    /// Reads the directory: segments with the lengths of their files, and snapshots.
    fn list_segments(&mut self, now: WallTime, opened: &mut Opened) -> Result<()> {
        let mut lengths: BTreeMap<i64, (bool, Lengths)> = BTreeMap::new();
        let mut orphans = Vec::new();
        for entry in self.list()? {
            let FileName::Segment { kind, base_offset } = FileName::parse(&entry.name) else { continue };
            if kind == FileKind::ProducerSnapshot {
                self.snapshots.push(base_offset);
                continue;
            }
            let (has_log, lengths) = lengths.entry(base_offset).or_default();
            match kind {
                FileKind::Log => (*has_log, lengths.log) = (true, entry.length),
                FileKind::OffsetIndex => lengths.offsets = Some(entry.length),
                FileKind::TimeIndex => lengths.times = Some(entry.length),
                _ => lengths.aborts = Some(entry.length),
            }
        }
        for (base_offset, (has_log, lengths)) in lengths {
            if has_log {
                self.segments.push(Segment::existing(&self.shared.files, base_offset, now.as_ms(), lengths));
            } else {
                orphans.push(base_offset);
            }
        }
        for base_offset in orphans {
            opened.notes.push(format!("removed indexes without a segment at {base_offset}"));
            for kind in [FileKind::OffsetIndex, FileKind::TimeIndex, FileKind::AbortIndex] {
                let path = kind.path(&self.directory, base_offset);
                if self.shared.files.disk().exists(&path) {
                    self.shared.files.disk().remove(&path).map_err(|source| LogError::io(&path, source))?;
                }
            }
        }
        self.segments.shrink_to_fit();
        self.snapshots.sort_unstable();
        Ok(())
    }

    /// Believes every file, except indexes that are missing or of an impossible length.
    fn trust(&mut self, opened: &mut Opened) -> Result<()> {
        opened.checked_from = i64::MAX;
        let last = self.segments.len() - 1;
        for at in 0..self.segments.len() {
            let segment = &mut self.segments[at];
            let place = self.shared.place(&self.directory, segment.base_offset);
            let learned = if !segment.has_whole_indexes() && segment.size > 0 {
                Err(LogError::corrupt(&self.directory, "an index is missing"))
            } else if at == last {
                segment.learn_tail(place)
            } else {
                Ok(0)
            };
            match learned {
                Ok(end) if at == last => self.log_end = end,
                Ok(_) => segment.is_durable = true,
                Err(LogError::Corrupt { .. }) => {
                    let from = segment.base_offset;
                    opened.notes.push(format!("rebuilt the indexes of the segment at {from}"));
                    opened.checked_from = opened.checked_from.min(from);
                    let end = self.check_segment(at, from, opened)?;
                    if at == last {
                        self.log_end = end;
                    }
                }
                Err(other) => return Err(other),
            }
        }
        self.log_end = self.log_end.max(self.active().base_offset);
        self.recovery_point = self.log_end;
        opened.checked_from = opened.checked_from.min(self.log_end);
        Ok(())
    }

    /// Checks everything from the recovery point on, and ends the log where it stops being sound.
    fn check_from(&mut self, recovery: Recovery, opened: &mut Opened) -> Result<()> {
        let Recovery { recovery_point, first_dirty, .. } = recovery;
        let first = self.segment_at(recovery_point);
        for segment in &mut self.segments[..first] {
            segment.is_durable = true;
        }
        opened.checked_from = recovery_point.max(self.segments[first].base_offset);
        let mut rebuilt = Vec::new();
        for (at, segment) in self.segments[..first].iter().enumerate() {
            if !segment.has_whole_indexes() && segment.size > 0 {
                rebuilt.push(at);
            }
        }
        for at in rebuilt {
            let from = self.segments[at].base_offset;
            opened.notes.push(format!("rebuilt the indexes of the segment at {from}"));
            opened.checked_from = opened.checked_from.min(from);
            self.check_segment(at, from, opened)?;
        }
        let mut at = first;
        let mut end = self.segments[first].base_offset;
        while at < self.segments.len() {
            let base_offset = self.segments[at].base_offset;
            // Where a cleaner was, offsets may be missing; elsewhere what is missing was lost.
            if base_offset > end.max(recovery_point).max(first_dirty) && at > first {
                opened.notes.push(format!("offsets {end}..{base_offset} are missing: what follows is cut"));
                break;
            }
            let size = self.segments[at].size;
            end = self.check_segment(at, recovery_point, opened)?.max(base_offset);
            at += 1;
            if self.segments[at - 1].size < size {
                break;
            }
        }
        if at < self.segments.len() {
            self.name_changes += 1;
            self.remove_last(self.segments.len() - at)?;
        }
        self.log_end = end;
        self.recovery_point = recovery_point.min(end);
        Ok(())
    }

    /// Checks the batches of one segment that are not known to be durable, rebuilds its indexes from
    /// there on, and cuts what is not sound. Returns the offset after the last batch.
    fn check_segment(&mut self, at: usize, recovery_point: i64, opened: &mut Opened) -> Result<i64> {
        let segment = &mut self.segments[at];
        let place = self.shared.place(&self.directory, segment.base_offset);
        let interval = self.config.index_interval_bytes;
        segment.offsets.keep_sane(place, segment.size)?;
        segment.times.keep_sane(place, recovery_point)?;
        segment.offsets.truncate_to(place, recovery_point)?;
        segment.aborts.truncate_to(place, recovery_point)?;
        let start = vouched_start(segment, place)?;
        let mut outcome = rebuild(segment, place, start, interval, recovery_point)?;
        if outcome.first_is_torn && start > 0 {
            outcome = rebuild(segment, place, 0, interval, recovery_point)?;
        }
        opened.checked_bytes += outcome.checked_bytes;
        if outcome.sound_bytes < segment.size {
            let (cut, kept) = (segment.size - outcome.sound_bytes, outcome.sound_bytes);
            let base_offset = segment.base_offset;
            opened
                .notes
                .push(format!("cut {cut} bytes behind position {kept} of the segment at {base_offset}"));
            segment.cut_unsound(place, outcome.sound_bytes)?;
        }
        Ok(outcome.end)
    }

    fn list(&self) -> Result<Vec<disk::Entry>> {
        self.shared.files.disk().list(&self.directory).map_err(|source| LogError::io(&self.directory, source))
    }
}

/// Position to check from: where both indexes still vouch for all that comes before.
fn vouched_start<D: Disk>(segment: &mut Segment, place: Place<'_, D>) -> Result<u32> {
    let start = segment.vouched_position(place)?;
    Ok(if start < segment.size { start } else { 0 })
}

struct Rebuilt {
    /// Offset after the last sound batch.
    end: i64,
    /// Bytes up to the end of the last sound batch.
    sound_bytes: u32,
    /// Bytes of batches whose checksum was looked at.
    checked_bytes: u64,
    /// Whether not even the first batch was sound: the index led astray.
    first_is_torn: bool,
}

/// Drops the index entries from `start` on and makes them anew from checked batches. Batches below the recovery
/// point are on the disk, and only their headers are looked at; but the first, to which an index led, is checked
/// as well unless that takes long.
fn rebuild<D: Disk>(
    segment: &mut Segment,
    place: Place<'_, D>,
    start: u32,
    interval: u32,
    recovery_point: i64,
) -> Result<Rebuilt> {
    segment.forget_indexes_from(place, start)?;
    let mut rebuilt =
        Rebuilt { end: segment.base_offset, sound_bytes: start, checked_bytes: 0, first_is_torn: false };
    let file = segment.file(place)?;
    let mut scan = Scan::new(&*file, start, segment.size);
    let fail = |source| LogError::io(&place.path(FileKind::Log), source);
    while let Step::Batch { position, facts } = scan.step().map_err(fail)? {
        let in_order = facts.base_offset >= rebuilt.end && segment.can_hold_offset(facts.last_offset);
        if !in_order {
            break;
        }
        let is_short_first = position == start && facts.size <= VOUCHED_BATCH_BYTES_MAX;
        if facts.next_offset() > recovery_point || is_short_first {
            if !scan.is_sound(position, &facts).map_err(fail)? {
                break;
            }
            rebuilt.checked_bytes += u64::from(facts.size);
        }
        let newest = TimeEntry { timestamp: facts.max_timestamp, offset: facts.last_offset };
        segment.index(place, position, facts.last_offset, newest, facts.size, interval)?;
        rebuilt.end = facts.next_offset();
        rebuilt.sound_bytes = position + facts.size;
    }
    rebuilt.first_is_torn = rebuilt.sound_bytes == start && start < segment.size;
    segment.flush_indexes(place)?;
    Ok(rebuilt)
}
