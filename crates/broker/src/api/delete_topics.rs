//! DeleteTopics (key 20): deletes topics by name or id, and waits until they are gone.
//!
//! Only the controller serves it. The wish is a znode; the controller core does the rest.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use clock::{Moment, Now, Span};
use cluster::{TopicId, plan};
use disk::Disk;
use kafka_wire::message::delete_topics::{DeletableTopicResult, DeleteTopicsRequest, DeleteTopicsResponse};
use kafka_wire::{ErrorCode, Uuid};
use zookeeper_wire::ErrorCode as KeeperError;

use crate::call::Call;
use crate::keeper_write::{Fate, KeeperWrite};
use crate::limits::NAMES_PER_REQUEST_MAX;
use crate::purgatory::{Parked, Patience, WatchKey};
use crate::topic_creation::{Names, Refusal};
use crate::{Broker, Effect, configs};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=6;

/// A request that waits for its topics to go.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    deadline: Moment,
    topics: Vec<Topic>,
}

#[derive(Debug)]
struct Topic {
    /// `None` for an id that nobody has.
    name: Option<String>,
    id: Uuid,
    fate: Result<KeeperWrite, Refusal>,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: DeleteTopicsRequest,
    effects: &mut Vec<Effect>,
) {
    let named = request.topic_names.into_iter().map(|name| (Some(name), Uuid::ZERO));
    let either = request.topics.into_iter().map(|topic| (topic.name, topic.topic_id));
    let mut topics: Vec<Topic> = Vec::new();
    let mut taken = BTreeSet::new();
    for (name, id) in named.chain(either) {
        let (name, id, checked) = if topics.len() < NAMES_PER_REQUEST_MAX {
            check(broker, name, id, call.api_version)
        } else {
            (name, id, Err(Names::too_many()))
        };
        let fate = match checked {
            Err(refusal) => Err(refusal),
            Ok(name) if !taken.insert(name.clone()) => Err(Names::repeated()),
            Ok(name) => Ok(broker.write(plan::ask_to_delete(&name), effects)),
        };
        topics.push(Topic { name, id, fate });
    }
    let patience = Span::ms(u64::try_from(request.timeout_ms).unwrap_or(0));
    let waiting = Waiting { call, deadline: now.moment + patience, topics };
    let patience = if request.timeout_ms <= 0 { Patience::Over } else { Patience::Left };
    retry(broker, now, waiting, patience, effects);
}

/// The topic's name and id as far as they are known, and whether it may be deleted.
fn check<D: Disk>(
    broker: &Broker<D>,
    name: Option<String>,
    id: Uuid,
    version: i16,
) -> (Option<String>, Uuid, Result<String, Refusal>) {
    let refused = |name, id, code, message: &str| (name, id, Err(Refusal::new(code, message)));
    if broker.membership.controller().fence().is_none() {
        return refused(name, id, ErrorCode::NOT_CONTROLLER, "This is not the controller.");
    }
    if configs::broker_text(broker, "delete.topic.enable").is_some_and(|text| text.trim() == "false") {
        let code = if version < 3 { ErrorCode::INVALID_REQUEST } else { ErrorCode::TOPIC_DELETION_DISABLED };
        return refused(name, id, code, "Topic deletion is disabled by delete.topic.enable.");
    }
    let cluster = broker.membership.cluster();
    match (name, id) {
        (Some(name), Uuid::ZERO) => match cluster.topic(&name) {
            Some(topic) => {
                let id = Uuid(topic.node.id.unwrap_or(TopicId::ZERO).0);
                (Some(name.clone()), id, Ok(name))
            }
            None => {
                let message = "This server does not host this topic-partition.";
                refused(Some(name), id, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, message)
            }
        },
        (None, id) if id != Uuid::ZERO => match cluster.topic_name(TopicId(id.0)) {
            Some(name) => (Some(name.to_string()), id, Ok(name.to_string())),
            None => refused(None, id, ErrorCode::UNKNOWN_TOPIC_ID, "No topic has this id."),
        },
        (name, id) => {
            let message = "A topic must be given by its name or by its id, not by both.";
            refused(name, id, ErrorCode::INVALID_REQUEST, message)
        }
    }
}

/// Answers if all topics are gone or refused, or lets the request wait on.
pub(crate) fn retry<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    waiting: Waiting,
    patience: Patience,
    effects: &mut Vec<Effect>,
) {
    let outcomes: Vec<_> = waiting.topics.iter().map(|topic| outcome(broker, topic)).collect();
    if patience == Patience::Left && outcomes.iter().any(Option::is_none) {
        let (connection, deadline) = (waiting.call.connection, waiting.deadline);
        let parked = Parked::DeleteTopics(waiting);
        return broker.purgatory.park(connection, deadline, vec![WatchKey::Topics], parked);
    }
    let results = waiting.topics.iter().zip(outcomes).map(|(topic, outcome)| {
        let late = || Err(Refusal::new(ErrorCode::REQUEST_TIMED_OUT, "The topic will be deleted later."));
        let refusal = outcome.unwrap_or_else(late).err();
        DeletableTopicResult {
            // Versions below 6 cannot say null.
            name: topic.name.clone().or_else(|| (waiting.call.api_version < 6).then(String::new)),
            topic_id: topic.id,
            error_code: refusal.as_ref().map_or(ErrorCode::NONE, |refusal| refusal.code),
            error_message: refusal.map(|refusal| refusal.message),
        }
    });
    let response = DeleteTopicsResponse { responses: results.collect(), ..Default::default() };
    broker.answer(waiting.call, &response, effects);
}

/// `None` while the topic is on its way out.
fn outcome<D: Disk>(broker: &Broker<D>, topic: &Topic) -> Option<Result<(), Refusal>> {
    let write = match &topic.fate {
        Ok(write) => write,
        Err(refusal) => return Some(Err(refusal.clone())),
    };
    let name = topic.name.as_deref().unwrap_or_default();
    let there = broker.membership.metadata().topic(name);
    let gone = there.is_none_or(|there| Uuid(there.id.0) != topic.id);
    match write.fate() {
        // Somebody else wished the same.
        Some(Fate::Done | Fate::Unknown | Fate::Failed(_, KeeperError::NODE_EXISTS)) | None => {
            gone.then_some(Ok(()))
        }
        Some(Fate::Failed(_, error)) => {
            let message = format!("The keeper refused: {error}.");
            Some(Err(Refusal::new(ErrorCode::UNKNOWN_SERVER_ERROR, message)))
        }
    }
}
