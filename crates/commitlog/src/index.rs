//! The three indexes of a segment, in Kafka's formats: offset to position, timestamp to offset, and
//! the aborted transactions. Offsets are stored relative to the segment's base offset.

use disk::Disk;

use crate::batch::{i32_at, i64_at};
use crate::error::Result;
use crate::files::Files;
use crate::names::FileKind;
use crate::table::{EntryTable, Place};

/// Sparse map from offsets to positions in the `.log` file: 8 bytes an entry, one every
/// `index.interval.bytes`. An entry says: the batch at this position ends with this offset (or a
/// later batch of the same append does).
#[derive(Debug)]
pub(crate) struct OffsetIndex {
    table: EntryTable<8>,
}

/// An entry of the offset index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OffsetEntry {
    pub(crate) offset: i64,
    pub(crate) position: u32,
}

/// Sparse map from timestamps to offsets: 12 bytes an entry. An entry says: no batch that ends at or
/// before this offset has a timestamp above this one.
#[derive(Debug)]
pub(crate) struct TimeIndex {
    table: EntryTable<12>,
}

/// An entry of the time index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimeEntry {
    pub(crate) timestamp: i64,
    pub(crate) offset: i64,
}

/// The aborted transactions whose markers are in this segment: 34 bytes an entry, by last offset.
#[derive(Debug)]
pub(crate) struct AbortIndex {
    table: EntryTable<34>,
}

/// An aborted transaction, as the `.txnindex` file and Fetch responses list it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AbortedTransaction {
    /// The producer.
    pub producer_id: i64,
    /// Offset of the transaction's first record.
    pub first_offset: i64,
    /// Offset of its abort marker.
    pub last_offset: i64,
    /// Last stable offset when the marker was written.
    pub last_stable_offset: i64,
}

impl OffsetIndex {
    pub(crate) fn new<D: Disk>(files: &Files<D>) -> Self {
        OffsetIndex { table: EntryTable::new(FileKind::OffsetIndex, files) }
    }

    pub(crate) fn existing<D: Disk>(files: &Files<D>, length: u64) -> Self {
        OffsetIndex { table: EntryTable::existing(FileKind::OffsetIndex, files, length) }
    }

    pub(crate) fn table(&mut self) -> &mut EntryTable<8> {
        &mut self.table
    }

    pub(crate) fn len(&self) -> u32 {
        self.table.len()
    }

    /// Bytes of the entries that are in the file.
    pub(crate) fn stored_bytes(&self) -> u64 {
        u64::from(self.table.stored_len()) * 8
    }

    pub(crate) fn last<D: Disk>(&self, place: Place<'_, D>) -> Result<Option<OffsetEntry>> {
        Ok(self.table.last(place)?.map(|entry| OffsetEntry::decode(place.base_offset, &entry)))
    }

    pub(crate) fn push<D: Disk>(&mut self, place: Place<'_, D>, entry: OffsetEntry) -> Result<()> {
        self.table.push(place, entry.encode(place.base_offset))
    }

    /// Position to start looking for `offset` from: the last entry not above it, or the file's start.
    pub(crate) fn position_before<D: Disk>(&self, place: Place<'_, D>, offset: i64) -> Result<u32> {
        if self.table.is_empty() || offset <= place.base_offset {
            return Ok(0);
        }
        let relative = offset - place.base_offset;
        let after = self.table.partition_point(place, |entry| i64::from(i32_at(entry, 0)) <= relative)?;
        match after {
            0 => Ok(0),
            after => {
                Ok(OffsetEntry::decode(place.base_offset, &self.table.entry(place, after - 1)?).position)
            }
        }
    }

    /// Keeps the entries below `offset`.
    pub(crate) fn truncate_to<D: Disk>(&mut self, place: Place<'_, D>, offset: i64) -> Result<()> {
        let relative = offset - place.base_offset;
        let keep = self.table.partition_point(place, |entry| i64::from(i32_at(entry, 0)) < relative)?;
        self.table.truncate(place, keep)
    }

    /// Keeps the entries below a position.
    pub(crate) fn truncate_to_position<D: Disk>(&mut self, place: Place<'_, D>, position: u32) -> Result<()> {
        let keep = self.table.partition_point(place, |entry| (i32_at(entry, 4).max(0) as u32) < position)?;
        self.table.truncate(place, keep)
    }

    /// Drops everything from the first entry on that cannot be right: offsets and positions must rise
    /// and lie within the segment.
    pub(crate) fn keep_sane<D: Disk>(&mut self, place: Place<'_, D>, log_size: u32) -> Result<()> {
        let mut last = (-1, -1);
        let mut keep = 0;
        'blocks: while keep < self.table.len() {
            let block =
                self.table.entries(place, keep, (keep + SANITY_BLOCK_ENTRIES).min(self.table.len()))?;
            for entry in block {
                let (relative, position) = (i32_at(&entry, 0), i32_at(&entry, 4));
                if relative <= last.0 || position <= last.1 || position as u32 >= log_size {
                    break 'blocks;
                }
                last = (relative, position);
                keep += 1;
            }
        }
        self.table.truncate(place, keep)
    }
}

impl OffsetEntry {
    fn decode(base_offset: i64, entry: &[u8; 8]) -> Self {
        OffsetEntry {
            offset: base_offset.saturating_add(i64::from(i32_at(entry, 0))),
            position: i32_at(entry, 4).max(0) as u32,
        }
    }

    fn encode(self, base_offset: i64) -> [u8; 8] {
        let mut entry = [0; 8];
        entry[..4].copy_from_slice(&relative(base_offset, self.offset).to_be_bytes());
        entry[4..].copy_from_slice(&self.position.to_be_bytes());
        entry
    }
}

impl TimeIndex {
    pub(crate) fn new<D: Disk>(files: &Files<D>) -> Self {
        TimeIndex { table: EntryTable::new(FileKind::TimeIndex, files) }
    }

    pub(crate) fn existing<D: Disk>(files: &Files<D>, length: u64) -> Self {
        TimeIndex { table: EntryTable::existing(FileKind::TimeIndex, files, length) }
    }

    pub(crate) fn table(&mut self) -> &mut EntryTable<12> {
        &mut self.table
    }

    pub(crate) fn len(&self) -> u32 {
        self.table.len()
    }

    pub(crate) fn last<D: Disk>(&self, place: Place<'_, D>) -> Result<Option<TimeEntry>> {
        Ok(self.table.last(place)?.map(|entry| TimeEntry::decode(place.base_offset, &entry)))
    }

    /// Adds an entry if its timestamp is above the last one's.
    pub(crate) fn push<D: Disk>(&mut self, place: Place<'_, D>, entry: TimeEntry) -> Result<()> {
        let last = self.last(place)?;
        if entry.timestamp < 0
            || last.is_some_and(|last| entry.timestamp <= last.timestamp || entry.offset < last.offset)
        {
            return Ok(());
        }
        self.table.push(place, entry.encode(place.base_offset))
    }

    /// Offset up to which (inclusive) every timestamp is below `timestamp`; the base offset if nothing
    /// is known.
    pub(crate) fn offset_before<D: Disk>(&self, place: Place<'_, D>, timestamp: i64) -> Result<i64> {
        let after = self.table.partition_point(place, |entry| i64_at(entry, 0) < timestamp)?;
        match after {
            0 => Ok(place.base_offset),
            after => Ok(TimeEntry::decode(place.base_offset, &self.table.entry(place, after - 1)?).offset),
        }
    }

    /// Keeps the entries below `offset`.
    pub(crate) fn truncate_to<D: Disk>(&mut self, place: Place<'_, D>, offset: i64) -> Result<()> {
        let relative = offset - place.base_offset;
        let keep = self.table.partition_point(place, |entry| i64::from(i32_at(entry, 8)) < relative)?;
        self.table.truncate(place, keep)
    }

    /// Drops everything from the first entry on that cannot be right.
    pub(crate) fn keep_sane<D: Disk>(&mut self, place: Place<'_, D>, end_offset: i64) -> Result<()> {
        let mut last = (-1, -1);
        let mut keep = 0;
        'blocks: while keep < self.table.len() {
            let block =
                self.table.entries(place, keep, (keep + SANITY_BLOCK_ENTRIES).min(self.table.len()))?;
            for entry in block {
                let (timestamp, relative) = (i64_at(&entry, 0), i32_at(&entry, 8));
                let past_end = place.base_offset.saturating_add(i64::from(relative)) >= end_offset;
                if timestamp <= last.0 || relative < last.1 || relative < 0 || past_end {
                    break 'blocks;
                }
                last = (timestamp, relative);
                keep += 1;
            }
        }
        self.table.truncate(place, keep)
    }
}

impl TimeEntry {
    fn decode(base_offset: i64, entry: &[u8; 12]) -> Self {
        let offset = base_offset.saturating_add(i64::from(i32_at(entry, 8)));
        TimeEntry { timestamp: i64_at(entry, 0), offset }
    }

    fn encode(self, base_offset: i64) -> [u8; 12] {
        let mut entry = [0; 12];
        entry[..8].copy_from_slice(&self.timestamp.to_be_bytes());
        entry[8..].copy_from_slice(&relative(base_offset, self.offset).to_be_bytes());
        entry
    }
}

impl AbortIndex {
    pub(crate) fn new<D: Disk>(files: &Files<D>) -> Self {
        AbortIndex { table: EntryTable::new(FileKind::AbortIndex, files) }
    }

    pub(crate) fn existing<D: Disk>(files: &Files<D>, length: u64) -> Self {
        AbortIndex { table: EntryTable::existing(FileKind::AbortIndex, files, length) }
    }

    pub(crate) fn table(&mut self) -> &mut EntryTable<34> {
        &mut self.table
    }

    pub(crate) fn len(&self) -> u32 {
        self.table.len()
    }

    pub(crate) fn push<D: Disk>(&mut self, place: Place<'_, D>, aborted: &AbortedTransaction) -> Result<()> {
        let mut entry = [0; 34];
        entry[2..10].copy_from_slice(&aborted.producer_id.to_be_bytes());
        entry[10..18].copy_from_slice(&aborted.first_offset.to_be_bytes());
        entry[18..26].copy_from_slice(&aborted.last_offset.to_be_bytes());
        entry[26..34].copy_from_slice(&aborted.last_stable_offset.to_be_bytes());
        self.table.push(place, entry)
    }

    /// All entries, by rising last offset.
    pub(crate) fn all<D: Disk>(&self, place: Place<'_, D>) -> Result<Vec<AbortedTransaction>> {
        let entries = self.table.entries(place, 0, self.table.len())?;
        Ok(entries.iter().map(AbortedTransaction::decode).collect())
    }

    /// Keeps the entries whose marker is below `offset`.
    pub(crate) fn truncate_to<D: Disk>(&mut self, place: Place<'_, D>, offset: i64) -> Result<()> {
        let keep = self.table.partition_point(place, |entry| i64_at(entry, 18) < offset)?;
        self.table.truncate(place, keep)
    }
}

impl AbortedTransaction {
    fn decode(entry: &[u8; 34]) -> Self {
        AbortedTransaction {
            producer_id: i64_at(entry, 2),
            first_offset: i64_at(entry, 10),
            last_offset: i64_at(entry, 18),
            last_stable_offset: i64_at(entry, 26),
        }
    }
}

/// Entries that a check of a whole index reads at once.
const SANITY_BLOCK_ENTRIES: u32 = 4096;

fn relative(base_offset: i64, offset: i64) -> i32 {
    i32::try_from(offset - base_offset).expect("a segment rolls before its offsets leave 32 bits")
}
