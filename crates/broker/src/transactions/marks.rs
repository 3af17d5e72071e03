//! Transaction markers on their way into partitions: those that the coordinator here wants, and those of
//! WriteTxnMarkers.

use clock::Now;
use coordinator::Producer;
use coordinator::transactions::{Input, MarkToken, Partitions};
use disk::Disk;
use kafka_wire::ErrorCode;

use crate::groups::OFFSETS_TOPIC;
use crate::purgatory::WatchKey;
use crate::replica::{Durability, Marker};
use crate::{Broker, TopicPartition};

/// The markers of one transaction.
pub(super) struct Marking {
    /// In a log, with the offset after it.
    in_log: Vec<(TopicPartition, i64)>,
    /// Not written; to be tried again.
    left: Partitions,
}

/// Writes the markers that can be written here.
pub(super) fn begin<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    mark: MarkToken,
    (producer, coordinator_epoch, committed): (Producer, i32, bool),
    partitions: Partitions,
) {
    let marker =
        Marker { producer_id: producer.id, producer_epoch: producer.epoch, coordinator_epoch, committed };
    let mut marking = Marking { in_log: Vec::new(), left: Partitions::new() };
    for (topic, partitions) in partitions {
        for partition in partitions {
            let name = TopicPartition::new(topic.as_str(), partition);
            match append_marker(broker, now, &name, marker) {
                Ok(end) => marking.in_log.push((name, end)),
                // The topic is gone, or another producer has taken over there: nothing is left to end.
                Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION | ErrorCode::INVALID_PRODUCER_EPOCH) => {}
                Err(_) => {
                    marking.left.entry(topic.clone()).or_default().insert(partition);
                }
            }
        }
    }
    broker.transactions.marking.insert(mark, marking);
    broker.transactions.has_more = true;
}

/// Appends a marker where this broker leads, and lets the group coordinator know if it is its partition.
/// Returns the offset after the marker.
pub(crate) fn append_marker<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    partition: &TopicPartition,
    marker: Marker,
) -> Result<i64, ErrorCode> {
    let offset = broker.leader(partition, -1)?.append_marker(now, marker)?;
    if &*partition.topic == OFFSETS_TOPIC {
        let Marker { producer_id, committed, .. } = marker;
        broker.groups.marker_appended(partition.partition, offset, producer_id, committed);
    }
    broker.purgatory.touch(&WatchKey::Partition(partition.clone()));
    Ok(offset + 1)
}

/// The markers of a transaction of which all are committed, or known not to be.
pub(super) fn next_done<D: Disk>(broker: &mut Broker<D>) -> Option<Input> {
    let marks: Vec<MarkToken> = broker.transactions.marking.keys().copied().collect();
    for mark in marks {
        let Some(mut marking) = broker.transactions.marking.remove(&mark) else { continue };
        let left = &mut marking.left;
        marking.in_log.retain(|(name, end)| match broker.replicas.reached(name, *end, Durability::InSync) {
            Ok(true) => false,
            Ok(false) => true,
            Err(_) => {
                left.entry(name.topic.to_string()).or_default().insert(name.partition);
                false
            }
        });
        if marking.in_log.is_empty() {
            return Some(Input::Marked { mark, left: marking.left });
        }
        broker.transactions.marking.insert(mark, marking);
    }
    None
}
