//! The deletion of topics, from the wish in `/admin/delete_topics` to the last znode.

use super::{Controller, Effect, What};
use crate::StopReplica;
use crate::deletion::Progress;
use cluster::plan::{self, Outcome, Settings};
use cluster::{BrokerId, Cluster};
use std::collections::BTreeMap;
use std::sync::Arc;
use zookeeper_wire::{ErrorCode, Response};

impl Controller {
    pub(super) fn delete_if_wished(&mut self, cluster: &Cluster, name: &str, effects: &mut Vec<Effect>) {
        let Some(fence) = self.fence() else { return };
        if !cluster.deleting().contains(name) {
            return;
        }
        let Some((name, _)) = cluster.topics().get_key_value(name) else {
            // Not while the znodes of a topic that just went are still being removed.
            if !self.deletions.contains(name) {
                let request = plan::forget_deletion(fence, name);
                self.ask(What::ForgetDeletion(Arc::from(name)), request, effects);
            }
            return;
        };
        let mut orders: BTreeMap<BrokerId, Vec<i32>> = BTreeMap::new();
        for (partition, broker) in self.deletions.begin(cluster, name) {
            orders.entry(broker).or_default().push(partition);
        }
        for (broker, partitions) in orders {
            let partitions = partitions.into_iter().map(|partition| (name.clone(), partition)).collect();
            self.stop(cluster, broker, partitions, effects);
        }
        if self.deletions.is_stopped(name) {
            self.remove_topic(cluster, name, effects);
        }
    }

    /// A broker is back: it is asked for what it still owes.
    pub(super) fn stop_owed(&self, cluster: &Cluster, broker: BrokerId, effects: &mut Vec<Effect>) {
        self.stop(cluster, broker, self.deletions.owed_by(broker), effects);
    }

    pub(super) fn stop(
        &self,
        cluster: &Cluster,
        to: BrokerId,
        partitions: Vec<(Arc<str>, i32)>,
        effects: &mut Vec<Effect>,
    ) {
        let (Some(controller_epoch), Some(broker)) = (self.epoch(), cluster.brokers().get(&to)) else {
            return;
        };
        if partitions.is_empty() {
            return;
        }
        let id = |topic: &str| cluster.topic(topic).and_then(|topic| topic.node.id);
        let partitions = partitions.into_iter().map(|(topic, partition)| StopReplica {
            topic_id: id(&topic),
            topic,
            partition,
            delete: true,
        });
        let (broker_epoch, partitions) = (broker.epoch, partitions.collect());
        effects.push(Effect::StopReplica { to, broker_epoch, controller_epoch, partitions });
    }

    pub(super) fn remove_topic(&mut self, cluster: &Cluster, topic: &Arc<str>, effects: &mut Vec<Effect>) {
        let Some(fence) = self.fence() else { return };
        let partitions: Vec<i32> = cluster.partition_states(topic).map(|(partition, _)| partition).collect();
        let settings = match cluster.topic_config(topic) {
            Some(_) => Settings::Present,
            None => Settings::Absent,
        };
        let requests = plan::remove_topic(fence, topic, &partitions, settings);
        self.deletions.removing(topic, requests.len());
        for request in requests {
            let what = What::RemoveTopic { topic: topic.clone(), step_by_step: false };
            self.ask(what, request, effects);
        }
    }

    pub(super) fn removal_answered(
        &mut self,
        cluster: &Cluster,
        topic: Arc<str>,
        step_by_step: bool,
        answer: Result<Response, ErrorCode>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(outcome) = self.outcome(answer, effects) else { return };
        // Operation 1 checks the wish. Without one, whatever has the name now shall live.
        if matches!(outcome, Outcome::Failed { op: 1, .. }) {
            self.deletions.cancel(&topic);
            self.order_topic(cluster, &topic, effects);
            self.delete_if_wished(cluster, &topic, effects);
            return self.tend(cluster, &topic, effects);
        }
        if let (Outcome::Failed { .. }, false, Some(fence)) = (outcome, step_by_step, self.fence()) {
            // The tree is not as the view says, or half of it went before: one by one then.
            let known = cluster.partitions(&topic).map(|(partition, _)| partition);
            let requests = plan::remove_topic_step_by_step(fence, &topic, known);
            self.deletions.removing(&topic, requests.len());
            for request in requests {
                self.ask(What::RemoveTopic { topic: topic.clone(), step_by_step: true }, request, effects);
            }
            return;
        }
        if self.deletions.answered(&topic) == Progress::Removed {
            effects.push(Effect::Note(format!("topic {topic} is deleted")));
            if self.deletions.forget_if_gone(cluster, &topic) {
                // Another of the same name may have been made, or wished away, already.
                self.delete_if_wished(cluster, &topic, effects);
                self.tend(cluster, &topic, effects);
            }
        }
    }
}
