//! The requests of a controller, made from the view and the core's orders.

use std::collections::{BTreeMap, BTreeSet};

use cluster::znodes::{LeaderRecovery, SecurityProtocol};
use cluster::{BrokerEpoch, BrokerId, Cluster, ControllerEpoch};
use controller::{LeaderAndIsr, StopReplica};
use kafka_wire::Uuid;
use kafka_wire::message::leader_and_isr::{
    LeaderAndIsrLiveLeader, LeaderAndIsrPartitionState, LeaderAndIsrRequest, LeaderAndIsrTopicState,
};
use kafka_wire::message::stop_replica::{
    StopReplicaPartitionState, StopReplicaRequest, StopReplicaTopicState,
};
use kafka_wire::message::update_metadata::{
    UpdateMetadataBroker, UpdateMetadataEndpoint, UpdateMetadataPartitionState, UpdateMetadataRequest,
    UpdateMetadataTopicState,
};

use crate::TopicPartition;

/// In UpdateMetadata: the topic is being deleted.
const LEADER_DURING_DELETE: i32 = -2;
/// In StopReplica: the topic is being deleted, so the epoch is not compared.
const EPOCH_DURING_DELETE: i32 = -2;
/// In StopReplica: no epoch is known.
const NO_EPOCH: i32 = -1;

/// Who orders, and which life of the peer is meant.
pub(super) struct Who<'a> {
    pub(super) me: BrokerId,
    pub(super) listener: &'a str,
    pub(super) controller_epoch: ControllerEpoch,
    pub(super) broker_epoch: BrokerEpoch,
}

fn numbers(brokers: &[BrokerId]) -> Vec<i32> {
    brokers.iter().map(|broker| broker.0).collect()
}

pub(super) fn leader_and_isr<'a>(
    who: &Who<'_>,
    cluster: &Cluster,
    orders: impl Iterator<Item = &'a LeaderAndIsr>,
) -> LeaderAndIsrRequest {
    let mut topic_states: Vec<LeaderAndIsrTopicState> = Vec::new();
    let mut leaders = BTreeSet::new();
    for order in orders {
        if topic_states.last().is_none_or(|last| last.topic_name != *order.topic) {
            topic_states.push(LeaderAndIsrTopicState {
                topic_name: order.topic.to_string(),
                topic_id: order.topic_id.map_or(Uuid::ZERO, |id| Uuid(id.0)),
                ..Default::default()
            });
        }
        leaders.insert(order.state.leader);
        let state = LeaderAndIsrPartitionState {
            partition_index: order.partition,
            controller_epoch: order.state.controller_epoch.0,
            leader: order.state.leader.0,
            leader_epoch: order.state.leader_epoch.0,
            isr: numbers(&order.state.isr),
            partition_epoch: order.partition_epoch.0,
            replicas: numbers(&order.replicas),
            adding_replicas: numbers(&order.adding),
            removing_replicas: numbers(&order.removing),
            is_new: order.is_new,
            leader_recovery_state: i8::from(order.state.recovery == LeaderRecovery::Recovering),
            ..Default::default()
        };
        topic_states.last_mut().expect("one was pushed for the first order").partition_states.push(state);
    }
    let live_leaders = leaders.into_iter().filter_map(|id| {
        let endpoint = cluster.brokers().get(&id)?.registration.endpoint(who.listener)?;
        Some(LeaderAndIsrLiveLeader {
            broker_id: id.0,
            host_name: endpoint.host.clone(),
            port: endpoint.port.into(),
        })
    });
    LeaderAndIsrRequest {
        controller_id: who.me.0,
        controller_epoch: who.controller_epoch.0,
        broker_epoch: who.broker_epoch.0,
        topic_states,
        live_leaders: live_leaders.collect(),
        ..Default::default()
    }
}

pub(super) fn update_metadata(
    who: &Who<'_>,
    cluster: &Cluster,
    partitions: &BTreeSet<TopicPartition>,
) -> UpdateMetadataRequest {
    let mut topic_states: Vec<UpdateMetadataTopicState> = Vec::new();
    for TopicPartition { topic, partition } in partitions {
        let Some(view) = cluster.partition(topic, *partition) else { continue };
        let Some((state, epoch)) = view.state else { continue };
        if topic_states.last().is_none_or(|last| last.topic_name != **topic) {
            let id = cluster.topic(topic).and_then(|topic| topic.node.id);
            topic_states.push(UpdateMetadataTopicState {
                topic_name: topic.to_string(),
                topic_id: id.map_or(Uuid::ZERO, |id| Uuid(id.0)),
                ..Default::default()
            });
        }
        let offline: Vec<BrokerId> =
            view.replicas.all.iter().copied().filter(|id| !cluster.is_live(*id)).collect();
        let is_deleting = cluster.deleting().contains(&**topic);
        let shown = UpdateMetadataPartitionState {
            partition_index: *partition,
            controller_epoch: state.controller_epoch.0,
            leader: if is_deleting { LEADER_DURING_DELETE } else { state.leader.0 },
            leader_epoch: state.leader_epoch.0,
            isr: numbers(&state.isr),
            zk_version: epoch.0,
            replicas: numbers(&view.replicas.all),
            offline_replicas: numbers(&offline),
            ..Default::default()
        };
        topic_states.last_mut().expect("one was pushed for the first").partition_states.push(shown);
    }
    let security = |protocol| match protocol {
        SecurityProtocol::Plaintext => 0,
        SecurityProtocol::Ssl => 1,
        SecurityProtocol::SaslPlaintext => 2,
        SecurityProtocol::SaslSsl => 3,
    };
    let live_brokers = cluster.brokers().iter().map(|(id, broker)| UpdateMetadataBroker {
        id: id.0,
        endpoints: broker
            .registration
            .endpoints
            .iter()
            .map(|endpoint| UpdateMetadataEndpoint {
                port: endpoint.port.into(),
                host: endpoint.host.clone(),
                listener: endpoint.listener.clone(),
                security_protocol: security(endpoint.security),
            })
            .collect(),
        rack: broker.registration.rack.clone(),
        ..Default::default()
    });
    UpdateMetadataRequest {
        controller_id: who.me.0,
        controller_epoch: who.controller_epoch.0,
        broker_epoch: who.broker_epoch.0,
        topic_states,
        live_brokers: live_brokers.collect(),
        ..Default::default()
    }
}

pub(super) fn stop_replica<'a>(
    who: &Who<'_>,
    orders: impl Iterator<Item = &'a StopReplica>,
) -> StopReplicaRequest {
    let mut topics: BTreeMap<&str, Vec<StopReplicaPartitionState>> = BTreeMap::new();
    for order in orders {
        topics.entry(&order.topic).or_default().push(StopReplicaPartitionState {
            partition_index: order.partition,
            leader_epoch: if order.delete { EPOCH_DURING_DELETE } else { NO_EPOCH },
            delete_partition: order.delete,
        });
    }
    StopReplicaRequest {
        controller_id: who.me.0,
        controller_epoch: who.controller_epoch.0,
        broker_epoch: who.broker_epoch.0,
        topic_states: topics
            .into_iter()
            .map(|(name, partition_states)| StopReplicaTopicState {
                topic_name: name.to_string(),
                partition_states,
            })
            .collect(),
        ..Default::default()
    }
}
