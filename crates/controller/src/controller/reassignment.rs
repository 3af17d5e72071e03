//! Reassignment: partitions on their way to other brokers.
//!
//! What is wanted is in the topic's znode (all replicas, those being added, those being removed), so a
//! controller that takes over goes on from there. In order: the leader's epoch goes up, so that all learn
//! of the new replicas; when every target is in sync, leader and in-sync set shrink to the targets; the
//! others stop and delete their logs; the znode is written with the targets alone; the epoch goes up once
//! more, so that the leader forgets those who left.

use super::{Controller, Effect, Office, What};
use crate::election::Candidates;
use cluster::plan::{self, NextState};
use cluster::znodes::Replicas;
use cluster::{BrokerId, Cluster};
use std::sync::Arc;

/// The replicas that stay.
fn targets(replicas: &Replicas) -> Vec<BrokerId> {
    replicas.all.iter().copied().filter(|id| !replicas.removing.contains(id)).collect()
}

fn is_moving(replicas: &Replicas) -> bool {
    !replicas.adding.is_empty() || !replicas.removing.is_empty()
}

/// What a partition's replicas become when they shall be `wanted`, which replaces a reassignment under way.
pub fn reassigned(now: &Replicas, wanted: &[BrokerId]) -> Replicas {
    let origin: Vec<BrokerId> = now.all.iter().copied().filter(|id| !now.adding.contains(id)).collect();
    let mut all = wanted.to_vec();
    all.extend(origin.iter().copied().filter(|id| !wanted.contains(id)));
    Replicas {
        adding: all.iter().copied().filter(|id| !origin.contains(id)).collect(),
        removing: origin.iter().copied().filter(|id| !wanted.contains(id)).collect(),
        all,
    }
}

/// What a partition's replicas become when a reassignment is called off; `None` if there is none.
pub fn called_off(now: &Replicas) -> Option<Replicas> {
    let origin: Vec<BrokerId> = now.all.iter().copied().filter(|id| !now.adding.contains(id)).collect();
    is_moving(now).then(|| Replicas::settled(origin))
}

/// Whether a partition has come so far that those who leave must not come back.
pub(super) fn is_leaving(replicas: &Replicas, isr: &[BrokerId], id: BrokerId) -> bool {
    replicas.removing.contains(&id) && targets(replicas).iter().all(|target| isr.contains(target))
}

impl Controller {
    /// Takes the next step of each reassignment of a topic.
    pub(super) fn move_on(&mut self, cluster: &Cluster, topic: &Arc<str>, effects: &mut Vec<Effect>) {
        let Office::Held { epoch, fence } = self.office else { return };
        let Some(found) = cluster.topic(topic) else { return };
        let mut next = Vec::new();
        let mut node = found.node.clone();
        let mut stops: Vec<(BrokerId, i32)> = Vec::new();
        for (partition, view) in cluster.partitions(topic) {
            let key = (topic.clone(), partition);
            let Some((state, version)) = view.state else { continue };
            let known = self.moving.get(&key);
            if !is_moving(view.replicas) && known.is_none() || self.electing.get(&key) == Some(version) {
                continue;
            }
            let mut wanted = state.clone();
            if known != Some(view.replicas) {
                // All must learn of the replicas as they are now. Those that are none any more stop.
                let gone = known.map(|known| known.all.iter().filter(|id| !view.replicas.all.contains(id)));
                stops.extend(gone.into_iter().flatten().map(|id| (*id, partition)));
                wanted.isr.retain(|id| view.replicas.all.contains(id));
                if !view.replicas.all.contains(&wanted.leader) || wanted.isr.is_empty() {
                    // A reassignment was called off under a leader that it added.
                    let isr = &state.isr;
                    let candidates =
                        Candidates { replicas: &view.replicas.all, isr, recovery: state.recovery };
                    let Some(elected) = candidates.reassigned(&view.replicas.all, |id| cluster.is_live(id))
                    else {
                        continue;
                    };
                    wanted.leader = elected.leader;
                }
                self.moving.insert(key.clone(), view.replicas.clone());
            } else if !is_moving(view.replicas) {
                self.moving.remove(&key);
                continue;
            } else {
                let targets = targets(view.replicas);
                if !targets.iter().all(|id| state.isr.contains(id)) {
                    continue;
                }
                if targets.contains(&state.leader) && state.isr.iter().all(|id| targets.contains(id)) {
                    stops.extend(view.replicas.removing.iter().map(|id| (*id, partition)));
                    node.partitions.insert(partition, Replicas::settled(targets));
                    continue;
                }
                let candidates =
                    Candidates { replicas: &view.replicas.all, isr: &state.isr, recovery: state.recovery };
                if !targets.contains(&state.leader) {
                    let Some(elected) = candidates.reassigned(&targets, |id| cluster.is_live(id)) else {
                        continue;
                    };
                    wanted.leader = elected.leader;
                }
                wanted.isr.retain(|id| targets.contains(id));
            }
            wanted.leader_epoch = state.leader_epoch.next();
            wanted.controller_epoch = epoch;
            self.electing.insert(key, *version);
            next.push(NextState { topic: topic.to_string(), partition, state: wanted, epoch: *version });
        }
        for (broker, partition) in stops {
            self.stop(cluster, broker, vec![(topic.clone(), partition)], effects);
        }
        for chunk in next.chunks(super::duties::STATES_PER_ASK) {
            for request in plan::set_states(fence, chunk) {
                let about = chunk.iter().map(|next| (Arc::from(next.topic.as_str()), next.partition));
                self.ask(What::SetStates(about.collect()), request, effects);
            }
        }
        if node != found.node {
            let request = plan::set_assignment(Some(fence), topic, &node, found.version);
            self.ask(What::SetAssignment(topic.clone()), request, effects);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[i32]) -> Vec<BrokerId> {
        ids.iter().copied().map(BrokerId).collect()
    }

    #[test]
    fn a_reassignment_names_who_comes_and_who_goes() {
        let check = |before: &Replicas, wanted: &[i32], expect: [&[i32]; 3]| {
            let after = reassigned(before, &ids(wanted));
            assert_eq!(after.all, ids(expect[0]));
            assert_eq!(after.adding, ids(expect[1]));
            assert_eq!(after.removing, ids(expect[2]));
            after
        };
        let settled = Replicas::settled(ids(&[1, 2, 3]));
        let moving = check(&settled, &[4, 2], [&[4, 2, 1, 3], &[4], &[1, 3]]);
        assert_eq!(targets(&moving), ids(&[4, 2]));
        // Another one before the first is over counts from where the first began.
        check(&moving, &[5, 1], [&[5, 1, 2, 3], &[5], &[2, 3]]);
        assert_eq!(called_off(&moving), Some(Replicas::settled(ids(&[2, 1, 3]))));
        assert_eq!(called_off(&settled), None);
        check(&settled, &[3, 2, 1], [&[3, 2, 1], &[], &[]]);
        assert!(is_leaving(&moving, &ids(&[4, 2]), BrokerId(1)));
        assert!(!is_leaving(&moving, &ids(&[2]), BrokerId(1)));
    }
}
