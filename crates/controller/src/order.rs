//! What the controller tells a broker: the content of LeaderAndIsr and StopReplica, without their
//! headers and versions.

use cluster::znodes::PartitionState;
use cluster::{BrokerId, PartitionEpoch, TopicId};
use std::sync::Arc;

/// Lead a partition, or follow its leader.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaderAndIsr {
    /// The topic.
    pub topic: Arc<str>,
    /// Its id, if it has one.
    pub topic_id: Option<TopicId>,
    /// The partition, from 0.
    pub partition: i32,
    /// Who leads and who is in sync.
    pub state: PartitionState,
    /// The version of the state's znode.
    pub partition_epoch: PartitionEpoch,
    /// All replicas, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// Replicas that a reassignment adds.
    pub adding: Vec<BrokerId>,
    /// Replicas that a reassignment removes.
    pub removing: Vec<BrokerId>,
    /// Whether the partition never had another state: only then may a broker with an offline log
    /// directory make it anew.
    pub is_new: bool,
}

/// Stop replicating a partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StopReplica {
    /// The topic.
    pub topic: Arc<str>,
    /// Its id, if it has one.
    pub topic_id: Option<TopicId>,
    /// The partition, from 0.
    pub partition: i32,
    /// Whether to delete its log, too, and report.
    pub delete: bool,
}
