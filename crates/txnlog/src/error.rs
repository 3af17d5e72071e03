//! What can go wrong with a data directory, one variant for each different reaction.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use zookeeper_wire::Zxid;

/// Why the directory cannot be used, or used further.
#[derive(Debug)]
pub enum Error {
    /// The disk refused. The server stops; it may be started again when the cause is gone.
    Disk {
        /// What was attempted.
        doing: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An earlier append or sync failed, so nothing more may be written through this writer.
    Latched,
    /// Bytes that were once durable are not what they were. Needs a person, or another server's data.
    Corrupt {
        /// In which file.
        path: PathBuf,
        /// Where, in bytes from the start of the (uncompressed) file.
        offset: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The file is not what its name says: another magic number or version.
    Foreign {
        /// Which file.
        path: PathBuf,
        /// How it shows.
        why: String,
    },
    /// `dataDir` and `dataLogDir` differ, and one holds files that belong into the other.
    Misplaced {
        /// The file in the wrong place.
        path: PathBuf,
    },
    /// There are snapshots, and none can be read.
    NoUsableSnapshot {
        /// Where they are.
        directory: PathBuf,
        /// How many were tried.
        tried: usize,
        /// What was wrong with the newest.
        newest: String,
    },
    /// There is a log and no snapshot: part of the data is missing, unless an upgrade from 3.4 says
    /// otherwise with `snapshot.trust.empty`.
    LogWithoutSnapshot {
        /// Where the log is.
        directory: PathBuf,
    },
    /// The tree refused a transaction of the log.
    Refused {
        /// Which.
        zxid: Zxid,
        /// Why.
        why: String,
    },
    /// The log has no such transaction, so it cannot be cut behind it.
    NotInLog(Zxid),
}

impl Error {
    pub(crate) fn disk(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Disk { doing, path: path.to_owned(), source }
    }

    pub(crate) fn corrupt(path: &Path, offset: u64, why: impl Into<String>) -> Error {
        Error::Corrupt { path: path.to_owned(), offset, why: why.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Disk { doing, path, source } => write!(f, "{doing} {}: {source}", path.display()),
            Error::Latched => write!(f, "the transaction log failed earlier and takes no more"),
            Error::Corrupt { path, offset, why } => {
                write!(f, "{} is damaged at byte {offset}: {why}", path.display())
            }
            Error::Foreign { path, why } => write!(f, "{} is not ours: {why}", path.display()),
            Error::Misplaced { path } => write!(
                f,
                "{} is in the wrong directory: check that dataDir and dataLogDir are not swapped",
                path.display()
            ),
            Error::NoUsableSnapshot { directory, tried, newest } => write!(
                f,
                "none of the {tried} newest snapshots in {} can be used; the newest: {newest}",
                directory.display()
            ),
            Error::LogWithoutSnapshot { directory } => write!(
                f,
                "{} has a transaction log but there is no snapshot, so data is missing; restore the \
                 snapshot, or set snapshot.trust.empty=true if this is an upgrade from 3.4",
                directory.display()
            ),
            Error::Refused { zxid, why } => write!(f, "transaction {zxid} of the log: {why}"),
            Error::NotInLog(zxid) => write!(f, "the log has no transaction {zxid} to cut behind"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Disk { source, .. } => Some(source),
            _ => None,
        }
    }
}
