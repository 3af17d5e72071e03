//! Makes batches: for producers, for the internal topics, and for the log cleaner.

use super::{
    Attributes, BatchHeader, CRC_FROM, HEADER_LEN, MAGIC, PREFIX_LEN, Record, RecordHeader, TimestampType,
};
use crate::Writer;
use crate::compression::{Codec, Packing, compress_with};
use bytes::Bytes;

/// What an idempotent producer stamps on its batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerStamp {
    /// Producer id.
    pub id: i64,
    /// Producer epoch.
    pub epoch: i16,
    /// Sequence number of the batch's first record; -1 in control batches.
    pub base_sequence: i32,
    /// Whether the batch belongs to a transaction.
    pub transactional: bool,
}

/// A batch in the making.
///
/// Records come in ascending order of offset. Their timestamps are relative to the first record's.
#[derive(Debug)]
pub struct BatchBuilder {
    header: BatchHeader,
    body: Writer,
    body_len: usize,
    packing: Packing,
    next_offset: i64,
}

impl BatchBuilder {
    /// An empty batch whose first record will be at `base_offset` (0 from a producer).
    pub fn new(base_offset: i64) -> BatchBuilder {
        let header = BatchHeader {
            base_offset,
            partition_leader_epoch: -1,
            magic: MAGIC,
            base_timestamp: -1,
            max_timestamp: -1,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            ..BatchHeader::default()
        };
        let mut body = Writer::with_capacity(256);
        // The header takes this place when the rest is known.
        body.raw(&[0; HEADER_LEN]);
        BatchBuilder { header, body, body_len: 0, packing: Packing::default(), next_offset: base_offset }
    }

    /// Packs the records with `codec`.
    #[must_use]
    pub fn codec(self, codec: Codec) -> BatchBuilder {
        self.packing(codec.into())
    }

    /// Packs the records with a codec and its effort.
    #[must_use]
    pub fn packing(mut self, packing: Packing) -> BatchBuilder {
        self.packing = packing;
        self
    }

    /// Stamps the batch as an idempotent producer's.
    #[must_use]
    pub fn producer(mut self, stamp: ProducerStamp) -> BatchBuilder {
        self.header.producer_id = stamp.id;
        self.header.producer_epoch = stamp.epoch;
        self.header.base_sequence = stamp.base_sequence;
        self.header.attributes = self.header.attributes.with(Attributes::TRANSACTIONAL, stamp.transactional);
        self
    }

    /// Marks the batch as a control batch.
    #[must_use]
    pub fn control(mut self) -> BatchBuilder {
        self.header.attributes = self.header.attributes.with(Attributes::CONTROL, true);
        self
    }

    /// Stamps the epoch of the leader that appends the batch.
    #[must_use]
    pub fn leader_epoch(mut self, epoch: i32) -> BatchBuilder {
        self.header.partition_leader_epoch = epoch;
        self
    }

    /// Says whose clock the timestamps come from.
    #[must_use]
    pub fn timestamp_type(mut self, timestamp_type: TimestampType) -> BatchBuilder {
        let append = timestamp_type == TimestampType::LogAppendTime;
        self.header.attributes = self.header.attributes.with(Attributes::LOG_APPEND_TIME, append);
        self
    }

    /// Says from when on the batch's tombstones may go (KIP-534). The time stands where the base timestamp
    /// would, and record timestamps are relative to it.
    #[must_use]
    pub fn delete_horizon(mut self, timestamp: i64) -> BatchBuilder {
        self.header.attributes = self.header.attributes.with(Attributes::DELETE_HORIZON, true);
        self.header.base_timestamp = timestamp;
        self
    }

    /// Adds a record at the next offset.
    pub fn append(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[RecordHeader],
    ) {
        self.append_at(self.next_offset, timestamp, key, value, headers);
    }

    /// Adds a record where it was: for the log cleaner, which leaves gaps.
    pub fn push(&mut self, record: &Record) {
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        self.append_at(record.offset, record.timestamp, key, value, &record.headers);
    }

    fn append_at(
        &mut self,
        offset: i64,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[RecordHeader],
    ) {
        assert!(offset >= self.next_offset, "records come in ascending order of offset");
        if self.header.record_count == 0 && !self.header.attributes.has_delete_horizon() {
            self.header.base_timestamp = timestamp;
        }
        let offset_delta =
            i32::try_from(offset - self.header.base_offset).expect("a batch spans less than 2^31 offsets");
        let timestamp_delta = timestamp.wrapping_sub(self.header.base_timestamp);
        let size = record_size(timestamp_delta, offset_delta, key, value, headers);
        let body = &mut self.body;
        body.varint(length(size));
        body.i8(0);
        body.varlong(timestamp_delta);
        body.varint(offset_delta);
        nullable(body, key);
        nullable(body, value);
        body.varint(length(headers.len()));
        for header in headers {
            nullable(body, Some(&header.key));
            nullable(body, header.value.as_deref());
        }
        self.body_len += varint_size(size as i64) + size;
        self.header.last_offset_delta = offset_delta;
        self.header.max_timestamp = self.header.max_timestamp.max(timestamp);
        self.header.record_count += 1;
        self.next_offset = offset + 1;
    }

    /// Says that the batch reaches up to `offset` though its last records are gone (compaction keeps this).
    pub fn reach(&mut self, offset: i64) {
        assert!(offset + 1 >= self.next_offset, "a batch reaches at least its last record");
        self.header.last_offset_delta =
            i32::try_from(offset - self.header.base_offset).expect("a batch spans less than 2^31 offsets");
        self.next_offset = offset + 1;
    }

    /// Records so far.
    pub fn len(&self) -> usize {
        self.header.record_count as usize
    }

    /// Whether there is no record yet.
    pub fn is_empty(&self) -> bool {
        self.header.record_count == 0
    }

    /// The batch's bytes so far, before packing.
    pub fn size(&self) -> usize {
        HEADER_LEN + self.body_len
    }

    /// Ends the batch.
    pub fn build(mut self) -> Bytes {
        let mut batch = self.body.into_vec();
        if self.packing.codec != Codec::None {
            let packed = compress_with(self.packing, &batch[HEADER_LEN..]);
            batch.truncate(HEADER_LEN);
            batch.extend_from_slice(&packed);
        }
        self.header.attributes.0 |= self.packing.codec.id() & Attributes::CODEC;
        self.header.batch_length = length(batch.len() - PREFIX_LEN);
        batch[..HEADER_LEN].copy_from_slice(&self.header.encode());
        let crc = crc32c::crc32c(&batch[CRC_FROM..]);
        batch[CRC_FROM - 4..CRC_FROM].copy_from_slice(&crc.to_be_bytes());
        Bytes::from(batch)
    }
}

fn length(bytes: usize) -> i32 {
    i32::try_from(bytes).expect("a batch holds less than 2 GiB")
}

/// Bytes of a record behind its own length.
fn record_size(
    timestamp_delta: i64,
    offset_delta: i32,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[RecordHeader],
) -> usize {
    let headers_size: usize = headers
        .iter()
        .map(|header| nullable_size(Some(&header.key)) + nullable_size(header.value.as_deref()))
        .sum();
    1 + varint_size(timestamp_delta)
        + varint_size(i64::from(offset_delta))
        + nullable_size(key)
        + nullable_size(value)
        + varint_size(headers.len() as i64)
        + headers_size
}

fn nullable_size(value: Option<&[u8]>) -> usize {
    value.map_or(1, |value| varint_size(value.len() as i64) + value.len())
}

/// Bytes of a zigzag variable-length number.
fn varint_size(value: i64) -> usize {
    let zigzag = ((value << 1) ^ (value >> 63)) as u64;
    let bits = 64 - (zigzag | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

fn nullable(writer: &mut Writer, value: Option<&[u8]>) {
    match value {
        Some(value) => {
            writer.varint(length(value.len()));
            writer.raw(value);
        }
        None => writer.varint(-1),
    }
}
