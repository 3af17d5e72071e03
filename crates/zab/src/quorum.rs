//! Which sets of servers may decide. Any two quorums of one kind have a member in common: that is all
//! that the rest of Zab needs of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::ServerId;

/// A quorum system over the voters of an ensemble.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Quorum {
    /// More than half of the voters.
    Majority {
        /// Who votes.
        voters: BTreeSet<ServerId>,
    },
    /// More than half of the groups, each by more than half of its weight. Members of weight 0 are
    /// voters that never count; a group of weight 0 is left out of the count of groups.
    Hierarchical {
        /// The members of each group with their weights.
        groups: BTreeMap<i64, BTreeMap<ServerId, u64>>,
    },
}

impl Quorum {
    /// A majority of `voters`.
    pub fn majority(voters: impl IntoIterator<Item = ServerId>) -> Quorum {
        Quorum::Majority { voters: voters.into_iter().collect() }
    }

    /// Who votes.
    pub fn voters(&self) -> BTreeSet<ServerId> {
        match self {
            Quorum::Majority { voters } => voters.clone(),
            Quorum::Hierarchical { groups } => groups.values().flat_map(|g| g.keys().copied()).collect(),
        }
    }

    /// Whether `server` votes.
    pub fn has_voter(&self, server: ServerId) -> bool {
        match self {
            Quorum::Majority { voters } => voters.contains(&server),
            Quorum::Hierarchical { groups } => groups.values().any(|members| members.contains_key(&server)),
        }
    }

    /// The weight of a vote by `server`; 0 for a server that does not vote.
    pub fn weight(&self, server: ServerId) -> u64 {
        match self {
            Quorum::Majority { voters } => u64::from(voters.contains(&server)),
            Quorum::Hierarchical { groups } => {
                groups.values().find_map(|members| members.get(&server)).copied().unwrap_or(0)
            }
        }
    }

    /// Whether those who said yes are enough. Servers that do not vote are not counted.
    pub fn is_met_by(&self, yes: &BTreeSet<ServerId>) -> bool {
        match self {
            Quorum::Majority { voters } => voters.intersection(yes).count() > voters.len() / 2,
            Quorum::Hierarchical { groups } => {
                let mut weighty = 0;
                let mut won = 0;
                for members in groups.values() {
                    let whole: u64 = members.values().sum();
                    let part: u64 =
                        members.iter().filter(|(server, _)| yes.contains(server)).map(|(_, w)| w).sum();
                    weighty += usize::from(whole > 0);
                    won += usize::from(part > whole / 2);
                }
                won > weighty / 2
            }
        }
    }
}

#[cfg(test)]
mod tests;
