//! DescribeTopicPartitions (key 75): Metadata in pages, for tools that describe large topics (KIP-966).

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use clock::Now;
use cluster::TopicName;
use disk::Disk;
use kafka_wire::message::describe_topic_partitions::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, DescribeTopicPartitionsResponseCursor,
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kafka_wire::{ErrorCode, Uuid};

use crate::api::metadata::{TOPIC_OPERATIONS, View};
use crate::call::Call;
use crate::limits::DESCRIBED_PARTITIONS_MAX;
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=0;

/// The newest version of Metadata, whose words this API speaks.
const AS_METADATA: i16 = 13;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    call: Call,
    request: DescribeTopicPartitionsRequest,
    effects: &mut Vec<Effect>,
) {
    let response = describe(broker, &call, &request);
    broker.answer(call, &response, effects);
}

fn describe<D: Disk>(
    broker: &Broker<D>,
    call: &Call,
    request: &DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    let metadata = broker.membership.metadata();
    let view = View::new(broker, call.listener, AS_METADATA);
    let (first_topic, first_partition) = request
        .cursor
        .as_ref()
        .map_or(("", 0), |cursor| (cursor.topic_name.as_str(), cursor.partition_index));
    let names: BTreeSet<&str> = if request.topics.is_empty() {
        metadata.topics().map(|topic| &*topic.name).collect()
    } else {
        request.topics.iter().map(|topic| topic.name.as_str()).collect()
    };
    let mut left = request.response_partition_limit.clamp(1, DESCRIBED_PARTITIONS_MAX) as usize;
    let mut response = DescribeTopicPartitionsResponse::default();
    for name in names.range(first_topic..) {
        let from = if *name == first_topic { first_partition } else { 0 };
        let Some(topic) = metadata.topic(name) else {
            response.topics.push(unknown(name));
            continue;
        };
        let mut rest = topic.partitions.iter().filter(|partition| partition.partition >= from);
        let page: Vec<_> = rest.by_ref().take(left).collect();
        left -= page.len();
        let next = rest.next();
        if !(page.is_empty() && next.is_some()) {
            response.topics.push(DescribeTopicPartitionsResponseTopic {
                error_code: ErrorCode::NONE,
                name: Some((*name).to_string()),
                topic_id: Uuid(topic.id.0),
                is_internal: topic.internal,
                partitions: page.into_iter().map(|partition| words(view.partition(partition))).collect(),
                topic_authorized_operations: TOPIC_OPERATIONS,
            });
        }
        if let Some(next) = next {
            response.next_cursor = Some(DescribeTopicPartitionsResponseCursor {
                topic_name: (*name).to_string(),
                partition_index: next.partition,
            });
            break;
        }
    }
    response
}

fn unknown(name: &str) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic {
        error_code: match TopicName::parse(name) {
            Ok(_) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            Err(_) => ErrorCode::INVALID_TOPIC_EXCEPTION,
        },
        name: Some(name.to_string()),
        ..Default::default()
    }
}

fn words(
    partition: kafka_wire::message::metadata::MetadataResponsePartition,
) -> DescribeTopicPartitionsResponsePartition {
    DescribeTopicPartitionsResponsePartition {
        error_code: partition.error_code,
        partition_index: partition.partition_index,
        leader_id: partition.leader_id,
        leader_epoch: partition.leader_epoch,
        replica_nodes: partition.replica_nodes,
        isr_nodes: partition.isr_nodes,
        // A cluster over ZooKeeper knows no eligible replicas outside of the in-sync set.
        // Never null: the Java admin client falls over it, and Kafka sends an empty list.
        eligible_leader_replicas: Some(Vec::new()),
        last_known_elr: Some(Vec::new()),
        offline_replicas: partition.offline_replicas,
    }
}
