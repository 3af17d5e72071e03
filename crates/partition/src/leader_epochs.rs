//! The leaders a log has had: each epoch with the first offset its leader wrote. Followers and clients
//! find out here where their history parts from this one (KIP-101, KIP-279, KIP-320).
//!
//! Invariant: epochs rise, start offsets never fall.

use crate::limits::LEADER_EPOCHS_MAX;

/// The leader epochs of one log, oldest first.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct LeaderEpochs {
    /// (epoch, first offset).
    entries: Vec<(i32, i64)>,
}

/// Where an epoch ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpochEnd {
    /// The greatest known epoch not above the asked one.
    pub epoch: i32,
    /// Offset after the last record of that epoch.
    pub end_offset: i64,
}

/// What a reader names who knows no epoch.
const UNKNOWN_EPOCH: i32 = -1;

impl LeaderEpochs {
    /// Epochs as they were stored; entries out of order are left out, later ones winning.
    pub fn from_stored(entries: impl IntoIterator<Item = (i32, i64)>) -> Self {
        let mut epochs = LeaderEpochs::default();
        for (epoch, start_offset) in entries {
            if epoch >= 0 && start_offset >= 0 {
                epochs.assign(epoch, start_offset);
            }
        }
        epochs
    }

    /// All entries, oldest first: (epoch, first offset).
    pub fn entries(&self) -> &[(i32, i64)] {
        &self.entries
    }

    /// The latest epoch.
    pub fn latest(&self) -> Option<i32> {
        self.entries.last().map(|entry| entry.0)
    }

    /// First offset of the latest epoch.
    pub fn latest_start(&self) -> Option<i64> {
        self.entries.last().map(|entry| entry.1)
    }

    /// Takes note that a leader of `epoch` writes from `start_offset` on. What contradicts it goes.
    /// Returns whether anything changed, and so must be stored.
    pub fn assign(&mut self, epoch: i32, start_offset: i64) -> bool {
        assert!(epoch >= 0 && start_offset >= 0);
        if self.entries.last().is_some_and(|&(last, start)| last == epoch && start <= start_offset) {
            return false;
        }
        if self.entries.last().is_some_and(|&(last, start)| last > epoch && start <= start_offset) {
            // An old epoch after a newer one: a record that a superseded leader appended. The newer
            // entry already covers the offset, and epochs never go back.
            return false;
        }
        while self.entries.last().is_some_and(|&(last, start)| last >= epoch || start >= start_offset) {
            self.entries.pop();
        }
        self.entries.push((epoch, start_offset));
        if self.entries.len() > LEADER_EPOCHS_MAX {
            self.entries.remove(0);
        }
        true
    }

    /// Where the history of `epoch` ended in this log, whose end is `log_end`; `None` if the epoch is
    /// newer than all known, or nothing is known.
    pub fn end_of(&self, epoch: i32, log_end: i64) -> Option<EpochEnd> {
        if epoch == UNKNOWN_EPOCH || self.entries.is_empty() {
            return None;
        }
        let above = self.entries.partition_point(|entry| entry.0 <= epoch);
        match (above.checked_sub(1).map(|at| self.entries[at]), self.entries.get(above)) {
            (Some((known, _)), None) if known == epoch => Some(EpochEnd { epoch, end_offset: log_end }),
            (_, None) => None,
            (Some((known, _)), Some(&(_, next_start))) => {
                Some(EpochEnd { epoch: known, end_offset: next_start })
            }
            (None, Some(&(_, next_start))) => Some(EpochEnd { epoch, end_offset: next_start }),
        }
    }

    /// The epoch of the record at `offset`, if it is known.
    pub fn epoch_at(&self, offset: i64) -> Option<i32> {
        let above = self.entries.partition_point(|entry| entry.1 <= offset);
        above.checked_sub(1).map(|at| self.entries[at].0)
    }

    /// Forgets epochs that begin at or after `end_offset`, where the log was cut. Returns whether
    /// anything changed.
    pub fn truncate_end(&mut self, end_offset: i64) -> bool {
        let before = self.entries.len();
        while self.entries.last().is_some_and(|entry| entry.1 >= end_offset) {
            self.entries.pop();
        }
        self.entries.len() != before
    }

    /// Forgets epochs that ended at or before `start_offset`, the log's new start; the one that goes on
    /// there begins there. Returns whether anything changed.
    pub fn truncate_start(&mut self, start_offset: i64) -> bool {
        let above = self.entries.partition_point(|entry| entry.1 <= start_offset);
        let Some(floor) = above.checked_sub(1) else { return false };
        let changed = floor > 0 || self.entries[0].1 != start_offset;
        self.entries.drain(..floor);
        self.entries[0].1 = start_offset;
        changed
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(entries: &[(i32, i64)]) -> LeaderEpochs {
        LeaderEpochs::from_stored(entries.iter().copied())
    }

    #[test]
    fn a_new_leader_overrules_what_contradicts_it() {
        let check = |before: &[(i32, i64)], epoch, start, changed: bool, after: &[(i32, i64)]| {
            let mut epochs = epochs(before);
            assert_eq!(epochs.assign(epoch, start), changed, "{before:?} + {epoch} {start}");
            assert_eq!(epochs.entries(), after, "{before:?} + {epoch} {start}");
        };
        check(&[], 0, 0, true, &[(0, 0)]);
        check(&[(0, 0)], 0, 5, false, &[(0, 0)]);
        check(&[(0, 0)], 2, 5, true, &[(0, 0), (2, 5)]);
        check(&[(0, 0), (2, 5)], 3, 5, true, &[(0, 0), (3, 5)]);
        check(&[(0, 0), (2, 5)], 3, 4, true, &[(0, 0), (3, 4)]);
        check(&[(0, 0), (2, 5)], 2, 4, true, &[(0, 0), (2, 4)]);
        check(&[(0, 0), (2, 5)], 1, 9, false, &[(0, 0), (2, 5)]);
        check(&[(0, 0), (2, 5)], 1, 3, true, &[(0, 0), (1, 3)]);
    }

    #[test]
    fn an_epoch_ends_where_the_next_begins() {
        let check = |asked: i32, expect: Option<(i32, i64)>| {
            let end = epochs(&[(2, 10), (3, 20), (7, 30)]).end_of(asked, 44);
            assert_eq!(end.map(|end| (end.epoch, end.end_offset)), expect, "{asked}");
        };
        check(-1, None);
        check(1, Some((1, 10)));
        check(2, Some((2, 20)));
        check(3, Some((3, 30)));
        check(5, Some((3, 30)));
        check(7, Some((7, 44)));
        check(8, None);
        assert_eq!(epochs(&[]).end_of(0, 5), None);
    }

    #[test]
    fn cutting_the_log_cuts_its_history() {
        let all = &[(2, 10), (3, 20), (7, 30)];
        let end = |offset, expect: &[(i32, i64)]| {
            let mut epochs = epochs(all);
            assert_eq!(epochs.truncate_end(offset), expect.len() < 3);
            assert_eq!(epochs.entries(), expect);
        };
        end(31, all);
        end(30, &[(2, 10), (3, 20)]);
        end(5, &[]);
        let start = |offset, changed: bool, expect: &[(i32, i64)]| {
            let mut epochs = epochs(all);
            assert_eq!(epochs.truncate_start(offset), changed);
            assert_eq!(epochs.entries(), expect);
        };
        start(5, false, all);
        start(10, false, all);
        start(15, true, &[(2, 15), (3, 20), (7, 30)]);
        start(20, true, &[(3, 20), (7, 30)]);
        start(99, true, &[(7, 99)]);
        assert_eq!(epochs(all).epoch_at(9), None);
        assert_eq!(epochs(all).epoch_at(29), Some(3));
    }
}
