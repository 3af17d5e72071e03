//! CreatePartitions over a scripted keeper.

use kafka_wire::ErrorCode;
use kafka_wire::message::create_partitions::{
    CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsTopic,
};
use kafka_wire::message::create_topics::{CreatableTopic, CreateTopicsRequest};

use crate::testing::World;

fn world() -> World {
    let mut world = World::new();
    let topic =
        CreatableTopic { name: "t".into(), num_partitions: 2, replication_factor: 1, ..Default::default() };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 1000, validate_only: false };
    world.call(7, &request);
    world
}

fn grow(name: &str, count: i32, brokers: Option<Vec<Vec<i32>>>) -> CreatePartitionsRequest {
    let assign = |broker_ids| CreatePartitionsAssignment { broker_ids };
    let assignments = brokers.map(|brokers| brokers.into_iter().map(assign).collect());
    let topic = CreatePartitionsTopic { name: name.into(), count, assignments };
    CreatePartitionsRequest { topics: vec![topic], timeout_ms: 1000, validate_only: false }
}

#[test]
fn a_topic_grows_in_every_version() {
    let mut world = world();
    for version in 0..=3 {
        let count = 3 + i32::from(version);
        let results = world.call(version, &grow("t", count, None)).results;
        assert_eq!(results[0].error_code, ErrorCode::NONE, "v{version} {results:?}");
        let state = format!("/brokers/topics/t/partitions/{}/state", count - 1);
        assert!(world.keeper.text(&state).is_some());
    }
    let results = world.call(3, &grow("t", 8, Some(vec![vec![0], vec![0]]))).results;
    assert_eq!(results[0].error_code, ErrorCode::NONE, "{results:?}");
}

#[test]
fn what_cannot_be_is_refused() {
    let mut world = world();
    let mut check = |request: CreatePartitionsRequest, expect| {
        assert_eq!(world.call(3, &request).results[0].error_code, expect, "{request:?}");
    };
    check(grow("nope", 3, None), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    check(grow("t", 2, None), ErrorCode::INVALID_PARTITIONS);
    check(grow("t", 1, None), ErrorCode::INVALID_PARTITIONS);
    check(grow("t", -1, None), ErrorCode::INVALID_PARTITIONS);
    check(grow("t", i32::MAX, None), ErrorCode::INVALID_PARTITIONS);
    check(grow("t", 3, Some(vec![])), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
    check(grow("t", 3, Some(vec![vec![5]])), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
    let validation = CreatePartitionsRequest { validate_only: true, ..grow("t", 9, None) };
    check(validation, ErrorCode::NONE);
    check(grow("t", 3, None), ErrorCode::NONE);
}
