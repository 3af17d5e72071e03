//! `ElectLeaders`, API key 43, versions 0 to 2.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `ElectLeadersRequest`, versions 0 to 2.
#[derive(Clone, Debug, PartialEq)]
pub struct ElectLeadersRequest {
    pub election_type: i8,
    pub topic_partitions: Option<Vec<TopicPartitions>>,
    pub timeout_ms: i32,
}

impl Default for ElectLeadersRequest {
    fn default() -> Self {
        Self { election_type: 0, topic_partitions: Some(Vec::new()), timeout_ms: 60000 }
    }
}

impl Message for ElectLeadersRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        if version >= 1 {
            message.election_type = reader.i8()?;
        }
        message.topic_partitions =
            reader.nullable_array(flexible, TopicPartitions::size_min(version), |reader| {
                TopicPartitions::decode(reader, version)
            })?;
        message.timeout_ms = reader.i32()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        if version >= 1 {
            writer.i8(self.election_type);
        }
        writer.nullable_array_len(flexible, true, self.topic_partitions.as_ref().map(Vec::len));
        for item in self.topic_partitions.iter().flatten() {
            item.encode(writer, version);
        }
        writer.i32(self.timeout_ms);
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for ElectLeadersRequest {
    const API: ApiKey = ApiKey::ElectLeaders;
    type Response = ElectLeadersResponse;
}

/// `TopicPartitions`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartitions {
    pub topic: String,
    pub partitions: Vec<i32>,
}

impl TopicPartitions {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 6,
            _ => 3,
        }
    }
}

impl Message for TopicPartitions {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        message.topic = reader.string(flexible)?;
        message.partitions = reader.array(flexible, 4, Reader::i32)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.string(flexible, &self.topic);
        writer.array_len(flexible, self.partitions.len());
        for item in &self.partitions {
            writer.i32(*item);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `ElectLeadersResponse`, versions 0 to 2.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ElectLeadersResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub replica_election_results: Vec<ReplicaElectionResult>,
}

impl Message for ElectLeadersResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        if version >= 1 {
            message.error_code = reader.error_code()?;
        }
        message.replica_election_results =
            reader.array(flexible, ReplicaElectionResult::size_min(version), |reader| {
                ReplicaElectionResult::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.i32(self.throttle_time_ms);
        if version >= 1 {
            writer.error_code(self.error_code);
        }
        writer.array_len(flexible, self.replica_election_results.len());
        for item in &self.replica_election_results {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `ReplicaElectionResult`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplicaElectionResult {
    pub topic: String,
    pub partition_result: Vec<PartitionResult>,
}

impl ReplicaElectionResult {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 6,
            _ => 3,
        }
    }
}

impl Message for ReplicaElectionResult {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        message.topic = reader.string(flexible)?;
        message.partition_result = reader.array(flexible, PartitionResult::size_min(version), |reader| {
            PartitionResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.string(flexible, &self.topic);
        writer.array_len(flexible, self.partition_result.len());
        for item in &self.partition_result {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `PartitionResult`.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionResult {
    pub partition_id: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
}

impl Default for PartitionResult {
    fn default() -> Self {
        Self { partition_id: 0, error_code: ErrorCode::NONE, error_message: Some(String::new()) }
    }
}

impl PartitionResult {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        8
    }
}

impl Message for PartitionResult {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        message.partition_id = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.i32(self.partition_id);
        writer.error_code(self.error_code);
        writer.nullable_string(flexible, true, self.error_message.as_deref());
        if flexible {
            writer.no_tags();
        }
    }
}
