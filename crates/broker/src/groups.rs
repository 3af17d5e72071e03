//! The consumer groups coordinated here: the coordinator core, its log, and the calls that wait for it.

use clock::{Moment, Now};
use disk::Disk;

use crate::{Broker, Effect, Settings};

/// The groups, by the partition of `__consumer_offsets` that holds them.
pub(crate) struct Groups {}

impl Groups {
    /// No groups; they are loaded when this broker leads their partition.
    pub(crate) fn new(_settings: &Settings) -> Self {
        Groups {}
    }

    /// When it next wants [`woken`].
    pub(crate) fn deadline(&self) -> Option<Moment> {
        None
    }
}

/// Does what is due by time.
pub(crate) fn woken<D: Disk>(_broker: &mut Broker<D>, _now: Now, _effects: &mut Vec<Effect>) {}

/// Ends the shell's turn: answers the calls whose records were committed in it.
pub(crate) fn turn_ended<D: Disk>(_broker: &mut Broker<D>, _now: Now, _effects: &mut Vec<Effect>) {}
