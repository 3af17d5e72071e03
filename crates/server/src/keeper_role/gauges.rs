//! What the keeper's threads measure, readable from other threads.

use keeper::Observed;
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// A sync that takes longer is told.
    pub(super) sync_warning_ms: AtomicU64,
    pub(super) slow_syncs: AtomicU64,
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

    /// What the node shows among its own numbers: syncs of the log, their groups, snapshots, the start.
    pub(super) fn observed(&self) -> [Observed; 4] {
        let read = |gauge: &AtomicU64| gauge.load(Ordering::Relaxed);
        let (groups, snapshots) = (self.log_groups(), self.snapshots());
        let (sync_ms, sync_ms_max) = (self.log_sync_us() / 1000, self.log_sync_us_max() / 1000);
        [
            Observed { count: groups, sum: sync_ms, min: 0, max: sync_ms_max },
            Observed {
                count: groups,
                sum: self.log_entries(),
                min: groups.min(1),
                max: read(&self.log_group_max),
            },
            Observed {
                count: snapshots,
                sum: read(&self.snapshot_ms),
                min: 0,
                max: read(&self.snapshot_ms_max),
            },
            Observed::once(read(&self.start_ms)),
        ]
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
