//! `DeleteAcls`, API key 31, versions 0 to 3.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `DeleteAclsRequest`, versions 0 to 3.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteAclsRequest {
    pub filters: Vec<DeleteAclsFilter>,
}

impl Message for DeleteAclsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        message.filters = reader.array(flexible, DeleteAclsFilter::size_min(version), |reader| {
            DeleteAclsFilter::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.array_len(flexible, self.filters.len());
        for item in &self.filters {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for DeleteAclsRequest {
    const API: ApiKey = ApiKey::DeleteAcls;
    type Response = DeleteAclsResponse;
}

/// `DeleteAclsFilter`.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteAclsFilter {
    pub resource_type_filter: i8,
    pub resource_name_filter: Option<String>,
    pub pattern_type_filter: i8,
    pub principal_filter: Option<String>,
    pub host_filter: Option<String>,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for DeleteAclsFilter {
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

impl DeleteAclsFilter {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 9,
            1 => 10,
            _ => 8,
        }
    }
}

impl Message for DeleteAclsFilter {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
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

/// `DeleteAclsResponse`, versions 0 to 3.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteAclsResponse {
    pub throttle_time_ms: i32,
    pub filter_results: Vec<DeleteAclsFilterResult>,
}

impl Message for DeleteAclsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.filter_results =
            reader.array(flexible, DeleteAclsFilterResult::size_min(version), |reader| {
                DeleteAclsFilterResult::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.i32(self.throttle_time_ms);
        writer.array_len(flexible, self.filter_results.len());
        for item in &self.filter_results {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `DeleteAclsFilterResult`.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteAclsFilterResult {
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub matching_acls: Vec<DeleteAclsMatchingAcl>,
}

impl Default for DeleteAclsFilterResult {
    fn default() -> Self {
        Self { error_code: ErrorCode::NONE, error_message: Some(String::new()), matching_acls: Vec::new() }
    }
}

impl DeleteAclsFilterResult {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 8,
            _ => 5,
        }
    }
}

impl Message for DeleteAclsFilterResult {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(flexible)?;
        message.matching_acls =
            reader.array(flexible, DeleteAclsMatchingAcl::size_min(version), |reader| {
                DeleteAclsMatchingAcl::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.error_code(self.error_code);
        writer.nullable_string(flexible, true, self.error_message.as_deref());
        writer.array_len(flexible, self.matching_acls.len());
        for item in &self.matching_acls {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `DeleteAclsMatchingAcl`.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteAclsMatchingAcl {
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub resource_type: i8,
    pub resource_name: String,
    pub pattern_type: i8,
    pub principal: String,
    pub host: String,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for DeleteAclsMatchingAcl {
    fn default() -> Self {
        Self {
            error_code: ErrorCode::NONE,
            error_message: Some(String::new()),
            resource_type: 0,
            resource_name: String::new(),
            pattern_type: 3,
            principal: String::new(),
            host: String::new(),
            operation: 0,
            permission_type: 0,
        }
    }
}

impl DeleteAclsMatchingAcl {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 13,
            1 => 14,
            _ => 11,
        }
    }
}

impl Message for DeleteAclsMatchingAcl {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(flexible)?;
        message.resource_type = reader.i8()?;
        message.resource_name = reader.string(flexible)?;
        if version >= 1 {
            message.pattern_type = reader.i8()?;
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
        writer.error_code(self.error_code);
        writer.nullable_string(flexible, true, self.error_message.as_deref());
        writer.i8(self.resource_type);
        writer.string(flexible, &self.resource_name);
        if version >= 1 {
            writer.i8(self.pattern_type);
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
