//! `ListGroups`, API key 16, versions 0 to 5.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `ListGroupsRequest`, versions 0 to 5.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListGroupsRequest {
    pub states_filter: Vec<String>,
    pub types_filter: Vec<String>,
}

impl Message for ListGroupsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 3;
        let mut message = Self::default();
        if version >= 4 {
            message.states_filter = reader.array(true, 1, |reader| reader.string(true))?;
        }
        if version == 5 {
            message.types_filter = reader.array(true, 1, |reader| reader.string(true))?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        if version >= 4 {
            writer.array_len(true, self.states_filter.len());
            for item in &self.states_filter {
                writer.string(true, item);
            }
        }
        if version == 5 {
            writer.array_len(true, self.types_filter.len());
            for item in &self.types_filter {
                writer.string(true, item);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for ListGroupsRequest {
    const API: ApiKey = ApiKey::ListGroups;
    type Response = ListGroupsResponse;
}

/// `ListGroupsResponse`, versions 0 to 5.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListGroupsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub groups: Vec<ListedGroup>,
}

impl Message for ListGroupsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 3;
        let mut message = Self::default();
        if version >= 1 {
            message.throttle_time_ms = reader.i32()?;
        }
        message.error_code = reader.error_code()?;
        message.groups = reader
            .array(flexible, ListedGroup::size_min(version), |reader| ListedGroup::decode(reader, version))?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        if version >= 1 {
            writer.i32(self.throttle_time_ms);
        }
        writer.error_code(self.error_code);
        writer.array_len(flexible, self.groups.len());
        for item in &self.groups {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `ListedGroup`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListedGroup {
    pub group_id: String,
    pub protocol_type: String,
    pub group_state: String,
    pub group_type: String,
}

impl ListedGroup {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=2 => 4,
            3 => 3,
            4 => 4,
            _ => 5,
        }
    }
}

impl Message for ListedGroup {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 3;
        let mut message = Self::default();
        message.group_id = reader.string(flexible)?;
        message.protocol_type = reader.string(flexible)?;
        if version >= 4 {
            message.group_state = reader.string(true)?;
        }
        if version == 5 {
            message.group_type = reader.string(true)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.string(flexible, &self.group_id);
        writer.string(flexible, &self.protocol_type);
        if version >= 4 {
            writer.string(true, &self.group_state);
        }
        if version == 5 {
            writer.string(true, &self.group_type);
        }
        if flexible {
            writer.no_tags();
        }
    }
}
