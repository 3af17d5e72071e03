//! `JoinGroup`, API key 11, versions 0 to 9.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};
use bytes::Bytes;

/// `JoinGroupRequest`, versions 0 to 9.
#[derive(Clone, Debug, PartialEq)]
pub struct JoinGroupRequest {
    pub group_id: String,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub protocol_type: String,
    pub protocols: Vec<JoinGroupRequestProtocol>,
    pub reason: Option<String>,
}

impl Default for JoinGroupRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            session_timeout_ms: 0,
            rebalance_timeout_ms: -1,
            member_id: String::new(),
            group_instance_id: None,
            protocol_type: String::new(),
            protocols: Vec::new(),
            reason: None,
        }
    }
}

impl Message for JoinGroupRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=9;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 6;
        let mut message = Self::default();
        message.group_id = reader.string(flexible)?;
        message.session_timeout_ms = reader.i32()?;
        if version >= 1 {
            message.rebalance_timeout_ms = reader.i32()?;
        }
        message.member_id = reader.string(flexible)?;
        if version >= 5 {
            message.group_instance_id = reader.nullable_string(flexible)?;
        }
        message.protocol_type = reader.string(flexible)?;
        message.protocols =
            reader.array(flexible, JoinGroupRequestProtocol::size_min(version), |reader| {
                JoinGroupRequestProtocol::decode(reader, version)
            })?;
        if version >= 8 {
            message.reason = reader.nullable_string(true)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        writer.string(flexible, &self.group_id);
        writer.i32(self.session_timeout_ms);
        if version >= 1 {
            writer.i32(self.rebalance_timeout_ms);
        }
        writer.string(flexible, &self.member_id);
        if version >= 5 {
            writer.nullable_string(flexible, true, self.group_instance_id.as_deref());
        }
        writer.string(flexible, &self.protocol_type);
        writer.array_len(flexible, self.protocols.len());
        for item in &self.protocols {
            item.encode(writer, version);
        }
        if version >= 8 {
            writer.nullable_string(true, true, self.reason.as_deref());
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for JoinGroupRequest {
    const API: ApiKey = ApiKey::JoinGroup;
    type Response = JoinGroupResponse;
}

/// `JoinGroupRequestProtocol`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JoinGroupRequestProtocol {
    pub name: String,
    pub metadata: Bytes,
}

impl JoinGroupRequestProtocol {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=5 => 6,
            _ => 3,
        }
    }
}

impl Message for JoinGroupRequestProtocol {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=9;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        message.name = reader.string(flexible)?;
        message.metadata = reader.bytes(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        writer.string(flexible, &self.name);
        writer.bytes(flexible, &self.metadata);
        if flexible {
            writer.no_tags();
        }
    }
}

/// `JoinGroupResponse`, versions 0 to 9.
#[derive(Clone, Debug, PartialEq)]
pub struct JoinGroupResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub generation_id: i32,
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    pub leader: String,
    pub skip_assignment: bool,
    pub member_id: String,
    pub members: Vec<JoinGroupResponseMember>,
}

impl Default for JoinGroupResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: ErrorCode::NONE,
            generation_id: -1,
            protocol_type: None,
            protocol_name: Some(String::new()),
            leader: String::new(),
            skip_assignment: false,
            member_id: String::new(),
            members: Vec::new(),
        }
    }
}

impl Message for JoinGroupResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=9;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 6;
        let mut message = Self::default();
        if version >= 2 {
            message.throttle_time_ms = reader.i32()?;
        }
        message.error_code = reader.error_code()?;
        message.generation_id = reader.i32()?;
        if version >= 7 {
            message.protocol_type = reader.nullable_string(true)?;
        }
        message.protocol_name =
            if version >= 7 { reader.nullable_string(flexible)? } else { Some(reader.string(flexible)?) };
        message.leader = reader.string(flexible)?;
        if version == 9 {
            message.skip_assignment = reader.bool()?;
        }
        message.member_id = reader.string(flexible)?;
        message.members = reader.array(flexible, JoinGroupResponseMember::size_min(version), |reader| {
            JoinGroupResponseMember::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        if version >= 2 {
            writer.i32(self.throttle_time_ms);
        }
        writer.error_code(self.error_code);
        writer.i32(self.generation_id);
        if version >= 7 {
            writer.nullable_string(true, true, self.protocol_type.as_deref());
        }
        writer.nullable_string(flexible, version >= 7, self.protocol_name.as_deref());
        writer.string(flexible, &self.leader);
        if version == 9 {
            writer.bool(self.skip_assignment);
        }
        writer.string(flexible, &self.member_id);
        writer.array_len(flexible, self.members.len());
        for item in &self.members {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `JoinGroupResponseMember`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JoinGroupResponseMember {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub metadata: Bytes,
}

impl JoinGroupResponseMember {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=4 => 6,
            5 => 8,
            _ => 4,
        }
    }
}

impl Message for JoinGroupResponseMember {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=9;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        message.member_id = reader.string(flexible)?;
        if version >= 5 {
            message.group_instance_id = reader.nullable_string(flexible)?;
        }
        message.metadata = reader.bytes(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        writer.string(flexible, &self.member_id);
        if version >= 5 {
            writer.nullable_string(flexible, true, self.group_instance_id.as_deref());
        }
        writer.bytes(flexible, &self.metadata);
        if flexible {
            writer.no_tags();
        }
    }
}
