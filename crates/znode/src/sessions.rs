//! Live sessions and when they expire, in buckets as wide as a tick: a session lives at least its
//! time-out after it was last heard of, and at most a tick longer. Source: `SessionTrackerImpl`,
//! `ExpiryQueue`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use clock::{Moment, Span};
use zookeeper_wire::SessionId;

use crate::hash::HashKey;

/// The sessions that this server counts down for.
#[derive(Debug)]
pub struct Sessions {
    tick: Span,
    by_id: HashMap<SessionId, Tracked, HashKey>,
    /// By the moment, in milliseconds, at which the bucket is due.
    buckets: BTreeMap<u64, BTreeSet<SessionId>>,
}

#[derive(Debug)]
struct Tracked {
    timeout_ms: i32,
    due_ms: u64,
    closing: bool,
}

/// What a session may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It lives.
    Live,
    /// Its end is under way: no request of it is served any more.
    Closing,
    /// There is no such session.
    Unknown,
}

impl Sessions {
    /// None yet; `tick` is the width of a bucket.
    pub fn new(tick: Span, key: HashKey) -> Self {
        assert!(tick > Span::ZERO, "a bucket has a width");
        Sessions { tick, by_id: HashMap::with_hasher(key), buckets: BTreeMap::new() }
    }

    /// Begins to count down for a session, or begins anew.
    pub fn track(&mut self, now: Moment, session: SessionId, timeout_ms: i32) {
        self.remove(session);
        let due_ms = self.due_ms(now, timeout_ms);
        self.by_id.insert(session, Tracked { timeout_ms, due_ms, closing: false });
        self.buckets.entry(due_ms).or_default().insert(session);
    }

    /// The session was heard of; false if it is not (or no longer) live.
    pub fn touch(&mut self, now: Moment, session: SessionId) -> bool {
        let tick_ms = self.tick.as_ms();
        let Some(tracked) = self.by_id.get_mut(&session) else { return false };
        if tracked.closing {
            return false;
        }
        let due_ms = round_up(now, tracked.timeout_ms, tick_ms);
        if due_ms != tracked.due_ms {
            let from = std::mem::replace(&mut tracked.due_ms, due_ms);
            self.leave_bucket(from, session);
            self.buckets.entry(due_ms).or_default().insert(session);
        }
        true
    }

    /// The session reconnected and asked for another time-out.
    pub fn renew(&mut self, now: Moment, session: SessionId, timeout_ms: i32) -> bool {
        match self.by_id.get_mut(&session) {
            Some(tracked) if !tracked.closing => {
                tracked.timeout_ms = timeout_ms;
                self.touch(now, session)
            }
            _ => false,
        }
    }

    /// How the session stands.
    pub fn standing(&self, session: SessionId) -> Standing {
        match self.by_id.get(&session) {
            None => Standing::Unknown,
            Some(tracked) if tracked.closing => Standing::Closing,
            Some(_) => Standing::Live,
        }
    }

    /// The session's end is under way.
    pub fn set_closing(&mut self, session: SessionId) {
        if let Some(tracked) = self.by_id.get_mut(&session) {
            tracked.closing = true;
            let due_ms = tracked.due_ms;
            self.leave_bucket(due_ms, session);
        }
    }

    /// The session is over.
    pub fn remove(&mut self, session: SessionId) {
        if let Some(tracked) = self.by_id.remove(&session) {
            self.leave_bucket(tracked.due_ms, session);
        }
    }

    /// Sessions whose time is over, in order; they are closing from now on.
    pub fn expire(&mut self, now: Moment) -> Vec<SessionId> {
        let mut expired = Vec::new();
        while let Some(bucket) = self.buckets.first_entry() {
            if *bucket.key() > now.as_ms() {
                break;
            }
            expired.extend(bucket.remove());
        }
        for &session in &expired {
            self.set_closing(session);
        }
        expired
    }

    /// When the next bucket is due.
    pub fn deadline(&self) -> Option<Moment> {
        self.buckets.keys().next().map(|&ms| Moment::at_ms(ms))
    }

    /// Sessions by the moment they are due, in order.
    pub fn by_due(&self) -> impl Iterator<Item = (Moment, &BTreeSet<SessionId>)> {
        self.buckets.iter().map(|(&ms, sessions)| (Moment::at_ms(ms), sessions))
    }

    /// Sessions, closing ones included.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    fn due_ms(&self, now: Moment, timeout_ms: i32) -> u64 {
        round_up(now, timeout_ms, self.tick.as_ms())
    }

    fn leave_bucket(&mut self, due_ms: u64, session: SessionId) {
        if let Some(bucket) = self.buckets.get_mut(&due_ms) {
            bucket.remove(&session);
            if bucket.is_empty() {
                self.buckets.remove(&due_ms);
            }
        }
    }
}

/// The end of the bucket that the time-out falls in.
fn round_up(now: Moment, timeout_ms: i32, tick_ms: u64) -> u64 {
    let due = now.as_ms() + u64::from(timeout_ms.unsigned_abs());
    (due / tick_ms + 1) * tick_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SessionId = SessionId(1);
    const B: SessionId = SessionId(2);

    fn at(ms: u64) -> Moment {
        Moment::at_ms(ms)
    }

    #[test]
    fn a_session_lives_its_timeout_and_at_most_a_tick_more() {
        let mut sessions = Sessions::new(Span::ms(100), HashKey(1));
        sessions.track(at(0), A, 250);
        sessions.track(at(0), B, 350);
        assert_eq!(sessions.deadline(), Some(at(300)));
        assert_eq!(sessions.expire(at(299)), []);
        assert_eq!(sessions.expire(at(300)), [A]);
        assert_eq!(sessions.standing(A), Standing::Closing);
        assert!(!sessions.touch(at(300), A), "closing is final");
        assert!(sessions.touch(at(390), B));
        assert_eq!(sessions.expire(at(790)), []);
        assert_eq!(sessions.expire(at(800)), [B]);
        sessions.remove(A);
        sessions.remove(B);
        assert_eq!((sessions.len(), sessions.deadline()), (0, None));
    }

    #[test]
    fn a_reconnect_may_change_the_timeout() {
        let mut sessions = Sessions::new(Span::ms(100), HashKey(1));
        sessions.track(at(0), A, 5000);
        assert!(sessions.renew(at(10), A, 200));
        assert_eq!(sessions.expire(at(300)), [A]);
        assert!(!sessions.renew(at(300), A, 5000));
        assert!(!sessions.renew(at(300), B, 5000));
    }
}
