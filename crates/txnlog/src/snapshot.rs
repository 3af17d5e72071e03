//! Snapshots: the whole tree with its sessions and ACLs, in the original's format.
//!
//! ```text
//! header   "ZKSN" | version i32 = 2 | database id i64 = -1
//! sessions count i32, then {id i64 | time-out i32}
//! ACLs     count i32, then {key i64 | list}
//! nodes    {path | data | ACL key i64 | 60 bytes of stat}, parents first, the root's path is ""
//! end      path "/"
//! seal     Adler-32 of everything so far i64 | "/"
//! digest   zxid i64 | version i32 | digest i64, then a seal          (since 3.6)
//! last     zxid i64, then a seal                                     (since 3.9)
//! ```

mod compress;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use disk::{Disk, File, Open};
use zookeeper_wire::{Acl, SessionId, StoredStat, Zxid};

pub use compress::Compression;
pub use reader::{SnapshotReader, SnapshotStream};
pub use writer::SnapshotWriter;

use crate::{Directories, Error};

/// "ZKSN".
const MAGIC: i32 = i32::from_be_bytes(*b"ZKSN");
/// The only version there is.
const VERSION: i32 = 2;
/// What the original writes for the database's id.
const DATABASE: i64 = -1;
/// The path that ends the nodes, and the text behind each checksum.
const END: &str = "/";

/// One thing that a snapshot says, in the order in which it says them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SnapshotItem {
    /// A session that lived.
    Session {
        /// Which.
        id: SessionId,
        /// Its negotiated time-out.
        timeout_ms: i32,
    },
    /// An ACL list that nodes refer to.
    Acl {
        /// How they do.
        key: i64,
        /// The list.
        acl: Vec<Acl>,
    },
    /// A znode. Its parent came before it.
    Node {
        /// The whole path; the root's is empty.
        path: String,
        /// The data.
        data: Option<Vec<u8>>,
        /// The key of its list; -1 for the open one.
        acl: i64,
        /// The rest.
        stat: StoredStat,
    },
    /// The sum over the tree at a transaction. A fuzzy snapshot holds later changes too, so the sum is
    /// compared when the log has been replayed up to that transaction.
    Digest {
        /// The transaction.
        zxid: Zxid,
        /// How it is computed.
        version: i32,
        /// The sum.
        digest: i64,
    },
    /// The last transaction applied when the writing ended; at least that of the file's name.
    Last(Zxid),
}

/// The newest `count` snapshots that are whole as far as their ends tell, newest first.
///
/// The original writes its own without a temporary name and without a sync, so files that stop in the
/// middle are nothing unusual; they are passed over.
pub fn newest_snapshots<D: Disk>(
    disk: &D,
    at: &Directories,
    count: usize,
) -> Result<Vec<(Zxid, Compression, PathBuf)>, Error> {
    let mut whole = Vec::new();
    for (zxid, compression, path) in at.snapshot_files(disk)? {
        if whole.len() == count {
            break;
        }
        let file = disk.open(&path, Open::Read).map_err(Error::disk("open", &path))?;
        if looks_whole(&file, compression).map_err(Error::disk("read", &path))? {
            whole.push((zxid, compression, path));
        }
    }
    Ok(whole)
}

/// The original's test: the last seal's text for a plain file, the magic number for a compressed one.
fn looks_whole<F: File>(file: &F, compression: Compression) -> std::io::Result<bool> {
    const SEAL_TEXT: [u8; 5] = [0, 0, 0, 1, b'/'];
    const BYTES_MIN: u64 = 10;
    let length = file.length()?;
    if length < BYTES_MIN {
        return Ok(false);
    }
    match compression.magic() {
        None => {
            let mut end = [0; SEAL_TEXT.len()];
            file.read_exact_at(&mut end, length - SEAL_TEXT.len() as u64)?;
            Ok(end == SEAL_TEXT)
        }
        Some(magic) => {
            let mut start = vec![0; magic.len()];
            file.read_exact_at(&mut start, 0)?;
            Ok(start == magic)
        }
    }
}
