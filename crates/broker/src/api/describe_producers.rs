//! DescribeProducers (key 61): tells which idempotent producers a partition remembers, for tools that
//! look for transactions that hang (KIP-664).

use std::ops::RangeInclusive;
use std::sync::Arc;

use clock::Now;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, PartitionResponse, ProducerState, TopicResponse,
};
use partition::ProducerSummary;

use crate::call::Call;
use crate::{Broker, Effect, TopicPartition};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=0;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    call: Call,
    request: DescribeProducersRequest,
    effects: &mut Vec<Effect>,
) {
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let name: Arc<str> = topic.name.as_str().into();
        let partitions = topic
            .partition_indexes
            .iter()
            .map(|&partition| describe(broker, TopicPartition::new(name.clone(), partition)))
            .collect();
        topics.push(TopicResponse { name: topic.name, partitions });
    }
    let response = DescribeProducersResponse { topics, ..Default::default() };
    broker.answer(call, &response, effects);
}

fn describe<D: Disk>(broker: &mut Broker<D>, partition: TopicPartition) -> PartitionResponse {
    let described = broker
        .leader_to_read(&partition, -1)
        .map(|replica| replica.producers().summaries().map(state).collect());
    PartitionResponse {
        partition_index: partition.partition,
        error_code: described.as_ref().err().copied().unwrap_or(ErrorCode::NONE),
        error_message: None,
        active_producers: described.unwrap_or_default(),
    }
}

fn state(producer: ProducerSummary) -> ProducerState {
    ProducerState {
        producer_id: producer.producer_id,
        producer_epoch: producer.producer_epoch.into(),
        last_sequence: producer.last_batch.map_or(-1, |batch| batch.last_sequence),
        last_timestamp: producer.last_timestamp,
        coordinator_epoch: producer.coordinator_epoch,
        current_txn_start_offset: producer.open_transaction.unwrap_or(-1),
    }
}
