//! `OffsetFetch`, API key 9, versions 0 to 10.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, Uuid, WireError, Writer};

/// `OffsetFetchRequest`, versions 0 to 10.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchRequest {
    pub group_id: String,
    pub topics: Option<Vec<OffsetFetchRequestTopic>>,
    pub groups: Vec<OffsetFetchRequestGroup>,
    pub require_stable: bool,
}

impl Default for OffsetFetchRequest {
    fn default() -> Self {
        Self { group_id: String::new(), topics: Some(Vec::new()), groups: Vec::new(), require_stable: false }
    }
}

impl Message for OffsetFetchRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=10;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 6;
        let mut message = Self::default();
        if version <= 7 {
            message.group_id = reader.string(flexible)?;
        }
        if version <= 7 {
            message.topics = if version >= 2 {
                reader.nullable_array(flexible, OffsetFetchRequestTopic::size_min(version), |reader| {
                    OffsetFetchRequestTopic::decode(reader, version)
                })?
            } else {
                Some(reader.array(flexible, OffsetFetchRequestTopic::size_min(version), |reader| {
                    OffsetFetchRequestTopic::decode(reader, version)
                })?)
            };
        }
        if version >= 8 {
            message.groups = reader.array(true, OffsetFetchRequestGroup::size_min(version), |reader| {
                OffsetFetchRequestGroup::decode(reader, version)
            })?;
        }
        if version >= 7 {
            message.require_stable = reader.bool()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        if version <= 7 {
            writer.string(flexible, &self.group_id);
        }
        if version <= 7 {
            writer.nullable_array_len(flexible, version >= 2, self.topics.as_ref().map(Vec::len));
            for item in self.topics.iter().flatten() {
                item.encode(writer, version);
            }
        }
        if version >= 8 {
            writer.array_len(true, self.groups.len());
            for item in &self.groups {
                item.encode(writer, version);
            }
        }
        if version >= 7 {
            writer.bool(self.require_stable);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for OffsetFetchRequest {
    const API: ApiKey = ApiKey::OffsetFetch;
    type Response = OffsetFetchResponse;
}

/// `OffsetFetchRequestTopic`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchRequestTopic {
    pub name: String,
    pub partition_indexes: Vec<i32>,
}

impl OffsetFetchRequestTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=5 => 6,
            6..=7 => 3,
            _ => 1,
        }
    }
}

impl Message for OffsetFetchRequestTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=10;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        if version <= 7 {
            message.name = reader.string(flexible)?;
        }
        if version <= 7 {
            message.partition_indexes = reader.array(flexible, 4, Reader::i32)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        if version <= 7 {
            writer.string(flexible, &self.name);
        }
        if version <= 7 {
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

/// `OffsetFetchRequestGroup`.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchRequestGroup {
    pub group_id: String,
    pub member_id: Option<String>,
    pub member_epoch: i32,
    pub topics: Option<Vec<OffsetFetchRequestTopics>>,
}

impl Default for OffsetFetchRequestGroup {
    fn default() -> Self {
        Self { group_id: String::new(), member_id: None, member_epoch: -1, topics: Some(Vec::new()) }
    }
}

impl OffsetFetchRequestGroup {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=5 => 0,
            6..=7 => 1,
            8 => 3,
            _ => 8,
        }
    }
}

impl Message for OffsetFetchRequestGroup {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=10;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        if version >= 8 {
            message.group_id = reader.string(true)?;
        }
        if version >= 9 {
            message.member_id = reader.nullable_string(true)?;
        }
        if version >= 9 {
            message.member_epoch = reader.i32()?;
        }
        if version >= 8 {
            message.topics =
                reader.nullable_array(true, OffsetFetchRequestTopics::size_min(version), |reader| {
                    OffsetFetchRequestTopics::decode(reader, version)
                })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        if version >= 8 {
            writer.string(true, &self.group_id);
        }
        if version >= 9 {
            writer.nullable_string(true, true, self.member_id.as_deref());
        }
        if version >= 9 {
            writer.i32(self.member_epoch);
        }
        if version >= 8 {
            writer.nullable_array_len(true, true, self.topics.as_ref().map(Vec::len));
            for item in self.topics.iter().flatten() {
                item.encode(writer, version);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `OffsetFetchRequestTopics`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchRequestTopics {
    pub name: String,
    pub topic_id: Uuid,
    pub partition_indexes: Vec<i32>,
}

impl OffsetFetchRequestTopics {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=5 => 0,
            6..=7 => 1,
            8..=9 => 3,
            _ => 18,
        }
    }
}

impl Message for OffsetFetchRequestTopics {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=10;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        if (8..=9).contains(&version) {
            message.name = reader.string(true)?;
        }
        if version == 10 {
            message.topic_id = reader.uuid()?;
        }
        if version >= 8 {
            message.partition_indexes = reader.array(true, 4, Reader::i32)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        if (8..=9).contains(&version) {
            writer.string(true, &self.name);
        }
        if version == 10 {
            writer.uuid(self.topic_id);
        }
        if version >= 8 {
            writer.array_len(true, self.partition_indexes.len());
            for item in &self.partition_indexes {
                writer.i32(*item);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `OffsetFetchResponse`, versions 0 to 10.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<OffsetFetchResponseTopic>,
    pub error_code: ErrorCode,
    pub groups: Vec<OffsetFetchResponseGroup>,
}

impl Message for OffsetFetchResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=10;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 6;
        let mut message = Self::default();
        if version >= 3 {
            message.throttle_time_ms = reader.i32()?;
        }
        if version <= 7 {
            message.topics =
                reader.array(flexible, OffsetFetchResponseTopic::size_min(version), |reader| {
                    OffsetFetchResponseTopic::decode(reader, version)
                })?;
        }
        if (2..=7).contains(&version) {
            message.error_code = reader.error_code()?;
        }
        if version >= 8 {
            message.groups = reader.array(true, OffsetFetchResponseGroup::size_min(version), |reader| {
                OffsetFetchResponseGroup::decode(reader, version)
            })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        if version >= 3 {
            writer.i32(self.throttle_time_ms);
        }
        if version <= 7 {
            writer.array_len(flexible, self.topics.len());
            for item in &self.topics {
                item.encode(writer, version);
            }
        }
        if (2..=7).contains(&version) {
            writer.error_code(self.error_code);
        }
        if version >= 8 {
            writer.array_len(true, self.groups.len());
            for item in &self.groups {
                item.encode(writer, version);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `OffsetFetchResponseTopic`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponseTopic {
    pub name: String,
    pub partitions: Vec<OffsetFetchResponsePartition>,
}

impl OffsetFetchResponseTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=5 => 6,
            6..=7 => 3,
            _ => 1,
        }
    }
}

impl Message for OffsetFetchResponseTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=10;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        if version <= 7 {
            message.name = reader.string(flexible)?;
        }
        if version <= 7 {
            message.partitions =
                reader.array(flexible, OffsetFetchResponsePartition::size_min(version), |reader| {
                    OffsetFetchResponsePartition::decode(reader, version)
                })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        if version <= 7 {
            writer.string(flexible, &self.name);
        }
        if version <= 7 {
            writer.array_len(flexible, self.partitions.len());
            for item in &self.partitions {
                item.encode(writer, version);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `OffsetFetchResponsePartition`.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchResponsePartition {
    pub partition_index: i32,
    pub committed_offset: i64,
    pub committed_leader_epoch: i32,
    pub metadata: Option<String>,
    pub error_code: ErrorCode,
}

impl Default for OffsetFetchResponsePartition {
    fn default() -> Self {
        Self {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            metadata: Some(String::new()),
            error_code: ErrorCode::NONE,
        }
    }
}

impl OffsetFetchResponsePartition {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=4 => 16,
            5..=7 => 20,
            _ => 1,
        }
    }
}

impl Message for OffsetFetchResponsePartition {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=10;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        if version <= 7 {
            message.partition_index = reader.i32()?;
        }
        if version <= 7 {
            message.committed_offset = reader.i64()?;
        }
        if (5..=7).contains(&version) {
            message.committed_leader_epoch = reader.i32()?;
        }
        if version <= 7 {
            message.metadata = reader.nullable_string(flexible)?;
        }
        if version <= 7 {
            message.error_code = reader.error_code()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        if version <= 7 {
            writer.i32(self.partition_index);
        }
        if version <= 7 {
            writer.i64(self.committed_offset);
        }
        if (5..=7).contains(&version) {
            writer.i32(self.committed_leader_epoch);
        }
        if version <= 7 {
            writer.nullable_string(flexible, true, self.metadata.as_deref());
        }
        if version <= 7 {
            writer.error_code(self.error_code);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `OffsetFetchResponseGroup`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponseGroup {
    pub group_id: String,
    pub topics: Vec<OffsetFetchResponseTopics>,
    pub error_code: ErrorCode,
}

impl OffsetFetchResponseGroup {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=5 => 0,
            6..=7 => 1,
            _ => 5,
        }
    }
}

impl Message for OffsetFetchResponseGroup {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=10;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        if version >= 8 {
            message.group_id = reader.string(true)?;
        }
        if version >= 8 {
            message.topics = reader.array(true, OffsetFetchResponseTopics::size_min(version), |reader| {
                OffsetFetchResponseTopics::decode(reader, version)
            })?;
        }
        if version >= 8 {
            message.error_code = reader.error_code()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        if version >= 8 {
            writer.string(true, &self.group_id);
        }
        if version >= 8 {
            writer.array_len(true, self.topics.len());
            for item in &self.topics {
                item.encode(writer, version);
            }
        }
        if version >= 8 {
            writer.error_code(self.error_code);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `OffsetFetchResponseTopics`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponseTopics {
    pub name: String,
    pub topic_id: Uuid,
    pub partitions: Vec<OffsetFetchResponsePartitions>,
}

impl OffsetFetchResponseTopics {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=5 => 0,
            6..=7 => 1,
            8..=9 => 3,
            _ => 18,
        }
    }
}

impl Message for OffsetFetchResponseTopics {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=10;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        if (8..=9).contains(&version) {
            message.name = reader.string(true)?;
        }
        if version == 10 {
            message.topic_id = reader.uuid()?;
        }
        if version >= 8 {
            message.partitions =
                reader.array(true, OffsetFetchResponsePartitions::size_min(version), |reader| {
                    OffsetFetchResponsePartitions::decode(reader, version)
                })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        if (8..=9).contains(&version) {
            writer.string(true, &self.name);
        }
        if version == 10 {
            writer.uuid(self.topic_id);
        }
        if version >= 8 {
            writer.array_len(true, self.partitions.len());
            for item in &self.partitions {
                item.encode(writer, version);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `OffsetFetchResponsePartitions`.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchResponsePartitions {
    pub partition_index: i32,
    pub committed_offset: i64,
    pub committed_leader_epoch: i32,
    pub metadata: Option<String>,
    pub error_code: ErrorCode,
}

impl Default for OffsetFetchResponsePartitions {
    fn default() -> Self {
        Self {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            metadata: Some(String::new()),
            error_code: ErrorCode::NONE,
        }
    }
}

impl OffsetFetchResponsePartitions {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=5 => 0,
            6..=7 => 1,
            _ => 20,
        }
    }
}

impl Message for OffsetFetchResponsePartitions {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=10;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        if version >= 8 {
            message.partition_index = reader.i32()?;
        }
        if version >= 8 {
            message.committed_offset = reader.i64()?;
        }
        if version >= 8 {
            message.committed_leader_epoch = reader.i32()?;
        }
        if version >= 8 {
            message.metadata = reader.nullable_string(true)?;
        }
        if version >= 8 {
            message.error_code = reader.error_code()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        if version >= 8 {
            writer.i32(self.partition_index);
        }
        if version >= 8 {
            writer.i64(self.committed_offset);
        }
        if version >= 8 {
            writer.i32(self.committed_leader_epoch);
        }
        if version >= 8 {
            writer.nullable_string(true, true, self.metadata.as_deref());
        }
        if version >= 8 {
            writer.error_code(self.error_code);
        }
        if flexible {
            writer.no_tags();
        }
    }
}
