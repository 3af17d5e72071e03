//! Jute, ZooKeeper's serialization: big-endian integers, strings and buffers behind a four-byte
//! length (-1 is null), vectors behind a count, records as bare concatenation.
//!
//! [`Reader`] walks over one received frame and hands out data as slices that share it. A length or
//! count is compared with what is left before anything is allocated for it.

use std::borrow::Cow;
use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

/// Why bytes are not the record they should be. The reaction is the same for most: the original
/// answers `MarshallingError`, or closes the connection if there is no header to answer to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WireError {
    /// The record goes on behind the last byte.
    Truncated,
    /// A length or count that is negative without being null, or larger than what is left.
    BadLength(i32),
    /// A null where the record needs a value.
    Null,
    /// An operation that the protocol does not have in this place.
    UnknownOp(i32),
    /// A multi with both reads and writes in it, or with create flags that do not exist.
    BadMulti,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::Truncated => write!(f, "the record is cut short"),
            WireError::BadLength(n) => write!(f, "a length of {n} does not fit"),
            WireError::Null => write!(f, "null where a value is needed"),
            WireError::UnknownOp(op) => write!(f, "operation {op} is not known here"),
            WireError::BadMulti => write!(f, "the operations of this multi do not go together"),
        }
    }
}

impl std::error::Error for WireError {}

/// A cursor over one frame. Cloning it is cheap and gives an independent cursor.
#[derive(Clone, Debug)]
pub struct Reader {
    bytes: Bytes,
    at: usize,
}

impl Reader {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: Bytes) -> Self {
        Reader { bytes, at: 0 }
    }

    /// Bytes not read yet.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Bytes already read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// What has not been read, sharing the frame.
    pub fn rest(&self) -> Bytes {
        self.bytes.slice(self.at..)
    }

    /// One record of any kind.
    #[inline]
    pub fn record<T: Record>(&mut self) -> Result<T, WireError> {
        T::read(self)
    }

    /// A big-endian 32-bit integer.
    #[inline]
    pub fn i32(&mut self) -> Result<i32, WireError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// A big-endian 64-bit integer.
    #[inline]
    pub fn i64(&mut self) -> Result<i64, WireError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// One byte; anything but zero is true, as in the original.
    #[inline]
    pub fn bool(&mut self) -> Result<bool, WireError> {
        let [byte] = self.array()?;
        Ok(byte != 0)
    }

    /// A buffer that shares the frame; `None` for null.
    #[inline]
    pub fn buffer(&mut self) -> Result<Option<Bytes>, WireError> {
        let Some(length) = self.length()? else { return Ok(None) };
        let start = self.at;
        self.at += length;
        Ok(Some(self.bytes.slice(start..self.at)))
    }

    /// The raw bytes of a string, borrowed; `None` for null.
    #[inline]
    pub fn text_bytes(&mut self) -> Result<Option<&[u8]>, WireError> {
        let Some(length) = self.length()? else { return Ok(None) };
        let start = self.at;
        self.at += length;
        Ok(Some(&self.bytes[start..self.at]))
    }

    /// A string that may be null. Bytes that are not UTF-8 become U+FFFD, as the original reads them
    /// (path rules refuse that character later).
    #[inline]
    pub fn text(&mut self) -> Result<Option<String>, WireError> {
        let Some(bytes) = self.text_bytes()? else { return Ok(None) };
        Ok(Some(match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => String::from_utf8_lossy(bytes).into_owned(),
        }))
    }

    /// The count of a vector whose items take at least `item_bytes_min` bytes each; `None` for null.
    pub fn count(&mut self, item_bytes_min: usize) -> Result<Option<usize>, WireError> {
        let count = self.i32()?;
        if count == -1 {
            return Ok(None);
        }
        match usize::try_from(count) {
            Ok(n) if n.saturating_mul(item_bytes_min.max(1)) <= self.remaining() => Ok(Some(n)),
            _ => Err(WireError::BadLength(count)),
        }
    }

    #[inline]
    fn length(&mut self) -> Result<Option<usize>, WireError> {
        let length = self.i32()?;
        if length == -1 {
            return Ok(None);
        }
        match usize::try_from(length) {
            Ok(n) if n <= self.remaining() => Ok(Some(n)),
            Ok(_) => Err(WireError::Truncated),
            Err(_) => Err(WireError::BadLength(length)),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let bytes = self.bytes[self.at..].first_chunk::<N>().ok_or(WireError::Truncated)?;
        self.at += N;
        Ok(*bytes)
    }
}

/// Where records are written. One writer can serve many frames: [`Writer::split`] takes what was
/// written and leaves the rest of the allocation for the next.
#[derive(Default, Debug)]
pub struct Writer {
    bytes: BytesMut,
}

impl Writer {
    /// An empty writer.
    pub fn new() -> Self {
        Writer::default()
    }

    /// An empty writer that will not need to grow before `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Writer { bytes: BytesMut::with_capacity(capacity) }
    }

    /// Bytes written since the last split.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True if nothing was written since the last split.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What was written, as shareable bytes.
    pub fn finish(self) -> Bytes {
        self.bytes.freeze()
    }

    /// Takes what was written; the writer is empty afterwards and keeps its spare room.
    #[inline]
    pub fn split(&mut self) -> Bytes {
        self.bytes.split().freeze()
    }

    /// Makes room for `bytes` more, so that a batch of small frames shares one allocation.
    pub fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    /// Forgets everything behind the first `length` bytes.
    pub fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
    }

    /// One record of any kind.
    #[inline]
    pub fn record<T: Record>(&mut self, record: &T) {
        record.write(self);
    }

    /// A big-endian 32-bit integer.
    #[inline]
    pub fn i32(&mut self, value: i32) {
        self.bytes.put_i32(value);
    }

    /// A big-endian 64-bit integer.
    #[inline]
    pub fn i64(&mut self, value: i64) {
        self.bytes.put_i64(value);
    }

    /// One byte, 0 or 1.
    #[inline]
    pub fn bool(&mut self, value: bool) {
        self.bytes.put_u8(u8::from(value));
    }

    /// A buffer, null or not.
    #[inline]
    pub fn buffer(&mut self, value: Option<&[u8]>) {
        match value {
            None => self.i32(-1),
            Some(bytes) => {
                self.length(bytes.len());
                self.bytes.put_slice(bytes);
            }
        }
    }

    /// A string.
    #[inline]
    pub fn text(&mut self, value: &str) {
        self.buffer(Some(value.as_bytes()));
    }

    /// Bytes as they are, without a length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.put_slice(bytes);
    }

    /// The count of a vector; its items follow.
    #[inline]
    pub fn length(&mut self, length: usize) {
        let length = i32::try_from(length).expect("nothing of 2 GiB is ever held in one record");
        self.i32(length);
    }

    /// Overwrites four bytes written earlier at `position`, for a count known only afterwards.
    pub fn patch_i32(&mut self, position: usize, value: i32) {
        self.bytes[position..position + 4].copy_from_slice(&value.to_be_bytes());
    }
}

/// Something with a jute encoding.
pub trait Record: Sized {
    /// The fewest bytes an encoding can take; bounds vector counts before allocation.
    const BYTES_MIN: usize;
    /// Reads one.
    fn read(reader: &mut Reader) -> Result<Self, WireError>;
    /// Writes this one.
    fn write(&self, writer: &mut Writer);
}

impl Record for i32 {
    const BYTES_MIN: usize = 4;
    fn read(reader: &mut Reader) -> Result<Self, WireError> {
        reader.i32()
    }
    fn write(&self, writer: &mut Writer) {
        writer.i32(*self);
    }
}

impl Record for i64 {
    const BYTES_MIN: usize = 8;
    fn read(reader: &mut Reader) -> Result<Self, WireError> {
        reader.i64()
    }
    fn write(&self, writer: &mut Writer) {
        writer.i64(*self);
    }
}

impl Record for bool {
    const BYTES_MIN: usize = 1;
    fn read(reader: &mut Reader) -> Result<Self, WireError> {
        reader.bool()
    }
    fn write(&self, writer: &mut Writer) {
        writer.bool(*self);
    }
}

/// A string that must be there; null is refused.
impl Record for String {
    const BYTES_MIN: usize = 4;
    fn read(reader: &mut Reader) -> Result<Self, WireError> {
        reader.text()?.ok_or(WireError::Null)
    }
    fn write(&self, writer: &mut Writer) {
        writer.text(self);
    }
}

impl Record for Option<String> {
    const BYTES_MIN: usize = 4;
    fn read(reader: &mut Reader) -> Result<Self, WireError> {
        reader.text()
    }
    fn write(&self, writer: &mut Writer) {
        writer.buffer(self.as_deref().map(str::as_bytes));
    }
}

/// A string that is usually one of a handful of words; those are not allocated. Null reads as empty:
/// some clients write the empty id of an `auth` entry so.
impl Record for Cow<'static, str> {
    const BYTES_MIN: usize = 4;
    fn read(reader: &mut Reader) -> Result<Self, WireError> {
        let bytes = reader.text_bytes()?.unwrap_or_default();
        Ok(match bytes {
            b"world" => Cow::Borrowed("world"),
            b"anyone" => Cow::Borrowed("anyone"),
            b"auth" => Cow::Borrowed("auth"),
            b"digest" => Cow::Borrowed("digest"),
            b"ip" => Cow::Borrowed("ip"),
            b"sasl" => Cow::Borrowed("sasl"),
            b"x509" => Cow::Borrowed("x509"),
            b"super" => Cow::Borrowed("super"),
            b"" => Cow::Borrowed(""),
            other => Cow::Owned(String::from_utf8_lossy(other).into_owned()),
        })
    }
    fn write(&self, writer: &mut Writer) {
        writer.text(self);
    }
}

impl Record for Option<Bytes> {
    const BYTES_MIN: usize = 4;
    fn read(reader: &mut Reader) -> Result<Self, WireError> {
        reader.buffer()
    }
    fn write(&self, writer: &mut Writer) {
        writer.buffer(self.as_deref());
    }
}

/// A vector; null reads as empty, which the original treats alike wherever this crate uses it.
impl<T: Record> Record for Vec<T> {
    const BYTES_MIN: usize = 4;
    fn read(reader: &mut Reader) -> Result<Self, WireError> {
        let count = reader.count(T::BYTES_MIN)?.unwrap_or(0);
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(T::read(reader)?);
        }
        Ok(items)
    }
    fn write(&self, writer: &mut Writer) {
        writer.length(self.len());
        for item in self {
            item.write(writer);
        }
    }
}

/// Declares records: the fields in their order are the byte layout.
macro_rules! records {
    ($(
        $(#[$meta:meta])*
        struct $name:ident { $( $(#[$field_meta:meta])* $field:ident : $kind:ty ),* $(,)? }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct $name { $( $(#[$field_meta])* pub $field: $kind, )* }

        impl $crate::jute::Record for $name {
            const BYTES_MIN: usize = 0 $( + <$kind as $crate::jute::Record>::BYTES_MIN )*;
            fn read(reader: &mut $crate::jute::Reader) -> Result<Self, $crate::jute::WireError> {
                $( let $field = <$kind as $crate::jute::Record>::read(reader)?; )*
                Ok($name { $( $field ),* })
            }
            fn write(&self, writer: &mut $crate::jute::Writer) {
                $( $crate::jute::Record::write(&self.$field, writer); )*
            }
        }
    )*};
}
pub(crate) use records;

/// Gives a numeric newtype the encoding of its number.
macro_rules! number_record {
    ($($name:ident($inner:ty)),* $(,)?) => {$(
        impl $crate::jute::Record for $name {
            const BYTES_MIN: usize = <$inner as $crate::jute::Record>::BYTES_MIN;
            fn read(reader: &mut $crate::jute::Reader) -> Result<Self, $crate::jute::WireError> {
                Ok($name(<$inner as $crate::jute::Record>::read(reader)?))
            }
            fn write(&self, writer: &mut $crate::jute::Writer) {
                $crate::jute::Record::write(&self.0, writer);
            }
        }
    )*};
}
pub(crate) use number_record;

#[cfg(test)]
mod tests;
