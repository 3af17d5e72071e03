//! `UpdateFeatures`, API key 57, versions 0 to 2.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `UpdateFeaturesRequest`, versions 0 to 2.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateFeaturesRequest {
    pub timeout_ms: i32,
    pub feature_updates: Vec<FeatureUpdateKey>,
    pub validate_only: bool,
}

impl Default for UpdateFeaturesRequest {
    fn default() -> Self {
        Self { timeout_ms: 60000, feature_updates: Vec::new(), validate_only: false }
    }
}

impl Message for UpdateFeaturesRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.timeout_ms = reader.i32()?;
        message.feature_updates = reader.array(true, FeatureUpdateKey::size_min(version), |reader| {
            FeatureUpdateKey::decode(reader, version)
        })?;
        if version >= 1 {
            message.validate_only = reader.bool()?;
        }
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.timeout_ms);
        writer.array_len(true, self.feature_updates.len());
        for item in &self.feature_updates {
            item.encode(writer, version);
        }
        if version >= 1 {
            writer.bool(self.validate_only);
        }
        writer.no_tags();
    }
}

impl Request for UpdateFeaturesRequest {
    const API: ApiKey = ApiKey::UpdateFeatures;
    type Response = UpdateFeaturesResponse;
}

/// `FeatureUpdateKey`.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureUpdateKey {
    pub feature: String,
    pub max_version_level: i16,
    pub allow_downgrade: bool,
    pub upgrade_type: i8,
}

impl Default for FeatureUpdateKey {
    fn default() -> Self {
        Self { feature: String::new(), max_version_level: 0, allow_downgrade: false, upgrade_type: 1 }
    }
}

impl FeatureUpdateKey {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        5
    }
}

impl Message for FeatureUpdateKey {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.feature = reader.string(true)?;
        message.max_version_level = reader.i16()?;
        if version == 0 {
            message.allow_downgrade = reader.bool()?;
        }
        if version >= 1 {
            message.upgrade_type = reader.i8()?;
        }
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.string(true, &self.feature);
        writer.i16(self.max_version_level);
        if version == 0 {
            writer.bool(self.allow_downgrade);
        }
        if version >= 1 {
            writer.i8(self.upgrade_type);
        }
        writer.no_tags();
    }
}

/// `UpdateFeaturesResponse`, versions 0 to 2.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateFeaturesResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub results: Vec<UpdatableFeatureResult>,
}

impl Default for UpdateFeaturesResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: ErrorCode::NONE,
            error_message: Some(String::new()),
            results: Vec::new(),
        }
    }
}

impl Message for UpdateFeaturesResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(true)?;
        if version <= 1 {
            message.results = reader.array(true, UpdatableFeatureResult::size_min(version), |reader| {
                UpdatableFeatureResult::decode(reader, version)
            })?;
        }
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.throttle_time_ms);
        writer.error_code(self.error_code);
        writer.nullable_string(true, true, self.error_message.as_deref());
        if version <= 1 {
            writer.array_len(true, self.results.len());
            for item in &self.results {
                item.encode(writer, version);
            }
        }
        writer.no_tags();
    }
}

/// `UpdatableFeatureResult`.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdatableFeatureResult {
    pub feature: String,
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
}

impl Default for UpdatableFeatureResult {
    fn default() -> Self {
        Self { feature: String::new(), error_code: ErrorCode::NONE, error_message: Some(String::new()) }
    }
}

impl UpdatableFeatureResult {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        5
    }
}

impl Message for UpdatableFeatureResult {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.feature = reader.string(true)?;
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(true)?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(true, &self.feature);
        writer.error_code(self.error_code);
        writer.nullable_string(true, true, self.error_message.as_deref());
        writer.no_tags();
    }
}
