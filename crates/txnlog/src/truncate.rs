//! Cuts the history: what a leader tells a server to do that has transactions which nobody else has.

use disk::{Disk, File, Open};
use zookeeper_wire::Zxid;

use crate::{Directories, Error, LogFileReader, directories};

/// Removes every transaction after `last` from the log, and the snapshots that contain any, durably.
/// No writer may be open. Fails, having changed nothing, if the log has no transaction `last`.
///
/// After a crash in the middle the history ends somewhere between `last` and where it ended before, so
/// doing it again completes it.
pub fn truncate<D: Disk>(disk: &D, at: &Directories, last: Zxid) -> Result<(), Error> {
    let logs = at.log_files(disk)?;
    let holder = logs.partition_point(|(first, _)| *first <= last).checked_sub(1);
    let Some(holder) = holder else { return Err(Error::NotInLog(last)) };
    let path = &logs[holder].1;
    let mut reader = LogFileReader::open(disk, path)?;
    let end = loop {
        match reader.next().transpose()? {
            Some(entry) if entry.zxid == last => break reader.valid_bytes(),
            Some(entry) if entry.zxid > last => return Err(Error::NotInLog(last)),
            Some(_) => {}
            None => return Err(Error::NotInLog(last)),
        }
    };
    // From the back, so that what is left is a prefix at any time: snapshots of the doomed part first.
    for (zxid, _, path) in at.snapshot_files(disk)? {
        if zxid > last {
            disk.remove(&path).map_err(Error::disk("remove", &path))?;
            directories::sync(disk, &at.snapshots)?;
        }
    }
    for (_, path) in logs[holder + 1..].iter().rev() {
        disk.remove(path).map_err(Error::disk("remove", path))?;
        directories::sync(disk, &at.logs)?;
    }
    let file = disk.open(path, Open::Write).map_err(Error::disk("open", path))?;
    file.set_length(end).and_then(|()| file.sync()).map_err(Error::disk("cut", path))
}
