//! AddPartitionsToTxn (key 24): tells the coordinator what a transaction will write to, before it does.
//!
//! From version 4 on it is for brokers only: many transactional ids, and a mode that only asks whether
//! the partitions are part of their transactions.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use clock::Now;
use coordinator::Producer;
use coordinator::transactions::{AddRequest, ClientVersion, Input, Partitions};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::add_partitions_to_txn::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
    AddPartitionsToTxnResult, AddPartitionsToTxnTopic, AddPartitionsToTxnTopicResult,
    AddPartitionsToTxnTransaction,
};

use crate::call::Call;
use crate::transactions::{self, Asked};
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=5;

/// From which version on the request is a broker's.
const MANY_SINCE: i16 = 4;
/// From which version on a client knows `PRODUCER_FENCED`.
const FENCED_SINCE: i16 = 2;

/// A request of which some transactions are still being changed.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    /// The one that the coordinator was asked about.
    asked: AddPartitionsToTxnTransaction,
    left: VecDeque<AddPartitionsToTxnTransaction>,
    done: Vec<AddPartitionsToTxnResult>,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: AddPartitionsToTxnRequest,
    effects: &mut Vec<Effect>,
) {
    let left = if call.api_version >= MANY_SINCE {
        request.transactions.into()
    } else {
        VecDeque::from([AddPartitionsToTxnTransaction {
            transactional_id: request.v3_and_below_transactional_id,
            producer_id: request.v3_and_below_producer_id,
            producer_epoch: request.v3_and_below_producer_epoch,
            verify_only: false,
            topics: request.v3_and_below_topics,
        }])
    };
    go_on(broker, now, call, left, Vec::new(), effects);
}

/// Serves what is left, one transactional id after the other.
fn go_on<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    mut left: VecDeque<AddPartitionsToTxnTransaction>,
    mut done: Vec<AddPartitionsToTxnResult>,
    effects: &mut Vec<Effect>,
) {
    while let Some(asked) = left.pop_front() {
        let producer = Producer { id: asked.producer_id, epoch: asked.producer_epoch };
        let metadata = broker.membership.metadata();
        let is_known = |topic: &str, partition| {
            metadata.topic(topic).is_some_and(|topic| topic.partition(partition).is_some())
        };
        let all_known = asked
            .topics
            .iter()
            .all(|topic| topic.partitions.iter().all(|&partition| is_known(&topic.name, partition)));
        if !all_known {
            // All or nothing.
            done.push(result(&asked, |topic, partition| match is_known(topic, partition) {
                true => ErrorCode::OPERATION_NOT_ATTEMPTED,
                false => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            }));
            continue;
        }
        if asked.verify_only {
            let core = broker.transactions.core();
            let verify = |topic: &str, partition| {
                let verified = core.verify(&asked.transactional_id, producer, topic, partition);
                verified.err().unwrap_or(ErrorCode::NONE)
            };
            done.push(result(&asked, verify));
            continue;
        }
        let version = if call.api_version >= MANY_SINCE { ClientVersion::V2 } else { ClientVersion::V1 };
        let request = AddRequest {
            id: asked.transactional_id.clone(),
            producer,
            partitions: partitions(&asked.topics),
            version,
        };
        let waiting = Asked::AddPartitions(Waiting { call, asked, left, done });
        return transactions::ask(broker, now, waiting, |token| Input::Add(token, request), effects);
    }
    let mut response = AddPartitionsToTxnResponse::default();
    if call.api_version >= MANY_SINCE {
        response.results_by_transaction = done;
    } else {
        response.results_by_topic_v3_and_below = done.pop().map(|one| one.topic_results).unwrap_or_default();
        for partition in response
            .results_by_topic_v3_and_below
            .iter_mut()
            .flat_map(|topic| &mut topic.results_by_partition)
        {
            if call.api_version < FENCED_SINCE && partition.partition_error_code == ErrorCode::PRODUCER_FENCED
            {
                partition.partition_error_code = ErrorCode::INVALID_PRODUCER_EPOCH;
            }
        }
    }
    broker.answer(call, &response, effects);
}

/// The coordinator has answered for one transactional id.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    waiting: Waiting,
    error: ErrorCode,
    effects: &mut Vec<Effect>,
) {
    let Waiting { call, asked, left, mut done } = waiting;
    done.push(result(&asked, |_, _| error));
    go_on(broker, now, call, left, done, effects);
}

fn partitions(topics: &[AddPartitionsToTxnTopic]) -> Partitions {
    let mut partitions = Partitions::new();
    for topic in topics.iter().filter(|topic| !topic.partitions.is_empty()) {
        partitions.entry(topic.name.clone()).or_default().extend(&topic.partitions);
    }
    partitions
}

fn result(
    asked: &AddPartitionsToTxnTransaction,
    error: impl Fn(&str, i32) -> ErrorCode,
) -> AddPartitionsToTxnResult {
    let of_topic = |topic: &AddPartitionsToTxnTopic| AddPartitionsToTxnTopicResult {
        name: topic.name.clone(),
        results_by_partition: topic
            .partitions
            .iter()
            .map(|&partition_index| AddPartitionsToTxnPartitionResult {
                partition_index,
                partition_error_code: error(&topic.name, partition_index),
            })
            .collect(),
    };
    AddPartitionsToTxnResult {
        transactional_id: asked.transactional_id.clone(),
        topic_results: asked.topics.iter().map(of_topic).collect(),
    }
}
