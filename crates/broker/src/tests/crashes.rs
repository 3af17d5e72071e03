//! A broker that is killed again and again: whatever was acknowledged is there afterwards, in order.

use std::collections::BTreeMap;

use disk::Loss;
use kafka_wire::ErrorCode;

use crate::Settings;
use crate::testing::client::{batch, no_transactions, stamped, values};
use crate::testing::{World, settings};

/// What the broker has promised of one partition.
#[derive(Default)]
struct Promised {
    /// Acknowledged records by offset.
    records: BTreeMap<i64, String>,
    /// No fetch may show an end below this.
    high_watermark: i64,
}

const PARTITIONS: i32 = 3;

/// Random produces, fetches and kills from one seed. `loss` says what a kill does to unsynced data.
fn run(seed: u64, settings: Settings, steps: usize, loss: impl Fn(u64) -> Option<Loss>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut world = World::with(settings);
    world.create_topic("t", PARTITIONS, &[("segment.bytes", "1048576")]);
    let mut promised: BTreeMap<i32, Promised> = BTreeMap::new();
    let mut producer = world.call(5, &no_transactions()).producer_id;
    let mut sequences = [0; PARTITIONS as usize];
    for step in 0..steps {
        let partition = random.i32(0..PARTITIONS);
        let promise = promised.entry(partition).or_default();
        match random.u32(0..100) {
            0..50 => {
                let count = random.usize(1..5);
                let texts: Vec<String> = (0..count).map(|index| format!("{step}.{index}")).collect();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let idempotent = random.bool();
                let records = if idempotent {
                    let sequence = &mut sequences[partition as usize];
                    let records = stamped(producer, 0, *sequence, &texts);
                    *sequence += count as i32;
                    records
                } else {
                    batch(&texts)
                };
                let answer = world.produce("t", partition, records.clone());
                assert_eq!(answer.error_code, ErrorCode::NONE, "seed {seed} step {step}: {:?}", world.events);
                for (index, text) in texts.iter().enumerate() {
                    let before = promise.records.insert(answer.base_offset + index as i64, text.to_string());
                    assert_eq!(before, None, "seed {seed} step {step}: an offset was given twice");
                }
                if idempotent && random.bool() {
                    let again = world.produce("t", partition, records);
                    assert_eq!((again.error_code, again.base_offset), (ErrorCode::NONE, answer.base_offset));
                }
            }
            50..90 => {
                let data = world.fetch("t", partition, 0);
                assert!(
                    data.high_watermark >= promise.high_watermark,
                    "seed {seed} step {step}: it went back"
                );
                promise.high_watermark = data.high_watermark;
            }
            _ => {
                let disk = match loss(random.u64(..)) {
                    Some(loss) => world.disk.crash(loss),
                    None => world.disk.clone(),
                };
                world = world.restart(disk);
                producer = world.call(5, &no_transactions()).producer_id;
                sequences = [0; PARTITIONS as usize];
            }
        }
    }
    for (partition, promise) in promised {
        let mut found = BTreeMap::new();
        let mut next = 0;
        loop {
            let data = world.fetch("t", partition, next);
            assert_eq!(data.error_code, ErrorCode::NONE, "seed {seed}");
            assert!(data.high_watermark >= promise.high_watermark, "seed {seed}");
            let records = values(&data);
            let Some((last, _)) = records.last() else { break };
            next = last + 1;
            found.extend(records);
        }
        for (offset, text) in &promise.records {
            assert_eq!(found.get(offset), Some(text), "seed {seed}: t-{partition} at {offset}");
        }
        assert_eq!(found.len(), promise.records.len(), "seed {seed}: every record was acknowledged once");
    }
}

#[test]
fn a_killed_process_loses_nothing_that_was_acknowledged() {
    for seed in 0..30 {
        run(seed, settings(), 120, |_| None);
    }
}

#[test]
fn with_durable_acks_a_power_cut_loses_nothing_that_was_acknowledged() {
    for seed in 0..30 {
        run(seed, Settings { durable_acks: true, ..settings() }, 120, |dice| {
            Some(Loss::Subset { seed: dice })
        });
    }
}
