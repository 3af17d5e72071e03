//! Planted flaws, and within how many ensembles the simulator finds each: it is trusted because it does.
//!
//! Every flaw is looked for twice: looking inside, where the rule that it breaks is checked on the spot,
//! and only from outside, by what follows from it for clients and other members.

use zab::Flaw;

use crate::{Look, run_ensemble};

/// A flaw and where it is found.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// The flaw.
    pub flaw: Flaw,
    /// A seed whose ensemble shows it to who looks inside.
    pub inside: u64,
    /// A seed whose ensemble shows it from outside.
    pub outside: u64,
    /// From seed 0 on, it is found from outside within so many seeds.
    pub within: u64,
}

/// All flaws.
pub const FLAWS: [Found; 8] = [
    Found { flaw: Flaw::AckBeforePersisted, inside: 0, outside: 1, within: 2 },
    Found { flaw: Flaw::NewLeaderAckBeforeHistory, inside: 0, outside: 1, within: 2 },
    Found { flaw: Flaw::EpochBeforeHistory, inside: 0, outside: 36, within: 37 },
    Found { flaw: Flaw::OfferDelivered, inside: 4, outside: 4, within: 5 },
    Found { flaw: Flaw::CommitWithoutQuorum, inside: 0, outside: 1, within: 2 },
    Found { flaw: Flaw::ForgetOutstanding, inside: 0, outside: 0, within: 1 },
    Found { flaw: Flaw::LeadWithoutHistory, inside: 0, outside: 22, within: 23 },
    Found { flaw: Flaw::SyncUnasked, inside: 1, outside: 1, within: 2 },
];

/// The first of `seeds` whose ensemble shows `flaw`, and how.
pub fn search(flaw: Flaw, look: Look, seeds: std::ops::Range<u64>) -> Option<(u64, String)> {
    seeds.into_iter().find_map(|seed| {
        let (violation, _) = run_ensemble(seed, Some(flaw), look).violation?;
        Some((seed, violation.0))
    })
}
