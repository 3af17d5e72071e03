//! What replicas need as time passes: syncs, checkpoints, retention, the removal of deleted logs, and a
//! look at the space that is left. What waits for the disk is done elsewhere, a bounded number at a time.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;
use std::path::PathBuf;

use clock::{Moment, Now, Span};
use commitlog::{Checkpoint, CheckpointJob, RemovalJob};
use disk::Disk;

use super::Replicas;
use super::intervals::Intervals;
use super::syncs::sync;
use crate::limits::{
    IDLE_SYNC_AFTER, IDLE_SYNCS_PER_WAKE, RETAINED_PER_WAKE, RETENTION_PAUSE, SNAPSHOT_GROWTH_BYTES,
    UPKEEP_AT_ONCE,
};
use crate::purgatory::WatchKey;
use crate::work::{Lane, Outcome, SyncPurpose, Work};
use crate::{Broker, Effect, Event, TopicPartition};

/// What is due, and when.
pub(super) struct Due {
    retention: Moment,
    /// The last replica that retention looked at, while it is on its way through them.
    retained: Option<TopicPartition>,
    /// Whether this way removed anything yet.
    has_removed: bool,
    /// Only while there is something to store.
    high_watermarks: Option<Moment>,
    pub(super) recovery_points: Option<Moment>,
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
            retained: None,
            has_removed: false,
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

/// Upkeep that is done elsewhere.
#[derive(Default)]
pub(super) struct Upkeep {
    under_way: usize,
    waiting: VecDeque<Work>,
}

/// What came of a piece of upkeep.
pub(crate) struct Kept {
    /// What it was, to be tried again if it failed.
    checkpoint: Option<Checkpoint>,
    /// What went wrong, in words.
    note: Option<String>,
}

/// How long after the start retention first looks: Kafka's delay, so that a start is not slowed down.
const FIRST_RETENTION_AFTER: Span = Span::seconds(30);

impl<D: Disk> Replicas<D> {
    /// When it next wants [`woken`] (retention, checkpoints).
    pub(crate) fn deadline(&self) -> Option<Moment> {
        let is_idle = self.held.is_empty() && self.due.removals.is_empty();
        let cleaning = self.cleaner.next();
        (!is_idle).then(|| cleaning.into_iter().fold(self.due.next(), Moment::min))
    }

    /// Looks at what was lent in this turn: has synced what must be durable, and returns the partitions on
    /// which somebody waits in vain.
    pub(super) fn settle(&mut self, now: Moment) -> Vec<TopicPartition> {
        let mut lent = std::mem::take(&mut self.lent);
        lent.sort_unstable();
        lent.dedup();
        let mut starts_moved = false;
        let mut cut = BTreeSet::new();
        for partition in lent {
            let Some(held) = self.held.get_mut(&partition) else { continue };
            let replica = &mut held.replica;
            if replica.is_unsynced() && (self.durable_acks || replica.wants_flush(now)) {
                self.directories[held.directory].rounds.want(partition.clone());
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
            if replica.recovery_point() < held.stored_recovery_point
                || replica.log_start_offset() < held.stored_log_start
            {
                cut.insert(held.directory);
            }
        }
        if !cut.is_empty() {
            // Before the next append: what is written below a recovery point is believed unseen, and a log that
            // ends before its start is emptied.
            self.store_now_in(&cut, Checkpoint::LogStart);
            self.store_now_in(&cut, Checkpoint::RecoveryPoint);
        }
        if starts_moved {
            // Deleted records must stay deleted: at once, it is rare.
            self.store(Checkpoint::LogStart);
        }
        if std::mem::take(&mut self.deletion_unstored) {
            CHECKPOINTS.into_iter().for_each(|checkpoint| self.store(checkpoint));
        }
        self.begin_rounds();
        self.tell_of_space();
        self.newly_offline()
    }

    pub(super) fn upkeep(&mut self, now: Now) {
        if self.due.flushes.is_some_and(|at| at <= now.moment) {
            self.flush(now.moment);
        }
        if self.due.idle_syncs.is_some_and(|at| at <= now.moment) {
            self.sync_idle(now.moment);
        }
        if self.due.high_watermarks.is_some_and(|at| at <= now.moment) {
            self.due.high_watermarks = None;
            self.store(Checkpoint::HighWatermark);
            self.look_at_space();
        }
        if self.due.recovery_points.is_some_and(|at| at <= now.moment) {
            self.due.recovery_points = None;
            self.store(Checkpoint::RecoveryPoint);
        }
        if self.due.retention <= now.moment {
            self.retain(now);
        }
        while let Some((at, _, _)) = self.due.removals.first() {
            if *at > now.moment {
                break;
            }
            let Some((_, directory, path)) = self.due.removals.pop_first() else { break };
            let deletion = self.directories[directory].log_directory.deletion(path);
            self.later(None, move || {
                deletion.run().map_err(|error| format!("a deleted log is still there: {error}"))
            });
        }
        if self.cleaner.next().is_some_and(|at| at <= now.moment) {
            self.clean(now);
        }
    }

    /// Has something done elsewhere, after what was given before.
    fn later(
        &mut self,
        checkpoint: Option<Checkpoint>,
        run: impl FnOnce() -> Result<(), String> + Send + 'static,
    ) {
        let work = Work::new(Lane::Upkeep, move || Outcome::Kept(Kept { checkpoint, note: run().err() }));
        self.upkeep.waiting.push_back(work);
        self.release_upkeep();
    }

    /// Has the files of old segments removed.
    pub(super) fn remove_segments(&mut self, partition: TopicPartition, job: RemovalJob<D>) {
        self.later(None, move || {
            job.run().map_err(|error| format!("{partition}: old segments are still there: {error}"))
        });
    }

    fn release_upkeep(&mut self) {
        while self.upkeep.under_way < UPKEEP_AT_ONCE {
            let Some(work) = self.upkeep.waiting.pop_front() else { return };
            self.upkeep.under_way += 1;
            self.work.push(work);
        }
    }

    /// Takes note that a piece of upkeep is done.
    pub(super) fn upkeep_ended(&mut self) {
        assert!(self.upkeep.under_way > 0, "a piece of upkeep ends once");
        self.upkeep.under_way -= 1;
        self.release_upkeep();
    }

    /// Hears what came of a piece of upkeep; a checkpoint that was not written is tried again.
    pub(crate) fn kept(&mut self, now: Moment, kept: Kept) {
        self.upkeep_ended();
        let Some(note) = kept.note else { return };
        self.notes.push(note);
        match kept.checkpoint {
            Some(Checkpoint::HighWatermark) => {
                self.due.high_watermarks.get_or_insert(now + self.intervals.high_watermarks);
            }
            Some(Checkpoint::RecoveryPoint) => {
                self.due.recovery_points.get_or_insert(now + self.intervals.recovery_points);
            }
            Some(Checkpoint::LogStart) => self.due.has_removed = true,
            Some(Checkpoint::Cleaner) | None => {}
        }
    }

    /// Whether the last log directory in use has failed just now.
    fn lost_last_directory(&mut self) -> bool {
        let all_failed = self.directories.iter().all(|directory| directory.log_directory.is_offline());
        all_failed && !std::mem::replace(&mut self.all_failed, true)
    }

    /// Has synced what `flush.ms` asks for; the round begins when the turn ends.
    fn flush(&mut self, now: Moment) {
        let mut next = None;
        for partition in &self.unsynced {
            let Some(held) = self.held.get_mut(partition) else { continue };
            if held.replica.wants_flush(now) {
                self.directories[held.directory].rounds.want(partition.clone());
            } else {
                next = earliest(next, held.replica.flush_deadline());
            }
        }
        self.due.flushes = next;
    }

    /// Has synced a few logs that nobody writes to any more, and sealed segments of those that are written.
    fn sync_idle(&mut self, now: Moment) {
        let mut jobs: Vec<Vec<_>> = self.directories.iter().map(|_| Vec::new()).collect();
        let mut budget = IDLE_SYNCS_PER_WAKE;
        let mut begun = Vec::new();
        for partition in &self.unsynced {
            if budget == 0 {
                break;
            }
            let Some(held) = self.held.get_mut(partition) else { continue };
            let replica = &mut held.replica;
            let is_idle = replica.unsynced_latest().is_none_or(|at| now.since(at) >= IDLE_SYNC_AFTER);
            let stored = replica.snapshot_after(SNAPSHOT_GROWTH_BYTES);
            let begin = if is_idle { replica.begin_sync() } else { replica.begin_sync_sealed() };
            match stored.and(begin) {
                Ok(Some(job)) => {
                    budget -= 1;
                    jobs[held.directory].push((partition.clone(), job));
                }
                Ok(None) => {}
                Err(error) => self.notes.push(format!("{partition} was not synced: {error}")),
            }
            if is_idle {
                begun.push(partition.clone());
            }
        }
        for partition in &begun {
            self.unsynced.remove(partition);
        }
        for (directory, jobs) in jobs.into_iter().enumerate().filter(|(_, jobs)| !jobs.is_empty()) {
            self.upkeep.waiting.push_back(sync(Lane::Upkeep, directory, SyncPurpose::Idle, jobs));
        }
        self.release_upkeep();
        let wait = if budget == 0 { IDLE_SYNC_AGAIN } else { IDLE_SYNC_AFTER };
        self.due.idle_syncs = (!self.unsynced.is_empty()).then_some(now + wait);
    }

    /// Applies retention to the next replicas; the rest comes a little later.
    fn retain(&mut self, now: Now) {
        let from = match self.due.retained.take() {
            Some(last) => Bound::Excluded(last),
            None => Bound::Unbounded,
        };
        let mut removals = Vec::new();
        let mut looked_at = 0;
        for (partition, held) in self.held.range_mut((from, Bound::Unbounded)).take(RETAINED_PER_WAKE) {
            looked_at += 1;
            self.due.retained = Some(partition.clone());
            if held.replica.is_offline() {
                continue;
            }
            match held.replica.retain(now, self.producer_expiration_ms) {
                Ok(count) => self.due.has_removed |= count > 0,
                Err(error) => self.notes.push(format!("{partition}: retention stopped: {error}")),
            }
            removals.extend(held.replica.removal().map(|job| (partition.clone(), job)));
        }
        for (partition, job) in removals {
            self.remove_segments(partition, job);
        }
        if looked_at == RETAINED_PER_WAKE {
            self.due.retention = now.moment + RETENTION_PAUSE;
            return;
        }
        self.due.retained = None;
        self.due.retention = now.moment + self.intervals.retention;
        if std::mem::take(&mut self.due.has_removed) {
            self.store(Checkpoint::LogStart);
            self.store(Checkpoint::RecoveryPoint);
        }
        self.look_at_space();
    }

    /// Before a disk is full, clients' records are refused: what the broker itself must write still fits.
    pub(super) fn look_at_space(&mut self) {
        for directory in &self.directories {
            if let Ok(free) = directory.log_directory.free_bytes() {
                directory.space.look(free);
            }
        }
        self.tell_of_space();
    }

    fn tell_of_space(&mut self) {
        for directory in &mut self.directories {
            let is_full = directory.space.is_full();
            if std::mem::replace(&mut directory.was_full, is_full) != is_full {
                let path = directory.log_directory.path().display();
                self.notes.push(if is_full {
                    format!(
                        "{path}: the disk is nearly full; producers are refused until there is more space"
                    )
                } else {
                    format!("{path}: there is space again; producers are served")
                });
            }
        }
    }

    /// Has a checkpoint replaced by what is true now.
    pub(super) fn store(&mut self, checkpoint: Checkpoint) {
        let all = (0..self.directories.len()).collect();
        for job in self.checkpoint_jobs(&all, checkpoint) {
            self.later(Some(checkpoint), move || {
                job.run().map_err(|error| format!("a checkpoint was not written: {error}"))
            });
        }
    }

    /// Replaces a checkpoint by what is true now, before anything else happens.
    pub(super) fn store_now(&mut self, checkpoint: Checkpoint) {
        let all = (0..self.directories.len()).collect();
        self.store_now_in(&all, checkpoint);
    }

    fn store_now_in(&mut self, directories: &BTreeSet<usize>, checkpoint: Checkpoint) {
        for job in self.checkpoint_jobs(directories, checkpoint) {
            if let Err(error) = job.run() {
                self.notes.push(format!("a checkpoint was not written: {error}"));
            }
        }
    }

    fn checkpoint_jobs(&mut self, wanted: &BTreeSet<usize>, checkpoint: Checkpoint) -> Vec<CheckpointJob<D>> {
        let mut offsets: Vec<Vec<_>> = self.directories.iter().map(|_| Vec::new()).collect();
        for (partition, held) in self.held.iter_mut().filter(|(_, held)| wanted.contains(&held.directory)) {
            let replica = &held.replica;
            let offset = match checkpoint {
                Checkpoint::HighWatermark => replica.high_watermark(),
                Checkpoint::RecoveryPoint => replica.recovery_point(),
                Checkpoint::LogStart => replica.log_start_offset(),
                Checkpoint::Cleaner => replica.first_dirty(),
            };
            match checkpoint {
                Checkpoint::HighWatermark => held.stored_high_watermark = offset,
                Checkpoint::LogStart => held.stored_log_start = offset,
                Checkpoint::RecoveryPoint => held.stored_recovery_point = offset,
                Checkpoint::Cleaner => {}
            }
            let is_worth_a_line =
                offset > 0 || !matches!(checkpoint, Checkpoint::LogStart | Checkpoint::Cleaner);
            if is_worth_a_line {
                offsets[held.directory].push((partition.topic.clone(), partition.partition, offset));
            }
        }
        let directories = self.directories.iter().map(|directory| &directory.log_directory).zip(offsets);
        let in_use = directories.enumerate().filter(|(number, (directory, offsets))| {
            let tells = !offsets.is_empty() || directory.tells_of_former();
            let is_needed = checkpoint != Checkpoint::Cleaner || tells;
            is_needed && wanted.contains(number) && !directory.is_offline()
        });
        in_use.map(|(_, (directory, offsets))| directory.checkpoint(checkpoint, offsets)).collect()
    }
}

/// Every checkpoint, in the order in which a clean stop writes them.
pub(super) const CHECKPOINTS: [Checkpoint; 4] =
    [Checkpoint::HighWatermark, Checkpoint::LogStart, Checkpoint::RecoveryPoint, Checkpoint::Cleaner];

/// How soon to go on syncing idle logs when there were more than one wake may sync.
const IDLE_SYNC_AGAIN: Span = Span::ms(200);

fn earliest(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    one.into_iter().chain(other).min()
}

/// Does what is due by time.
pub(crate) fn woken<D: Disk>(broker: &mut Broker<D>, now: Now, _effects: &mut Vec<Effect>) {
    if broker.replicas.deadline().is_none_or(|at| at > now.moment) {
        return;
    }
    broker.replicas.upkeep(now);
}

/// Ends the shell's turn: has synced what must be durable, and touches `WatchKey::Partition` of those whose
/// log directory failed.
pub(crate) fn turn_ended<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    for partition in broker.replicas.settle(now.moment) {
        broker.purgatory.touch(&WatchKey::Partition(partition));
    }
    let notes = std::mem::take(&mut broker.replicas.notes);
    effects.extend(notes.into_iter().map(|note| Effect::Event(Event::Note(note))));
    if broker.replicas.lost_last_directory() {
        let reason =
            "every log directory failed; see the messages before, mend the disk and start again".into();
        effects.push(Effect::DisksFailed { reason });
    }
}
