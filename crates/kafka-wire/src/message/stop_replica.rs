//! `StopReplica`, API key 5, versions 0 to 4.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `StopReplicaRequest`, versions 0 to 4.
#[derive(Clone, Debug, PartialEq)]
pub struct StopReplicaRequest {
    pub controller_id: i32,
    pub is_kraft_controller: bool,
    pub controller_epoch: i32,
    pub broker_epoch: i64,
    pub delete_partitions: bool,
    pub ungrouped_partitions: Vec<StopReplicaPartitionV0>,
    pub topics: Vec<StopReplicaTopicV1>,
    pub topic_states: Vec<StopReplicaTopicState>,
}

impl Default for StopReplicaRequest {
    fn default() -> Self {
        Self {
            controller_id: 0,
            is_kraft_controller: false,
            controller_epoch: 0,
            broker_epoch: -1,
            delete_partitions: false,
            ungrouped_partitions: Vec::new(),
            topics: Vec::new(),
            topic_states: Vec::new(),
        }
    }
}

impl Message for StopReplicaRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        message.controller_id = reader.i32()?;
        if version == 4 {
            message.is_kraft_controller = reader.bool()?;
        }
        message.controller_epoch = reader.i32()?;
        if version >= 1 {
            message.broker_epoch = reader.i64()?;
        }
        if version <= 2 {
            message.delete_partitions = reader.bool()?;
        }
        if version == 0 {
            message.ungrouped_partitions =
                reader.array(false, StopReplicaPartitionV0::size_min(version), |reader| {
                    StopReplicaPartitionV0::decode(reader, version)
                })?;
        }
        if (1..=2).contains(&version) {
            message.topics = reader.array(flexible, StopReplicaTopicV1::size_min(version), |reader| {
                StopReplicaTopicV1::decode(reader, version)
            })?;
        }
        if version >= 3 {
            message.topic_states =
                reader.array(true, StopReplicaTopicState::size_min(version), |reader| {
                    StopReplicaTopicState::decode(reader, version)
                })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.i32(self.controller_id);
        if version == 4 {
            writer.bool(self.is_kraft_controller);
        }
        writer.i32(self.controller_epoch);
        if version >= 1 {
            writer.i64(self.broker_epoch);
        }
        if version <= 2 {
            writer.bool(self.delete_partitions);
        }
        if version == 0 {
            writer.array_len(false, self.ungrouped_partitions.len());
            for item in &self.ungrouped_partitions {
                item.encode(writer, version);
            }
        }
        if (1..=2).contains(&version) {
            writer.array_len(flexible, self.topics.len());
            for item in &self.topics {
                item.encode(writer, version);
            }
        }
        if version >= 3 {
            writer.array_len(true, self.topic_states.len());
            for item in &self.topic_states {
                item.encode(writer, version);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for StopReplicaRequest {
    const API: ApiKey = ApiKey::StopReplica;
    type Response = StopReplicaResponse;
}

/// `StopReplicaPartitionV0`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StopReplicaPartitionV0 {
    pub topic_name: String,
    pub partition_index: i32,
}

impl StopReplicaPartitionV0 {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 6,
            1 => 0,
            _ => 1,
        }
    }
}

impl Message for StopReplicaPartitionV0 {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        if version == 0 {
            message.topic_name = reader.string(false)?;
        }
        if version == 0 {
            message.partition_index = reader.i32()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        if version == 0 {
            writer.string(false, &self.topic_name);
        }
        if version == 0 {
            writer.i32(self.partition_index);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `StopReplicaTopicV1`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StopReplicaTopicV1 {
    pub name: String,
    pub partition_indexes: Vec<i32>,
}

impl StopReplicaTopicV1 {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 0,
            1 => 6,
            2 => 3,
            _ => 1,
        }
    }
}

impl Message for StopReplicaTopicV1 {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        if (1..=2).contains(&version) {
            message.name = reader.string(flexible)?;
        }
        if (1..=2).contains(&version) {
            message.partition_indexes = reader.array(flexible, 4, Reader::i32)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        if (1..=2).contains(&version) {
            writer.string(flexible, &self.name);
        }
        if (1..=2).contains(&version) {
            writer.array_len(flexible, self.partition_indexes.len());
            for item in &self.partition_indexes {
                writer.i32(*item);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `StopReplicaTopicState`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StopReplicaTopicState {
    pub topic_name: String,
    pub partition_states: Vec<StopReplicaPartitionState>,
}

impl StopReplicaTopicState {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 0,
            2 => 1,
            _ => 3,
        }
    }
}

impl Message for StopReplicaTopicState {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        if version >= 3 {
            message.topic_name = reader.string(true)?;
        }
        if version >= 3 {
            message.partition_states =
                reader.array(true, StopReplicaPartitionState::size_min(version), |reader| {
                    StopReplicaPartitionState::decode(reader, version)
                })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        if version >= 3 {
            writer.string(true, &self.topic_name);
        }
        if version >= 3 {
            writer.array_len(true, self.partition_states.len());
            for item in &self.partition_states {
                item.encode(writer, version);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `StopReplicaPartitionState`.
#[derive(Clone, Debug, PartialEq)]
pub struct StopReplicaPartitionState {
    pub partition_index: i32,
    pub leader_epoch: i32,
    pub delete_partition: bool,
}

impl Default for StopReplicaPartitionState {
    fn default() -> Self {
        Self { partition_index: 0, leader_epoch: -1, delete_partition: false }
    }
}

impl StopReplicaPartitionState {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 0,
            2 => 1,
            _ => 10,
        }
    }
}

impl Message for StopReplicaPartitionState {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        if version >= 3 {
            message.partition_index = reader.i32()?;
        }
        if version >= 3 {
            message.leader_epoch = reader.i32()?;
        }
        if version >= 3 {
            message.delete_partition = reader.bool()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        if version >= 3 {
            writer.i32(self.partition_index);
        }
        if version >= 3 {
            writer.i32(self.leader_epoch);
        }
        if version >= 3 {
            writer.bool(self.delete_partition);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `StopReplicaResponse`, versions 0 to 4.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StopReplicaResponse {
    pub error_code: ErrorCode,
    pub partition_errors: Vec<StopReplicaPartitionError>,
}

impl Message for StopReplicaResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.partition_errors =
            reader.array(flexible, StopReplicaPartitionError::size_min(version), |reader| {
                StopReplicaPartitionError::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.error_code(self.error_code);
        writer.array_len(flexible, self.partition_errors.len());
        for item in &self.partition_errors {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `StopReplicaPartitionError`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StopReplicaPartitionError {
    pub topic_name: String,
    pub partition_index: i32,
    pub error_code: ErrorCode,
}

impl StopReplicaPartitionError {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        8
    }
}

impl Message for StopReplicaPartitionError {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        message.topic_name = reader.string(flexible)?;
        message.partition_index = reader.i32()?;
        message.error_code = reader.error_code()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.string(flexible, &self.topic_name);
        writer.i32(self.partition_index);
        writer.error_code(self.error_code);
        if flexible {
            writer.no_tags();
        }
    }
}
