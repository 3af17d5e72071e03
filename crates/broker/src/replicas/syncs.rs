//! Making logs durable, for acknowledgements: one round at a time for each log directory. What is appended
//! while a round is under way belongs to the next one, so that load makes the groups.

use std::collections::BTreeSet;

use clock::Moment;
use commitlog::{LogError, SyncJob, Synced};
use disk::Disk;

use super::Replicas;
use crate::TopicPartition;
use crate::limits::{SYNC_LOGS_MIN, SYNCS_AT_ONCE};
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

    /// Partitions of directories that failed since the last call: whoever waits there waits in vain.
    pub(super) fn newly_offline(&mut self) -> Vec<TopicPartition> {
        let mut lost = Vec::new();
        for (number, directory) in self.directories.iter_mut().enumerate() {
            if !directory.log_directory.is_offline() || std::mem::replace(&mut directory.was_offline, true) {
                continue;
            }
            let path = directory.log_directory.path().display();
            self.notes.push(format!("log directory {path} is offline: the partitions in it are not served"));
            let here = self.held.iter().filter(|(_, held)| held.directory == number);
            lost.extend(here.map(|(partition, _)| partition.clone()));
        }
        lost
    }
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
