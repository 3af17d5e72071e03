//! `ConsumerGroupDescribe`, API key 69, versions 0 to 1.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, Uuid, WireError, Writer};

/// `ConsumerGroupDescribeRequest`, versions 0 to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupDescribeRequest {
    pub group_ids: Vec<String>,
    pub include_authorized_operations: bool,
}

impl Message for ConsumerGroupDescribeRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.group_ids = reader.array(true, 1, |reader| reader.string(true))?;
        message.include_authorized_operations = reader.bool()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.array_len(true, self.group_ids.len());
        for item in &self.group_ids {
            writer.string(true, item);
        }
        writer.bool(self.include_authorized_operations);
        writer.no_tags();
    }
}

impl Request for ConsumerGroupDescribeRequest {
    const API: ApiKey = ApiKey::ConsumerGroupDescribe;
    type Response = ConsumerGroupDescribeResponse;
}

/// `ConsumerGroupDescribeResponse`, versions 0 to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupDescribeResponse {
    pub throttle_time_ms: i32,
    pub groups: Vec<DescribedGroup>,
}

impl Message for ConsumerGroupDescribeResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.groups = reader.array(true, DescribedGroup::size_min(version), |reader| {
            DescribedGroup::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.throttle_time_ms);
        writer.array_len(true, self.groups.len());
        for item in &self.groups {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `DescribedGroup`.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribedGroup {
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub group_id: String,
    pub group_state: String,
    pub group_epoch: i32,
    pub assignment_epoch: i32,
    pub assignor_name: String,
    pub members: Vec<Member>,
    pub authorized_operations: i32,
}

impl Default for DescribedGroup {
    fn default() -> Self {
        Self {
            error_code: ErrorCode::NONE,
            error_message: None,
            group_id: String::new(),
            group_state: String::new(),
            group_epoch: 0,
            assignment_epoch: 0,
            assignor_name: String::new(),
            members: Vec::new(),
            authorized_operations: i32::MIN,
        }
    }
}

impl DescribedGroup {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        20
    }
}

impl Message for DescribedGroup {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(true)?;
        message.group_id = reader.string(true)?;
        message.group_state = reader.string(true)?;
        message.group_epoch = reader.i32()?;
        message.assignment_epoch = reader.i32()?;
        message.assignor_name = reader.string(true)?;
        message.members =
            reader.array(true, Member::size_min(version), |reader| Member::decode(reader, version))?;
        message.authorized_operations = reader.i32()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.error_code(self.error_code);
        writer.nullable_string(true, true, self.error_message.as_deref());
        writer.string(true, &self.group_id);
        writer.string(true, &self.group_state);
        writer.i32(self.group_epoch);
        writer.i32(self.assignment_epoch);
        writer.string(true, &self.assignor_name);
        writer.array_len(true, self.members.len());
        for item in &self.members {
            item.encode(writer, version);
        }
        writer.i32(self.authorized_operations);
        writer.no_tags();
    }
}

/// `Member`.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub member_id: String,
    pub instance_id: Option<String>,
    pub rack_id: Option<String>,
    pub member_epoch: i32,
    pub client_id: String,
    pub client_host: String,
    pub subscribed_topic_names: Vec<String>,
    pub subscribed_topic_regex: Option<String>,
    pub assignment: Assignment,
    pub target_assignment: Assignment,
    pub member_type: i8,
}

impl Default for Member {
    fn default() -> Self {
        Self {
            member_id: String::new(),
            instance_id: None,
            rack_id: None,
            member_epoch: 0,
            client_id: String::new(),
            client_host: String::new(),
            subscribed_topic_names: Vec::new(),
            subscribed_topic_regex: None,
            assignment: Assignment::default(),
            target_assignment: Assignment::default(),
            member_type: -1,
        }
    }
}

impl Member {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 16,
            _ => 17,
        }
    }
}

impl Message for Member {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.member_id = reader.string(true)?;
        message.instance_id = reader.nullable_string(true)?;
        message.rack_id = reader.nullable_string(true)?;
        message.member_epoch = reader.i32()?;
        message.client_id = reader.string(true)?;
        message.client_host = reader.string(true)?;
        message.subscribed_topic_names = reader.array(true, 1, |reader| reader.string(true))?;
        message.subscribed_topic_regex = reader.nullable_string(true)?;
        message.assignment = Assignment::decode(reader, version)?;
        message.target_assignment = Assignment::decode(reader, version)?;
        if version == 1 {
            message.member_type = reader.i8()?;
        }
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.string(true, &self.member_id);
        writer.nullable_string(true, true, self.instance_id.as_deref());
        writer.nullable_string(true, true, self.rack_id.as_deref());
        writer.i32(self.member_epoch);
        writer.string(true, &self.client_id);
        writer.string(true, &self.client_host);
        writer.array_len(true, self.subscribed_topic_names.len());
        for item in &self.subscribed_topic_names {
            writer.string(true, item);
        }
        writer.nullable_string(true, true, self.subscribed_topic_regex.as_deref());
        self.assignment.encode(writer, version);
        self.target_assignment.encode(writer, version);
        if version == 1 {
            writer.i8(self.member_type);
        }
        writer.no_tags();
    }
}

/// `Assignment`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assignment {
    pub topic_partitions: Vec<TopicPartitions>,
}

impl Message for Assignment {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.topic_partitions = reader.array(true, TopicPartitions::size_min(version), |reader| {
            TopicPartitions::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.array_len(true, self.topic_partitions.len());
        for item in &self.topic_partitions {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `TopicPartitions`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartitions {
    pub topic_id: Uuid,
    pub topic_name: String,
    pub partitions: Vec<i32>,
}

impl TopicPartitions {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        19
    }
}

impl Message for TopicPartitions {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.topic_id = reader.uuid()?;
        message.topic_name = reader.string(true)?;
        message.partitions = reader.array(true, 4, Reader::i32)?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.uuid(self.topic_id);
        writer.string(true, &self.topic_name);
        writer.array_len(true, self.partitions.len());
        for item in &self.partitions {
            writer.i32(*item);
        }
        writer.no_tags();
    }
}
