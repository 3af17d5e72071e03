//! `TxnOffsetCommit`, API key 28, versions 0 to 5.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `TxnOffsetCommitRequest`, versions 0 to 5.
#[derive(Clone, Debug, PartialEq)]
pub struct TxnOffsetCommitRequest {
    pub transactional_id: String,
    pub group_id: String,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub generation_id: i32,
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub topics: Vec<TxnOffsetCommitRequestTopic>,
}

impl Default for TxnOffsetCommitRequest {
    fn default() -> Self {
        Self {
            transactional_id: String::new(),
            group_id: String::new(),
            producer_id: 0,
            producer_epoch: 0,
            generation_id: -1,
            member_id: String::new(),
            group_instance_id: None,
            topics: Vec::new(),
        }
    }
}

impl Message for TxnOffsetCommitRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 3;
        let mut message = Self::default();
        message.transactional_id = reader.string(flexible)?;
        message.group_id = reader.string(flexible)?;
        message.producer_id = reader.i64()?;
        message.producer_epoch = reader.i16()?;
        if version >= 3 {
            message.generation_id = reader.i32()?;
        }
        if version >= 3 {
            message.member_id = reader.string(true)?;
        }
        if version >= 3 {
            message.group_instance_id = reader.nullable_string(true)?;
        }
        message.topics =
            reader.array(flexible, TxnOffsetCommitRequestTopic::size_min(version), |reader| {
                TxnOffsetCommitRequestTopic::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.string(flexible, &self.transactional_id);
        writer.string(flexible, &self.group_id);
        writer.i64(self.producer_id);
        writer.i16(self.producer_epoch);
        if version >= 3 {
            writer.i32(self.generation_id);
        }
        if version >= 3 {
            writer.string(true, &self.member_id);
        }
        if version >= 3 {
            writer.nullable_string(true, true, self.group_instance_id.as_deref());
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

impl Request for TxnOffsetCommitRequest {
    const API: ApiKey = ApiKey::TxnOffsetCommit;
    type Response = TxnOffsetCommitResponse;
}

/// `TxnOffsetCommitRequestTopic`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TxnOffsetCommitRequestTopic {
    pub name: String,
    pub partitions: Vec<TxnOffsetCommitRequestPartition>,
}

impl TxnOffsetCommitRequestTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=2 => 6,
            _ => 3,
        }
    }
}

impl Message for TxnOffsetCommitRequestTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 3;
        let mut message = Self::default();
        message.name = reader.string(flexible)?;
        message.partitions =
            reader.array(flexible, TxnOffsetCommitRequestPartition::size_min(version), |reader| {
                TxnOffsetCommitRequestPartition::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.string(flexible, &self.name);
        writer.array_len(flexible, self.partitions.len());
        for item in &self.partitions {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `TxnOffsetCommitRequestPartition`.
#[derive(Clone, Debug, PartialEq)]
pub struct TxnOffsetCommitRequestPartition {
    pub partition_index: i32,
    pub committed_offset: i64,
    pub committed_leader_epoch: i32,
    pub committed_metadata: Option<String>,
}

impl Default for TxnOffsetCommitRequestPartition {
    fn default() -> Self {
        Self {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            committed_metadata: Some(String::new()),
        }
    }
}

impl TxnOffsetCommitRequestPartition {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 14,
            _ => 18,
        }
    }
}

impl Message for TxnOffsetCommitRequestPartition {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 3;
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.committed_offset = reader.i64()?;
        if version >= 2 {
            message.committed_leader_epoch = reader.i32()?;
        }
        message.committed_metadata = reader.nullable_string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.i32(self.partition_index);
        writer.i64(self.committed_offset);
        if version >= 2 {
            writer.i32(self.committed_leader_epoch);
        }
        writer.nullable_string(flexible, true, self.committed_metadata.as_deref());
        if flexible {
            writer.no_tags();
        }
    }
}

/// `TxnOffsetCommitResponse`, versions 0 to 5.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TxnOffsetCommitResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<TxnOffsetCommitResponseTopic>,
}

impl Message for TxnOffsetCommitResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 3;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.topics =
            reader.array(flexible, TxnOffsetCommitResponseTopic::size_min(version), |reader| {
                TxnOffsetCommitResponseTopic::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.i32(self.throttle_time_ms);
        writer.array_len(flexible, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `TxnOffsetCommitResponseTopic`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TxnOffsetCommitResponseTopic {
    pub name: String,
    pub partitions: Vec<TxnOffsetCommitResponsePartition>,
}

impl TxnOffsetCommitResponseTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=2 => 6,
            _ => 3,
        }
    }
}

impl Message for TxnOffsetCommitResponseTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 3;
        let mut message = Self::default();
        message.name = reader.string(flexible)?;
        message.partitions =
            reader.array(flexible, TxnOffsetCommitResponsePartition::size_min(version), |reader| {
                TxnOffsetCommitResponsePartition::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.string(flexible, &self.name);
        writer.array_len(flexible, self.partitions.len());
        for item in &self.partitions {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `TxnOffsetCommitResponsePartition`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TxnOffsetCommitResponsePartition {
    pub partition_index: i32,
    pub error_code: ErrorCode,
}

impl TxnOffsetCommitResponsePartition {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=2 => 6,
            _ => 7,
        }
    }
}

impl Message for TxnOffsetCommitResponsePartition {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 3;
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.error_code = reader.error_code()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.i32(self.partition_index);
        writer.error_code(self.error_code);
        if flexible {
            writer.no_tags();
        }
    }
}
