//! [`Metadata`]: the part of a cluster's state that clients ask for, as a snapshot.
//!
//! A snapshot never changes: its owner publishes another with a higher version. Topics are shared
//! between snapshots, so that keeping one costs a reference and making the next costs what changed.

use crate::znodes::{Endpoint, PartitionState, Replicas};
use crate::{Broker, BrokerId, LeaderEpoch, PartitionEpoch, Topic, TopicId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Brokers and topics at one version.
#[derive(Clone, Default, Debug)]
pub struct Metadata {
    /// Grows by one with each snapshot that differs from the last.
    pub version: u64,
    /// `/cluster/id`.
    pub cluster_id: Option<Arc<str>>,
    /// Who is controller.
    pub controller: Option<BrokerId>,
    /// Live brokers.
    pub brokers: BTreeMap<BrokerId, Arc<Broker>>,
    topics: BTreeMap<Arc<str>, Arc<TopicMetadata>>,
    ids: BTreeMap<TopicId, Arc<str>>,
}

/// One topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicMetadata {
    /// Its name.
    pub name: Arc<str>,
    /// [`TopicId::ZERO`] for a topic that has none yet.
    pub id: TopicId,
    /// Whether it belongs to the brokers.
    pub internal: bool,
    /// In order of their numbers.
    pub partitions: Vec<PartitionMetadata>,
}

/// One partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionMetadata {
    /// Its number.
    pub partition: i32,
    /// [`BrokerId::NONE`] if nobody leads it, or nobody decided yet.
    pub leader: BrokerId,
    /// -1 if nobody decided yet.
    pub leader_epoch: LeaderEpoch,
    /// -1 if nobody decided yet.
    pub partition_epoch: PartitionEpoch,
    /// The preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// Those that are in sync.
    pub isr: Vec<BrokerId>,
}

impl Metadata {
    /// The topic called `name`.
    pub fn topic(&self, name: &str) -> Option<&Arc<TopicMetadata>> {
        self.topics.get(name)
    }

    /// The topic with this id.
    pub fn topic_by_id(&self, id: TopicId) -> Option<&Arc<TopicMetadata>> {
        self.topics.get(self.ids.get(&id)?)
    }

    /// All topics in the order of their names.
    pub fn topics(&self) -> impl ExactSizeIterator<Item = &Arc<TopicMetadata>> {
        self.topics.values()
    }

    /// Where a client of `listener` reaches a broker; `None` if the broker is down or has no such
    /// listener.
    pub fn endpoint(&self, broker: BrokerId, listener: &str) -> Option<&Endpoint> {
        self.brokers.get(&broker)?.registration.endpoint(listener)
    }

    /// Whether a broker is registered.
    pub fn is_live(&self, broker: BrokerId) -> bool {
        self.brokers.contains_key(&broker)
    }

    pub(crate) fn put_topic(&mut self, name: Arc<str>, topic: Option<Arc<TopicMetadata>>) {
        if let Some(before) = self.topics.get(&name)
            && self.ids.get(&before.id) == Some(&name)
        {
            self.ids.remove(&before.id);
        }
        match topic {
            Some(topic) => {
                if topic.id != TopicId::ZERO {
                    self.ids.insert(topic.id, name.clone());
                }
                self.topics.insert(name, topic);
            }
            None => drop(self.topics.remove(&name)),
        }
    }

    /// Brings some partitions of a topic that is here up to date, in place if nobody keeps a snapshot.
    pub(crate) fn patch_topic(
        &mut self,
        name: &str,
        topic: &Topic,
        states: Option<&BTreeMap<i32, (PartitionState, PartitionEpoch)>>,
        partitions: &BTreeSet<i32>,
    ) {
        let Some(shown) = self.topics.get_mut(name) else { return };
        let shown = Arc::make_mut(shown);
        for partition in partitions {
            let Some(replicas) = topic.node.partitions.get(partition) else { continue };
            let state = states.and_then(|states| states.get(partition));
            if let Ok(place) = shown.partitions.binary_search_by_key(partition, |shown| shown.partition) {
                shown.partitions[place] = PartitionMetadata::new(*partition, replicas, state);
            }
        }
    }
}

impl TopicMetadata {
    pub(crate) fn new(
        name: &str,
        topic: &Topic,
        states: Option<&BTreeMap<i32, (PartitionState, PartitionEpoch)>>,
    ) -> TopicMetadata {
        let partitions = topic.node.partitions.iter().map(|(partition, replicas)| {
            let state = states.and_then(|states| states.get(partition));
            PartitionMetadata::new(*partition, replicas, state)
        });
        TopicMetadata {
            name: Arc::from(name),
            id: topic.node.id.unwrap_or(TopicId::ZERO),
            internal: crate::is_internal(name),
            partitions: partitions.collect(),
        }
    }

    /// The partition with this number.
    pub fn partition(&self, partition: i32) -> Option<&PartitionMetadata> {
        // Numbers are dense in every topic that Kafka made, but a foreign hand may have left a hole.
        let guess = usize::try_from(partition).ok().and_then(|index| self.partitions.get(index));
        guess
            .filter(|found| found.partition == partition)
            .or_else(|| self.partitions.iter().find(|found| found.partition == partition))
    }
}

impl PartitionMetadata {
    fn new(partition: i32, replicas: &Replicas, state: Option<&(PartitionState, PartitionEpoch)>) -> Self {
        PartitionMetadata {
            partition,
            leader: state.map_or(BrokerId::NONE, |(state, _)| state.leader),
            leader_epoch: state.map_or(LeaderEpoch(-1), |(state, _)| state.leader_epoch),
            partition_epoch: state.map_or(PartitionEpoch(-1), |(_, epoch)| *epoch),
            replicas: replicas.all.clone(),
            isr: state.map_or(Vec::new(), |(state, _)| state.isr.clone()),
        }
    }

    /// Replicas on brokers that are not registered.
    pub fn offline<'a>(&'a self, metadata: &'a Metadata) -> impl Iterator<Item = BrokerId> + 'a {
        self.replicas.iter().copied().filter(|id| !metadata.is_live(*id))
    }
}
