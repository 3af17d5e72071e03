//! The judgement of a produced batch, before the log sees it: what a topic's configuration allows, and
//! what the broker has to change. A batch that passes is byte for byte what will be stored, except for
//! its base offset and leader epoch.
//!
//! Records are looked at only where a rule is about records (keys of compacted topics, a lower bound
//! for timestamps) or where the topic wants another codec; otherwise header and checksum decide.

use bytes::Bytes;
use clock::WallTime;
use kafka_wire::ErrorCode;
use kafka_wire::batch::{
    Batch, BatchBuilder, BatchError, BatchHeader, HEADER_LEN, Keys, ProducerStamp, TimestampType, patch,
};

use crate::limits::UNPACKED_BYTES_MAX;
use crate::producers::Stamp;
use crate::topic_config::TopicConfig;

/// A batch that may be appended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ValidBatch {
    bytes: Bytes,
    header: BatchHeader,
    append_time: Option<i64>,
}

/// Why a batch may not be appended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The answer to the producer.
    pub code: ErrorCode,
    /// In words.
    pub message: String,
    /// The record at fault, by its index in the batch.
    pub record_index: Option<i32>,
}

/// Judges what a client sent for one partition, and makes the changes its topic asks for.
///
/// Errors: `MESSAGE_TOO_LARGE`, `RECORD_LIST_TOO_LARGE` (more than a segment), `CORRUPT_MESSAGE`,
/// `INVALID_RECORD`, `INVALID_TIMESTAMP`, `UNSUPPORTED_COMPRESSION_TYPE`.
pub fn validate(bytes: Bytes, config: &TopicConfig, now: WallTime) -> Result<ValidBatch, Refusal> {
    check_size(bytes.len(), config)?;
    let batch = Batch::produced(bytes)?;
    check_timestamps(&batch, config, now)?;
    if config.cleanup.compacts() {
        batch.verify_records(Keys::Required, UNPACKED_BYTES_MAX)?;
    }
    let header = batch.header();
    let batch = match config.compression.codec() {
        Some(codec) if header.attributes.codec() != Some(codec) => repack(&batch, codec)?,
        _ => batch,
    };
    let batch = match config.timestamp_type {
        TimestampType::CreateTime => ValidBatch::new(batch, None),
        TimestampType::LogAppendTime => stamp_append_time(&batch, now)?,
    };
    check_size(batch.bytes.len(), config)?;
    Ok(batch)
}

impl ValidBatch {
    fn new(batch: Batch, append_time: Option<i64>) -> Self {
        ValidBatch { header: *batch.header(), bytes: batch.into_bytes(), append_time }
    }

    /// A batch that this broker built itself (offsets, transaction markers): nothing to judge.
    pub fn of_our_own(bytes: Bytes) -> Result<Self, Refusal> {
        let mut rest = bytes;
        let batch = Batch::take_first(&mut rest)?.ok_or(BatchError::Empty)?;
        Ok(ValidBatch::new(batch, None))
    }

    /// What to append.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its header.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The broker's timestamp, if the topic wants that instead of the producers'.
    pub fn append_time(&self) -> Option<i64> {
        self.append_time
    }

    /// What an idempotent producer stamped on it; `None` for a plain one.
    pub fn stamp(&self) -> Option<Stamp> {
        stamp_of(&self.header)
    }
}

/// What an idempotent producer stamped on a batch; `None` for a plain one.
pub(crate) fn stamp_of(header: &BatchHeader) -> Option<Stamp> {
    header.has_producer_id().then_some(Stamp {
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        last_offset_delta: header.last_offset_delta,
        timestamp: header.max_timestamp,
        transactional: header.attributes.is_transactional(),
    })
}

fn check_size(bytes: usize, config: &TopicConfig) -> Result<(), Refusal> {
    let most = config.message_bytes_max;
    if bytes > most as usize {
        let message = format!("a batch of {bytes} bytes is more than max.message.bytes={most} allows");
        return Err(Refusal { code: ErrorCode::MESSAGE_TOO_LARGE, message, record_index: None });
    }
    let most = config.segment_bytes;
    if bytes > most as usize {
        let message = format!("a batch of {bytes} bytes does not fit into segment.bytes={most}");
        return Err(Refusal { code: ErrorCode::RECORD_LIST_TOO_LARGE, message, record_index: None });
    }
    Ok(())
}

/// Producers' timestamps must lie near the broker's clock, if the topic says how near.
fn check_timestamps(batch: &Batch, config: &TopicConfig, now: WallTime) -> Result<(), Refusal> {
    if config.timestamp_type == TimestampType::LogAppendTime {
        return Ok(());
    }
    let header = batch.header();
    let refuse = |timestamp: i64, bound: &str, record_index| {
        let now = now.as_ms();
        let message = format!("timestamp {timestamp} is further from the broker's {now} than {bound} allows");
        Err(Refusal { code: ErrorCode::INVALID_TIMESTAMP, message, record_index })
    };
    let newest = header.max_timestamp;
    if newest != NONE && newest.saturating_sub(now.as_ms()) > config.timestamp_after_ms_max {
        return refuse(newest, "message.timestamp.after.max.ms", None);
    }
    if header.base_timestamp < NONE || newest < NONE {
        return refuse(newest.min(header.base_timestamp), "the beginning of time", None);
    }
    if config.timestamp_before_ms_max == i64::MAX {
        return Ok(());
    }
    for (index, record) in (0..).zip(batch.records(UNPACKED_BYTES_MAX)?) {
        let timestamp = record?.timestamp;
        if timestamp != NONE && now.as_ms().saturating_sub(timestamp) > config.timestamp_before_ms_max {
            return refuse(timestamp, "message.timestamp.before.max.ms", Some(index));
        }
    }
    Ok(())
}

/// No timestamp.
const NONE: i64 = -1;

/// The same records in another codec.
fn repack(batch: &Batch, codec: kafka_wire::compression::Codec) -> Result<Batch, Refusal> {
    let header = batch.header();
    let mut builder = BatchBuilder::new(header.base_offset)
        .codec(codec)
        .leader_epoch(header.partition_leader_epoch)
        .timestamp_type(header.attributes.timestamp_type());
    if header.has_producer_id() {
        builder = builder.producer(ProducerStamp {
            id: header.producer_id,
            epoch: header.producer_epoch,
            base_sequence: header.base_sequence,
            transactional: header.attributes.is_transactional(),
        });
    }
    batch.verify_records(Keys::Optional, UNPACKED_BYTES_MAX)?;
    for record in batch.records(UNPACKED_BYTES_MAX)? {
        builder.push(&record?);
    }
    let mut bytes = builder.build();
    Ok(Batch::take_first(&mut bytes)?.ok_or(BatchError::Empty)?)
}

fn stamp_append_time(batch: &Batch, now: WallTime) -> Result<ValidBatch, Refusal> {
    let mut bytes = batch.bytes().to_vec();
    let (header, records) = bytes.split_first_chunk_mut::<HEADER_LEN>().ok_or(BatchError::Truncated)?;
    patch::set_log_append_time(header, records, now.as_ms());
    let mut bytes = Bytes::from(bytes);
    let batch = Batch::take_first(&mut bytes)?.ok_or(BatchError::Empty)?;
    Ok(ValidBatch::new(batch, Some(now.as_ms())))
}

impl From<BatchError> for Refusal {
    fn from(error: BatchError) -> Self {
        Refusal { code: error.error_code(), message: error.to_string(), record_index: error.record_index() }
    }
}

#[cfg(test)]
mod tests;
