//! The broker's place in the cluster: its registration, the controller election, and its view of the
//! cluster's znodes, all as a ZooKeeper client (never by a private door).

use std::sync::Arc;

use clock::{Moment, Now};
use cluster::Metadata;
use disk::Disk;

use crate::asks::Answer;
use crate::{Broker, Effect, KeeperInput, Settings};

/// What the broker knows of the cluster, and how it came to know.
pub(crate) struct Membership {
    metadata: Arc<Metadata>,
}

/// What was being asked of the keeper.
#[derive(Debug)]
pub(crate) enum Asked {}

impl Membership {
    /// A broker that has not met the keeper yet.
    pub(crate) fn new(_settings: &Settings) -> Self {
        Membership { metadata: Arc::default() }
    }

    /// What clients may see of the cluster, as of the last change. Whoever changes it touches
    /// `WatchKey::Topics`.
    pub(crate) fn metadata(&self) -> &Arc<Metadata> {
        &self.metadata
    }

    /// When it next wants [`woken`].
    pub(crate) fn deadline(&self) -> Option<Moment> {
        None
    }
}

/// Takes what happened on the keeper session (all but answers).
pub(crate) fn keeper<D: Disk>(
    _broker: &mut Broker<D>,
    _now: Now,
    _input: KeeperInput,
    _effects: &mut Vec<Effect>,
) {
}

/// Takes the answer to an ask.
pub(crate) fn answered<D: Disk>(
    _broker: &mut Broker<D>,
    _now: Now,
    asked: Asked,
    _answer: Answer,
    _effects: &mut Vec<Effect>,
) {
    match asked {}
}

/// Does what is due by time.
pub(crate) fn woken<D: Disk>(_broker: &mut Broker<D>, _now: Now, _effects: &mut Vec<Effect>) {}
