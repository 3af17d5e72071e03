//! Who counts as alive: registered, in the same life as before, and not about to stop.
//!
//! A broker that was started again between two looks at the view was dead in between: for each partition
//! that it led or was in sync with, it counts as dead until another state was written. One that says
//! that it will stop hands over first and goes then.

use super::{Controller, Effect, Partition, What};
use crate::election::{Candidates, Elected, Unclean};
use cluster::plan;
use cluster::znodes::PartitionState;
use cluster::{BrokerEpoch, BrokerId, Cluster};
use std::sync::Arc;

impl Controller {
    /// Compares a broker's life with the one that is known.
    pub(super) fn life_changed(&mut self, cluster: &Cluster, id: BrokerId) {
        let now = cluster.brokers().get(&id).map(|broker| broker.epoch);
        let before = match now {
            Some(epoch) => self.lives.insert(id, epoch),
            None => self.lives.remove(&id),
        };
        if before != now {
            self.failed.remove(&id);
        }
        if self.stopping.get(&id).is_some_and(|epoch| Some(*epoch) != now) {
            self.stopping.remove(&id);
        }
        if now.is_none() || before.is_none() || before == now {
            self.reborn.remove(&id);
            return;
        }
        let mut concerned = std::collections::BTreeSet::new();
        for name in cluster.topics().keys() {
            for (partition, (state, _)) in cluster.partition_states(name) {
                if state.leader == id || state.isr.contains(&id) {
                    concerned.insert((name.clone(), partition));
                }
            }
        }
        self.reborn.insert(id, concerned);
    }

    /// Another state of the partition is in the view: whoever was born again counts in it again.
    pub(super) fn state_was_written(&mut self, key: &(Arc<str>, i32)) {
        for concerned in self.reborn.values_mut() {
            concerned.remove(key);
        }
    }

    /// A broker told that a log directory failed: the answers to its orders tell which replicas were in it.
    pub(super) fn log_dir_failed(&mut self, cluster: &Cluster, name: &str, effects: &mut Vec<Effect>) {
        let (Some(fence), Some(event)) = (self.fence(), cluster.log_dir_events().get(name)) else { return };
        self.order_all(cluster, event.broker, effects);
        self.ask(What::ForgetLogDirEvent, plan::forget_log_dir_event(fence, name), effects);
    }

    /// Others lead and are in sync in the place of replicas that failed.
    pub(super) fn replicas_failed(
        &mut self,
        cluster: &Cluster,
        broker: BrokerId,
        partitions: Vec<Partition>,
        effects: &mut Vec<Effect>,
    ) {
        if self.epoch().is_none() || !cluster.is_live(broker) {
            return;
        }
        let known = self.failed.entry(broker).or_default();
        let new: Vec<Partition> = partitions.into_iter().filter(|key| known.insert(key.clone())).collect();
        self.elect_offline(cluster, &new, effects);
    }

    /// Whether a replica can be used: its broker is alive, and so is its disk.
    pub(super) fn is_usable(&self, cluster: &Cluster, key: &Partition, id: BrokerId) -> bool {
        cluster.is_live(id) && !self.failed.get(&id).is_some_and(|failed| failed.contains(key))
    }

    pub(super) fn stops(
        &mut self,
        cluster: &Cluster,
        broker: BrokerId,
        epoch: BrokerEpoch,
        effects: &mut Vec<Effect>,
    ) {
        if self.epoch().is_some() && cluster.brokers().get(&broker).is_some_and(|live| live.epoch == epoch) {
            self.stopping.insert(broker, epoch);
            self.do_all_duties(cluster, effects);
        }
    }

    /// Partitions that a broker leads although others could.
    pub fn led_by(cluster: &Cluster, broker: BrokerId) -> Vec<(Arc<str>, i32)> {
        let mut led = Vec::new();
        for name in cluster.topics().keys() {
            for (partition, view) in cluster.partitions(name) {
                let leads = view.state.is_some_and(|(state, _)| state.leader == broker);
                if leads && view.replicas.all.len() > 1 {
                    led.push((name.clone(), partition));
                }
            }
        }
        led
    }

    /// Who shall lead and be in sync instead, if the state is not as it should be.
    pub(super) fn elect_better(
        &self,
        cluster: &Cluster,
        key: &(Arc<str>, i32),
        replicas: &[BrokerId],
        state: &PartitionState,
    ) -> Option<Elected> {
        let is_reborn = |id: BrokerId| self.reborn.get(&id).is_some_and(|concerned| concerned.contains(key));
        let is_alive = |id: BrokerId| self.is_usable(cluster, key, id) && !is_reborn(id);
        let is_stopping = |id: BrokerId| self.stopping.contains_key(&id);
        let candidates = Candidates { replicas, isr: &state.isr, recovery: state.recovery };
        if is_alive(state.leader) && is_stopping(state.leader) {
            return candidates.controlled_shutdown(is_alive, is_stopping);
        }
        if is_alive(state.leader) {
            // The leader stays; who is gone or going is not waited for.
            let stays = |id: &BrokerId| is_alive(*id) && !is_stopping(*id);
            let isr: Vec<BrokerId> = state.isr.iter().copied().filter(stays).collect();
            let smaller = isr.len() < state.isr.len() && isr.contains(&state.leader);
            return smaller.then_some(Elected { leader: state.leader, isr, recovery: state.recovery });
        }
        let unclean = super::duties::unclean_allowed(cluster, &key.0);
        let among_the_rest = candidates.offline(is_alive, Unclean::Forbidden);
        // Nobody but one that was born again: it has what there is.
        let elected = among_the_rest
            .or_else(|| candidates.offline(|id| self.is_usable(cluster, key, id), Unclean::Forbidden))
            .or_else(|| candidates.offline(|id| self.is_usable(cluster, key, id), unclean));
        match elected {
            Some(elected) => Some(elected),
            None if state.leader == BrokerId::NONE => None,
            // Nobody can lead. The last of the ISR stays in it: it alone has everything.
            None => {
                Some(Elected { leader: BrokerId::NONE, isr: state.isr.clone(), recovery: state.recovery })
            }
        }
    }
}
