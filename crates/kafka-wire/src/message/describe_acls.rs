//! `DescribeAcls`, API key 29, versions 0 to 3.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `DescribeAclsRequest`, versions 0 to 3.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeAclsRequest {
    pub resource_type_filter: i8,
    pub resource_name_filter: Option<String>,
    pub pattern_type_filter: i8,
    pub principal_filter: Option<String>,
    pub host_filter: Option<String>,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for DescribeAclsRequest {
    fn default() -> Self {
        Self {
            resource_type_filter: 0,
            resource_name_filter: Some(String::new()),
            pattern_type_filter: 3,
            principal_filter: Some(String::new()),
            host_filter: Some(String::new()),
            operation: 0,
            permission_type: 0,
        }
    }
}

impl Message for DescribeAclsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        message.resource_type_filter = reader.i8()?;
        message.resource_name_filter = reader.nullable_string(flexible)?;
        if version >= 1 {
            message.pattern_type_filter = reader.i8()?;
        }
        message.principal_filter = reader.nullable_string(flexible)?;
        message.host_filter = reader.nullable_string(flexible)?;
        message.operation = reader.i8()?;
        message.permission_type = reader.i8()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.i8(self.resource_type_filter);
        writer.nullable_string(flexible, true, self.resource_name_filter.as_deref());
        if version >= 1 {
            writer.i8(self.pattern_type_filter);
        }
        writer.nullable_string(flexible, true, self.principal_filter.as_deref());
        writer.nullable_string(flexible, true, self.host_filter.as_deref());
        writer.i8(self.operation);
        writer.i8(self.permission_type);
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for DescribeAclsRequest {
    const API: ApiKey = ApiKey::DescribeAcls;
    type Response = DescribeAclsResponse;
}

/// `DescribeAclsResponse`, versions 0 to 3.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeAclsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub resources: Vec<DescribeAclsResource>,
}

impl Default for DescribeAclsResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: ErrorCode::NONE,
            error_message: Some(String::new()),
            resources: Vec::new(),
        }
    }
}

impl Message for DescribeAclsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(flexible)?;
        message.resources = reader.array(flexible, DescribeAclsResource::size_min(version), |reader| {
            DescribeAclsResource::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.i32(self.throttle_time_ms);
        writer.error_code(self.error_code);
        writer.nullable_string(flexible, true, self.error_message.as_deref());
        writer.array_len(flexible, self.resources.len());
        for item in &self.resources {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `DescribeAclsResource`.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeAclsResource {
    pub resource_type: i8,
    pub resource_name: String,
    pub pattern_type: i8,
    pub acls: Vec<AclDescription>,
}

impl Default for DescribeAclsResource {
    fn default() -> Self {
        Self { resource_type: 0, resource_name: String::new(), pattern_type: 3, acls: Vec::new() }
    }
}

impl DescribeAclsResource {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 7,
            1 => 8,
            _ => 5,
        }
    }
}

impl Message for DescribeAclsResource {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        message.resource_type = reader.i8()?;
        message.resource_name = reader.string(flexible)?;
        if version >= 1 {
            message.pattern_type = reader.i8()?;
        }
        message.acls = reader.array(flexible, AclDescription::size_min(version), |reader| {
            AclDescription::decode(reader, version)
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
        if version >= 1 {
            writer.i8(self.pattern_type);
        }
        writer.array_len(flexible, self.acls.len());
        for item in &self.acls {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `AclDescription`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AclDescription {
    pub principal: String,
    pub host: String,
    pub operation: i8,
    pub permission_type: i8,
}

impl AclDescription {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 6,
            _ => 5,
        }
    }
}

impl Message for AclDescription {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
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
        writer.string(flexible, &self.principal);
        writer.string(flexible, &self.host);
        writer.i8(self.operation);
        writer.i8(self.permission_type);
        if flexible {
            writer.no_tags();
        }
    }
}
