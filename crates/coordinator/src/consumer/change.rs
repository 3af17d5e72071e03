//! The changes of a consumer group, each of which is one record of `__consumer_offsets`: keys 3 to 8 and
//! 16, byte for byte as Kafka 4.1 and later write them.
//!
//! Source: the record schemas of the group coordinator (KIP-848, KIP-1043, KIP-1101). Key 4 is read and
//! taken away, since the hash in key 3 took its place.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use kafka_wire::records::consumer_group::{
    ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue,
    ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue, ConsumerGroupMetadataKey,
    ConsumerGroupMetadataValue, ConsumerGroupPartitionMetadataKey, ConsumerGroupRegularExpressionKey,
    ConsumerGroupRegularExpressionValue, ConsumerGroupTargetAssignmentMemberKey,
    ConsumerGroupTargetAssignmentMemberValue, ConsumerGroupTargetAssignmentMetadataKey,
    ConsumerGroupTargetAssignmentMetadataValue, TopicPartition, TopicPartitions,
};
use kafka_wire::{Message, Reader, WireError};

use super::pattern::Resolved;
use super::{Assignment, Current, Standing, Subscription};
use crate::effect::Record;
use crate::record::{versioned, versioned_key};

/// One change; no value is a tombstone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    /// Key 3: the group's epoch, and the hash of its topics.
    Epoch(Option<(i32, i64)>),
    /// Key 4: whether the record is there.
    Legacy(bool),
    /// Key 5: a member's subscription.
    Member(Arc<str>, Option<Arc<Subscription>>),
    /// Key 6: the epoch of the targets.
    TargetEpoch(Option<i32>),
    /// Key 7: what a member should have.
    Target(Arc<str>, Option<Arc<Assignment>>),
    /// Key 8: what a member has.
    Current(Arc<str>, Option<Arc<Current>>),
    /// Key 16: what a pattern matched.
    Pattern(String, Option<Arc<Resolved>>),
}

/// Version of all values so far.
const VALUE_VERSION: i16 = 0;

/// Type of the keys of patterns, which is written in front of them as a version.
const PATTERN_KEY: i16 = 16;

/// The keys that are read here.
pub(crate) fn is_ours(key_version: i16) -> bool {
    matches!(key_version, 3..=8 | PATTERN_KEY)
}

impl Change {
    /// The record that says so.
    pub(crate) fn record(&self, group: &str) -> Record {
        let group_id = group.to_owned();
        let value = |message: Bytes| Some(message);
        match self {
            Change::Epoch(epoch) => Record {
                key: versioned_key(3, &ConsumerGroupMetadataKey { group_id }),
                value: epoch.and_then(|(epoch, metadata_hash)| {
                    value(versioned(&ConsumerGroupMetadataValue { epoch, metadata_hash }, VALUE_VERSION))
                }),
            },
            // Never written anew.
            Change::Legacy(_) => {
                Record { key: versioned_key(4, &ConsumerGroupPartitionMetadataKey { group_id }), value: None }
            }
            Change::Member(id, subscription) => Record {
                key: versioned_key(
                    5,
                    &ConsumerGroupMemberMetadataKey { group_id, member_id: id.to_string() },
                ),
                value: subscription.as_deref().map(write_subscription),
            },
            Change::TargetEpoch(epoch) => Record {
                key: versioned_key(6, &ConsumerGroupTargetAssignmentMetadataKey { group_id }),
                value: epoch.map(|assignment_epoch| {
                    let message = ConsumerGroupTargetAssignmentMetadataValue { assignment_epoch };
                    versioned(&message, VALUE_VERSION)
                }),
            },
            Change::Target(id, target) => {
                let key = ConsumerGroupTargetAssignmentMemberKey { group_id, member_id: id.to_string() };
                let to_topic = |(topic_id, partitions): (&_, &BTreeSet<i32>)| TopicPartition {
                    topic_id: *topic_id,
                    partitions: partitions.iter().copied().collect(),
                };
                let message = |target: &Assignment| ConsumerGroupTargetAssignmentMemberValue {
                    topic_partitions: target.iter().map(to_topic).collect(),
                };
                Record {
                    key: versioned_key(7, &key),
                    value: target.as_deref().map(|target| versioned(&message(target), VALUE_VERSION)),
                }
            }
            Change::Current(id, current) => {
                let key = ConsumerGroupCurrentMemberAssignmentKey { group_id, member_id: id.to_string() };
                Record { key: versioned_key(8, &key), value: current.as_deref().map(write_current) }
            }
            Change::Pattern(pattern, resolved) => {
                let key = ConsumerGroupRegularExpressionKey { group_id, regular_expression: pattern.clone() };
                let message = |resolved: &Resolved| ConsumerGroupRegularExpressionValue {
                    topics: resolved.topics.iter().cloned().collect(),
                    version: resolved.version,
                    timestamp: resolved.at_ms,
                };
                Record {
                    key: versioned_key(PATTERN_KEY, &key),
                    value: resolved.as_deref().map(|resolved| versioned(&message(resolved), VALUE_VERSION)),
                }
            }
        }
    }

    /// Reads a record whose key [`is_ours`]: the group, and the change.
    pub(crate) fn decode(key: &Bytes, value: Option<&Bytes>) -> Result<(String, Change), WireError> {
        let mut reader = Reader::new(key.clone());
        let version = reader.i16()?;
        Ok(match version {
            3 => {
                let key = ConsumerGroupMetadataKey::decode(&mut reader, version)?;
                let read = |value: ConsumerGroupMetadataValue| (value.epoch, value.metadata_hash);
                (key.group_id, Change::Epoch(body(value)?.map(read)))
            }
            4 => {
                let key = ConsumerGroupPartitionMetadataKey::decode(&mut reader, version)?;
                (key.group_id, Change::Legacy(value.is_some()))
            }
            5 => {
                let key = ConsumerGroupMemberMetadataKey::decode(&mut reader, version)?;
                let member = body(value)?.map(|value| Arc::new(read_subscription(value)));
                (key.group_id, Change::Member(Arc::from(key.member_id), member))
            }
            6 => {
                let key = ConsumerGroupTargetAssignmentMetadataKey::decode(&mut reader, version)?;
                let read = |value: ConsumerGroupTargetAssignmentMetadataValue| value.assignment_epoch;
                (key.group_id, Change::TargetEpoch(body(value)?.map(read)))
            }
            7 => {
                let key = ConsumerGroupTargetAssignmentMemberKey::decode(&mut reader, version)?;
                let read = |value: ConsumerGroupTargetAssignmentMemberValue| {
                    let topics = value.topic_partitions.into_iter();
                    Arc::new(assignment(topics.map(|topic| (topic.topic_id, topic.partitions))))
                };
                (key.group_id, Change::Target(Arc::from(key.member_id), body(value)?.map(read)))
            }
            8 => {
                let key = ConsumerGroupCurrentMemberAssignmentKey::decode(&mut reader, version)?;
                let current = body(value)?.map(|value| Arc::new(read_current(value)));
                (key.group_id, Change::Current(Arc::from(key.member_id), current))
            }
            _ => {
                let key = ConsumerGroupRegularExpressionKey::decode(&mut reader, 0)?;
                let read = |value: ConsumerGroupRegularExpressionValue| {
                    Arc::new(Resolved {
                        topics: value.topics.into_iter().collect(),
                        version: value.version,
                        at_ms: value.timestamp,
                    })
                };
                (key.group_id, Change::Pattern(key.regular_expression, body(value)?.map(read)))
            }
        })
    }
}

fn body<M: Message>(value: Option<&Bytes>) -> Result<Option<M>, WireError> {
    let Some(value) = value else { return Ok(None) };
    let mut reader = Reader::new(value.clone());
    let version = reader.i16()?;
    M::decode(&mut reader, version).map(Some)
}

/// Sorted, without topics that have no partitions.
pub(crate) fn assignment(topics: impl Iterator<Item = (kafka_wire::Uuid, Vec<i32>)>) -> Assignment {
    let mut assignment = Assignment::new();
    for (topic, partitions) in topics.filter(|(_, partitions)| !partitions.is_empty()) {
        assignment.entry(topic).or_default().extend(partitions);
    }
    assignment
}

fn write_subscription(subscription: &Subscription) -> Bytes {
    let message = ConsumerGroupMemberMetadataValue {
        instance_id: subscription.instance_id.clone(),
        rack_id: subscription.rack_id.clone(),
        client_id: subscription.client_id.clone(),
        client_host: subscription.client_host.clone(),
        subscribed_topic_names: subscription.topics.clone(),
        subscribed_topic_regex: subscription.pattern.clone(),
        rebalance_timeout_ms: subscription.rebalance_timeout_ms,
        server_assignor: subscription.assignor.clone(),
        ..ConsumerGroupMemberMetadataValue::default()
    };
    versioned(&message, VALUE_VERSION)
}

fn read_subscription(value: ConsumerGroupMemberMetadataValue) -> Subscription {
    let topics: BTreeSet<String> = value.subscribed_topic_names.into_iter().collect();
    Subscription {
        instance_id: value.instance_id,
        rack_id: value.rack_id,
        client_id: value.client_id,
        client_host: value.client_host,
        topics: topics.into_iter().collect(),
        pattern: value.subscribed_topic_regex.filter(|pattern| !pattern.is_empty()),
        rebalance_timeout_ms: value.rebalance_timeout_ms,
        assignor: value.server_assignor,
    }
}

fn write_current(current: &Current) -> Bytes {
    let to_topic = |(topic_id, partitions): (&_, &BTreeSet<i32>)| TopicPartitions {
        topic_id: *topic_id,
        partitions: partitions.iter().copied().collect(),
    };
    let message = ConsumerGroupCurrentMemberAssignmentValue {
        member_epoch: current.epoch,
        previous_member_epoch: current.previous_epoch,
        state: current.standing as i8,
        assigned_partitions: current.assigned.iter().map(to_topic).collect(),
        partitions_pending_revocation: current.revoking.iter().map(to_topic).collect(),
    };
    versioned(&message, VALUE_VERSION)
}

fn read_current(value: ConsumerGroupCurrentMemberAssignmentValue) -> Current {
    let read = |topics: Vec<TopicPartitions>| {
        assignment(topics.into_iter().map(|topic| (topic.topic_id, topic.partitions)))
    };
    Current {
        epoch: value.member_epoch,
        previous_epoch: value.previous_member_epoch,
        standing: match value.state {
            0 => Standing::Stable,
            1 => Standing::Revoking,
            2 => Standing::Waiting,
            _ => Standing::Unknown,
        },
        assigned: read(value.assigned_partitions),
        revoking: read(value.partitions_pending_revocation),
    }
}
