//! Compaction of a log, a slice at a time: first the newest offset of each key is learned from the part
//! that is dirty, then the segments up to its end are copied without what is superseded, and each copy
//! takes the place of its originals in steps that a crash can interrupt anywhere.
//!
//! The steps are Kafka's: write and sync `.cleaned`, rename to `.swap` (from here on the copy counts),
//! rename the originals to `.deleted`, rename the copy to the final name. Opening a log completes or undoes
//! what it finds. All that takes long is in [`CompactionSlice`], which needs no log and runs anywhere: it
//! reads segments that do not change any more. The renames are the log's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use bytes::Bytes;
use clock::WallTime;
use disk::{Disk, File};
use kafka_wire::batch::{Batch, MAGIC, legacy};

use super::leaving::{DELETED, Leaving};
use super::retention::sync_names;
use super::{Log, LogConfig, Shared};
use crate::batch::{BATCH_HEADER_BYTES, BatchFacts, Batches};
use crate::compaction::{Filter, KeyMap, Verdict, is_aborted};
use crate::error::{LogError, Result};
use crate::index::{AbortedTransaction, TimeEntry};
use crate::limits::{COMPACTED_BATCH_BYTES_MAX, SEGMENT_BYTES_MAX};
use crate::segment::{Appendable, Lengths, Segment};
use crate::sync::{SyncJob, Synced};

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
    /// The last offset of each known producer; -1 for one of whom only markers are known.
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

/// A compaction under way: [`Log::compaction_slice`] and [`Log::finish_slice`] in turn, until it is over.
/// The log may be used meanwhile.
pub struct Compaction {
    log: u64,
    generation: u64,
    first_base_offset: i64,
    /// The segments as they were when it began, with files of their own.
    sources: Vec<Segment>,
    /// Base offset of the segment behind them.
    sources_end: i64,
    /// Producers of whose open transactions records were seen in this pass.
    with_records: BTreeSet<i64>,
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
    /// The copy is durable, and may take the place of its originals.
    Copied(Box<Copying>),
    Done,
}

/// The next part of a compaction. Run it anywhere, then give the outcome to [`Log::finish_slice`].
pub struct CompactionSlice<D: Disk> {
    compaction: Box<Compaction>,
    shared: Shared<D>,
    directory: PathBuf,
    config: LogConfig,
    /// What supersedes the records that go must outlive a power cut if they do not.
    sync: Option<SyncJob<D>>,
    bytes: usize,
}

/// What came of a slice.
pub struct Sliced {
    compaction: Box<Compaction>,
    synced: Option<Synced>,
    outcome: Result<()>,
}

/// What comes next.
pub enum Compacting<T> {
    /// There is more to do.
    Working(T),
    /// It is over.
    Over(Progress),
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

/// How a compaction ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
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
        let source = |segment: &Segment| {
            let lengths = Lengths { log: u64::from(segment.size), ..Lengths::default() };
            Segment::existing(&self.shared.files, segment.base_offset, now.as_ms(), lengths)
        };
        Ok(Some(Compaction {
            log: self.id,
            generation: self.generation,
            sources: self.segments[..cleanable].iter().map(source).collect(),
            sources_end: end,
            with_records: BTreeSet::new(),
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

    /// The next part of a compaction: about `bytes` bytes to read, and to write.
    pub fn compaction_slice(
        &mut self,
        mut compaction: Compaction,
        bytes: usize,
    ) -> Result<Compacting<CompactionSlice<D>>> {
        self.shared.latch.check()?;
        if !self.is_of(&compaction) {
            compaction.abandon(&self.shared, &self.directory)?;
            return Ok(Compacting::Over(Progress::Abandoned));
        }
        let sync = if self.recovery_point < compaction.end { self.begin_sync_sealed()? } else { None };
        Ok(Compacting::Working(CompactionSlice {
            compaction: Box::new(compaction),
            shared: self.shared.clone(),
            directory: self.directory.clone(),
            config: self.config,
            sync,
            bytes,
        }))
    }

    /// Takes note of a slice. After an error the compaction is over.
    pub fn finish_slice(&mut self, sliced: Sliced) -> Result<Compacting<Compaction>> {
        let Sliced { mut compaction, synced, outcome } = sliced;
        self.shared.latch.check()?;
        if !self.is_of(&compaction) {
            compaction.abandon(&self.shared, &self.directory)?;
            return Ok(Compacting::Over(Progress::Abandoned));
        }
        if let Some(synced) = synced {
            self.finish_sync(synced);
        }
        if matches!(outcome, Err(LogError::DiskFull { .. } | LogError::LargerThanSegment { .. })) {
            compaction.abandon(&self.shared, &self.directory)?;
        }
        let latch = self.shared.latch.clone();
        latch.watch(outcome)?;
        latch.watch(self.put_in_place(&mut compaction))?;
        if matches!(compaction.phase, Phase::Done) {
            return Ok(Compacting::Over(Progress::Done {
                clean_up_to: compaction.end,
                bytes_before: compaction.bytes_before,
                bytes_after: compaction.bytes_after,
            }));
        }
        Ok(Compacting::Working(*compaction))
    }

    /// Whether the log still has the segments that a compaction began with.
    fn is_of(&self, compaction: &Compaction) -> bool {
        (compaction.log, compaction.generation) == (self.id, self.generation)
            && compaction.first_base_offset == self.segments[0].base_offset
    }

    /// Lets a finished copy, if there is one, take the place of its group's segments.
    fn put_in_place(&mut self, compaction: &mut Compaction) -> Result<()> {
        let phase = std::mem::replace(&mut compaction.phase, Phase::Done);
        let Phase::Copied(copying) = phase else {
            compaction.phase = phase;
            return Ok(());
        };
        let Copying { first, count, mut output, .. } = *copying;
        compaction.phase = Phase::Between(first + count);
        let at = self.segment_at(output.base_offset);
        let place = self.shared.place(&self.directory, output.base_offset);
        let (cleaned, swap) = (place.with_suffix(CLEANED), place.with_suffix(SWAP));
        output.rename(cleaned, swap)?;
        sync_names(self.shared.files.disk(), &self.directory)?;
        let mut originals: Vec<Leaving> = Vec::with_capacity(count);
        for mut original in self.segments.drain(at..at + count) {
            original.close(&self.shared.files);
            let place = self.shared.place(&self.directory, original.base_offset);
            original.rename(place, place.with_suffix(DELETED))?;
            originals.push(Leaving::replaced(original));
        }
        output.rename(swap, place)?;
        // Nothing needs the names to be durable before their removal syncs them: until then the swap counts.
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner).extend(originals);
        output.is_durable = true;
        self.segments.insert(at, output);
        self.hints = Default::default();
        self.layout += 1;
        self.name_changes += 1;
        let end = self.segments[at + 1].base_offset;
        self.tail.forget_below(end);
        self.remove_stray_snapshots()?;
        self.check();
        Ok(())
    }
}

impl<D: Disk> CompactionSlice<D> {
    /// Does its part.
    pub fn run(mut self) -> Sliced {
        let synced = self.sync.take().map(SyncJob::run).transpose();
        let (synced, outcome) = match synced {
            Ok(synced) => (synced, self.advance()),
            Err(error) => (None, Err(error)),
        };
        // The log may be gone before the next slice; nothing of it may stay open.
        let Compaction { sources, phase, .. } = &mut *self.compaction;
        sources.iter_mut().for_each(|source| source.close(&self.shared.files));
        if let Phase::Copying(copying) | Phase::Copied(copying) = phase {
            copying.output.close(&self.shared.files);
        }
        Sliced { compaction: self.compaction, synced, outcome }
    }

    fn advance(&mut self) -> Result<()> {
        self.shared.latch.check()?;
        match &self.compaction.phase {
            Phase::Mapping(cursor) => {
                let cursor = *cursor;
                self.map(cursor)?;
            }
            Phase::Between(first) => {
                let first = *first;
                let next = self.compaction.sources.get(first);
                if next.is_none_or(|segment| segment.base_offset >= self.compaction.end) {
                    self.compaction.phase = Phase::Done;
                    return Ok(());
                }
                self.compaction.phase = Phase::Copying(Box::new(self.begin_group(first)?));
            }
            Phase::Copying(_) => self.copy()?,
            Phase::Copied(_) | Phase::Done => {}
        }
        Ok(())
    }

    /// Whole batches at a cursor, at most about as many bytes as the slice is for, or one batch.
    fn chunk(&self, cursor: Cursor) -> Result<Bytes> {
        let segment = &self.compaction.sources[cursor.segment];
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
        let wanted = first.size.max((self.bytes as u64).min(u64::from(left)) as u32);
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

    /// Learns the keys of the next batches.
    fn map(&mut self, mut cursor: Cursor) -> Result<()> {
        let chunk = self.chunk(cursor)?;
        let compaction = &mut *self.compaction;
        let mut start = 0;
        let mut batches = Batches::new(&chunk);
        while let Some(facts) = batches.next() {
            let batch = chunk.slice(start..batches.position());
            start = batches.position();
            let is_new = facts.last_offset >= compaction.rules.first_dirty;
            if is_new && !compaction.learn(&facts, batch) {
                // The memory for keys is full: clean up to here, and go on from here next time.
                compaction.end = facts.base_offset;
                compaction.phase = Phase::Between(0);
                return Ok(());
            }
        }
        cursor.position += chunk.len() as u32;
        if cursor.position >= compaction.sources[cursor.segment].size {
            cursor = Cursor { segment: cursor.segment + 1, position: 0 };
        }
        let is_over = compaction.base_offset_of(cursor.segment) >= compaction.end;
        compaction.phase = if is_over { Phase::Between(0) } else { Phase::Mapping(cursor) };
        Ok(())
    }

    /// Chooses the segments that become one: as many as fit into the size of one.
    fn begin_group(&self, first: usize) -> Result<Copying> {
        let Compaction { sources, end, now, .. } = &*self.compaction;
        let base_offset = sources[first].base_offset;
        let mut size = 0;
        let mut count = 0;
        for segment in &sources[first..] {
            let next = self.compaction.base_offset_of(first + count + 1);
            let is_full = size + u64::from(segment.size) > u64::from(self.config.segment_bytes);
            if segment.base_offset >= *end
                || (count > 0 && (is_full || next - base_offset > i64::from(i32::MAX)))
            {
                break;
            }
            size += u64::from(segment.size);
            count += 1;
        }
        let place = self.shared.place(&self.directory, base_offset).with_suffix(CLEANED);
        let output = Segment::create(place, now.as_ms(), 0)?;
        Ok(Copying { first, count, cursor: Cursor { segment: first, position: 0 }, output })
    }

    /// Copies the next batches of the group; seals the copy after the last.
    fn copy(&mut self) -> Result<()> {
        let Phase::Copying(copying) = &self.compaction.phase else { return Ok(()) };
        let chunk = self.chunk(copying.cursor)?;
        let Compaction {
            phase, sources, keys, aborted, end, now, rules, keeps_tombstones, with_records, ..
        } = &mut *self.compaction;
        let Phase::Copying(copying) = phase else { return Ok(()) };
        let Copying { first, count, cursor, output } = &mut **copying;
        let last = *first + *count - 1;
        let size = sources[cursor.segment].size;
        let place = self.shared.place(&self.directory, output.base_offset).with_suffix(CLEANED);
        let mut start = 0;
        let mut batches = Batches::new(&chunk);
        while let Some(facts) = batches.next() {
            let batch = chunk.slice(start..batches.position());
            start = batches.position();
            // The last batch of a group keeps its offsets, so that the copy spans what it replaces.
            let must_stay = cursor.segment == last && cursor.position + start as u32 == size;
            let filter = Filter {
                keys,
                aborted,
                end: *end,
                now_ms: now.as_ms(),
                delete_retention_ms: rules.delete_retention_ms,
                last_offsets: &rules.last_offsets,
                keeps_tombstones: *keeps_tombstones,
            };
            let bytes = match filter.judge(&facts, &batch, must_stay, with_records) {
                Verdict::Keep => batch,
                Verdict::Replace(bytes) => bytes,
                Verdict::Drop => continue,
            };
            *keeps_tombstones |= facts.magic != MAGIC;
            if bytes.len() > (SEGMENT_BYTES_MAX - output.size) as usize {
                // Dates for deletions made the copy outgrow what a file may hold: smaller groups next time.
                return Err(LogError::LargerThanSegment { bytes: bytes.len() });
            }
            let newest = TimeEntry { timestamp: facts.max_timestamp, offset: facts.last_offset };
            let appendable = Appendable {
                head: Bytes::new(),
                bytes,
                first_offset: facts.base_offset,
                last_offset: facts.last_offset,
                newest,
            };
            output.append(place, &appendable, self.config.index_interval_bytes)?;
        }
        cursor.position += chunk.len() as u32;
        if cursor.position < size {
            return Ok(());
        }
        if cursor.segment < last {
            *cursor = Cursor { segment: cursor.segment + 1, position: 0 };
            return Ok(());
        }
        self.seal()
    }

    /// Makes the copy complete and durable.
    fn seal(&mut self) -> Result<()> {
        let compaction = &mut *self.compaction;
        let Phase::Copying(mut copying) = std::mem::replace(&mut compaction.phase, Phase::Done) else {
            return Ok(());
        };
        let Copying { first, count, output, .. } = &mut *copying;
        let cleaned = self.shared.place(&self.directory, output.base_offset).with_suffix(CLEANED);
        let failed = |source| LogError::Io { path: self.directory.clone(), source };
        let group = output.base_offset..compaction.base_offset_of(*first + *count);
        for aborted in compaction.aborted.iter().filter(|aborted| group.contains(&aborted.last_offset)) {
            output.aborts.push(cleaned, aborted)?;
        }
        let sealed = |output: &mut Segment| -> Result<()> {
            output.seal(cleaned)?;
            output.file(cleaned)?.sync().map_err(failed)?;
            for file in output.index_files(cleaned)? {
                file.sync().map_err(failed)?;
            }
            sync_names(self.shared.files.disk(), &self.directory)
        };
        let outcome = sealed(output);
        let originals = &compaction.sources[*first..*first + *count];
        compaction.bytes_before += originals.iter().map(|original| u64::from(original.size)).sum::<u64>();
        compaction.bytes_after += u64::from(output.size);
        compaction.phase = if outcome.is_ok() { Phase::Copied(copying) } else { Phase::Copying(copying) };
        outcome
    }
}

impl Compaction {
    /// Base offset of a segment, or of what lies behind the last.
    fn base_offset_of(&self, source: usize) -> i64 {
        self.sources.get(source).map_or(self.sources_end, |segment| segment.base_offset)
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

    /// Removes what was copied so far.
    fn abandon<D: Disk>(&mut self, shared: &Shared<D>, directory: &Path) -> Result<()> {
        if let Phase::Copying(copying) | Phase::Copied(copying) =
            std::mem::replace(&mut self.phase, Phase::Done)
        {
            let place = shared.place(directory, copying.output.base_offset).with_suffix(CLEANED);
            copying.output.remove_replaced(place)?;
        }
        Ok(())
    }
}

const CLEANED: &str = ".cleaned";
const SWAP: &str = ".swap";
