//! Compaction: what a reader of the newest value of each key sees never changes, at no moment and in no
//! crash; and what is superseded goes.

use std::collections::BTreeMap;

use disk::Loss;
use kafka_wire::batch::{Batch, BatchBuilder, ControlKind, ControlRecord, ProducerStamp, transaction_marker};
use kafka_wire::compression::Codec;

use super::*;
use crate::index::AbortedTransaction;
use crate::log::{Compacting, Compaction, CompactionRules, Progress};

fn config() -> LogConfig {
    LogConfig { segment_bytes: 700, index_interval_bytes: 150, ..LogConfig::default() }
}

fn rules(first_dirty: i64, below: i64) -> CompactionRules {
    CompactionRules {
        first_dirty,
        below,
        lag_ms_min: 0,
        delete_retention_ms: 100,
        last_offsets: BTreeMap::new(),
    }
}

type Keyed<'a> = (&'a str, Option<&'a str>);

fn keyed(codec: Codec, timestamp: i64, records: &[Keyed<'_>]) -> Bytes {
    let mut builder = BatchBuilder::new(0).codec(codec);
    for (key, value) in records {
        builder.append(timestamp, Some(key.as_bytes()), value.map(str::as_bytes), &[]);
    }
    builder.build()
}

fn append(log: &mut Log<MemoryDisk>, records: &[Keyed<'_>]) {
    log.append_as_leader(&keyed(Codec::None, T0.as_ms(), records), 0, T0).unwrap();
}

/// All records: offset, key, value.
fn records(log: &mut Log<MemoryDisk>) -> Vec<(i64, String, Option<String>)> {
    let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    let start = log.log_start();
    let mut bytes = Bytes::from(read_all(log, start));
    let mut records = Vec::new();
    while let Some(batch) = Batch::take_first(&mut bytes).unwrap() {
        batch.verify_crc().unwrap();
        if batch.header().attributes.is_control() {
            continue;
        }
        for record in batch.records(1 << 20).unwrap() {
            let record = record.unwrap();
            records.push((record.offset, record.key.map_or(String::new(), text), record.value.map(text)));
        }
    }
    assert!(records.is_sorted_by(|a, b| a.0 < b.0));
    records
}

/// What a reader who keeps the newest value of each key ends up with.
fn newest(log: &mut Log<MemoryDisk>) -> BTreeMap<String, String> {
    let mut newest = BTreeMap::new();
    for (_, key, value) in records(log) {
        match value {
            Some(value) => drop(newest.insert(key, value)),
            None => drop(newest.remove(&key)),
        }
    }
    newest
}

/// One slice, done here and now.
fn advance(log: &mut Log<MemoryDisk>, compaction: Compaction, bytes: usize) -> Compacting<Compaction> {
    let step = match log.compaction_slice(compaction, bytes).unwrap() {
        Compacting::Working(slice) => log.finish_slice(slice.run()).unwrap(),
        Compacting::Over(progress) => Compacting::Over(progress),
    };
    if let Some(removal) = log.removal() {
        removal.run().unwrap();
    }
    step
}

fn finish(log: &mut Log<MemoryDisk>, compaction: Option<Compaction>) -> Progress {
    let mut compaction = compaction.expect("something is dirty");
    loop {
        match advance(log, compaction, 200) {
            Compacting::Working(next) => compaction = next,
            Compacting::Over(progress) => return progress,
        }
    }
}

fn compact(log: &mut Log<MemoryDisk>, first_dirty: i64, ms: i64) -> i64 {
    let below = log.log_end();
    let compaction = log.begin_compaction(rules(first_dirty, below), at(ms)).unwrap();
    match finish(log, compaction) {
        Progress::Done { clean_up_to, .. } => clean_up_to,
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_the_newest_of_each_key_stays() {
    let (_, mut log) = create(&MemoryDisk::new(), config());
    for round in 0..20 {
        let value = format!("v{round}");
        append(&mut log, &[("a", Some(&value)), (&format!("k{round}"), Some(&value))]);
    }
    append(&mut log, &[("k3", None)]);
    log.roll(T0).unwrap();
    let before = newest(&mut log);
    let segments_before = log.segment_count();
    let end = log.log_end();
    assert_eq!(compact(&mut log, 0, 0), end);
    assert_eq!(newest(&mut log), before);
    let left = records(&mut log);
    assert_eq!(left.iter().filter(|(_, key, _)| key == "a").count(), 1);
    assert!(left.contains(&(40, "k3".into(), None)), "a tombstone stays for a while");
    assert!(!left.iter().any(|(_, key, value)| key == "k3" && value.is_some()));
    assert_eq!((log.log_start(), log.log_end(), log.recovery_point()), (0, end, end));
    // Offsets that are gone lead to the next that is there.
    assert_eq!(left[0], (1, "k0".into(), Some("v0".into())));
    assert_eq!(log.read(7, end, 1, AtLeastOne::Batch).unwrap().next_offset, 10);
    // Nothing is dirty, so there is nothing to do; and what is clean stays clean.
    assert!(log.begin_compaction(rules(end, end), at(50)).unwrap().is_none());
    append(&mut log, &[("z", Some("1"))]);
    log.roll(T0).unwrap();
    compact(&mut log, end, 50);
    assert!(records(&mut log).iter().any(|(_, key, value)| key == "k3" && value.is_none()));
    append(&mut log, &[("z", Some("2"))]);
    log.roll(T0).unwrap();
    compact(&mut log, end, 200);
    assert!(!records(&mut log).iter().any(|(_, key, _)| key == "k3"), "its time is over");
    assert!(log.segment_count() < segments_before + 2, "small segments are joined");
}

#[test]
fn young_and_undecided_records_are_left_alone() {
    let (_, mut log) = create(&MemoryDisk::new(), config());
    for round in 0..30 {
        let value = [("a", Some("x"))];
        log.append_as_leader(&keyed(Codec::None, at(round * 10).as_ms(), &value), 0, at(round)).unwrap();
    }
    let end = log.log_end();
    let mut dirty = |rules: CompactionRules, ms| log.dirt(&rules, at(ms)).unwrap().dirty_bytes;
    let all = dirty(rules(0, end), 0);
    assert!(all > 700);
    assert_eq!(dirty(rules(0, 0), 0), 0);
    let half = dirty(rules(0, 15), 0);
    assert!(0 < half && half < all);
    let old = dirty(CompactionRules { lag_ms_min: 200, ..rules(0, end) }, 300);
    assert!(0 < old && old < all);
    assert_eq!(log.dirt(&rules(0, end), T0).unwrap().dirty_since, Some(T0.as_ms()));
}

#[test]
fn compressed_batches_and_producers_keep_what_they_tell() {
    for codec in Codec::ALL {
        let (_, mut log) = create(&MemoryDisk::new(), config());
        for sequence in 0..6 {
            let stamp = ProducerStamp { id: 5, epoch: 1, base_sequence: sequence * 2, transactional: false };
            let mut builder = BatchBuilder::new(0).codec(codec).producer(stamp);
            builder.append(7, Some(b"same"), Some(b"value"), &[]);
            builder.append(8, Some(format!("own{sequence}").as_bytes()), Some(&[b'x'; 90]), &[]);
            log.append_as_leader(&builder.build(), 3, T0).unwrap();
        }
        append(&mut log, &[("same", Some("last")), ("own5", Some("last"))]);
        log.roll(T0).unwrap();
        let end = log.log_end();
        let with_producer = CompactionRules { last_offsets: BTreeMap::from([(5, 11)]), ..rules(0, end) };
        let compaction = log.begin_compaction(with_producer, T0).unwrap();
        finish(&mut log, compaction);
        let mut bytes = Bytes::from(read_all(&mut log, 0));
        let mut seen = Vec::new();
        while let Some(batch) = Batch::take_first(&mut bytes).unwrap() {
            let header = *batch.header();
            if header.has_producer_id() {
                assert_eq!((header.partition_leader_epoch, header.max_timestamp), (3, 8));
                seen.push((header.base_offset, header.last_sequence(), header.record_count));
            }
        }
        assert_eq!(seen, [(0, 1, 1), (2, 3, 1), (4, 5, 1), (6, 7, 1), (8, 9, 1), (10, 11, 0)], "{codec:?}");
    }
}

#[test]
fn aborted_records_supersede_nothing_and_go() {
    let (_, mut log) = create(&MemoryDisk::new(), config());
    append(&mut log, &[("a", Some("committed"))]);
    let stamp = ProducerStamp { id: 5, epoch: 0, base_sequence: 0, transactional: true };
    let mut builder = BatchBuilder::new(0).producer(stamp);
    builder.append(7, Some(b"a"), Some(b"aborted"), &[]);
    log.append_as_leader(&builder.build(), 0, T0).unwrap();
    let marker = ControlRecord { kind: ControlKind::Abort, coordinator_epoch: 0 };
    log.append_as_leader(&transaction_marker(0, 7, stamp, marker), 0, T0).unwrap();
    let aborted =
        AbortedTransaction { producer_id: 5, first_offset: 1, last_offset: 2, last_stable_offset: 3 };
    log.append_aborted(&aborted).unwrap();
    append(&mut log, &[("b", Some("committed"))]);
    log.roll(T0).unwrap();
    compact(&mut log, 0, 0);
    let expect =
        [(0, "a".to_owned(), Some("committed".to_owned())), (3, "b".into(), Some("committed".into()))];
    assert_eq!(records(&mut log), expect);
    assert_eq!(log.aborted_transactions(0, 9).unwrap(), [aborted]);
}

#[test]
fn a_log_that_is_cut_meanwhile_stops_it() {
    let disk = MemoryDisk::new();
    let (_, mut log) = create(&disk, config());
    for _ in 0..40 {
        append(&mut log, &[("a", Some("x"))]);
    }
    let end = log.log_end();
    let mut compaction = log.begin_compaction(rules(0, end), T0).unwrap().unwrap();
    let has_copy = |disk: &MemoryDisk| {
        disk.list(Path::new("/data/t-0")).unwrap().iter().any(|entry| entry.name.ends_with(".cleaned"))
    };
    while !has_copy(&disk) {
        let Compacting::Working(next) = advance(&mut log, compaction, 200) else { panic!("it is not over") };
        compaction = next;
    }
    log.truncate(end - 1, T0).unwrap();
    assert!(matches!(advance(&mut log, compaction, 200), Compacting::Over(Progress::Abandoned)));
    assert!(!has_copy(&disk));
    assert_eq!(newest(&mut log), BTreeMap::from([("a".to_owned(), "x".to_owned())]));
}

#[test]
fn markers_of_transactions_without_records_go_when_their_time_is_over() {
    let (_, mut log) = create(&MemoryDisk::new(), config());
    let stamp = |base_sequence| ProducerStamp { id: 5, epoch: 0, base_sequence, transactional: true };
    let mut builder = BatchBuilder::new(0).producer(stamp(0));
    builder.append(7, Some(b"a"), Some(b"first"), &[]);
    log.append_as_leader(&builder.build(), 0, T0).unwrap();
    let marker = ControlRecord { kind: ControlKind::Commit, coordinator_epoch: 3 };
    log.append_as_leader(&transaction_marker(0, 7, stamp(1), marker), 0, T0).unwrap();
    append(&mut log, &[("a", Some("second"))]);
    log.roll(T0).unwrap();
    let markers = |log: &mut Log<MemoryDisk>| {
        let mut bytes = Bytes::from(read_all(log, 0));
        let mut found = Vec::new();
        while let Some(batch) = Batch::take_first(&mut bytes).unwrap() {
            batch.verify_crc().unwrap();
            if batch.header().attributes.is_control() {
                let record = batch.records(1 << 10).unwrap().next().unwrap().unwrap();
                assert_eq!(ControlRecord::decode(&record).unwrap().coordinator_epoch, 3);
                assert_eq!((record.offset, record.timestamp), (1, 7));
                found.push(batch.header().attributes.has_delete_horizon());
            }
        }
        found
    };
    let again = |log: &mut Log<MemoryDisk>, ms| {
        append(log, &[("z", Some("x"))]);
        log.roll(T0).unwrap();
        compact(log, 0, ms);
    };
    // The first pass takes the record, the second sees that the marker stands alone, the third is too early.
    for (ms, expect) in [(0, vec![false]), (10, vec![true]), (109, vec![true]), (110, vec![])] {
        again(&mut log, ms);
        assert_eq!(markers(&mut log), expect, "at {ms}");
    }
}

/// Random writes and compactions with the log growing meanwhile; in the end every crash image.
fn life(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let disk = MemoryDisk::recording();
    let (directory, mut log) = create(&disk, config());
    let mut model: BTreeMap<String, String> = BTreeMap::new();
    let mut promised = Vec::new();
    let mut first_dirty = 0;
    let mut compaction: Option<Compaction> = None;
    for step in 0..120 {
        if random.u32(0..3) > 0 {
            let count = random.usize(1..4);
            let keys: Vec<String> = (0..count).map(|_| format!("k{}", random.u32(0..12))).collect();
            let values: Vec<Option<String>> =
                (0..count).map(|n| (random.u32(0..4) > 0).then(|| format!("{step}.{n}"))).collect();
            let pairs: Vec<Keyed<'_>> =
                keys.iter().map(String::as_str).zip(values.iter().map(Option::as_deref)).collect();
            let codec = Codec::ALL[random.usize(..Codec::ALL.len())];
            log.append_as_leader(&keyed(codec, at(step * 10).as_ms(), &pairs), 0, at(step * 10)).unwrap();
            for (key, value) in keys.iter().zip(&values) {
                match value {
                    Some(value) => drop(model.insert(key.clone(), value.clone())),
                    None => drop(model.remove(key)),
                }
            }
        }
        match compaction.take() {
            Some(running) => match advance(&mut log, running, 300) {
                Compacting::Working(next) => compaction = Some(next),
                Compacting::Over(Progress::Done { clean_up_to, .. }) => first_dirty = clean_up_to,
                Compacting::Over(Progress::Abandoned) => {}
            },
            None => {
                compaction = log.begin_compaction(rules(first_dirty, log.log_end()), at(step * 10)).unwrap()
            }
        }
        if random.u32(0..10) == 0 {
            log.sync().unwrap();
            store_checkpoints(&directory, &log);
        }
        assert_eq!(newest(&mut log), model, "seed {seed} step {step}");
        promised.push((disk.operations(), log.log_end(), model.clone()));
    }
    let mut operations = 0;
    while operations <= disk.operations() {
        let held = promised.iter().rev().find(|(done, ..)| *done <= operations);
        let image = disk.crash_at(operations, Loss::Nothing);
        if let Some((_, end, model)) = held {
            let (_, mut log, _) = reopen(&image, config());
            assert!(log.log_end() >= *end);
            if log.log_end() == *end {
                assert_eq!(newest(&mut log), *model, "seed {seed} operation {operations}");
            }
        }
        // After a power cut the log is a prefix: what it shows was true at some time.
        let image = disk.crash_at(operations, Loss::Subset { seed: operations as u64 });
        if image.exists(Path::new("/data/t-0")) {
            let (_, mut log, _) = reopen(&image, config());
            let found = newest(&mut log);
            let end = log.log_end();
            if let Some((.., model)) = promised.iter().find(|(_, then, _)| *then == end) {
                assert_eq!(found, *model, "seed {seed} operation {operations} after a power cut");
            }
        }
        operations += 1 + random.usize(0..24);
    }
}

#[test]
fn readers_see_the_same_through_every_compaction_and_crash() {
    (0..3).for_each(life);
}
