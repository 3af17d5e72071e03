//! Incremental fetch sessions (KIP-227): what a consumer follows, so that it need not say it each time,
//! and what it was told last, so that it is told only what changed.
//!
//! A session does not belong to a connection: its id and epoch alone name it. There are few slots; who
//! gets none is served all the same, by full requests and responses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clock::Moment;
use kafka_wire::message::fetch::{FetchRequest, PartitionData};
use kafka_wire::{ErrorCode, Uuid};

use crate::limits::{
    FETCH_SESSION_EVICTION, FETCH_SESSION_PARTITIONS_MAX, FETCH_SESSIONS_PARTITIONS_TOTAL_MAX,
};

/// The epoch of a request that wants no session, or closes the one it names.
const FINAL_EPOCH: i32 = -1;
/// The epoch of a request that names all of its partitions and would like a session.
const INITIAL_EPOCH: i32 = 0;

/// A partition as fetch requests name it: by name up to version 12, by topic id from 13 on; the other
/// one is empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct FetchKey {
    pub(crate) topic: Arc<str>,
    pub(crate) topic_id: Uuid,
    pub(crate) partition: i32,
}

/// What is asked of one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FetchTarget {
    pub(crate) key: FetchKey,
    pub(crate) offset: i64,
    pub(crate) bytes_max: i32,
    /// -1: not given.
    pub(crate) current_leader_epoch: i32,
    /// -1: not given.
    pub(crate) last_fetched_epoch: i32,
    /// Of the follower; -1 from consumers.
    pub(crate) log_start_offset: i64,
}

/// What a fetch request turned out to be about.
#[derive(Debug)]
pub(crate) struct FetchPlan {
    /// The partitions to read, in order of precedence.
    pub(crate) targets: Vec<FetchTarget>,
    pub(crate) kind: FetchKind,
}

/// How the response is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FetchKind {
    /// All partitions, session id 0.
    Sessionless,
    /// All partitions, and a new session if there is a slot.
    Full,
    /// What changed since the last response of the session.
    Incremental {
        /// The session.
        id: i32,
        /// Its epoch while this request is served; another request moves it on.
        epoch: i32,
    },
}

/// The sessions of all consumers.
#[derive(Default)]
pub(crate) struct FetchSessions {
    sessions: BTreeMap<i32, Session>,
    by_last_use: BTreeSet<(Moment, i32)>,
    partitions: usize,
}

struct Session {
    uses_topic_ids: bool,
    /// What the next incremental request must carry.
    epoch: i32,
    created: Moment,
    last_used: Moment,
    next_place: u64,
    /// In order of precedence: those that gave records last come last.
    order: BTreeMap<u64, Followed>,
    places: BTreeMap<FetchKey, u64>,
}

struct Followed {
    target: FetchTarget,
    /// What the consumer was told last; -1 before that.
    high_watermark: i64,
    log_start_offset: i64,
}

impl FetchSessions {
    /// Finds out what a request is about, and takes its changes into its session.
    pub(crate) fn plan(
        &mut self,
        now: Moment,
        version: i16,
        request: FetchRequest,
    ) -> Result<FetchPlan, ErrorCode> {
        let (id, epoch) = (request.session_id, request.session_epoch);
        if epoch == FINAL_EPOCH || epoch == INITIAL_EPOCH {
            if id != 0 {
                self.remove(id);
            }
            let targets = targets_of(request);
            let kind = if epoch == FINAL_EPOCH || targets.is_empty() {
                FetchKind::Sessionless
            } else {
                FetchKind::Full
            };
            return Ok(FetchPlan { targets, kind });
        }
        let session = self.sessions.get_mut(&id).ok_or(ErrorCode::FETCH_SESSION_ID_NOT_FOUND)?;
        if session.epoch != epoch {
            return Err(ErrorCode::INVALID_FETCH_SESSION_EPOCH);
        }
        if session.uses_topic_ids != (version >= 13) {
            return Err(ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR);
        }
        self.partitions -= session.order.len();
        session.update(request);
        self.partitions += session.order.len();
        if session.order.is_empty() || session.order.len() > FETCH_SESSION_PARTITIONS_MAX {
            let targets = session.targets();
            self.remove(id);
            return Ok(FetchPlan { targets, kind: FetchKind::Sessionless });
        }
        session.epoch = next_epoch(epoch);
        let kind = FetchKind::Incremental { id, epoch: session.epoch };
        let plan = FetchPlan { targets: session.targets(), kind };
        self.by_last_use.remove(&(session.last_used, id));
        session.last_used = now;
        self.by_last_use.insert((now, id));
        Ok(plan)
    }

    /// Takes what will be answered to a full request, and opens a session if there is a slot for it.
    /// Returns the id of the session, or 0.
    pub(crate) fn open(
        &mut self,
        now: Moment,
        random: &mut fastrand::Rng,
        sessions_max: usize,
        version: i16,
        answers: &[(FetchTarget, PartitionData)],
    ) -> i32 {
        if answers.len() > FETCH_SESSION_PARTITIONS_MAX {
            return 0;
        }
        let fits = |sessions: &Self| {
            sessions.sessions.len() < sessions_max
                && sessions.partitions + answers.len() <= FETCH_SESSIONS_PARTITIONS_TOTAL_MAX
        };
        while !fits(self) {
            if !self.evict(now, answers.len()) {
                return 0;
            }
        }
        let id = loop {
            let id = random.i32(1..);
            if !self.sessions.contains_key(&id) {
                break id;
            }
        };
        let mut session = Session {
            uses_topic_ids: version >= 13,
            epoch: next_epoch(INITIAL_EPOCH),
            created: now,
            last_used: now,
            next_place: 0,
            order: BTreeMap::new(),
            places: BTreeMap::new(),
        };
        for (target, _) in answers {
            session.follow(target.clone());
        }
        for (target, data) in answers {
            session.tell(&target.key, data);
        }
        self.partitions += session.order.len();
        self.by_last_use.insert((now, id));
        self.sessions.insert(id, session);
        id
    }

    /// Leaves of `answers` only what the consumer does not know yet, and remembers that it will.
    ///
    /// # Errors
    /// The session is gone or was used by another request meanwhile.
    pub(crate) fn reduce(
        &mut self,
        id: i32,
        epoch: i32,
        answers: &mut Vec<(FetchTarget, PartitionData)>,
    ) -> Result<(), ErrorCode> {
        match self.sessions.get_mut(&id) {
            Some(session) if session.epoch == epoch => {
                answers.retain(|(target, data)| session.tell(&target.key, data));
                Ok(())
            }
            _ => Err(ErrorCode::INVALID_FETCH_SESSION_EPOCH),
        }
    }

    fn remove(&mut self, id: i32) {
        if let Some(session) = self.sessions.remove(&id) {
            self.by_last_use.remove(&(session.last_used, id));
            self.partitions -= session.order.len();
        }
    }

    /// Makes room: the least recently used session goes if it was idle for long, or has lived long
    /// enough and is smaller than the one that wants in.
    fn evict(&mut self, now: Moment, wanted: usize) -> bool {
        let Some(&(last_used, id)) = self.by_last_use.first() else { return false };
        if now.since(last_used) > FETCH_SESSION_EVICTION {
            self.remove(id);
            return true;
        }
        let smaller = self
            .sessions
            .iter()
            .filter(|(_, session)| now.since(session.created) > FETCH_SESSION_EVICTION)
            .min_by_key(|(id, session)| (session.order.len(), **id))
            .filter(|(_, session)| session.order.len() < wanted)
            .map(|(&id, _)| id);
        match smaller {
            Some(id) => {
                self.remove(id);
                true
            }
            None => false,
        }
    }
}

impl Session {
    fn update(&mut self, request: FetchRequest) {
        for forgotten in &request.forgotten_topics_data {
            let mut key = FetchKey {
                topic: forgotten.topic.as_str().into(),
                topic_id: forgotten.topic_id,
                partition: 0,
            };
            for &partition in &forgotten.partitions {
                key.partition = partition;
                if let Some(place) = self.places.remove(&key) {
                    self.order.remove(&place);
                }
            }
        }
        for target in targets_of(request) {
            self.follow(target);
        }
    }

    /// Follows a partition, or changes what is asked of it; a known one keeps its place.
    fn follow(&mut self, target: FetchTarget) {
        if let Some(followed) = self.places.get(&target.key).and_then(|place| self.order.get_mut(place)) {
            followed.target = target;
            return;
        }
        let place = self.next_place;
        self.next_place += 1;
        self.places.insert(target.key.clone(), place);
        self.order.insert(place, Followed { target, high_watermark: -1, log_start_offset: -1 });
    }

    /// Remembers what the consumer is about to be told. Returns whether it is worth telling.
    fn tell(&mut self, key: &FetchKey, data: &PartitionData) -> bool {
        let Some(place) = self.places.get_mut(key) else { return true };
        let Some(followed) = self.order.get_mut(place) else { return true };
        let is_news = followed.is_news(data);
        followed.log_start_offset = data.log_start_offset;
        // After an error the next good answer is always news.
        followed.high_watermark = if data.error_code == ErrorCode::NONE { data.high_watermark } else { -1 };
        if has_records(data)
            && let Some(followed) = self.order.remove(place)
        {
            *place = self.next_place;
            self.next_place += 1;
            self.order.insert(*place, followed);
        }
        is_news
    }

    fn targets(&self) -> Vec<FetchTarget> {
        self.order.values().map(|followed| followed.target.clone()).collect()
    }
}

impl Followed {
    fn is_news(&self, data: &PartitionData) -> bool {
        has_records(data)
            || data.error_code != ErrorCode::NONE
            || data.high_watermark != self.high_watermark
            || data.log_start_offset != self.log_start_offset
            || data.diverging_epoch.end_offset >= 0
            || data.preferred_read_replica >= 0
    }
}

fn has_records(data: &PartitionData) -> bool {
    data.records.as_ref().is_some_and(|records| !records.is_empty())
}

fn next_epoch(epoch: i32) -> i32 {
    if epoch == i32::MAX { 1 } else { epoch + 1 }
}

/// The partitions that a request names, in its order; one named twice is answered twice.
fn targets_of(request: FetchRequest) -> Vec<FetchTarget> {
    let mut targets: Vec<FetchTarget> = Vec::new();
    for topic in request.topics {
        let name: Arc<str> = topic.topic.into();
        for partition in topic.partitions {
            targets.push(FetchTarget {
                key: FetchKey {
                    topic: name.clone(),
                    topic_id: topic.topic_id,
                    partition: partition.partition,
                },
                offset: partition.fetch_offset,
                bytes_max: partition.partition_max_bytes,
                current_leader_epoch: partition.current_leader_epoch,
                last_fetched_epoch: partition.last_fetched_epoch,
                log_start_offset: partition.log_start_offset,
            });
        }
    }
    targets
}

#[cfg(test)]
mod tests;
