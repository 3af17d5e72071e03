//! DescribeCluster (key 60): the cluster's id, its brokers, and who is controller.

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use clock::Now;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::describe_cluster::{
    DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse,
};

use crate::call::Call;
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=2;

/// The kind of endpoint that clients of brokers ask for; the other is KRaft's controllers.
const BROKERS: i8 = 1;

/// Every operation on a cluster, as bits by the number of the operation: what a broker without an
/// authorizer answers.
const ALL_OPERATIONS: i32 = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    call: Call,
    request: DescribeClusterRequest,
    effects: &mut Vec<Effect>,
) {
    let mut response = DescribeClusterResponse { endpoint_type: BROKERS, ..Default::default() };
    if request.endpoint_type != BROKERS {
        response.error_code = ErrorCode::MISMATCHED_ENDPOINT_TYPE;
        response.error_message = Some("This is a broker: ask for the endpoints of brokers.".into());
        return broker.answer(call, &response, effects);
    }
    let metadata = broker.membership.metadata();
    let listener = broker.settings.listeners[call.listener.0].name.as_str();
    response.cluster_id = metadata.cluster_id.as_deref().unwrap_or_default().to_string();
    response.controller_id = metadata.controller.map_or(-1, |controller| controller.0);
    let brokers = metadata.brokers.iter().filter_map(|(id, known)| {
        let endpoint = known.registration.endpoint(listener)?;
        Some(DescribeClusterBroker {
            broker_id: id.0,
            host: endpoint.host.clone(),
            port: endpoint.port.into(),
            rack: known.registration.rack.clone(),
            is_fenced: false,
        })
    });
    response.brokers = brokers.collect();
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = ALL_OPERATIONS;
    }
    broker.answer(call, &response, effects);
}
