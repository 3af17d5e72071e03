//! `OffsetForLeaderEpoch`, API key 23, versions 0 to 4.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `OffsetForLeaderEpochRequest`, versions 0 to 4.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetForLeaderEpochRequest {
    pub replica_id: i32,
    pub topics: Vec<OffsetForLeaderTopic>,
}

impl Default for OffsetForLeaderEpochRequest {
    fn default() -> Self {
        Self { replica_id: -2, topics: Vec::new() }
    }
}

impl Message for OffsetForLeaderEpochRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 4;
        let mut message = Self::default();
        if version >= 3 {
            message.replica_id = reader.i32()?;
        }
        message.topics = reader.array(flexible, OffsetForLeaderTopic::size_min(version), |reader| {
            OffsetForLeaderTopic::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        if version >= 3 {
            writer.i32(self.replica_id);
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

impl Request for OffsetForLeaderEpochRequest {
    const API: ApiKey = ApiKey::OffsetForLeaderEpoch;
    type Response = OffsetForLeaderEpochResponse;
}

/// `OffsetForLeaderTopic`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetForLeaderTopic {
    pub topic: String,
    pub partitions: Vec<OffsetForLeaderPartition>,
}

impl OffsetForLeaderTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=3 => 6,
            _ => 3,
        }
    }
}

impl Message for OffsetForLeaderTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        message.topic = reader.string(flexible)?;
        message.partitions =
            reader.array(flexible, OffsetForLeaderPartition::size_min(version), |reader| {
                OffsetForLeaderPartition::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.string(flexible, &self.topic);
        writer.array_len(flexible, self.partitions.len());
        for item in &self.partitions {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `OffsetForLeaderPartition`.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetForLeaderPartition {
    pub partition: i32,
    pub current_leader_epoch: i32,
    pub leader_epoch: i32,
}

impl Default for OffsetForLeaderPartition {
    fn default() -> Self {
        Self { partition: 0, current_leader_epoch: -1, leader_epoch: 0 }
    }
}

impl OffsetForLeaderPartition {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 8,
            2..=3 => 12,
            _ => 13,
        }
    }
}

impl Message for OffsetForLeaderPartition {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        message.partition = reader.i32()?;
        if version >= 2 {
            message.current_leader_epoch = reader.i32()?;
        }
        message.leader_epoch = reader.i32()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.i32(self.partition);
        if version >= 2 {
            writer.i32(self.current_leader_epoch);
        }
        writer.i32(self.leader_epoch);
        if flexible {
            writer.no_tags();
        }
    }
}

/// `OffsetForLeaderEpochResponse`, versions 0 to 4.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetForLeaderEpochResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<OffsetForLeaderTopicResult>,
}

impl Message for OffsetForLeaderEpochResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 4;
        let mut message = Self::default();
        if version >= 2 {
            message.throttle_time_ms = reader.i32()?;
        }
        message.topics = reader.array(flexible, OffsetForLeaderTopicResult::size_min(version), |reader| {
            OffsetForLeaderTopicResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        if version >= 2 {
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

/// `OffsetForLeaderTopicResult`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetForLeaderTopicResult {
    pub topic: String,
    pub partitions: Vec<EpochEndOffset>,
}

impl OffsetForLeaderTopicResult {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=3 => 6,
            _ => 3,
        }
    }
}

impl Message for OffsetForLeaderTopicResult {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        message.topic = reader.string(flexible)?;
        message.partitions = reader.array(flexible, EpochEndOffset::size_min(version), |reader| {
            EpochEndOffset::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.string(flexible, &self.topic);
        writer.array_len(flexible, self.partitions.len());
        for item in &self.partitions {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `EpochEndOffset`.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochEndOffset {
    pub error_code: ErrorCode,
    pub partition: i32,
    pub leader_epoch: i32,
    pub end_offset: i64,
}

impl Default for EpochEndOffset {
    fn default() -> Self {
        Self { error_code: ErrorCode::NONE, partition: 0, leader_epoch: -1, end_offset: -1 }
    }
}

impl EpochEndOffset {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 14,
            1..=3 => 18,
            _ => 19,
        }
    }
}

impl Message for EpochEndOffset {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.partition = reader.i32()?;
        if version >= 1 {
            message.leader_epoch = reader.i32()?;
        }
        message.end_offset = reader.i64()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.error_code(self.error_code);
        writer.i32(self.partition);
        if version >= 1 {
            writer.i32(self.leader_epoch);
        }
        writer.i64(self.end_offset);
        if flexible {
            writer.no_tags();
        }
    }
}
