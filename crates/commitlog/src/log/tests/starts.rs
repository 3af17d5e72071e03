//! Power cuts and kills while the start of a log moves up, because records were deleted or are too old: the
//! start never goes back behind what was made durable, and nothing above it is touched.

use disk::Loss;

use super::*;

struct Stage {
    operations: usize,
    start: i64,
    /// The start that a checkpoint or the removal of segments made durable.
    durable_start: i64,
    written: i64,
    /// What the last sync promised; what was forgotten since without one counts for nothing.
    synced: i64,
}

type Batches = Vec<(i64, i64, Vec<u8>)>;

/// Runs a life in which the start moves often. Returns base offset, next offset and bytes of every batch, and
/// the stages.
fn life(disk: &MemoryDisk, seed: u64) -> (Batches, Vec<Stage>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut directory, mut log) = create(disk, small_segments());
    let mut batches = Vec::new();
    let (mut durable_start, mut synced) = (0, 0);
    let mut stages = vec![Stage { operations: 0, start: 0, durable_start: 0, written: 0, synced: 0 }];
    for step in 0..60 {
        match random.u32(0..100) {
            0..55 => {
                let batch = batch(random.i32(1..4), step, &vec![step as u8; random.usize(0..300)]);
                let base_offset = log.log_end();
                log.append_as_leader(&batch, 3, at(step)).unwrap();
                batches.push((base_offset, log.log_end(), stored(&batch, base_offset, 3)));
            }
            55..65 => {
                log.sync().unwrap();
                synced = log.log_end();
            }
            // Records are deleted: the new start is stored.
            65..80 => {
                log.advance_start(random.i64(log.log_start()..=log.log_end())).unwrap();
                if random.bool() {
                    store_checkpoints(&directory, &log);
                    durable_start = log.log_start();
                }
            }
            // Whole segments go, here or elsewhere and later.
            80..92 => {
                let retention = Retention {
                    ms: None,
                    bytes: random.bool().then_some(random.u64(0..4000)),
                    below: random.i64(log.log_start()..=log.log_end()),
                };
                if random.bool() {
                    log.remove_expired(at(step), retention).unwrap();
                    durable_start = durable_start.max(log.segments[0].base_offset);
                } else {
                    log.forget_expired(at(step), retention).unwrap();
                }
            }
            92..96 => {
                if let Some(removal) = log.removal() {
                    removal.run().unwrap();
                    durable_start = durable_start.max(log.segments[0].base_offset);
                }
            }
            _ => {
                close(&directory, &mut log);
                (directory, log, _) = reopen(disk, small_segments());
                (durable_start, synced) = (log.log_start(), log.log_end());
            }
        }
        stages.push(Stage {
            operations: disk.operations(),
            start: log.log_start(),
            durable_start,
            written: log.log_end(),
            synced,
        });
    }
    (batches, stages)
}

#[test]
fn the_start_never_goes_back_behind_what_was_made_durable() {
    for seed in [0, 1, 2, 3, 4, 37] {
        let disk = MemoryDisk::recording();
        let (batches, stages) = life(&disk, seed);
        for cut in disk.every_cut(seed * 1000) {
            let name = format!("seed {seed} operation {} {:?}", cut.operations, cut.loss);
            let at = stages.iter().rposition(|stage| stage.operations <= cut.operations).unwrap();
            let (held, next) = (&stages[at], stages.get(at + 1).unwrap_or(&stages[at]));
            if !cut.disk.exists(Path::new("/data/t-0")) {
                assert_eq!((held.synced, held.durable_start), (0, 0), "{name}: the directory is lost");
                continue;
            }
            let (_, mut log, opened) = reopen(&cut.disk, small_segments());
            let (start, end) = (log.log_start(), log.log_end());
            let (lowest, highest) = (held.durable_start, held.start.max(next.start));
            assert!((lowest..=highest).contains(&start), "{name}: {start}, not {lowest}..={highest}");
            let kept = if cut.loss == Loss::Nothing { held.written } else { held.synced };
            assert!(end >= kept, "{name}: ends at {end}, promised {kept}: {:?}", opened.notes);
            // A start in the middle of a batch brings the whole batch; one behind all that is left, nothing.
            let expect: Vec<u8> = batches
                .iter()
                .filter(|(base, next, _)| start < end && *base < end && *next > start)
                .flat_map(|(.., bytes)| bytes.clone())
                .collect();
            assert!(read_all(&mut log, start) == expect, "{name}: {start}..{end} differs");
        }
    }
}
