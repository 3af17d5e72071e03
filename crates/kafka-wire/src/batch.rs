//! Record batches of magic 2: the 61-byte header, what may be said of it without looking inside, and the
//! checks that a produced batch must pass.
//!
//! Offsets, lengths and flags are as on the wire: a batch's `batch_length` counts from the leader epoch on,
//! its CRC-32C from the attributes on, so that base offset and leader epoch may be written without a new CRC.

mod builder;
mod control;
mod error;
pub mod legacy;
pub mod patch;
mod record;

pub use builder::{BatchBuilder, ProducerStamp};
pub use control::{ControlKind, ControlRecord, transaction_marker};
pub use error::BatchError;
pub use record::{Record, RecordHeader, RecordIterator};

use crate::compression::{Codec, decompress};
use bytes::Bytes;

/// Bytes of the header of magic 2.
pub const HEADER_LEN: usize = 61;

/// Bytes in front of what `batch_length` counts: base offset and the length itself.
pub const PREFIX_LEN: usize = 12;

/// Where the magic byte stands, in every format.
pub const MAGIC_AT: usize = 16;

/// The only magic that is written and accepted from producers.
pub const MAGIC: i8 = 2;

/// First byte that the CRC covers.
pub const CRC_FROM: usize = 21;

/// Offset, leader epoch, producer id, producer epoch or sequence that is not there.
pub const NONE: i64 = -1;

/// The attribute bits of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(pub i16);

/// Whose clock a batch's timestamps come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    #[default]
    CreateTime,
    /// The broker's: every record counts as of the batch's `max_timestamp`.
    LogAppendTime,
}

impl Attributes {
    const CODEC: i16 = 0x07;
    const LOG_APPEND_TIME: i16 = 0x08;
    const TRANSACTIONAL: i16 = 0x10;
    const CONTROL: i16 = 0x20;
    const DELETE_HORIZON: i16 = 0x40;
    const KNOWN: i16 = 0x7f;

    /// How the records are packed; `None` for a number that is no codec.
    pub fn codec(self) -> Option<Codec> {
        Codec::from_attributes(self.0)
    }

    /// Whose clock the timestamps come from.
    pub fn timestamp_type(self) -> TimestampType {
        if self.has(Self::LOG_APPEND_TIME) { TimestampType::LogAppendTime } else { TimestampType::CreateTime }
    }

    /// Whether the batch belongs to a transaction.
    pub fn is_transactional(self) -> bool {
        self.has(Self::TRANSACTIONAL)
    }

    /// Whether the batch holds a control record, which applications never see.
    pub fn is_control(self) -> bool {
        self.has(Self::CONTROL)
    }

    /// Whether `base_timestamp` holds the time from which tombstones may go (KIP-534).
    pub fn has_delete_horizon(self) -> bool {
        self.has(Self::DELETE_HORIZON)
    }

    /// Without the bits that have no meaning yet; Kafka drops them whenever it writes attributes anew.
    pub fn known(self) -> Attributes {
        Attributes(self.0 & Self::KNOWN)
    }

    fn has(self, bit: i16) -> bool {
        self.0 & bit != 0
    }

    fn with(self, bit: i16, set: bool) -> Attributes {
        Attributes(if set { self.0 | bit } else { self.0 & !bit })
    }
}

/// The header of magic 2, field by field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record the batch was made with (it may be compacted away).
    pub base_offset: i64,
    /// Bytes behind this field.
    pub batch_length: i32,
    /// Epoch of the leader that appended it; -1 from a producer.
    pub partition_leader_epoch: i32,
    /// 2.
    pub magic: i8,
    /// CRC-32C of everything behind this field.
    pub crc: u32,
    /// Codec and flags.
    pub attributes: Attributes,
    /// Offset of the last record, relative to the base offset; survives compaction.
    pub last_offset_delta: i32,
    /// What record timestamps are relative to.
    pub base_timestamp: i64,
    /// The greatest timestamp, in milliseconds of Unix time; -1 when there is none.
    pub max_timestamp: i64,
    /// -1 unless the producer is idempotent.
    pub producer_id: i64,
    /// -1 unless the producer is idempotent.
    pub producer_epoch: i16,
    /// Sequence number of the first record; -1 unless the producer is idempotent.
    pub base_sequence: i32,
    /// Records in the batch.
    pub record_count: i32,
}

impl BatchHeader {
    /// Reads the header at the front of `bytes`.
    ///
    /// # Errors
    /// Too few bytes, another magic, or a length that could not even hold the header. Nothing else is checked.
    pub fn decode(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
        if let Some(magic) = bytes.get(MAGIC_AT)
            && *magic as i8 != MAGIC
        {
            return Err(BatchError::Magic { magic: *magic as i8 });
        }
        let header: &[u8; HEADER_LEN] = bytes.first_chunk().ok_or(BatchError::Truncated)?;
        let i16_at = |at: usize| i16::from_be_bytes([header[at], header[at + 1]]);
        let i32_at =
            |at: usize| i32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let i64_at = |at: usize| {
            let mut value = [0; 8];
            value.copy_from_slice(&header[at..at + 8]);
            i64::from_be_bytes(value)
        };
        let decoded = BatchHeader {
            base_offset: i64_at(0),
            batch_length: i32_at(8),
            partition_leader_epoch: i32_at(12),
            magic: header[MAGIC_AT] as i8,
            crc: i32_at(17) as u32,
            attributes: Attributes(i16_at(21)),
            last_offset_delta: i32_at(23),
            base_timestamp: i64_at(27),
            max_timestamp: i64_at(35),
            producer_id: i64_at(43),
            producer_epoch: i16_at(51),
            base_sequence: i32_at(53),
            record_count: i32_at(57),
        };
        if decoded.batch_length < (HEADER_LEN - PREFIX_LEN) as i32 {
            return Err(BatchError::Length { batch_length: decoded.batch_length });
        }
        Ok(decoded)
    }

    /// Writes the header, its `crc` as it stands.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut header = [0; HEADER_LEN];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.base_offset.to_be_bytes());
        put(8, &self.batch_length.to_be_bytes());
        put(12, &self.partition_leader_epoch.to_be_bytes());
        put(16, &self.magic.to_be_bytes());
        put(17, &self.crc.to_be_bytes());
        put(21, &self.attributes.0.to_be_bytes());
        put(23, &self.last_offset_delta.to_be_bytes());
        put(27, &self.base_timestamp.to_be_bytes());
        put(35, &self.max_timestamp.to_be_bytes());
        put(43, &self.producer_id.to_be_bytes());
        put(51, &self.producer_epoch.to_be_bytes());
        put(53, &self.base_sequence.to_be_bytes());
        put(57, &self.record_count.to_be_bytes());
        header
    }

    /// Bytes of the whole batch, the header included.
    pub fn size(&self) -> usize {
        PREFIX_LEN + usize::try_from(self.batch_length).unwrap_or(0)
    }

    /// Offset of the last record.
    pub fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    /// Offset behind the batch.
    pub fn next_offset(&self) -> i64 {
        self.last_offset().saturating_add(1)
    }

    /// Sequence number of the last record; wraps from 2^31 - 1 to 0 as Kafka's does.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 {
            return self.base_sequence;
        }
        let sum = i64::from(self.base_sequence) + i64::from(self.last_offset_delta);
        (sum & i64::from(i32::MAX)) as i32
    }

    /// Whether a producer id stands in it.
    pub fn has_producer_id(&self) -> bool {
        self.producer_id > NONE
    }
}

/// A whole batch of magic 2, of which header and length are known to agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    header: BatchHeader,
    bytes: Bytes,
}

impl Batch {
    /// Takes the first batch off the front of `bytes`; `None` when nothing is left.
    ///
    /// # Errors
    /// [`BatchError::Truncated`] when only a part of a batch is left (legal at the end of a fetch), or what
    /// [`BatchHeader::decode`] finds. `bytes` is unchanged then.
    pub fn take_first(bytes: &mut Bytes) -> Result<Option<Batch>, BatchError> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let header = BatchHeader::decode(bytes)?;
        if header.size() > bytes.len() {
            return Err(BatchError::Truncated);
        }
        Ok(Some(Batch { header, bytes: bytes.split_to(header.size()) }))
    }

    /// The one batch that a producer may send for a partition, with everything checked that needs no
    /// unpacking.
    ///
    /// # Errors
    /// The first check that fails; [`BatchError::error_code`] is what the producer is told.
    pub fn produced(mut bytes: Bytes) -> Result<Batch, BatchError> {
        let batch = Batch::take_first(&mut bytes)?.ok_or(BatchError::Empty)?;
        if !bytes.is_empty() {
            return Err(BatchError::SeveralBatches);
        }
        let header = &batch.header;
        batch.verify_crc()?;
        if header.attributes.codec().is_none() {
            return Err(BatchError::Codec { attributes: header.attributes.0 });
        }
        if header.record_count <= 0
            || i64::from(header.record_count) != i64::from(header.last_offset_delta) + 1
        {
            return Err(BatchError::Count {
                record_count: header.record_count,
                last_offset_delta: header.last_offset_delta,
            });
        }
        if header.attributes.is_control() {
            return Err(BatchError::Control);
        }
        // An epoch below 0 is the producer state's to judge.
        if header.has_producer_id() && header.base_sequence < 0 {
            return Err(BatchError::Sequence);
        }
        if header.attributes.is_transactional() && !header.has_producer_id() {
            return Err(BatchError::Sequence);
        }
        Ok(batch)
    }

    /// Compares the CRC with the bytes.
    ///
    /// # Errors
    /// [`BatchError::Crc`].
    pub fn verify_crc(&self) -> Result<(), BatchError> {
        let computed = crc32c::crc32c(&self.bytes[CRC_FROM..]);
        if computed == self.header.crc {
            Ok(())
        } else {
            Err(BatchError::Crc { stored: self.header.crc, computed })
        }
    }

    /// The header.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The batch as it is on the wire and on disk.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Gives the bytes away.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The records, packed as they are.
    pub fn packed_records(&self) -> Bytes {
        self.bytes.slice(HEADER_LEN..)
    }

    /// Iterates over the records, unpacking at most `limit` bytes first.
    ///
    /// # Errors
    /// An unknown codec, or bytes that do not unpack.
    pub fn records(&self, limit: usize) -> Result<RecordIterator, BatchError> {
        let codec = self
            .header
            .attributes
            .codec()
            .ok_or(BatchError::Codec { attributes: self.header.attributes.0 })?;
        let unpacked = match codec {
            Codec::None => self.packed_records(),
            codec => Bytes::from(decompress(codec, &self.bytes[HEADER_LEN..], limit)?),
        };
        RecordIterator::new(&self.header, unpacked)
    }

    /// Checks every record as Kafka's leader does: as many as promised, offsets without gaps, and keys if the
    /// topic is compacted.
    ///
    /// # Errors
    /// The first record that fails; [`BatchError::error_code`] is what the producer is told.
    pub fn verify_records(&self, keys: Keys, limit: usize) -> Result<(), BatchError> {
        for (index, record) in (0..).zip(self.records(limit)?) {
            let record = record?;
            if record.offset.wrapping_sub(self.header.base_offset) != i64::from(index) {
                return Err(BatchError::OffsetDelta { index });
            }
            if keys == Keys::Required && record.key.is_none() {
                return Err(BatchError::MissingKey { index });
            }
        }
        Ok(())
    }
}

/// Whether records must carry a key: they must where the topic is compacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// A record without a key is refused.
    Required,
    /// Anything goes.
    Optional,
}

#[cfg(test)]
mod tests;
