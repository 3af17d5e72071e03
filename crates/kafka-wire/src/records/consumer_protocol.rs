//! `ConsumerProtocolSubscription`, `ConsumerProtocolAssignment`.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{Message, Reader, WireError, Writer};
use bytes::Bytes;

/// `ConsumerProtocolSubscription`, versions 0 to 3.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerProtocolSubscription {
    pub topics: Vec<String>,
    pub user_data: Option<Bytes>,
    pub owned_partitions: Vec<TopicPartition>,
    pub generation_id: i32,
    pub rack_id: Option<String>,
}

impl Default for ConsumerProtocolSubscription {
    fn default() -> Self {
        Self {
            topics: Vec::new(),
            user_data: None,
            owned_partitions: Vec::new(),
            generation_id: -1,
            rack_id: None,
        }
    }
}

impl Message for ConsumerProtocolSubscription {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.topics = reader.array(false, 1, |reader| reader.string(false))?;
        message.user_data = reader.nullable_bytes(false)?;
        if version >= 1 {
            message.owned_partitions = reader.array(false, TopicPartition::size_min(version), |reader| {
                TopicPartition::decode(reader, version)
            })?;
        }
        if version >= 2 {
            message.generation_id = reader.i32()?;
        }
        if version == 3 {
            message.rack_id = reader.nullable_string(false)?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.array_len(false, self.topics.len());
        for item in &self.topics {
            writer.string(false, item);
        }
        writer.nullable_bytes(false, true, self.user_data.as_ref());
        if version >= 1 {
            writer.array_len(false, self.owned_partitions.len());
            for item in &self.owned_partitions {
                item.encode(writer, version);
            }
        }
        if version >= 2 {
            writer.i32(self.generation_id);
        }
        if version == 3 {
            writer.nullable_string(false, true, self.rack_id.as_deref());
        }
    }
}

/// `TopicPartition`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartition {
    pub topic: String,
    pub partitions: Vec<i32>,
}

impl TopicPartition {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 0,
            _ => 6,
        }
    }
}

impl Message for TopicPartition {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        if version >= 1 {
            message.topic = reader.string(false)?;
        }
        if version >= 1 {
            message.partitions = reader.array(false, 4, Reader::i32)?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        if version >= 1 {
            writer.string(false, &self.topic);
        }
        if version >= 1 {
            writer.array_len(false, self.partitions.len());
            for item in &self.partitions {
                writer.i32(*item);
            }
        }
    }
}

/// `ConsumerProtocolAssignment`, versions 0 to 3.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerProtocolAssignment {
    pub assigned_partitions: Vec<AssignedTopic>,
    pub user_data: Option<Bytes>,
}

impl Message for ConsumerProtocolAssignment {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.assigned_partitions = reader.array(false, AssignedTopic::size_min(version), |reader| {
            AssignedTopic::decode(reader, version)
        })?;
        message.user_data = reader.nullable_bytes(false)?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.array_len(false, self.assigned_partitions.len());
        for item in &self.assigned_partitions {
            item.encode(writer, version);
        }
        writer.nullable_bytes(false, true, self.user_data.as_ref());
    }
}

/// `AssignedTopic`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssignedTopic {
    pub topic: String,
    pub partitions: Vec<i32>,
}

impl AssignedTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        6
    }
}

impl Message for AssignedTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.topic = reader.string(false)?;
        message.partitions = reader.array(false, 4, Reader::i32)?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(false, &self.topic);
        writer.array_len(false, self.partitions.len());
        for item in &self.partitions {
            writer.i32(*item);
        }
    }
}
