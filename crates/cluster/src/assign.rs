//! Which brokers get the replicas of new partitions.
//!
//! Leaders go round the brokers from a random start; the other replicas follow at a distance that
//! grows with each round, so that the partitions of one leader spread over all the others. With racks,
//! no rack gets a second replica before every rack has one. Source: the rules published for Kafka's
//! `AdminUtils`; the placement itself is nowhere part of a protocol.

use crate::znodes::Replicas;
use crate::{BrokerId, Cluster};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

/// Why replicas cannot be placed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CannotAssign {
    /// Partitions below one.
    Partitions(i32),
    /// A replication factor below one.
    ReplicationFactor(i32),
    /// More replicas than live brokers.
    TooFewBrokers {
        /// What was asked.
        wanted: i32,
        /// Live brokers.
        live: usize,
    },
}

/// What to place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placement {
    /// How many new partitions.
    pub partitions: i32,
    /// Replicas of each.
    pub replication_factor: i32,
    /// The number of the first new partition: 0 for a new topic.
    pub first_partition: i32,
    /// A random number that decides where the round starts.
    pub seed: u64,
}

/// Places new partitions on the live brokers of `cluster`.
pub fn assign(cluster: &Cluster, placement: Placement) -> Result<BTreeMap<i32, Replicas>, CannotAssign> {
    let rack = |id: &BrokerId| cluster.brokers().get(id).and_then(|broker| broker.registration.rack.clone());
    let brokers: Vec<BrokerId> = cluster.brokers().keys().copied().collect();
    let racks: Vec<Option<String>> = brokers.iter().map(rack).collect();
    // Kafka refuses a mixture; spreading without racks then is kinder, and loses nothing that was set.
    let racks = racks.into_iter().collect::<Option<Vec<String>>>();
    assign_to(&brokers, racks.as_deref(), placement)
}

/// The same over a given list of brokers; `racks` are theirs, place by place.
pub fn assign_to(
    brokers: &[BrokerId],
    racks: Option<&[String]>,
    placement: Placement,
) -> Result<BTreeMap<i32, Replicas>, CannotAssign> {
    let Placement { partitions, replication_factor, first_partition, seed } = placement;
    if partitions < 1 {
        return Err(CannotAssign::Partitions(partitions));
    }
    let count = usize::try_from(replication_factor).unwrap_or(0);
    if count == 0 {
        return Err(CannotAssign::ReplicationFactor(replication_factor));
    }
    if count > brokers.len() {
        return Err(CannotAssign::TooFewBrokers { wanted: replication_factor, live: brokers.len() });
    }
    // Taking the racks in turn makes neighbours in the ring live in different racks.
    let ring: Vec<(BrokerId, &str)> = match racks {
        None => brokers.iter().map(|id| (*id, "")).collect(),
        Some(racks) => interleaved(brokers, racks),
    };
    let rack_count = ring.iter().map(|(_, rack)| rack).collect::<BTreeSet<_>>().len();
    let (n, start, shift) = (ring.len(), seed as u32 as usize, (seed >> 32) as usize);
    let place = |number: i32| {
        let number = usize::try_from(number).unwrap_or(0);
        let leader = (start + number) % n;
        let round = shift + number / n;
        // All other places in the ring, from one that depends on the round.
        let others = (0..n - 1).map(move |step| (leader + 1 + (round + step) % (n - 1)) % n);
        let mut replicas = vec![ring[leader]];
        for candidate in others.clone().map(|index| ring[index]) {
            let fresh_rack = replicas.iter().all(|(_, rack)| *rack != candidate.1);
            if replicas.len() < count.min(rack_count) && fresh_rack {
                replicas.push(candidate);
            }
        }
        for candidate in others.map(|index| ring[index]) {
            if replicas.len() < count && !replicas.contains(&candidate) {
                replicas.push(candidate);
            }
        }
        Replicas::settled(replicas.into_iter().map(|(id, _)| id).collect())
    };
    Ok((first_partition..first_partition.saturating_add(partitions)).map(|p| (p, place(p))).collect())
}

fn interleaved<'a>(brokers: &[BrokerId], racks: &'a [String]) -> Vec<(BrokerId, &'a str)> {
    let mut by_rack: BTreeMap<&str, VecDeque<BrokerId>> = BTreeMap::new();
    for (id, rack) in brokers.iter().zip(racks) {
        by_rack.entry(rack).or_default().push_back(*id);
    }
    let mut ring = Vec::with_capacity(brokers.len());
    while ring.len() < brokers.len() {
        for (rack, waiting) in &mut by_rack {
            ring.extend(waiting.pop_front().map(|id| (id, *rack)));
        }
    }
    ring
}

impl fmt::Display for CannotAssign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CannotAssign::Partitions(n) => write!(f, "a topic needs at least 1 partition, not {n}"),
            CannotAssign::ReplicationFactor(n) => {
                write!(f, "the replication factor must be at least 1, not {n}")
            }
            CannotAssign::TooFewBrokers { wanted, live } => {
                write!(f, "replication factor {wanted} is larger than the number of live brokers, {live}")
            }
        }
    }
}

impl std::error::Error for CannotAssign {}

#[cfg(test)]
mod tests;
