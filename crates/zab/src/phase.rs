//! How far a member is in its part, for people: what monitoring shows as the state of a peer.

use std::fmt;

/// What a member does, and how far it is with that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// It has no leader, or waits for its disk before it looks for one.
    Looking,
    /// It was elected.
    Leading(Progress),
    /// It follows who was elected.
    Following(Progress),
    /// It observes whom the others follow.
    Observing(Progress),
}

/// The steps from an election to service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// A leader and a quorum agree on an epoch.
    Discovery,
    /// They come to have one history; a learner says how, from when it was told until it has it.
    Synchronization(Option<SyncMode>),
    /// Transactions are put in order.
    Broadcast,
}

/// How a learner comes to have its leader's history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SyncMode {
    /// It is sent the transactions that it lacks.
    Diff,
    /// It forgets some first.
    Trunc,
    /// It is sent the whole state.
    Snap,
}

impl Phase {
    /// How far it is; `None` for one without a leader.
    pub fn progress(self) -> Option<Progress> {
        match self {
            Phase::Looking => None,
            Phase::Leading(progress) | Phase::Following(progress) | Phase::Observing(progress) => {
                Some(progress)
            }
        }
    }
}

/// As the original words it, such as `following - synchronization - diff`. Source:
/// `QuorumPeer.getDetailedPeerState`.
impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Looking => "looking",
            Phase::Leading(_) => "leading",
            Phase::Following(_) => "following",
            Phase::Observing(_) => "observing",
        })?;
        let Some(progress) = self.progress() else { return Ok(()) };
        write!(f, " - {progress}")?;
        match progress {
            Progress::Synchronization(Some(mode)) => write!(f, " - {mode}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Progress::Discovery => "discovery",
            Progress::Synchronization(_) => "synchronization",
            Progress::Broadcast => "broadcast",
        })
    }
}

impl fmt::Display for SyncMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SyncMode::Diff => "diff",
            SyncMode::Trunc => "trunc",
            SyncMode::Snap => "snap",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_worded_as_the_original_words_them() {
        let check = |phase: Phase, expect: &str| assert_eq!(phase.to_string(), expect);
        check(Phase::Looking, "looking");
        check(Phase::Leading(Progress::Discovery), "leading - discovery");
        check(Phase::Leading(Progress::Synchronization(None)), "leading - synchronization");
        check(Phase::Following(Progress::Broadcast), "following - broadcast");
        let snap = Progress::Synchronization(Some(SyncMode::Snap));
        check(Phase::Observing(snap), "observing - synchronization - snap");
    }
}
