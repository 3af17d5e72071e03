//! `GetTelemetrySubscriptions`, API key 71, version 0.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, Uuid, WireError, Writer};

/// `GetTelemetrySubscriptionsRequest`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GetTelemetrySubscriptionsRequest {
    pub client_instance_id: Uuid,
}

impl Message for GetTelemetrySubscriptionsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.client_instance_id = reader.uuid()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.uuid(self.client_instance_id);
        writer.no_tags();
    }
}

impl Request for GetTelemetrySubscriptionsRequest {
    const API: ApiKey = ApiKey::GetTelemetrySubscriptions;
    type Response = GetTelemetrySubscriptionsResponse;
}

/// `GetTelemetrySubscriptionsResponse`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GetTelemetrySubscriptionsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub client_instance_id: Uuid,
    pub subscription_id: i32,
    pub accepted_compression_types: Vec<i8>,
    pub push_interval_ms: i32,
    pub telemetry_max_bytes: i32,
    pub delta_temporality: bool,
    pub requested_metrics: Vec<String>,
}

impl Message for GetTelemetrySubscriptionsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.client_instance_id = reader.uuid()?;
        message.subscription_id = reader.i32()?;
        message.accepted_compression_types = reader.array(true, 1, Reader::i8)?;
        message.push_interval_ms = reader.i32()?;
        message.telemetry_max_bytes = reader.i32()?;
        message.delta_temporality = reader.bool()?;
        message.requested_metrics = reader.array(true, 1, |reader| reader.string(true))?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.throttle_time_ms);
        writer.error_code(self.error_code);
        writer.uuid(self.client_instance_id);
        writer.i32(self.subscription_id);
        writer.array_len(true, self.accepted_compression_types.len());
        for item in &self.accepted_compression_types {
            writer.i8(*item);
        }
        writer.i32(self.push_interval_ms);
        writer.i32(self.telemetry_max_bytes);
        writer.bool(self.delta_temporality);
        writer.array_len(true, self.requested_metrics.len());
        for item in &self.requested_metrics {
            writer.string(true, item);
        }
        writer.no_tags();
    }
}
