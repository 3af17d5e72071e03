//! JoinGroup: who may come in, and what it sets off.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use clock::{Moment, Span};
use kafka_wire::ErrorCode;

use crate::effect::{Answer, Joined};
use crate::group::{Group, State};
use crate::input::{JoinRequest, RequestToken};
use crate::limits::{MEMBER_PROTOCOLS_BYTES_MAX, MEMBERS_MAX, NAME_BYTES_MAX, PENDING_MEMBERS_MAX};
use crate::member::{Member, NEW_MEMBER_JOIN_TIMEOUT, Protocol};
use crate::turn::Turn;
use crate::write::{StaticMember, Write, group_error};

/// Checks what can be checked without the group.
pub(crate) fn validate(turn: &Turn<'_>, request: &JoinRequest) -> Result<(), ErrorCode> {
    let allowed = turn.settings.session_timeout_min..=turn.settings.session_timeout_max;
    if !allowed.contains(&span(request.session_timeout_ms)) {
        return Err(ErrorCode::INVALID_SESSION_TIMEOUT);
    }
    let protocol_names = request.protocols.iter().map(|offer| &offer.name);
    let mut names = protocol_names.chain([&request.protocol_type]).chain(&request.instance_id);
    if names.any(|name| name.len() > NAME_BYTES_MAX - MEMBER_ID_TAIL_BYTES) {
        return Err(ErrorCode::INVALID_REQUEST);
    }
    let bytes: usize = request.protocols.iter().map(|offer| offer.name.len() + offer.metadata.len()).sum();
    if bytes > MEMBER_PROTOCOLS_BYTES_MAX {
        return Err(ErrorCode::INVALID_REQUEST);
    }
    Ok(())
}

impl Group {
    pub(crate) fn join(&mut self, turn: &mut Turn<'_>, token: RequestToken, mut request: JoinRequest) {
        if self.consumer.is_some() && !self.is(State::Dead) {
            if !self.is_vacant() {
                let id = &request.member_id;
                return turn.answer(token, Joined::refused(id, ErrorCode::INCONSISTENT_GROUP_PROTOCOL));
            }
            self.become_classic(turn);
        }
        tidy_protocols(&mut request.protocols);
        if !self.has_room_for(turn, &request.member_id) {
            let id = request.member_id;
            self.remove_and_rebalance(turn, &id);
            turn.answer(token, Joined::refused("", ErrorCode::GROUP_MAX_SIZE_REACHED));
        } else if request.member_id.is_empty() {
            self.join_new(turn, token, request);
        } else {
            self.join_known(turn, token, request);
        }
        self.try_complete_join(turn);
    }

    /// Whether one more fits. In a rebalance those that have joined count, because the others may not
    /// come back; so the last ones to join are shed if the limit was lowered.
    fn has_room_for(&self, turn: &Turn<'_>, member: &str) -> bool {
        let limit = turn.settings.group_size_max.min(MEMBERS_MAX);
        match self.state() {
            State::Empty | State::Dead => true,
            State::PreparingRebalance => {
                self.member(member).is_some_and(|member| member.joining.is_some()) || self.joining() < limit
            }
            State::CompletingRebalance | State::Stable => self.has(member) || self.size() < limit,
        }
    }

    fn join_new(&mut self, turn: &mut Turn<'_>, token: RequestToken, request: JoinRequest) {
        if self.is(State::Dead) {
            return turn.answer(token, Joined::refused("", ErrorCode::COORDINATOR_NOT_AVAILABLE));
        }
        if !self.supports(&request.protocol_type, &request.protocols) {
            return turn.answer(token, Joined::refused("", ErrorCode::INCONSISTENT_GROUP_PROTOCOL));
        }
        let new_id = new_member_id(turn, &request);
        if let Some(instance_id) = &request.instance_id {
            return match self.static_member(instance_id).cloned() {
                Some(old_id) => self.rejoin_static(turn, token, old_id, new_id, request),
                None => self.add_and_rebalance(turn, token, new_id, request),
            };
        }
        if !request.require_known_member_id {
            return self.add_and_rebalance(turn, token, new_id, request);
        }
        if self.pending() >= PENDING_MEMBERS_MAX {
            return turn.answer(token, Joined::refused("", ErrorCode::GROUP_MAX_SIZE_REACHED));
        }
        self.add_pending(turn, new_id.clone(), span(request.session_timeout_ms));
        turn.answer(token, Joined::refused(&new_id, ErrorCode::MEMBER_ID_REQUIRED));
    }

    fn join_known(&mut self, turn: &mut Turn<'_>, token: RequestToken, request: JoinRequest) {
        let id = request.member_id.clone();
        if self.is(State::Dead) {
            return turn.answer(token, Joined::refused(&id, ErrorCode::COORDINATOR_NOT_AVAILABLE));
        }
        if !self.supports(&request.protocol_type, &request.protocols) {
            return turn.answer(token, Joined::refused(&id, ErrorCode::INCONSISTENT_GROUP_PROTOCOL));
        }
        if self.is_pending(&id) {
            if request.instance_id.is_some() {
                // Ids are given out to dynamic members only.
                return turn.answer(token, Joined::refused(&id, ErrorCode::UNKNOWN_MEMBER_ID));
            }
            return self.add_and_rebalance(turn, token, Arc::from(id), request);
        }
        if let Err(error) = self.validate_member(&id, request.instance_id.as_deref()) {
            return turn.answer(token, Joined::refused(&id, error));
        }
        let is_unchanged = self.member(&id).is_some_and(|member| member.protocols == request.protocols);
        match self.state() {
            State::PreparingRebalance => self.update_and_rebalance(turn, token, request),
            // It did not get the answer, or asks again: the current generation is the answer.
            State::CompletingRebalance if is_unchanged => {
                turn.answer(token, Answer::Join(self.joined(&id)));
            }
            // The leader asks for a rebalance by joining, for instance when a topic has grown.
            State::Stable if is_unchanged && !self.is_leader(&id) => {
                turn.answer(token, Answer::Join(self.joined(&id)));
            }
            State::CompletingRebalance | State::Stable => self.update_and_rebalance(turn, token, request),
            State::Empty | State::Dead => {
                turn.answer(token, Joined::refused(&id, ErrorCode::UNKNOWN_MEMBER_ID));
            }
        }
    }

    fn add_and_rebalance(
        &mut self,
        turn: &mut Turn<'_>,
        token: RequestToken,
        id: Arc<str>,
        request: JoinRequest,
    ) {
        self.forget_pending(turn, &id);
        if self.size() == 0 {
            self.protocol_type = Some(request.protocol_type);
        }
        if self.is(State::PreparingRebalance) && self.generation == 0 {
            self.new_member_added = true;
        }
        self.insert(Member {
            id: id.clone(),
            instance_id: request.instance_id,
            client_id: request.client_id,
            client_host: request.client_host,
            session_timeout: span(request.session_timeout_ms),
            rebalance_timeout: span(request.rebalance_timeout_ms),
            protocols: request.protocols,
            assignment: Bytes::new(),
            joining: Some(token),
            syncing: None,
            is_new: true,
            expires: Moment::default(),
            alarm: None,
        });
        self.lives_until(turn, &id, turn.now.moment + NEW_MEMBER_JOIN_TIMEOUT);
        self.rebalance(turn);
    }

    fn update_and_rebalance(&mut self, turn: &mut Turn<'_>, token: RequestToken, request: JoinRequest) {
        let id = request.member_id;
        let (session, rebalance) = (span(request.session_timeout_ms), span(request.rebalance_timeout_ms));
        self.update(&id, request.protocols, session, rebalance);
        self.wait_to_join(turn, &id, token);
        self.rebalance(turn);
    }

    /// A static member came back without its id: it gets a new one and the old seat.
    fn rejoin_static(
        &mut self,
        turn: &mut Turn<'_>,
        token: RequestToken,
        old_id: Arc<str>,
        new_id: Arc<str>,
        request: JoinRequest,
    ) {
        let old_leader = self.leader().cloned();
        let before = self.member(&old_id).expect("the instance id names a member");
        let undo = StaticMember {
            group: self.id.clone(),
            generation: self.generation,
            token,
            can_skip_assignment: request.can_skip_assignment,
            old_id: old_id.clone(),
            new_id: new_id.clone(),
            old_leader,
            old_protocols: before.protocols.clone(),
            old_session_timeout: before.session_timeout,
            old_rebalance_timeout: before.rebalance_timeout,
        };
        self.replace_static(turn, &old_id, new_id.clone());
        let (session, rebalance) = (span(request.session_timeout_ms), span(request.rebalance_timeout_ms));
        self.update(&new_id, request.protocols, session, rebalance);
        self.wait_to_join(turn, &new_id, token);
        self.heard_of(turn, &new_id);
        match self.state() {
            State::Stable if self.favourite_protocol() == self.protocol => {
                let record = self.record(|member| member.assignment.clone());
                turn.append(self.partition, None, vec![record], Write::StaticMember(undo));
            }
            // The leader may already have been told the old id, and would assign to nobody.
            State::Stable | State::CompletingRebalance => self.rebalance(turn),
            State::PreparingRebalance => {}
            State::Empty | State::Dead => unreachable!("such a group has no members"),
        }
    }

    /// The new id of a static member is durable, or cannot be.
    pub(crate) fn static_member_written(
        &mut self,
        turn: &mut Turn<'_>,
        change: StaticMember,
        result: Result<(), ErrorCode>,
    ) {
        let waits = self.member(&change.new_id).is_some_and(|member| member.joining == Some(change.token));
        if !waits || !self.is(State::Stable) || self.generation != change.generation {
            // It was replaced again, or a rebalance began and will answer.
            return;
        }
        self.stop_joining(&change.new_id);
        if let Err(error) = result {
            self.update(
                &change.new_id,
                change.old_protocols,
                change.old_session_timeout,
                change.old_rebalance_timeout,
            );
            self.replace_static(turn, &change.new_id, change.old_id.clone());
            self.heard_of(turn, &change.old_id);
            return turn.answer(change.token, Joined::refused("", group_error(error)));
        }
        self.heard_of(turn, &change.new_id);
        let mut joined = self.joined(&change.new_id);
        if change.can_skip_assignment {
            joined.skip_assignment = self.is_leader(&change.new_id);
        } else {
            // An older client that is told that it leads would assign anew, which a stable group does
            // not hear. The id of the leader that was is one that it does not know as its own.
            joined.leader = change.old_leader.as_deref().unwrap_or_default().to_owned();
            joined.members.clear();
        }
        turn.answer(change.token, Answer::Join(joined));
    }
}

/// Keeps the first of each name, and lets go of the request's frame.
fn tidy_protocols(protocols: &mut Vec<Protocol>) {
    let mut seen = BTreeSet::new();
    protocols.retain(|offer| seen.insert(offer.name.clone()));
    for offer in protocols {
        offer.metadata = Bytes::copy_from_slice(&offer.metadata);
    }
}

/// `client-id-UUID`, or `instance-id-UUID` for a static member.
fn new_member_id(turn: &mut Turn<'_>, request: &JoinRequest) -> Arc<str> {
    let front = request.instance_id.as_ref().unwrap_or(&request.client_id);
    let front = &front[..front.floor_char_boundary(NAME_BYTES_MAX - MEMBER_ID_TAIL_BYTES)];
    let uuid = turn.uuid();
    Arc::from(format!("{front}-{uuid}"))
}

/// The dash and the UUID behind the name in a member id.
const MEMBER_ID_TAIL_BYTES: usize = 37;

/// A time-out from the wire; a negative one is none.
pub(crate) fn span(ms: i32) -> Span {
    Span::ms(u64::try_from(ms).unwrap_or(0))
}
