//! Golden bytes: what Apache Kafka in ZooKeeper mode (3.9 where it matters) wrote, read and written back.

use super::*;
use crate::{BrokerId, ControllerEpoch, LeaderEpoch, TopicId};
use std::collections::BTreeMap;

fn ids(ids: &[i32]) -> Vec<BrokerId> {
    ids.iter().copied().map(BrokerId).collect()
}

fn text(bytes: Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn plaintext(listener: &str, host: &str, port: u16) -> Endpoint {
    Endpoint { listener: listener.into(), host: host.into(), port, security: SecurityProtocol::Plaintext }
}

fn registration(endpoints: Vec<Endpoint>, rack: Option<&str>) -> Registration {
    Registration {
        endpoints,
        rack: rack.map(str::to_string),
        jmx_port: -1,
        timestamp_ms: 1724097127252,
        features: BTreeMap::new(),
    }
}

#[test]
fn registrations_are_written_as_kafka_writes_them() {
    let check = |registration: Registration, expect: &str| {
        assert_eq!(text(registration.encode()), expect);
        assert_eq!(Registration::decode(expect.as_bytes()), Ok(registration));
    };
    check(
        registration(vec![plaintext("PLAINTEXT", "192.168.1.14", 9092)], None),
        r#"{"features":{},"listener_security_protocol_map":{"PLAINTEXT":"PLAINTEXT"},"endpoints":["PLAINTEXT://192.168.1.14:9092"],"jmx_port":-1,"port":9092,"host":"192.168.1.14","version":5,"timestamp":"1724097127252"}"#,
    );
    check(
        registration(
            vec![plaintext("PLAINTEXT", "kafka-1", 29092), plaintext("EXTERNAL", "localhost", 9092)],
            None,
        ),
        r#"{"features":{},"listener_security_protocol_map":{"PLAINTEXT":"PLAINTEXT","EXTERNAL":"PLAINTEXT"},"endpoints":["PLAINTEXT://kafka-1:29092","EXTERNAL://localhost:9092"],"jmx_port":-1,"port":29092,"host":"kafka-1","version":5,"timestamp":"1724097127252"}"#,
    );
    check(
        registration(vec![plaintext("PLAINTEXT", "::1", 9092)], Some("rack-a")),
        r#"{"features":{},"listener_security_protocol_map":{"PLAINTEXT":"PLAINTEXT"},"endpoints":["PLAINTEXT://[::1]:9092"],"rack":"rack-a","jmx_port":-1,"port":9092,"host":"::1","version":5,"timestamp":"1724097127252"}"#,
    );
    let mut tls = plaintext("CLIENTS", "h", 9093);
    tls.security = SecurityProtocol::SaslSsl;
    check(
        registration(vec![tls], None),
        r#"{"features":{},"listener_security_protocol_map":{"CLIENTS":"SASL_SSL"},"endpoints":["CLIENTS://h:9093"],"jmx_port":-1,"port":-1,"host":null,"version":5,"timestamp":"1724097127252"}"#,
    );
}

#[test]
fn older_registrations_are_read() {
    let check = |json: &str, endpoints| {
        assert_eq!(Registration::decode(json.as_bytes()).unwrap().endpoints, endpoints, "{json}");
    };
    check(
        r#"{"version":1,"host":"localhost","port":9092,"jmx_port":9999,"timestamp":"2233345666"}"#,
        vec![plaintext("PLAINTEXT", "localhost", 9092)],
    );
    check(
        r#"{"version":2,"host":"a","port":1,"jmx_port":-1,"timestamp":"1","endpoints":["PLAINTEXT://a:1"]}"#,
        vec![plaintext("PLAINTEXT", "a", 1)],
    );
    check(
        r#"{"listener_security_protocol_map":{"CLIENT":"PLAINTEXT"},"endpoints":["CLIENT://a:1"],"jmx_port":-1,"host":null,"timestamp":"1","port":-1,"version":4}"#,
        vec![plaintext("CLIENT", "a", 1)],
    );
    // What a vendor's fork adds is skipped.
    check(
        r#"{"features":{},"endpoints":["PLAINTEXT://a:1"],"jmx_port":-1,"port":1,"host":"a","version":5,"tags":{},"timestamp":"1"}"#,
        vec![plaintext("PLAINTEXT", "a", 1)],
    );
}

#[test]
fn topics_are_written_as_kafka_writes_them() {
    let check = |id: &str, partitions: Vec<(i32, Replicas)>, expect: &str| {
        let topic = TopicNode { id: id.parse().ok(), partitions: partitions.into_iter().collect() };
        assert_eq!(text(topic.encode()), expect);
        assert_eq!(TopicNode::decode(expect.as_bytes()), Ok(topic));
    };
    // The first two were captured from Kafka 3.9.2.
    let settled = |n| (n, Replicas::settled(ids(&[7])));
    check(
        "vZZo1SEuT8q553djgf2JNw",
        vec![settled(0), settled(1)],
        r#"{"partitions":{"0":[7],"1":[7]},"topic_id":"vZZo1SEuT8q553djgf2JNw","adding_replicas":{},"removing_replicas":{},"version":3}"#,
    );
    check(
        "bbtQCjZzSx-Hq4p45BNZaw",
        (0..12).map(settled).collect(),
        r#"{"partitions":{"11":[7],"0":[7],"1":[7],"2":[7],"3":[7],"4":[7],"5":[7],"6":[7],"7":[7],"8":[7],"9":[7],"10":[7]},"topic_id":"bbtQCjZzSx-Hq4p45BNZaw","adding_replicas":{},"removing_replicas":{},"version":3}"#,
    );
    let moving = Replicas { all: ids(&[3, 1, 2]), adding: ids(&[3]), removing: ids(&[1]) };
    check(
        "ZOLr9CLNQjSW70hyIHx6BQ",
        vec![(0, Replicas::settled(ids(&[1, 2]))), (2, moving), (1, Replicas::settled(ids(&[2, 1])))],
        r#"{"partitions":{"0":[1,2],"1":[2,1],"2":[3,1,2]},"topic_id":"ZOLr9CLNQjSW70hyIHx6BQ","adding_replicas":{"2":[3]},"removing_replicas":{"2":[1]},"version":3}"#,
    );
}

#[test]
fn older_and_foreign_topics_are_read() {
    let check = |json: &str, id: Option<TopicId>, partitions: &[i32]| {
        let topic = TopicNode::decode(json.as_bytes()).unwrap();
        assert_eq!(topic.id, id, "{json}");
        assert_eq!(topic.partitions.keys().copied().collect::<Vec<_>>(), partitions, "{json}");
    };
    check(r#"{"version":1,"partitions":{"0":[0,1,3]}}"#, None, &[0]);
    check(
        r#"{"version":2,"partitions":{"1":[0],"0":[1]},"adding_replicas":{},"removing_replicas":{}}"#,
        None,
        &[0, 1],
    );
    // As releases before 3.9 order it.
    check(
        r#"{"removing_replicas":{},"partitions":{"2":[2,1],"1":[1,3],"0":[3,2]},"topic_id":"RSZ--odYRlSOPGRgukKnAQ","adding_replicas":{},"version":3}"#,
        "RSZ--odYRlSOPGRgukKnAQ".parse().ok(),
        &[0, 1, 2],
    );
}

#[test]
fn partition_states_are_written_as_kafka_writes_them() {
    let check = |leader, epoch, isr: &[i32], recovery, expect: &str| {
        let state = PartitionState {
            leader: BrokerId(leader),
            leader_epoch: LeaderEpoch(epoch),
            isr: ids(isr),
            controller_epoch: ControllerEpoch(1),
            recovery,
        };
        assert_eq!(text(state.encode()), expect);
        assert_eq!(PartitionState::decode(expect.as_bytes()), Ok(state));
    };
    check(
        1001,
        0,
        &[1001],
        LeaderRecovery::Recovered,
        r#"{"controller_epoch":1,"leader":1001,"version":1,"leader_epoch":0,"isr":[1001]}"#,
    );
    check(
        2,
        0,
        &[2, 3, 1],
        LeaderRecovery::Recovered,
        r#"{"controller_epoch":1,"leader":2,"version":1,"leader_epoch":0,"isr":[2,3,1]}"#,
    );
    check(
        2,
        5,
        &[2],
        LeaderRecovery::Recovering,
        r#"{"controller_epoch":1,"leader":2,"version":1,"leader_epoch":5,"isr":[2],"leader_recovery_state":1}"#,
    );
}

#[test]
fn the_controllers_nodes_are_written_as_kafka_writes_them() {
    let json = r#"{"version":2,"brokerid":1,"timestamp":"1704032949256","kraftControllerEpoch":-1}"#;
    let node = ControllerNode { broker: BrokerId(1), timestamp_ms: 1704032949256, kraft_epoch: -1 };
    assert_eq!(text(node.encode()), json);
    assert_eq!(ControllerNode::decode(json.as_bytes()), Ok(node.clone()));
    let old = r#"{"version":1,"brokerid":1,"timestamp":"1704032949256"}"#;
    assert_eq!(ControllerNode::decode(old.as_bytes()), Ok(node));

    assert_eq!(text(encode_controller_epoch(ControllerEpoch(12))), "12");
    assert_eq!(decode_controller_epoch(b"12"), Ok(ControllerEpoch(12)));
    for garbage in [&b""[..], b"x", b"99999999999", b"\xff"] {
        assert!(decode_controller_epoch(garbage).is_err());
    }
}

#[test]
fn small_nodes_are_written_as_kafka_writes_them() {
    let check = |encoded: Bytes, expect: &str| assert_eq!(text(encoded), expect);
    let id = ClusterId("eQzK4lYlQ9y8P21IScOl_g".into());
    check(id.encode(), r#"{"version":"1","id":"eQzK4lYlQ9y8P21IScOl_g"}"#);
    assert_eq!(ClusterId::decode(&id.encode()), Ok(id));

    let config = EntityConfig([("retention.ms".to_string(), "1000".to_string())].into());
    check(config.encode(), r#"{"version":1,"config":{"retention.ms":"1000"}}"#);
    check(EntityConfig::default().encode(), r#"{"version":1,"config":{}}"#);
    assert_eq!(EntityConfig::decode(&config.encode()), Ok(config));
    assert_eq!(EntityConfig::decode(b""), Ok(EntityConfig::default()));

    let change = ConfigChange { entity_path: "topics/orders".into() };
    check(change.encode(), r#"{"version":2,"entity_path":"topics/orders"}"#);
    assert_eq!(ConfigChange::decode(&change.encode()), Ok(change.clone()));
    let old = br#"{"version":1,"entity_type":"topics","entity_name":"orders"}"#;
    assert_eq!(ConfigChange::decode(old), Ok(change));

    check(FeatureNode::empty().encode(), r#"{"features":{},"version":2,"status":1}"#);
    assert_eq!(FeatureNode::decode(&FeatureNode::empty().encode()), Ok(FeatureNode::empty()));

    let change = IsrChange { partitions: vec![PartitionName { topic: "t".into(), partition: 3 }] };
    check(change.encode(), r#"{"version":1,"partitions":[{"topic":"t","partition":3}]}"#);
    assert_eq!(IsrChange::decode(&change.encode()), Ok(change));

    let event = LogDirEvent { broker: BrokerId(4) };
    check(event.encode(), r#"{"version":1,"broker":4,"event":1}"#);
    assert_eq!(LogDirEvent::decode(&event.encode()), Ok(event));

    let moves = Reassignments(vec![Reassignment { topic: "t".into(), partition: 0, replicas: ids(&[1, 2]) }]);
    check(moves.encode(), r#"{"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1,2]}]}"#);
    assert_eq!(Reassignments::decode(&moves.encode()), Ok(moves));

    let election = PreferredElection(vec![PartitionName { topic: "t".into(), partition: 0 }]);
    check(election.encode(), r#"{"version":1,"partitions":[{"topic":"t","partition":0}]}"#);
    assert_eq!(PreferredElection::decode(&election.encode()), Ok(election));
}

#[test]
fn producer_id_blocks_follow_each_other() {
    let first = ProducerIdBlock::next(None, BrokerId(0)).unwrap();
    assert_eq!((first.first, first.last), (0, 999));
    let json = r#"{"version":1,"broker":35,"block_start":"4000","block_end":"4999"}"#;
    let block = ProducerIdBlock { broker: BrokerId(35), first: 4000, last: 4999 };
    assert_eq!(text(block.encode()), json);
    assert_eq!(ProducerIdBlock::decode(json.as_bytes()), Ok(Some(block)));
    assert_eq!(ProducerIdBlock::decode(b""), Ok(None));
    let next = ProducerIdBlock::next(Some(block), BrokerId(1)).unwrap();
    assert_eq!((next.first, next.last), (5000, 5999));
    let last = ProducerIdBlock { broker: BrokerId(0), first: i64::MAX - 1, last: i64::MAX };
    assert_eq!(ProducerIdBlock::next(Some(last), BrokerId(1)), None);
}

#[test]
fn garbage_is_refused_everywhere() {
    let garbage: &[&[u8]] = &[
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{\"version\":99}",
        b"{\"partitions\":{\"-1\":[1]}}",
        b"{\"partitions\":{\"x\":[1]}}",
        b"{\"partitions\":{\"0\":[99999999999]}}",
        b"{\"partitions\":[],\"topic_id\":\"short\"}",
    ];
    for data in garbage {
        let shown = String::from_utf8_lossy(data);
        if *data != b"{\"version\":99}" {
            assert!(TopicNode::decode(data).is_err(), "{shown}");
        }
        assert!(
            Registration::decode(data).is_ok_and(|r| r.endpoints.is_empty())
                == (*data == b"{\"version\":99}"),
            "{shown}"
        );
        assert!(PartitionState::decode(data).is_err(), "{shown}");
        assert!(ControllerNode::decode(data).is_err(), "{shown}");
        assert!(ClusterId::decode(data).is_err(), "{shown}");
        assert!(FeatureNode::decode(data).is_err(), "{shown}");
        assert!(LogDirEvent::decode(data).is_err(), "{shown}");
        assert!(ProducerIdBlock::decode(data).is_err(), "{shown}");
        assert!(ConfigChange::decode(data).is_err(), "{shown}");
    }
    for endpoint in
        ["", "PLAINTEXT", "PLAINTEXT://h", "PLAINTEXT://h:x", "PLAINTEXT://h:99999", "OTHER://h:1"]
    {
        let json = format!(r#"{{"version":5,"endpoints":["{endpoint}"],"jmx_port":-1}}"#);
        assert!(Registration::decode(json.as_bytes()).is_err(), "{endpoint:?}");
    }
}
