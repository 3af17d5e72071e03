//! Produce (key 0): appends one record batch to each named partition.
//!
//! Versions 0 to 2 are advertised (see [`ADVERTISED_SINCE`]) but refused when sent. Record bytes are
//! not looked into here beyond the batch header; they go to the log as they came from the socket.
//! A transaction's first batch in a partition is verified with the transaction's coordinator; from
//! version 12 on it makes the partition a part of the transaction instead (KIP-890).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use clock::{Moment, Now, Span};
use coordinator::Producer;
use coordinator::transactions::{AddRequest, ClientVersion, Partitions};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::batch::BatchHeader;
use kafka_wire::message::produce::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceData,
    PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData, TopicProduceResponse,
};

use crate::call::Call;
use crate::limits::{KEPT_SHARE, PRODUCE_WAIT_MAX};
use crate::purgatory::{Parked, Patience, WatchKey};
use crate::replica::{AppendError, Durability};
use crate::transactions::{self, Asked};
use crate::{Broker, CloseReason, Effect, TopicPartition};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 3..=13;

/// The lowest version that is advertised. Old librdkafka takes a broker whose range does not begin at 0
/// for one that cannot take compressed batches; it never sends these versions (KAFKA-18659).
pub(crate) const ADVERTISED_SINCE: i16 = 0;

/// From which version on a partition joins the transaction by being written to.
const JOINS_SINCE: i16 = 12;
/// From which version on a client knows `TRANSACTION_ABORTABLE`.
const ABORTABLE_SINCE: i16 = 11;

/// The client id whose owner may write to internal topics.
const ADMIN_CLIENT_ID: &str = "__admin_client";

/// A produce request whose records are appended but not yet acknowledged.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    /// How long it may wait from when it is the oldest of its connection.
    wait: Span,
    deadline: Moment,
    response: ProduceResponse,
    pending: Vec<Pending>,
}

impl Waiting {
    /// Whether its time is not over, since it is counted from when the request before it was answered: as if it
    /// had come in only then, as in Kafka. A producer with several requests at a leader that is cut from its
    /// followers relies on that: the later ones take longer than it waits itself, so it drops the connection and asks
    /// elsewhere who leads, which it would not do for timely answers that its time is over.
    fn has_waited_behind_others<D: Disk>(&mut self, broker: &mut Broker<D>, now: Moment) -> bool {
        let Some(connection) = broker.connections.find(self.call.connection) else { return false };
        let since = connection.oldest_since(self.call.number).unwrap_or(now);
        self.deadline = self.deadline.max(since + self.wait);
        self.deadline > now
    }
}

/// One partition of a request that waits.
#[derive(Debug)]
struct Pending {
    partition: TopicPartition,
    /// Its place in the response.
    topic_index: usize,
    partition_index: usize,
    /// The offset after the appended batch.
    end: i64,
    durability: Durability,
}

/// A request whose partitions join the transaction before anything is appended.
#[derive(Debug)]
pub(crate) struct Joining {
    call: Call,
    request: ProduceRequest,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: ProduceRequest,
    effects: &mut Vec<Effect>,
) {
    match to_join(broker, &call, &request) {
        Some(add) => {
            let asked = Asked::Produce(Joining { call, request });
            transactions::join(broker, now, asked, add, effects);
        }
        None => append_all(broker, now, call, request, None, effects),
    }
}

/// The coordinator has answered whether the partitions are in.
pub(crate) fn joined<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    Joining { call, request }: Joining,
    error: ErrorCode,
    effects: &mut Vec<Effect>,
) {
    let refusal = Some(error).filter(|error| !error.is_none());
    append_all(broker, now, call, request, refusal, effects);
}

/// The partitions of the request that must join the producer's transaction first, or that another broker
/// must be asked about. What this broker knows itself is asked for when the batch is appended.
fn to_join<D: Disk>(broker: &mut Broker<D>, call: &Call, request: &ProduceRequest) -> Option<AddRequest> {
    let id = request.transactional_id.as_ref()?;
    let version = if call.api_version >= JOINS_SINCE { ClientVersion::V2 } else { ClientVersion::V1 };
    let is_asked =
        broker.transactions.verifies() && transactions::coordinator_elsewhere(broker, id).is_some();
    if version == ClientVersion::V1 && !is_asked {
        return None;
    }
    let mut producer = None;
    let mut partitions = Partitions::new();
    for topic in &request.topic_data {
        let Ok(name) = broker.topic_named(&topic.name, topic.topic_id, call.api_version >= 13) else {
            continue;
        };
        for data in &topic.partition_data {
            let Some(records) = &data.records else { continue };
            let Ok(header) = BatchHeader::decode(&records.to_bytes()) else { continue };
            let partition = TopicPartition::new(name.clone(), data.index);
            let Ok(replica) = broker.leader_to_read(&partition, -1) else { continue };
            if replica.needs_verification(&header) {
                producer = Some(Producer { id: header.producer_id, epoch: header.producer_epoch });
                partitions.entry(name.to_string()).or_default().insert(data.index);
            }
        }
    }
    Some(AddRequest { id: id.clone(), producer: producer?, partitions, version })
}

/// An error of the transaction's coordinator, as producers of that version understand it.
fn verification_error(version: i16, error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::CONCURRENT_TRANSACTIONS if version >= JOINS_SINCE => error,
        ErrorCode::CONCURRENT_TRANSACTIONS
        | ErrorCode::COORDINATOR_LOAD_IN_PROGRESS
        | ErrorCode::COORDINATOR_NOT_AVAILABLE
        | ErrorCode::NOT_COORDINATOR => ErrorCode::NOT_ENOUGH_REPLICAS,
        ErrorCode::PRODUCER_FENCED => ErrorCode::INVALID_PRODUCER_EPOCH,
        ErrorCode::TRANSACTION_ABORTABLE if version < ABORTABLE_SINCE => ErrorCode::INVALID_TXN_STATE,
        error => error,
    }
}

/// Appends what may be appended; `refusal` is the answer to batches that would begin a transaction in
/// their partition.
fn append_all<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    mut request: ProduceRequest,
    refusal: Option<ErrorCode>,
    effects: &mut Vec<Effect>,
) {
    let durability = match request.acks {
        0 => Some(Durability::None),
        1 => Some(Durability::Leader),
        -1 => Some(Durability::InSync),
        _ => None,
    };
    let refusal_of_all = check_all(&request).err();
    let mut overruled = keep_one_of_each(&mut request.topic_data, call.api_version);
    if refusal_of_all.is_some() {
        overruled.clear();
    }
    let wait = Span::ms(request.timeout_ms.max(0) as u64).min(PRODUCE_WAIT_MAX);
    let transactional_id = request.transactional_id.as_deref();
    let mut pending = Vec::new();
    let mut responses = Vec::with_capacity(request.topic_data.len());
    for topic in request.topic_data {
        let name = broker.topic_named(&topic.name, topic.topic_id, call.api_version >= 13);
        let mut partition_responses = Vec::with_capacity(topic.partition_data.len());
        for data in topic.partition_data {
            let index = data.index;
            let appended = refusal_of_all
                .map_or_else(|| name.clone(), Err)
                .map_err(AppendError::from)
                .and_then(|name| {
                    let transaction = (transactional_id, refusal);
                    append(broker, now, &call, name, data, durability, transaction)
                });
            partition_responses.push(match appended {
                Ok(appended) => {
                    pending.push(Pending {
                        partition: appended.partition,
                        topic_index: responses.len(),
                        partition_index: partition_responses.len(),
                        end: appended.end,
                        durability: durability.unwrap_or(Durability::None),
                    });
                    PartitionProduceResponse { index, ..appended.response }
                }
                Err(error) => refused(index, error),
            });
            let name = |(name, id, partition): &Name| {
                *name == topic.name && *id == topic.topic_id.0 && *partition == index
            };
            if let Some(place) = overruled.iter().position(|(one, _)| name(one))
                && let Some(answer) = partition_responses.last_mut()
                && ![ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, ErrorCode::UNKNOWN_TOPIC_ID]
                    .contains(&answer.error_code)
            {
                *answer = refused(index, overruled.swap_remove(place).1);
            }
        }
        responses.push(TopicProduceResponse {
            name: topic.name,
            topic_id: topic.topic_id,
            partition_responses,
        });
    }
    let mut response = ProduceResponse { responses, ..Default::default() };
    if request.acks == 0 {
        return finish_unacknowledged(broker, call, &response, effects);
    }
    add_leader_hints(broker, &call, &mut response);
    let waiting = Waiting { call, wait, deadline: now.moment + wait, response, pending };
    retry(broker, now, waiting, Patience::Left, effects);
}

/// Answers a request whose records are where they must be, or lets it wait on.
pub(crate) fn retry<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    mut waiting: Waiting,
    mut patience: Patience,
    effects: &mut Vec<Effect>,
) {
    if patience == Patience::Over && waiting.has_waited_behind_others(broker, now.moment) {
        patience = Patience::Left;
    }
    let Waiting { response, pending, .. } = &mut waiting;
    pending.retain(|one| {
        let reached = broker.replicas.reached(&one.partition, one.end, one.durability);
        let error = match reached {
            Ok(true) => return false,
            Ok(false) if patience == Patience::Left => return true,
            Ok(false) => ErrorCode::REQUEST_TIMED_OUT,
            Err(error) => error,
        };
        response.responses[one.topic_index].partition_responses[one.partition_index].error_code = error;
        false
    });
    if waiting.pending.is_empty() {
        return broker.answer(waiting.call, &waiting.response, effects);
    }
    let key = |one: &Pending| WatchKey::Acknowledgement(one.partition.clone());
    let keys = waiting.pending.iter().map(key).collect();
    let (connection, deadline) = (waiting.call.connection, waiting.deadline.max(now.moment));
    broker.let_next_in(&waiting.call, effects);
    broker.purgatory.park(connection, deadline, keys, Parked::Produce(waiting));
}

struct AppendedHere {
    partition: TopicPartition,
    end: i64,
    response: PartitionProduceResponse,
}

fn append<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: &Call,
    topic: Arc<str>,
    data: PartitionProduceData,
    durability: Option<Durability>,
    (transactional_id, refusal): (Option<&str>, Option<ErrorCode>),
) -> Result<AppendedHere, AppendError> {
    // The order of these checks, and so of the errors, is Kafka's.
    let partition = TopicPartition::new(topic.clone(), data.index);
    if !broker.is_known(&partition) {
        return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.into());
    }
    let mut records = data.records.map(|records| records.to_bytes()).unwrap_or_default();
    records.truncate(check_batch(&records, call.api_version)?);
    let is_kept = records.len() >= commitlog::limits::COPIED_BATCH_BYTES;
    if is_kept && records.len() < call.frame_bytes / KEPT_SHARE {
        // The log would keep the whole request in memory for a small part of it.
        records = Bytes::copy_from_slice(&records);
    }
    let durability = durability.ok_or(ErrorCode::INVALID_REQUIRED_ACKS)?;
    if cluster::is_internal(&topic) && call.client_id.as_deref() != Some(ADMIN_CLIENT_ID) {
        return Err(ErrorCode::INVALID_TOPIC_EXCEPTION.into());
    }
    transactions::verify(broker, transactional_id, &partition, &records, refusal)
        .map_err(|error| verification_error(call.api_version, error))?;
    let replica = broker.leader(&partition, -1)?;
    let high_watermark = replica.high_watermark();
    let appended = replica.append_as_leader(now, records, durability)?;
    if replica.high_watermark() == high_watermark {
        broker.purgatory.touch_appended(&partition);
    } else {
        broker.purgatory.touch(&WatchKey::Partition(partition.clone()));
    }
    Ok(AppendedHere {
        partition,
        end: appended.end,
        response: PartitionProduceResponse {
            base_offset: appended.first,
            log_append_time_ms: appended.append_time,
            log_start_offset: appended.log_start,
            ..Default::default()
        },
    })
}

/// What refuses a request as a whole, as in Kafka: a partition's bytes that can be no batch, or records of a
/// transaction without the name of one.
fn check_all(request: &ProduceRequest) -> Result<(), ErrorCode> {
    const TRANSACTIONAL: u8 = 1 << 4;
    for data in request.topic_data.iter().flat_map(|topic| &topic.partition_data) {
        let Some(records) = &data.records else { continue };
        let records = records.to_bytes();
        if first_batch(&records)?.is_none() || records[MAGIC_BYTE] < 2 {
            continue;
        }
        let is_transactional = records.get(ATTRIBUTES_LOW_BYTE).is_some_and(|byte| byte & TRANSACTIONAL != 0);
        if is_transactional && request.transactional_id.is_none() {
            return Err(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
        }
        if is_transactional {
            return Ok(());
        }
    }
    Ok(())
}

/// A partition as a request names it: topic by name or id, and index.
type Name = (String, [u8; 16], i32);

/// Leaves one naming of each partition, as Kafka does, which keeps them in maps: the last that brings a batch of the
/// right form, or the last if none does. Gives the partitions that are answered with the error of another naming, whose
/// batch had not that form, although what was left is appended. No client sends such a request.
fn keep_one_of_each(topics: &mut Vec<TopicProduceData>, version: i16) -> Vec<(Name, AppendError)> {
    let mut seen = BTreeSet::new();
    let names = topics.iter().flat_map(|topic| {
        topic.partition_data.iter().map(|data| (topic.name.as_str(), topic.topic_id.0, data.index))
    });
    if names.into_iter().all(|name| seen.insert(name)) {
        return Vec::new();
    }
    let mut namings: BTreeMap<Name, Vec<(usize, usize)>> = BTreeMap::new();
    for (topic, data) in topics.iter().enumerate() {
        for (partition, one) in data.partition_data.iter().enumerate() {
            let name = (data.name.clone(), data.topic_id.0, one.index);
            namings.entry(name).or_default().push((topic, partition));
        }
    }
    let (mut dropped, mut overruled) = (Vec::new(), Vec::new());
    for (name, places) in namings.into_iter().filter(|(_, places)| places.len() > 1) {
        let (mut kept, mut wrong) = (None, None);
        for &(topic, partition) in &places {
            let records = topics[topic].partition_data[partition].records.as_ref();
            match check_batch(&records.map(|records| records.to_bytes()).unwrap_or_default(), version) {
                Ok(_) => kept = Some((topic, partition)),
                Err(error) => wrong = Some(error),
            }
        }
        match (kept, wrong) {
            (Some(_), Some(error)) => overruled.push((name, error)),
            (None, _) => kept = places.last().copied(),
            (Some(_), None) => {}
        }
        dropped.extend(places.into_iter().filter(|place| Some(*place) != kept));
    }
    dropped.sort_unstable();
    for &(topic, partition) in dropped.iter().rev() {
        topics[topic].partition_data.remove(partition);
    }
    if !dropped.is_empty() {
        topics.retain(|topic| !topic.partition_data.is_empty());
    }
    overruled
}

/// The form that the API asks for, whatever the log could take: one batch, of the current format, in
/// a codec that the client's version knows. The order of the checks, and so the errors, are Kafka's. Returns
/// where the batch ends: what follows and is too short for another is no matter.
fn check_batch(records: &[u8], version: i16) -> Result<usize, AppendError> {
    const ZSTD: u8 = 4;
    let invalid = |message: &str| {
        let error = ErrorCode::INVALID_RECORD;
        Err(AppendError { message: Some(message.into()), ..error.into() })
    };
    let Some(end) = first_batch(records)? else {
        return invalid("A produce request must have one whole record batch per partition");
    };
    if records[MAGIC_BYTE] != 2 {
        return invalid("A produce request must have record batches of magic 2");
    }
    if end < BATCH_BYTES_MIN {
        return Err(ErrorCode::CORRUPT_MESSAGE.into());
    }
    if version < 7 && records[ATTRIBUTES_LOW_BYTE] & 7 == ZSTD {
        return Err(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE.into());
    }
    if first_batch(&records[end..])?.is_some() {
        return invalid("A produce request must have exactly one record batch per partition");
    }
    Ok(end)
}

/// Where a batch says what format it is of.
const MAGIC_BYTE: usize = 16;
/// Where the second byte of a batch's attributes is, which holds the codec.
const ATTRIBUTES_LOW_BYTE: usize = 22;
/// Length of a batch of magic 2 without records.
const BATCH_BYTES_MIN: usize = 61;
/// Offset and size of a batch, which its size does not count.
const PREFIX_BYTES: usize = 12;
/// The least that its size may be: a message of magic 0 without key and value.
const LEGACY_SIZE_MIN: i32 = 14;

/// Length of the batch at the front, if it is there as a whole; `CORRUPT_MESSAGE` if this can be none.
fn first_batch(records: &[u8]) -> Result<Option<usize>, ErrorCode> {
    let Some(size) = records.get(8..PREFIX_BYTES).and_then(|size| size.try_into().ok()) else {
        return Ok(None);
    };
    let size = i32::from_be_bytes(size);
    if size < LEGACY_SIZE_MIN {
        return Err(ErrorCode::CORRUPT_MESSAGE);
    }
    let Some(&magic) = records.get(MAGIC_BYTE) else { return Ok(None) };
    if magic > 2 {
        return Err(ErrorCode::CORRUPT_MESSAGE);
    }
    let length = PREFIX_BYTES + size as usize;
    Ok((length <= records.len()).then_some(length))
}

fn refused(index: i32, error: AppendError) -> PartitionProduceResponse {
    PartitionProduceResponse {
        index,
        error_code: error.code,
        base_offset: -1,
        log_start_offset: error.log_start.unwrap_or(-1),
        error_message: error.message,
        record_errors: error
            .records
            .into_iter()
            .map(|(batch_index, message)| BatchIndexAndErrorMessage {
                batch_index,
                batch_index_error_message: Some(message),
            })
            .collect(),
        ..Default::default()
    }
}

/// Nobody hears of an error with acks=0, so the connection ends: the client then asks for metadata.
fn finish_unacknowledged<D: Disk>(
    broker: &mut Broker<D>,
    call: Call,
    response: &ProduceResponse,
    effects: &mut Vec<Effect>,
) {
    let failed = response
        .responses
        .iter()
        .flat_map(|topic| &topic.partition_responses)
        .any(|partition| partition.error_code != ErrorCode::NONE);
    if failed {
        broker.refuse(call, CloseReason::UnacknowledgedProduceFailed, effects);
    } else {
        broker.finish_silently(call, effects);
    }
}

/// Says who leads the partitions that are not led here, where the version has room for it (KIP-951).
fn add_leader_hints<D: Disk>(broker: &Broker<D>, call: &Call, response: &mut ProduceResponse) {
    if call.api_version < 10 {
        return;
    }
    for topic in &mut response.responses {
        for partition in &mut topic.partition_responses {
            if partition.error_code != ErrorCode::NOT_LEADER_OR_FOLLOWER {
                continue;
            }
            let Ok(name) = broker.topic_named(&topic.name, topic.topic_id, call.api_version >= 13) else {
                continue;
            };
            let Some(hint) = broker.leader_hint(&name, partition.index, call.listener) else { continue };
            partition.current_leader =
                LeaderIdAndEpoch { leader_id: hint.leader, leader_epoch: hint.leader_epoch };
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
}

#[cfg(test)]
mod tests;
