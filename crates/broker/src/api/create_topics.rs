//! CreateTopics (key 19): creates topics.

use std::ops::RangeInclusive;
use std::sync::Arc;

use clock::Now;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::create_topics::CreateTopicsRequest;

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
    _request: CreateTopicsRequest,
    effects: &mut Vec<Effect>,
) {
    broker.refuse(call, CloseReason::Forbidden("not served yet"), effects);
}

/// Starts to create topics that a Metadata request named, with the broker's defaults. Returns the error
/// to answer for each until it exists: `LEADER_NOT_AVAILABLE` if creation is under way,
/// `INVALID_TOPIC_EXCEPTION` for a name that may not be, `INVALID_REPLICATION_FACTOR` if there are too few
/// brokers. The same names may come again while they are being created.
pub(crate) fn create_automatically<D: Disk>(
    _broker: &mut Broker<D>,
    _now: Now,
    names: &[Arc<str>],
    _effects: &mut Vec<Effect>,
) -> Vec<ErrorCode> {
    vec![ErrorCode::UNKNOWN_TOPIC_OR_PARTITION; names.len()]
}
