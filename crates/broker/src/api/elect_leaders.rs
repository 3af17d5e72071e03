//! ElectLeaders (key 43): an operator wants preferred leaders back, or any leader at all.
//!
//! Only the controller serves it. The answer waits for the writes.

use std::ops::RangeInclusive;
use std::sync::Arc;

use clock::Now;
use controller::{Held, Partition, Wanted};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::elect_leaders::{
    ElectLeadersRequest, ElectLeadersResponse, PartitionResult, ReplicaElectionResult,
};

use crate::call::Call;
use crate::{Broker, Effect, membership};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=2;

const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

/// A request whose elections are under way.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    /// Whether all partitions were meant: those that need no election are not told then.
    all: bool,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: ElectLeadersRequest,
    effects: &mut Vec<Effect>,
) {
    let wanted = match request.election_type {
        _ if call.api_version == 0 => Wanted::Preferred,
        PREFERRED => Wanted::Preferred,
        UNCLEAN => Wanted::Unclean,
        _ => {
            let response =
                ElectLeadersResponse { error_code: ErrorCode::INVALID_REQUEST, ..Default::default() };
            return broker.answer(call, &response, effects);
        }
    };
    let all = request.topic_partitions.is_none();
    let partitions: Vec<Partition> = match request.topic_partitions {
        Some(topics) => topics
            .into_iter()
            .flat_map(|topic| {
                let name: Arc<str> = topic.topic.into();
                topic.partitions.into_iter().map(move |partition| (name.clone(), partition))
            })
            .collect(),
        None => {
            let topics = broker.membership.cluster().topics().iter();
            let of = |(name, topic): (&Arc<str>, &cluster::Topic)| {
                topic.node.partitions.keys().map(|partition| (name.clone(), *partition)).collect::<Vec<_>>()
            };
            topics.flat_map(of).collect()
        }
    };
    membership::elect(broker, now, Some(Waiting { call, all }), wanted, partitions, effects);
}

/// What the controller core decided.
pub(crate) fn held<D: Disk>(
    broker: &mut Broker<D>,
    token: u64,
    result: Result<Vec<Held>, ErrorCode>,
    effects: &mut Vec<Effect>,
) {
    let Some(Waiting { call, all }) = broker.membership.take_election(token) else { return };
    let mut response = ElectLeadersResponse::default();
    match result {
        Err(error_code) => response.error_code = error_code,
        Ok(mut results) => {
            results.sort_by(|(one, _), (other, _)| one.cmp(other));
            for ((topic, partition_id), result) in results {
                let error_code = result.err().unwrap_or(ErrorCode::NONE);
                if all && error_code == ErrorCode::ELECTION_NOT_NEEDED {
                    continue;
                }
                let topics = &mut response.replica_election_results;
                if topics.last().is_none_or(|last| last.topic != *topic) {
                    topics.push(ReplicaElectionResult {
                        topic: topic.to_string(),
                        partition_result: Vec::new(),
                    });
                }
                let error_message = (error_code != ErrorCode::NONE).then(|| error_code.name().to_owned());
                topics.last_mut().expect("one was pushed").partition_result.push(PartitionResult {
                    partition_id,
                    error_code,
                    error_message,
                });
            }
        }
    }
    broker.answer(call, &response, effects);
}
