//! Work that waits for the disk: who waits for it, who does not, and what its failure means.

use clock::Span;
use disk::{Fault, Loss};
use kafka_wire::message::fetch::FetchRequest;
use kafka_wire::message::produce::ProduceRequest;
use kafka_wire::{ErrorCode, Uuid};

use crate::testing::client::{batch, fetch, produce, values};
use crate::testing::{World, settings};
use crate::{Input, Settings};

fn durable() -> World {
    World::with(Settings { durable_acks: true, ..settings() })
}

/// Holds all work back from now on.
fn hold(world: &mut World) {
    world.held_work = Some(Vec::new());
}

/// A world whose records are on the disk and not in memory any more.
fn cold(records: &[&str]) -> World {
    let mut world = World::new();
    world.create_topic("t", 2, &[]);
    for record in records {
        world.produce("t", 0, batch(&[record]));
    }
    let disk = world.disk.crash(Loss::Nothing);
    world.restart(disk)
}

#[test]
fn what_is_not_in_memory_is_read_elsewhere() {
    let mut world = cold(&["a", "b"]);
    let answer = world.call(12, &fetch("t", Uuid::ZERO, 0, 0));
    assert_eq!(values(&answer.responses[0].partitions[0]), [(0, "a".to_owned()), (1, "b".to_owned())]);
    let answer = world.call(12, &fetch("t", Uuid::ZERO, 0, 1));
    assert_eq!(values(&answer.responses[0].partitions[0]), [(1, "b".to_owned())]);
}

#[test]
fn a_slow_disk_delays_only_those_who_want_what_is_on_it() {
    let mut world = cold(&["a"]);
    hold(&mut world);
    let connection = world.connect();
    world.send(connection, 12, &FetchRequest { max_wait_ms: 10, ..fetch("t", Uuid::ZERO, 0, 0) });
    world.pass(Span::seconds(5));
    assert!(world.reply::<FetchRequest>(connection, 12).is_none(), "an empty answer would be no help");
    world.produce("t", 1, batch(&["b"]));
    let tail = world.call(12, &fetch("t", Uuid::ZERO, 1, 0));
    assert_eq!(values(&tail.responses[0].partitions[0]), [(0, "b".to_owned())]);
    world.do_work();
    let answer = world.reply::<FetchRequest>(connection, 12).expect("the disk has answered");
    assert_eq!(values(&answer.responses[0].partitions[0]), [(0, "a".to_owned())]);
}

#[test]
fn a_reader_that_left_leaves_nothing_behind() {
    let mut world = cold(&["a"]);
    hold(&mut world);
    let connection = world.connect();
    world.send(connection, 12, &fetch("t", Uuid::ZERO, 0, 0));
    world.step(Input::Closed { connection });
    world.do_work();
    assert_eq!(world.broker.replicas.reads_kept(), 0);
}

#[test]
fn a_disk_that_never_answers_is_not_waited_for_without_end() {
    let mut world = cold(&["a"]);
    hold(&mut world);
    let connection = world.connect();
    world.send(connection, 12, &fetch("t", Uuid::ZERO, 0, 0));
    world.pass(Span::seconds(31));
    let answer = world.reply::<FetchRequest>(connection, 12).expect("it gave up");
    let data = &answer.responses[0].partitions[0];
    assert_eq!((data.error_code, data.high_watermark, values(data).len()), (ErrorCode::NONE, 1, 0));
}

#[test]
fn flush_messages_holds_the_acknowledgement_back() {
    for (acks, every) in [(1, "1"), (-1, "1"), (1, "2")] {
        let mut world = World::new();
        world.create_topic("t", 1, &[("flush.messages", every)]);
        hold(&mut world);
        let connection = world.connect();
        world.send(connection, 9, &produce("t", Uuid::ZERO, 0, acks, batch(&["a"])));
        let first = world.reply::<ProduceRequest>(connection, 9);
        assert_eq!(first.is_some(), every == "2", "only what fills the measure waits");
        if first.is_none() {
            world.do_work();
            assert!(world.reply::<ProduceRequest>(connection, 9).is_some());
        }
    }
}

#[test]
fn appends_during_a_sync_belong_to_the_next() {
    let mut world = durable();
    world.create_topic("t", 2, &[]);
    hold(&mut world);
    let connections: Vec<_> = (0..4).map(|_| world.connect()).collect();
    for (number, &connection) in connections.iter().enumerate() {
        let request = produce("t", Uuid::ZERO, (number % 2) as i32, 1, batch(&["a"]));
        world.send(connection, 9, &request);
    }
    let syncs = |world: &World| world.held_work.as_ref().map_or(0, Vec::len);
    assert_eq!(syncs(&world), 1, "one round at a time");
    world.do_work();
    let answered = |world: &mut World| {
        connections.iter().filter(|&&one| world.reply::<ProduceRequest>(one, 9).is_some()).count()
    };
    assert_eq!(answered(&mut world), 1);
    assert_eq!(syncs(&world), 1, "one round for all that came meanwhile");
    world.do_work();
    assert_eq!(answered(&mut world), 3);
}

#[test]
fn a_failed_sync_acknowledges_nothing_and_ends_the_last_directory() {
    let mut world = durable();
    world.create_topic("t", 1, &[]);
    world.disk.inject(Fault::FailSync { after: 0 });
    let connection = world.connect();
    world.send(connection, 9, &produce("t", Uuid::ZERO, 0, 1, batch(&["a"])));
    let answer = world.reply::<ProduceRequest>(connection, 9).expect("it is told");
    assert_eq!(answer.responses[0].partition_responses[0].error_code, ErrorCode::KAFKA_STORAGE_ERROR);
    assert!(world.ended.as_ref().is_some_and(|why| why.contains("every log directory failed")));
}
