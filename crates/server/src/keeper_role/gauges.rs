//! What the keeper's threads measure, readable from other threads.

use keeper::{Measures, Observed};
use shard::Counters;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Measures of a keeper. Written by its threads, read by the HTTP port.
#[derive(Debug, Default)]
pub struct KeeperGauges {
    pub(super) znodes: AtomicU64,
    pub(super) sessions: AtomicU64,
    pub(super) last_zxid: AtomicU64,
    pub(super) durable_zxid: AtomicU64,
    pub(super) log_entries: AtomicU64,
    pub(super) log_groups: AtomicU64,
    pub(super) log_sync_us: AtomicU64,
    pub(super) log_sync_us_max: AtomicU64,
    pub(super) log_group_max: AtomicU64,
    pub(super) snapshots: AtomicU64,
    pub(super) snapshot_ms: AtomicU64,
    pub(super) snapshot_ms_max: AtomicU64,
    pub(super) start_ms: AtomicU64,
    /// What bringing back the database consisted of.
    pub(super) started: Started,
    pub(super) restores_ms: Mutex<Observed>,
    pub(super) restores_failed: AtomicU64,
    pub(super) restores_limited: AtomicU64,
    pub(super) snapshots_failed: AtomicU64,
    pub(super) snapshots_limited: AtomicU64,
    /// Failures that end the process.
    pub(super) fatal: AtomicU64,
    /// What the keeper's shard counts.
    pub(super) shard: Arc<Counters>,
    /// A sync that takes longer is told.
    pub(super) sync_warning_ms: AtomicU64,
    pub(super) slow_syncs: AtomicU64,
}

/// What a start took, in milliseconds, and of how much.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Started {
    pub(super) snapshot_ms: u64,
    pub(super) transactions_ms: u64,
    /// Transactions behind the snapshot.
    pub(super) transactions: u64,
}

impl KeeperGauges {
    /// Znodes in the tree.
    pub fn znodes(&self) -> u64 {
        self.znodes.load(Ordering::Relaxed)
    }

    /// Sessions that live.
    pub fn sessions(&self) -> u64 {
        self.sessions.load(Ordering::Relaxed)
    }

    /// The last transaction applied.
    pub fn last_zxid(&self) -> u64 {
        self.last_zxid.load(Ordering::Relaxed)
    }

    /// The last transaction that is durable.
    pub fn durable_zxid(&self) -> u64 {
        self.durable_zxid.load(Ordering::Relaxed)
    }

    /// Transactions written to the log.
    pub fn log_entries(&self) -> u64 {
        self.log_entries.load(Ordering::Relaxed)
    }

    /// Groups of transactions made durable, each by one sync.
    pub fn log_groups(&self) -> u64 {
        self.log_groups.load(Ordering::Relaxed)
    }

    /// Time spent making them durable, in microseconds.
    pub fn log_sync_us(&self) -> u64 {
        self.log_sync_us.load(Ordering::Relaxed)
    }

    /// The longest of these times, in microseconds.
    pub fn log_sync_us_max(&self) -> u64 {
        self.log_sync_us_max.load(Ordering::Relaxed)
    }

    /// Snapshots written.
    pub fn snapshots(&self) -> u64 {
        self.snapshots.load(Ordering::Relaxed)
    }

    pub(super) fn snapshot_written(&self, took: Duration) {
        let ms = took.as_millis() as u64;
        self.snapshots.fetch_add(1, Ordering::Relaxed);
        self.snapshot_ms.fetch_add(ms, Ordering::Relaxed);
        self.snapshot_ms_max.fetch_max(ms, Ordering::Relaxed);
    }

    /// An administrator's restore is done.
    pub(super) fn restored(&self, took: Duration) {
        let mut restores_ms = self.restores_ms.lock().unwrap_or_else(PoisonError::into_inner);
        restores_ms.add(took.as_millis() as u64);
    }

    /// One failed.
    pub(crate) fn restore_failed(&self) {
        self.restores_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// One came too soon after another.
    pub(crate) fn restore_limited(&self) {
        self.restores_limited.fetch_add(1, Ordering::Relaxed);
    }

    /// An administrator's snapshot failed.
    pub(crate) fn snapshot_failed(&self) {
        self.snapshots_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// One came too soon after another.
    pub(crate) fn snapshot_limited(&self) {
        self.snapshots_limited.fetch_add(1, Ordering::Relaxed);
    }

    /// Something failed that ends the process.
    pub(super) fn failed(&self) {
        self.fatal.fetch_add(1, Ordering::Relaxed);
    }

    /// What the node shows among its own numbers; what directories hold is not known here.
    pub(super) fn measures(&self) -> Measures {
        let read = |gauge: &AtomicU64| gauge.load(Ordering::Relaxed);
        let (groups, snapshots) = (self.log_groups(), self.snapshots());
        let (sync_ms, sync_ms_max) = (self.log_sync_us() / 1000, self.log_sync_us_max() / 1000);
        let started = self.started;
        Measures {
            slow_syncs: read(&self.slow_syncs),
            log_syncs_ms: Observed { count: groups, sum: sync_ms, min: 0, max: sync_ms_max },
            log_groups: Observed {
                count: groups,
                sum: self.log_entries(),
                min: groups.min(1),
                max: read(&self.log_group_max),
            },
            snapshots_ms: Observed {
                count: snapshots,
                sum: read(&self.snapshot_ms),
                min: 0,
                max: read(&self.snapshot_ms_max),
            },
            start_ms: Observed::once(read(&self.start_ms)),
            start_snapshot_ms: Observed::once(started.snapshot_ms),
            start_transactions_ms: Observed::once(started.transactions_ms),
            start_transactions: Observed::once(started.transactions),
            restores_ms: *self.restores_ms.lock().unwrap_or_else(PoisonError::into_inner),
            restores_failed: read(&self.restores_failed),
            restores_limited: read(&self.restores_limited),
            snapshots_failed: read(&self.snapshots_failed),
            snapshots_limited: read(&self.snapshots_limited),
            fatal: read(&self.fatal),
            handshakes: self.shard.handshakes(),
            handshakes_refused: self.shard.handshakes_refused(),
            handshakes_failed: self.shard.handshakes_failed(),
            ..Measures::default()
        }
    }

    pub(super) fn group_written(&self, entries: usize, took: Duration) {
        let us = took.as_micros() as u64;
        let warning_ms = self.sync_warning_ms.load(Ordering::Relaxed);
        if warning_ms != 0 && us / 1000 > warning_ms {
            self.slow_syncs.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(took_ms = us / 1000, entries, "syncing the log took long; clients wait for it");
        }
        self.log_entries.fetch_add(entries as u64, Ordering::Relaxed);
        self.log_group_max.fetch_max(entries as u64, Ordering::Relaxed);
        self.log_groups.fetch_add(1, Ordering::Relaxed);
        self.log_sync_us.fetch_add(us, Ordering::Relaxed);
        self.log_sync_us_max.fetch_max(us, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_measured() {
        let started = Started { snapshot_ms: 1, transactions_ms: 2, transactions: 3 };
        let gauges = KeeperGauges { started, ..KeeperGauges::default() };
        gauges.restored(Duration::from_millis(40));
        gauges.restored(Duration::from_millis(20));
        (0..2).for_each(|_| gauges.restore_failed());
        (0..3).for_each(|_| gauges.restore_limited());
        (0..4).for_each(|_| gauges.snapshot_failed());
        (0..5).for_each(|_| gauges.snapshot_limited());
        (0..6).for_each(|_| gauges.failed());
        let measures = gauges.measures();
        assert_eq!(measures.start_snapshot_ms, Observed::once(1));
        assert_eq!(measures.start_transactions_ms, Observed::once(2));
        assert_eq!(measures.start_transactions, Observed::once(3));
        assert_eq!(measures.restores_ms, Observed { count: 2, sum: 60, min: 20, max: 40 });
        assert_eq!((measures.restores_failed, measures.restores_limited), (2, 3));
        assert_eq!((measures.snapshots_failed, measures.snapshots_limited), (4, 5));
        assert_eq!(measures.fatal, 6);
    }
}
