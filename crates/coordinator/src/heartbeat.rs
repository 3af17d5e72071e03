//! Heartbeat, and what its absence means.

use kafka_wire::ErrorCode;

use crate::group::{Group, State};
use crate::input::HeartbeatRequest;
use crate::turn::Turn;

impl Group {
    pub(crate) fn heartbeat(&mut self, turn: &mut Turn<'_>, request: &HeartbeatRequest) -> ErrorCode {
        if self.is(State::Dead) {
            return ErrorCode::COORDINATOR_NOT_AVAILABLE;
        }
        if let Err(error) = self.validate_member(&request.member_id, request.instance_id.as_deref()) {
            return error;
        }
        if request.generation != self.generation {
            return ErrorCode::ILLEGAL_GENERATION;
        }
        self.heard_of(turn, &request.member_id);
        if self.is(State::PreparingRebalance) { ErrorCode::REBALANCE_IN_PROGRESS } else { ErrorCode::NONE }
    }

    /// The alarm of a member rang. It is dead unless something was heard of it since the alarm was
    /// set, or it waits for others.
    pub(crate) fn session_over(&mut self, turn: &mut Turn<'_>, id: &str) {
        let now = turn.now.moment;
        let Some(member) = self.member_mut(id) else { return };
        member.alarm = None;
        let expires = member.expires;
        if expires > now {
            self.lives_until(turn, id, expires);
        } else if !member.waits_for_others() {
            turn.note(format!("group {}: member {id} was not heard of in time and is removed", self.id));
            self.remove_and_rebalance(turn, id);
        }
    }

    /// A member did not come back with the id that it was given.
    pub(crate) fn pending_over(&mut self, turn: &mut Turn<'_>, id: &str) {
        self.pending_expired(id);
        self.try_complete_join(turn);
    }
}
