//! What replicas need as time passes: syncs, checkpoints, retention, the removal of deleted logs, and a
//! look at the space that is left.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use clock::{Moment, Now, Span};
use commitlog::{Checkpoint, LogError};
use disk::Disk;

use super::Replicas;
use super::intervals::Intervals;
use crate::limits::{FREE_BYTES_MIN, IDLE_SYNC_AFTER, IDLE_SYNCS_PER_WAKE, SNAPSHOT_GROWTH_BYTES};
use crate::purgatory::WatchKey;
use crate::{Broker, Effect, Event, TopicPartition};

/// What is due, and when.
pub(super) struct Due {
    retention: Moment,
    /// Only while there is something to store.
    high_watermarks: Option<Moment>,
    recovery_points: Option<Moment>,
    /// Only while something is not durable.
    idle_syncs: Option<Moment>,
    /// The earliest that `flush.ms` asks for.
    flushes: Option<Moment>,
    /// Directories of deleted logs, the earliest first.
    removals: BTreeSet<(Moment, usize, PathBuf)>,
}

impl Due {
    pub(super) fn new(now: Moment, intervals: &Intervals) -> Self {
        Due {
            retention: now + FIRST_RETENTION_AFTER.min(intervals.retention),
            high_watermarks: None,
            recovery_points: None,
            idle_syncs: None,
            flushes: None,
            removals: BTreeSet::new(),
        }
    }

    /// Removes a directory of a deleted log at that moment.
    pub(super) fn remove(&mut self, at: Moment, directory: usize, path: PathBuf) {
        self.removals.insert((at, directory, path));
    }

    fn next(&self) -> Moment {
        let removal = self.removals.first().map(|removal| removal.0);
        let optional = [self.high_watermarks, self.recovery_points, self.idle_syncs, self.flushes, removal];
        optional.into_iter().flatten().fold(self.retention, Moment::min)
    }
}

/// How long after the start retention first looks: Kafka's delay, so that a start is not slowed down.
const FIRST_RETENTION_AFTER: Span = Span::seconds(30);

impl<D: Disk> Replicas<D> {
    /// When it next wants [`woken`] (retention, checkpoints).
    pub(crate) fn deadline(&self) -> Option<Moment> {
        let is_idle = self.held.is_empty() && self.due.removals.is_empty();
        (!is_idle).then(|| self.due.next().min(self.cleaner.next()))
    }

    /// Looks at what was lent in this turn: syncs what must be durable, and returns the partitions on
    /// which somebody may wait.
    pub(super) fn settle(&mut self, now: Moment) -> Vec<TopicPartition> {
        let mut lent = std::mem::take(&mut self.lent);
        lent.sort_unstable();
        lent.dedup();
        let mut moved = Vec::new();
        let mut starts_moved = false;
        for partition in lent {
            let Some(held) = self.held.get_mut(&partition) else { continue };
            let replica = &mut held.replica;
            if replica.is_unsynced() && (self.durable_acks || replica.wants_flush(now)) {
                if let Err(error) = replica.sync() {
                    self.notes.push(format!("{partition} is offline: {error}"));
                }
                replica.advance_high_watermark();
                moved.push(partition.clone());
                self.due.recovery_points.get_or_insert(now + self.intervals.recovery_points);
            }
            if replica.is_unsynced() {
                self.due.idle_syncs.get_or_insert(now + IDLE_SYNC_AFTER);
                self.due.flushes = earliest(self.due.flushes, replica.flush_deadline());
                self.unsynced.insert(partition);
            } else {
                self.unsynced.remove(&partition);
            }
            if replica.high_watermark() != held.stored_high_watermark {
                self.due.high_watermarks.get_or_insert(now + self.intervals.high_watermarks);
            }
            starts_moved |= replica.log_start_offset() != held.stored_log_start;
        }
        if starts_moved {
            // Deleted records must stay deleted: at once, it is rare.
            self.store_log_starts();
        }
        moved
    }

    pub(super) fn upkeep(&mut self, now: Now) -> Vec<TopicPartition> {
        let mut moved = Vec::new();
        if self.due.flushes.is_some_and(|at| at <= now.moment) {
            moved = self.flush(now.moment);
        }
        if self.due.idle_syncs.is_some_and(|at| at <= now.moment) {
            self.sync_idle(now.moment);
        }
        if self.due.high_watermarks.is_some_and(|at| at <= now.moment) {
            self.due.high_watermarks = None;
            self.store_high_watermarks();
            self.look_at_space();
        }
        if self.due.recovery_points.is_some_and(|at| at <= now.moment) {
            self.due.recovery_points = None;
            self.store_recovery_points();
        }
        if self.due.retention <= now.moment {
            self.due.retention = now.moment + self.intervals.retention;
            self.retain(now);
        }
        while let Some((at, _, _)) = self.due.removals.first() {
            if *at > now.moment {
                break;
            }
            let Some((_, directory, path)) = self.due.removals.pop_first() else { break };
            if let Err(error) = self.directories[directory].log_directory.remove_deleted(&path) {
                self.notes.push(format!("a deleted log is still there: {error}"));
            }
        }
        if self.cleaner.next() <= now.moment {
            self.clean(now);
        }
        moved
    }

    /// Whether the last log directory in use has failed just now.
    fn lost_last_directory(&mut self) -> bool {
        let all_failed = self.directories.iter().all(|directory| directory.log_directory.is_offline());
        all_failed && !std::mem::replace(&mut self.all_failed, true)
    }

    /// Syncs what `flush.ms` asks for.
    fn flush(&mut self, now: Moment) -> Vec<TopicPartition> {
        let mut flushed = Vec::new();
        let mut next = None;
        for partition in &self.unsynced {
            let Some(held) = self.held.get_mut(partition) else { continue };
            if held.replica.wants_flush(now) {
                report(&mut self.notes, partition, held.replica.sync());
                held.replica.advance_high_watermark();
                flushed.push(partition.clone());
            } else {
                next = earliest(next, held.replica.flush_deadline());
            }
        }
        self.due.flushes = next;
        for partition in &flushed {
            self.unsynced.remove(partition);
        }
        flushed
    }

    /// Syncs a few logs that nobody writes to any more, and sealed segments of those that are written.
    fn sync_idle(&mut self, now: Moment) {
        let mut budget = IDLE_SYNCS_PER_WAKE;
        let mut synced = Vec::new();
        for partition in &self.unsynced {
            let Some(held) = self.held.get_mut(partition) else { continue };
            let is_idle = held.replica.unsynced_latest().is_none_or(|at| now.since(at) >= IDLE_SYNC_AFTER);
            if budget == 0 {
                break;
            }
            let done = if is_idle { held.replica.sync() } else { held.replica.sync_sealed() };
            let done = done.and_then(|()| held.replica.snapshot_after(SNAPSHOT_GROWTH_BYTES));
            report(&mut self.notes, partition, done);
            if is_idle {
                budget -= 1;
                synced.push(partition.clone());
            }
        }
        if !synced.is_empty() {
            self.due.recovery_points.get_or_insert(now + self.intervals.recovery_points);
        }
        for partition in &synced {
            self.unsynced.remove(partition);
        }
        let wait = if budget == 0 { IDLE_SYNC_AGAIN } else { IDLE_SYNC_AFTER };
        self.due.idle_syncs = (!self.unsynced.is_empty()).then_some(now + wait);
    }

    fn retain(&mut self, now: Now) {
        let mut removed = 0;
        for (partition, held) in &mut self.held {
            if held.replica.is_offline() {
                continue;
            }
            match held.replica.retain(now, self.producer_expiration_ms) {
                Ok(count) => removed += count,
                Err(error) => self.notes.push(format!("{partition}: retention stopped: {error}")),
            }
        }
        if removed > 0 {
            self.store_log_starts();
            self.store_recovery_points();
        }
        self.look_at_space();
    }

    /// Before a disk is full, clients' records are refused: what the broker itself must write still fits.
    pub(super) fn look_at_space(&mut self) {
        for directory in &self.directories {
            let Ok(free) = directory.log_directory.free_bytes() else { continue };
            let is_full = free < FREE_BYTES_MIN;
            if directory.is_full.swap(is_full, Ordering::Relaxed) != is_full {
                let path = directory.log_directory.path().display();
                self.notes.push(if is_full {
                    format!("{path}: only {} MiB free; producers are refused until there is more", free >> 20)
                } else {
                    format!("{path}: there is space again; producers are served")
                });
            }
        }
    }

    pub(super) fn store_high_watermarks(&mut self) {
        self.store(Checkpoint::HighWatermark);
        for held in self.held.values_mut() {
            held.stored_high_watermark = held.replica.high_watermark();
        }
    }

    pub(super) fn store_log_starts(&mut self) {
        self.store(Checkpoint::LogStart);
        for held in self.held.values_mut() {
            held.stored_log_start = held.replica.log_start_offset();
        }
    }

    pub(super) fn store_recovery_points(&mut self) {
        self.store(Checkpoint::RecoveryPoint);
    }

    pub(super) fn store_first_dirty(&mut self) {
        if self.held.values().any(|held| held.replica.first_dirty() > 0) {
            self.store(Checkpoint::Cleaner);
        }
    }

    fn store(&mut self, checkpoint: Checkpoint) {
        for (number, directory) in self.directories.iter().enumerate() {
            if directory.log_directory.is_offline() {
                continue;
            }
            let here = self.held.iter().filter(|(_, held)| held.directory == number);
            let offsets = here.filter_map(|(partition, held)| {
                let offset = match checkpoint {
                    Checkpoint::HighWatermark => held.replica.high_watermark(),
                    Checkpoint::RecoveryPoint => held.replica.recovery_point(),
                    Checkpoint::LogStart => held.replica.log_start_offset(),
                    Checkpoint::Cleaner => held.replica.first_dirty(),
                };
                let is_worth_a_line =
                    offset > 0 || !matches!(checkpoint, Checkpoint::LogStart | Checkpoint::Cleaner);
                is_worth_a_line.then_some((&*partition.topic, partition.partition, offset))
            });
            if let Err(error) = directory.log_directory.write_checkpoint(checkpoint, offsets) {
                self.notes.push(format!("a checkpoint was not written: {error}"));
            }
        }
    }
}

/// How soon to go on syncing idle logs when there were more than one wake may sync.
const IDLE_SYNC_AGAIN: Span = Span::ms(200);

fn report(notes: &mut Vec<String>, partition: &TopicPartition, outcome: Result<(), LogError>) {
    if let Err(error) = outcome {
        notes.push(format!("{partition}: {error}"));
    }
}

fn earliest(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    one.into_iter().chain(other).min()
}

/// Does what is due by time.
pub(crate) fn woken<D: Disk>(broker: &mut Broker<D>, now: Now, _effects: &mut Vec<Effect>) {
    if broker.replicas.deadline().is_none_or(|at| at > now.moment) {
        return;
    }
    for partition in broker.replicas.upkeep(now) {
        broker.purgatory.touch(&WatchKey::Partition(partition));
    }
}

/// Ends the shell's turn: syncs what must be durable, advances high watermarks, and touches
/// `WatchKey::Partition` of those that moved.
pub(crate) fn turn_ended<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    for partition in broker.replicas.settle(now.moment) {
        broker.purgatory.touch(&WatchKey::Partition(partition));
    }
    let notes = std::mem::take(&mut broker.replicas.notes);
    effects.extend(notes.into_iter().map(|note| Effect::Event(Event::Note(note))));
    if broker.replicas.lost_last_directory() {
        let reason =
            "every log directory failed; see the messages before, mend the disk and start again".into();
        effects.push(Effect::Halt { reason });
    }
}
