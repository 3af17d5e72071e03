//! Random operations on a log and on a vector of batches; after each, both must agree.

use super::*;

struct Model {
    /// (base offset, last offset, timestamp, stored bytes), oldest first.
    batches: Vec<(i64, i64, i64, Vec<u8>)>,
    start: i64,
    end: i64,
}

impl Model {
    fn from(&self, offset: i64) -> Vec<u8> {
        self.batches.iter().filter(|batch| batch.1 >= offset).flat_map(|batch| batch.3.clone()).collect()
    }
}

fn run(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let disk = MemoryDisk::new();
    let config = small_segments();
    let (mut directory, mut log) = create(&disk, config);
    let mut model = Model { batches: Vec::new(), start: 0, end: 0 };
    let mut clock = 0;
    for step in 0..300 {
        clock += random.i64(0..20);
        match random.u32(0..100) {
            0..60 => {
                let count = random.i32(1..5);
                let filler = vec![random.u8(..); random.usize(0..300)];
                let timestamp = T0.as_ms() + clock - random.i64(0..30);
                let batch = batch(count, timestamp, &filler);
                let appended = log.append_as_leader(&batch, 1, at(clock)).unwrap();
                let bytes = stored(&batch, model.end, 1);
                assert_eq!(appended.base_offset, model.end);
                model.batches.push((model.end, appended.last_offset, timestamp, bytes));
                model.end += i64::from(count);
            }
            60..66 => {
                let to = random.i64(model.start..=model.end);
                log.truncate(to, at(clock)).unwrap();
                store_checkpoints(&directory, &log);
                while let Some(last) = model.batches.last().filter(|batch| batch.1 >= to) {
                    model.end = last.0;
                    model.batches.pop();
                }
                model.end = model.end.max(model.start.min(to));
            }
            66..72 => {
                let bytes = random.u64(0..6000);
                log.remove_expired(at(clock), Retention { ms: None, bytes: Some(bytes), below: model.end })
                    .unwrap();
                model.start = log.log_start();
                model.batches.retain(|batch| batch.1 >= model.start);
            }
            72..75 => {
                let start = random.i64(model.start..=model.end);
                log.advance_start(start).unwrap();
                model.start = start;
                store_checkpoints(&directory, &log);
            }
            75..80 => log.sync().unwrap(),
            80..84 => drop(log.roll(at(clock)).unwrap()),
            84..90 => {
                close(&directory, &mut log);
                let opened;
                (directory, log, opened) = reopen(&disk, config);
                assert_eq!((opened.notes, opened.checked_bytes), (vec![], 0), "seed {seed} step {step}");
            }
            90..95 => {
                store_checkpoints(&directory, &log);
                let opened;
                (directory, log, opened) = reopen(&disk, config);
                assert_eq!(opened.notes, Vec::<String>::new(), "seed {seed} step {step}");
            }
            _ => {
                let target = T0.as_ms() + clock - random.i64(0..400);
                let expect = model.batches.iter().find(|batch| batch.2 >= target && batch.1 >= model.start);
                let found = log.find_timestamp(target, 0).unwrap();
                assert_eq!(
                    found.map(|hit| hit.facts.base_offset),
                    expect.map(|batch| batch.0),
                    "seed {seed} step {step}"
                );
            }
        }
        assert_eq!((log.log_start(), log.log_end()), (model.start, model.end), "seed {seed} step {step}");
        let from = random.i64(model.start..=model.end);
        assert!(read_all(&mut log, from) == model.from(from), "seed {seed} step {step} from {from}");
    }
}

#[test]
fn the_log_is_a_vector_of_batches() {
    (0..20).for_each(run);
}

#[test]
fn an_index_search_finds_what_a_walk_finds() {
    let disk = MemoryDisk::new();
    let (_, mut log) = create(&disk, LogConfig { index_interval_bytes: 64, ..LogConfig::default() });
    let mut random = fastrand::Rng::with_seed(5);
    let mut bases = Vec::new();
    for _ in 0..2000 {
        bases.push(log.log_end());
        log.append_as_leader(&batch(random.i32(1..9), 1, &[0; 20]), 0, T0).unwrap();
    }
    for offset in 0..log.log_end() {
        let place = log.shared.place(&log.directory, 0);
        let (_, facts) = log.segments[0].find(place, offset).unwrap().unwrap();
        assert_eq!(facts.base_offset, bases[bases.partition_point(|&base| base <= offset) - 1]);
    }
}
