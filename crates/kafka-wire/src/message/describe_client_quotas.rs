//! `DescribeClientQuotas`, API key 48, versions 0 to 1.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `DescribeClientQuotasRequest`, versions 0 to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeClientQuotasRequest {
    pub components: Vec<ComponentData>,
    pub strict: bool,
}

impl Message for DescribeClientQuotasRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 1;
        let mut message = Self::default();
        message.components = reader.array(flexible, ComponentData::size_min(version), |reader| {
            ComponentData::decode(reader, version)
        })?;
        message.strict = reader.bool()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.array_len(flexible, self.components.len());
        for item in &self.components {
            item.encode(writer, version);
        }
        writer.bool(self.strict);
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for DescribeClientQuotasRequest {
    const API: ApiKey = ApiKey::DescribeClientQuotas;
    type Response = DescribeClientQuotasResponse;
}

/// `ComponentData`.
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentData {
    pub entity_type: String,
    pub match_type: i8,
    pub r#match: Option<String>,
}

impl Default for ComponentData {
    fn default() -> Self {
        Self { entity_type: String::new(), match_type: 0, r#match: Some(String::new()) }
    }
}

impl ComponentData {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 5,
            _ => 4,
        }
    }
}

impl Message for ComponentData {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 1;
        let mut message = Self::default();
        message.entity_type = reader.string(flexible)?;
        message.match_type = reader.i8()?;
        message.r#match = reader.nullable_string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.string(flexible, &self.entity_type);
        writer.i8(self.match_type);
        writer.nullable_string(flexible, true, self.r#match.as_deref());
        if flexible {
            writer.no_tags();
        }
    }
}

/// `DescribeClientQuotasResponse`, versions 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeClientQuotasResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub entries: Option<Vec<EntryData>>,
}

impl Default for DescribeClientQuotasResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: ErrorCode::NONE,
            error_message: Some(String::new()),
            entries: Some(Vec::new()),
        }
    }
}

impl Message for DescribeClientQuotasResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 1;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(flexible)?;
        message.entries = reader.nullable_array(flexible, EntryData::size_min(version), |reader| {
            EntryData::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.i32(self.throttle_time_ms);
        writer.error_code(self.error_code);
        writer.nullable_string(flexible, true, self.error_message.as_deref());
        writer.nullable_array_len(flexible, true, self.entries.as_ref().map(Vec::len));
        for item in self.entries.iter().flatten() {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `EntryData`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntryData {
    pub entity: Vec<EntityData>,
    pub values: Vec<ValueData>,
}

impl EntryData {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 8,
            _ => 3,
        }
    }
}

impl Message for EntryData {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 1;
        let mut message = Self::default();
        message.entity = reader
            .array(flexible, EntityData::size_min(version), |reader| EntityData::decode(reader, version))?;
        message.values = reader
            .array(flexible, ValueData::size_min(version), |reader| ValueData::decode(reader, version))?;
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
        writer.array_len(flexible, self.values.len());
        for item in &self.values {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `EntityData`.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityData {
    pub entity_type: String,
    pub entity_name: Option<String>,
}

impl Default for EntityData {
    fn default() -> Self {
        Self { entity_type: String::new(), entity_name: Some(String::new()) }
    }
}

impl EntityData {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 4,
            _ => 3,
        }
    }
}

impl Message for EntityData {
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

/// `ValueData`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValueData {
    pub key: String,
    pub value: f64,
}

impl ValueData {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        10
    }
}

impl Message for ValueData {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 1;
        let mut message = Self::default();
        message.key = reader.string(flexible)?;
        message.value = reader.f64()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.string(flexible, &self.key);
        writer.f64(self.value);
        if flexible {
            writer.no_tags();
        }
    }
}
