//! `AlterUserScramCredentials`, API key 51, version 0.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};
use bytes::Bytes;

/// `AlterUserScramCredentialsRequest`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterUserScramCredentialsRequest {
    pub deletions: Vec<ScramCredentialDeletion>,
    pub upsertions: Vec<ScramCredentialUpsertion>,
}

impl Message for AlterUserScramCredentialsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.deletions = reader.array(true, ScramCredentialDeletion::size_min(version), |reader| {
            ScramCredentialDeletion::decode(reader, version)
        })?;
        message.upsertions = reader.array(true, ScramCredentialUpsertion::size_min(version), |reader| {
            ScramCredentialUpsertion::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.array_len(true, self.deletions.len());
        for item in &self.deletions {
            item.encode(writer, version);
        }
        writer.array_len(true, self.upsertions.len());
        for item in &self.upsertions {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

impl Request for AlterUserScramCredentialsRequest {
    const API: ApiKey = ApiKey::AlterUserScramCredentials;
    type Response = AlterUserScramCredentialsResponse;
}

/// `ScramCredentialDeletion`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScramCredentialDeletion {
    pub name: String,
    pub mechanism: i8,
}

impl ScramCredentialDeletion {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        3
    }
}

impl Message for ScramCredentialDeletion {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.name = reader.string(true)?;
        message.mechanism = reader.i8()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(true, &self.name);
        writer.i8(self.mechanism);
        writer.no_tags();
    }
}

/// `ScramCredentialUpsertion`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScramCredentialUpsertion {
    pub name: String,
    pub mechanism: i8,
    pub iterations: i32,
    pub salt: Bytes,
    pub salted_password: Bytes,
}

impl ScramCredentialUpsertion {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        9
    }
}

impl Message for ScramCredentialUpsertion {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.name = reader.string(true)?;
        message.mechanism = reader.i8()?;
        message.iterations = reader.i32()?;
        message.salt = reader.bytes(true)?;
        message.salted_password = reader.bytes(true)?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(true, &self.name);
        writer.i8(self.mechanism);
        writer.i32(self.iterations);
        writer.bytes(true, &self.salt);
        writer.bytes(true, &self.salted_password);
        writer.no_tags();
    }
}

/// `AlterUserScramCredentialsResponse`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterUserScramCredentialsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<AlterUserScramCredentialsResult>,
}

impl Message for AlterUserScramCredentialsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.results =
            reader.array(true, AlterUserScramCredentialsResult::size_min(version), |reader| {
                AlterUserScramCredentialsResult::decode(reader, version)
            })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.throttle_time_ms);
        writer.array_len(true, self.results.len());
        for item in &self.results {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `AlterUserScramCredentialsResult`.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterUserScramCredentialsResult {
    pub user: String,
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
}

impl Default for AlterUserScramCredentialsResult {
    fn default() -> Self {
        Self { user: String::new(), error_code: ErrorCode::NONE, error_message: Some(String::new()) }
    }
}

impl AlterUserScramCredentialsResult {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        5
    }
}

impl Message for AlterUserScramCredentialsResult {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.user = reader.string(true)?;
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(true)?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(true, &self.user);
        writer.error_code(self.error_code);
        writer.nullable_string(true, true, self.error_message.as_deref());
        writer.no_tags();
    }
}
