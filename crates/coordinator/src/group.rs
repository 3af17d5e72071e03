//! A classic consumer group: its members, its generation, and what follows from them.
//!
//! Invariants: `offered` counts the members that offer a protocol, `joining` those that wait in
//! JoinGroup; the leader is a member; each static name belongs to one member; a group without members
//! is `Empty`, `PreparingRebalance` or `Dead`, and one that is `Stable` or `CompletingRebalance` has a
//! protocol that every member offers. [`Group::check`] asserts them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use clock::{Moment, Span};
use kafka_wire::ErrorCode;

use crate::consumer::Consumer;
use crate::effect::{Joined, JoinedMember, Synced};
use crate::input::RequestToken;
use crate::member::{Member, Protocol};
use crate::offsets::Offsets;
use crate::subscription;
use crate::timers::Timer;
use crate::turn::Turn;

/// Where a group stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// No members; it keeps offsets, or will be forgotten.
    Empty,
    /// Waiting for the members to join.
    PreparingRebalance,
    /// A generation has begun; waiting for the leader's assignment.
    CompletingRebalance,
    /// Everybody has, or can have, an assignment.
    Stable,
    /// Its tombstones are being written. It comes back as `Empty` if they cannot be.
    Dead,
}

impl State {
    /// As DescribeGroups and ListGroups say it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            State::Empty => "Empty",
            State::PreparingRebalance => "PreparingRebalance",
            State::CompletingRebalance => "CompletingRebalance",
            State::Stable => "Stable",
            State::Dead => "Dead",
        }
    }

    const fn may_become(self, next: State) -> bool {
        use State::{CompletingRebalance, Dead, Empty, PreparingRebalance, Stable};
        matches!(
            (self, next),
            (Empty | Stable | CompletingRebalance, PreparingRebalance)
                | (PreparingRebalance, CompletingRebalance | Empty)
                | (CompletingRebalance, Stable)
                | (Empty, Dead)
                | (Dead, Empty)
        )
    }
}

/// The wait for members to join.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct JoinPhase {
    /// When it ends.
    pub(crate) deadline: Moment,
    /// Of a group that was empty: time that it may still be prolonged by. Such a phase does not end
    /// early, because nobody knows how many will come.
    pub(crate) initial: Option<Span>,
}

/// A group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) id: Arc<str>,
    /// The partition of `__consumer_offsets` that holds it.
    pub(crate) partition: i32,
    state: State,
    /// When it came to its state, in milliseconds since 1970; `None` if an old record does not say.
    pub(crate) state_since_ms: Option<i64>,
    /// Kept when the last member leaves. `None`: never had members.
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) generation: i32,
    leader: Option<Arc<str>>,
    members: BTreeMap<Arc<str>, Member>,
    static_members: BTreeMap<String, Arc<str>>,
    /// Ids given out (KIP-394), each with the alarm that takes it back.
    pending: BTreeMap<Arc<str>, Moment>,
    /// Members of this generation that have not asked for their assignment.
    pub(crate) not_synced: BTreeSet<Arc<str>>,
    joining: usize,
    offered: BTreeMap<String, usize>,
    /// Topics of all members; `None` if they are not consumers or cannot be read.
    subscribed: Option<BTreeSet<String>>,
    pub(crate) join_phase: Option<JoinPhase>,
    pub(crate) sync_deadline: Option<Moment>,
    /// Whether somebody came during the first join phase, which then is prolonged.
    pub(crate) new_member_added: bool,
    pub(crate) offsets: Offsets,
    /// Its members, if they speak the consumer protocol. All else is then as in an empty classic group.
    pub(crate) consumer: Option<Box<Consumer>>,
}

impl Group {
    /// A group that has no members and never had.
    pub(crate) fn new(id: Arc<str>, partition: i32, now_ms: i64) -> Self {
        Group {
            id,
            partition,
            state: State::Empty,
            state_since_ms: Some(now_ms),
            protocol_type: None,
            protocol: None,
            generation: 0,
            leader: None,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            pending: BTreeMap::new(),
            not_synced: BTreeSet::new(),
            joining: 0,
            offered: BTreeMap::new(),
            subscribed: None,
            join_phase: None,
            sync_deadline: None,
            new_member_added: false,
            offsets: Offsets::default(),
            consumer: None,
        }
    }

    /// Makes a new group into what a record says. It is `Stable` if it has members.
    pub(crate) fn restore(
        &mut self,
        generation: i32,
        protocol_type: Option<String>,
        protocol: String,
        leader: Option<String>,
        state_since_ms: Option<i64>,
        members: Vec<Member>,
    ) {
        assert!(self.members.is_empty() && self.generation == 0, "only a new group is restored");
        self.generation = generation;
        self.protocol_type = protocol_type.filter(|kind| !kind.is_empty());
        self.state_since_ms = state_since_ms;
        for member in members {
            self.insert(member);
        }
        if !self.members.is_empty() {
            self.state = State::Stable;
            self.protocol = Some(protocol);
            if let Some(leader) = leader.and_then(|id| self.members.get_key_value(id.as_str())) {
                self.leader = Some(leader.0.clone());
            }
        }
        self.subscribed = self.read_subscriptions();
    }

    // ---- what can be asked ----

    pub(crate) fn state(&self) -> State {
        self.state
    }

    pub(crate) fn is(&self, state: State) -> bool {
        self.state == state
    }

    pub(crate) fn size(&self) -> usize {
        self.members.len() + self.consumer.as_deref().map_or(0, Consumer::size)
    }

    pub(crate) fn joining(&self) -> usize {
        self.joining
    }

    pub(crate) fn has(&self, member: &str) -> bool {
        self.members.contains_key(member)
    }

    pub(crate) fn member(&self, id: &str) -> Option<&Member> {
        self.members.get(id)
    }

    pub(crate) fn member_mut(&mut self, id: &str) -> Option<&mut Member> {
        self.members.get_mut(id)
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    pub(crate) fn member_ids(&self) -> Vec<Arc<str>> {
        self.members.keys().cloned().collect()
    }

    pub(crate) fn leader(&self) -> Option<&Arc<str>> {
        self.leader.as_ref()
    }

    pub(crate) fn is_leader(&self, member: &str) -> bool {
        self.leader.as_deref() == Some(member)
    }

    pub(crate) fn static_member(&self, instance_id: &str) -> Option<&Arc<str>> {
        self.static_members.get(instance_id)
    }

    pub(crate) fn is_pending(&self, member: &str) -> bool {
        self.pending.contains_key(member)
    }

    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The longest that a member wants to be waited for.
    pub(crate) fn rebalance_timeout(&self) -> Span {
        self.members.values().map(|member| member.rebalance_timeout).max().unwrap_or(Span::ZERO)
    }

    pub(crate) fn all_joined(&self) -> bool {
        self.joining == self.members.len() && self.pending.is_empty()
    }

    /// Whether a member with these protocols can be in the group.
    pub(crate) fn supports(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.state == State::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|offer| self.offering(&offer.name) == self.members.len())
    }

    /// Number of members that offer a protocol.
    fn offering(&self, protocol: &str) -> usize {
        self.offered.get(protocol).copied().unwrap_or(0)
    }

    /// The protocol that most members like best among those that all offer. Of equals, the one that
    /// comes first by name.
    pub(crate) fn favourite_protocol(&self) -> Option<String> {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            let is_offered_by_all = |offer: &&Protocol| self.offering(&offer.name) == self.members.len();
            let vote = member.protocols.iter().find(is_offered_by_all)?;
            *votes.entry(&vote.name).or_default() += 1;
        }
        let most = votes.values().copied().max()?;
        votes.into_iter().find(|&(_, count)| count == most).map(|(name, _)| name.to_owned())
    }

    /// Whether a member may read the topic. Says yes if the group's subscriptions are not known.
    pub(crate) fn is_subscribed(&self, topic: &str) -> bool {
        match self.consumer.as_deref() {
            Some(consumer) => consumer.subscribed().contains(topic),
            None => self.subscribed.as_ref().is_none_or(|topics| topics.contains(topic)),
        }
    }

    pub(crate) fn subscribed(&self) -> Option<&BTreeSet<String>> {
        self.subscribed.as_ref()
    }

    pub(crate) fn is_consumer(&self) -> bool {
        self.protocol_type.as_deref() == Some("consumer")
    }

    /// Checks that a request comes from the member that it names (KIP-345 for static ones).
    pub(crate) fn validate_member(&self, id: &str, instance_id: Option<&str>) -> Result<(), ErrorCode> {
        if let Some(instance_id) = instance_id {
            match self.static_members.get(instance_id) {
                Some(current) if &**current != id => return Err(ErrorCode::FENCED_INSTANCE_ID),
                Some(_) => {}
                None => return Err(ErrorCode::UNKNOWN_MEMBER_ID),
            }
        }
        if self.has(id) { Ok(()) } else { Err(ErrorCode::UNKNOWN_MEMBER_ID) }
    }

    /// What the leader is told of the members.
    fn member_list(&self) -> Vec<JoinedMember> {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let tell = |member: &Member| JoinedMember {
            member_id: member.id.to_string(),
            instance_id: member.instance_id.clone(),
            metadata: member.metadata(protocol),
        };
        self.members.values().map(tell).collect()
    }

    /// What a member is told of the current generation. The list of members goes to the leader only.
    pub(crate) fn joined(&self, member: &str) -> Joined {
        Joined {
            error: ErrorCode::NONE,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            leader: self.leader.as_deref().unwrap_or_default().to_owned(),
            skip_assignment: false,
            member_id: member.to_owned(),
            members: if self.is_leader(member) { self.member_list() } else { Vec::new() },
        }
    }

    /// A member's part of the current assignment.
    pub(crate) fn synced(&self, assignment: Bytes) -> Synced {
        Synced {
            error: ErrorCode::NONE,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            assignment,
        }
    }

    // ---- changes ----

    pub(crate) fn become_state(&mut self, state: State, now_ms: i64) {
        assert!(
            self.state.may_become(state),
            "group {} cannot go from {:?} to {state:?}",
            self.id,
            self.state
        );
        self.state = state;
        self.state_since_ms = Some(now_ms);
    }

    /// Starts the next generation, whose members are those that have joined.
    pub(crate) fn next_generation(&mut self, now_ms: i64) {
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        self.protocol = self.favourite_protocol();
        let next = if self.members.is_empty() { State::Empty } else { State::CompletingRebalance };
        self.become_state(next, now_ms);
        self.subscribed = self.read_subscriptions();
        self.not_synced.clear();
    }

    /// Puts a member in. The first one decides on the protocol type and leads.
    pub(crate) fn insert(&mut self, member: Member) {
        assert!(!self.members.contains_key(&member.id), "a member is added once");
        if let Some(instance_id) = &member.instance_id {
            self.static_members.insert(instance_id.clone(), member.id.clone());
        }
        for offer in &member.protocols {
            *self.offered.entry(offer.name.clone()).or_default() += 1;
        }
        self.joining += usize::from(member.joining.is_some());
        self.leader.get_or_insert_with(|| member.id.clone());
        self.members.insert(member.id.clone(), member);
    }

    /// Takes a member out, whether it has joined or is pending. If it waits for something, it is told
    /// that it is not known.
    pub(crate) fn remove(&mut self, turn: &mut Turn<'_>, id: &str) {
        self.forget_pending(turn, id);
        self.not_synced.remove(id);
        let Some(member) = self.take(id) else { return };
        if let Some(alarm) = member.alarm {
            turn.timers.cancel(alarm, self.session_timer(&member.id));
        }
        if self.leader.as_deref() == Some(id) {
            self.leader = self.members.keys().next().cloned();
        }
        if let Some(instance_id) = &member.instance_id {
            self.static_members.remove(instance_id);
        }
        if let Some(token) = member.joining {
            turn.answer(token, Joined::refused("", ErrorCode::UNKNOWN_MEMBER_ID));
        }
        if let Some(token) = member.syncing {
            turn.answer(token, Synced::refused(ErrorCode::UNKNOWN_MEMBER_ID));
        }
    }

    /// Takes a member out of the table and its counts.
    fn take(&mut self, id: &str) -> Option<Member> {
        let member = self.members.remove(id)?;
        self.joining -= usize::from(member.joining.is_some());
        self.withdraw(&member.protocols);
        Some(member)
    }

    fn withdraw(&mut self, protocols: &[Protocol]) {
        for offer in protocols {
            let count = self.offered.get_mut(&offer.name).expect("what a member offers is counted");
            *count -= 1;
            if *count == 0 {
                self.offered.remove(&offer.name);
            }
        }
    }

    /// Gives the seat of a static member to a new id. Whoever still waits under the old id is fenced.
    pub(crate) fn replace_static(&mut self, turn: &mut Turn<'_>, old: &str, new: Arc<str>) {
        let mut member = self.take(old).expect("the instance id named a member");
        if let Some(token) = member.joining.take() {
            turn.answer(token, Joined::refused(old, ErrorCode::FENCED_INSTANCE_ID));
        }
        if let Some(token) = member.syncing.take() {
            turn.answer(token, Synced::refused(ErrorCode::FENCED_INSTANCE_ID));
        }
        if let Some(alarm) = member.alarm.take() {
            turn.timers.cancel(alarm, self.session_timer(&member.id));
        }
        if self.not_synced.remove(old) {
            self.not_synced.insert(new.clone());
        }
        if self.is_leader(old) {
            self.leader = Some(new.clone());
        }
        member.id = new;
        self.insert(member);
    }

    /// Takes over what a member says of itself when it joins again.
    pub(crate) fn update(&mut self, id: &str, protocols: Vec<Protocol>, session: Span, rebalance: Span) {
        let member = self.members.get_mut(id).expect("the caller found the member");
        let before = std::mem::replace(&mut member.protocols, protocols);
        for offer in &member.protocols {
            *self.offered.entry(offer.name.clone()).or_default() += 1;
        }
        member.session_timeout = session;
        member.rebalance_timeout = rebalance;
        self.withdraw(&before);
    }

    /// Lets a member wait in JoinGroup. An older JoinGroup of the same member is sent back to try
    /// again: its client has most likely given it up.
    pub(crate) fn wait_to_join(&mut self, turn: &mut Turn<'_>, id: &str, token: RequestToken) {
        let member = self.members.get_mut(id).expect("the caller found the member");
        match member.joining.replace(token) {
            Some(older) => turn.answer(older, Joined::refused(id, ErrorCode::REBALANCE_IN_PROGRESS)),
            None => self.joining += 1,
        }
    }

    /// Ends a member's wait in JoinGroup; the caller answers.
    pub(crate) fn stop_joining(&mut self, id: &str) -> Option<RequestToken> {
        let token = self.members.get_mut(id)?.joining.take();
        self.joining -= usize::from(token.is_some());
        token
    }

    /// If the leader has not joined, lets one lead that has. False if nobody has joined.
    pub(crate) fn elect_joined_leader(&mut self) -> bool {
        let has_joined = |id: &Arc<str>| self.members.get(id).is_some_and(|member| member.joining.is_some());
        if self.leader.as_ref().is_some_and(has_joined) {
            return true;
        }
        let Some(next) = self.members.values().find(|member| member.joining.is_some()) else { return false };
        self.leader = Some(next.id.clone());
        true
    }

    /// Remembers an id that was given out.
    pub(crate) fn add_pending(&mut self, turn: &mut Turn<'_>, id: Arc<str>, timeout: Span) {
        let at = turn.now.moment + timeout;
        turn.timers.set(at, Timer::Pending { group: self.id.clone(), member: id.clone() });
        let before = self.pending.insert(id, at);
        assert!(before.is_none(), "ids given out are new");
    }

    /// Forgets an id that was given out, because its member joined, left, or never came.
    pub(crate) fn forget_pending(&mut self, turn: &mut Turn<'_>, id: &str) {
        if let Some((id, at)) = self.pending.remove_entry(id) {
            turn.timers.cancel(at, Timer::Pending { group: self.id.clone(), member: id });
        }
    }

    /// As [`Group::forget_pending`], when its alarm has rung.
    pub(crate) fn pending_expired(&mut self, id: &str) {
        self.pending.remove(id);
    }

    /// Something was heard of a member: it lives for another session time-out.
    pub(crate) fn heard_of(&mut self, turn: &mut Turn<'_>, id: &str) {
        let timeout = self.members.get(id).expect("the caller found the member").session_timeout;
        self.lives_until(turn, id, turn.now.moment + timeout);
    }

    /// Sets when a member is taken for dead.
    pub(crate) fn lives_until(&mut self, turn: &mut Turn<'_>, id: &str, expires: Moment) {
        let member = self.members.get_mut(id).expect("the caller found the member");
        member.expires = expires;
        let timer = Timer::Session { group: self.id.clone(), member: member.id.clone() };
        match member.alarm {
            Some(alarm) if alarm <= expires => return,
            Some(alarm) => turn.timers.cancel(alarm, timer.clone()),
            None => {}
        }
        member.alarm = Some(expires);
        turn.timers.set(expires, timer);
    }

    fn session_timer(&self, member: &Arc<str>) -> Timer {
        Timer::Session { group: self.id.clone(), member: member.clone() }
    }

    /// Takes back all alarms, before the group is dropped.
    pub(crate) fn silence(&mut self, turn: &mut Turn<'_>) {
        for member in self.members.values_mut() {
            if let Some(alarm) = member.alarm.take() {
                let timer = Timer::Session { group: self.id.clone(), member: member.id.clone() };
                turn.timers.cancel(alarm, timer);
            }
        }
        for (id, at) in std::mem::take(&mut self.pending) {
            turn.timers.cancel(at, Timer::Pending { group: self.id.clone(), member: id });
        }
        self.end_join_phase(turn);
        self.end_sync_phase(turn);
        if let Some(mut consumer) = self.consumer.take() {
            consumer.silence(turn, &self.id);
        }
    }

    /// Topics that the members subscribe to, if they are consumers and all can be read.
    fn read_subscriptions(&self) -> Option<BTreeSet<String>> {
        if !self.is_consumer() {
            return None;
        }
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            let metadata = member.metadata(self.protocol.as_deref()?);
            topics.extend(subscription::topics(&metadata)?);
        }
        Some(topics)
    }

    /// Asserts what must hold between steps.
    pub(crate) fn check(&self) {
        if let Some(consumer) = self.consumer.as_deref() {
            assert!(matches!(self.state, State::Empty | State::Dead), "members speak one protocol");
            // One that is being deleted may have members: those whose farewell could not be written.
            consumer.check();
        }
        assert_eq!(self.joining, self.members.values().filter(|m| m.joining.is_some()).count());
        assert_eq!(self.leader.is_some(), !self.members.is_empty(), "somebody leads iff somebody is there");
        assert!(self.leader.as_ref().is_none_or(|id| self.members.contains_key(id)));
        assert_eq!(self.static_members.len(), self.members.values().filter(|m| m.is_static()).count());
        assert_eq!(self.join_phase.is_some(), self.is(State::PreparingRebalance));
        match self.state {
            State::Empty | State::Dead => assert!(self.members.is_empty()),
            State::PreparingRebalance => {
                assert!(self.members.values().all(|member| member.syncing.is_none()));
            }
            State::CompletingRebalance | State::Stable => {
                assert!(!self.members.is_empty());
                let protocol = self.protocol.as_ref().expect("a generation with members has a protocol");
                assert_eq!(self.offered.get(protocol), Some(&self.members.len()));
            }
        }
    }
}
