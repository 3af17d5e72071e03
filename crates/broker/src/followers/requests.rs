//! A follower's requests.

use std::collections::BTreeMap;

use kafka_wire::Uuid;
use kafka_wire::message::fetch::{FetchPartition, FetchRequest, FetchTopic, ForgottenTopic, ReplicaState};
use kafka_wire::message::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};

use super::{Session, Told};
use crate::TopicPartition;

/// The first version of Fetch that names topics by their ids.
pub(super) const TOPIC_IDS_SINCE: i16 = 13;

/// Timestamps that stand for the ends of a log.
pub(super) const EARLIEST: i64 = -2;
pub(super) const LATEST: i64 = -1;

/// How much a fetch brings, and how long it waits.
pub(super) struct Limits {
    wait_ms: i32,
    bytes_min: i32,
    bytes_max: i32,
    partition_bytes_max: i32,
}

impl Limits {
    /// From `replica.fetch.*`, with Kafka's defaults.
    pub(super) fn of(properties: &BTreeMap<String, String>) -> Limits {
        let number = |name: &str, default: i32| {
            properties.get(name).and_then(|text| text.trim().parse().ok()).unwrap_or(default)
        };
        Limits {
            wait_ms: number("replica.fetch.wait.max.ms", 500),
            bytes_min: number("replica.fetch.min.bytes", 1),
            bytes_max: number("replica.fetch.response.max.bytes", 10 << 20),
            partition_bytes_max: number("replica.fetch.max.bytes", 1 << 20),
        }
    }
}

/// The next fetch of a session: all of `wanted` to begin with, then what changed.
pub(super) fn fetch(
    (broker_id, broker_epoch): (i32, i64),
    session: &Session,
    wanted: &BTreeMap<TopicPartition, Told>,
    limits: &Limits,
    id_of: impl Fn(&TopicPartition) -> Uuid,
) -> FetchRequest {
    let is_first = session.epoch == 0;
    let mut topics: Vec<FetchTopic> = Vec::new();
    for (partition, told) in wanted {
        if !is_first && session.told.get(partition) == Some(told) {
            continue;
        }
        if topics.last().is_none_or(|last| last.topic != *partition.topic) {
            let topic_id = id_of(partition);
            topics.push(FetchTopic { topic: partition.topic.to_string(), topic_id, partitions: Vec::new() });
        }
        topics.last_mut().expect("one was pushed for the first partition").partitions.push(FetchPartition {
            partition: partition.partition,
            current_leader_epoch: told.leader_epoch,
            fetch_offset: told.offset,
            last_fetched_epoch: told.last_epoch,
            log_start_offset: told.log_start,
            partition_max_bytes: limits.partition_bytes_max,
            ..Default::default()
        });
    }
    let mut forgotten: Vec<ForgottenTopic> = Vec::new();
    for partition in session.told.keys().filter(|partition| !is_first && !wanted.contains_key(partition)) {
        if forgotten.last().is_none_or(|last| last.topic != *partition.topic) {
            let topic_id = id_of(partition);
            let topic = partition.topic.to_string();
            forgotten.push(ForgottenTopic { topic, topic_id, partitions: Vec::new() });
        }
        forgotten.last_mut().expect("one was pushed").partitions.push(partition.partition);
    }
    FetchRequest {
        replica_id: broker_id,
        replica_state: ReplicaState { replica_id: broker_id, replica_epoch: broker_epoch },
        max_wait_ms: limits.wait_ms,
        min_bytes: limits.bytes_min,
        max_bytes: limits.bytes_max,
        session_id: session.id,
        session_epoch: session.epoch,
        topics,
        forgotten_topics_data: forgotten,
        ..Default::default()
    }
}

/// Asks where the leader's logs begin or end.
pub(super) fn offsets(
    broker_id: i32,
    partitions: &[(TopicPartition, i32)],
    timestamp: i64,
) -> ListOffsetsRequest {
    let mut topics: Vec<ListOffsetsTopic> = Vec::new();
    for (partition, leader_epoch) in partitions {
        if topics.last().is_none_or(|last| last.name != *partition.topic) {
            topics.push(ListOffsetsTopic { name: partition.topic.to_string(), partitions: Vec::new() });
        }
        topics.last_mut().expect("one was pushed").partitions.push(ListOffsetsPartition {
            partition_index: partition.partition,
            current_leader_epoch: *leader_epoch,
            timestamp,
            ..Default::default()
        });
    }
    ListOffsetsRequest { replica_id: broker_id, topics, ..Default::default() }
}
