//! What can go wrong with a log on disk, one variant for each different reaction of the caller.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Result of everything in this crate that touches the disk.
pub type Result<T> = std::result::Result<T, LogError>;

/// A failure of the storage, or a request that the log cannot meet.
#[derive(Debug)]
pub enum LogError {
    /// The file system is full. Nothing was appended; the log goes on and the next append may succeed.
    DiskFull {
        /// The file that could not grow.
        path: PathBuf,
    },
    /// Reading, writing or syncing failed. The log directory is offline from here on.
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An earlier failure took this log directory offline.
    Offline {
        /// The log directory.
        path: PathBuf,
    },
    /// The asked offset is below the log start or above the log end.
    OutOfRange {
        /// The asked offset.
        offset: i64,
        /// First offset of the log.
        log_start: i64,
        /// One past its last.
        log_end: i64,
    },
    /// The batches of one append are larger than a segment may become.
    LargerThanSegment {
        /// Size of the append in bytes.
        bytes: usize,
    },
    /// The bytes given to an append are not whole batches with rising offsets from the log's end on.
    NotBatches(&'static str),
    /// A file holds what it must not; the text names the place and, where there is one, the fix.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong, in words for an operator.
        what: String,
    },
    /// The directory belongs to another broker or cluster; the text names the fix.
    Foreign {
        /// The log directory.
        path: PathBuf,
        /// What does not fit and what to do.
        what: String,
    },
}

impl LogError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                LogError::DiskFull { path: path.to_owned() }
            }
            _ => LogError::Io { path: path.to_owned(), source },
        }
    }

    pub(crate) fn corrupt(path: &Path, what: impl Into<String>) -> Self {
        LogError::Corrupt { path: path.to_owned(), what: what.into() }
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogError::DiskFull { path } => {
                write!(f, "{}: no space left; free some, or shorten retention", path.display())
            }
            LogError::Io { path, source } => write!(f, "{}: {source}", path.display()),
            LogError::Offline { path } => {
                write!(f, "log directory {} is offline after an earlier disk error", path.display())
            }
            LogError::OutOfRange { offset, log_start, log_end } => {
                write!(f, "offset {offset} is outside of {log_start}..={log_end}")
            }
            LogError::LargerThanSegment { bytes } => write!(f, "{bytes} bytes do not fit into one segment"),
            LogError::NotBatches(what) => write!(f, "not appendable: {what}"),
            LogError::Corrupt { path, what } => write!(f, "{}: {what}", path.display()),
            LogError::Foreign { path, what } => write!(f, "{}: {what}", path.display()),
        }
    }
}

impl std::error::Error for LogError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LogError::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
