//! TxnOffsetCommit (key 28): offsets of a group that count when the producer's transaction is committed.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use clock::Now;
use coordinator::transactions::{AddRequest, ClientVersion, Partitions};
use coordinator::{CommitRequest, Input, OffsetCommit, Outcome, Producer};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitResponse, TxnOffsetCommitResponsePartition,
    TxnOffsetCommitResponseTopic,
};

use crate::call::Call;
use crate::groups::{self, OFFSETS_TOPIC};
use crate::transactions::{self, Asked};
use crate::{Broker, Effect, TopicPartition};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=5;

/// From which version on the group's partition joins the transaction by this request (KIP-890).
const JOINS_SINCE: i16 = 5;
/// From which version on a client knows `TRANSACTION_ABORTABLE`.
const ABORTABLE_SINCE: i16 = 4;
/// From which version on the client names its membership in the group (KIP-447).
const MEMBER_SINCE: i16 = 3;

/// A request whose offsets are being written.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    /// The response, complete but for the partitions that are being written.
    response: TxnOffsetCommitResponse,
    /// The places of those, in the order in which they were handed over.
    open: Vec<(usize, usize)>,
}

/// A request whose partition joins the transaction first.
#[derive(Debug)]
pub(crate) struct Joining {
    call: Call,
    request: TxnOffsetCommitRequest,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: TxnOffsetCommitRequest,
    effects: &mut Vec<Effect>,
) {
    if request.group_id.is_empty() || !broker.groups.serves(broker.groups.partition_of(&request.group_id)) {
        // The group's coordinator has its own answer to that.
        return commit(broker, now, call, request, effects);
    }
    let index = broker.groups.partition_of(&request.group_id);
    let partition = TopicPartition::new(OFFSETS_TOPIC, index);
    let producer = Producer { id: request.producer_id, epoch: request.producer_epoch };
    let is_open = broker
        .leader_to_read(&partition, -1)
        .is_ok_and(|replica| replica.producers().has_open_transaction(producer.id));
    if is_open {
        return commit(broker, now, call, request, effects);
    }
    let joins = call.api_version >= JOINS_SINCE;
    let is_asked = broker.transactions.verifies()
        && transactions::coordinator_elsewhere(broker, &request.transactional_id).is_some();
    if joins || is_asked {
        let add = AddRequest {
            id: request.transactional_id.clone(),
            producer,
            partitions: Partitions::from([(OFFSETS_TOPIC.to_owned(), BTreeSet::from([index]))]),
            version: if joins { ClientVersion::V2 } else { ClientVersion::V1 },
        };
        let asked = Asked::TxnOffsetCommit(Joining { call, request });
        return transactions::join(broker, now, asked, add, effects);
    }
    match transactions::verify_member(broker, &request.transactional_id, producer, &partition) {
        Ok(()) => commit(broker, now, call, request, effects),
        Err(error) => refuse(broker, call, &request, error, effects),
    }
}

/// The coordinator of transactions has answered whether the group's partition is in.
pub(crate) fn joined<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    Joining { call, request }: Joining,
    error: ErrorCode,
    effects: &mut Vec<Effect>,
) {
    match error {
        ErrorCode::NONE => commit(broker, now, call, request, effects),
        error => refuse(broker, call, &request, error, effects),
    }
}

/// An error of the coordinator of transactions as this request's client understands it: the client takes
/// `NOT_COORDINATOR` here for the group's coordinator.
fn told(error: ErrorCode, version: i16) -> ErrorCode {
    match error {
        ErrorCode::NOT_COORDINATOR
        | ErrorCode::CONCURRENT_TRANSACTIONS
        | ErrorCode::COORDINATOR_NOT_AVAILABLE => ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode::TRANSACTION_ABORTABLE if version < ABORTABLE_SINCE => ErrorCode::INVALID_TXN_STATE,
        other => other,
    }
}

fn refuse<D: Disk>(
    broker: &mut Broker<D>,
    call: Call,
    request: &TxnOffsetCommitRequest,
    error: ErrorCode,
    effects: &mut Vec<Effect>,
) {
    let error = told(error, call.api_version);
    let metadata = broker.membership.metadata();
    // What does not exist is told first, whatever else is wrong.
    let error_of = |topic: &str, partition| match metadata.topic(topic) {
        Some(topic) if topic.partition(partition).is_some() => error,
        _ => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
    };
    let topics = request.topics.iter().map(|topic| TxnOffsetCommitResponseTopic {
        name: topic.name.clone(),
        partitions: topic
            .partitions
            .iter()
            .map(|partition| TxnOffsetCommitResponsePartition {
                partition_index: partition.partition_index,
                error_code: error_of(&topic.name, partition.partition_index),
            })
            .collect(),
    });
    let response = TxnOffsetCommitResponse { topics: topics.collect(), ..Default::default() };
    broker.answer(call, &response, effects);
}

fn commit<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: TxnOffsetCommitRequest,
    effects: &mut Vec<Effect>,
) {
    let mut response = TxnOffsetCommitResponse::default();
    let (mut offsets, mut open) = (Vec::new(), Vec::new());
    for topic in request.topics {
        let known = broker.membership.metadata().topic(&topic.name).cloned();
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            let partition_index = partition.partition_index;
            let exists = known.as_ref().is_some_and(|topic| topic.partition(partition_index).is_some());
            if exists {
                open.push((response.topics.len(), partitions.len()));
                offsets.push(OffsetCommit {
                    topic: topic.name.clone(),
                    partition: partition_index,
                    offset: partition.committed_offset,
                    leader_epoch: partition.committed_leader_epoch,
                    metadata: partition.committed_metadata,
                    timestamp_ms: None,
                });
            }
            let error_code = match exists {
                true => ErrorCode::NONE,
                false => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            };
            partitions.push(TxnOffsetCommitResponsePartition { partition_index, error_code });
        }
        response.topics.push(TxnOffsetCommitResponseTopic { name: topic.name, partitions });
    }
    if offsets.is_empty() {
        return broker.answer(call, &response, effects);
    }
    let names_member = call.api_version >= MEMBER_SINCE;
    let request = CommitRequest {
        group: request.group_id,
        generation: if names_member { request.generation_id } else { -1 },
        member_id: if names_member { request.member_id } else { String::new() },
        instance_id: request.group_instance_id.filter(|_| names_member),
        retention_ms: None,
        knows_group_id_not_found: false,
        producer: Some(Producer { id: request.producer_id, epoch: request.producer_epoch }),
        offsets,
    };
    let asked = groups::Asked::TxnOffsetCommit(Waiting { call, response, open });
    groups::ask(broker, now, asked, |token| Input::Commit(token, request), effects);
}

/// The offsets are durable, or cannot be.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    waiting: Waiting,
    outcomes: Vec<Outcome>,
    effects: &mut Vec<Effect>,
) {
    let Waiting { call, mut response, open } = waiting;
    assert_eq!(outcomes.len(), open.len(), "each offset has its outcome");
    for ((topic, partition), outcome) in open.into_iter().zip(outcomes) {
        response.topics[topic].partitions[partition].error_code = outcome.error;
    }
    broker.answer(call, &response, effects);
}
