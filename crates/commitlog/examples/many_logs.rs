//! What idle logs cost: makes many, writes one batch to each, forgets them without closing (as a kill
//! would), opens them all again, closes them, and opens them once more. Prints times and the process's
//! resident memory. Usage: `many_logs DIRECTORY [COUNT]`.

use std::path::Path;
use std::time::Instant;

use clock::WallTime;
use commitlog::{Checkpoint, Files, Log, LogConfig, LogDirectory, TailCache, TopicPartition};
use disk::RealDisk;
use kafka_wire::batch::BatchBuilder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, directory, rest @ ..] = arguments.as_slice() else {
        return Err("usage: many_logs DIRECTORY [COUNT]".into());
    };
    let count: i32 = rest.first().map_or(Ok(20_000), |text| text.parse())?;
    let path = Path::new(directory);
    let now = WallTime::at_ms(0);
    let mut builder = BatchBuilder::new(0);
    builder.append(1_700_000_000_000, None, Some(&[b'x'; 1000]), &[]);
    let batch = builder.build();

    let opened = || -> Result<LogDirectory<RealDisk>, commitlog::LogError> {
        LogDirectory::open(&Files::new(RealDisk, 512), &TailCache::new(64 << 20), path, 0)
    };
    let start = Instant::now();
    let logs = opened()?;
    let mut all: Vec<Log<RealDisk>> = Vec::new();
    for partition in 0..count {
        let mut log =
            logs.create_log(&TopicPartition::new("many", partition), None, LogConfig::default(), now)?;
        log.append_as_leader(&batch, 0, now)?;
        all.push(log);
    }
    report("made and written", start, all.len());
    drop(all);

    let start = Instant::now();
    let logs = opened()?;
    let mut all = open_all(&logs, now)?;
    report("opened after a kill", start, all.len());

    let start = Instant::now();
    match logs.volume_sync() {
        Some(volume) => {
            let dirty: Result<Vec<_>, _> = all.iter_mut().map(Log::begin_close_together).collect();
            let synced = volume.run(dirty?.into_iter().flatten().collect());
            // Every log is dirty here, so the order is the same.
            for (log, synced) in all.iter_mut().zip(synced) {
                log.finish_sync(synced?);
            }
        }
        None => all.iter_mut().try_for_each(Log::close)?,
    }
    let lines = (0..count).zip(&all).map(|(partition, log)| ("many".into(), partition, log.recovery_point()));
    logs.checkpoint(Checkpoint::RecoveryPoint, lines.collect()).run()?;
    logs.mark_clean(-1)?;
    report("closed", start, all.len());
    drop(all);

    let start = Instant::now();
    let logs = opened()?;
    let all = open_all(&logs, now)?;
    report("opened after a stop", start, all.len());
    Ok(())
}

fn open_all(logs: &LogDirectory<RealDisk>, now: WallTime) -> Result<Vec<Log<RealDisk>>, commitlog::LogError> {
    logs.partitions().iter().map(|name| Ok(logs.open_log(name, LogConfig::default(), now)?.0)).collect()
}

fn report(what: &str, start: Instant, count: usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("VmRSS: unknown");
    println!("{count} logs {what} in {:.2} s; {resident}", start.elapsed().as_secs_f64());
}
