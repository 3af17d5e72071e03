//! One transactional id: what its record says, and what is on its way.

use std::collections::{BTreeMap, BTreeSet};

use super::input::MarkToken;
use super::record::Value;
use crate::effect::WriteToken;
use crate::input::{Producer, RequestToken};

/// Partitions by topic. No topic is without a partition.
pub type Partitions = BTreeMap<String, BTreeSet<i32>>;

/// Where a transactional id stands. The names and numbers are those of Kafka's records and tools.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum State {
    /// There was no transaction since the producer was initialized.
    Empty,
    /// A transaction is open.
    Ongoing,
    /// It will be committed: that is durable, its markers are being written.
    PrepareCommit,
    /// It will be aborted.
    PrepareAbort,
    /// All markers are written.
    CompleteCommit,
    /// All markers are written.
    CompleteAbort,
    /// The id is being forgotten. Never durable.
    Dead,
    /// The producer is being fenced. Never durable.
    PrepareEpochFence,
}

impl State {
    const ALL: [State; 8] = [
        State::Empty,
        State::Ongoing,
        State::PrepareCommit,
        State::PrepareAbort,
        State::CompleteCommit,
        State::CompleteAbort,
        State::Dead,
        State::PrepareEpochFence,
    ];

    /// As tools show it.
    pub fn name(self) -> &'static str {
        match self {
            State::Empty => "Empty",
            State::Ongoing => "Ongoing",
            State::PrepareCommit => "PrepareCommit",
            State::PrepareAbort => "PrepareAbort",
            State::CompleteCommit => "CompleteCommit",
            State::CompleteAbort => "CompleteAbort",
            State::Dead => "Dead",
            State::PrepareEpochFence => "PrepareEpochFence",
        }
    }

    /// From the name that tools show.
    pub fn from_name(name: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.name() == name)
    }

    pub(super) fn id(self) -> i8 {
        self as i8
    }

    pub(super) fn from_id(id: i8) -> Option<State> {
        State::ALL.get(usize::try_from(id).ok()?).copied()
    }

    pub(super) fn is_prepared(self) -> bool {
        matches!(self, State::PrepareCommit | State::PrepareAbort)
    }
}

/// A transactional id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Transaction {
    /// What the log says.
    pub(super) value: Value,
    /// The change whose record is being written. Nothing else may change meanwhile.
    pub(super) pending: Option<Pending>,
    /// Whether the epoch was raised to fence the producer and that could not be written.
    pub(super) fence_failed: bool,
    /// The markers that are being written, or wait to be tried again.
    pub(super) marking: Option<Marking>,
}

/// A change on its way to the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pending {
    pub(super) write: WriteToken,
    /// `None` forgets the id.
    pub(super) next: Option<Value>,
    pub(super) then: Then,
}

/// Who waits for a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Then {
    Nothing,
    Init(RequestToken),
    /// InitProducerId found a transaction open, which is aborted first.
    FencedForInit(RequestToken),
    Add(RequestToken),
    /// EndTxn, with the producer to answer.
    End(RequestToken, Producer),
}

/// The end of a transaction under way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Marking {
    /// `None` between two attempts.
    pub(super) mark: Option<MarkToken>,
    pub(super) left: Partitions,
}

impl Transaction {
    pub(super) fn new(value: Value) -> Self {
        Transaction { value, pending: None, fence_failed: false, marking: None }
    }
}

/// The last epoch that a client may have; the one after it is kept for fencing.
pub(super) const EPOCH_MAX: i16 = i16::MAX - 1;

/// Whether a producer of this epoch needs another id to go on.
pub(super) fn is_exhausted(epoch: i16) -> bool {
    epoch >= EPOCH_MAX
}
