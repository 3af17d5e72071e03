//! `Produce`, API key 0, versions 0 to 13.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Records, Request, Tags, Uuid, WireError, Writer};

/// `ProduceRequest`, versions 0 to 13.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProduceRequest {
    pub transactional_id: Option<String>,
    pub acks: i16,
    pub timeout_ms: i32,
    pub topic_data: Vec<TopicProduceData>,
}

impl Message for ProduceRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=13;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 9;
        let mut message = Self::default();
        if version >= 3 {
            message.transactional_id = reader.nullable_string(flexible)?;
        }
        message.acks = reader.i16()?;
        message.timeout_ms = reader.i32()?;
        message.topic_data = reader.array(flexible, TopicProduceData::size_min(version), |reader| {
            TopicProduceData::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        if version >= 3 {
            writer.nullable_string(flexible, true, self.transactional_id.as_deref());
        }
        writer.i16(self.acks);
        writer.i32(self.timeout_ms);
        writer.array_len(flexible, self.topic_data.len());
        for item in &self.topic_data {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for ProduceRequest {
    const API: ApiKey = ApiKey::Produce;
    type Response = ProduceResponse;
}

/// `TopicProduceData`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicProduceData {
    pub name: String,
    pub topic_id: Uuid,
    pub partition_data: Vec<PartitionProduceData>,
}

impl TopicProduceData {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=8 => 6,
            9..=12 => 3,
            _ => 18,
        }
    }
}

impl Message for TopicProduceData {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=13;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 9;
        let mut message = Self::default();
        if version <= 12 {
            message.name = reader.string(flexible)?;
        }
        if version == 13 {
            message.topic_id = reader.uuid()?;
        }
        message.partition_data =
            reader.array(flexible, PartitionProduceData::size_min(version), |reader| {
                PartitionProduceData::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        if version <= 12 {
            writer.string(flexible, &self.name);
        }
        if version == 13 {
            writer.uuid(self.topic_id);
        }
        writer.array_len(flexible, self.partition_data.len());
        for item in &self.partition_data {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `PartitionProduceData`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionProduceData {
    pub index: i32,
    pub records: Option<Records>,
}

impl PartitionProduceData {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=8 => 8,
            _ => 6,
        }
    }
}

impl Message for PartitionProduceData {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=13;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 9;
        let mut message = Self::default();
        message.index = reader.i32()?;
        message.records = reader.records(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        writer.i32(self.index);
        writer.records(flexible, self.records.as_ref());
        if flexible {
            writer.no_tags();
        }
    }
}

/// `ProduceResponse`, versions 0 to 13.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProduceResponse {
    pub responses: Vec<TopicProduceResponse>,
    pub throttle_time_ms: i32,
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Message for ProduceResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=13;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 9;
        let mut message = Self::default();
        message.responses = reader.array(flexible, TopicProduceResponse::size_min(version), |reader| {
            TopicProduceResponse::decode(reader, version)
        })?;
        if version >= 1 {
            message.throttle_time_ms = reader.i32()?;
        }
        if flexible {
            reader.tags(|tag, reader| {
                match tag {
                    0 if version >= 10 => {
                        message.node_endpoints =
                            reader.array(true, NodeEndpoint::size_min(version), |reader| {
                                NodeEndpoint::decode(reader, version)
                            })?;
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        writer.array_len(flexible, self.responses.len());
        for item in &self.responses {
            item.encode(writer, version);
        }
        if version >= 1 {
            writer.i32(self.throttle_time_ms);
        }
        if flexible {
            let mut tags = Tags::default();
            if version >= 10 && !self.node_endpoints.is_empty() {
                tags.put(0, |writer| {
                    writer.array_len(true, self.node_endpoints.len());
                    for item in &self.node_endpoints {
                        item.encode(writer, version);
                    }
                });
            }
            writer.tags(tags);
        }
    }
}

/// `TopicProduceResponse`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicProduceResponse {
    pub name: String,
    pub topic_id: Uuid,
    pub partition_responses: Vec<PartitionProduceResponse>,
}

impl TopicProduceResponse {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=8 => 6,
            9..=12 => 3,
            _ => 18,
        }
    }
}

impl Message for TopicProduceResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=13;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 9;
        let mut message = Self::default();
        if version <= 12 {
            message.name = reader.string(flexible)?;
        }
        if version == 13 {
            message.topic_id = reader.uuid()?;
        }
        message.partition_responses =
            reader.array(flexible, PartitionProduceResponse::size_min(version), |reader| {
                PartitionProduceResponse::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        if version <= 12 {
            writer.string(flexible, &self.name);
        }
        if version == 13 {
            writer.uuid(self.topic_id);
        }
        writer.array_len(flexible, self.partition_responses.len());
        for item in &self.partition_responses {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `PartitionProduceResponse`.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionProduceResponse {
    pub index: i32,
    pub error_code: ErrorCode,
    pub base_offset: i64,
    pub log_append_time_ms: i64,
    pub log_start_offset: i64,
    pub record_errors: Vec<BatchIndexAndErrorMessage>,
    pub error_message: Option<String>,
    pub current_leader: LeaderIdAndEpoch,
}

impl Default for PartitionProduceResponse {
    fn default() -> Self {
        Self {
            index: 0,
            error_code: ErrorCode::NONE,
            base_offset: 0,
            log_append_time_ms: -1,
            log_start_offset: -1,
            record_errors: Vec::new(),
            error_message: None,
            current_leader: LeaderIdAndEpoch::default(),
        }
    }
}

impl PartitionProduceResponse {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 14,
            2..=4 => 22,
            5..=7 => 30,
            8 => 36,
            _ => 33,
        }
    }
}

impl Message for PartitionProduceResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=13;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 9;
        let mut message = Self::default();
        message.index = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.base_offset = reader.i64()?;
        if version >= 2 {
            message.log_append_time_ms = reader.i64()?;
        }
        if version >= 5 {
            message.log_start_offset = reader.i64()?;
        }
        if version >= 8 {
            message.record_errors =
                reader.array(flexible, BatchIndexAndErrorMessage::size_min(version), |reader| {
                    BatchIndexAndErrorMessage::decode(reader, version)
                })?;
        }
        if version >= 8 {
            message.error_message = reader.nullable_string(flexible)?;
        }
        if flexible {
            reader.tags(|tag, reader| {
                match tag {
                    0 if version >= 10 => {
                        message.current_leader = LeaderIdAndEpoch::decode(reader, version)?;
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        writer.i32(self.index);
        writer.error_code(self.error_code);
        writer.i64(self.base_offset);
        if version >= 2 {
            writer.i64(self.log_append_time_ms);
        }
        if version >= 5 {
            writer.i64(self.log_start_offset);
        }
        if version >= 8 {
            writer.array_len(flexible, self.record_errors.len());
            for item in &self.record_errors {
                item.encode(writer, version);
            }
        }
        if version >= 8 {
            writer.nullable_string(flexible, true, self.error_message.as_deref());
        }
        if flexible {
            let mut tags = Tags::default();
            if version >= 10 && self.current_leader != LeaderIdAndEpoch::default() {
                tags.put(0, |writer| {
                    self.current_leader.encode(writer, version);
                });
            }
            writer.tags(tags);
        }
    }
}

/// `BatchIndexAndErrorMessage`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchIndexAndErrorMessage {
    pub batch_index: i32,
    pub batch_index_error_message: Option<String>,
}

impl BatchIndexAndErrorMessage {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=7 => 0,
            _ => 6,
        }
    }
}

impl Message for BatchIndexAndErrorMessage {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=13;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 9;
        let mut message = Self::default();
        if version >= 8 {
            message.batch_index = reader.i32()?;
        }
        if version >= 8 {
            message.batch_index_error_message = reader.nullable_string(flexible)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        if version >= 8 {
            writer.i32(self.batch_index);
        }
        if version >= 8 {
            writer.nullable_string(flexible, true, self.batch_index_error_message.as_deref());
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `LeaderIdAndEpoch`.
#[derive(Clone, Debug, PartialEq)]
pub struct LeaderIdAndEpoch {
    pub leader_id: i32,
    pub leader_epoch: i32,
}

impl Default for LeaderIdAndEpoch {
    fn default() -> Self {
        Self { leader_id: -1, leader_epoch: -1 }
    }
}

impl Message for LeaderIdAndEpoch {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=13;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 9;
        let mut message = Self::default();
        if version >= 10 {
            message.leader_id = reader.i32()?;
        }
        if version >= 10 {
            message.leader_epoch = reader.i32()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        if version >= 10 {
            writer.i32(self.leader_id);
        }
        if version >= 10 {
            writer.i32(self.leader_epoch);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `NodeEndpoint`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: String,
    pub port: i32,
    pub rack: Option<String>,
}

impl NodeEndpoint {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=8 => 0,
            9 => 1,
            _ => 11,
        }
    }
}

impl Message for NodeEndpoint {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=13;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 9;
        let mut message = Self::default();
        if version >= 10 {
            message.node_id = reader.i32()?;
        }
        if version >= 10 {
            message.host = reader.string(true)?;
        }
        if version >= 10 {
            message.port = reader.i32()?;
        }
        if version >= 10 {
            message.rack = reader.nullable_string(true)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        if version >= 10 {
            writer.i32(self.node_id);
        }
        if version >= 10 {
            writer.string(true, &self.host);
        }
        if version >= 10 {
            writer.i32(self.port);
        }
        if version >= 10 {
            writer.nullable_string(true, true, self.rack.as_deref());
        }
        if flexible {
            writer.no_tags();
        }
    }
}
