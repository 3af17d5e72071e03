//! Membership in a classic consumer group as a pure core: find the coordinator, join, (as leader) assign, sync,
//! heartbeat, and again from the start whenever the group changes.
//!
//! What is under way is named by the state, so that an answer that comes late, after the state moved on, is
//! dropped. Before partitions are given up the core says so, and asks to join only in the next step, so that a
//! shell can commit first.

use crate::TopicPartition;
use crate::assignor::{self, PROTOCOL_TYPE, RANGE};
use crate::limits::{HEARTBEAT_INTERVAL, REBALANCE_TIMEOUT, RETRY_PAUSE, SESSION_TIMEOUT};
use clock::{Moment, Span};
use kafka_wire::ErrorCode;
use kafka_wire::message::heartbeat::HeartbeatRequest;
use kafka_wire::message::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use kafka_wire::message::leave_group::{LeaveGroupRequest, MemberIdentity};
use kafka_wire::message::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse};
use std::collections::{BTreeMap, BTreeSet};

/// What a member is.
#[derive(Clone, Debug)]
pub struct MemberOptions {
    /// The group.
    pub group: String,
    /// What it wants to read.
    pub topics: BTreeSet<String>,
    /// A name that survives restarts (static membership), if any.
    pub instance: Option<String>,
    /// How long the coordinator waits for a heartbeat.
    pub session_timeout: Span,
}

impl MemberOptions {
    /// A member of `group` that reads `topics`.
    pub fn new(group: impl Into<String>, topics: BTreeSet<String>) -> MemberOptions {
        MemberOptions { group: group.into(), topics, instance: None, session_timeout: SESSION_TIMEOUT }
    }
}

/// What happens to a member.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time passed, or it begins.
    Woken,
    /// The coordinator is known and reachable.
    CoordinatorFound,
    /// It is not, or the connection to it broke.
    CoordinatorLost,
    /// The answer to a JoinGroup.
    Joined(JoinGroupResponse),
    /// How many partitions the topics of [`Effect::CountPartitions`] have; also when that changed.
    Counted(BTreeMap<String, i32>),
    /// The answer to a SyncGroup.
    Synced(SyncGroupResponse),
    /// The answer to a Heartbeat.
    Heartbeaten(ErrorCode),
    /// An offset commit was refused with this.
    CommitRefused(ErrorCode),
    /// Nothing more is to be read.
    Leave,
}

/// What the shell is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Look for the group's coordinator.
    FindCoordinator,
    /// Ask the coordinator.
    Join(JoinGroupRequest),
    /// Ask the coordinator.
    Sync(SyncGroupRequest),
    /// Ask the coordinator.
    Heartbeat(HeartbeatRequest),
    /// Ask the coordinator; nobody waits for the answer.
    Leave(LeaveGroupRequest),
    /// As leader: find out how many partitions these topics have.
    CountPartitions(BTreeSet<String>),
    /// These partitions may be read.
    Assigned(Vec<TopicPartition>),
    /// No partition may be read any longer; those held before may still be committed right now.
    Revoked,
    /// The member cannot go on.
    Failed(ErrorCode),
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    /// Nothing is under way before this moment.
    Resting {
        until: Moment,
    },
    /// A coordinator is looked for.
    Finding,
    /// The coordinator is known; JoinGroup comes next, not before this moment.
    Ready {
        at: Moment,
    },
    Joining,
    /// Leader: partitions are being counted.
    Counting {
        members: BTreeMap<String, BTreeSet<String>>,
    },
    Syncing,
    Stable {
        heartbeat_at: Moment,
        under_way: bool,
    },
    Over,
}

/// A member of a group. See the module.
#[derive(Debug)]
pub struct Membership {
    options: MemberOptions,
    state: State,
    member: String,
    generation: i32,
    /// As leader: what the members want and how many partitions that was, to notice new ones.
    led: Option<(BTreeSet<String>, BTreeMap<String, i32>)>,
    holds: bool,
}

impl Membership {
    /// A member that has not joined; the first [`Input::Woken`] sets it going.
    pub fn new(options: MemberOptions) -> Membership {
        let state = State::Resting { until: Moment::default() };
        Membership { options, state, member: String::new(), generation: -1, led: None, holds: false }
    }

    /// Member id and generation, which an offset commit carries; `None` while not in the group.
    pub fn identity(&self) -> Option<(&str, i32)> {
        (self.generation >= 0).then_some((self.member.as_str(), self.generation))
    }

    /// The static member's name, if any.
    pub fn instance(&self) -> Option<&str> {
        self.options.instance.as_deref()
    }

    /// The group.
    pub fn group(&self) -> &str {
        &self.options.group
    }

    /// As leader: the topics whose partitions should be looked at now and then.
    pub fn watched_topics(&self) -> Option<&BTreeSet<String>> {
        match (&self.led, &self.state) {
            (Some((topics, _)), State::Stable { .. }) => Some(topics),
            _ => None,
        }
    }

    /// When [`Input::Woken`] is due.
    pub fn deadline(&self) -> Option<Moment> {
        match &self.state {
            State::Resting { until } => Some(*until),
            State::Ready { at } => Some(*at),
            State::Stable { heartbeat_at, under_way: false } => Some(*heartbeat_at),
            _ => None,
        }
    }

    /// Takes one input at `now` and appends what it leads to.
    pub fn step(&mut self, now: Moment, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Woken => self.woken(now, effects),
            Input::CoordinatorFound => {
                if self.state == State::Finding {
                    self.state = State::Ready { at: now };
                    self.woken(now, effects);
                }
            }
            Input::CoordinatorLost => {
                if self.state != State::Over {
                    self.state = State::Resting { until: now + RETRY_PAUSE };
                }
            }
            Input::Joined(response) if self.state == State::Joining => self.joined(now, response, effects),
            Input::Counted(counts) => self.counted(now, counts, effects),
            Input::Synced(response) if self.state == State::Syncing => self.synced(now, response, effects),
            Input::Heartbeaten(code) => {
                if let State::Stable { heartbeat_at, under_way: true } = self.state {
                    self.state = State::Stable { heartbeat_at, under_way: false };
                    self.told(now, code, effects);
                }
            }
            Input::CommitRefused(code) => {
                if matches!(self.state, State::Stable { .. }) {
                    self.told(now, code, effects);
                }
            }
            Input::Leave => self.leave(effects),
            // An answer to something that nobody waits for any longer.
            Input::Joined(_) | Input::Synced(_) => {}
        }
        self.check();
    }

    fn woken(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        match self.state {
            State::Resting { until } if now >= until => {
                self.state = State::Finding;
                effects.push(Effect::FindCoordinator);
            }
            State::Ready { at } if now >= at => {
                self.state = State::Joining;
                effects.push(Effect::Join(self.join_request()));
            }
            State::Stable { heartbeat_at, under_way: false } if now >= heartbeat_at => {
                self.state = State::Stable { heartbeat_at: now + HEARTBEAT_INTERVAL, under_way: true };
                effects.push(Effect::Heartbeat(HeartbeatRequest {
                    group_id: self.options.group.clone(),
                    generation_id: self.generation,
                    member_id: self.member.clone(),
                    group_instance_id: self.options.instance.clone(),
                }));
            }
            _ => {}
        }
    }

    fn join_request(&self) -> JoinGroupRequest {
        let span = |span: Span| i32::try_from(span.as_ms()).unwrap_or(i32::MAX);
        JoinGroupRequest {
            group_id: self.options.group.clone(),
            session_timeout_ms: span(self.options.session_timeout),
            rebalance_timeout_ms: span(REBALANCE_TIMEOUT),
            member_id: self.member.clone(),
            group_instance_id: self.options.instance.clone(),
            protocol_type: PROTOCOL_TYPE.to_owned(),
            protocols: vec![JoinGroupRequestProtocol {
                name: RANGE.to_owned(),
                metadata: assignor::subscription(&self.options.topics),
            }],
            reason: None,
        }
    }

    fn joined(&mut self, now: Moment, response: JoinGroupResponse, effects: &mut Vec<Effect>) {
        if response.error_code == ErrorCode::MEMBER_ID_REQUIRED {
            // The id that the coordinator made up is used at once (KIP-394).
            self.member = response.member_id;
            effects.push(Effect::Join(self.join_request()));
            return;
        }
        if !response.error_code.is_none() {
            return self.told(now, response.error_code, effects);
        }
        self.member = response.member_id;
        self.generation = response.generation_id;
        if response.leader != self.member {
            self.led = None;
            return self.sync(BTreeMap::new(), effects);
        }
        let mut members = BTreeMap::new();
        for member in response.members {
            // A member that sends nonsense gets nothing, and the others are not held up by it.
            let topics = assignor::subscribed(member.metadata).unwrap_or_default();
            members.insert(member.member_id, topics);
        }
        effects.push(Effect::CountPartitions(members.values().flatten().cloned().collect()));
        self.state = State::Counting { members };
    }

    fn counted(&mut self, now: Moment, counts: BTreeMap<String, i32>, effects: &mut Vec<Effect>) {
        match &self.state {
            State::Counting { members } => {
                let wanted = members.values().flatten().cloned().collect();
                let given = assignor::range(members, &counts);
                self.led = Some((wanted, counts));
                self.sync(given, effects);
            }
            State::Stable { .. } if self.led.as_ref().is_some_and(|(_, known)| *known != counts) => {
                self.rejoin(now, effects);
            }
            _ => {}
        }
    }

    fn sync(&mut self, given: BTreeMap<String, Vec<TopicPartition>>, effects: &mut Vec<Effect>) {
        self.state = State::Syncing;
        let assignments = given.into_iter().map(|(member_id, partitions)| SyncGroupRequestAssignment {
            member_id,
            assignment: assignor::assignment(&partitions),
        });
        effects.push(Effect::Sync(SyncGroupRequest {
            group_id: self.options.group.clone(),
            generation_id: self.generation,
            member_id: self.member.clone(),
            group_instance_id: self.options.instance.clone(),
            protocol_type: Some(PROTOCOL_TYPE.to_owned()),
            protocol_name: Some(RANGE.to_owned()),
            assignments: assignments.collect(),
        }));
    }

    fn synced(&mut self, now: Moment, response: SyncGroupResponse, effects: &mut Vec<Effect>) {
        if !response.error_code.is_none() {
            return self.told(now, response.error_code, effects);
        }
        match assignor::assigned(response.assignment) {
            Ok(partitions) => {
                self.state = State::Stable { heartbeat_at: now + HEARTBEAT_INTERVAL, under_way: false };
                self.holds = true;
                effects.push(Effect::Assigned(partitions));
            }
            Err(_) => self.fail(ErrorCode::INCONSISTENT_GROUP_PROTOCOL, effects),
        }
    }

    /// Does what an error code from the coordinator calls for.
    fn told(&mut self, now: Moment, code: ErrorCode, effects: &mut Vec<Effect>) {
        match code {
            ErrorCode::NONE => {}
            ErrorCode::REBALANCE_IN_PROGRESS => self.rejoin(now, effects),
            ErrorCode::UNKNOWN_MEMBER_ID | ErrorCode::ILLEGAL_GENERATION => {
                // Whoever is no longer known, or fell behind, comes as a new member.
                if code == ErrorCode::UNKNOWN_MEMBER_ID {
                    self.member.clear();
                }
                self.generation = -1;
                self.rejoin(now, effects);
            }
            ErrorCode::COORDINATOR_LOAD_IN_PROGRESS => {
                if !matches!(self.state, State::Stable { .. }) {
                    self.state = State::Ready { at: now + RETRY_PAUSE };
                }
            }
            ErrorCode::NOT_COORDINATOR | ErrorCode::COORDINATOR_NOT_AVAILABLE => {
                self.state = State::Resting { until: now + RETRY_PAUSE };
            }
            code => self.fail(code, effects),
        }
    }

    /// Gives up what is held and joins again, in the next step.
    fn rejoin(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        self.revoke(effects);
        self.state = State::Ready { at: now };
    }

    fn revoke(&mut self, effects: &mut Vec<Effect>) {
        if std::mem::take(&mut self.holds) {
            effects.push(Effect::Revoked);
        }
    }

    fn fail(&mut self, code: ErrorCode, effects: &mut Vec<Effect>) {
        self.revoke(effects);
        self.state = State::Over;
        self.generation = -1;
        effects.push(Effect::Failed(code));
    }

    fn leave(&mut self, effects: &mut Vec<Effect>) {
        self.revoke(effects);
        self.state = State::Over;
        self.generation = -1;
        // A static member stays: it means to come back.
        if self.member.is_empty() || self.options.instance.is_some() {
            return;
        }
        effects.push(Effect::Leave(LeaveGroupRequest {
            group_id: self.options.group.clone(),
            member_id: self.member.clone(),
            members: vec![MemberIdentity { member_id: self.member.clone(), ..MemberIdentity::default() }],
        }));
    }

    fn check(&self) {
        if let State::Stable { .. } = self.state {
            assert!(self.generation >= 0 && !self.member.is_empty(), "a stable member is in a generation");
        }
        assert!(!(self.holds && self.state == State::Over), "who is out holds nothing");
    }
}

#[cfg(test)]
mod tests;
