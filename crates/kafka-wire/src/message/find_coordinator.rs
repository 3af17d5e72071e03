//! `FindCoordinator`, API key 10, versions 0 to 6.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `FindCoordinatorRequest`, versions 0 to 6.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FindCoordinatorRequest {
    pub key: String,
    pub key_type: i8,
    pub coordinator_keys: Vec<String>,
}

impl Message for FindCoordinatorRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=6;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 3;
        let mut message = Self::default();
        if version <= 3 {
            message.key = reader.string(flexible)?;
        }
        if version >= 1 {
            message.key_type = reader.i8()?;
        }
        if version >= 4 {
            message.coordinator_keys = reader.array(true, 1, |reader| reader.string(true))?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        if version <= 3 {
            writer.string(flexible, &self.key);
        }
        if version >= 1 {
            writer.i8(self.key_type);
        }
        if version >= 4 {
            writer.array_len(true, self.coordinator_keys.len());
            for item in &self.coordinator_keys {
                writer.string(true, item);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for FindCoordinatorRequest {
    const API: ApiKey = ApiKey::FindCoordinator;
    type Response = FindCoordinatorResponse;
}

/// `FindCoordinatorResponse`, versions 0 to 6.
#[derive(Clone, Debug, PartialEq)]
pub struct FindCoordinatorResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub node_id: i32,
    pub host: String,
    pub port: i32,
    pub coordinators: Vec<Coordinator>,
}

impl Default for FindCoordinatorResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: ErrorCode::NONE,
            error_message: Some(String::new()),
            node_id: 0,
            host: String::new(),
            port: 0,
            coordinators: Vec::new(),
        }
    }
}

impl Message for FindCoordinatorResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=6;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 3;
        let mut message = Self::default();
        if version >= 1 {
            message.throttle_time_ms = reader.i32()?;
        }
        if version <= 3 {
            message.error_code = reader.error_code()?;
        }
        if (1..=3).contains(&version) {
            message.error_message = reader.nullable_string(flexible)?;
        }
        if version <= 3 {
            message.node_id = reader.i32()?;
        }
        if version <= 3 {
            message.host = reader.string(flexible)?;
        }
        if version <= 3 {
            message.port = reader.i32()?;
        }
        if version >= 4 {
            message.coordinators = reader
                .array(true, Coordinator::size_min(version), |reader| Coordinator::decode(reader, version))?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        if version >= 1 {
            writer.i32(self.throttle_time_ms);
        }
        if version <= 3 {
            writer.error_code(self.error_code);
        }
        if (1..=3).contains(&version) {
            writer.nullable_string(flexible, true, self.error_message.as_deref());
        }
        if version <= 3 {
            writer.i32(self.node_id);
        }
        if version <= 3 {
            writer.string(flexible, &self.host);
        }
        if version <= 3 {
            writer.i32(self.port);
        }
        if version >= 4 {
            writer.array_len(true, self.coordinators.len());
            for item in &self.coordinators {
                item.encode(writer, version);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `Coordinator`.
#[derive(Clone, Debug, PartialEq)]
pub struct Coordinator {
    pub key: String,
    pub node_id: i32,
    pub host: String,
    pub port: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
}

impl Default for Coordinator {
    fn default() -> Self {
        Self {
            key: String::new(),
            node_id: 0,
            host: String::new(),
            port: 0,
            error_code: ErrorCode::NONE,
            error_message: Some(String::new()),
        }
    }
}

impl Coordinator {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=2 => 0,
            3 => 1,
            _ => 14,
        }
    }
}

impl Message for Coordinator {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=6;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 3;
        let mut message = Self::default();
        if version >= 4 {
            message.key = reader.string(true)?;
        }
        if version >= 4 {
            message.node_id = reader.i32()?;
        }
        if version >= 4 {
            message.host = reader.string(true)?;
        }
        if version >= 4 {
            message.port = reader.i32()?;
        }
        if version >= 4 {
            message.error_code = reader.error_code()?;
        }
        if version >= 4 {
            message.error_message = reader.nullable_string(true)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        if version >= 4 {
            writer.string(true, &self.key);
        }
        if version >= 4 {
            writer.i32(self.node_id);
        }
        if version >= 4 {
            writer.string(true, &self.host);
        }
        if version >= 4 {
            writer.i32(self.port);
        }
        if version >= 4 {
            writer.error_code(self.error_code);
        }
        if version >= 4 {
            writer.nullable_string(true, true, self.error_message.as_deref());
        }
        if flexible {
            writer.no_tags();
        }
    }
}
