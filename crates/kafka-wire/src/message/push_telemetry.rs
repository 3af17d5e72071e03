//! `PushTelemetry`, API key 72, version 0.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, Uuid, WireError, Writer};
use bytes::Bytes;

/// `PushTelemetryRequest`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PushTelemetryRequest {
    pub client_instance_id: Uuid,
    pub subscription_id: i32,
    pub terminating: bool,
    pub compression_type: i8,
    pub metrics: Bytes,
}

impl Message for PushTelemetryRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.client_instance_id = reader.uuid()?;
        message.subscription_id = reader.i32()?;
        message.terminating = reader.bool()?;
        message.compression_type = reader.i8()?;
        message.metrics = reader.bytes(true)?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.uuid(self.client_instance_id);
        writer.i32(self.subscription_id);
        writer.bool(self.terminating);
        writer.i8(self.compression_type);
        writer.bytes(true, &self.metrics);
        writer.no_tags();
    }
}

impl Request for PushTelemetryRequest {
    const API: ApiKey = ApiKey::PushTelemetry;
    type Response = PushTelemetryResponse;
}

/// `PushTelemetryResponse`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PushTelemetryResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
}

impl Message for PushTelemetryResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.error_code()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.throttle_time_ms);
        writer.error_code(self.error_code);
        writer.no_tags();
    }
}
