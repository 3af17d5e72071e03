//! `AlterPartition`, API key 56, versions 0 to 3.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, Uuid, WireError, Writer};

/// `AlterPartitionRequest`, versions 0 to 3.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterPartitionRequest {
    pub broker_id: i32,
    pub broker_epoch: i64,
    pub topics: Vec<AlterPartitionRequestTopicData>,
}

impl Default for AlterPartitionRequest {
    fn default() -> Self {
        Self { broker_id: 0, broker_epoch: -1, topics: Vec::new() }
    }
}

impl Message for AlterPartitionRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.broker_id = reader.i32()?;
        message.broker_epoch = reader.i64()?;
        message.topics = reader.array(true, AlterPartitionRequestTopicData::size_min(version), |reader| {
            AlterPartitionRequestTopicData::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.broker_id);
        writer.i64(self.broker_epoch);
        writer.array_len(true, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

impl Request for AlterPartitionRequest {
    const API: ApiKey = ApiKey::AlterPartition;
    type Response = AlterPartitionResponse;
}

/// `AlterPartitionRequestTopicData`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterPartitionRequestTopicData {
    pub topic_name: String,
    pub topic_id: Uuid,
    pub partitions: Vec<AlterPartitionRequestPartitionData>,
}

impl AlterPartitionRequestTopicData {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 3,
            _ => 18,
        }
    }
}

impl Message for AlterPartitionRequestTopicData {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        if version <= 1 {
            message.topic_name = reader.string(true)?;
        }
        if version >= 2 {
            message.topic_id = reader.uuid()?;
        }
        message.partitions =
            reader.array(true, AlterPartitionRequestPartitionData::size_min(version), |reader| {
                AlterPartitionRequestPartitionData::decode(reader, version)
            })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        if version <= 1 {
            writer.string(true, &self.topic_name);
        }
        if version >= 2 {
            writer.uuid(self.topic_id);
        }
        writer.array_len(true, self.partitions.len());
        for item in &self.partitions {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `AlterPartitionRequestPartitionData`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterPartitionRequestPartitionData {
    pub partition_index: i32,
    pub leader_epoch: i32,
    pub new_isr: Vec<i32>,
    pub new_isr_with_epochs: Vec<BrokerState>,
    pub leader_recovery_state: i8,
    pub partition_epoch: i32,
}

impl AlterPartitionRequestPartitionData {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 14,
            _ => 15,
        }
    }
}

impl Message for AlterPartitionRequestPartitionData {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.leader_epoch = reader.i32()?;
        if version <= 2 {
            message.new_isr = reader.array(true, 4, Reader::i32)?;
        }
        if version == 3 {
            message.new_isr_with_epochs = reader
                .array(true, BrokerState::size_min(version), |reader| BrokerState::decode(reader, version))?;
        }
        if version >= 1 {
            message.leader_recovery_state = reader.i8()?;
        }
        message.partition_epoch = reader.i32()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.partition_index);
        writer.i32(self.leader_epoch);
        if version <= 2 {
            writer.array_len(true, self.new_isr.len());
            for item in &self.new_isr {
                writer.i32(*item);
            }
        }
        if version == 3 {
            writer.array_len(true, self.new_isr_with_epochs.len());
            for item in &self.new_isr_with_epochs {
                item.encode(writer, version);
            }
        }
        if version >= 1 {
            writer.i8(self.leader_recovery_state);
        }
        writer.i32(self.partition_epoch);
        writer.no_tags();
    }
}

/// `BrokerState`.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokerState {
    pub broker_id: i32,
    pub broker_epoch: i64,
}

impl Default for BrokerState {
    fn default() -> Self {
        Self { broker_id: 0, broker_epoch: -1 }
    }
}

impl BrokerState {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=2 => 1,
            _ => 13,
        }
    }
}

impl Message for BrokerState {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        if version == 3 {
            message.broker_id = reader.i32()?;
        }
        if version == 3 {
            message.broker_epoch = reader.i64()?;
        }
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        if version == 3 {
            writer.i32(self.broker_id);
        }
        if version == 3 {
            writer.i64(self.broker_epoch);
        }
        writer.no_tags();
    }
}

/// `AlterPartitionResponse`, versions 0 to 3.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterPartitionResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub topics: Vec<AlterPartitionResponseTopicData>,
}

impl Message for AlterPartitionResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.topics =
            reader.array(true, AlterPartitionResponseTopicData::size_min(version), |reader| {
                AlterPartitionResponseTopicData::decode(reader, version)
            })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.throttle_time_ms);
        writer.error_code(self.error_code);
        writer.array_len(true, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `AlterPartitionResponseTopicData`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterPartitionResponseTopicData {
    pub topic_name: String,
    pub topic_id: Uuid,
    pub partitions: Vec<AlterPartitionResponsePartitionData>,
}

impl AlterPartitionResponseTopicData {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 3,
            _ => 18,
        }
    }
}

impl Message for AlterPartitionResponseTopicData {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        if version <= 1 {
            message.topic_name = reader.string(true)?;
        }
        if version >= 2 {
            message.topic_id = reader.uuid()?;
        }
        message.partitions =
            reader.array(true, AlterPartitionResponsePartitionData::size_min(version), |reader| {
                AlterPartitionResponsePartitionData::decode(reader, version)
            })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        if version <= 1 {
            writer.string(true, &self.topic_name);
        }
        if version >= 2 {
            writer.uuid(self.topic_id);
        }
        writer.array_len(true, self.partitions.len());
        for item in &self.partitions {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `AlterPartitionResponsePartitionData`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterPartitionResponsePartitionData {
    pub partition_index: i32,
    pub error_code: ErrorCode,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub isr: Vec<i32>,
    pub leader_recovery_state: i8,
    pub partition_epoch: i32,
}

impl AlterPartitionResponsePartitionData {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 20,
            _ => 21,
        }
    }
}

impl Message for AlterPartitionResponsePartitionData {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.leader_id = reader.i32()?;
        message.leader_epoch = reader.i32()?;
        message.isr = reader.array(true, 4, Reader::i32)?;
        if version >= 1 {
            message.leader_recovery_state = reader.i8()?;
        }
        message.partition_epoch = reader.i32()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.partition_index);
        writer.error_code(self.error_code);
        writer.i32(self.leader_id);
        writer.i32(self.leader_epoch);
        writer.array_len(true, self.isr.len());
        for item in &self.isr {
            writer.i32(*item);
        }
        if version >= 1 {
            writer.i8(self.leader_recovery_state);
        }
        writer.i32(self.partition_epoch);
        writer.no_tags();
    }
}
