//! Power cuts and kills at every write: what comes back is a prefix that holds everything synced,
//! or, after a kill, everything written.

use disk::{Fault, Loss};

use super::*;

/// What had been promised when some number of disk operations had been done.
struct Promise {
    operations: usize,
    /// Offset below which the log had been synced.
    synced: i64,
    /// Offset below which the log had been written.
    written: i64,
    start: i64,
}

/// Runs a busy life of a log on a recording disk. Returns all batches ever appended and the promises.
fn life(disk: &MemoryDisk, seed: u64) -> (Vec<(i64, Vec<u8>)>, Vec<Promise>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let config = LogConfig { preallocate: seed % 2 == 1, ..small_segments() };
    let (mut directory, mut log) = create(disk, config);
    let mut batches = Vec::new();
    let mut promises = Vec::new();
    for step in 0..60 {
        match random.u32(0..100) {
            0..70 => {
                let batch = batch(random.i32(1..4), step, &vec![step as u8; random.usize(0..200)]);
                let base_offset = log.log_end();
                log.append_as_leader(&batch, 3, at(step)).unwrap();
                batches.push((base_offset, stored(&batch, base_offset, 3)));
            }
            70..85 => {
                log.sync().unwrap();
                if random.bool() {
                    store_checkpoints(&directory, &log);
                }
            }
            85..90 => {
                let below = log.log_end();
                log.remove_expired(at(step), Retention { ms: None, bytes: Some(2500), below }).unwrap();
            }
            90..94 => {
                let offset = log.log_end();
                log.write_producer_snapshot(offset, &[]).unwrap();
            }
            _ => {
                close(&directory, &mut log);
                (directory, log, _) = reopen(disk, config);
            }
        }
        promises.push(Promise {
            operations: disk.operations(),
            synced: log.recovery_point(),
            written: log.log_end(),
            start: log.log_start(),
        });
    }
    (batches, promises)
}

fn check_image(image: &MemoryDisk, batches: &[(i64, Vec<u8>)], at_least: i64, latest_start: i64, name: &str) {
    if !image.exists(Path::new("/data/t-0")) {
        assert_eq!(at_least, 0, "{name}: the directory is lost");
        return;
    }
    let (_, mut log, _) = reopen(image, small_segments());
    assert!(log.log_end() >= at_least, "{name}: ends at {}, promised {at_least}", log.log_end());
    assert!(log.log_start() <= latest_start, "{name}: starts at {}, not {latest_start}", log.log_start());
    let (start, end) = (log.log_start(), log.log_end());
    let expect: Vec<u8> = batches
        .iter()
        .filter(|(base, _)| (start..end).contains(base))
        .flat_map(|(_, bytes)| bytes.clone())
        .collect();
    assert!(read_all(&mut log, start) == expect, "{name}: {start}..{end} differs");
    // And it goes on.
    log.append_as_leader(&batch(1, 1, b"on"), 4, T0).unwrap();
    assert_eq!(log.log_end(), end + 1);
    let (_, log, _) = reopen(image, small_segments());
    assert_eq!(log.log_end(), end + 1, "{name}: the second opening");
}

/// Calls `check` with every operation count, what was promised then, and the highest log start that
/// may be seen (the removal that was under way may have finished).
fn at_every_operation(promises: &[Promise], disk: &MemoryDisk, mut check: impl FnMut(usize, &Promise, i64)) {
    let nothing = Promise { operations: 0, synced: 0, written: 0, start: 0 };
    for operations in 0..=disk.operations() {
        let held = promises.iter().rev().find(|promise| promise.operations <= operations).unwrap_or(&nothing);
        let next = promises.iter().find(|promise| promise.operations > operations).unwrap_or(held);
        check(operations, held, next.start.max(held.start));
    }
}

#[test]
fn a_kill_loses_nothing_that_was_written() {
    for seed in 0..6 {
        let disk = MemoryDisk::recording();
        let (batches, promises) = life(&disk, seed);
        at_every_operation(&promises, &disk, |operations, held, latest_start| {
            let image = disk.crash_at(operations, Loss::Nothing);
            check_image(
                &image,
                &batches,
                held.written,
                latest_start,
                &format!("seed {seed} operation {operations}"),
            );
        });
    }
}

#[test]
fn a_power_cut_loses_nothing_that_was_synced() {
    for seed in 0..6 {
        let disk = MemoryDisk::recording();
        let (batches, promises) = life(&disk, seed);
        at_every_operation(&promises, &disk, |operations, held, latest_start| {
            let chance = seed * 1000 + operations as u64;
            let other = if operations % 2 == 0 {
                Loss::Prefix { seed: chance }
            } else {
                Loss::Subset { seed: chance }
            };
            for loss in [Loss::Unsynced, other] {
                let image = disk.crash_at(operations, loss);
                let name = format!("seed {seed} operation {operations} {loss:?}");
                check_image(&image, &batches, held.synced, latest_start, &name);
            }
        });
    }
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    let disk = MemoryDisk::new();
    let (_, mut log) = create(&disk, small_segments());
    let fits = batch(1, 1, &[1; 100]);
    log.append_as_leader(&fits, 0, T0).unwrap();
    disk.inject(Fault::FullAfter { bytes: 50 });
    assert!(matches!(log.append_as_leader(&fits, 0, T0), Err(LogError::DiskFull { .. })));
    assert_eq!((log.log_end(), log.is_offline()), (1, false));
    assert_eq!(read_all(&mut log, 0).len(), fits.len());
    disk.heal();
    log.append_as_leader(&fits, 0, T0).unwrap();
    assert_eq!(read_all(&mut log, 0).len(), 2 * fits.len());
    let (_, log, opened) = reopen(&disk, small_segments());
    assert_eq!((log.log_end(), opened.notes), (2, vec![]));
}

#[test]
fn a_disk_that_fills_up_anywhere_leaves_a_sound_log() {
    let config = LogConfig { segment_bytes: 20_000, index_interval_bytes: 0, ..LogConfig::default() };
    for bytes in (0..30_000).step_by(977) {
        let disk = MemoryDisk::new();
        let (_, mut log) = create(&disk, config);
        let mut expect = Vec::new();
        let append = |log: &mut Log<MemoryDisk>, expect: &mut Vec<u8>, number: usize| {
            let batch = batch(1, number as i64, &vec![number as u8; number % 90]);
            let offset = log.log_end();
            match log.append_as_leader(&batch, 0, T0) {
                Ok(_) => expect.extend_from_slice(&stored(&batch, offset, 0)),
                Err(error) => assert!(matches!(error, LogError::DiskFull { .. }), "{error}"),
            }
        };
        disk.inject(Fault::FullAfter { bytes });
        (0..300).for_each(|number| append(&mut log, &mut expect, number));
        assert!(read_all(&mut log, 0) == expect, "{bytes} bytes");
        disk.heal();
        (0..100).for_each(|number| append(&mut log, &mut expect, number));
        assert!(read_all(&mut log, 0) == expect, "{bytes} bytes, healed");
        let (_, mut log, opened) = reopen(&disk, config);
        assert!(read_all(&mut log, 0) == expect, "{bytes} bytes, opened again: {:?}", opened.notes);
    }
}

#[test]
fn a_failed_sync_or_write_takes_the_directory_offline() {
    for fault in [Fault::FailSync { after: 0 }, Fault::FailWrite { after: 0 }] {
        let disk = MemoryDisk::new();
        let (directory, mut log) = create(&disk, small_segments());
        log.append_as_leader(&batch(1, 1, b"a"), 0, T0).unwrap();
        disk.inject(fault);
        let failed = log.append_as_leader(&batch(1, 1, b"b"), 0, T0).map(drop).and_then(|()| log.sync());
        assert!(matches!(failed, Err(LogError::Io { .. })), "{fault:?}: {failed:?}");
        disk.heal();
        assert!(log.is_offline() && directory.is_offline());
        assert!(matches!(log.append_as_leader(&batch(1, 1, b"c"), 0, T0), Err(LogError::Offline { .. })));
        assert!(matches!(log.sync(), Err(LogError::Offline { .. })));
        assert!(matches!(directory.mark_clean(1), Err(LogError::Offline { .. })));
    }
}
