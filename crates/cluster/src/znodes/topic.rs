//! `/brokers/topics/T`: a topic's id and the replicas of its partitions.
//!
//! Version 3 is written; 1 (no reassignment) and 2 (no id) are read too.

use super::{Malformed, from_json, to_json};
use crate::{BrokerId, TopicId};
use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;

/// A topic as planned. Whether a partition has a leader is in its state znode.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct TopicNode {
    /// `None` for a topic made before 2.8; the controller gives it one.
    pub id: Option<TopicId>,
    /// By partition number. Numbers are dense from 0 in every topic that Kafka made.
    pub partitions: BTreeMap<i32, Replicas>,
}

/// The replicas of one partition, the preferred leader first.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Replicas {
    /// All of them, those being added and removed included.
    pub all: Vec<BrokerId>,
    /// Being added by a reassignment under way.
    pub adding: Vec<BrokerId>,
    /// Being removed by a reassignment under way.
    pub removing: Vec<BrokerId>,
}

const WHAT: &str = "topic";

impl Replicas {
    /// Replicas with no reassignment under way.
    pub fn settled(all: Vec<BrokerId>) -> Replicas {
        Replicas { all, adding: Vec::new(), removing: Vec::new() }
    }
}

impl TopicNode {
    /// The znode's data, version 3.
    pub fn encode(&self) -> Bytes {
        let of = |pick: fn(&Replicas) -> &Vec<BrokerId>, keep_empty: bool| {
            let lists = self.partitions.iter().map(|(number, replicas)| (*number, pick(replicas)));
            let mut lists: Vec<_> = lists.filter(|(_, list)| keep_empty || !list.is_empty()).collect();
            let count = lists.len();
            lists.sort_by_key(|(number, _)| place_in_kafkas_map(*number, count));
            Lists(lists)
        };
        to_json(&Written {
            partitions: of(|replicas| &replicas.all, true),
            topic_id: self.id.map(|id| id.to_string()),
            adding_replicas: of(|replicas| &replicas.adding, false),
            removing_replicas: of(|replicas| &replicas.removing, false),
            version: 3,
        })
    }

    /// Reads versions 1 to 3.
    pub fn decode(data: &[u8]) -> Result<TopicNode, Malformed> {
        let mut read: Read = from_json(WHAT, data)?;
        let id = match read.topic_id {
            Some(text) => Some(text.parse().map_err(|error| Malformed::new(WHAT, error))?),
            None => None,
        };
        let mut partitions = BTreeMap::new();
        for (text, all) in read.partitions {
            let number: i32 = text.parse().map_err(|error| Malformed::new(WHAT, error))?;
            if number < 0 {
                return Err(Malformed::new(WHAT, format_args!("partition {number}")));
            }
            let of =
                |lists: &mut BTreeMap<String, Vec<i32>>| brokers(lists.remove(&text).unwrap_or_default());
            let adding = of(&mut read.adding_replicas);
            let removing = of(&mut read.removing_replicas);
            partitions.insert(number, Replicas { all: brokers(all), adding, removing });
        }
        Ok(TopicNode { id, partitions })
    }
}

fn brokers(ids: Vec<i32>) -> Vec<BrokerId> {
    ids.into_iter().map(BrokerId).collect()
}

/// Where Kafka's hash map of `count` partitions, keyed by their numbers as text, has this one: bucket,
/// then hash. Nobody depends on the order, but equal topics then are equal bytes.
fn place_in_kafkas_map(partition: i32, count: usize) -> (u32, i32) {
    let hash = partition
        .to_string()
        .bytes()
        .fold(0u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let hash = hash ^ hash >> 16;
    // A table of 16 that doubles when three quarters full.
    let mut buckets = 16;
    while count * 4 >= buckets * 3 {
        buckets *= 2;
    }
    (hash & (buckets as u32 - 1), hash as i32)
}

/// Lists of brokers under partition numbers, in the order given.
struct Lists<'a>(Vec<(i32, &'a Vec<BrokerId>)>);

impl Serialize for Lists<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ids = |list: &Vec<BrokerId>| list.iter().map(|id| id.0).collect::<Vec<_>>();
        serializer.collect_map(self.0.iter().map(|(number, list)| (number.to_string(), ids(list))))
    }
}

#[derive(Serialize)]
struct Written<'a> {
    partitions: Lists<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic_id: Option<String>,
    adding_replicas: Lists<'a>,
    removing_replicas: Lists<'a>,
    version: i32,
}

#[derive(Deserialize)]
struct Read {
    #[serde(default)]
    partitions: BTreeMap<String, Vec<i32>>,
    topic_id: Option<String>,
    #[serde(default)]
    adding_replicas: BTreeMap<String, Vec<i32>>,
    #[serde(default)]
    removing_replicas: BTreeMap<String, Vec<i32>>,
}
