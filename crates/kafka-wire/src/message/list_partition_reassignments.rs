//! `ListPartitionReassignments`, API key 46, version 0.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `ListPartitionReassignmentsRequest`, version 0.
#[derive(Clone, Debug, PartialEq)]
pub struct ListPartitionReassignmentsRequest {
    pub timeout_ms: i32,
    pub topics: Option<Vec<ListPartitionReassignmentsTopics>>,
}

impl Default for ListPartitionReassignmentsRequest {
    fn default() -> Self {
        Self { timeout_ms: 60000, topics: None }
    }
}

impl Message for ListPartitionReassignmentsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.timeout_ms = reader.i32()?;
        message.topics =
            reader.nullable_array(true, ListPartitionReassignmentsTopics::size_min(version), |reader| {
                ListPartitionReassignmentsTopics::decode(reader, version)
            })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.timeout_ms);
        writer.nullable_array_len(true, true, self.topics.as_ref().map(Vec::len));
        for item in self.topics.iter().flatten() {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

impl Request for ListPartitionReassignmentsRequest {
    const API: ApiKey = ApiKey::ListPartitionReassignments;
    type Response = ListPartitionReassignmentsResponse;
}

/// `ListPartitionReassignmentsTopics`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListPartitionReassignmentsTopics {
    pub name: String,
    pub partition_indexes: Vec<i32>,
}

impl ListPartitionReassignmentsTopics {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        3
    }
}

impl Message for ListPartitionReassignmentsTopics {
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

/// `ListPartitionReassignmentsResponse`, version 0.
#[derive(Clone, Debug, PartialEq)]
pub struct ListPartitionReassignmentsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub topics: Vec<OngoingTopicReassignment>,
}

impl Default for ListPartitionReassignmentsResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: ErrorCode::NONE,
            error_message: Some(String::new()),
            topics: Vec::new(),
        }
    }
}

impl Message for ListPartitionReassignmentsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(true)?;
        message.topics = reader.array(true, OngoingTopicReassignment::size_min(version), |reader| {
            OngoingTopicReassignment::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.throttle_time_ms);
        writer.error_code(self.error_code);
        writer.nullable_string(true, true, self.error_message.as_deref());
        writer.array_len(true, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `OngoingTopicReassignment`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OngoingTopicReassignment {
    pub name: String,
    pub partitions: Vec<OngoingPartitionReassignment>,
}

impl OngoingTopicReassignment {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        3
    }
}

impl Message for OngoingTopicReassignment {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.name = reader.string(true)?;
        message.partitions =
            reader.array(true, OngoingPartitionReassignment::size_min(version), |reader| {
                OngoingPartitionReassignment::decode(reader, version)
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

/// `OngoingPartitionReassignment`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OngoingPartitionReassignment {
    pub partition_index: i32,
    pub replicas: Vec<i32>,
    pub adding_replicas: Vec<i32>,
    pub removing_replicas: Vec<i32>,
}

impl OngoingPartitionReassignment {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        8
    }
}

impl Message for OngoingPartitionReassignment {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.replicas = reader.array(true, 4, Reader::i32)?;
        message.adding_replicas = reader.array(true, 4, Reader::i32)?;
        message.removing_replicas = reader.array(true, 4, Reader::i32)?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.partition_index);
        writer.array_len(true, self.replicas.len());
        for item in &self.replicas {
            writer.i32(*item);
        }
        writer.array_len(true, self.adding_replicas.len());
        for item in &self.adding_replicas {
            writer.i32(*item);
        }
        writer.array_len(true, self.removing_replicas.len());
        for item in &self.removing_replicas {
            writer.i32(*item);
        }
        writer.no_tags();
    }
}
