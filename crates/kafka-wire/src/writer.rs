//! Writes the primitive types of Kafka's protocol into a [`Frame`], letting record bytes pass by untouched.

use crate::limits::{CLASSIC_STRING_BYTES_MAX, SEGMENT_BYTES_MIN};
use crate::{ErrorCode, Frame, Records, Uuid};
use bytes::Bytes;

/// Collects the bytes of one message.
#[derive(Debug, Default)]
pub struct Writer {
    /// What came before `tail`, in order.
    segments: Vec<Bytes>,
    tail: Vec<u8>,
}

/// The tagged section of one struct, in the making. Fields must be put in ascending order of tag.
#[derive(Debug, Default)]
pub struct Tags {
    count: u32,
    fields: Writer,
}

impl Writer {
    /// An empty message.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty message that expects about `bytes` bytes besides records.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { segments: Vec::new(), tail: Vec::with_capacity(bytes) }
    }

    /// Ends the message.
    pub fn finish(mut self) -> Frame {
        self.cut();
        Frame::from(self.segments)
    }

    /// Ends the message as one piece; copies if records made it several.
    pub fn into_bytes(self) -> Bytes {
        if self.segments.is_empty() { Bytes::from(self.tail) } else { self.finish().to_bytes() }
    }

    /// As [`Writer::into_bytes`], for those who still want to write into it.
    pub fn into_vec(self) -> Vec<u8> {
        if self.segments.is_empty() { self.tail } else { self.finish().to_bytes().to_vec() }
    }

    fn cut(&mut self) {
        if !self.tail.is_empty() {
            self.segments.push(Bytes::from(std::mem::take(&mut self.tail)));
        }
    }

    /// Raw bytes, copied.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }

    /// Raw bytes, as a segment of their own unless they are few.
    pub fn piece(&mut self, bytes: &Bytes) {
        if bytes.len() < SEGMENT_BYTES_MIN {
            return self.raw(bytes);
        }
        self.cut();
        self.segments.push(bytes.clone());
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.tail.push(value);
    }

    /// One signed byte.
    pub fn i8(&mut self, value: i8) {
        self.raw(&value.to_be_bytes());
    }

    /// Two bytes, signed.
    pub fn i16(&mut self, value: i16) {
        self.raw(&value.to_be_bytes());
    }

    /// Two bytes, unsigned.
    pub fn u16(&mut self, value: u16) {
        self.raw(&value.to_be_bytes());
    }

    /// Four bytes, signed.
    pub fn i32(&mut self, value: i32) {
        self.raw(&value.to_be_bytes());
    }

    /// Four bytes, unsigned.
    pub fn u32(&mut self, value: u32) {
        self.raw(&value.to_be_bytes());
    }

    /// Eight bytes, signed.
    pub fn i64(&mut self, value: i64) {
        self.raw(&value.to_be_bytes());
    }

    /// Eight bytes, an IEEE 754 double.
    pub fn f64(&mut self, value: f64) {
        self.raw(&value.to_be_bytes());
    }

    /// One byte, 0 or 1.
    pub fn bool(&mut self, value: bool) {
        self.u8(u8::from(value));
    }

    /// Sixteen bytes.
    pub fn uuid(&mut self, value: Uuid) {
        self.raw(&value.0);
    }

    /// A two-byte error code.
    pub fn error_code(&mut self, value: ErrorCode) {
        self.i16(value.0);
    }

    /// An unsigned variable-length number.
    pub fn varint_unsigned(&mut self, value: u32) {
        self.varlong_unsigned(u64::from(value));
    }

    /// An unsigned variable-length number.
    pub fn varlong_unsigned(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.u8(value as u8);
    }

    /// A zigzag variable-length number.
    pub fn varint(&mut self, value: i32) {
        self.varint_unsigned(((value << 1) ^ (value >> 31)) as u32);
    }

    /// A zigzag variable-length number.
    pub fn varlong(&mut self, value: i64) {
        self.varlong_unsigned(((value << 1) ^ (value >> 63)) as u64);
    }

    fn length(&mut self, flexible: bool, length: usize) {
        if flexible {
            let length = u32::try_from(length + 1).expect("a message holds less than 4 GiB");
            self.varint_unsigned(length);
        } else {
            self.i32(i32::try_from(length).expect("a message holds less than 2 GiB"));
        }
    }

    /// A length of null.
    fn null_length(&mut self, flexible: bool) {
        if flexible { self.u8(0) } else { self.i32(-1) }
    }

    /// A string. Classic encoding cannot carry more than 32,767 bytes: what is longer is cut at a character,
    /// which only texts for people (error messages) ever are.
    pub fn string(&mut self, flexible: bool, value: &str) {
        if flexible {
            self.length(true, value.len());
            return self.raw(value.as_bytes());
        }
        let cut = value.floor_char_boundary(CLASSIC_STRING_BYTES_MAX);
        self.i16(i16::try_from(cut).expect("cut to what two bytes can say"));
        self.raw(&value.as_bytes()[..cut]);
    }

    /// A string that may be null; where the version cannot say so (`null` is false), it is empty instead.
    pub fn nullable_string(&mut self, flexible: bool, null: bool, value: Option<&str>) {
        match value {
            Some(value) => self.string(flexible, value),
            None if !null => self.string(flexible, ""),
            None if flexible => self.u8(0),
            None => self.i16(-1),
        }
    }

    /// Bytes, copied.
    pub fn bytes(&mut self, flexible: bool, value: &Bytes) {
        self.length(flexible, value.len());
        self.raw(value);
    }

    /// Bytes that may be null; where the version cannot say so (`null` is false), they are empty instead.
    pub fn nullable_bytes(&mut self, flexible: bool, null: bool, value: Option<&Bytes>) {
        match value {
            Some(value) => self.bytes(flexible, value),
            None if null => self.null_length(flexible),
            None => self.length(flexible, 0),
        }
    }

    /// Record batches; their pieces become segments of the frame, uncopied.
    pub fn records(&mut self, flexible: bool, value: Option<&Records>) {
        let Some(records) = value else { return self.null_length(flexible) };
        self.length(flexible, records.len());
        for piece in records.pieces() {
            self.piece(piece);
        }
    }

    /// The length of an array.
    pub fn array_len(&mut self, flexible: bool, length: usize) {
        self.length(flexible, length);
    }

    /// The length of an array that may be null; where the version cannot say so, it is empty instead.
    pub fn nullable_array_len(&mut self, flexible: bool, null: bool, length: Option<usize>) {
        match length {
            None if null => self.null_length(flexible),
            length => self.length(flexible, length.unwrap_or(0)),
        }
    }

    /// A tagged section without fields.
    pub fn no_tags(&mut self) {
        self.u8(0);
    }

    /// A tagged section.
    pub fn tags(&mut self, tags: Tags) {
        self.varint_unsigned(tags.count);
        self.append(tags.fields);
    }

    fn append(&mut self, other: Writer) {
        for segment in &other.segments {
            self.piece(segment);
        }
        self.raw(&other.tail);
    }

    fn len(&self) -> usize {
        self.segments.iter().map(Bytes::len).sum::<usize>() + self.tail.len()
    }
}

impl Tags {
    /// Adds the field that `write` writes.
    pub fn put(&mut self, tag: u32, write: impl FnOnce(&mut Writer)) {
        let mut field = Writer::new();
        write(&mut field);
        self.count += 1;
        self.fields.varint_unsigned(tag);
        self.fields.varint_unsigned(u32::try_from(field.len()).expect("a message holds less than 4 GiB"));
        self.fields.append(field);
    }
}
