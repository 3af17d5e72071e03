//! The part of a follower or an observer: find the leader, accept its epoch, take over its history, and
//! then log, acknowledge and deliver what it sends.
//!
//! The order that everything hangs on: history durable, then the epoch durable, then `ACK` of
//! `NEWLEADER`; and of no transaction before that. What is not committed then stays aside until
//! `UPTODATE`. Sources: `Learner`, `Follower`, `Observer`; ZOOKEEPER-3911, 4394, 4643, 4646, 4685.

use std::collections::VecDeque;

use clock::Moment;
use zookeeper_wire::Zxid;

use crate::border::{Effect, Role};
use crate::core::{Core, send};
use crate::flaw::Flaw;
use crate::history::follows;
use crate::leader::{Verdict, ticks};
use crate::limits::{DIAL_PAUSE, DIALS_MAX, EPOCH_MAX, SYNC_BUFFER_MAX};
use crate::packet::payload::{AckEpoch, LearnerInfo, PROTOCOL};
use crate::packet::{PacketKind, QuorumPacket};
use crate::reconfiguration::{self, Said};
use crate::{Configuration, Entry, LinkId, Observation, Phase, Progress, ServerId, SyncMode};

#[derive(Debug)]
pub(crate) struct Learner {
    leader: ServerId,
    votes: bool,
    link: Option<LinkId>,
    dials: u32,
    dial_at: Option<Moment>,
    stage: Stage,
    /// How it is synchronized, once its leader said so.
    mode: Option<SyncMode>,
    /// Since when its history is taken over.
    learning_since: Moment,
    epoch: u32,
    since: Moment,
    heard: Moment,
    /// Where the leader's packets begin.
    base: Zxid,
    /// Whether the base is a snapshot, and whether it is here.
    snapshot: Option<Arrival>,
    /// Not logged yet, in order.
    buffer: VecDeque<Entry>,
    committed: Zxid,
    /// Transactions after this one are to be acknowledged.
    acknowledged: Zxid,
    /// The membership that came with `NEWLEADER`, in force with `UPTODATE`.
    configuration: Option<Configuration>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Arrival {
    Awaited,
    Here,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// There is no link yet.
    Dialing,
    /// It was told who we are.
    Registering,
    /// Its epoch is being written down as accepted; what to answer then.
    Accepting(AckEpoch),
    /// It was told that we accept its epoch.
    Waiting,
    /// It sends its history.
    Synchronizing,
    /// The log is being cut.
    Cutting,
    /// Its history, and then its epoch, are being written down.
    Settling,
    /// It was told that we have its history.
    Settled,
    /// It let us serve.
    Active,
}

impl Learner {
    pub(crate) fn new(core: &Core, now: Moment, leader: ServerId, effects: &mut Vec<Effect>) -> Learner {
        effects.push(Effect::Dial { server: leader });
        Learner {
            leader,
            votes: !core.observes(),
            link: None,
            dials: 1,
            dial_at: None,
            stage: Stage::Dialing,
            mode: None,
            learning_since: now,
            epoch: 0,
            since: now,
            heard: now,
            base: core.history.last(),
            snapshot: None,
            buffer: VecDeque::new(),
            committed: core.history.last(),
            acknowledged: core.history.last(),
            configuration: None,
        }
    }

    pub(crate) fn link(&self) -> Option<LinkId> {
        self.link
    }

    pub(crate) fn leader(&self) -> ServerId {
        self.leader
    }

    pub(crate) fn is_active(&self) -> bool {
        self.stage == Stage::Active
    }

    pub(crate) fn phase(&self) -> Phase {
        let progress = match self.stage {
            Stage::Dialing | Stage::Registering | Stage::Accepting(_) => Progress::Discovery,
            Stage::Waiting | Stage::Synchronizing | Stage::Cutting => Progress::Synchronization(self.mode),
            Stage::Settling | Stage::Settled => Progress::Synchronization(None),
            Stage::Active => Progress::Broadcast,
        };
        if self.votes { Phase::Following(progress) } else { Phase::Observing(progress) }
    }

    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The link that we dialed stands. False if we have no use for it.
    pub(crate) fn linked(
        &mut self,
        core: &Core,
        now: Moment,
        link: LinkId,
        to: ServerId,
        effects: &mut Vec<Effect>,
    ) -> bool {
        if self.stage != Stage::Dialing || to != self.leader || self.link.is_some() {
            return false;
        }
        self.link = Some(link);
        self.dial_at = None;
        self.heard = now;
        self.since = now;
        self.stage = Stage::Registering;
        let kind = if self.votes { PacketKind::FOLLOWERINFO } else { PacketKind::OBSERVERINFO };
        let info = LearnerInfo {
            server: core.ensemble.id,
            protocol: PROTOCOL,
            configuration: core.ensemble.configuration.version,
        };
        let accepted = Zxid::new(core.accepted_epoch, 0);
        send(link, QuorumPacket::with(kind, accepted, info.encode()), effects);
        true
    }

    pub(crate) fn dial_failed(&mut self, now: Moment, server: ServerId) -> Verdict {
        if server != self.leader || self.stage != Stage::Dialing {
            return Verdict::Stay;
        }
        if self.dials >= DIALS_MAX {
            return Verdict::Leave;
        }
        self.dial_at = Some(now + DIAL_PAUSE);
        Verdict::Stay
    }

    pub(crate) fn received(
        &mut self,
        core: &mut Core,
        now: Moment,
        packet: QuorumPacket,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        self.heard = now;
        match self.stage {
            Stage::Dialing | Stage::Accepting(_) => Verdict::Leave,
            Stage::Registering => self.told_epoch(core, now, &packet, effects),
            Stage::Waiting => self.told_how(core, &packet, effects),
            Stage::Synchronizing | Stage::Cutting => self.taught(core, packet, effects),
            Stage::Settling | Stage::Settled => self.settled_or(core, now, packet, effects),
            Stage::Active => self.led(core, packet, effects),
        }
    }

    fn told_epoch(
        &mut self,
        core: &mut Core,
        now: Moment,
        packet: &QuorumPacket,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        let epoch = packet.zxid.epoch();
        if packet.kind != PacketKind::LEADERINFO || epoch < core.accepted_epoch || epoch > EPOCH_MAX {
            return Verdict::Leave;
        }
        self.epoch = epoch;
        if epoch == core.accepted_epoch {
            // We said so before; it counts once.
            let again = AckEpoch { current: None };
            self.accept(core, now, again, effects);
        } else {
            let first = AckEpoch { current: Some(core.current_epoch.cast_signed()) };
            self.stage = Stage::Accepting(first);
            core.write_epochs(Some(epoch), None, effects);
        }
        Verdict::Stay
    }

    fn accept(&mut self, core: &Core, now: Moment, ack: AckEpoch, effects: &mut Vec<Effect>) {
        self.stage = Stage::Waiting;
        self.learning_since = now;
        let packet = QuorumPacket::with(PacketKind::ACKEPOCH, core.last_offered(), ack.encode());
        self.send(packet, effects);
    }

    fn send(&self, packet: QuorumPacket, effects: &mut Vec<Effect>) {
        let link = self.link.expect("whoever says something has a link");
        send(link, packet, effects);
    }

    /// The first packet of synchronization says where we begin.
    fn told_how(&mut self, core: &mut Core, packet: &QuorumPacket, effects: &mut Vec<Effect>) -> Verdict {
        self.stage = Stage::Synchronizing;
        match packet.kind {
            PacketKind::DIFF if !core.is_blank || core.history.last() == Zxid::ZERO => {
                self.mode = Some(SyncMode::Diff);
                self.base = core.history.last();
            }
            PacketKind::TRUNC => {
                if packet.zxid > core.history.last() {
                    return Verdict::Leave;
                }
                self.mode = Some(SyncMode::Trunc);
                self.base = packet.zxid;
                self.stage = Stage::Cutting;
                core.truncate(packet.zxid, effects);
            }
            PacketKind::SNAP => {
                self.mode = Some(SyncMode::Snap);
                self.base = packet.zxid;
                self.snapshot = Some(Arrival::Awaited);
            }
            // A leader pings whoever it knows.
            PacketKind::PING => self.stage = Stage::Waiting,
            _ => return Verdict::Leave,
        }
        self.committed = self.base;
        Verdict::Stay
    }

    pub(crate) fn truncated(&mut self) {
        if self.stage == Stage::Cutting {
            self.stage = Stage::Synchronizing;
        }
    }

    /// Whether a snapshot was announced and is not here.
    pub(crate) fn awaits_snapshot(&self) -> bool {
        self.stage == Stage::Synchronizing && self.snapshot == Some(Arrival::Awaited)
    }

    pub(crate) fn snapshot_received(&mut self) -> Verdict {
        match self.snapshot {
            Some(Arrival::Awaited) if self.stage == Stage::Synchronizing => {
                self.snapshot = Some(Arrival::Here);
                Verdict::Stay
            }
            _ => Verdict::Leave,
        }
    }

    /// Synchronization, up to and including `NEWLEADER`.
    fn taught(&mut self, core: &mut Core, packet: QuorumPacket, effects: &mut Vec<Effect>) -> Verdict {
        if packet.kind != PacketKind::NEWLEADER {
            return self.buffered(core, packet, effects);
        }
        if packet.zxid.epoch() != self.epoch || self.snapshot == Some(Arrival::Awaited) {
            return Verdict::Leave;
        }
        let link = self.link.expect("it has just spoken");
        // What cannot be read is passed over here, as by the original.
        self.configuration = packet.data.as_ref().and_then(reconfiguration::read);
        if let Some(configuration) = &self.configuration {
            core.foresee(configuration.clone(), effects);
        }
        if core.has(Flaw::EpochBeforeHistory) {
            core.write_epochs(None, Some(self.epoch), effects);
        }
        if self.snapshot.is_some() {
            core.install(link, self.base, effects);
        }
        while let Some(entry) = self.buffer.pop_front_if(|entry| entry.zxid <= self.committed) {
            core.append(entry, effects);
        }
        self.acknowledged = core.history.last();
        self.stage = Stage::Settling;
        if core.has(Flaw::NewLeaderAckBeforeHistory) {
            self.settle(core, effects);
        }
        if !core.has(Flaw::EpochBeforeHistory) {
            core.write_epochs(None, Some(self.epoch), effects);
        }
        Verdict::Stay
    }

    /// Proposals and commits that are not for the log yet.
    fn buffered(&mut self, core: &mut Core, packet: QuorumPacket, effects: &mut Vec<Effect>) -> Verdict {
        match packet.kind {
            PacketKind::PROPOSAL => self.hold(core, packet, effects),
            PacketKind::INFORM => {
                let zxid = packet.zxid;
                match self.hold(core, packet, effects) {
                    Verdict::Stay => self.hold_commit(zxid),
                    other => other,
                }
            }
            PacketKind::COMMIT => self.hold_commit(packet.zxid),
            PacketKind::COMMITANDACTIVATE | PacketKind::INFORMANDACTIVATE => {
                let Some(leader) = reconfiguration::designated(&packet.data) else { return Verdict::Leave };
                let zxid = packet.zxid;
                if packet.kind == PacketKind::INFORMANDACTIVATE {
                    let verdict = self.hold(core, without_leader(packet), effects);
                    if verdict != Verdict::Stay {
                        return verdict;
                    }
                }
                if self.hold_commit(zxid) != Verdict::Stay {
                    return Verdict::Leave;
                }
                let at = self.buffer.partition_point(|entry| entry.zxid < zxid);
                let said = reconfiguration::said_by(&self.buffer[at]);
                self.activate(core, said, leader, effects)
            }
            _ => Verdict::Stay,
        }
    }

    /// A membership is in force. Whoever has another part or leader by it begins again with that leader.
    fn activate(
        &mut self,
        core: &mut Core,
        said: Said,
        leader: ServerId,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        if !core.ensemble.reconfigurable {
            return Verdict::Stay;
        }
        let Said::New(configuration) = said else { return Verdict::Leave };
        let Some(former) = core.reconfigure(configuration, effects) else { return Verdict::Stay };
        let own = core.ensemble.id;
        let other_part = former.observes(own) != core.observes();
        if other_part || leader != self.leader { Verdict::Follow(leader) } else { Verdict::Stay }
    }

    fn hold(&mut self, core: &mut Core, packet: QuorumPacket, effects: &mut Vec<Effect>) -> Verdict {
        let last = self.buffer.back().map_or(self.tip(), |entry| entry.zxid);
        let Some(payload) = packet.data.filter(|_| follows(last, packet.zxid)) else { return Verdict::Leave };
        if self.buffer.len() >= SYNC_BUFFER_MAX {
            return Verdict::Leave;
        }
        let entry = Entry { zxid: packet.zxid, payload };
        if !foresee(core, &entry, effects) {
            return Verdict::Leave;
        }
        self.buffer.push_back(entry);
        Verdict::Stay
    }

    /// Where the buffer begins: behind the base, or behind what was logged of it.
    fn tip(&self) -> Zxid {
        if matches!(self.stage, Stage::Settling | Stage::Settled) { self.acknowledged } else { self.base }
    }

    /// A commit is of the oldest that is not committed.
    fn hold_commit(&mut self, zxid: Zxid) -> Verdict {
        let at = self.buffer.partition_point(|entry| entry.zxid <= self.committed);
        if self.buffer.get(at).is_none_or(|next| next.zxid != zxid) {
            return Verdict::Leave;
        }
        self.committed = zxid;
        Verdict::Stay
    }

    /// After `NEWLEADER`, until we may serve.
    fn settled_or(
        &mut self,
        core: &mut Core,
        now: Moment,
        packet: QuorumPacket,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        if packet.kind != PacketKind::UPTODATE {
            return self.buffered(core, packet, effects);
        }
        if self.stage != Stage::Settled {
            return Verdict::Leave;
        }
        if let Some(configuration) = self.configuration.take()
            && let Some(former) = core.reconfigure(configuration, effects)
        {
            let (now, own) = (&core.ensemble.configuration, core.ensemble.id);
            if reconfiguration::is_upset(&former, now, own, self.leader) {
                return Verdict::Leave;
            }
        }
        self.stage = Stage::Active;
        let link = self.link.expect("it has just spoken");
        self.send(QuorumPacket::bare(PacketKind::ACK, Zxid::new(self.epoch, 0)), effects);
        // Our whole log is its history: a quorum has it.
        self.committed = self.committed.max(core.history.last());
        while let Some(entry) = self.buffer.pop_front() {
            self.log(core, entry, effects);
        }
        core.deliver(self.committed, effects);
        core.observed.push(Observation::Synchronized { took: now - self.learning_since });
        let leader = self.leader;
        let role =
            if self.votes { Role::Following { link, leader } } else { Role::Observing { link, leader } };
        effects.push(Effect::Became { role });
        Verdict::Stay
    }

    fn log(&mut self, core: &mut Core, entry: Entry, effects: &mut Vec<Effect>) {
        let zxid = entry.zxid;
        core.append(entry, effects);
        if core.has(Flaw::AckBeforePersisted) && self.votes {
            self.acknowledged = zxid;
            self.send(QuorumPacket::bare(PacketKind::ACK, zxid), effects);
        }
    }

    /// Broadcast.
    fn led(&mut self, core: &mut Core, packet: QuorumPacket, effects: &mut Vec<Effect>) -> Verdict {
        match packet.kind {
            PacketKind::PROPOSAL | PacketKind::INFORM => {
                let zxid = packet.zxid;
                let Some(payload) = packet.data else { return Verdict::Leave };
                if !core.history.continues_with(zxid) {
                    return Verdict::Leave;
                }
                let entry = Entry { zxid, payload };
                if !foresee(core, &entry, effects) {
                    return Verdict::Leave;
                }
                self.log(core, entry, effects);
                if packet.kind == PacketKind::INFORM {
                    self.commit(core, zxid, effects)
                } else {
                    Verdict::Stay
                }
            }
            PacketKind::COMMIT => self.commit(core, packet.zxid, effects),
            PacketKind::COMMITANDACTIVATE | PacketKind::INFORMANDACTIVATE => {
                self.led_elsewhere(core, packet, effects)
            }
            PacketKind::PING | PacketKind::REVALIDATE | PacketKind::SYNC => {
                let link = self.link.expect("it has just spoken");
                effects.push(Effect::Pass { link, packet });
                Verdict::Stay
            }
            _ => Verdict::Stay,
        }
    }

    /// A reconfiguration is committed.
    fn led_elsewhere(&mut self, core: &mut Core, packet: QuorumPacket, effects: &mut Vec<Effect>) -> Verdict {
        let Some(leader) = reconfiguration::designated(&packet.data) else { return Verdict::Leave };
        let zxid = packet.zxid;
        if packet.kind == PacketKind::INFORMANDACTIVATE {
            let packet = without_leader(packet);
            let Some(payload) = packet.data else { return Verdict::Leave };
            let entry = Entry { zxid, payload };
            if !core.history.continues_with(zxid) || !foresee(core, &entry, effects) {
                return Verdict::Leave;
            }
            self.log(core, entry, effects);
        }
        let said = match core.history.after(self.committed).next() {
            Some(next) if next.zxid == zxid => reconfiguration::said_by(next),
            _ => return Verdict::Leave,
        };
        let verdict = self.activate(core, said, leader, effects);
        match self.commit(core, zxid, effects) {
            Verdict::Stay => verdict,
            other => other,
        }
    }

    fn commit(&mut self, core: &mut Core, zxid: Zxid, effects: &mut Vec<Effect>) -> Verdict {
        // Commits come in the order of proposals.
        if core.history.after(self.committed).next().is_none_or(|next| next.zxid != zxid) {
            return Verdict::Leave;
        }
        self.committed = zxid;
        core.deliver(self.committed, effects);
        Verdict::Stay
    }

    pub(crate) fn epochs_written(&mut self, core: &mut Core, now: Moment, effects: &mut Vec<Effect>) {
        match self.stage {
            Stage::Accepting(ack) => self.accept(core, now, ack, effects),
            Stage::Settling if core.current_epoch == self.epoch => self.settle(core, effects),
            _ => {}
        }
    }

    /// History and epoch are durable: say so.
    fn settle(&mut self, core: &mut Core, effects: &mut Vec<Effect>) {
        self.stage = Stage::Settled;
        core.is_blank = false;
        self.send(QuorumPacket::bare(PacketKind::ACK, Zxid::new(self.epoch, 0)), effects);
    }

    /// The log is durable up to `upto`: each transaction of the leader is acknowledged, in order.
    pub(crate) fn persisted(&mut self, core: &mut Core, upto: Zxid, effects: &mut Vec<Effect>) {
        if self.stage != Stage::Active {
            return;
        }
        if self.votes {
            let due: Vec<Zxid> = (core.history.after(self.acknowledged))
                .map(|entry| entry.zxid)
                .take_while(|zxid| *zxid <= upto)
                .collect();
            for zxid in due {
                self.acknowledged = zxid;
                self.send(QuorumPacket::bare(PacketKind::ACK, zxid), effects);
            }
        }
        core.deliver(self.committed, effects);
    }

    pub(crate) fn woken(&mut self, core: &Core, now: Moment, effects: &mut Vec<Effect>) -> Verdict {
        if self.dial_at.is_some_and(|at| at <= now) {
            self.dial_at = None;
            self.dials += 1;
            effects.push(Effect::Dial { server: self.leader });
        }
        if now >= self.silent_at(core) { Verdict::Leave } else { Verdict::Stay }
    }

    /// When its silence has lasted too long.
    fn silent_at(&self, core: &Core) -> Moment {
        match self.stage {
            Stage::Active => self.heard + ticks(core, core.ensemble.sync_limit),
            // Much may come meanwhile: it must begin, and go on.
            _ => self.heard.max(self.since) + ticks(core, core.ensemble.init_limit),
        }
    }

    pub(crate) fn deadline(&self, core: &Core) -> Moment {
        let silent = self.silent_at(core);
        self.dial_at.map_or(silent, |at| at.min(silent))
    }
}

/// Makes ready for the membership that a transaction proposes. False if it cannot be read: its leader means
/// something that we could not do.
fn foresee(core: &mut Core, entry: &Entry, effects: &mut Vec<Effect>) -> bool {
    match reconfiguration::said_by(entry) {
        Said::New(configuration) => {
            core.foresee(configuration, effects);
            true
        }
        Said::Nothing => true,
        Said::Garbage => !core.ensemble.reconfigurable,
    }
}

/// The transaction behind the leader that an observer is told of.
fn without_leader(mut packet: QuorumPacket) -> QuorumPacket {
    packet.data = packet.data.filter(|data| data.len() > 8).map(|data| data.slice(8..));
    packet
}
