//! Fetch (key 1): reads record batches, at once or when enough of them have come.
//!
//! The batches travel from the log to the response as they are stored: whole, compressed or not, the
//! first one possibly beginning before the asked offset.

use std::ops::RangeInclusive;
use std::sync::Arc;

use clock::{Moment, Now, Span};
use disk::Disk;
use kafka_wire::message::fetch::{
    AbortedTransaction, FetchRequest, FetchResponse, FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint,
    PartitionData,
};
use kafka_wire::{ErrorCode, Records};

use crate::call::Call;
use crate::fetch_session::{FetchKind, FetchPlan, FetchTarget};
use crate::limits::FETCH_WAIT_MAX;
use crate::purgatory::{Parked, Patience, WatchKey};
use crate::replica::{Isolation, Read};
use crate::{Broker, Effect, TopicPartition};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 4..=18;

/// The first version that names topics by their ids.
const TOPIC_IDS_SINCE: i16 = 13;

/// A fetch that waits for records.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    plan: FetchPlan,
    deadline: Moment,
    bytes_min: usize,
    bytes_max: usize,
    isolation: Isolation,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: FetchRequest,
    effects: &mut Vec<Effect>,
) {
    let replica_id =
        if call.api_version >= 15 { request.replica_state.replica_id } else { request.replica_id };
    let isolation = Isolation::of(replica_id, request.isolation_level);
    let wait = Span::ms(request.max_wait_ms.max(0) as u64).min(FETCH_WAIT_MAX);
    let bytes_min = request.min_bytes.max(0) as usize;
    let bytes_max = request.max_bytes.clamp(0, broker.settings.fetch_bytes_max) as usize;
    let plan = match broker.fetch_sessions.plan(now.moment, call.api_version, request) {
        Ok(plan) => plan,
        Err(error_code) => {
            let response = FetchResponse { error_code, ..Default::default() };
            return broker.answer(call, &response, effects);
        }
    };
    let deadline = now.moment + wait;
    let patience = if wait == Span::ZERO { Patience::Over } else { Patience::Left };
    let waiting = Waiting { call, plan, deadline, bytes_min: bytes_min.min(bytes_max), bytes_max, isolation };
    retry(broker, now, waiting, patience, effects);
}

/// Reads, and answers if that is enough or the time is over.
pub(crate) fn retry<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    waiting: Waiting,
    patience: Patience,
    effects: &mut Vec<Effect>,
) {
    let by_id = waiting.call.api_version >= TOPIC_IDS_SINCE;
    let mut budget = Budget { bytes_left: waiting.bytes_max, bytes: 0 };
    let mut urgent = waiting.plan.targets.is_empty() || patience == Patience::Over;
    let mut data = Vec::with_capacity(waiting.plan.targets.len());
    let mut keys = Vec::with_capacity(waiting.plan.targets.len());
    for target in &waiting.plan.targets {
        let read = broker
            .topic_named(&target.key.topic, target.key.topic_id, by_id)
            .map(|topic| TopicPartition { topic, partition: target.key.partition })
            .and_then(|partition| {
                let data = read(broker, &partition, target, waiting.isolation, &mut budget)?;
                keys.push(WatchKey::Partition(partition));
                Ok(data)
            });
        let read = read.unwrap_or_else(|error| failed(target, error));
        urgent |= read.error_code != ErrorCode::NONE || read.diverging_epoch.end_offset >= 0;
        data.push(read);
    }
    if urgent || budget.bytes >= waiting.bytes_min {
        let FetchPlan { targets, kind } = waiting.plan;
        let answers = targets.into_iter().zip(data).collect();
        return finish(broker, now, waiting.call, kind, answers, effects);
    }
    let (connection, deadline) = (waiting.call.connection, waiting.deadline);
    broker.purgatory.park(connection, deadline, keys, Parked::Fetch(waiting));
}

/// What may still be read for one response.
struct Budget {
    bytes_left: usize,
    bytes: usize,
}

fn read<D: Disk>(
    broker: &mut Broker<D>,
    partition: &TopicPartition,
    target: &FetchTarget,
    isolation: Isolation,
    budget: &mut Budget,
) -> Result<PartitionData, ErrorCode> {
    let replica = broker.leader_to_read(partition, target.current_leader_epoch)?;
    let bytes_max = budget.bytes_left.min(target.bytes_max.max(0) as usize);
    // Without this a batch larger than the limits would stop its reader for good.
    let at_least_one = budget.bytes == 0;
    let mut data = empty(target);
    if target.last_fetched_epoch >= 0
        && let Some((epoch, end_offset)) = replica.end_of_epoch(target.last_fetched_epoch)
        && (epoch < target.last_fetched_epoch || end_offset < target.offset)
    {
        // The reader has records that this leader never had: it learns where to cut (KIP-595).
        data.diverging_epoch.epoch = epoch;
        data.diverging_epoch.end_offset = end_offset;
        data.high_watermark = replica.high_watermark();
        data.log_start_offset = replica.log_start_offset();
        return Ok(data);
    }
    let Read { records, high_watermark, last_stable_offset, log_start_offset, aborted } =
        replica.read(target.offset, bytes_max, at_least_one, isolation)?;
    let length = records.len();
    budget.bytes += length;
    budget.bytes_left = budget.bytes_left.saturating_sub(length);
    data.high_watermark = high_watermark;
    data.last_stable_offset = last_stable_offset;
    data.log_start_offset = log_start_offset;
    data.records = Some(records);
    if isolation == Isolation::Committed {
        let aborted = aborted.into_iter();
        data.aborted_transactions = Some(
            aborted
                .map(|(producer_id, first_offset)| AbortedTransaction { producer_id, first_offset })
                .collect(),
        );
    }
    Ok(data)
}

fn finish<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    kind: FetchKind,
    mut answers: Vec<(FetchTarget, PartitionData)>,
    effects: &mut Vec<Effect>,
) {
    let mut response = FetchResponse::default();
    match kind {
        FetchKind::Sessionless => {}
        FetchKind::Full => {
            let sessions_max = broker.settings.fetch_sessions_max;
            response.session_id = broker.fetch_sessions.open(
                now.moment,
                &mut broker.random,
                sessions_max,
                call.api_version,
                &answers,
            );
        }
        FetchKind::Incremental { id, epoch } => {
            response.session_id = id;
            if let Err(error_code) = broker.fetch_sessions.reduce(id, epoch, &mut answers) {
                response.error_code = error_code;
                answers.clear();
            }
        }
    }
    add_leader_hints(broker, &call, &mut answers, &mut response);
    response.responses = by_topic(answers);
    broker.answer(call, &response, effects);
}

/// Neighbours of one topic share an entry; the order stays, since it says who was served first.
fn by_topic(answers: Vec<(FetchTarget, PartitionData)>) -> Vec<FetchableTopicResponse> {
    let mut topics: Vec<FetchableTopicResponse> = Vec::new();
    let mut last: Option<(Arc<str>, _)> = None;
    for (target, data) in answers {
        let topic = (target.key.topic, target.key.topic_id);
        if last.as_ref() != Some(&topic) {
            topics.push(FetchableTopicResponse {
                topic: topic.0.to_string(),
                topic_id: topic.1,
                ..Default::default()
            });
            last = Some(topic);
        }
        let entry = topics.last_mut().expect("one was pushed for the first answer");
        entry.partitions.push(data);
    }
    topics
}

fn empty(target: &FetchTarget) -> PartitionData {
    PartitionData {
        partition_index: target.key.partition,
        high_watermark: -1,
        last_stable_offset: -1,
        log_start_offset: -1,
        preferred_read_replica: -1,
        // Null for readers that do not care for transactions.
        aborted_transactions: None,
        // Never null: some clients do not expect it.
        records: Some(Records::default()),
        ..Default::default()
    }
}

fn failed(target: &FetchTarget, error_code: ErrorCode) -> PartitionData {
    PartitionData { error_code, ..empty(target) }
}

/// Says who leads the partitions that are not led here, where the version has room for it (KIP-951).
fn add_leader_hints<D: Disk>(
    broker: &Broker<D>,
    call: &Call,
    answers: &mut [(FetchTarget, PartitionData)],
    response: &mut FetchResponse,
) {
    if call.api_version < 16 {
        return;
    }
    for (target, data) in answers {
        if !matches!(data.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::FENCED_LEADER_EPOCH) {
            continue;
        }
        let Ok(topic) = broker.topic_named(&target.key.topic, target.key.topic_id, true) else { continue };
        let Some(hint) = broker.leader_hint(&topic, target.key.partition, call.listener) else { continue };
        data.current_leader = LeaderIdAndEpoch { leader_id: hint.leader, leader_epoch: hint.leader_epoch };
        if response.node_endpoints.iter().all(|node| node.node_id != hint.leader) {
            response.node_endpoints.push(NodeEndpoint {
                node_id: hint.leader,
                host: hint.host,
                port: hint.port,
                rack: hint.rack,
            });
        }
    }
}
