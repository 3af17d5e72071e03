//! WriteTxnMarkers (key 27): ends transactions in the partitions led here. Sent by coordinators on other
//! brokers, and by administrators who end a transaction that hangs (KIP-664).

use std::ops::RangeInclusive;

use clock::{Moment, Now};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::write_txn_markers::{
    WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopicResult,
    WriteTxnMarkersRequest, WriteTxnMarkersResponse,
};

use crate::call::Call;
use crate::limits::PRODUCE_WAIT_MAX;
use crate::purgatory::{Parked, Patience, WatchKey};
use crate::replica::{Durability, Marker};
use crate::transactions::append_marker;
use crate::{Broker, Effect, TopicPartition};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=1;

/// A request whose markers are appended but not yet committed.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    deadline: Moment,
    response: WriteTxnMarkersResponse,
    pending: Vec<Pending>,
}

/// One marker that is waited for.
#[derive(Debug)]
struct Pending {
    partition: TopicPartition,
    end: i64,
    /// Its place in the response: marker, topic, partition.
    place: (usize, usize, usize),
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: WriteTxnMarkersRequest,
    effects: &mut Vec<Effect>,
) {
    let mut response = WriteTxnMarkersResponse::default();
    let mut pending = Vec::new();
    for asked in request.markers {
        let marker = Marker {
            producer_id: asked.producer_id,
            producer_epoch: asked.producer_epoch,
            coordinator_epoch: asked.coordinator_epoch,
            committed: asked.transaction_result,
        };
        let mut topics = Vec::with_capacity(asked.topics.len());
        for topic in asked.topics {
            let mut partitions = Vec::with_capacity(topic.partition_indexes.len());
            for partition_index in topic.partition_indexes {
                let partition = TopicPartition::new(topic.name.as_str(), partition_index);
                let mut error_code = ErrorCode::NONE;
                match append_marker(broker, now, &partition, marker) {
                    Ok(end) => {
                        let place = (response.markers.len(), topics.len(), partitions.len());
                        pending.push(Pending { partition, end, place });
                    }
                    Err(error) => error_code = error,
                }
                partitions.push(WritableTxnMarkerPartitionResult { partition_index, error_code });
            }
            topics.push(WritableTxnMarkerTopicResult { name: topic.name, partitions });
        }
        response.markers.push(WritableTxnMarkerResult { producer_id: asked.producer_id, topics });
    }
    let waiting = Waiting { call, deadline: now.moment + PRODUCE_WAIT_MAX, response, pending };
    retry(broker, now, waiting, Patience::Left, effects);
}

/// Answers if all markers are committed, or lets the request wait on.
pub(crate) fn retry<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    mut waiting: Waiting,
    patience: Patience,
    effects: &mut Vec<Effect>,
) {
    let Waiting { response, pending, .. } = &mut waiting;
    pending.retain(|one| {
        let error = match broker.replicas.reached(&one.partition, one.end, Durability::InSync) {
            Ok(true) => return false,
            Ok(false) if patience == Patience::Left => return true,
            Ok(false) => ErrorCode::REQUEST_TIMED_OUT,
            Err(error) => error,
        };
        let (marker, topic, partition) = one.place;
        response.markers[marker].topics[topic].partitions[partition].error_code = error;
        false
    });
    if waiting.pending.is_empty() {
        return broker.answer(waiting.call, &waiting.response, effects);
    }
    let keys = waiting.pending.iter().map(|one| WatchKey::Partition(one.partition.clone())).collect();
    let (connection, deadline) = (waiting.call.connection, waiting.deadline);
    broker.purgatory.park(connection, deadline, keys, Parked::WriteTxnMarkers(waiting));
}
