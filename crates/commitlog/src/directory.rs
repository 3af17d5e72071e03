//! One log directory of a broker (`log.dirs` may name several): whose it is, whether it was closed
//! cleanly, what its checkpoints say, and the partitions in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clock::WallTime;
use disk::{Disk, Open};

use crate::checkpoint::{self, Checkpoint};
use crate::checkpoints::{CheckpointJob, Checkpoints};
use crate::error::{LogError, Result};
use crate::files::Files;
use crate::identity::{self, Identity, MetaProperties};
use crate::log::{Log, LogConfig, Opened, Recovery, Shared};
use crate::names::{DirectoryName, TopicPartition};
use crate::sync::{Latch, VolumeSync};
use crate::tail::TailCache;
use crate::text;

/// A log directory, opened.
pub struct LogDirectory<D: Disk> {
    path: PathBuf,
    shared: Shared<D>,
    /// The file system, if it can be synced as a whole.
    volume: Option<Arc<D::Volume>>,
    meta: Option<MetaProperties>,
    was_clean: bool,
    /// What the checkpoints said when the directory was opened.
    stored: BTreeMap<Checkpoint, BTreeMap<TopicPartition, i64>>,
    partitions: Vec<TopicPartition>,
    /// Directories renamed for removal.
    deleted: Vec<PathBuf>,
    /// Makes names of deleted directories unique.
    deletions: u64,
    notes: Vec<String>,
    checkpoints: Checkpoints<D>,
}

/// The directory of a deleted partition, to be removed with all that is in it. Run it anywhere.
pub struct DeletionJob<D: Disk> {
    disk: D,
    path: PathBuf,
}

impl<D: Disk> DeletionJob<D> {
    /// Removes it.
    pub fn run(self) -> Result<()> {
        self.disk.remove_directory(&self.path).map_err(|source| LogError::io(&self.path, source))
    }
}

/// Marks a directory that was closed cleanly.
const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";

impl<D: Disk> LogDirectory<D> {
    /// Opens the directory at `path` for a broker, creating it if it is missing; leaves that of another
    /// broker untouched. Takes note of the clean-shutdown mark and removes it, so that a crash from here
    /// on is seen as one. The caller holds the `.lock`.
    pub fn open(files: &Files<D>, tail_cache: &TailCache, path: &Path, broker_id: i32) -> Result<Self> {
        let disk = files.disk();
        let fail = |source| LogError::io(path, source);
        create_durably(disk, path)?;
        let meta = MetaProperties::read(disk, path)?;
        if let Some(meta) = &meta {
            meta.check_broker(path, broker_id)?;
        }
        let shared = Shared {
            files: files.clone(),
            tail_cache: tail_cache.clone(),
            latch: Latch::new(path.to_owned()),
        };
        let mut directory = Self::of(shared, path, disk.volume(path).map_err(fail)?);
        let clean_mark = path.join(CLEAN_SHUTDOWN);
        let was_marked = disk.exists(&clean_mark);
        (directory.meta, directory.was_clean) = (meta, was_marked);
        for checkpoint in Checkpoint::ALL {
            directory.read_checkpoint(checkpoint);
        }
        for entry in disk.list(path).map_err(fail)?.into_iter().filter(|entry| entry.is_directory) {
            match DirectoryName::parse(&entry.name) {
                DirectoryName::Partition(partition) => directory.partitions.push(partition),
                DirectoryName::Deleted => directory.deleted.push(path.join(entry.name)),
                DirectoryName::SetAside => directory.notes.push(format!("left {} alone", entry.name)),
                DirectoryName::Other => {}
            }
        }
        let here: BTreeSet<&TopicPartition> = directory.partitions.iter().collect();
        let told = directory.stored.values().flat_map(BTreeMap::keys).filter(|told| !here.contains(told));
        told.for_each(|former| directory.checkpoints.gone(former.clone()));
        if was_marked {
            disk.remove(&clean_mark).map_err(|source| LogError::io(&clean_mark, source))?;
            disk.sync_directory(path).map_err(fail)?;
        }
        Ok(directory)
    }

    /// A directory that could not be opened: offline from the start, and nobody knows what is in it.
    pub fn offline(files: &Files<D>, tail_cache: &TailCache, path: &Path) -> Self {
        let shared = Shared {
            files: files.clone(),
            tail_cache: tail_cache.clone(),
            latch: Latch::new(path.to_owned()),
        };
        shared.latch.close();
        Self::of(shared, path, None)
    }

    fn of(shared: Shared<D>, path: &Path, volume: Option<D::Volume>) -> Self {
        LogDirectory {
            path: path.to_owned(),
            checkpoints: Checkpoints::new(shared.clone(), path.to_owned()),
            shared,
            volume: volume.map(Arc::new),
            meta: None,
            was_clean: false,
            stored: BTreeMap::new(),
            partitions: Vec::new(),
            deleted: Vec::new(),
            deletions: 0,
            notes: Vec::new(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the last owner closed it cleanly.
    pub fn was_clean(&self) -> bool {
        self.was_clean
    }

    /// Whether a disk failure took it out of use.
    pub fn is_offline(&self) -> bool {
        self.shared.latch.is_offline()
    }

    /// How to make many of its logs durable at once; `None` where each must be synced for itself.
    pub fn volume_sync(&self) -> Option<VolumeSync<D>> {
        let volume = self.volume.clone()?;
        Some(VolumeSync { volume, latch: self.shared.latch.clone(), directory: self.path.clone() })
    }

    /// Bytes that can still be written to its file system.
    pub fn free_bytes(&self) -> Result<u64> {
        self.shared.files.disk().free_bytes(&self.path).map_err(|source| LogError::io(&self.path, source))
    }

    /// What was odd when it was opened, in words for an operator. Empties the list.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// The broker id it was last used by, if it was used.
    pub fn broker_id(&self) -> Option<i32> {
        self.meta.as_ref()?.broker_id()?.parse().ok()
    }

    /// The cluster it was last used in, if it was used.
    pub fn cluster_id(&self) -> Option<&str> {
        self.meta.as_ref()?.cluster_id()
    }

    /// Takes the directory for this broker and cluster: refuses another's, marks a new one.
    pub fn claim(&mut self, identity: &Identity) -> Result<()> {
        self.shared.latch.check()?;
        if let Some(meta) = &self.meta {
            meta.check(&self.path, identity)?;
            if meta.broker_id().is_some() && meta.cluster_id().is_some() {
                return Ok(());
            }
        }
        let meta = MetaProperties::of(identity);
        self.shared.latch.watch(meta.write(self.shared.files.disk(), &self.path))?;
        self.meta = Some(meta);
        Ok(())
    }

    /// The partitions it held when it was opened.
    pub fn partitions(&self) -> &[TopicPartition] {
        &self.partitions
    }

    /// What a checkpoint said of a partition when the directory was opened.
    pub fn stored(&self, checkpoint: Checkpoint, partition: &TopicPartition) -> Option<i64> {
        self.stored.get(&checkpoint)?.get(partition).copied()
    }

    /// Opens the log of a partition that is here.
    pub fn open_log(
        &self,
        partition: &TopicPartition,
        config: LogConfig,
        now: WallTime,
    ) -> Result<(Log<D>, Opened)> {
        let recovery = Recovery {
            clean: self.was_clean,
            recovery_point: self.stored(Checkpoint::RecoveryPoint, partition).unwrap_or(0),
            log_start: self.stored(Checkpoint::LogStart, partition).unwrap_or(0),
            first_dirty: self.stored(Checkpoint::Cleaner, partition).unwrap_or(0),
        };
        Log::open(self.shared.clone(), self.path.join(partition.to_string()), config, recovery, now)
    }

    /// Creates the log of a partition that is not here yet. Its directory is durable with the log's first
    /// sync.
    pub fn create_log(
        &self,
        partition: &TopicPartition,
        topic_id: Option<&str>,
        config: LogConfig,
        now: WallTime,
    ) -> Result<Log<D>> {
        self.shared.latch.check()?;
        self.shared.latch.watch(self.create_log_or_fail(partition, topic_id, config, now))
    }

    fn create_log_or_fail(
        &self,
        partition: &TopicPartition,
        topic_id: Option<&str>,
        config: LogConfig,
        now: WallTime,
    ) -> Result<Log<D>> {
        self.checkpoints.forget(partition)?;
        let disk = self.shared.files.disk();
        let path = self.path.join(partition.to_string());
        disk.create_directory(&path).map_err(|source| LogError::io(&path, source))?;
        if let Some(topic_id) = topic_id {
            identity::write_topic_id(disk, &path, topic_id)?;
        }
        let recovery = Recovery { clean: true, ..Recovery::default() };
        let (mut log, _) = Log::open(self.shared.clone(), path, config, recovery, now)?;
        log.note_new_directory();
        Ok(log)
    }

    /// The topic id stored beside a partition's log, in Kafka's base64 form.
    pub fn topic_id(&self, partition: &TopicPartition) -> Result<Option<String>> {
        identity::read_topic_id(self.shared.files.disk(), &self.path.join(partition.to_string()))
    }

    /// Stores the topic id of a partition that has none yet.
    pub fn set_topic_id(&self, partition: &TopicPartition, topic_id: &str) -> Result<()> {
        self.shared.latch.check()?;
        let path = self.path.join(partition.to_string());
        self.shared.latch.watch(identity::write_topic_id(self.shared.files.disk(), &path, topic_id))
    }

    /// Takes a partition out of use: its directory is renamed, durably, so that it never comes back;
    /// [`LogDirectory::deletion`] removes the files later.
    pub fn delete_log(&mut self, partition: &TopicPartition, now: WallTime) -> Result<()> {
        self.shared.latch.check()?;
        let disk = self.shared.files.disk();
        let from = self.path.join(partition.to_string());
        let to = loop {
            self.deletions += 1;
            let unique = (u128::from(now.as_ms() as u64) << 64) | u128::from(self.deletions);
            let to = self.path.join(partition.deleted_directory(unique));
            if !disk.exists(&to) {
                break to;
            }
        };
        let renamed = disk.rename(&from, &to).and_then(|()| disk.sync_directory(&self.path));
        self.shared.latch.watch(renamed.map_err(|source| LogError::io(&from, source)))?;
        self.partitions.retain(|held| held != partition);
        for offsets in self.stored.values_mut() {
            offsets.remove(partition);
        }
        self.checkpoints.gone(partition.clone());
        self.deleted.push(to);
        Ok(())
    }

    /// The directories that wait for removal; whoever takes them removes them (slow for large logs).
    pub fn take_deleted(&mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.deleted)
    }

    /// How to remove one directory that `take_deleted` returned.
    pub fn deletion(&self, path: PathBuf) -> DeletionJob<D> {
        DeletionJob { disk: self.shared.files.disk().clone(), path }
    }

    /// How to replace a checkpoint, durably, by what is true now.
    pub fn checkpoint(&self, checkpoint: Checkpoint, offsets: Vec<(Arc<str>, i32, i64)>) -> CheckpointJob<D> {
        self.checkpoints.job(checkpoint, offsets)
    }

    /// Whether a checkpoint may tell of partitions that are gone: better replaced soon.
    pub fn tells_of_former(&self) -> bool {
        self.checkpoints.tell_of_former()
    }

    /// Marks the directory as closed cleanly. Only after every log in it was closed and every
    /// checkpoint written.
    pub fn mark_clean(&self, broker_epoch: i64) -> Result<()> {
        self.shared.latch.check()?;
        let text = format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}");
        text::replace(self.shared.files.disk(), &self.path.join(CLEAN_SHUTDOWN), &text)
    }

    /// Whether the directory can be written to: a read-only one is better refused at the start.
    pub fn probe(&self) -> Result<()> {
        let path = self.path.join(".castle_probe");
        let fail = |source| LogError::Io { path: self.path.clone(), source };
        drop(self.shared.files.disk().open(&path, Open::Replace).map_err(fail)?);
        self.shared.files.disk().remove(&path).map_err(fail)
    }

    /// A checkpoint that cannot be read counts as empty: recovery then looks at everything.
    fn read_checkpoint(&mut self, checkpoint: Checkpoint) {
        let path = self.path.join(checkpoint.file_name());
        match checkpoint::read_offsets(self.shared.files.disk(), &path) {
            Ok(offsets) => drop(self.stored.insert(checkpoint, offsets)),
            Err(error) => {
                self.was_clean = false;
                self.notes.push(format!("ignored a checkpoint: {error}"));
            }
        }
    }
}

/// Creates a directory and its missing parents so that a power cut cannot take them away.
fn create_durably<D: Disk>(disk: &D, path: &Path) -> Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|ancestor| !disk.exists(ancestor)).collect();
    disk.create_directory(path).map_err(|source| LogError::io(path, source))?;
    for created in missing {
        let parent =
            created.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        disk.sync_directory(parent).map_err(|source| LogError::Io { path: parent.to_owned(), source })?;
    }
    Ok(())
}
