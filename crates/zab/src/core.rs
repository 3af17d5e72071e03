//! What a member keeps whatever its part is: the log's end, the epochs, and what the disk owes it. Parts
//! come and go; there is one owner of the log.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use zookeeper_wire::Zxid;

use crate::border::{Effect, Ensemble, Recovered};
use crate::election::Memberships;
use crate::flaw::Flaw;
use crate::history::History;
use crate::packet::QuorumPacket;
use crate::{Committed, Configuration, Entry, LinkId, Observation, Quorum, ServerId, Vote};

/// What outlives a part.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) ensemble: Ensemble,
    /// Who decides: quorums of the membership in force, and then of the one that is proposed.
    quorums: Arc<[Quorum]>,
    /// The membership changed, and elections were not told yet.
    pub(crate) reconfigured: bool,
    pub(crate) history: History,
    /// The last epoch that was promised to a leader; durable.
    pub(crate) accepted_epoch: u32,
    /// The last epoch whose history we have; durable. Never more than `accepted_epoch`.
    pub(crate) current_epoch: u32,
    pub(crate) is_blank: bool,
    /// What the disk was asked for besides entries, in order.
    writing: VecDeque<Writing>,
    pub(crate) flaw: Option<Flaw>,
    /// What the step brought about.
    pub(crate) observed: Vec<Observation>,
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
            quorums: quorums(&ensemble),
            reconfigured: false,
            ensemble,
            history: History::new(last, history, keeps),
            accepted_epoch: accepted_epoch.max(current_epoch),
            current_epoch,
            is_blank,
            writing: VecDeque::new(),
            flaw: None,
            observed: Vec::new(),
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

    /// The quorums that decide.
    pub(crate) fn quorums(&self) -> Arc<[Quorum]> {
        Arc::clone(&self.quorums)
    }

    /// Whether those who said yes are enough in every membership that decides.
    pub(crate) fn is_quorum(&self, yes: &BTreeSet<ServerId>) -> bool {
        self.quorums.iter().all(|quorum| quorum.is_met_by(yes))
    }

    /// The quorums of the membership in force alone.
    pub(crate) fn quorum(&self) -> &Quorum {
        &self.quorums[0]
    }

    /// The newest membership that we know of.
    pub(crate) fn last_seen(&self) -> &Configuration {
        self.ensemble.proposed.as_ref().unwrap_or(&self.ensemble.configuration)
    }

    /// Whether we learn as an observer; a server that is no member learns as a follower does.
    pub(crate) fn observes(&self) -> bool {
        self.ensemble.configuration.observes(self.ensemble.id)
    }

    /// What elections go by.
    pub(crate) fn memberships(&self) -> Memberships {
        Memberships { committed: self.quorums[0].clone(), proposed: self.quorums.get(1).cloned() }
    }

    /// The membership as elections tell it; empty if it would harm a Java server.
    pub(crate) fn told(&self) -> bytes::Bytes {
        let configuration = &self.ensemble.configuration;
        if configuration.may_be_told() { configuration.text().into() } else { bytes::Bytes::new() }
    }

    /// A membership is proposed. As in the original, a leader's word takes the place of a newer one that
    /// came to nothing.
    pub(crate) fn foresee(&mut self, configuration: Configuration, effects: &mut Vec<Effect>) {
        if !self.ensemble.reconfigurable || configuration.version == self.last_seen().version {
            return;
        }
        let newer = configuration.version > self.ensemble.configuration.version;
        self.ensemble.proposed = newer.then(|| configuration.clone());
        self.reconfigured = true;
        self.quorums = quorums(&self.ensemble);
        if newer {
            effects.push(Effect::Foresee { configuration: Box::new(configuration) });
        }
    }

    /// A membership is in force. Returns the one before if its members were others.
    pub(crate) fn reconfigure(
        &mut self,
        configuration: Configuration,
        effects: &mut Vec<Effect>,
    ) -> Option<Configuration> {
        if !self.ensemble.reconfigurable || configuration.version <= self.ensemble.configuration.version {
            return None;
        }
        self.ensemble.proposed.take_if(|proposed| proposed.version <= configuration.version);
        let former = std::mem::replace(&mut self.ensemble.configuration, configuration.clone());
        self.reconfigured = true;
        self.quorums = quorums(&self.ensemble);
        let differs = !former.has_members_of(&configuration);
        effects.push(Effect::Reconfigure { configuration: Box::new(configuration) });
        differs.then_some(former)
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

fn quorums(ensemble: &Ensemble) -> Arc<[Quorum]> {
    std::iter::once(&ensemble.configuration).chain(&ensemble.proposed).map(Configuration::quorum).collect()
}

pub(crate) fn send(link: LinkId, packet: QuorumPacket, effects: &mut Vec<Effect>) {
    effects.push(Effect::Send { link, packet });
}
