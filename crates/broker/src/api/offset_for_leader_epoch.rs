//! OffsetForLeaderEpoch (key 23): tells where a leader epoch ends, so that a consumer or follower finds
//! the point up to which its history is the leader's (KIP-101, KIP-320).

use std::ops::RangeInclusive;
use std::sync::Arc;

use clock::Now;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
};

use crate::call::Call;
use crate::{Broker, Effect, TopicPartition};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=4;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    call: Call,
    request: OffsetForLeaderEpochRequest,
    effects: &mut Vec<Effect>,
) {
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let name: Arc<str> = topic.topic.as_str().into();
        let partitions =
            topic.partitions.iter().map(|partition| end_of_epoch(broker, &name, partition)).collect();
        topics.push(OffsetForLeaderTopicResult { topic: topic.topic, partitions });
    }
    let response = OffsetForLeaderEpochResponse { topics, ..Default::default() };
    broker.answer(call, &response, effects);
}

fn end_of_epoch<D: Disk>(
    broker: &mut Broker<D>,
    topic: &Arc<str>,
    asked: &OffsetForLeaderPartition,
) -> EpochEndOffset {
    let unknown = |error_code| EpochEndOffset {
        error_code,
        partition: asked.partition,
        leader_epoch: -1,
        end_offset: -1,
    };
    let partition = TopicPartition::new(topic.clone(), asked.partition);
    match broker.leader_to_read(&partition, asked.current_leader_epoch) {
        Err(error) => unknown(error),
        Ok(replica) => match replica.end_of_epoch(asked.leader_epoch) {
            Some((leader_epoch, end_offset)) => EpochEndOffset {
                error_code: ErrorCode::NONE,
                partition: asked.partition,
                leader_epoch,
                end_offset,
            },
            None => unknown(ErrorCode::NONE),
        },
    }
}
