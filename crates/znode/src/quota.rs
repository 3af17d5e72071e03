//! Quotas: limits on a subtree, which administrators set as znodes, and statistics, which every
//! server keeps on its own beside them. Source: `Quotas`, `StatsTrack`.

use std::collections::BTreeSet;
use std::fmt::Write;

use zookeeper_wire::ErrorCode;

use crate::node::NodeId;
use crate::tree::{QUOTA, Tree};

/// Which subtrees have limits.
#[derive(Default, Debug)]
pub(crate) struct Quotas {
    subtrees: BTreeSet<String>,
}

/// What a limit or statistics znode says; -1 is unset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Track {
    count: i64,
    bytes: i64,
    count_hard: i64,
    bytes_hard: i64,
}

/// What the quotas of a namespace, which is the first part of paths, come to. `None` is said nowhere; what is
/// unset counts as -1, as in the original.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuotaTotals<'a> {
    /// The first part of the paths.
    pub namespace: &'a str,
    /// Znodes that there may be; the hard limit where there is one.
    pub count_limit: Option<i64>,
    /// Bytes of data that there may be, likewise.
    pub bytes_limit: Option<i64>,
    /// Znodes that there are.
    pub count_used: Option<i64>,
    /// Bytes of data that there are.
    pub bytes_used: Option<i64>,
}

impl Quotas {
    /// The longest subtree with a limit that `path` is in.
    fn subtree_of<'a>(&self, path: &'a str) -> Option<&'a str> {
        if self.subtrees.is_empty() {
            return None;
        }
        let mut at = path;
        while at.len() > 1 {
            if self.subtrees.contains(at) {
                return Some(at);
            }
            at = &at[..at.rfind('/')?];
        }
        None
    }
}

impl Tree {
    /// A znode came: it may be a limit, or count against one.
    pub(crate) fn quota_created(&mut self, path: &str, bytes: usize) {
        if let Some(below) = path.strip_prefix(QUOTA) {
            if let Some(subtree) = below.strip_suffix(LIMITS) {
                self.quotas.subtrees.insert(subtree.to_owned());
            } else if let Some(subtree) = below.strip_suffix(STATISTICS) {
                let subtree = subtree.to_owned();
                self.recount(&subtree);
            }
        }
        self.quota_changed(path, 1, bytes as i64);
    }

    /// A znode went.
    pub(crate) fn quota_deleted(&mut self, path: &str, bytes: usize) {
        if let Some(subtree) = path.strip_prefix(QUOTA).and_then(|below| below.strip_suffix(LIMITS)) {
            self.quotas.subtrees.remove(subtree);
        }
        self.quota_changed(path, -1, -(bytes as i64));
    }

    /// The statistics of the subtree around `path` change by so many znodes and bytes of data.
    pub(crate) fn quota_changed(&mut self, path: &str, count: i64, bytes: i64) {
        let Some(subtree) = self.quotas.subtree_of(path) else { return };
        let statistics = statistics_path(subtree);
        let Some(node) = self.find(&statistics) else { return };
        let mut track = Track::parse(self.data(node));
        // Clients can write the statistics too, and need not write sense.
        track.count = track.count.saturating_add(count);
        track.bytes = track.bytes.saturating_add(bytes);
        self.set_data_silently(node, &statistics, track.format().as_bytes());
    }

    /// Would so many more znodes and bytes at `path` break a limit? Only hard limits refuse.
    pub(crate) fn quota_allows(&self, path: &str, count: i64, bytes: i64) -> Result<(), ErrorCode> {
        let Some(subtree) = self.quotas.subtree_of(path) else { return Ok(()) };
        let limits = self.find(&format!("{QUOTA}{subtree}{LIMITS}"));
        let statistics = self.find(&statistics_path(subtree));
        let (Some(limits), Some(statistics)) = (limits, statistics) else { return Ok(()) };
        let (limit, used) = (Track::parse(self.data(limits)), Track::parse(self.data(statistics)));
        let breaks =
            |limit: i64, used: i64, more: i64| more != 0 && limit > -1 && used.saturating_add(more) > limit;
        if breaks(limit.count_hard, used.count, count) || breaks(limit.bytes_hard, used.bytes, bytes) {
            return Err(ErrorCode::QUOTA_EXCEEDED);
        }
        Ok(())
    }

    /// After a snapshot was loaded: finds all limits and counts what they limit.
    pub(crate) fn quotas_loaded(&mut self) {
        let Some(root) = self.find(QUOTA) else { return };
        let mut todo = vec![root];
        let mut subtrees = Vec::new();
        while let Some(id) = todo.pop() {
            todo.extend(self.children(id));
            let path = self.path(id);
            if let Some(subtree) = path[QUOTA.len()..].strip_suffix(LIMITS) {
                subtrees.push(subtree.to_owned());
            }
        }
        for subtree in subtrees {
            self.recount(&subtree);
            self.quotas.subtrees.insert(subtree);
        }
    }

    /// The quotas there are, by namespace, the names ascending. Source: `QuotaMetricsUtils`.
    pub fn quota_totals(&self) -> Vec<QuotaTotals<'_>> {
        let namespaces = self.find(QUOTA).into_iter().flat_map(|root| self.children(root));
        let mut totals: Vec<QuotaTotals<'_>> = namespaces.filter_map(|id| self.totals_of(id)).collect();
        totals.sort_unstable_by_key(|totals| totals.namespace);
        totals
    }

    fn totals_of(&self, id: NodeId) -> Option<QuotaTotals<'_>> {
        let namespace = std::str::from_utf8(self.name(id)).ok()?;
        let (mut limits, mut used) = (None, None);
        let mut todo = vec![id];
        while let Some(id) = todo.pop() {
            todo.extend(self.children(id));
            let Some(data) = self.data(id).filter(|_| self.child_count(id) == 0) else { continue };
            let track = Track::parse(Some(data));
            if self.name(id) == &LIMITS.as_bytes()[1..] {
                let limit = |hard: i64, soft: i64| if hard > -1 { hard } else { soft };
                add(&mut limits, limit(track.count_hard, track.count), limit(track.bytes_hard, track.bytes));
            } else if self.name(id) == &STATISTICS.as_bytes()[1..] {
                add(&mut used, track.count, track.bytes);
            }
        }
        let (count_limit, bytes_limit) = limits.unzip();
        let (count_used, bytes_used) = used.unzip();
        (limits.is_some() || used.is_some()).then_some(QuotaTotals {
            namespace,
            count_limit,
            bytes_limit,
            count_used,
            bytes_used,
        })
    }

    /// Counts a subtree from scratch into its statistics.
    fn recount(&mut self, subtree: &str) {
        let statistics = statistics_path(subtree);
        let Some(node) = self.find(&statistics) else { return };
        let mut track = Track { count: 0, bytes: 0, ..Track::UNSET };
        let mut todo: Vec<NodeId> = self.find(subtree).into_iter().collect();
        while let Some(id) = todo.pop() {
            track.count += 1;
            track.bytes += self.data(id).map_or(0, <[u8]>::len) as i64;
            todo.extend(self.children(id));
        }
        self.set_data_silently(node, &statistics, track.format().as_bytes());
    }
}

impl Track {
    const UNSET: Track = Track { count: -1, bytes: -1, count_hard: -1, bytes_hard: -1 };

    /// Reads `count=1,bytes=2=;byteHardLimit=3;countHardLimit=4`; what cannot be read is unset.
    fn parse(data: Option<&[u8]>) -> Track {
        let text = String::from_utf8_lossy(data.unwrap_or_default());
        let mut track = Track::UNSET;
        for pair in text.split([',', ';']) {
            let mut parts = pair.split('=');
            let (Some(key), Some(value)) = (parts.next(), parts.next()) else { continue };
            let value = value.trim().parse().unwrap_or(-1);
            match key {
                "count" => track.count = value,
                "bytes" => track.bytes = value,
                "countHardLimit" => track.count_hard = value,
                "byteHardLimit" => track.bytes_hard = value,
                _ => {}
            }
        }
        track
    }

    fn format(&self) -> String {
        let mut text = format!("count={},bytes={}", self.count, self.bytes);
        let hard: Vec<(&str, i64)> =
            [("byteHardLimit", self.bytes_hard), ("countHardLimit", self.count_hard)]
                .into_iter()
                .filter(|&(_, value)| value != -1)
                .collect();
        if !hard.is_empty() {
            text.push('=');
        }
        for (key, value) in hard {
            write!(text, ";{key}={value}").expect("a string takes everything");
        }
        text
    }
}

fn add(sums: &mut Option<(i64, i64)>, count: i64, bytes: i64) {
    let (counts, all_bytes) = sums.unwrap_or_default();
    *sums = Some((counts.saturating_add(count), all_bytes.saturating_add(bytes)));
}

fn statistics_path(subtree: &str) -> String {
    format!("{QUOTA}{subtree}{STATISTICS}")
}

const LIMITS: &str = "/zookeeper_limits";
const STATISTICS: &str = "/zookeeper_stats";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_are_read_and_written_as_the_original_does() {
        let check = |text: &str, expect: Track, again: &str| {
            assert_eq!(Track::parse(Some(text.as_bytes())), expect);
            assert_eq!(expect.format(), again);
        };
        check("count=5,bytes=10", Track { count: 5, bytes: 10, ..Track::UNSET }, "count=5,bytes=10");
        check("", Track::UNSET, "count=-1,bytes=-1");
        let all = Track { count: 1, bytes: 2, count_hard: 4, bytes_hard: 3 };
        let text = "count=1,bytes=2=;byteHardLimit=3;countHardLimit=4";
        check(text, all, text);
        check("nonsense,=,count=x", Track::UNSET, "count=-1,bytes=-1");
    }
}
