//! ZooKeeper's data directory: the transaction log, snapshots and epoch files, in the original's own
//! formats, read and written in place.
//!
//! [`recover`] finds the newest snapshot that is whole, replays the log behind it and hands out the
//! [`LogWriter`]. [`LogReader`], [`LogFileReader`] and [`SnapshotReader`] stand alone, for tools. All of
//! it is blocking, streams (memory does not grow with the directory), and works above [`disk::Disk`].
//! An append or sync that failed is final: the writer is latched and nothing is retried.

mod directories;
mod epoch;
mod error;
pub mod limits;
mod log;
mod names;
mod purge;
mod recovery;
mod snapshot;
mod stream;
#[cfg(test)]
mod testing;
mod truncate;

pub use directories::Directories;
pub use epoch::{EpochFile, read_epoch, write_epoch};
pub use error::Error;
pub use log::{Durability, LogEntry, LogFileReader, LogPolicy, LogReader, LogTail, LogWriter, Torn};
pub use names::{log_name, log_zxid, snapshot_name, snapshot_zxid};
pub use purge::purge;
pub use recovery::{EmptySnapshot, Recovered, Refusal, Restore, recover};
pub use snapshot::{
    Compression, SnapshotItem, SnapshotReader, SnapshotStream, SnapshotWriter, newest_snapshots,
};
pub use truncate::{forget_log, truncate};
