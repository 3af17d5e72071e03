//! The cleaner: one compaction at a time, of the dirtiest log first, a slice in each wake so that clients
//! hardly notice.

use clock::{Moment, Now};
use commitlog::{Checkpoint, Compaction, Progress};
use disk::Disk;

use super::Replicas;
use super::intervals::Intervals;
use crate::TopicPartition;
use crate::limits::{COMPACTION_BYTES_PER_WAKE, COMPACTION_PAUSE};

/// What the cleaner is doing.
pub(super) struct Cleaner {
    next: Moment,
    running: Option<(TopicPartition, Compaction)>,
}

impl Cleaner {
    /// A cleaner that looks around after its interval, or never (`log.cleaner.enable`).
    pub(super) fn new(now: Moment, intervals: &Intervals, is_enabled: bool) -> Self {
        let next = if is_enabled { now + intervals.compaction } else { now + clock::Span::FOREVER };
        Cleaner { next, running: None }
    }

    /// When it goes on.
    pub(super) fn next(&self) -> Moment {
        self.next
    }
}

impl<D: Disk> Replicas<D> {
    /// Goes on with the compaction under way, or looks for the next.
    pub(super) fn clean(&mut self, now: Now) {
        let busy = match self.cleaner.running.take() {
            Some((partition, compaction)) => self.go_on(partition, compaction),
            None => self.begin(now),
        };
        self.cleaner.next = now.moment + if busy { COMPACTION_PAUSE } else { self.intervals.compaction };
    }

    /// Begins with the dirtiest log. Returns whether there is one.
    fn begin(&mut self, now: Now) -> bool {
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
        let Some((_, partition)) = dirtiest else { return false };
        let Some(held) = self.held.get_mut(&partition) else { return false };
        match held.replica.begin_compaction(now) {
            Ok(compaction) => self.cleaner.running = compaction.map(|compaction| (partition, compaction)),
            Err(error) => self.notes.push(format!("{partition} cannot be compacted: {error}")),
        }
        self.cleaner.running.is_some()
    }

    /// Does a slice. Returns whether there is more to do soon.
    fn go_on(&mut self, partition: TopicPartition, mut compaction: Compaction) -> bool {
        // Deleted meanwhile: its files are gone or on their way.
        let Some(held) = self.held.get_mut(&partition) else { return true };
        match held.replica.compact(&mut compaction, COMPACTION_BYTES_PER_WAKE) {
            Ok(Progress::Working) => self.cleaner.running = Some((partition, compaction)),
            Ok(Progress::Done { .. }) => self.store(Checkpoint::Cleaner),
            Ok(Progress::Abandoned) => {}
            Err(error) => {
                self.notes.push(format!("{partition} was not compacted: {error}"));
                return false;
            }
        }
        true
    }
}
