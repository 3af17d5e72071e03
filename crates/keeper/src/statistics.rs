//! Counters that four-letter words show. Latencies are in milliseconds between the turn that read a
//! request and the turn that answered it.

use clock::Span;

/// Fastest, slowest and average of a stream of durations.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Latency {
    pub(crate) min_ms: u64,
    pub(crate) max_ms: u64,
    pub(crate) last_ms: u64,
    pub(crate) sum_ms: u64,
    pub(crate) count: u64,
}

impl Latency {
    pub(crate) fn add(&mut self, span: Span) {
        let ms = span.as_ms();
        self.min_ms = if self.count == 0 { ms } else { self.min_ms.min(ms) };
        self.max_ms = self.max_ms.max(ms);
        self.last_ms = ms;
        self.sum_ms += ms;
        self.count += 1;
    }

    /// To four decimals, as the original shows it.
    pub(crate) fn average_ms(&self) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        (self.sum_ms as f64 / self.count as f64 * 10_000.0).round() / 10_000.0
    }

    /// As the original prints it: four decimals at most, one at least.
    pub(crate) fn average_text(&self) -> String {
        let average = self.average_ms();
        if average.fract() == 0.0 { format!("{average:.1}") } else { format!("{average}") }
    }
}

/// Sizes of replies in bytes, -1 before the first one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sizes {
    pub(crate) last: i64,
    pub(crate) min: i64,
    pub(crate) max: i64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { last: -1, min: -1, max: -1 }
    }
}

impl Sizes {
    pub(crate) fn add(&mut self, bytes: usize) {
        self.last = bytes as i64;
        self.min = if self.min < 0 { self.last } else { self.min.min(self.last) };
        self.max = self.max.max(self.last);
    }
}

/// Counters of the whole server.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Statistics {
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) latency: Latency,
    pub(crate) response_sizes: Sizes,
    pub(crate) proposal_sizes: Sizes,
    pub(crate) authentication_failures: u64,
}

impl Statistics {
    /// What `srst` sets back.
    pub(crate) fn reset(&mut self) {
        self.received = 0;
        self.sent = 0;
        self.latency = Latency::default();
        self.response_sizes = Sizes::default();
        self.proposal_sizes = Sizes::default();
    }
}
