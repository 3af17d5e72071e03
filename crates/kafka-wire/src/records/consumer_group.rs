//! `ConsumerGroupMetadataKey`, `ConsumerGroupMetadataValue`, `ConsumerGroupPartitionMetadataKey`, `ConsumerGroupPartitionMetadataValue`, `ConsumerGroupMemberMetadataKey`, `ConsumerGroupMemberMetadataValue`, `ConsumerGroupTargetAssignmentMetadataKey`, `ConsumerGroupTargetAssignmentMetadataValue`, `ConsumerGroupTargetAssignmentMemberKey`, `ConsumerGroupTargetAssignmentMemberValue`, `ConsumerGroupCurrentMemberAssignmentKey`, `ConsumerGroupCurrentMemberAssignmentValue`, `ConsumerGroupRegularExpressionKey`, `ConsumerGroupRegularExpressionValue`.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{Message, Reader, Tags, Uuid, WireError, Writer};
use bytes::Bytes;

/// `ConsumerGroupMetadataKey`, version 3.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupMetadataKey {
    pub group_id: String,
}

impl Message for ConsumerGroupMetadataKey {
    const VERSIONS: std::ops::RangeInclusive<i16> = 3..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.group_id = reader.string(false)?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(false, &self.group_id);
    }
}

/// `ConsumerGroupMetadataValue`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupMetadataValue {
    pub epoch: i32,
    pub metadata_hash: i64,
}

impl Message for ConsumerGroupMetadataValue {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.epoch = reader.i32()?;
        reader.tags(|tag, reader| {
            match tag {
                0 => {
                    message.metadata_hash = reader.i64()?;
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.epoch);
        let mut tags = Tags::default();
        if self.metadata_hash != 0 {
            tags.put(0, |writer| {
                writer.i64(self.metadata_hash);
            });
        }
        writer.tags(tags);
    }
}

/// `ConsumerGroupPartitionMetadataKey`, version 4.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupPartitionMetadataKey {
    pub group_id: String,
}

impl Message for ConsumerGroupPartitionMetadataKey {
    const VERSIONS: std::ops::RangeInclusive<i16> = 4..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.group_id = reader.string(false)?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(false, &self.group_id);
    }
}

/// `ConsumerGroupPartitionMetadataValue`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupPartitionMetadataValue {
    pub topics: Vec<TopicMetadata>,
}

impl Message for ConsumerGroupPartitionMetadataValue {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.topics = reader
            .array(true, TopicMetadata::size_min(version), |reader| TopicMetadata::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.array_len(true, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `TopicMetadata`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicMetadata {
    pub topic_id: Uuid,
    pub topic_name: String,
    pub num_partitions: i32,
    pub partition_metadata: Vec<PartitionMetadata>,
}

impl TopicMetadata {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        23
    }
}

impl Message for TopicMetadata {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.topic_id = reader.uuid()?;
        message.topic_name = reader.string(true)?;
        message.num_partitions = reader.i32()?;
        message.partition_metadata = reader.array(true, PartitionMetadata::size_min(version), |reader| {
            PartitionMetadata::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.uuid(self.topic_id);
        writer.string(true, &self.topic_name);
        writer.i32(self.num_partitions);
        writer.array_len(true, self.partition_metadata.len());
        for item in &self.partition_metadata {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `PartitionMetadata`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionMetadata {
    pub partition: i32,
    pub racks: Vec<String>,
}

impl PartitionMetadata {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        6
    }
}

impl Message for PartitionMetadata {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.partition = reader.i32()?;
        message.racks = reader.array(true, 1, |reader| reader.string(true))?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.partition);
        writer.array_len(true, self.racks.len());
        for item in &self.racks {
            writer.string(true, item);
        }
        writer.no_tags();
    }
}

/// `ConsumerGroupMemberMetadataKey`, version 5.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupMemberMetadataKey {
    pub group_id: String,
    pub member_id: String,
}

impl Message for ConsumerGroupMemberMetadataKey {
    const VERSIONS: std::ops::RangeInclusive<i16> = 5..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.group_id = reader.string(false)?;
        message.member_id = reader.string(false)?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(false, &self.group_id);
        writer.string(false, &self.member_id);
    }
}

/// `ConsumerGroupMemberMetadataValue`, version 0.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerGroupMemberMetadataValue {
    pub instance_id: Option<String>,
    pub rack_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub subscribed_topic_names: Vec<String>,
    pub subscribed_topic_regex: Option<String>,
    pub rebalance_timeout_ms: i32,
    pub server_assignor: Option<String>,
    pub classic_member_metadata: Option<ClassicMemberMetadata>,
}

impl Default for ConsumerGroupMemberMetadataValue {
    fn default() -> Self {
        Self {
            instance_id: Some(String::new()),
            rack_id: Some(String::new()),
            client_id: String::new(),
            client_host: String::new(),
            subscribed_topic_names: Vec::new(),
            subscribed_topic_regex: Some(String::new()),
            rebalance_timeout_ms: -1,
            server_assignor: Some(String::new()),
            classic_member_metadata: Some(ClassicMemberMetadata::default()),
        }
    }
}

impl Message for ConsumerGroupMemberMetadataValue {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.instance_id = reader.nullable_string(true)?;
        message.rack_id = reader.nullable_string(true)?;
        message.client_id = reader.string(true)?;
        message.client_host = reader.string(true)?;
        message.subscribed_topic_names = reader.array(true, 1, |reader| reader.string(true))?;
        message.subscribed_topic_regex = reader.nullable_string(true)?;
        message.rebalance_timeout_ms = reader.i32()?;
        message.server_assignor = reader.nullable_string(true)?;
        reader.tags(|tag, reader| {
            match tag {
                0 => {
                    message.classic_member_metadata = if reader.present()? {
                        Some(ClassicMemberMetadata::decode(reader, version)?)
                    } else {
                        None
                    };
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.nullable_string(true, true, self.instance_id.as_deref());
        writer.nullable_string(true, true, self.rack_id.as_deref());
        writer.string(true, &self.client_id);
        writer.string(true, &self.client_host);
        writer.array_len(true, self.subscribed_topic_names.len());
        for item in &self.subscribed_topic_names {
            writer.string(true, item);
        }
        writer.nullable_string(true, true, self.subscribed_topic_regex.as_deref());
        writer.i32(self.rebalance_timeout_ms);
        writer.nullable_string(true, true, self.server_assignor.as_deref());
        let mut tags = Tags::default();
        if self.classic_member_metadata != Some(ClassicMemberMetadata::default()) {
            tags.put(0, |writer| match &self.classic_member_metadata {
                Some(part) => {
                    writer.i8(1);
                    part.encode(writer, version);
                }
                None => writer.i8(-1),
            });
        }
        writer.tags(tags);
    }
}

/// `ClassicMemberMetadata`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassicMemberMetadata {
    pub session_timeout_ms: i32,
    pub supported_protocols: Vec<ClassicProtocol>,
}

impl Message for ClassicMemberMetadata {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.session_timeout_ms = reader.i32()?;
        message.supported_protocols = reader.array(true, ClassicProtocol::size_min(version), |reader| {
            ClassicProtocol::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.session_timeout_ms);
        writer.array_len(true, self.supported_protocols.len());
        for item in &self.supported_protocols {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `ClassicProtocol`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassicProtocol {
    pub name: String,
    pub metadata: Bytes,
}

impl ClassicProtocol {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        3
    }
}

impl Message for ClassicProtocol {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.name = reader.string(true)?;
        message.metadata = reader.bytes(true)?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(true, &self.name);
        writer.bytes(true, &self.metadata);
        writer.no_tags();
    }
}

/// `ConsumerGroupTargetAssignmentMetadataKey`, version 6.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupTargetAssignmentMetadataKey {
    pub group_id: String,
}

impl Message for ConsumerGroupTargetAssignmentMetadataKey {
    const VERSIONS: std::ops::RangeInclusive<i16> = 6..=6;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.group_id = reader.string(false)?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(false, &self.group_id);
    }
}

/// `ConsumerGroupTargetAssignmentMetadataValue`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupTargetAssignmentMetadataValue {
    pub assignment_epoch: i32,
}

impl Message for ConsumerGroupTargetAssignmentMetadataValue {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.assignment_epoch = reader.i32()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.assignment_epoch);
        writer.no_tags();
    }
}

/// `ConsumerGroupTargetAssignmentMemberKey`, version 7.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupTargetAssignmentMemberKey {
    pub group_id: String,
    pub member_id: String,
}

impl Message for ConsumerGroupTargetAssignmentMemberKey {
    const VERSIONS: std::ops::RangeInclusive<i16> = 7..=7;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.group_id = reader.string(false)?;
        message.member_id = reader.string(false)?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(false, &self.group_id);
        writer.string(false, &self.member_id);
    }
}

/// `ConsumerGroupTargetAssignmentMemberValue`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupTargetAssignmentMemberValue {
    pub topic_partitions: Vec<TopicPartition>,
}

impl Message for ConsumerGroupTargetAssignmentMemberValue {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.topic_partitions = reader.array(true, TopicPartition::size_min(version), |reader| {
            TopicPartition::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.array_len(true, self.topic_partitions.len());
        for item in &self.topic_partitions {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `TopicPartition`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartition {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl TopicPartition {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        18
    }
}

impl Message for TopicPartition {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.topic_id = reader.uuid()?;
        message.partitions = reader.array(true, 4, Reader::i32)?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.uuid(self.topic_id);
        writer.array_len(true, self.partitions.len());
        for item in &self.partitions {
            writer.i32(*item);
        }
        writer.no_tags();
    }
}

/// `ConsumerGroupCurrentMemberAssignmentKey`, version 8.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupCurrentMemberAssignmentKey {
    pub group_id: String,
    pub member_id: String,
}

impl Message for ConsumerGroupCurrentMemberAssignmentKey {
    const VERSIONS: std::ops::RangeInclusive<i16> = 8..=8;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.group_id = reader.string(false)?;
        message.member_id = reader.string(false)?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(false, &self.group_id);
        writer.string(false, &self.member_id);
    }
}

/// `ConsumerGroupCurrentMemberAssignmentValue`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupCurrentMemberAssignmentValue {
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    pub state: i8,
    pub assigned_partitions: Vec<TopicPartitions>,
    pub partitions_pending_revocation: Vec<TopicPartitions>,
}

impl Message for ConsumerGroupCurrentMemberAssignmentValue {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.member_epoch = reader.i32()?;
        message.previous_member_epoch = reader.i32()?;
        message.state = reader.i8()?;
        message.assigned_partitions = reader.array(true, TopicPartitions::size_min(version), |reader| {
            TopicPartitions::decode(reader, version)
        })?;
        message.partitions_pending_revocation =
            reader.array(true, TopicPartitions::size_min(version), |reader| {
                TopicPartitions::decode(reader, version)
            })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.member_epoch);
        writer.i32(self.previous_member_epoch);
        writer.i8(self.state);
        writer.array_len(true, self.assigned_partitions.len());
        for item in &self.assigned_partitions {
            item.encode(writer, version);
        }
        writer.array_len(true, self.partitions_pending_revocation.len());
        for item in &self.partitions_pending_revocation {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `TopicPartitions`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartitions {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl TopicPartitions {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        18
    }
}

impl Message for TopicPartitions {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.topic_id = reader.uuid()?;
        message.partitions = reader.array(true, 4, Reader::i32)?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.uuid(self.topic_id);
        writer.array_len(true, self.partitions.len());
        for item in &self.partitions {
            writer.i32(*item);
        }
        writer.no_tags();
    }
}

/// `ConsumerGroupRegularExpressionKey`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupRegularExpressionKey {
    pub group_id: String,
    pub regular_expression: String,
}

impl Message for ConsumerGroupRegularExpressionKey {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.group_id = reader.string(false)?;
        message.regular_expression = reader.string(false)?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(false, &self.group_id);
        writer.string(false, &self.regular_expression);
    }
}

/// `ConsumerGroupRegularExpressionValue`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupRegularExpressionValue {
    pub topics: Vec<String>,
    pub version: i64,
    pub timestamp: i64,
}

impl Message for ConsumerGroupRegularExpressionValue {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.topics = reader.array(true, 1, |reader| reader.string(true))?;
        message.version = reader.i64()?;
        message.timestamp = reader.i64()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.array_len(true, self.topics.len());
        for item in &self.topics {
            writer.string(true, item);
        }
        writer.i64(self.version);
        writer.i64(self.timestamp);
        writer.no_tags();
    }
}
