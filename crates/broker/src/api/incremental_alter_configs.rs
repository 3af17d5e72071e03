//! IncrementalAlterConfigs (key 44): sets, deletes, appends to and subtracts from single settings of
//! topics and brokers. All operations on one resource succeed or none does.

use std::ops::RangeInclusive;

use clock::Now;
use disk::Disk;
use kafka_wire::message::incremental_alter_configs::IncrementalAlterConfigsRequest;

use crate::call::Call;
use crate::{Broker, Effect, config_change};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=1;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: IncrementalAlterConfigsRequest,
    effects: &mut Vec<Effect>,
) {
    let next = |resource| config_change::operated(broker, resource);
    let wanted = request.resources.iter().map(|r| (r.resource_type, r.resource_name.clone(), next(r)));
    let wanted = wanted.collect();
    config_change::begin(broker, now, call, true, request.validate_only, wanted, effects);
}
