//! What the keeper's threads measure, readable from other threads.

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
    pub(super) snapshots: AtomicU64,
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

    pub(super) fn group_written(&self, entries: usize, took: Duration) {
        let us = took.as_micros() as u64;
        self.log_entries.fetch_add(entries as u64, Ordering::Relaxed);
        self.log_groups.fetch_add(1, Ordering::Relaxed);
        self.log_sync_us.fetch_add(us, Ordering::Relaxed);
        self.log_sync_us_max.fetch_max(us, Ordering::Relaxed);
    }
}
