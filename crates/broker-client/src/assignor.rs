//! The classic consumer protocol: what members of a group tell each other, and the range assignor.

use crate::TopicPartition;
use bytes::Bytes;
use kafka_wire::records::consumer_protocol::{
    AssignedTopic, ConsumerProtocolAssignment, ConsumerProtocolSubscription,
};
use kafka_wire::{Message, Reader, WireError, Writer};
use std::collections::{BTreeMap, BTreeSet};

/// The protocol type of groups of consumers.
pub const PROTOCOL_TYPE: &str = "consumer";

/// The assignor's name in JoinGroup.
pub const RANGE: &str = "range";

/// The version we write; every client reads it.
const VERSION: i16 = 1;

/// What a member sends in JoinGroup.
pub fn subscription(topics: &BTreeSet<String>) -> Bytes {
    let subscription = ConsumerProtocolSubscription {
        topics: topics.iter().cloned().collect(),
        ..ConsumerProtocolSubscription::default()
    };
    versioned(&subscription)
}

/// The topics that a member asked for.
///
/// # Errors
/// Bytes that are no subscription.
pub fn subscribed(bytes: Bytes) -> Result<BTreeSet<String>, WireError> {
    let (mut reader, version) = open(bytes, *ConsumerProtocolSubscription::VERSIONS.end())?;
    Ok(ConsumerProtocolSubscription::decode(&mut reader, version)?.topics.into_iter().collect())
}

/// What the leader sends for a member in SyncGroup.
pub fn assignment(partitions: &[TopicPartition]) -> Bytes {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for place in partitions {
        topics.entry(&place.topic).or_default().push(place.partition);
    }
    let assigned =
        topics.into_iter().map(|(topic, partitions)| AssignedTopic { topic: topic.to_owned(), partitions });
    versioned(&ConsumerProtocolAssignment { assigned_partitions: assigned.collect(), user_data: None })
}

/// The partitions that a member was given; none if it was given nothing.
///
/// # Errors
/// Bytes that are no assignment.
pub fn assigned(bytes: Bytes) -> Result<Vec<TopicPartition>, WireError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let (mut reader, version) = open(bytes, *ConsumerProtocolAssignment::VERSIONS.end())?;
    let assignment = ConsumerProtocolAssignment::decode(&mut reader, version)?;
    let topics = assignment.assigned_partitions.into_iter();
    Ok(topics
        .flat_map(|AssignedTopic { topic, partitions }| {
            partitions.into_iter().map(move |partition| TopicPartition::new(topic.clone(), partition))
        })
        .collect())
}

fn versioned(message: &impl Message) -> Bytes {
    let mut writer = Writer::new();
    writer.i16(VERSION);
    message.encode(&mut writer, VERSION);
    writer.into_bytes()
}

/// Reads the version; a newer one is read as the newest we know, since fields are only ever added.
fn open(bytes: Bytes, newest: i16) -> Result<(Reader, i16), WireError> {
    let mut reader = Reader::new(bytes);
    let version = reader.i16()?;
    if version < 0 {
        return Err(WireError::UnsupportedVersion { version });
    }
    Ok((reader, version.min(newest)))
}

/// Gives each topic's partitions to the members that asked for it: in order, in runs, the first members
/// getting one more where it does not come out even. As Kafka's `RangeAssignor`.
pub fn range(
    members: &BTreeMap<String, BTreeSet<String>>,
    partitions: &BTreeMap<String, i32>,
) -> BTreeMap<String, Vec<TopicPartition>> {
    let mut given: BTreeMap<String, Vec<TopicPartition>> =
        members.keys().map(|member| (member.clone(), Vec::new())).collect();
    for (topic, count) in partitions {
        let takers: Vec<&String> =
            members.iter().filter(|(_, topics)| topics.contains(topic)).map(|(member, _)| member).collect();
        let Ok(takers_count) = i32::try_from(takers.len()) else { continue };
        let mut next = 0;
        for (index, member) in (0..).zip(takers) {
            let share = count / takers_count + i32::from(index < count % takers_count);
            let run = (next..next + share).map(|partition| TopicPartition::new(topic, partition));
            given.entry(member.clone()).or_default().extend(run);
            next += share;
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_even_and_in_order() {
        let check = |members: &[(&str, &[&str])], topics: &[(&str, i32)], expect: &str| {
            let set = |topics: &[&str]| topics.iter().map(|t| (*t).to_owned()).collect();
            let members = members.iter().map(|(name, topics)| ((*name).to_owned(), set(topics))).collect();
            let topics = topics.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
            let lines: Vec<String> = range(&members, &topics)
                .iter()
                .map(|(member, given)| {
                    let given: Vec<String> = given.iter().map(ToString::to_string).collect();
                    format!("{member}:{}", given.join(","))
                })
                .collect();
            assert_eq!(lines.join(" "), expect);
        };
        check(&[("a", &["t"])], &[("t", 2)], "a:t-0,t-1");
        check(&[("a", &["t"]), ("b", &["t"])], &[("t", 3)], "a:t-0,t-1 b:t-2");
        check(&[("a", &["t"]), ("b", &["t"]), ("c", &["t"])], &[("t", 2)], "a:t-0 b:t-1 c:");
        check(&[("a", &["t", "u"]), ("b", &["u"])], &[("t", 1), ("u", 2)], "a:t-0,u-0 b:u-1");
        check(&[("a", &["t"])], &[("t", 0), ("nobody", 3)], "a:");
    }

    #[test]
    fn words_between_members_round_trip() {
        let topics = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        assert_eq!(subscribed(subscription(&topics)), Ok(topics));
        let given =
            vec![TopicPartition::new("a", 0), TopicPartition::new("a", 3), TopicPartition::new("b", 1)];
        assert_eq!(assigned(assignment(&given)), Ok(given));
        assert_eq!(assigned(Bytes::new()), Ok(Vec::new()));
        assert!(subscribed(Bytes::from_static(&[0xff, 0xff])).is_err());
        assert!(assigned(Bytes::from_static(&[0, 1, 0x7f])).is_err());
    }

    #[test]
    fn a_newer_version_is_read_as_far_as_we_know_it() {
        let mut bytes = subscription(&BTreeSet::from(["a".to_owned()])).to_vec();
        bytes[1] = 9;
        // Generation id and rack of version 3, then something unheard of.
        bytes.extend([0, 0, 0, 7, 0xff, 0xff, 1, 2, 3]);
        assert_eq!(subscribed(Bytes::from(bytes)), Ok(BTreeSet::from(["a".to_owned()])));
    }
}
