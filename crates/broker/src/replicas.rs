//! The replicas that this broker holds, over its log directories: opened at the start, told by the
//! controller what to be, kept by retention and checkpoints, closed at the end.
//!
//! A replica is only ever deleted because the controller said so, never because metadata lacks it.

mod cleaner;
mod intervals;
mod listing;
mod orders;
mod reads;
mod syncs;
mod upkeep;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use clock::Now;
use commitlog::{Checkpoint, Files, Identity, LogDirectory, LogError, TailCache};
use disk::Disk;
use kafka_wire::ErrorCode;
use partition::TopicConfig;

use crate::disk_space::DiskSpace;
use crate::limits::SYNC_TOGETHER_LOGS_MIN;
use crate::replica::{self, Durability, Replica};
use crate::work::Work;
use crate::{Broker, Settings, TopicPartition};

use cleaner::Cleaner;
use intervals::Intervals;
pub(crate) use listing::DirectoryListing;
use reads::Reads;
pub(crate) use reads::{ReadState, ReadTicket};
use syncs::Rounds;
use upkeep::{Due, Upkeep};
pub(crate) use upkeep::{Kept, turn_ended, woken};

/// The replicas by topic and partition.
pub(crate) struct Replicas<D: Disk> {
    broker_id: i32,
    durable_acks: bool,
    producer_expiration_ms: i64,
    /// The broker's settings, where topics inherit from.
    properties: BTreeMap<String, String>,
    directories: Vec<Directory<D>>,
    held: BTreeMap<TopicPartition, Held<D>>,
    /// Partitions whose log could not be opened: never made anew.
    broken: BTreeSet<TopicPartition>,
    /// What topics configure for themselves.
    configs: BTreeMap<Arc<str>, Arc<TopicConfig>>,
    default_config: Arc<TopicConfig>,
    /// Partitions lent to be changed since the last turn ended; may repeat.
    lent: Vec<TopicPartition>,
    /// Partitions with records that are not durable.
    unsynced: BTreeSet<TopicPartition>,
    due: Due,
    reads: Reads,
    upkeep: Upkeep,
    /// Work made since the last turn ended.
    work: Vec<Work>,
    cleaner: Cleaner,
    intervals: Intervals,
    /// Whether no log directory is in use any more.
    all_failed: bool,
    /// Whether a directory failed since the controller was told last.
    failure_untold: bool,
    /// Whether partitions were deleted of which the checkpoints still tell.
    deletion_unstored: bool,
    notes: Vec<String>,
}

/// A log directory and what is written about it now and then.
struct Directory<D: Disk> {
    log_directory: LogDirectory<D>,
    space: Arc<DiskSpace>,
    /// Whether it was told that there is too little space.
    was_full: bool,
    /// Whether it was told that the directory is offline.
    was_offline: bool,
    rounds: Rounds,
}

struct Held<D: Disk> {
    replica: Replica<D>,
    /// Which of the directories it is in.
    directory: usize,
    /// In Kafka's base64 form.
    topic_id: Option<String>,
    /// The log start that the directory's checkpoint has.
    stored_log_start: i64,
    stored_high_watermark: i64,
    /// The recovery point that the directory's checkpoint has, or is about to have.
    stored_recovery_point: i64,
}

impl<D: Disk> Replicas<D> {
    /// Recovers every partition log in the log directories.
    pub(crate) fn open(now: Now, settings: &Settings, disk: D) -> io::Result<Self> {
        let files = Files::new(disk, commitlog::limits::OPEN_FILES_DEFAULT);
        let tail_cache = TailCache::new(commitlog::limits::TAIL_BYTES_DEFAULT);
        let lookup = |name: &str| settings.properties.get(name).map(String::as_str);
        let default_config = TopicConfig::resolve(&BTreeMap::new(), lookup)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?;
        let intervals = Intervals::of(settings);
        let mut replicas = Replicas {
            broker_id: settings.broker_id,
            durable_acks: settings.durable_acks,
            producer_expiration_ms: i64::try_from(settings.producer_id_expiration.as_ms())
                .unwrap_or(i64::MAX),
            properties: settings.properties.clone(),
            directories: Vec::new(),
            held: BTreeMap::new(),
            broken: BTreeSet::new(),
            configs: BTreeMap::new(),
            default_config: Arc::new(default_config),
            lent: Vec::new(),
            unsynced: BTreeSet::new(),
            due: Due::new(now.moment, &intervals),
            reads: Reads::default(),
            upkeep: Upkeep::default(),
            work: Vec::new(),
            cleaner: Cleaner::new(now.moment, &intervals, lookup("log.cleaner.enable") != Some("false")),
            intervals,
            all_failed: false,
            failure_untold: false,
            deletion_unstored: false,
            notes: Vec::new(),
        };
        let mut refused = None;
        for path in &settings.log_directories {
            let opened = if settings.failed_log_directories.contains(path) {
                Err(LogError::Offline { path: path.clone() })
            } else {
                LogDirectory::open(&files, &tail_cache, path, settings.broker_id)
                    .and_then(|log_directory| log_directory.probe().map(|()| log_directory))
            };
            let log_directory = match opened {
                Ok(log_directory) => log_directory,
                Err(foreign @ LogError::Foreign { .. }) => return Err(refusal(foreign)),
                Err(error) => {
                    replicas.notes.push(format!("log directory {} cannot be used: {error}", path.display()));
                    refused.get_or_insert(error);
                    LogDirectory::offline(&files, &tail_cache, path)
                }
            };
            replicas.add_directory(log_directory, now)?;
        }
        match refused {
            Some(error) if !replicas.has_directory_in_use() => return Err(refusal(error)),
            _ => {}
        }
        replicas.store_now(Checkpoint::RecoveryPoint);
        Ok(replicas)
    }

    /// Whether files may be written into a log directory.
    pub(crate) fn uses(&self, path: &Path) -> bool {
        let mut in_use = self.directories.iter().filter(|directory| !directory.log_directory.is_offline());
        in_use.any(|directory| directory.log_directory.path() == path)
    }

    fn has_directory_in_use(&self) -> bool {
        self.directories.iter().any(|directory| !directory.log_directory.is_offline())
    }

    /// Whether there may be partitions here of which nobody knows: in a directory that could not be opened.
    fn may_hold_more(&self) -> bool {
        self.directories.iter().any(|directory| directory.log_directory.is_offline())
    }

    fn add_directory(&mut self, mut log_directory: LogDirectory<D>, now: Now) -> io::Result<()> {
        self.notes.append(&mut log_directory.take_notes());
        let directory = self.directories.len();
        let space = Arc::<DiskSpace>::default();
        for named in log_directory.partitions().to_vec() {
            let partition = TopicPartition::new(named.topic.as_str(), named.partition);
            if self.held.contains_key(&partition) || self.broken.contains(&partition) {
                let message = format!(
                    "{partition} is in two log directories, {} and another; remove one of them",
                    log_directory.path().display()
                );
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            let config = self.default_config.clone();
            let loaded = replica::load(
                &log_directory,
                &named,
                config,
                (self.durable_acks, space.clone()),
                self.producer_expiration_ms,
                now,
            );
            let topic_id = log_directory.topic_id(&named);
            match loaded.and_then(|loaded| Ok((loaded, topic_id?))) {
                Ok(((replica, notes), topic_id)) => {
                    self.notes.extend(notes.into_iter().map(|note| format!("{partition}: {note}")));
                    if replica.is_unsynced() {
                        self.unsynced.insert(partition.clone());
                    }
                    let stored_log_start = replica.log_start_offset();
                    let held = Held {
                        stored_recovery_point: replica.recovery_point(),
                        replica,
                        directory,
                        topic_id,
                        stored_log_start,
                        stored_high_watermark: -1,
                    };
                    self.held.insert(partition, held);
                }
                Err(error) => {
                    self.notes.push(format!("{partition} cannot be opened and stays offline: {error}"));
                    self.broken.insert(partition);
                }
            }
        }
        for path in log_directory.take_deleted() {
            self.due.remove(now.moment, directory, path);
        }
        let rounds = Rounds::default();
        self.directories.push(Directory {
            log_directory,
            space,
            was_full: false,
            was_offline: false,
            rounds,
        });
        Ok(())
    }

    /// Takes the log directories for this cluster, whose id the keeper told. An error, in words with the
    /// fix, if one belongs to another: the broker must halt.
    pub(crate) fn claim(&mut self, cluster_id: &str) -> Result<(), String> {
        let identity = Identity { broker_id: self.broker_id, cluster_id: cluster_id.to_owned() };
        for directory in &mut self.directories {
            match directory.log_directory.claim(&identity) {
                Ok(()) | Err(LogError::Offline { .. }) => {}
                Err(foreign @ LogError::Foreign { .. }) => return Err(foreign.to_string()),
                Err(error) => self.notes.push(format!("a log directory was not marked as ours: {error}")),
            }
        }
        Ok(())
    }

    /// The replica, if this broker leads the partition, to be changed: the end of the turn looks after it.
    pub(crate) fn leader(&mut self, partition: &TopicPartition) -> Option<&mut Replica<D>> {
        let held = self.held.get_mut(partition)?;
        held.replica.leadership()?;
        if self.lent.last() != Some(partition) {
            self.lent.push(partition.clone());
        }
        Some(&mut held.replica)
    }

    /// The replica, if this broker leads the partition, only to be read.
    pub(crate) fn leader_to_read(&mut self, partition: &TopicPartition) -> Option<&mut Replica<D>> {
        let held = self.held.get_mut(partition)?;
        held.replica.leadership()?;
        Some(&mut held.replica)
    }

    /// The replica, if this broker holds it in whatever part, only to be read.
    pub(crate) fn in_any_part(&mut self, partition: &TopicPartition) -> Option<&mut Replica<D>> {
        self.held.get_mut(partition).map(|held| &mut held.replica)
    }

    /// The replica, if this broker holds it and does not lead; the end of the turn looks after it.
    pub(crate) fn follower(&mut self, partition: &TopicPartition) -> Option<&mut Replica<D>> {
        let held = self.held.get_mut(partition)?;
        if held.replica.leadership().is_some() {
            return None;
        }
        if self.lent.last() != Some(partition) {
            self.lent.push(partition.clone());
        }
        Some(&mut held.replica)
    }

    /// Whether the partition's log has records that are being written to the disk.
    pub(crate) fn awaits_sync(&self, partition: &TopicPartition) -> bool {
        self.held.get(partition).is_some_and(|held| {
            let replica = &held.replica;
            !replica.is_offline()
                && replica.is_unsynced()
                && replica.recovery_point() < replica.log_end_offset()
        })
    }

    /// The latest epoch that the controller told about a partition that is held here.
    pub(crate) fn leader_epoch(&self, partition: &TopicPartition) -> Option<i32> {
        Some(self.held.get(partition)?.replica.leader_epoch())
    }

    /// Partitions led here with members of their in-sync sets that fell behind.
    pub(crate) fn lagging(
        &self,
        now: clock::Moment,
        lag_max: clock::Span,
    ) -> Vec<(TopicPartition, Vec<i32>)> {
        let led = self
            .held
            .iter()
            .filter_map(|(partition, held)| Some((partition, &held.replica, held.replica.leadership()?)));
        let lagging = led.map(|(partition, replica, leadership)| {
            (partition.clone(), leadership.lagging(replica.log_end_offset(), now, lag_max))
        });
        lagging.filter(|(_, members)| !members.is_empty()).collect()
    }

    /// Whether this broker leads the partition, or knows that its log cannot be used.
    pub(crate) fn leads(&self, partition: &TopicPartition) -> bool {
        match self.held.get(partition) {
            Some(held) => held.replica.leadership().is_some() || held.replica.is_offline(),
            None => self.broken.contains(partition),
        }
    }

    /// Whether what was appended up to `end` may be acknowledged; an error if it never will be.
    pub(crate) fn reached(
        &self,
        partition: &TopicPartition,
        end: i64,
        durability: Durability,
    ) -> Result<bool, ErrorCode> {
        let held = self.held.get(partition).ok_or(ErrorCode::NOT_LEADER_OR_FOLLOWER)?;
        held.replica.reached(end, durability)
    }

    /// Takes the work that was made.
    pub(crate) fn take_work(&mut self) -> Vec<Work> {
        std::mem::take(&mut self.work)
    }

    /// Closes every log and marks the directories as closed cleanly, so that the next start looks for
    /// nothing. Returns what went wrong, in words. No replica may be used afterwards.
    fn close(&mut self, broker_epoch: i64) -> Vec<String> {
        let mut failed = BTreeSet::new();
        for directory in 0..self.directories.len() {
            let volume = self.directories[directory].log_directory.volume_sync();
            let troubles = match volume.filter(|_| self.held.len() >= SYNC_TOGETHER_LOGS_MIN) {
                Some(volume) => self.close_together(directory, volume),
                None => self.close_each(directory),
            };
            if !troubles.is_empty() {
                failed.insert(directory);
            }
            for (partition, error) in troubles {
                self.notes.push(format!("{partition} was not closed: {error}"));
            }
        }
        for checkpoint in upkeep::CHECKPOINTS {
            self.store_now(checkpoint);
        }
        for (number, directory) in self.directories.iter().enumerate() {
            if failed.contains(&number) {
                continue;
            }
            if let Err(error) = directory.log_directory.mark_clean(broker_epoch) {
                self.notes.push(format!("the next start will check the logs: {error}"));
            }
        }
        std::mem::take(&mut self.notes)
    }
}

impl<D: Disk> Broker<D> {
    /// Closes the logs, so that the next start has nothing to check: the last thing before the process
    /// ends. Returns what went wrong, in words; nothing may be asked of the broker afterwards.
    pub fn close_logs(&mut self) -> Vec<String> {
        self.replicas.close(NO_BROKER_EPOCH)
    }
}

/// The mark of a clean stop has room for the epoch of the broker's registration, which only brokers
/// without ZooKeeper look at.
const NO_BROKER_EPOCH: i64 = -1;

fn refusal(error: LogError) -> io::Error {
    match error {
        LogError::Io { path, source } => {
            let message = format!("log directory {}: {source}; see log.dirs", path.display());
            io::Error::new(source.kind(), message)
        }
        other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
    }
}
