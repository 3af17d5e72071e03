//! `DeleteTopics`, API key 20, versions 0 to 6.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, Uuid, WireError, Writer};

/// `DeleteTopicsRequest`, versions 0 to 6.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteTopicsRequest {
    pub topics: Vec<DeleteTopicState>,
    pub topic_names: Vec<String>,
    pub timeout_ms: i32,
}

impl Message for DeleteTopicsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=6;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 4;
        let mut message = Self::default();
        if version == 6 {
            message.topics = reader.array(true, DeleteTopicState::size_min(version), |reader| {
                DeleteTopicState::decode(reader, version)
            })?;
        }
        if version <= 5 {
            message.topic_names = reader.array(flexible, 1, |reader| reader.string(flexible))?;
        }
        message.timeout_ms = reader.i32()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        if version == 6 {
            writer.array_len(true, self.topics.len());
            for item in &self.topics {
                item.encode(writer, version);
            }
        }
        if version <= 5 {
            writer.array_len(flexible, self.topic_names.len());
            for item in &self.topic_names {
                writer.string(flexible, item);
            }
        }
        writer.i32(self.timeout_ms);
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for DeleteTopicsRequest {
    const API: ApiKey = ApiKey::DeleteTopics;
    type Response = DeleteTopicsResponse;
}

/// `DeleteTopicState`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteTopicState {
    pub name: Option<String>,
    pub topic_id: Uuid,
}

impl DeleteTopicState {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=3 => 0,
            4..=5 => 1,
            _ => 18,
        }
    }
}

impl Message for DeleteTopicState {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=6;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        if version == 6 {
            message.name = reader.nullable_string(true)?;
        }
        if version == 6 {
            message.topic_id = reader.uuid()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        if version == 6 {
            writer.nullable_string(true, true, self.name.as_deref());
        }
        if version == 6 {
            writer.uuid(self.topic_id);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `DeleteTopicsResponse`, versions 0 to 6.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteTopicsResponse {
    pub throttle_time_ms: i32,
    pub responses: Vec<DeletableTopicResult>,
}

impl Message for DeleteTopicsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=6;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 4;
        let mut message = Self::default();
        if version >= 1 {
            message.throttle_time_ms = reader.i32()?;
        }
        message.responses = reader.array(flexible, DeletableTopicResult::size_min(version), |reader| {
            DeletableTopicResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        if version >= 1 {
            writer.i32(self.throttle_time_ms);
        }
        writer.array_len(flexible, self.responses.len());
        for item in &self.responses {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `DeletableTopicResult`.
#[derive(Clone, Debug, PartialEq)]
pub struct DeletableTopicResult {
    pub name: Option<String>,
    pub topic_id: Uuid,
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
}

impl Default for DeletableTopicResult {
    fn default() -> Self {
        Self {
            name: Some(String::new()),
            topic_id: Uuid::ZERO,
            error_code: ErrorCode::NONE,
            error_message: None,
        }
    }
}

impl DeletableTopicResult {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=4 => 4,
            5 => 5,
            _ => 21,
        }
    }
}

impl Message for DeletableTopicResult {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=6;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        message.name =
            if version == 6 { reader.nullable_string(flexible)? } else { Some(reader.string(flexible)?) };
        if version == 6 {
            message.topic_id = reader.uuid()?;
        }
        message.error_code = reader.error_code()?;
        if version >= 5 {
            message.error_message = reader.nullable_string(true)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.nullable_string(flexible, version == 6, self.name.as_deref());
        if version == 6 {
            writer.uuid(self.topic_id);
        }
        writer.error_code(self.error_code);
        if version >= 5 {
            writer.nullable_string(true, true, self.error_message.as_deref());
        }
        if flexible {
            writer.no_tags();
        }
    }
}
