//! The replicas that this broker holds, over its log directories.

use std::io;
use std::marker::PhantomData;

use clock::{Moment, Now};
use disk::Disk;
use kafka_wire::ErrorCode;

use crate::replica::{Durability, Replica};
use crate::{Broker, Effect, Settings, TopicPartition};

/// The replicas by topic and partition.
pub(crate) struct Replicas<D: Disk> {
    disk: PhantomData<D>,
}

impl<D: Disk> Replicas<D> {
    /// Recovers every partition log in the log directories.
    pub(crate) fn open(_now: Now, _settings: &Settings, _disk: D) -> io::Result<Self> {
        Ok(Replicas { disk: PhantomData })
    }

    /// Writes the identity into every log directory that has none, or compares it with what is there.
    ///
    /// # Errors
    /// A directory belongs to another cluster or broker; the text says which, and what to do.
    pub(crate) fn claim(&mut self, _cluster_id: &str, _broker_id: i32) -> Result<(), String> {
        Ok(())
    }

    /// Obeys an order of the controller: leads the partition (making its log if there is none), or leads
    /// it on under a newer epoch. An order that is not newer than what the replica obeys already is
    /// answered `STALE_CONTROLLER_EPOCH` and changes nothing; the first order after a start is always
    /// newer. `INCONSISTENT_TOPIC_ID` if the log on disk is of another topic of the same name.
    pub(crate) fn obey(
        &mut self,
        _now: Now,
        _order: &controller::LeaderAndIsr,
        _config: &partition::TopicConfig,
    ) -> Result<(), ErrorCode> {
        Ok(())
    }

    /// Gives every replica of the topic here these settings from now on.
    pub(crate) fn configure(&mut self, _topic: &str, _config: &partition::TopicConfig) {}

    /// Stops a replica and deletes its log. One that is not here is gone already, which is no error.
    pub(crate) fn delete(&mut self, _now: Now, _partition: &TopicPartition) -> Result<(), ErrorCode> {
        Ok(())
    }

    /// The replica, if this broker leads the partition.
    pub(crate) fn leader(&mut self, _partition: &TopicPartition) -> Option<&mut Replica<D>> {
        None
    }

    /// Whether what was appended up to `end` may be acknowledged; an error if it never will be.
    pub(crate) fn reached(
        &self,
        _partition: &TopicPartition,
        _end: i64,
        _durability: Durability,
    ) -> Result<bool, ErrorCode> {
        Err(ErrorCode::NOT_LEADER_OR_FOLLOWER)
    }

    /// When it next wants [`woken`] (retention, checkpoints).
    pub(crate) fn deadline(&self) -> Option<Moment> {
        None
    }
}

/// Does what is due by time.
pub(crate) fn woken<D: Disk>(_broker: &mut Broker<D>, _now: Now, _effects: &mut Vec<Effect>) {}

/// Ends the shell's turn: syncs what must be durable, advances high watermarks, and touches
/// `WatchKey::Partition` of those that moved.
pub(crate) fn turn_ended<D: Disk>(_broker: &mut Broker<D>, _now: Now, _effects: &mut Vec<Effect>) {}
