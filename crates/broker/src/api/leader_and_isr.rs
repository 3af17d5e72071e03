//! LeaderAndIsr (key 4): the controller tells which partitions to lead and which to follow.
//!
//! A controller or a broker of a former life is refused as a whole; each partition has an outcome of
//! its own.

use std::ops::RangeInclusive;
use std::sync::Arc;

use clock::Now;
use cluster::znodes::{LeaderRecovery, PartitionState};
use cluster::{BrokerId, ControllerEpoch, LeaderEpoch, PartitionEpoch, TopicId, TopicName};
use controller::LeaderAndIsr;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::leader_and_isr::{
    LeaderAndIsrPartitionError, LeaderAndIsrPartitionState, LeaderAndIsrRequest, LeaderAndIsrResponse,
    LeaderAndIsrTopicError,
};

use crate::call::Call;
use crate::{Broker, Effect, membership};

/// The versions served: from the first that names topics by ids.
pub(crate) const SERVED: RangeInclusive<i16> = 5..=7;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: LeaderAndIsrRequest,
    effects: &mut Vec<Effect>,
) {
    if let Err(error_code) =
        broker.membership.check_orders(ControllerEpoch(request.controller_epoch), request.broker_epoch)
    {
        let response = LeaderAndIsrResponse { error_code, ..Default::default() };
        return broker.answer(call, &response, effects);
    }
    let me = BrokerId(broker.settings.broker_id);
    let mut topics = Vec::with_capacity(request.topic_states.len());
    for topic in request.topic_states {
        let name: Arc<str> = topic.topic_name.into();
        // The name becomes that of a directory.
        let is_name = TopicName::parse(&name).is_ok();
        let topic_id = (!topic.topic_id.is_zero()).then_some(TopicId(topic.topic_id.0));
        let obey = |state: LeaderAndIsrPartitionState| {
            let partition_index = state.partition_index;
            let order = order(&name, topic_id, state);
            let error_code = if !is_name || partition_index < 0 {
                ErrorCode::INVALID_TOPIC_EXCEPTION
            } else if order.replicas.contains(&me) {
                membership::obey(broker, now, &order).err().unwrap_or(ErrorCode::NONE)
            } else {
                ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
            };
            LeaderAndIsrPartitionError { partition_index, error_code, ..Default::default() }
        };
        let partition_errors = topic.partition_states.into_iter().map(obey).collect();
        topics.push(LeaderAndIsrTopicError { topic_id: topic.topic_id, partition_errors });
    }
    let response = LeaderAndIsrResponse { topics, ..Default::default() };
    broker.answer(call, &response, effects);
}

fn order(topic: &Arc<str>, topic_id: Option<TopicId>, state: LeaderAndIsrPartitionState) -> LeaderAndIsr {
    let brokers = |ids: Vec<i32>| ids.into_iter().map(BrokerId).collect();
    LeaderAndIsr {
        topic: topic.clone(),
        topic_id,
        partition: state.partition_index,
        state: PartitionState {
            leader: BrokerId(state.leader),
            leader_epoch: LeaderEpoch(state.leader_epoch),
            isr: brokers(state.isr),
            controller_epoch: ControllerEpoch(state.controller_epoch),
            recovery: match state.leader_recovery_state {
                1 => LeaderRecovery::Recovering,
                _ => LeaderRecovery::Recovered,
            },
        },
        partition_epoch: PartitionEpoch(state.partition_epoch),
        replicas: brokers(state.replicas),
        adding: brokers(state.adding_replicas),
        removing: brokers(state.removing_replicas),
        is_new: state.is_new,
    }
}

#[cfg(test)]
mod tests;
