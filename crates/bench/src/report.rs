//! What a run measured.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Counts, rates and percentiles. Latencies are in microseconds.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// Seconds that were counted.
    pub seconds: f64,
    /// Requests that were answered.
    pub requests: u64,
    /// Operations or records that those stand for.
    pub things: u64,
    /// Bytes of payload.
    pub bytes: u64,
    /// Answers that were errors of the protocol.
    pub errors: u64,
    /// The first such error.
    pub first_error: Option<String>,
    /// `things` a second.
    pub per_second: f64,
    /// Payload in MB (10^6 bytes) a second.
    pub megabytes_per_second: f64,
    /// Median.
    pub p50_us: u64,
    /// 95 of 100 are below.
    pub p95_us: u64,
    /// 99 of 100 are below.
    pub p99_us: u64,
    /// 999 of 1000 are below.
    pub p999_us: u64,
    /// The slowest.
    pub max_us: u64,
    /// The whole distribution: percentile (0 to 100) and latency, for pictures.
    pub distribution: Vec<(f64, u64)>,
}

/// Percentiles of a distribution: finer towards the end, where servers differ.
const PERCENTILES: [f64; 18] = [
    0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 97.5, 99.0, 99.5, 99.75, 99.9, 99.95, 99.975, 99.99, 99.995,
    99.999, 100.0,
];

impl Report {
    pub(crate) fn new(counts: Counts, histogram: &Histogram<u64>, length: Duration) -> Report {
        let seconds = length.as_secs_f64().max(1e-9);
        Report {
            seconds,
            requests: histogram.len(),
            things: counts.things,
            bytes: counts.bytes,
            errors: counts.errors,
            first_error: counts.first_error,
            per_second: counts.things as f64 / seconds,
            megabytes_per_second: counts.bytes as f64 / seconds / 1e6,
            p50_us: histogram.value_at_quantile(0.5),
            p95_us: histogram.value_at_quantile(0.95),
            p99_us: histogram.value_at_quantile(0.99),
            p999_us: histogram.value_at_quantile(0.999),
            max_us: histogram.max(),
            distribution: PERCENTILES
                .iter()
                .map(|&percentile| (percentile, histogram.value_at_percentile(percentile)))
                .collect(),
        }
    }
}

/// What is added up during a run.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) things: u64,
    pub(crate) bytes: u64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>12.0} a second, {:.1} MB/s", self.per_second, self.megabytes_per_second)?;
        write!(
            f,
            "latency µs: p50 {}  p95 {}  p99 {}  p99.9 {}  max {}",
            self.p50_us, self.p95_us, self.p99_us, self.p999_us, self.max_us
        )?;
        match &self.first_error {
            Some(error) => write!(f, "\n{} errors, the first: {error}", self.errors),
            None => Ok(()),
        }
    }
}
