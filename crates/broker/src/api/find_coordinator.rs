//! FindCoordinator (key 10): tells which broker coordinates a group or a transactional id, by the
//! partition of `__consumer_offsets` or `__transaction_state` that the name falls on. Makes that topic if
//! it is missing, and waits a moment for its leaders, and for what is being loaded here, so that a first
//! client need not ask twice.

use std::ops::RangeInclusive;
use std::sync::Arc;

use clock::{Moment, Now};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse};

use crate::api::create_topics;
use crate::call::Call;
use crate::groups::OFFSETS_TOPIC;
use crate::limits::{COORDINATOR_KEYS_MAX, METADATA_WAIT};
use crate::purgatory::{Parked, Patience, WatchKey};
use crate::transactions::TRANSACTIONS_TOPIC;
use crate::{Broker, CloseReason, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=6;

/// From which version on one request asks for many.
const MANY_KEYS_SINCE: i16 = 4;
/// From which version on share groups have a coordinator.
const SHARE_SINCE: i16 = 6;

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;

/// A request that waits for the internal topic to be created.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    request: FindCoordinatorRequest,
    deadline: Moment,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: FindCoordinatorRequest,
    effects: &mut Vec<Effect>,
) {
    if request.coordinator_keys.len() > COORDINATOR_KEYS_MAX {
        let reason = CloseReason::MalformedRequest {
            api: call.api.name(),
            version: call.api_version,
            detail: format!("more than {COORDINATOR_KEYS_MAX} keys"),
        };
        return broker.refuse(call, reason, effects);
    }
    let mut patience = Patience::Left;
    if let Some(topic) = topic_of(request.key_type)
        && broker.membership.metadata().topic(topic).is_none()
    {
        let errors = create_topics::create_automatically(broker, now, &[Arc::from(topic)], effects);
        if errors.iter().any(|&error| error != ErrorCode::LEADER_NOT_AVAILABLE) {
            // It cannot be made, for instance because there are fewer brokers than it wants replicas.
            patience = Patience::Over;
        }
    }
    let waiting = Waiting { call, request, deadline: now.moment + METADATA_WAIT };
    retry(broker, now, waiting, patience, effects);
}

/// Answers if there is a coordinator for each key, or lets the request wait on.
pub(crate) fn retry<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    waiting: Waiting,
    patience: Patience,
    effects: &mut Vec<Effect>,
) {
    let Waiting { call, request, deadline } = waiting;
    let keys: &[String] = if call.api_version >= MANY_KEYS_SINCE {
        &request.coordinator_keys
    } else {
        std::slice::from_ref(&request.key)
    };
    let found: Vec<Coordinator> = keys.iter().map(|key| find(broker, &call, request.key_type, key)).collect();
    let me = broker.settings.broker_id;
    let is_coming = topic_of(request.key_type).is_some()
        && found.iter().any(|found| {
            let is_loading = found.node_id == me && !is_served(broker, request.key_type, &found.key);
            found.error_code == ErrorCode::COORDINATOR_NOT_AVAILABLE || is_loading
        });
    if is_coming && patience == Patience::Left {
        let connection = call.connection;
        let parked = Parked::FindCoordinator(Waiting { call, request, deadline });
        return broker.purgatory.park(connection, deadline, vec![WatchKey::Topics], parked);
    }
    let response = if call.api_version >= MANY_KEYS_SINCE {
        FindCoordinatorResponse { coordinators: found, ..Default::default() }
    } else {
        response_for_one(found)
    };
    broker.answer(call, &response, effects);
}

/// The internal topic whose partitions hold what has such keys.
fn topic_of(key_type: i8) -> Option<&'static str> {
    match key_type {
        GROUP => Some(OFFSETS_TOPIC),
        TRANSACTION => Some(TRANSACTIONS_TOPIC),
        _ => None,
    }
}

fn partition_of<D: Disk>(broker: &Broker<D>, key_type: i8, key: &str) -> i32 {
    match key_type {
        TRANSACTION => broker.transactions.core().partition_of(key),
        _ => broker.groups.partition_of(key),
    }
}

fn is_served<D: Disk>(broker: &Broker<D>, key_type: i8, key: &str) -> bool {
    let partition = partition_of(broker, key_type, key);
    match key_type {
        TRANSACTION => broker.transactions.core().serves(partition),
        _ => broker.groups.serves(partition),
    }
}

fn find<D: Disk>(broker: &Broker<D>, call: &Call, key_type: i8, key: &str) -> Coordinator {
    match topic_of(key_type) {
        Some(topic) => {
            let partition = partition_of(broker, key_type, key);
            match broker.leader_hint(topic, partition, call.listener) {
                Some(leader) => Coordinator {
                    key: key.to_owned(),
                    node_id: leader.leader,
                    host: leader.host,
                    port: leader.port,
                    ..Default::default()
                },
                None => refused(key, ErrorCode::COORDINATOR_NOT_AVAILABLE),
            }
        }
        None if key_type == SHARE && call.api_version >= SHARE_SINCE => {
            refused(key, ErrorCode::COORDINATOR_NOT_AVAILABLE)
        }
        None => refused(key, ErrorCode::INVALID_REQUEST),
    }
}

fn refused(key: &str, error_code: ErrorCode) -> Coordinator {
    Coordinator {
        key: key.to_owned(),
        node_id: -1,
        host: String::new(),
        port: -1,
        error_code,
        // Kafka sends an empty text here where it has nothing to say.
        error_message: Some(String::new()),
    }
}

/// The form before version 4.
fn response_for_one(mut found: Vec<Coordinator>) -> FindCoordinatorResponse {
    let one = found.pop().expect("one key was asked for");
    let name = Some(one.error_code.name().to_owned());
    FindCoordinatorResponse {
        error_code: one.error_code,
        error_message: one.error_message.filter(|text| !text.is_empty()).or(name),
        node_id: one.node_id,
        host: one.host,
        port: one.port,
        ..Default::default()
    }
}
