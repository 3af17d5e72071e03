//! Orders of a controller as they come over the wire, from whoever sends them.

use kafka_wire::ErrorCode;
use kafka_wire::message::find_coordinator::FindCoordinatorRequest;
use kafka_wire::message::leader_and_isr::{
    LeaderAndIsrPartitionState, LeaderAndIsrRequest, LeaderAndIsrTopicState,
};

use crate::testing::{self, World};

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

#[test]
fn a_coordinator_lets_go_of_a_partition_when_it_is_told_to_follow_in_it() {
    let mut settings = testing::settings();
    settings.properties.insert("transaction.state.log.replication.factor".into(), "1".into());
    let mut world = World::with(settings);
    let request = FindCoordinatorRequest { key: "tx".into(), key_type: 1, ..Default::default() };
    let connection = world.connect();
    world.send(connection, 2, &request);
    world.pass(clock::Span::seconds(3));
    let index = world.broker.transactions.core().partition_of("tx");
    assert!(world.broker.transactions.core().serves(index));
    // The view of the znodes says the same as before: only the order tells.
    assert_eq!(order(&mut world, "__transaction_state", index, 5, 100), ErrorCode::NONE);
    assert!(!world.broker.transactions.core().serves(index));
}
