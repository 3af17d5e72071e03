//! What a leader knows of its followers: how far each has come, who is in sync, and so where the high
//! watermark stands. With a replication factor of 1 the only member is the leader itself, and the high
//! watermark is the log's end.
//!
//! The in-sync set changes only when the controller says so. Until it answers, a member that the leader
//! wants to add already counts, and one that it wants to remove still counts (the maximal set).

use std::collections::{BTreeMap, BTreeSet};

use clock::{Moment, Span};

/// One leader's term over one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leadership {
    leader: i32,
    leader_epoch: i32,
    partition_epoch: i32,
    /// First offset of this term: a follower below it may hold another history.
    start_offset: i64,
    replicas: Vec<i32>,
    in_sync: BTreeSet<i32>,
    /// The set asked of the controller, while it has not answered.
    proposed: Option<BTreeSet<i32>>,
    followers: BTreeMap<i32, Follower>,
}

/// A fetch of a follower, as the leader sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FollowerFetch {
    /// The follower's broker id.
    pub broker_id: i32,
    /// Epoch of its registration; -1 if it does not tell.
    pub broker_epoch: i64,
    /// The offset it asks for: it holds everything below.
    pub offset: i64,
    /// Start of its log.
    pub log_start: i64,
    /// When it asked.
    pub now: Moment,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Follower {
    log_end: i64,
    log_start: i64,
    broker_epoch: i64,
    /// Last time at which it had everything the leader had at its previous fetch.
    caught_up_at: Moment,
    last_fetch: Option<(Moment, i64)>,
}

impl Leadership {
    /// A term that begins `now` at `start_offset`, the leader's log end. Every follower gets the full
    /// lag time to show itself.
    pub fn new(
        leader: i32,
        leader_epoch: i32,
        partition_epoch: i32,
        replicas: Vec<i32>,
        in_sync: impl IntoIterator<Item = i32>,
        start_offset: i64,
        now: Moment,
    ) -> Self {
        let followers =
            replicas.iter().filter(|&&id| id != leader).map(|&id| (id, Follower::new(now))).collect();
        let in_sync = in_sync.into_iter().collect();
        Leadership {
            leader,
            leader_epoch,
            partition_epoch,
            start_offset,
            replicas,
            in_sync,
            proposed: None,
            followers,
        }
    }

    /// Epoch of this term.
    pub fn leader_epoch(&self) -> i32 {
        self.leader_epoch
    }

    /// Version of the partition's state at the controller.
    pub fn partition_epoch(&self) -> i32 {
        self.partition_epoch
    }

    /// First offset of this term.
    pub fn start_offset(&self) -> i64 {
        self.start_offset
    }

    /// The assigned replicas, the preferred leader first.
    pub fn replicas(&self) -> &[i32] {
        &self.replicas
    }

    /// The members that the controller agreed on.
    pub fn in_sync(&self) -> impl Iterator<Item = i32> + '_ {
        self.in_sync.iter().copied()
    }

    /// Members that an acknowledgement waits for: agreed on, or asked for.
    fn maximal(&self) -> impl Iterator<Item = i32> + '_ {
        let proposed = self.proposed.iter().flatten().filter(|id| !self.in_sync.contains(id));
        self.in_sync.iter().chain(proposed).copied()
    }

    /// Members needed for `acks=all`: no more than there are replicas.
    pub fn effective_min_in_sync(&self, min_in_sync: usize) -> usize {
        min_in_sync.min(self.replicas.len()).max(1)
    }

    /// Whether `acks=all` may be promised.
    pub fn is_under_min(&self, min_in_sync: usize) -> bool {
        self.in_sync.len() < self.effective_min_in_sync(min_in_sync)
    }

    /// The high watermark after `current`, given the leader's own log end (its durable one, if
    /// acknowledged means synced). It never goes back within a term, and does not move while too few
    /// members are in sync (KIP-966).
    pub fn high_watermark(&self, current: i64, local_end: i64, min_in_sync: usize) -> i64 {
        if self.is_under_min(min_in_sync) {
            return current;
        }
        let followers = self.maximal().filter(|&id| id != self.leader);
        let ends = followers.map(|id| self.followers.get(&id).map_or(0, |follower| follower.log_end));
        ends.fold(local_end, i64::min).max(current)
    }

    /// Takes note of a follower's fetch. Returns false if it is no replica of this partition.
    pub fn fetched(&mut self, fetch: &FollowerFetch, local_end: i64) -> bool {
        let Some(follower) = self.followers.get_mut(&fetch.broker_id) else { return false };
        if fetch.offset >= local_end {
            follower.caught_up_at = fetch.now;
        } else if let Some((previous, end_then)) = follower.last_fetch
            && fetch.offset >= end_then
        {
            follower.caught_up_at = follower.caught_up_at.max(previous);
        }
        follower.last_fetch = Some((fetch.now, local_end));
        follower.log_end = fetch.offset;
        follower.log_start = fetch.log_start;
        follower.broker_epoch = fetch.broker_epoch;
        true
    }

    /// Followers that came far enough to join: up to the high watermark, and into this term; each with
    /// the epoch of its registration that it told, -1 for none. Nobody while a question is open.
    pub fn joinable(&self, high_watermark: i64) -> Vec<(i32, i64)> {
        if self.proposed.is_some() {
            return Vec::new();
        }
        let needed = high_watermark.max(self.start_offset);
        let outside = self.followers.iter().filter(|(id, _)| !self.in_sync.contains(id));
        let level = outside.filter(|(_, follower)| follower.log_end >= needed);
        level.map(|(&id, follower)| (id, follower.broker_epoch)).collect()
    }

    /// Where a follower's log starts, as it told last.
    pub fn log_start_of(&self, id: i32) -> Option<i64> {
        self.followers.get(&id).map(|follower| follower.log_start)
    }

    /// Members that hold the record at `offset`, each with how far it is: its log's end, and when it had all
    /// that there was. Who lags outside of the in-sync set serves nobody: a reader would fall behind with it.
    pub fn holders(&self, offset: i64) -> impl Iterator<Item = (i32, (i64, Moment))> + '_ {
        let members = self.in_sync.iter().filter_map(|id| Some((*id, self.followers.get(id)?)));
        members
            .filter(move |(_, follower)| follower.log_end >= offset && follower.log_start <= offset)
            .map(|(id, follower)| (id, (follower.log_end, follower.caught_up_at)))
    }

    /// The epoch of its registration that a follower told last; `None` if it has not fetched yet.
    pub fn broker_epoch_of(&self, id: i32) -> Option<i64> {
        let follower = self.followers.get(&id)?;
        follower.last_fetch.map(|_| follower.broker_epoch)
    }

    /// The controller refused: what was agreed on before still holds.
    pub fn withdraw(&mut self) {
        self.proposed = None;
    }

    /// Members that fell behind for longer than `lag_max`.
    pub fn lagging(&self, local_end: i64, now: Moment, lag_max: Span) -> Vec<i32> {
        let members = self.in_sync.iter().filter_map(|id| Some((*id, self.followers.get(id)?)));
        let behind = members.filter(|(_, follower)| {
            follower.log_end != local_end && now.since(follower.caught_up_at) > lag_max
        });
        behind.map(|(id, _)| id).collect()
    }

    /// Asks for another in-sync set; only one question is open at a time. Returns whether it was taken.
    pub fn propose(&mut self, in_sync: impl IntoIterator<Item = i32>) -> bool {
        if self.proposed.is_some() {
            return false;
        }
        self.proposed = Some(in_sync.into_iter().collect());
        true
    }

    /// Takes note of the controller's decision.
    pub fn decided(&mut self, in_sync: impl IntoIterator<Item = i32>, partition_epoch: i32) {
        self.in_sync = in_sync.into_iter().collect();
        self.partition_epoch = partition_epoch;
        self.proposed = None;
    }

    /// Smallest log start of all live replicas: what DeleteRecords waits for.
    pub fn lowest_log_start(&self, local_start: i64, is_alive: impl Fn(i32) -> bool) -> i64 {
        let live = self.followers.iter().filter(|(id, _)| is_alive(**id));
        live.map(|(_, follower)| follower.log_start).fold(local_start, i64::min)
    }
}

impl Follower {
    fn new(now: Moment) -> Self {
        Follower { log_end: -1, log_start: -1, broker_epoch: -1, caught_up_at: now, last_fetch: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(replicas: &[i32], in_sync: &[i32]) -> Leadership {
        Leadership::new(1, 5, 0, replicas.to_vec(), in_sync.iter().copied(), 100, Moment::at_ms(0))
    }

    fn fetch(term: &mut Leadership, broker_id: i32, offset: i64, local_end: i64, ms: u64) {
        let fetch =
            FollowerFetch { broker_id, broker_epoch: -1, offset, log_start: 0, now: Moment::at_ms(ms) };
        assert!(term.fetched(&fetch, local_end));
    }

    #[test]
    fn alone_the_leader_decides() {
        let term = term(&[1], &[1]);
        assert_eq!(term.high_watermark(100, 120, 1), 120);
        assert_eq!(term.high_watermark(100, 120, 2), 120, "min.insync.replicas counts existing replicas");
        assert!(!term.is_under_min(3));
    }

    #[test]
    fn the_slowest_member_decides() {
        let mut term = term(&[1, 2, 3], &[1, 2, 3]);
        assert_eq!(term.high_watermark(90, 120, 1), 90, "nobody was heard of yet");
        fetch(&mut term, 2, 110, 120, 10);
        fetch(&mut term, 3, 105, 120, 10);
        assert_eq!(term.high_watermark(90, 120, 1), 105);
        assert_eq!(term.high_watermark(107, 120, 1), 107, "it never goes back");
        assert!(!term.fetched(
            &FollowerFetch { broker_id: 9, broker_epoch: 0, offset: 0, log_start: 0, now: Moment::at_ms(1) },
            120
        ));
    }

    #[test]
    fn members_come_and_go_by_decision() {
        let mut term = term(&[1, 2, 3], &[1, 2]);
        fetch(&mut term, 2, 120, 120, 10);
        assert_eq!(term.high_watermark(0, 120, 2), 120);
        fetch(&mut term, 3, 99, 120, 10);
        assert!(term.joinable(90).is_empty(), "not in this term yet");
        fetch(&mut term, 3, 110, 120, 20);
        assert_eq!(term.joinable(110), [(3, -1)]);
        assert!(term.propose([1, 2, 3]));
        assert!(!term.propose([1]));
        assert!(term.joinable(110).is_empty(), "one question at a time");
        assert_eq!(term.high_watermark(0, 120, 2), 110, "the asked-for member counts");
        term.decided([1, 2, 3], 1);
        // Follower 2 stands still while the log grows.
        fetch(&mut term, 3, 150, 150, 40_000);
        assert_eq!(term.lagging(150, Moment::at_ms(30_000), Span::seconds(30)), []);
        assert_eq!(term.lagging(150, Moment::at_ms(40_000), Span::seconds(30)), [2]);
        assert!(term.propose([1, 3]));
        assert_eq!(term.high_watermark(0, 150, 2), 120, "the leaving member still counts");
        term.decided([1, 3], 2);
        assert_eq!(term.high_watermark(120, 150, 2), 150);
        assert_eq!(term.high_watermark(120, 150, 3), 120, "too few in sync: frozen");
    }

    #[test]
    fn who_holds_an_offset_is_in_sync_and_that_far() {
        let mut term = term(&[1, 2, 3, 4], &[1, 2, 3]);
        fetch(&mut term, 2, 120, 130, 10);
        fetch(&mut term, 3, 130, 130, 20);
        fetch(&mut term, 4, 130, 130, 20);
        let holders = |offset| term.holders(offset).map(|(id, _)| id).collect::<Vec<_>>();
        assert_eq!(holders(120), [2, 3]);
        assert_eq!(holders(121), [3]);
        assert_eq!(holders(131), []);
    }

    #[test]
    fn a_steady_follower_is_caught_up_though_never_level() {
        let mut term = term(&[1, 2], &[1, 2]);
        for round in 1..=10 {
            fetch(&mut term, 2, 100 * (round - 1), 100 * round, round as u64 * 20_000);
        }
        assert_eq!(term.lagging(1000, Moment::at_ms(200_000), Span::seconds(30)), []);
    }
}
