//! What happens to a member that is worth counting, and changes nothing. Whoever runs a
//! [`Peer`](crate::Peer) may look at it after each step, or not.

use clock::Span;

use crate::SyncMode;

/// Something that the last step brought about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Observation {
    /// We look for a leader.
    Looked,
    /// The search is over, and we vote.
    Elected {
        /// How long it was.
        took: Span,
    },
    /// We were elected and give it up at once: a voter that should follow looks for a leader again.
    Deserted,
    /// We have our leader's history, and may serve.
    Synchronized {
        /// How long that was, from when we accepted the leader's epoch.
        took: Span,
    },
    /// A learner is being brought up to date from now on.
    Teaching {
        /// In which way.
        mode: SyncMode,
        /// How many are, in this way (by transactions, or by the state), and with this one.
        under_way: usize,
    },
    /// A learner is up to date.
    Taught {
        /// In which way it was brought there.
        mode: SyncMode,
        /// How many others still are, in this way.
        under_way: usize,
    },
}
