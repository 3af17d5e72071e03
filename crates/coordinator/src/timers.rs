//! The alarms of all groups in one queue. Each owner knows the moment of its alarm, so that it can be
//! taken back: the queue never holds an alarm whose owner is gone.

use std::collections::BTreeSet;
use std::sync::Arc;

use clock::Moment;

use crate::effect::WriteToken;

/// What an alarm is for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Timer {
    /// A member has not been heard of for its session time-out.
    Session { group: Arc<str>, member: Arc<str> },
    /// A member did not come back with the id that it was given.
    Pending { group: Arc<str>, member: Arc<str> },
    /// The time to join is over.
    Join { group: Arc<str> },
    /// The time to fetch the assignment is over.
    Sync { group: Arc<str> },
    /// A member of the consumer protocol has not been heard of for its session time-out.
    ConsumerSession { group: Arc<str>, member: Arc<str> },
    /// A member of the consumer protocol did not give partitions back in time.
    Revocation { group: Arc<str>, member: Arc<str> },
    /// The client has waited long enough for its record.
    Write(WriteToken),
    /// Time to look for expired offsets.
    Expiry,
}

/// The queue.
#[derive(Default, Debug)]
pub(crate) struct Timers {
    queue: BTreeSet<(Moment, Timer)>,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Moment, timer: Timer) {
        self.queue.insert((at, timer));
    }

    pub(crate) fn cancel(&mut self, at: Moment, timer: Timer) {
        let was_set = self.queue.remove(&(at, timer));
        debug_assert!(was_set, "an owner knows its alarm");
    }

    /// As [`Timers::cancel`], for an alarm that may just have rung.
    pub(crate) fn cancel_if_set(&mut self, at: Moment, timer: Timer) {
        self.queue.remove(&(at, timer));
    }

    /// Takes the next alarm that is due.
    pub(crate) fn due(&mut self, now: Moment) -> Option<Timer> {
        if self.queue.first()?.0 > now {
            return None;
        }
        self.queue.pop_first().map(|(_, timer)| timer)
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.queue.first().map(|&(at, _)| at)
    }
}
