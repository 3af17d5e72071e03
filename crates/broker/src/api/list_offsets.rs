//! ListOffsets (key 2): finds offsets by time, or by one of the names that negative times stand for.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use clock::Now;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse,
};

use crate::call::Call;
use crate::replica::{Isolation, OffsetAndTime};
use crate::{Broker, Effect, TopicPartition};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=11;

/// The next offset that will be readable: the high watermark, or the last stable offset.
const LATEST: i64 = -1;
/// The start of the log.
const EARLIEST: i64 = -2;
/// The record with the greatest timestamp (KIP-734).
const MAX_TIMESTAMP: i64 = -3;
/// The start of what is on the broker's own disks (KIP-405): for us, the start of the log.
const EARLIEST_LOCAL: i64 = -4;
/// The end of what is in tiered storage (KIP-1005): nothing.
const LATEST_TIERED: i64 = -5;
/// The start of what is not yet in tiered storage (KIP-1023): nothing, as nothing will be.
const EARLIEST_PENDING_UPLOAD: i64 = -6;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    call: Call,
    request: ListOffsetsRequest,
    effects: &mut Vec<Effect>,
) {
    let isolation = Isolation::of(request.replica_id, request.isolation_level);
    let twice = named_twice(&request);
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let name: Arc<str> = topic.name.as_str().into();
        let partitions = topic
            .partitions
            .iter()
            .map(|asked| {
                let partition = TopicPartition::new(name.clone(), asked.partition_index);
                let found = if twice.contains(&partition) {
                    Err(ErrorCode::INVALID_REQUEST)
                } else {
                    find(broker, call.api_version, isolation, &partition, asked)
                };
                answer_to(asked, call.api_version, found)
            })
            .collect();
        topics.push(ListOffsetsTopicResponse { name: topic.name, partitions });
    }
    let response = ListOffsetsResponse { topics, ..Default::default() };
    broker.answer(call, &response, effects);
}

struct Found {
    at: OffsetAndTime,
    leader_epoch: i32,
    /// Start of the log, which version 0 lists too.
    log_start: i64,
}

/// Since when a timestamp that is none has its meaning; `None` if it has none.
fn first_version_of(timestamp: i64) -> Option<i16> {
    match timestamp {
        LATEST | EARLIEST => Some(0),
        MAX_TIMESTAMP => Some(7),
        EARLIEST_LOCAL => Some(8),
        LATEST_TIERED => Some(9),
        EARLIEST_PENDING_UPLOAD => Some(11),
        _ => None,
    }
}

/// Returns `None` if no offset is meant by the asked time.
fn find<D: Disk>(
    broker: &mut Broker<D>,
    version: i16,
    isolation: Isolation,
    partition: &TopicPartition,
    asked: &ListOffsetsPartition,
) -> Result<Option<Found>, ErrorCode> {
    // Before anything is said of the partition, as in Kafka.
    if asked.timestamp < 0 && first_version_of(asked.timestamp).is_none_or(|first| version < first) {
        return Err(ErrorCode::UNSUPPORTED_VERSION);
    }
    let replica = broker.leader_to_read(partition, asked.current_leader_epoch)?;
    let log_start = replica.log_start_offset();
    let named = |offset| Some(OffsetAndTime { offset, timestamp: -1 });
    let readable_end = replica.readable_end(isolation);
    let at = match asked.timestamp {
        LATEST => named(readable_end),
        EARLIEST => named(log_start),
        MAX_TIMESTAMP => {
            // The record may be below the start of the log, where the history of epochs does not reach any more.
            // Without any record Kafka tells the leader's epoch all the same.
            let newest = replica.offset_of_max_timestamp()?;
            let (at, leader_epoch) = newest.unwrap_or_else(|| (OffsetAndTime::NONE, replica.latest_epoch()));
            return Ok(Some(Found { at, leader_epoch, log_start }));
        }
        EARLIEST_LOCAL => named(log_start),
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => None,
        time => replica.offset_for_timestamp(time)?.filter(|at| at.offset < readable_end),
    };
    Ok(at.map(|at| Found { at, leader_epoch: replica.epoch_of(at.offset), log_start }))
}

fn answer_to(
    asked: &ListOffsetsPartition,
    version: i16,
    found: Result<Option<Found>, ErrorCode>,
) -> ListOffsetsPartitionResponse {
    let mut answer =
        ListOffsetsPartitionResponse { partition_index: asked.partition_index, ..Default::default() };
    match found {
        Err(error) => answer.error_code = error,
        Ok(None) => {}
        Ok(Some(found)) if version == 0 => answer.old_style_offsets = old_style(asked, &found),
        Ok(Some(found)) => {
            answer.timestamp = found.at.timestamp;
            answer.offset = found.at.offset;
            answer.leader_epoch = found.leader_epoch;
        }
    }
    answer
}

/// What version 0 wants: a few offsets from which reading can start, greatest first.
fn old_style(asked: &ListOffsetsPartition, found: &Found) -> Vec<i64> {
    let mut offsets = vec![found.at.offset, found.log_start];
    offsets.dedup();
    offsets.truncate(asked.max_num_offsets.max(0) as usize);
    offsets
}

fn named_twice(request: &ListOffsetsRequest) -> BTreeSet<TopicPartition> {
    let mut seen = BTreeSet::new();
    let mut twice = BTreeSet::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            if !seen.insert((topic.name.as_str(), partition.partition_index)) {
                twice.insert(TopicPartition::new(topic.name.as_str(), partition.partition_index));
            }
        }
    }
    twice
}
