//! What a leader wants to have written about its partition: another in-sync set.

use cluster::znodes::PartitionState;
use cluster::{BrokerId, LeaderEpoch, PartitionEpoch, TopicId};
use kafka_wire::ErrorCode;
use std::sync::Arc;

/// A leader's wish, the content of AlterPartition for one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alteration {
    /// The topic, by name if the request named it so.
    pub topic: Arc<str>,
    /// Its id, if the leader knows it.
    pub topic_id: Option<TopicId>,
    /// The partition, from 0.
    pub partition: i32,
    /// The leader's term.
    pub leader_epoch: LeaderEpoch,
    /// The state that the wish is based on.
    pub partition_epoch: PartitionEpoch,
    /// The new set, each member with the epoch of its registration as the leader knows it; -1 for none.
    pub isr: Vec<(BrokerId, i64)>,
    /// Whether the leader still recovers from an unclean election.
    pub recovering: bool,
}

/// What became of one wish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Altered {
    /// As in the wish.
    pub topic: Arc<str>,
    /// As in the wish.
    pub topic_id: Option<TopicId>,
    /// As in the wish.
    pub partition: i32,
    /// The state that holds now, or Kafka's error.
    pub result: Result<(PartitionState, PartitionEpoch), ErrorCode>,
}

/// What a leader does about an error of AlterPartition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AlterationError {
    /// Asks again.
    Retry,
    /// Gives the wish up; the controller knows something that is on its way to the leader.
    Withdraw,
}

impl AlterationError {
    /// `None` if there is no error.
    pub fn of(error: ErrorCode) -> Option<AlterationError> {
        match error {
            ErrorCode::NONE => None,
            ErrorCode::INVALID_UPDATE_VERSION
            | ErrorCode::FENCED_LEADER_EPOCH
            | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
            | ErrorCode::UNKNOWN_TOPIC_ID
            | ErrorCode::INVALID_REQUEST
            | ErrorCode::INELIGIBLE_REPLICA
            | ErrorCode::OPERATION_NOT_ATTEMPTED
            | ErrorCode::NEW_LEADER_ELECTED => Some(AlterationError::Withdraw),
            _ => Some(AlterationError::Retry),
        }
    }
}
