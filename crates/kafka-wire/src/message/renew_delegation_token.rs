//! `RenewDelegationToken`, API key 39, versions 0 to 2.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};
use bytes::Bytes;

/// `RenewDelegationTokenRequest`, versions 0 to 2.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RenewDelegationTokenRequest {
    pub hmac: Bytes,
    pub renew_period_ms: i64,
}

impl Message for RenewDelegationTokenRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        message.hmac = reader.bytes(flexible)?;
        message.renew_period_ms = reader.i64()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.bytes(flexible, &self.hmac);
        writer.i64(self.renew_period_ms);
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for RenewDelegationTokenRequest {
    const API: ApiKey = ApiKey::RenewDelegationToken;
    type Response = RenewDelegationTokenResponse;
}

/// `RenewDelegationTokenResponse`, versions 0 to 2.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RenewDelegationTokenResponse {
    pub error_code: ErrorCode,
    pub expiry_timestamp_ms: i64,
    pub throttle_time_ms: i32,
}

impl Message for RenewDelegationTokenResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.expiry_timestamp_ms = reader.i64()?;
        message.throttle_time_ms = reader.i32()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.error_code(self.error_code);
        writer.i64(self.expiry_timestamp_ms);
        writer.i32(self.throttle_time_ms);
        if flexible {
            writer.no_tags();
        }
    }
}
