//! What this machine can do at most: sync, sequential write, loopback, memory copy, checksum.
//!
//! A figure of a server means little without the limit that it is measured against, so both are taken in the
//! same run. Each measurement is short, single-threaded unless it needs a peer, and leaves nothing behind.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::limits::LATENCY_US_MAX;

/// The limits of one machine. Times are microseconds, rates 10^9 bytes a second.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Machine {
    /// Appends 4 KiB to a growing file and waits until it is durable: median.
    pub sync_append_p50_us: u64,
    /// The same: 99 of 100 are below.
    pub sync_append_p99_us: u64,
    /// Writes 4 KiB into a file that was written before, and waits until it is durable: median.
    pub sync_overwrite_p50_us: u64,
    /// The same: 99 of 100 are below.
    pub sync_overwrite_p99_us: u64,
    /// Appends of 1 MiB, one sync at the end.
    pub write_gigabytes_per_second: f64,
    /// 64 bytes to another thread and back over TCP on loopback: median.
    pub loopback_round_trip_p50_us: u64,
    /// Bytes to another thread over TCP on loopback, 256 KiB a write.
    pub loopback_gigabytes_per_second: f64,
    /// Copies of 1 MiB between two buffers.
    pub copy_gigabytes_per_second: f64,
    /// CRC-32C over 16 KiB.
    pub crc32c_gigabytes_per_second: f64,
}

const PAGE: usize = 4096;
const MIB: usize = 1 << 20;
/// Durable writes that a median is taken of.
const SYNCS: usize = 1000;
/// MiB that the sequential write leaves on the disk for a moment.
const WRITE_MIB: usize = 512;

/// Measures each limit for about `each`; files are made in `directory`, which must exist, and removed.
pub fn measure(directory: &Path, each: Duration) -> io::Result<Machine> {
    let path = directory.join(format!("castle-bench-{}", std::process::id()));
    let files = measure_files(&path, each);
    // Nothing is left behind, whatever happened.
    let removed = std::fs::remove_file(&path);
    let (append, overwrite, write_gigabytes_per_second) = files?;
    removed?;
    Ok(Machine {
        sync_append_p50_us: append.value_at_quantile(0.5),
        sync_append_p99_us: append.value_at_quantile(0.99),
        sync_overwrite_p50_us: overwrite.value_at_quantile(0.5),
        sync_overwrite_p99_us: overwrite.value_at_quantile(0.99),
        write_gigabytes_per_second,
        loopback_round_trip_p50_us: round_trip(each)?.value_at_quantile(0.5),
        loopback_gigabytes_per_second: loopback(each)?,
        copy_gigabytes_per_second: copy(each),
        crc32c_gigabytes_per_second: checksum(each),
    })
}

fn measure_files(path: &Path, each: Duration) -> io::Result<(Histogram<u64>, Histogram<u64>, f64)> {
    let page = [0x5a; PAGE];
    let append = syncs(each, File::create(path)?, |file| file.write_all(&page))?;
    let mut file = File::create(path)?;
    file.write_all(&vec![0; SYNCS * PAGE])?;
    file.sync_all()?;
    io::Seek::rewind(&mut file)?;
    let overwrite = syncs(each, file, |file| file.write_all(&page))?;
    let mut file = File::create(path)?;
    let block = vec![0xa5; MIB];
    let begin = Instant::now();
    let mut written = 0;
    while written < WRITE_MIB && begin.elapsed() < each.saturating_mul(4) {
        file.write_all(&block)?;
        written += 1;
    }
    file.sync_data()?;
    Ok((append, overwrite, rate(written * MIB, begin.elapsed())))
}

fn syncs(
    each: Duration,
    mut file: File,
    mut write: impl FnMut(&mut File) -> io::Result<()>,
) -> io::Result<Histogram<u64>> {
    let mut histogram = histogram();
    let end = Instant::now() + each;
    for _ in 0..SYNCS {
        let begin = Instant::now();
        write(&mut file)?;
        file.sync_data()?;
        record(&mut histogram, begin.elapsed());
        if Instant::now() > end {
            break;
        }
    }
    Ok(histogram)
}

fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let here = TcpStream::connect(listener.local_addr()?)?;
    let (there, _) = listener.accept()?;
    here.set_nodelay(true)?;
    there.set_nodelay(true)?;
    Ok((here, there))
}

fn round_trip(each: Duration) -> io::Result<Histogram<u64>> {
    let (mut here, mut there) = pair()?;
    let echo = std::thread::spawn(move || -> io::Result<()> {
        let mut message = [0; 64];
        // The end of the stream is the end of the measurement.
        while there.read_exact(&mut message).is_ok() {
            there.write_all(&message)?;
        }
        Ok(())
    });
    let mut histogram = histogram();
    let mut message = [1; 64];
    let end = Instant::now() + each;
    while Instant::now() < end {
        let begin = Instant::now();
        here.write_all(&message)?;
        here.read_exact(&mut message)?;
        record(&mut histogram, begin.elapsed());
    }
    drop(here);
    finished(echo)?;
    Ok(histogram)
}

fn loopback(each: Duration) -> io::Result<f64> {
    let (mut here, mut there) = pair()?;
    let drain = std::thread::spawn(move || -> io::Result<()> {
        let mut buffer = vec![0; MIB];
        while there.read(&mut buffer)? > 0 {}
        Ok(())
    });
    let block = vec![0x33; 256 << 10];
    let begin = Instant::now();
    let mut sent = 0;
    while begin.elapsed() < each {
        here.write_all(&block)?;
        sent += block.len();
    }
    drop(here);
    finished(drain)?;
    Ok(rate(sent, begin.elapsed()))
}

fn finished(thread: std::thread::JoinHandle<io::Result<()>>) -> io::Result<()> {
    thread.join().map_err(|_| io::Error::other("the other end of the loopback measurement failed"))?
}

fn copy(each: Duration) -> f64 {
    let (from, mut to) = (vec![7_u8; MIB], vec![0_u8; MIB]);
    repeat(each, MIB, || black_box(&mut to).copy_from_slice(black_box(&from)))
}

fn checksum(each: Duration) -> f64 {
    let block = vec![9_u8; 16 << 10];
    repeat(each, block.len(), || {
        black_box(crc32c::crc32c(black_box(&block)));
    })
}

fn repeat(each: Duration, bytes: usize, mut work: impl FnMut()) -> f64 {
    let begin = Instant::now();
    let mut done = 0;
    while begin.elapsed() < each {
        for _ in 0..64 {
            work();
        }
        done += 64 * bytes;
    }
    rate(done, begin.elapsed())
}

fn rate(bytes: usize, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64().max(1e-9) / 1e9
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).expect("bounds that the histogram takes")
}

fn record(histogram: &mut Histogram<u64>, time: Duration) {
    histogram.saturating_record((time.as_micros() as u64).max(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_measured_and_no_file_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let machine = measure(directory.path(), Duration::from_millis(2)).unwrap();
        assert!(machine.sync_append_p50_us > 0 && machine.sync_append_p50_us <= machine.sync_append_p99_us);
        assert!(machine.sync_overwrite_p50_us > 0);
        assert!(machine.write_gigabytes_per_second > 0.0);
        assert!(machine.loopback_round_trip_p50_us > 0 && machine.loopback_gigabytes_per_second > 0.0);
        assert!(machine.copy_gigabytes_per_second > 0.0 && machine.crc32c_gigabytes_per_second > 0.0);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error() {
        assert!(measure(Path::new("/nowhere/at/all"), Duration::from_millis(1)).is_err());
    }
}
