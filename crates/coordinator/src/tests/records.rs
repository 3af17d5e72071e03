//! The records of `__consumer_offsets`, byte by byte as the protocol guide of Kafka 3.9 lays them out.

use bytes::Bytes;

use crate::offsets::{Committed, TopicPartition};
use crate::record::{self, Key};
use crate::{Groups, Settings};

fn bytes(hex: &str) -> Bytes {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn committed(expires_ms: Option<i64>) -> Committed {
    Committed {
        offset: 42,
        leader_epoch: 3,
        metadata: "m".into(),
        committed_ms: 0x0102_0304_0506,
        expires_ms,
        position: -1,
    }
}

#[test]
fn offsets_are_written_as_kafka_writes_them() {
    let at = TopicPartition { topic: "t".into(), partition: 7 };
    let record = record::offset("g", &at, &committed(None));
    assert_eq!(record.key, bytes("0001 0001 67 0001 74 00000007"));
    let value = "0003 000000000000002a 00000003 0001 6d 0000010203040506";
    assert_eq!(record.value, Some(bytes(value)));

    // An expiry of its own has a place in version 1 only, which has none for the leader's epoch.
    let record = record::offset("g", &at, &committed(Some(9)));
    let value = "0001 000000000000002a 0001 6d 0000010203040506 0000000000000009";
    assert_eq!(record.value, Some(bytes(value)));
}

#[test]
fn offsets_are_read_in_every_version() {
    let check = |hex: &str, leader_epoch: i32, expires_ms: Option<i64>| {
        let expect = Committed { leader_epoch, ..committed(expires_ms) };
        assert_eq!(record::read_offset(&bytes(hex)), Ok(expect), "{hex}");
    };
    check("0000 000000000000002a 0001 6d 0000010203040506", -1, None);
    check("0001 000000000000002a 0001 6d 0000010203040506 0000000000000009", -1, Some(9));
    check("0001 000000000000002a 0001 6d 0000010203040506 ffffffffffffffff", -1, None);
    check("0002 000000000000002a 0001 6d 0000010203040506", -1, None);
    check("0003 000000000000002a 00000003 0001 6d 0000010203040506", 3, None);
    // Version 4 is flexible, and may carry the topic's id in a tagged field.
    check("0004 000000000000002a 00000003 02 6d 0000010203040506 00", 3, None);
    let id = "000102030405060708090a0b0c0d0e0f";
    check(&format!("0004 000000000000002a 00000003 02 6d 0000010203040506 01 00 10 {id}"), 3, None);
    assert!(record::read_offset(&bytes("0005 000000000000002a")).is_err());
}

#[test]
fn keys_are_told_apart_by_version() {
    let check = |hex: &str, expect: Key| assert_eq!(Key::decode(&bytes(hex)), Ok(expect), "{hex}");
    let offset = || Key::Offset { group: "g".into(), topic: "t".into(), partition: 7 };
    check("0000 0001 67 0001 74 00000007", offset());
    check("0001 0001 67 0001 74 00000007", offset());
    check("0002 0001 67", Key::Group { group: "g".into() });
    check("0003 0001 67", Key::Unknown { version: 3 });
    assert_eq!(record::group_key("g"), bytes("0002 0001 67"));
    assert!(Key::decode(&bytes("")).is_err());
    assert!(Key::decode(&bytes("0001 0009 67")).is_err());
}

#[test]
fn groups_are_read_in_every_version() {
    let check = |hex: &str, instance: Option<&str>, rebalance_timeout_ms: i32, since: Option<i64>| {
        let value = record::read_group(&bytes(hex)).unwrap();
        assert_eq!((value.protocol_type.as_str(), value.generation), ("c", 5));
        assert_eq!((value.protocol.as_deref(), value.leader.as_deref()), (Some("r"), Some("m")));
        assert_eq!(value.state_since_ms, since);
        let member = &value.members[0];
        assert_eq!(
            (member.id.as_str(), member.client_id.as_str(), member.client_host.as_str()),
            ("m", "i", "/")
        );
        assert_eq!((member.instance_id.as_deref(), member.session_timeout_ms), (instance, 16));
        assert_eq!(member.rebalance_timeout_ms, rebalance_timeout_ms);
        assert_eq!((&*member.subscription, &*member.assignment), (&b"s"[..], &b"a"[..]));
    };
    let head = "0001 63 00000005 0001 72 0001 6d";
    let tail = "00000001 73 00000001 61";
    check(&format!("0000 {head} 00000001 0001 6d 0001 69 0001 2f 00000010 {tail}"), None, 16, None);
    check(&format!("0001 {head} 00000001 0001 6d 0001 69 0001 2f 00000020 00000010 {tail}"), None, 32, None);
    let head = format!("{head} 0000000000000008");
    check(
        &format!("0002 {head} 00000001 0001 6d 0001 69 0001 2f 00000020 00000010 {tail}"),
        None,
        32,
        Some(8),
    );
    let member = format!("0001 6d 0001 78 0001 69 0001 2f 00000020 00000010 {tail}");
    check(&format!("0003 {head} 00000001 {member}"), Some("x"), 32, Some(8));
    let member = "02 6d 02 78 02 69 02 2f 00000020 00000010 02 73 02 61 00";
    let head = "02 63 00000005 02 72 02 6d 0000000000000008";
    check(&format!("0004 {head} 02 {member} 00"), Some("x"), 32, Some(8));
}

#[test]
fn groups_are_where_every_kafka_broker_looks_for_them() {
    let groups = Groups::new(Settings::default(), clock::Now::at_ms(0), 1);
    let check = |group: &str, partition: i32| assert_eq!(groups.partition_of(group), partition, "{group}");
    check("", 0);
    check("test_group", 12);
    // Its hash is the least number there is, which has no absolute value.
    check("polygenelubricants", 0);
}
