//! One member of an ensemble: assigns places in the order, waits for the disk, counts acknowledgements,
//! delivers. A transaction is acknowledged only when [`Input::Persisted`] says that it is durable, and
//! delivered only when a quorum acknowledged it and every earlier one was delivered.

use std::collections::{BTreeSet, VecDeque};

use zookeeper_wire::Zxid;

use crate::limits::{EPOCH_MAX, OUTSTANDING_MAX};
use crate::{Committed, Entry, Quorum, ServerId};

/// What can happen to a peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// The sequencer prepared a transaction. Its zxid is [`Peer::next_zxid`].
    Proposed {
        /// The transaction.
        entry: Entry,
    },
    /// The log is durable up to and including this zxid.
    Persisted {
        /// The last durable one.
        upto: Zxid,
    },
}

/// What a peer wants done, in this order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Append these to the log, make them durable, then say [`Input::Persisted`].
    Persist {
        /// In ascending order, directly after what was persisted before.
        entries: Vec<Entry>,
    },
    /// Apply this and answer whoever asked for it.
    Deliver {
        /// The next transaction of the total order.
        entry: Committed<Entry>,
    },
}

/// A member of an ensemble that leads it.
#[derive(Debug)]
pub struct Peer {
    id: ServerId,
    quorum: Quorum,
    /// Proposed and not delivered, ascending.
    outstanding: VecDeque<Proposal>,
    /// The last zxid given out (or, before the first, the last one of the log).
    proposed: Zxid,
    /// The last zxid known to be durable here; `committed <= persisted <= proposed` while alone.
    persisted: Zxid,
    /// The last zxid delivered.
    committed: Zxid,
}

/// A transaction on its way, with those who have it on disk.
#[derive(Debug)]
struct Proposal {
    entry: Entry,
    acknowledged: BTreeSet<ServerId>,
}

impl Peer {
    /// The only member of its ensemble. `last` is the last zxid on its disk, from the log or, if that is
    /// empty, the snapshot. As with the original's standalone server the epoch of `last` goes on: nobody
    /// else could have led since.
    pub fn alone(id: ServerId, last: Zxid) -> Peer {
        Peer {
            id,
            quorum: Quorum::majority([id]),
            outstanding: VecDeque::new(),
            proposed: last,
            persisted: last,
            committed: last,
        }
    }

    /// Takes one input and appends what follows from it to `effects`.
    pub fn step(&mut self, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Proposed { entry } => self.propose(entry, effects),
            Input::Persisted { upto } => self.persisted(upto, effects),
        }
        self.check();
    }

    /// The zxid that the next proposal must have.
    ///
    /// A counter that is used up begins the next epoch. Its first transaction is number 1: number 0 of
    /// an epoch stands for the election of its leader.
    pub fn next_zxid(&self) -> Zxid {
        self.proposed.next().unwrap_or_else(|| {
            let epoch = self.proposed.epoch() + 1;
            assert!(epoch <= EPOCH_MAX, "two thousand million epochs of four thousand million transactions");
            Zxid::new(epoch, 1)
        })
    }

    /// How many more transactions may be proposed now. At 0 the sequencer must stop reading requests.
    pub fn room(&self) -> usize {
        OUTSTANDING_MAX - self.outstanding.len()
    }

    /// Transactions proposed and not yet delivered.
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// The last zxid proposed, or the last one of the log if nothing was.
    pub fn last_proposed(&self) -> Zxid {
        self.proposed
    }

    /// The last zxid delivered, or the last one of the log if nothing was.
    pub fn last_committed(&self) -> Zxid {
        self.committed
    }

    fn propose(&mut self, entry: Entry, effects: &mut Vec<Effect>) {
        assert_eq!(entry.zxid, self.next_zxid(), "the order has neither holes nor doubles");
        assert!(self.room() > 0, "the sequencer asks for room first");
        self.proposed = entry.zxid;
        persist(entry.clone(), effects);
        self.outstanding.push_back(Proposal { entry, acknowledged: BTreeSet::new() });
    }

    fn persisted(&mut self, upto: Zxid, effects: &mut Vec<Effect>) {
        assert!(self.persisted <= upto && upto <= self.proposed, "the disk has what it was given, in order");
        let first = self.outstanding.partition_point(|proposal| proposal.entry.zxid <= self.persisted);
        let end = self.outstanding.partition_point(|proposal| proposal.entry.zxid <= upto);
        self.persisted = upto;
        // One acknowledgement per zxid, as between servers: they are not cumulative in Zab.
        for index in first..end {
            self.acknowledge(self.id, index);
        }
        self.commit(effects);
    }

    fn acknowledge(&mut self, from: ServerId, index: usize) {
        let new = self.outstanding[index].acknowledged.insert(from);
        assert!(new, "a server acknowledges a zxid once");
    }

    /// Delivers from the head for as long as a quorum has it.
    fn commit(&mut self, effects: &mut Vec<Effect>) {
        while let Some(proposal) = self.outstanding.pop_front_if(|p| self.quorum.is_met_by(&p.acknowledged)) {
            self.committed = proposal.entry.zxid;
            effects.push(Effect::Deliver { entry: Committed::new(proposal.entry) });
        }
    }

    /// What always holds between two steps.
    fn check(&self) {
        assert!(self.committed <= self.persisted && self.persisted <= self.proposed);
        assert!(self.outstanding.len() <= OUTSTANDING_MAX);
        match (self.outstanding.front(), self.outstanding.back()) {
            (Some(first), Some(last)) => {
                assert!(self.committed < first.entry.zxid && last.entry.zxid == self.proposed);
                assert!(!self.quorum.is_met_by(&first.acknowledged), "what has a quorum is delivered");
            }
            _ => assert_eq!(self.committed, self.proposed, "nothing is lost on the way"),
        }
    }
}

/// Asks for `entry` to be persisted, together with those asked for just before.
fn persist(entry: Entry, effects: &mut Vec<Effect>) {
    match effects.last_mut() {
        Some(Effect::Persist { entries }) => entries.push(entry),
        _ => effects.push(Effect::Persist { entries: vec![entry] }),
    }
}

#[cfg(test)]
mod tests;
