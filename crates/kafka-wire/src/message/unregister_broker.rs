//! `UnregisterBroker`, API key 64, version 0.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `UnregisterBrokerRequest`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnregisterBrokerRequest {
    pub broker_id: i32,
}

impl Message for UnregisterBrokerRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.broker_id = reader.i32()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.broker_id);
        writer.no_tags();
    }
}

impl Request for UnregisterBrokerRequest {
    const API: ApiKey = ApiKey::UnregisterBroker;
    type Response = UnregisterBrokerResponse;
}

/// `UnregisterBrokerResponse`, version 0.
#[derive(Clone, Debug, PartialEq)]
pub struct UnregisterBrokerResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
}

impl Default for UnregisterBrokerResponse {
    fn default() -> Self {
        Self { throttle_time_ms: 0, error_code: ErrorCode::NONE, error_message: Some(String::new()) }
    }
}

impl Message for UnregisterBrokerResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(true)?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.throttle_time_ms);
        writer.error_code(self.error_code);
        writer.nullable_string(true, true, self.error_message.as_deref());
        writer.no_tags();
    }
}
