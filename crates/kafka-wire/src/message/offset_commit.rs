//! `OffsetCommit`, API key 8, versions 0 to 10.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, Uuid, WireError, Writer};

/// `OffsetCommitRequest`, versions 0 to 10.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetCommitRequest {
    pub group_id: String,
    pub generation_id_or_member_epoch: i32,
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub retention_time_ms: i64,
    pub topics: Vec<OffsetCommitRequestTopic>,
}

impl Default for OffsetCommitRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            generation_id_or_member_epoch: -1,
            member_id: String::new(),
            group_instance_id: None,
            retention_time_ms: -1,
            topics: Vec::new(),
        }
    }
}

impl Message for OffsetCommitRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=10;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 8;
        let mut message = Self::default();
        message.group_id = reader.string(flexible)?;
        if version >= 1 {
            message.generation_id_or_member_epoch = reader.i32()?;
        }
        if version >= 1 {
            message.member_id = reader.string(flexible)?;
        }
        if version >= 7 {
            message.group_instance_id = reader.nullable_string(flexible)?;
        }
        if (2..=4).contains(&version) {
            message.retention_time_ms = reader.i64()?;
        }
        message.topics = reader.array(flexible, OffsetCommitRequestTopic::size_min(version), |reader| {
            OffsetCommitRequestTopic::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 8;
        writer.string(flexible, &self.group_id);
        if version >= 1 {
            writer.i32(self.generation_id_or_member_epoch);
        }
        if version >= 1 {
            writer.string(flexible, &self.member_id);
        }
        if version >= 7 {
            writer.nullable_string(flexible, true, self.group_instance_id.as_deref());
        }
        if (2..=4).contains(&version) {
            writer.i64(self.retention_time_ms);
        }
        writer.array_len(flexible, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for OffsetCommitRequest {
    const API: ApiKey = ApiKey::OffsetCommit;
    type Response = OffsetCommitResponse;
}

/// `OffsetCommitRequestTopic`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetCommitRequestTopic {
    pub name: String,
    pub topic_id: Uuid,
    pub partitions: Vec<OffsetCommitRequestPartition>,
}

impl OffsetCommitRequestTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=7 => 6,
            8..=9 => 3,
            _ => 18,
        }
    }
}

impl Message for OffsetCommitRequestTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=10;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 8;
        let mut message = Self::default();
        if version <= 9 {
            message.name = reader.string(flexible)?;
        }
        if version == 10 {
            message.topic_id = reader.uuid()?;
        }
        message.partitions =
            reader.array(flexible, OffsetCommitRequestPartition::size_min(version), |reader| {
                OffsetCommitRequestPartition::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 8;
        if version <= 9 {
            writer.string(flexible, &self.name);
        }
        if version == 10 {
            writer.uuid(self.topic_id);
        }
        writer.array_len(flexible, self.partitions.len());
        for item in &self.partitions {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `OffsetCommitRequestPartition`.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetCommitRequestPartition {
    pub partition_index: i32,
    pub committed_offset: i64,
    pub committed_leader_epoch: i32,
    pub commit_timestamp: i64,
    pub committed_metadata: Option<String>,
}

impl Default for OffsetCommitRequestPartition {
    fn default() -> Self {
        Self {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            commit_timestamp: -1,
            committed_metadata: Some(String::new()),
        }
    }
}

impl OffsetCommitRequestPartition {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 14,
            1 => 22,
            2..=5 => 14,
            _ => 18,
        }
    }
}

impl Message for OffsetCommitRequestPartition {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=10;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 8;
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.committed_offset = reader.i64()?;
        if version >= 6 {
            message.committed_leader_epoch = reader.i32()?;
        }
        if version == 1 {
            message.commit_timestamp = reader.i64()?;
        }
        message.committed_metadata = reader.nullable_string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 8;
        writer.i32(self.partition_index);
        writer.i64(self.committed_offset);
        if version >= 6 {
            writer.i32(self.committed_leader_epoch);
        }
        if version == 1 {
            writer.i64(self.commit_timestamp);
        }
        writer.nullable_string(flexible, true, self.committed_metadata.as_deref());
        if flexible {
            writer.no_tags();
        }
    }
}

/// `OffsetCommitResponse`, versions 0 to 10.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetCommitResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<OffsetCommitResponseTopic>,
}

impl Message for OffsetCommitResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=10;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 8;
        let mut message = Self::default();
        if version >= 3 {
            message.throttle_time_ms = reader.i32()?;
        }
        message.topics = reader.array(flexible, OffsetCommitResponseTopic::size_min(version), |reader| {
            OffsetCommitResponseTopic::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 8;
        if version >= 3 {
            writer.i32(self.throttle_time_ms);
        }
        writer.array_len(flexible, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `OffsetCommitResponseTopic`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetCommitResponseTopic {
    pub name: String,
    pub topic_id: Uuid,
    pub partitions: Vec<OffsetCommitResponsePartition>,
}

impl OffsetCommitResponseTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=7 => 6,
            8..=9 => 3,
            _ => 18,
        }
    }
}

impl Message for OffsetCommitResponseTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=10;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 8;
        let mut message = Self::default();
        if version <= 9 {
            message.name = reader.string(flexible)?;
        }
        if version == 10 {
            message.topic_id = reader.uuid()?;
        }
        message.partitions =
            reader.array(flexible, OffsetCommitResponsePartition::size_min(version), |reader| {
                OffsetCommitResponsePartition::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 8;
        if version <= 9 {
            writer.string(flexible, &self.name);
        }
        if version == 10 {
            writer.uuid(self.topic_id);
        }
        writer.array_len(flexible, self.partitions.len());
        for item in &self.partitions {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `OffsetCommitResponsePartition`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetCommitResponsePartition {
    pub partition_index: i32,
    pub error_code: ErrorCode,
}

impl OffsetCommitResponsePartition {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=7 => 6,
            _ => 7,
        }
    }
}

impl Message for OffsetCommitResponsePartition {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=10;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 8;
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.error_code = reader.error_code()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 8;
        writer.i32(self.partition_index);
        writer.error_code(self.error_code);
        if flexible {
            writer.no_tags();
        }
    }
}
