//! `DescribeGroups`, API key 15, versions 0 to 6.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};
use bytes::Bytes;

/// `DescribeGroupsRequest`, versions 0 to 6.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeGroupsRequest {
    pub groups: Vec<String>,
    pub include_authorized_operations: bool,
}

impl Message for DescribeGroupsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=6;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 5;
        let mut message = Self::default();
        message.groups = reader.array(flexible, 1, |reader| reader.string(flexible))?;
        if version >= 3 {
            message.include_authorized_operations = reader.bool()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 5;
        writer.array_len(flexible, self.groups.len());
        for item in &self.groups {
            writer.string(flexible, item);
        }
        if version >= 3 {
            writer.bool(self.include_authorized_operations);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for DescribeGroupsRequest {
    const API: ApiKey = ApiKey::DescribeGroups;
    type Response = DescribeGroupsResponse;
}

/// `DescribeGroupsResponse`, versions 0 to 6.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeGroupsResponse {
    pub throttle_time_ms: i32,
    pub groups: Vec<DescribedGroup>,
}

impl Message for DescribeGroupsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=6;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 5;
        let mut message = Self::default();
        if version >= 1 {
            message.throttle_time_ms = reader.i32()?;
        }
        message.groups = reader.array(flexible, DescribedGroup::size_min(version), |reader| {
            DescribedGroup::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 5;
        if version >= 1 {
            writer.i32(self.throttle_time_ms);
        }
        writer.array_len(flexible, self.groups.len());
        for item in &self.groups {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `DescribedGroup`.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribedGroup {
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub group_id: String,
    pub group_state: String,
    pub protocol_type: String,
    pub protocol_data: String,
    pub members: Vec<DescribedGroupMember>,
    pub authorized_operations: i32,
}

impl Default for DescribedGroup {
    fn default() -> Self {
        Self {
            error_code: ErrorCode::NONE,
            error_message: None,
            group_id: String::new(),
            group_state: String::new(),
            protocol_type: String::new(),
            protocol_data: String::new(),
            members: Vec::new(),
            authorized_operations: i32::MIN,
        }
    }
}

impl DescribedGroup {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=2 => 14,
            3..=4 => 18,
            5 => 12,
            _ => 13,
        }
    }
}

impl Message for DescribedGroup {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=6;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 5;
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        if version == 6 {
            message.error_message = reader.nullable_string(true)?;
        }
        message.group_id = reader.string(flexible)?;
        message.group_state = reader.string(flexible)?;
        message.protocol_type = reader.string(flexible)?;
        message.protocol_data = reader.string(flexible)?;
        message.members = reader.array(flexible, DescribedGroupMember::size_min(version), |reader| {
            DescribedGroupMember::decode(reader, version)
        })?;
        if version >= 3 {
            message.authorized_operations = reader.i32()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 5;
        writer.error_code(self.error_code);
        if version == 6 {
            writer.nullable_string(true, true, self.error_message.as_deref());
        }
        writer.string(flexible, &self.group_id);
        writer.string(flexible, &self.group_state);
        writer.string(flexible, &self.protocol_type);
        writer.string(flexible, &self.protocol_data);
        writer.array_len(flexible, self.members.len());
        for item in &self.members {
            item.encode(writer, version);
        }
        if version >= 3 {
            writer.i32(self.authorized_operations);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `DescribedGroupMember`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribedGroupMember {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub member_metadata: Bytes,
    pub member_assignment: Bytes,
}

impl DescribedGroupMember {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=3 => 14,
            4 => 16,
            _ => 7,
        }
    }
}

impl Message for DescribedGroupMember {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=6;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 5;
        let mut message = Self::default();
        message.member_id = reader.string(flexible)?;
        if version >= 4 {
            message.group_instance_id = reader.nullable_string(flexible)?;
        }
        message.client_id = reader.string(flexible)?;
        message.client_host = reader.string(flexible)?;
        message.member_metadata = reader.bytes(flexible)?;
        message.member_assignment = reader.bytes(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 5;
        writer.string(flexible, &self.member_id);
        if version >= 4 {
            writer.nullable_string(flexible, true, self.group_instance_id.as_deref());
        }
        writer.string(flexible, &self.client_id);
        writer.string(flexible, &self.client_host);
        writer.bytes(flexible, &self.member_metadata);
        writer.bytes(flexible, &self.member_assignment);
        if flexible {
            writer.no_tags();
        }
    }
}
