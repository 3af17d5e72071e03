//! Orders of a controller as they come over the wire, from whoever sends them.

use kafka_wire::ErrorCode;
use kafka_wire::message::leader_and_isr::{
    LeaderAndIsrPartitionState, LeaderAndIsrRequest, LeaderAndIsrTopicState,
};

use crate::testing::World;

fn order(world: &mut World, topic: &str, partition: i32, leader: i32, leader_epoch: i32) -> ErrorCode {
    let state = LeaderAndIsrPartitionState {
        partition_index: partition,
        controller_epoch: 1000,
        leader,
        leader_epoch,
        isr: vec![leader],
        replicas: vec![leader, 0],
        is_new: true,
        ..Default::default()
    };
    let request = LeaderAndIsrRequest {
        controller_id: 0,
        controller_epoch: 1000,
        broker_epoch: -1,
        topic_states: vec![LeaderAndIsrTopicState {
            topic_name: topic.into(),
            partition_states: vec![state],
            ..Default::default()
        }],
        ..Default::default()
    };
    world.call(7, &request).topics[0].partition_errors[0].error_code
}

#[test]
fn an_order_makes_no_directory_outside_of_the_logs() {
    let mut world = World::new();
    for (topic, partition) in [("../up", 0), ("a/b", 0), ("..", 0), ("", 0), ("t", -1)] {
        let answer = order(&mut world, topic, partition, 0, 0);
        assert_eq!(answer, ErrorCode::INVALID_TOPIC_EXCEPTION, "{topic:?} {partition}");
    }
    assert_eq!(order(&mut world, "t", 0, 0, 0), ErrorCode::NONE);
}
