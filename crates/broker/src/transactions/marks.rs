//! Transaction markers on their way into partitions: those that the coordinator here wants, here or at
//! the brokers that lead the partitions, and those of WriteTxnMarkers.

use std::collections::BTreeMap;

use clock::Now;
use cluster::BrokerId;
use coordinator::transactions::{Input, MarkToken, Partitions};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::write_txn_markers::{
    WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest,
};

use crate::groups::OFFSETS_TOPIC;
use crate::links::{Lane, LinkError, Reply, Sent};
use crate::purgatory::WatchKey;
use crate::replica::{Durability, Marker};
use crate::{Broker, Effect, TopicPartition};

/// The version in which brokers of every supported release understand markers.
const MARKERS_VERSION: i16 = 1;

/// The markers of one transaction.
pub(super) struct Marking {
    /// In a log here, with the offset after it.
    in_log: Vec<(TopicPartition, i64)>,
    /// Requests to other brokers that are not answered.
    asked: usize,
    /// Not written; to be tried again.
    left: Partitions,
}

/// Markers that another broker was asked to write.
#[derive(Debug)]
pub(crate) struct SentMarkers {
    mark: MarkToken,
    partitions: Partitions,
}

/// Writes the markers of partitions led here, and asks the other leaders to write theirs.
pub(super) fn begin<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    mark: MarkToken,
    marker: Marker,
    partitions: Partitions,
    effects: &mut Vec<Effect>,
) {
    let mut marking = Marking { in_log: Vec::new(), asked: 0, left: Partitions::new() };
    let mut elsewhere: BTreeMap<BrokerId, Partitions> = BTreeMap::new();
    for (topic, partitions) in partitions {
        for partition in partitions {
            let name = TopicPartition::new(topic.as_str(), partition);
            let not_here = match append_marker(broker, now, &name, marker) {
                Ok(end) => {
                    marking.in_log.push((name, end));
                    continue;
                }
                Err(error) if is_nothing_left(error) => continue,
                Err(error) => error == ErrorCode::NOT_LEADER_OR_FOLLOWER,
            };
            let leader = leader_elsewhere(broker, &name).filter(|_| not_here);
            let place = match leader {
                Some(leader) => elsewhere.entry(leader).or_default(),
                None => &mut marking.left,
            };
            place.entry(topic.clone()).or_default().insert(partition);
        }
    }
    marking.asked = elsewhere.len();
    broker.transactions.marking.insert(mark, marking);
    broker.transactions.has_more = true;
    for (leader, partitions) in elsewhere {
        let request = WriteTxnMarkersRequest { markers: vec![writable(marker, &partitions)] };
        let sent = Sent::Markers(SentMarkers { mark, partitions });
        broker.send_to(now, (leader, Lane::Transactions), MARKERS_VERSION, &request, sent, effects);
    }
}

/// Whether the topic is gone, or another producer has taken over there: nothing is left to end.
fn is_nothing_left(error: ErrorCode) -> bool {
    matches!(error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION | ErrorCode::INVALID_PRODUCER_EPOCH)
}

fn leader_elsewhere<D: Disk>(broker: &Broker<D>, name: &TopicPartition) -> Option<BrokerId> {
    let metadata = broker.membership.metadata();
    let leader = metadata.topic(&name.topic)?.partition(name.partition)?.leader;
    let is_there = leader.0 != broker.settings.broker_id && metadata.brokers.contains_key(&leader);
    is_there.then_some(leader)
}

fn writable(marker: Marker, partitions: &Partitions) -> WritableTxnMarker {
    let topics = partitions.iter().map(|(name, partitions)| WritableTxnMarkerTopic {
        name: name.clone(),
        partition_indexes: partitions.iter().copied().collect(),
    });
    WritableTxnMarker {
        producer_id: marker.producer_id,
        producer_epoch: marker.producer_epoch,
        transaction_result: marker.committed,
        topics: topics.collect(),
        coordinator_epoch: marker.coordinator_epoch,
        ..Default::default()
    }
}

/// Another broker has answered, or will not: what it did not confirm is tried again.
pub(crate) fn answered<D: Disk>(broker: &mut Broker<D>, sent: SentMarkers, reply: Result<Reply, LinkError>) {
    let SentMarkers { mark, partitions: mut left } = sent;
    let Some(marking) = broker.transactions.marking.get_mut(&mark) else { return };
    let response = reply.and_then(Reply::read::<WriteTxnMarkersRequest>);
    for topic in response.into_iter().flat_map(|response| response.markers).flat_map(|marker| marker.topics) {
        let Some(asked) = left.get_mut(&topic.name) else { continue };
        for partition in topic.partitions {
            // It may not know the topic yet; if the topic is gone, we shall know that too.
            let is_done = matches!(partition.error_code, ErrorCode::NONE | ErrorCode::INVALID_PRODUCER_EPOCH);
            if is_done {
                asked.remove(&partition.partition_index);
            }
        }
    }
    for (topic, partitions) in left {
        if !partitions.is_empty() {
            marking.left.entry(topic).or_default().extend(partitions);
        }
    }
    marking.asked -= 1;
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
        if marking.in_log.is_empty() && marking.asked == 0 {
            return Some(Input::Marked { mark, left: marking.left });
        }
        broker.transactions.marking.insert(mark, marking);
    }
    None
}
