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
    /// Whether the broker cannot have held the replica before: it is of a partition that this controller has
    /// just made, or that a reassignment adds. Only then may a broker with an offline log directory make it
    /// anew. What an earlier controller made, or a broker's former life held, is never new.
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
