//! What every topic needs of the controller: an id, first states, leaders that are alive.

use super::{Controller, Effect, Office, What};
use crate::LeaderAndIsr;
use crate::election::{Candidates, Elected, Unclean};
use crate::limits::NEW_STATES_UNDER_WAY_MAX;
use cluster::plan::{self, NewState, NextState, Outcome, Parents};
use cluster::znodes::{LeaderRecovery, PartitionState, Replicas};
use cluster::{Cluster, ControllerEpoch, LeaderEpoch};
use std::sync::Arc;
use zookeeper_wire::ErrorCode;

impl Controller {
    /// A state is in the view: what was asked for is done, and those concerned must know.
    pub(super) fn state_seen(
        &mut self,
        cluster: &Cluster,
        topic: &Arc<str>,
        partition: i32,
        effects: &mut Vec<Effect>,
    ) {
        let key = (topic.clone(), partition);
        let was_creating = self.creating.remove(&key);
        self.electing.remove(&key);
        self.state_was_written(&key);
        if self.is_deleting(cluster, topic) {
            return;
        }
        let version = cluster.partition_state(topic, partition).map(|(_, version)| *version);
        // A leader's own wish: nobody has to do anything about it.
        let is_known = self.altered.remove(&key).is_some_and(|altered| Some(altered) == version);
        if let Some(order) = self.order(cluster, topic, partition).filter(|_| !is_known) {
            for replica in order.replicas.clone() {
                // One that is added and not in sync has nothing that anybody counts on. Should the broker hold it
                // nevertheless, it was told so before, with all else, when it or this controller began.
                let is_added = order.adding.contains(&replica) && !order.state.isr.contains(&replica);
                let is_new = was_creating || is_added;
                self.send_orders(cluster, replica, vec![LeaderAndIsr { is_new, ..order.clone() }], effects);
            }
        }
        self.elect_offline(cluster, &[key], effects);
        self.move_on(cluster, topic, effects);
        // The rest of a topic too large to be made at once.
        if was_creating && !self.creating.iter().any(|(creating, _)| creating == topic) {
            self.tend(cluster, topic, effects);
        }
    }

    pub(super) fn is_deleting(&self, cluster: &Cluster, topic: &str) -> bool {
        cluster.deleting().contains(topic) || self.deletions.contains(topic)
    }

    pub(super) fn do_all_duties(&mut self, cluster: &Cluster, effects: &mut Vec<Effect>) {
        for name in cluster.deleting() {
            self.delete_if_wished(cluster, name, effects);
        }
        for name in cluster.topics().keys() {
            self.tend(cluster, name, effects);
        }
    }

    /// Gives a topic what it lacks: an id, first states, leaders.
    pub(super) fn tend(&mut self, cluster: &Cluster, name: &str, effects: &mut Vec<Effect>) {
        let (Some(fence), Some((name, topic))) = (self.fence(), cluster.topics().get_key_value(name)) else {
            return;
        };
        if self.is_deleting(cluster, name) {
            return self.delete_if_wished(cluster, name, effects);
        }
        if topic.node.id.is_none() {
            let mut node = topic.node.clone();
            node.id = Some(cluster::TopicId::random(|| self.random.u64(..)));
            let request = plan::set_assignment(Some(fence), name, &node, topic.version);
            return self.ask(What::SetAssignment(name.clone()), request, effects);
        }
        let lacking = cluster.partitions(name).filter(|(_, view)| view.state.is_none());
        let lacking: Vec<_> = lacking
            .map(|(partition, _)| partition)
            .filter(|partition| !self.creating.contains(&(name.clone(), *partition)))
            .take(NEW_STATES_UNDER_WAY_MAX)
            .collect();
        if !lacking.is_empty() {
            let has_some = cluster.partition_states(name).next().is_some()
                || self.creating.iter().any(|(creating, _)| creating == name);
            let parents = if has_some { Parents::PartitionsOnly } else { Parents::Missing };
            self.create_states(cluster, name, &lacking, parents, effects);
        }
        let all: Vec<_> = cluster.partitions(name).map(|(partition, _)| (name.clone(), partition)).collect();
        self.elect_offline(cluster, &all, effects);
        self.move_on(cluster, name, effects);
    }

    pub(super) fn create_states(
        &mut self,
        cluster: &Cluster,
        topic: &Arc<str>,
        partitions: &[i32],
        parents: Parents,
        effects: &mut Vec<Effect>,
    ) {
        let Office::Held { epoch, fence } = self.office else { return };
        let first_state = |partition: &i32| {
            let view = cluster.partition(topic, *partition)?;
            let candidates =
                Candidates { replicas: &view.replicas.all, isr: &[], recovery: LeaderRecovery::Recovered };
            let elected = candidates.first(|id| cluster.is_live(id))?;
            let state = next_state(elected, LeaderEpoch(0), epoch);
            Some(NewState { partition: *partition, state })
        };
        let states: Vec<NewState> = partitions.iter().filter_map(first_state).collect();
        self.creating.extend(states.iter().map(|new| (topic.clone(), new.partition)));
        let mut parents = parents;
        let mut rest = &states[..];
        // One plan may take several multis; each is asked with the partitions it is about.
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(STATES_PER_ASK));
            for request in plan::create_states(fence, topic, now, parents) {
                let partitions = now.iter().map(|new| new.partition).collect();
                self.ask(What::CreateStates { topic: topic.clone(), partitions }, request, effects);
            }
            if parents == Parents::Missing {
                parents = Parents::PartitionsOnly;
            }
            rest = later;
        }
    }

    /// Something of it exists: left by a controller that made the znodes one by one, or written by one
    /// that we have not heard of yet. Makes what is above the states and then those that the view lacks.
    pub(super) fn create_failed(
        &mut self,
        cluster: &Cluster,
        topic: &Arc<str>,
        partitions: Vec<i32>,
        outcome: Outcome,
        effects: &mut Vec<Effect>,
    ) {
        for partition in &partitions {
            self.creating.remove(&(topic.clone(), *partition));
        }
        let Outcome::Failed { error, .. } = outcome else { return };
        let lacking: Vec<_> = partitions
            .into_iter()
            .filter(|p| cluster.partition(topic, *p).is_some_and(|view| view.state.is_none()))
            .collect();
        match error {
            ErrorCode::NODE_EXISTS if !lacking.is_empty() => {
                for request in plan::create_parents(topic, lacking.iter().copied()) {
                    self.ask(What::CreateParent, request, effects);
                }
                for partition in lacking {
                    // Alone, so that one that exists does not keep the others from being made.
                    self.create_states(cluster, topic, &[partition], Parents::Present, effects);
                }
            }
            // A state exists that the view has not shown yet, or the topic is gone: the view will tell.
            ErrorCode::NODE_EXISTS | ErrorCode::NO_NODE => {}
            error => effects.push(Effect::Note(format!("topic {topic}: no leaders could be set: {error}"))),
        }
    }

    /// Elects leaders for those of `partitions` whose leader is not alive or about to stop, and takes
    /// those out of in-sync sets who are not there any more.
    pub(super) fn elect_offline(
        &mut self,
        cluster: &Cluster,
        partitions: &[(Arc<str>, i32)],
        effects: &mut Vec<Effect>,
    ) {
        let Office::Held { epoch, fence } = self.office else { return };
        let mut next = Vec::new();
        for key in partitions {
            let (topic, partition) = key;
            let Some(view) = cluster.partition(topic, *partition) else { continue };
            let Some((state, version)) = view.state else { continue };
            if self.electing.get(key) == Some(version) {
                continue;
            }
            let Some(elected) = self.elect_better(cluster, key, &view.replicas.all, state) else { continue };
            self.electing.insert(key.clone(), *version);
            let state = next_state(elected, state.leader_epoch.next(), epoch);
            next.push(NextState { topic: topic.to_string(), partition: *partition, state, epoch: *version });
        }
        for chunk in next.chunks(STATES_PER_ASK) {
            for request in plan::set_states(fence, chunk) {
                let about = chunk.iter().map(|next| (Arc::from(next.topic.as_str()), next.partition));
                self.ask(What::SetStates(about.collect()), request, effects);
            }
        }
    }

    /// Somebody wrote one of the states in between: all but that one are tried again; that one comes
    /// with the view.
    pub(super) fn set_failed(
        &mut self,
        cluster: &Cluster,
        mut partitions: Vec<(Arc<str>, i32)>,
        op: usize,
        effects: &mut Vec<Effect>,
    ) {
        for key in &partitions {
            // Whoever had to be told of a reassignment was not.
            if let Some(told) = self.moving.get_mut(key) {
                *told = Replicas::default();
            }
        }
        // Operation 0 is the fence.
        if (1..=partitions.len()).contains(&op) {
            partitions.remove(op - 1);
        }
        for key in &partitions {
            self.electing.remove(key);
        }
        self.elect_offline(cluster, &partitions, effects);
        let topics: std::collections::BTreeSet<_> = partitions.into_iter().map(|(topic, _)| topic).collect();
        for topic in topics {
            self.move_on(cluster, &topic, effects);
        }
    }
}

/// States in one ask: each multi then fits, parents included, so that an ask is one multi.
pub(super) const STATES_PER_ASK: usize = 500;

const _: () = assert!(2 * STATES_PER_ASK + 2 <= cluster::limits::OPS_PER_MULTI_MAX);
// A state with its path takes under 450 bytes for names of 249 characters and few replicas.
const _: () = assert!(STATES_PER_ASK * 1000 <= cluster::limits::BYTES_PER_MULTI_MAX);

pub(super) fn next_state(
    elected: Elected,
    leader_epoch: LeaderEpoch,
    controller_epoch: ControllerEpoch,
) -> PartitionState {
    let Elected { leader, isr, recovery } = elected;
    PartitionState { leader, leader_epoch, isr, controller_epoch, recovery }
}

/// The topic's own setting, else that of all brokers.
pub(super) fn unclean_allowed(cluster: &Cluster, topic: &str) -> Unclean {
    const KEY: &str = "unclean.leader.election.enable";
    let own = cluster.topic_config(topic).and_then(|config| config.value(KEY));
    let common = || cluster.broker_config(None).and_then(|config| config.value(KEY));
    match own.or_else(common) {
        Some(value) if value.trim().eq_ignore_ascii_case("true") => Unclean::Allowed,
        _ => Unclean::Forbidden,
    }
}
