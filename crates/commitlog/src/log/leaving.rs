//! Segments that a log has forgotten and whose files are still there: to unlink a large file takes long,
//! so whoever owns the log may have it done elsewhere.
//!
//! The oldest goes first, each durably before the next: a crash in between leaves no gap.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use disk::Disk;

use super::retention::sync_names;
use super::{Log, Shared};
use crate::error::{LogError, Result};
use crate::segment::Segment;

/// The forgotten segments, oldest first. The lock is held while one is removed, so that nobody gives its
/// name to another meanwhile.
pub(super) type Queue = Arc<Mutex<VecDeque<Leaving>>>;

/// A segment whose files are to be removed.
#[derive(Debug)]
pub(super) struct Leaving {
    segment: Segment,
    /// Behind the files' names.
    suffix: &'static str,
}

/// Behind the names of files that another segment replaced.
pub(super) const DELETED: &str = ".deleted";

impl Leaving {
    /// A segment that the log has no more.
    pub(super) fn forgotten(segment: Segment) -> Self {
        Leaving { segment, suffix: "" }
    }

    /// A segment that was compacted into another, its files renamed already.
    pub(super) fn replaced(segment: Segment) -> Self {
        Leaving { segment, suffix: DELETED }
    }

    fn remove<D: Disk>(self, shared: &Shared<D>, directory: &Path) -> Result<()> {
        let place = shared.place(directory, self.segment.base_offset).with_suffix(self.suffix);
        if self.suffix.is_empty() {
            self.segment.remove(place)?;
        } else {
            self.segment.remove_replaced(place)?;
        }
        sync_names(shared.files.disk(), directory)
    }
}

/// Removes the files of forgotten segments. Run it anywhere.
pub struct RemovalJob<D: Disk> {
    shared: Shared<D>,
    directory: PathBuf,
    queue: Queue,
}

impl<D: Disk> RemovalJob<D> {
    /// Removes the files. A failure takes the log directory offline.
    pub fn run(self) -> Result<()> {
        match remove_all(&self.shared, &self.directory, &self.queue) {
            // The whole partition was deleted meanwhile, and the directory has another name.
            Err(LogError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(()),
            result => self.shared.latch.watch(result),
        }
    }
}

impl<D: Disk> Log<D> {
    /// The files that wait for their removal; `None` if there are none.
    pub fn removal(&self) -> Option<RemovalJob<D>> {
        if self.leaving.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return None;
        }
        let (shared, directory) = (self.shared.clone(), self.directory.clone());
        Some(RemovalJob { shared, directory, queue: self.leaving.clone() })
    }

    /// The files of forgotten segments that are still there: they must be durable before what follows them
    /// counts as durable, or a recovery that meets them finds a gap and cuts what follows.
    pub(super) fn leaving_files(&self) -> Result<Vec<Arc<D::File>>> {
        let leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        let forgotten = leaving.iter().filter(|one| one.suffix.is_empty());
        let file =
            |one: &Leaving| one.segment.file(self.shared.place(&self.directory, one.segment.base_offset));
        forgotten.map(file).collect()
    }

    /// Removes here and now what waits for its removal.
    pub(super) fn finish_removals(&mut self) -> Result<()> {
        let result = remove_all(&self.shared, &self.directory, &self.leaving);
        self.shared.latch.watch(result)
    }
}

fn remove_all<D: Disk>(shared: &Shared<D>, directory: &Path, queue: &Queue) -> Result<()> {
    loop {
        shared.latch.check()?;
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(oldest) = queue.pop_front() else { return Ok(()) };
        oldest.remove(shared, directory)?;
    }
}
