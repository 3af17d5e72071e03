//! `OffsetDelete`, API key 47, version 0.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `OffsetDeleteRequest`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetDeleteRequest {
    pub group_id: String,
    pub topics: Vec<OffsetDeleteRequestTopic>,
}

impl Message for OffsetDeleteRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.group_id = reader.string(false)?;
        message.topics = reader.array(false, OffsetDeleteRequestTopic::size_min(version), |reader| {
            OffsetDeleteRequestTopic::decode(reader, version)
        })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.string(false, &self.group_id);
        writer.array_len(false, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
    }
}

impl Request for OffsetDeleteRequest {
    const API: ApiKey = ApiKey::OffsetDelete;
    type Response = OffsetDeleteResponse;
}

/// `OffsetDeleteRequestTopic`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetDeleteRequestTopic {
    pub name: String,
    pub partitions: Vec<OffsetDeleteRequestPartition>,
}

impl OffsetDeleteRequestTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        6
    }
}

impl Message for OffsetDeleteRequestTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.name = reader.string(false)?;
        message.partitions =
            reader.array(false, OffsetDeleteRequestPartition::size_min(version), |reader| {
                OffsetDeleteRequestPartition::decode(reader, version)
            })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.string(false, &self.name);
        writer.array_len(false, self.partitions.len());
        for item in &self.partitions {
            item.encode(writer, version);
        }
    }
}

/// `OffsetDeleteRequestPartition`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetDeleteRequestPartition {
    pub partition_index: i32,
}

impl OffsetDeleteRequestPartition {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        4
    }
}

impl Message for OffsetDeleteRequestPartition {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.partition_index);
    }
}

/// `OffsetDeleteResponse`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetDeleteResponse {
    pub error_code: ErrorCode,
    pub throttle_time_ms: i32,
    pub topics: Vec<OffsetDeleteResponseTopic>,
}

impl Message for OffsetDeleteResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.throttle_time_ms = reader.i32()?;
        message.topics = reader.array(false, OffsetDeleteResponseTopic::size_min(version), |reader| {
            OffsetDeleteResponseTopic::decode(reader, version)
        })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.error_code(self.error_code);
        writer.i32(self.throttle_time_ms);
        writer.array_len(false, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
    }
}

/// `OffsetDeleteResponseTopic`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetDeleteResponseTopic {
    pub name: String,
    pub partitions: Vec<OffsetDeleteResponsePartition>,
}

impl OffsetDeleteResponseTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        6
    }
}

impl Message for OffsetDeleteResponseTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.name = reader.string(false)?;
        message.partitions =
            reader.array(false, OffsetDeleteResponsePartition::size_min(version), |reader| {
                OffsetDeleteResponsePartition::decode(reader, version)
            })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.string(false, &self.name);
        writer.array_len(false, self.partitions.len());
        for item in &self.partitions {
            item.encode(writer, version);
        }
    }
}

/// `OffsetDeleteResponsePartition`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetDeleteResponsePartition {
    pub partition_index: i32,
    pub error_code: ErrorCode,
}

impl OffsetDeleteResponsePartition {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        6
    }
}

impl Message for OffsetDeleteResponsePartition {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.error_code = reader.error_code()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.partition_index);
        writer.error_code(self.error_code);
    }
}
