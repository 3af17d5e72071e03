//! What a client knows of the cluster: brokers, and the leader of every partition it asked about.

use crate::Address;
use kafka_wire::message::metadata::{MetadataResponse, MetadataResponseTopic};
use kafka_wire::{ErrorCode, Uuid};
use std::collections::BTreeMap;
use std::fmt;

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
}

impl TopicPartition {
    /// Partition `partition` of `topic`.
    pub fn new(topic: impl Into<String>, partition: i32) -> TopicPartition {
        TopicPartition { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// A partition as metadata shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionView {
    /// The leading broker; -1 when there is none.
    pub leader: i32,
    /// Epoch of that leader; -1 from old brokers.
    pub leader_epoch: i32,
    /// The brokers that hold it, preferred leader first.
    pub replicas: Vec<i32>,
    /// Those in sync.
    pub isr: Vec<i32>,
    /// Those that are down.
    pub offline: Vec<i32>,
    /// Why there is no leader, if so.
    pub error: ErrorCode,
}

/// A topic as metadata shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicView {
    /// Its id; zero from old brokers.
    pub id: Uuid,
    /// Whether it is the brokers' own.
    pub internal: bool,
    /// Why nothing is known about it, if so.
    pub error: ErrorCode,
    /// Its partitions, by number.
    pub partitions: BTreeMap<i32, PartitionView>,
}

/// Brokers and topics as of the last metadata. Topics that were not asked about stay as they were.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The cluster's id, if the broker tells.
    pub cluster_id: Option<String>,
    /// The controller, or any broker that stands in for it; -1 when unknown.
    pub controller: i32,
    /// Where every broker listens.
    pub brokers: BTreeMap<i32, Address>,
    /// Every topic asked about.
    pub topics: BTreeMap<String, TopicView>,
}

impl View {
    /// Takes in a metadata response.
    pub fn update(&mut self, response: MetadataResponse) {
        self.cluster_id = response.cluster_id.or(self.cluster_id.take());
        self.controller = response.controller_id;
        let address = |host, port| Some(Address { host, port: u16::try_from(port).ok()? });
        self.brokers = response
            .brokers
            .into_iter()
            .filter_map(|broker| Some((broker.node_id, address(broker.host, broker.port)?)))
            .collect();
        for topic in response.topics {
            let Some(name) = topic.name.clone() else { continue };
            self.topics.insert(name, topic_view(topic));
        }
    }

    /// Partitions of `topic`; 0 when it is unknown.
    pub fn partition_count(&self, topic: &str) -> i32 {
        let count = self.topics.get(topic).map_or(0, |topic| topic.partitions.len());
        i32::try_from(count).unwrap_or(i32::MAX)
    }

    /// The leader of a partition, if there is one.
    pub fn leader(&self, partition: &TopicPartition) -> Option<i32> {
        let view = self.topics.get(&partition.topic)?.partitions.get(&partition.partition)?;
        (view.leader >= 0).then_some(view.leader)
    }

    /// Every known partition of `topic`.
    pub fn partitions(&self, topic: &str) -> Vec<TopicPartition> {
        let numbers = self.topics.get(topic).into_iter().flat_map(|view| view.partitions.keys());
        numbers.map(|number| TopicPartition::new(topic, *number)).collect()
    }
}

fn topic_view(topic: MetadataResponseTopic) -> TopicView {
    let partitions = topic.partitions.into_iter().map(|partition| {
        let view = PartitionView {
            leader: partition.leader_id,
            leader_epoch: partition.leader_epoch,
            replicas: partition.replica_nodes,
            isr: partition.isr_nodes,
            offline: partition.offline_replicas,
            error: partition.error_code,
        };
        (partition.partition_index, view)
    });
    TopicView {
        id: topic.topic_id,
        internal: topic.is_internal,
        error: topic.error_code,
        partitions: partitions.collect(),
    }
}
