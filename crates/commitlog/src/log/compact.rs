//! Compaction of a log, a slice at a time: first the newest offset of each key is learned from the part
//! that is dirty, then the segments up to its end are copied without what is superseded, and each copy
//! takes the place of its originals in steps that a crash can interrupt anywhere.
//!
//! The steps are Kafka's: write and sync `.cleaned`, rename to `.swap` (from here on the copy counts),
//! remove the originals, rename to the final name. Opening a log completes or undoes what it finds.

use std::collections::BTreeMap;

use bytes::Bytes;
use clock::WallTime;
use disk::{Disk, File};
use kafka_wire::batch::{Batch, MAGIC, legacy};

use super::Log;
use crate::batch::{BATCH_HEADER_BYTES, BatchFacts, Batches};
use crate::compaction::{Filter, KeyMap, Verdict, is_aborted};
use crate::error::{LogError, Result};
use crate::index::{AbortedTransaction, TimeEntry};
use crate::limits::{COMPACTED_BATCH_BYTES_MAX, SEGMENT_BYTES_MAX};
use crate::segment::{Appendable, Segment};

/// What to compact and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompactionRules {
    /// Everything below was compacted before.
    pub first_dirty: i64,
    /// Nothing at or above is touched: the last stable offset.
    pub below: i64,
    /// Records younger than this stay, in ms (`min.compaction.lag.ms`).
    pub lag_ms_min: i64,
    /// How long tombstones stay once nothing older is left, in ms (`delete.retention.ms`).
    pub delete_retention_ms: i64,
    /// The last offset of each known producer.
    pub last_offsets: BTreeMap<i64, i64>,
}

/// How much of a log waits for compaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dirt {
    /// Bytes that were compacted before.
    pub clean_bytes: u64,
    /// Bytes that could be compacted now.
    pub dirty_bytes: u64,
    /// Timestamp of the first dirty batch; `None` if nothing is dirty.
    pub dirty_since: Option<i64>,
}

/// A compaction under way. Drive it with [`Compaction::step`]; the log may grow meanwhile.
pub struct Compaction {
    generation: u64,
    first_base_offset: i64,
    rules: CompactionRules,
    now: WallTime,
    aborted: Vec<AbortedTransaction>,
    /// What was learned reaches up to here, exclusive.
    end: i64,
    keys: KeyMap,
    keeps_tombstones: bool,
    phase: Phase,
    bytes_before: u64,
    bytes_after: u64,
}

enum Phase {
    Mapping(Cursor),
    /// Nothing is being copied; the next group begins at this segment.
    Between(usize),
    Copying(Box<Copying>),
}

#[derive(Clone, Copy)]
struct Cursor {
    segment: usize,
    position: u32,
}

struct Copying {
    /// Number of the group's first segment, and how many it has.
    first: usize,
    count: usize,
    cursor: Cursor,
    output: Segment,
}

/// How far a compaction is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// There is more to do.
    Working,
    /// The log is clean up to an offset: the first dirty one of next time.
    Done {
        /// That offset.
        clean_up_to: i64,
        /// Bytes of the copied segments.
        bytes_before: u64,
        /// Bytes of the copies.
        bytes_after: u64,
    },
    /// The log was cut or shortened meanwhile; nothing came of it.
    Abandoned,
}

impl<D: Disk> Log<D> {
    /// How much compaction would have to do.
    pub fn dirt(&mut self, rules: &CompactionRules, now: WallTime) -> Result<Dirt> {
        let cleanable = self.cleanable(rules, now)?;
        let mut dirt = Dirt { clean_bytes: 0, dirty_bytes: 0, dirty_since: None };
        for at in 0..cleanable {
            let end = self.segments.get(at + 1).map_or(self.log_end, |next| next.base_offset);
            let size = u64::from(self.segments[at].size);
            if end <= rules.first_dirty {
                dirt.clean_bytes += size;
                continue;
            }
            dirt.dirty_bytes += size;
            if dirt.dirty_since.is_none() {
                let place = self.shared.place(&self.directory, self.segments[at].base_offset);
                dirt.dirty_since = self.segments[at].first_timestamp(place)?;
            }
        }
        Ok(dirt)
    }

    /// Begins a compaction; `None` if nothing is dirty.
    pub fn begin_compaction(&mut self, rules: CompactionRules, now: WallTime) -> Result<Option<Compaction>> {
        self.shared.latch.check()?;
        let cleanable = self.cleanable(&rules, now)?;
        let Some(end) = self.segments.get(cleanable).map(|segment| segment.base_offset) else {
            return Ok(None);
        };
        if end <= rules.first_dirty || cleanable == 0 {
            return Ok(None);
        }
        let start = self.segments[0].base_offset;
        let segment = self.segment_at(rules.first_dirty.max(start));
        Ok(Some(Compaction {
            generation: self.generation,
            first_base_offset: start,
            aborted: self.aborted_transactions(start, end)?,
            end,
            rules,
            now,
            keys: KeyMap::default(),
            keeps_tombstones: false,
            phase: Phase::Mapping(Cursor { segment, position: 0 }),
            bytes_before: 0,
            bytes_after: 0,
        }))
    }

    /// How many segments at the front may be compacted: never the active one.
    fn cleanable(&mut self, rules: &CompactionRules, now: WallTime) -> Result<usize> {
        let youngest = now.as_ms().saturating_sub(rules.lag_ms_min);
        for at in 0..self.segments.len() - 1 {
            self.learn_newest(at)?;
            let is_young = rules.lag_ms_min > 0 && self.segments[at].newest.timestamp > youngest;
            if self.segments[at + 1].base_offset > rules.below || is_young {
                return Ok(at);
            }
        }
        Ok(self.segments.len() - 1)
    }

    /// Whole batches at a cursor, at most `bytes_max` bytes or one batch.
    fn chunk(&self, cursor: Cursor, bytes_max: usize) -> Result<Bytes> {
        let segment = &self.segments[cursor.segment];
        let place = self.shared.place(&self.directory, segment.base_offset);
        let left = segment.size - cursor.position;
        if left == 0 {
            return Ok(Bytes::new());
        }
        let head = segment.read(place, cursor.position, left.min(BATCH_HEADER_BYTES as u32))?;
        let torn = || {
            LogError::corrupt(&self.directory, format!("no batch in the segment at {}", segment.base_offset))
        };
        let first = BatchFacts::parse(&head, u64::from(left)).ok_or_else(torn)?;
        let wanted = first.size.max((bytes_max as u64).min(u64::from(left)) as u32);
        let mut bytes = segment.read(place, cursor.position, wanted)?;
        let mut batches = Batches::new(&bytes);
        while batches.next().is_some() {}
        let whole = batches.position();
        if whole == 0 {
            return Err(torn());
        }
        bytes.truncate(whole);
        Ok(bytes)
    }
}

impl Compaction {
    /// Does a part of the work: reads about `bytes` bytes, and writes about as much. After an error the
    /// compaction is over.
    pub fn step<D: Disk>(&mut self, log: &mut Log<D>, bytes: usize) -> Result<Progress> {
        log.shared.latch.check()?;
        if log.generation != self.generation || log.segments[0].base_offset != self.first_base_offset {
            self.abandon(log)?;
            return Ok(Progress::Abandoned);
        }
        let latch = log.shared.latch.clone();
        let result = self.step_or_fail(log, bytes);
        if matches!(result, Err(LogError::DiskFull { .. } | LogError::LargerThanSegment { .. })) {
            self.abandon(log)?;
        }
        latch.watch(result)
    }

    fn step_or_fail<D: Disk>(&mut self, log: &mut Log<D>, bytes: usize) -> Result<Progress> {
        match &self.phase {
            Phase::Mapping(cursor) => {
                let cursor = *cursor;
                self.map(log, cursor, bytes)?;
            }
            Phase::Between(first) => {
                let first = *first;
                if log.segments[first].base_offset >= self.end {
                    return Ok(Progress::Done {
                        clean_up_to: self.end,
                        bytes_before: self.bytes_before,
                        bytes_after: self.bytes_after,
                    });
                }
                self.phase = Phase::Copying(Box::new(self.begin_group(log, first)?));
            }
            Phase::Copying(_) => self.copy(log, bytes)?,
        }
        Ok(Progress::Working)
    }

    /// Learns the keys of the next batches.
    fn map<D: Disk>(&mut self, log: &Log<D>, mut cursor: Cursor, bytes: usize) -> Result<()> {
        let chunk = log.chunk(cursor, bytes)?;
        let mut start = 0;
        let mut batches = Batches::new(&chunk);
        while let Some(facts) = batches.next() {
            let batch = chunk.slice(start..batches.position());
            start = batches.position();
            let is_new = facts.last_offset >= self.rules.first_dirty;
            if is_new && !self.learn(&facts, batch) {
                // The memory for keys is full: clean up to here, and go on from here next time.
                self.end = facts.base_offset;
                self.phase = Phase::Between(0);
                return Ok(());
            }
        }
        cursor.position += chunk.len() as u32;
        if cursor.position >= log.segments[cursor.segment].size {
            cursor = Cursor { segment: cursor.segment + 1, position: 0 };
        }
        let is_over = log.segments[cursor.segment].base_offset >= self.end;
        self.phase = if is_over { Phase::Between(0) } else { Phase::Mapping(cursor) };
        Ok(())
    }

    /// Learns the keys of one batch; false if there is no memory for them.
    fn learn(&mut self, facts: &BatchFacts, batch: Bytes) -> bool {
        let undone =
            facts.is_transactional() && is_aborted(&self.aborted, facts.producer_id, facts.base_offset);
        if facts.is_control() || undone {
            return true;
        }
        let records: Vec<_> = if facts.magic == MAGIC {
            let mut rest = batch;
            let Ok(Some(batch)) = Batch::take_first(&mut rest) else { return true };
            let Ok(records) = batch.records(COMPACTED_BATCH_BYTES_MAX) else { return true };
            records.map_while(|record| record.ok()).collect()
        } else {
            legacy::records(batch, COMPACTED_BATCH_BYTES_MAX).unwrap_or_default()
        };
        records.iter().all(|record| record.key.as_ref().is_none_or(|key| self.keys.put(key, record.offset)))
    }

    /// Chooses the segments that become one: as many as fit into the size of one.
    fn begin_group<D: Disk>(&self, log: &Log<D>, first: usize) -> Result<Copying> {
        let base_offset = log.segments[first].base_offset;
        let mut size = 0;
        let mut count = 0;
        for segment in log.segments[first..log.segments.len() - 1].iter() {
            let next = log.segments[first + count + 1].base_offset;
            let is_full = size + u64::from(segment.size) > u64::from(log.config.segment_bytes);
            if segment.base_offset >= self.end
                || (count > 0 && (is_full || next - base_offset > i64::from(i32::MAX)))
            {
                break;
            }
            size += u64::from(segment.size);
            count += 1;
        }
        let place = log.shared.place(&log.directory, base_offset).with_suffix(CLEANED);
        let output = Segment::create(place, self.now.as_ms())?;
        Ok(Copying { first, count, cursor: Cursor { segment: first, position: 0 }, output })
    }

    /// Copies the next batches of the group; puts the copy in place after the last.
    fn copy<D: Disk>(&mut self, log: &mut Log<D>, bytes: usize) -> Result<()> {
        let Phase::Copying(copying) = &mut self.phase else { return Ok(()) };
        let Copying { first, count, cursor, output } = &mut **copying;
        let last = *first + *count - 1;
        let chunk = log.chunk(*cursor, bytes)?;
        let size = log.segments[cursor.segment].size;
        let place = log.shared.place(&log.directory, output.base_offset).with_suffix(CLEANED);
        let mut start = 0;
        let mut batches = Batches::new(&chunk);
        while let Some(facts) = batches.next() {
            let batch = chunk.slice(start..batches.position());
            start = batches.position();
            // The last batch of a group keeps its offsets, so that the copy spans what it replaces.
            let must_stay = cursor.segment == last && cursor.position + start as u32 == size;
            let filter = Filter {
                keys: &self.keys,
                aborted: &self.aborted,
                end: self.end,
                now_ms: self.now.as_ms(),
                delete_retention_ms: self.rules.delete_retention_ms,
                last_offsets: &self.rules.last_offsets,
                keeps_tombstones: self.keeps_tombstones,
            };
            let bytes = match filter.judge(&facts, &batch, must_stay) {
                Verdict::Keep => batch,
                Verdict::Replace(bytes) => bytes,
                Verdict::Drop => continue,
            };
            self.keeps_tombstones |= facts.magic != MAGIC;
            if bytes.len() > (SEGMENT_BYTES_MAX - output.size) as usize {
                // Dates for deletions made the copy outgrow what a file may hold: smaller groups next time.
                return Err(LogError::LargerThanSegment { bytes: bytes.len() });
            }
            let newest = TimeEntry { timestamp: facts.max_timestamp, offset: facts.last_offset };
            let appendable =
                Appendable { bytes, first_offset: facts.base_offset, last_offset: facts.last_offset, newest };
            output.append(place, &appendable, log.config.index_interval_bytes)?;
        }
        cursor.position += chunk.len() as u32;
        if cursor.position < size {
            return Ok(());
        }
        if cursor.segment < last {
            *cursor = Cursor { segment: cursor.segment + 1, position: 0 };
            return Ok(());
        }
        self.put_in_place(log)
    }

    /// Lets the copy take the place of the group's segments.
    fn put_in_place<D: Disk>(&mut self, log: &mut Log<D>) -> Result<()> {
        let first = match &self.phase {
            Phase::Copying(copying) => copying.first,
            _ => return Ok(()),
        };
        let Phase::Copying(copying) = std::mem::replace(&mut self.phase, Phase::Between(first + 1)) else {
            return Ok(());
        };
        let Copying { count, mut output, .. } = *copying;
        // What supersedes the records that go must outlive a power cut if they do not.
        if log.recovery_point < self.end
            && let Some(job) = log.begin_sync_sealed()?
        {
            let synced = job.run()?;
            log.finish_sync(synced);
        }
        let disk = log.shared.files.disk().clone();
        let failed = |source| LogError::Io { path: log.directory.clone(), source };
        let place = log.shared.place(&log.directory, output.base_offset);
        let (cleaned, swap) = (place.with_suffix(CLEANED), place.with_suffix(SWAP));
        for original in &log.segments[first..first + count] {
            self.bytes_before += u64::from(original.size);
            let original_place = log.shared.place(&log.directory, original.base_offset);
            for aborted in original.aborts.all(original_place)? {
                output.aborts.push(cleaned, &aborted)?;
            }
        }
        self.bytes_after += u64::from(output.size);
        output.seal(cleaned)?;
        output.file(cleaned)?.sync().map_err(failed)?;
        for file in output.index_files(cleaned)? {
            file.sync().map_err(failed)?;
        }
        disk.sync_directory(&log.directory).map_err(failed)?;
        output.rename(cleaned, swap)?;
        disk.sync_directory(&log.directory).map_err(failed)?;
        for original in log.segments.drain(first..first + count) {
            let original_place = log.shared.place(&log.directory, original.base_offset);
            original.remove_replaced(original_place)?;
        }
        output.rename(swap, place)?;
        disk.sync_directory(&log.directory).map_err(failed)?;
        output.is_durable = true;
        log.segments.insert(first, output);
        log.hints = Default::default();
        log.layout += 1;
        let end = log.segments[first + 1].base_offset;
        log.tail.forget_below(end);
        log.remove_stray_snapshots()?;
        log.check();
        Ok(())
    }

    /// Removes what was copied so far.
    fn abandon<D: Disk>(&mut self, log: &mut Log<D>) -> Result<()> {
        if let Phase::Copying(copying) = std::mem::replace(&mut self.phase, Phase::Between(0)) {
            let place = log.shared.place(&log.directory, copying.output.base_offset).with_suffix(CLEANED);
            copying.output.remove_replaced(place)?;
        }
        Ok(())
    }
}

const CLEANED: &str = ".cleaned";
const SWAP: &str = ".swap";
