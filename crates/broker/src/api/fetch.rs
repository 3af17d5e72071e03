//! Fetch (key 1): reads record batches, at once or when enough of them have come.
//!
//! The batches travel from the log to the response as they are stored: whole, compressed or not, the
//! first one possibly beginning before the asked offset.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use clock::{Moment, Now, Span};
use cluster::BrokerId;
use commitlog::ReadJob;
use disk::Disk;
use kafka_wire::compression::Codec;
use kafka_wire::message::fetch::{
    AbortedTransaction, FetchRequest, FetchResponse, FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint,
    PartitionData,
};
use kafka_wire::{ErrorCode, Records};
use partition::FollowerFetch;

use crate::call::Call;
use crate::fetch_session::{FetchKind, FetchPlan, FetchTarget};
use crate::limits::{COLD_READ_TRIES, COLD_READ_WAIT, COLD_READS_PER_FETCH, FETCH_WAIT_MAX};
use crate::purgatory::{Parked, Patience, WatchKey};
use crate::replica::{Followed, Isolation, Look, Read, Replica};
use crate::replicas::{ReadState, ReadTicket};
use crate::{Broker, Effect, ListenerIndex, TopicPartition, isr, throttles};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 4..=18;

/// The first version that names topics by their ids.
const TOPIC_IDS_SINCE: i16 = 13;

/// The first version whose senders know zstd (KIP-110).
const ZSTD_SINCE: i16 = 10;

/// The first version whose senders tell their rack, and may read from followers (KIP-392).
const FOLLOWERS_SINCE: i16 = 11;

/// The property, and its value, that sends consumers to followers of their rack.
const SELECTOR: &str = "replica.selector.class";
const RACK_AWARE: &str = "org.apache.kafka.common.replica.RackAwareReplicaSelector";

/// A fetch that waits, for records or for the disk.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    plan: FetchPlan,
    deadline: Moment,
    bytes_min: usize,
    bytes_max: usize,
    isolation: Isolation,
    follower: Option<Follower>,
    /// The consumer's rack, if there may be a better replica for it than the leader.
    rack: Option<Arc<str>>,
    /// What was found for each target.
    found: Vec<PartitionData>,
    /// Bytes of records in all that was found.
    bytes: usize,
    /// The partitions by name, with their places among the targets; sorted.
    places: Vec<(TopicPartition, usize)>,
    /// Reads from the disk, by the place of their target.
    reads: BTreeMap<usize, ReadState>,
    /// Those of them that are not done.
    under_way: Vec<(usize, ReadTicket)>,
    /// How often reads were begun.
    tries: u32,
}

/// A broker that follows this one.
#[derive(Clone, Copy, Debug)]
struct Follower {
    id: i32,
    epoch: i64,
    /// Whether this fetch was noted by the partitions' leaders: once is enough.
    is_noted: bool,
}

/// Who reads, and what it may see.
struct Reader {
    isolation: Isolation,
    /// A follower whose fetch is to be noted.
    follower: Option<Follower>,
    /// The follower that reads, if one does.
    follower_id: Option<i32>,
    rack: Option<Arc<str>>,
    listener: ListenerIndex,
    knows_zstd: bool,
    reads_followers: bool,
    now: Moment,
}

/// What a change means for a fetch that waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Nothing.
    Wait,
    /// There is enough, or something to tell at once.
    Answer,
    /// All targets must be looked at.
    LookAgain,
}

impl Waiting {
    /// Whether it waits for records to come, not for the disk.
    pub(crate) fn waits_for_records(&self) -> bool {
        self.under_way.is_empty()
    }

    fn reader(&self, follower: Option<Follower>, now: Moment) -> Reader {
        Reader {
            isolation: self.isolation,
            follower,
            follower_id: self.follower.map(|follower| follower.id),
            rack: self.rack.clone(),
            listener: self.call.listener,
            knows_zstd: self.call.api_version >= ZSTD_SINCE,
            reads_followers: self.isolation != Isolation::Replica && self.call.api_version >= FOLLOWERS_SINCE,
            now,
        }
    }
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
    let epoch = if call.api_version >= 15 { request.replica_state.replica_epoch } else { -1 };
    let follower = (replica_id >= 0).then_some(Follower { id: replica_id, epoch, is_noted: false });
    let rack = (follower.is_none() && call.api_version >= FOLLOWERS_SINCE && !request.rack_id.is_empty())
        .then(|| Arc::from(request.rack_id.as_str()))
        .filter(|_| {
            broker
                .settings
                .properties
                .get(SELECTOR)
                .is_some_and(|class| class.trim().eq_ignore_ascii_case(RACK_AWARE))
        });
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
    let waiting = Waiting {
        call,
        plan,
        deadline,
        bytes_min: bytes_min.min(bytes_max),
        bytes_max,
        isolation,
        follower,
        rack,
        found: Vec::new(),
        bytes: 0,
        places: Vec::new(),
        reads: BTreeMap::new(),
        under_way: Vec::new(),
        tries: 0,
    };
    retry(broker, now, waiting, patience, effects);
}

/// Looks at all targets; answers if that is enough or the time is over, and parks the request otherwise.
pub(crate) fn retry<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    mut waiting: Waiting,
    patience: Patience,
    effects: &mut Vec<Effect>,
) {
    collect_reads(broker, &mut waiting);
    if !waiting.under_way.is_empty() && patience == Patience::Left {
        return park_for_reads(broker, now, waiting);
    }
    if !waiting.under_way.is_empty() {
        // The disk took too long; asking it once more would take as long.
        waiting.under_way.clear();
        waiting.tries = COLD_READ_TRIES;
    }
    let mut urgent = waiting.plan.targets.is_empty() || patience == Patience::Over;
    // What the disk brought would be lost if the disk were asked again.
    let may_read = waiting.reads.is_empty() && waiting.tries < COLD_READ_TRIES;
    let mut jobs = Vec::new();
    look_at_all(broker, now, &mut waiting, &mut jobs, &mut urgent);
    if let Some(follower) = &mut waiting.follower {
        follower.is_noted = true;
    }
    if !jobs.is_empty() && may_read {
        waiting.tries += 1;
        for (place, partition, job) in jobs {
            let ticket = broker.replicas.begin_read(&partition, job);
            waiting.under_way.push((place, ticket));
        }
        return park_for_reads(broker, now, waiting);
    }
    if urgent || waiting.bytes >= waiting.bytes_min {
        return answer(broker, now, waiting, effects);
    }
    waiting.places.sort_unstable();
    let keys = waiting.places.iter().map(|(partition, _)| WatchKey::Partition(partition.clone())).collect();
    let (connection, deadline) = (waiting.call.connection, waiting.deadline);
    // What the disk brought is no news when this is looked at next.
    waiting.reads.clear();
    waiting.tries = 0;
    broker.purgatory.park(connection, deadline, keys, Parked::Fetch(Box::new(waiting)));
}

/// Takes what the disk brought.
fn collect_reads<D: Disk>(broker: &mut Broker<D>, waiting: &mut Waiting) {
    let Waiting { under_way, reads, .. } = waiting;
    under_way.retain(|&(place, ticket)| match broker.replicas.take_read(ticket) {
        ReadState::UnderWay => true,
        ReadState::Stale => false,
        done => {
            reads.insert(place, done);
            false
        }
    });
}

fn park_for_reads<D: Disk>(broker: &mut Broker<D>, now: Now, waiting: Waiting) {
    let keys = waiting.under_way.iter().map(|&(_, ticket)| WatchKey::Read(ticket)).collect();
    let connection = waiting.call.connection;
    let deadline = now.moment + COLD_READ_WAIT;
    broker.purgatory.park(connection, deadline, keys, Parked::Fetch(Box::new(waiting)));
}

type Job<D> = (usize, TopicPartition, ReadJob<D>);

/// Looks at every target anew. What must be read from the disk, as far as it may still be sent, is added to
/// `jobs`.
fn look_at_all<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    waiting: &mut Waiting,
    jobs: &mut Vec<Job<D>>,
    urgent: &mut bool,
) {
    let by_id = waiting.call.api_version >= TOPIC_IDS_SINCE;
    let reader = waiting.reader(waiting.follower, now.moment);
    let count = waiting.plan.targets.len();
    waiting.bytes = 0;
    waiting.found = Vec::with_capacity(count);
    waiting.places = Vec::with_capacity(count);
    // Bytes that the disk is expected to bring.
    let mut expected = 0;
    for (place, target) in waiting.plan.targets.iter().enumerate() {
        let looked = broker
            .topic_named(&target.key.topic, target.key.topic_id, by_id)
            .map(|topic| TopicPartition { topic, partition: target.key.partition })
            .and_then(|partition| {
                let taken = waiting.bytes + expected;
                let budget = Budget { left: waiting.bytes_max.saturating_sub(taken), is_first: taken == 0 };
                let brought = waiting.reads.remove(&place);
                let looked = look(broker, &partition, target, &reader, budget, brought)?;
                waiting.places.push((partition.clone(), place));
                Ok((partition, looked))
            });
        let data = match looked {
            Ok((_, Looked::Found(data))) => data,
            Ok((partition, Looked::Cold(data, job))) => {
                if budget_allows(waiting.bytes_max, waiting.bytes + expected, jobs.len()) {
                    expected += job.bytes_max();
                    jobs.push((place, partition, job));
                }
                data
            }
            Err(error) => failed(target, error),
        };
        *urgent |= is_urgent(&data);
        waiting.bytes += length_of(&data);
        waiting.found.push(data);
    }
}

fn budget_allows(bytes_max: usize, taken: usize, jobs: usize) -> bool {
    jobs < COLD_READS_PER_FETCH && (taken < bytes_max || taken == 0)
}

/// Takes a change of some partitions into what was found before.
pub(crate) fn changed<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    waiting: &mut Waiting,
    keys: &[WatchKey],
) -> Verdict {
    let mut urgent = false;
    // Noted when the request came.
    let reader = waiting.reader(None, now.moment);
    for key in keys {
        let WatchKey::Partition(partition) = key else { return Verdict::LookAgain };
        let first = waiting.places.partition_point(|(known, _)| known < partition);
        let places = waiting.places[first..].iter().take_while(|(known, _)| known == partition);
        for &(_, place) in places {
            let target = &waiting.plan.targets[place];
            let others = waiting.bytes - length_of(&waiting.found[place]);
            let budget = Budget { left: waiting.bytes_max.saturating_sub(others), is_first: others == 0 };
            let data = match look(broker, partition, target, &reader, budget, None) {
                Ok(Looked::Found(data)) => data,
                Ok(Looked::Cold(..)) => return Verdict::LookAgain,
                Err(error) => failed(target, error),
            };
            urgent |= is_urgent(&data);
            waiting.bytes = others + length_of(&data);
            waiting.found[place] = data;
        }
    }
    if urgent || waiting.bytes >= waiting.bytes_min { Verdict::Answer } else { Verdict::Wait }
}

fn is_urgent(data: &PartitionData) -> bool {
    data.error_code != ErrorCode::NONE
        || data.diverging_epoch.end_offset >= 0
        || data.preferred_read_replica >= 0
}

fn length_of(data: &PartitionData) -> usize {
    data.records.as_ref().map_or(0, Records::len)
}

/// Answers with what was found.
pub(crate) fn answer<D: Disk>(broker: &mut Broker<D>, now: Now, waiting: Waiting, effects: &mut Vec<Effect>) {
    if waiting.follower.is_some() {
        let lengths = waiting.places.iter();
        let lengths = lengths.map(|(partition, place)| (partition, length_of(&waiting.found[*place])));
        throttles::sent(broker, now.moment, lengths);
    }
    let FetchPlan { targets, kind } = waiting.plan;
    let answers = targets.into_iter().zip(waiting.found).collect();
    finish(broker, now, waiting.call, kind, answers, effects);
}

/// What may still be read for one response.
#[derive(Clone, Copy)]
struct Budget {
    left: usize,
    /// Without this a batch larger than the limits would stop its reader for good.
    is_first: bool,
}

enum Looked<D: Disk> {
    Found(PartitionData),
    /// The records must be read from the disk.
    Cold(PartitionData, ReadJob<D>),
}

/// Looks at one target, where the disk may have brought its records already.
fn look<D: Disk>(
    broker: &mut Broker<D>,
    partition: &TopicPartition,
    target: &FetchTarget,
    reader: &Reader,
    budget: Budget,
    brought: Option<ReadState>,
) -> Result<Looked<D>, ErrorCode> {
    let isolation = reader.isolation;
    let preferred = reader
        .rack
        .as_deref()
        .and_then(|rack| nearer_replica(broker, partition, target.offset, rack, reader.listener));
    // Before the epoch is looked at, as in Kafka.
    if !reader.knows_zstd
        && broker.replicas.in_any_part(partition).is_some_and(|replica| replica.packs_with(Codec::Zstd))
    {
        return Err(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
    }
    let replica = replica_for(broker, partition, target, reader)?;
    let bytes_max = budget.left.min(target.bytes_max.max(0) as usize);
    let mut data = empty(target);
    if target.last_fetched_epoch >= 0
        && let Some((epoch, end_offset)) = replica.end_of_epoch(target.last_fetched_epoch)
        && (epoch < target.last_fetched_epoch || end_offset < target.offset)
    {
        // The reader has records that this leader never had: it learns where to cut (KIP-595).
        data.diverging_epoch.epoch = epoch;
        data.diverging_epoch.end_offset = end_offset;
        tell_offsets(&mut data, replica);
        return Ok(Looked::Found(data));
    }
    if let Some(preferred) = preferred {
        data.preferred_read_replica = preferred;
        tell_offsets(&mut data, replica);
        return Ok(Looked::Found(data));
    }
    if let Some(follower) = reader.follower.filter(|follower| !follower.is_noted)
        && (replica.log_start_offset()..=replica.log_end_offset()).contains(&target.offset)
    {
        note_follower(broker, reader.now, partition, target, follower)?;
    }
    let is_held_back = reader
        .follower_id
        .is_some_and(|follower| throttles::holds_back(broker, reader.now, partition, follower));
    let replica = replica_for(broker, partition, target, reader)?;
    if is_held_back && (replica.log_start_offset()..=replica.log_end_offset()).contains(&target.offset) {
        tell_offsets(&mut data, replica);
        return Ok(Looked::Found(data));
    }
    match brought {
        Some(ReadState::Failed(error)) => return Err(error),
        Some(ReadState::Here(fetched)) if fetched.bytes > 0 || !budget.is_first => {
            fill(&mut data, replica.found(target.offset, fetched, isolation)?, isolation);
            return Ok(Looked::Found(data));
        }
        // A hole that is longer than one read looks at.
        Some(ReadState::Here(_)) => {
            let read = replica.read(target.offset, bytes_max, budget.is_first, isolation)?;
            fill(&mut data, read, isolation);
            return Ok(Looked::Found(data));
        }
        Some(ReadState::UnderWay | ReadState::Stale) | None => {}
    }
    Ok(match replica.look(target.offset, bytes_max, budget.is_first, isolation)? {
        Look::Found(read) => {
            fill(&mut data, read, isolation);
            Looked::Found(data)
        }
        Look::Cold(nothing, job) => {
            fill(&mut data, nothing, isolation);
            Looked::Cold(data, job)
        }
    })
}

/// What the reader may read here: followers copy from leaders only, consumers read followers as well.
fn replica_for<'a, D: Disk>(
    broker: &'a mut Broker<D>,
    partition: &TopicPartition,
    target: &FetchTarget,
    reader: &Reader,
) -> Result<&'a mut Replica<D>, ErrorCode> {
    match reader.reads_followers {
        true => broker.replica_to_read(partition, target.current_leader_epoch),
        false => broker.leader_to_read(partition, target.current_leader_epoch),
    }
}

/// The follower in the consumer's rack that holds `offset` and is furthest; nobody if this broker does not
/// lead, or is in that rack itself.
fn nearer_replica<D: Disk>(
    broker: &mut Broker<D>,
    partition: &TopicPartition,
    offset: i64,
    rack: &str,
    listener: ListenerIndex,
) -> Option<i32> {
    if broker.settings.rack.as_deref() == Some(rack) {
        return None;
    }
    let listener = &broker.settings.listeners.get(listener.0)?.name;
    let metadata = broker.membership.metadata();
    let leadership = broker.replicas.leader_to_read(partition)?.leadership()?;
    let near = leadership.holders(offset).filter(|(id, _)| {
        let registered = metadata.brokers.get(&BrokerId(*id));
        registered.is_some_and(|it| it.registration.rack.as_deref() == Some(rack))
            && metadata.endpoint(BrokerId(*id), listener).is_some()
    });
    near.max_by_key(|(id, how_far)| (*how_far, *id)).map(|(id, _)| id)
}

/// What an answer without records tells.
fn tell_offsets<D: Disk>(data: &mut PartitionData, replica: &Replica<D>) {
    data.high_watermark = replica.high_watermark();
    data.last_stable_offset = replica.readable_end(Isolation::Committed);
    data.log_start_offset = replica.log_start_offset();
}

fn fill(data: &mut PartitionData, read: Read, isolation: Isolation) {
    let Read { records, high_watermark, last_stable_offset, log_start_offset, aborted } = read;
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
}

/// The follower holds everything below the offset that it asks for.
fn note_follower<D: Disk>(
    broker: &mut Broker<D>,
    now: Moment,
    partition: &TopicPartition,
    target: &FetchTarget,
    follower: Follower,
) -> Result<(), ErrorCode> {
    let fetch = FollowerFetch {
        broker_id: follower.id,
        broker_epoch: follower.epoch,
        offset: target.offset,
        log_start: target.log_start_offset,
        now,
    };
    let live = broker.membership.metadata().brokers.get(&BrokerId(follower.id)).map(|broker| broker.epoch.0);
    if follower.epoch != -1 && live.is_some_and(|live| follower.epoch < live) {
        // Asked in a former life, and late: it may have lost what it held then (KIP-903).
        return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    }
    let replica = broker.leader_to_read(partition, target.current_leader_epoch)?;
    match replica.fetched_by(&fetch) {
        // The assignment that names it is on its way here.
        Followed::Stranger => return Err(ErrorCode::UNKNOWN_LEADER_EPOCH),
        Followed::Noted { moved: true } => {
            broker.replicas.leader(partition);
            broker.purgatory.touch(&WatchKey::Partition(partition.clone()));
        }
        Followed::Noted { moved: false } => {}
    }
    isr::follower_moved(broker, partition);
    Ok(())
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
    // Kafka's answers tell thus whether it got as far as the log.
    let is_unknown = matches!(
        error_code,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
            | ErrorCode::UNKNOWN_TOPIC_ID
            | ErrorCode::INCONSISTENT_TOPIC_ID
            | ErrorCode::UNSUPPORTED_COMPRESSION_TYPE
    );
    let aborted_transactions = is_unknown.then(Vec::new);
    PartitionData { error_code, aborted_transactions, ..empty(target) }
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
