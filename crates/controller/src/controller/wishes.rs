//! Elections that somebody asks for: of preferred leaders, by a tool or to keep the balance, and unclean
//! ones, by an operator who knows what is lost by it.

use super::{Controller, Effect, Office, What};
use crate::election::{Candidates, Elected, Unclean};
use cluster::plan::{self, NextState, Outcome};
use cluster::znodes::PartitionState;
use cluster::{BrokerId, Cluster};
use kafka_wire::ErrorCode;
use std::collections::BTreeMap;
use std::sync::Arc;
use zookeeper_wire::{ErrorCode as KeeperError, Response};

/// A partition by its topic.
pub type Partition = (Arc<str>, i32);

/// What became of an election that was asked for.
pub type Held = (Partition, Result<(), ErrorCode>);

/// Which leader is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// The first of the assignment, if it is alive and in sync.
    Preferred,
    /// Anybody alive, for a partition that nobody in sync can lead.
    Unclean,
}

/// Elections under way that somebody waits for.
#[derive(Default, Debug)]
pub(super) struct Elections {
    open: BTreeMap<u64, Open>,
}

#[derive(Debug)]
struct Open {
    waiting: usize,
    done: Vec<Held>,
}

impl Elections {
    pub(super) fn clear(&mut self, effects: &mut Vec<Effect>) {
        for token in std::mem::take(&mut self.open).into_keys() {
            effects.push(Effect::ElectionsHeld { token, result: Err(ErrorCode::NOT_CONTROLLER) });
        }
    }
}

impl Controller {
    pub(super) fn elect_wished(
        &mut self,
        cluster: &Cluster,
        token: u64,
        wanted: Wanted,
        partitions: Vec<Partition>,
        effects: &mut Vec<Effect>,
    ) {
        let Office::Held { epoch, fence } = self.office else {
            return effects.push(Effect::ElectionsHeld { token, result: Err(ErrorCode::NOT_CONTROLLER) });
        };
        let (mut done, mut waiting) = (Vec::new(), 0);
        for key in partitions {
            let (state, next) = match self.find_wished(cluster, &key, wanted) {
                Err(error) => {
                    done.push((key, Err(error)));
                    continue;
                }
                Ok(found) => found,
            };
            waiting += 1;
            let next = super::duties::next_state(next, state.0.leader_epoch.next(), epoch);
            let next = NextState { topic: key.0.to_string(), partition: key.1, state: next, epoch: state.1 };
            self.electing.insert(key.clone(), state.1);
            for request in plan::set_states(fence, &[next]) {
                self.ask(What::ElectWished { token, key: key.clone() }, request, effects);
            }
        }
        if waiting == 0 {
            return effects.push(Effect::ElectionsHeld { token, result: Ok(done) });
        }
        self.elections.open.insert(token, Open { waiting, done });
    }

    #[allow(clippy::type_complexity, reason = "a state with its version, and what follows it")]
    fn find_wished(
        &self,
        cluster: &Cluster,
        key: &Partition,
        wanted: Wanted,
    ) -> Result<((PartitionState, cluster::PartitionEpoch), Elected), ErrorCode> {
        let view = cluster.partition(&key.0, key.1).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let state = view.state.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        if self.is_deleting(cluster, &key.0) {
            return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        }
        let candidates =
            Candidates { replicas: &view.replicas.all, isr: &state.0.isr, recovery: state.0.recovery };
        let is_fit = |id: BrokerId| cluster.is_live(id) && !self.stopping.contains_key(&id);
        let elected = match wanted {
            Wanted::Preferred if view.replicas.all.first() == Some(&state.0.leader) => {
                return Err(ErrorCode::ELECTION_NOT_NEEDED);
            }
            Wanted::Preferred => {
                candidates.preferred(is_fit).ok_or(ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE)?
            }
            Wanted::Unclean if cluster.is_live(state.0.leader) => {
                return Err(ErrorCode::ELECTION_NOT_NEEDED);
            }
            Wanted::Unclean => candidates
                .offline(is_fit, Unclean::Allowed)
                .ok_or(ErrorCode::ELIGIBLE_LEADERS_NOT_AVAILABLE)?,
        };
        Ok((state.clone(), elected))
    }

    pub(super) fn election_wished_answered(
        &mut self,
        token: u64,
        key: Partition,
        answer: Result<Response, KeeperError>,
        effects: &mut Vec<Effect>,
    ) {
        let result = match self.outcome(answer, effects) {
            Some(Outcome::Done) => Ok(()),
            Some(_) => {
                self.electing.remove(&key);
                Err(ErrorCode::ELIGIBLE_LEADERS_NOT_AVAILABLE)
            }
            None => Err(ErrorCode::NOT_CONTROLLER),
        };
        self.settle_election(token, key, result, effects);
    }

    pub(super) fn settle_election(
        &mut self,
        token: u64,
        key: Partition,
        result: Result<(), ErrorCode>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(open) = self.elections.open.get_mut(&token) else { return };
        open.done.push((key, result));
        open.waiting -= 1;
        if open.waiting == 0
            && let Some(open) = self.elections.open.remove(&token)
        {
            effects.push(Effect::ElectionsHeld { token, result: Ok(open.done) });
        }
    }

    /// Partitions of brokers that lead too few of those that they should lead: more than `percent` of
    /// them are led by another (`leader.imbalance.per.broker.percentage`).
    pub fn imbalanced(&self, cluster: &Cluster, percent: u32) -> Vec<Partition> {
        let mut preferred: BTreeMap<BrokerId, (usize, Vec<Partition>)> = BTreeMap::new();
        for name in cluster.topics().keys().filter(|name| !self.is_deleting(cluster, name)) {
            for (partition, view) in cluster.partitions(name) {
                let (Some(first), Some((state, _))) = (view.replicas.all.first(), view.state) else {
                    continue;
                };
                let (count, elsewhere) = preferred.entry(*first).or_default();
                *count += 1;
                let is_moving = !view.replicas.adding.is_empty() || !view.replicas.removing.is_empty();
                if state.leader != *first && state.isr.contains(first) && !is_moving {
                    elsewhere.push((name.clone(), partition));
                }
            }
        }
        let mut all = Vec::new();
        for (broker, (count, elsewhere)) in preferred {
            let is_fit = cluster.is_live(broker) && !self.stopping.contains_key(&broker);
            if is_fit && elsewhere.len() * 100 > count * percent as usize {
                all.extend(elsewhere);
            }
        }
        all
    }
}
