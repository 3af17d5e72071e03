//! Cuts the history: what a leader tells a server to do that has transactions which nobody else has.

use std::path::Path;

use disk::{Disk, File, Open};
use zookeeper_wire::Zxid;

use crate::limits::SNAPSHOTS_TRIED_MAX;
use crate::{Directories, Error, LogFileReader, directories, newest_snapshots};

/// Removes every transaction after `last` from the log, and the snapshots that contain any, durably.
/// No writer may be open. Fails, having changed nothing, if neither the log has a transaction `last` nor a
/// snapshot ends with it.
///
/// After a crash in the middle the history ends somewhere between `last` and where it ended before, so
/// doing it again completes it.
pub fn truncate<D: Disk>(disk: &D, at: &Directories, last: Zxid) -> Result<(), Error> {
    let logs = at.log_files(disk)?;
    let is_snapshot = newest_snapshots(disk, at, SNAPSHOTS_TRIED_MAX)?.iter().any(|(zxid, ..)| *zxid == last);
    let holder = logs.partition_point(|(first, _)| *first <= last).checked_sub(1);
    let cut = match holder {
        Some(holder) => Some((holder, end_of(disk, &logs[holder].1, last, is_snapshot)?)),
        None if is_snapshot => None,
        None => return Err(Error::NotInLog(last)),
    };
    // From the back, so that what is left is a prefix at any time: snapshots of the doomed part first.
    for (zxid, _, path) in at.snapshot_files(disk)? {
        if zxid > last {
            disk.remove(&path).map_err(Error::disk("remove", &path))?;
            directories::sync(disk, &at.snapshots)?;
        }
    }
    let doomed = cut.map_or(0, |(holder, _)| holder + 1);
    for (_, path) in logs[doomed..].iter().rev() {
        disk.remove(path).map_err(Error::disk("remove", path))?;
        directories::sync(disk, &at.logs)?;
    }
    let Some((holder, end)) = cut else { return Ok(()) };
    let path = &logs[holder].1;
    let file = disk.open(path, Open::Write).map_err(Error::disk("open", path))?;
    file.set_length(end).and_then(|()| file.sync()).map_err(Error::disk("cut", path))
}

/// Where `last` ends in its file, in bytes. If a snapshot ends with it, it need not be there itself.
fn end_of<D: Disk>(disk: &D, path: &Path, last: Zxid, is_snapshot: bool) -> Result<u64, Error> {
    let mut reader = LogFileReader::open(disk, path)?;
    let mut before = reader.valid_bytes();
    loop {
        match reader.next().transpose()? {
            Some(entry) if entry.zxid == last => return Ok(reader.valid_bytes()),
            Some(entry) if entry.zxid < last => before = reader.valid_bytes(),
            Some(_) | None if is_snapshot => return Ok(before),
            Some(_) | None => return Err(Error::NotInLog(last)),
        }
    }
}

/// After a snapshot of another server's history was written whose last transaction is `snapshot`: removes
/// all of the log, and the snapshots that would count as newer, durably. No writer may be open.
pub fn forget_log<D: Disk>(disk: &D, at: &Directories, snapshot: Zxid) -> Result<(), Error> {
    for (zxid, _, path) in at.snapshot_files(disk)? {
        if zxid > snapshot {
            disk.remove(&path).map_err(Error::disk("remove", &path))?;
            directories::sync(disk, &at.snapshots)?;
        }
    }
    for (_, path) in at.log_files(disk)?.iter().rev() {
        disk.remove(path).map_err(Error::disk("remove", path))?;
        directories::sync(disk, &at.logs)?;
    }
    Ok(())
}
