//! CreateTopics (key 19): creates topics, and waits until each partition has a leader.
//!
//! Only the controller serves it. A topic is made by one transaction at the keeper; leaders follow when
//! the controller core sees it there.

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;
use std::sync::Arc;

use clock::{Moment, Now, Span};
use cluster::plan::Settings;
use disk::Disk;
use kafka_wire::message::create_topics::{
    CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse,
};
use kafka_wire::{ErrorCode, Uuid};
use zookeeper_wire::ErrorCode as KeeperError;

use crate::call::Call;
use crate::keeper_write::{Fate, KeeperWrite};
use crate::limits::{NAMES_PER_REQUEST_MAX, PARTITIONS_MADE_PER_REQUEST_MAX};
use crate::purgatory::{Parked, Patience, WatchKey};
use crate::topic_creation::{self, Names, Planned, Refusal, Wanted};
use crate::{Broker, Effect, configs};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=7;

/// A request that waits for its topics.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    deadline: Moment,
    topics: Vec<(String, Progress)>,
}

#[derive(Debug)]
enum Progress {
    Refused(Refusal),
    /// As a validation, or done.
    Done(Planned),
    Writing {
        planned: Planned,
        write: KeeperWrite,
        settings: Settings,
        /// Times the write was sent.
        tries: u32,
    },
    /// Written; its leaders are awaited.
    Made(Planned),
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: CreateTopicsRequest,
    effects: &mut Vec<Effect>,
) {
    let is_controller = broker.membership.controller().fence().is_some();
    let mut names = Names::default();
    for topic in &request.topics {
        names.add(0, &topic.name);
    }
    let mut topics = Vec::with_capacity(request.topics.len().min(NAMES_PER_REQUEST_MAX));
    let mut partitions = 0;
    for topic in request.topics {
        let name = topic.name.clone();
        let is_repeated = names.is_repeated(0, &name);
        if !names.take(0, &name) {
            continue;
        }
        let refusal = if !is_controller {
            Some(Refusal::new(ErrorCode::NOT_CONTROLLER, "This is not the controller."))
        } else if topics.len() >= NAMES_PER_REQUEST_MAX {
            Some(Names::too_many())
        } else if is_repeated {
            Some(Names::repeated())
        } else {
            // Known before anything is planned, so that refusing is cheap.
            let wish = usize::try_from(topic.num_partitions).unwrap_or(1).max(topic.assignments.len());
            (partitions + wish > PARTITIONS_MADE_PER_REQUEST_MAX).then(too_many_partitions)
        };
        let progress = match refusal.map_or_else(|| topic_creation::plan(broker, wanted(topic)), Err) {
            Err(refusal) => Progress::Refused(refusal),
            Ok(planned) => {
                partitions += planned.node.partitions.len();
                if request.validate_only {
                    Progress::Done(planned)
                } else {
                    let settings = topic_creation::settings_of(broker, &planned.name);
                    let write = topic_creation::write(broker, &planned, settings, effects);
                    Progress::Writing { planned, write, settings, tries: 1 }
                }
            }
        };
        topics.push((name, progress));
    }
    let patience = Span::ms(u64::try_from(request.timeout_ms).unwrap_or(0));
    let waiting = Waiting { call, deadline: now.moment + patience, topics };
    let patience = if request.timeout_ms <= 0 { Patience::Over } else { Patience::Left };
    retry(broker, now, waiting, patience, effects);
}

fn too_many_partitions() -> Refusal {
    let message = format!("A request may make at most {PARTITIONS_MADE_PER_REQUEST_MAX} partitions.");
    Refusal::new(ErrorCode::POLICY_VIOLATION, message)
}

fn wanted(topic: CreatableTopic) -> Wanted {
    Wanted {
        name: topic.name,
        partitions: topic.num_partitions,
        replication_factor: topic.replication_factor.into(),
        assignments: topic.assignments.into_iter().map(|one| (one.partition_index, one.broker_ids)).collect(),
        configs: topic.configs.into_iter().map(|config| (config.name, config.value)).collect(),
    }
}

/// Answers if all topics are there or refused, or lets the request wait on.
pub(crate) fn retry<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    mut waiting: Waiting,
    patience: Patience,
    effects: &mut Vec<Effect>,
) {
    let topics = std::mem::take(&mut waiting.topics);
    waiting.topics =
        topics.into_iter().map(|(name, progress)| (name, advance(broker, progress, effects))).collect();
    let is_over = |progress: &Progress| matches!(progress, Progress::Refused(_) | Progress::Done(_));
    if patience == Patience::Left && !waiting.topics.iter().all(|(_, progress)| is_over(progress)) {
        let (connection, deadline) = (waiting.call.connection, waiting.deadline);
        let parked = Parked::CreateTopics(waiting);
        return broker.purgatory.park(connection, deadline, vec![WatchKey::Topics], parked);
    }
    let results = waiting.topics.iter().map(|(name, progress)| result(broker, name, progress));
    let response = CreateTopicsResponse { topics: results.collect(), ..Default::default() };
    broker.answer(waiting.call, &response, effects);
}

fn advance<D: Disk>(broker: &mut Broker<D>, progress: Progress, effects: &mut Vec<Effect>) -> Progress {
    /// A configuration of that name came or went between looking and writing, so often at most.
    const TRIES_MAX: u32 = 3;
    match progress {
        Progress::Writing { planned, write, settings, tries } => match write.fate() {
            None | Some(Fate::Unknown) if !is_there(broker, &planned) => {
                Progress::Writing { planned, write, settings, tries }
            }
            None | Some(Fate::Unknown | Fate::Done) => advance(broker, Progress::Made(planned), effects),
            // Operation 0 is the configuration, operation 1 the topic.
            Some(Fate::Failed(0, KeeperError::NODE_EXISTS | KeeperError::NO_NODE)) if tries < TRIES_MAX => {
                let settings = match settings {
                    Settings::Absent => Settings::Present,
                    Settings::Present => Settings::Absent,
                };
                let write = topic_creation::write(broker, &planned, settings, effects);
                Progress::Writing { planned, write, settings, tries: tries + 1 }
            }
            Some(Fate::Failed(1, KeeperError::NODE_EXISTS)) => {
                let message = format!("Topic '{}' already exists.", planned.name);
                Progress::Refused(Refusal::new(ErrorCode::TOPIC_ALREADY_EXISTS, message))
            }
            Some(Fate::Failed(_, error)) => {
                let message = format!("The keeper refused: {error}.");
                Progress::Refused(Refusal::new(ErrorCode::UNKNOWN_SERVER_ERROR, message))
            }
        },
        Progress::Made(planned) if is_led(broker, &planned) => Progress::Done(planned),
        other => other,
    }
}

fn is_there<D: Disk>(broker: &Broker<D>, planned: &Planned) -> bool {
    broker.membership.metadata().topic_by_id(planned.id()).is_some()
}

fn is_led<D: Disk>(broker: &Broker<D>, planned: &Planned) -> bool {
    let topic = broker.membership.metadata().topic_by_id(planned.id());
    topic.is_some_and(|topic| topic.partitions.iter().all(|partition| partition.leader.is_some()))
}

fn result<D: Disk>(broker: &Broker<D>, name: &str, progress: &Progress) -> CreatableTopicResult {
    let refused = |refusal: &Refusal| CreatableTopicResult {
        name: name.to_string(),
        error_code: refusal.code,
        error_message: Some(refusal.message.clone()),
        num_partitions: -1,
        replication_factor: -1,
        // Null where there is nothing to show.
        configs: None,
        ..Default::default()
    };
    match progress {
        Progress::Refused(refusal) => refused(refusal),
        Progress::Done(planned) => {
            let entries = configs::topic_entries(broker, &planned.config.0);
            let config = |entry: configs::Entry| CreatableTopicConfigs {
                name: entry.name.to_string(),
                value: entry.value,
                read_only: false,
                config_source: entry.source as i8,
                is_sensitive: false,
            };
            CreatableTopicResult {
                name: name.to_string(),
                topic_id: if is_there(broker, planned) { Uuid(planned.id().0) } else { Uuid::ZERO },
                num_partitions: planned.node.partitions.len() as i32,
                replication_factor: planned.replication_factor(),
                configs: Some(entries.into_iter().map(config).collect()),
                ..Default::default()
            }
        }
        Progress::Writing { .. } | Progress::Made(_) => refused(&Refusal::new(
            ErrorCode::REQUEST_TIMED_OUT,
            "The topic was not complete in time; it may be soon.",
        )),
    }
}

/// Starts to create topics that a Metadata request named, with the broker's defaults. Returns the error
/// to answer for each until it exists: `LEADER_NOT_AVAILABLE` if creation is under way,
/// `INVALID_TOPIC_EXCEPTION` for a name that may not be, `INVALID_REPLICATION_FACTOR` if there are too few
/// brokers. The same names may come again while they are being created.
pub(crate) fn create_automatically<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    names: &[Arc<str>],
    effects: &mut Vec<Effect>,
) -> Vec<ErrorCode> {
    names.iter().map(|name| create_one_automatically(broker, name, effects)).collect()
}

fn create_one_automatically<D: Disk>(
    broker: &mut Broker<D>,
    name: &Arc<str>,
    effects: &mut Vec<Effect>,
) -> ErrorCode {
    let growing = &mut broker.growing_topics;
    growing.retain(|_, write| matches!(write.fate(), None | Some(Fate::Done)));
    if growing.contains_key(name) && broker.membership.cluster().topic(name).is_none() {
        return ErrorCode::LEADER_NOT_AVAILABLE;
    }
    let wanted = automatic(broker, name);
    match topic_creation::plan(broker, wanted) {
        Ok(planned) => {
            let settings = topic_creation::settings_of(broker, name);
            let write = topic_creation::write(broker, &planned, settings, effects);
            broker.growing_topics.insert(name.clone(), write);
            ErrorCode::LEADER_NOT_AVAILABLE
        }
        // It is there; its leaders may not be.
        Err(Refusal { code: ErrorCode::TOPIC_ALREADY_EXISTS, .. }) => ErrorCode::LEADER_NOT_AVAILABLE,
        Err(refusal) => refusal.code,
    }
}

/// The shape of a topic that is made because somebody named it.
fn automatic<D: Disk>(broker: &Broker<D>, name: &str) -> Wanted {
    let number = |key: &str, default: i32| configs::broker_number(broker, key, default);
    let config = |name: &str, value: String| (name.to_string(), Some(value));
    let internal = |kind: &str, replication_factor: &str, segment_bytes: i32| Wanted {
        name: name.to_string(),
        partitions: number(&format!("{kind}.num.partitions"), 50),
        replication_factor: number(replication_factor, 3),
        assignments: Vec::new(),
        configs: vec![
            config("cleanup.policy", "compact".into()),
            config("compression.type", "producer".into()),
            config("segment.bytes", number(&format!("{kind}.segment.bytes"), segment_bytes).to_string()),
        ],
    };
    match name {
        "__consumer_offsets" => internal("offsets.topic", "offsets.topic.replication.factor", 104_857_600),
        "__transaction_state" => {
            let mut wanted =
                internal("transaction.state.log", "transaction.state.log.replication.factor", 104_857_600);
            wanted.configs[1] = config("compression.type", "uncompressed".into());
            wanted
                .configs
                .push(config("min.insync.replicas", number("transaction.state.log.min.isr", 2).to_string()));
            wanted.configs.push(config("unclean.leader.election.enable", "false".into()));
            wanted
        }
        _ => Wanted {
            name: name.to_string(),
            partitions: -1,
            replication_factor: -1,
            assignments: Vec::new(),
            configs: Vec::new(),
        },
    }
}
