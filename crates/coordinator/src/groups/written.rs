//! What becomes of the groups when the fate of their records is known, or takes too long to be.

use std::collections::BTreeMap;

use clock::Now;
use kafka_wire::ErrorCode;

use super::{Groups, answer};
use crate::commit;
use crate::consumer::beat;
use crate::effect::{Answer, Effect, Outcome, WriteToken};
use crate::group::State;
use crate::write::{InFlight, StaticMember, Then, Write, commit_error};

impl Groups {
    pub(super) fn written(
        &mut self,
        now: Now,
        token: WriteToken,
        result: Result<i64, ErrorCode>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(InFlight { partition, write, .. }) = self.writes.end(token, &mut self.timers) else {
            return;
        };
        let outcome = result.map(|_| ());
        match write {
            Write::Assignment { group, generation, assignments } => {
                self.with(now, partition, &group, effects, |group, turn| {
                    group.assignment_written(turn, generation, assignments, outcome);
                });
            }
            Write::StaticMember(change) => {
                let name = change.group.clone();
                self.with(now, partition, &name, effects, |group, turn| {
                    group.static_member_written(turn, change, outcome);
                });
            }
            Write::Emptied => {}
            Write::Consumer { group: name, mut undo, answers } => {
                // Changes that were taken back with those before them did not come true, wherever their
                // records are now; and nothing that was changed since was made of them.
                let was_taken_back = undo.is_empty();
                if result.is_err() && !was_taken_back {
                    // What was changed after this cannot stand either: it was made of this.
                    undo.append(&mut self.writes.take_undo_after(token, &name));
                    self.with(now, partition, &name, effects, |group, turn| group.consumer_undo(turn, undo));
                }
                let outcome = outcome.and(if was_taken_back {
                    Err(ErrorCode::COORDINATOR_NOT_AVAILABLE)
                } else {
                    Ok(())
                });
                for (token, given) in answers {
                    let told = outcome.map_or_else(beat::failed, |()| given);
                    answer(effects, token, told);
                }
            }
            Write::Commit { group, producer, token, offsets } => {
                self.with(now, partition, &group, effects, |group, turn| {
                    group.commit_written(turn, producer, token, offsets, result);
                });
            }
            Write::Removal { group: name, offsets, whole, then } => {
                self.with(now, partition, &name, effects, |group, turn| {
                    if result.is_ok() {
                        offsets.iter().for_each(|at| group.offsets.remove(at));
                    } else if whole {
                        group.become_state(State::Empty, turn.wall_ms());
                    }
                });
                if whole && result.is_ok() {
                    self.forget(now, partition, &name, effects);
                }
                let error = outcome.err().map_or(ErrorCode::NONE, commit_error);
                self.removed(then, &name, error, effects);
            }
        }
    }

    /// Tells whoever waits for tombstones.
    pub(super) fn removed(&mut self, then: Then, group: &str, error: ErrorCode, effects: &mut Vec<Effect>) {
        match then {
            Then::Nothing => {}
            Then::Deleted(token) => self.deleted(token, group, error, effects),
            Then::OffsetsDeleted(token, outcomes) => {
                let result = if error.is_none() { Ok(outcomes) } else { Err(error) };
                answer(effects, token, Answer::DeleteOffsets(result));
            }
        }
    }

    /// A client has waited long enough for a write, whose fate is still open.
    pub(super) fn write_overdue(&mut self, now: Now, token: WriteToken, effects: &mut Vec<Effect>) {
        let error = ErrorCode::REQUEST_TIMED_OUT;
        let Some(InFlight { partition, write, .. }) = self.writes.overdue(token) else { return };
        let partition = *partition;
        match write {
            Write::Assignment { group, generation, .. } => {
                let (name, generation) = (group.clone(), *generation);
                self.with(now, partition, &name, effects, |group, turn| {
                    group.assignment_written(turn, generation, BTreeMap::new(), Err(error));
                });
            }
            Write::StaticMember(_) => {
                let write = std::mem::replace(write, Write::Emptied);
                let Write::StaticMember(change) = write else { unreachable!("it was looked at") };
                self.static_member_overdue(now, partition, change, effects);
            }
            Write::Emptied => {}
            Write::Consumer { answers, .. } => {
                for (token, _) in std::mem::take(answers) {
                    answer(effects, token, beat::failed(error));
                }
            }
            Write::Commit { token, offsets, .. } => {
                let Some(token) = token.take() else { return };
                let tell = |(at, stored): &_| {
                    let Outcome { topic, partition, error: refused } =
                        commit::outcome(&(crate::offsets::TopicPartition::clone(at), Result::clone(stored)));
                    let error = if refused.is_none() { error } else { refused };
                    Outcome { topic, partition, error }
                };
                let outcomes = offsets.iter().map(tell).collect();
                answer(effects, token, Answer::Commit(outcomes));
            }
            Write::Removal { group, then, .. } => {
                let (name, then) = (group.clone(), std::mem::replace(then, Then::Nothing));
                self.removed(then, &name, error, effects);
            }
        }
    }

    pub(super) fn static_member_overdue(
        &mut self,
        now: Now,
        partition: i32,
        change: StaticMember,
        effects: &mut Vec<Effect>,
    ) {
        let name = change.group.clone();
        self.with(now, partition, &name, effects, |group, turn| {
            group.static_member_written(turn, change, Err(ErrorCode::REQUEST_TIMED_OUT));
        });
    }
}
