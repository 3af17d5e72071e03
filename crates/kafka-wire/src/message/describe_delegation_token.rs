//! `DescribeDelegationToken`, API key 41, versions 0 to 3.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};
use bytes::Bytes;

/// `DescribeDelegationTokenRequest`, versions 0 to 3.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeDelegationTokenRequest {
    pub owners: Option<Vec<DescribeDelegationTokenOwner>>,
}

impl Default for DescribeDelegationTokenRequest {
    fn default() -> Self {
        Self { owners: Some(Vec::new()) }
    }
}

impl Message for DescribeDelegationTokenRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        message.owners =
            reader.nullable_array(flexible, DescribeDelegationTokenOwner::size_min(version), |reader| {
                DescribeDelegationTokenOwner::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.nullable_array_len(flexible, true, self.owners.as_ref().map(Vec::len));
        for item in self.owners.iter().flatten() {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for DescribeDelegationTokenRequest {
    const API: ApiKey = ApiKey::DescribeDelegationToken;
    type Response = DescribeDelegationTokenResponse;
}

/// `DescribeDelegationTokenOwner`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeDelegationTokenOwner {
    pub principal_type: String,
    pub principal_name: String,
}

impl DescribeDelegationTokenOwner {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 4,
            _ => 3,
        }
    }
}

impl Message for DescribeDelegationTokenOwner {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        message.principal_type = reader.string(flexible)?;
        message.principal_name = reader.string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.string(flexible, &self.principal_type);
        writer.string(flexible, &self.principal_name);
        if flexible {
            writer.no_tags();
        }
    }
}

/// `DescribeDelegationTokenResponse`, versions 0 to 3.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeDelegationTokenResponse {
    pub error_code: ErrorCode,
    pub tokens: Vec<DescribedDelegationToken>,
    pub throttle_time_ms: i32,
}

impl Message for DescribeDelegationTokenResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.tokens = reader.array(flexible, DescribedDelegationToken::size_min(version), |reader| {
            DescribedDelegationToken::decode(reader, version)
        })?;
        message.throttle_time_ms = reader.i32()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.error_code(self.error_code);
        writer.array_len(flexible, self.tokens.len());
        for item in &self.tokens {
            item.encode(writer, version);
        }
        writer.i32(self.throttle_time_ms);
        if flexible {
            writer.no_tags();
        }
    }
}

/// `DescribedDelegationToken`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribedDelegationToken {
    pub principal_type: String,
    pub principal_name: String,
    pub token_requester_principal_type: String,
    pub token_requester_principal_name: String,
    pub issue_timestamp: i64,
    pub expiry_timestamp: i64,
    pub max_timestamp: i64,
    pub token_id: String,
    pub hmac: Bytes,
    pub renewers: Vec<DescribedDelegationTokenRenewer>,
}

impl DescribedDelegationToken {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 38,
            2 => 30,
            _ => 32,
        }
    }
}

impl Message for DescribedDelegationToken {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        message.principal_type = reader.string(flexible)?;
        message.principal_name = reader.string(flexible)?;
        if version == 3 {
            message.token_requester_principal_type = reader.string(true)?;
        }
        if version == 3 {
            message.token_requester_principal_name = reader.string(true)?;
        }
        message.issue_timestamp = reader.i64()?;
        message.expiry_timestamp = reader.i64()?;
        message.max_timestamp = reader.i64()?;
        message.token_id = reader.string(flexible)?;
        message.hmac = reader.bytes(flexible)?;
        message.renewers =
            reader.array(flexible, DescribedDelegationTokenRenewer::size_min(version), |reader| {
                DescribedDelegationTokenRenewer::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.string(flexible, &self.principal_type);
        writer.string(flexible, &self.principal_name);
        if version == 3 {
            writer.string(true, &self.token_requester_principal_type);
        }
        if version == 3 {
            writer.string(true, &self.token_requester_principal_name);
        }
        writer.i64(self.issue_timestamp);
        writer.i64(self.expiry_timestamp);
        writer.i64(self.max_timestamp);
        writer.string(flexible, &self.token_id);
        writer.bytes(flexible, &self.hmac);
        writer.array_len(flexible, self.renewers.len());
        for item in &self.renewers {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `DescribedDelegationTokenRenewer`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribedDelegationTokenRenewer {
    pub principal_type: String,
    pub principal_name: String,
}

impl DescribedDelegationTokenRenewer {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 4,
            _ => 3,
        }
    }
}

impl Message for DescribedDelegationTokenRenewer {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 2;
        let mut message = Self::default();
        message.principal_type = reader.string(flexible)?;
        message.principal_name = reader.string(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.string(flexible, &self.principal_type);
        writer.string(flexible, &self.principal_name);
        if flexible {
            writer.no_tags();
        }
    }
}
