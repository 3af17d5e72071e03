//! `LeaveGroup`, API key 13, versions 0 to 5.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `LeaveGroupRequest`, versions 0 to 5.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaveGroupRequest {
    pub group_id: String,
    pub member_id: String,
    pub members: Vec<MemberIdentity>,
}

impl Message for LeaveGroupRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 4;
        let mut message = Self::default();
        message.group_id = reader.string(flexible)?;
        if version <= 2 {
            message.member_id = reader.string(false)?;
        }
        if version >= 3 {
            message.members = reader.array(flexible, MemberIdentity::size_min(version), |reader| {
                MemberIdentity::decode(reader, version)
            })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.string(flexible, &self.group_id);
        if version <= 2 {
            writer.string(false, &self.member_id);
        }
        if version >= 3 {
            writer.array_len(flexible, self.members.len());
            for item in &self.members {
                item.encode(writer, version);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for LeaveGroupRequest {
    const API: ApiKey = ApiKey::LeaveGroup;
    type Response = LeaveGroupResponse;
}

/// `MemberIdentity`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemberIdentity {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub reason: Option<String>,
}

impl MemberIdentity {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=2 => 0,
            3 => 4,
            4 => 3,
            _ => 4,
        }
    }
}

impl Message for MemberIdentity {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        if version >= 3 {
            message.member_id = reader.string(flexible)?;
        }
        if version >= 3 {
            message.group_instance_id = reader.nullable_string(flexible)?;
        }
        if version == 5 {
            message.reason = reader.nullable_string(true)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        if version >= 3 {
            writer.string(flexible, &self.member_id);
        }
        if version >= 3 {
            writer.nullable_string(flexible, true, self.group_instance_id.as_deref());
        }
        if version == 5 {
            writer.nullable_string(true, true, self.reason.as_deref());
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `LeaveGroupResponse`, versions 0 to 5.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaveGroupResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub members: Vec<MemberResponse>,
}

impl Message for LeaveGroupResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 4;
        let mut message = Self::default();
        if version >= 1 {
            message.throttle_time_ms = reader.i32()?;
        }
        message.error_code = reader.error_code()?;
        if version >= 3 {
            message.members = reader.array(flexible, MemberResponse::size_min(version), |reader| {
                MemberResponse::decode(reader, version)
            })?;
        }
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
        if version >= 3 {
            writer.array_len(flexible, self.members.len());
            for item in &self.members {
                item.encode(writer, version);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `MemberResponse`.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberResponse {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub error_code: ErrorCode,
}

impl Default for MemberResponse {
    fn default() -> Self {
        Self { member_id: String::new(), group_instance_id: Some(String::new()), error_code: ErrorCode::NONE }
    }
}

impl MemberResponse {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=2 => 0,
            3 => 6,
            _ => 5,
        }
    }
}

impl Message for MemberResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        if version >= 3 {
            message.member_id = reader.string(flexible)?;
        }
        if version >= 3 {
            message.group_instance_id = reader.nullable_string(flexible)?;
        }
        if version >= 3 {
            message.error_code = reader.error_code()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        if version >= 3 {
            writer.string(flexible, &self.member_id);
        }
        if version >= 3 {
            writer.nullable_string(flexible, true, self.group_instance_id.as_deref());
        }
        if version >= 3 {
            writer.error_code(self.error_code);
        }
        if flexible {
            writer.no_tags();
        }
    }
}
