//! Partitions that join a transaction by being written to, and those whose membership their leader asks
//! for: at the coordinator here, or at the broker that is it (AddPartitionsToTxn from version 4 on).

use clock::Now;
use cluster::BrokerId;
use coordinator::transactions::{AddRequest, Answer, ClientVersion, Input};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::add_partitions_to_txn::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};

use super::{Asked, TRANSACTIONS_TOPIC, ask, tell};
use crate::limits::JOINING_LANES;
use crate::links::{Lane, LinkError, Reply, Sent};
use crate::{Broker, Effect};

/// The version in which the errors say what they mean (`TRANSACTION_ABORTABLE`).
const VERSION: i16 = 5;

/// The broker that coordinates a transactional id, if it is another one and alive.
pub(crate) fn coordinator_elsewhere<D: Disk>(broker: &Broker<D>, id: &str) -> Option<BrokerId> {
    let metadata = broker.membership.metadata();
    let partition = broker.transactions.core.partition_of(id);
    let leader = metadata.topic(TRANSACTIONS_TOPIC)?.partition(partition)?.leader;
    let is_there = leader.0 != broker.settings.broker_id && metadata.brokers.contains_key(&leader);
    is_there.then_some(leader)
}

/// Makes partitions part of a transaction, or only asks whether they are if the client's protocol is the
/// first. [`Asked`] is told as if the coordinator were here.
pub(crate) fn join<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    asked: Asked,
    add: AddRequest,
    effects: &mut Vec<Effect>,
) {
    let Some(coordinator) = coordinator_elsewhere(broker, &add.id) else {
        return ask(broker, now, asked, |token| Input::Add(token, add), effects);
    };
    let topics = add.partitions.into_iter().map(|(name, partitions)| AddPartitionsToTxnTopic {
        name,
        partitions: partitions.into_iter().collect(),
    });
    // What one producer writes is joined in order; others need not wait for it.
    let lane = add.id.bytes().fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte)) % JOINING_LANES;
    let transaction = AddPartitionsToTxnTransaction {
        transactional_id: add.id,
        producer_id: add.producer.id,
        producer_epoch: add.producer.epoch,
        verify_only: add.version == ClientVersion::V1,
        topics: topics.collect(),
    };
    let request = AddPartitionsToTxnRequest { transactions: vec![transaction], ..Default::default() };
    let sent = Sent::Joining(Box::new(asked));
    broker.send_to(now, (coordinator, Lane::Joining(lane)), VERSION, &request, sent, effects);
}

/// The coordinator has answered, or will not.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    asked: Asked,
    reply: Result<Reply, LinkError>,
    effects: &mut Vec<Effect>,
) {
    let error = match reply.and_then(Reply::read::<AddPartitionsToTxnRequest>) {
        Err(LinkError::Lost) => ErrorCode::COORDINATOR_NOT_AVAILABLE,
        Ok(response) if !response.error_code.is_none() => response.error_code,
        Ok(response) => response
            .results_by_transaction
            .iter()
            .flat_map(|one| &one.topic_results)
            .flat_map(|topic| &topic.results_by_partition)
            .map(|partition| partition.partition_error_code)
            .find(|error| !error.is_none())
            .unwrap_or(ErrorCode::NONE),
    };
    tell(broker, now, asked, Answer::Add(error), effects);
}
