//! InitProducerId (key 22): hands out the ids by which idempotent producers are known.
//!
//! Transactional ids are refused with the error of a broker that does not coordinate them: no broker of
//! ours does yet, and FindCoordinator says so too.

use std::ops::RangeInclusive;

use clock::{Moment, Now};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

use crate::call::Call;
use crate::limits::PRODUCER_ID_WAIT;
use crate::producer_ids;
use crate::purgatory::{Parked, Patience, WatchKey};
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=5;

/// A request that waits for a block of ids.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    deadline: Moment,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: InitProducerIdRequest,
    effects: &mut Vec<Effect>,
) {
    let half_an_identity = (request.producer_id == -1) != (request.producer_epoch == -1);
    let error = match request.transactional_id.as_deref() {
        Some("") => ErrorCode::INVALID_REQUEST,
        _ if half_an_identity => ErrorCode::INVALID_REQUEST,
        Some(_) => ErrorCode::NOT_COORDINATOR,
        None => {
            let waiting = Waiting { call, deadline: now.moment + PRODUCER_ID_WAIT };
            return retry(broker, now, waiting, Patience::Left, effects);
        }
    };
    refuse(broker, call, error, effects);
}

/// Hands out an id if there is one, or lets the request wait on.
pub(crate) fn retry<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    waiting: Waiting,
    patience: Patience,
    effects: &mut Vec<Effect>,
) {
    let Waiting { call, deadline } = waiting;
    if let Some(producer_id) = producer_ids::take(broker, effects) {
        let response = InitProducerIdResponse { producer_id, producer_epoch: 0, ..Default::default() };
        return broker.answer(call, &response, effects);
    }
    if patience == Patience::Over {
        return refuse(broker, call, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, effects);
    }
    let (connection, keys) = (call.connection, vec![WatchKey::ProducerIds]);
    broker.purgatory.park(connection, deadline, keys, Parked::InitProducerId(Waiting { call, deadline }));
}

fn refuse<D: Disk>(broker: &mut Broker<D>, call: Call, error: ErrorCode, effects: &mut Vec<Effect>) {
    let response = InitProducerIdResponse {
        error_code: error,
        producer_id: -1,
        producer_epoch: -1,
        ..Default::default()
    };
    broker.answer(call, &response, effects);
}
