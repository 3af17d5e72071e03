//! Producer snapshots: what the log's owner knew of its producers at an offset, so that opening need
//! not replay the whole log. Kafka's `.snapshot` format, version 1, with a CRC-32C.

use disk::{Disk, File, Open};

use super::Log;
use crate::batch::{i16_at, i32_at, i64_at};
use crate::error::{LogError, Result};
use crate::limits::SNAPSHOT_BYTES_MAX;
use crate::names::FileKind;

/// One producer in a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProducerEntry {
    /// The producer's id.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i16,
    /// Sequence of the last record; -1 if its last batch was a marker.
    pub last_sequence: i32,
    /// Offset of the last record.
    pub last_offset: i64,
    /// Records before that one in its batch.
    pub offset_delta: i32,
    /// Largest timestamp of the last batch.
    pub timestamp: i64,
    /// Epoch of the transaction coordinator that wrote the last marker; -1 for none.
    pub coordinator_epoch: i32,
    /// First offset of the open transaction; -1 for none.
    pub open_transaction_offset: i64,
}

impl<D: Disk> Log<D> {
    /// Offset and producers of the newest sound snapshot at or below `offset`.
    pub fn read_producer_snapshot(&mut self, offset: i64) -> Result<Option<(i64, Vec<ProducerEntry>)>> {
        while let Some(&newest) = self.snapshots.iter().rev().find(|&&snapshot| snapshot <= offset) {
            if let Some(producers) = self.read_snapshot_at(newest)? {
                return Ok(Some((newest, producers)));
            }
            self.remove_snapshots(|snapshot| snapshot == newest)?;
        }
        Ok(None)
    }

    /// Offset of the newest snapshot.
    pub fn newest_snapshot(&self) -> Option<i64> {
        self.snapshots.last().copied()
    }

    /// Stores the producers as they are before the record at `offset`. Not synced: a snapshot that did
    /// not survive shows by its checksum, and an older one or a replay serves.
    pub fn write_producer_snapshot(&mut self, offset: i64, producers: &[ProducerEntry]) -> Result<()> {
        self.shared.latch.check()?;
        let result = self.write_snapshot_or_fail(offset, producers);
        self.shared.latch.watch(result)
    }

    /// Removes the snapshots above `offset`: they describe what was cut.
    pub fn remove_producer_snapshots_above(&mut self, offset: i64) -> Result<()> {
        self.shared.latch.check()?;
        let result = self.remove_snapshots(|snapshot| snapshot > offset);
        self.shared.latch.watch(result)
    }

    /// Removes snapshots that belong to no segment, except the newest of all.
    pub(super) fn remove_stray_snapshots(&mut self) -> Result<()> {
        let Some(&newest) = self.snapshots.last() else { return Ok(()) };
        let bases: Vec<i64> = self.segments.iter().map(|segment| segment.base_offset).collect();
        self.remove_snapshots(|snapshot| snapshot != newest && bases.binary_search(&snapshot).is_err())
    }

    fn write_snapshot_or_fail(&mut self, offset: i64, producers: &[ProducerEntry]) -> Result<()> {
        let path = FileKind::ProducerSnapshot.path(&self.directory, offset);
        let fail = |source| LogError::io(&path, source);
        let file = self.shared.files.disk().open(&path, Open::Replace).map_err(fail)?;
        file.write_at(&encode(producers), 0).map_err(fail)?;
        if let Err(at) = self.snapshots.binary_search(&offset) {
            self.snapshots.insert(at, offset);
            self.name_changes += 1;
        }
        self.remove_stray_snapshots()
    }

    fn read_snapshot_at(&self, offset: i64) -> Result<Option<Vec<ProducerEntry>>> {
        let path = FileKind::ProducerSnapshot.path(&self.directory, offset);
        let fail = |source| LogError::io(&path, source);
        if !self.shared.files.disk().exists(&path) {
            return Ok(None);
        }
        let file = self.shared.files.disk().open(&path, Open::Read).map_err(fail)?;
        let length = file.length().map_err(fail)?;
        if length > SNAPSHOT_BYTES_MAX {
            return Ok(None);
        }
        let mut bytes = vec![0; length as usize];
        file.read_exact_at(&mut bytes, 0).map_err(fail)?;
        Ok(decode(&bytes))
    }

    pub(super) fn remove_snapshots(&mut self, unwanted: impl Fn(i64) -> bool) -> Result<()> {
        let disk = self.shared.files.disk();
        let mut kept = Vec::with_capacity(self.snapshots.len());
        for &snapshot in &self.snapshots {
            let path = FileKind::ProducerSnapshot.path(&self.directory, snapshot);
            if !unwanted(snapshot) {
                kept.push(snapshot);
            } else if disk.exists(&path) {
                disk.remove(&path).map_err(|source| LogError::io(&path, source))?;
            }
        }
        self.snapshots = kept;
        Ok(())
    }
}

const VERSION: i16 = 1;
const PREFIX_BYTES: usize = 10;
const ENTRY_BYTES: usize = 46;

fn encode(producers: &[ProducerEntry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PREFIX_BYTES + producers.len() * ENTRY_BYTES);
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&(producers.len() as i32).to_be_bytes());
    for producer in producers {
        bytes.extend_from_slice(&producer.producer_id.to_be_bytes());
        bytes.extend_from_slice(&producer.producer_epoch.to_be_bytes());
        bytes.extend_from_slice(&producer.last_sequence.to_be_bytes());
        bytes.extend_from_slice(&producer.last_offset.to_be_bytes());
        bytes.extend_from_slice(&producer.offset_delta.to_be_bytes());
        bytes.extend_from_slice(&producer.timestamp.to_be_bytes());
        bytes.extend_from_slice(&producer.coordinator_epoch.to_be_bytes());
        bytes.extend_from_slice(&producer.open_transaction_offset.to_be_bytes());
    }
    let sum = crc32c::crc32c(&bytes[6..]);
    bytes[2..6].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// The producers of a snapshot, or `None` if it is not whole.
fn decode(bytes: &[u8]) -> Option<Vec<ProducerEntry>> {
    if bytes.len() < PREFIX_BYTES || i16_at(bytes, 0) != VERSION {
        return None;
    }
    let count = usize::try_from(i32_at(bytes, 6)).ok()?;
    let entries = &bytes[PREFIX_BYTES..];
    if !entries.len().is_multiple_of(ENTRY_BYTES) || entries.len() / ENTRY_BYTES != count {
        return None;
    }
    if crc32c::crc32c(&bytes[6..]) != i32_at(bytes, 2) as u32 {
        return None;
    }
    let entry = |bytes: &[u8]| ProducerEntry {
        producer_id: i64_at(bytes, 0),
        producer_epoch: i16_at(bytes, 8),
        last_sequence: i32_at(bytes, 10),
        last_offset: i64_at(bytes, 14),
        offset_delta: i32_at(bytes, 22),
        timestamp: i64_at(bytes, 26),
        coordinator_epoch: i32_at(bytes, 34),
        open_transaction_offset: i64_at(bytes, 38),
    };
    Some(entries.chunks_exact(ENTRY_BYTES).map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_round_trip_and_refuse_damage() {
        let producer = ProducerEntry {
            producer_id: 4000,
            producer_epoch: 3,
            last_sequence: 99,
            last_offset: 1234,
            offset_delta: 9,
            timestamp: 1_700_000_000_000,
            coordinator_epoch: -1,
            open_transaction_offset: -1,
        };
        for producers in [vec![], vec![producer], vec![producer; 3]] {
            let bytes = encode(&producers);
            assert_eq!(decode(&bytes), Some(producers));
            assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
            for at in 0..bytes.len() {
                let mut damaged = bytes.clone();
                damaged[at] ^= 0x10;
                assert_eq!(decode(&damaged), None, "byte {at}");
            }
        }
        assert_eq!(decode(&[]), None);
    }
}
