//! `Heartbeat`, API key 12, versions 0 to 4.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `HeartbeatRequest`, versions 0 to 4.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeartbeatRequest {
    pub group_id: String,
    pub generation_id: i32,
    pub member_id: String,
    pub group_instance_id: Option<String>,
}

impl Message for HeartbeatRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 4;
        let mut message = Self::default();
        message.group_id = reader.string(flexible)?;
        message.generation_id = reader.i32()?;
        message.member_id = reader.string(flexible)?;
        if version >= 3 {
            message.group_instance_id = reader.nullable_string(flexible)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.string(flexible, &self.group_id);
        writer.i32(self.generation_id);
        writer.string(flexible, &self.member_id);
        if version >= 3 {
            writer.nullable_string(flexible, true, self.group_instance_id.as_deref());
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for HeartbeatRequest {
    const API: ApiKey = ApiKey::Heartbeat;
    type Response = HeartbeatResponse;
}

/// `HeartbeatResponse`, versions 0 to 4.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeartbeatResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
}

impl Message for HeartbeatResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 4;
        let mut message = Self::default();
        if version >= 1 {
            message.throttle_time_ms = reader.i32()?;
        }
        message.error_code = reader.error_code()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        if version >= 1 {
            writer.i32(self.throttle_time_ms);
        }
        writer.error_code(self.error_code);
        if flexible {
            writer.no_tags();
        }
    }
}
