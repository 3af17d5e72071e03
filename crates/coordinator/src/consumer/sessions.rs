//! The alarms of a consumer group's members: one for silence, one for partitions not given back in time.

use std::sync::Arc;

use clock::{Moment, Span};

use super::Consumer;
use crate::timers::Timer;
use crate::turn::Turn;

/// The alarms of one member.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    /// When the member is taken for dead if nothing is heard of it.
    expires: Moment,
    /// The alarm that is set for it, at or before `expires`; it follows when it rings.
    alarm: Moment,
    /// When partitions must have been given back, and the member's epoch when that was asked.
    revocation: Option<(Moment, i32)>,
}

/// What an alarm means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rung {
    /// Nothing: something was heard of the member meanwhile.
    Nothing,
    /// The member is to be removed.
    Fence,
}

impl Consumer {
    /// Something was heard of a member: it lives for another session time-out.
    pub(crate) fn heard_of(&mut self, turn: &mut Turn<'_>, group: &Arc<str>, member: &Arc<str>) {
        let expires = turn.now.moment + turn.settings.consumer_session_timeout;
        match self.sessions.get_mut(member) {
            Some(session) => session.expires = expires,
            None => {
                turn.timers.set(expires, session_timer(group, member));
                let session = Session { expires, alarm: expires, revocation: None };
                self.sessions.insert(member.clone(), session);
            }
        }
    }

    /// The member has `timeout` to give partitions back, counted from the first time that it was told in
    /// its present epoch.
    pub(crate) fn revokes_until(
        &mut self,
        turn: &mut Turn<'_>,
        group: &Arc<str>,
        member: &Arc<str>,
        wanted: Option<(Span, i32)>,
    ) {
        let Some(session) = self.sessions.get_mut(member) else { return };
        if let Some((at, _)) = session.revocation.take() {
            turn.timers.cancel_if_set(at, revocation_timer(group, member));
        }
        if let Some((timeout, epoch)) = wanted {
            let at = turn.now.moment + timeout;
            session.revocation = Some((at, epoch));
            turn.timers.set(at, revocation_timer(group, member));
        }
    }

    /// The alarm for silence rang.
    pub(crate) fn session_rang(&mut self, turn: &mut Turn<'_>, group: &Arc<str>, member: &Arc<str>) -> Rung {
        let Some(session) = self.sessions.get_mut(member) else { return Rung::Nothing };
        if session.expires > turn.now.moment {
            session.alarm = session.expires;
            turn.timers.set(session.alarm, session_timer(group, member));
            return Rung::Nothing;
        }
        Rung::Fence
    }

    /// The alarm for partitions not given back rang.
    pub(crate) fn revocation_rang(&mut self, member: &str) -> Rung {
        let Some(session) = self.sessions.get_mut(member) else { return Rung::Nothing };
        let asked_in = session.revocation.take().map(|(_, epoch)| epoch);
        let epoch = self.currents.get(member).map(|current| current.epoch);
        if asked_in.is_some() && asked_in == epoch { Rung::Fence } else { Rung::Nothing }
    }

    /// Sets alarms for members that have none, and takes back those of members that are gone. Whoever is
    /// asked to give partitions back gets its time anew.
    pub(crate) fn keep_sessions(&mut self, turn: &mut Turn<'_>, group: &Arc<str>) {
        let gone: Vec<Arc<str>> = self
            .sessions
            .keys()
            .filter(|member| !self.subscriptions.contains_key(*member))
            .cloned()
            .collect();
        for member in gone {
            self.end_session(turn, group, &member);
        }
        let without = self.subscriptions.keys().filter(|member| !self.sessions.contains_key(*member));
        for member in without.cloned().collect::<Vec<_>>() {
            self.heard_of(turn, group, &member);
            let Some(current) = self.currents.get(&member).cloned() else { continue };
            let wanted = (current.standing == super::Standing::Revoking)
                .then(|| (self.rebalance_timeout(&member), current.epoch));
            self.revokes_until(turn, group, &member, wanted);
        }
    }

    /// How long a member may take to give partitions back.
    pub(crate) fn rebalance_timeout(&self, member: &str) -> Span {
        let ms = self.subscriptions.get(member).map_or(0, |member| member.rebalance_timeout_ms);
        Span::ms(u64::try_from(ms).unwrap_or(0))
    }

    pub(crate) fn end_session(&mut self, turn: &mut Turn<'_>, group: &Arc<str>, member: &Arc<str>) {
        let Some(session) = self.sessions.remove(member) else { return };
        turn.timers.cancel_if_set(session.alarm, session_timer(group, member));
        if let Some((at, _)) = session.revocation {
            turn.timers.cancel_if_set(at, revocation_timer(group, member));
        }
    }

    /// Takes back all alarms, before the group is dropped or becomes a classic one.
    pub(crate) fn silence(&mut self, turn: &mut Turn<'_>, group: &Arc<str>) {
        for member in self.sessions.keys().cloned().collect::<Vec<_>>() {
            self.end_session(turn, group, &member);
        }
    }
}

fn session_timer(group: &Arc<str>, member: &Arc<str>) -> Timer {
    Timer::ConsumerSession { group: group.clone(), member: member.clone() }
}

fn revocation_timer(group: &Arc<str>, member: &Arc<str>) -> Timer {
    Timer::Revocation { group: group.clone(), member: member.clone() }
}
