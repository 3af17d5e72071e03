//! `DescribeProducers`, API key 61, version 0.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `DescribeProducersRequest`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeProducersRequest {
    pub topics: Vec<TopicRequest>,
}

impl Message for DescribeProducersRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.topics = reader
            .array(true, TopicRequest::size_min(version), |reader| TopicRequest::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.array_len(true, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

impl Request for DescribeProducersRequest {
    const API: ApiKey = ApiKey::DescribeProducers;
    type Response = DescribeProducersResponse;
}

/// `TopicRequest`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicRequest {
    pub name: String,
    pub partition_indexes: Vec<i32>,
}

impl TopicRequest {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        3
    }
}

impl Message for TopicRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.name = reader.string(true)?;
        message.partition_indexes = reader.array(true, 4, Reader::i32)?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(true, &self.name);
        writer.array_len(true, self.partition_indexes.len());
        for item in &self.partition_indexes {
            writer.i32(*item);
        }
        writer.no_tags();
    }
}

/// `DescribeProducersResponse`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeProducersResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<TopicResponse>,
}

impl Message for DescribeProducersResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.topics = reader
            .array(true, TopicResponse::size_min(version), |reader| TopicResponse::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.throttle_time_ms);
        writer.array_len(true, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `TopicResponse`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicResponse {
    pub name: String,
    pub partitions: Vec<PartitionResponse>,
}

impl TopicResponse {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        3
    }
}

impl Message for TopicResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.name = reader.string(true)?;
        message.partitions = reader.array(true, PartitionResponse::size_min(version), |reader| {
            PartitionResponse::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.string(true, &self.name);
        writer.array_len(true, self.partitions.len());
        for item in &self.partitions {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `PartitionResponse`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionResponse {
    pub partition_index: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub active_producers: Vec<ProducerState>,
}

impl PartitionResponse {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        9
    }
}

impl Message for PartitionResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(true)?;
        message.active_producers = reader
            .array(true, ProducerState::size_min(version), |reader| ProducerState::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.partition_index);
        writer.error_code(self.error_code);
        writer.nullable_string(true, true, self.error_message.as_deref());
        writer.array_len(true, self.active_producers.len());
        for item in &self.active_producers {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `ProducerState`.
#[derive(Clone, Debug, PartialEq)]
pub struct ProducerState {
    pub producer_id: i64,
    pub producer_epoch: i32,
    pub last_sequence: i32,
    pub last_timestamp: i64,
    pub coordinator_epoch: i32,
    pub current_txn_start_offset: i64,
}

impl Default for ProducerState {
    fn default() -> Self {
        Self {
            producer_id: 0,
            producer_epoch: 0,
            last_sequence: -1,
            last_timestamp: -1,
            coordinator_epoch: 0,
            current_txn_start_offset: -1,
        }
    }
}

impl ProducerState {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        37
    }
}

impl Message for ProducerState {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.producer_id = reader.i64()?;
        message.producer_epoch = reader.i32()?;
        message.last_sequence = reader.i32()?;
        message.last_timestamp = reader.i64()?;
        message.coordinator_epoch = reader.i32()?;
        message.current_txn_start_offset = reader.i64()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i64(self.producer_id);
        writer.i32(self.producer_epoch);
        writer.i32(self.last_sequence);
        writer.i64(self.last_timestamp);
        writer.i32(self.coordinator_epoch);
        writer.i64(self.current_txn_start_offset);
        writer.no_tags();
    }
}
