//! Produce requests behind one another on a connection, while the disk is slow: all are appended, one sync serves
//! them, and whatever else comes waits for their acknowledgements.

use clock::Span;
use kafka_wire::message::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use kafka_wire::message::produce::ProduceRequest;
use kafka_wire::{ErrorCode, Uuid};

use crate::limits::PIPELINED_REQUESTS_MAX;
use crate::testing::client::{batch, produce};
use crate::testing::{World, settings};
use crate::{CloseReason, ConnectionId, Input, Settings};

const VERSION: i16 = 12;
/// How long the test client's requests wait.
const WAIT_MS: u64 = 5_000;

/// A broker with durable acks whose syncs are done when the test says so, and a connection to it.
fn world() -> (World, ConnectionId) {
    let mut world = World::with(Settings { durable_acks: true, ..settings() });
    world.create_topic("t", 2, &[]);
    world.held_work = Some(Vec::new());
    let connection = world.connect();
    (world, connection)
}

fn send(world: &mut World, connection: ConnectionId, partition: i32, acks: i16, text: &str) {
    world.send(connection, VERSION, &produce("t", Uuid::ZERO, partition, acks, batch(&[text])));
}

/// The next reply to a produce request: error and base offset.
fn reply(world: &mut World, connection: ConnectionId) -> Option<(ErrorCode, i64)> {
    let mut response = world.reply::<ProduceRequest>(connection, VERSION)?;
    let partition = response.responses.remove(0).partition_responses.remove(0);
    Some((partition.error_code, partition.base_offset))
}

fn end_of(partition: i32) -> ListOffsetsRequest {
    ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic {
            name: "t".into(),
            partitions: vec![ListOffsetsPartition {
                partition_index: partition,
                current_leader_epoch: -1,
                timestamp: -1,
                ..Default::default()
            }],
        }],
        ..Default::default()
    }
}

#[test]
fn what_comes_during_a_sync_is_acknowledged_by_the_next() {
    let (mut world, connection) = world();
    for text in ["a", "b", "c", "d"] {
        send(&mut world, connection, 0, -1, text);
    }
    assert_eq!(reply(&mut world, connection), None, "nothing is durable");
    assert_eq!(world.held_work.as_ref().map(Vec::len), Some(1), "one sync is under way");
    world.do_work();
    assert_eq!(reply(&mut world, connection), Some((ErrorCode::NONE, 0)));
    assert_eq!(reply(&mut world, connection), None);
    assert_eq!(world.held_work.as_ref().map(Vec::len), Some(1), "the others have one together");
    world.do_work();
    for offset in 1..4 {
        assert_eq!(reply(&mut world, connection), Some((ErrorCode::NONE, offset)));
    }
}

#[test]
fn replies_come_in_order_whatever_is_durable_first() {
    let (mut world, connection) = world();
    send(&mut world, connection, 0, -1, "slow");
    // Refused at once, and silent at once: both wait for the first.
    world.send(connection, VERSION, &produce("unknown", Uuid::ZERO, 0, -1, batch(&["x"])));
    send(&mut world, connection, 1, 0, "silent");
    assert_eq!(reply(&mut world, connection), None);
    assert!(!world.got_silence(connection));
    world.do_work();
    assert_eq!(reply(&mut world, connection), Some((ErrorCode::NONE, 0)));
    assert_eq!(reply(&mut world, connection), Some((ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, -1)));
    assert!(world.got_silence(connection));
}

#[test]
fn anything_else_waits_for_all_acknowledgements() {
    let (mut world, connection) = world();
    send(&mut world, connection, 0, -1, "a");
    send(&mut world, connection, 0, -1, "b");
    world.send(connection, 7, &end_of(0));
    world.do_work();
    assert_eq!(reply(&mut world, connection), Some((ErrorCode::NONE, 0)));
    assert_eq!(reply(&mut world, connection), None);
    world.do_work();
    assert_eq!(reply(&mut world, connection), Some((ErrorCode::NONE, 1)));
    let answer = world.reply::<ListOffsetsRequest>(connection, 7).expect("served behind them");
    assert_eq!(answer.topics[0].partitions[0].offset, 2, "it sees what was acknowledged");
    // And the connection goes on.
    send(&mut world, connection, 0, -1, "c");
    world.do_work();
    assert_eq!(reply(&mut world, connection), Some((ErrorCode::NONE, 2)));
}

#[test]
fn a_request_that_ends_the_connection_ends_it_behind_the_replies() {
    let (mut world, connection) = world();
    send(&mut world, connection, 0, -1, "a");
    world.step(Input::Received {
        connection,
        frame: bytes::Bytes::from_static(b"\0\0\0\x0c\0\0\0\x01\xff\xff\0"),
    });
    assert_eq!(world.closed.get(&connection), None);
    world.do_work();
    assert_eq!(reply(&mut world, connection), Some((ErrorCode::NONE, 0)));
    let closed = world.closed.get(&connection);
    assert!(matches!(closed, Some(CloseReason::MalformedRequest { api: "Produce", .. })), "{closed:?}");
}

#[test]
fn a_lost_connection_leaves_nothing_behind() {
    let (mut world, connection) = world();
    for text in ["a", "b", "c"] {
        send(&mut world, connection, 0, -1, text);
    }
    world.send(connection, 7, &end_of(0));
    world.step(Input::Closed { connection });
    world.do_work();
    world.do_work();
    assert_eq!(reply(&mut world, connection), None);
    assert_eq!(world.call(7, &end_of(0)).topics[0].partitions[0].offset, 3, "what was taken in stays");
}

#[test]
fn so_many_and_no_more_at_once() {
    let (mut world, connection) = world();
    for number in 0..PIPELINED_REQUESTS_MAX {
        send(&mut world, connection, 0, -1, &number.to_string());
    }
    let room = |world: &mut World| {
        let one = world.broker.connections.find(connection).expect("it is open");
        one.has_room()
    };
    assert!(!room(&mut world));
    world.do_work();
    assert!(room(&mut world), "the first was acknowledged");
    world.do_work();
    for offset in 0..PIPELINED_REQUESTS_MAX as i64 {
        assert_eq!(reply(&mut world, connection), Some((ErrorCode::NONE, offset)));
    }
}

#[test]
fn patience_begins_when_a_request_is_the_oldest() {
    let (mut world, connection) = world();
    send(&mut world, connection, 0, -1, "first");
    world.pass(Span::ms(WAIT_MS / 2));
    send(&mut world, connection, 0, -1, "second");
    send(&mut world, connection, 0, -1, "third");
    let timed_out = Some(ErrorCode::REQUEST_TIMED_OUT);
    for _ in 0..3 {
        let mut waited_ms = 0;
        let answered = loop {
            world.pass(Span::ms(WAIT_MS / 10));
            waited_ms += WAIT_MS / 10;
            if let Some((error, _)) = reply(&mut world, connection) {
                break error;
            }
            assert!(waited_ms <= WAIT_MS, "it waits no longer than it asked for");
        };
        assert_eq!(Some(answered), timed_out);
        assert_eq!(reply(&mut world, connection), None, "the next waits as long again");
    }
}
