//! One member of an ensemble: it looks for a leader, leads, or learns from who does.
//!
//! The log has one owner whatever the part, so a change of part is a transition and nothing is torn
//! down: before a member looks for a leader again, everything that it asked of the disk is done
//! (ZOOKEEPER-4712, 4541). A transaction is acknowledged only when [`Input::Persisted`] says that it is
//! durable, and delivered only when it is committed and durable here.

use std::collections::BTreeMap;

use clock::{Moment, Span};
use zookeeper_wire::Zxid;

use crate::border::{Effect, Ensemble, Input, Recovered, Role};
use crate::core::{Core, send};
use crate::election::{self, Election};
use crate::flaw::Flaw;
use crate::leader::{Leader, Verdict, ticks};
use crate::learner::Learner;
use crate::limits::STRANGERS_MAX;
use crate::packet::QuorumPacket;
use crate::{Configuration, Entry, LinkId, Observation, Phase, ServerId, ServerState, Vote, reconfiguration};

/// A member of an ensemble.
#[derive(Debug)]
pub struct Peer {
    core: Core,
    /// `None` for one that stands alone.
    election: Option<Election>,
    part: Part,
    /// Links that were accepted and are not a learner's (yet), with what they said.
    strangers: BTreeMap<LinkId, Stranger>,
    /// What our node was told that we are.
    told: Option<Role>,
    chosen: Vec<election::Effect>,
    /// Since when we look for a leader, while we do.
    looking_since: Option<Moment>,
    /// Whom a reconfiguration made the leader; taken up once the disk is done with everything.
    appointed: Option<ServerId>,
}

#[derive(Debug)]
struct Stranger {
    since: Moment,
    said: Option<QuorumPacket>,
}

/// What a member does.
#[derive(Debug)]
enum Part {
    /// It waits for its disk before it looks for a leader.
    Resting,
    Looking,
    Leading(Box<Leader>),
    Learning(Box<Learner>),
}

impl Peer {
    /// The only member of its ensemble. `last` is the last zxid on its disk, from the log or, if that is
    /// empty, the snapshot. As with the original's standalone server the epoch of `last` goes on: nobody
    /// else could have led since.
    pub fn alone(id: ServerId, last: Zxid) -> Peer {
        let ensemble = Ensemble {
            id,
            configuration: Configuration::of_voters([id]),
            proposed: None,
            reconfigurable: false,
            tick: Span::ms(1),
            init_limit: 1,
            sync_limit: 1,
        };
        let core = Core::new(ensemble, Recovered { last, ..Recovered::default() }, false);
        let part = Part::Leading(Box::new(Leader::alone(&core)));
        Peer {
            core,
            election: None,
            part,
            strangers: BTreeMap::new(),
            told: None,
            chosen: Vec::new(),
            looking_since: None,
            appointed: None,
        }
    }

    /// A member that looks for a leader at its first [`Input::Woken`].
    pub fn member(ensemble: Ensemble, recovered: Recovered) -> Peer {
        let core = Core::new(ensemble, recovered, true);
        let election = Election::new(core.ensemble.id, core.memberships(), core.told());
        Peer {
            core,
            election: Some(election),
            appointed: None,
            part: Part::Resting,
            strangers: BTreeMap::new(),
            told: Some(Role::Looking),
            chosen: Vec::new(),
            looking_since: None,
        }
    }

    /// Plants a defect; for simulators.
    #[doc(hidden)]
    pub fn plant(&mut self, flaw: Flaw) {
        self.core.flaw = Some(flaw);
    }

    /// Whether this defect was planted.
    #[doc(hidden)]
    pub fn has(&self, flaw: Flaw) -> bool {
        self.core.has(flaw)
    }

    /// Takes one input and appends what follows from it to `effects`.
    pub fn step(&mut self, now: Moment, input: Input, effects: &mut Vec<Effect>) {
        self.core.observed.clear();
        match input {
            Input::Proposed { entry } => {
                let Part::Leading(leader) = &mut self.part else { panic!("only who leads proposes") };
                let verdict = leader.propose(&mut self.core, now, entry, effects);
                self.judge(now, verdict, effects);
            }
            Input::Persisted { upto } => self.persisted(now, upto, effects),
            Input::EpochsWritten => {
                self.core.epochs_written();
                match &mut self.part {
                    Part::Leading(leader) => leader.epochs_written(&mut self.core, now, effects),
                    Part::Learning(learner) => learner.epochs_written(&mut self.core, now, effects),
                    Part::Resting | Part::Looking => {}
                }
                self.rested(now, effects);
            }
            Input::Truncated => {
                self.core.truncated();
                if let Part::Learning(learner) = &mut self.part {
                    learner.truncated();
                }
                self.rested(now, effects);
            }
            Input::SnapshotInstalled => {
                self.core.installed();
                self.rested(now, effects);
            }
            Input::Notified { from, notification } => {
                if !self.takes_over(now, &notification.configuration, effects) {
                    self.elect(now, election::Input::Notified { from, notification }, effects);
                }
            }
            Input::LinkUp { link, dialed } => self.linked(now, link, dialed, effects),
            Input::DialFailed { server } => {
                if let Part::Learning(learner) = &mut self.part {
                    let verdict = learner.dial_failed(now, server);
                    self.judge(now, verdict, effects);
                }
            }
            Input::Received { link, packet } => self.received(now, link, packet, effects),
            Input::SnapshotReceived { link } => {
                if let Part::Learning(learner) = &mut self.part
                    && learner.link() == Some(link)
                {
                    let verdict = learner.snapshot_received();
                    self.judge(now, verdict, effects);
                }
            }
            Input::LinkDown { link } => self.unlinked(now, link, effects),
            Input::Woken => self.woken(now, effects),
        }
        if let Part::Leading(leader) = &self.part
            && let Some(to) = leader.handed_over(&self.core)
        {
            self.judge(now, Verdict::Follow(to), effects);
        }
        self.tell_election(now, effects);
        self.established(now, effects);
        self.check();
    }

    /// When [`Input::Woken`] is needed at the latest.
    pub fn deadline(&self) -> Option<Moment> {
        match &self.part {
            Part::Resting => None,
            Part::Looking => self.election.as_ref().and_then(Election::deadline),
            Part::Leading(leader) => leader.deadline(),
            Part::Learning(learner) => Some(learner.deadline(&self.core)),
        }
    }

    /// The zxid that the next proposal must have; only while leading.
    pub fn next_zxid(&self) -> Zxid {
        match &self.part {
            Part::Leading(leader) => leader.next_zxid(),
            _ => panic!("only who leads proposes"),
        }
    }

    /// How many more transactions may be proposed now. At 0 the sequencer must stop reading requests.
    pub fn room(&self) -> usize {
        match &self.part {
            Part::Leading(leader) => leader.room(&self.core),
            _ => 0,
        }
    }

    /// Transactions proposed and not yet delivered.
    pub fn outstanding(&self) -> usize {
        self.core.history.undelivered()
    }

    /// The last transaction of our log.
    pub fn last_logged(&self) -> Zxid {
        self.core.history.last()
    }

    /// The last transaction that was delivered, or the last one of the log if none was.
    pub fn last_delivered(&self) -> Zxid {
        self.core.history.delivered()
    }

    /// Whether the snapshot that arrives on this link is the one that we were promised.
    pub fn awaits_snapshot(&self, link: LinkId) -> bool {
        match &self.part {
            Part::Learning(learner) => learner.link() == Some(link) && learner.awaits_snapshot(),
            _ => false,
        }
    }

    /// Whether there is no leader in sight.
    pub fn is_looking(&self) -> bool {
        matches!(self.part, Part::Looking)
    }

    /// What the last step brought about.
    pub fn observed(&self) -> &[Observation] {
        &self.core.observed
    }

    /// What it does, and how far it is with that.
    pub fn phase(&self) -> Phase {
        match &self.part {
            Part::Resting | Part::Looking => Phase::Looking,
            Part::Leading(leader) => Phase::Leading(leader.progress()),
            Part::Learning(learner) => learner.phase(),
        }
    }

    /// The epoch files, accepted and current.
    pub fn epochs(&self) -> (u32, u32) {
        (self.core.accepted_epoch, self.core.current_epoch)
    }

    /// The learners of a leader that are up to date, with whether they vote.
    pub fn learners(&self) -> Vec<(ServerId, bool)> {
        match &self.part {
            Part::Leading(leader) => leader.active_learners().collect(),
            _ => Vec::new(),
        }
    }

    /// Who is in the ensemble, and how patient its members are.
    pub fn ensemble(&self) -> &Ensemble {
        &self.core.ensemble
    }

    /// The membership in force.
    pub fn configuration(&self) -> &Configuration {
        &self.core.ensemble.configuration
    }

    /// Whether a reconfiguration was proposed and not decided.
    pub fn is_reconfiguring(&self) -> bool {
        self.core.ensemble.proposed.is_some()
    }

    /// Whether a quorum of `configuration` is here and up to date; only while leading.
    pub fn has_synced_quorum(&self, configuration: &Configuration) -> bool {
        match &self.part {
            Part::Leading(leader) => leader.has_synced_quorum(&self.core, configuration),
            _ => false,
        }
    }

    /// The last zxid that a leader committed; `None` while we do not lead.
    pub fn committed(&self) -> Option<Zxid> {
        match &self.part {
            Part::Leading(leader) => Some(leader.committed()),
            _ => None,
        }
    }

    /// Which server learns from us on this link.
    pub fn learner_at(&self, link: LinkId) -> Option<ServerId> {
        match &self.part {
            Part::Leading(leader) => leader.server_at(link),
            _ => None,
        }
    }

    /// The last transaction of our log that is durable.
    pub fn last_persisted(&self) -> Zxid {
        self.core.history.persisted()
    }

    /// Transactions of our log after `zxid`, as far back as they are remembered.
    pub fn logged_after(&self, zxid: Zxid) -> impl Iterator<Item = &Entry> {
        self.core.history.after(zxid)
    }

    /// The last zxid that a leader proposed; the beginning of its epoch before the first.
    pub fn last_proposed(&self) -> Zxid {
        match &self.part {
            Part::Leading(leader) => leader.proposed(),
            _ => self.core.history.last(),
        }
    }

    fn persisted(&mut self, now: Moment, upto: Zxid, effects: &mut Vec<Effect>) {
        let before = self.core.history.persisted();
        self.core.history.set_persisted(upto);
        match &mut self.part {
            Part::Leading(leader) => leader.persisted(&mut self.core, before, upto, effects),
            Part::Learning(learner) => learner.persisted(&mut self.core, upto, effects),
            Part::Resting | Part::Looking => self.rested(now, effects),
        }
    }

    fn judge(&mut self, now: Moment, verdict: Verdict, effects: &mut Vec<Effect>) {
        match verdict {
            Verdict::Stay => {}
            Verdict::Leave => self.leave(now, effects),
            Verdict::Follow(leader) => {
                self.appointed = Some(leader);
                self.leave(now, effects);
            }
        }
    }

    /// While we look for a leader, whoever knows a later membership is believed. True if the election
    /// begins again by it.
    fn takes_over(&mut self, now: Moment, told: &bytes::Bytes, effects: &mut Vec<Effect>) -> bool {
        if !matches!(self.part, Part::Looking) || !self.core.ensemble.reconfigurable || told.is_empty() {
            return false;
        }
        let later = reconfiguration::read(told).and_then(|told| self.core.reconfigure(told, effects));
        if later.is_some() {
            self.tell_election(now, effects);
        }
        later.is_some()
    }

    /// Elections go by the memberships there are.
    fn tell_election(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if std::mem::take(&mut self.core.reconfigured) {
            let (memberships, configuration) = (self.core.memberships(), self.core.told());
            self.elect(now, election::Input::Reconfigured { memberships, configuration }, effects);
        }
    }

    /// Our part is over.
    fn leave(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let part = std::mem::replace(&mut self.part, Part::Resting);
        let links: Vec<LinkId> = match part {
            Part::Leading(leader) => leader.links().collect(),
            Part::Learning(learner) => learner.link().into_iter().collect(),
            Part::Resting | Part::Looking => return,
        };
        effects.extend(links.into_iter().map(|link| Effect::Close { link }));
        if self.told != Some(Role::Looking) {
            self.told = Some(Role::Looking);
            effects.push(Effect::Became { role: Role::Looking });
        }
        self.rested(now, effects);
    }

    /// Looks for a leader once the disk is done with everything.
    fn rested(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if !matches!(self.part, Part::Resting) || !self.core.is_at_rest() {
            return;
        }
        self.tell_election(now, effects);
        self.part = Part::Looking;
        let (zxid, epoch) = (self.core.last_offered(), i64::from(self.core.current_epoch));
        match self.appointed.take() {
            Some(leader) => {
                self.elect(now, election::Input::Appointed { vote: Vote { epoch, zxid, leader } }, effects);
            }
            None => {
                self.looking_since.get_or_insert(now);
                self.core.observed.push(Observation::Looked);
                self.elect(now, election::Input::Look { zxid, epoch }, effects);
            }
        }
    }

    fn elect(&mut self, now: Moment, input: election::Input, effects: &mut Vec<Effect>) {
        let Some(election) = &mut self.election else { return };
        let mut chosen = std::mem::take(&mut self.chosen);
        election.step(now, input, &mut chosen);
        for effect in chosen.drain(..) {
            match effect {
                election::Effect::Notify { to, notification } => {
                    effects.push(Effect::Notify { to, notification });
                }
                election::Effect::Decided { vote, state } => self.decided(now, vote, state, effects),
                election::Effect::Strayed { .. } => {
                    if let Part::Leading(leader) = &mut self.part {
                        leader.strayed();
                    }
                }
            }
        }
        self.chosen = chosen;
    }

    fn decided(&mut self, now: Moment, vote: Vote, state: ServerState, effects: &mut Vec<Effect>) {
        if let Some(since) = self.looking_since.take()
            && state != ServerState::Observing
        {
            self.core.observed.push(Observation::Elected { took: now - since });
        }
        let strangers = std::mem::take(&mut self.strangers);
        if state != ServerState::Leading {
            effects.extend(strangers.into_keys().map(|link| Effect::Close { link }));
            let learner = Learner::new(&self.core, now, vote.leader, effects);
            self.part = Part::Learning(Box::new(learner));
            return;
        }
        let mut leader = Box::new(Leader::elected(&self.core, now));
        leader.accept_if_known(&mut self.core, effects);
        self.part = Part::Leading(leader);
        for (link, stranger) in strangers {
            let said = stranger.said.clone();
            self.strangers.insert(link, Stranger { said: None, ..stranger });
            if let Some(packet) = said {
                self.received(now, link, packet, effects);
            }
        }
    }

    fn linked(&mut self, now: Moment, link: LinkId, dialed: Option<ServerId>, effects: &mut Vec<Effect>) {
        let wanted = match (dialed, &mut self.part) {
            (Some(to), Part::Learning(learner)) => learner.linked(&self.core, now, link, to, effects),
            (None, Part::Resting | Part::Looking | Part::Leading(_)) if self.election.is_some() => {
                let room = self.strangers.len() < STRANGERS_MAX;
                if room {
                    self.strangers.insert(link, Stranger { since: now, said: None });
                }
                room
            }
            _ => false,
        };
        if !wanted {
            effects.push(Effect::Close { link });
        }
    }

    fn received(&mut self, now: Moment, link: LinkId, packet: QuorumPacket, effects: &mut Vec<Effect>) {
        if let Some(stranger) = self.strangers.get_mut(&link) {
            let Part::Leading(leader) = &mut self.part else {
                // It waits for our answer, so it says one thing.
                if stranger.said.replace(packet).is_some() {
                    self.strangers.remove(&link);
                    effects.push(Effect::Close { link });
                }
                return;
            };
            self.strangers.remove(&link);
            if !leader.greeted(&mut self.core, now, link, &packet, effects) {
                effects.push(Effect::Close { link });
            }
            return;
        }
        match &mut self.part {
            Part::Leading(leader) => {
                leader.received(&mut self.core, now, link, packet, effects);
            }
            Part::Learning(learner) if learner.link() == Some(link) => {
                let verdict = learner.received(&mut self.core, now, packet, effects);
                self.judge(now, verdict, effects);
            }
            _ => {}
        }
    }

    /// Once we serve, our vote is of the new epoch, or nobody could join us later.
    fn established(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if self.told != Some(Role::Looking) {
            return;
        }
        let role = effects.iter().rev().find_map(|effect| match effect {
            Effect::Became { role } => Some(*role),
            _ => None,
        });
        let (Some(role), true) = (role.filter(|role| *role != Role::Looking), self.is_active()) else {
            return;
        };
        self.told = Some(role);
        let epoch = match &self.part {
            Part::Leading(_) => self.core.current_epoch,
            Part::Learning(learner) => learner.epoch(),
            Part::Resting | Part::Looking => return,
        };
        self.elect(now, election::Input::Established { epoch: i64::from(epoch) }, effects);
    }

    fn is_active(&self) -> bool {
        match &self.part {
            Part::Leading(leader) => leader.is_active(),
            Part::Learning(learner) => learner.is_active(),
            Part::Resting | Part::Looking => false,
        }
    }

    fn unlinked(&mut self, now: Moment, link: LinkId, effects: &mut Vec<Effect>) {
        self.strangers.remove(&link);
        match &mut self.part {
            Part::Leading(leader) => leader.drop_link(link),
            Part::Learning(learner) if learner.link() == Some(link) => self.leave(now, effects),
            _ => {}
        }
    }

    fn woken(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let patience = ticks(&self.core, self.core.ensemble.init_limit);
        let silent: Vec<LinkId> = (self.strangers.iter())
            .filter(|(_, stranger)| now >= stranger.since + patience)
            .map(|(&link, _)| link)
            .collect();
        for link in silent {
            self.strangers.remove(&link);
            effects.push(Effect::Close { link });
        }
        match &mut self.part {
            Part::Resting => self.rested(now, effects),
            Part::Looking => self.elect(now, election::Input::Woken, effects),
            Part::Leading(leader) => {
                let verdict = leader.woken(&mut self.core, now, effects);
                self.judge(now, verdict, effects);
            }
            Part::Learning(learner) => {
                let verdict = learner.woken(&self.core, now, effects);
                self.judge(now, verdict, effects);
            }
        }
    }

    /// Sends a packet that is not about the order, to somebody we work with: in its place among those
    /// that are.
    pub fn say(&self, link: LinkId, packet: QuorumPacket, effects: &mut Vec<Effect>) {
        send(link, packet, effects);
    }

    /// The leader of this server, if it has one.
    pub fn leader(&self) -> Option<ServerId> {
        match &self.part {
            Part::Leading(_) => Some(self.core.ensemble.id),
            Part::Learning(learner) => Some(learner.leader()),
            Part::Resting | Part::Looking => None,
        }
    }

    /// What always holds between two steps.
    fn check(&self) {
        self.core.check();
        if let Part::Leading(leader) = &self.part {
            leader.check();
        }
        assert!(self.strangers.len() <= STRANGERS_MAX);
    }
}

#[cfg(test)]
mod tests;
