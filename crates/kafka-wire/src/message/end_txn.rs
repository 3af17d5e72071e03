//! `EndTxn`, API key 26, versions 0 to 5.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `EndTxnRequest`, versions 0 to 5.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndTxnRequest {
    pub transactional_id: String,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub committed: bool,
}

impl Message for EndTxnRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 3;
        let mut message = Self::default();
        message.transactional_id = reader.string(flexible)?;
        message.producer_id = reader.i64()?;
        message.producer_epoch = reader.i16()?;
        message.committed = reader.bool()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.string(flexible, &self.transactional_id);
        writer.i64(self.producer_id);
        writer.i16(self.producer_epoch);
        writer.bool(self.committed);
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for EndTxnRequest {
    const API: ApiKey = ApiKey::EndTxn;
    type Response = EndTxnResponse;
}

/// `EndTxnResponse`, versions 0 to 5.
#[derive(Clone, Debug, PartialEq)]
pub struct EndTxnResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub producer_id: i64,
    pub producer_epoch: i16,
}

impl Default for EndTxnResponse {
    fn default() -> Self {
        Self { throttle_time_ms: 0, error_code: ErrorCode::NONE, producer_id: -1, producer_epoch: -1 }
    }
}

impl Message for EndTxnResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 3;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.error_code()?;
        if version == 5 {
            message.producer_id = reader.i64()?;
        }
        if version == 5 {
            message.producer_epoch = reader.i16()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.i32(self.throttle_time_ms);
        writer.error_code(self.error_code);
        if version == 5 {
            writer.i64(self.producer_id);
        }
        if version == 5 {
            writer.i16(self.producer_epoch);
        }
        if flexible {
            writer.no_tags();
        }
    }
}
