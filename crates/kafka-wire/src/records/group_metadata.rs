//! `GroupMetadataKey`, `GroupMetadataValue`.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{Message, Reader, WireError, Writer};
use bytes::Bytes;

/// `GroupMetadataKey`, version 2.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupMetadataKey {
    pub group: String,
}

impl Message for GroupMetadataKey {
    const VERSIONS: std::ops::RangeInclusive<i16> = 2..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.group = reader.string(false)?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(false, &self.group);
    }
}

/// `GroupMetadataValue`, versions 0 to 4.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupMetadataValue {
    pub protocol_type: String,
    pub generation: i32,
    pub protocol: Option<String>,
    pub leader: Option<String>,
    pub current_state_timestamp: i64,
    pub members: Vec<MemberMetadata>,
}

impl Default for GroupMetadataValue {
    fn default() -> Self {
        Self {
            protocol_type: String::new(),
            generation: 0,
            protocol: Some(String::new()),
            leader: Some(String::new()),
            current_state_timestamp: -1,
            members: Vec::new(),
        }
    }
}

impl Message for GroupMetadataValue {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 4;
        let mut message = Self::default();
        message.protocol_type = reader.string(flexible)?;
        message.generation = reader.i32()?;
        message.protocol = reader.nullable_string(flexible)?;
        message.leader = reader.nullable_string(flexible)?;
        if version >= 2 {
            message.current_state_timestamp = reader.i64()?;
        }
        message.members = reader.array(flexible, MemberMetadata::size_min(version), |reader| {
            MemberMetadata::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.string(flexible, &self.protocol_type);
        writer.i32(self.generation);
        writer.nullable_string(flexible, true, self.protocol.as_deref());
        writer.nullable_string(flexible, true, self.leader.as_deref());
        if version >= 2 {
            writer.i64(self.current_state_timestamp);
        }
        writer.array_len(flexible, self.members.len());
        for item in &self.members {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `MemberMetadata`.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberMetadata {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub rebalance_timeout: i32,
    pub session_timeout: i32,
    pub subscription: Bytes,
    pub assignment: Bytes,
}

impl Default for MemberMetadata {
    fn default() -> Self {
        Self {
            member_id: String::new(),
            group_instance_id: None,
            client_id: String::new(),
            client_host: String::new(),
            rebalance_timeout: -1,
            session_timeout: 0,
            subscription: Bytes::new(),
            assignment: Bytes::new(),
        }
    }
}

impl MemberMetadata {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 18,
            1..=2 => 22,
            3 => 24,
            _ => 15,
        }
    }
}

impl Message for MemberMetadata {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        message.member_id = reader.string(flexible)?;
        if version >= 3 {
            message.group_instance_id = reader.nullable_string(flexible)?;
        }
        message.client_id = reader.string(flexible)?;
        message.client_host = reader.string(flexible)?;
        if version >= 1 {
            message.rebalance_timeout = reader.i32()?;
        }
        message.session_timeout = reader.i32()?;
        message.subscription = reader.bytes(flexible)?;
        message.assignment = reader.bytes(flexible)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.string(flexible, &self.member_id);
        if version >= 3 {
            writer.nullable_string(flexible, true, self.group_instance_id.as_deref());
        }
        writer.string(flexible, &self.client_id);
        writer.string(flexible, &self.client_host);
        if version >= 1 {
            writer.i32(self.rebalance_timeout);
        }
        writer.i32(self.session_timeout);
        writer.bytes(flexible, &self.subscription);
        writer.bytes(flexible, &self.assignment);
        if flexible {
            writer.no_tags();
        }
    }
}
