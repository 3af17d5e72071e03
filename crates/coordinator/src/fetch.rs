//! OffsetFetch: what a group has committed, whatever its state.

use kafka_wire::ErrorCode;

use crate::effect::{Fetched, FetchedPartition};
use crate::group::{Group, State};
use crate::offsets::{Committed, TopicPartition};

/// The answer for one group, which need not exist.
pub(crate) fn fetch(
    group: Option<&Group>,
    topics: Option<Vec<(String, Vec<i32>)>>,
    member: Option<(String, i32)>,
    require_stable: bool,
) -> Fetched {
    let group = group.filter(|group| !group.is(State::Dead));
    if let (Some(consumer), Some((member, epoch))) =
        (group.and_then(|group| group.consumer.as_deref()), member)
        && let Err(error) = consumer.validate(&member, epoch)
    {
        return Fetched { error, topics: Vec::new() };
    }
    let asked = topics.unwrap_or_else(|| group.map(all).unwrap_or_default());
    let mut answer = Vec::with_capacity(asked.len());
    for (topic, partitions) in asked {
        let of_partition = |partition| {
            let at = TopicPartition { topic: topic.clone(), partition };
            match group {
                Some(group) if require_stable && group.offsets.is_unstable(&at) => {
                    told(partition, None, ErrorCode::UNSTABLE_OFFSET_COMMIT)
                }
                _ => {
                    let committed = group.and_then(|group| group.offsets.find(&topic, partition));
                    told(partition, committed, ErrorCode::NONE)
                }
            }
        };
        let partitions = partitions.into_iter().map(of_partition).collect();
        answer.push((topic, partitions));
    }
    Fetched { error: ErrorCode::NONE, topics: answer }
}

fn all(group: &Group) -> Vec<(String, Vec<i32>)> {
    let by_topic = group.offsets.by_topic().iter();
    by_topic.map(|(topic, partitions)| (topic.clone(), partitions.keys().copied().collect())).collect()
}

fn told(partition: i32, committed: Option<&Committed>, error: ErrorCode) -> FetchedPartition {
    FetchedPartition {
        partition,
        offset: committed.map_or(-1, |committed| committed.offset),
        leader_epoch: committed.map_or(-1, |committed| committed.leader_epoch),
        metadata: committed.map(|committed| committed.metadata.to_string()).unwrap_or_default(),
        error,
    }
}
