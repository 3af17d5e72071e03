//! Defects that a simulator can plant, to prove that its checks can fail. Each is one that servers of
//! this protocol have had in the field. Nothing but a simulator sets one.

/// A defect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// A follower acknowledges a transaction when it hands it to the log (ZOOKEEPER-4646 in broadcast).
    AckBeforePersisted,
    /// A follower acknowledges the new leader without waiting for its history to be durable
    /// (ZOOKEEPER-3911, 4646).
    NewLeaderAckBeforeHistory,
    /// The current epoch is written before the history that belongs to it (ZOOKEEPER-4643).
    EpochBeforeHistory,
    /// Votes go by what was applied, not by what is in the log (ZOOKEEPER-2845).
    OfferDelivered,
    /// A leader commits what it alone has.
    CommitWithoutQuorum,
    /// A leader brings a learner up to date without what is outstanding (ZOOKEEPER-4925 in effect).
    ForgetOutstanding,
    /// The leader of an epoch that a quorum has not acknowledged serves.
    LeadWithoutHistory,
    /// A follower answers a sync without asking its leader.
    SyncUnasked,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Flaw; 8] = [
        Flaw::AckBeforePersisted,
        Flaw::NewLeaderAckBeforeHistory,
        Flaw::EpochBeforeHistory,
        Flaw::OfferDelivered,
        Flaw::CommitWithoutQuorum,
        Flaw::ForgetOutstanding,
        Flaw::LeadWithoutHistory,
        Flaw::SyncUnasked,
    ];
}
