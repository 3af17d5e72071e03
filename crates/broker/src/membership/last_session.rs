//! The last keeper session that a broker on these log directories had, remembered in a file of the first
//! of them.
//!
//! After `kill -9` the keeper keeps the old registration until the old session times out. Whoever holds
//! the log directories knows that the old process is gone, so it may remove what that session left
//! behind instead of waiting. Apache Kafka does not look at the file.

use std::io;
use std::path::{Path, PathBuf};

use disk::{Disk, File, Open};
use zookeeper_wire::SessionId;

fn file(log_directory: &Path) -> PathBuf {
    log_directory.join("castle-last-session")
}

/// The session, if one is remembered. A file that cannot be read or understood is none.
pub(crate) fn read<D: Disk>(disk: &D, log_directory: &Path) -> Option<SessionId> {
    let file = disk.open(&file(log_directory), Open::Read).ok()?;
    let mut text = [0; 16];
    file.read_exact_at(&mut text, 0).ok()?;
    let text = std::str::from_utf8(&text).ok()?;
    i64::from_str_radix(text, 16).ok().map(SessionId).filter(|id| id.0 != 0)
}

/// Remembers the session. Not synced: after a power loss the wait is no worse than without.
pub(crate) fn write<D: Disk>(disk: &D, log_directory: &Path, session: SessionId) -> io::Result<()> {
    disk.create_directory(log_directory)?;
    let file = disk.open(&file(log_directory), Open::CreateOrWrite)?;
    file.write_at(format!("{:016x}", session.0).as_bytes(), 0)
}
