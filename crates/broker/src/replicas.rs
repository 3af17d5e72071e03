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
