//! `ApiVersions`, API key 18, versions 0 to 4.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, Tags, WireError, Writer};

/// `ApiVersionsRequest`, versions 0 to 4.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiVersionsRequest {
    pub client_software_name: String,
    pub client_software_version: String,
}

impl Message for ApiVersionsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 3;
        let mut message = Self::default();
        if version >= 3 {
            message.client_software_name = reader.string(true)?;
        }
        if version >= 3 {
            message.client_software_version = reader.string(true)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        if version >= 3 {
            writer.string(true, &self.client_software_name);
        }
        if version >= 3 {
            writer.string(true, &self.client_software_version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for ApiVersionsRequest {
    const API: ApiKey = ApiKey::ApiVersions;
    type Response = ApiVersionsResponse;
}

/// `ApiVersionsResponse`, versions 0 to 4.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiVersionsResponse {
    pub error_code: ErrorCode,
    pub api_keys: Vec<ApiVersion>,
    pub throttle_time_ms: i32,
    pub supported_features: Vec<SupportedFeatureKey>,
    pub finalized_features_epoch: i64,
    pub finalized_features: Vec<FinalizedFeatureKey>,
    pub zk_migration_ready: bool,
}

impl Default for ApiVersionsResponse {
    fn default() -> Self {
        Self {
            error_code: ErrorCode::NONE,
            api_keys: Vec::new(),
            throttle_time_ms: 0,
            supported_features: Vec::new(),
            finalized_features_epoch: -1,
            finalized_features: Vec::new(),
            zk_migration_ready: false,
        }
    }
}

impl Message for ApiVersionsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 3;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.api_keys = reader
            .array(flexible, ApiVersion::size_min(version), |reader| ApiVersion::decode(reader, version))?;
        if version >= 1 {
            message.throttle_time_ms = reader.i32()?;
        }
        if flexible {
            reader.tags(|tag, reader| {
                match tag {
                    0 => {
                        message.supported_features =
                            reader.array(true, SupportedFeatureKey::size_min(version), |reader| {
                                SupportedFeatureKey::decode(reader, version)
                            })?;
                    }
                    1 => {
                        message.finalized_features_epoch = reader.i64()?;
                    }
                    2 => {
                        message.finalized_features =
                            reader.array(true, FinalizedFeatureKey::size_min(version), |reader| {
                                FinalizedFeatureKey::decode(reader, version)
                            })?;
                    }
                    3 => {
                        message.zk_migration_ready = reader.bool()?;
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.error_code(self.error_code);
        writer.array_len(flexible, self.api_keys.len());
        for item in &self.api_keys {
            item.encode(writer, version);
        }
        if version >= 1 {
            writer.i32(self.throttle_time_ms);
        }
        if flexible {
            let mut tags = Tags::default();
            if !self.supported_features.is_empty() {
                tags.put(0, |writer| {
                    writer.array_len(true, self.supported_features.len());
                    for item in &self.supported_features {
                        item.encode(writer, version);
                    }
                });
            }
            if self.finalized_features_epoch != -1 {
                tags.put(1, |writer| {
                    writer.i64(self.finalized_features_epoch);
                });
            }
            if !self.finalized_features.is_empty() {
                tags.put(2, |writer| {
                    writer.array_len(true, self.finalized_features.len());
                    for item in &self.finalized_features {
                        item.encode(writer, version);
                    }
                });
            }
            if self.zk_migration_ready {
                tags.put(3, |writer| {
                    writer.bool(self.zk_migration_ready);
                });
            }
            writer.tags(tags);
        }
    }
}

/// `ApiVersion`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiVersion {
    pub api_key: i16,
    pub min_version: i16,
    pub max_version: i16,
}

impl ApiVersion {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=2 => 6,
            _ => 7,
        }
    }
}

impl Message for ApiVersion {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 3;
        let mut message = Self::default();
        message.api_key = reader.i16()?;
        message.min_version = reader.i16()?;
        message.max_version = reader.i16()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.i16(self.api_key);
        writer.i16(self.min_version);
        writer.i16(self.max_version);
        if flexible {
            writer.no_tags();
        }
    }
}

/// `SupportedFeatureKey`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SupportedFeatureKey {
    pub name: String,
    pub min_version: i16,
    pub max_version: i16,
}

impl SupportedFeatureKey {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=2 => 0,
            _ => 6,
        }
    }
}

impl Message for SupportedFeatureKey {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 3;
        let mut message = Self::default();
        if version >= 3 {
            message.name = reader.string(true)?;
        }
        if version >= 3 {
            message.min_version = reader.i16()?;
        }
        if version >= 3 {
            message.max_version = reader.i16()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        if version >= 3 {
            writer.string(true, &self.name);
        }
        if version >= 3 {
            writer.i16(self.min_version);
        }
        if version >= 3 {
            writer.i16(self.max_version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `FinalizedFeatureKey`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FinalizedFeatureKey {
    pub name: String,
    pub max_version_level: i16,
    pub min_version_level: i16,
}

impl FinalizedFeatureKey {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=2 => 0,
            _ => 6,
        }
    }
}

impl Message for FinalizedFeatureKey {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 3;
        let mut message = Self::default();
        if version >= 3 {
            message.name = reader.string(true)?;
        }
        if version >= 3 {
            message.max_version_level = reader.i16()?;
        }
        if version >= 3 {
            message.min_version_level = reader.i16()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        if version >= 3 {
            writer.string(true, &self.name);
        }
        if version >= 3 {
            writer.i16(self.max_version_level);
        }
        if version >= 3 {
            writer.i16(self.min_version_level);
        }
        if flexible {
            writer.no_tags();
        }
    }
}
