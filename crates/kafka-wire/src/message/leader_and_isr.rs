//! `LeaderAndIsr`, API key 4, versions 0 to 7.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, Uuid, WireError, Writer};

/// `LeaderAndIsrRequest`, versions 0 to 7.
#[derive(Clone, Debug, PartialEq)]
pub struct LeaderAndIsrRequest {
    pub controller_id: i32,
    pub is_kraft_controller: bool,
    pub controller_epoch: i32,
    pub broker_epoch: i64,
    pub r#type: i8,
    pub ungrouped_partition_states: Vec<LeaderAndIsrPartitionState>,
    pub topic_states: Vec<LeaderAndIsrTopicState>,
    pub live_leaders: Vec<LeaderAndIsrLiveLeader>,
}

impl Default for LeaderAndIsrRequest {
    fn default() -> Self {
        Self {
            controller_id: 0,
            is_kraft_controller: false,
            controller_epoch: 0,
            broker_epoch: -1,
            r#type: 0,
            ungrouped_partition_states: Vec::new(),
            topic_states: Vec::new(),
            live_leaders: Vec::new(),
        }
    }
}

impl Message for LeaderAndIsrRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=7;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 4;
        let mut message = Self::default();
        message.controller_id = reader.i32()?;
        if version == 7 {
            message.is_kraft_controller = reader.bool()?;
        }
        message.controller_epoch = reader.i32()?;
        if version >= 2 {
            message.broker_epoch = reader.i64()?;
        }
        if version >= 5 {
            message.r#type = reader.i8()?;
        }
        if version <= 1 {
            message.ungrouped_partition_states =
                reader.array(false, LeaderAndIsrPartitionState::size_min(version), |reader| {
                    LeaderAndIsrPartitionState::decode(reader, version)
                })?;
        }
        if version >= 2 {
            message.topic_states =
                reader.array(flexible, LeaderAndIsrTopicState::size_min(version), |reader| {
                    LeaderAndIsrTopicState::decode(reader, version)
                })?;
        }
        message.live_leaders =
            reader.array(flexible, LeaderAndIsrLiveLeader::size_min(version), |reader| {
                LeaderAndIsrLiveLeader::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.i32(self.controller_id);
        if version == 7 {
            writer.bool(self.is_kraft_controller);
        }
        writer.i32(self.controller_epoch);
        if version >= 2 {
            writer.i64(self.broker_epoch);
        }
        if version >= 5 {
            writer.i8(self.r#type);
        }
        if version <= 1 {
            writer.array_len(false, self.ungrouped_partition_states.len());
            for item in &self.ungrouped_partition_states {
                item.encode(writer, version);
            }
        }
        if version >= 2 {
            writer.array_len(flexible, self.topic_states.len());
            for item in &self.topic_states {
                item.encode(writer, version);
            }
        }
        writer.array_len(flexible, self.live_leaders.len());
        for item in &self.live_leaders {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for LeaderAndIsrRequest {
    const API: ApiKey = ApiKey::LeaderAndIsr;
    type Response = LeaderAndIsrResponse;
}

/// `LeaderAndIsrPartitionState`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaderAndIsrPartitionState {
    pub topic_name: String,
    pub partition_index: i32,
    pub controller_epoch: i32,
    pub leader: i32,
    pub leader_epoch: i32,
    pub isr: Vec<i32>,
    pub partition_epoch: i32,
    pub replicas: Vec<i32>,
    pub adding_replicas: Vec<i32>,
    pub removing_replicas: Vec<i32>,
    pub is_new: bool,
    pub leader_recovery_state: i8,
}

impl LeaderAndIsrPartitionState {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 30,
            1 => 31,
            2 => 29,
            3 => 37,
            4..=5 => 26,
            _ => 27,
        }
    }
}

impl Message for LeaderAndIsrPartitionState {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=7;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        if version <= 1 {
            message.topic_name = reader.string(false)?;
        }
        message.partition_index = reader.i32()?;
        message.controller_epoch = reader.i32()?;
        message.leader = reader.i32()?;
        message.leader_epoch = reader.i32()?;
        message.isr = reader.array(flexible, 4, Reader::i32)?;
        message.partition_epoch = reader.i32()?;
        message.replicas = reader.array(flexible, 4, Reader::i32)?;
        if version >= 3 {
            message.adding_replicas = reader.array(flexible, 4, Reader::i32)?;
        }
        if version >= 3 {
            message.removing_replicas = reader.array(flexible, 4, Reader::i32)?;
        }
        if version >= 1 {
            message.is_new = reader.bool()?;
        }
        if version >= 6 {
            message.leader_recovery_state = reader.i8()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        if version <= 1 {
            writer.string(false, &self.topic_name);
        }
        writer.i32(self.partition_index);
        writer.i32(self.controller_epoch);
        writer.i32(self.leader);
        writer.i32(self.leader_epoch);
        writer.array_len(flexible, self.isr.len());
        for item in &self.isr {
            writer.i32(*item);
        }
        writer.i32(self.partition_epoch);
        writer.array_len(flexible, self.replicas.len());
        for item in &self.replicas {
            writer.i32(*item);
        }
        if version >= 3 {
            writer.array_len(flexible, self.adding_replicas.len());
            for item in &self.adding_replicas {
                writer.i32(*item);
            }
        }
        if version >= 3 {
            writer.array_len(flexible, self.removing_replicas.len());
            for item in &self.removing_replicas {
                writer.i32(*item);
            }
        }
        if version >= 1 {
            writer.bool(self.is_new);
        }
        if version >= 6 {
            writer.i8(self.leader_recovery_state);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `LeaderAndIsrTopicState`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaderAndIsrTopicState {
    pub topic_name: String,
    pub topic_id: Uuid,
    pub partition_states: Vec<LeaderAndIsrPartitionState>,
}

impl LeaderAndIsrTopicState {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 0,
            2..=3 => 6,
            4 => 3,
            _ => 19,
        }
    }
}

impl Message for LeaderAndIsrTopicState {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=7;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        if version >= 2 {
            message.topic_name = reader.string(flexible)?;
        }
        if version >= 5 {
            message.topic_id = reader.uuid()?;
        }
        if version >= 2 {
            message.partition_states =
                reader.array(flexible, LeaderAndIsrPartitionState::size_min(version), |reader| {
                    LeaderAndIsrPartitionState::decode(reader, version)
                })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        if version >= 2 {
            writer.string(flexible, &self.topic_name);
        }
        if version >= 5 {
            writer.uuid(self.topic_id);
        }
        if version >= 2 {
            writer.array_len(flexible, self.partition_states.len());
            for item in &self.partition_states {
                item.encode(writer, version);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `LeaderAndIsrLiveLeader`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaderAndIsrLiveLeader {
    pub broker_id: i32,
    pub host_name: String,
    pub port: i32,
}

impl LeaderAndIsrLiveLeader {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        10
    }
}

impl Message for LeaderAndIsrLiveLeader {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=7;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        message.broker_id = reader.i32()?;
        message.host_name = reader.string(flexible)?;
        message.port = reader.i32()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.i32(self.broker_id);
        writer.string(flexible, &self.host_name);
        writer.i32(self.port);
        if flexible {
            writer.no_tags();
        }
    }
}

/// `LeaderAndIsrResponse`, versions 0 to 7.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaderAndIsrResponse {
    pub error_code: ErrorCode,
    pub partition_errors: Vec<LeaderAndIsrPartitionError>,
    pub topics: Vec<LeaderAndIsrTopicError>,
}

impl Message for LeaderAndIsrResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=7;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 4;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        if version <= 4 {
            message.partition_errors =
                reader.array(flexible, LeaderAndIsrPartitionError::size_min(version), |reader| {
                    LeaderAndIsrPartitionError::decode(reader, version)
                })?;
        }
        if version >= 5 {
            message.topics = reader.array(true, LeaderAndIsrTopicError::size_min(version), |reader| {
                LeaderAndIsrTopicError::decode(reader, version)
            })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.error_code(self.error_code);
        if version <= 4 {
            writer.array_len(flexible, self.partition_errors.len());
            for item in &self.partition_errors {
                item.encode(writer, version);
            }
        }
        if version >= 5 {
            writer.array_len(true, self.topics.len());
            for item in &self.topics {
                item.encode(writer, version);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `LeaderAndIsrPartitionError`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaderAndIsrPartitionError {
    pub topic_name: String,
    pub partition_index: i32,
    pub error_code: ErrorCode,
}

impl LeaderAndIsrPartitionError {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=4 => 8,
            _ => 7,
        }
    }
}

impl Message for LeaderAndIsrPartitionError {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=7;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        if version <= 4 {
            message.topic_name = reader.string(flexible)?;
        }
        message.partition_index = reader.i32()?;
        message.error_code = reader.error_code()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        if version <= 4 {
            writer.string(flexible, &self.topic_name);
        }
        writer.i32(self.partition_index);
        writer.error_code(self.error_code);
        if flexible {
            writer.no_tags();
        }
    }
}

/// `LeaderAndIsrTopicError`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaderAndIsrTopicError {
    pub topic_id: Uuid,
    pub partition_errors: Vec<LeaderAndIsrPartitionError>,
}

impl LeaderAndIsrTopicError {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=3 => 0,
            4 => 1,
            _ => 18,
        }
    }
}

impl Message for LeaderAndIsrTopicError {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=7;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        if version >= 5 {
            message.topic_id = reader.uuid()?;
        }
        if version >= 5 {
            message.partition_errors =
                reader.array(true, LeaderAndIsrPartitionError::size_min(version), |reader| {
                    LeaderAndIsrPartitionError::decode(reader, version)
                })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        if version >= 5 {
            writer.uuid(self.topic_id);
        }
        if version >= 5 {
            writer.array_len(true, self.partition_errors.len());
            for item in &self.partition_errors {
                item.encode(writer, version);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}
