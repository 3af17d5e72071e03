//! `ConsumerGroupHeartbeat`, API key 68, versions 0 to 1.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, Uuid, WireError, Writer};

/// `ConsumerGroupHeartbeatRequest`, versions 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerGroupHeartbeatRequest {
    pub group_id: String,
    pub member_id: String,
    pub member_epoch: i32,
    pub instance_id: Option<String>,
    pub rack_id: Option<String>,
    pub rebalance_timeout_ms: i32,
    pub subscribed_topic_names: Option<Vec<String>>,
    pub subscribed_topic_regex: Option<String>,
    pub server_assignor: Option<String>,
    pub topic_partitions: Option<Vec<ConsumerGroupHeartbeatRequestTopicPartitions>>,
}

impl Default for ConsumerGroupHeartbeatRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            member_id: String::new(),
            member_epoch: 0,
            instance_id: None,
            rack_id: None,
            rebalance_timeout_ms: -1,
            subscribed_topic_names: None,
            subscribed_topic_regex: None,
            server_assignor: None,
            topic_partitions: None,
        }
    }
}

impl Message for ConsumerGroupHeartbeatRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.group_id = reader.string(true)?;
        message.member_id = reader.string(true)?;
        message.member_epoch = reader.i32()?;
        message.instance_id = reader.nullable_string(true)?;
        message.rack_id = reader.nullable_string(true)?;
        message.rebalance_timeout_ms = reader.i32()?;
        message.subscribed_topic_names = reader.nullable_array(true, 1, |reader| reader.string(true))?;
        if version == 1 {
            message.subscribed_topic_regex = reader.nullable_string(true)?;
        }
        message.server_assignor = reader.nullable_string(true)?;
        message.topic_partitions = reader.nullable_array(
            true,
            ConsumerGroupHeartbeatRequestTopicPartitions::size_min(version),
            |reader| ConsumerGroupHeartbeatRequestTopicPartitions::decode(reader, version),
        )?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.string(true, &self.group_id);
        writer.string(true, &self.member_id);
        writer.i32(self.member_epoch);
        writer.nullable_string(true, true, self.instance_id.as_deref());
        writer.nullable_string(true, true, self.rack_id.as_deref());
        writer.i32(self.rebalance_timeout_ms);
        writer.nullable_array_len(true, true, self.subscribed_topic_names.as_ref().map(Vec::len));
        for item in self.subscribed_topic_names.iter().flatten() {
            writer.string(true, item);
        }
        if version == 1 {
            writer.nullable_string(true, true, self.subscribed_topic_regex.as_deref());
        }
        writer.nullable_string(true, true, self.server_assignor.as_deref());
        writer.nullable_array_len(true, true, self.topic_partitions.as_ref().map(Vec::len));
        for item in self.topic_partitions.iter().flatten() {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

impl Request for ConsumerGroupHeartbeatRequest {
    const API: ApiKey = ApiKey::ConsumerGroupHeartbeat;
    type Response = ConsumerGroupHeartbeatResponse;
}

/// `ConsumerGroupHeartbeatRequestTopicPartitions`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupHeartbeatRequestTopicPartitions {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl ConsumerGroupHeartbeatRequestTopicPartitions {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        18
    }
}

impl Message for ConsumerGroupHeartbeatRequestTopicPartitions {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

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

/// `ConsumerGroupHeartbeatResponse`, versions 0 to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupHeartbeatResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub member_id: Option<String>,
    pub member_epoch: i32,
    pub heartbeat_interval_ms: i32,
    pub assignment: Option<Assignment>,
}

impl Message for ConsumerGroupHeartbeatResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(true)?;
        message.member_id = reader.nullable_string(true)?;
        message.member_epoch = reader.i32()?;
        message.heartbeat_interval_ms = reader.i32()?;
        message.assignment =
            if reader.present()? { Some(Assignment::decode(reader, version)?) } else { None };
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.throttle_time_ms);
        writer.error_code(self.error_code);
        writer.nullable_string(true, true, self.error_message.as_deref());
        writer.nullable_string(true, true, self.member_id.as_deref());
        writer.i32(self.member_epoch);
        writer.i32(self.heartbeat_interval_ms);
        match &self.assignment {
            Some(part) => {
                writer.i8(1);
                part.encode(writer, version);
            }
            None => writer.i8(-1),
        }
        writer.no_tags();
    }
}

/// `Assignment`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assignment {
    pub topic_partitions: Vec<ConsumerGroupHeartbeatResponseTopicPartitions>,
}

impl Message for Assignment {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.topic_partitions = reader.array(
            true,
            ConsumerGroupHeartbeatResponseTopicPartitions::size_min(version),
            |reader| ConsumerGroupHeartbeatResponseTopicPartitions::decode(reader, version),
        )?;
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

/// `ConsumerGroupHeartbeatResponseTopicPartitions`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupHeartbeatResponseTopicPartitions {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl ConsumerGroupHeartbeatResponseTopicPartitions {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        18
    }
}

impl Message for ConsumerGroupHeartbeatResponseTopicPartitions {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

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
