//! What a cluster's view answers after observations.

use super::*;
use crate::LeaderEpoch;
use zookeeper_wire::Zxid;

fn stat(czxid: i64, version: i32) -> Stat {
    Stat { czxid: Zxid(czxid), version, ..Stat::default() }
}

fn topic(id: u8, partitions: i32) -> TopicNode {
    let replicas = |p| (p, Replicas::settled(vec![BrokerId(0), BrokerId(1)]));
    TopicNode { id: Some(TopicId([id; 16])), partitions: (0..partitions).map(replicas).collect() }
}

fn state(leader: i32, epoch: i32) -> PartitionState {
    PartitionState {
        leader: BrokerId(leader),
        leader_epoch: LeaderEpoch(epoch),
        isr: vec![BrokerId(leader)],
        controller_epoch: ControllerEpoch(1),
        recovery: Default::default(),
    }
}

#[test]
fn changes_are_told_and_repetitions_are_not() {
    let mut cluster = Cluster::new();
    let data = topic(1, 1).encode();
    let name: Arc<str> = Arc::from("t");
    let mut observe = |path: &str, found: Option<(&[u8], Stat)>| {
        let found = found.as_ref().map(|(data, stat)| (*data, stat));
        cluster.observe(path, found).unwrap()
    };
    let path = "/brokers/topics/t";
    assert_eq!(observe(path, Some((&data, stat(1, 0)))), Some(Change::Topic(name.clone())));
    assert_eq!(observe(path, Some((&data, stat(1, 0)))), None);
    assert_eq!(observe(path, Some((&data, stat(1, 1)))), Some(Change::Topic(name.clone())));
    assert_eq!(observe(path, None), Some(Change::TopicGone(name, Some(TopicId([1; 16])))));
    assert_eq!(observe(path, None), None);
    assert_eq!(observe("/brokers/seqid", Some((b"", stat(1, 0)))), None);
}

#[test]
fn a_topic_is_found_by_the_id_it_has_now() {
    let mut cluster = Cluster::new();
    cluster.observe("/brokers/topics/t", Some((&topic(1, 1).encode(), &stat(1, 0)))).unwrap();
    assert_eq!(cluster.topic_name(TopicId([1; 16])).map(AsRef::as_ref), Some("t"));
    cluster.observe("/brokers/topics/t", Some((&topic(2, 1).encode(), &stat(5, 0)))).unwrap();
    assert_eq!(cluster.topic_name(TopicId([1; 16])), None);
    assert_eq!(cluster.topic_name(TopicId([2; 16])).map(AsRef::as_ref), Some("t"));
    assert_eq!(cluster.metadata().topic_by_id(TopicId([2; 16])).unwrap().name.as_ref(), "t");
    cluster.observe("/brokers/topics/t", None).unwrap();
    assert_eq!(cluster.topic_name(TopicId([2; 16])), None);
    assert!(cluster.metadata().topic_by_id(TopicId([2; 16])).is_none());
}

#[test]
fn metadata_is_a_snapshot_that_only_changes_bump() {
    let mut cluster = Cluster::new();
    cluster.observe("/brokers/topics/t", Some((&topic(1, 2).encode(), &stat(1, 0)))).unwrap();
    let before = cluster.metadata().clone();
    assert_eq!(cluster.metadata().version, before.version);
    let shown = before.topic("t").unwrap();
    assert_eq!((shown.partitions.len(), shown.partitions[1].leader), (2, BrokerId::NONE));

    let path = "/brokers/topics/t/partitions/1/state";
    cluster.observe(path, Some((&state(1, 3).encode(), &stat(2, 7)))).unwrap();
    let after = cluster.metadata().clone();
    assert_eq!(after.version, before.version + 1);
    let partition = after.topic("t").unwrap().partition(1).unwrap();
    assert_eq!(partition.leader, BrokerId(1));
    assert_eq!((partition.leader_epoch, partition.partition_epoch), (LeaderEpoch(3), PartitionEpoch(7)));
    assert_eq!(partition.offline(&after).collect::<Vec<_>>(), [BrokerId(0), BrokerId(1)]);
    assert_eq!(before.topic("t").unwrap().partitions[1].leader, BrokerId::NONE, "old snapshots stay");
}

#[test]
fn a_broker_born_again_is_a_change() {
    let mut cluster = Cluster::new();
    let data = br#"{"version":5,"endpoints":["PLAINTEXT://a:1"],"jmx_port":-1}"#;
    let mut observe = |found: Option<(&[u8], &Stat)>| cluster.observe("/brokers/ids/3", found).unwrap();
    assert_eq!(observe(Some((b"", &stat(4, 0)))), None, "empty: not registered yet");
    assert_eq!(observe(Some((data, &stat(5, 1)))), Some(Change::Broker(BrokerId(3))));
    assert_eq!(observe(Some((data, &stat(9, 1)))), Some(Change::Broker(BrokerId(3))));
    assert_eq!(cluster.brokers()[&BrokerId(3)].epoch, BrokerEpoch(9));
    assert_eq!(cluster.metadata().endpoint(BrokerId(3), "PLAINTEXT").unwrap().port, 1);
}

#[test]
fn colliding_names_are_found() {
    let mut cluster = Cluster::new();
    cluster.observe("/brokers/topics/a.b", Some((&topic(1, 1).encode(), &stat(1, 0)))).unwrap();
    assert_eq!(cluster.colliding_topic("a_b").map(AsRef::as_ref), Some("a.b"));
    assert_eq!(cluster.colliding_topic("a-b"), None);
    assert_eq!(cluster.colliding_topic("ab"), None);
}
