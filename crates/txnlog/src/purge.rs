//! Clears away what no recovery needs: old snapshots, and the logs that end before the oldest kept one.

use std::path::PathBuf;

use disk::Disk;

use crate::{Directories, Error, directories, newest_snapshots};

/// Snapshots that are always kept: the original's `autopurge.snapRetainCount` is at least this.
const RETAINED_MIN: usize = 3;

/// Keeps the newest `retain` (at least 3) whole snapshots and every log file that may hold a transaction
/// behind the oldest of them. Returns the files removed.
pub fn purge<D: Disk>(disk: &D, at: &Directories, retain: usize) -> Result<Vec<PathBuf>, Error> {
    let kept = newest_snapshots(disk, at, retain.max(RETAINED_MIN))?;
    let Some((oldest, ..)) = kept.last() else { return Ok(Vec::new()) };
    let mut doomed: Vec<PathBuf> = at
        .snapshot_files(disk)?
        .into_iter()
        .filter(|(zxid, ..)| zxid < oldest)
        .map(|(.., path)| path)
        .collect();
    let logs = at.log_files(disk)?;
    // The file before the first that begins behind the snapshot may hold what follows it.
    let needed = logs.partition_point(|(first, _)| first <= oldest).saturating_sub(1);
    doomed.extend(logs.into_iter().take(needed).map(|(_, path)| path));
    for path in &doomed {
        disk.remove(path).map_err(Error::disk("remove", path))?;
    }
    if !doomed.is_empty() {
        directories::sync(disk, &at.snapshots)?;
        directories::sync(disk, &at.logs)?;
    }
    Ok(doomed)
}
