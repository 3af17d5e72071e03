//! The end of the log as a member remembers it: what was handed to the disk, how far that is durable,
//! how far it was delivered, and enough of what was delivered before to bring others up to date.
//!
//! There are no holes between its entries. It says what the log holds, never what the tree does: votes
//! and synchronization go by it alone (ZOOKEEPER-2845, 4925).

use std::collections::VecDeque;

use zookeeper_wire::Zxid;

use crate::Entry;
use crate::limits::{HISTORY_BYTES_MAX, HISTORY_ENTRIES_MAX};

/// What is known of the log. Invariant: `before <= delivered <= persisted <= last`.
#[derive(Debug)]
pub(crate) struct History {
    /// The transaction just before the first entry; others that have it lack nothing before.
    before: Zxid,
    entries: VecDeque<Entry>,
    /// How many of `entries` are delivered.
    delivered_count: usize,
    /// Bytes of those.
    delivered_bytes: usize,
    delivered: Zxid,
    persisted: Zxid,
    keeps: bool,
}

/// How somebody else's history compares to ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lack {
    /// It has a prefix of ours: it lacks what follows this one.
    After(Zxid),
    /// It must forget everything after this one, and lacks what follows it.
    CutTo(Zxid),
    /// It is too far behind, or too different.
    Everything,
}

impl History {
    /// All delivered. `keeps` says whether delivered entries are remembered for others.
    pub(crate) fn new(last: Zxid, mut known: Vec<Entry>, keeps: bool) -> History {
        let contiguous = known.windows(2).all(|pair| follows(pair[0].zxid, pair[1].zxid));
        if !keeps || !contiguous || known.last().is_none_or(|entry| entry.zxid != last) {
            known.clear();
        }
        let mut entries = VecDeque::from(known);
        let before = entries.pop_front().map_or(last, |first| first.zxid);
        let mut history = History {
            before,
            delivered_count: entries.len(),
            delivered_bytes: entries.iter().map(|entry| entry.payload.len()).sum(),
            entries,
            delivered: last,
            persisted: last,
            keeps,
        };
        history.trim();
        history
    }

    /// The last transaction of the log.
    pub(crate) fn last(&self) -> Zxid {
        self.entries.back().map_or(self.before, |entry| entry.zxid)
    }

    /// The last one that is durable.
    pub(crate) fn persisted(&self) -> Zxid {
        self.persisted
    }

    /// The last one that was delivered.
    pub(crate) fn delivered(&self) -> Zxid {
        self.delivered
    }

    /// Transactions that are not delivered.
    pub(crate) fn undelivered(&self) -> usize {
        self.entries.len() - self.delivered_count
    }

    /// The last transaction that is not after `zxid`, which is not before what is remembered.
    pub(crate) fn last_upto(&self, zxid: Zxid) -> Zxid {
        let next = self.entries.partition_point(|entry| entry.zxid <= zxid);
        next.checked_sub(1).map_or(self.before, |at| self.entries[at].zxid)
    }

    /// Whether `zxid` may come directly behind the last one.
    pub(crate) fn continues_with(&self, zxid: Zxid) -> bool {
        follows(self.last(), zxid)
    }

    /// Handed to the disk.
    pub(crate) fn append(&mut self, entry: Entry) {
        assert!(entry.zxid > self.last(), "the log only grows");
        self.entries.push_back(entry);
    }

    /// The disk has it.
    pub(crate) fn set_persisted(&mut self, upto: Zxid) {
        assert!(self.persisted <= upto && upto <= self.last(), "the disk has what it was given, in order");
        self.persisted = upto;
    }

    /// The next one to deliver, if it is durable and not after `committed`.
    pub(crate) fn deliver_next(&mut self, committed: Zxid) -> Option<Entry> {
        let next = self.entries.get(self.delivered_count)?;
        if next.zxid > committed || next.zxid > self.persisted {
            return None;
        }
        self.delivered = next.zxid;
        if !self.keeps && self.delivered_count == 0 {
            self.before = self.delivered;
            return self.entries.pop_front();
        }
        let next = next.clone();
        self.delivered_count += 1;
        self.delivered_bytes += next.payload.len();
        self.trim();
        Some(next)
    }

    /// Those after `zxid`.
    pub(crate) fn after(&self, zxid: Zxid) -> impl Iterator<Item = &Entry> {
        let first = self.entries.partition_point(|entry| entry.zxid <= zxid);
        self.entries.range(first..)
    }

    /// What somebody lacks of our history up to `end`, whose last transaction is `peer`.
    ///
    /// Its last transaction may be one that nobody else has; then it must be cut, but never across
    /// epochs: what it had there before is not known to be ours. Source: `LearnerHandler.syncFollower`.
    pub(crate) fn lack_of(&self, peer: Zxid, end: Zxid) -> Lack {
        if peer == end {
            return Lack::After(peer);
        }
        if peer > end {
            return if is_beginning(peer) { Lack::Everything } else { Lack::CutTo(end) };
        }
        if peer < self.before {
            return Lack::Everything;
        }
        let next = self.entries.partition_point(|entry| entry.zxid <= peer);
        let previous = next.checked_sub(1).map_or(self.before, |at| self.entries[at].zxid);
        if previous == peer || is_beginning(peer) {
            return Lack::After(peer);
        }
        match self.entries.get(next) {
            Some(next) if next.zxid.epoch() == peer.epoch() && previous.epoch() == peer.epoch() => {
                Lack::CutTo(previous)
            }
            _ => Lack::Everything,
        }
    }

    /// Forgets everything after `to`.
    pub(crate) fn truncate(&mut self, to: Zxid) {
        if to < self.before {
            return self.reset(to);
        }
        let keep = self.entries.partition_point(|entry| entry.zxid <= to);
        self.entries.truncate(keep);
        if self.last() != to {
            // What is before it is not known.
            return self.reset(to);
        }
        while self.delivered_count > keep {
            self.delivered_count -= 1;
        }
        self.delivered_bytes =
            self.entries.range(..self.delivered_count).map(|entry| entry.payload.len()).sum();
        self.delivered = self.delivered.min(to);
        self.persisted = self.persisted.min(to);
    }

    /// Nothing is known but that everything up to `zxid` is there, and delivered.
    pub(crate) fn reset(&mut self, zxid: Zxid) {
        *self = History::new(zxid, Vec::new(), self.keeps);
    }

    fn trim(&mut self) {
        while self.delivered_count > HISTORY_ENTRIES_MAX
            || (self.delivered_bytes > HISTORY_BYTES_MAX && self.delivered_count > 0)
        {
            let first = self.entries.pop_front().expect("it has delivered ones");
            self.delivered_count -= 1;
            self.delivered_bytes -= first.payload.len();
            self.before = first.zxid;
        }
    }

    /// What always holds between two steps.
    pub(crate) fn check(&self) {
        assert!(self.before <= self.delivered && self.delivered <= self.persisted);
        assert!(self.persisted <= self.last() && self.delivered_count <= self.entries.len());
    }
}

/// Number 0 of an epoch is no transaction but the beginning of a reign.
fn is_beginning(zxid: Zxid) -> bool {
    zxid.counter() == 0
}

/// Whether `next` can stand directly behind `last` in a log: the next number, or one of a later epoch.
/// One below zero is of no epoch, although its upper half is a large number.
pub(crate) fn follows(last: Zxid, next: Zxid) -> bool {
    next > last && (last.next() == Some(next) || next.epoch() > last.epoch())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn entries(zxids: &[(u32, u32)]) -> Vec<Entry> {
        let entry = |&(epoch, counter)| Entry { zxid: Zxid::new(epoch, counter), payload: Bytes::new() };
        zxids.iter().map(entry).collect()
    }

    #[test]
    fn what_another_lacks() {
        let known = entries(&[(1, 3), (1, 4), (1, 5), (3, 1), (3, 2), (3, 3)]);
        let history = History::new(Zxid::new(3, 3), known, true);
        let z = Zxid::new;
        for (peer, expect) in [
            (z(3, 3), Lack::After(z(3, 3))),
            (z(3, 1), Lack::After(z(3, 1))),
            (z(1, 3), Lack::After(z(1, 3))),
            (z(1, 2), Lack::Everything),
            (z(1, 9), Lack::Everything),
            (z(2, 0), Lack::After(z(2, 0))),
            (z(2, 4), Lack::Everything),
            (z(3, 9), Lack::CutTo(z(3, 3))),
            (z(4, 0), Lack::Everything),
            (z(0, 0), Lack::Everything),
        ] {
            assert_eq!(history.lack_of(peer, z(3, 3)), expect, "{peer:?}");
        }
    }

    #[test]
    fn what_can_stand_behind_another() {
        let z = Zxid::new;
        for (last, next, expect) in [
            (z(1, 3), z(1, 4), true),
            (z(1, 3), z(1, 5), false),
            (z(1, 3), z(1, 3), false),
            (z(1, 3), z(2, 1), true),
            (z(2, 1), z(1, 4), false),
            (z(1, 3), Zxid(-1), false),
            (z(1, 3), Zxid(i64::MIN), false),
        ] {
            assert_eq!(follows(last, next), expect, "{last:?} {next:?}");
        }
    }

    #[test]
    fn a_cut_goes_back_behind_what_was_delivered() {
        let mut history = History::new(Zxid::new(1, 4), entries(&[(1, 1), (1, 2), (1, 3), (1, 4)]), true);
        history.truncate(Zxid::new(1, 2));
        history.check();
        assert_eq!((history.last(), history.delivered()), (Zxid::new(1, 2), Zxid::new(1, 2)));
        history.truncate(Zxid::ZERO);
        history.check();
        assert_eq!(history.last(), Zxid::ZERO);
    }
}
