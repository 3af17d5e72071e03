//! Measures how long a partition of `__consumer_offsets` takes to load:
//! `cargo run --release -p coordinator --example load`.

#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::time::Instant;

use bytes::Bytes;
use clock::Now;
use coordinator::{CommitRequest, Effect, Groups, Input, LoadedBatch, OffsetCommit, RequestToken, Settings};

const GROUPS: u64 = 1_000;
const OFFSETS_PER_GROUP: i32 = 1_000;

fn groups() -> Groups {
    let mut groups = Groups::new(Settings { partitions: 1, ..Settings::default() }, Now::at_ms(0), 1);
    groups.step(Now::at_ms(0), Input::Load { partition: 0, leader_epoch: 0 }, &mut Vec::new());
    groups
}

fn main() {
    // Written by one coordinator ...
    let mut writer = groups();
    let mut effects = Vec::new();
    writer.step(Now::at_ms(0), Input::Loaded { partition: 0 }, &mut effects);
    let begun = Instant::now();
    for group in 0..GROUPS {
        let offset = |partition| OffsetCommit {
            topic: format!("a-topic-of-some-length-{}", partition % 10),
            partition,
            offset: i64::from(partition),
            leader_epoch: 3,
            ..OffsetCommit::default()
        };
        let request = CommitRequest {
            group: format!("a-group-of-some-length-{group}"),
            generation: -1,
            offsets: (0..OFFSETS_PER_GROUP).map(offset).collect(),
            ..CommitRequest::default()
        };
        writer.step(Now::at_ms(0), Input::Commit(RequestToken(group), request), &mut effects);
    }
    let count = GROUPS * OFFSETS_PER_GROUP as u64;
    println!("{count} offsets taken in and written as records in {:?}", begun.elapsed());

    // ... and read by another.
    let mut batches = Vec::new();
    for effect in effects {
        if let Effect::Append { records, .. } = effect {
            let records: Vec<(Bytes, Option<Bytes>)> =
                records.into_iter().map(|record| (record.key, record.value)).collect();
            batches.push(LoadedBatch::Records { base_offset: 0, transaction_of: None, records });
        }
    }
    let mut reader = groups();
    let begun = Instant::now();
    reader.step(Now::at_ms(0), Input::Loading { partition: 0, batches }, &mut Vec::new());
    reader.step(Now::at_ms(0), Input::Loaded { partition: 0 }, &mut Vec::new());
    println!("{count} offsets loaded in {:?}", begun.elapsed());
}
