//! Who is held back by the leader's limit, and who never is.

use std::sync::Arc;

use cluster::znodes::{LeaderRecovery, PartitionState};
use cluster::{BrokerId, ControllerEpoch, LeaderEpoch, PartitionEpoch};
use controller::LeaderAndIsr;
use kafka_wire::message::fetch::{FetchRequest, ReplicaState};
use kafka_wire::message::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use kafka_wire::{ErrorCode, Uuid};

use crate::testing::World;
use crate::testing::client::{batch, fetch, values};

const BROKER: i8 = 4;
const SET: i8 = 0;
const DELETE: i8 = 1;

fn set_rate(world: &mut World, operation: i8, value: Option<&str>) -> ErrorCode {
    let config = AlterableConfig {
        name: "leader.replication.throttled.rate".into(),
        config_operation: operation,
        value: value.map(str::to_owned),
    };
    let resource =
        AlterConfigsResource { resource_type: BROKER, resource_name: "0".into(), configs: vec![config] };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    world.call(1, &request).responses[0].error_code
}

/// Broker 0 leads t-0, which broker 1 is to follow, with a record in it.
fn world(throttled: &str, isr: &[i32]) -> World {
    let mut world = World::new();
    let id = world.create_topic("t", 1, &[("leader.replication.throttled.replicas", throttled)]);
    world.produce("t", 0, batch(&["a"]));
    let order = LeaderAndIsr {
        topic: Arc::from("t"),
        topic_id: Some(cluster::TopicId(id.0)),
        partition: 0,
        state: PartitionState {
            leader: BrokerId(0),
            leader_epoch: LeaderEpoch(5),
            isr: isr.iter().copied().map(BrokerId).collect(),
            controller_epoch: ControllerEpoch(1),
            recovery: LeaderRecovery::Recovered,
        },
        partition_epoch: PartitionEpoch(7),
        replicas: vec![BrokerId(0), BrokerId(1)],
        adding: Vec::new(),
        removing: Vec::new(),
        is_new: false,
    };
    let now = world.now();
    world.broker.replicas.ordered(now, &order).expect("a newer epoch");
    world
}

/// Records that the follower gets at offset 0, or the error.
fn follow(world: &mut World, offset: i64) -> Result<usize, ErrorCode> {
    let request = FetchRequest {
        replica_id: 1,
        replica_state: ReplicaState { replica_id: 1, replica_epoch: -1 },
        ..fetch("t", Uuid::ZERO, 0, offset)
    };
    let mut answer = world.call(12, &request);
    let data = answer.responses.remove(0).partitions.remove(0);
    match data.error_code {
        ErrorCode::NONE => Ok(values(&data).len()),
        error => Err(error),
    }
}

#[test]
fn only_named_replicas_out_of_sync_are_held_back() {
    let check = |throttled: &str, isr: &[i32], expect: [usize; 2]| {
        let mut world = world(throttled, isr);
        assert_eq!(set_rate(&mut world, SET, Some("1")), ErrorCode::NONE);
        let got = [0; 2].map(|offset| follow(&mut world, offset).expect("no error"));
        assert_eq!(got, expect, "{throttled:?} {isr:?}");
    };
    // The first portion goes over the limit, the next one must wait.
    check("0:0", &[0], [1, 0]);
    check("*", &[0], [1, 0]);
    check("0:0", &[0, 1], [1, 1]);
    check("", &[0], [1, 1]);
    check("1:0,0:1", &[0], [1, 1]);
}

#[test]
fn what_is_held_back_comes_later_or_when_the_limit_goes() {
    let mut world = world("*", &[0]);
    assert_eq!(follow(&mut world, 0), Ok(1), "there is no limit yet");
    assert_eq!(set_rate(&mut world, SET, Some("1")), ErrorCode::NONE);
    assert_eq!(follow(&mut world, 0), Ok(0), "what was sent before counts");
    assert_eq!(follow(&mut world, 9), Err(ErrorCode::OFFSET_OUT_OF_RANGE), "errors are told at once");
    assert_eq!(set_rate(&mut world, DELETE, None), ErrorCode::NONE);
    assert_eq!(follow(&mut world, 0), Ok(1));
    assert_eq!(set_rate(&mut world, SET, Some("1")), ErrorCode::NONE);
    assert_eq!(follow(&mut world, 0), Ok(0));
    world.pass(clock::Span::seconds(12));
    assert_eq!(follow(&mut world, 0), Ok(1), "the window has passed");
}

#[test]
fn rates_are_numbers_from_0_on() {
    let mut world = World::new();
    for (value, expect) in [
        ("-1", ErrorCode::INVALID_CONFIG),
        ("fast", ErrorCode::INVALID_CONFIG),
        ("0", ErrorCode::NONE),
        ("9223372036854775807", ErrorCode::NONE),
    ] {
        assert_eq!(set_rate(&mut world, SET, Some(value)), expect, "{value}");
    }
}
