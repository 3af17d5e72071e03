//! The leader's part: find the epoch with a quorum, bring learners up to date, and once a quorum has our
//! history, put transactions in order.
//!
//! What must hold: a transaction is committed only when a quorum has it on disk and all before it are
//! committed; a learner sees proposals and commits in one order; nobody is told to serve before a
//! quorum has the history of this epoch. Sources: `Leader`, `LearnerHandler`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use clock::{Moment, Span};
use zookeeper_wire::Zxid;

use crate::border::{Effect, Role};
use crate::core::{Core, send};
use crate::flaw::Flaw;
use crate::history::Lack;
use crate::limits::{EPOCH_MAX, OUTSTANDING_MAX, STRAY_PATIENCE};
use crate::packet::payload::{AckEpoch, LeaderInfo, LearnerInfo, PROTOCOL};
use crate::packet::{PacketKind, QuorumPacket};
use crate::reconfiguration::{self, Said};
use crate::{Configuration, Entry, LinkId, Observation, Progress, Quorum, ServerId, SyncMode};

mod succession;

/// What becomes of the part after an input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// It goes on.
    Stay,
    /// It is over: look for a leader.
    Leave,
    /// It is over, and this is the next leader.
    Follow(ServerId),
}

#[derive(Debug)]
pub(crate) struct Leader {
    stage: Stage,
    epoch: u32,
    /// When a quorum must follow, while none does.
    until: Moment,
    since: Moment,
    /// A voter that should follow looks for a leader.
    strayed: bool,
    learners: BTreeMap<LinkId, Learner>,
    /// Accepted epochs of voters.
    accepted: BTreeMap<ServerId, u32>,
    epoch_acks: BTreeSet<ServerId>,
    history_acks: BTreeSet<ServerId>,
    /// Epoch and last transaction that we were elected with.
    offered: (u32, Zxid),
    /// Proposed and not committed, ascending.
    outstanding: VecDeque<Proposal>,
    proposed: Zxid,
    committed: Zxid,
    ping_at: Moment,
    check_at: Moment,
    alone: bool,
    /// A reconfiguration made this server the leader: what is outstanding is for it to commit.
    successor: Option<ServerId>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Stage {
    /// Waits for the accepted epochs of a quorum.
    Discovery,
    /// The new epoch is being written down as accepted.
    Accepting,
    /// Waits for a quorum to accept it.
    Proposing,
    /// It is being written down as current.
    Entering,
    /// Waits for a quorum to have our history.
    Synchronizing,
    /// Leads.
    Active,
}

/// A transaction on its way, with those who have it on disk.
#[derive(Debug)]
struct Proposal {
    zxid: Zxid,
    acknowledged: BTreeSet<ServerId>,
    /// Who decides on it: quorums of all memberships there were when it was proposed.
    quorums: Arc<[Quorum]>,
    /// The membership that it brings, if it is a reconfiguration.
    configuration: Option<Configuration>,
}

#[derive(Debug)]
struct Learner {
    server: ServerId,
    votes: bool,
    step: Step,
    /// How it is brought up to date, once that began.
    mode: Option<SyncMode>,
    heard: Moment,
    since: Moment,
    /// Proposals that it has not acknowledged, in order, with when they were sent.
    owed: VecDeque<(Zxid, Moment)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// It said who it is.
    Known,
    /// It was told of the epoch.
    Told,
    /// It accepted it; its log ends here.
    Accepted(Zxid),
    /// It was sent what it lacks.
    Synchronizing,
    /// It has it, and waits to be told to serve.
    Ready,
    /// It serves.
    Active,
}

impl Leader {
    /// Leads itself alone, from the first moment on and without a new epoch: nobody else could have led
    /// meanwhile.
    pub(crate) fn alone(core: &Core) -> Leader {
        let zero = Moment::at_ms(0);
        let mut leader = Leader::elected(core, zero);
        leader.stage = Stage::Active;
        leader.epoch = core.history.last().epoch();
        leader.alone = true;
        leader
    }

    /// Elected.
    pub(crate) fn elected(core: &Core, now: Moment) -> Leader {
        let last = core.history.last();
        let mut accepted = BTreeMap::new();
        accepted.insert(core.ensemble.id, core.accepted_epoch);
        Leader {
            stage: Stage::Discovery,
            epoch: 0,
            until: now + ticks(core, core.ensemble.init_limit),
            since: now,
            strayed: false,
            learners: BTreeMap::new(),
            accepted,
            epoch_acks: BTreeSet::new(),
            history_acks: BTreeSet::new(),
            offered: (core.current_epoch, last),
            outstanding: VecDeque::new(),
            proposed: last,
            committed: last,
            ping_at: now + half(core.ensemble.tick),
            check_at: now + core.ensemble.tick,
            alone: false,
            successor: None,
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.stage == Stage::Active
    }

    pub(crate) fn progress(&self) -> Progress {
        match self.stage {
            Stage::Discovery | Stage::Accepting | Stage::Proposing | Stage::Entering => Progress::Discovery,
            Stage::Synchronizing => Progress::Synchronization(None),
            Stage::Active => Progress::Broadcast,
        }
    }

    pub(crate) fn links(&self) -> impl Iterator<Item = LinkId> {
        self.learners.keys().copied()
    }

    /// The servers that are up to date, with whether they vote.
    pub(crate) fn active_learners(&self) -> impl Iterator<Item = (ServerId, bool)> {
        self.learners.values().filter(|learner| learner.step == Step::Active).map(|l| (l.server, l.votes))
    }

    pub(crate) fn committed(&self) -> Zxid {
        self.committed
    }

    pub(crate) fn server_at(&self, link: LinkId) -> Option<ServerId> {
        self.learners.get(&link).map(|learner| learner.server)
    }

    pub(crate) fn proposed(&self) -> Zxid {
        self.proposed
    }

    /// The number that the next transaction must have.
    ///
    /// Alone, a counter that is used up begins the next epoch. Its first transaction is number 1: number
    /// 0 of an epoch stands for the election of its leader.
    pub(crate) fn next_zxid(&self) -> Zxid {
        self.proposed.next().unwrap_or_else(|| {
            let epoch = self.proposed.epoch() + 1;
            assert!(epoch <= EPOCH_MAX, "two thousand million epochs of four thousand million transactions");
            Zxid::new(epoch, 1)
        })
    }

    /// How many more may be proposed. An ensemble's epoch ends before its numbers do.
    pub(crate) fn room(&self, core: &Core) -> usize {
        if self.stage != Stage::Active || self.successor.is_some() {
            return 0;
        }
        let busy = self.outstanding.len().max(core.history.undelivered());
        let room = OUTSTANDING_MAX.saturating_sub(busy);
        if self.alone { room } else { room.min((u32::MAX - self.proposed.counter()) as usize) }
    }

    pub(crate) fn propose(
        &mut self,
        core: &mut Core,
        now: Moment,
        entry: Entry,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        assert_eq!(entry.zxid, self.next_zxid(), "the order has neither holes nor doubles");
        assert!(self.stage == Stage::Active, "only who leads proposes");
        self.proposed = entry.zxid;
        let configuration = match reconfiguration::said_by(&entry) {
            Said::New(configuration) if core.ensemble.reconfigurable => Some(configuration),
            _ => None,
        };
        if let Some(configuration) = &configuration {
            core.foresee(configuration.clone(), effects);
        }
        let (acknowledged, quorums) = (BTreeSet::new(), core.quorums());
        self.outstanding.push_back(Proposal { zxid: entry.zxid, acknowledged, quorums, configuration });
        for (&link, learner) in self.learners.iter_mut().filter(|(_, learner)| learner.is_forwarded()) {
            if learner.votes {
                learner.owed.push_back((entry.zxid, now));
                send(link, proposal(&entry), effects);
            }
        }
        core.append(entry, effects);
        if core.has(Flaw::CommitWithoutQuorum) {
            self.commit(core, effects);
        }
        Verdict::Stay
    }

    /// The log is durable from after `before` up to `upto`: our own acknowledgements.
    pub(crate) fn persisted(&mut self, core: &mut Core, before: Zxid, upto: Zxid, effects: &mut Vec<Effect>) {
        let first = self.outstanding.partition_point(|proposal| proposal.zxid <= before);
        let end = self.outstanding.partition_point(|proposal| proposal.zxid <= upto);
        // One acknowledgement per zxid, as between servers: they are not cumulative in Zab.
        for index in first..end {
            let new = self.outstanding[index].acknowledged.insert(core.ensemble.id);
            assert!(new, "a server acknowledges a zxid once");
        }
        self.commit(core, effects);
        if self.is_active() {
            core.deliver(self.committed, effects);
        }
    }

    /// Commits from the head for as long as a quorum has it.
    fn commit(&mut self, core: &mut Core, effects: &mut Vec<Effect>) {
        let careless = core.has(Flaw::CommitWithoutQuorum);
        while let Some(proposal) =
            self.outstanding.pop_front_if(|p| self.successor.is_none() && (careless || p.has_quorums()))
        {
            let before = self.committed;
            self.committed = proposal.zxid;
            let designated = match &proposal.configuration {
                Some(configuration) => {
                    let leader = self.designated(core, configuration, &proposal.acknowledged);
                    self.successor = (leader != core.ensemble.id).then_some(leader);
                    core.reconfigure(configuration.clone(), effects);
                    Some(leader)
                }
                None => None,
            };
            if self.learners.is_empty() {
                continue;
            }
            let entry = core.history.after(before).next().expect("what is outstanding is in the log");
            assert!(entry.zxid == proposal.zxid, "committed in the order proposed");
            for (&link, learner) in self.learners.iter().filter(|(_, learner)| learner.is_forwarded()) {
                let packet = match (learner.votes, designated) {
                    (true, None) => QuorumPacket::bare(PacketKind::COMMIT, proposal.zxid),
                    (false, None) => {
                        QuorumPacket::with(PacketKind::INFORM, entry.zxid, entry.payload.clone())
                    }
                    (true, Some(leader)) => {
                        let data = Bytes::copy_from_slice(&leader.0.to_be_bytes());
                        QuorumPacket::with(PacketKind::COMMITANDACTIVATE, entry.zxid, data)
                    }
                    (false, Some(leader)) => {
                        let data = [&leader.0.to_be_bytes()[..], &entry.payload].concat();
                        QuorumPacket::with(PacketKind::INFORMANDACTIVATE, entry.zxid, data.into())
                    }
                };
                send(link, packet, effects);
            }
        }
    }

    /// The epoch files are as we wanted them.
    pub(crate) fn epochs_written(&mut self, core: &mut Core, now: Moment, effects: &mut Vec<Effect>) {
        match self.stage {
            Stage::Accepting => {
                self.stage = Stage::Proposing;
                self.epoch_acks.insert(core.ensemble.id);
                for (&link, learner) in &mut self.learners {
                    learner.tell(link, self.epoch, effects);
                }
                self.enter_if_accepted(core, effects);
            }
            Stage::Entering => {
                self.stage = Stage::Synchronizing;
                self.history_acks.insert(core.ensemble.id);
                let accepted: Vec<LinkId> = (self.learners.iter())
                    .filter(|(_, learner)| matches!(learner.step, Step::Accepted(_)))
                    .map(|(&link, _)| link)
                    .collect();
                for link in accepted {
                    self.synchronize(core, now, link, effects);
                }
                self.lead_if_followed(core, now, effects);
            }
            _ => {}
        }
    }

    /// A link that says who it is. False if it must be closed.
    pub(crate) fn greeted(
        &mut self,
        core: &mut Core,
        now: Moment,
        link: LinkId,
        packet: &QuorumPacket,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let votes = match packet.kind {
            PacketKind::FOLLOWERINFO => true,
            PacketKind::OBSERVERINFO => false,
            _ => return false,
        };
        let Ok(info) = LearnerInfo::decode(packet.data.clone()) else { return false };
        let too_new = info.configuration > core.ensemble.configuration.version;
        if info.protocol < PROTOCOL || too_new || info.server == core.ensemble.id {
            return false;
        }
        // No epoch could follow this one: it is nothing that a server can have accepted.
        if packet.zxid.epoch() >= EPOCH_MAX {
            return false;
        }
        // A server has one link: the older one is dead, or a mistake.
        let old: Vec<LinkId> = (self.learners.iter())
            .filter(|(_, learner)| learner.server == info.server && info.server.0 >= 0)
            .map(|(&link, _)| link)
            .collect();
        for link in old {
            self.learners.remove(&link);
            effects.push(Effect::Close { link });
        }
        let mut learner = Learner {
            server: info.server,
            votes,
            step: Step::Known,
            mode: None,
            heard: now,
            since: now,
            owed: VecDeque::new(),
        };
        if votes && self.stage == Stage::Discovery && core.quorum().has_voter(info.server) {
            self.accepted.insert(info.server, packet.zxid.epoch());
        }
        if self.stage > Stage::Accepting {
            learner.tell(link, self.epoch, effects);
        }
        self.learners.insert(link, learner);
        self.accept_if_known(core, effects);
        true
    }

    /// Chooses the epoch once a quorum said what it has accepted.
    pub(crate) fn accept_if_known(&mut self, core: &mut Core, effects: &mut Vec<Effect>) {
        let known = self.accepted.keys().copied().collect();
        if self.stage != Stage::Discovery || !core.quorum().is_met_by(&known) {
            return;
        }
        let last = self.accepted.values().copied().max().unwrap_or_default();
        assert!(last < EPOCH_MAX, "two thousand million epochs");
        self.epoch = last + 1;
        self.stage = Stage::Accepting;
        // A membership that nobody agreed on is agreed on with the epoch, and is later than all those of
        // servers that only want to join. Source: ZOOKEEPER-1783.
        if core.last_seen().version == 0 {
            let version = Zxid::new(self.epoch, 0).0;
            let configuration = Configuration { version, ..core.ensemble.configuration.clone() };
            core.foresee(configuration, effects);
        }
        core.write_epochs(Some(self.epoch), None, effects);
    }

    fn enter_if_accepted(&mut self, core: &mut Core, effects: &mut Vec<Effect>) {
        if self.stage == Stage::Proposing && core.quorum().is_met_by(&self.epoch_acks) {
            self.stage = Stage::Entering;
            core.write_epochs(None, Some(self.epoch), effects);
        }
    }

    /// A packet of a learner that said who it is.
    pub(crate) fn received(
        &mut self,
        core: &mut Core,
        now: Moment,
        link: LinkId,
        packet: QuorumPacket,
        effects: &mut Vec<Effect>,
    ) {
        let Some(learner) = self.learners.get_mut(&link) else { return };
        learner.heard = now;
        let fine = match learner.step {
            Step::Known | Step::Accepted(_) => false,
            Step::Told => self.epoch_acked(core, now, link, packet, effects),
            Step::Synchronizing => self.history_acked(core, now, link, &packet, effects),
            Step::Ready | Step::Active => match packet.kind {
                PacketKind::ACK => self.acked(core, link, packet.zxid, effects),
                PacketKind::PING | PacketKind::REQUEST | PacketKind::REVALIDATE | PacketKind::SYNC => {
                    if self.stage == Stage::Active {
                        effects.push(Effect::Pass { link, packet });
                    }
                    true
                }
                _ => true,
            },
        };
        if !fine {
            self.drop_link(link);
            effects.push(Effect::Close { link });
        }
    }

    fn epoch_acked(
        &mut self,
        core: &mut Core,
        now: Moment,
        link: LinkId,
        packet: QuorumPacket,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Ok(ack) = AckEpoch::decode(packet.data) else { return false };
        if packet.kind != PacketKind::ACKEPOCH {
            return false;
        }
        let learner = self.learners.get_mut(&link).expect("its packet is being read");
        let (server, votes) = (learner.server, learner.votes);
        learner.step = Step::Accepted(packet.zxid);
        if let Some(current) = ack.current
            && votes
            && packet.zxid != crate::Vote::BLANK
        {
            // Whoever knows more than we do must not follow us.
            if self.stage < Stage::Synchronizing
                && (i64::from(current), packet.zxid) > (i64::from(self.offered.0), self.offered.1)
            {
                return false;
            }
            if core.quorum().has_voter(server) {
                self.epoch_acks.insert(server);
            }
        }
        match self.stage {
            Stage::Synchronizing | Stage::Active => self.synchronize(core, now, link, effects),
            _ => self.enter_if_accepted(core, effects),
        }
        true
    }

    /// Sends what it lacks; from now on it is sent whatever happens.
    fn synchronize(&mut self, core: &mut Core, now: Moment, link: LinkId, effects: &mut Vec<Effect>) {
        let learner = self.learners.get_mut(&link).expect("asked for by its packet");
        let Step::Accepted(peer) = learner.step else { return };
        // Before we lead, all of our own log stands committed.
        let active = self.stage == Stage::Active;
        let end = if active { core.history.last_upto(self.committed) } else { core.history.last() };
        // The beginning of our epoch is as good as what was before it.
        let same = active && peer == self.committed;
        let lack = if same { Lack::After(peer) } else { core.history.lack_of(peer, end) };
        let (mode, from) = match lack {
            Lack::After(after) => {
                let upto = if same { peer } else { end };
                send(link, QuorumPacket::bare(PacketKind::DIFF, upto), effects);
                (SyncMode::Diff, after)
            }
            Lack::CutTo(to) => {
                send(link, QuorumPacket::bare(PacketKind::TRUNC, to), effects);
                (SyncMode::Trunc, to)
            }
            Lack::Everything => {
                let delivered = core.history.delivered();
                send(link, QuorumPacket::bare(PacketKind::SNAP, delivered), effects);
                effects.push(Effect::SendSnapshot { link });
                (SyncMode::Snap, delivered)
            }
        };
        // It may be about to cut what it once acknowledged: it has that again when it says so again.
        for proposal in &mut self.outstanding {
            proposal.acknowledged.remove(&learner.server);
        }
        for entry in core.history.after(from) {
            if entry.zxid <= end {
                send(link, proposal(entry), effects);
                send(link, QuorumPacket::bare(PacketKind::COMMIT, entry.zxid), effects);
            } else if learner.votes && !core.has(Flaw::ForgetOutstanding) {
                learner.owed.push_back((entry.zxid, now));
                send(link, proposal(entry), effects);
            }
        }
        let configuration = core.last_seen().text().into();
        let packet = QuorumPacket::with(PacketKind::NEWLEADER, Zxid::new(self.epoch, 0), configuration);
        send(link, packet, effects);
        learner.step = Step::Synchronizing;
        learner.mode = Some(mode);
        learner.since = now;
        core.observed.push(Observation::Teaching { mode, under_way: self.being_taught(mode) });
    }

    /// How many learners are brought up to date in this way: by transactions, or by the state.
    fn being_taught(&self, mode: SyncMode) -> usize {
        let by_state = |mode| mode == Some(SyncMode::Snap);
        let alike = (self.learners.values())
            .filter(|it| it.step == Step::Synchronizing && by_state(it.mode) == by_state(Some(mode)));
        alike.count()
    }

    fn history_acked(
        &mut self,
        core: &mut Core,
        now: Moment,
        link: LinkId,
        packet: &QuorumPacket,
        effects: &mut Vec<Effect>,
    ) -> bool {
        if packet.kind != PacketKind::ACK {
            return false;
        }
        let learner = self.learners.get_mut(&link).expect("its packet is being read");
        if packet.zxid != Zxid::new(self.epoch, 0) {
            // Of another epoch: it counts for nothing, and its link lives until its time is over.
            return true;
        }
        learner.step = Step::Ready;
        learner.since = now;
        let mode = learner.mode.expect("it was synchronized in some way");
        if learner.votes {
            self.history_acks.insert(learner.server);
        }
        core.observed.push(Observation::Taught { mode, under_way: self.being_taught(mode) });
        if self.stage == Stage::Active {
            self.let_serve(now, link, effects);
        } else {
            self.lead_if_followed(core, now, effects);
        }
        true
    }

    fn let_serve(&mut self, now: Moment, link: LinkId, effects: &mut Vec<Effect>) {
        let learner = self.learners.get_mut(&link).expect("it is ready");
        learner.step = Step::Active;
        learner.since = now;
        send(link, QuorumPacket::bare(PacketKind::UPTODATE, Zxid(-1)), effects);
    }

    fn lead_if_followed(&mut self, core: &mut Core, now: Moment, effects: &mut Vec<Effect>) {
        let careless = core.has(Flaw::LeadWithoutHistory);
        if self.stage != Stage::Synchronizing || !(careless || core.is_quorum(&self.history_acks)) {
            return;
        }
        self.stage = Stage::Active;
        // A quorum has all of our history: it is committed now, whoever proposed it.
        core.deliver(core.history.last(), effects);
        self.proposed = Zxid::new(self.epoch, 0);
        self.committed = self.proposed;
        // A reconfiguration that was under way is completed.
        let configuration = core.last_seen().clone();
        let leader = self.designated(core, &configuration, &self.history_acks);
        self.successor = (core.ensemble.reconfigurable && leader != core.ensemble.id).then_some(leader);
        core.reconfigure(configuration, effects);
        effects.push(Effect::Became { role: Role::Leading { epoch: self.epoch } });
        let ready: Vec<LinkId> = (self.learners.iter())
            .filter(|(_, learner)| learner.step == Step::Ready)
            .map(|(&link, _)| link)
            .collect();
        for link in ready {
            self.let_serve(now, link, effects);
        }
    }

    /// One acknowledgement. Those of the beginnings of epochs say nothing new.
    fn acked(&mut self, core: &mut Core, link: LinkId, zxid: Zxid, effects: &mut Vec<Effect>) -> bool {
        if zxid.counter() == 0 {
            return true;
        }
        let Some(learner) = self.learners.get_mut(&link) else { return true };
        if learner.owed.front().map(|owed| owed.0) != Some(zxid) {
            // Neither holes nor doubles: whoever does not know what it has must be synchronized again.
            // What was committed before it was synchronized is acknowledged by some, and counts nothing.
            return learner.owed.front().is_none_or(|owed| zxid < owed.0);
        }
        learner.owed.pop_front();
        let server = learner.server;
        let at = self.outstanding.partition_point(|proposal| proposal.zxid < zxid);
        if let Some(proposal) = self.outstanding.get_mut(at).filter(|proposal| proposal.zxid == zxid) {
            proposal.acknowledged.insert(server);
            if at == 0 {
                self.commit(core, effects);
                core.deliver(self.committed, effects);
            }
        }
        true
    }

    /// A link is gone.
    pub(crate) fn drop_link(&mut self, link: LinkId) {
        let Some(learner) = self.learners.remove(&link) else { return };
        if self.stage == Stage::Discovery {
            self.accepted.remove(&learner.server);
        }
    }

    /// A voter looks for a leader although we wait for it.
    pub(crate) fn strayed(&mut self) {
        self.strayed = true;
    }

    pub(crate) fn woken(&mut self, core: &mut Core, now: Moment, effects: &mut Vec<Effect>) -> Verdict {
        if self.alone {
            return Verdict::Stay;
        }
        if self.stage != Stage::Active {
            let hopeless =
                self.strayed && self.stage == Stage::Discovery && now >= self.since + STRAY_PATIENCE;
            if now >= self.until || hopeless {
                if hopeless {
                    core.observed.push(Observation::Deserted);
                }
                return Verdict::Leave;
            }
        }
        let (sync, init) = (ticks(core, core.ensemble.sync_limit), ticks(core, core.ensemble.init_limit));
        if now >= self.ping_at {
            self.ping_at = now + half(core.ensemble.tick);
            self.strayed = false;
            let late: Vec<LinkId> = (self.learners.iter())
                .filter(|(_, learner)| learner.is_late(now, sync, init))
                .map(|(&link, _)| link)
                .collect();
            for link in late {
                self.drop_link(link);
                effects.push(Effect::Close { link });
            }
            for (&link, _) in self.learners.iter().filter(|(_, learner)| learner.is_forwarded()) {
                send(link, QuorumPacket::bare(PacketKind::PING, self.proposed), effects);
            }
        }
        if now >= self.check_at {
            self.check_at = now + core.ensemble.tick;
            let mut heard: BTreeSet<ServerId> = (self.learners.values())
                .filter(|learner| learner.is_forwarded() && now < learner.heard + sync)
                .map(|learner| learner.server)
                .collect();
            heard.insert(core.ensemble.id);
            let spent = self.proposed.counter() == u32::MAX;
            if self.stage == Stage::Active && (spent || !core.is_quorum(&heard)) {
                return Verdict::Leave;
            }
        }
        Verdict::Stay
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        if self.alone {
            return None;
        }
        let beat = self.ping_at.min(self.check_at);
        Some(if self.stage == Stage::Active { beat } else { beat.min(self.until) })
    }

    /// What always holds between two steps.
    pub(crate) fn check(&self) {
        assert!(self.outstanding.len() <= OUTSTANDING_MAX);
        if let Some(first) = self.outstanding.front() {
            assert!(self.committed < first.zxid, "what is committed is not outstanding");
            let decided = self.successor.is_none() && first.has_quorums();
            assert!(!decided, "what has a quorum is committed");
        }
        if self.is_active() {
            assert!(self.committed <= self.proposed);
        }
    }
}

impl Proposal {
    /// Whether enough have it.
    fn has_quorums(&self) -> bool {
        self.quorums.iter().all(|quorum| quorum.is_met_by(&self.acknowledged))
    }
}

impl Learner {
    /// Whether it is sent what happens.
    fn is_forwarded(&self) -> bool {
        matches!(self.step, Step::Synchronizing | Step::Ready | Step::Active)
    }

    /// Whether its time is over.
    fn is_late(&self, now: Moment, sync: Span, init: Span) -> bool {
        if self.step != Step::Active {
            return now >= self.since + init;
        }
        let owes = self.owed.front().is_some_and(|&(_, at)| now >= at.max(self.since) + sync);
        owes || now >= self.heard + sync
    }

    fn tell(&mut self, link: LinkId, epoch: u32, effects: &mut Vec<Effect>) {
        assert_eq!(self.step, Step::Known, "it is told once");
        self.step = Step::Told;
        let data = LeaderInfo { protocol: PROTOCOL }.encode();
        send(link, QuorumPacket::with(PacketKind::LEADERINFO, Zxid::new(epoch, 0), data), effects);
    }
}

fn proposal(entry: &Entry) -> QuorumPacket {
    QuorumPacket::with(PacketKind::PROPOSAL, entry.zxid, entry.payload.clone())
}

pub(crate) fn ticks(core: &Core, count: u32) -> Span {
    Span::ms(core.ensemble.tick.as_ms() * u64::from(count))
}

fn half(span: Span) -> Span {
    Span::ms((span.as_ms() / 2).max(1))
}
