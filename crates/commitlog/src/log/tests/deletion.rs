//! Power cuts and kills while a partition is deleted and another of the same name is made: the old one is
//! whole or gone, the new one is itself, and the neighbours are untouched.

use super::*;
use crate::checkpoint::Checkpoint;

const OLD: &str = "gib5GbiRTyuLqmqld5r9dg";
const NEW: &str = "AAAAAAAAAAAAAAAAAAAAAA";

fn doomed() -> TopicPartition {
    TopicPartition::new("t", 1)
}

fn neighbours() -> [TopicPartition; 2] {
    [TopicPartition::new("t", 0), TopicPartition::new("t", 10)]
}

/// The batches that fill a partition: `count` of them, two records each.
fn filling(filler: u8, count: i64) -> Vec<(i64, Bytes)> {
    (0..count).map(|number| (number * 2, batch(2, number, &[filler; 150]))).collect()
}

fn fill(log: &mut Log<MemoryDisk>, batches: &[(i64, Bytes)]) {
    for (_, batch) in batches {
        log.append_as_leader(batch, 1, T0).unwrap();
    }
}

fn bytes_of(batches: &[(i64, Bytes)], range: std::ops::Range<i64>) -> Vec<u8> {
    let within = batches.iter().filter(|(base, _)| range.contains(base));
    within.flat_map(|(base, batch)| stored(batch, *base, 1)).collect()
}

fn store(directory: &LogDirectory<MemoryDisk>, logs: &[(TopicPartition, Log<MemoryDisk>)]) {
    let lines = |offset: fn(&Log<MemoryDisk>) -> i64| {
        let line = |(one, log): &(TopicPartition, Log<MemoryDisk>)| {
            (one.topic.as_str().into(), one.partition, offset(log))
        };
        logs.iter().map(line).collect::<Vec<_>>()
    };
    directory.checkpoint(Checkpoint::RecoveryPoint, lines(Log::recovery_point)).run().unwrap();
    directory.checkpoint(Checkpoint::LogStart, lines(Log::log_start)).run().unwrap();
    directory.checkpoint(Checkpoint::Cleaner, lines(Log::log_end)).run().unwrap();
}

/// Disk operations when a step of the life was done.
struct Done {
    filled: usize,
    deleted: usize,
    removed: usize,
    made: usize,
    synced: usize,
}

/// A deletion and a new life, with a restart before the new life if `restarts`.
fn life(disk: &MemoryDisk, restarts: bool) -> Done {
    let mut directory = directory(disk);
    let mut logs = Vec::new();
    for partition in neighbours().into_iter().chain([doomed()]) {
        let mut log = directory.create_log(&partition, Some(OLD), small_segments(), T0).unwrap();
        fill(&mut log, &filling(7, 20));
        log.sync().unwrap();
        logs.push((partition, log));
    }
    logs[2].1.advance_start(30).unwrap();
    store(&directory, &logs);
    let filled = disk.operations();
    // On its way when the deletion comes, and late.
    let late = directory.checkpoint(Checkpoint::LogStart, vec![("t".into(), 1, 31)]);
    logs.pop();
    directory.delete_log(&doomed(), T0).unwrap();
    let deleted = disk.operations();
    for path in directory.take_deleted() {
        directory.deletion(path).run().unwrap();
    }
    late.run().unwrap();
    let removed = disk.operations();
    if restarts {
        directory = super::directory(disk);
    }
    let mut log = directory.create_log(&doomed(), Some(NEW), small_segments(), T0).unwrap();
    let made = disk.operations();
    fill(&mut log, &filling(9, 12));
    log.sync().unwrap();
    let synced = disk.operations();
    fill(&mut log, &filling(9, 2));
    Done { filled, deleted, removed, made, synced }
}

fn check_image(image: &MemoryDisk, operations: usize, done: &Done, name: &str) {
    let mut directory = directory(image);
    for path in directory.take_deleted() {
        directory.deletion(path).run().unwrap();
    }
    for neighbour in neighbours() {
        let (mut log, opened) = directory.open_log(&neighbour, small_segments(), T0).unwrap();
        assert_eq!((log.log_start(), log.log_end()), (0, 40), "{name}: {neighbour} {:?}", opened.notes);
        assert!(read_all(&mut log, 0) == bytes_of(&filling(7, 20), 0..40), "{name}: {neighbour}");
    }
    if !directory.partitions().contains(&doomed()) {
        let may_be_gone = (done.filled + 1..done.synced).contains(&operations);
        assert!(may_be_gone, "{name}: it is not there");
        return;
    }
    let topic_id = directory.topic_id(&doomed()).unwrap();
    let (mut log, opened) = directory.open_log(&doomed(), small_segments(), T0).unwrap();
    let (start, end) = (log.log_start(), log.log_end());
    if operations < done.removed && topic_id.as_deref() == Some(OLD) {
        assert!(operations < done.deleted, "{name}: it came back");
        assert_eq!((start, end), (30, 40), "{name}: {:?}", opened.notes);
        assert!(read_all(&mut log, 30) == bytes_of(&filling(7, 20), 30..40), "{name}");
        return;
    }
    assert_ne!(topic_id.as_deref(), Some(OLD), "{name}: the old one came back");
    let promised = if operations >= done.synced { 24 } else { 0 };
    assert!(start == 0 && end >= promised, "{name}: {start}..{end}, not 0..{promised}: {:?}", opened.notes);
    let whole = [filling(9, 12), filling(9, 2).into_iter().map(|(at, b)| (at + 24, b)).collect()].concat();
    assert!(read_all(&mut log, 0) == bytes_of(&whole, 0..end), "{name}");
}

#[test]
fn a_deleted_partition_is_whole_or_gone_and_leaves_its_successor_alone() {
    for restarts in [false, true] {
        let disk = MemoryDisk::recording();
        let done = life(&disk, restarts);
        assert!(done.made > done.removed);
        for cut in disk.every_cut(5).filter(|cut| cut.operations >= done.filled) {
            let name = format!("restarts {restarts} operation {} {:?}", cut.operations, cut.loss);
            check_image(&cut.disk, cut.operations, &done, &name);
        }
    }
}

#[test]
fn checkpoints_forget_who_is_gone_and_nobody_else() {
    let disk = MemoryDisk::new();
    let mut directory = directory(&disk);
    let job = |directory: &LogDirectory<MemoryDisk>, starts: [i64; 2]| {
        let lines = vec![("t".into(), 0, starts[0]), ("t".into(), 1, starts[1])];
        directory.checkpoint(Checkpoint::LogStart, lines)
    };
    let check = |expect: &str| {
        let text = file_bytes(&disk, "/data/log-start-offset-checkpoint");
        assert_eq!(String::from_utf8(text).unwrap(), expect);
    };
    drop(directory.create_log(&doomed(), None, small_segments(), T0).unwrap());
    job(&directory, [5, 6]).run().unwrap();
    check("0\n2\nt 0 5\nt 1 6\n");
    let late = job(&directory, [7, 8]);
    directory.delete_log(&doomed(), T0).unwrap();
    assert!(directory.tells_of_former());
    late.run().unwrap();
    check("0\n1\nt 0 7\n");
    drop(directory.create_log(&doomed(), None, small_segments(), T0).unwrap());
    job(&directory, [7, 9]).run().unwrap();
    check("0\n2\nt 0 7\nt 1 9\n");
    // Once all were written anew, nothing is remembered of it.
    for checkpoint in Checkpoint::ALL {
        directory.checkpoint(checkpoint, vec![("t".into(), 1, 3)]).run().unwrap();
    }
    directory.delete_log(&doomed(), T0).unwrap();
    drop(directory.create_log(&doomed(), None, small_segments(), T0).unwrap());
    check("0\n0\n");
}
