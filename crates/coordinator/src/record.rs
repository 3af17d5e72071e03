//! The records of `__consumer_offsets`, byte for byte as Kafka 3.9 writes them.
//!
//! A key is a version (i16) and its fields: 0 and 1 are an offset, 2 a classic group, 3 to 8 and 16 the
//! parts of a group of the consumer protocol (`consumer/change.rs`). A value is a
//! version (i16) and its fields. Offsets are written as value version 3 (version 1 if the client chose
//! how long they live), groups as version 3; versions 0 to 4 of both are read. Version 4 is not written
//! because the tools that read this topic directly do not know it.

use bytes::Bytes;
use kafka_wire::records::group_metadata::{GroupMetadataKey, GroupMetadataValue, MemberMetadata};
use kafka_wire::records::offset_commit::{OffsetCommitKey, OffsetCommitValue};
use kafka_wire::{Message, Reader, WireError, Writer};

use crate::effect::Record;
use crate::group::Group;
use crate::member::Member;
use crate::offsets::{Committed, TopicPartition};

/// A key of `__consumer_offsets`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Key {
    /// An offset; key versions 0 and 1.
    Offset {
        /// The group.
        group: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
    },
    /// A classic group; key version 2.
    Group {
        /// The group.
        group: String,
    },
    /// Something that this coordinator does not keep.
    Unknown {
        /// Version of the key.
        version: i16,
    },
}

impl Key {
    /// Reads a key.
    pub fn decode(key: &Bytes) -> Result<Key, WireError> {
        let mut reader = Reader::new(key.clone());
        let version = reader.i16()?;
        Ok(match version {
            0..=1 => {
                let key = OffsetCommitKey::decode(&mut reader, version)?;
                Key::Offset { group: key.group, topic: key.topic, partition: key.partition }
            }
            2 => Key::Group { group: GroupMetadataKey::decode(&mut reader, version)?.group },
            _ => Key::Unknown { version },
        })
    }
}

/// The key of an offset without copies: loading reads millions of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OffsetKey<'a> {
    pub(crate) group: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
}

impl<'a> OffsetKey<'a> {
    /// Reads the key of an offset (versions 0 and 1); `None` if it is anything else.
    pub(crate) fn decode(key: &'a [u8]) -> Option<Self> {
        let (version, rest) = key.split_first_chunk::<2>()?;
        if !matches!(i16::from_be_bytes(*version), 0..=1) {
            return None;
        }
        let (group, rest) = text(rest)?;
        let (topic, rest) = text(rest)?;
        let (partition, _) = rest.split_first_chunk::<4>()?;
        Some(OffsetKey { group, topic, partition: i32::from_be_bytes(*partition) })
    }
}

/// A string of the classic encoding, and what follows it.
fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let length = usize::try_from(i16::from_be_bytes(*length)).ok()?;
    let (text, rest) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

/// The value of an offset, for tools that read the topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OffsetValue {
    /// The next offset that the group will read.
    pub offset: i64,
    /// Leader epoch of the record before it, or -1.
    pub leader_epoch: i32,
    /// The client's own words.
    pub metadata: String,
    /// Milliseconds since 1970.
    pub committed_ms: i64,
}

impl OffsetValue {
    /// Reads a value of any version.
    pub fn decode(value: &Bytes) -> Result<OffsetValue, WireError> {
        let committed = read_offset(value)?;
        Ok(OffsetValue {
            offset: committed.offset,
            leader_epoch: committed.leader_epoch,
            metadata: committed.metadata.into_string(),
            committed_ms: committed.committed_ms,
        })
    }
}

/// A group as its record has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct GroupValue {
    pub(crate) protocol_type: String,
    pub(crate) generation: i32,
    pub(crate) protocol: Option<String>,
    pub(crate) leader: Option<String>,
    pub(crate) state_since_ms: Option<i64>,
    pub(crate) members: Vec<MemberValue>,
}

/// A member as the group's record has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct MemberValue {
    pub(crate) id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session_timeout_ms: i32,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) subscription: Bytes,
    pub(crate) assignment: Bytes,
}

/// Version of offset keys.
const OFFSET_KEY_VERSION: i16 = 1;
/// Version of group keys.
const GROUP_KEY_VERSION: i16 = 2;
/// Version of values, for offsets without an expiry of their own and for groups.
const VALUE_VERSION: i16 = 3;
/// The one version of an offset's value that has an expiry.
const EXPIRING_VALUE_VERSION: i16 = 1;

pub(crate) fn offset_key(group: &str, at: &TopicPartition) -> Bytes {
    let key = OffsetCommitKey { group: group.to_owned(), topic: at.topic.clone(), partition: at.partition };
    versioned(&key, OFFSET_KEY_VERSION)
}

pub(crate) fn offset(group: &str, at: &TopicPartition, committed: &Committed) -> Record {
    let value = OffsetCommitValue {
        offset: committed.offset,
        leader_epoch: committed.leader_epoch,
        metadata: committed.metadata.to_string(),
        commit_timestamp: committed.committed_ms,
        expire_timestamp: committed.expires_ms.unwrap_or(-1),
        ..OffsetCommitValue::default()
    };
    let version = if committed.expires_ms.is_some() { EXPIRING_VALUE_VERSION } else { VALUE_VERSION };
    Record { key: offset_key(group, at), value: Some(versioned(&value, version)) }
}

pub(crate) fn read_offset(value: &Bytes) -> Result<Committed, WireError> {
    let mut reader = Reader::new(value.clone());
    let version = reader.i16()?;
    let value = OffsetCommitValue::decode(&mut reader, version)?;
    Ok(Committed {
        offset: value.offset,
        leader_epoch: value.leader_epoch,
        metadata: value.metadata.into_boxed_str(),
        committed_ms: value.commit_timestamp,
        expires_ms: (value.expire_timestamp != -1).then_some(value.expire_timestamp),
        position: -1,
    })
}

pub(crate) fn group_key(group: &str) -> Bytes {
    versioned(&GroupMetadataKey { group: group.to_owned() }, GROUP_KEY_VERSION)
}

impl Group {
    /// The group's record, with the assignment that `assigned` gives each member.
    pub(crate) fn record(&self, assigned: impl Fn(&Member) -> Bytes) -> Record {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let member = |member: &Member| MemberMetadata {
            member_id: member.id.to_string(),
            group_instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            rebalance_timeout: i32::try_from(member.rebalance_timeout.as_ms()).unwrap_or(i32::MAX),
            session_timeout: i32::try_from(member.session_timeout.as_ms()).unwrap_or(i32::MAX),
            subscription: member.metadata(protocol),
            assignment: assigned(member),
        };
        let value = GroupMetadataValue {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader().map(|leader| leader.to_string()),
            current_state_timestamp: self.state_since_ms.unwrap_or(-1),
            members: self.members().map(member).collect(),
        };
        Record { key: group_key(&self.id), value: Some(versioned(&value, VALUE_VERSION)) }
    }
}

pub(crate) fn read_group(value: &Bytes) -> Result<GroupValue, WireError> {
    let mut reader = Reader::new(value.clone());
    let version = reader.i16()?;
    let value = GroupMetadataValue::decode(&mut reader, version)?;
    // Version 0 knew one time-out only.
    let rebalance_of = |member: &MemberMetadata| {
        if version == 0 { member.session_timeout } else { member.rebalance_timeout }
    };
    let to_member = |member: MemberMetadata| MemberValue {
        rebalance_timeout_ms: rebalance_of(&member),
        id: member.member_id,
        instance_id: member.group_instance_id,
        client_id: member.client_id,
        client_host: member.client_host,
        session_timeout_ms: member.session_timeout,
        // Copies, so that a group does not hold on to the read buffer.
        subscription: Bytes::copy_from_slice(&member.subscription),
        assignment: Bytes::copy_from_slice(&member.assignment),
    };
    Ok(GroupValue {
        protocol_type: value.protocol_type,
        generation: value.generation,
        protocol: value.protocol,
        leader: value.leader,
        state_since_ms: (value.current_state_timestamp != -1).then_some(value.current_state_timestamp),
        members: value.members.into_iter().map(to_member).collect(),
    })
}

/// A key: its type, which stands where the version of a value does, and its fields.
pub(crate) fn versioned_key<M: Message>(kind: i16, message: &M) -> Bytes {
    let mut writer = Writer::new();
    writer.i16(kind);
    message.encode(&mut writer, *M::VERSIONS.end());
    writer.into_bytes()
}

pub(crate) fn versioned<M: Message>(message: &M, version: i16) -> Bytes {
    let mut writer = Writer::new();
    writer.i16(version);
    message.encode(&mut writer, version);
    writer.into_bytes()
}

/// Version of a value, for tests and tools; `None` if it has none.
#[cfg(test)]
pub(crate) fn version_of(value: &[u8]) -> Option<i16> {
    value.first_chunk().map(|version| i16::from_be_bytes(*version))
}
