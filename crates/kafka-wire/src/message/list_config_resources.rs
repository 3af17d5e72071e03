//! `ListConfigResources`, API key 74, versions 0 to 1.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `ListConfigResourcesRequest`, versions 0 to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListConfigResourcesRequest {
    pub resource_types: Vec<i8>,
}

impl Message for ListConfigResourcesRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        if version == 1 {
            message.resource_types = reader.array(true, 1, Reader::i8)?;
        }
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        if version == 1 {
            writer.array_len(true, self.resource_types.len());
            for item in &self.resource_types {
                writer.i8(*item);
            }
        }
        writer.no_tags();
    }
}

impl Request for ListConfigResourcesRequest {
    const API: ApiKey = ApiKey::ListConfigResources;
    type Response = ListConfigResourcesResponse;
}

/// `ListConfigResourcesResponse`, versions 0 to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListConfigResourcesResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub config_resources: Vec<ConfigResource>,
}

impl Message for ListConfigResourcesResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.config_resources = reader.array(true, ConfigResource::size_min(version), |reader| {
            ConfigResource::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.throttle_time_ms);
        writer.error_code(self.error_code);
        writer.array_len(true, self.config_resources.len());
        for item in &self.config_resources {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `ConfigResource`.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigResource {
    pub resource_name: String,
    pub resource_type: i8,
}

impl Default for ConfigResource {
    fn default() -> Self {
        Self { resource_name: String::new(), resource_type: 16 }
    }
}

impl ConfigResource {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 2,
            _ => 3,
        }
    }
}

impl Message for ConfigResource {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.resource_name = reader.string(true)?;
        if version == 1 {
            message.resource_type = reader.i8()?;
        }
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.string(true, &self.resource_name);
        if version == 1 {
            writer.i8(self.resource_type);
        }
        writer.no_tags();
    }
}
