//! SyncGroup: the leader's assignment goes through the log and then to everybody.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_wire::ErrorCode;

use crate::effect::{Answer, Synced};
use crate::group::{Group, State};
use crate::input::{RequestToken, SyncRequest};
use crate::limits::ASSIGNMENTS_BYTES_MAX;
use crate::turn::Turn;
use crate::write::{Write, group_error};

impl Group {
    pub(crate) fn sync(&mut self, turn: &mut Turn<'_>, token: RequestToken, request: SyncRequest) {
        if let Err(error) = self.validate_sync(&request) {
            return turn.answer(token, Synced::refused(error));
        }
        let id = request.member_id.as_str();
        match self.state() {
            State::Empty | State::Dead => {
                turn.answer(token, Synced::refused(ErrorCode::UNKNOWN_MEMBER_ID));
            }
            State::PreparingRebalance => {
                turn.answer(token, Synced::refused(ErrorCode::REBALANCE_IN_PROGRESS));
            }
            State::CompletingRebalance => {
                self.wait_for_assignment(turn, id, token);
                if self.is_leader(id) {
                    self.write_assignment(turn, request.assignments);
                }
            }
            State::Stable => {
                self.not_synced.remove(id);
                let assignment = self.member(id).map(|member| member.assignment.clone()).unwrap_or_default();
                turn.answer(token, Answer::Sync(self.synced(assignment)));
                self.heard_of(turn, id);
            }
        }
    }

    fn validate_sync(&self, request: &SyncRequest) -> Result<(), ErrorCode> {
        if self.is(State::Dead) {
            return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
        }
        self.validate_member(&request.member_id, request.instance_id.as_deref())?;
        if request.generation != self.generation {
            return Err(ErrorCode::ILLEGAL_GENERATION);
        }
        let differs = |given: &Option<String>, ours: &Option<String>| {
            given.is_some() && given.as_ref() != ours.as_ref()
        };
        if differs(&request.protocol_type, &self.protocol_type)
            || differs(&request.protocol_name, &self.protocol)
        {
            return Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
        }
        Ok(())
    }

    /// An older SyncGroup of the same member is sent back to join: its client has given it up.
    fn wait_for_assignment(&mut self, turn: &mut Turn<'_>, id: &str, token: RequestToken) {
        self.not_synced.remove(id);
        let member = self.member_mut(id).expect("the member was validated");
        if let Some(older) = member.syncing.replace(token) {
            turn.answer(older, Synced::refused(ErrorCode::REBALANCE_IN_PROGRESS));
        }
    }

    fn write_assignment(&mut self, turn: &mut Turn<'_>, given: Vec<(String, Bytes)>) {
        let bytes: usize = given.iter().map(|(id, assignment)| id.len() + assignment.len()).sum();
        if bytes > ASSIGNMENTS_BYTES_MAX {
            self.fail_assignment(turn, ErrorCode::UNKNOWN_SERVER_ERROR);
            return self.rebalance(turn);
        }
        // Whoever the leader forgot gets nothing; whoever it made up is ignored.
        let mut assignments: BTreeMap<String, Bytes> =
            self.members().map(|member| (member.id.to_string(), Bytes::new())).collect();
        for (id, assignment) in given {
            if let Some(place) = assignments.get_mut(&id) {
                *place = Bytes::copy_from_slice(&assignment);
            }
        }
        let record = self.record(|member| assignments.get(&*member.id).cloned().unwrap_or_default());
        let write = Write::Assignment { group: self.id.clone(), generation: self.generation, assignments };
        turn.append(self.partition, None, vec![record], write);
    }

    /// The assignment is durable, or cannot be. If a rebalance began meanwhile, it means nothing.
    pub(crate) fn assignment_written(
        &mut self,
        turn: &mut Turn<'_>,
        generation: i32,
        mut assignments: BTreeMap<String, Bytes>,
        result: Result<(), ErrorCode>,
    ) {
        if !self.is(State::CompletingRebalance) || self.generation != generation {
            return;
        }
        if let Err(error) = result {
            self.fail_assignment(turn, group_error(error));
            return self.rebalance(turn);
        }
        for id in self.member_ids() {
            let assignment = assignments.remove(&*id).unwrap_or_default();
            let member = self.member_mut(&id).expect("it is in the list");
            member.assignment = assignment.clone();
            if let Some(token) = member.syncing.take() {
                turn.answer(token, Answer::Sync(self.synced(assignment)));
                self.heard_of(turn, &id);
            }
        }
        self.become_state(State::Stable, turn.wall_ms());
    }
}
