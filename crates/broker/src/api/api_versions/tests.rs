use bytes::Bytes;
use kafka_wire::{RequestHeader, Writer};

use super::*;
use crate::Input;
use crate::testing::World;

fn request(name: &str, version: &str) -> ApiVersionsRequest {
    ApiVersionsRequest { client_software_name: name.into(), client_software_version: version.into() }
}

#[test]
fn every_version_tells_the_same_ranges() {
    let mut world = World::new();
    let oldest = world.call(0, &ApiVersionsRequest::default());
    assert_eq!(oldest.error_code, ErrorCode::NONE);
    for version in 1..=4 {
        let answer = world.call(version, &request("librdkafka", "2.15.0"));
        assert_eq!(answer.api_keys, oldest.api_keys, "v{version}");
        let names: Vec<&str> =
            answer.finalized_features.iter().map(|feature| feature.name.as_str()).collect();
        assert_eq!(names, if version >= 3 { vec!["group.version", "transaction.version"] } else { vec![] });
    }
}

#[test]
fn the_ranges_are_those_that_clients_infer_from() {
    let keys = World::new().call(3, &request("a", "1")).api_keys;
    let range = |key: i16| {
        keys.iter().find(|range| range.api_key == key).map(|range| (range.min_version, range.max_version))
    };
    assert_eq!(range(0), Some((0, 13)), "Produce begins at 0 for old librdkafka");
    assert_eq!(range(1), Some((4, 18)));
    assert_eq!(range(3), Some((0, 13)));
    assert_eq!(range(18), Some((0, 4)));
    assert_eq!(range(4), Some((5, 7)), "LeaderAndIsr is listed, as Kafka's brokers in ZooKeeper mode do");
    assert_eq!(range(56), Some((0, 3)), "brokers negotiate AlterPartition");
    assert!(keys.is_sorted_by_key(|range| range.api_key));
    assert!(keys.iter().all(|range| range.min_version <= range.max_version));
}

#[test]
fn software_names_are_checked() {
    let mut world = World::new();
    let mut check = |name: &str, version: &str, expect| {
        let answer = world.call(3, &request(name, version));
        assert_eq!(answer.error_code, expect, "{name:?} {version:?}");
        assert_eq!(answer.api_keys.is_empty(), expect != ErrorCode::NONE);
    };
    check("apache-kafka-java", "4.0.0", ErrorCode::NONE);
    check("a", "0", ErrorCode::NONE);
    check("", "1", ErrorCode::INVALID_REQUEST);
    check("a", "", ErrorCode::INVALID_REQUEST);
    check("-a", "1", ErrorCode::INVALID_REQUEST);
    check("a.", "1", ErrorCode::INVALID_REQUEST);
    check("a b", "1", ErrorCode::INVALID_REQUEST);
    check("é", "1", ErrorCode::INVALID_REQUEST);
    let answer = world.call(2, &request("ignored before version 3", ""));
    assert_eq!(answer.error_code, ErrorCode::NONE);
}

#[test]
fn an_unknown_version_is_answered_in_version_0_with_our_own_range() {
    let mut world = World::new();
    for version in [5, 127, i16::MAX, -1] {
        let connection = world.connect();
        let mut writer = Writer::new();
        let header =
            RequestHeader { api_key: KEY as i16, api_version: version, correlation_id: 9, client_id: None };
        header.encode(&mut writer);
        world.step(Input::Received { connection, frame: writer.into_bytes() });
        let answer = world.reply::<ApiVersionsRequest>(connection, 0).expect("a reply");
        assert_eq!(answer.error_code, ErrorCode::UNSUPPORTED_VERSION);
        let ranges: Vec<_> =
            answer.api_keys.iter().map(|r| (r.api_key, r.min_version, r.max_version)).collect();
        assert_eq!(ranges, [(18, 0, 4)]);
        // The client goes on, on the same connection.
        world.send(connection, 0, &ApiVersionsRequest::default());
        assert!(world.reply::<ApiVersionsRequest>(connection, 0).is_some());
    }
}

#[test]
fn a_header_that_is_cut_short_closes_the_connection() {
    // Key, version 99 and correlation id only: no client id, no tags.
    let mut world = World::new();
    let connection = world.connect();
    world.step(Input::Received { connection, frame: Bytes::from_static(&[0, 18, 0, 99, 0, 0, 0, 1]) });
    assert!(world.reply::<ApiVersionsRequest>(connection, 0).is_none());
    assert!(world.closed.contains_key(&connection));
}
