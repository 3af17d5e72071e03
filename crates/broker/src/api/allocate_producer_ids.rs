//! AllocateProducerIds (key 67): a broker of Apache Kafka asks the controller for a block of producer ids.
//!
//! Castle's own brokers claim theirs from the keeper; both ways end in the same znode.

use std::ops::RangeInclusive;

use clock::Now;
use cluster::BrokerId;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::allocate_producer_ids::{AllocateProducerIdsRequest, AllocateProducerIdsResponse};

use crate::call::Call;
use crate::{Broker, Effect, producer_ids};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=0;

/// Answers the request, when the block is claimed.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    call: Call,
    request: AllocateProducerIdsRequest,
    effects: &mut Vec<Effect>,
) {
    let who = BrokerId(request.broker_id);
    let live = broker.membership.cluster().brokers().get(&who).map(|live| live.epoch.0);
    let error_code = match live {
        _ if broker.membership.controller().fence().is_none() => ErrorCode::NOT_CONTROLLER,
        None => ErrorCode::BROKER_ID_NOT_REGISTERED,
        Some(live) if live != request.broker_epoch => ErrorCode::STALE_BROKER_EPOCH,
        Some(_) => return producer_ids::grant(broker, call, who, effects),
    };
    broker.answer(call, &AllocateProducerIdsResponse { error_code, ..Default::default() }, effects);
}
