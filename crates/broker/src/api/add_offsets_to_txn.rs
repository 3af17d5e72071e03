//! AddOffsetsToTxn (key 25): a transaction will commit offsets of a group, which makes the group's
//! partition of `__consumer_offsets` a part of it.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use clock::Now;
use coordinator::Producer;
use coordinator::transactions::{AddRequest, ClientVersion, Input, Partitions};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};

use crate::call::Call;
use crate::groups::OFFSETS_TOPIC;
use crate::transactions::{self, Asked};
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=4;

/// From which version on a client knows `PRODUCER_FENCED`.
const FENCED_SINCE: i16 = 2;

/// A request whose change is being written.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: AddOffsetsToTxnRequest,
    effects: &mut Vec<Effect>,
) {
    let partition = broker.groups.partition_of(&request.group_id);
    let request = AddRequest {
        id: request.transactional_id,
        producer: Producer { id: request.producer_id, epoch: request.producer_epoch },
        partitions: Partitions::from([(OFFSETS_TOPIC.to_owned(), BTreeSet::from([partition]))]),
        version: ClientVersion::V1,
    };
    let asked = Asked::AddOffsets(Waiting { call });
    transactions::ask(broker, now, asked, |token| Input::Add(token, request), effects);
}

/// The coordinator has answered.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    Waiting { call }: Waiting,
    error: ErrorCode,
    effects: &mut Vec<Effect>,
) {
    let is_old = call.api_version < FENCED_SINCE && error == ErrorCode::PRODUCER_FENCED;
    let error_code = if is_old { ErrorCode::INVALID_PRODUCER_EPOCH } else { error };
    broker.answer(call, &AddOffsetsToTxnResponse { error_code, ..Default::default() }, effects);
}
