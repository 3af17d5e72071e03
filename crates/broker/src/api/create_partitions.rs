//! CreatePartitions (key 37): gives topics more partitions, and waits until each has a leader.
//!
//! Only the controller serves it, under its fence and the version of the topic's znode.

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use clock::{Moment, Now, Span};
use cluster::assign::{Placement, assign};
use cluster::plan;
use cluster::znodes::Replicas;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic, CreatePartitionsTopicResult,
};

use crate::call::Call;
use crate::keeper_write::{Fate, KeeperWrite};
use crate::limits::NAMES_PER_REQUEST_MAX;
use crate::purgatory::{Parked, Patience, WatchKey};
use crate::topic_creation::{self, Names, Refusal};
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=3;

/// A request that waits for its partitions.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    deadline: Moment,
    topics: Vec<Topic>,
}

#[derive(Debug)]
struct Topic {
    name: String,
    count: i32,
    /// `None` if nothing is to be written: a validation.
    fate: Result<Option<KeeperWrite>, Refusal>,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: CreatePartitionsRequest,
    effects: &mut Vec<Effect>,
) {
    let mut names = Names::default();
    for topic in &request.topics {
        names.add(0, &topic.name);
    }
    let mut topics: Vec<Topic> = Vec::new();
    for topic in request.topics {
        let is_repeated = names.is_repeated(0, &topic.name);
        if !names.take(0, &topic.name) {
            continue;
        }
        let fate = if is_repeated {
            Err(Names::repeated())
        } else if topics.len() >= NAMES_PER_REQUEST_MAX {
            Err(Names::too_many())
        } else {
            grown(broker, &topic).map(|request_to_keeper| {
                let go = !request.validate_only;
                go.then(|| broker.write(request_to_keeper, effects))
            })
        };
        topics.push(Topic { name: topic.name, count: topic.count, fate });
    }
    let patience = Span::ms(u64::try_from(request.timeout_ms).unwrap_or(0));
    let waiting = Waiting { call, deadline: now.moment + patience, topics };
    let patience = if request.timeout_ms <= 0 { Patience::Over } else { Patience::Left };
    retry(broker, now, waiting, patience, effects);
}

/// The write that grows the topic.
fn grown<D: Disk>(
    broker: &mut Broker<D>,
    wanted: &CreatePartitionsTopic,
) -> Result<zookeeper_wire::Request, Refusal> {
    let fence = broker.membership.controller().fence();
    let Some(fence) = fence else {
        return Err(Refusal::new(ErrorCode::NOT_CONTROLLER, "This is not the controller."));
    };
    let cluster = broker.membership.cluster();
    let known = cluster.topic(&wanted.name).filter(|_| !cluster.deleting().contains(&wanted.name));
    let Some(topic) = known.cloned() else {
        let message = format!("The topic '{}' does not exist.", wanted.name);
        return Err(Refusal::new(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, message));
    };
    let moving = |replicas: &Replicas| !replicas.adding.is_empty() || !replicas.removing.is_empty();
    if topic.node.partitions.values().any(moving) {
        let message = "The topic cannot grow while its replicas are being reassigned.";
        return Err(Refusal::new(ErrorCode::REASSIGNMENT_IN_PROGRESS, message));
    }
    let present = i32::try_from(topic.node.partitions.len()).unwrap_or(i32::MAX);
    let refuse = |message: String| Err(Refusal::new(ErrorCode::INVALID_PARTITIONS, message));
    if wanted.count < present {
        return refuse(format!(
            "Topic currently has {present} partitions, which is higher than the requested {}.",
            wanted.count
        ));
    }
    if wanted.count == present {
        return refuse(format!("Topic already has {present} partitions."));
    }
    topic_creation::check_count(wanted.count)?;
    let more = wanted.count - present;
    let partitions = match &wanted.assignments {
        None => {
            let factor = topic.node.partitions.values().next().map_or(1, |replicas| replicas.all.len());
            let placement = Placement {
                partitions: more,
                replication_factor: i32::try_from(factor).unwrap_or(i32::MAX),
                first_partition: present,
                seed: broker.random.u64(..),
            };
            assign(broker.membership.cluster(), placement).map_err(topic_creation::cannot_assign)?
        }
        Some(given) => {
            if given.len() != more as usize {
                let message = format!("{more} partitions are to be added, but {} are assigned.", given.len());
                return Err(Refusal::new(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message));
            }
            let numbered = (present..).zip(given).map(|(number, one)| (number, one.broker_ids.clone()));
            topic_creation::check_assignments(broker, &numbered.collect::<Vec<_>>(), present)?
        }
    };
    let mut node = topic.node;
    node.partitions.extend(partitions);
    Ok(plan::set_assignment(Some(fence), &wanted.name, &node, topic.version))
}

/// Answers if all partitions are led or refused, or lets the request wait on.
pub(crate) fn retry<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    waiting: Waiting,
    patience: Patience,
    effects: &mut Vec<Effect>,
) {
    let outcomes: Vec<_> = waiting.topics.iter().map(|topic| outcome(broker, topic)).collect();
    if patience == Patience::Left && outcomes.iter().any(Option::is_none) {
        let (connection, deadline) = (waiting.call.connection, waiting.deadline);
        let parked = Parked::CreatePartitions(waiting);
        return broker.purgatory.park(connection, deadline, vec![WatchKey::Topics], parked);
    }
    let results = waiting.topics.into_iter().zip(outcomes).map(|(topic, outcome)| {
        let late = || Err(Refusal::new(ErrorCode::REQUEST_TIMED_OUT, "The partitions will be there later."));
        let refusal = outcome.unwrap_or_else(late).err();
        CreatePartitionsTopicResult {
            name: topic.name,
            error_code: refusal.as_ref().map_or(ErrorCode::NONE, |refusal| refusal.code),
            error_message: refusal.map(|refusal| refusal.message),
        }
    });
    let response = CreatePartitionsResponse { results: results.collect(), ..Default::default() };
    broker.answer(waiting.call, &response, effects);
}

/// `None` while the partitions are growing.
fn outcome<D: Disk>(broker: &Broker<D>, topic: &Topic) -> Option<Result<(), Refusal>> {
    let write = match &topic.fate {
        Err(refusal) => return Some(Err(refusal.clone())),
        Ok(None) => return Some(Ok(())),
        Ok(Some(write)) => write,
    };
    match write.fate() {
        // Operation 0 is the fence.
        Some(Fate::Failed(0, _)) => {
            Some(Err(Refusal::new(ErrorCode::NOT_CONTROLLER, "Another broker is controller now.")))
        }
        Some(Fate::Failed(_, error)) => {
            let message = format!("The topic changed meanwhile: {error}.");
            Some(Err(Refusal::new(ErrorCode::INVALID_REQUEST, message)))
        }
        None | Some(Fate::Done | Fate::Unknown) => {
            let known = broker.membership.metadata().topic(&topic.name)?;
            let led = known.partitions.iter().filter(|partition| partition.leader.is_some()).count();
            (led >= topic.count as usize).then_some(Ok(()))
        }
    }
}
