//! EndTxn (key 26): commits or aborts a transaction. Answered when the decision is durable; readers see
//! it when the markers are, which the coordinator no longer depends on the client for.

use std::ops::RangeInclusive;

use clock::{Moment, Now};
use coordinator::Producer;
use coordinator::transactions::{ClientVersion, EndRequest, Input};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::end_txn::{EndTxnRequest, EndTxnResponse};

use crate::call::Call;
use crate::limits::PRODUCER_ID_WAIT;
use crate::producer_ids;
use crate::purgatory::{Parked, Patience, WatchKey};
use crate::transactions::{self, Asked};
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=5;

/// From which version on each end raises the producer's epoch (KIP-890).
const BUMPS_SINCE: i16 = 5;
/// From which version on a client knows `PRODUCER_FENCED`.
const FENCED_SINCE: i16 = 2;

/// A request that waits for the coordinator, or for a producer id that it wants.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    request: EndRequest,
    deadline: Moment,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: EndTxnRequest,
    effects: &mut Vec<Effect>,
) {
    let version = if call.api_version >= BUMPS_SINCE { ClientVersion::V2 } else { ClientVersion::V1 };
    let request = EndRequest {
        id: request.transactional_id,
        producer: Producer { id: request.producer_id, epoch: request.producer_epoch },
        committed: request.committed,
        version,
        fresh_id: None,
    };
    ask(broker, now, Waiting { call, request, deadline: now.moment + PRODUCER_ID_WAIT }, effects);
}

fn ask<D: Disk>(broker: &mut Broker<D>, now: Now, waiting: Waiting, effects: &mut Vec<Effect>) {
    let request = waiting.request.clone();
    transactions::ask(broker, now, Asked::EndTxn(waiting), |token| Input::End(token, request), effects);
}

/// The coordinator wants a producer id first.
pub(crate) fn wants_id<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    waiting: Waiting,
    effects: &mut Vec<Effect>,
) {
    retry(broker, now, waiting, Patience::Left, effects);
}

/// Asks again with a producer id, or lets the request wait for one.
pub(crate) fn retry<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    mut waiting: Waiting,
    patience: Patience,
    effects: &mut Vec<Effect>,
) {
    if let Some(id) = producer_ids::take(broker, effects) {
        waiting.request.fresh_id = Some(id);
        return ask(broker, now, waiting, effects);
    }
    if patience == Patience::Over {
        return answered(broker, waiting, Err(ErrorCode::COORDINATOR_NOT_AVAILABLE), effects);
    }
    let (connection, deadline) = (waiting.call.connection, waiting.deadline);
    broker.purgatory.park(connection, deadline, vec![WatchKey::ProducerIds], Parked::EndTxn(waiting));
}

/// The coordinator has answered.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    Waiting { call, .. }: Waiting,
    result: Result<Producer, ErrorCode>,
    effects: &mut Vec<Effect>,
) {
    let response = match result {
        Ok(producer) => {
            EndTxnResponse { producer_id: producer.id, producer_epoch: producer.epoch, ..Default::default() }
        }
        Err(error) => {
            let is_old = call.api_version < FENCED_SINCE && error == ErrorCode::PRODUCER_FENCED;
            let error_code = if is_old { ErrorCode::INVALID_PRODUCER_EPOCH } else { error };
            EndTxnResponse { error_code, ..Default::default() }
        }
    };
    broker.answer(call, &response, effects);
}
