//! OffsetCommit (key 8): stores a group's offsets.

use std::ops::RangeInclusive;

use clock::Now;
use disk::Disk;
use kafka_wire::message::offset_commit::OffsetCommitRequest;

use crate::api::NOT_YET;
use crate::call::Call;
use crate::{Broker, CloseReason, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = NOT_YET;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    call: Call,
    _request: OffsetCommitRequest,
    effects: &mut Vec<Effect>,
) {
    broker.refuse(call, CloseReason::Forbidden("not served yet"), effects);
}
