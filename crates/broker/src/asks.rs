//! Requests to the keeper that are under way, and what to do with their answers.
//!
//! A module that asks the keeper adds a variant to [`Asked`] that says what it was doing, and a line to
//! [`answered`] that hands the answer to it.

use std::collections::BTreeMap;

use clock::Now;
use disk::Disk;
use zookeeper_wire::{ErrorCode, Request, Response, Zxid};

use crate::keeper_write::KeeperWrite;
use crate::{Broker, Effect, keeper_write, membership, producer_ids};

/// Names one ask; never reused while the process lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AskToken(pub u64);

/// What the keeper said: the response with the zxid of its header, or an error.
pub(crate) type Answer = Result<(Response, Zxid), ErrorCode>;

/// What the broker was doing when it asked.
#[derive(Debug)]
pub(crate) enum Asked {
    /// Registration, election, reading and changing the cluster's znodes.
    Membership(membership::Asked),
    /// Taking a block of producer ids.
    ProducerIds(producer_ids::Asked),
    /// A write that a client's request waits for.
    Write(KeeperWrite),
}

/// The asks under way.
#[derive(Default)]
pub(crate) struct Asks {
    next: u64,
    /// How many of those waiting are clients' writes.
    writes: usize,
    waiting: BTreeMap<AskToken, Asked>,
}

impl Asks {
    /// Clients' writes under way.
    pub(crate) fn writes(&self) -> usize {
        self.writes
    }
}

impl<D: Disk> Broker<D> {
    /// Sends a request to the keeper and remembers why.
    pub(crate) fn ask(&mut self, asked: Asked, request: Request, effects: &mut Vec<Effect>) {
        let token = AskToken(self.asks.next);
        self.asks.next += 1;
        self.asks.writes += usize::from(matches!(asked, Asked::Write(_)));
        self.asks.waiting.insert(token, asked);
        effects.push(Effect::Ask { token, request });
    }
}

/// Hands an answer to the module that asked.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    token: AskToken,
    answer: Answer,
    effects: &mut Vec<Effect>,
) {
    let asked = broker.asks.waiting.remove(&token).expect("the shell answers each ask once");
    match asked {
        Asked::Membership(asked) => membership::answered(broker, now, asked, answer, effects),
        Asked::ProducerIds(asked) => producer_ids::answered(broker, now, asked, answer, effects),
        Asked::Write(write) => {
            broker.asks.writes -= 1;
            keeper_write::answered(broker, &write, answer);
        }
    }
}
