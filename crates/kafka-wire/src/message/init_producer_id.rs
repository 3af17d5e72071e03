//! `InitProducerId`, API key 22, versions 0 to 5.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `InitProducerIdRequest`, versions 0 to 5.
#[derive(Clone, Debug, PartialEq)]
pub struct InitProducerIdRequest {
    pub transactional_id: Option<String>,
    pub transaction_timeout_ms: i32,
    pub producer_id: i64,
    pub producer_epoch: i16,
}

impl Default for InitProducerIdRequest {
    fn default() -> Self {
        Self {
            transactional_id: Some(String::new()),
            transaction_timeout_ms: 0,
            producer_id: -1,
            producer_epoch: -1,
        }
    }
}

impl Message for InitProducerIdRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        message.transactional_id = reader.nullable_string(flexible)?;
        message.transaction_timeout_ms = reader.i32()?;
        if version >= 3 {
            message.producer_id = reader.i64()?;
        }
        if version >= 3 {
            message.producer_epoch = reader.i16()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.nullable_string(flexible, true, self.transactional_id.as_deref());
        writer.i32(self.transaction_timeout_ms);
        if version >= 3 {
            writer.i64(self.producer_id);
        }
        if version >= 3 {
            writer.i16(self.producer_epoch);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for InitProducerIdRequest {
    const API: ApiKey = ApiKey::InitProducerId;
    type Response = InitProducerIdResponse;
}

/// `InitProducerIdResponse`, versions 0 to 5.
#[derive(Clone, Debug, PartialEq)]
pub struct InitProducerIdResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub producer_id: i64,
    pub producer_epoch: i16,
}

impl Default for InitProducerIdResponse {
    fn default() -> Self {
        Self { throttle_time_ms: 0, error_code: ErrorCode::NONE, producer_id: -1, producer_epoch: 0 }
    }
}

impl Message for InitProducerIdResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 2;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.producer_id = reader.i64()?;
        message.producer_epoch = reader.i16()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 2;
        writer.i32(self.throttle_time_ms);
        writer.error_code(self.error_code);
        writer.i64(self.producer_id);
        writer.i16(self.producer_epoch);
        if flexible {
            writer.no_tags();
        }
    }
}
