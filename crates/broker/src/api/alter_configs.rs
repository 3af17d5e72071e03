//! AlterConfigs (key 33): replaces all settings of topics and brokers. Deprecated since 2.3 in favour of
//! IncrementalAlterConfigs, and still what older clients send.

use std::ops::RangeInclusive;

use clock::Now;
use disk::Disk;
use kafka_wire::message::alter_configs::AlterConfigsRequest;

use crate::call::Call;
use crate::{Broker, Effect, config_change};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=2;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: AlterConfigsRequest,
    effects: &mut Vec<Effect>,
) {
    let next = |resource| config_change::replaced(broker, resource);
    let wanted = request.resources.iter().map(|r| (r.resource_type, r.resource_name.clone(), next(r)));
    let wanted = wanted.collect();
    config_change::begin(broker, now, call, false, request.validate_only, wanted, effects);
}
