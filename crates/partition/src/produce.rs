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
use kafka_wire::compression::Packing;

use crate::limits::{RECORD_FAULTS_MAX, UNPACKED_BYTES_MAX};
use crate::producers::Stamp;
use crate::topic_config::{CompressionType, TopicConfig};

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
    /// The records at fault, by their index in the batch, each with the reason; not all if they are many.
    pub records: Vec<(i32, String)>,
}

/// Judges what a client sent for one partition, and makes the changes its topic asks for.
///
/// Errors: `MESSAGE_TOO_LARGE`, `RECORD_LIST_TOO_LARGE` (more than a segment), `CORRUPT_MESSAGE`,
/// `INVALID_RECORD`, `INVALID_TIMESTAMP`, `UNSUPPORTED_COMPRESSION_TYPE`.
pub fn validate(bytes: Bytes, config: &TopicConfig, now: WallTime) -> Result<ValidBatch, Refusal> {
    check_base_offset(&bytes)?;
    check_size(bytes.len(), config)?;
    let batch = Batch::produced(bytes)?;
    check_records(&batch, config, now)?;
    let header = batch.header();
    let batch = match config.compression {
        CompressionType::Fixed(packing) if header.attributes.codec() != Some(packing.codec) => {
            repack(&batch, packing, config.timestamp_type)?
        }
        CompressionType::Fixed(_) | CompressionType::Producer => batch,
    };
    let batch = match config.timestamp_type {
        TimestampType::CreateTime
            if batch.header().attributes.timestamp_type() != TimestampType::CreateTime
                || batch.header().max_timestamp < NONE =>
        {
            ValidBatch::new(as_create_time(&batch)?, None)
        }
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
        return Err(Refusal { code: ErrorCode::MESSAGE_TOO_LARGE, message, records: Vec::new() });
    }
    let most = config.segment_bytes;
    if bytes > most as usize {
        let message = format!("a batch of {bytes} bytes does not fit into segment.bytes={most}");
        return Err(Refusal { code: ErrorCode::RECORD_LIST_TOO_LARGE, message, records: Vec::new() });
    }
    Ok(())
}

/// Producers count from 0; where the log counts on is the log's business.
fn check_base_offset(bytes: &[u8]) -> Result<(), Refusal> {
    match bytes.first_chunk().map(|first| i64::from_be_bytes(*first)) {
        Some(0) | None => Ok(()),
        Some(other) => {
            let message = format!("the base offset of a produced batch is {other}, not 0");
            Err(Refusal { code: ErrorCode::INVALID_RECORD, message, records: Vec::new() })
        }
    }
}

/// What a rule of the topic wants of each record: a key, a timestamp near the broker's clock. Without such a
/// rule no record is looked at; the newest timestamp is believed to be the header's.
fn check_records(batch: &Batch, config: &TopicConfig, now: WallTime) -> Result<(), Refusal> {
    let needs_keys = config.cleanup.compacts();
    let keeps_time = config.timestamp_type == TimestampType::CreateTime;
    let is_late = |timestamp: i64| {
        timestamp != NONE && timestamp.saturating_sub(now.as_ms()) > config.timestamp_after_ms_max
    };
    let is_early = |timestamp: i64| {
        timestamp != NONE && now.as_ms().saturating_sub(timestamp) > config.timestamp_before_ms_max
    };
    let newest = batch.header().max_timestamp;
    let has_late = keeps_time && is_late(newest);
    let has_start = keeps_time && config.timestamp_before_ms_max != i64::MAX;
    // Only a broker may stamp records with the time of their append.
    let is_stamped = batch.header().attributes.timestamp_type() == TimestampType::LogAppendTime;
    if !(needs_keys || has_late || has_start || is_stamped) {
        return Ok(());
    }
    batch.verify_records(Keys::Optional, UNPACKED_BYTES_MAX)?;
    let mut records = Vec::new();
    let mut code = if has_late { ErrorCode::INVALID_TIMESTAMP } else { ErrorCode::INVALID_RECORD };
    for (index, record) in (0..).zip(batch.records(UNPACKED_BYTES_MAX)?) {
        let record = record?;
        let timestamp = record.timestamp;
        let fault = if needs_keys && record.key.is_none() {
            "a compacted topic takes no record without a key".to_owned()
        } else if is_stamped && !(keeps_time && timestamp != NONE) {
            code = ErrorCode::INVALID_TIMESTAMP;
            "a producer may not stamp a record with the time of its append".to_owned()
        } else if keeps_time && (is_early(timestamp) || is_late(timestamp)) {
            code = ErrorCode::INVALID_TIMESTAMP;
            let now = now.as_ms();
            format!("timestamp {timestamp} is further from the broker's {now} than the topic allows")
        } else {
            continue;
        };
        if records.len() < RECORD_FAULTS_MAX {
            records.push((index, fault));
        }
    }
    if records.is_empty() && !has_late {
        return Ok(());
    }
    let message = match records.first() {
        Some((index, fault)) => format!("record {index}: {fault}"),
        None => format!("the header's timestamp {newest} is that of no record"),
    };
    Err(Refusal { code, message, records })
}

/// No timestamp.
const NONE: i64 = -1;

/// The same records in another codec.
fn repack(batch: &Batch, packing: Packing, timestamp_type: TimestampType) -> Result<Batch, Refusal> {
    let header = batch.header();
    if header.has_producer_id() && header.producer_epoch < 0 {
        // Where the batch stays as it is, this is for the producer state to judge.
        let message = "a batch with a producer but no epoch of it cannot be packed anew".to_owned();
        return Err(Refusal { code: ErrorCode::INVALID_PRODUCER_EPOCH, message, records: Vec::new() });
    }
    let mut builder = BatchBuilder::new(header.base_offset)
        .packing(packing)
        .leader_epoch(header.partition_leader_epoch)
        .timestamp_type(timestamp_type);
    if header.has_producer_id() {
        builder = builder.producer(ProducerStamp {
            id: header.producer_id,
            epoch: header.producer_epoch,
            base_sequence: header.base_sequence,
            transactional: header.attributes.is_transactional(),
        });
    }
    batch.verify_records(Keys::Optional, UNPACKED_BYTES_MAX)?;
    for (index, record) in batch.records(UNPACKED_BYTES_MAX)?.enumerate() {
        let record = record?;
        if record.timestamp < NONE {
            let fault = format!("timestamp {} is before 1970", record.timestamp);
            let message = format!("record {index}: {fault}");
            let records = vec![(index as i32, fault)];
            return Err(Refusal { code: ErrorCode::INVALID_TIMESTAMP, message, records });
        }
        builder.push(&record);
    }
    let mut bytes = builder.build();
    Ok(Batch::take_first(&mut bytes)?.ok_or(BatchError::Empty)?)
}

/// The timestamps are the producer's, whatever it says of them, and the greatest is none at the least.
fn as_create_time(batch: &Batch) -> Result<Batch, Refusal> {
    const TIMESTAMP_TYPE_AT: usize = 22;
    const TIMESTAMP_TYPE: u8 = 1 << 3;
    let mut bytes = batch.bytes().to_vec();
    let newest = batch.header().max_timestamp.max(NONE);
    let (header, records) = bytes.split_first_chunk_mut::<HEADER_LEN>().ok_or(BatchError::Truncated)?;
    let known = batch.header().attributes.known().0 as u8;
    header[TIMESTAMP_TYPE_AT - 1..=TIMESTAMP_TYPE_AT].copy_from_slice(&[0, known & !TIMESTAMP_TYPE]);
    patch::set_max_timestamp(header, records, newest);
    let mut bytes = Bytes::from(bytes);
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
        let message = error.to_string();
        let records = error.record_index().map(|index| (index, message.clone()));
        Refusal { code: error.error_code(), records: records.into_iter().collect(), message }
    }
}

#[cfg(test)]
mod tests;
