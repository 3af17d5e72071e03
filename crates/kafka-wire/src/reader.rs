//! Reads the primitive types of Kafka's protocol from received bytes, without copying payloads.
//!
//! Nothing here trusts a length: counts are compared with the bytes left before anything is allocated,
//! variable-length numbers are as strict as Java's, and no call recurses.

use crate::limits::{ARRAY_RESERVE_BYTES_MAX, MESSAGE_ELEMENTS_MAX, TAGGED_FIELDS_MAX};
use crate::{ErrorCode, Records, Uuid, WireError};
use bytes::Bytes;

/// A cursor over the bytes of one message.
///
/// Invariant: `at <= end <= bytes.len()`.
#[derive(Clone, Debug)]
pub struct Reader {
    bytes: Bytes,
    at: usize,
    end: usize,
    elements_left: usize,
}

impl Reader {
    /// Starts at the first byte of `bytes`.
    pub fn new(bytes: Bytes) -> Self {
        let end = bytes.len();
        Self { bytes, at: 0, end, elements_left: MESSAGE_ELEMENTS_MAX }
    }

    /// Bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.end - self.at
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The bytes not read yet, shared with the input.
    pub fn rest(&self) -> Bytes {
        self.bytes.slice(self.at..self.end)
    }

    fn advance(&mut self, count: usize) -> Result<usize, WireError> {
        if count > self.remaining() {
            return Err(WireError::Truncated);
        }
        let at = self.at;
        self.at += count;
        Ok(at)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let at = self.advance(N)?;
        let mut value = [0; N];
        value.copy_from_slice(&self.bytes[at..at + N]);
        Ok(value)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, WireError> {
        let at = self.advance(1)?;
        Ok(self.bytes[at])
    }

    /// One signed byte.
    pub fn i8(&mut self) -> Result<i8, WireError> {
        self.fixed().map(i8::from_be_bytes)
    }

    /// Two bytes, signed.
    pub fn i16(&mut self) -> Result<i16, WireError> {
        self.fixed().map(i16::from_be_bytes)
    }

    /// Two bytes, unsigned.
    pub fn u16(&mut self) -> Result<u16, WireError> {
        self.fixed().map(u16::from_be_bytes)
    }

    /// Four bytes, signed.
    pub fn i32(&mut self) -> Result<i32, WireError> {
        self.fixed().map(i32::from_be_bytes)
    }

    /// Four bytes, unsigned.
    pub fn u32(&mut self) -> Result<u32, WireError> {
        self.fixed().map(u32::from_be_bytes)
    }

    /// Eight bytes, signed.
    pub fn i64(&mut self) -> Result<i64, WireError> {
        self.fixed().map(i64::from_be_bytes)
    }

    /// Eight bytes, an IEEE 754 double.
    pub fn f64(&mut self) -> Result<f64, WireError> {
        self.fixed().map(f64::from_be_bytes)
    }

    /// One byte; anything but zero is true, as in Java.
    pub fn bool(&mut self) -> Result<bool, WireError> {
        self.u8().map(|byte| byte != 0)
    }

    /// Sixteen bytes.
    pub fn uuid(&mut self) -> Result<Uuid, WireError> {
        self.fixed().map(Uuid)
    }

    /// A two-byte error code.
    pub fn error_code(&mut self) -> Result<ErrorCode, WireError> {
        self.i16().map(ErrorCode)
    }

    /// An unsigned variable-length number of at most five bytes.
    pub fn varint_unsigned(&mut self) -> Result<u32, WireError> {
        let mut value: u32 = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.u8()?;
            if shift == 28 && byte > 0x0f {
                return Err(WireError::Varint);
            }
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(WireError::Varint)
    }

    /// An unsigned variable-length number of at most ten bytes.
    pub fn varlong_unsigned(&mut self) -> Result<u64, WireError> {
        let mut value: u64 = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.u8()?;
            if shift == 63 && byte > 1 {
                return Err(WireError::Varint);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(WireError::Varint)
    }

    /// A zigzag variable-length number of at most five bytes.
    pub fn varint(&mut self) -> Result<i32, WireError> {
        let raw = self.varint_unsigned()?;
        Ok((raw >> 1) as i32 ^ -((raw & 1) as i32))
    }

    /// A zigzag variable-length number of at most ten bytes.
    pub fn varlong(&mut self) -> Result<i64, WireError> {
        let raw = self.varlong_unsigned()?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    /// The next `count` bytes, shared with the input: they keep the whole received frame alive, so copy what
    /// is kept for long.
    pub fn take(&mut self, count: usize) -> Result<Bytes, WireError> {
        let at = self.advance(count)?;
        Ok(self.bytes.slice(at..at + count))
    }

    /// The next `count` bytes as a slice.
    pub fn slice(&mut self, count: usize) -> Result<&[u8], WireError> {
        let at = self.advance(count)?;
        Ok(&self.bytes[at..at + count])
    }

    /// A compact length: 0 is null, otherwise the length plus one.
    fn compact_length(&mut self) -> Result<Option<usize>, WireError> {
        Ok((self.varint_unsigned()? as usize).checked_sub(1))
    }

    fn string_length(&mut self, flexible: bool) -> Result<Option<usize>, WireError> {
        if flexible {
            return self.compact_length();
        }
        match self.i16()? {
            -1 => Ok(None),
            length => usize::try_from(length).map(Some).map_err(|_| WireError::Length),
        }
    }

    fn length(&mut self, flexible: bool) -> Result<Option<usize>, WireError> {
        if flexible {
            return self.compact_length();
        }
        match self.i32()? {
            -1 => Ok(None),
            length => usize::try_from(length).map(Some).map_err(|_| WireError::Length),
        }
    }

    /// A string that may be null.
    pub fn nullable_string(&mut self, flexible: bool) -> Result<Option<String>, WireError> {
        let Some(length) = self.string_length(flexible)? else { return Ok(None) };
        let text = std::str::from_utf8(self.slice(length)?).map_err(|_| WireError::Utf8)?;
        Ok(Some(text.to_owned()))
    }

    /// A string.
    pub fn string(&mut self, flexible: bool) -> Result<String, WireError> {
        self.nullable_string(flexible)?.ok_or(WireError::UnexpectedNull)
    }

    /// Bytes that may be null, shared with the input.
    pub fn nullable_bytes(&mut self, flexible: bool) -> Result<Option<Bytes>, WireError> {
        match self.length(flexible)? {
            Some(length) => self.take(length).map(Some),
            None => Ok(None),
        }
    }

    /// Bytes, shared with the input.
    pub fn bytes(&mut self, flexible: bool) -> Result<Bytes, WireError> {
        self.nullable_bytes(flexible)?.ok_or(WireError::UnexpectedNull)
    }

    /// Record batches as they came, one piece, shared with the input.
    pub fn records(&mut self, flexible: bool) -> Result<Option<Records>, WireError> {
        Ok(self.nullable_bytes(flexible)?.map(Records::from))
    }

    /// Whether a nullable struct follows (a byte that is -1 for null).
    pub fn present(&mut self) -> Result<bool, WireError> {
        Ok(self.i8()? >= 0)
    }

    /// An array that may be null, of elements that take at least `size_min` bytes each.
    pub fn nullable_array<T>(
        &mut self,
        flexible: bool,
        size_min: usize,
        mut read: impl FnMut(&mut Reader) -> Result<T, WireError>,
    ) -> Result<Option<Vec<T>>, WireError> {
        let Some(count) = self.length(flexible)? else { return Ok(None) };
        if count.checked_mul(size_min.max(1)).is_none_or(|bytes| bytes > self.remaining()) {
            return Err(WireError::Length);
        }
        self.elements_left = self.elements_left.checked_sub(count).ok_or(WireError::TooMany)?;
        let reserve = count.min(ARRAY_RESERVE_BYTES_MAX / size_of::<T>().max(1));
        let mut items = Vec::with_capacity(reserve);
        for _ in 0..count {
            items.push(read(self)?);
        }
        Ok(Some(items))
    }

    /// An array, of elements that take at least `size_min` bytes each.
    pub fn array<T>(
        &mut self,
        flexible: bool,
        size_min: usize,
        read: impl FnMut(&mut Reader) -> Result<T, WireError>,
    ) -> Result<Vec<T>, WireError> {
        self.nullable_array(flexible, size_min, read)?.ok_or(WireError::UnexpectedNull)
    }

    /// A tagged section. `known` reads the fields it knows and answers whether it did; others are skipped.
    pub fn tags(
        &mut self,
        mut known: impl FnMut(u32, &mut Reader) -> Result<bool, WireError>,
    ) -> Result<(), WireError> {
        let count = self.varint_unsigned()?;
        if count > TAGGED_FIELDS_MAX {
            return Err(WireError::TooMany);
        }
        for _ in 0..count {
            let tag = self.varint_unsigned()?;
            let size = self.varint_unsigned()? as usize;
            if size > self.remaining() {
                return Err(WireError::Truncated);
            }
            let outer_end = std::mem::replace(&mut self.end, self.at + size);
            let field_end = self.end;
            if !known(tag, self)? {
                self.at = field_end;
            }
            self.end = outer_end;
            if self.at != field_end {
                return Err(WireError::TaggedField { tag });
            }
        }
        Ok(())
    }

    /// A tagged section of which nothing is known.
    pub fn skip_tags(&mut self) -> Result<(), WireError> {
        self.tags(|_, _| Ok(false))
    }
}

#[cfg(test)]
mod tests;
