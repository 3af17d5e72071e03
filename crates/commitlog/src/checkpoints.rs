//! The four checkpoints of a log directory as they are written: by jobs that run anywhere, of which an older
//! one never replaces what a newer one wrote, and without a word about partitions that are gone.
//!
//! Invariant: before the log of a partition is made, no checkpoint on the disk tells of another log that had
//! the same name, and no job will: its log start or recovery point would be believed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use disk::Disk;

use crate::checkpoint::{self, Checkpoint};
use crate::error::Result;
use crate::log::Shared;
use crate::names::TopicPartition;

/// The checkpoints of one log directory.
pub(crate) struct Checkpoints<D: Disk> {
    shared: Shared<D>,
    directory: PathBuf,
    /// Jobs made and partitions that went so far: what came later has the higher number.
    events: AtomicU64,
    records: Arc<Records>,
}

#[derive(Default)]
struct Records {
    /// The number of the latest job of each kind that reached the disk. Locked while one is written.
    written: Mutex<BTreeMap<Checkpoint, u64>>,
    /// Partitions that went, until every checkpoint was written anew; with the number at which they went.
    former: Mutex<BTreeMap<TopicPartition, u64>>,
}

/// A checkpoint to be written. Run it anywhere.
pub struct CheckpointJob<D: Disk> {
    shared: Shared<D>,
    path: PathBuf,
    checkpoint: Checkpoint,
    offsets: Vec<(Arc<str>, i32, i64)>,
    number: u64,
    records: Arc<Records>,
}

impl<D: Disk> CheckpointJob<D> {
    /// Replaces the checkpoint, durably, unless a later one is there already.
    pub fn run(mut self) -> Result<()> {
        self.shared.latch.check()?;
        let mut written = locked(&self.records.written);
        let latest = written.entry(self.checkpoint).or_default();
        if *latest >= self.number {
            return Ok(());
        }
        let former = locked(&self.records.former);
        if !former.is_empty() {
            self.offsets.retain(|(topic, partition, _)| {
                let went = former.get(&TopicPartition::new(&**topic, *partition));
                went.is_none_or(|went| *went < self.number)
            });
        }
        drop(former);
        let offsets = self.offsets.iter().map(|(topic, partition, offset)| (&**topic, *partition, *offset));
        let result = checkpoint::write_offsets(self.shared.files.disk(), &self.path, offsets);
        self.shared.latch.watch(result)?;
        *latest = self.number;
        Ok(())
    }
}

impl<D: Disk> Checkpoints<D> {
    pub(crate) fn new(shared: Shared<D>, directory: PathBuf) -> Self {
        Checkpoints { shared, directory, events: AtomicU64::new(0), records: Arc::default() }
    }

    /// How to replace a checkpoint, durably, by what is true now.
    pub(crate) fn job(&self, checkpoint: Checkpoint, offsets: Vec<(Arc<str>, i32, i64)>) -> CheckpointJob<D> {
        CheckpointJob {
            shared: self.shared.clone(),
            path: self.path(checkpoint),
            checkpoint,
            offsets,
            number: self.next_number(),
            records: self.records.clone(),
        }
    }

    /// Takes note that a partition is gone of which checkpoints may tell.
    pub(crate) fn gone(&self, partition: TopicPartition) {
        let number = self.next_number();
        let mut former = locked(&self.records.former);
        // Whoever is writing now leaves this to the next that goes.
        if let Ok(written) = self.records.written.try_lock() {
            let latest = |checkpoint| written.get(checkpoint).copied().unwrap_or(0);
            let all_written = Checkpoint::ALL.iter().map(latest).min().unwrap_or(0);
            former.retain(|_, went| *went > all_written);
        }
        former.insert(partition, number);
    }

    /// Whether checkpoints may tell of partitions that are gone.
    pub(crate) fn tell_of_former(&self) -> bool {
        !locked(&self.records.former).is_empty()
    }

    /// Makes sure, durably, that no checkpoint tells of a partition, whose log is about to be made.
    pub(crate) fn forget(&self, partition: &TopicPartition) -> Result<()> {
        let Some(went) = locked(&self.records.former).get(partition).copied() else { return Ok(()) };
        let written = locked(&self.records.written);
        for checkpoint in Checkpoint::ALL {
            if written.get(&checkpoint).is_some_and(|latest| *latest > went) {
                continue;
            }
            let path = self.path(checkpoint);
            // What cannot be read is not believed either.
            let Ok(mut offsets) = checkpoint::read_offsets(self.shared.files.disk(), &path) else { continue };
            if offsets.remove(partition).is_some() {
                let offsets = offsets.iter().map(|(one, offset)| (&*one.topic, one.partition, *offset));
                checkpoint::write_offsets(self.shared.files.disk(), &path, offsets)?;
            }
        }
        Ok(())
    }

    fn path(&self, checkpoint: Checkpoint) -> PathBuf {
        self.directory.join(checkpoint.file_name())
    }

    fn next_number(&self) -> u64 {
        self.events.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// What is behind a lock is sound whatever happened to its last holder: each change is one assignment.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
