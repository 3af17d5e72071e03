//! ListPartitionReassignments (key 46): tells which partitions are on their way to other brokers.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use clock::Now;
use cluster::BrokerId;
use cluster::znodes::Replicas;
use disk::Disk;
use kafka_wire::message::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, OngoingPartitionReassignment,
    OngoingTopicReassignment,
};

use crate::call::Call;
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=0;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    call: Call,
    request: ListPartitionReassignmentsRequest,
    effects: &mut Vec<Effect>,
) {
    let wanted: Option<BTreeMap<String, Vec<i32>>> =
        request.topics.map(|topics| topics.into_iter().map(|t| (t.name, t.partition_indexes)).collect());
    let is_wanted = |topic: &str, partition: &i32| {
        wanted.as_ref().is_none_or(|wanted| wanted.get(topic).is_some_and(|named| named.contains(partition)))
    };
    let mut topics = Vec::new();
    for (name, topic) in broker.membership.cluster().topics() {
        let moving = topic.node.partitions.iter().filter(|(partition, replicas)| {
            !(replicas.adding.is_empty() && replicas.removing.is_empty()) && is_wanted(name, partition)
        });
        let partitions: Vec<_> =
            moving.map(|(partition, replicas)| reassignment(*partition, replicas)).collect();
        if !partitions.is_empty() {
            topics.push(OngoingTopicReassignment { name: name.to_string(), partitions });
        }
    }
    let response = ListPartitionReassignmentsResponse { error_message: None, topics, ..Default::default() };
    broker.answer(call, &response, effects);
}

fn reassignment(partition_index: i32, replicas: &Replicas) -> OngoingPartitionReassignment {
    let numbers = |brokers: &[BrokerId]| brokers.iter().map(|broker| broker.0).collect();
    OngoingPartitionReassignment {
        partition_index,
        replicas: numbers(&replicas.all),
        adding_replicas: numbers(&replicas.adding),
        removing_replicas: numbers(&replicas.removing),
    }
}
