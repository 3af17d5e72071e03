//! What the server counts, under the original's names: counters, summaries, and summaries by the first
//! part of a path. They are shown by `mntr`, by the command `monitor`, and to Prometheus.

mod names;

use std::collections::BTreeMap;

pub(crate) use names::{Advanced, Basic, Counter};

use zab::ServerId;

use crate::limits::{NAMESPACE_BYTES_MAX, NAMESPACES_MAX};

/// All that is counted. What tells of the present (connections, znodes) is asked for when it is shown.
#[derive(Debug)]
pub(crate) struct Metrics {
    counters: Vec<u64>,
    basics: Vec<Summary>,
    advanced: Vec<Summary>,
    reads: BTreeMap<Box<str>, Summary>,
    writes: BTreeMap<Box<str>, Summary>,
    /// What acknowledgements took, by the number of their server.
    acks: BTreeMap<Box<str>, Summary>,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics {
            counters: vec![0; Counter::NAMES.len()],
            basics: vec![Summary::default(); Basic::NAMES.len()],
            advanced: (0..Advanced::NAMES.len()).map(|_| Summary::with_spread()).collect(),
            reads: BTreeMap::new(),
            writes: BTreeMap::new(),
            acks: BTreeMap::new(),
        }
    }
}

impl Metrics {
    pub(crate) fn count(&mut self, counter: Counter, more: u64) {
        self.counters[counter as usize] += more;
    }

    pub(crate) fn add(&mut self, summary: Basic, value: u64) {
        self.basics[summary as usize].add(value);
    }

    /// Puts what the edge measured in the place of what there was.
    pub(crate) fn set(&mut self, summary: Basic, measured: Summary) {
        self.basics[summary as usize] = measured;
    }

    /// The same for what only grows.
    pub(crate) fn set_count(&mut self, counter: Counter, measured: u64) {
        self.counters[counter as usize] = measured;
    }

    pub(crate) fn spread(&mut self, summary: Advanced, value: u64) {
        self.advanced[summary as usize].add(value);
    }

    /// Bytes read below the first part of a path.
    pub(crate) fn read(&mut self, path: &str, bytes: u64) {
        add_to(&mut self.reads, path, bytes);
    }

    /// Bytes written below the first part of a path.
    pub(crate) fn wrote(&mut self, path: &str, bytes: u64) {
        add_to(&mut self.writes, path, bytes);
    }

    /// What it took until a server acknowledged a proposal, in milliseconds.
    pub(crate) fn acknowledged(&mut self, server: ServerId, took_ms: u64) {
        let of = server.to_string();
        if self.acks.len() < NAMESPACES_MAX || self.acks.contains_key(of.as_str()) {
            self.acks.entry(of.into()).or_insert_with(Summary::with_spread).add(took_ms);
        }
    }

    /// Everything back to nothing.
    pub(crate) fn reset(&mut self) {
        *self = Metrics::default();
    }

    /// All of them, in the order of the tables.
    pub(crate) fn all(&self) -> impl Iterator<Item = Metric<'_>> {
        let metric = |name, value| Metric { name, namespace: None, value };
        let counters = Counter::NAMES.iter().zip(&self.counters);
        let basics = Basic::NAMES.iter().zip(&self.basics);
        let advanced = Advanced::NAMES.iter().zip(&self.advanced);
        let sets = [
            ("read_per_namespace", &self.reads),
            ("write_per_namespace", &self.writes),
            ("ack_latency", &self.acks),
        ];
        let namespaces = sets.into_iter().flat_map(|(name, set)| {
            set.iter().map(move |(namespace, summary)| Metric {
                name,
                namespace: Some(namespace),
                value: Value::Summary(summary),
            })
        });
        (counters.map(move |(name, count)| metric(*name, Value::Counter(*count))))
            .chain(basics.map(move |(name, summary)| metric(*name, Value::Summary(summary))))
            .chain(advanced.map(move |(name, summary)| metric(*name, Value::Summary(summary))))
            .chain(namespaces)
    }
}

/// Nothing is counted of the root and of names that nobody would put on a dashboard.
fn add_to(set: &mut BTreeMap<Box<str>, Summary>, path: &str, bytes: u64) {
    let namespace = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    if namespace.is_empty() || namespace.len() > NAMESPACE_BYTES_MAX {
        return;
    }
    if let Some(summary) = set.get_mut(namespace) {
        summary.add(bytes);
    } else if set.len() < NAMESPACES_MAX {
        let mut summary = Summary::default();
        summary.add(bytes);
        set.insert(namespace.into(), summary);
    }
}

/// One thing that is shown.
#[derive(Clone, Debug)]
pub struct Metric<'a> {
    /// The original's name, without its prefix `zk_`.
    pub name: &'static str,
    /// The first part of the paths that it is about, if it is about some.
    pub namespace: Option<&'a str>,
    /// How much.
    pub value: Value<'a>,
}

/// How much.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// Goes up and down.
    Gauge(i64),
    /// The same, with a fraction.
    Ratio(f64),
    /// Only grows.
    Counter(u64),
    /// A stream of values.
    Summary(&'a Summary),
}

/// Count, sum, least, greatest, and for some the spread, of a stream of values.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    count: u64,
    sum: u64,
    min: u64,
    max: u64,
    spread: Option<Box<[u64; SLOTS]>>,
}

impl Summary {
    /// Of values whose spread is of interest.
    fn with_spread() -> Summary {
        Summary { spread: Some(Box::new([0; SLOTS])), ..Summary::default() }
    }

    /// Of values that somebody else has summed up.
    pub fn measured(count: u64, sum: u64, min: u64, max: u64) -> Summary {
        Summary { count, sum, min, max, spread: None }
    }

    fn add(&mut self, value: u64) {
        self.min = if self.count == 0 { value } else { self.min.min(value) };
        self.max = self.max.max(value);
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
        if let Some(spread) = &mut self.spread {
            spread[slot(value)] += 1;
        }
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The least; 0 if there is none.
    pub fn min(&self) -> u64 {
        self.min
    }

    /// The greatest; 0 if there is none.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// Their average, four decimals; 0 if there is none.
    pub fn average(&self) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        (self.sum as f64 / self.count as f64 * 10_000.0).round() / 10_000.0
    }

    /// True if quantiles are known.
    pub fn has_spread(&self) -> bool {
        self.spread.is_some()
    }

    /// The value that `part` of all are not above, to an eighth of itself; 0 if there is none.
    pub fn quantile(&self, part: f64) -> u64 {
        let Some(spread) = &self.spread else { return 0 };
        let rank = (part * self.count as f64).ceil() as u64;
        let mut seen = 0;
        for (slot, count) in spread.iter().enumerate() {
            seen += count;
            if seen >= rank && seen > 0 {
                return least_in(slot).clamp(self.min, self.max);
            }
        }
        0
    }

    /// How many values are below 2 to the power of `exponent`; 0 if the spread is not known.
    pub fn below_power(&self, exponent: u32) -> u64 {
        let Some(spread) = &self.spread else { return 0 };
        spread[..slot(1 << exponent)].iter().sum()
    }
}

/// Slots of a spread: one for each value below eight, then eight for each doubling, up to 2^40.
const SLOTS: usize = 8 * 38;

fn slot(value: u64) -> usize {
    if value < 8 {
        return value as usize;
    }
    let doublings = value.ilog2() as usize - 3;
    let eighth = (value >> doublings) as usize - 8;
    (8 * (doublings + 1) + eighth).min(SLOTS - 1)
}

fn least_in(slot: usize) -> u64 {
    if slot < 8 {
        return slot as u64;
    }
    let (doublings, eighth) = (slot / 8 - 1, slot % 8);
    ((8 + eighth) as u64) << doublings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_in_order_and_know_where_they_begin() {
        for value in (0..4096).chain([1 << 20, (1 << 30) + 12345]) {
            let least = least_in(slot(value));
            assert!(least <= value && value - least <= value / 8, "{value} is in the slot of {least}");
        }
        assert_eq!(slot(u64::MAX), SLOTS - 1);
        assert!((1..5000).all(|value| slot(value) >= slot(value - 1)));
    }

    #[test]
    fn quantiles_are_values_that_came() {
        let mut summary = Summary::with_spread();
        let check = |summary: &Summary, part, expect| assert_eq!(summary.quantile(part), expect);
        check(&summary, 0.5, 0);
        (1..=100).for_each(|value| summary.add(value));
        check(&summary, 0.0, 1);
        check(&summary, 0.5, 48);
        check(&summary, 0.99, 96);
        check(&summary, 1.0, 96);
        assert_eq!((summary.count(), summary.sum(), summary.min(), summary.max()), (100, 5050, 1, 100));
        assert_eq!((summary.average(), summary.below_power(4), summary.below_power(7)), (50.5, 15, 100));
    }

    #[test]
    fn namespaces_are_counted_up_to_a_bound() {
        let mut metrics = Metrics::default();
        metrics.read("/", 1);
        metrics.read("/app/a", 5);
        metrics.read("/app", 7);
        for number in 0..2 * NAMESPACES_MAX {
            metrics.read(&format!("/n{number}"), 1);
        }
        assert_eq!(metrics.reads.len(), NAMESPACES_MAX);
        assert_eq!(metrics.reads["app"].sum(), 12);
    }
}
