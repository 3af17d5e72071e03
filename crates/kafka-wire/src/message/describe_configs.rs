//! `DescribeConfigs`, API key 32, versions 0 to 4.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `DescribeConfigsRequest`, versions 0 to 4.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeConfigsRequest {
    pub resources: Vec<DescribeConfigsResource>,
    pub include_synonyms: bool,
    pub include_documentation: bool,
}

impl Message for DescribeConfigsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 4;
        let mut message = Self::default();
        message.resources = reader.array(flexible, DescribeConfigsResource::size_min(version), |reader| {
            DescribeConfigsResource::decode(reader, version)
        })?;
        if version >= 1 {
            message.include_synonyms = reader.bool()?;
        }
        if version >= 3 {
            message.include_documentation = reader.bool()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.array_len(flexible, self.resources.len());
        for item in &self.resources {
            item.encode(writer, version);
        }
        if version >= 1 {
            writer.bool(self.include_synonyms);
        }
        if version >= 3 {
            writer.bool(self.include_documentation);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for DescribeConfigsRequest {
    const API: ApiKey = ApiKey::DescribeConfigs;
    type Response = DescribeConfigsResponse;
}

/// `DescribeConfigsResource`.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeConfigsResource {
    pub resource_type: i8,
    pub resource_name: String,
    pub configuration_keys: Option<Vec<String>>,
}

impl Default for DescribeConfigsResource {
    fn default() -> Self {
        Self { resource_type: 0, resource_name: String::new(), configuration_keys: Some(Vec::new()) }
    }
}

impl DescribeConfigsResource {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=3 => 7,
            _ => 4,
        }
    }
}

impl Message for DescribeConfigsResource {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        message.resource_type = reader.i8()?;
        message.resource_name = reader.string(flexible)?;
        message.configuration_keys = reader.nullable_array(flexible, 1, |reader| reader.string(flexible))?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.i8(self.resource_type);
        writer.string(flexible, &self.resource_name);
        writer.nullable_array_len(flexible, true, self.configuration_keys.as_ref().map(Vec::len));
        for item in self.configuration_keys.iter().flatten() {
            writer.string(flexible, item);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `DescribeConfigsResponse`, versions 0 to 4.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeConfigsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<DescribeConfigsResult>,
}

impl Message for DescribeConfigsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 4;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.results = reader.array(flexible, DescribeConfigsResult::size_min(version), |reader| {
            DescribeConfigsResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
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

/// `DescribeConfigsResult`.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeConfigsResult {
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub resource_type: i8,
    pub resource_name: String,
    pub configs: Vec<DescribeConfigsResourceResult>,
}

impl Default for DescribeConfigsResult {
    fn default() -> Self {
        Self {
            error_code: ErrorCode::NONE,
            error_message: Some(String::new()),
            resource_type: 0,
            resource_name: String::new(),
            configs: Vec::new(),
        }
    }
}

impl DescribeConfigsResult {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=3 => 11,
            _ => 7,
        }
    }
}

impl Message for DescribeConfigsResult {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(flexible)?;
        message.resource_type = reader.i8()?;
        message.resource_name = reader.string(flexible)?;
        message.configs =
            reader.array(flexible, DescribeConfigsResourceResult::size_min(version), |reader| {
                DescribeConfigsResourceResult::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.error_code(self.error_code);
        writer.nullable_string(flexible, true, self.error_message.as_deref());
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

/// `DescribeConfigsResourceResult`.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeConfigsResourceResult {
    pub name: String,
    pub value: Option<String>,
    pub read_only: bool,
    pub is_default: bool,
    pub config_source: i8,
    pub is_sensitive: bool,
    pub synonyms: Vec<DescribeConfigsSynonym>,
    pub config_type: i8,
    pub documentation: Option<String>,
}

impl Default for DescribeConfigsResourceResult {
    fn default() -> Self {
        Self {
            name: String::new(),
            value: Some(String::new()),
            read_only: false,
            is_default: false,
            config_source: -1,
            is_sensitive: false,
            synonyms: Vec::new(),
            config_type: 0,
            documentation: Some(String::new()),
        }
    }
}

impl DescribeConfigsResourceResult {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 7,
            1..=2 => 11,
            3 => 14,
            _ => 9,
        }
    }
}

impl Message for DescribeConfigsResourceResult {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        message.name = reader.string(flexible)?;
        message.value = reader.nullable_string(flexible)?;
        message.read_only = reader.bool()?;
        if version == 0 {
            message.is_default = reader.bool()?;
        }
        if version >= 1 {
            message.config_source = reader.i8()?;
        }
        message.is_sensitive = reader.bool()?;
        if version >= 1 {
            message.synonyms =
                reader.array(flexible, DescribeConfigsSynonym::size_min(version), |reader| {
                    DescribeConfigsSynonym::decode(reader, version)
                })?;
        }
        if version >= 3 {
            message.config_type = reader.i8()?;
        }
        if version >= 3 {
            message.documentation = reader.nullable_string(flexible)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.string(flexible, &self.name);
        writer.nullable_string(flexible, true, self.value.as_deref());
        writer.bool(self.read_only);
        if version == 0 {
            writer.bool(self.is_default);
        }
        if version >= 1 {
            writer.i8(self.config_source);
        }
        writer.bool(self.is_sensitive);
        if version >= 1 {
            writer.array_len(flexible, self.synonyms.len());
            for item in &self.synonyms {
                item.encode(writer, version);
            }
        }
        if version >= 3 {
            writer.i8(self.config_type);
        }
        if version >= 3 {
            writer.nullable_string(flexible, true, self.documentation.as_deref());
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `DescribeConfigsSynonym`.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeConfigsSynonym {
    pub name: String,
    pub value: Option<String>,
    pub source: i8,
}

impl Default for DescribeConfigsSynonym {
    fn default() -> Self {
        Self { name: String::new(), value: Some(String::new()), source: 0 }
    }
}

impl DescribeConfigsSynonym {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 0,
            1..=3 => 5,
            _ => 4,
        }
    }
}

impl Message for DescribeConfigsSynonym {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        if version >= 1 {
            message.name = reader.string(flexible)?;
        }
        if version >= 1 {
            message.value = reader.nullable_string(flexible)?;
        }
        if version >= 1 {
            message.source = reader.i8()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        if version >= 1 {
            writer.string(flexible, &self.name);
        }
        if version >= 1 {
            writer.nullable_string(flexible, true, self.value.as_deref());
        }
        if version >= 1 {
            writer.i8(self.source);
        }
        if flexible {
            writer.no_tags();
        }
    }
}
