//! `AlterConfigs`, API key 33, versions 0 to 2.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `AlterConfigsRequest`, versions 0 to 2.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterConfigsRequest {
    pub resources: Vec<AlterConfigsResource>,
    pub validate_only: bool,
}

impl Message for AlterConfigsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        message.resources = reader.array(flexible, AlterConfigsResource::size_min(version), |reader| {
            AlterConfigsResource::decode(reader, version)
        })?;
        message.validate_only = reader.bool()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.array_len(flexible, self.resources.len());
        for item in &self.resources {
            item.encode(writer, version);
        }
        writer.bool(self.validate_only);
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for AlterConfigsRequest {
    const API: ApiKey = ApiKey::AlterConfigs;
    type Response = AlterConfigsResponse;
}

/// `AlterConfigsResource`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterConfigsResource {
    pub resource_type: i8,
    pub resource_name: String,
    pub configs: Vec<AlterableConfig>,
}

impl AlterConfigsResource {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 7,
            _ => 4,
        }
    }
}

impl Message for AlterConfigsResource {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        message.resource_type = reader.i8()?;
        message.resource_name = reader.string(flexible)?;
        message.configs = reader.array(flexible, AlterableConfig::size_min(version), |reader| {
            AlterableConfig::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.i8(self.resource_type);
        writer.string(flexible, &self.resource_name);
        writer.array_len(flexible, self.configs.len());
        for item in &self.configs {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `AlterableConfig`.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterableConfig {
    pub name: String,
    pub value: Option<String>,
}

impl Default for AlterableConfig {
    fn default() -> Self {
        Self { name: String::new(), value: Some(String::new()) }
    }
}

impl AlterableConfig {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 4,
            _ => 3,
        }
    }
}

impl Message for AlterableConfig {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        message.name = reader.string(flexible)?;
        message.value = reader.nullable_string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.string(flexible, &self.name);
        writer.nullable_string(flexible, true, self.value.as_deref());
        if flexible {
            writer.no_tags();
        }
    }
}

/// `AlterConfigsResponse`, versions 0 to 2.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterConfigsResponse {
    pub throttle_time_ms: i32,
    pub responses: Vec<AlterConfigsResourceResponse>,
}

impl Message for AlterConfigsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.responses =
            reader.array(flexible, AlterConfigsResourceResponse::size_min(version), |reader| {
                AlterConfigsResourceResponse::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.i32(self.throttle_time_ms);
        writer.array_len(flexible, self.responses.len());
        for item in &self.responses {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `AlterConfigsResourceResponse`.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterConfigsResourceResponse {
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub resource_type: i8,
    pub resource_name: String,
}

impl Default for AlterConfigsResourceResponse {
    fn default() -> Self {
        Self {
            error_code: ErrorCode::NONE,
            error_message: Some(String::new()),
            resource_type: 0,
            resource_name: String::new(),
        }
    }
}

impl AlterConfigsResourceResponse {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 7,
            _ => 6,
        }
    }
}

impl Message for AlterConfigsResourceResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(flexible)?;
        message.resource_type = reader.i8()?;
        message.resource_name = reader.string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.error_code(self.error_code);
        writer.nullable_string(flexible, true, self.error_message.as_deref());
        writer.i8(self.resource_type);
        writer.string(flexible, &self.resource_name);
        if flexible {
            writer.no_tags();
        }
    }
}
