//! What of the talk between members is counted, and when: as the original does it, under its names.
//!
//! A transaction's age is the difference between two servers' clocks. One from the future is not counted.
//! Sources: `QuorumPeer`, `Leader`, `LearnerHandler`, `Follower`, `Observer`, `Request.logLatency`.

use zab::packet::{PacketKind, QuorumPacket};
use zab::{Entry, LinkId, Observation, ServerId, SyncMode};
use zookeeper_wire::Zxid;
use zookeeper_wire::jute::Reader;
use zookeeper_wire::txn::TxnHeader;

use crate::member::{Part, Votes};
use crate::metrics::{Advanced, Basic, Counter};
use crate::server::Server;

/// Acknowledgements of one transaction in so many are timed: the original's `leader.ackLoggingFrequency`.
const ACKS_TIMED_ONE_IN: i64 = 1000;

impl Server {
    /// What is about to happen to Zab. Returns up to where a leader has committed by now.
    pub(crate) fn count_input(&mut self, input: &zab::Input) -> Option<Zxid> {
        match input {
            zab::Input::Received { link, packet } => self.count_packet(*link, packet),
            zab::Input::Persisted { upto } => self.count_persisted(*upto),
            _ => {}
        }
        self.peer.committed().filter(|_| self.member.part == Part::Leading)
    }

    /// What happened to it.
    pub(crate) fn count_step(&mut self, committed: Option<Zxid>) {
        for at in 0..self.peer.observed().len() {
            self.count_observation(self.peer.observed()[at]);
        }
        if let Some(before) = committed
            && let Some(now) = self.peer.committed().filter(|now| *now > before)
        {
            self.count_entries(Advanced::QuorumAckLatency, before, now);
        }
    }

    /// Clients are served from now on, or no more.
    pub(crate) fn count_availability(&mut self) {
        let now = self.now.moment;
        if self.member.part == Part::Looking {
            self.member.unavailable_since.get_or_insert(now);
        } else if let Some(since) = self.member.unavailable_since.take() {
            let span_ms = (now - since).as_ms();
            self.metrics.add(Basic::UnavailableTime, span_ms);
            if self.member.part == Part::Leading {
                self.metrics.add(Basic::LeaderUnavailableTime, span_ms);
            }
        }
    }

    /// Adds the age of a transaction that was made at `time_ms`.
    pub(crate) fn count_age(&mut self, summary: Advanced, time_ms: i64) {
        if let Some(age_ms) = self.age_ms(time_ms) {
            self.metrics.spread(summary, age_ms);
        }
    }

    fn age_ms(&self, time_ms: i64) -> Option<u64> {
        u64::try_from(self.now.wall.as_ms().saturating_sub(time_ms)).ok()
    }

    fn count_packet(&mut self, link: LinkId, packet: &QuorumPacket) {
        match (self.member.part, packet.kind) {
            (Part::Leading, PacketKind::ACK) => {
                if let Some(server) = self.peer.learner_at(link) {
                    self.count_ack(server, packet.zxid);
                }
            }
            (Part::Learning(leader, Votes::Yes), PacketKind::PROPOSAL) if leader == link => {
                self.metrics.count(Counter::LearnerProposalReceivedCount, 1);
                if let Some(time_ms) = packet.data.as_ref().and_then(time_ms) {
                    self.count_age(Advanced::ProposalLatency, time_ms);
                }
            }
            (Part::Learning(leader, Votes::Yes), PacketKind::COMMIT) if leader == link => {
                self.metrics.count(Counter::LearnerCommitReceivedCount, 1);
                if let Some(time_ms) = self.time_ms_of(packet.zxid) {
                    self.count_age(Advanced::CommitPropagationLatency, time_ms);
                }
            }
            (Part::Learning(leader, Votes::No), PacketKind::INFORM) if leader == link => {
                self.metrics.count(Counter::LearnerCommitReceivedCount, 1);
                if let Some(time_ms) = packet.data.as_ref().and_then(time_ms) {
                    self.count_age(Advanced::CommitPropagationLatency, time_ms);
                }
            }
            _ => {}
        }
    }

    /// Our own log is durable so far: whoever votes acknowledges that.
    fn count_persisted(&mut self, upto: Zxid) {
        if !matches!(self.member.part, Part::Leading | Part::Learning(_, Votes::Yes)) {
            return;
        }
        let before = self.peer.last_persisted();
        self.count_entries(Advanced::ProposalAckCreationLatency, before, upto);
        if self.member.part == Part::Leading {
            let entries = self.peer.logged_after(before).take_while(|entry| entry.zxid <= upto);
            let timed: Vec<Zxid> = entries.map(|entry| entry.zxid).filter(|zxid| is_timed(*zxid)).collect();
            for zxid in timed {
                self.count_ack(ServerId(self.config.server_id), zxid);
            }
        }
    }

    /// Only what is not committed yet is timed: later acknowledgements decide nothing.
    fn count_ack(&mut self, server: ServerId, zxid: Zxid) {
        if !is_timed(zxid) || self.peer.committed().is_none_or(|committed| zxid <= committed) {
            return;
        }
        let age_ms = self.time_ms_of(zxid).and_then(|time_ms| self.age_ms(time_ms));
        if let Some(age_ms) = age_ms {
            self.metrics.acknowledged(server, age_ms);
        }
    }

    /// Adds the ages of the transactions after `after`, up to and including `upto`.
    fn count_entries(&mut self, summary: Advanced, after: Zxid, upto: Zxid) {
        let now_ms = self.now.wall.as_ms();
        let entries = self.peer.logged_after(after).take_while(|entry| entry.zxid <= upto);
        for time_ms in entries.filter_map(|entry| time_ms(&entry.payload)) {
            if let Ok(age_ms) = u64::try_from(now_ms.saturating_sub(time_ms)) {
                self.metrics.spread(summary, age_ms);
            }
        }
    }

    /// When a transaction of our log was made, by the clock of who led then.
    fn time_ms_of(&self, zxid: Zxid) -> Option<i64> {
        let entry: &Entry = self.peer.logged_after(Zxid(zxid.0.saturating_sub(1))).next()?;
        if entry.zxid == zxid { time_ms(&entry.payload) } else { None }
    }

    fn count_observation(&mut self, observation: Observation) {
        match observation {
            Observation::Looked => self.metrics.count(Counter::LookingCount, 1),
            Observation::Elected { took } => self.metrics.add(Basic::ElectionTime, took.as_ms()),
            Observation::Deserted => self.metrics.count(Counter::QuitLeadingDueToDisloyalVoter, 1),
            Observation::Synchronized { took } => {
                let observes = self.peer.ensemble().configuration.observes(self.peer.ensemble().id);
                let summary = if observes { Basic::ObserverSyncTime } else { Basic::FollowerSyncTime };
                self.metrics.add(summary, took.as_ms());
            }
            Observation::Teaching { mode, under_way } => {
                let (count, in_flight) = of_mode(mode);
                self.metrics.count(count, 1);
                self.metrics.add(in_flight, under_way as u64);
            }
            Observation::Taught { mode, under_way } => self.metrics.add(of_mode(mode).1, under_way as u64),
        }
    }
}

/// Whether acknowledgements of this transaction are timed. Number 0 of an epoch is none.
fn is_timed(zxid: Zxid) -> bool {
    zxid.counter() != 0 && zxid.0 % ACKS_TIMED_ONE_IN == 0
}

/// Where learners that are synchronized in this way are counted.
fn of_mode(mode: SyncMode) -> (Counter, Basic) {
    match mode {
        SyncMode::Diff | SyncMode::Trunc => (Counter::DiffCount, Basic::InflightDiffCount),
        SyncMode::Snap => (Counter::SnapCount, Basic::InflightSnapCount),
    }
}

/// When a transaction was made.
fn time_ms(payload: &bytes::Bytes) -> Option<i64> {
    let header: TxnHeader = Reader::new(payload.clone()).record().ok()?;
    Some(header.time_ms)
}

#[cfg(test)]
mod tests;
