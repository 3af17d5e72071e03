//! Power cuts and kills while a log is cut back, as a follower does it, or begun anew elsewhere: what comes
//! back is a prefix of what the log was before or after the cut, and what was cut never comes back.

use disk::Loss;

use super::*;

/// The log after a step, and what had been promised of it.
#[derive(Clone)]
struct Stage {
    operations: usize,
    /// Base offset and bytes of each batch.
    batches: Vec<(i64, Vec<u8>)>,
    start: i64,
    end: i64,
    /// Offset below which the log had been synced.
    synced: i64,
    /// Whether the step removed all that had been before.
    began_anew: bool,
}

impl Stage {
    /// Whether `log` is a prefix of this stage that goes at least up to `at_least`.
    fn begins_with(&self, log: &mut Log<MemoryDisk>, at_least: i64) -> bool {
        let (start, end) = (log.log_start(), log.log_end());
        let batches = self.batches.iter().filter(|(base, _)| (start..end).contains(base));
        let expect: Vec<u8> = batches.flat_map(|(_, bytes)| bytes.clone()).collect();
        start == self.start && (at_least..=self.end).contains(&end) && read_all(log, start) == expect
    }
}

/// Runs a life with many cuts on a recording disk; the caller's part, to store the recovery point after a
/// cut, included.
fn life(disk: &MemoryDisk, seed: u64) -> Vec<Stage> {
    let mut random = fastrand::Rng::with_seed(seed);
    let config = LogConfig { preallocate: seed % 2 == 1, ..small_segments() };
    let (mut directory, mut log) = create(disk, config);
    let mut batches: Vec<(i64, Vec<u8>)> = Vec::new();
    let mut stages =
        vec![Stage { operations: 0, batches: Vec::new(), start: 0, end: 0, synced: 0, began_anew: false }];
    for step in 0..50 {
        let (start, end) = (log.log_start(), log.log_end());
        let mut began_anew = false;
        match random.u32(0..100) {
            0..60 => {
                let batch = batch(random.i32(1..4), step, &vec![step as u8; random.usize(0..200)]);
                log.append_as_leader(&batch, step as i32, at(step)).unwrap();
                batches.push((end, stored(&batch, end, step as i32)));
            }
            60..72 => {
                log.sync().unwrap();
                if random.bool() {
                    store_checkpoints(&directory, &log);
                }
            }
            72..92 => {
                let to = random.i64(start.max(end - 25)..=end);
                log.truncate(to, at(step)).unwrap();
                store_checkpoints(&directory, &log);
            }
            92..96 => {
                began_anew = true;
                let to = if random.bool() { end + random.i64(0..20) } else { random.i64(0..=start) };
                if to > end { log.start_over(to, at(step)) } else { log.truncate(to, at(step)) }.unwrap();
                store_checkpoints(&directory, &log);
            }
            _ => {
                close(&directory, &mut log);
                (directory, log, _) = reopen(disk, config);
            }
        }
        batches.retain(|(base, _)| (log.log_start()..log.log_end()).contains(base));
        stages.push(Stage {
            operations: disk.operations(),
            batches: batches.clone(),
            start: log.log_start(),
            end: log.log_end(),
            synced: log.recovery_point(),
            began_anew,
        });
    }
    stages
}

fn check_image(image: &MemoryDisk, held: &Stage, next: &Stage, loss: Loss, name: &str) {
    if !image.exists(Path::new("/data/t-0")) {
        assert_eq!(held.synced, 0, "{name}: the directory is lost");
        return;
    }
    let (_, mut log, opened) = reopen(image, small_segments());
    let kept = if loss == Loss::Nothing { held.end } else { held.synced };
    let kept = if next.began_anew { held.start } else { kept.min(next.end) };
    assert!(
        held.begins_with(&mut log, kept) || next.begins_with(&mut log, kept.clamp(next.start, next.end)),
        "{name}: {}..{} is neither of {}..{} nor of {}..{}, {kept} was promised: {:?}",
        log.log_start(),
        log.log_end(),
        held.start,
        held.end,
        next.start,
        next.end,
        opened.notes,
    );
    // And it goes on.
    let (start, end) = (log.log_start(), log.log_end());
    log.append_as_leader(&batch(1, 1, b"on"), 99, T0).unwrap();
    let (_, log, _) = reopen(image, small_segments());
    assert_eq!((log.log_start(), log.log_end()), (start, end + 1), "{name}: the second opening");
}

#[test]
fn what_was_cut_never_comes_back_and_what_was_kept_stays() {
    for seed in 0..6 {
        let disk = MemoryDisk::recording();
        let stages = life(&disk, seed);
        for cut in disk.every_cut(seed * 1000) {
            let at = stages.iter().rposition(|stage| stage.operations <= cut.operations).unwrap();
            let (held, next) = (&stages[at], stages.get(at + 1).unwrap_or(&stages[at]));
            let name = format!("seed {seed} operation {} {:?}", cut.operations, cut.loss);
            check_image(&cut.disk, held, next, cut.loss, &name);
        }
    }
}
