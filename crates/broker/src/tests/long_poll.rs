//! Requests that wait: what wakes them, when they give up, and what they leave behind.

use clock::Span;
use kafka_wire::message::fetch::FetchRequest;
use kafka_wire::{ErrorCode, Uuid};

use crate::Input;
use crate::testing::World;
use crate::testing::client::{batch, fetch, values};

fn patient(partition: i32, offset: i64, bytes_min: i32) -> FetchRequest {
    FetchRequest { max_wait_ms: 500, min_bytes: bytes_min, ..fetch("t", Uuid::ZERO, partition, offset) }
}

#[test]
fn a_fetch_at_the_end_waits_for_the_next_record() {
    let mut world = World::new();
    world.create_topic("t", 2, &[]);
    let connection = world.connect();
    world.send(connection, 12, &patient(0, 0, 1));
    world.pass(Span::ms(100));
    assert!(world.reply::<FetchRequest>(connection, 12).is_none());
    world.produce("t", 1, batch(&["not this one"]));
    assert!(world.reply::<FetchRequest>(connection, 12).is_none());
    world.produce("t", 0, batch(&["a"]));
    let answer = world.reply::<FetchRequest>(connection, 12).expect("the record woke it");
    assert_eq!(values(&answer.responses[0].partitions[0]), [(0, "a".to_string())]);
}

#[test]
fn a_fetch_waits_for_as_many_bytes_as_it_wants() {
    let mut world = World::new();
    world.create_topic("t", 1, &[]);
    let connection = world.connect();
    world.send(connection, 12, &patient(0, 0, 180));
    world.produce("t", 0, batch(&["a"]));
    assert!(world.reply::<FetchRequest>(connection, 12).is_none(), "a batch of some 70 bytes is too little");
    world.produce("t", 0, batch(&["b"]));
    world.produce("t", 0, batch(&["c"]));
    let answer = world.reply::<FetchRequest>(connection, 12).expect("three are enough");
    assert_eq!(values(&answer.responses[0].partitions[0]).len(), 3);
}

#[test]
fn a_fetch_gives_up_when_its_time_is_over() {
    let mut world = World::new();
    world.create_topic("t", 1, &[]);
    let connection = world.connect();
    world.send(connection, 12, &patient(0, 0, 1));
    world.pass(Span::ms(499));
    assert!(world.reply::<FetchRequest>(connection, 12).is_none());
    world.pass(Span::ms(1));
    let answer = world.reply::<FetchRequest>(connection, 12).expect("time is over");
    let data = &answer.responses[0].partitions[0];
    assert_eq!((data.error_code, data.high_watermark, values(data).len()), (ErrorCode::NONE, 0, 0));
}

#[test]
fn an_error_is_told_at_once() {
    let mut world = World::new();
    world.create_topic("t", 1, &[]);
    let connection = world.connect();
    world.send(connection, 12, &patient(7, 0, 1));
    let answer = world.reply::<FetchRequest>(connection, 12).expect("an error does not wait");
    assert_eq!(answer.responses[0].partitions[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[test]
fn who_leaves_is_forgotten() {
    let mut world = World::new();
    world.create_topic("t", 1, &[]);
    let connection = world.connect();
    world.send(connection, 12, &patient(0, 0, 1));
    world.step(Input::Closed { connection });
    world.produce("t", 0, batch(&["a"]));
    world.pass(Span::seconds(1));
    assert!(world.reply::<FetchRequest>(connection, 12).is_none());
}

#[test]
fn many_wait_for_one() {
    let mut world = World::new();
    world.create_topic("t", 1, &[]);
    let waiting: Vec<_> = (0..50).map(|_| world.connect()).collect();
    for connection in &waiting {
        world.send(*connection, 12, &patient(0, 0, 1));
    }
    world.produce("t", 0, batch(&["a"]));
    for connection in waiting {
        assert!(world.reply::<FetchRequest>(connection, 12).is_some());
    }
}

#[test]
fn after_a_restart_requests_wait_until_the_partitions_are_led_again() {
    let mut world = World::new();
    world.create_topic("t", 1, &[]);
    world.produce("t", 0, batch(&["a"]));
    let disk = world.disk.clone();
    let mut world = world.restart_alone(disk);
    let connection = world.connect();
    world.send(connection, 12, &fetch("t", Uuid::ZERO, 0, 0));
    world.pass(Span::seconds(30));
    assert!(world.reply::<FetchRequest>(connection, 12).is_none(), "nobody knows what is led here");
    world.meet_keeper();
    let answer = world.reply::<FetchRequest>(connection, 12).expect("the first orders were obeyed");
    assert_eq!(values(&answer.responses[0].partitions[0]), [(0, "a".to_string())]);
}
