//! When a snapshot is due: after a number of transactions drawn between half and the whole of the
//! setting, so that the servers of an ensemble do not all write at once, or after many bytes. If nobody
//! set the number, a large tree is written only when the log has grown in proportion to it.

use znode::{Database, Snapshot};

use crate::config::KeeperConfig;

/// What a snapshot holds of a znode beside path and data: three lengths or list numbers, and the stat.
const ZNODE_BYTES: u64 = 84;

#[derive(Debug)]
pub(crate) struct Snapshots {
    transactions_max: u32,
    in_proportion: bool,
    bytes_max: u64,
    random: fastrand::Rng,
    /// How many transactions this time.
    threshold: u32,
    transactions: u32,
    bytes: u64,
    /// One is being written.
    busy: bool,
}

impl Snapshots {
    pub(crate) fn new(config: &KeeperConfig, seed: u64) -> Self {
        let mut snapshots = Snapshots {
            transactions_max: config.snapshot_transactions.max(2),
            in_proportion: config.snapshots_in_proportion,
            bytes_max: config.snapshot_bytes,
            random: fastrand::Rng::with_seed(seed),
            threshold: 0,
            transactions: 0,
            bytes: 0,
            busy: false,
        };
        snapshots.begin();
        snapshots
    }

    /// A transaction was applied.
    pub(crate) fn applied(&mut self, bytes: usize) {
        self.transactions = self.transactions.saturating_add(1);
        self.bytes += bytes as u64;
    }

    /// The snapshot that is due now, if one is.
    pub(crate) fn due(&mut self, database: &Database) -> Option<Snapshot> {
        let many =
            self.transactions >= self.threshold && (!self.in_proportion || self.bytes >= worth(database) / 2);
        let large = self.bytes_max != 0 && self.bytes >= self.bytes_max;
        if self.busy || !(many || large) {
            return None;
        }
        self.busy = true;
        self.begin();
        Some(database.snapshot())
    }

    /// The one that was due is on disk.
    pub(crate) fn written(&mut self) {
        self.busy = false;
    }

    fn begin(&mut self) {
        self.threshold = self.random.u32(self.transactions_max / 2..=self.transactions_max);
        self.transactions = 0;
        self.bytes = 0;
    }
}

/// About the bytes of a snapshot of `database`.
fn worth(database: &Database) -> u64 {
    let tree = database.tree();
    tree.approximate_data_bytes() as u64 + tree.len() as u64 * ZNODE_BYTES
}
