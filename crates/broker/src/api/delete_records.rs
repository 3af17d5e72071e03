//! DeleteRecords (key 21): moves the start of partitions forward.

use std::ops::RangeInclusive;

use clock::Now;
use disk::Disk;
use kafka_wire::message::delete_records::DeleteRecordsRequest;

use crate::api::NOT_YET;
use crate::call::Call;
use crate::purgatory::Patience;
use crate::{Broker, CloseReason, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = NOT_YET;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    call: Call,
    _request: DeleteRecordsRequest,
    effects: &mut Vec<Effect>,
) {
    broker.refuse(call, CloseReason::Forbidden("not served yet"), effects);
}

/// A request that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
}

/// Tries a waiting request again.
pub(crate) fn retry<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    waiting: Waiting,
    _patience: Patience,
    effects: &mut Vec<Effect>,
) {
    broker.refuse(waiting.call, CloseReason::Forbidden("not served yet"), effects);
}
