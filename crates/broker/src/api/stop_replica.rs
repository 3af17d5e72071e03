//! StopReplica (key 5): the controller tells which replicas to stop, and which of them to delete.

use std::ops::RangeInclusive;

use clock::Now;
use cluster::ControllerEpoch;
use controller::StopReplica;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::stop_replica::{StopReplicaPartitionError, StopReplicaRequest, StopReplicaResponse};

use crate::call::Call;
use crate::{Broker, Effect, TopicPartition, membership};

/// The versions served: from the first that tells leader epochs.
pub(crate) const SERVED: RangeInclusive<i16> = 3..=4;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: StopReplicaRequest,
    effects: &mut Vec<Effect>,
) {
    if let Err(error_code) =
        broker.membership.check_orders(ControllerEpoch(request.controller_epoch), request.broker_epoch)
    {
        let response = StopReplicaResponse { error_code, ..Default::default() };
        return broker.answer(call, &response, effects);
    }
    let mut partition_errors = Vec::new();
    for topic in request.topic_states {
        for state in topic.partition_states {
            let partition = TopicPartition::new(topic.topic_name.as_str(), state.partition_index);
            let known = broker.replicas.leader_epoch(&partition);
            // Negative epochs mean that there is nothing to compare.
            let is_stale = state.leader_epoch >= 0 && known.is_some_and(|known| state.leader_epoch < known);
            let error_code = if is_stale {
                ErrorCode::FENCED_LEADER_EPOCH
            } else {
                let order = StopReplica {
                    topic: partition.topic.clone(),
                    topic_id: None,
                    partition: partition.partition,
                    delete: state.delete_partition,
                };
                membership::stop(broker, now, &order).err().unwrap_or(ErrorCode::NONE)
            };
            partition_errors.push(StopReplicaPartitionError {
                topic_name: topic.topic_name.clone(),
                partition_index: state.partition_index,
                error_code,
            });
        }
    }
    let response = StopReplicaResponse { partition_errors, ..Default::default() };
    broker.answer(call, &response, effects);
}
