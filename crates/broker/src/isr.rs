//! In-sync sets that this broker, as leader, wants changed: found, proposed to the controller, and
//! decided by it.
//!
//! A partition has one open question at a time, and so has the broker. What the controller decided is
//! also in the view of the znodes; whichever comes first counts. A question that got no answer is asked
//! again, of whoever is controller then.

use std::collections::BTreeMap;

use clock::{Moment, Now, Span};
use cluster::{BrokerId, TopicId};
use controller::{Alteration, AlterationError};
use disk::Disk;
use kafka_wire::message::alter_partition::{
    AlterPartitionRequest, AlterPartitionRequestPartitionData, AlterPartitionRequestTopicData,
    AlterPartitionResponse, BrokerState,
};
use kafka_wire::{ErrorCode, Uuid};

use crate::limits::IN_SYNC_BACKOFF;
use crate::links::{self, Lane, LinkError, Reply};
use crate::protocol::InterBrokerProtocol;
use crate::purgatory::WatchKey;
use crate::{Broker, Effect, TopicPartition, membership};

/// Open questions about in-sync sets.
pub(crate) struct InSync {
    /// Proposed and not decided, with the terms they belong to.
    open: BTreeMap<TopicPartition, Alteration>,
    busy: bool,
    retry_at: Option<Moment>,
    /// When members that fell behind are looked for.
    scan_at: Moment,
    lag_max: Span,
}

impl InSync {
    /// `replica.lag.time.max.ms` among the properties says how long a member may be behind.
    pub(crate) fn new(now: Now, properties: &BTreeMap<String, String>) -> Self {
        let lag = properties.get("replica.lag.time.max.ms").and_then(|text| text.trim().parse().ok());
        let lag_max = Span::ms(lag.unwrap_or(30_000));
        InSync {
            open: BTreeMap::new(),
            busy: false,
            retry_at: None,
            scan_at: now.moment + scan_interval(lag_max),
            lag_max,
        }
    }

    /// When members are looked at, or open questions asked again.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        let retry = self.retry_at.filter(|_| !self.busy && !self.open.is_empty());
        Some(retry.map_or(self.scan_at, |at| at.min(self.scan_at)))
    }
}

/// Kafka looks at half the time that a member may be behind.
fn scan_interval(lag_max: Span) -> Span {
    Span::ms((lag_max.as_ms() / 2).max(1))
}

/// A follower outside of the set may have come far enough to join.
pub(crate) fn follower_moved<D: Disk>(broker: &mut Broker<D>, partition: &TopicPartition) {
    let metadata = broker.membership.metadata().clone();
    let Some(replica) = broker.replicas.leader_to_read(partition) else { return };
    let high_watermark = replica.high_watermark();
    let Some(leadership) = replica.leadership_mut() else { return };
    let joinable = leadership.joinable(high_watermark);
    if joinable.is_empty() {
        return;
    }
    // One that was started again, perhaps without its last records, counts from its new life on.
    let is_alive = |&(id, epoch): &(i32, i64)| {
        let live = metadata.brokers.get(&BrokerId(id)).map(|broker| broker.epoch.0);
        live.is_some_and(|live| epoch == -1 || epoch == live)
    };
    let joining: Vec<i32> = joinable.into_iter().filter(is_alive).map(|(id, _)| id).collect();
    if joining.is_empty() {
        return;
    }
    let wanted: Vec<i32> = leadership.in_sync().chain(joining).collect();
    propose(broker, partition, wanted);
}

fn propose<D: Disk>(broker: &mut Broker<D>, partition: &TopicPartition, mut wanted: Vec<i32>) {
    let topic_id = broker.membership.metadata().topic(&partition.topic).map(|topic| topic.id);
    let metadata = broker.membership.metadata().clone();
    let Some(replica) = broker.replicas.leader_to_read(partition) else { return };
    let Some(leadership) = replica.leadership_mut() else { return };
    // In the order of the assignment, as the controller writes it.
    let replicas = leadership.replicas().to_vec();
    wanted.sort_by_key(|id| replicas.iter().position(|replica| replica == id));
    if !leadership.propose(wanted.iter().copied()) {
        return;
    }
    let epoch_of = |id: i32| {
        let fetched = leadership.broker_epoch_of(id);
        let live = metadata.brokers.get(&BrokerId(id)).map_or(-1, |broker| broker.epoch.0);
        fetched.unwrap_or(live)
    };
    let alteration = Alteration {
        topic: partition.topic.clone(),
        topic_id: topic_id.filter(|id| *id != TopicId::ZERO),
        partition: partition.partition,
        leader_epoch: cluster::LeaderEpoch(leadership.leader_epoch()),
        partition_epoch: cluster::PartitionEpoch(leadership.partition_epoch()),
        isr: wanted.iter().map(|&id| (BrokerId(id), epoch_of(id))).collect(),
        recovering: false,
    };
    broker.in_sync.open.insert(partition.clone(), alteration);
}

/// Looks for members that fell behind.
pub(crate) fn woken<D: Disk>(broker: &mut Broker<D>, now: Now) {
    if broker.in_sync.scan_at > now.moment {
        return;
    }
    let lag_max = broker.in_sync.lag_max;
    broker.in_sync.scan_at = now.moment + scan_interval(lag_max);
    for (partition, lagging) in broker.replicas.lagging(now.moment, lag_max) {
        let Some(replica) = broker.replicas.leader_to_read(&partition) else { continue };
        let Some(leadership) = replica.leadership() else { continue };
        let wanted: Vec<i32> = leadership.in_sync().filter(|id| !lagging.contains(id)).collect();
        propose(broker, &partition, wanted);
    }
}

/// Asks the controller what is open.
pub(crate) fn turn_ended<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    let in_sync = &mut broker.in_sync;
    if in_sync.busy || in_sync.open.is_empty() || in_sync.retry_at.is_some_and(|at| at > now.moment) {
        return;
    }
    in_sync.retry_at = None;
    let me = BrokerId(broker.settings.broker_id);
    let (Some(controller), Some(epoch)) =
        (broker.membership.metadata().controller, broker.membership.epoch())
    else {
        in_sync.retry_at = Some(now.moment + IN_SYNC_BACKOFF);
        return;
    };
    in_sync.busy = true;
    let alterations: Vec<Alteration> = in_sync.open.values().cloned().collect();
    if controller == me {
        return membership::alter(broker, now, membership::Asker::Own, me, epoch.0, alterations, effects);
    }
    let protocol = InterBrokerProtocol::of(&broker.settings.properties);
    let by_id = alterations.iter().all(|one| one.topic_id.is_some());
    let version = if by_id { protocol.alter_partition() } else { 1 };
    let request = request(me, epoch.0, alterations);
    broker.send_to(now, (controller, Lane::Office), version, &request, links::Sent::InSync, effects);
}

fn request(me: BrokerId, broker_epoch: i64, alterations: Vec<Alteration>) -> AlterPartitionRequest {
    let mut topics: Vec<AlterPartitionRequestTopicData> = Vec::new();
    for one in alterations {
        if topics.last().is_none_or(|last| last.topic_name != *one.topic) {
            topics.push(AlterPartitionRequestTopicData {
                topic_name: one.topic.to_string(),
                topic_id: one.topic_id.map_or(Uuid::ZERO, |id| Uuid(id.0)),
                partitions: Vec::new(),
            });
        }
        let state = |&(id, broker_epoch): &(BrokerId, i64)| BrokerState { broker_id: id.0, broker_epoch };
        topics.last_mut().expect("one was pushed").partitions.push(AlterPartitionRequestPartitionData {
            partition_index: one.partition,
            leader_epoch: one.leader_epoch.0,
            new_isr: one.isr.iter().map(|(id, _)| id.0).collect(),
            new_isr_with_epochs: one.isr.iter().map(state).collect(),
            leader_recovery_state: i8::from(one.recovering),
            partition_epoch: one.partition_epoch.0,
        });
    }
    AlterPartitionRequest { broker_id: me.0, broker_epoch, topics }
}

/// The controller answered over a link, or did not.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    reply: Result<Reply, LinkError>,
    _effects: &mut Vec<Effect>,
) {
    match reply.and_then(Reply::read::<AlterPartitionRequest>) {
        Ok(response) => decided(broker, now, response),
        Err(LinkError::Lost) => {
            broker.in_sync.busy = false;
            broker.in_sync.retry_at = Some(now.moment + IN_SYNC_BACKOFF);
        }
    }
}

/// What the controller decided, here or elsewhere.
pub(crate) fn decided<D: Disk>(broker: &mut Broker<D>, now: Now, response: AlterPartitionResponse) {
    broker.in_sync.busy = false;
    if response.error_code != ErrorCode::NONE {
        // Another controller, or one that does not know this broker's new life yet.
        broker.in_sync.retry_at = Some(now.moment + IN_SYNC_BACKOFF);
        return;
    }
    for topic in response.topics {
        let metadata = broker.membership.metadata();
        let name = if topic.topic_name.is_empty() {
            metadata.topic_by_id(TopicId(topic.topic_id.0)).map(|topic| topic.name.clone())
        } else {
            Some(topic.topic_name.as_str().into())
        };
        let Some(name) = name else { continue };
        for answer in topic.partitions {
            let partition = TopicPartition::new(name.clone(), answer.partition_index);
            match AlterationError::of(answer.error_code) {
                None => settle(broker, &partition, answer.leader_epoch, answer.isr, answer.partition_epoch),
                Some(AlterationError::Retry) => {
                    broker.in_sync.retry_at = Some(now.moment + IN_SYNC_BACKOFF);
                }
                // The view brings what the controller knows better.
                Some(AlterationError::Withdraw) => withdraw(broker, &partition),
            }
        }
    }
    if !broker.in_sync.open.is_empty() {
        // Not answered, or for another term than ours: to be asked again, but not in each turn.
        broker.in_sync.retry_at.get_or_insert(now.moment + IN_SYNC_BACKOFF);
    }
}

fn withdraw<D: Disk>(broker: &mut Broker<D>, partition: &TopicPartition) {
    broker.in_sync.open.remove(partition);
    if let Some(leadership) =
        broker.replicas.leader_to_read(partition).and_then(|replica| replica.leadership_mut())
    {
        leadership.withdraw();
    }
}

/// A state of the partition that the controller wrote, heard from it or seen in the view.
pub(crate) fn settle<D: Disk>(
    broker: &mut Broker<D>,
    partition: &TopicPartition,
    leader_epoch: i32,
    isr: Vec<i32>,
    partition_epoch: i32,
) {
    let Some(replica) = broker.replicas.leader(partition) else {
        broker.in_sync.open.remove(partition);
        return;
    };
    let Some(leadership) = replica.leadership_mut() else { return };
    if leadership.leader_epoch() != leader_epoch || leadership.partition_epoch() >= partition_epoch {
        if leadership.leader_epoch() == leader_epoch && leadership.partition_epoch() == partition_epoch {
            broker.in_sync.open.remove(partition);
        }
        return;
    }
    leadership.decided(isr, partition_epoch);
    replica.advance_high_watermark();
    broker.in_sync.open.remove(partition);
    broker.purgatory.touch(&WatchKey::Partition(partition.clone()));
}

/// This broker's term as leader is over, or a new one begins: nothing is open.
pub(crate) fn forget<D: Disk>(broker: &mut Broker<D>, partition: &TopicPartition) {
    broker.in_sync.open.remove(partition);
}
