//! What the controller core wants done: its writes go to the keeper, its orders to replicas. Orders for
//! other brokers have no road yet, since there is no other broker to take them.

use std::sync::Arc;

use clock::Now;
use cluster::path;
use controller::{LeaderAndIsr, StopReplica};
use disk::Disk;
use kafka_wire::ErrorCode;
use zookeeper_wire::{Acl, CreateRequest, Request};

use super::{Asked, note, step_controller};
use crate::purgatory::WatchKey;
use crate::{Broker, Effect, TopicPartition, asks};

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
            make_feature_node(broker, effects);
        }
        controller::Effect::Resigned => note(effects, "this broker is not controller any more".into()),
        controller::Effect::LeaderAndIsr { to, partitions, .. } if to == broker.membership.me => {
            for order in &partitions {
                obey(broker, now, order, effects);
            }
        }
        controller::Effect::StopReplica { to, partitions, .. } if to == broker.membership.me => {
            for order in partitions {
                stop(broker, now, order, effects);
            }
        }
        controller::Effect::LeaderAndIsr { .. } | controller::Effect::StopReplica { .. } => {}
        controller::Effect::Note(text) => note(effects, text),
    }
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

fn obey<D: Disk>(broker: &mut Broker<D>, now: Now, order: &LeaderAndIsr, effects: &mut Vec<Effect>) {
    match broker.replicas.ordered(now, order) {
        Ok(()) | Err(ErrorCode::STALE_CONTROLLER_EPOCH) => {}
        Err(error) => note(
            effects,
            format!("{}-{}: the controller's order failed: {}", order.topic, order.partition, error.name()),
        ),
    }
    let partition = TopicPartition::new(order.topic.clone(), order.partition);
    broker.purgatory.touch(&WatchKey::Partition(partition));
    broker.purgatory.touch(&WatchKey::Topics);
}

fn stop<D: Disk>(broker: &mut Broker<D>, now: Now, order: StopReplica, effects: &mut Vec<Effect>) {
    let done = broker.replicas.stopped(now, &order);
    let StopReplica { topic, partition, delete, .. } = order;
    broker.purgatory.touch(&WatchKey::Partition(TopicPartition::new(topic.clone(), partition)));
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
