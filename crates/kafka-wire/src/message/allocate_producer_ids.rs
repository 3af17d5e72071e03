//! `AllocateProducerIds`, API key 67, version 0.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `AllocateProducerIdsRequest`, version 0.
#[derive(Clone, Debug, PartialEq)]
pub struct AllocateProducerIdsRequest {
    pub broker_id: i32,
    pub broker_epoch: i64,
}

impl Default for AllocateProducerIdsRequest {
    fn default() -> Self {
        Self { broker_id: 0, broker_epoch: -1 }
    }
}

impl Message for AllocateProducerIdsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.broker_id = reader.i32()?;
        message.broker_epoch = reader.i64()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.broker_id);
        writer.i64(self.broker_epoch);
        writer.no_tags();
    }
}

impl Request for AllocateProducerIdsRequest {
    const API: ApiKey = ApiKey::AllocateProducerIds;
    type Response = AllocateProducerIdsResponse;
}

/// `AllocateProducerIdsResponse`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AllocateProducerIdsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub producer_id_start: i64,
    pub producer_id_len: i32,
}

impl Message for AllocateProducerIdsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.producer_id_start = reader.i64()?;
        message.producer_id_len = reader.i32()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.throttle_time_ms);
        writer.error_code(self.error_code);
        writer.i64(self.producer_id_start);
        writer.i32(self.producer_id_len);
        writer.no_tags();
    }
}
