//! AlterPartitionReassignments (key 45): moves partitions to other brokers, or calls that off.
//!
//! Only the controller serves it. What is wanted is written to the topics' znodes; the controller core
//! does the rest, and ListPartitionReassignments tells how far it is.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use clock::{Moment, Now, Span};
use cluster::znodes::Replicas;
use cluster::{BrokerId, plan};
use controller::{called_off, reassigned};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ReassignablePartition,
    ReassignablePartitionResponse, ReassignableTopicResponse,
};

use crate::call::Call;
use crate::keeper_write::{Fate, KeeperWrite};
use crate::purgatory::{Parked, Patience, WatchKey};
use crate::topic_creation::Refusal;
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=0;

/// A request that waits for its writes.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    deadline: Moment,
    topics: Vec<(KeeperWrite, ReassignableTopicResponse)>,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: AlterPartitionReassignmentsRequest,
    effects: &mut Vec<Effect>,
) {
    let Some(fence) = broker.membership.controller().fence() else {
        let response = AlterPartitionReassignmentsResponse {
            error_code: ErrorCode::NOT_CONTROLLER,
            error_message: Some("This is not the controller.".into()),
            ..Default::default()
        };
        return broker.answer(call, &response, effects);
    };
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let cluster = broker.membership.cluster();
        let known = cluster.topic(&topic.name).filter(|_| !cluster.deleting().contains(&topic.name)).cloned();
        let mut node = known.as_ref().map(|known| known.node.clone());
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            let index = partition.partition_index;
            let current = node.as_ref().and_then(|node| node.partitions.get(&index));
            let refusal = match change(broker, current, partition) {
                Ok(replicas) => {
                    node.as_mut().and_then(|node| node.partitions.insert(index, replicas));
                    None
                }
                Err(refusal) => Some(refusal),
            };
            partitions.push(ReassignablePartitionResponse {
                partition_index: index,
                error_code: refusal.as_ref().map_or(ErrorCode::NONE, |refusal| refusal.code),
                error_message: refusal.map(|refusal| refusal.message),
            });
        }
        let write = match (known, node) {
            (Some(known), Some(node)) if known.node != node => {
                let request = plan::set_assignment(Some(fence), &topic.name, &node, known.version);
                broker.write(request, effects)
            }
            _ => KeeperWrite::done(),
        };
        topics.push((write, ReassignableTopicResponse { name: topic.name, partitions }));
    }
    let patience = Span::ms(u64::try_from(request.timeout_ms).unwrap_or(0));
    let waiting = Waiting { call, deadline: now.moment + patience, topics };
    retry(broker, now, waiting, Patience::Left, effects);
}

fn change<D: Disk>(
    broker: &Broker<D>,
    current: Option<&Replicas>,
    wanted: ReassignablePartition,
) -> Result<Replicas, Refusal> {
    let Some(current) = current else {
        let message = "The partition does not exist.";
        return Err(Refusal::new(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, message));
    };
    let Some(replicas) = wanted.replicas else {
        let message = "The partition is not being reassigned.";
        return called_off(current).ok_or(Refusal::new(ErrorCode::NO_REASSIGNMENT_IN_PROGRESS, message));
    };
    let refuse = |message: String| Err(Refusal::new(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message));
    let distinct: BTreeSet<i32> = replicas.iter().copied().collect();
    if replicas.is_empty() {
        return refuse("Empty replica list specified in partition reassignment.".into());
    }
    if distinct.len() != replicas.len() {
        return refuse(format!("Duplicate replica ids in partition reassignment replica list: {replicas:?}"));
    }
    let live = broker.membership.cluster();
    if let Some(unknown) = replicas.iter().find(|id| !live.is_live(BrokerId(**id))) {
        return refuse(format!("Replica assignment has a broker that is not alive: {unknown}"));
    }
    let wanted: Vec<BrokerId> = replicas.into_iter().map(BrokerId).collect();
    Ok(reassigned(current, &wanted))
}

/// Answers when all is written, or lets the request wait on.
pub(crate) fn retry<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    waiting: Waiting,
    patience: Patience,
    effects: &mut Vec<Effect>,
) {
    if patience == Patience::Left && waiting.topics.iter().any(|(write, _)| write.fate().is_none()) {
        let (connection, deadline) = (waiting.call.connection, waiting.deadline);
        let parked = Parked::AlterPartitionReassignments(waiting);
        return broker.purgatory.park(connection, deadline, vec![WatchKey::Topics], parked);
    }
    let responses = waiting.topics.into_iter().map(|(write, mut topic)| {
        let failed = match write.fate() {
            Some(Fate::Done) => None,
            // Operation 0 is the fence.
            Some(Fate::Failed(0, _)) => {
                Some((ErrorCode::NOT_CONTROLLER, "Another broker is controller now."))
            }
            Some(Fate::Failed(..)) => Some((ErrorCode::UNKNOWN_SERVER_ERROR, "The topic changed meanwhile.")),
            Some(Fate::Unknown) | None => Some((ErrorCode::REQUEST_TIMED_OUT, "It may happen later.")),
        };
        if let Some((code, message)) = failed {
            for partition in topic.partitions.iter_mut().filter(|one| one.error_code == ErrorCode::NONE) {
                partition.error_code = code;
                partition.error_message = Some(message.to_owned());
            }
        }
        topic
    });
    let response =
        AlterPartitionReassignmentsResponse { responses: responses.collect(), ..Default::default() };
    broker.answer(waiting.call, &response, effects);
}
