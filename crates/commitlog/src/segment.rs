//! One segment: a `.log` file of batches and its indexes. It knows where its batches lie and nothing
//! of what they mean to producers, leaders or consumers.

use std::sync::Arc;

use bytes::Bytes;
use disk::{Disk, File, Open};

use crate::batch::BatchFacts;
use crate::error::{LogError, Result};
use crate::files::{FileTicket, Files};
use crate::index::{AbortIndex, OffsetEntry, OffsetIndex, TimeEntry, TimeIndex};
use crate::limits::SEGMENT_BYTES_MAX;
use crate::names::FileKind;
use crate::scan::{Scan, Step};
use crate::table::Place;

/// A segment of a log.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) base_offset: i64,
    /// Bytes in the `.log` file.
    pub(crate) size: u32,
    ticket: FileTicket,
    pub(crate) offsets: OffsetIndex,
    pub(crate) times: TimeIndex,
    pub(crate) aborts: AbortIndex,
    /// Largest timestamp and the last offset of the batch that holds it; -1 and the base offset if
    /// there is none.
    pub(crate) newest: TimeEntry,
    /// Largest timestamp of the first append: what rolling by time counts from.
    pub(crate) first_timestamp: Option<i64>,
    /// When this process first saw the segment, for records without timestamps.
    pub(crate) opened_at_ms: i64,
    /// Whether every file of this segment, which is not the active one, has been synced.
    pub(crate) is_durable: bool,
    /// Whether the index files are complete and no longer than their entries.
    sealed: bool,
    /// Whether the `.log` file may be longer than its batches: room that was taken ahead.
    is_roomy: bool,
    bytes_since_index: u32,
}

/// Whole batches, ready to be written as they are.
#[derive(Clone, Debug)]
pub(crate) struct Appendable {
    /// What is new in front of `bytes`: the first fields of a large batch, whose records stay where they were
    /// received. Empty for all others.
    pub(crate) head: Bytes,
    pub(crate) bytes: Bytes,
    pub(crate) first_offset: i64,
    pub(crate) last_offset: i64,
    pub(crate) newest: TimeEntry,
}

impl Appendable {
    /// Bytes of both pieces.
    pub(crate) fn len(&self) -> usize {
        self.head.len() + self.bytes.len()
    }
}

/// Lengths of a segment's files as a directory listing shows them.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Lengths {
    pub(crate) log: u64,
    pub(crate) offsets: Option<u64>,
    pub(crate) times: Option<u64>,
    pub(crate) aborts: Option<u64>,
}

impl Segment {
    /// A new, empty segment; creates its `.log` file, with `room` bytes of length ahead of its batches.
    pub(crate) fn create<D: Disk>(place: Place<'_, D>, now_ms: i64, room: u32) -> Result<Self> {
        let files = place.files;
        let mut segment = Segment::over(files, place.base_offset, now_ms, 0, Lengths::default());
        let file = place.open(&segment.ticket, FileKind::Log, Open::Replace)?;
        if room > 0 {
            file.set_length(u64::from(room)).map_err(place.fail(FileKind::Log))?;
            segment.is_roomy = true;
        }
        Ok(segment)
    }

    /// Gives back the room that was taken ahead: the file ends with its last batch. Returns whether there was any.
    pub(crate) fn trim<D: Disk>(&mut self, place: Place<'_, D>) -> Result<bool> {
        if !self.is_roomy {
            return Ok(false);
        }
        let file = self.file(place)?;
        file.set_length(u64::from(self.size)).map_err(place.fail(FileKind::Log))?;
        self.is_roomy = false;
        Ok(true)
    }

    /// A segment whose files exist, with indexes that are trusted.
    pub(crate) fn existing<D: Disk>(
        files: &Files<D>,
        base_offset: i64,
        now_ms: i64,
        lengths: Lengths,
    ) -> Self {
        Segment::over(
            files,
            base_offset,
            now_ms,
            lengths.log.min(u64::from(SEGMENT_BYTES_MAX)) as u32,
            lengths,
        )
    }

    fn over<D: Disk>(files: &Files<D>, base_offset: i64, now_ms: i64, size: u32, lengths: Lengths) -> Self {
        Segment {
            base_offset,
            size,
            ticket: files.ticket(),
            offsets: lengths
                .offsets
                .map_or_else(|| OffsetIndex::new(files), |bytes| OffsetIndex::existing(files, bytes)),
            times: lengths
                .times
                .map_or_else(|| TimeIndex::new(files), |bytes| TimeIndex::existing(files, bytes)),
            aborts: lengths
                .aborts
                .map_or_else(|| AbortIndex::new(files), |bytes| AbortIndex::existing(files, bytes)),
            newest: TimeEntry { timestamp: -1, offset: base_offset },
            first_timestamp: None,
            opened_at_ms: now_ms,
            is_durable: false,
            sealed: lengths.offsets.is_some_and(|bytes| bytes % 8 == 0)
                && lengths.times.is_some_and(|bytes| bytes % 12 == 0),
            is_roomy: false,
            bytes_since_index: 0,
        }
    }

    /// The open `.log` file.
    pub(crate) fn file<D: Disk>(&self, place: Place<'_, D>) -> Result<Arc<D::File>> {
        place.open(&self.ticket, FileKind::Log, Open::Write)
    }

    /// Whether an offset can be stored relative to the base offset.
    pub(crate) fn can_hold_offset(&self, offset: i64) -> bool {
        (0..=i64::from(i32::MAX)).contains(&(offset - self.base_offset))
    }

    /// Writes whole batches behind the last one. On failure the file is cut back to what it was.
    pub(crate) fn append<D: Disk>(
        &mut self,
        place: Place<'_, D>,
        batches: &Appendable,
        interval: u32,
    ) -> Result<()> {
        assert!(self.can_hold_offset(batches.last_offset));
        assert!(batches.len() <= (SEGMENT_BYTES_MAX - self.size) as usize);
        let file = self.file(place)?;
        let written = if batches.head.is_empty() {
            file.write_at(&batches.bytes, u64::from(self.size))
        } else {
            file.write_pair_at(&batches.head, &batches.bytes, u64::from(self.size))
        };
        if let Err(error) = written {
            let cut = file.set_length(u64::from(self.size));
            // A write that failed for lack of space and was undone leaves a sound log behind.
            return Err(place.fail(FileKind::Log)(if cut.is_ok() {
                error
            } else {
                std::io::ErrorKind::Other.into()
            }));
        }
        let position = self.size;
        let bytes = batches.len() as u32;
        self.size += bytes;
        self.index(place, position, batches.last_offset, batches.newest, bytes, interval)
    }

    /// Accounts for batches at `position` that the file already holds: what an append and a recovery
    /// have in common.
    pub(crate) fn index<D: Disk>(
        &mut self,
        place: Place<'_, D>,
        position: u32,
        last_offset: i64,
        newest: TimeEntry,
        bytes: u32,
        interval: u32,
    ) -> Result<()> {
        self.sealed = false;
        if position == 0 {
            self.first_timestamp = Some(newest.timestamp);
        }
        if newest.timestamp > self.newest.timestamp {
            self.newest = newest;
        }
        if self.bytes_since_index > interval {
            match self.add_index_entries(place, OffsetEntry { offset: last_offset, position }) {
                Ok(()) => self.bytes_since_index = 0,
                // The batches are in the log already; a sparse index can do without this entry.
                Err(LogError::DiskFull { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.bytes_since_index = self.bytes_since_index.saturating_add(bytes);
        Ok(())
    }

    fn add_index_entries<D: Disk>(&mut self, place: Place<'_, D>, entry: OffsetEntry) -> Result<()> {
        self.times.push(place, self.newest)?;
        self.offsets.push(place, entry)
    }

    /// The first batch at or after `from` that ends with `offset` or later.
    pub(crate) fn find_from<D: Disk>(
        &self,
        place: Place<'_, D>,
        from: u32,
        offset: i64,
    ) -> Result<Option<(u32, BatchFacts)>> {
        self.first_from(place, from, |facts| facts.last_offset >= offset)
    }

    /// The first batch that ends with `offset` or later.
    pub(crate) fn find<D: Disk>(
        &self,
        place: Place<'_, D>,
        offset: i64,
    ) -> Result<Option<(u32, BatchFacts)>> {
        let from = self.offsets.position_before(place, offset)?;
        match self.find_from(place, from, offset) {
            // An index that was damaged after it was sealed shows here first; the file itself decides.
            Ok(Some((position, facts))) if position == from && from > 0 && facts.base_offset > offset => {}
            Err(LogError::Corrupt { .. }) if from > 0 => {}
            found => return found,
        }
        self.find_from(place, 0, offset)
    }

    /// The first batch whose largest timestamp is not below `timestamp`.
    pub(crate) fn find_timestamp<D: Disk>(
        &self,
        place: Place<'_, D>,
        timestamp: i64,
        from_offset: i64,
    ) -> Result<Option<(u32, BatchFacts)>> {
        let known = self.times.offset_before(place, timestamp)?;
        let from = self.offsets.position_before(place, known.max(from_offset))?;
        self.first_from(place, from, |facts| {
            facts.max_timestamp >= timestamp && facts.last_offset >= from_offset
        })
    }

    fn first_from<D: Disk>(
        &self,
        place: Place<'_, D>,
        from: u32,
        mut wanted: impl FnMut(&BatchFacts) -> bool,
    ) -> Result<Option<(u32, BatchFacts)>> {
        let mut found = None;
        self.walk(place, from, |position, facts| {
            found = wanted(facts).then_some((position, *facts));
            Ok(found.is_none())
        })?;
        Ok(found)
    }

    /// Calls `each` for every batch from a position on, until it says to stop; returns whether it
    /// never did.
    pub(crate) fn walk<D: Disk>(
        &self,
        place: Place<'_, D>,
        from: u32,
        mut each: impl FnMut(u32, &BatchFacts) -> Result<bool>,
    ) -> Result<bool> {
        let file = self.file(place)?;
        let mut scan = Scan::new(&*file, from, self.size);
        loop {
            match scan.step().map_err(place.fail(FileKind::Log))? {
                Step::Batch { position, facts } => {
                    if !each(position, &facts)? {
                        return Ok(false);
                    }
                }
                Step::End => return Ok(true),
                Step::Torn { position } => return Err(self.torn(place, position)),
            }
        }
    }

    /// Reads `length` bytes at `position`, all of which are in the file.
    pub(crate) fn read<D: Disk>(&self, place: Place<'_, D>, position: u32, length: u32) -> Result<Bytes> {
        assert!(u64::from(position) + u64::from(length) <= u64::from(self.size));
        let file = self.file(place)?;
        let bytes =
            file.read_vec_at(length as usize, u64::from(position)).map_err(place.fail(FileKind::Log))?;
        Ok(bytes.into())
    }

    /// Cuts everything from the batch that holds `offset` on.
    pub(crate) fn truncate<D: Disk>(&mut self, place: Place<'_, D>, offset: i64) -> Result<()> {
        if let Some((position, facts)) = self.find(place, offset)? {
            let cut_offset = facts.base_offset.min(offset);
            self.cut(place, position, cut_offset)?;
        }
        Ok(())
    }

    /// Cuts the file at `position`, where the batch with `offset` began, and the indexes with it.
    pub(crate) fn cut<D: Disk>(&mut self, place: Place<'_, D>, position: u32, offset: i64) -> Result<()> {
        self.sealed = false;
        self.is_durable = false;
        self.offsets.truncate_to(place, offset)?;
        self.times.truncate_to(place, offset)?;
        self.aborts.truncate_to(place, offset)?;
        let file = self.file(place)?;
        file.set_length(u64::from(position)).map_err(place.fail(FileKind::Log))?;
        self.size = position;
        self.bytes_since_index = 0;
        self.newest =
            self.times.last(place)?.unwrap_or(TimeEntry { timestamp: -1, offset: self.base_offset });
        if position == 0 {
            self.first_timestamp = None;
        }
        self.learn_tail(place).map(|_| ())
    }

    /// Walks from the last place that both indexes vouch for to the end of the file, to learn the
    /// newest timestamp and the next offset. The batches are trusted.
    pub(crate) fn learn_tail<D: Disk>(&mut self, place: Place<'_, D>) -> Result<i64> {
        let from = self.vouched_position(place)?;
        let last = self.offsets.last(place)?;
        if self.size > 0
            && (from >= self.size || (self.offsets.len() > 1 && last.is_some_and(|last| last.position == 0)))
        {
            return Err(self.torn(place, from));
        }
        let mut newest =
            self.times.last(place)?.unwrap_or(TimeEntry { timestamp: -1, offset: self.base_offset });
        let mut next_offset = self.base_offset;
        self.walk(place, from, |_, facts| {
            if facts.max_timestamp > newest.timestamp {
                newest = TimeEntry { timestamp: facts.max_timestamp, offset: facts.last_offset };
            }
            next_offset = facts.next_offset();
            Ok(true)
        })?;
        if last.is_some_and(|last| last.offset >= next_offset) {
            return Err(self.torn(place, from));
        }
        self.newest = newest;
        Ok(next_offset)
    }

    /// Position of a batch before which nothing is unknown to either index: the last entry of the
    /// offset index or, if the time index ends earlier, the place of its last offset.
    pub(crate) fn vouched_position<D: Disk>(&self, place: Place<'_, D>) -> Result<u32> {
        let Some(last) = self.offsets.last(place)? else { return Ok(0) };
        let Some(newest) = self.times.last(place)? else { return Ok(0) };
        if newest.offset >= last.offset {
            Ok(last.position)
        } else {
            self.offsets.position_before(place, newest.offset)
        }
    }

    /// Timestamp of the first batch, read if this process did not append it.
    pub(crate) fn first_timestamp<D: Disk>(&mut self, place: Place<'_, D>) -> Result<Option<i64>> {
        if self.first_timestamp.is_none() && self.size > 0 {
            let first = self.find_from(place, 0, self.base_offset)?;
            self.first_timestamp = first.map(|(_, facts)| facts.max_timestamp);
        }
        Ok(self.first_timestamp)
    }

    /// Whether both index files were there with whole entries, when the segment was opened.
    pub(crate) fn has_whole_indexes(&self) -> bool {
        self.sealed
    }

    /// Drops the index entries that point to `position` or behind it, and what was learned from there
    /// on: recovery makes them anew.
    pub(crate) fn forget_indexes_from<D: Disk>(&mut self, place: Place<'_, D>, position: u32) -> Result<()> {
        self.sealed = false;
        self.offsets.truncate_to_position(place, position)?;
        if position == 0 {
            self.times.table().truncate(place, 0)?;
        }
        self.newest =
            self.times.last(place)?.unwrap_or(TimeEntry { timestamp: -1, offset: self.base_offset });
        self.bytes_since_index = 0;
        Ok(())
    }

    /// Cuts the file behind its last sound batch; the indexes end before it already.
    pub(crate) fn cut_unsound<D: Disk>(&mut self, place: Place<'_, D>, position: u32) -> Result<()> {
        let file = self.file(place)?;
        file.set_length(u64::from(position)).map_err(place.fail(FileKind::Log))?;
        self.size = position;
        Ok(())
    }

    /// Makes the indexes complete and trims them: the segment will not grow any more, or the log is
    /// closing. Returns whether there was anything to do.
    pub(crate) fn seal<D: Disk>(&mut self, place: Place<'_, D>) -> Result<bool> {
        let trimmed = self.trim(place)?;
        if self.sealed {
            return Ok(trimmed);
        }
        self.times.push(place, self.newest)?;
        self.offsets.table().seal(place)?;
        self.times.table().seal(place)?;
        if self.aborts.len() > 0 {
            self.aborts.table().seal(place)?;
        }
        self.sealed = true;
        Ok(true)
    }

    /// Writes index entries that are only in memory.
    pub(crate) fn flush_indexes<D: Disk>(&mut self, place: Place<'_, D>) -> Result<()> {
        self.times.table().flush(place)?;
        self.offsets.table().flush(place)?;
        self.aborts.table().flush(place)
    }

    /// The open index files, for a sync.
    pub(crate) fn index_files<D: Disk>(&mut self, place: Place<'_, D>) -> Result<Vec<Arc<D::File>>> {
        let files = [
            self.times.table().file(place)?,
            self.offsets.table().file(place)?,
            self.aborts.table().file(place)?,
        ];
        Ok(files.into_iter().flatten().collect())
    }

    /// Closes the files; they open again when needed.
    pub(crate) fn close<D: Disk>(&mut self, files: &Files<D>) {
        files.close(&self.ticket);
        self.offsets.table().close(files);
        self.times.table().close(files);
        self.aborts.table().close(files);
    }

    /// Removes the files, the `.log` first, so that what is left after a crash is no segment.
    pub(crate) fn remove<D: Disk>(self, place: Place<'_, D>) -> Result<()> {
        self.remove_files(place, &FileKind::ALL)
    }

    /// Removes the files except the producer snapshot: another segment takes this one's place.
    pub(crate) fn remove_replaced<D: Disk>(self, place: Place<'_, D>) -> Result<()> {
        self.remove_files(place, &FileKind::OF_RECORDS)
    }

    /// Gives the files other names, by their suffix. They stay open.
    pub(crate) fn rename<D: Disk>(&self, from: Place<'_, D>, to: Place<'_, D>) -> Result<()> {
        for kind in FileKind::OF_RECORDS.into_iter().rev() {
            let path = from.path(kind);
            if from.files.disk().exists(&path) {
                from.files
                    .disk()
                    .rename(&path, &to.path(kind))
                    .map_err(|source| LogError::io(&path, source))?;
            }
        }
        Ok(())
    }

    fn remove_files<D: Disk>(mut self, place: Place<'_, D>, kinds: &[FileKind]) -> Result<()> {
        self.close(place.files);
        for &kind in kinds {
            let path = place.path(kind);
            match place.files.disk().remove(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(LogError::io(&path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn torn<D: Disk>(&self, place: Place<'_, D>, position: u32) -> LogError {
        LogError::corrupt(
            &place.path(FileKind::Log),
            format!("no batch at position {position} of {}", self.size),
        )
    }
}
