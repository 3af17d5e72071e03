//! One record of a batch, and reading them one after the other.

use super::{BatchError, BatchHeader, TimestampType};
use crate::{Reader, WireError};
use bytes::Bytes;

/// A record with its offset and time made absolute. Key, value and headers share the batch's bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Offset in the partition.
    pub offset: i64,
    /// Milliseconds of Unix time; -1 when there is none.
    pub timestamp: i64,
    /// The key, if any.
    pub key: Option<Bytes>,
    /// The value; a record without one deletes its key in a compacted topic.
    pub value: Option<Bytes>,
    /// Headers in order; names may repeat.
    pub headers: Vec<RecordHeader>,
}

/// A header of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordHeader {
    /// UTF-8 by convention; passed on as it came.
    pub key: Bytes,
    /// The value, if any.
    pub value: Option<Bytes>,
}

/// Fewest bytes of a record: seven one-byte numbers.
const RECORD_BYTES_MIN: usize = 7;

/// Fewest bytes of a record header: two one-byte lengths.
const HEADER_BYTES_MIN: usize = 2;

/// The records of one batch. After an error it ends.
#[derive(Clone, Debug)]
pub struct RecordIterator {
    reader: Reader,
    left: usize,
    base_offset: i64,
    base_timestamp: i64,
    /// All records are of this time where the broker's clock rules.
    append_time: Option<i64>,
}

impl RecordIterator {
    pub(super) fn new(header: &BatchHeader, unpacked: Bytes) -> Result<RecordIterator, BatchError> {
        let left = usize::try_from(header.record_count).map_err(|_| BatchError::Record(WireError::Length))?;
        if left > unpacked.len() / RECORD_BYTES_MIN {
            return Err(BatchError::Record(WireError::Length));
        }
        let append_time = (header.attributes.timestamp_type() == TimestampType::LogAppendTime)
            .then_some(header.max_timestamp);
        Ok(RecordIterator {
            reader: Reader::new(unpacked),
            left,
            base_offset: header.base_offset,
            base_timestamp: header.base_timestamp,
            append_time,
        })
    }

    fn read(&mut self) -> Result<Record, BatchError> {
        let record = self.read_record().map_err(BatchError::Record)?;
        self.left -= 1;
        if self.left == 0 && self.reader.remaining() > 0 {
            return Err(BatchError::TrailingBytes);
        }
        Ok(record)
    }

    fn read_record(&mut self) -> Result<Record, WireError> {
        let reader = &mut self.reader;
        let length = usize::try_from(reader.varint()?).map_err(|_| WireError::Length)?;
        if length > reader.remaining() {
            return Err(WireError::Truncated);
        }
        let end = reader.position() + length;
        let _attributes = reader.i8()?;
        let timestamp_delta = reader.varlong()?;
        let offset_delta = reader.varint()?;
        let key = nullable(reader)?;
        let value = nullable(reader)?;
        let count = usize::try_from(reader.varint()?).map_err(|_| WireError::Length)?;
        if count > reader.remaining() / HEADER_BYTES_MIN {
            return Err(WireError::Length);
        }
        let mut headers = Vec::new();
        for _ in 0..count {
            let key = nullable(reader)?.ok_or(WireError::UnexpectedNull)?;
            headers.push(RecordHeader { key, value: nullable(reader)? });
        }
        if reader.position() != end {
            return Err(WireError::Length);
        }
        Ok(Record {
            offset: self.base_offset.wrapping_add(i64::from(offset_delta)),
            timestamp: self.append_time.unwrap_or(self.base_timestamp.wrapping_add(timestamp_delta)),
            key,
            value,
            headers,
        })
    }
}

impl Iterator for RecordIterator {
    type Item = Result<Record, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let record = self.read();
        if record.is_err() {
            self.left = 0;
        }
        Some(record)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

/// Bytes behind a zigzag length, of which any negative one means null.
fn nullable(reader: &mut Reader) -> Result<Option<Bytes>, WireError> {
    match usize::try_from(reader.varint()?) {
        Ok(length) => reader.take(length).map(Some),
        Err(_) => Ok(None),
    }
}
