//! The offsets of one group: committed, on their way to the log, and held back by transactions.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A partition of some topic that a group reads.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct TopicPartition {
    pub(crate) topic: String,
    pub(crate) partition: i32,
}

/// An offset with what was said about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    /// -1: not said.
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: Box<str>,
    /// Milliseconds since 1970.
    pub(crate) committed_ms: i64,
    /// When it is forgotten, if the client chose; milliseconds since 1970.
    pub(crate) expires_ms: Option<i64>,
    /// Offset of its batch in the log. A commit never replaces one that stands behind it in the log.
    pub(crate) position: i64,
}

/// The offsets of a group.
#[derive(Default, Debug)]
pub(crate) struct Offsets {
    committed: BTreeMap<String, BTreeMap<i32, Committed>>,
    /// Number of commits of a partition that are being written.
    in_flight: BTreeMap<TopicPartition, usize>,
    /// By producer, what becomes committed when its transaction does.
    transactional: BTreeMap<i64, BTreeMap<TopicPartition, Committed>>,
    /// Number of commits of a producer that are being written.
    transactional_in_flight: BTreeMap<(i64, TopicPartition), usize>,
}

impl Offsets {
    pub(crate) fn find(&self, topic: &str, partition: i32) -> Option<&Committed> {
        self.committed.get(topic)?.get(&partition)
    }

    pub(crate) fn by_topic(&self) -> &BTreeMap<String, BTreeMap<i32, Committed>> {
        &self.committed
    }

    /// Whether nothing is kept and nothing is coming.
    pub(crate) fn is_empty(&self) -> bool {
        self.committed.is_empty()
            && self.in_flight.is_empty()
            && self.transactional.is_empty()
            && self.transactional_in_flight.is_empty()
    }

    /// Whether the offset may change without anybody asking for it.
    pub(crate) fn is_unstable(&self, at: &TopicPartition) -> bool {
        self.in_flight.contains_key(at)
            || self.transactional.values().any(|offsets| offsets.contains_key(at))
            || self.transactional_in_flight.keys().any(|(_, other)| other == at)
    }

    /// Whether a commit that is no transaction's is being written.
    pub(crate) fn is_in_flight(&self, at: &TopicPartition) -> bool {
        self.in_flight.contains_key(at)
    }

    /// A commit is being written.
    pub(crate) fn begin(&mut self, producer: Option<i64>, at: &TopicPartition) {
        match producer {
            None => *self.in_flight.entry(at.clone()).or_default() += 1,
            Some(id) => *self.transactional_in_flight.entry((id, at.clone())).or_default() += 1,
        }
    }

    /// The commit is no longer being written: it was, or it failed.
    pub(crate) fn end(&mut self, producer: Option<i64>, at: &TopicPartition) {
        match producer {
            None => count_down(&mut self.in_flight, at),
            Some(id) => count_down(&mut self.transactional_in_flight, &(id, at.clone())),
        }
    }

    /// A commit is in the log.
    pub(crate) fn commit(&mut self, at: TopicPartition, committed: Committed) {
        self.commit_at(&at.topic, at.partition, committed);
    }

    /// As [`Offsets::commit`]; copies the topic's name only if it is new.
    pub(crate) fn commit_at(&mut self, topic: &str, partition: i32, committed: Committed) {
        let partitions = match self.committed.get_mut(topic) {
            Some(partitions) => partitions,
            None => self.committed.entry(topic.to_owned()).or_default(),
        };
        match partitions.entry(partition) {
            Entry::Occupied(mut current) => {
                if current.get().position <= committed.position {
                    current.insert(committed);
                }
            }
            Entry::Vacant(place) => {
                place.insert(committed);
            }
        }
    }

    /// A commit of a transaction is in the log.
    pub(crate) fn hold_back(&mut self, producer: i64, at: TopicPartition, committed: Committed) {
        self.transactional.entry(producer).or_default().insert(at, committed);
    }

    /// A tombstone within a transaction.
    pub(crate) fn drop_held_back(&mut self, producer: i64, at: &TopicPartition) {
        if let Some(offsets) = self.transactional.get_mut(&producer) {
            offsets.remove(at);
        }
    }

    /// The producer's transaction is over.
    pub(crate) fn end_transaction(&mut self, producer: i64, committed: bool) {
        let Some(offsets) = self.transactional.remove(&producer) else { return };
        if committed {
            for (at, offset) in offsets {
                self.commit(at, offset);
            }
        }
    }

    /// Removes a committed offset and leaves those of transactions, as a tombstone that is read does.
    pub(crate) fn remove_committed(&mut self, at: &TopicPartition) {
        if let Some(partitions) = self.committed.get_mut(&at.topic) {
            partitions.remove(&at.partition);
            if partitions.is_empty() {
                self.committed.remove(&at.topic);
            }
        }
    }

    /// Removes an offset, also from transactions that are under way.
    pub(crate) fn remove(&mut self, at: &TopicPartition) {
        self.remove_committed(at);
        for offsets in self.transactional.values_mut() {
            offsets.remove(at);
        }
        self.transactional.retain(|_, offsets| !offsets.is_empty());
    }

    /// Whether these, which are all committed, are all that is kept, and nothing is coming.
    pub(crate) fn are_all(&self, some: &[TopicPartition]) -> bool {
        let nothing_comes = self.in_flight.is_empty()
            && self.transactional.is_empty()
            && self.transactional_in_flight.is_empty();
        nothing_comes && self.committed.values().map(BTreeMap::len).sum::<usize>() == some.len()
    }

    /// Every partition of which something is kept or coming, or of `topic` only.
    pub(crate) fn partitions(&self, topic: Option<&str>) -> Vec<TopicPartition> {
        let is_meant = |name: &str| topic.is_none_or(|topic| name == topic);
        let mut all: Vec<TopicPartition> = Vec::new();
        for (name, partitions) in self.committed.iter().filter(|(name, _)| is_meant(name)) {
            all.extend(partitions.keys().map(|&partition| TopicPartition { topic: name.clone(), partition }));
        }
        let transactional = self.transactional.values().flat_map(BTreeMap::keys);
        let in_flight = self.transactional_in_flight.keys().map(|(_, at)| at);
        let coming = self.in_flight.keys().chain(transactional).chain(in_flight);
        all.extend(coming.filter(|at| is_meant(&at.topic)).cloned());
        all.sort();
        all.dedup();
        all
    }

    /// The partitions whose offset is older than it may become. `base_ms` tells from when on an offset
    /// ages; `in_use` spares a topic.
    pub(crate) fn expired(
        &self,
        now_ms: i64,
        retention_ms: i64,
        base_ms: impl Fn(&Committed) -> i64,
        in_use: impl Fn(&str) -> bool,
    ) -> Vec<TopicPartition> {
        let mut expired = Vec::new();
        for (topic, partitions) in self.committed.iter().filter(|(topic, _)| !in_use(topic)) {
            for (&partition, committed) in partitions {
                let is_over = match committed.expires_ms {
                    Some(expires_ms) => now_ms >= expires_ms,
                    None => now_ms.saturating_sub(base_ms(committed)) >= retention_ms,
                };
                if !is_over {
                    continue;
                }
                let at = TopicPartition { topic: topic.clone(), partition };
                if !self.is_in_flight(&at) {
                    expired.push(at);
                }
            }
        }
        expired
    }
}

fn count_down<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    let Some(count) = counts.get_mut(key) else { return };
    *count -= 1;
    if *count == 0 {
        counts.remove(key);
    }
}
