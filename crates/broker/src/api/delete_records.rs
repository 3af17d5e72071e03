//! DeleteRecords (key 21): moves the start of partitions forward; what is before it is gone for clients
//! at once and from the disk when its segment is. The answer waits for all live replicas, so that no new leader
//! brings back what was deleted.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use clock::{Moment, Now, Span};
use cluster::BrokerId;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::delete_records::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse,
    DeleteRecordsTopicResult,
};

use crate::call::Call;
use crate::limits::DELETE_RECORDS_WAIT_MAX;
use crate::purgatory::{Parked, Patience, WatchKey};
use crate::{Broker, Effect, TopicPartition};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=2;

/// The offset that stands for the high watermark.
const HIGH_WATERMARK: i64 = -1;

/// A request that waits until every live replica has forgotten what was deleted.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    deadline: Moment,
    topics: Vec<DeleteRecordsTopicResult>,
    /// Where logs must start: by the places of topic and partition.
    needed: BTreeMap<(usize, usize), (TopicPartition, i64)>,
}

/// Answers the request, when all replicas have done it.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: DeleteRecordsRequest,
    effects: &mut Vec<Effect>,
) {
    let mut topics = Vec::with_capacity(request.topics.len());
    let mut needed = BTreeMap::new();
    for (place, topic) in request.topics.into_iter().enumerate() {
        let name: Arc<str> = topic.name.as_str().into();
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for (number, asked) in topic.partitions.iter().enumerate() {
            let partition = TopicPartition::new(name.clone(), asked.partition_index);
            let deleted = delete(broker, now, &partition, asked);
            if let Ok(start) = deleted {
                needed.insert((place, number), (partition, start));
            }
            partitions.push(DeleteRecordsPartitionResult {
                partition_index: asked.partition_index,
                low_watermark: -1,
                error_code: deleted.err().unwrap_or(ErrorCode::NONE),
            });
        }
        topics.push(DeleteRecordsTopicResult { name: topic.name, partitions });
    }
    let deadline = now.moment + Span::ms(request.timeout_ms.max(0) as u64).min(DELETE_RECORDS_WAIT_MAX);
    let patience = if deadline <= now.moment { Patience::Over } else { Patience::Left };
    retry(broker, now, Waiting { call, deadline, topics, needed }, patience, effects);
}

/// Answers if all replicas have done it or the time is over, and waits on otherwise.
pub(crate) fn retry<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    mut waiting: Waiting,
    patience: Patience,
    effects: &mut Vec<Effect>,
) {
    let Waiting { topics, needed, .. } = &mut waiting;
    needed.retain(|&(place, number), (partition, needed)| {
        let result = &mut topics[place].partitions[number];
        match lowest_start(broker, partition) {
            Ok(lowest) => {
                result.low_watermark = lowest;
                let is_done = lowest >= *needed;
                if !is_done && patience == Patience::Over {
                    result.error_code = ErrorCode::REQUEST_TIMED_OUT;
                }
                !is_done
            }
            Err(error_code) => {
                result.error_code = error_code;
                false
            }
        }
    });
    if needed.is_empty() || patience == Patience::Over {
        let response = DeleteRecordsResponse { topics: waiting.topics, ..Default::default() };
        return broker.answer(waiting.call, &response, effects);
    }
    let mut keys: Vec<WatchKey> =
        needed.values().map(|(partition, _)| WatchKey::Partition(partition.clone())).collect();
    // Nobody waits for a replica that is gone.
    keys.push(WatchKey::Topics);
    let (connection, deadline) = (waiting.call.connection, waiting.deadline);
    broker.purgatory.park(connection, deadline, keys, Parked::DeleteRecords(waiting));
}

/// Where the log starts on the live replica that has deleted least.
fn lowest_start<D: Disk>(broker: &mut Broker<D>, partition: &TopicPartition) -> Result<i64, ErrorCode> {
    let metadata = Arc::clone(broker.membership.metadata());
    let replica = broker.leader_to_read(partition, -1)?;
    let start = replica.log_start_offset();
    let leadership = replica.leadership().ok_or(ErrorCode::NOT_LEADER_OR_FOLLOWER)?;
    Ok(leadership.lowest_log_start(start, |id| metadata.is_live(BrokerId(id))))
}

/// Returns the new start of the log.
fn delete<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    partition: &TopicPartition,
    asked: &DeleteRecordsPartition,
) -> Result<i64, ErrorCode> {
    if cluster::is_internal(&partition.topic) {
        return Err(ErrorCode::INVALID_TOPIC_EXCEPTION);
    }
    let replica = broker.leader(partition, -1)?;
    let before = if asked.offset == HIGH_WATERMARK { replica.high_watermark() } else { asked.offset };
    let start = replica.delete_records_before(now, before)?;
    broker.purgatory.touch(&WatchKey::Partition(partition.clone()));
    Ok(start)
}
