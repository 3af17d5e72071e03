//! OffsetCommit (key 8): keeps how far a group has read, as records of `__consumer_offsets`.
//!
//! Version 0 is not served: it kept offsets in ZooKeeper, and no client of the last ten years sends it.

use std::ops::RangeInclusive;

use clock::Now;
use coordinator::{CommitRequest, Input, OffsetCommit, Outcome};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitResponse, OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
};

use crate::call::Call;
use crate::groups::{self, Asked};
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 1..=10;

/// A request whose offsets are being written.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    /// The response, complete but for the partitions that are being written.
    response: OffsetCommitResponse,
    /// The places of those, in the order in which they were handed over.
    open: Vec<(usize, usize)>,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: OffsetCommitRequest,
    effects: &mut Vec<Effect>,
) {
    let by_id = call.api_version >= 10;
    let mut response = OffsetCommitResponse::default();
    let (mut offsets, mut open) = (Vec::new(), Vec::new());
    for topic in request.topics {
        let name = broker.topic_named(&topic.name, topic.topic_id, by_id);
        let known = name.as_ref().ok().and_then(|name| broker.membership.metadata().topic(name).cloned());
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            let partition_index = partition.partition_index;
            let error_code = match (&name, &known) {
                (Err(error), _) => *error,
                (Ok(name), Some(known)) if known.partition(partition_index).is_some() => {
                    open.push((response.topics.len(), partitions.len()));
                    offsets.push(offset(name.to_string(), partition));
                    ErrorCode::NONE
                }
                _ => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            };
            partitions.push(OffsetCommitResponsePartition { partition_index, error_code });
        }
        response.topics.push(OffsetCommitResponseTopic {
            name: topic.name,
            topic_id: topic.topic_id,
            partitions,
        });
    }
    if offsets.is_empty() {
        return broker.answer(call, &response, effects);
    }
    let request = CommitRequest {
        group: request.group_id,
        generation: request.generation_id_or_member_epoch,
        member_id: request.member_id,
        instance_id: request.group_instance_id,
        retention_ms: (request.retention_time_ms != -1).then_some(request.retention_time_ms),
        knows_group_id_not_found: call.api_version >= 9,
        producer: None,
        offsets,
    };
    let asked = Asked::OffsetCommit(Waiting { call, response, open });
    groups::ask(broker, now, asked, |token| Input::Commit(token, request), effects);
}

fn offset(topic: String, partition: OffsetCommitRequestPartition) -> OffsetCommit {
    OffsetCommit {
        topic,
        partition: partition.partition_index,
        offset: partition.committed_offset,
        leader_epoch: partition.committed_leader_epoch,
        metadata: partition.committed_metadata,
        timestamp_ms: (partition.commit_timestamp != -1).then_some(partition.commit_timestamp),
    }
}

/// The offsets are durable, or cannot be.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    waiting: Waiting,
    outcomes: Vec<Outcome>,
    effects: &mut Vec<Effect>,
) {
    let Waiting { call, mut response, open } = waiting;
    assert_eq!(outcomes.len(), open.len(), "each offset has its outcome");
    for ((topic, partition), outcome) in open.into_iter().zip(outcomes) {
        response.topics[topic].partitions[partition].error_code = outcome.error;
    }
    broker.answer(call, &response, effects);
}
