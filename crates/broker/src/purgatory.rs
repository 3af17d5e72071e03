//! Requests that wait: each with a deadline and the keys that may end its wait.
//!
//! A waiting request is retried in the turn in which one of its keys was touched, and for the last time
//! at its deadline. A request that waits for a group is not here but with the group.

use std::collections::{BTreeMap, BTreeSet};

use clock::{Moment, Now};
use disk::Disk;

use crate::api::{
    alter_partition_reassignments, controlled_shutdown, create_partitions, create_topics, delete_records,
    delete_topics, end_txn, fetch, find_coordinator, init_producer_id, metadata, produce, write_txn_markers,
};
use crate::replicas::ReadTicket;
use crate::{Broker, ConnectionId, Effect, TopicPartition, config_change};

/// What a request can wait for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum WatchKey {
    /// The partition's high watermark, log end or leadership changed, or it was deleted.
    Partition(TopicPartition),
    /// As [`WatchKey::Partition`], but for a log end that moved: nothing is acknowledged for that.
    Acknowledgement(TopicPartition),
    /// The set of topics, or what the cluster says of them, changed.
    Topics,
    /// A block of producer ids arrived, or could not be had.
    ProducerIds,
    /// A read from the disk is done.
    Read(ReadTicket),
}

/// A request that waits, with all that is needed to try again.
#[derive(Debug)]
pub(crate) enum Parked {
    Produce(produce::Waiting),
    Fetch(Box<fetch::Waiting>),
    /// A fetch that is being looked after.
    Borrowed,
    Metadata(metadata::Waiting),
    FindCoordinator(find_coordinator::Waiting),
    InitProducerId(init_producer_id::Waiting),
    EndTxn(end_txn::Waiting),
    WriteTxnMarkers(write_txn_markers::Waiting),
    CreateTopics(create_topics::Waiting),
    DeleteTopics(delete_topics::Waiting),
    CreatePartitions(create_partitions::Waiting),
    AlterConfigs(config_change::Waiting),
    ControlledShutdown(controlled_shutdown::Waiting),
    AlterPartitionReassignments(alter_partition_reassignments::Waiting),
    DeleteRecords(delete_records::Waiting),
}

/// Whether a retry may wait again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Patience {
    /// A key was touched: answer or park again.
    Left,
    /// The deadline has come: answer.
    Over,
}

struct Waiter {
    connection: ConnectionId,
    deadline: Moment,
    keys: Vec<WatchKey>,
    parked: Parked,
}

/// The waiting requests. A connection has several only of those that let others in behind them.
#[derive(Default)]
pub(crate) struct Purgatory {
    next: u64,
    waiters: BTreeMap<u64, Waiter>,
    deadlines: BTreeSet<(Moment, u64)>,
    watchers: BTreeMap<WatchKey, BTreeSet<u64>>,
    by_connection: BTreeSet<(ConnectionId, u64)>,
    /// Who is to be retried, and for what; a key may repeat.
    touched: BTreeMap<u64, Vec<WatchKey>>,
}

impl Purgatory {
    /// Parks a request until a key is touched or the deadline comes.
    pub(crate) fn park(
        &mut self,
        connection: ConnectionId,
        deadline: Moment,
        keys: Vec<WatchKey>,
        parked: Parked,
    ) {
        let id = self.next;
        self.next += 1;
        for key in &keys {
            self.watchers.entry(key.clone()).or_default().insert(id);
        }
        self.deadlines.insert((deadline, id));
        self.by_connection.insert((connection, id));
        self.waiters.insert(id, Waiter { connection, deadline, keys, parked });
    }

    /// Says that what `key` stands for has changed. The retries happen when the turn ends.
    pub(crate) fn touch(&mut self, key: &WatchKey) {
        self.touch_watchers(key);
        if let WatchKey::Partition(partition) = key {
            self.touch_watchers(&WatchKey::Acknowledgement(partition.clone()));
        }
    }

    /// Says that a partition's log end moved, and nothing else of it: whoever waits for an acknowledgement, which
    /// may be very many, is left alone.
    pub(crate) fn touch_appended(&mut self, partition: &TopicPartition) {
        self.touch_watchers(&WatchKey::Partition(partition.clone()));
    }

    fn touch_watchers(&mut self, key: &WatchKey) {
        for &id in self.watchers.get(key).into_iter().flatten() {
            let keys = self.touched.entry(id).or_default();
            if keys.last() != Some(key) {
                keys.push(key.clone());
            }
        }
    }

    /// Whether somebody waits for `key`.
    pub(crate) fn is_watched(&self, key: &WatchKey) -> bool {
        self.watchers.contains_key(key)
    }

    /// Drops what a lost connection was waiting for.
    pub(crate) fn forget(&mut self, connection: ConnectionId) {
        let waiting = (connection, u64::MIN)..=(connection, u64::MAX);
        let waiting: Vec<u64> = self.by_connection.range(waiting).map(|&(_, id)| id).collect();
        for id in waiting {
            self.take(id);
        }
    }

    /// When the first wait ends; at once if something waits to be retried.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        if !self.touched.is_empty() {
            return Some(Moment::default());
        }
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    fn take(&mut self, id: u64) -> Option<Parked> {
        let waiter = self.waiters.remove(&id)?;
        self.deadlines.remove(&(waiter.deadline, id));
        self.by_connection.remove(&(waiter.connection, id));
        self.touched.remove(&id);
        for key in &waiter.keys {
            if let Some(ids) = self.watchers.get_mut(key) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.watchers.remove(key);
                }
            }
        }
        Some(waiter.parked)
    }

    /// The fetch of a waiter, which stays in its place and gets it back with [`Purgatory::put_back`] or is
    /// taken; `None` if it waits for something else than records.
    fn borrow_fetch(&mut self, id: u64) -> Option<fetch::Waiting> {
        let parked = &mut self.waiters.get_mut(&id)?.parked;
        match std::mem::replace(parked, Parked::Borrowed) {
            Parked::Fetch(waiting) if waiting.waits_for_records() => Some(*waiting),
            other => {
                *parked = other;
                None
            }
        }
    }

    fn put_back(&mut self, id: u64, waiting: fetch::Waiting) {
        if let Some(waiter) = self.waiters.get_mut(&id) {
            waiter.parked = Parked::Fetch(Box::new(waiting));
        }
    }

    fn take_expired(&mut self, now: Moment) -> Option<Parked> {
        let &(deadline, id) = self.deadlines.first()?;
        if deadline > now {
            return None;
        }
        self.take(id)
    }
}

/// Retries what was touched since the last call. A retry that touches other keys is followed up.
pub(crate) fn retry_woken<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    // A retry parks under a new number, so a bound by count ends even if two requests wake each other.
    let mut budget = 2 * broker.purgatory.waiters.len() + 1;
    while let Some((id, keys)) = broker.purgatory.touched.pop_first() {
        match broker.purgatory.borrow_fetch(id) {
            Some(waiting) => poke(broker, now, (id, waiting), &keys, effects),
            None => {
                let Some(parked) = broker.purgatory.take(id) else { continue };
                retry(broker, now, parked, Patience::Left, effects);
            }
        }
        budget -= 1;
        if budget == 0 {
            break;
        }
    }
}

/// Tells a fetch what changed. It may follow very many partitions, so it keeps its place while it waits.
fn poke<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    (id, mut waiting): (u64, fetch::Waiting),
    changed: &[WatchKey],
    effects: &mut Vec<Effect>,
) {
    match fetch::changed(broker, now, &mut waiting, changed) {
        fetch::Verdict::Wait => broker.purgatory.put_back(id, waiting),
        fetch::Verdict::Answer => {
            broker.purgatory.take(id);
            fetch::answer(broker, now, waiting, effects);
        }
        fetch::Verdict::LookAgain => {
            broker.purgatory.take(id);
            fetch::retry(broker, now, waiting, Patience::Left, effects);
        }
    }
}

/// Answers those whose time is over.
pub(crate) fn expire<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    while let Some(parked) = broker.purgatory.take_expired(now.moment) {
        retry(broker, now, parked, Patience::Over, effects);
    }
}

fn retry<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    parked: Parked,
    patience: Patience,
    effects: &mut Vec<Effect>,
) {
    match parked {
        Parked::Produce(waiting) => produce::retry(broker, now, waiting, patience, effects),
        Parked::Fetch(waiting) => fetch::retry(broker, now, *waiting, patience, effects),
        Parked::Borrowed => {}
        Parked::Metadata(waiting) => metadata::retry(broker, now, waiting, patience, effects),
        Parked::FindCoordinator(waiting) => {
            find_coordinator::retry(broker, now, waiting, patience, effects);
        }
        Parked::CreateTopics(waiting) => create_topics::retry(broker, now, waiting, patience, effects),
        Parked::DeleteTopics(waiting) => delete_topics::retry(broker, now, waiting, patience, effects),
        Parked::CreatePartitions(waiting) => {
            create_partitions::retry(broker, now, waiting, patience, effects);
        }
        Parked::AlterConfigs(waiting) => config_change::retry(broker, now, waiting, patience, effects),
        Parked::DeleteRecords(waiting) => delete_records::retry(broker, now, waiting, patience, effects),
        Parked::AlterPartitionReassignments(waiting) => {
            alter_partition_reassignments::retry(broker, now, waiting, patience, effects);
        }
        Parked::ControlledShutdown(waiting) => {
            controlled_shutdown::retry(broker, now, waiting, patience, effects);
        }
        Parked::InitProducerId(waiting) => {
            init_producer_id::retry(broker, now, waiting, patience, effects);
        }
        Parked::EndTxn(waiting) => end_txn::retry(broker, now, waiting, patience, effects),
        Parked::WriteTxnMarkers(waiting) => {
            write_txn_markers::retry(broker, now, waiting, patience, effects);
        }
    }
}
