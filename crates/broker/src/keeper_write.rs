//! A write to the keeper whose outcome a parked request waits for.

use std::sync::{Arc, OnceLock};

use cluster::plan::{self, Outcome};
use disk::Disk;
use zookeeper_wire::{ErrorCode, Request, Response};

use crate::asks::{Answer, Asked};
use crate::limits::KEEPER_WRITES_MAX;
use crate::purgatory::WatchKey;
use crate::{Broker, Effect};

/// One write. Clones share the outcome; a request that is gone takes nothing with it.
#[derive(Clone, Default, Debug)]
pub(crate) struct KeeperWrite(Arc<OnceLock<Fate>>);

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// It happened.
    Done,
    /// It did not happen; the operation of the multi that failed, counted from 0.
    Failed(usize, ErrorCode),
    /// The connection broke: what the view shows decides.
    Unknown,
}

impl KeeperWrite {
    /// A write that need not be sent.
    pub(crate) fn done() -> KeeperWrite {
        let write = KeeperWrite::default();
        write.0.set(Fate::Done).expect("it has just been made");
        write
    }

    /// The outcome, once there is one.
    pub(crate) fn fate(&self) -> Option<Fate> {
        self.0.get().copied()
    }
}

impl<D: Disk> Broker<D> {
    /// Sends a write; its outcome touches [`WatchKey::Topics`]. With too many under way it fails at once
    /// with `THROTTLED_OP`, so that the queue to the keeper keeps room for the broker's own needs.
    pub(crate) fn write(&mut self, request: Request, effects: &mut Vec<Effect>) -> KeeperWrite {
        let write = KeeperWrite::default();
        if self.asks.writes() >= KEEPER_WRITES_MAX {
            write.0.set(Fate::Failed(0, ErrorCode::THROTTLED_OP)).expect("it has just been made");
            return write;
        }
        self.ask(Asked::Write(write.clone()), request, effects);
        write
    }
}

/// Takes the answer.
pub(crate) fn answered<D: Disk>(broker: &mut Broker<D>, write: &KeeperWrite, answer: Answer) {
    let fate = match answer {
        Ok((Response::Multi(results), _)) => match plan::outcome(&results) {
            Outcome::Failed { op, error } => Fate::Failed(op, error),
            Outcome::Done | Outcome::Fenced => Fate::Done,
        },
        Ok(_) => Fate::Done,
        Err(ErrorCode::CONNECTION_LOSS | ErrorCode::SESSION_EXPIRED) => Fate::Unknown,
        Err(error) => Fate::Failed(0, error),
    };
    write.0.set(fate).expect("each ask is answered once");
    broker.purgatory.touch(&WatchKey::Topics);
}
