//! UpdateMetadata (key 6): the controller tells what brokers without a view of the znodes need to know.
//!
//! This broker reads the znodes itself, so it checks who speaks and keeps its own view: the two cannot
//! contradict each other for longer than a watch event is under way.

use std::ops::RangeInclusive;

use clock::Now;
use cluster::ControllerEpoch;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::update_metadata::{UpdateMetadataRequest, UpdateMetadataResponse};

use crate::call::Call;
use crate::{Broker, Effect};

/// The versions served: from the first that groups partitions by topic.
pub(crate) const SERVED: RangeInclusive<i16> = 5..=8;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    call: Call,
    request: UpdateMetadataRequest,
    effects: &mut Vec<Effect>,
) {
    let checked =
        broker.membership.check_orders(ControllerEpoch(request.controller_epoch), request.broker_epoch);
    let error_code = checked.err().unwrap_or(ErrorCode::NONE);
    broker.answer(call, &UpdateMetadataResponse { error_code }, effects);
}
