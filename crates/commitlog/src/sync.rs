//! Making a log durable, split so that the waiting can happen on another thread: the log tells which
//! files to sync, the job syncs them, the log hears of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use disk::{Disk, File, Volume};

use crate::error::{LogError, Result};

/// Whether a log directory is still in use. After the first failed write or sync nothing in it is
/// touched again: what the disk holds is no longer known.
#[derive(Clone, Debug)]
pub(crate) struct Latch {
    offline: Arc<AtomicBool>,
    directory: Arc<PathBuf>,
}

impl Latch {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Latch { offline: Arc::new(AtomicBool::new(false)), directory: Arc::new(directory) }
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.is_offline() {
            return Err(LogError::Offline { path: self.directory.to_path_buf() });
        }
        Ok(())
    }

    pub(crate) fn is_offline(&self) -> bool {
        self.offline.load(Ordering::Acquire)
    }

    /// Takes the directory offline.
    pub(crate) fn close(&self) {
        self.offline.store(true, Ordering::Release);
    }

    /// Passes a result on; a disk failure in it takes the directory offline.
    pub(crate) fn watch<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(LogError::Io { .. }) = result {
            self.close();
        }
        result
    }
}

/// Files to sync so that a log is durable up to an offset. Run it anywhere, then give the outcome to
/// [`Log::finish_sync`](crate::Log::finish_sync).
pub struct SyncJob<D: Disk> {
    pub(crate) disk: D,
    pub(crate) latch: Latch,
    pub(crate) files: Vec<Arc<D::File>>,
    /// The partition's directory, for messages.
    pub(crate) directory: PathBuf,
    /// Directories in which names changed, inner ones first.
    pub(crate) directories: Vec<PathBuf>,
    pub(crate) synced: Synced,
}

/// Proof that everything below an offset reached the disk. Made only by a job that succeeded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Synced {
    pub(crate) up_to: i64,
    /// Whose proof it is.
    pub(crate) log: u64,
    /// Truncations before the job began: a later one makes the proof worthless.
    pub(crate) generation: u64,
    /// Base offset of the active segment when the job began; the indexes of those before are durable.
    pub(crate) sealed_below: i64,
    pub(crate) name_changes: u64,
}

impl Synced {
    /// Offset up to which (exclusive) the log was durable.
    pub fn up_to(&self) -> i64 {
        self.up_to
    }
}

impl<D: Disk> SyncJob<D> {
    /// Syncs the files. A failure takes the log directory offline.
    pub fn run(self) -> Result<Synced> {
        self.latch.check()?;
        let failed = |source| LogError::Io { path: self.directory.clone(), source };
        let all = || -> Result<()> {
            for file in &self.files {
                file.sync().map_err(failed)?;
            }
            for directory in &self.directories {
                self.disk.sync_directory(directory).map_err(failed)?;
            }
            Ok(())
        };
        self.latch.watch(all())?;
        Ok(self.synced)
    }
}

/// A log with something to make durable, which a sync of its whole file system does.
#[derive(Debug)]
pub struct Dirty {
    pub(crate) synced: Synced,
}

/// Makes many logs of one log directory durable by one sync of their file system: that costs one journal's
/// commit and one flush of the device, where syncs of single files cost that for each. Run it anywhere.
pub struct VolumeSync<D: Disk> {
    pub(crate) volume: Arc<D::Volume>,
    pub(crate) latch: Latch,
    pub(crate) directory: PathBuf,
}

impl<D: Disk> VolumeSync<D> {
    /// Syncs. The outcomes are in the order of `logs`, which must have been gathered before. A failure, even one
    /// of another's file on the same disk, takes the log directory offline: nobody can say whose bytes are lost.
    pub fn run(self, logs: Vec<Dirty>) -> Vec<Result<Synced>> {
        let path = self.directory;
        let result = self.latch.check().and_then(|()| {
            let result = self.volume.sync().map_err(|source| LogError::Io { path: path.clone(), source });
            self.latch.watch(result)
        });
        match result {
            Ok(()) => logs.into_iter().map(|dirty| Ok(dirty.synced)).collect(),
            // The reason is told once.
            Err(failure) => std::iter::once(Err(failure))
                .chain(std::iter::repeat_with(|| Err(LogError::Offline { path: path.clone() })))
                .take(logs.len())
                .collect(),
        }
    }
}
