//! Replicas over a disk in memory: what they promise across restarts, crashes and trouble.

mod directories;
mod together;

use std::path::Path;

use bytes::Bytes;
use cluster::znodes::{LeaderRecovery, PartitionState};
use cluster::{BrokerId, ControllerEpoch, LeaderEpoch, PartitionEpoch, TopicId};
use controller::{LeaderAndIsr, StopReplica};
use disk::{Disk, Fault, Loss, MemoryDisk};
use kafka_wire::batch::{Batch, BatchBuilder, ProducerStamp};

use super::*;
use crate::replica::{Appended, Isolation};
use crate::testing::settings;
use crate::work::Outcome;

const TOPIC_ID: TopicId = TopicId([7; 16]);

fn now(ms: u64) -> Now {
    Now::at_ms(1_000_000 + ms)
}

fn partition() -> TopicPartition {
    TopicPartition::new("t", 0)
}

fn open(disk: &MemoryDisk) -> Replicas<MemoryDisk> {
    Replicas::open(now(0), &settings(), disk.clone()).unwrap()
}

fn order(leader_epoch: i32, topic_id: TopicId) -> LeaderAndIsr {
    LeaderAndIsr {
        topic: "t".into(),
        topic_id: Some(topic_id),
        partition: 0,
        state: PartitionState {
            leader: BrokerId(0),
            leader_epoch: LeaderEpoch(leader_epoch),
            isr: vec![BrokerId(0)],
            controller_epoch: ControllerEpoch(1),
            recovery: LeaderRecovery::Recovered,
        },
        partition_epoch: PartitionEpoch(0),
        replicas: vec![BrokerId(0)],
        adding: Vec::new(),
        removing: Vec::new(),
        is_new: true,
    }
}

/// Replicas over `disk`, leading partition 0 of topic t.
fn led(disk: &MemoryDisk, leader_epoch: i32) -> Replicas<MemoryDisk> {
    let mut replicas = open(disk);
    replicas.ordered(now(0), &order(leader_epoch, TOPIC_ID)).unwrap();
    replicas
}

fn batch(value: &str) -> Bytes {
    let mut builder = BatchBuilder::new(0);
    builder.append(5, Some(b"k"), Some(value.as_bytes()), &[]);
    builder.build()
}

fn stamped(base_sequence: i32, count: i32) -> Bytes {
    let stamp = ProducerStamp { id: 9, epoch: 0, base_sequence, transactional: false };
    let mut builder = BatchBuilder::new(0).producer(stamp);
    for number in 0..count {
        builder.append(1_000_000 + i64::from(number), None, Some(b"v"), &[]);
    }
    builder.build()
}

/// Ends a turn: all work is done at once. Returns the partitions on which somebody may wait.
fn settle(replicas: &mut Replicas<MemoryDisk>, now: Now) -> Vec<TopicPartition> {
    let mut moved = replicas.settle(now.moment);
    loop {
        let work = replicas.take_work();
        if work.is_empty() {
            return moved;
        }
        for work in work {
            match work.run().outcome() {
                Outcome::Synced { directory, purpose, logs } => {
                    moved.extend(replicas.synced(now.moment, directory, purpose, logs));
                }
                Outcome::Kept(kept) => replicas.kept(now.moment, kept),
                Outcome::Compacted { partition, sliced } => {
                    replicas.compacted(now.moment, partition, *sliced);
                }
                Outcome::Read { ticket, partition, read } => {
                    replicas.read_done(ticket, &partition, read, true);
                }
            }
        }
        moved.extend(replicas.settle(now.moment));
    }
}

fn upkeep(replicas: &mut Replicas<MemoryDisk>, now: Now) {
    replicas.upkeep(now);
    settle(replicas, now);
}

fn append(replicas: &mut Replicas<MemoryDisk>, bytes: Bytes) -> Result<Appended, ErrorCode> {
    let replica = replicas.leader(&partition()).expect("it leads");
    replica.append_as_leader(now(1), bytes, Durability::InSync).map_err(|error| error.code)
}

fn values(replicas: &mut Replicas<MemoryDisk>) -> Vec<String> {
    let replica = replicas.leader(&partition()).expect("it leads");
    let start = replica.log_start_offset();
    let mut bytes = replica.read(start, 1 << 20, true, Isolation::Uncommitted).unwrap().records.to_bytes();
    let mut values = Vec::new();
    while let Some(batch) = Batch::take_first(&mut bytes).unwrap() {
        for record in batch.records(1 << 20).unwrap() {
            values.push(String::from_utf8(record.unwrap().value.unwrap().to_vec()).unwrap());
        }
    }
    values
}

#[test]
fn records_survive_a_stop_and_a_kill() {
    for clean in [true, false] {
        let disk = MemoryDisk::new();
        let mut replicas = led(&disk, 0);
        for number in 0..5 {
            let appended = append(&mut replicas, batch(&format!("v{number}"))).unwrap();
            assert_eq!((appended.first, appended.end), (number, number + 1));
            assert_eq!(replicas.reached(&partition(), number + 1, Durability::InSync), Ok(true));
        }
        settle(&mut replicas, now(1));
        if clean {
            assert_eq!(replicas.close(1), Vec::<String>::new());
        }
        drop(replicas);
        assert_eq!(disk.exists(Path::new("/logs/.kafka_cleanshutdown")), clean);
        let mut replicas = led(&disk, 1);
        assert!(replicas.notes.is_empty());
        assert_eq!(values(&mut replicas), ["v0", "v1", "v2", "v3", "v4"]);
        let replica = replicas.leader(&partition()).unwrap();
        assert_eq!((replica.high_watermark(), replica.leader_epoch()), (5, 1));
        assert_eq!((replica.epoch_of(4), replica.end_of_epoch(0)), (0, Some((0, 5))));
        assert_eq!(append(&mut replicas, batch("on")).unwrap().first, 5);
    }
}

#[test]
fn durable_acknowledgements_survive_a_power_cut() {
    let disk = MemoryDisk::recording();
    let durable = Settings { durable_acks: true, ..settings() };
    let mut replicas = Replicas::open(now(0), &durable, disk.clone()).unwrap();
    replicas.ordered(now(0), &order(0, TOPIC_ID)).unwrap();
    let mut acknowledged = Vec::new();
    for number in 0..12 {
        let end = append(&mut replicas, batch(&format!("v{number}"))).unwrap().end;
        assert_eq!(replicas.reached(&partition(), end, Durability::InSync), Ok(false));
        assert_eq!(replicas.reached(&partition(), end, Durability::Leader), Ok(false));
        assert_eq!(replicas.reached(&partition(), end, Durability::None), Ok(true));
        if number % 3 == 2 {
            assert_eq!(settle(&mut replicas, now(1)), [partition()]);
            assert_eq!(replicas.reached(&partition(), end, Durability::InSync), Ok(true));
            assert_eq!(replicas.reached(&partition(), end, Durability::Leader), Ok(true));
            acknowledged.push((disk.operations(), number + 1));
        }
    }
    for operations in 0..=disk.operations() {
        let promised =
            acknowledged.iter().filter(|(done, _)| *done <= operations).map(|(_, count)| *count).max();
        for seed in 0..4 {
            let image = disk.crash_at(operations, Loss::Subset { seed });
            let mut replicas = led(&image, 1);
            let found = values(&mut replicas);
            assert!(found.len() >= promised.unwrap_or(0), "operation {operations}: {found:?}");
            let expect: Vec<_> = (0..found.len()).map(|number| format!("v{number}")).collect();
            assert_eq!(found, expect);
        }
    }
}

#[test]
fn repeated_batches_are_recognised_across_restarts() {
    for clean in [true, false] {
        let disk = MemoryDisk::new();
        let mut replicas = led(&disk, 0);
        assert_eq!(append(&mut replicas, stamped(0, 3)).unwrap().first, 0);
        assert_eq!(append(&mut replicas, stamped(3, 2)).unwrap().first, 3);
        assert_eq!(append(&mut replicas, stamped(0, 3)).unwrap().first, 0);
        assert_eq!(append(&mut replicas, stamped(6, 1)), Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
        if clean {
            replicas.close(1);
        }
        let mut replicas = led(&disk, 1);
        let again = append(&mut replicas, stamped(3, 2)).unwrap();
        assert_eq!((again.first, again.end), (3, 5));
        assert_eq!(append(&mut replicas, stamped(5, 1)).unwrap().first, 5);
        assert_eq!(values(&mut replicas).len(), 6);
    }
}

#[test]
fn epochs_only_rise_and_topics_keep_their_id() {
    let disk = MemoryDisk::new();
    let mut replicas = led(&disk, 3);
    assert_eq!(replicas.ordered(now(0), &order(3, TOPIC_ID)), Err(ErrorCode::STALE_CONTROLLER_EPOCH));
    assert_eq!(replicas.ordered(now(0), &order(2, TOPIC_ID)), Err(ErrorCode::STALE_CONTROLLER_EPOCH));
    assert_eq!(replicas.ordered(now(0), &order(9, TopicId([8; 16]))), Err(ErrorCode::INCONSISTENT_TOPIC_ID));
    let mut elsewhere = order(4, TOPIC_ID);
    elsewhere.state.leader = BrokerId(5);
    replicas.ordered(now(0), &elsewhere).unwrap();
    assert!(replicas.leader(&partition()).is_none());
    let lost = replicas.reached(&partition(), 0, Durability::Leader);
    assert_eq!(lost, Err(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    drop(replicas);
    let mut replicas = open(&disk);
    assert_eq!(replicas.ordered(now(0), &order(9, TopicId([8; 16]))), Err(ErrorCode::INCONSISTENT_TOPIC_ID));
}

#[test]
fn a_leader_that_wrote_nothing_follows_whoever_never_heard_of_its_term() {
    let disk = MemoryDisk::new();
    let mut replicas = led(&disk, 0);
    append(&mut replicas, batch("a")).unwrap();
    replicas.ordered(now(0), &order(5, TOPIC_ID)).unwrap();
    let mut next = order(6, TOPIC_ID);
    next.state.leader = BrokerId(1);
    replicas.ordered(now(0), &next).unwrap();
    let replica = replicas.follower(&partition()).unwrap();
    assert_eq!(replica.last_epoch(), 5);
    // The new leader knows epoch 0 up to 1, and no epoch 5.
    replica.diverged(now(0), 0, 1).unwrap();
    assert_eq!((replica.last_epoch(), replica.log_end_offset()), (0, 1));
}

#[test]
fn lost_leader_epochs_are_read_from_the_log() {
    let history = |disk: &MemoryDisk| {
        for epoch in 0..3 {
            let mut replicas = led(disk, epoch);
            append(&mut replicas, batch("v")).unwrap();
            append(&mut replicas, batch("w")).unwrap();
            let replica = &mut replicas.held.get_mut(&partition()).unwrap().replica;
            replica.begin_sync().unwrap().unwrap().run().unwrap();
        }
    };
    for left in ["0\n1\n0 0\n", "", "0\n7\n", "0\n3\n0 0\n1 2\n2 4\n"] {
        let disk = MemoryDisk::new();
        history(&disk);
        let path = Path::new("/logs/t-0/leader-epoch-checkpoint");
        let file = disk.open(path, disk::Open::Replace).unwrap();
        disk::File::write_at(&file, left.as_bytes(), 0).unwrap();
        let mut replicas = led(&disk, 3);
        let replica = replicas.leader(&partition()).unwrap();
        let ends: Vec<_> = (0..4).map(|epoch| replica.end_of_epoch(epoch)).collect();
        assert_eq!(ends, [Some((0, 2)), Some((1, 4)), Some((2, 6)), Some((3, 6))], "{left:?}");
    }
}

#[test]
fn a_deleted_partition_is_gone_and_may_come_again() {
    let disk = MemoryDisk::new();
    let mut replicas = led(&disk, 0);
    append(&mut replicas, batch("old")).unwrap();
    let stop = StopReplica { topic: "t".into(), topic_id: Some(TOPIC_ID), partition: 0, delete: true };
    replicas.stopped(now(0), &stop).unwrap();
    replicas.stopped(now(0), &stop).unwrap();
    assert!(replicas.leader(&partition()).is_none());
    assert!(!disk.exists(Path::new("/logs/t-0")));
    replicas.ordered(now(0), &order(0, TopicId([8; 16]))).unwrap();
    assert_eq!(append(&mut replicas, batch("new")).unwrap().first, 0);
    settle(&mut replicas, now(0));
    let directories = |disk: &MemoryDisk| {
        disk.list(Path::new("/logs")).unwrap().iter().filter(|entry| entry.is_directory).count()
    };
    assert_eq!(directories(&disk), 2);
    let at = replicas.deadline().unwrap();
    assert!(at <= now(60_000).moment);
    upkeep(&mut replicas, now(60_000));
    assert_eq!(directories(&disk), 1);
    assert_eq!(values(&mut replicas), ["new"]);
}

#[test]
fn deleted_records_stay_deleted() {
    let disk = MemoryDisk::new();
    let mut replicas = led(&disk, 0);
    for number in 0..4 {
        append(&mut replicas, batch(&format!("v{number}"))).unwrap();
    }
    let replica = replicas.leader(&partition()).unwrap();
    assert_eq!(replica.delete_records_before(now(2), 5), Err(ErrorCode::OFFSET_OUT_OF_RANGE));
    assert_eq!(replica.delete_records_before(now(2), 3), Ok(3));
    assert_eq!(
        replica.read(2, 99, true, Isolation::Uncommitted).unwrap_err(),
        ErrorCode::OFFSET_OUT_OF_RANGE
    );
    settle(&mut replicas, now(2));
    drop(replicas);
    let mut replicas = led(&disk, 1);
    assert_eq!(values(&mut replicas), ["v3"]);
    let compacted = BTreeMap::from([("cleanup.policy".to_owned(), "compact".to_owned())]);
    replicas.configure(&"t".into(), &compacted).unwrap();
    let replica = replicas.leader(&partition()).unwrap();
    assert_eq!(replica.delete_records_before(now(2), 4), Err(ErrorCode::POLICY_VIOLATION));
}

#[test]
fn retention_runs_by_the_clock() {
    let disk = MemoryDisk::new();
    let mut replicas = led(&disk, 0);
    let small = BTreeMap::from([
        ("segment.bytes".to_owned(), "100".to_owned()),
        ("retention.bytes".to_owned(), "200".to_owned()),
    ]);
    replicas.configure(&"t".into(), &small).unwrap();
    assert!(replicas.configure(&"t".into(), &BTreeMap::from([("retention.ms".into(), "x".into())])).is_err());
    for number in 0..9 {
        append(&mut replicas, batch(&format!("v{number}"))).unwrap();
    }
    settle(&mut replicas, now(1));
    let mut clock = now(1);
    for _ in 0..50 {
        let at = replicas.deadline().unwrap();
        clock = Now { moment: at.max(clock.moment), ..clock };
        upkeep(&mut replicas, clock);
    }
    let left = values(&mut replicas);
    assert_eq!(left.last().map(String::as_str), Some("v8"));
    assert!(left.len() < 5, "{left:?}");
    // Everything is stored by now: a kill costs nothing, and the next start checks nothing.
    assert!(replicas.unsynced.is_empty());
    let image = disk.crash(Loss::Unsynced);
    assert_eq!(values(&mut led(&image, 1)), left);
}

#[test]
fn offsets_are_found_by_time() {
    let disk = MemoryDisk::new();
    let mut replicas = led(&disk, 0);
    append(&mut replicas, stamped(0, 3)).unwrap();
    append(&mut replicas, stamped(3, 3)).unwrap();
    let replica = replicas.leader(&partition()).unwrap();
    let mut find = |timestamp| {
        let found = replica.offset_for_timestamp(timestamp).unwrap();
        found.map(|found| (found.offset, found.timestamp - 1_000_000))
    };
    assert_eq!(find(0), Some((0, 0)));
    assert_eq!(find(1_000_001), Some((1, 1)));
    assert_eq!(find(1_000_002), Some((2, 2)));
    assert_eq!(find(1_000_003), None);
    let (newest, epoch) = replica.offset_of_max_timestamp().unwrap().unwrap();
    assert_eq!((newest.offset, newest.timestamp, epoch), (2, 1_000_002, 0));
}

#[test]
fn a_full_disk_turns_producers_away_and_readers_go_on() {
    let disk = MemoryDisk::new();
    let mut replicas = led(&disk, 0);
    append(&mut replicas, batch("v0")).unwrap();
    disk.inject(Fault::FullAfter { bytes: 1 << 20 });
    replicas.look_at_space();
    assert_eq!(append(&mut replicas, batch("v1")), Err(ErrorCode::KAFKA_STORAGE_ERROR));
    assert_eq!(values(&mut replicas), ["v0"]);
    disk.heal();
    replicas.look_at_space();
    assert_eq!(append(&mut replicas, batch("v2")).unwrap().first, 1);
    assert_eq!(replicas.notes.len(), 2, "{:?}", replicas.notes);
}

#[test]
fn a_broken_disk_takes_its_partitions_offline() {
    let disk = MemoryDisk::new();
    let mut replicas = led(&disk, 0);
    append(&mut replicas, batch("v0")).unwrap();
    disk.inject(Fault::FailWrite { after: 0 });
    assert_eq!(append(&mut replicas, batch("v1")), Err(ErrorCode::KAFKA_STORAGE_ERROR));
    disk.heal();
    assert_eq!(append(&mut replicas, batch("v1")), Err(ErrorCode::KAFKA_STORAGE_ERROR));
    assert_eq!(replicas.reached(&partition(), 1, Durability::InSync), Err(ErrorCode::KAFKA_STORAGE_ERROR));
    assert!(replicas.close(1).iter().any(|note| note.contains("was not closed")));
    assert!(!disk.exists(Path::new("/logs/.kafka_cleanshutdown")));
}

#[test]
fn the_directory_of_another_is_refused() {
    let disk = MemoryDisk::new();
    let mut replicas = open(&disk);
    replicas.claim("one").unwrap();
    assert!(open(&disk).claim("two").unwrap_err().contains("zookeeper.connect"));
    let other = Settings { broker_id: 4, ..settings() };
    let refused = Replicas::open(now(0), &other, disk.clone()).err().unwrap();
    assert!(refused.to_string().contains("set broker.id=0"), "{refused}");
    disk.inject(Fault::ReadOnly);
    assert!(Replicas::open(now(0), &settings(), disk.clone()).is_err());
}

#[test]
fn compacted_topics_keep_the_newest_of_each_key() {
    let disk = MemoryDisk::new();
    let mut replicas = led(&disk, 0);
    let compacted = BTreeMap::from([
        ("cleanup.policy".to_owned(), "compact".to_owned()),
        ("segment.bytes".to_owned(), "200".to_owned()),
    ]);
    replicas.configure(&"t".into(), &compacted).unwrap();
    for number in 0..20 {
        append(&mut replicas, batch(&format!("v{number}"))).unwrap();
    }
    settle(&mut replicas, now(1));
    for number in 0..60 {
        upkeep(&mut replicas, now(20_000 + number * 20));
    }
    let left = values(&mut replicas);
    assert_eq!(left.last().map(String::as_str), Some("v19"));
    assert!(left.len() < 4, "{left:?}");
    assert!(disk.exists(Path::new("/logs/cleaner-offset-checkpoint")));
    let mut replicas = led(&disk.crash(Loss::Nothing), 1);
    assert_eq!(values(&mut replicas), left);
    assert_eq!(append(&mut replicas, batch("on")).unwrap().first, 20);
}

#[test]
fn damaged_files_never_panic_and_never_invent_records() {
    let mut random = fastrand::Rng::with_seed(21);
    for round in 0..150 {
        let disk = MemoryDisk::new();
        let mut replicas = led(&disk, 0);
        let small = BTreeMap::from([("segment.bytes".to_owned(), "300".to_owned())]);
        replicas.configure(&"t".into(), &small).unwrap();
        for number in 0..random.i32(0..12) {
            append(&mut replicas, stamped(number * 2, 2)).unwrap();
        }
        settle(&mut replicas, now(1));
        if random.bool() {
            replicas.close(1);
        }
        drop(replicas);
        let mut paths = Vec::new();
        for directory in ["/logs", "/logs/t-0"] {
            let entries = disk.list(Path::new(directory)).unwrap();
            let files = entries.into_iter().filter(|entry| !entry.is_directory);
            paths.extend(files.map(|entry| Path::new(directory).join(entry.name)));
        }
        for _ in 0..random.usize(1..4) {
            let file = disk.open(&paths[random.usize(..paths.len())], disk::Open::Write).unwrap();
            let length = disk::File::length(&file).unwrap();
            let at = random.u64(0..=length);
            match random.u32(0..3) {
                0 => disk::File::set_length(&file, at).unwrap(),
                1 => disk::File::write_at(&file, &vec![random.u8(..); random.usize(0..40)], at).unwrap(),
                _ => disk::File::write_at(&file, &[random.u8(..)], at).unwrap(),
            }
        }
        let Ok(mut replicas) = Replicas::open(now(2), &settings(), disk) else { continue };
        if replicas.ordered(now(2), &order(1, TOPIC_ID)).is_err() {
            continue;
        }
        if append(&mut replicas, batch("on")).is_ok() {
            let replica = replicas.leader(&partition()).unwrap();
            let (start, end) = (replica.log_start_offset(), replica.log_end_offset());
            let read = replica.read(end - 1, 1 << 20, true, Isolation::Replica).unwrap();
            assert!(!read.records.is_empty(), "round {round}: what was just written is read");
            let _ = replica.read(start, 1 << 20, true, Isolation::Uncommitted);
            let _ = replica.offset_for_timestamp(1_000_000);
            let _ = replica.offset_of_max_timestamp();
        }
        upkeep(&mut replicas, now(90_000_000));
        replicas.close(1);
    }
}
