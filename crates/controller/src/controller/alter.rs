//! AlterPartition: leaders' wishes about in-sync sets, checked and written.
//!
//! The order of the checks is Kafka's; the version of the state's znode decides between two who want
//! something at once. A member whose registration is not the one that the leader knows was born again
//! meanwhile and may have lost records: it is not eligible (KIP-903).

use super::reassignment::is_leaving;
use super::{Controller, Effect, Office, What};
use crate::{Alteration, Altered};
use cluster::plan::{self, NextState, Outcome};
use cluster::znodes::{LeaderRecovery, PartitionState};
use cluster::{BrokerId, Cluster, PartitionEpoch};
use kafka_wire::ErrorCode;
use std::collections::BTreeMap;
use std::sync::Arc;
use zookeeper_wire::{ErrorCode as KeeperError, MultiResult, Response};

/// Requests of leaders whose writes are under way.
#[derive(Default, Debug)]
pub(super) struct Alterations {
    open: BTreeMap<u64, Open>,
}

#[derive(Debug)]
struct Open {
    done: Vec<Altered>,
    waiting: usize,
}

impl Alterations {
    pub(super) fn clear(&mut self, effects: &mut Vec<Effect>) {
        for token in std::mem::take(&mut self.open).into_keys() {
            effects.push(Effect::Altered { token, result: Err(ErrorCode::NOT_CONTROLLER) });
        }
    }
}

impl Controller {
    pub(super) fn alter(
        &mut self,
        cluster: &Cluster,
        token: u64,
        (from, broker_epoch): (BrokerId, i64),
        wishes: Vec<Alteration>,
        effects: &mut Vec<Effect>,
    ) {
        let Office::Held { epoch, fence } = self.office else {
            return effects.push(Effect::Altered { token, result: Err(ErrorCode::NOT_CONTROLLER) });
        };
        if cluster.brokers().get(&from).is_none_or(|broker| broker.epoch.0 != broker_epoch) {
            return effects.push(Effect::Altered { token, result: Err(ErrorCode::STALE_BROKER_EPOCH) });
        }
        let mut open = Open { done: Vec::new(), waiting: 0 };
        let mut asks = Vec::new();
        for wish in wishes {
            let altered = |result| Altered {
                topic: wish.topic.clone(),
                topic_id: wish.topic_id,
                partition: wish.partition,
                result,
            };
            match self.check_wish(cluster, from, &wish) {
                Err(error) => open.done.push(altered(Err(error))),
                Ok(Checked::Already(state, version)) => open.done.push(altered(Ok((state, version)))),
                Ok(Checked::Write(mut state)) => {
                    state.controller_epoch = epoch;
                    open.waiting += 1;
                    asks.push((wish, state));
                }
            }
        }
        if open.waiting == 0 {
            return effects.push(Effect::Altered { token, result: Ok(open.done) });
        }
        self.alterations.open.insert(token, open);
        for (wish, state) in asks {
            let topic = cluster_name(cluster, &wish);
            let next = NextState {
                topic,
                partition: wish.partition,
                state: state.clone(),
                epoch: wish.partition_epoch,
            };
            for request in plan::set_states(fence, &[next]) {
                let what =
                    What::Alter { token, wish: Box::new(wish.clone()), state: Box::new(state.clone()) };
                self.ask(what, request, effects);
            }
        }
    }

    fn check_wish(&self, cluster: &Cluster, from: BrokerId, wish: &Alteration) -> Result<Checked, ErrorCode> {
        let name = match wish.topic_id {
            Some(id) => cluster.topic_name(id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)?.to_string(),
            None => wish.topic.to_string(),
        };
        let view = cluster.partition(&name, wish.partition).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let (state, version) = view.state.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        if wish.leader_epoch > state.leader_epoch || wish.partition_epoch > *version {
            // The leader knows more than this controller's view does yet.
            return Err(ErrorCode::NOT_CONTROLLER);
        }
        if wish.leader_epoch < state.leader_epoch {
            return Err(ErrorCode::FENCED_LEADER_EPOCH);
        }
        if state.leader != from {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let isr: Vec<BrokerId> = wish.isr.iter().map(|(id, _)| *id).collect();
        let recovery = if wish.recovering { LeaderRecovery::Recovering } else { LeaderRecovery::Recovered };
        if isr == state.isr && recovery == state.recovery {
            return Ok(Checked::Already(state.clone(), *version));
        }
        if wish.partition_epoch < *version {
            return Err(ErrorCode::INVALID_UPDATE_VERSION);
        }
        let is_recovered = state.recovery == LeaderRecovery::Recovered;
        let twice = (1..isr.len()).any(|n| isr[..n].contains(&isr[n]));
        let is_wrong = twice || (wish.recovering && (isr.len() > 1 || is_recovered)) || !isr.contains(&from);
        if is_wrong || isr.iter().any(|id| !view.replicas.all.contains(id)) {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let is_eligible = |(id, epoch): &(BrokerId, i64)| {
            let joins = !state.isr.contains(id);
            let live = cluster.brokers().get(id).map(|broker| broker.epoch.0);
            let key = (Arc::from(name.as_str()), wish.partition);
            live.is_some_and(|live| *epoch == -1 || *epoch == live)
                && (!joins || self.is_usable(cluster, &key, *id))
                && !(joins && (self.stopping.contains_key(id) || is_leaving(view.replicas, &isr, *id)))
        };
        if !wish.isr.iter().all(is_eligible) {
            return Err(ErrorCode::INELIGIBLE_REPLICA);
        }
        Ok(Checked::Write(PartitionState { isr, recovery, ..state.clone() }))
    }

    pub(super) fn alter_answered(
        &mut self,
        cluster: &Cluster,
        (token, wish): (u64, Alteration),
        state: PartitionState,
        answer: Result<Response, KeeperError>,
        effects: &mut Vec<Effect>,
    ) {
        let name = cluster_name(cluster, &wish);
        let version = match &answer {
            Ok(Response::Multi(results)) => match results.last() {
                Some(MultiResult::SetData(stat)) => Some(PartitionEpoch(stat.version)),
                _ => None,
            },
            _ => None,
        };
        let result = match (self.outcome(answer, effects), version) {
            (Some(Outcome::Done), Some(version)) => {
                self.altered.insert((name.into(), wish.partition), version);
                Ok((state, version))
            }
            (Some(Outcome::Failed { error: KeeperError::BAD_VERSION, .. }), _) => {
                Err(ErrorCode::INVALID_UPDATE_VERSION)
            }
            (Some(Outcome::Failed { error: KeeperError::NO_NODE, .. }), _) => {
                Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
            }
            _ => Err(ErrorCode::NOT_CONTROLLER),
        };
        self.settle_wish(token, &wish, result, effects);
    }

    pub(super) fn settle_wish(
        &mut self,
        token: u64,
        wish: &Alteration,
        result: Result<(PartitionState, PartitionEpoch), ErrorCode>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(open) = self.alterations.open.get_mut(&token) else { return };
        let topic = wish.topic.clone();
        open.done.push(Altered { topic, topic_id: wish.topic_id, partition: wish.partition, result });
        open.waiting -= 1;
        if open.waiting == 0
            && let Some(open) = self.alterations.open.remove(&token)
        {
            effects.push(Effect::Altered { token, result: Ok(open.done) });
        }
    }
}

enum Checked {
    Already(PartitionState, PartitionEpoch),
    Write(PartitionState),
}

fn cluster_name(cluster: &Cluster, wish: &Alteration) -> String {
    let by_id = wish.topic_id.and_then(|id| cluster.topic_name(id));
    by_id.map_or_else(|| wish.topic.to_string(), |name| name.to_string())
}
