//! FastLeaderElection: servers tell each other whom they want, follow the better vote, and stop when a
//! quorum wants the same.
//!
//! It finds a candidate whose history is at least that of a quorum, not the truth: two servers may stop
//! with different ones, and discovery sorts that out and sends somebody back to [`Input::Look`].
//! What must hold here: whoever is decided for had the votes of a quorum in every membership in force.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use clock::{Moment, Span};
use zookeeper_wire::Zxid;

use crate::limits::{ELECTION_PATIENCE, ELECTION_RESEND_MAX, ELECTION_RESEND_MIN};
use crate::notification::{FORMAT, FORMAT_WITHOUT_CONFIGURATION};
use crate::{Notification, Quorum, ServerId, ServerState, Vote};

/// What can happen to an election.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// There is no leader (any more): look for one. Never while looking.
    Look {
        /// The last zxid of our log; [`Vote::BLANK`] if we know that we lost our data.
        zxid: Zxid,
        /// Our current epoch.
        epoch: i64,
    },
    /// Another server tells us of its vote.
    Notified {
        /// Which, as its connection proves.
        from: ServerId,
        /// What it says.
        notification: Notification,
    },
    /// The leader that was decided for leads, and this is its new epoch. Votes of established servers
    /// must agree in it, or nobody could join them later (ZOOKEEPER-1732, 1805).
    Established {
        /// The new epoch.
        epoch: i64,
    },
    /// There was a leader, and a reconfiguration names the next: no votes are needed.
    Appointed {
        /// It, with what is known of its history.
        vote: Vote,
    },
    /// Another membership is in force, or proposed. A server that is looking begins again.
    Reconfigured {
        /// The memberships.
        memberships: Memberships,
        /// What others are told of them, as text.
        configuration: Bytes,
    },
    /// Time has passed; see [`Election::deadline`].
    Woken,
}

/// What an election wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Tell a server of our vote. Only the newest for each server matters: an older one that was not
    /// sent yet is dropped, and the newest is sent again on every new connection.
    Notify {
        /// Whom.
        to: ServerId,
        /// What.
        notification: Notification,
    },
    /// Stop looking: take this part, under this leader.
    Decided {
        /// The candidate.
        vote: Vote,
        /// `Leading` if that is us, else `Following` or `Observing`.
        state: ServerState,
    },
    /// A voter that we should have in our quorum looks for a leader: a leader that still waits for it
    /// need not wait any longer (ZOOKEEPER-3109).
    Strayed {
        /// Who.
        server: ServerId,
    },
}

/// The memberships in force: the committed one, and a newer one that is only proposed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Memberships {
    /// The committed one, whose weights decide who can lead.
    pub committed: Quorum,
    /// One that a reconfiguration has proposed since.
    pub proposed: Option<Quorum>,
}

/// One server's part in electing a leader.
#[derive(Debug)]
pub struct Election {
    id: ServerId,
    memberships: Memberships,
    /// What we tell others of the membership, as text.
    configuration: Bytes,
    state: ServerState,
    /// Counts our elections; servers that take part in one agree on it.
    round: i64,
    /// Our own candidacy.
    own: Vote,
    /// The end of our log and our epoch, when we began to look.
    offered: (Zxid, i64),
    /// Whom we are for now; when not looking, the leader.
    vote: Vote,
    /// Votes of this round, by voter.
    votes: BTreeMap<ServerId, Ballot>,
    /// Votes of servers that are not looking, of whatever round.
    settled: BTreeMap<ServerId, Ballot>,
    /// When to tell everybody again, and how long to wait after that.
    resend_at: Moment,
    resend_after: Span,
    /// When to stop, if no better vote comes before.
    finish_at: Option<Moment>,
}

/// A vote as it was received.
#[derive(Clone, Copy, Debug)]
struct Ballot {
    vote: Vote,
    round: i64,
    state: ServerState,
    format: i32,
}

impl Memberships {
    /// Whether `server` votes in any of them.
    pub fn has_voter(&self, server: ServerId) -> bool {
        self.all().any(|quorum| quorum.has_voter(server))
    }

    /// Whether those who said yes are enough in all of them.
    pub fn are_met_by(&self, yes: &BTreeSet<ServerId>) -> bool {
        self.all().all(|quorum| quorum.is_met_by(yes))
    }

    fn voters(&self) -> BTreeSet<ServerId> {
        self.all().flat_map(Quorum::voters).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Quorum> {
        std::iter::once(&self.committed).chain(&self.proposed)
    }
}

impl Ballot {
    /// Whether two votes are for the same. Those of settled servers may disagree about zxid and round,
    /// and with servers before 3.4.6 among them about the epoch.
    fn agrees(&self, other: &Ballot) -> bool {
        if self.state == ServerState::Looking || other.state == ServerState::Looking {
            return self.vote == other.vote && self.round == other.round;
        }
        let comparable = (self.format > 0) == (other.format > 0);
        self.vote.leader == other.vote.leader && (!comparable || self.vote.epoch == other.vote.epoch)
    }
}

impl Election {
    /// A server that has not looked for a leader yet: the first input is [`Input::Look`].
    pub fn new(id: ServerId, memberships: Memberships, configuration: Bytes) -> Election {
        Election {
            id,
            memberships,
            configuration,
            state: ServerState::Observing,
            round: 0,
            own: Vote::NOBODY,
            offered: (Zxid::ZERO, 0),
            vote: Vote::NOBODY,
            votes: BTreeMap::new(),
            settled: BTreeMap::new(),
            resend_at: Moment::at_ms(0),
            resend_after: ELECTION_RESEND_MIN,
            finish_at: None,
        }
    }

    /// What we are doing, as far as elections tell.
    pub fn state(&self) -> ServerState {
        self.state
    }

    /// Whom we are for; the leader, when not looking.
    pub fn vote(&self) -> Vote {
        self.vote
    }

    /// The round we are in, or were in when we stopped looking.
    pub fn round(&self) -> i64 {
        self.round
    }

    /// When [`Input::Woken`] is needed at the latest.
    pub fn deadline(&self) -> Option<Moment> {
        match self.state {
            ServerState::Looking => Some(self.finish_at.map_or(self.resend_at, |at| at.min(self.resend_at))),
            _ => None,
        }
    }

    /// Takes one input and appends what follows from it to `effects`.
    pub fn step(&mut self, now: Moment, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Look { zxid, epoch } => {
                assert_ne!(self.state, ServerState::Looking, "one election at a time");
                self.look(now, zxid, epoch, effects);
            }
            Input::Appointed { vote } => {
                assert_ne!(self.state, ServerState::Looking, "nobody is appointed during an election");
                self.decide(vote, effects);
            }
            Input::Reconfigured { memberships, configuration } => {
                self.memberships = memberships;
                self.configuration = configuration;
                // What was counted was counted by other rules.
                self.votes.retain(|server, _| self.memberships.has_voter(*server));
                self.settled.retain(|server, _| self.memberships.has_voter(*server));
                // What a voter says of its leader counts with newcomers, and what others say does not.
                self.state = match self.state {
                    ServerState::Following | ServerState::Observing => self.learning(),
                    other => other,
                };
                if self.state == ServerState::Looking {
                    let (zxid, epoch) = self.offered;
                    self.look(now, zxid, epoch, effects);
                }
            }
            Input::Notified { from, notification } => self.notified(now, from, notification, effects),
            Input::Established { epoch } => {
                if self.state != ServerState::Looking {
                    self.vote.epoch = epoch;
                }
            }
            Input::Woken => self.woken(now, effects),
        }
        self.check();
    }

    fn look(&mut self, now: Moment, zxid: Zxid, epoch: i64, effects: &mut Vec<Effect>) {
        self.state = ServerState::Looking;
        self.offered = (zxid, epoch);
        self.round += 1;
        let leader = self.id;
        // Who only votes in a membership that is not in force yet leads nobody, and wants whoever others want.
        let may_lead = self.memberships.committed.has_voter(self.id);
        self.own = if may_lead { Vote { epoch, zxid, leader } } else { Vote::NOBODY };
        self.votes.clear();
        self.settled.clear();
        self.resend_after = ELECTION_RESEND_MIN;
        self.adopt(now, self.own, effects);
    }

    fn is_voter(&self) -> bool {
        self.memberships.has_voter(self.id)
    }

    /// Is for `vote` from now on, and says so to everybody.
    fn adopt(&mut self, now: Moment, vote: Vote, effects: &mut Vec<Effect>) {
        self.vote = vote;
        self.finish_at = None;
        self.tell_everybody(now, effects);
        if self.is_voter() && self.own.zxid != Vote::BLANK {
            self.votes.insert(self.id, self.ballot());
        }
        self.count(now);
    }

    fn ballot(&self) -> Ballot {
        Ballot { vote: self.vote, round: self.round, state: self.state, format: FORMAT }
    }

    fn tell_everybody(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        self.resend_at = now + self.resend_after;
        for to in self.memberships.voters() {
            if to != self.id {
                self.tell(to, effects);
            }
        }
    }

    fn tell(&self, to: ServerId, effects: &mut Vec<Effect>) {
        let notification = Notification {
            state: self.state,
            vote: self.vote,
            round: self.round,
            format: if self.configuration.is_empty() { FORMAT_WITHOUT_CONFIGURATION } else { FORMAT },
            configuration: self.configuration.clone(),
        };
        effects.push(Effect::Notify { to, notification });
    }

    fn notified(&mut self, now: Moment, from: ServerId, said: Notification, effects: &mut Vec<Effect>) {
        if from == self.id {
            return;
        }
        // Who does not vote only wants to know.
        if !self.memberships.has_voter(from) {
            return self.tell(from, effects);
        }
        if self.state != ServerState::Looking {
            // What somebody without a vote says helps nobody, and would be answered in turn: two of them
            // would go on for as long as the voter looks.
            if said.state == ServerState::Looking && self.is_voter() {
                self.tell(from, effects);
                if self.state == ServerState::Leading {
                    effects.push(Effect::Strayed { server: from });
                }
            }
            return;
        }
        // Whatever was said, the network is alive.
        self.resend_at = now + self.resend_after;
        if said.state == ServerState::Looking && said.round < self.round {
            // A voter would answer one without a vote, whatever it says, and be answered again.
            if self.is_voter() {
                self.tell(from, effects);
            }
            return;
        }
        if !self.memberships.has_voter(said.vote.leader) {
            return;
        }
        match said.state {
            ServerState::Looking => self.heard_looking(now, from, &said, effects),
            ServerState::Following | ServerState::Leading => self.heard_settled(now, from, &said, effects),
            ServerState::Observing => {}
        }
    }

    fn heard_looking(&mut self, now: Moment, from: ServerId, said: &Notification, effects: &mut Vec<Effect>) {
        if self.own.zxid == Vote::BLANK || said.vote.zxid == Vote::BLANK {
            return;
        }
        if said.round > self.round {
            self.round = said.round;
            self.votes.clear();
            let better = if self.is_better(said.vote, self.own) { said.vote } else { self.own };
            self.adopt(now, better, effects);
        } else if self.is_better(said.vote, self.vote) {
            self.adopt(now, said.vote, effects);
        }
        self.votes.insert(from, ballot_of(said));
        self.count(now);
    }

    /// If a quorum is for what we are for, gives a better vote a last chance. (A server that was started
    /// again in the same round can take its vote back.)
    fn count(&mut self, now: Moment) {
        let enough = self.is_quorum(&self.votes, &self.ballot());
        self.finish_at = enough.then(|| self.finish_at.unwrap_or(now + ELECTION_PATIENCE));
    }

    /// Somebody has a leader already. It is ours too if a quorum says so and the leader itself does.
    fn heard_settled(&mut self, now: Moment, from: ServerId, said: &Notification, effects: &mut Vec<Effect>) {
        let ballot = ballot_of(said);
        if said.round == self.round {
            self.votes.insert(from, ballot);
            if self.is_quorum(&self.votes, &ballot) && self.is_led(&self.votes, &ballot) {
                return self.decide(said.vote, effects);
            }
            self.count(now);
        }
        self.settled.insert(from, ballot);
        if self.is_quorum(&self.settled, &ballot) && self.is_led(&self.settled, &ballot) {
            self.round = said.round;
            self.decide(said.vote, effects);
        }
    }

    fn is_quorum(&self, votes: &BTreeMap<ServerId, Ballot>, ballot: &Ballot) -> bool {
        let yes = votes.iter().filter(|(_, other)| ballot.agrees(other)).map(|(server, _)| *server).collect();
        self.memberships.are_met_by(&yes)
    }

    /// Whether the leader of `ballot` says that it leads. What we said ourselves counts in its round.
    fn is_led(&self, votes: &BTreeMap<ServerId, Ballot>, ballot: &Ballot) -> bool {
        if ballot.vote.leader == self.id {
            return ballot.round == self.round;
        }
        votes.get(&ballot.vote.leader).is_some_and(|said| said.state == ServerState::Leading)
    }

    fn is_better(&self, new: Vote, old: Vote) -> bool {
        self.memberships.committed.weight(new.leader) > 0 && new > old
    }

    fn woken(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if self.state != ServerState::Looking {
            return;
        }
        if self.finish_at.is_some_and(|at| at <= now) {
            return self.decide(self.vote, effects);
        }
        if self.resend_at <= now {
            self.resend_after = Span::ms(self.resend_after.as_ms() * 2).min(ELECTION_RESEND_MAX);
            self.tell_everybody(now, effects);
        }
    }

    fn decide(&mut self, vote: Vote, effects: &mut Vec<Effect>) {
        self.vote = vote;
        self.finish_at = None;
        self.state = if vote.leader == self.id { ServerState::Leading } else { self.learning() };
        effects.push(Effect::Decided { vote, state: self.state });
    }

    /// What we are doing under a leader.
    fn learning(&self) -> ServerState {
        if self.is_voter() { ServerState::Following } else { ServerState::Observing }
    }

    /// What always holds between two steps.
    fn check(&self) {
        assert!(
            self.votes.keys().chain(self.settled.keys()).all(|server| self.memberships.has_voter(*server))
        );
        match self.state {
            ServerState::Looking => {
                assert!(self.vote >= self.own, "nobody is for less than itself");
                assert!(self.finish_at.is_none() || self.is_quorum(&self.votes, &self.ballot()));
            }
            ServerState::Leading => assert_eq!(self.vote.leader, self.id),
            ServerState::Following | ServerState::Observing => assert_ne!(self.vote.leader, self.id),
        }
    }
}

fn ballot_of(said: &Notification) -> Ballot {
    Ballot { vote: said.vote, round: said.round, state: said.state, format: said.format }
}

#[cfg(test)]
mod tests;
