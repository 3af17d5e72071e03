//! Opening what a stop left: clean, torn, damaged, half cleaned, or written by Kafka.

use super::*;
use crate::index::AbortedTransaction;
use crate::log::{ProducerEntry, Reading};

fn filled(disk: &MemoryDisk, count: i64) -> (LogDirectory<MemoryDisk>, Log<MemoryDisk>) {
    let (directory, mut log) = create(disk, small_segments());
    for number in 0..count {
        log.append_as_leader(&batch(2, number, &[number as u8; 150]), 1, T0).unwrap();
    }
    (directory, log)
}

fn write(disk: &MemoryDisk, name: &str, bytes: &[u8], offset: u64) {
    let path = Path::new("/data/t-0").join(name);
    disk.open(&path, Open::CreateOrWrite).unwrap().write_at(bytes, offset).unwrap();
}

fn names(disk: &MemoryDisk) -> Vec<String> {
    disk.list(Path::new("/data/t-0")).unwrap().into_iter().map(|entry| entry.name).collect()
}

#[test]
fn a_torn_tail_is_cut_and_what_follows_it_too() {
    let check = |damage: &dyn Fn(&MemoryDisk), end: i64, repairs: usize| {
        let disk = MemoryDisk::new();
        let (_, mut log) = filled(&disk, 20);
        assert_eq!(log.segment_count(), 4);
        let expect = read_all(&mut log, 0);
        damage(&disk);
        let (_, mut log, opened) = reopen(&disk, small_segments());
        assert_eq!(log.log_end(), end, "{:?}", opened.notes);
        assert_eq!(opened.notes.len(), repairs, "{:?}", opened.notes);
        assert!(expect.starts_with(&read_all(&mut log, 0)));
        let (_, log, opened) = reopen(&disk, small_segments());
        assert_eq!((log.log_end(), opened.notes), (end, vec![]));
    };
    let last = "00000000000000000036.log";
    check(&|_| {}, 40, 0);
    check(&|disk| write(disk, last, b"\x00\x01", 422), 40, 1);
    check(&|disk| write(disk, last, &[0; 30], 211), 38, 1);
    check(&|disk| write(disk, last, b"x", 61 + 5), 36, 1);
    check(&|disk| write(disk, "00000000000000000012.log", b"x", 61 + 5), 12, 1);
    check(
        &|disk| {
            disk.open(Path::new("/data/t-0/00000000000000000012.log"), Open::Write)
                .unwrap()
                .set_length(211)
                .unwrap()
        },
        14,
        1,
    );
}

#[test]
fn only_what_was_not_synced_is_read() {
    let disk = MemoryDisk::new();
    let config = LogConfig { index_interval_bytes: 1000, ..LogConfig::default() };
    let (directory, mut log) = create(&disk, config);
    for number in 0..1000 {
        if number == 990 {
            log.sync().unwrap();
            store_checkpoints(&directory, &log);
        }
        log.append_as_leader(&batch(1, number, &[1; 150]), 1, T0).unwrap();
    }
    let (_, mut log, opened) = reopen(&disk, config);
    assert_eq!((log.log_end(), opened.checked_from), (1000, 990));
    assert!(opened.checked_bytes < 5000, "{} bytes", opened.checked_bytes);
    assert_eq!(log.find_newest_timestamp().unwrap().unwrap().facts.base_offset, 999);
    for target in (0..1000).step_by(13) {
        assert_eq!(log.find_timestamp(target, 0).unwrap().unwrap().facts.base_offset, target);
    }
}

#[test]
fn missing_and_damaged_indexes_are_made_anew() {
    let check = |damage: &dyn Fn(&MemoryDisk)| {
        let disk = MemoryDisk::new();
        let (directory, mut log) = filled(&disk, 20);
        close(&directory, &mut log);
        let expect = read_all(&mut log, 0);
        let index = file_bytes(&disk, "/data/t-0/00000000000000000012.index");
        damage(&disk);
        let (directory, mut log, _) = reopen(&disk, small_segments());
        assert_eq!(log.log_end(), 40);
        assert_eq!(read_all(&mut log, 0), expect);
        for offset in 0..40 {
            let fetched = log.read(offset, 40, 10, AtLeastOne::Batch).unwrap();
            assert_eq!(fetched.next_offset, offset / 2 * 2 + 2);
            assert_eq!(log.find_timestamp(offset / 2, 0).unwrap().unwrap().facts.base_offset, offset / 2 * 2);
        }
        close(&directory, &mut log);
        index
    };
    let remove = |name: &'static str| {
        move |disk: &MemoryDisk| disk.remove(&Path::new("/data/t-0").join(name)).unwrap()
    };
    check(&|_| {});
    check(&remove("00000000000000000012.index"));
    check(&remove("00000000000000000012.timeindex"));
    check(&remove("00000000000000000036.index"));
    check(&|disk| write(disk, "00000000000000000012.index", b"x", 9));
    check(&|disk| write(disk, "00000000000000000036.timeindex", b"xyz", 12));
    check(&|disk| write(disk, "00000000000000000036.index", &[0; 800], 8));
    check(&|disk| write(disk, "00000000000000000036.index", &[255; 8], 0));
    // A lost clean mark with preallocated, zeroed indexes: what Kafka leaves after a kill.
    check(&|disk| {
        write(disk, "00000000000000000036.index", &[0; 8000], 8);
        write(disk, "00000000000000000036.timeindex", &[0; 12000], 12);
        disk.remove(Path::new("/data/.kafka_cleanshutdown")).unwrap();
    });
}

#[test]
fn a_sealed_index_that_lies_is_not_believed() {
    let disk = MemoryDisk::new();
    let (directory, mut log) = filled(&disk, 20);
    close(&directory, &mut log);
    let mut lie = Vec::new();
    lie.extend_from_slice(&3i32.to_be_bytes());
    lie.extend_from_slice(&(5 * 211i32).to_be_bytes());
    write(&disk, "00000000000000000012.index", &lie, 0);
    let (_, mut log, _) = reopen(&disk, small_segments());
    assert_eq!(log.read(16, 40, 10, AtLeastOne::Batch).unwrap().next_offset, 18);
}

#[test]
fn leftovers_are_completed_or_removed() {
    let disk = MemoryDisk::new();
    let (directory, mut log) = filled(&disk, 20);
    close(&directory, &mut log);
    // A cleaner had merged the first two segments, keeping offsets 0..2 and 20..24.
    let kept = file_bytes(&disk, "/data/t-0/00000000000000000000.log")[..211].to_vec();
    let kept = [kept, file_bytes(&disk, "/data/t-0/00000000000000000012.log")[4 * 211..].to_vec()].concat();
    write(&disk, "00000000000000000000.log.swap", &kept, 0);
    write(&disk, "00000000000000000000.index.swap", &[], 0);
    write(&disk, "00000000000000000000.timeindex.swap", &[], 0);
    write(&disk, "00000000000000000024.log.cleaned", b"half", 0);
    write(&disk, "00000000000000000007.log.deleted", b"old", 0);
    write(&disk, "00000000000000000030.index", b"orphan", 0);
    let (_, mut log, opened) = reopen(&disk, small_segments());
    assert_eq!(opened.notes.len(), 2, "{:?}", opened.notes);
    assert_eq!((log.log_start(), log.log_end(), log.segment_count()), (0, 40, 3));
    let all = read_all(&mut log, 0);
    assert!(all.starts_with(&kept));
    assert_eq!(all.len(), kept.len() + 8 * 211);
    assert_eq!(log.read(2, 40, 10, AtLeastOne::Batch).unwrap().next_offset, 22);
    let left = names(&disk);
    assert!(
        left.iter().all(|name| !name.ends_with(".swap")
            && !name.ends_with(".cleaned")
            && !name.ends_with(".deleted"))
    );
    assert!(
        !left
            .iter()
            .any(|name| name.starts_with("00000000000000000030") || name.starts_with("00000000000000000012"))
    );
}

#[test]
fn old_messages_are_served_as_stored() {
    let message = |offset: i64, magic: u8, body: &[u8]| {
        let mut covered = vec![magic, 0];
        if magic == 1 {
            covered.extend_from_slice(&(offset * 100).to_be_bytes());
        }
        covered.extend_from_slice(&(-1i32).to_be_bytes());
        covered.extend_from_slice(&(body.len() as i32).to_be_bytes());
        covered.extend_from_slice(body);
        let mut bytes = offset.to_be_bytes().to_vec();
        bytes.extend_from_slice(&(covered.len() as i32 + 4).to_be_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&covered).to_be_bytes());
        bytes.extend_from_slice(&covered);
        bytes
    };
    let old: Vec<u8> = (0..6).flat_map(|offset| message(offset, u8::from(offset > 2), b"hello")).collect();
    let disk = MemoryDisk::new();
    disk.create_directory(Path::new("/data/t-0")).unwrap();
    write(&disk, "00000000000000000000.log", &old, 0);
    let (_, mut log, opened) = reopen(&disk, small_segments());
    assert_eq!((log.log_end(), opened.notes), (6, vec![]));
    assert_eq!(read_all(&mut log, 0), old);
    assert_eq!(log.find_timestamp(301, 0).unwrap().unwrap().facts.base_offset, 4);
    log.append_as_leader(&batch(1, 1000, b"new"), 1, T0).unwrap();
    let (_, mut log, _) = reopen(&disk, small_segments());
    assert_eq!(log.log_end(), 7);
    assert!(read_all(&mut log, 5).starts_with(&message(5, 1, b"hello")));
    write(&disk, "00000000000000000000.log", b"J", 45);
    let (_, log, _) = reopen(&disk, small_segments());
    assert_eq!(log.log_end(), 1);
}

#[test]
fn garbage_never_panics() {
    let mut random = fastrand::Rng::with_seed(11);
    for _ in 0..400 {
        let disk = MemoryDisk::new();
        let (directory, mut log) = filled(&disk, random.i64(0..25));
        if random.bool() {
            close(&directory, &mut log);
        } else if random.bool() {
            log.sync().unwrap();
            store_checkpoints(&directory, &log);
        }
        let names = names(&disk);
        for _ in 0..random.usize(1..4) {
            let name = &names[random.usize(..names.len())];
            let path = Path::new("/data/t-0").join(name);
            let file = disk.open(&path, Open::Write).unwrap();
            let length = file.length().unwrap();
            match random.u32(0..3) {
                0 => file.set_length(random.u64(0..=length)).unwrap(),
                1 => {
                    file.write_at(&vec![random.u8(..); random.usize(0..64)], random.u64(0..=length)).unwrap()
                }
                _ => (0..8).for_each(|_| file.write_at(&[random.u8(..)], random.u64(0..=length)).unwrap()),
            }
        }
        let directory = super::directory(&disk);
        if let Ok((mut log, _)) = directory.open_log(&partition(), small_segments(), T0) {
            let mut from = log.log_start();
            while let Ok(fetched) = log.read(from, i64::MAX, 500, AtLeastOne::Batch) {
                if fetched.next_offset == from {
                    break;
                }
                from = fetched.next_offset;
            }
            let _ = log.find_timestamp(5, 0);
            let _ = log.replay(0, |_, _| {});
            let end = log.log_end();
            let _ = log.read_producer_snapshot(end);
            let _ = log.append_as_leader(&batch(1, 1, b"x"), 0, T0);
        }
    }
}

#[test]
fn snapshots_and_aborted_transactions_survive() {
    let disk = MemoryDisk::new();
    let (directory, mut log) = filled(&disk, 20);
    let producer = ProducerEntry {
        producer_id: 7,
        producer_epoch: 1,
        last_sequence: 5,
        last_offset: 11,
        offset_delta: 1,
        timestamp: 3,
        coordinator_epoch: -1,
        open_transaction_offset: -1,
    };
    log.write_producer_snapshot(12, &[producer]).unwrap();
    log.write_producer_snapshot(39, &[]).unwrap();
    log.write_producer_snapshot(40, &[producer; 2]).unwrap();
    let aborted = |last_offset| AbortedTransaction {
        producer_id: 7,
        first_offset: last_offset - 4,
        last_offset,
        last_stable_offset: last_offset + 1,
    };
    log.append_aborted(&aborted(14)).unwrap();
    log.append_aborted(&aborted(38)).unwrap();
    close(&directory, &mut log);
    let (_, mut log, _) = reopen(&disk, small_segments());
    assert_eq!(log.read_producer_snapshot(40).unwrap(), Some((40, vec![producer; 2])));
    assert_eq!(log.read_producer_snapshot(39).unwrap(), Some((12, vec![producer])));
    assert_eq!(log.read_producer_snapshot(11).unwrap(), None);
    assert_eq!(log.aborted_transactions(0, 40).unwrap(), vec![aborted(14), aborted(38)]);
    assert_eq!(log.aborted_transactions(0, 12).unwrap(), vec![aborted(14)]);
    assert_eq!(log.aborted_transactions(15, 34).unwrap(), vec![]);
    assert_eq!(log.aborted_transactions(15, 36).unwrap(), vec![aborted(38)]);
    log.truncate(38, T0).unwrap();
    log.remove_producer_snapshots_above(38).unwrap();
    assert_eq!(log.aborted_transactions(0, 40).unwrap(), vec![aborted(14)]);
    assert_eq!(log.read_producer_snapshot(40).unwrap(), Some((12, vec![producer])));
}

#[test]
fn a_directory_knows_its_partitions_owner_and_dead() {
    let disk = MemoryDisk::new();
    let (mut directory, log) = create(&disk, small_segments());
    let identity = crate::Identity { broker_id: 1, cluster_id: "c".to_owned() };
    directory.claim(&identity).unwrap();
    assert_eq!(directory.topic_id(&partition()).unwrap().as_deref(), Some("gib5GbiRTyuLqmqld5r9dg"));
    let second = TopicPartition::new("t", 1);
    directory.create_log(&second, None, small_segments(), T0).unwrap();
    store_checkpoints(&directory, &log);
    let mut directory = super::directory(&disk);
    assert_eq!((directory.broker_id(), directory.cluster_id()), (Some(1), Some("c")));
    assert_eq!(directory.partitions(), &[partition(), second.clone()]);
    assert!(directory.claim(&crate::Identity { broker_id: 2, ..identity.clone() }).is_err());
    // Another broker that comes by mistake is refused, and leaves the mark of a clean stop alone.
    directory.mark_clean(1).unwrap();
    let other = LogDirectory::open(&Files::new(disk.clone(), 6), &TailCache::new(0), Path::new("/data"), 2);
    assert!(matches!(other, Err(LogError::Foreign { .. })));
    assert!(disk.exists(Path::new("/data/.kafka_cleanshutdown")));
    directory.claim(&identity).unwrap();
    directory.delete_log(&second, T0).unwrap();
    // A crash before the files are gone: the next owner finds the renamed directory and removes it.
    let mut directory = super::directory(&disk);
    assert_eq!(directory.partitions(), &[partition()]);
    for path in directory.take_deleted() {
        directory.deletion(path).run().unwrap();
    }
    assert_eq!(disk.list(Path::new("/data")).unwrap().iter().filter(|entry| entry.is_directory).count(), 1);
    disk.open(Path::new("/data/recovery-point-offset-checkpoint"), Open::Replace)
        .unwrap()
        .write_at(b"0\n7\n", 0)
        .unwrap();
    assert_eq!(super::directory(&disk).take_notes().len(), 1);
}

#[test]
fn a_read_under_which_the_log_changed_counts_for_nothing() {
    let disk = MemoryDisk::new();
    let (directory, mut log) = create(&disk, small_segments());
    for number in 0..20 {
        log.append_as_leader(&batch(1, number, &[b'x'; 60]), 0, T0).unwrap();
    }
    close(&directory, &mut log);
    let (_, mut log, _) = reopen(&disk, small_segments());
    let cold = |log: &mut Log<MemoryDisk>, from| match log.read_or_job(from, 99, 300, AtLeastOne::Batch) {
        Ok(Reading::Cold(job)) => job,
        _ => panic!("it is not in memory"),
    };
    // Nothing changed: as the log itself reads.
    for from in [0, 7, 19] {
        let read = cold(&mut log, from).run();
        let brought = log.finish_read(read).unwrap().unwrap();
        let here = log.read(from, 99, 300, AtLeastOne::Batch).unwrap();
        assert_eq!((brought.bytes, brought.next_offset), (here.bytes, here.next_offset));
        assert_eq!(brought.pieces.concat(), here.pieces.concat());
    }
    let job = cold(&mut log, 3);
    log.truncate(10, T0).unwrap();
    assert_eq!(log.finish_read(job.run()).unwrap(), None);
    // Its files are gone: no reason to give the disk up.
    let job = cold(&mut log, 3);
    log.start_over(50, T0).unwrap();
    assert_eq!(log.finish_read(job.run()).unwrap(), None);
    assert!(!log.is_offline());
}

#[test]
fn large_batches_below_the_recovery_point_are_not_read() {
    let disk = MemoryDisk::new();
    let (directory, mut log) = create(&disk, LogConfig::default());
    let large = vec![7; 3 << 20];
    log.append_as_leader(&batch(1, 1, &[1; 100]), 1, T0).unwrap();
    for number in 2..4 {
        log.append_as_leader(&batch(1, number, &large), 1, T0).unwrap();
    }
    log.sync().unwrap();
    store_checkpoints(&directory, &log);
    log.append_as_leader(&batch(1, 5, &[1; 100]), 1, T0).unwrap();
    let (_, log, opened) = reopen(&disk, LogConfig::default());
    assert_eq!((log.log_end(), opened.notes), (4, vec![]));
    assert!(opened.checked_bytes < 1000, "{} bytes", opened.checked_bytes);
}

#[test]
fn room_that_was_taken_ahead_is_given_back() {
    let config = LogConfig { segment_bytes: 4096, preallocate: true, ..LogConfig::default() };
    let lengths = |disk: &MemoryDisk| -> Vec<u64> {
        let entries = disk.list(Path::new("/data/t-0")).unwrap().into_iter();
        entries.filter(|entry| entry.name.ends_with(".log")).map(|entry| entry.length).collect()
    };
    let disk = MemoryDisk::new();
    let (directory, mut log) = create(&disk, config);
    assert_eq!(lengths(&disk), [4096]);
    let sent = batch(1, 1, &[1; 1000]);
    let each = sent.len() as u64;
    for _ in 0..5 {
        log.append_as_leader(&sent, 1, T0).unwrap();
    }
    assert_eq!(lengths(&disk), [3 * each, 4096], "the first was cut when it ended");
    let expect = read_all(&mut log, 0);
    // A kill leaves the room, and recovery cuts it.
    let image = disk.crash(disk::Loss::Nothing);
    let (_, mut log_of_image, opened) = reopen(&image, config);
    assert_eq!((log_of_image.log_end(), opened.notes.len()), (5, 1), "{:?}", opened.notes);
    assert!(read_all(&mut log_of_image, 0) == expect);
    assert_eq!(lengths(&image), [3 * each, 2 * each]);
    // A clean stop leaves none, not even in a log without records.
    close(&directory, &mut log);
    assert_eq!(lengths(&disk), [3 * each, 2 * each]);
    let (directory, mut log, opened) = reopen(&disk, config);
    assert_eq!((log.log_end(), opened.notes), (5, vec![]));
    log.start_over(9, T0).unwrap();
    close(&directory, &mut log);
    assert_eq!(lengths(&disk), [0]);
    assert_eq!(reopen(&disk, config).2.notes, Vec::<String>::new());
}
