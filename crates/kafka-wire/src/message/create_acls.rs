//! `CreateAcls`, API key 30, versions 0 to 3.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `CreateAclsRequest`, versions 0 to 3.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateAclsRequest {
    pub creations: Vec<AclCreation>,
}

impl Message for CreateAclsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        message.creations = reader
            .array(flexible, AclCreation::size_min(version), |reader| AclCreation::decode(reader, version))?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.array_len(flexible, self.creations.len());
        for item in &self.creations {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for CreateAclsRequest {
    const API: ApiKey = ApiKey::CreateAcls;
    type Response = CreateAclsResponse;
}

/// `AclCreation`.
#[derive(Clone, Debug, PartialEq)]
pub struct AclCreation {
    pub resource_type: i8,
    pub resource_name: String,
    pub resource_pattern_type: i8,
    pub principal: String,
    pub host: String,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for AclCreation {
    fn default() -> Self {
        Self {
            resource_type: 0,
            resource_name: String::new(),
            resource_pattern_type: 3,
            principal: String::new(),
            host: String::new(),
            operation: 0,
            permission_type: 0,
        }
    }
}

impl AclCreation {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 9,
            1 => 10,
            _ => 8,
        }
    }
}

impl Message for AclCreation {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        message.resource_type = reader.i8()?;
        message.resource_name = reader.string(flexible)?;
        if version >= 1 {
            message.resource_pattern_type = reader.i8()?;
        }
        message.principal = reader.string(flexible)?;
        message.host = reader.string(flexible)?;
        message.operation = reader.i8()?;
        message.permission_type = reader.i8()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.i8(self.resource_type);
        writer.string(flexible, &self.resource_name);
        if version >= 1 {
            writer.i8(self.resource_pattern_type);
        }
        writer.string(flexible, &self.principal);
        writer.string(flexible, &self.host);
        writer.i8(self.operation);
        writer.i8(self.permission_type);
        if flexible {
            writer.no_tags();
        }
    }
}

/// `CreateAclsResponse`, versions 0 to 3.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateAclsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<AclCreationResult>,
}

impl Message for CreateAclsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.results = reader.array(flexible, AclCreationResult::size_min(version), |reader| {
            AclCreationResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.i32(self.throttle_time_ms);
        writer.array_len(flexible, self.results.len());
        for item in &self.results {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `AclCreationResult`.
#[derive(Clone, Debug, PartialEq)]
pub struct AclCreationResult {
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
}

impl Default for AclCreationResult {
    fn default() -> Self {
        Self { error_code: ErrorCode::NONE, error_message: Some(String::new()) }
    }
}

impl AclCreationResult {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        4
    }
}

impl Message for AclCreationResult {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.error_code(self.error_code);
        writer.nullable_string(flexible, true, self.error_message.as_deref());
        if flexible {
            writer.no_tags();
        }
    }
}
