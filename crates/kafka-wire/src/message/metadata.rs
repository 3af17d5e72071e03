//! `Metadata`, API key 3, versions 0 to 13.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, Uuid, WireError, Writer};

/// `MetadataRequest`, versions 0 to 13.
#[derive(Clone, Debug, PartialEq)]
pub struct MetadataRequest {
    pub topics: Option<Vec<MetadataRequestTopic>>,
    pub allow_auto_topic_creation: bool,
    pub include_cluster_authorized_operations: bool,
    pub include_topic_authorized_operations: bool,
}

impl Default for MetadataRequest {
    fn default() -> Self {
        Self {
            topics: Some(Vec::new()),
            allow_auto_topic_creation: true,
            include_cluster_authorized_operations: false,
            include_topic_authorized_operations: false,
        }
    }
}

impl Message for MetadataRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=13;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 9;
        let mut message = Self::default();
        message.topics = if version >= 1 {
            reader.nullable_array(flexible, MetadataRequestTopic::size_min(version), |reader| {
                MetadataRequestTopic::decode(reader, version)
            })?
        } else {
            Some(reader.array(flexible, MetadataRequestTopic::size_min(version), |reader| {
                MetadataRequestTopic::decode(reader, version)
            })?)
        };
        if version >= 4 {
            message.allow_auto_topic_creation = reader.bool()?;
        }
        if (8..=10).contains(&version) {
            message.include_cluster_authorized_operations = reader.bool()?;
        }
        if version >= 8 {
            message.include_topic_authorized_operations = reader.bool()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        writer.nullable_array_len(flexible, version >= 1, self.topics.as_ref().map(Vec::len));
        for item in self.topics.iter().flatten() {
            item.encode(writer, version);
        }
        if version >= 4 {
            writer.bool(self.allow_auto_topic_creation);
        }
        if (8..=10).contains(&version) {
            writer.bool(self.include_cluster_authorized_operations);
        }
        if version >= 8 {
            writer.bool(self.include_topic_authorized_operations);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for MetadataRequest {
    const API: ApiKey = ApiKey::Metadata;
    type Response = MetadataResponse;
}

/// `MetadataRequestTopic`.
#[derive(Clone, Debug, PartialEq)]
pub struct MetadataRequestTopic {
    pub topic_id: Uuid,
    pub name: Option<String>,
}

impl Default for MetadataRequestTopic {
    fn default() -> Self {
        Self { topic_id: Uuid::ZERO, name: Some(String::new()) }
    }
}

impl MetadataRequestTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=9 => 2,
            _ => 18,
        }
    }
}

impl Message for MetadataRequestTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=13;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 9;
        let mut message = Self::default();
        if version >= 10 {
            message.topic_id = reader.uuid()?;
        }
        message.name =
            if version >= 10 { reader.nullable_string(flexible)? } else { Some(reader.string(flexible)?) };
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        if version >= 10 {
            writer.uuid(self.topic_id);
        }
        writer.nullable_string(flexible, version >= 10, self.name.as_deref());
        if flexible {
            writer.no_tags();
        }
    }
}

/// `MetadataResponse`, versions 0 to 13.
#[derive(Clone, Debug, PartialEq)]
pub struct MetadataResponse {
    pub throttle_time_ms: i32,
    pub brokers: Vec<MetadataResponseBroker>,
    pub cluster_id: Option<String>,
    pub controller_id: i32,
    pub topics: Vec<MetadataResponseTopic>,
    pub cluster_authorized_operations: i32,
    pub error_code: ErrorCode,
}

impl Default for MetadataResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            brokers: Vec::new(),
            cluster_id: None,
            controller_id: -1,
            topics: Vec::new(),
            cluster_authorized_operations: i32::MIN,
            error_code: ErrorCode::NONE,
        }
    }
}

impl Message for MetadataResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=13;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 9;
        let mut message = Self::default();
        if version >= 3 {
            message.throttle_time_ms = reader.i32()?;
        }
        message.brokers = reader.array(flexible, MetadataResponseBroker::size_min(version), |reader| {
            MetadataResponseBroker::decode(reader, version)
        })?;
        if version >= 2 {
            message.cluster_id = reader.nullable_string(flexible)?;
        }
        if version >= 1 {
            message.controller_id = reader.i32()?;
        }
        message.topics = reader.array(flexible, MetadataResponseTopic::size_min(version), |reader| {
            MetadataResponseTopic::decode(reader, version)
        })?;
        if (8..=10).contains(&version) {
            message.cluster_authorized_operations = reader.i32()?;
        }
        if version == 13 {
            message.error_code = reader.error_code()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        if version >= 3 {
            writer.i32(self.throttle_time_ms);
        }
        writer.array_len(flexible, self.brokers.len());
        for item in &self.brokers {
            item.encode(writer, version);
        }
        if version >= 2 {
            writer.nullable_string(flexible, true, self.cluster_id.as_deref());
        }
        if version >= 1 {
            writer.i32(self.controller_id);
        }
        writer.array_len(flexible, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
        if (8..=10).contains(&version) {
            writer.i32(self.cluster_authorized_operations);
        }
        if version == 13 {
            writer.error_code(self.error_code);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `MetadataResponseBroker`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataResponseBroker {
    pub node_id: i32,
    pub host: String,
    pub port: i32,
    pub rack: Option<String>,
}

impl MetadataResponseBroker {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 10,
            1..=8 => 12,
            _ => 11,
        }
    }
}

impl Message for MetadataResponseBroker {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=13;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 9;
        let mut message = Self::default();
        message.node_id = reader.i32()?;
        message.host = reader.string(flexible)?;
        message.port = reader.i32()?;
        if version >= 1 {
            message.rack = reader.nullable_string(flexible)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        writer.i32(self.node_id);
        writer.string(flexible, &self.host);
        writer.i32(self.port);
        if version >= 1 {
            writer.nullable_string(flexible, true, self.rack.as_deref());
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `MetadataResponseTopic`.
#[derive(Clone, Debug, PartialEq)]
pub struct MetadataResponseTopic {
    pub error_code: ErrorCode,
    pub name: Option<String>,
    pub topic_id: Uuid,
    pub is_internal: bool,
    pub partitions: Vec<MetadataResponsePartition>,
    pub topic_authorized_operations: i32,
}

impl Default for MetadataResponseTopic {
    fn default() -> Self {
        Self {
            error_code: ErrorCode::NONE,
            name: Some(String::new()),
            topic_id: Uuid::ZERO,
            is_internal: false,
            partitions: Vec::new(),
            topic_authorized_operations: i32::MIN,
        }
    }
}

impl MetadataResponseTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 8,
            1..=7 => 9,
            8 => 13,
            9 => 10,
            _ => 26,
        }
    }
}

impl Message for MetadataResponseTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=13;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 9;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.name =
            if version >= 12 { reader.nullable_string(flexible)? } else { Some(reader.string(flexible)?) };
        if version >= 10 {
            message.topic_id = reader.uuid()?;
        }
        if version >= 1 {
            message.is_internal = reader.bool()?;
        }
        message.partitions =
            reader.array(flexible, MetadataResponsePartition::size_min(version), |reader| {
                MetadataResponsePartition::decode(reader, version)
            })?;
        if version >= 8 {
            message.topic_authorized_operations = reader.i32()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        writer.error_code(self.error_code);
        writer.nullable_string(flexible, version >= 12, self.name.as_deref());
        if version >= 10 {
            writer.uuid(self.topic_id);
        }
        if version >= 1 {
            writer.bool(self.is_internal);
        }
        writer.array_len(flexible, self.partitions.len());
        for item in &self.partitions {
            item.encode(writer, version);
        }
        if version >= 8 {
            writer.i32(self.topic_authorized_operations);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `MetadataResponsePartition`.
#[derive(Clone, Debug, PartialEq)]
pub struct MetadataResponsePartition {
    pub error_code: ErrorCode,
    pub partition_index: i32,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub replica_nodes: Vec<i32>,
    pub isr_nodes: Vec<i32>,
    pub offline_replicas: Vec<i32>,
}

impl Default for MetadataResponsePartition {
    fn default() -> Self {
        Self {
            error_code: ErrorCode::NONE,
            partition_index: 0,
            leader_id: 0,
            leader_epoch: -1,
            replica_nodes: Vec::new(),
            isr_nodes: Vec::new(),
            offline_replicas: Vec::new(),
        }
    }
}

impl MetadataResponsePartition {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=4 => 18,
            5..=6 => 22,
            7..=8 => 26,
            _ => 18,
        }
    }
}

impl Message for MetadataResponsePartition {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=13;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 9;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.partition_index = reader.i32()?;
        message.leader_id = reader.i32()?;
        if version >= 7 {
            message.leader_epoch = reader.i32()?;
        }
        message.replica_nodes = reader.array(flexible, 4, Reader::i32)?;
        message.isr_nodes = reader.array(flexible, 4, Reader::i32)?;
        if version >= 5 {
            message.offline_replicas = reader.array(flexible, 4, Reader::i32)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        writer.error_code(self.error_code);
        writer.i32(self.partition_index);
        writer.i32(self.leader_id);
        if version >= 7 {
            writer.i32(self.leader_epoch);
        }
        writer.array_len(flexible, self.replica_nodes.len());
        for item in &self.replica_nodes {
            writer.i32(*item);
        }
        writer.array_len(flexible, self.isr_nodes.len());
        for item in &self.isr_nodes {
            writer.i32(*item);
        }
        if version >= 5 {
            writer.array_len(flexible, self.offline_replicas.len());
            for item in &self.offline_replicas {
                writer.i32(*item);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}
