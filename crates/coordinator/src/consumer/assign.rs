//! The server's assignors: who should have which partitions.
//!
//! `uniform` gives all the same number and moves as little as it can; `range` gives each member the same
//! stretch of every topic. Neither looks at racks, as Kafka's do not.

mod range;
#[cfg(test)]
mod tests;
mod uniform;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka_wire::Uuid;

use super::Assignment;

/// An assignor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Assignor {
    /// Equal shares, few moves.
    Uniform,
    /// Stretches of consecutive partitions, the same for all topics of equal size.
    Range,
}

/// A member as an assignor sees it.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) id: Arc<str>,
    pub(crate) instance_id: Option<String>,
    /// Topics that it subscribes to and that exist.
    pub(crate) topics: Arc<BTreeSet<Uuid>>,
    /// Its target until now.
    pub(crate) before: Arc<Assignment>,
}

impl Assignor {
    /// By the name that members know it by, or that of Kafka's class.
    pub fn named(name: &str) -> Option<Assignor> {
        match name.trim() {
            "uniform" | "org.apache.kafka.coordinator.group.assignor.UniformAssignor" => {
                Some(Assignor::Uniform)
            }
            "range" | "org.apache.kafka.coordinator.group.assignor.RangeAssignor" => Some(Assignor::Range),
            _ => None,
        }
    }

    /// The name that members know it by.
    pub const fn name(self) -> &'static str {
        match self {
            Assignor::Uniform => "uniform",
            Assignor::Range => "range",
        }
    }

    /// The targets, in the order of the candidates. `partitions` has the size of every topic that a
    /// candidate names.
    pub(crate) fn assign(
        self,
        candidates: &[Candidate],
        partitions: &BTreeMap<Uuid, i32>,
    ) -> Vec<Assignment> {
        if candidates.is_empty() {
            return Vec::new();
        }
        let first = &candidates[0].topics;
        let is_homogeneous = candidates.iter().all(|candidate| candidate.topics == *first);
        match self {
            Assignor::Range => range::assign(candidates, partitions),
            Assignor::Uniform if is_homogeneous => uniform::assign_equals(candidates, partitions),
            Assignor::Uniform => uniform::assign_different(candidates, partitions),
        }
    }
}
