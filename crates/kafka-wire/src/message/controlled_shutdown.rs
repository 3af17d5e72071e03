//! `ControlledShutdown`, API key 7, versions 0 to 3.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `ControlledShutdownRequest`, versions 0 to 3.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlledShutdownRequest {
    pub broker_id: i32,
    pub broker_epoch: i64,
}

impl Default for ControlledShutdownRequest {
    fn default() -> Self {
        Self { broker_id: 0, broker_epoch: -1 }
    }
}

impl Message for ControlledShutdownRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 3;
        let mut message = Self::default();
        message.broker_id = reader.i32()?;
        if version >= 2 {
            message.broker_epoch = reader.i64()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.i32(self.broker_id);
        if version >= 2 {
            writer.i64(self.broker_epoch);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for ControlledShutdownRequest {
    const API: ApiKey = ApiKey::ControlledShutdown;
    type Response = ControlledShutdownResponse;
}

/// `ControlledShutdownResponse`, versions 0 to 3.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ControlledShutdownResponse {
    pub error_code: ErrorCode,
    pub remaining_partitions: Vec<RemainingPartition>,
}

impl Message for ControlledShutdownResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 3;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.remaining_partitions =
            reader.array(flexible, RemainingPartition::size_min(version), |reader| {
                RemainingPartition::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.error_code(self.error_code);
        writer.array_len(flexible, self.remaining_partitions.len());
        for item in &self.remaining_partitions {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `RemainingPartition`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemainingPartition {
    pub topic_name: String,
    pub partition_index: i32,
}

impl RemainingPartition {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        6
    }
}

impl Message for RemainingPartition {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=3;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 3;
        let mut message = Self::default();
        message.topic_name = reader.string(flexible)?;
        message.partition_index = reader.i32()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.string(flexible, &self.topic_name);
        writer.i32(self.partition_index);
        if flexible {
            writer.no_tags();
        }
    }
}
