use disk::{Disk, Fault, File, Loss, MemoryDisk, Open};
use zookeeper_wire::txn::Txn;

use super::*;
use crate::limits::GROUP_BYTES_MAX;
use crate::testing::{data, directories, entry, payload, policy, recovered, snapshot};
use crate::{Directories, EmptySnapshot, Error, LogPolicy, forget_log, recover, truncate};

/// A new directory with its first snapshot, and the writer of its log.
fn fresh(disk: &MemoryDisk) -> LogWriter<MemoryDisk> {
    let (_, recovered) = recovered(disk).unwrap();
    snapshot(disk, 0).unwrap();
    recovered.writer
}

fn append(writer: &mut LogWriter<MemoryDisk>, zxids: impl IntoIterator<Item = i64>) {
    for zxid in zxids {
        writer.append(Zxid(zxid), &payload(zxid, &data(zxid, 40))).unwrap();
    }
}

fn zxids(disk: &MemoryDisk, from: i64) -> Vec<i64> {
    LogReader::open(disk, &directories().logs, Zxid(from))
        .unwrap()
        .map(|entry| entry.unwrap().zxid.0)
        .collect()
}

fn log_names(disk: &MemoryDisk) -> Vec<String> {
    disk.list(&directories().logs).unwrap().into_iter().map(|entry| entry.name).collect()
}

#[test]
fn an_entry_is_laid_out_as_the_original_has_it() {
    let disk = MemoryDisk::new();
    let mut writer = fresh(&disk);
    append(&mut writer, [1]);
    writer.commit().unwrap();
    let file = disk.open(&directories().logs.join("log.1"), Open::Read).unwrap();
    let mut bytes = vec![0; file.length().unwrap() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    let body = payload(1, &data(1, 40));
    assert_eq!(&bytes[..16], b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0");
    assert_eq!(&bytes[16..20], [0; 4]);
    assert_eq!(&bytes[20..24], checksum(&body).to_be_bytes());
    assert_eq!(&bytes[24..28], (body.len() as i32).to_be_bytes());
    assert_eq!(&bytes[28..28 + body.len()], &body[..]);
    assert_eq!(bytes[28 + body.len()], 0x42);
    assert!(bytes[29 + body.len()..].iter().all(|byte| *byte == 0));
    assert_eq!(bytes.len(), 2048 + 16, "zeroes are written ahead");
}

#[test]
fn what_is_appended_is_read_back_across_files() {
    let disk = MemoryDisk::new();
    let mut writer = fresh(&disk);
    for first in [1, 11, 21] {
        append(&mut writer, first..first + 10);
        assert_eq!(writer.commit().unwrap(), Zxid(first + 9));
        writer.roll().unwrap();
    }
    assert_eq!(log_names(&disk), ["log.1", "log.15", "log.b"]);
    for from in [0, 1, 5, 10, 11, 15, 21, 30] {
        assert_eq!(zxids(&disk, from), (from.max(1)..=30).collect::<Vec<_>>(), "from {from}");
    }
    assert_eq!(zxids(&disk, 31), []);
    let mut reader = LogReader::open(&disk, &directories().logs, Zxid(12)).unwrap();
    assert_eq!(reader.next().unwrap().unwrap().decode().unwrap(), entry(12, &data(12, 40)));
}

#[test]
fn a_file_is_rolled_at_a_random_place_in_the_upper_half() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let disk = MemoryDisk::new();
        drop(fresh(&disk));
        let policy = LogPolicy { seed, ..policy() };
        let mut state = crate::testing::Collected::default();
        let mut writer =
            recover(&disk, &directories(), policy, EmptySnapshot::Refused, &mut state).unwrap().writer;
        let mut entries = 0;
        while !writer.roll_is_due() {
            entries += 1;
            append(&mut writer, [entries]);
        }
        seen.insert(entries);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [4, 5, 6, 7, 8]);
}

#[test]
fn a_log_without_any_snapshot_is_neither_begun_nor_believed() {
    let disk = MemoryDisk::new();
    let (_, started) = recovered(&disk).unwrap();
    assert_eq!((started.snapshot, started.last), (None, Zxid::ZERO));
    let mut writer = started.writer;
    assert!(matches!(writer.append(Zxid(1), &payload(1, b"x")), Err(Error::LogWithoutSnapshot { .. })));
    assert!(matches!(writer.commit(), Err(Error::Latched)));

    let mut writer = fresh(&disk);
    append(&mut writer, [1]);
    writer.commit().unwrap();
    drop(writer);
    disk.remove(&directories().snapshots.join("snapshot.0")).unwrap();
    assert!(matches!(recovered(&disk), Err(Error::LogWithoutSnapshot { .. })));
    let mut state = crate::testing::Collected::default();
    let trusted = recover(&disk, &directories(), policy(), EmptySnapshot::Trusted, &mut state).unwrap();
    assert_eq!((trusted.last, state.zxids()), (Zxid(1), vec![1]));
}

#[test]
fn after_a_restart_the_newest_file_goes_on() {
    let disk = MemoryDisk::new();
    let mut writer = fresh(&disk);
    append(&mut writer, 1..=3);
    writer.commit().unwrap();
    let (state, again) = recovered(&disk).unwrap();
    assert_eq!((state.zxids(), again.last, again.torn.len()), (vec![1, 2, 3], Zxid(3), 0));
    let mut writer = again.writer;
    append(&mut writer, 4..=5);
    writer.commit().unwrap();
    assert_eq!(log_names(&disk), ["log.1"]);
    assert_eq!(zxids(&disk, 0), [1, 2, 3, 4, 5]);
}

#[test]
fn behind_a_newer_snapshot_a_new_file_begins() {
    let disk = MemoryDisk::new();
    let mut writer = fresh(&disk);
    append(&mut writer, 1..=3);
    writer.commit().unwrap();
    snapshot(&disk, 9).unwrap();
    let (state, again) = recovered(&disk).unwrap();
    assert_eq!((state.zxids(), again.last, again.snapshot), (vec![], Zxid(9), Some(Zxid(9))));
    let mut writer = again.writer;
    append(&mut writer, [10]);
    writer.commit().unwrap();
    assert_eq!(log_names(&disk), ["log.1", "log.a"]);
}

/// A run of a server: groups of different sizes, rolls, snapshots, zeroing ahead. Calls `acknowledged`
/// with each zxid that became durable.
fn work(disk: &MemoryDisk, seed: u64, acknowledged: &mut dyn FnMut(i64)) -> Result<i64, Error> {
    let mut chance = fastrand::Rng::with_seed(seed);
    let (_, recovered) = recovered(disk)?;
    if recovered.snapshot.is_none() {
        snapshot(disk, 0)?;
    }
    let (mut writer, mut zxid) = (recovered.writer, recovered.last.0);
    for _ in 0..14 {
        for _ in 0..chance.usize(1..4) {
            zxid += 1;
            let length = *chance.choice(&[0, 3, 100, 600, 1500]).unwrap();
            writer.append(Zxid(zxid), &payload(zxid, &data(zxid, length)))?;
        }
        writer.commit()?;
        acknowledged(zxid);
        if chance.u8(0..4) == 0 {
            writer.zero_ahead()?;
        }
        if writer.roll_is_due() {
            writer.roll()?;
            snapshot(disk, zxid)?;
        }
    }
    Ok(zxid)
}

#[test]
fn after_a_cut_at_every_write_what_was_acknowledged_is_there_and_the_rest_is_a_prefix() {
    for seed in 0..6 {
        let disk = MemoryDisk::recording();
        let mut acknowledged = vec![(0, 0)];
        let last = work(&disk, seed, &mut |zxid| acknowledged.push((disk.operations(), zxid))).unwrap();
        for cut in disk.every_cut(seed) {
            let story = format!("seed {seed}, {} operations, {:?}", cut.operations, cut.loss);
            let promised = acknowledged.iter().rev().find(|(at, _)| *at <= cut.operations).unwrap().1;
            let (state, again) = recovered(&cut.disk).unwrap_or_else(|error| panic!("{story}: {error}"));
            let start = again.snapshot.map_or(0, |zxid| zxid.0);
            let expect: Vec<_> = (start + 1..=again.last.0).collect();
            assert_eq!(state.zxids(), expect, "{story}");
            assert!((promised..=last).contains(&again.last.0), "{story}: {} of {promised}", again.last);
            for found in &state.txns {
                let Txn::SetData(txn) = &found.txn else { panic!("{story}") };
                let zxid = found.header.zxid.0;
                assert_eq!(*found, entry(zxid, &data(zxid, txn.data.as_ref().unwrap().len())), "{story}");
            }
            if cut.operations % 7 == 0 {
                // Life goes on, and survives the next crash too.
                drop(again);
                let mut promised = 0;
                work(&cut.disk, seed + 1, &mut |zxid| promised = zxid).unwrap();
                let (_, third) = recovered(&cut.disk.crash(Loss::Unsynced)).unwrap();
                assert_eq!(third.last.0, promised, "{story}");
                assert_eq!((third.torn.len(), third.gap), (0, None), "{story}");
            }
        }
    }
}

#[test]
fn a_crash_during_recovery_loses_nothing_either() {
    let disk = MemoryDisk::recording();
    let mut promised = 0;
    work(&disk, 3, &mut |zxid| promised = zxid).unwrap();
    let end = disk.operations();
    for seed in 0..40 {
        let at = end - (seed as usize % 20);
        let torn = disk.crash_at(at, Loss::Subset { seed });
        let Ok((_, first)) = recovered(&torn) else { panic!("seed {seed}") };
        let last = first.last;
        drop(first);
        for loss in [Loss::Unsynced, Loss::Subset { seed }, Loss::Prefix { seed }] {
            let (_, second) = recovered(&torn.crash(loss)).unwrap();
            assert_eq!(second.last, last, "seed {seed} {loss:?}");
        }
    }
}

#[test]
fn any_flipped_bit_is_noticed_and_never_believed() {
    let disk = MemoryDisk::new();
    let mut writer = fresh(&disk);
    append(&mut writer, 1..=6);
    writer.commit().unwrap();
    drop(writer);
    let path = directories().logs.join("log.1");
    let file = disk.open(&path, Open::Write).unwrap();
    let mut bytes = vec![0; file.length().unwrap() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    for at in 0..end + 40 {
        for bit in 0..8 {
            file.write_at(&[bytes[at] ^ (1 << bit)], at as u64).unwrap();
            let read: Result<Vec<_>, _> = match LogReader::open(&disk, &directories().logs, Zxid(0)) {
                Ok(reader) => reader.map(|entry| entry.map(|entry| entry.zxid.0)).collect(),
                Err(error) => Err(error),
            };
            match read {
                // The database id is not ours to judge; what is behind the last entry is swept up.
                Ok(zxids) => {
                    assert_eq!(zxids, [1, 2, 3, 4, 5, 6], "byte {at} bit {bit}");
                    assert!((8..16).contains(&at) || at >= end, "byte {at} bit {bit} went unnoticed");
                }
                Err(Error::Corrupt { .. }) => assert!(at >= 16, "byte {at} bit {bit}"),
                Err(Error::Foreign { .. }) => assert!(at < 8, "byte {at} bit {bit}"),
                Err(error) => panic!("byte {at} bit {bit}: {error}"),
            }
        }
        file.write_at(&bytes[at..=at], at as u64).unwrap();
    }
}

#[test]
fn random_bytes_never_panic() {
    let disk = MemoryDisk::new();
    drop(fresh(&disk));
    for seed in 0..3000 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let file = disk.open(&directories().logs.join("log.1"), Open::Replace).unwrap();
        let mut bytes = b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0".to_vec();
        bytes.truncate(if chance.u8(0..4) == 0 { chance.usize(0..17) } else { 16 });
        for _ in 0..chance.usize(0..6) {
            match chance.u8(0..4) {
                0 => frame(&payload(chance.i64(0..5), &[0; 700][..chance.usize(0..700)]), &mut bytes),
                1 => bytes.extend(std::iter::repeat_n(0, chance.usize(0..700))),
                2 => bytes.extend(std::iter::repeat_with(|| chance.u8(0..3)).take(20).collect::<Vec<_>>()),
                _ => {
                    let cut = chance.usize(0..=bytes.len());
                    bytes.truncate(cut);
                }
            }
        }
        file.write_at(&bytes, 0).unwrap();
        if let Ok(reader) = LogReader::open(&disk, &directories().logs, Zxid(0)) {
            let _ = reader.collect::<Result<Vec<_>, _>>();
        }
        let _ = recovered(&disk);
        remove_logs(&disk);
    }
}

fn remove_logs(disk: &MemoryDisk) {
    for name in log_names(disk) {
        disk.remove(&directories().logs.join(name)).unwrap();
    }
}

#[test]
fn damage_with_more_behind_it_than_a_crash_can_tear_is_refused() {
    let disk = MemoryDisk::new();
    let mut writer = fresh(&disk);
    let big = vec![7; GROUP_BYTES_MAX / 8];
    for zxid in 1..=10 {
        writer.append(Zxid(zxid), &payload(zxid, &big)).unwrap();
        writer.commit().unwrap();
    }
    drop(writer);
    let file = disk.open(&directories().logs.join("log.1"), Open::Write).unwrap();
    file.write_at(&[0; 512], 16).unwrap();
    assert!(matches!(recovered(&disk), Err(Error::Corrupt { offset: 16, .. })));
}

#[test]
fn a_group_is_synced_before_it_outgrows_what_recovery_can_tell_apart() {
    let disk = MemoryDisk::new();
    let mut writer = fresh(&disk);
    let big = vec![7; GROUP_BYTES_MAX / 3];
    for zxid in 1..=3 {
        writer.append(Zxid(zxid), &payload(zxid, &big)).unwrap();
    }
    assert_eq!(writer.durable(), Zxid(2));
}

#[test]
fn disorder_in_the_log_is_refused_and_a_repeated_entry_is_read_once() {
    let check = |order: &[i64], expect: Option<&[i64]>| {
        let disk = MemoryDisk::new();
        drop(fresh(&disk));
        let mut bytes = b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0".to_vec();
        order.iter().for_each(|zxid| frame(&payload(*zxid, b"same"), &mut bytes));
        let file = disk.open(&directories().logs.join("log.1"), Open::Replace).unwrap();
        file.write_at(&bytes, 0).unwrap();
        match (recovered(&disk), expect) {
            (Ok((state, _)), Some(expect)) => assert_eq!(state.zxids(), expect),
            (Err(Error::Corrupt { .. }), None) => {}
            (other, _) => panic!("{order:?}: {other:?}"),
        }
    };
    check(&[1, 2, 3], Some(&[1, 2, 3]));
    check(&[1, 2, 2, 3], Some(&[1, 2, 3]));
    check(&[1, 3, 2], None);
    check(&[1, 5], Some(&[1, 5]));
}

/// As the original leaves it when a client sends a body that cannot be decoded.
#[test]
fn a_failure_under_the_zxid_before_it_is_passed_over() {
    let disk = MemoryDisk::new();
    drop(fresh(&disk));
    let mut failure = entry(2, b"");
    failure.txn = Txn::Error(zookeeper_wire::ErrorCode::MARSHALLING_ERROR);
    failure.header.kind = failure.txn.kind();
    let mut writer = zookeeper_wire::jute::Writer::new();
    failure.encode(&mut writer);
    let mut bytes = b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0".to_vec();
    for payload in [payload(1, b"a"), payload(2, b"b"), writer.finish(), payload(3, b"c")] {
        frame(&payload, &mut bytes);
    }
    let file = disk.open(&directories().logs.join("log.1"), Open::Replace).unwrap();
    file.write_at(&bytes, 0).unwrap();
    assert_eq!(recovered(&disk).unwrap().0.zxids(), [1, 2, 3]);
}

#[test]
fn a_gap_is_reported() {
    let disk = MemoryDisk::new();
    let mut writer = fresh(&disk);
    append(&mut writer, [1, 2, 5, 1 << 32 | 1]);
    writer.commit().unwrap();
    assert_eq!(recovered(&disk).unwrap().1.gap, Some((Zxid(2), Zxid(5))));
}

#[test]
fn the_first_failure_is_the_last_thing_a_writer_does() {
    let check = |fault| {
        let disk = MemoryDisk::new();
        let mut writer = fresh(&disk);
        append(&mut writer, [1]);
        writer.commit().unwrap();
        append(&mut writer, [2]);
        disk.inject(fault);
        assert!(matches!(writer.commit(), Err(Error::Disk { .. })), "{fault:?}");
        disk.heal();
        assert!(matches!(writer.commit(), Err(Error::Latched)));
        assert!(matches!(writer.append(Zxid(3), &payload(3, b"x")), Err(Error::Latched)));
        assert!(matches!(writer.roll(), Err(Error::Latched)));
        assert!(matches!(writer.zero_ahead(), Err(Error::Latched)));
        assert_eq!(writer.durable(), Zxid(1));
        drop(writer);
        let (_, again) = recovered(&disk.crash(Loss::Unsynced)).unwrap();
        assert_eq!(again.last, Zxid(1), "{fault:?}");
    };
    check(Fault::FailWrite { after: 0 });
    check(Fault::FailSync { after: 0 });
    check(Fault::ReadOnly);
}

#[test]
fn a_full_disk_stops_the_writer_and_keeps_what_was_acknowledged() {
    let disk = MemoryDisk::new();
    let mut writer = fresh(&disk);
    disk.inject(Fault::FullAfter { bytes: 10_000 });
    let mut zxid = 0;
    let error = loop {
        let next = payload(zxid + 1, &data(zxid + 1, 900));
        match writer.append(Zxid(zxid + 1), &next).and_then(|()| writer.commit()) {
            Ok(durable) => zxid = durable.0,
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("/log/version-2/log.1"), "{error}");
    drop(writer);
    disk.heal();
    assert!(zxid > 3);
    assert!(recovered(&disk).unwrap().1.last.0 >= zxid);
}

#[test]
fn zeroes_are_written_ahead_when_there_is_time() {
    let disk = MemoryDisk::new();
    let mut writer = fresh(&disk);
    assert!(!writer.zero_ahead().unwrap(), "there is no file yet");
    append(&mut writer, 1..=20);
    writer.commit().unwrap();
    while writer.zero_ahead().unwrap() {}
    let before = disk.operations();
    append(&mut writer, 21..=22);
    writer.commit().unwrap();
    assert_eq!(disk.operations() - before, 2, "one write and one sync");
}

#[test]
fn an_idle_log_is_a_small_file() {
    let disk = MemoryDisk::new();
    drop(fresh(&disk));
    let mut state = crate::testing::Collected::default();
    let policy = LogPolicy::default();
    let mut writer =
        recover(&disk, &directories(), policy, EmptySnapshot::Refused, &mut state).unwrap().writer;
    append(&mut writer, 1..=100);
    writer.commit().unwrap();
    while writer.zero_ahead().unwrap() {}
    assert!(disk.list(&directories().logs).unwrap()[0].length <= 200 << 10);
}

#[test]
fn a_file_without_a_whole_header_is_as_good_as_none() {
    for bytes in [&b""[..], b"ZK", b"ZKLG\0\0\0\x02", &[0; 700]] {
        let disk = MemoryDisk::new();
        drop(fresh(&disk));
        let path = directories().logs.join("log.1");
        disk.open(&path, Open::CreateNew).unwrap().write_at(bytes, 0).unwrap();
        let (state, again) = recovered(&disk).unwrap();
        assert_eq!((state.txns.len(), again.torn.len()), (0, 1));
        assert!(!disk.exists(&path), "{bytes:?}");
        let mut writer = again.writer;
        append(&mut writer, [1]);
        writer.commit().unwrap();
        assert_eq!(zxids(&disk, 0), [1]);
    }
}

#[test]
fn a_mixture_of_the_two_directories_is_refused() {
    let disk = MemoryDisk::new();
    drop(fresh(&disk));
    disk.open(&directories().logs.join("snapshot.5"), Open::CreateNew).unwrap();
    assert!(matches!(recovered(&disk), Err(Error::Misplaced { .. })));
    disk.remove(&directories().logs.join("snapshot.5")).unwrap();
    disk.open(&directories().snapshots.join("log.5"), Open::CreateNew).unwrap();
    assert!(matches!(recovered(&disk), Err(Error::Misplaced { .. })));
}

#[test]
fn one_directory_may_hold_both() {
    let disk = MemoryDisk::new();
    let at = Directories::single(std::path::Path::new("relative"));
    let mut state = crate::testing::Collected::default();
    let recovered = recover(&disk, &at, policy(), EmptySnapshot::Refused, &mut state).unwrap();
    assert_eq!(recovered.last, Zxid::ZERO);
    let image = disk.crash(Loss::Unsynced);
    assert!(image.exists(&at.logs), "the directory itself is durable");
}

#[test]
fn truncation_removes_what_is_behind_and_can_be_repeated_after_a_crash() {
    let disk = MemoryDisk::recording();
    let mut writer = fresh(&disk);
    for first in [1, 11, 21] {
        append(&mut writer, first..first + 10);
        writer.commit().unwrap();
        writer.roll().unwrap();
        snapshot(&disk, first + 9).unwrap();
    }
    drop(writer);
    assert!(matches!(truncate(&disk, &directories(), Zxid(31)), Err(Error::NotInLog(_))));
    assert_eq!(recovered(&disk).unwrap().1.last, Zxid(30));
    let before = disk.operations();
    truncate(&disk, &directories(), Zxid(14)).unwrap();
    let (_, after) = recovered(&disk).unwrap();
    assert_eq!((after.last, after.snapshot, after.replayed), (Zxid(14), Some(Zxid(10)), 4));
    drop(after);
    for cut in disk.every_cut(5).filter(|cut| cut.operations >= before) {
        let (_, found) = recovered(&cut.disk).unwrap();
        assert!((14..=30).contains(&found.last.0), "{}", found.last);
        drop(found);
        if truncate(&cut.disk, &directories(), Zxid(14)).is_ok() {
            assert_eq!(recovered(&cut.disk).unwrap().1.last, Zxid(14));
        } else {
            panic!("the log still has 14");
        }
    }
}

#[test]
fn a_history_that_begins_with_a_snapshot_is_cut_behind_it() {
    let disk = MemoryDisk::recording();
    let mut writer = fresh(&disk);
    for first in [1, 11, 21] {
        append(&mut writer, first..first + 10);
        writer.commit().unwrap();
        writer.roll().unwrap();
        snapshot(&disk, first + 9).unwrap();
    }
    drop(writer);
    for (_, path) in directories().log_files(&disk).unwrap().into_iter().take(2) {
        disk.remove(&path).unwrap();
    }
    truncate(&disk, &directories(), Zxid(20)).unwrap();
    let (_, after) = recovered(&disk).unwrap();
    assert_eq!((after.last, after.snapshot, after.replayed), (Zxid(20), Some(Zxid(20)), 0));
    forget_log(&disk, &directories(), Zxid(10)).unwrap();
    assert_eq!(recovered(&disk).unwrap().1.last, Zxid(10));
}
