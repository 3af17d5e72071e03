//! What can be wrong with a batch, and what its producer is told.

use crate::compression::CompressionError;
use crate::{ErrorCode, WireError};
use std::fmt;

/// A batch that cannot be accepted or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchError {
    /// No batch where one is required.
    Empty,
    /// Fewer bytes than the header or its length asks for.
    Truncated,
    /// A length that could not hold the header.
    Length {
        /// As it stands in the header.
        batch_length: i32,
    },
    /// Not the format of magic 2.
    Magic {
        /// As it stands in the header.
        magic: i8,
    },
    /// More than one batch for a partition.
    SeveralBatches,
    /// The checksum does not match the bytes.
    Crc {
        /// As it stands in the header.
        stored: u32,
        /// Of the bytes that came.
        computed: u32,
    },
    /// A number that is no codec.
    Codec {
        /// The attributes it stands in.
        attributes: i16,
    },
    /// No records, or not as many as the offsets have room for.
    Count {
        /// As it stands in the header.
        record_count: i32,
        /// As it stands in the header.
        last_offset_delta: i32,
    },
    /// A control batch from a client.
    Control,
    /// A producer id without epoch and sequence number, or a transaction without producer id.
    Sequence,
    /// Packed records that do not unpack.
    Compression(CompressionError),
    /// A record that cannot be read.
    Record(WireError),
    /// Bytes behind the last record.
    TrailingBytes,
    /// A record out of order.
    OffsetDelta {
        /// Its place in the batch.
        index: i32,
    },
    /// A record without a key in a compacted topic.
    MissingKey {
        /// Its place in the batch.
        index: i32,
    },
}

impl BatchError {
    /// The answer to a producer.
    pub fn error_code(self) -> ErrorCode {
        match self {
            BatchError::Truncated
            | BatchError::Length { .. }
            | BatchError::Crc { .. }
            | BatchError::Compression(_) => ErrorCode::CORRUPT_MESSAGE,
            BatchError::Codec { .. } => ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
            BatchError::Empty
            | BatchError::Magic { .. }
            | BatchError::SeveralBatches
            | BatchError::Count { .. }
            | BatchError::Control
            | BatchError::Sequence
            | BatchError::Record(_)
            | BatchError::TrailingBytes
            | BatchError::OffsetDelta { .. }
            | BatchError::MissingKey { .. } => ErrorCode::INVALID_RECORD,
        }
    }

    /// The record at fault, by its place in the batch (Produce 8 and later report it).
    pub fn record_index(self) -> Option<i32> {
        match self {
            BatchError::OffsetDelta { index } | BatchError::MissingKey { index } => Some(index),
            _ => None,
        }
    }
}

impl From<CompressionError> for BatchError {
    fn from(error: CompressionError) -> Self {
        BatchError::Compression(error)
    }
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BatchError::Empty => f.write_str("there is no record batch"),
            BatchError::Truncated => f.write_str("the record batch ends too early"),
            BatchError::Length { batch_length } => {
                write!(f, "a record batch cannot be {batch_length} bytes long")
            }
            BatchError::Magic { magic } => {
                write!(
                    f,
                    "record format {magic} is not accepted; produce with format 2 (Kafka 0.11 and later)"
                )
            }
            BatchError::SeveralBatches => f.write_str("more than one record batch for a partition"),
            BatchError::Crc { stored, computed } => {
                write!(f, "the checksum says {stored:08x} but the bytes give {computed:08x}")
            }
            BatchError::Codec { attributes } => write!(f, "attributes {attributes:#x} name no known codec"),
            BatchError::Count { record_count, last_offset_delta } => {
                write!(f, "{record_count} records do not fill the offsets 0 to {last_offset_delta}")
            }
            BatchError::Control => f.write_str("clients may not write control batches"),
            BatchError::Sequence => f.write_str("producer id, epoch and sequence number do not go together"),
            BatchError::Compression(error) => error.fmt(f),
            BatchError::Record(error) => write!(f, "a record cannot be read: {error}"),
            BatchError::TrailingBytes => f.write_str("bytes behind the last record"),
            BatchError::OffsetDelta { index } => write!(f, "record {index} has the wrong offset"),
            BatchError::MissingKey { index } => {
                write!(f, "record {index} has no key, which a compacted topic requires")
            }
        }
    }
}

impl std::error::Error for BatchError {}
