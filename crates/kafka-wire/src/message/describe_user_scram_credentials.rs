//! `DescribeUserScramCredentials`, API key 50, version 0.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `DescribeUserScramCredentialsRequest`, version 0.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeUserScramCredentialsRequest {
    pub users: Option<Vec<UserName>>,
}

impl Default for DescribeUserScramCredentialsRequest {
    fn default() -> Self {
        Self { users: Some(Vec::new()) }
    }
}

impl Message for DescribeUserScramCredentialsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.users = reader
            .nullable_array(true, UserName::size_min(version), |reader| UserName::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.nullable_array_len(true, true, self.users.as_ref().map(Vec::len));
        for item in self.users.iter().flatten() {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

impl Request for DescribeUserScramCredentialsRequest {
    const API: ApiKey = ApiKey::DescribeUserScramCredentials;
    type Response = DescribeUserScramCredentialsResponse;
}

/// `UserName`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserName {
    pub name: String,
}

impl UserName {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        2
    }
}

impl Message for UserName {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.name = reader.string(true)?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(true, &self.name);
        writer.no_tags();
    }
}

/// `DescribeUserScramCredentialsResponse`, version 0.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeUserScramCredentialsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub results: Vec<DescribeUserScramCredentialsResult>,
}

impl Default for DescribeUserScramCredentialsResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: ErrorCode::NONE,
            error_message: Some(String::new()),
            results: Vec::new(),
        }
    }
}

impl Message for DescribeUserScramCredentialsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(true)?;
        message.results =
            reader.array(true, DescribeUserScramCredentialsResult::size_min(version), |reader| {
                DescribeUserScramCredentialsResult::decode(reader, version)
            })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.throttle_time_ms);
        writer.error_code(self.error_code);
        writer.nullable_string(true, true, self.error_message.as_deref());
        writer.array_len(true, self.results.len());
        for item in &self.results {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `DescribeUserScramCredentialsResult`.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeUserScramCredentialsResult {
    pub user: String,
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub credential_infos: Vec<CredentialInfo>,
}

impl Default for DescribeUserScramCredentialsResult {
    fn default() -> Self {
        Self {
            user: String::new(),
            error_code: ErrorCode::NONE,
            error_message: Some(String::new()),
            credential_infos: Vec::new(),
        }
    }
}

impl DescribeUserScramCredentialsResult {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        6
    }
}

impl Message for DescribeUserScramCredentialsResult {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.user = reader.string(true)?;
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(true)?;
        message.credential_infos = reader.array(true, CredentialInfo::size_min(version), |reader| {
            CredentialInfo::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.string(true, &self.user);
        writer.error_code(self.error_code);
        writer.nullable_string(true, true, self.error_message.as_deref());
        writer.array_len(true, self.credential_infos.len());
        for item in &self.credential_infos {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `CredentialInfo`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CredentialInfo {
    pub mechanism: i8,
    pub iterations: i32,
}

impl CredentialInfo {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        6
    }
}

impl Message for CredentialInfo {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.mechanism = reader.i8()?;
        message.iterations = reader.i32()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i8(self.mechanism);
        writer.i32(self.iterations);
        writer.no_tags();
    }
}
