//! Making logs durable, for acknowledgements: one round at a time for each log directory. What is appended
//! while a round is under way belongs to the next one, so that load makes the groups.

use std::collections::BTreeSet;

use clock::Moment;
use commitlog::{Dirty, LogError, SyncJob, Synced, VolumeSync};
use disk::Disk;

use super::Replicas;
use crate::TopicPartition;
use crate::limits::{SYNC_LOGS_MIN, SYNC_TOGETHER_LOGS_MIN, SYNCS_AT_ONCE};
use crate::work::{Lane, Outcome, SyncPurpose, Work};

/// The rounds of one log directory.
#[derive(Default)]
pub(super) struct Rounds {
    /// Pieces of the round under way that are not done.
    under_way: usize,
    /// What the next round syncs.
    wanted: BTreeSet<TopicPartition>,
}

impl Rounds {
    pub(super) fn want(&mut self, partition: TopicPartition) {
        self.wanted.insert(partition);
    }
}

impl<D: Disk> Replicas<D> {
    /// Begins a round in each directory that has none under way and something to sync.
    pub(super) fn begin_rounds(&mut self) {
        for directory in 0..self.directories.len() {
            let rounds = &mut self.directories[directory].rounds;
            if rounds.under_way > 0 || rounds.wanted.is_empty() {
                continue;
            }
            let wanted = std::mem::take(&mut rounds.wanted);
            let volume = self.directories[directory].log_directory.volume_sync();
            if let Some(volume) = volume.filter(|_| wanted.len() >= SYNC_TOGETHER_LOGS_MIN) {
                self.begin_round_together(directory, wanted, volume);
                continue;
            }
            let mut jobs = Vec::with_capacity(wanted.len());
            for partition in wanted {
                self.unsynced.remove(&partition);
                let Some(held) = self.held.get_mut(&partition) else { continue };
                match held.replica.begin_commit() {
                    Ok(job) => jobs.extend(job.map(|job| (partition, job))),
                    Err(error) => self.notes.push(format!("{partition} was not synced: {error}")),
                }
            }
            let pieces = jobs.len().div_ceil(SYNC_LOGS_MIN).clamp(1, SYNCS_AT_ONCE);
            let share = jobs.len().div_ceil(pieces).max(1);
            let mut jobs = jobs.into_iter().peekable();
            while jobs.peek().is_some() {
                let piece = jobs.by_ref().take(share).collect();
                self.directories[directory].rounds.under_way += 1;
                self.work.push(sync(Lane::Sync(directory), directory, SyncPurpose::Commit, piece));
            }
        }
    }

    /// Begins a round that syncs the whole file system once, whatever the number of logs.
    fn begin_round_together(
        &mut self,
        directory: usize,
        wanted: BTreeSet<TopicPartition>,
        volume: VolumeSync<D>,
    ) {
        let mut logs = Vec::with_capacity(wanted.len());
        for partition in wanted {
            self.unsynced.remove(&partition);
            let Some(held) = self.held.get_mut(&partition) else { continue };
            match held.replica.begin_commit_together() {
                Ok(dirty) => logs.extend(dirty.map(|dirty| (partition, dirty))),
                Err(error) => self.notes.push(format!("{partition} was not synced: {error}")),
            }
        }
        if logs.is_empty() {
            return;
        }
        self.directories[directory].rounds.under_way += 1;
        let work = Work::new(Lane::Sync(directory), move || Outcome::Synced {
            directory,
            purpose: SyncPurpose::Commit,
            logs: sync_together(volume, logs),
        });
        self.work.push(work);
    }

    /// Closes the logs of a directory, each for itself; returns what failed.
    pub(super) fn close_each(&mut self, directory: usize) -> Vec<(TopicPartition, LogError)> {
        let here = self.held.iter_mut().filter(|(_, held)| held.directory == directory);
        here.filter_map(|(partition, held)| Some((partition.clone(), held.replica.close().err()?))).collect()
    }

    /// Closes the logs of a directory with one sync of its file system; returns what failed.
    pub(super) fn close_together(
        &mut self,
        directory: usize,
        volume: VolumeSync<D>,
    ) -> Vec<(TopicPartition, LogError)> {
        let mut failed = Vec::new();
        let mut logs = Vec::new();
        for (partition, held) in self.held.iter_mut().filter(|(_, held)| held.directory == directory) {
            match held.replica.begin_close_together() {
                Ok(dirty) => logs.extend(dirty.map(|dirty| (partition.clone(), dirty))),
                Err(error) => failed.push((partition.clone(), error)),
            }
        }
        if logs.is_empty() {
            return failed;
        }
        for (partition, outcome) in sync_together(volume, logs) {
            match (outcome, self.held.get_mut(&partition)) {
                (Ok(synced), Some(held)) => held.replica.finish_sync(synced),
                (Ok(_), None) => unreachable!("no log leaves while all are closed"),
                (Err(error), _) => failed.push((partition, error)),
            }
        }
        failed
    }

    /// Takes note of what was synced. Returns the partitions on which somebody may wait.
    pub(crate) fn synced(
        &mut self,
        now: Moment,
        directory: usize,
        purpose: SyncPurpose,
        logs: Vec<(TopicPartition, Result<Synced, LogError>)>,
    ) -> Vec<TopicPartition> {
        match purpose {
            SyncPurpose::Commit => {
                let rounds = &mut self.directories[directory].rounds;
                assert!(rounds.under_way > 0, "a round ends once");
                rounds.under_way -= 1;
            }
            SyncPurpose::Idle => self.upkeep_ended(),
        }
        let mut moved = Vec::new();
        for (partition, outcome) in logs {
            match outcome {
                Ok(synced) => {
                    // Deleted, or deleted and made again: then the log knows that this is none of its own.
                    let Some(held) = self.held.get_mut(&partition) else { continue };
                    held.replica.finish_sync(synced);
                    self.due.recovery_points.get_or_insert(now + self.intervals.recovery_points);
                    if purpose == SyncPurpose::Commit {
                        self.lent.push(partition.clone());
                        moved.push(partition);
                    }
                }
                Err(LogError::Offline { .. }) => {}
                Err(error) => self.notes.push(format!("{partition} was not synced: {error}")),
            }
        }
        moved
    }

    /// Whether a directory failed and the controller does not know.
    pub(crate) fn take_failure(&mut self) -> bool {
        std::mem::take(&mut self.failure_untold)
    }

    /// Partitions of directories that failed since the last call: whoever waits there waits in vain.
    pub(super) fn newly_offline(&mut self) -> Vec<TopicPartition> {
        let mut lost = Vec::new();
        for (number, directory) in self.directories.iter_mut().enumerate() {
            if !directory.log_directory.is_offline() || std::mem::replace(&mut directory.was_offline, true) {
                continue;
            }
            self.failure_untold = true;
            let path = directory.log_directory.path().display();
            self.notes.push(format!("log directory {path} is offline: the partitions in it are not served"));
            let here = self.held.iter().filter(|(_, held)| held.directory == number);
            lost.extend(here.map(|(partition, _)| partition.clone()));
        }
        lost
    }
}

fn sync_together<D: Disk>(
    volume: VolumeSync<D>,
    logs: Vec<(TopicPartition, Dirty)>,
) -> Vec<(TopicPartition, Result<Synced, LogError>)> {
    let (partitions, logs): (Vec<_>, Vec<_>) = logs.into_iter().unzip();
    partitions.into_iter().zip(volume.run(logs)).collect()
}

/// Syncs some logs, one after the other.
pub(super) fn sync<D: Disk>(
    lane: Lane,
    directory: usize,
    purpose: SyncPurpose,
    jobs: Vec<(TopicPartition, SyncJob<D>)>,
) -> Work {
    Work::new(lane, move || {
        let logs = jobs.into_iter().map(|(partition, job)| (partition, job.run())).collect();
        Outcome::Synced { directory, purpose, logs }
    })
}
