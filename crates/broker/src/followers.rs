//! The partitions that this broker follows, and the fetches by which it does: one fetch session for each
//! leader, one request of it under way.
//!
//! A follower asks from its log's end on, tells the epoch of its last record, and cuts its log where the
//! leader says that their histories part. Its next request tells the leader how far it has come, so what
//! is asked for is what is kept: with durable acknowledgements a fetch follows the sync of what the one
//! before brought.

mod requests;

use std::collections::BTreeMap;

use clock::{Moment, Now};
use cluster::BrokerId;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::fetch::{FetchRequest, FetchResponse, PartitionData};
use kafka_wire::message::list_offsets::{ListOffsetsRequest, ListOffsetsResponse};

use crate::limits::{FOLLOWER_BACKOFF, THROTTLED_PAUSE};
use crate::links::{self, Lane, LinkError, Reply};
use crate::protocol::InterBrokerProtocol;
use crate::purgatory::WatchKey;
use crate::{Broker, Effect, Event, TopicPartition};

/// What is followed, and from whom.
#[derive(Default)]
pub(crate) struct Followers {
    fetchers: BTreeMap<BrokerId, Fetcher>,
    leaders: BTreeMap<TopicPartition, BrokerId>,
    notes: Vec<String>,
}

/// Everything followed from one leader.
#[derive(Default)]
struct Fetcher {
    followed: BTreeMap<TopicPartition, Following>,
    session: Session,
    busy: bool,
    retry_at: Option<Moment>,
}

#[derive(Clone, Copy, Debug)]
struct Following {
    leader_epoch: i32,
    /// Not asked for before that moment.
    pause_until: Option<Moment>,
    /// Whether it had all that was replicated when the leader was last heard.
    is_level: bool,
    range: Range,
}

/// Whether this log's end is within the leader's log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Range {
    /// As far as anybody knows.
    Within,
    /// It is not: the leader's start must be asked for.
    AskStart,
    /// It is not before the leader's start, so it must be behind its end.
    AskEnd,
}

/// The fetch session at the leader.
#[derive(Default, Debug)]
struct Session {
    id: i32,
    epoch: i32,
    by_id: bool,
    /// What the session holds, as it was told last.
    told: BTreeMap<TopicPartition, Told>,
}

/// What is asked of one partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Told {
    leader_epoch: i32,
    offset: i64,
    last_epoch: i32,
    log_start: i64,
}

/// What was sent to a leader.
#[derive(Debug)]
pub(crate) enum Sent {
    /// A fetch.
    Fetch,
    /// Where the leader's log begins or ends, for partitions that are out of its range.
    Offsets { latest: bool },
}

impl Followers {
    /// When the next fetch may be sent to a leader that is waited with.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        let idle = self.fetchers.values().filter(|fetcher| !fetcher.busy);
        let due = |fetcher: &Fetcher| {
            let first = fetcher.followed.values().map(|following| following.pause_until).min().flatten();
            fetcher.retry_at.max(first)
        };
        idle.filter(|fetcher| !fetcher.followed.is_empty()).filter_map(due).min()
    }

    /// Follows `leader` from now on.
    pub(crate) fn follow(&mut self, partition: &TopicPartition, leader: BrokerId, leader_epoch: i32) {
        self.forget(partition);
        self.leaders.insert(partition.clone(), leader);
        let following = Following { leader_epoch, pause_until: None, is_level: false, range: Range::Within };
        self.fetchers.entry(leader).or_default().followed.insert(partition.clone(), following);
    }

    /// Whether a leader is followed in this partition.
    pub(crate) fn follows(&self, partition: &TopicPartition) -> bool {
        self.leaders.contains_key(partition)
    }

    /// Follows nobody in this partition any more.
    pub(crate) fn forget(&mut self, partition: &TopicPartition) {
        let Some(leader) = self.leaders.remove(partition) else { return };
        let Some(fetcher) = self.fetchers.get_mut(&leader) else { return };
        fetcher.followed.remove(partition);
        if fetcher.followed.is_empty() && !fetcher.busy {
            self.fetchers.remove(&leader);
        }
    }

    /// The leader came back, perhaps as another process: its sessions are gone.
    pub(crate) fn leader_changed(&mut self, leader: BrokerId) {
        if let Some(fetcher) = self.fetchers.get_mut(&leader) {
            fetcher.session = Session::default();
            fetcher.retry_at = None;
        }
    }
}

/// Sends what is due, behind the syncs of the turn.
pub(crate) fn turn_ended<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    let notes = std::mem::take(&mut broker.followers.notes);
    effects.extend(notes.into_iter().map(|note| Effect::Event(Event::Note(note))));
    if broker.membership.epoch().is_none() {
        return;
    }
    let is_due = |fetcher: &Fetcher| {
        !fetcher.busy
            && fetcher.retry_at.is_none_or(|at| at <= now.moment)
            && fetcher.followed.values().any(|one| one.pause_until.is_none_or(|at| at <= now.moment))
    };
    let due: Vec<BrokerId> =
        broker.followers.fetchers.iter().filter(|(_, fetcher)| is_due(fetcher)).map(|(id, _)| *id).collect();
    for leader in due {
        fetch(broker, now, leader, effects);
    }
}

fn fetch<D: Disk>(broker: &mut Broker<D>, now: Now, leader: BrokerId, effects: &mut Vec<Effect>) {
    let Some(fetcher) = broker.followers.fetchers.get_mut(&leader) else { return };
    fetcher.retry_at = None;
    let protocol = InterBrokerProtocol::of(&broker.settings.properties);
    let lane = (leader, Lane::Replication);
    for (range, timestamp) in [(Range::AskStart, requests::EARLIEST), (Range::AskEnd, requests::LATEST)] {
        let lost: Vec<(TopicPartition, i32)> = fetcher
            .followed
            .iter()
            .filter(|(_, one)| one.range == range && one.pause_until.is_none_or(|at| at <= now.moment))
            .map(|(partition, one)| (partition.clone(), one.leader_epoch))
            .collect();
        if !lost.is_empty() {
            fetcher.busy = true;
            let request = requests::offsets(broker.settings.broker_id, &lost, timestamp);
            let sent = links::Sent::Replication(Sent::Offsets { latest: range == Range::AskEnd });
            return broker.send_to(now, lane, protocol.list_offsets(), &request, sent, effects);
        }
    }
    // What is asked for is what is kept: not before it is on the disk, if acknowledged means that.
    let is_waiting = |partition: &TopicPartition| broker.replicas.awaits_sync(partition);
    if broker.settings.durable_acks && fetcher.followed.keys().any(is_waiting) {
        return;
    }
    let mut wanted: BTreeMap<TopicPartition, Told> = BTreeMap::new();
    let mut gone = Vec::new();
    let me = broker.settings.broker_id;
    let is_exceeded = broker.throttles.follower.is_exceeded(now.moment);
    for (partition, following) in &mut fetcher.followed {
        if following.pause_until.is_some_and(|at| at > now.moment) {
            continue;
        }
        match broker.replicas.follower(partition) {
            Some(replica) if !replica.is_offline() => {
                let is_limited = || replica.config().follower_throttled.names(partition.partition, me);
                if is_exceeded && !following.is_level && is_limited() {
                    following.pause_until = Some(now.moment + THROTTLED_PAUSE);
                    continue;
                }
                let told = Told {
                    leader_epoch: following.leader_epoch,
                    offset: replica.log_end_offset(),
                    last_epoch: replica.last_epoch(),
                    log_start: replica.log_start_offset(),
                };
                wanted.insert(partition.clone(), told);
            }
            _ => gone.push(partition.clone()),
        }
    }
    for partition in &gone {
        fetcher.followed.remove(partition);
        broker.followers.leaders.remove(partition);
    }
    if wanted.is_empty() {
        return;
    }
    let metadata = broker.membership.metadata();
    let by_id = wanted.keys().all(|partition| {
        metadata.topic(&partition.topic).is_some_and(|topic| topic.id != cluster::TopicId::ZERO)
    });
    let version = protocol.fetch(by_id);
    let session = &mut fetcher.session;
    if session.by_id != (version >= requests::TOPIC_IDS_SINCE) || session.epoch == 0 {
        let id = session.id;
        *session = Session { id, by_id: version >= requests::TOPIC_IDS_SINCE, ..Session::default() };
    }
    let names = |partition: &TopicPartition| {
        let id = metadata.topic(&partition.topic).map_or(cluster::TopicId::ZERO, |topic| topic.id);
        kafka_wire::Uuid(id.0)
    };
    let who = (broker.settings.broker_id, broker.membership.epoch().map_or(-1, |epoch| epoch.0));
    let limits = requests::Limits::of(&broker.settings.properties);
    let request = requests::fetch(who, session, &wanted, &limits, names);
    session.told = wanted;
    fetcher.busy = true;
    broker.send_to(now, lane, version, &request, links::Sent::Replication(Sent::Fetch), effects);
}

/// A leader answered, or did not.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    leader: BrokerId,
    sent: Sent,
    reply: Result<Reply, LinkError>,
) {
    let Some(fetcher) = broker.followers.fetchers.get_mut(&leader) else { return };
    fetcher.busy = false;
    let lost = |fetcher: &mut Fetcher| {
        fetcher.session = Session::default();
        fetcher.retry_at = Some(now.moment + FOLLOWER_BACKOFF);
    };
    match sent {
        Sent::Fetch => match reply.and_then(Reply::read::<FetchRequest>) {
            Ok(response) => fetched(broker, now, leader, response),
            Err(LinkError::Lost) => lost(fetcher),
        },
        Sent::Offsets { latest } => match reply.and_then(Reply::read::<ListOffsetsRequest>) {
            Ok(response) => offsets_known(broker, now, leader, latest, &response),
            Err(LinkError::Lost) => lost(fetcher),
        },
    }
}

fn fetched<D: Disk>(broker: &mut Broker<D>, now: Now, leader: BrokerId, response: FetchResponse) {
    let Some(fetcher) = broker.followers.fetchers.get_mut(&leader) else { return };
    if response.error_code != ErrorCode::NONE {
        let session = Session { id: 0, ..Session::default() };
        fetcher.session = session;
        if !matches!(
            response.error_code,
            ErrorCode::FETCH_SESSION_ID_NOT_FOUND | ErrorCode::INVALID_FETCH_SESSION_EPOCH
        ) {
            fetcher.retry_at = Some(now.moment + FOLLOWER_BACKOFF);
        }
        return;
    }
    let session = &mut fetcher.session;
    session.id = response.session_id;
    session.epoch = match (response.session_id, session.epoch) {
        // The leader had no slot: the next request is a full one again.
        (0, _) => 0,
        (_, i32::MAX) => 1,
        (_, epoch) => epoch + 1,
    };
    let told = session.told.clone();
    for topic in response.responses {
        let name = if topic.topic.is_empty() {
            let metadata = broker.membership.metadata();
            metadata.topic_by_id(cluster::TopicId(topic.topic_id.0)).map(|topic| topic.name.clone())
        } else {
            Some(topic.topic.as_str().into())
        };
        let Some(name) = name else { continue };
        for data in topic.partitions {
            let partition = TopicPartition::new(name.clone(), data.partition_index);
            if let Some(told) = told.get(&partition) {
                take(broker, now, leader, &partition, *told, data);
            }
        }
    }
}

/// Takes what a leader sent of one partition.
fn take<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    leader: BrokerId,
    partition: &TopicPartition,
    told: Told,
    data: PartitionData,
) {
    let Some(fetcher) = broker.followers.fetchers.get_mut(&leader) else { return };
    let Some(following) = fetcher.followed.get_mut(partition) else { return };
    if following.leader_epoch != told.leader_epoch {
        return;
    }
    let Some(replica) = broker.replicas.follower(partition) else { return };
    // The log was cut or begun anew since the request was sent.
    if replica.log_end_offset() != told.offset {
        return;
    }
    let pause = Some(now.moment + FOLLOWER_BACKOFF);
    following.pause_until = None;
    let taken = match data.error_code {
        ErrorCode::NONE if data.diverging_epoch.end_offset >= 0 => {
            let diverging = data.diverging_epoch;
            let outcome = replica.diverged(now, diverging.epoch, diverging.end_offset);
            let end = replica.log_end_offset();
            broker.followers.notes.push(format!(
                "{partition} is cut from {} to {end}: the leader's epoch {} ended at {}",
                told.offset, diverging.epoch, diverging.end_offset
            ));
            outcome
        }
        ErrorCode::NONE => {
            let records = data.records.map(|records| records.to_bytes()).unwrap_or_default();
            if replica.config().follower_throttled.names(partition.partition, broker.settings.broker_id) {
                broker.throttles.follower.record(now.moment, records.len() as u64);
            }
            let taken = replica.append_as_follower(now, records, data.high_watermark, data.log_start_offset);
            following.is_level = replica.log_end_offset() >= data.high_watermark;
            taken
        }
        ErrorCode::OFFSET_OUT_OF_RANGE => {
            following.range = Range::AskStart;
            return;
        }
        // The controller's next word, or the leader's, is a moment away.
        _ => {
            following.pause_until = pause;
            return;
        }
    };
    if let Err(error) = taken {
        following.pause_until = pause;
        broker.followers.notes.push(format!("{partition} cannot follow its leader: {}", error.name()));
    }
    broker.purgatory.touch(&WatchKey::Partition(partition.clone()));
}

/// Where the logs of a leader begin or end, of which this broker holds something else.
fn offsets_known<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    leader: BrokerId,
    latest: bool,
    response: &ListOffsetsResponse,
) {
    let Some(fetcher) = broker.followers.fetchers.get_mut(&leader) else { return };
    fetcher.session = Session::default();
    for topic in &response.topics {
        for answer in &topic.partitions {
            let partition = TopicPartition::new(topic.name.as_str(), answer.partition_index);
            let Some(following) = fetcher.followed.get_mut(&partition) else { continue };
            let Some(replica) = broker.replicas.follower(&partition) else { continue };
            let end = replica.log_end_offset();
            let done = match answer.error_code {
                ErrorCode::NONE if latest => replica.truncate(now, answer.offset),
                ErrorCode::NONE if answer.offset > end => replica.start_over(now, answer.offset),
                ErrorCode::NONE => {
                    following.range = Range::AskEnd;
                    continue;
                }
                error => Err(error),
            };
            following.range = Range::Within;
            let text = match done {
                Ok(()) => format!("goes on at {}, not {end}", replica.log_end_offset()),
                Err(error) => {
                    following.pause_until = Some(now.moment + FOLLOWER_BACKOFF);
                    format!("is out of its leader's range: {}", error.name())
                }
            };
            broker.followers.notes.push(format!("{partition} {text}"));
        }
    }
}
