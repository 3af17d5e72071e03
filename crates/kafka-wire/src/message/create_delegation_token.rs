//! `CreateDelegationToken`, API key 38, versions 0 to 3.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};
use bytes::Bytes;

/// `CreateDelegationTokenRequest`, versions 0 to 3.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateDelegationTokenRequest {
    pub owner_principal_type: Option<String>,
    pub owner_principal_name: Option<String>,
    pub renewers: Vec<CreatableRenewers>,
    pub max_lifetime_ms: i64,
}

impl Default for CreateDelegationTokenRequest {
    fn default() -> Self {
        Self {
            owner_principal_type: Some(String::new()),
            owner_principal_name: Some(String::new()),
            renewers: Vec::new(),
            max_lifetime_ms: 0,
        }
    }
}

impl Message for CreateDelegationTokenRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        if version == 3 {
            message.owner_principal_type = reader.nullable_string(true)?;
        }
        if version == 3 {
            message.owner_principal_name = reader.nullable_string(true)?;
        }
        message.renewers = reader.array(flexible, CreatableRenewers::size_min(version), |reader| {
            CreatableRenewers::decode(reader, version)
        })?;
        message.max_lifetime_ms = reader.i64()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        if version == 3 {
            writer.nullable_string(true, true, self.owner_principal_type.as_deref());
        }
        if version == 3 {
            writer.nullable_string(true, true, self.owner_principal_name.as_deref());
        }
        writer.array_len(flexible, self.renewers.len());
        for item in &self.renewers {
            item.encode(writer, version);
        }
        writer.i64(self.max_lifetime_ms);
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for CreateDelegationTokenRequest {
    const API: ApiKey = ApiKey::CreateDelegationToken;
    type Response = CreateDelegationTokenResponse;
}

/// `CreatableRenewers`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatableRenewers {
    pub principal_type: String,
    pub principal_name: String,
}

impl CreatableRenewers {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 4,
            _ => 3,
        }
    }
}

impl Message for CreatableRenewers {
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

/// `CreateDelegationTokenResponse`, versions 0 to 3.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateDelegationTokenResponse {
    pub error_code: ErrorCode,
    pub principal_type: String,
    pub principal_name: String,
    pub token_requester_principal_type: String,
    pub token_requester_principal_name: String,
    pub issue_timestamp_ms: i64,
    pub expiry_timestamp_ms: i64,
    pub max_timestamp_ms: i64,
    pub token_id: String,
    pub hmac: Bytes,
    pub throttle_time_ms: i32,
}

impl Message for CreateDelegationTokenResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.principal_type = reader.string(flexible)?;
        message.principal_name = reader.string(flexible)?;
        if version == 3 {
            message.token_requester_principal_type = reader.string(true)?;
        }
        if version == 3 {
            message.token_requester_principal_name = reader.string(true)?;
        }
        message.issue_timestamp_ms = reader.i64()?;
        message.expiry_timestamp_ms = reader.i64()?;
        message.max_timestamp_ms = reader.i64()?;
        message.token_id = reader.string(flexible)?;
        message.hmac = reader.bytes(flexible)?;
        message.throttle_time_ms = reader.i32()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.error_code(self.error_code);
        writer.string(flexible, &self.principal_type);
        writer.string(flexible, &self.principal_name);
        if version == 3 {
            writer.string(true, &self.token_requester_principal_type);
        }
        if version == 3 {
            writer.string(true, &self.token_requester_principal_name);
        }
        writer.i64(self.issue_timestamp_ms);
        writer.i64(self.expiry_timestamp_ms);
        writer.i64(self.max_timestamp_ms);
        writer.string(flexible, &self.token_id);
        writer.bytes(flexible, &self.hmac);
        writer.i32(self.throttle_time_ms);
        if flexible {
            writer.no_tags();
        }
    }
}
