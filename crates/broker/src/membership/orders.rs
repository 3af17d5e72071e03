//! What the controller core wants done: its writes go to the keeper, its orders to the replicas here and
//! to the outboxes of other brokers.

use std::sync::Arc;

use clock::Now;
use cluster::znodes::LogDirEvent;
use cluster::{BrokerId, path};
use controller::{LeaderAndIsr, StopReplica};
use disk::Disk;
use kafka_wire::ErrorCode;
use zookeeper_wire::{Acl, CreateRequest, Request};

use super::{Asked, note, step_controller};
use crate::api::{alter_partition, elect_leaders};
use crate::purgatory::WatchKey;
use crate::{Broker, Effect, TopicPartition, asks, isr, peers, throttles};

/// Executes one effect of the controller core.
pub(super) fn execute<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    effect: controller::Effect,
    effects: &mut Vec<Effect>,
) {
    match effect {
        controller::Effect::Ask { ask, request } => {
            broker.ask(asks::Asked::Membership(Asked::Controller(ask)), request, effects);
        }
        controller::Effect::Elected(epoch) => {
            note(effects, format!("this broker is controller, epoch {epoch}"));
            peers::begin(broker);
            broker.balance.begin(now);
            make_feature_node(broker, effects);
        }
        controller::Effect::Resigned => {
            broker.peers.clear();
            broker.balance.end();
            note(effects, "this broker is not controller any more".into());
        }
        controller::Effect::LeaderAndIsr { to, partitions, .. } if to == broker.membership.me => {
            let mut failed = Vec::new();
            for order in &partitions {
                match obey(broker, now, order) {
                    Ok(()) | Err(ErrorCode::STALE_CONTROLLER_EPOCH) => {}
                    Err(ErrorCode::KAFKA_STORAGE_ERROR) => {
                        failed.push((order.topic.clone(), order.partition))
                    }
                    Err(error) => note(
                        effects,
                        format!(
                            "{}-{}: the controller's order failed: {}",
                            order.topic,
                            order.partition,
                            error.name()
                        ),
                    ),
                }
            }
            let me = broker.membership.me;
            replicas_failed(broker, now, me, failed, effects);
        }
        controller::Effect::StopReplica { to, partitions, .. } if to == broker.membership.me => {
            for order in partitions {
                stop_here(broker, now, order, effects);
            }
        }
        controller::Effect::LeaderAndIsr { to, partitions, .. } => broker.peers.lead(to, partitions),
        controller::Effect::StopReplica { to, partitions, .. } => broker.peers.stop(to, partitions),
        controller::Effect::Altered { token, result } => {
            alter_partition::altered(broker, now, token, result, effects);
        }
        controller::Effect::ElectionsHeld { token, result } => {
            elect_leaders::held(broker, token, result, effects);
        }
        controller::Effect::Note(text) => note(effects, text),
    }
}

/// Replicas that a broker cannot use any more, for this controller.
pub(crate) fn replicas_failed<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    by: BrokerId,
    partitions: Vec<controller::Partition>,
    effects: &mut Vec<Effect>,
) {
    if !partitions.is_empty() {
        note(effects, format!("broker {by} cannot use {} replicas: their disk failed", partitions.len()));
        step_controller(broker, now, controller::Input::ReplicasFailed { broker: by, partitions }, effects);
    }
}

/// Tells whoever is controller that a log directory of this broker failed; as Kafka does it, by a znode.
pub(crate) fn tell_failure<D: Disk>(broker: &mut Broker<D>, effects: &mut Vec<Effect>) {
    if !broker.membership.is_connected() || !broker.replicas.take_failure() {
        return;
    }
    let event = LogDirEvent { broker: broker.membership.me };
    const SEQUENTIAL: i32 = 2;
    let create = CreateRequest {
        path: LogDirEvent::PREFIX.into(),
        data: Some(event.encode()),
        acl: Acl::open(),
        flags: SEQUENTIAL,
    };
    broker.ask(asks::Asked::Membership(Asked::Whatever), Request::Create(create), effects);
}

/// Apache Kafka's brokers look for the list of finalized features; an empty one is what they expect of a
/// cluster in ZooKeeper mode.
fn make_feature_node<D: Disk>(broker: &mut Broker<D>, effects: &mut Vec<Effect>) {
    if broker.membership.cluster.feature().is_some() {
        return;
    }
    let data = Some(cluster::znodes::FeatureNode::empty().encode());
    let create = CreateRequest { path: path::FEATURE.into(), data, acl: Acl::open(), flags: 0 };
    broker.ask(asks::Asked::Membership(Asked::Whatever), Request::Create(create), effects);
}

/// Leads or follows as ordered.
pub(crate) fn obey<D: Disk>(broker: &mut Broker<D>, now: Now, order: &LeaderAndIsr) -> Result<(), ErrorCode> {
    let partition = TopicPartition::new(order.topic.clone(), order.partition);
    let obeyed = broker.replicas.ordered(now, order);
    if obeyed.is_ok() {
        let leader = order.state.leader;
        isr::forget(broker, &partition);
        if leader == broker.membership.me || leader == BrokerId::NONE {
            broker.followers.forget(&partition);
        } else {
            broker.followers.follow(&partition, leader, order.state.leader_epoch.0);
        }
        coordinators_look_again(broker);
    }
    broker.purgatory.touch(&WatchKey::Partition(partition));
    broker.purgatory.touch(&WatchKey::Topics);
    obeyed
}

/// Stops a replica, and deletes it if that is meant.
pub(crate) fn stop<D: Disk>(broker: &mut Broker<D>, now: Now, order: &StopReplica) -> Result<(), ErrorCode> {
    let partition = TopicPartition::new(order.topic.clone(), order.partition);
    broker.followers.forget(&partition);
    isr::forget(broker, &partition);
    let done = broker.replicas.stopped(now, order);
    coordinators_look_again(broker);
    broker.purgatory.touch(&WatchKey::Partition(partition));
    done
}

/// An order may have begun or ended the leadership of a partition that a coordinator here keeps its state
/// in. Who misses the end of it goes on at the next one with what was true before.
fn coordinators_look_again<D: Disk>(broker: &mut Broker<D>) {
    broker.groups.leadership_changed();
    broker.transactions.leadership_changed();
}

fn stop_here<D: Disk>(broker: &mut Broker<D>, now: Now, order: StopReplica, effects: &mut Vec<Effect>) {
    let done = stop(broker, now, &order);
    let StopReplica { topic, partition, delete, .. } = order;
    match done {
        Ok(()) if delete => {
            let me = broker.membership.me;
            let report = controller::Input::ReplicaDeleted { topic, partition, broker: me };
            step_controller(broker, now, report, effects);
        }
        Ok(()) => {}
        Err(error) => note(effects, format!("{topic}-{partition} could not be stopped: {}", error.name())),
    }
}

/// A topic's settings changed. Those that cannot be (they were checked when they were set, so a foreign
/// hand wrote them) are not taken over.
pub(super) fn configure<D: Disk>(broker: &mut Broker<D>, topic: &str, effects: &mut Vec<Effect>) {
    let own = broker.membership.cluster.topic_config(topic).map(|config| config.0.clone());
    if let Err(error) = broker.replicas.configure(&Arc::from(topic), &own.unwrap_or_default()) {
        note(effects, format!("settings of topic {topic}: {error}"));
    }
}

/// Dynamic settings of this broker or of all brokers changed: topics inherit from them.
pub(super) fn inherit<D: Disk>(broker: &mut Broker<D>, effects: &mut Vec<Effect>) {
    throttles::configure(broker);
    let mut settings = broker.settings.properties.clone();
    let cluster = &broker.membership.cluster;
    // The stronger ones come last.
    for who in [None, Some(broker.membership.me)] {
        settings.extend(cluster.broker_config(who).map(|config| config.0.clone()).unwrap_or_default());
    }
    let topics: Vec<String> = cluster.topic_configs().keys().cloned().collect();
    if let Err(error) = broker.replicas.inherit(settings) {
        return note(effects, format!("dynamic settings of the broker: {error}"));
    }
    for topic in topics {
        configure(broker, &topic, effects);
    }
}
