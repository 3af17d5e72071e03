//! Metadata (key 3): tells brokers, topics, partitions and their leaders, and creates the topics that
//! were named and are missing, if client and broker both allow it.
//!
//! Where Kafka answers that a topic it has begun to create has no leader, this broker waits a moment for
//! the leader; a client sees the same answers, but the wrong one more seldom.

use std::ops::RangeInclusive;
use std::sync::Arc;

use clock::{Moment, Now};
use cluster::metadata::{PartitionMetadata, TopicMetadata};
use cluster::{Metadata, TopicId, TopicName};
use disk::Disk;
use kafka_wire::message::metadata::{
    MetadataRequest, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition,
    MetadataResponseTopic,
};
use kafka_wire::{ErrorCode, Uuid};

use crate::api::create_topics;
use crate::call::Call;
use crate::limits::{AUTO_CREATED_TOPICS_MAX, METADATA_WAIT};
use crate::purgatory::{Parked, Patience, WatchKey};
use crate::{Broker, Effect, ListenerIndex};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=13;

/// Everything that may be done to a topic and to the cluster, as bits by the number of the operation:
/// what a broker without an authorizer answers.
pub(crate) const TOPIC_OPERATIONS: i32 =
    1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
const CLUSTER_OPERATIONS: i32 = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;

/// A request that waits for topics to be created.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    request: MetadataRequest,
    deadline: Moment,
    /// What to say of the missing topics until they are there, in the order of their names.
    created: Vec<(Arc<str>, ErrorCode)>,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: MetadataRequest,
    effects: &mut Vec<Effect>,
) {
    if let Some(response) = malformed(&call, &request) {
        return broker.answer(call, &response, effects);
    }
    let mut created = Vec::new();
    if request.allow_auto_topic_creation && broker.settings.auto_create_topics {
        let missing = missing_names(broker.membership.metadata(), &request);
        if !missing.is_empty() {
            let errors = create_topics::create_automatically(broker, now, &missing, effects);
            created = missing.into_iter().zip(errors).collect();
        }
    }
    let waiting = Waiting { call, request, deadline: now.moment + METADATA_WAIT, created };
    retry(broker, now, waiting, Patience::Left, effects);
}

/// Answers if what is being created is there, or lets the request wait on.
pub(crate) fn retry<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    waiting: Waiting,
    patience: Patience,
    effects: &mut Vec<Effect>,
) {
    let Waiting { call, request, deadline, created } = &waiting;
    let metadata = broker.membership.metadata();
    let growing = created
        .iter()
        .any(|(name, error)| *error == ErrorCode::LEADER_NOT_AVAILABLE && !is_led(metadata, name));
    if growing && patience == Patience::Left {
        let (connection, deadline) = (call.connection, *deadline);
        let parked = Parked::Metadata(waiting);
        return broker.purgatory.park(connection, deadline, vec![WatchKey::Topics], parked);
    }
    let response = response(broker, call, request, created);
    broker.answer(waiting.call, &response, effects);
}

/// The combinations of name and id that some versions have room for and none allows.
fn malformed(call: &Call, request: &MetadataRequest) -> Option<MetadataResponse> {
    let topics = request.topics.as_ref()?;
    let wrong = |topic: &kafka_wire::message::metadata::MetadataRequestTopic| {
        let has_id = topic.topic_id != Uuid::ZERO;
        (call.api_version < 12 && (topic.name.is_none() || has_id)) || (topic.name.is_none() && !has_id)
    };
    if !topics.iter().any(wrong) {
        return None;
    }
    let topics = topics.iter().map(|topic| MetadataResponseTopic {
        error_code: ErrorCode::INVALID_REQUEST,
        // Versions below 12 cannot say null.
        name: topic.name.clone().or_else(|| (call.api_version < 12).then(String::new)),
        topic_id: topic.topic_id,
        ..Default::default()
    });
    Some(MetadataResponse { topics: topics.collect(), ..Default::default() })
}

/// Names that are asked for and unknown, each once and in order. Those above the limit are left for the
/// client's next attempt.
fn missing_names(metadata: &Metadata, request: &MetadataRequest) -> Vec<Arc<str>> {
    let topics = request.topics.iter().flatten().filter(|topic| topic.topic_id == Uuid::ZERO);
    let mut names: Vec<Arc<str>> = topics
        .filter_map(|topic| topic.name.as_deref())
        .filter(|name| metadata.topic(name).is_none() && TopicName::parse(name).is_ok())
        .map(Arc::from)
        .collect();
    names.sort();
    names.dedup();
    names.truncate(AUTO_CREATED_TOPICS_MAX);
    names
}

fn is_led(metadata: &Metadata, name: &str) -> bool {
    metadata.topic(name).is_some_and(|topic| {
        !topic.partitions.is_empty() && topic.partitions.iter().all(|partition| partition.leader.is_some())
    })
}

fn response<D: Disk>(
    broker: &Broker<D>,
    call: &Call,
    request: &MetadataRequest,
    created: &[(Arc<str>, ErrorCode)],
) -> MetadataResponse {
    let metadata = broker.membership.metadata();
    let view = View::new(broker, call.listener, call.api_version);
    let listener = view.listener;
    let brokers = metadata.brokers.iter().filter_map(|(id, broker)| {
        let endpoint = broker.registration.endpoint(listener)?;
        Some(MetadataResponseBroker {
            node_id: id.0,
            host: endpoint.host.clone(),
            port: endpoint.port.into(),
            rack: broker.registration.rack.clone(),
        })
    });
    // Null, or an empty list before there was null: all topics.
    let mut topics: Vec<MetadataResponseTopic> = match &request.topics {
        Some(named) if call.api_version > 0 || !named.is_empty() => named
            .iter()
            .map(|topic| match (&topic.name, topic.topic_id) {
                (Some(name), Uuid::ZERO) => view.by_name(name, created),
                (_, id) => view.by_id(id),
            })
            .collect(),
        _ => metadata.topics().map(|topic| view.topic(topic)).collect(),
    };
    if request.include_topic_authorized_operations {
        for topic in topics.iter_mut().filter(|topic| topic.error_code == ErrorCode::NONE) {
            topic.topic_authorized_operations = TOPIC_OPERATIONS;
        }
    }
    let mut response = MetadataResponse {
        brokers: brokers.collect(),
        cluster_id: metadata.cluster_id.as_ref().map(|id| id.to_string()),
        controller_id: metadata.controller.map_or(-1, |controller| controller.0),
        topics,
        ..Default::default()
    };
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = CLUSTER_OPERATIONS;
    }
    response
}

/// The cluster as clients of one listener see it, in one version of the API.
pub(crate) struct View<'a> {
    metadata: &'a Metadata,
    listener: &'a str,
    version: i16,
}

impl<'a> View<'a> {
    pub(crate) fn new<D: Disk>(broker: &'a Broker<D>, listener: ListenerIndex, version: i16) -> Self {
        let listener = broker.settings.listeners[listener.0].name.as_str();
        View { metadata: broker.membership.metadata(), listener, version }
    }

    fn by_name(&self, name: &str, created: &[(Arc<str>, ErrorCode)]) -> MetadataResponseTopic {
        if let Some(topic) = self.metadata.topic(name) {
            return self.topic(topic);
        }
        let error_code = match created.binary_search_by(|(created, _)| (**created).cmp(name)) {
            _ if TopicName::parse(name).is_err() => ErrorCode::INVALID_TOPIC_EXCEPTION,
            Ok(index) => created[index].1,
            Err(_) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        };
        MetadataResponseTopic {
            error_code,
            name: Some(name.to_string()),
            is_internal: cluster::is_internal(name),
            ..Default::default()
        }
    }

    fn by_id(&self, id: Uuid) -> MetadataResponseTopic {
        match self.metadata.topic_by_id(TopicId(id.0)) {
            Some(topic) => self.topic(topic),
            None => MetadataResponseTopic {
                error_code: ErrorCode::UNKNOWN_TOPIC_ID,
                name: None,
                topic_id: id,
                ..Default::default()
            },
        }
    }

    fn topic(&self, topic: &TopicMetadata) -> MetadataResponseTopic {
        MetadataResponseTopic {
            error_code: ErrorCode::NONE,
            name: Some(topic.name.to_string()),
            topic_id: Uuid(topic.id.0),
            is_internal: topic.internal,
            partitions: topic.partitions.iter().map(|partition| self.partition(partition)).collect(),
            ..Default::default()
        }
    }

    pub(crate) fn partition(&self, partition: &PartitionMetadata) -> MetadataResponsePartition {
        let numbers = |brokers: &[cluster::BrokerId]| brokers.iter().map(|broker| broker.0).collect();
        let reachable = self.metadata.endpoint(partition.leader, self.listener).is_some();
        let error_code = if reachable {
            ErrorCode::NONE
        } else if self.version >= 6 && self.metadata.is_live(partition.leader) {
            ErrorCode::LISTENER_NOT_FOUND
        } else {
            ErrorCode::LEADER_NOT_AVAILABLE
        };
        MetadataResponsePartition {
            error_code,
            partition_index: partition.partition,
            leader_id: if reachable { partition.leader.0 } else { -1 },
            leader_epoch: partition.leader_epoch.0,
            replica_nodes: numbers(&partition.replicas),
            isr_nodes: numbers(&partition.isr),
            offline_replicas: partition.offline(self.metadata).map(|broker| broker.0).collect(),
        }
    }
}
