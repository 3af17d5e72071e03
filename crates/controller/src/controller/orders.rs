//! Orders about leadership, made from the view: what LeaderAndIsr carries.

use super::{Controller, Effect};
use crate::LeaderAndIsr;
use cluster::{BrokerId, Cluster};
use std::sync::Arc;

impl Controller {
    /// Orders about every partition that `broker` has a replica of.
    pub(super) fn order_all(&self, cluster: &Cluster, broker: BrokerId, effects: &mut Vec<Effect>) {
        let mut partitions = Vec::new();
        for name in cluster.topics().keys() {
            if self.is_deleting(cluster, name) {
                continue;
            }
            for (partition, view) in cluster.partitions(name) {
                // What it led in a former life it leads no more: another state is being written.
                let key = (name.clone(), partition);
                let is_reborn = self.reborn.get(&broker).is_some_and(|concerned| concerned.contains(&key));
                if view.replicas.all.contains(&broker) && !is_reborn {
                    partitions.extend(self.order(cluster, name, partition));
                }
            }
        }
        self.send_orders(cluster, broker, partitions, effects);
    }

    /// Orders about every replica of a topic.
    pub(super) fn order_topic(&self, cluster: &Cluster, topic: &Arc<str>, effects: &mut Vec<Effect>) {
        for (partition, view) in cluster.partitions(topic) {
            let Some(order) = self.order(cluster, topic, partition) else { continue };
            for replica in &view.replicas.all {
                self.send_orders(cluster, *replica, vec![order.clone()], effects);
            }
        }
    }

    pub(super) fn send_orders(
        &self,
        cluster: &Cluster,
        to: BrokerId,
        partitions: Vec<LeaderAndIsr>,
        effects: &mut Vec<Effect>,
    ) {
        let (Some(controller_epoch), Some(broker)) = (self.epoch(), cluster.brokers().get(&to)) else {
            return;
        };
        if !partitions.is_empty() {
            let broker_epoch = broker.epoch;
            effects.push(Effect::LeaderAndIsr { to, broker_epoch, controller_epoch, partitions });
        }
    }

    /// The order about one partition, if it has a state.
    pub(super) fn order(&self, cluster: &Cluster, topic: &Arc<str>, partition: i32) -> Option<LeaderAndIsr> {
        let view = cluster.partition(topic, partition)?;
        let (state, partition_epoch) = view.state?;
        Some(LeaderAndIsr {
            topic: topic.clone(),
            topic_id: cluster.topic(topic)?.node.id,
            partition,
            state: state.clone(),
            partition_epoch: *partition_epoch,
            replicas: view.replicas.all.clone(),
            adding: view.replicas.adding.clone(),
            removing: view.replicas.removing.clone(),
            is_new: false,
        })
    }
}
