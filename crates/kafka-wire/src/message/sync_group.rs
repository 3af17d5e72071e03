//! `SyncGroup`, API key 14, versions 0 to 5.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};
use bytes::Bytes;

/// `SyncGroupRequest`, versions 0 to 5.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncGroupRequest {
    pub group_id: String,
    pub generation_id: i32,
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    pub assignments: Vec<SyncGroupRequestAssignment>,
}

impl Message for SyncGroupRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

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
        if version == 5 {
            message.protocol_type = reader.nullable_string(true)?;
        }
        if version == 5 {
            message.protocol_name = reader.nullable_string(true)?;
        }
        message.assignments =
            reader.array(flexible, SyncGroupRequestAssignment::size_min(version), |reader| {
                SyncGroupRequestAssignment::decode(reader, version)
            })?;
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
        if version == 5 {
            writer.nullable_string(true, true, self.protocol_type.as_deref());
        }
        if version == 5 {
            writer.nullable_string(true, true, self.protocol_name.as_deref());
        }
        writer.array_len(flexible, self.assignments.len());
        for item in &self.assignments {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for SyncGroupRequest {
    const API: ApiKey = ApiKey::SyncGroup;
    type Response = SyncGroupResponse;
}

/// `SyncGroupRequestAssignment`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncGroupRequestAssignment {
    pub member_id: String,
    pub assignment: Bytes,
}

impl SyncGroupRequestAssignment {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=3 => 6,
            _ => 3,
        }
    }
}

impl Message for SyncGroupRequestAssignment {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        message.member_id = reader.string(flexible)?;
        message.assignment = reader.bytes(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.string(flexible, &self.member_id);
        writer.bytes(flexible, &self.assignment);
        if flexible {
            writer.no_tags();
        }
    }
}

/// `SyncGroupResponse`, versions 0 to 5.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncGroupResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    pub assignment: Bytes,
}

impl Message for SyncGroupResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 4;
        let mut message = Self::default();
        if version >= 1 {
            message.throttle_time_ms = reader.i32()?;
        }
        message.error_code = reader.error_code()?;
        if version == 5 {
            message.protocol_type = reader.nullable_string(true)?;
        }
        if version == 5 {
            message.protocol_name = reader.nullable_string(true)?;
        }
        message.assignment = reader.bytes(flexible)?;
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
        if version == 5 {
            writer.nullable_string(true, true, self.protocol_type.as_deref());
        }
        if version == 5 {
            writer.nullable_string(true, true, self.protocol_name.as_deref());
        }
        writer.bytes(flexible, &self.assignment);
        if flexible {
            writer.no_tags();
        }
    }
}
