//! `UpdateMetadata`, API key 6, versions 0 to 8.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, Tags, Uuid, WireError, Writer};

/// `UpdateMetadataRequest`, versions 0 to 8.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateMetadataRequest {
    pub controller_id: i32,
    pub is_kraft_controller: bool,
    pub r#type: i8,
    pub controller_epoch: i32,
    pub broker_epoch: i64,
    pub ungrouped_partition_states: Vec<UpdateMetadataPartitionState>,
    pub topic_states: Vec<UpdateMetadataTopicState>,
    pub live_brokers: Vec<UpdateMetadataBroker>,
}

impl Default for UpdateMetadataRequest {
    fn default() -> Self {
        Self {
            controller_id: 0,
            is_kraft_controller: false,
            r#type: 0,
            controller_epoch: 0,
            broker_epoch: -1,
            ungrouped_partition_states: Vec::new(),
            topic_states: Vec::new(),
            live_brokers: Vec::new(),
        }
    }
}

impl Message for UpdateMetadataRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=8;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 6;
        let mut message = Self::default();
        message.controller_id = reader.i32()?;
        if version == 8 {
            message.is_kraft_controller = reader.bool()?;
        }
        message.controller_epoch = reader.i32()?;
        if version >= 5 {
            message.broker_epoch = reader.i64()?;
        }
        if version <= 4 {
            message.ungrouped_partition_states =
                reader.array(false, UpdateMetadataPartitionState::size_min(version), |reader| {
                    UpdateMetadataPartitionState::decode(reader, version)
                })?;
        }
        if version >= 5 {
            message.topic_states =
                reader.array(flexible, UpdateMetadataTopicState::size_min(version), |reader| {
                    UpdateMetadataTopicState::decode(reader, version)
                })?;
        }
        message.live_brokers = reader.array(flexible, UpdateMetadataBroker::size_min(version), |reader| {
            UpdateMetadataBroker::decode(reader, version)
        })?;
        if flexible {
            reader.tags(|tag, reader| {
                match tag {
                    0 if version == 8 => {
                        message.r#type = reader.i8()?;
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        writer.i32(self.controller_id);
        if version == 8 {
            writer.bool(self.is_kraft_controller);
        }
        writer.i32(self.controller_epoch);
        if version >= 5 {
            writer.i64(self.broker_epoch);
        }
        if version <= 4 {
            writer.array_len(false, self.ungrouped_partition_states.len());
            for item in &self.ungrouped_partition_states {
                item.encode(writer, version);
            }
        }
        if version >= 5 {
            writer.array_len(flexible, self.topic_states.len());
            for item in &self.topic_states {
                item.encode(writer, version);
            }
        }
        writer.array_len(flexible, self.live_brokers.len());
        for item in &self.live_brokers {
            item.encode(writer, version);
        }
        if flexible {
            let mut tags = Tags::default();
            if version == 8 && self.r#type != 0 {
                tags.put(0, |writer| {
                    writer.i8(self.r#type);
                });
            }
            writer.tags(tags);
        }
    }
}

impl Request for UpdateMetadataRequest {
    const API: ApiKey = ApiKey::UpdateMetadata;
    type Response = UpdateMetadataResponse;
}

/// `UpdateMetadataPartitionState`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateMetadataPartitionState {
    pub topic_name: String,
    pub partition_index: i32,
    pub controller_epoch: i32,
    pub leader: i32,
    pub leader_epoch: i32,
    pub isr: Vec<i32>,
    pub zk_version: i32,
    pub replicas: Vec<i32>,
    pub offline_replicas: Vec<i32>,
}

impl UpdateMetadataPartitionState {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=3 => 30,
            4 => 34,
            5 => 32,
            _ => 24,
        }
    }
}

impl Message for UpdateMetadataPartitionState {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=8;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        if version <= 4 {
            message.topic_name = reader.string(false)?;
        }
        message.partition_index = reader.i32()?;
        message.controller_epoch = reader.i32()?;
        message.leader = reader.i32()?;
        message.leader_epoch = reader.i32()?;
        message.isr = reader.array(flexible, 4, Reader::i32)?;
        message.zk_version = reader.i32()?;
        message.replicas = reader.array(flexible, 4, Reader::i32)?;
        if version >= 4 {
            message.offline_replicas = reader.array(flexible, 4, Reader::i32)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        if version <= 4 {
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
        writer.i32(self.zk_version);
        writer.array_len(flexible, self.replicas.len());
        for item in &self.replicas {
            writer.i32(*item);
        }
        if version >= 4 {
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

/// `UpdateMetadataTopicState`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateMetadataTopicState {
    pub topic_name: String,
    pub topic_id: Uuid,
    pub partition_states: Vec<UpdateMetadataPartitionState>,
}

impl UpdateMetadataTopicState {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=4 => 0,
            5 => 6,
            6 => 3,
            _ => 19,
        }
    }
}

impl Message for UpdateMetadataTopicState {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=8;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        if version >= 5 {
            message.topic_name = reader.string(flexible)?;
        }
        if version >= 7 {
            message.topic_id = reader.uuid()?;
        }
        if version >= 5 {
            message.partition_states =
                reader.array(flexible, UpdateMetadataPartitionState::size_min(version), |reader| {
                    UpdateMetadataPartitionState::decode(reader, version)
                })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        if version >= 5 {
            writer.string(flexible, &self.topic_name);
        }
        if version >= 7 {
            writer.uuid(self.topic_id);
        }
        if version >= 5 {
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

/// `UpdateMetadataBroker`.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateMetadataBroker {
    pub id: i32,
    pub v0_host: String,
    pub v0_port: i32,
    pub endpoints: Vec<UpdateMetadataEndpoint>,
    pub rack: Option<String>,
}

impl Default for UpdateMetadataBroker {
    fn default() -> Self {
        Self { id: 0, v0_host: String::new(), v0_port: 0, endpoints: Vec::new(), rack: Some(String::new()) }
    }
}

impl UpdateMetadataBroker {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 10,
            1 => 8,
            2..=5 => 10,
            _ => 7,
        }
    }
}

impl Message for UpdateMetadataBroker {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=8;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        message.id = reader.i32()?;
        if version == 0 {
            message.v0_host = reader.string(false)?;
        }
        if version == 0 {
            message.v0_port = reader.i32()?;
        }
        if version >= 1 {
            message.endpoints =
                reader.array(flexible, UpdateMetadataEndpoint::size_min(version), |reader| {
                    UpdateMetadataEndpoint::decode(reader, version)
                })?;
        }
        if version >= 2 {
            message.rack = reader.nullable_string(flexible)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        writer.i32(self.id);
        if version == 0 {
            writer.string(false, &self.v0_host);
        }
        if version == 0 {
            writer.i32(self.v0_port);
        }
        if version >= 1 {
            writer.array_len(flexible, self.endpoints.len());
            for item in &self.endpoints {
                item.encode(writer, version);
            }
        }
        if version >= 2 {
            writer.nullable_string(flexible, true, self.rack.as_deref());
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `UpdateMetadataEndpoint`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateMetadataEndpoint {
    pub port: i32,
    pub host: String,
    pub listener: String,
    pub security_protocol: i16,
}

impl UpdateMetadataEndpoint {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 0,
            1..=2 => 8,
            3..=5 => 10,
            _ => 9,
        }
    }
}

impl Message for UpdateMetadataEndpoint {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=8;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        if version >= 1 {
            message.port = reader.i32()?;
        }
        if version >= 1 {
            message.host = reader.string(flexible)?;
        }
        if version >= 3 {
            message.listener = reader.string(flexible)?;
        }
        if version >= 1 {
            message.security_protocol = reader.i16()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        if version >= 1 {
            writer.i32(self.port);
        }
        if version >= 1 {
            writer.string(flexible, &self.host);
        }
        if version >= 3 {
            writer.string(flexible, &self.listener);
        }
        if version >= 1 {
            writer.i16(self.security_protocol);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `UpdateMetadataResponse`, versions 0 to 8.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateMetadataResponse {
    pub error_code: ErrorCode,
}

impl Message for UpdateMetadataResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=8;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 6;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        writer.error_code(self.error_code);
        if flexible {
            writer.no_tags();
        }
    }
}
