//! `ListOffsets`, API key 2, versions 0 to 11.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `ListOffsetsRequest`, versions 0 to 11.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListOffsetsRequest {
    pub replica_id: i32,
    pub isolation_level: i8,
    pub topics: Vec<ListOffsetsTopic>,
    pub timeout_ms: i32,
}

impl Message for ListOffsetsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=11;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 6;
        let mut message = Self::default();
        message.replica_id = reader.i32()?;
        if version >= 2 {
            message.isolation_level = reader.i8()?;
        }
        message.topics = reader.array(flexible, ListOffsetsTopic::size_min(version), |reader| {
            ListOffsetsTopic::decode(reader, version)
        })?;
        if version >= 10 {
            message.timeout_ms = reader.i32()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        writer.i32(self.replica_id);
        if version >= 2 {
            writer.i8(self.isolation_level);
        }
        writer.array_len(flexible, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
        if version >= 10 {
            writer.i32(self.timeout_ms);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for ListOffsetsRequest {
    const API: ApiKey = ApiKey::ListOffsets;
    type Response = ListOffsetsResponse;
}

/// `ListOffsetsTopic`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListOffsetsTopic {
    pub name: String,
    pub partitions: Vec<ListOffsetsPartition>,
}

impl ListOffsetsTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=5 => 6,
            _ => 3,
        }
    }
}

impl Message for ListOffsetsTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=11;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        message.name = reader.string(flexible)?;
        message.partitions = reader.array(flexible, ListOffsetsPartition::size_min(version), |reader| {
            ListOffsetsPartition::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
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

/// `ListOffsetsPartition`.
#[derive(Clone, Debug, PartialEq)]
pub struct ListOffsetsPartition {
    pub partition_index: i32,
    pub current_leader_epoch: i32,
    pub timestamp: i64,
    pub max_num_offsets: i32,
}

impl Default for ListOffsetsPartition {
    fn default() -> Self {
        Self { partition_index: 0, current_leader_epoch: -1, timestamp: 0, max_num_offsets: 1 }
    }
}

impl ListOffsetsPartition {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 16,
            1..=3 => 12,
            4..=5 => 16,
            _ => 17,
        }
    }
}

impl Message for ListOffsetsPartition {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=11;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        if version >= 4 {
            message.current_leader_epoch = reader.i32()?;
        }
        message.timestamp = reader.i64()?;
        if version == 0 {
            message.max_num_offsets = reader.i32()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        writer.i32(self.partition_index);
        if version >= 4 {
            writer.i32(self.current_leader_epoch);
        }
        writer.i64(self.timestamp);
        if version == 0 {
            writer.i32(self.max_num_offsets);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `ListOffsetsResponse`, versions 0 to 11.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListOffsetsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<ListOffsetsTopicResponse>,
}

impl Message for ListOffsetsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=11;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 6;
        let mut message = Self::default();
        if version >= 2 {
            message.throttle_time_ms = reader.i32()?;
        }
        message.topics = reader.array(flexible, ListOffsetsTopicResponse::size_min(version), |reader| {
            ListOffsetsTopicResponse::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
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

/// `ListOffsetsTopicResponse`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListOffsetsTopicResponse {
    pub name: String,
    pub partitions: Vec<ListOffsetsPartitionResponse>,
}

impl ListOffsetsTopicResponse {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=5 => 6,
            _ => 3,
        }
    }
}

impl Message for ListOffsetsTopicResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=11;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        message.name = reader.string(flexible)?;
        message.partitions =
            reader.array(flexible, ListOffsetsPartitionResponse::size_min(version), |reader| {
                ListOffsetsPartitionResponse::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
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

/// `ListOffsetsPartitionResponse`.
#[derive(Clone, Debug, PartialEq)]
pub struct ListOffsetsPartitionResponse {
    pub partition_index: i32,
    pub error_code: ErrorCode,
    pub old_style_offsets: Vec<i64>,
    pub timestamp: i64,
    pub offset: i64,
    pub leader_epoch: i32,
}

impl Default for ListOffsetsPartitionResponse {
    fn default() -> Self {
        Self {
            partition_index: 0,
            error_code: ErrorCode::NONE,
            old_style_offsets: Vec::new(),
            timestamp: -1,
            offset: -1,
            leader_epoch: -1,
        }
    }
}

impl ListOffsetsPartitionResponse {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 10,
            1..=3 => 22,
            4..=5 => 26,
            _ => 27,
        }
    }
}

impl Message for ListOffsetsPartitionResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=11;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.error_code = reader.error_code()?;
        if version == 0 {
            message.old_style_offsets = reader.array(false, 8, Reader::i64)?;
        }
        if version >= 1 {
            message.timestamp = reader.i64()?;
        }
        if version >= 1 {
            message.offset = reader.i64()?;
        }
        if version >= 4 {
            message.leader_epoch = reader.i32()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        writer.i32(self.partition_index);
        writer.error_code(self.error_code);
        if version == 0 {
            writer.array_len(false, self.old_style_offsets.len());
            for item in &self.old_style_offsets {
                writer.i64(*item);
            }
        }
        if version >= 1 {
            writer.i64(self.timestamp);
        }
        if version >= 1 {
            writer.i64(self.offset);
        }
        if version >= 4 {
            writer.i32(self.leader_epoch);
        }
        if flexible {
            writer.no_tags();
        }
    }
}
