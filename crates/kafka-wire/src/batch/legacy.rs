//! Message sets of magic 0 and 1, which old segments still hold. They are read, never written.
//!
//! A packed message wraps a whole message set. In magic 1 the inner offsets are relative and the wrapper has
//! the last one's absolute offset; in magic 0 they are absolute.

use super::{BatchError, Record};
use crate::compression::{Codec, decompress, decompress_magic_0};
use crate::{Reader, WireError};
use bytes::Bytes;

/// Bytes of offset and size in front of every message.
const PREFIX_LEN: usize = super::PREFIX_LEN;

/// Fewest bytes behind the prefix: CRC, magic, attributes, two lengths.
const MESSAGE_BYTES_MIN: usize = 14;

/// Attribute bit of magic 1: the timestamp is the broker's.
const LOG_APPEND_TIME: i8 = 0x08;

/// One entry of a message set, its wrapper not yet opened.
struct Message {
    magic: i8,
    attributes: i8,
    record: Record,
}

/// Reads all whole messages at the front of `bytes`, opening wrappers into at most `limit` bytes each.
///
/// An incomplete message at the end is left out, as in a fetch.
///
/// # Errors
/// A bad checksum, another magic, a wrapper inside of a wrapper, or damage.
pub fn records(mut bytes: Bytes, limit: usize) -> Result<Vec<Record>, BatchError> {
    let mut records = Vec::new();
    while let Some(message) = take_message(&mut bytes)? {
        match codec(&message)? {
            Codec::None => records.push(message.record),
            codec => open(&message, codec, limit, &mut records)?,
        }
    }
    Ok(records)
}

fn codec(message: &Message) -> Result<Codec, BatchError> {
    let attributes = i16::from(message.attributes);
    match Codec::from_attributes(attributes) {
        Some(Codec::Zstd) | None => Err(BatchError::Codec { attributes }),
        Some(codec) => Ok(codec),
    }
}

/// Appends the messages that `wrapper` holds.
fn open(wrapper: &Message, codec: Codec, limit: usize, records: &mut Vec<Record>) -> Result<(), BatchError> {
    let packed = wrapper.record.value.as_deref().ok_or(BatchError::Record(WireError::UnexpectedNull))?;
    let unpacked = match wrapper.magic {
        0 => decompress_magic_0(codec, packed, limit)?,
        _ => decompress(codec, packed, limit)?,
    };
    let mut unpacked = Bytes::from(unpacked);
    let first = records.len();
    while let Some(message) = take_message(&mut unpacked)? {
        if message.magic != wrapper.magic || message.attributes & 0x07 != 0 {
            return Err(BatchError::Magic { magic: message.magic });
        }
        records.push(message.record);
    }
    if wrapper.magic == 0 {
        return Ok(());
    }
    let Some(last) = records.last().map(|record| record.offset) else { return Ok(()) };
    let base = wrapper.record.offset.wrapping_sub(last);
    for record in &mut records[first..] {
        record.offset = record.offset.wrapping_add(base);
        if wrapper.attributes & LOG_APPEND_TIME != 0 {
            record.timestamp = wrapper.record.timestamp;
        }
    }
    Ok(())
}

/// Takes the first message off the front; `None` when no whole one is left.
fn take_message(bytes: &mut Bytes) -> Result<Option<Message>, BatchError> {
    let Some(prefix) = bytes.first_chunk::<PREFIX_LEN>() else { return Ok(None) };
    let size = i32::from_be_bytes([prefix[8], prefix[9], prefix[10], prefix[11]]);
    let length = usize::try_from(size).unwrap_or(0);
    if length < MESSAGE_BYTES_MIN {
        return Err(BatchError::Length { batch_length: size });
    }
    if bytes.len() - PREFIX_LEN < length {
        return Ok(None);
    }
    let mut reader = Reader::new(bytes.split_to(PREFIX_LEN + length));
    read_message(&mut reader).map(Some)
}

fn read_message(reader: &mut Reader) -> Result<Message, BatchError> {
    let offset = reader.i64().map_err(BatchError::Record)?;
    let _size = reader.i32().map_err(BatchError::Record)?;
    let stored = reader.u32().map_err(BatchError::Record)?;
    let computed = crc32fast::hash(&reader.rest());
    if stored != computed {
        return Err(BatchError::Crc { stored, computed });
    }
    let magic = reader.i8().map_err(BatchError::Record)?;
    if !(0..=1).contains(&magic) {
        return Err(BatchError::Magic { magic });
    }
    let mut body = || -> Result<Message, WireError> {
        let attributes = reader.i8()?;
        let timestamp = if magic == 1 { reader.i64()? } else { -1 };
        let key = reader.nullable_bytes(false)?;
        let value = reader.nullable_bytes(false)?;
        Ok(Message {
            magic,
            attributes,
            record: Record { offset, timestamp, key, value, headers: Vec::new() },
        })
    };
    body().map_err(BatchError::Record)
}
