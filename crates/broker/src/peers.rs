//! What the controller on this broker has to tell the others: orders to lead, follow and stop, and what
//! brokers that keep no view of the znodes need to know.
//!
//! For each peer there is an outbox that holds the latest word on each partition, so its size is bounded
//! by the cluster's, however slow the peer is. One request is under way per peer; what got no answer
//! goes back into the outbox unless something newer is there. The order is Kafka's: who lives, who leads,
//! what everybody knows, who stops.

mod requests;

use std::collections::{BTreeMap, BTreeSet};

use clock::{Moment, Now};
use cluster::{BrokerEpoch, BrokerId, Change, ControllerEpoch};
use controller::{LeaderAndIsr, StopReplica};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::leader_and_isr::{LeaderAndIsrRequest, LeaderAndIsrResponse};
use kafka_wire::message::stop_replica::StopReplicaRequest;
use kafka_wire::message::update_metadata::UpdateMetadataRequest;

use crate::limits::{LINK_BACKOFF_MAX, ORDERS_PER_REQUEST_MAX, STOP_REST};
use crate::links::{self, Lane, LinkError, Reply};
use crate::protocol::InterBrokerProtocol;
use crate::{Broker, Effect, Event, TopicPartition, membership};

/// The outboxes, one for each live broker but this one, while this broker is controller.
#[derive(Default)]
pub(crate) struct Peers {
    outboxes: BTreeMap<BrokerId, Outbox>,
}

/// What one peer has not been told.
struct Outbox {
    epoch: BrokerEpoch,
    /// Whether the list of live brokers changed.
    brokers: bool,
    lead: BTreeMap<TopicPartition, LeaderAndIsr>,
    know: BTreeSet<TopicPartition>,
    stop: BTreeMap<TopicPartition, StopReplica>,
    busy: bool,
    retry_at: Option<Moment>,
}

/// What was sent, to be put back if it is lost.
#[derive(Debug)]
pub(crate) struct Sent {
    epoch: BrokerEpoch,
    controller_epoch: ControllerEpoch,
    what: What,
}

#[derive(Debug)]
enum What {
    Lead(BTreeMap<TopicPartition, LeaderAndIsr>),
    Know(BTreeSet<TopicPartition>),
    Stop(BTreeMap<TopicPartition, StopReplica>),
}

impl Peers {
    /// When a retry is due.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.outboxes.values().filter(|outbox| !outbox.busy).filter_map(|outbox| outbox.retry_at).min()
    }

    /// This broker gives no orders any more.
    pub(crate) fn clear(&mut self) {
        self.outboxes.clear();
    }

    /// Orders of the controller core for another broker.
    pub(crate) fn lead(&mut self, to: BrokerId, orders: Vec<LeaderAndIsr>) {
        let Some(outbox) = self.outboxes.get_mut(&to) else { return };
        for order in orders {
            outbox.lead(order);
        }
    }

    /// Orders of the controller core for another broker.
    pub(crate) fn stop(&mut self, to: BrokerId, orders: Vec<StopReplica>) {
        let Some(outbox) = self.outboxes.get_mut(&to) else { return };
        for order in orders {
            let partition = TopicPartition::new(order.topic.clone(), order.partition);
            outbox.lead.remove(&partition);
            outbox.stop.insert(partition, order);
        }
    }
}

impl Outbox {
    fn new(epoch: BrokerEpoch) -> Self {
        Outbox {
            epoch,
            brokers: true,
            lead: BTreeMap::new(),
            know: BTreeSet::new(),
            stop: BTreeMap::new(),
            busy: false,
            retry_at: None,
        }
    }

    /// The newer of two orders about a partition counts; whether it is new is what the first of them says that
    /// was not told yet.
    fn lead(&mut self, mut order: LeaderAndIsr) {
        let partition = TopicPartition::new(order.topic.clone(), order.partition);
        if let Some(before) = self.lead.get(&partition) {
            if before.topic_id == order.topic_id && before.partition_epoch > order.partition_epoch {
                return;
            }
            if before.topic_id == order.topic_id {
                order.is_new = before.is_new;
            }
        }
        self.stop.remove(&partition);
        self.lead.insert(partition, order);
    }

    fn put_back(&mut self, what: What) {
        match what {
            What::Lead(orders) => {
                for (partition, order) in orders {
                    match self.lead.get_mut(&partition) {
                        Some(newer) if newer.topic_id == order.topic_id => newer.is_new = order.is_new,
                        Some(_) => {}
                        None if self.stop.contains_key(&partition) => {}
                        None => drop(self.lead.insert(partition, order)),
                    }
                }
            }
            What::Know(partitions) => {
                self.brokers = true;
                self.know.extend(partitions);
            }
            What::Stop(orders) => {
                for (partition, order) in orders {
                    if !self.lead.contains_key(&partition) {
                        self.stop.entry(partition).or_insert(order);
                    }
                }
            }
        }
    }

    /// The next thing to tell.
    fn next(&mut self) -> Option<What> {
        if std::mem::take(&mut self.brokers) {
            return Some(What::Know(BTreeSet::new()));
        }
        if !self.lead.is_empty() {
            return Some(What::Lead(first_of(&mut self.lead)));
        }
        if !self.know.is_empty() {
            let rest = match self.know.iter().nth(ORDERS_PER_REQUEST_MAX).cloned() {
                Some(at) => self.know.split_off(&at),
                None => BTreeSet::new(),
            };
            return Some(What::Know(std::mem::replace(&mut self.know, rest)));
        }
        if !self.stop.is_empty() {
            return Some(What::Stop(first_of(&mut self.stop)));
        }
        None
    }
}

/// Takes as many as one request holds.
fn first_of<V>(all: &mut BTreeMap<TopicPartition, V>) -> BTreeMap<TopicPartition, V> {
    let rest = match all.keys().nth(ORDERS_PER_REQUEST_MAX).cloned() {
        Some(at) => all.split_off(&at),
        None => BTreeMap::new(),
    };
    std::mem::replace(all, rest)
}

/// This broker has become controller: everybody is to be told everything.
pub(crate) fn begin<D: Disk>(broker: &mut Broker<D>) {
    broker.peers.clear();
    let me = BrokerId(broker.settings.broker_id);
    let cluster = broker.membership.cluster();
    let all = everything(cluster);
    for (id, other) in cluster.brokers() {
        if *id != me {
            let mut outbox = Outbox::new(other.epoch);
            outbox.know.clone_from(&all);
            broker.peers.outboxes.insert(*id, outbox);
        }
    }
}

fn everything(cluster: &cluster::Cluster) -> BTreeSet<TopicPartition> {
    let partitions = cluster.topics().iter().flat_map(|(name, topic)| {
        topic.node.partitions.keys().map(|partition| TopicPartition::new(name.clone(), *partition))
    });
    partitions.collect()
}

/// The view changed, and this broker is controller: those who keep none must know. Called before the
/// controller core hears of it.
pub(crate) fn changed<D: Disk>(broker: &mut Broker<D>, change: &Change) {
    if broker.membership.controller().epoch().is_none() {
        return;
    }
    let cluster = broker.membership.cluster();
    match change {
        Change::Broker(id) => {
            let me = BrokerId(broker.settings.broker_id);
            let epoch = cluster.brokers().get(id).map(|other| other.epoch);
            match epoch {
                Some(epoch) if *id != me => {
                    let known = broker.peers.outboxes.get(id).is_some_and(|outbox| outbox.epoch == epoch);
                    if !known {
                        let mut outbox = Outbox::new(epoch);
                        outbox.know = everything(cluster);
                        broker.peers.outboxes.insert(*id, outbox);
                    }
                }
                _ => drop(broker.peers.outboxes.remove(id)),
            }
            for outbox in broker.peers.outboxes.values_mut() {
                outbox.brokers = true;
            }
        }
        Change::Topic(name) => {
            let partitions = cluster.topic(name).map(|topic| topic.node.partitions.keys().copied());
            for partition in partitions.into_iter().flatten() {
                for outbox in broker.peers.outboxes.values_mut() {
                    outbox.know.insert(TopicPartition::new(name.clone(), partition));
                }
            }
        }
        Change::DeleteTopic(name) => {
            let Some((name, topic)) = cluster.topics().get_key_value(name.as_str()) else { return };
            for partition in topic.node.partitions.keys() {
                for outbox in broker.peers.outboxes.values_mut() {
                    outbox.know.insert(TopicPartition::new(name.clone(), *partition));
                }
            }
        }
        Change::PartitionState(name, partition) => {
            for outbox in broker.peers.outboxes.values_mut() {
                outbox.know.insert(TopicPartition::new(name.clone(), *partition));
            }
        }
        _ => {}
    }
}

/// Sends each peer the next thing that it has not been told.
pub(crate) fn turn_ended<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    let Some(controller_epoch) = broker.membership.controller().epoch() else { return };
    let ready: Vec<BrokerId> = broker
        .peers
        .outboxes
        .iter()
        .filter(|(_, outbox)| !outbox.busy && outbox.retry_at.is_none_or(|at| at <= now.moment))
        .map(|(id, _)| *id)
        .collect();
    for id in ready {
        let Some(outbox) = broker.peers.outboxes.get_mut(&id) else { continue };
        outbox.retry_at = None;
        let Some(what) = outbox.next() else { continue };
        outbox.busy = true;
        let epoch = outbox.epoch;
        send(broker, now, id, Sent { epoch, controller_epoch, what }, effects);
    }
}

fn send<D: Disk>(broker: &mut Broker<D>, now: Now, to: BrokerId, sent: Sent, effects: &mut Vec<Effect>) {
    let protocol = InterBrokerProtocol::of(&broker.settings.properties);
    let who = requests::Who {
        me: BrokerId(broker.settings.broker_id),
        listener: &broker.settings.listeners[broker.settings.inter_broker_listener].name,
        controller_epoch: sent.controller_epoch,
        broker_epoch: sent.epoch,
    };
    let cluster = broker.membership.cluster();
    let lane = (to, Lane::Orders);
    match &sent.what {
        What::Lead(orders) => {
            let request = requests::leader_and_isr(&who, cluster, orders.values());
            let version = protocol.leader_and_isr();
            broker.send_to(now, lane, version, &request, links::Sent::Orders(sent), effects);
        }
        What::Know(partitions) => {
            let request = requests::update_metadata(&who, cluster, partitions);
            let version = protocol.update_metadata();
            broker.send_to(now, lane, version, &request, links::Sent::Orders(sent), effects);
        }
        What::Stop(orders) => {
            let request = requests::stop_replica(&who, orders.values());
            let version = protocol.stop_replica();
            broker.send_to(now, lane, version, &request, links::Sent::Orders(sent), effects);
        }
    }
}

/// A peer answered, or did not.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    peer: BrokerId,
    sent: Sent,
    reply: Result<Reply, LinkError>,
    effects: &mut Vec<Effect>,
) {
    if broker.membership.controller().epoch() != Some(sent.controller_epoch) {
        // Of an earlier term of this controller: others may have decided otherwise since.
        return;
    }
    let Some(outbox) = broker.peers.outboxes.get_mut(&peer).filter(|outbox| outbox.epoch == sent.epoch)
    else {
        return;
    };
    outbox.busy = false;
    let mut gone = Vec::new();
    let mut again = BTreeMap::new();
    let mut failed = Vec::new();
    let outcome = match (reply, &sent.what) {
        (Err(lost), _) => Err(lost),
        (Ok(reply), What::Lead(orders)) => reply.read::<LeaderAndIsrRequest>().map(|answer| {
            let refused = answer.topics.iter().flat_map(|topic| &topic.partition_errors);
            failed = failed_replicas(&answer, orders);
            let refused = refused.filter(|one| {
                !matches!(
                    one.error_code,
                    ErrorCode::NONE | ErrorCode::STALE_CONTROLLER_EPOCH | ErrorCode::KAFKA_STORAGE_ERROR
                )
            });
            for one in refused {
                let text = format!(
                    "broker {peer} cannot do as ordered with partition {}: {}",
                    one.partition_index,
                    one.error_code.name()
                );
                effects.push(Effect::Event(Event::Note(text)));
            }
            answer.error_code
        }),
        (Ok(reply), What::Know(_)) => reply.read::<UpdateMetadataRequest>().map(|answer| answer.error_code),
        (Ok(reply), What::Stop(orders)) => reply.read::<StopReplicaRequest>().map(|answer| {
            for one in &answer.partition_errors {
                let partition = TopicPartition::new(one.topic_name.as_str(), one.partition_index);
                let deleted = orders.get(&partition).is_some_and(|order| order.delete);
                if deleted && one.error_code == ErrorCode::NONE {
                    gone.push(partition);
                } else if one.error_code != ErrorCode::NONE {
                    // A disk may come back, and the replica with it.
                    if one.error_code == ErrorCode::KAFKA_STORAGE_ERROR
                        && let Some(order) = orders.get(&partition)
                    {
                        again.insert(partition.clone(), order.clone());
                    }
                    let text = format!("broker {peer} could not stop {partition}: {}", one.error_code.name());
                    effects.push(Effect::Event(Event::Note(text)));
                }
            }
            answer.error_code
        }),
    };
    match outcome {
        Ok(ErrorCode::NONE) if again.is_empty() => {}
        Ok(ErrorCode::NONE) => {
            outbox.put_back(What::Stop(again));
            outbox.retry_at = Some(now.moment + STOP_REST);
        }
        Ok(error) => {
            // Of a former life, or a newer controller is known there: the view will tell us, too.
            let text = format!("broker {peer} refuses this controller's orders: {}", error.name());
            effects.push(Effect::Event(Event::Note(text)));
            outbox.put_back(sent.what);
            outbox.retry_at = Some(now.moment + LINK_BACKOFF_MAX);
        }
        Err(LinkError::Lost) => {
            outbox.put_back(sent.what);
            outbox.retry_at = Some(now.moment);
        }
    }
    membership::replicas_failed(broker, now, peer, failed, effects);
    for partition in gone {
        membership::replica_deleted(broker, now, partition, peer, effects);
    }
}

/// Those of `orders` that could not be obeyed because the disk failed. Topics are named by their ids.
fn failed_replicas(
    answer: &LeaderAndIsrResponse,
    orders: &BTreeMap<TopicPartition, LeaderAndIsr>,
) -> Vec<controller::Partition> {
    let mut failed = BTreeSet::new();
    for topic in &answer.topics {
        for one in &topic.partition_errors {
            if one.error_code == ErrorCode::KAFKA_STORAGE_ERROR {
                failed.insert((topic.topic_id.0, one.partition_index));
            }
        }
    }
    if failed.is_empty() {
        return Vec::new();
    }
    let is_failed =
        |order: &LeaderAndIsr| order.topic_id.is_some_and(|id| failed.contains(&(id.0, order.partition)));
    let orders = orders.values().filter(|order| is_failed(order));
    orders.map(|order| (order.topic.clone(), order.partition)).collect()
}
