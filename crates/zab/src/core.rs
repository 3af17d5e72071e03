//! What a member keeps whatever its part is: the log's end, the epochs, and what the disk owes it. Parts
//! come and go; there is one owner of the log.

use std::collections::VecDeque;

use zookeeper_wire::Zxid;

use crate::border::{Effect, Ensemble, Recovered};
use crate::flaw::Flaw;
use crate::history::History;
use crate::packet::QuorumPacket;
use crate::{Committed, Entry, LinkId, Vote};

/// What outlives a part.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) ensemble: Ensemble,
    pub(crate) history: History,
    /// The last epoch that was promised to a leader; durable.
    pub(crate) accepted_epoch: u32,
    /// The last epoch whose history we have; durable. Never more than `accepted_epoch`.
    pub(crate) current_epoch: u32,
    pub(crate) is_blank: bool,
    /// What the disk was asked for besides entries, in order.
    writing: VecDeque<Writing>,
    pub(crate) flaw: Option<Flaw>,
}

/// Something asked of the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Writing {
    Epochs { accepted: Option<u32>, current: Option<u32> },
    Truncation,
    Snapshot,
}

impl Core {
    pub(crate) fn new(ensemble: Ensemble, recovered: Recovered, keeps: bool) -> Core {
        let Recovered { last, accepted_epoch, current_epoch, is_blank, history } = recovered;
        Core {
            ensemble,
            history: History::new(last, history, keeps),
            accepted_epoch: accepted_epoch.max(current_epoch),
            current_epoch,
            is_blank,
            writing: VecDeque::new(),
            flaw: None,
        }
    }

    /// Whether this defect was planted.
    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// Whether everything that was asked of the disk is done.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.writing.is_empty() && self.history.persisted() == self.history.last()
    }

    /// What we offer for a vote.
    pub(crate) fn last_offered(&self) -> Zxid {
        if self.is_blank {
            return Vote::BLANK;
        }
        if self.has(Flaw::OfferDelivered) { self.history.delivered() } else { self.history.last() }
    }

    /// Appends to the log, together with what was appended just before.
    pub(crate) fn append(&mut self, entry: Entry, effects: &mut Vec<Effect>) {
        self.history.append(entry.clone());
        match effects.last_mut() {
            Some(Effect::Persist { entries }) => entries.push(entry),
            _ => effects.push(Effect::Persist { entries: vec![entry] }),
        }
    }

    /// Delivers what is committed and durable.
    pub(crate) fn deliver(&mut self, committed: Zxid, effects: &mut Vec<Effect>) {
        while let Some(entry) = self.history.deliver_next(committed) {
            effects.push(Effect::Deliver { entry: Committed::new(entry) });
        }
    }

    pub(crate) fn write_epochs(
        &mut self,
        accepted: Option<u32>,
        current: Option<u32>,
        effects: &mut Vec<Effect>,
    ) {
        self.writing.push_back(Writing::Epochs { accepted, current });
        effects.push(Effect::WriteEpochs { accepted, current });
    }

    /// The files are as they were asked for: now we may say so.
    pub(crate) fn epochs_written(&mut self) {
        let Some(Writing::Epochs { accepted, current }) = self.writing.pop_front() else {
            panic!("the disk answers in order");
        };
        self.accepted_epoch = accepted.unwrap_or(self.accepted_epoch);
        self.current_epoch = current.unwrap_or(self.current_epoch);
    }

    pub(crate) fn truncate(&mut self, to: Zxid, effects: &mut Vec<Effect>) {
        assert!(self.is_at_rest(), "nothing is being written while the log is cut");
        self.history.truncate(to);
        self.writing.push_back(Writing::Truncation);
        effects.push(Effect::Truncate { to });
    }

    pub(crate) fn truncated(&mut self) {
        assert_eq!(self.writing.pop_front(), Some(Writing::Truncation), "the disk answers in order");
    }

    pub(crate) fn install(&mut self, link: LinkId, zxid: Zxid, effects: &mut Vec<Effect>) {
        self.history.reset(zxid);
        self.writing.push_back(Writing::Snapshot);
        effects.push(Effect::InstallSnapshot { link, zxid });
    }

    pub(crate) fn installed(&mut self) {
        assert_eq!(self.writing.pop_front(), Some(Writing::Snapshot), "the disk answers in order");
    }

    /// What always holds between two steps.
    pub(crate) fn check(&self) {
        self.history.check();
        assert!(self.current_epoch <= self.accepted_epoch, "an epoch is accepted before it is entered");
    }
}

pub(crate) fn send(link: LinkId, packet: QuorumPacket, effects: &mut Vec<Effect>) {
    effects.push(Effect::Send { link, packet });
}
