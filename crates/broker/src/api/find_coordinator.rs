//! FindCoordinator (key 10): tells which broker coordinates a group, by the partition of
//! `__consumer_offsets` that the group's name falls on. Makes that topic if it is missing, and waits a
//! moment for its leaders, and for groups that are being loaded here, so that a first consumer need not
//! ask twice.

use std::ops::RangeInclusive;
use std::sync::Arc;

use clock::{Moment, Now};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse};

use crate::api::create_topics;
use crate::call::Call;
use crate::groups::OFFSETS_TOPIC;
use crate::limits::METADATA_WAIT;
use crate::purgatory::{Parked, Patience, WatchKey};
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=6;

/// From which version on one request asks for many.
const MANY_KEYS_SINCE: i16 = 4;
/// From which version on share groups have a coordinator.
const SHARE_SINCE: i16 = 6;

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;

/// A request that waits for `__consumer_offsets` to be created.
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
    let mut patience = Patience::Left;
    if request.key_type == GROUP && broker.membership.metadata().topic(OFFSETS_TOPIC).is_none() {
        let errors = create_topics::create_automatically(broker, now, &[Arc::from(OFFSETS_TOPIC)], effects);
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
    let is_coming = request.key_type == GROUP
        && found.iter().any(|found| {
            let is_loading =
                found.node_id == me && !broker.groups.serves(broker.groups.partition_of(&found.key));
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

fn find<D: Disk>(broker: &Broker<D>, call: &Call, key_type: i8, key: &str) -> Coordinator {
    match key_type {
        GROUP => {
            let partition = broker.groups.partition_of(key);
            match broker.leader_hint(OFFSETS_TOPIC, partition, call.listener) {
                Some(leader) => Coordinator {
                    key: key.to_owned(),
                    node_id: leader.leader,
                    host: leader.host,
                    port: leader.port,
                    ..Default::default()
                },
                None => refused(key, ErrorCode::COORDINATOR_NOT_AVAILABLE, None),
            }
        }
        // An error that no client retries: there is no use in waiting for what does not exist.
        TRANSACTION => {
            let reason = "This broker does not serve transactions yet.";
            refused(key, ErrorCode::UNSUPPORTED_VERSION, Some(reason))
        }
        SHARE if call.api_version >= SHARE_SINCE => refused(key, ErrorCode::COORDINATOR_NOT_AVAILABLE, None),
        _ => refused(key, ErrorCode::INVALID_REQUEST, None),
    }
}

fn refused(key: &str, error_code: ErrorCode, reason: Option<&str>) -> Coordinator {
    Coordinator {
        key: key.to_owned(),
        node_id: -1,
        host: String::new(),
        port: -1,
        error_code,
        // Kafka sends an empty text here where it has nothing to say.
        error_message: Some(reason.unwrap_or_default().to_owned()),
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
