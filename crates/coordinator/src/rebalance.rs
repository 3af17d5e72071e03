//! The rebalance: from the first reason for one to the next generation.

use clock::Span;
use kafka_wire::ErrorCode;

use crate::effect::{Answer, Synced};
use crate::group::{Group, JoinPhase, State};
use crate::timers::Timer;
use crate::turn::Turn;
use crate::write::Write;

impl Group {
    /// Starts a rebalance unless one is under way, or there is nothing to rebalance.
    pub(crate) fn rebalance(&mut self, turn: &mut Turn<'_>) {
        let was_empty = match self.state() {
            State::PreparingRebalance | State::Dead => return,
            State::Empty => true,
            State::CompletingRebalance => {
                self.fail_assignment(turn, ErrorCode::REBALANCE_IN_PROGRESS);
                false
            }
            State::Stable => false,
        };
        self.end_sync_phase(turn);
        self.become_state(State::PreparingRebalance, turn.wall_ms());
        let (timeout, delay) = (self.rebalance_timeout(), turn.settings.initial_rebalance_delay);
        if was_empty {
            let left = Span::ms(timeout.as_ms().saturating_sub(delay.as_ms()));
            self.begin_join_phase(turn, delay, Some(left));
            if delay == Span::ZERO {
                self.complete_join(turn);
            }
        } else {
            self.begin_join_phase(turn, timeout, None);
            if timeout == Span::ZERO {
                // Nobody is left to be waited for.
                return self.complete_join(turn);
            }
            self.try_complete_join(turn);
        }
    }

    /// Takes a member out that failed or left, and lets the others share its part.
    pub(crate) fn remove_and_rebalance(&mut self, turn: &mut Turn<'_>, id: &str) {
        let was_member = self.has(id);
        self.remove(turn, id);
        match self.state() {
            State::PreparingRebalance => self.try_complete_join(turn),
            State::CompletingRebalance | State::Stable if was_member => self.rebalance(turn),
            _ => {}
        }
    }

    /// Ends the join phase if everybody is there.
    pub(crate) fn try_complete_join(&mut self, turn: &mut Turn<'_>) {
        let may_end_early = self.join_phase.is_some_and(|phase| phase.initial.is_none());
        if may_end_early && self.all_joined() {
            self.complete_join(turn);
        }
    }

    /// The time to join is over.
    pub(crate) fn join_phase_over(&mut self, turn: &mut Turn<'_>) {
        let Some(phase) = self.join_phase else { return };
        if let Some(left) = phase.initial.filter(|&left| self.new_member_added && left != Span::ZERO) {
            // Somebody came: wait a little longer for others, as long as the members allow.
            self.new_member_added = false;
            let delay = turn.settings.initial_rebalance_delay.min(left);
            let left = Span::ms(left.as_ms() - delay.as_ms());
            self.end_join_phase(turn);
            return self.begin_join_phase(turn, delay, Some(left));
        }
        self.complete_join(turn);
    }

    /// Begins the next generation with those that have joined, and those that are static.
    fn complete_join(&mut self, turn: &mut Turn<'_>) {
        assert!(self.is(State::PreparingRebalance));
        self.end_join_phase(turn);
        self.new_member_added = false;
        let is_missing = |member: &&crate::member::Member| member.joining.is_none() && !member.is_static();
        let missing: Vec<_> = self.members().filter(is_missing).map(|member| member.id.clone()).collect();
        for id in missing {
            self.remove(turn, &id);
        }
        if self.size() > 0 && !self.elect_joined_leader() {
            // Only static members that are away: wait until they come, or their sessions end.
            let timeout = self.rebalance_timeout().max(Span::ms(1));
            return self.begin_join_phase(turn, timeout, None);
        }
        self.next_generation(turn.wall_ms());
        if self.is(State::Empty) {
            let record = self.record(|_| bytes::Bytes::new());
            turn.append(self.partition, None, vec![record], Write::Emptied);
            return;
        }
        for id in self.member_ids() {
            if let Some(token) = self.stop_joining(&id) {
                turn.answer(token, Answer::Join(self.joined(&id)));
            }
            self.heard_of(turn, &id);
            self.not_synced.insert(id.clone());
            self.member_mut(&id).expect("it is in the list").is_new = false;
        }
        let at = turn.now.moment + self.rebalance_timeout();
        self.sync_deadline = Some(at);
        turn.timers.set(at, Timer::Sync { group: self.id.clone() });
    }

    fn begin_join_phase(&mut self, turn: &mut Turn<'_>, timeout: Span, initial: Option<Span>) {
        let deadline = turn.now.moment + timeout;
        let before = self.join_phase.replace(JoinPhase { deadline, initial });
        assert!(before.is_none(), "one join phase at a time");
        turn.timers.set(deadline, Timer::Join { group: self.id.clone() });
    }

    pub(crate) fn end_join_phase(&mut self, turn: &mut Turn<'_>) {
        if let Some(phase) = self.join_phase.take() {
            turn.timers.cancel_if_set(phase.deadline, Timer::Join { group: self.id.clone() });
        }
    }

    /// The time to fetch the assignment is over: whoever has not asked is dropped.
    pub(crate) fn sync_phase_over(&mut self, turn: &mut Turn<'_>) {
        self.sync_deadline = None;
        if !matches!(self.state(), State::CompletingRebalance | State::Stable) {
            return;
        }
        let silent = std::mem::take(&mut self.not_synced);
        if silent.is_empty() {
            return;
        }
        for id in &silent {
            self.remove(turn, id);
        }
        self.rebalance(turn);
    }

    pub(crate) fn end_sync_phase(&mut self, turn: &mut Turn<'_>) {
        self.not_synced.clear();
        if let Some(at) = self.sync_deadline.take() {
            turn.timers.cancel_if_set(at, Timer::Sync { group: self.id.clone() });
        }
    }

    /// Tells those that wait for their assignment that there is none.
    pub(crate) fn fail_assignment(&mut self, turn: &mut Turn<'_>, error: ErrorCode) {
        assert!(self.is(State::CompletingRebalance));
        for id in self.member_ids() {
            let member = self.member_mut(&id).expect("it is in the list");
            member.assignment = bytes::Bytes::new();
            if let Some(token) = member.syncing.take() {
                turn.answer(token, Synced::refused(error));
                self.heard_of(turn, &id);
            }
        }
    }
}
