//! The log against a plain vector of batches, and against crashes at every write.

mod compaction;
mod crash;
mod deletion;
mod model;
mod recovery;
mod starts;
mod truncation;

use std::path::Path;

use bytes::Bytes;
use clock::WallTime;
use disk::{Disk, File, MemoryDisk, Open};

use crate::checkpoint::Checkpoint;
use crate::files::Files;
use crate::log::{AtLeastOne, Log, LogConfig, Opened, Retention};
use crate::{LogDirectory, LogError, TailCache, TopicPartition};

const T0: WallTime = WallTime::at_ms(1_700_000_000_000);

fn at(ms: i64) -> WallTime {
    WallTime::at_ms(T0.as_ms() + ms)
}

fn partition() -> TopicPartition {
    TopicPartition::new("t", 0)
}

/// A sound magic 2 batch of `count` records whose bytes are `filler`.
fn batch(count: i32, timestamp: i64, filler: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(61 + filler.len());
    bytes.extend_from_slice(&0i64.to_be_bytes());
    bytes.extend_from_slice(&(49 + filler.len() as i32).to_be_bytes());
    bytes.extend_from_slice(&(-1i32).to_be_bytes());
    bytes.push(2);
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&0i16.to_be_bytes());
    bytes.extend_from_slice(&(count - 1).to_be_bytes());
    bytes.extend_from_slice(&timestamp.to_be_bytes());
    bytes.extend_from_slice(&timestamp.to_be_bytes());
    bytes.extend_from_slice(&(-1i64).to_be_bytes());
    bytes.extend_from_slice(&(-1i16).to_be_bytes());
    bytes.extend_from_slice(&(-1i32).to_be_bytes());
    bytes.extend_from_slice(&count.to_be_bytes());
    bytes.extend_from_slice(filler);
    let sum = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&sum.to_be_bytes());
    bytes.into()
}

/// A batch as a log stores it.
fn stored(batch: &[u8], base_offset: i64, leader_epoch: i32) -> Vec<u8> {
    let mut bytes = batch.to_vec();
    bytes[..8].copy_from_slice(&base_offset.to_be_bytes());
    bytes[12..16].copy_from_slice(&leader_epoch.to_be_bytes());
    bytes
}

fn small_segments() -> LogConfig {
    LogConfig { segment_bytes: 1300, index_interval_bytes: 200, ..LogConfig::default() }
}

fn directory(disk: &MemoryDisk) -> LogDirectory<MemoryDisk> {
    let files = Files::new(disk.clone(), 6);
    LogDirectory::open(&files, &TailCache::new(2000), Path::new("/data"), 1).unwrap()
}

fn create(disk: &MemoryDisk, config: LogConfig) -> (LogDirectory<MemoryDisk>, Log<MemoryDisk>) {
    let directory = directory(disk);
    let log = directory.create_log(&partition(), Some("gib5GbiRTyuLqmqld5r9dg"), config, T0).unwrap();
    (directory, log)
}

fn reopen(disk: &MemoryDisk, config: LogConfig) -> (LogDirectory<MemoryDisk>, Log<MemoryDisk>, Opened) {
    let directory = directory(disk);
    let (log, opened) = directory.open_log(&partition(), config, T0).unwrap();
    (directory, log, opened)
}

/// What a broker does at a clean stop.
fn close(directory: &LogDirectory<MemoryDisk>, log: &mut Log<MemoryDisk>) {
    log.close().unwrap();
    store_checkpoints(directory, log);
    directory.mark_clean(1).unwrap();
}

fn store_checkpoints(directory: &LogDirectory<MemoryDisk>, log: &Log<MemoryDisk>) {
    let partition = partition();
    let one = |offset| vec![(partition.topic.as_str().into(), partition.partition, offset)];
    directory.checkpoint(Checkpoint::RecoveryPoint, one(log.recovery_point())).run().unwrap();
    directory.checkpoint(Checkpoint::LogStart, one(log.log_start())).run().unwrap();
}

/// Everything from `from` on, as one piece of bytes.
fn read_all(log: &mut Log<MemoryDisk>, from: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut from = from;
    loop {
        let fetched = log.read(from, i64::MAX, 700, AtLeastOne::Batch).unwrap();
        assert_eq!(fetched.bytes, fetched.pieces.iter().map(Bytes::len).sum::<usize>());
        if fetched.bytes == 0 {
            assert_eq!(fetched.next_offset, from);
            return bytes;
        }
        assert!(fetched.next_offset > from);
        from = fetched.next_offset;
        fetched.pieces.iter().for_each(|piece| bytes.extend_from_slice(piece));
    }
}

fn file_bytes(disk: &MemoryDisk, path: &str) -> Vec<u8> {
    let file = disk.open(Path::new(path), Open::Read).unwrap();
    let mut bytes = vec![0; file.length().unwrap() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

#[test]
fn a_leader_sets_offset_and_epoch_and_nothing_else() {
    let disk = MemoryDisk::new();
    let (_, mut log) = create(&disk, LogConfig::default());
    let first = batch(3, 10, b"abc");
    let second = batch(1, 20, b"defg");
    let appended = log.append_as_leader(&first, 7, T0).unwrap();
    assert_eq!((appended.base_offset, appended.last_offset, appended.rolled_at), (0, 2, None));
    log.append_as_leader(&second, 8, T0).unwrap();
    assert_eq!(log.log_end(), 4);
    let expect = [stored(&first, 0, 7), stored(&second, 3, 8)].concat();
    assert_eq!(read_all(&mut log, 0), expect);
    assert_eq!(file_bytes(&disk, "/data/t-0/00000000000000000000.log"), expect);
    // The middle of a batch brings the whole batch; a limit is exclusive.
    assert_eq!(read_all(&mut log, 2), expect);
    assert_eq!(log.read(0, 3, 1000, AtLeastOne::Batch).unwrap().next_offset, 3);
    assert_eq!(log.read(3, 3, 1000, AtLeastOne::Batch).unwrap().bytes, 0);
    assert_eq!(log.read(0, 4, 10, AtLeastOne::Nothing).unwrap().bytes, 0);
    assert_eq!(log.read(0, 4, 10, AtLeastOne::Batch).unwrap().next_offset, 3);
    assert!(matches!(log.read(5, 9, 10, AtLeastOne::Batch), Err(LogError::OutOfRange { log_end: 4, .. })));
    assert!(matches!(log.read(-1, 9, 10, AtLeastOne::Batch), Err(LogError::OutOfRange { .. })));
}

#[test]
fn what_is_no_batch_is_not_appended() {
    let disk = MemoryDisk::new();
    let (_, mut log) = create(&disk, small_segments());
    let good = batch(1, 10, b"abc");
    let check = |log: &mut Log<MemoryDisk>, bytes: &[u8]| {
        let bytes = Bytes::copy_from_slice(bytes);
        assert!(matches!(log.append_as_leader(&bytes, 0, T0), Err(LogError::NotBatches(_))), "{bytes:?}");
    };
    check(&mut log, b"");
    check(&mut log, &good[..60]);
    check(&mut log, &[good.clone(), good.clone()].concat());
    let mut old = good.to_vec();
    old[16] = 1;
    check(&mut log, &old);
    let large = batch(1, 10, &[0; 2000]);
    assert!(matches!(log.append_as_leader(&large, 0, T0), Err(LogError::LargerThanSegment { .. })));
    assert_eq!((log.log_end(), log.size_bytes()), (0, 0));
}

#[test]
fn a_follower_copies_offsets_gaps_included() {
    let disk = MemoryDisk::new();
    let (_, mut log) = create(&disk, small_segments());
    let bytes = [stored(&batch(2, 10, b"a"), 5, 1), stored(&batch(1, 9, b"b"), 9, 1)].concat();
    let mut seen = Vec::new();
    let appended =
        log.append_as_follower(bytes.clone().into(), T0, |facts, _| seen.push(facts.base_offset)).unwrap();
    assert_eq!((appended.base_offset, appended.last_offset), (5, 9));
    assert_eq!((seen, log.log_end()), (vec![5, 9], 10));
    assert_eq!(read_all(&mut log, 0), bytes);
    // Of one append only the batches that are asked for come back.
    let second = log.read(7, 10, 1000, AtLeastOne::Batch).unwrap();
    assert_eq!((second.bytes, second.next_offset), (62, 10));
    let first = log.read(0, 9, 1000, AtLeastOne::Batch).unwrap();
    assert_eq!((first.bytes, first.next_offset), (62, 7));
    assert_eq!(log.read(0, 10, 70, AtLeastOne::Batch).unwrap().next_offset, 7);
    let again = log.append_as_follower(bytes.clone().into(), T0, |_, _| {});
    assert!(matches!(again, Err(LogError::NotBatches(_))));
    let cut = log.append_as_follower(stored(&batch(1, 9, b"b"), 10, 1)[..61].to_vec().into(), T0, |_, _| {});
    assert!(matches!(cut, Err(LogError::NotBatches(_))));
    // Offsets too far away for the segment's 32 bits begin a new one.
    let far = stored(&batch(1, 9, b"b"), 10_000_000_000, 1);
    log.append_as_follower(far.into(), T0, |_, _| {}).unwrap();
    assert_eq!((log.segment_count(), log.log_end()), (2, 10_000_000_001));
}

#[test]
fn segments_end_by_size_time_and_index() {
    let check = |config: LogConfig, batches: &[(i64, usize)], expect: usize| {
        let (_, mut log) = create(&MemoryDisk::new(), config);
        for &(timestamp, size) in batches {
            log.append_as_leader(&batch(1, timestamp, &vec![1; size]), 0, at(timestamp)).unwrap();
        }
        assert_eq!(log.segment_count(), expect, "{batches:?}");
    };
    let config = LogConfig { segment_bytes: 1000, ..LogConfig::default() };
    check(config, &[(0, 439), (0, 439)], 1);
    check(config, &[(0, 439), (0, 440)], 2);
    let config = LogConfig { segment_ms: 100, ..LogConfig::default() };
    check(config, &[(0, 1), (100, 1)], 1);
    check(config, &[(0, 1), (101, 1)], 2);
    check(config, &[(-1, 1), (-1, 1)], 1);
    let config = LogConfig { index_bytes: 80, index_interval_bytes: 0, ..LogConfig::default() };
    check(config, &[(5, 1); 11], 1);
    check(config, &[(5, 1); 12], 2);
}

#[test]
fn retention_by_time_size_and_start() {
    let filled = || {
        let disk = MemoryDisk::new();
        let (_, mut log) = create(&disk, LogConfig { segment_bytes: 200, ..LogConfig::default() });
        for number in 0..5 {
            log.append_as_leader(&batch(10, T0.as_ms() + number * 100, &[7; 139]), 0, T0).unwrap();
        }
        assert_eq!((log.segment_count(), log.size_bytes()), (5, 1000));
        (disk, log)
    };
    let check = |now: i64, ms: Option<i64>, bytes: Option<u64>, below: i64, expect: (usize, i64, i64)| {
        let (disk, mut log) = filled();
        let removed = log.remove_expired(at(now), Retention { ms, bytes, below }).unwrap();
        assert_eq!((removed, log.log_start(), log.log_end()), expect, "{now} {ms:?} {bytes:?} {below}");
        let names = disk.list(Path::new("/data/t-0")).unwrap();
        assert_eq!(names.iter().filter(|entry| entry.name.ends_with(".log")).count(), log.segment_count());
    };
    check(1000, None, None, 50, (0, 0, 50));
    check(1000, Some(800), None, 50, (2, 20, 50));
    check(1000, Some(800), None, 15, (1, 10, 50));
    check(1000, Some(1), None, 50, (5, 50, 50));
    check(1000, None, Some(399), 50, (3, 30, 50));
    check(1000, None, Some(401), 50, (2, 20, 50));
    check(1000, None, Some(1000), 50, (0, 0, 50));
    let (_, mut log) = filled();
    log.advance_start(25).unwrap();
    assert!(matches!(
        log.read(24, 50, 10, AtLeastOne::Batch),
        Err(LogError::OutOfRange { log_start: 25, .. })
    ));
    assert_eq!(log.read(25, 50, 10, AtLeastOne::Batch).unwrap().next_offset, 30);
    assert_eq!(log.remove_expired(T0, Retention { ms: None, bytes: None, below: 50 }).unwrap(), 2);
    assert_eq!(log.log_start(), 25);
    assert!(log.advance_start(51).is_err());
}

#[test]
fn timestamps_lead_to_batches() {
    let disk = MemoryDisk::new();
    let (_, mut log) = create(&disk, small_segments());
    let timestamps: Vec<i64> = (0..60).map(|n| if n % 7 == 3 { n * 10 + 35 } else { n * 10 }).collect();
    for &timestamp in &timestamps {
        log.append_as_leader(&batch(1, timestamp, &[1; 40]), 0, T0).unwrap();
    }
    assert!(log.segment_count() > 3);
    for target in 0..700 {
        let expect = timestamps.iter().position(|&timestamp| timestamp >= target).map(|at| at as i64);
        let found = log.find_timestamp(target, 0).unwrap().map(|hit| hit.facts.base_offset);
        assert_eq!(found, expect, "{target}");
    }
    let newest =
        timestamps.iter().enumerate().max_by_key(|&(at, timestamp)| (timestamp, -(at as i64))).unwrap().0;
    assert_eq!(log.find_newest_timestamp().unwrap().unwrap().facts.base_offset, newest as i64);
    assert_eq!(log.find_timestamp(0, 17).unwrap().unwrap().facts.base_offset, 17);
    let (_, mut empty) = create(&MemoryDisk::new(), small_segments());
    assert_eq!(empty.find_newest_timestamp().unwrap(), None);
}

#[test]
fn files_stay_bounded() {
    let disk = MemoryDisk::new();
    let files = Files::new(disk.clone(), 4);
    let directory = LogDirectory::open(&files, &TailCache::new(0), Path::new("/data"), 1).unwrap();
    let mut logs: Vec<_> = (0..20)
        .map(|number| {
            directory.create_log(&TopicPartition::new("t", number), None, small_segments(), T0).unwrap()
        })
        .collect();
    for round in 0..30 {
        for log in &mut logs {
            log.append_as_leader(&batch(1, round, &[1; 100]), 0, T0).unwrap();
        }
    }
    for log in &mut logs {
        assert_eq!(read_all(log, 0).len(), 30 * 161);
        assert!(files.open_count() <= 4);
    }
    drop(logs);
    assert_eq!(files.open_count(), 0);
}

#[test]
fn a_large_batch_is_stored_without_a_copy_and_read_as_any_other() {
    let disk = MemoryDisk::new();
    let files = Files::new(disk.clone(), 6);
    let directory = LogDirectory::open(&files, &TailCache::new(1 << 20), Path::new("/data"), 1).unwrap();
    let mut log = directory.create_log(&partition(), None, LogConfig::default(), T0).unwrap();
    let (small, large) = (batch(1, 1, b"small"), batch(7, 2, &[3; crate::limits::COPIED_BATCH_BYTES]));
    let mut expect = Vec::new();
    for (number, batch) in [&small, &large, &small, &large, &large].into_iter().enumerate() {
        let offset = log.log_end();
        log.append_as_leader(batch, number as i32, T0).unwrap();
        expect.extend_from_slice(&stored(batch, offset, number as i32));
    }
    assert!(read_all(&mut log, 0) == expect);
    // From the middle of a large one, with room for one, and with none.
    let check = |log: &mut Log<MemoryDisk>, from, bytes_max, at_least_one, expect: (usize, i64)| {
        let fetched = log.read(from, i64::MAX, bytes_max, at_least_one).unwrap();
        assert_eq!((fetched.bytes, fetched.next_offset), expect);
        assert_eq!(fetched.pieces.iter().map(Bytes::len).sum::<usize>(), expect.0);
    };
    check(&mut log, 3, large.len(), AtLeastOne::Nothing, (large.len(), 8));
    check(&mut log, 3, large.len() - 1, AtLeastOne::Nothing, (0, 3));
    check(&mut log, 3, 1, AtLeastOne::Batch, (large.len(), 8));
    check(&mut log, 9, 2 * large.len(), AtLeastOne::Nothing, (2 * large.len(), 23));
    assert!(file_bytes(&disk, "/data/t-0/00000000000000000000.log") == expect);
}
