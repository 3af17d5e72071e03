//! DeleteRecords (key 21): moves the start of partitions forward; what is before it is gone for clients
//! at once and from the disk when its segment is.

use std::ops::RangeInclusive;
use std::sync::Arc;

use clock::Now;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::delete_records::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse,
    DeleteRecordsTopicResult,
};

use crate::call::Call;
use crate::purgatory::WatchKey;
use crate::{Broker, Effect, TopicPartition};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=2;

/// The offset that stands for the high watermark.
const HIGH_WATERMARK: i64 = -1;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: DeleteRecordsRequest,
    effects: &mut Vec<Effect>,
) {
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let name: Arc<str> = topic.name.as_str().into();
        let partitions = topic
            .partitions
            .iter()
            .map(|partition| {
                let deleted = delete(broker, now, &name, partition);
                DeleteRecordsPartitionResult {
                    partition_index: partition.partition_index,
                    low_watermark: *deleted.as_ref().unwrap_or(&-1),
                    error_code: deleted.err().unwrap_or(ErrorCode::NONE),
                }
            })
            .collect();
        topics.push(DeleteRecordsTopicResult { name: topic.name, partitions });
    }
    let response = DeleteRecordsResponse { topics, ..Default::default() };
    broker.answer(call, &response, effects);
}

/// Returns the new start of the log.
fn delete<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    topic: &Arc<str>,
    asked: &DeleteRecordsPartition,
) -> Result<i64, ErrorCode> {
    if cluster::is_internal(topic) {
        return Err(ErrorCode::INVALID_TOPIC_EXCEPTION);
    }
    let partition = TopicPartition::new(topic.clone(), asked.partition_index);
    let replica = broker.leader(&partition, -1)?;
    let before = if asked.offset == HIGH_WATERMARK { replica.high_watermark() } else { asked.offset };
    let low_watermark = replica.delete_records_before(now, before)?;
    broker.purgatory.touch(&WatchKey::Partition(partition));
    Ok(low_watermark)
}
