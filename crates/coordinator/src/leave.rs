//! LeaveGroup: members that say good-bye, and members that an administrator removes.

use kafka_wire::ErrorCode;

use crate::effect::Left;
use crate::group::{Group, State};
use crate::input::LeavingMember;
use crate::turn::Turn;

impl Group {
    pub(crate) fn leave(&mut self, turn: &mut Turn<'_>, members: Vec<LeavingMember>) -> Left {
        if self.is(State::Dead) {
            return Left { error: ErrorCode::COORDINATOR_NOT_AVAILABLE, members: Vec::new() };
        }
        let mut left = Vec::with_capacity(members.len());
        for member in members {
            let error = self.leave_one(turn, &member);
            left.push((member, error));
        }
        Left { error: ErrorCode::NONE, members: left }
    }

    fn leave_one(&mut self, turn: &mut Turn<'_>, leaving: &LeavingMember) -> ErrorCode {
        let id = leaving.member_id.as_str();
        if id.is_empty() {
            // An administrator names a static member by its instance id.
            let current = leaving.instance_id.as_deref().and_then(|instance| self.static_member(instance));
            let Some(current) = current.cloned() else { return ErrorCode::UNKNOWN_MEMBER_ID };
            self.remove_and_rebalance(turn, &current);
            return ErrorCode::NONE;
        }
        if !self.is_pending(id)
            && let Err(error) = self.validate_member(id, leaving.instance_id.as_deref())
        {
            return error;
        }
        self.remove_and_rebalance(turn, id);
        ErrorCode::NONE
    }
}
