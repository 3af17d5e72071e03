//! The layout: where Kafka keeps what. [`Place`] reads a path back.
//!
//! All paths are below the chroot, which the ZooKeeper client adds and strips; nothing here knows it.
//! Source: Apache Kafka 3.9 in ZooKeeper mode.

use crate::BrokerId;

/// `/cluster/id`: JSON, see [`ClusterId`](crate::znodes::ClusterId).
pub const CLUSTER_ID: &str = "/cluster/id";
/// Ephemeral registrations of the live brokers.
pub const BROKER_IDS: &str = "/brokers/ids";
/// One znode a topic: its id and the replicas of each partition.
pub const TOPICS: &str = "/brokers/topics";
/// A counter for brokers that ask for an id.
pub const SEQID: &str = "/brokers/seqid";
/// Ephemeral: who is controller.
pub const CONTROLLER: &str = "/controller";
/// The controller's epoch in decimal; its znode version fences every write of the controller.
pub const CONTROLLER_EPOCH: &str = "/controller_epoch";
/// One child for each topic that shall be deleted.
pub const DELETE_TOPICS: &str = "/admin/delete_topics";
/// Written by old tools: partitions to move.
pub const REASSIGN_PARTITIONS: &str = "/admin/reassign_partitions";
/// Written by old tools: partitions whose preferred replica shall lead.
pub const PREFERRED_ELECTION: &str = "/admin/preferred_replica_election";
/// Configurations of topics.
pub const TOPIC_CONFIGS: &str = "/config/topics";
/// Dynamic configurations of brokers, and of all of them under `<default>`.
pub const BROKER_CONFIGS: &str = "/config/brokers";
/// Sequential notes that some configuration changed.
pub const CONFIG_CHANGES: &str = "/config/changes";
/// Notes of leaders of old versions that an ISR changed.
pub const ISR_CHANGES: &str = "/isr_change_notification";
/// Notes that a log directory failed.
pub const LOG_DIR_EVENTS: &str = "/log_dir_event_notification";
/// The last block of producer ids given out.
pub const PRODUCER_ID_BLOCK: &str = "/latest_producer_id_block";
/// Finalized features.
pub const FEATURE: &str = "/feature";
/// There only while a KRaft migration is under way: then nobody may be elected.
pub const MIGRATION: &str = "/migration";

/// The name under `/config/brokers` that stands for every broker.
pub const DEFAULT_ENTITY: &str = "<default>";

/// Znodes that a broker makes if they are missing, parents first. Kafka makes the same.
pub const PERSISTENT: [&str; 18] = [
    "/cluster",
    "/brokers",
    BROKER_IDS,
    TOPICS,
    SEQID,
    "/consumers",
    "/config",
    TOPIC_CONFIGS,
    "/config/clients",
    "/config/users",
    BROKER_CONFIGS,
    "/config/ips",
    CONFIG_CHANGES,
    "/admin",
    DELETE_TOPICS,
    ISR_CHANGES,
    LOG_DIR_EVENTS,
    PRODUCER_ID_BLOCK,
];

/// `/brokers/ids/N`
pub fn broker(id: BrokerId) -> String {
    format!("{BROKER_IDS}/{id}")
}

/// `/brokers/topics/T`
pub fn topic(topic: &str) -> String {
    format!("{TOPICS}/{topic}")
}

/// `/brokers/topics/T/partitions`
pub fn partitions(topic: &str) -> String {
    format!("{TOPICS}/{topic}/partitions")
}

/// `/brokers/topics/T/partitions/N`
pub fn partition(topic: &str, partition: i32) -> String {
    format!("{TOPICS}/{topic}/partitions/{partition}")
}

/// `/brokers/topics/T/partitions/N/state`
pub fn partition_state(topic: &str, partition: i32) -> String {
    format!("{TOPICS}/{topic}/partitions/{partition}/state")
}

/// `/admin/delete_topics/T`
pub fn delete_topic(topic: &str) -> String {
    format!("{DELETE_TOPICS}/{topic}")
}

/// `/config/topics/T`
pub fn topic_config(topic: &str) -> String {
    format!("{TOPIC_CONFIGS}/{topic}")
}

/// `/config/brokers/N`, or `/config/brokers/<default>` for none.
pub fn broker_config(id: Option<BrokerId>) -> String {
    match id {
        Some(id) => format!("{BROKER_CONFIGS}/{id}"),
        None => format!("{BROKER_CONFIGS}/{DEFAULT_ENTITY}"),
    }
}

/// What a path names, for the paths that a [`Cluster`](crate::Cluster) is built from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place<'a> {
    /// `/cluster/id`
    ClusterId,
    /// `/controller`
    Controller,
    /// `/controller_epoch`
    ControllerEpoch,
    /// `/feature`
    Feature,
    /// `/brokers/ids/N`
    Broker(BrokerId),
    /// `/brokers/topics/T`
    Topic(&'a str),
    /// `/brokers/topics/T/partitions/N/state`
    PartitionState {
        /// The topic.
        topic: &'a str,
        /// The partition, from 0.
        partition: i32,
    },
    /// `/admin/delete_topics/T`
    DeleteTopic(&'a str),
    /// `/log_dir_event_notification/log_dir_event_N`: the whole name.
    LogDirEvent(&'a str),
    /// `/config/topics/T`
    TopicConfig(&'a str),
    /// `/config/brokers/N`
    BrokerConfig(BrokerId),
    /// `/config/brokers/<default>`
    DefaultBrokerConfig,
}

impl<'a> Place<'a> {
    /// Reads `path`; `None` for all that a cluster's state is not built from.
    pub fn of(path: &'a str) -> Option<Place<'a>> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let mut next = || parts.next();
        let place = match (next(), next(), next()) {
            (Some("controller"), None, None) => Place::Controller,
            (Some("controller_epoch"), None, None) => Place::ControllerEpoch,
            (Some("feature"), None, None) => Place::Feature,
            (Some("cluster"), Some("id"), None) => Place::ClusterId,
            (Some("brokers"), Some("ids"), Some(id)) => Place::Broker(broker_id(id)?),
            (Some("brokers"), Some("topics"), Some(topic)) => match (next(), next(), next()) {
                (None, ..) => Place::Topic(topic),
                (Some("partitions"), Some(partition), Some("state")) => {
                    Place::PartitionState { topic, partition: index(partition)? }
                }
                _ => return None,
            },
            (Some("admin"), Some("delete_topics"), Some(topic)) => Place::DeleteTopic(topic),
            (Some("log_dir_event_notification"), Some(name), None) => Place::LogDirEvent(name),
            (Some("config"), Some("topics"), Some(topic)) => Place::TopicConfig(topic),
            (Some("config"), Some("brokers"), Some(DEFAULT_ENTITY)) => Place::DefaultBrokerConfig,
            (Some("config"), Some("brokers"), Some(id)) => Place::BrokerConfig(broker_id(id)?),
            _ => return None,
        };
        // Nothing may follow.
        next().is_none().then_some(place)
    }
}

fn broker_id(text: &str) -> Option<BrokerId> {
    index(text).map(BrokerId)
}

/// A number as Kafka writes it into a path: decimal, not negative, no plus sign, no leading zeros.
fn index(text: &str) -> Option<i32> {
    let number: i32 = text.parse().ok()?;
    (number >= 0 && number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_back_as_places() {
        let check = |path: &str, expect| assert_eq!(Place::of(path), expect, "{path}");
        check("/cluster/id", Some(Place::ClusterId));
        check("/controller", Some(Place::Controller));
        check("/controller_epoch", Some(Place::ControllerEpoch));
        check(&broker(BrokerId(7)), Some(Place::Broker(BrokerId(7))));
        check(&topic("t"), Some(Place::Topic("t")));
        check(&partition_state("t", 12), Some(Place::PartitionState { topic: "t", partition: 12 }));
        check(&topic_config("t"), Some(Place::TopicConfig("t")));
        check(&broker_config(Some(BrokerId(0))), Some(Place::BrokerConfig(BrokerId(0))));
        check(&broker_config(None), Some(Place::DefaultBrokerConfig));
        check(&delete_topic("t"), Some(Place::DeleteTopic("t")));
        check("/feature", Some(Place::Feature));
    }

    #[test]
    fn other_paths_are_no_place() {
        for path in [
            "",
            "/",
            "/brokers",
            "/brokers/ids",
            "/brokers/ids/-1",
            "/brokers/ids/01",
            "/brokers/ids/x",
            "/brokers/ids/1/2",
            "/brokers/topics/t/partitions",
            "/brokers/topics/t/partitions/0",
            "/brokers/topics/t/partitions/0/state/x",
            "/controller/x",
            "/config/changes/config_change_0000000001",
            "/config/topics/t/u",
            "controller",
        ] {
            assert_eq!(Place::of(path), None, "{path}");
        }
    }
}
