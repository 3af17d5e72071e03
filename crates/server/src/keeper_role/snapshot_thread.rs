//! Writes one snapshot, then removes what it made superfluous, while the keeper goes on.

use super::gauges::KeeperGauges;
use super::service::KeeperMessage;
use crate::config::Purge;
use crate::limits;
use disk::Disk;
use shard::Mailbox;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;
use txnlog::{Compression, Directories, Error, SnapshotWriter, purge};
use znode::Snapshot;

/// How snapshots are written, and how many are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct SnapshotStyle {
    pub(super) compression: Compression,
    pub(super) purge: Purge,
}

/// Where a snapshot goes, and what happens then.
pub(super) struct SnapshotJob<D: Disk> {
    pub(super) disk: D,
    pub(super) at: Directories,
    pub(super) style: SnapshotStyle,
    /// Two that write the same snapshot would write the same file.
    pub(super) one_at_a_time: Arc<Mutex<()>>,
    pub(super) mailbox: Mailbox<KeeperMessage>,
    pub(super) gauges: Arc<KeeperGauges>,
}

impl<D: Disk> SnapshotJob<D> {
    /// Writes on a thread of its own; false if there is none. A failure costs nothing but the space of a
    /// longer log.
    pub(super) fn spawn(self, snapshot: Box<Snapshot>) -> bool {
        let spawned =
            thread::Builder::new().name("keeper-snapshot".to_owned()).spawn(move || self.run(&snapshot));
        if let Err(error) = &spawned {
            tracing::warn!(%error, "cannot start a thread for a snapshot");
        }
        spawned.is_ok()
    }

    fn run(self, snapshot: &Snapshot) {
        // Requests go first when processors are few; on Linux this is the thread's own.
        let _ = rustix::process::setpriority_process(None, limits::SNAPSHOT_NICE);
        let began = Instant::now();
        let written = {
            let _one = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
            write_snapshot(&self.disk, &self.at, snapshot, self.style.compression)
        };
        match written {
            Ok(path) => {
                self.gauges.snapshot_written(began.elapsed());
                let took = began.elapsed().as_millis();
                tracing::info!(path = %path.display(), znodes = snapshot.len(), took_ms = took as u64, "wrote a snapshot");
                self.clear();
            }
            Err(error) => tracing::error!(%error, "cannot write a snapshot; the log keeps everything"),
        }
        let _ = self.mailbox.send(KeeperMessage::SnapshotWritten(snapshot.zxid()));
    }

    fn clear(&self) {
        if !self.style.purge.on {
            return;
        }
        match purge(&self.disk, &self.at, self.style.purge.retain) {
            Ok(removed) if removed.is_empty() => {}
            Ok(removed) => tracing::info!(files = removed.len(), "removed old snapshots and logs"),
            Err(error) => tracing::warn!(%error, "cannot remove old snapshots and logs"),
        }
    }
}

/// Writes `snapshot`, durably.
pub(super) fn write_snapshot<D: Disk>(
    disk: &D,
    at: &Directories,
    snapshot: &Snapshot,
    compression: Compression,
) -> Result<PathBuf, Error> {
    let sessions: Vec<_> = snapshot.sessions().iter().map(|(id, timeout_ms)| (*id, *timeout_ms)).collect();
    let acls: Vec<_> = snapshot.acls().collect();
    let mut writer = SnapshotWriter::create(disk, at, snapshot.zxid(), compression, &sessions, &acls)?;
    let mut walk = snapshot.walk();
    while let Some(node) = walk.step() {
        writer.node(node.path, node.data, node.acl_key, &node.stat)?;
    }
    writer.finish(Some(snapshot.digest() as i64))
}
