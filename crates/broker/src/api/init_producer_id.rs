//! InitProducerId (key 22): hands out the ids by which idempotent producers are known, and makes the
//! producer of a transactional id, which fences the one before it.

use std::ops::RangeInclusive;

use clock::{Moment, Now};
use coordinator::Producer;
use coordinator::transactions::{InitRequest, Input};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

use crate::call::Call;
use crate::limits::PRODUCER_ID_WAIT;
use crate::producer_ids;
use crate::purgatory::{Parked, Patience, WatchKey};
use crate::transactions::{self, Asked};
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=5;

/// From which version on a client knows `PRODUCER_FENCED`.
const FENCED_SINCE: i16 = 4;

/// A request that waits for a block of ids.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    deadline: Moment,
    /// What to ask the coordinator of transactions with the id.
    transactional: Option<InitRequest>,
}

/// A request that the coordinator of transactions was asked for.
#[derive(Debug)]
pub(crate) struct Transactional {
    call: Call,
    deadline: Moment,
    request: InitRequest,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: InitProducerIdRequest,
    effects: &mut Vec<Effect>,
) {
    let (id, epoch) = (request.producer_id, request.producer_epoch);
    if (id == -1) != (epoch == -1) {
        return refuse(broker, call, ErrorCode::INVALID_REQUEST, effects);
    }
    let deadline = now.moment + PRODUCER_ID_WAIT;
    let Some(transactional_id) = request.transactional_id else {
        let waiting = Waiting { call, deadline, transactional: None };
        return retry(broker, now, waiting, Patience::Left, effects);
    };
    let request = InitRequest {
        id: transactional_id,
        timeout_ms: request.transaction_timeout_ms,
        expected: (id != -1).then_some(Producer { id, epoch }),
        fresh_id: None,
    };
    ask(broker, now, Transactional { call, deadline, request }, effects);
}

fn ask<D: Disk>(broker: &mut Broker<D>, now: Now, waiting: Transactional, effects: &mut Vec<Effect>) {
    let request = waiting.request.clone();
    let asked = Asked::InitProducerId(waiting);
    transactions::ask(broker, now, asked, |token| Input::Init(token, request), effects);
}

/// The coordinator wants an id that nobody has had.
pub(crate) fn wants_id<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    waiting: Transactional,
    effects: &mut Vec<Effect>,
) {
    let Transactional { call, deadline, request } = waiting;
    let waiting = Waiting { call, deadline, transactional: Some(request) };
    retry(broker, now, waiting, Patience::Left, effects);
}

/// The coordinator has answered.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    waiting: Transactional,
    result: Result<Producer, ErrorCode>,
    effects: &mut Vec<Effect>,
) {
    let call = waiting.call;
    match result {
        Ok(Producer { id, epoch }) => {
            let response =
                InitProducerIdResponse { producer_id: id, producer_epoch: epoch, ..Default::default() };
            broker.answer(call, &response, effects);
        }
        Err(ErrorCode::PRODUCER_FENCED) if call.api_version < FENCED_SINCE => {
            refuse(broker, call, ErrorCode::INVALID_PRODUCER_EPOCH, effects);
        }
        Err(error) => refuse(broker, call, error, effects),
    }
}

/// Hands out an id if there is one, or lets the request wait on.
pub(crate) fn retry<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    waiting: Waiting,
    patience: Patience,
    effects: &mut Vec<Effect>,
) {
    let Waiting { call, deadline, transactional } = waiting;
    if let Some(producer_id) = producer_ids::take(broker, effects) {
        if let Some(request) = transactional {
            let request = InitRequest { fresh_id: Some(producer_id), ..request };
            return ask(broker, now, Transactional { call, deadline, request }, effects);
        }
        let response = InitProducerIdResponse { producer_id, producer_epoch: 0, ..Default::default() };
        return broker.answer(call, &response, effects);
    }
    if patience == Patience::Over {
        return refuse(broker, call, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, effects);
    }
    let (connection, keys) = (call.connection, vec![WatchKey::ProducerIds]);
    let parked = Parked::InitProducerId(Waiting { call, deadline, transactional });
    broker.purgatory.park(connection, deadline, keys, parked);
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
