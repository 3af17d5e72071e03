//! The cleaner: one compaction at a time, of the dirtiest log first. Its slices are done elsewhere; here is
//! what comes next, and how soon.

use clock::{Moment, Now, Span};
use commitlog::{Checkpoint, Compacting, Compaction, Progress, Sliced};
use disk::Disk;

use super::Replicas;
use super::intervals::Intervals;
use crate::TopicPartition;
use crate::limits::{COMPACTION_BYTES_PER_SLICE, COMPACTION_PAUSE};
use crate::work::{Lane, Outcome, Work};

/// What the cleaner is doing.
pub(super) struct Cleaner {
    next: Moment,
    running: Option<(TopicPartition, Compaction)>,
    /// Whether a slice is being done.
    is_away: bool,
    /// Between two slices: a pause, or as long as `log.cleaner.io.max.bytes.per.second` wants.
    pause: Span,
}

impl Cleaner {
    /// A cleaner that looks around after its interval, or never (`log.cleaner.enable`).
    pub(super) fn new(now: Moment, intervals: &Intervals, is_enabled: bool) -> Self {
        let next = if is_enabled { now + intervals.compaction } else { now + Span::FOREVER };
        Cleaner { next, running: None, is_away: false, pause: intervals.compaction_pause }
    }

    /// When it goes on; `None` while a slice is being done.
    pub(super) fn next(&self) -> Option<Moment> {
        (!self.is_away).then_some(self.next)
    }
}

/// The pause after each slice so that no more than so many bytes are read and written a second.
pub(super) fn pause_for(bytes_per_second: Option<f64>) -> Span {
    let Some(rate) = bytes_per_second.filter(|&rate| rate >= 1.0) else { return COMPACTION_PAUSE };
    let ms = 2.0 * COMPACTION_BYTES_PER_SLICE as f64 * 1000.0 / rate;
    Span::ms(ms as u64).max(COMPACTION_PAUSE)
}

impl<D: Disk> Replicas<D> {
    /// Goes on with the compaction under way, or looks for the next.
    pub(super) fn clean(&mut self, now: Now) {
        if self.cleaner.running.is_none() {
            self.begin(now);
        }
        let busy = self.send_slice();
        self.cleaner.next = now.moment + if busy { self.cleaner.pause } else { self.intervals.compaction };
    }

    /// Chooses the dirtiest log.
    fn begin(&mut self, now: Now) {
        let mut dirtiest: Option<(f64, TopicPartition)> = None;
        for (partition, held) in &mut self.held {
            if held.replica.is_offline() {
                continue;
            }
            match held.replica.wants_compaction(now) {
                Ok(Some(dirt)) if dirtiest.as_ref().is_none_or(|(most, _)| dirt > *most) => {
                    dirtiest = Some((dirt, partition.clone()));
                }
                Ok(_) => {}
                Err(error) => self.notes.push(format!("{partition} cannot be compacted: {error}")),
            }
        }
        let Some((_, partition)) = dirtiest else { return };
        let Some(held) = self.held.get_mut(&partition) else { return };
        match held.replica.begin_compaction(now) {
            Ok(compaction) => self.cleaner.running = compaction.map(|compaction| (partition, compaction)),
            Err(error) => self.notes.push(format!("{partition} cannot be compacted: {error}")),
        }
    }

    /// Has the next slice done. Returns whether there was something to do.
    fn send_slice(&mut self) -> bool {
        let Some((partition, compaction)) = self.cleaner.running.take() else { return false };
        // Deleted meanwhile: its files are gone or on their way.
        let Some(held) = self.held.get_mut(&partition) else { return true };
        match held.replica.compaction_slice(compaction, COMPACTION_BYTES_PER_SLICE) {
            Ok(Compacting::Working(slice)) => {
                self.cleaner.is_away = true;
                self.work.push(Work::new(Lane::Upkeep, move || Outcome::Compacted {
                    partition,
                    sliced: Box::new(slice.run()),
                }));
            }
            Ok(Compacting::Over(_)) => {}
            Err(error) => self.notes.push(format!("{partition} was not compacted: {error}")),
        }
        true
    }

    /// Takes note of a slice.
    pub(crate) fn compacted(&mut self, now: Moment, partition: TopicPartition, sliced: Sliced) {
        assert!(self.cleaner.is_away, "a slice ends once");
        self.cleaner.is_away = false;
        self.cleaner.next = now + self.cleaner.pause;
        let Some(held) = self.held.get_mut(&partition) else { return };
        let outcome = held.replica.finish_slice(sliced);
        let removal = held.replica.removal();
        match outcome {
            Ok(Compacting::Working(compaction)) => {
                self.cleaner.running = Some((partition.clone(), compaction))
            }
            Ok(Compacting::Over(Progress::Done { .. })) => self.store(Checkpoint::Cleaner),
            Ok(Compacting::Over(Progress::Abandoned)) => {}
            Err(error) => {
                self.notes.push(format!("{partition} was not compacted: {error}"));
                self.cleaner.next = now + self.intervals.compaction;
            }
        }
        if let Some(job) = removal {
            self.remove_segments(partition, job);
        }
    }
}
