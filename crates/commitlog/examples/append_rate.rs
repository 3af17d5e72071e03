//! How fast one log takes batches: 16 KiB batches of 1 KB records, appended one by one, with and without
//! a sync after each 64; then how fast opening checks them all. Usage: `append_rate DIRECTORY [MEGABYTES]`; the directory keeps the logs.

use std::path::Path;
use std::time::Instant;

use clock::WallTime;
use commitlog::{AtLeastOne, Files, LogConfig, LogDirectory, TailCache, TopicPartition};
use disk::RealDisk;
use kafka_wire::batch::BatchBuilder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, directory, rest @ ..] = arguments.as_slice() else {
        return Err("usage: append_rate DIRECTORY [MEGABYTES]".into());
    };
    let megabytes: usize = rest.first().map_or(Ok(1024), |text| text.parse())?;
    let files = Files::new(RealDisk, 64);
    let logs = LogDirectory::open(&files, &TailCache::new(64 << 20), Path::new(directory), 0)?;
    let mut builder = BatchBuilder::new(0);
    for number in 0..16 {
        builder.append(1_700_000_000_000 + number, None, Some(&[b'x'; 1000]), &[]);
    }
    let batch = builder.build();
    let count = (megabytes << 20) / batch.len();
    for (partition, syncs) in [(0, false), (1, true)] {
        let name = TopicPartition::new("rate", partition);
        let mut log = logs.create_log(&name, None, LogConfig::default(), WallTime::at_ms(0))?;
        let start = Instant::now();
        for number in 0..count {
            log.append_as_leader(&batch, 0, WallTime::at_ms(0))?;
            if syncs && number % 64 == 63 {
                log.sync()?;
            }
        }
        report(if syncs { "append, sync every 1 MiB" } else { "append" }, start, count * batch.len());
        if !syncs {
            let start = Instant::now();
            let (mut from, mut bytes) = (log.log_end() / 2, 0);
            while from < log.log_end() {
                let fetched = log.read(from, i64::MAX, 1 << 20, AtLeastOne::Batch)?;
                (from, bytes) = (fetched.next_offset, bytes + fetched.bytes);
            }
            report("read, from the page cache and then the tail", start, bytes);
        }
        drop(log);
        let start = Instant::now();
        let (_, opened) = logs.open_log(&name, LogConfig::default(), WallTime::at_ms(0))?;
        report("opened as after a kill, everything checked", start, opened.checked_bytes as usize);
    }
    Ok(())
}

fn report(what: &str, start: Instant, bytes: usize) {
    let seconds = start.elapsed().as_secs_f64();
    let megabytes = bytes as f64 / 1e6;
    println!(
        "{what}: {:.0} MB/s, {:.0} records of 1 KB a second",
        megabytes / seconds,
        megabytes * 1e3 / seconds
    );
}
