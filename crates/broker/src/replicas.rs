//! The replicas that this broker holds, over its log directories.

use std::io;
use std::marker::PhantomData;

use clock::{Moment, Now};
use disk::Disk;

use crate::{Broker, Effect, Settings};

/// The replicas by topic and partition.
pub(crate) struct Replicas<D: Disk> {
    disk: PhantomData<D>,
}

impl<D: Disk> Replicas<D> {
    /// Recovers every partition log in the log directories.
    pub(crate) fn open(_now: Now, _settings: &Settings, _disk: D) -> io::Result<Self> {
        Ok(Replicas { disk: PhantomData })
    }

    /// When it next wants [`woken`] (retention, checkpoints).
    pub(crate) fn deadline(&self) -> Option<Moment> {
        None
    }
}

/// Does what is due by time.
pub(crate) fn woken<D: Disk>(_broker: &mut Broker<D>, _now: Now, _effects: &mut Vec<Effect>) {}

/// Ends the shell's turn: syncs what must be durable and touches the partitions that moved.
pub(crate) fn turn_ended<D: Disk>(_broker: &mut Broker<D>, _now: Now, _effects: &mut Vec<Effect>) {}
