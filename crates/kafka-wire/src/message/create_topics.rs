//! `CreateTopics`, API key 19, versions 0 to 7.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, Tags, Uuid, WireError, Writer};

/// `CreateTopicsRequest`, versions 0 to 7.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateTopicsRequest {
    pub topics: Vec<CreatableTopic>,
    pub timeout_ms: i32,
    pub validate_only: bool,
}

impl Default for CreateTopicsRequest {
    fn default() -> Self {
        Self { topics: Vec::new(), timeout_ms: 60000, validate_only: false }
    }
}

impl Message for CreateTopicsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=7;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 5;
        let mut message = Self::default();
        message.topics = reader.array(flexible, CreatableTopic::size_min(version), |reader| {
            CreatableTopic::decode(reader, version)
        })?;
        message.timeout_ms = reader.i32()?;
        if version >= 1 {
            message.validate_only = reader.bool()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 5;
        writer.array_len(flexible, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
        writer.i32(self.timeout_ms);
        if version >= 1 {
            writer.bool(self.validate_only);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for CreateTopicsRequest {
    const API: ApiKey = ApiKey::CreateTopics;
    type Response = CreateTopicsResponse;
}

/// `CreatableTopic`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatableTopic {
    pub name: String,
    pub num_partitions: i32,
    pub replication_factor: i16,
    pub assignments: Vec<CreatableReplicaAssignment>,
    pub configs: Vec<CreatableTopicConfig>,
}

impl CreatableTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=4 => 16,
            _ => 10,
        }
    }
}

impl Message for CreatableTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=7;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 5;
        let mut message = Self::default();
        message.name = reader.string(flexible)?;
        message.num_partitions = reader.i32()?;
        message.replication_factor = reader.i16()?;
        message.assignments =
            reader.array(flexible, CreatableReplicaAssignment::size_min(version), |reader| {
                CreatableReplicaAssignment::decode(reader, version)
            })?;
        message.configs = reader.array(flexible, CreatableTopicConfig::size_min(version), |reader| {
            CreatableTopicConfig::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 5;
        writer.string(flexible, &self.name);
        writer.i32(self.num_partitions);
        writer.i16(self.replication_factor);
        writer.array_len(flexible, self.assignments.len());
        for item in &self.assignments {
            item.encode(writer, version);
        }
        writer.array_len(flexible, self.configs.len());
        for item in &self.configs {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `CreatableReplicaAssignment`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatableReplicaAssignment {
    pub partition_index: i32,
    pub broker_ids: Vec<i32>,
}

impl CreatableReplicaAssignment {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=4 => 8,
            _ => 6,
        }
    }
}

impl Message for CreatableReplicaAssignment {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=7;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 5;
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.broker_ids = reader.array(flexible, 4, Reader::i32)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 5;
        writer.i32(self.partition_index);
        writer.array_len(flexible, self.broker_ids.len());
        for item in &self.broker_ids {
            writer.i32(*item);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `CreatableTopicConfig`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreatableTopicConfig {
    pub name: String,
    pub value: Option<String>,
}

impl Default for CreatableTopicConfig {
    fn default() -> Self {
        Self { name: String::new(), value: Some(String::new()) }
    }
}

impl CreatableTopicConfig {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=4 => 4,
            _ => 3,
        }
    }
}

impl Message for CreatableTopicConfig {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=7;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 5;
        let mut message = Self::default();
        message.name = reader.string(flexible)?;
        message.value = reader.nullable_string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 5;
        writer.string(flexible, &self.name);
        writer.nullable_string(flexible, true, self.value.as_deref());
        if flexible {
            writer.no_tags();
        }
    }
}

/// `CreateTopicsResponse`, versions 0 to 7.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateTopicsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<CreatableTopicResult>,
}

impl Message for CreateTopicsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=7;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 5;
        let mut message = Self::default();
        if version >= 2 {
            message.throttle_time_ms = reader.i32()?;
        }
        message.topics = reader.array(flexible, CreatableTopicResult::size_min(version), |reader| {
            CreatableTopicResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 5;
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

/// `CreatableTopicResult`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreatableTopicResult {
    pub name: String,
    pub topic_id: Uuid,
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub topic_config_error_code: ErrorCode,
    pub num_partitions: i32,
    pub replication_factor: i16,
    pub configs: Option<Vec<CreatableTopicConfigs>>,
}

impl Default for CreatableTopicResult {
    fn default() -> Self {
        Self {
            name: String::new(),
            topic_id: Uuid::ZERO,
            error_code: ErrorCode::NONE,
            error_message: Some(String::new()),
            topic_config_error_code: ErrorCode::NONE,
            num_partitions: -1,
            replication_factor: -1,
            configs: Some(Vec::new()),
        }
    }
}

impl CreatableTopicResult {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 4,
            1..=4 => 6,
            5..=6 => 12,
            _ => 28,
        }
    }
}

impl Message for CreatableTopicResult {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=7;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 5;
        let mut message = Self::default();
        message.name = reader.string(flexible)?;
        if version == 7 {
            message.topic_id = reader.uuid()?;
        }
        message.error_code = reader.error_code()?;
        if version >= 1 {
            message.error_message = reader.nullable_string(flexible)?;
        }
        if version >= 5 {
            message.num_partitions = reader.i32()?;
        }
        if version >= 5 {
            message.replication_factor = reader.i16()?;
        }
        if version >= 5 {
            message.configs =
                reader.nullable_array(true, CreatableTopicConfigs::size_min(version), |reader| {
                    CreatableTopicConfigs::decode(reader, version)
                })?;
        }
        if flexible {
            reader.tags(|tag, reader| {
                match tag {
                    0 => {
                        message.topic_config_error_code = reader.error_code()?;
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 5;
        writer.string(flexible, &self.name);
        if version == 7 {
            writer.uuid(self.topic_id);
        }
        writer.error_code(self.error_code);
        if version >= 1 {
            writer.nullable_string(flexible, true, self.error_message.as_deref());
        }
        if version >= 5 {
            writer.i32(self.num_partitions);
        }
        if version >= 5 {
            writer.i16(self.replication_factor);
        }
        if version >= 5 {
            writer.nullable_array_len(true, true, self.configs.as_ref().map(Vec::len));
            for item in self.configs.iter().flatten() {
                item.encode(writer, version);
            }
        }
        if flexible {
            let mut tags = Tags::default();
            if self.topic_config_error_code != ErrorCode::NONE {
                tags.put(0, |writer| {
                    writer.error_code(self.topic_config_error_code);
                });
            }
            writer.tags(tags);
        }
    }
}

/// `CreatableTopicConfigs`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreatableTopicConfigs {
    pub name: String,
    pub value: Option<String>,
    pub read_only: bool,
    pub config_source: i8,
    pub is_sensitive: bool,
}

impl Default for CreatableTopicConfigs {
    fn default() -> Self {
        Self {
            name: String::new(),
            value: Some(String::new()),
            read_only: false,
            config_source: -1,
            is_sensitive: false,
        }
    }
}

impl CreatableTopicConfigs {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=4 => 0,
            _ => 6,
        }
    }
}

impl Message for CreatableTopicConfigs {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=7;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 5;
        let mut message = Self::default();
        if version >= 5 {
            message.name = reader.string(true)?;
        }
        if version >= 5 {
            message.value = reader.nullable_string(true)?;
        }
        if version >= 5 {
            message.read_only = reader.bool()?;
        }
        if version >= 5 {
            message.config_source = reader.i8()?;
        }
        if version >= 5 {
            message.is_sensitive = reader.bool()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 5;
        if version >= 5 {
            writer.string(true, &self.name);
        }
        if version >= 5 {
            writer.nullable_string(true, true, self.value.as_deref());
        }
        if version >= 5 {
            writer.bool(self.read_only);
        }
        if version >= 5 {
            writer.i8(self.config_source);
        }
        if version >= 5 {
            writer.bool(self.is_sensitive);
        }
        if flexible {
            writer.no_tags();
        }
    }
}
