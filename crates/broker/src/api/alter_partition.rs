//! AlterPartition (key 56): leaders tell the controller who should be in sync, and learn what holds.
//!
//! Only the controller serves it. The answer waits for the write of the partitions' states.

use std::ops::RangeInclusive;
use std::sync::Arc;

use clock::Now;
use cluster::znodes::LeaderRecovery;
use cluster::{BrokerId, LeaderEpoch, PartitionEpoch, TopicId};
use controller::{Alteration, Altered};
use disk::Disk;
use kafka_wire::message::alter_partition::{
    AlterPartitionRequest, AlterPartitionRequestPartitionData, AlterPartitionResponse,
    AlterPartitionResponsePartitionData, AlterPartitionResponseTopicData,
};
use kafka_wire::{ErrorCode, Uuid};

use crate::call::Call;
use crate::membership::{self, Asker};
use crate::{Broker, Effect, isr};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=3;

/// The first version that names topics by their ids.
const TOPIC_IDS_SINCE: i16 = 2;
/// The first version that tells the epochs of the members.
const EPOCHS_SINCE: i16 = 3;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: AlterPartitionRequest,
    effects: &mut Vec<Effect>,
) {
    let mut wishes = Vec::new();
    for topic in request.topics {
        let by_id = call.api_version >= TOPIC_IDS_SINCE;
        let topic_id = by_id.then_some(TopicId(topic.topic_id.0));
        let name: Arc<str> = topic.topic_name.into();
        let wish = |data: AlterPartitionRequestPartitionData| Alteration {
            topic: name.clone(),
            topic_id,
            partition: data.partition_index,
            leader_epoch: LeaderEpoch(data.leader_epoch),
            partition_epoch: PartitionEpoch(data.partition_epoch),
            isr: if call.api_version >= EPOCHS_SINCE {
                let state = |state: kafka_wire::message::alter_partition::BrokerState| {
                    (BrokerId(state.broker_id), state.broker_epoch)
                };
                data.new_isr_with_epochs.into_iter().map(state).collect()
            } else {
                data.new_isr.into_iter().map(|id| (BrokerId(id), -1)).collect()
            },
            recovering: data.leader_recovery_state == 1,
        };
        wishes.extend(topic.partitions.into_iter().map(wish));
    }
    let from = BrokerId(request.broker_id);
    membership::alter(broker, now, Asker::Call(call), from, request.broker_epoch, wishes, effects);
}

/// What the controller core decided, for whoever asked.
pub(crate) fn altered<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    token: u64,
    result: Result<Vec<Altered>, ErrorCode>,
    effects: &mut Vec<Effect>,
) {
    let Some(asker) = broker.membership.take_wish(token) else { return };
    let mut response = AlterPartitionResponse::default();
    match result {
        Err(error_code) => response.error_code = error_code,
        Ok(all) => all.into_iter().for_each(|altered| add(&mut response, altered)),
    }
    match asker {
        Asker::Own => isr::decided(broker, now, response),
        Asker::Call(call) => {
            if call.api_version < TOPIC_IDS_SINCE {
                spell_old_errors(&mut response);
            }
            broker.answer(call, &response, effects);
        }
    }
}

fn add(response: &mut AlterPartitionResponse, altered: Altered) {
    let topic_id = altered.topic_id.map_or(Uuid::ZERO, |id| Uuid(id.0));
    let known = response.topics.iter().position(|topic| {
        topic.topic_id == topic_id && (altered.topic_id.is_some() || topic.topic_name == *altered.topic)
    });
    let place = known.unwrap_or_else(|| {
        response.topics.push(AlterPartitionResponseTopicData {
            topic_name: altered.topic.to_string(),
            topic_id,
            partitions: Vec::new(),
        });
        response.topics.len() - 1
    });
    let partition_index = altered.partition;
    response.topics[place].partitions.push(match altered.result {
        Err(error_code) => {
            AlterPartitionResponsePartitionData { partition_index, error_code, ..Default::default() }
        }
        Ok((state, version)) => AlterPartitionResponsePartitionData {
            partition_index,
            error_code: ErrorCode::NONE,
            leader_id: state.leader.0,
            leader_epoch: state.leader_epoch.0,
            isr: state.isr.iter().map(|id| id.0).collect(),
            leader_recovery_state: i8::from(state.recovery == LeaderRecovery::Recovering),
            partition_epoch: version.0,
        },
    });
}

/// Before version 2 there was no word for a member that may not join.
fn spell_old_errors(response: &mut AlterPartitionResponse) {
    for partition in response.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
        if partition.error_code == ErrorCode::INELIGIBLE_REPLICA {
            partition.error_code = ErrorCode::OPERATION_NOT_ATTEMPTED;
        }
    }
}
