//! `AlterClientQuotas`, API key 49, versions 0 to 1.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `AlterClientQuotasRequest`, versions 0 to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterClientQuotasRequest {
    pub entries: Vec<AlterClientQuotasRequestEntryData>,
    pub validate_only: bool,
}

impl Message for AlterClientQuotasRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 1;
        let mut message = Self::default();
        message.entries =
            reader.array(flexible, AlterClientQuotasRequestEntryData::size_min(version), |reader| {
                AlterClientQuotasRequestEntryData::decode(reader, version)
            })?;
        message.validate_only = reader.bool()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.array_len(flexible, self.entries.len());
        for item in &self.entries {
            item.encode(writer, version);
        }
        writer.bool(self.validate_only);
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for AlterClientQuotasRequest {
    const API: ApiKey = ApiKey::AlterClientQuotas;
    type Response = AlterClientQuotasResponse;
}

/// `AlterClientQuotasRequestEntryData`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterClientQuotasRequestEntryData {
    pub entity: Vec<AlterClientQuotasRequestEntityData>,
    pub ops: Vec<OpData>,
}

impl AlterClientQuotasRequestEntryData {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 8,
            _ => 3,
        }
    }
}

impl Message for AlterClientQuotasRequestEntryData {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 1;
        let mut message = Self::default();
        message.entity =
            reader.array(flexible, AlterClientQuotasRequestEntityData::size_min(version), |reader| {
                AlterClientQuotasRequestEntityData::decode(reader, version)
            })?;
        message.ops =
            reader.array(flexible, OpData::size_min(version), |reader| OpData::decode(reader, version))?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.array_len(flexible, self.entity.len());
        for item in &self.entity {
            item.encode(writer, version);
        }
        writer.array_len(flexible, self.ops.len());
        for item in &self.ops {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `AlterClientQuotasRequestEntityData`.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterClientQuotasRequestEntityData {
    pub entity_type: String,
    pub entity_name: Option<String>,
}

impl Default for AlterClientQuotasRequestEntityData {
    fn default() -> Self {
        Self { entity_type: String::new(), entity_name: Some(String::new()) }
    }
}

impl AlterClientQuotasRequestEntityData {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 4,
            _ => 3,
        }
    }
}

impl Message for AlterClientQuotasRequestEntityData {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 1;
        let mut message = Self::default();
        message.entity_type = reader.string(flexible)?;
        message.entity_name = reader.nullable_string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.string(flexible, &self.entity_type);
        writer.nullable_string(flexible, true, self.entity_name.as_deref());
        if flexible {
            writer.no_tags();
        }
    }
}

/// `OpData`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpData {
    pub key: String,
    pub value: f64,
    pub remove: bool,
}

impl OpData {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        11
    }
}

impl Message for OpData {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 1;
        let mut message = Self::default();
        message.key = reader.string(flexible)?;
        message.value = reader.f64()?;
        message.remove = reader.bool()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.string(flexible, &self.key);
        writer.f64(self.value);
        writer.bool(self.remove);
        if flexible {
            writer.no_tags();
        }
    }
}

/// `AlterClientQuotasResponse`, versions 0 to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterClientQuotasResponse {
    pub throttle_time_ms: i32,
    pub entries: Vec<AlterClientQuotasResponseEntryData>,
}

impl Message for AlterClientQuotasResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 1;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.entries =
            reader.array(flexible, AlterClientQuotasResponseEntryData::size_min(version), |reader| {
                AlterClientQuotasResponseEntryData::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.i32(self.throttle_time_ms);
        writer.array_len(flexible, self.entries.len());
        for item in &self.entries {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `AlterClientQuotasResponseEntryData`.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterClientQuotasResponseEntryData {
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub entity: Vec<AlterClientQuotasResponseEntityData>,
}

impl Default for AlterClientQuotasResponseEntryData {
    fn default() -> Self {
        Self { error_code: ErrorCode::NONE, error_message: Some(String::new()), entity: Vec::new() }
    }
}

impl AlterClientQuotasResponseEntryData {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 8,
            _ => 5,
        }
    }
}

impl Message for AlterClientQuotasResponseEntryData {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 1;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(flexible)?;
        message.entity =
            reader.array(flexible, AlterClientQuotasResponseEntityData::size_min(version), |reader| {
                AlterClientQuotasResponseEntityData::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.error_code(self.error_code);
        writer.nullable_string(flexible, true, self.error_message.as_deref());
        writer.array_len(flexible, self.entity.len());
        for item in &self.entity {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `AlterClientQuotasResponseEntityData`.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterClientQuotasResponseEntityData {
    pub entity_type: String,
    pub entity_name: Option<String>,
}

impl Default for AlterClientQuotasResponseEntityData {
    fn default() -> Self {
        Self { entity_type: String::new(), entity_name: Some(String::new()) }
    }
}

impl AlterClientQuotasResponseEntityData {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 4,
            _ => 3,
        }
    }
}

impl Message for AlterClientQuotasResponseEntityData {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 1;
        let mut message = Self::default();
        message.entity_type = reader.string(flexible)?;
        message.entity_name = reader.nullable_string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.string(flexible, &self.entity_type);
        writer.nullable_string(flexible, true, self.entity_name.as_deref());
        if flexible {
            writer.no_tags();
        }
    }
}
