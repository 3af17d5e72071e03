//! What the log must know of a stored batch: where it starts and ends, whether it is whole, and the
//! few header fields that indexes and recovery need. Reads all three magics, since old segments stay
//! readable; never looks at records.

use crate::limits::{ENTRY_BYTES_MIN, ENTRY_PREFIX_BYTES};

/// Bytes of a magic 2 batch before its first record.
pub const BATCH_HEADER_BYTES: usize = 61;

/// Facts from the header of one stored batch (magic 2) or message (magic 0 and 1).
///
/// For a compressed set of magic 0 or 1 the only offset in the header is that of its last message,
/// so there `base_offset` equals `last_offset`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchFacts {
    /// First offset (see above for old magics).
    pub base_offset: i64,
    /// Last offset, inclusive; offsets that compaction removed count.
    pub last_offset: i64,
    /// Size in bytes, from base offset to the last record.
    pub size: u32,
    /// 0, 1 or 2.
    pub magic: i8,
    /// Epoch of the leader that appended it; -1 for old magics.
    pub leader_epoch: i32,
    /// Codec, timestamp type, transactional, control and delete-horizon bits.
    pub attributes: i16,
    /// First timestamp, or the delete horizon; -1 for none.
    pub base_timestamp: i64,
    /// Largest timestamp; -1 for none.
    pub max_timestamp: i64,
    /// Producer id; -1 for none.
    pub producer_id: i64,
    /// Producer epoch; -1 for none.
    pub producer_epoch: i16,
    /// Sequence of the first record; -1 for none.
    pub base_sequence: i32,
    /// Number of records still in it; -1 if the header does not tell.
    pub record_count: i32,
}

impl BatchFacts {
    /// Whether this is a control batch (transaction marker).
    pub fn is_control(&self) -> bool {
        self.attributes & 0x20 != 0 && self.magic == 2
    }

    /// Whether its records belong to a transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes & 0x10 != 0 && self.magic == 2
    }

    /// Reads the header at the start of `bytes`, which holds at most `available` bytes of the batch:
    /// the batch must end within them. Only the header needs to be in `bytes`. `None` if this is no
    /// batch, or not all of one.
    pub(crate) fn parse(bytes: &[u8], available: u64) -> Option<Self> {
        if bytes.len() < ENTRY_BYTES_MIN {
            return None;
        }
        let offset = i64_at(bytes, 0);
        let length = i32_at(bytes, 8);
        if length < (ENTRY_BYTES_MIN - ENTRY_PREFIX_BYTES) as i32 || offset < 0 {
            return None;
        }
        let size = length as u64 + ENTRY_PREFIX_BYTES as u64;
        let magic = bytes[16] as i8;
        let facts = match magic {
            2 if size < BATCH_HEADER_BYTES as u64 => return None,
            2 if bytes.len() < BATCH_HEADER_BYTES => return None,
            2 => {
                let last_offset_delta = i32_at(bytes, 23);
                if last_offset_delta < 0 || offset.checked_add(last_offset_delta as i64).is_none() {
                    return None;
                }
                BatchFacts {
                    base_offset: offset,
                    last_offset: offset + last_offset_delta as i64,
                    size: size as u32,
                    magic,
                    leader_epoch: i32_at(bytes, 12),
                    attributes: i16_at(bytes, 21),
                    base_timestamp: i64_at(bytes, 27),
                    max_timestamp: i64_at(bytes, 35),
                    producer_id: i64_at(bytes, 43),
                    producer_epoch: i16_at(bytes, 51),
                    base_sequence: i32_at(bytes, 53),
                    record_count: i32_at(bytes, 57),
                }
            }
            0 | 1 => BatchFacts {
                base_offset: offset,
                last_offset: offset,
                size: size as u32,
                magic,
                leader_epoch: -1,
                attributes: i16::from(bytes[17] as i8),
                base_timestamp: if magic == 1 { i64_at(bytes, 18) } else { -1 },
                max_timestamp: if magic == 1 { i64_at(bytes, 18) } else { -1 },
                producer_id: -1,
                producer_epoch: -1,
                base_sequence: -1,
                record_count: -1,
            },
            _ => return None,
        };
        if size > available {
            return None;
        }
        Some(facts)
    }

    /// Offset after the last one.
    pub fn next_offset(&self) -> i64 {
        self.last_offset + 1
    }

    pub(crate) fn checksum(&self) -> Checksum {
        if self.magic == 2 { Checksum::crc32c() } else { Checksum::crc32() }
    }
}

/// A checksum over a batch that is fed in pieces, from the first covered byte on.
pub(crate) enum Checksum {
    /// Magic 2: CRC-32C of everything after the stored sum, at byte 17.
    Crc32c(u32),
    /// Magic 0 and 1: CRC-32 of everything after the stored sum, at byte 12.
    Crc32(crc32fast::Hasher),
}

impl Checksum {
    fn crc32c() -> Self {
        Checksum::Crc32c(0)
    }

    fn crc32() -> Self {
        Checksum::Crc32(crc32fast::Hasher::new())
    }

    /// Place of the stored sum; what it covers starts four bytes later.
    pub(crate) fn stored_at(&self) -> usize {
        match self {
            Checksum::Crc32c(_) => 17,
            Checksum::Crc32(_) => 12,
        }
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        match self {
            Checksum::Crc32c(sum) => *sum = crc32c::crc32c_append(*sum, bytes),
            Checksum::Crc32(hasher) => hasher.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> u32 {
        match self {
            Checksum::Crc32c(sum) => sum,
            Checksum::Crc32(hasher) => hasher.finalize(),
        }
    }
}

/// Walks over whole batches in memory; stops at the first bytes that are not one.
pub(crate) struct Batches<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Batches<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Batches { bytes, position: 0 }
    }

    /// Bytes walked over so far.
    pub(crate) fn position(&self) -> usize {
        self.position
    }
}

impl Iterator for Batches<'_> {
    type Item = BatchFacts;

    fn next(&mut self) -> Option<BatchFacts> {
        let rest = &self.bytes[self.position..];
        let facts = BatchFacts::parse(rest, rest.len() as u64)?;
        self.position += facts.size as usize;
        Some(facts)
    }
}

pub(crate) fn i16_at(bytes: &[u8], at: usize) -> i16 {
    i16::from_be_bytes(array(bytes, at))
}

pub(crate) fn i32_at(bytes: &[u8], at: usize) -> i32 {
    i32::from_be_bytes(array(bytes, at))
}

pub(crate) fn i64_at(bytes: &[u8], at: usize) -> i64 {
    i64::from_be_bytes(array(bytes, at))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("a slice of N bytes is an array of N bytes")
}
