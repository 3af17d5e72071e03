//! ListConfigResources (key 74): names what can be configured (KIP-1142). Version 0 asks for client
//! metrics alone, of which there are none.

use std::ops::RangeInclusive;

use clock::Now;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::list_config_resources::{
    ConfigResource, ListConfigResourcesRequest, ListConfigResourcesResponse,
};

use crate::call::Call;
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=1;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const BROKER_LOGGER: i8 = 8;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;
/// All kinds, in the order in which they are listed.
const KINDS: [i8; 5] = [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP];

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    call: Call,
    request: ListConfigResourcesRequest,
    effects: &mut Vec<Effect>,
) {
    let wanted = match call.api_version {
        0 => vec![CLIENT_METRICS],
        _ if request.resource_types.is_empty() => KINDS.to_vec(),
        _ => request.resource_types,
    };
    let mut response = ListConfigResourcesResponse::default();
    if wanted.iter().all(|kind| KINDS.contains(kind)) {
        for kind in KINDS.into_iter().filter(|kind| wanted.contains(kind)) {
            let names = names(broker, kind).into_iter();
            let resource = |resource_name| ConfigResource { resource_name, resource_type: kind };
            response.config_resources.extend(names.map(resource));
        }
    } else {
        response.error_code = ErrorCode::UNSUPPORTED_VERSION;
    }
    broker.answer(call, &response, effects);
}

fn names<D: Disk>(broker: &Broker<D>, kind: i8) -> Vec<String> {
    let metadata = broker.membership.metadata();
    match kind {
        TOPIC => metadata.topics().map(|topic| topic.name.to_string()).collect(),
        BROKER | BROKER_LOGGER => metadata.brokers.keys().map(|broker| broker.0.to_string()).collect(),
        // Neither groups nor client metrics can be configured yet.
        _ => Vec::new(),
    }
}
