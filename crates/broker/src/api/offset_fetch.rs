//! OffsetFetch (key 9): tells how far groups have read. One group before version 8, then many.
//!
//! Version 0 is not served: it read offsets from ZooKeeper, and no client of the last ten years sends it.

use std::ops::RangeInclusive;

use clock::Now;
use cluster::TopicId;
use coordinator::{Answer, Fetched, FetchedPartition, Input};
use disk::Disk;
use kafka_wire::message::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_wire::{ErrorCode, Uuid};

use crate::call::Call;
use crate::{Broker, Effect, groups};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 1..=10;

/// From which version on an error of the group stands above the topics.
const GROUP_ERROR_SINCE: i16 = 2;
/// From which version on there are many groups.
const MANY_GROUPS_SINCE: i16 = 8;
/// From which version on topics have ids instead of names.
const TOPIC_IDS_SINCE: i16 = 10;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: OffsetFetchRequest,
    effects: &mut Vec<Effect>,
) {
    let stable = request.require_stable;
    let response = if call.api_version >= MANY_GROUPS_SINCE {
        let by_id = call.api_version >= TOPIC_IDS_SINCE;
        let groups = request.groups.into_iter();
        let groups = groups.map(|group| fetch(broker, now, group, by_id, stable, effects)).collect();
        OffsetFetchResponse { groups, ..Default::default() }
    } else {
        let topics = request.topics.map(|topics| {
            let topics = topics.into_iter();
            let asked = topics.map(|topic| OffsetFetchRequestTopics {
                name: topic.name,
                partition_indexes: topic.partition_indexes,
                ..Default::default()
            });
            asked.collect::<Vec<_>>()
        });
        let group = OffsetFetchRequestGroup {
            group_id: request.group_id,
            topics: topics.clone(),
            ..Default::default()
        };
        let fetched = fetch(broker, now, group, false, stable, effects);
        response_for_one(call.api_version, fetched, topics.unwrap_or_default())
    };
    broker.answer(call, &response, effects);
}

/// What one group has committed.
fn fetch<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    request: OffsetFetchRequestGroup,
    by_id: bool,
    require_stable: bool,
    effects: &mut Vec<Effect>,
) -> OffsetFetchResponseGroup {
    let group_id = request.group_id.clone();
    let mut unknown = Vec::new();
    let topics = request.topics.map(|topics| {
        let mut asked = Vec::with_capacity(topics.len());
        for topic in topics {
            if !by_id {
                asked.push((topic.name, topic.partition_indexes));
                continue;
            }
            match broker.topic_named("", topic.topic_id, true) {
                Ok(name) => asked.push((name.to_string(), topic.partition_indexes)),
                Err(error) => unknown.push(refused(topic, error)),
            }
        }
        asked
    });
    let member = request.member_id.map(|id| (id, request.member_epoch));
    let input = |token| Input::Fetch { token, group: request.group_id, topics, member, require_stable };
    let answer = groups::ask_now(broker, now, input, effects);
    let Answer::Fetch(Fetched { error, topics }) = answer else { unreachable!("a fetch is answered as one") };
    if !error.is_none() {
        return OffsetFetchResponseGroup { group_id, error_code: error, ..Default::default() };
    }
    let mut told = Vec::with_capacity(topics.len() + unknown.len());
    for (name, partitions) in topics {
        let topic_id = if by_id {
            // A topic that is gone has no id to be called by.
            let Some(known) = broker.membership.metadata().topic(&name) else { continue };
            if known.id == TopicId::ZERO {
                continue;
            }
            Uuid(known.id.0)
        } else {
            Uuid::ZERO
        };
        let partitions = partitions.into_iter().map(partition).collect();
        told.push(OffsetFetchResponseTopics { name, topic_id, partitions });
    }
    told.append(&mut unknown);
    OffsetFetchResponseGroup { group_id, topics: told, error_code: ErrorCode::NONE }
}

fn partition(told: FetchedPartition) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index: told.partition,
        committed_offset: told.offset,
        committed_leader_epoch: told.leader_epoch,
        metadata: Some(told.metadata),
        error_code: told.error,
    }
}

/// All partitions of a topic with an error.
fn refused(topic: OffsetFetchRequestTopics, error_code: ErrorCode) -> OffsetFetchResponseTopics {
    let partition = |partition_index| OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some(String::new()),
        error_code,
    };
    OffsetFetchResponseTopics {
        name: topic.name,
        topic_id: topic.topic_id,
        partitions: topic.partition_indexes.into_iter().map(partition).collect(),
    }
}

/// The form before version 8.
fn response_for_one(
    version: i16,
    mut group: OffsetFetchResponseGroup,
    asked: Vec<OffsetFetchRequestTopics>,
) -> OffsetFetchResponse {
    if version < GROUP_ERROR_SINCE && !group.error_code.is_none() {
        group.topics = asked.into_iter().map(|topic| refused(topic, group.error_code)).collect();
    }
    let topic = |topic: OffsetFetchResponseTopics| {
        let partitions = topic.partitions.into_iter().map(|told| OffsetFetchResponsePartition {
            partition_index: told.partition_index,
            committed_offset: told.committed_offset,
            committed_leader_epoch: told.committed_leader_epoch,
            metadata: told.metadata,
            error_code: told.error_code,
        });
        OffsetFetchResponseTopic { name: topic.name, partitions: partitions.collect() }
    };
    OffsetFetchResponse {
        error_code: group.error_code,
        topics: group.topics.into_iter().map(topic).collect(),
        ..Default::default()
    }
}
