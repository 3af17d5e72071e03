//! `DescribeTopicPartitions`, API key 75, version 0.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, Uuid, WireError, Writer};

/// `DescribeTopicPartitionsRequest`, version 0.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeTopicPartitionsRequest {
    pub topics: Vec<TopicRequest>,
    pub response_partition_limit: i32,
    pub cursor: Option<DescribeTopicPartitionsRequestCursor>,
}

impl Default for DescribeTopicPartitionsRequest {
    fn default() -> Self {
        Self { topics: Vec::new(), response_partition_limit: 2000, cursor: None }
    }
}

impl Message for DescribeTopicPartitionsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.topics = reader
            .array(true, TopicRequest::size_min(version), |reader| TopicRequest::decode(reader, version))?;
        message.response_partition_limit = reader.i32()?;
        message.cursor = if reader.present()? {
            Some(DescribeTopicPartitionsRequestCursor::decode(reader, version)?)
        } else {
            None
        };
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.array_len(true, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
        writer.i32(self.response_partition_limit);
        match &self.cursor {
            Some(part) => {
                writer.i8(1);
                part.encode(writer, version);
            }
            None => writer.i8(-1),
        }
        writer.no_tags();
    }
}

impl Request for DescribeTopicPartitionsRequest {
    const API: ApiKey = ApiKey::DescribeTopicPartitions;
    type Response = DescribeTopicPartitionsResponse;
}

/// `TopicRequest`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicRequest {
    pub name: String,
}

impl TopicRequest {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        2
    }
}

impl Message for TopicRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.name = reader.string(true)?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(true, &self.name);
        writer.no_tags();
    }
}

/// `DescribeTopicPartitionsRequestCursor`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeTopicPartitionsRequestCursor {
    pub topic_name: String,
    pub partition_index: i32,
}

impl Message for DescribeTopicPartitionsRequestCursor {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.topic_name = reader.string(true)?;
        message.partition_index = reader.i32()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(true, &self.topic_name);
        writer.i32(self.partition_index);
        writer.no_tags();
    }
}

/// `DescribeTopicPartitionsResponse`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeTopicPartitionsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<DescribeTopicPartitionsResponseTopic>,
    pub next_cursor: Option<DescribeTopicPartitionsResponseCursor>,
}

impl Message for DescribeTopicPartitionsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.topics =
            reader.array(true, DescribeTopicPartitionsResponseTopic::size_min(version), |reader| {
                DescribeTopicPartitionsResponseTopic::decode(reader, version)
            })?;
        message.next_cursor = if reader.present()? {
            Some(DescribeTopicPartitionsResponseCursor::decode(reader, version)?)
        } else {
            None
        };
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.throttle_time_ms);
        writer.array_len(true, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
        match &self.next_cursor {
            Some(part) => {
                writer.i8(1);
                part.encode(writer, version);
            }
            None => writer.i8(-1),
        }
        writer.no_tags();
    }
}

/// `DescribeTopicPartitionsResponseTopic`.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeTopicPartitionsResponseTopic {
    pub error_code: ErrorCode,
    pub name: Option<String>,
    pub topic_id: Uuid,
    pub is_internal: bool,
    pub partitions: Vec<DescribeTopicPartitionsResponsePartition>,
    pub topic_authorized_operations: i32,
}

impl Default for DescribeTopicPartitionsResponseTopic {
    fn default() -> Self {
        Self {
            error_code: ErrorCode::NONE,
            name: Some(String::new()),
            topic_id: Uuid::ZERO,
            is_internal: false,
            partitions: Vec::new(),
            topic_authorized_operations: i32::MIN,
        }
    }
}

impl DescribeTopicPartitionsResponseTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        26
    }
}

impl Message for DescribeTopicPartitionsResponseTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.name = reader.nullable_string(true)?;
        message.topic_id = reader.uuid()?;
        message.is_internal = reader.bool()?;
        message.partitions =
            reader.array(true, DescribeTopicPartitionsResponsePartition::size_min(version), |reader| {
                DescribeTopicPartitionsResponsePartition::decode(reader, version)
            })?;
        message.topic_authorized_operations = reader.i32()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.error_code(self.error_code);
        writer.nullable_string(true, true, self.name.as_deref());
        writer.uuid(self.topic_id);
        writer.bool(self.is_internal);
        writer.array_len(true, self.partitions.len());
        for item in &self.partitions {
            item.encode(writer, version);
        }
        writer.i32(self.topic_authorized_operations);
        writer.no_tags();
    }
}

/// `DescribeTopicPartitionsResponsePartition`.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeTopicPartitionsResponsePartition {
    pub error_code: ErrorCode,
    pub partition_index: i32,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub replica_nodes: Vec<i32>,
    pub isr_nodes: Vec<i32>,
    pub eligible_leader_replicas: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
    pub offline_replicas: Vec<i32>,
}

impl Default for DescribeTopicPartitionsResponsePartition {
    fn default() -> Self {
        Self {
            error_code: ErrorCode::NONE,
            partition_index: 0,
            leader_id: 0,
            leader_epoch: -1,
            replica_nodes: Vec::new(),
            isr_nodes: Vec::new(),
            eligible_leader_replicas: None,
            last_known_elr: None,
            offline_replicas: Vec::new(),
        }
    }
}

impl DescribeTopicPartitionsResponsePartition {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        20
    }
}

impl Message for DescribeTopicPartitionsResponsePartition {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.partition_index = reader.i32()?;
        message.leader_id = reader.i32()?;
        message.leader_epoch = reader.i32()?;
        message.replica_nodes = reader.array(true, 4, Reader::i32)?;
        message.isr_nodes = reader.array(true, 4, Reader::i32)?;
        message.eligible_leader_replicas = reader.nullable_array(true, 4, Reader::i32)?;
        message.last_known_elr = reader.nullable_array(true, 4, Reader::i32)?;
        message.offline_replicas = reader.array(true, 4, Reader::i32)?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.error_code(self.error_code);
        writer.i32(self.partition_index);
        writer.i32(self.leader_id);
        writer.i32(self.leader_epoch);
        writer.array_len(true, self.replica_nodes.len());
        for item in &self.replica_nodes {
            writer.i32(*item);
        }
        writer.array_len(true, self.isr_nodes.len());
        for item in &self.isr_nodes {
            writer.i32(*item);
        }
        writer.nullable_array_len(true, true, self.eligible_leader_replicas.as_ref().map(Vec::len));
        for item in self.eligible_leader_replicas.iter().flatten() {
            writer.i32(*item);
        }
        writer.nullable_array_len(true, true, self.last_known_elr.as_ref().map(Vec::len));
        for item in self.last_known_elr.iter().flatten() {
            writer.i32(*item);
        }
        writer.array_len(true, self.offline_replicas.len());
        for item in &self.offline_replicas {
            writer.i32(*item);
        }
        writer.no_tags();
    }
}

/// `DescribeTopicPartitionsResponseCursor`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeTopicPartitionsResponseCursor {
    pub topic_name: String,
    pub partition_index: i32,
}

impl Message for DescribeTopicPartitionsResponseCursor {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.topic_name = reader.string(true)?;
        message.partition_index = reader.i32()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(true, &self.topic_name);
        writer.i32(self.partition_index);
        writer.no_tags();
    }
}
