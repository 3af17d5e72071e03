//! A group of the consumer protocol (KIP-848): who subscribes to what, what each member should have
//! (its target), and what it has and must give back (its current assignment).
//!
//! All that the log keeps changes through [`Change`]s, each of which is one record: acting, loading and
//! taking back what could not be written are the same code. Three epochs count up: the group's when a
//! subscription or a topic changes, the target's when the assignor caught up with it, and each member's
//! when it did.
//!
//! Invariants: a partition has one owner, who has it assigned or still has to give it back; each static
//! name belongs to one member; members have a session. [`Consumer::check`] asserts them.

pub(crate) mod assign;
pub(crate) mod beat;
pub(crate) mod change;
pub(crate) mod describe;
mod group;
pub(crate) mod pattern;
pub(crate) mod reconcile;
pub(crate) mod sessions;
pub(crate) mod target;
#[cfg(test)]
mod tests;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka_wire::{ErrorCode, Uuid};

use crate::consumer::change::Change;
use crate::consumer::pattern::Resolved;
use crate::consumer::sessions::Session;
use crate::effect::WriteToken;
use crate::topics::Topics;

/// Partitions by topic. No topic is there without partitions.
pub(crate) type Assignment = BTreeMap<Uuid, BTreeSet<i32>>;

/// Epoch of a static member that went away and may come back within its session.
pub(crate) const AWAY: i32 = -2;

/// What a member said of itself.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Subscription {
    pub(crate) instance_id: Option<String>,
    pub(crate) rack_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    /// Sorted, none twice.
    pub(crate) topics: Vec<String>,
    /// Topics by pattern, in RE2 syntax; never empty.
    pub(crate) pattern: Option<String>,
    /// How long it may take to give partitions back, in milliseconds.
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) assignor: Option<String>,
}

/// Where a member stands between what it has and what it should have. The numbers are those of the record.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Standing {
    /// It has its target, as far as it was told.
    #[default]
    Stable = 0,
    /// It must give partitions back first.
    Revoking = 1,
    /// It waits for partitions that others still have.
    Waiting = 2,
    /// A later version wrote this.
    Unknown = 127,
}

/// What a member has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Current {
    pub(crate) epoch: i32,
    /// The epoch before: a member that did not get the last answer still names it.
    pub(crate) previous_epoch: i32,
    pub(crate) standing: Standing,
    pub(crate) assigned: Assignment,
    /// What it was told to give back, and may still read.
    pub(crate) revoking: Assignment,
}

impl Default for Current {
    fn default() -> Self {
        Current {
            epoch: 0,
            previous_epoch: -1,
            standing: Standing::Stable,
            assigned: Assignment::new(),
            revoking: Assignment::new(),
        }
    }
}

/// The state of a group, as DescribeGroups and ListGroups name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Empty,
    Assigning,
    Reconciling,
    Stable,
}

impl Phase {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Phase::Empty => "Empty",
            Phase::Assigning => "Assigning",
            Phase::Reconciling => "Reconciling",
            Phase::Stable => "Stable",
        }
    }
}

/// The part of a group that its members make up.
#[derive(Default, Debug)]
pub(crate) struct Consumer {
    /// `None` until something is written.
    epoch: Option<i32>,
    /// Of the topics subscribed to, when the epoch was last raised.
    hash: i64,
    target_epoch: Option<i32>,
    subscriptions: BTreeMap<Arc<str>, Arc<Subscription>>,
    targets: BTreeMap<Arc<str>, Arc<Assignment>>,
    currents: BTreeMap<Arc<str>, Arc<Current>>,
    patterns: BTreeMap<String, Arc<Resolved>>,
    /// Whether Kafka 4.0 wrote a record that later versions do without, and which goes with the group.
    has_legacy: bool,

    // What follows from the above.
    instances: BTreeMap<String, Arc<str>>,
    owners: BTreeMap<Uuid, BTreeMap<i32, i32>>,

    // What is not in the log.
    sessions: BTreeMap<Arc<str>, Session>,
    /// The table of topics that was last looked at.
    seen_topics: Option<u64>,
    /// The newest of its appends, to which answers that need nothing written are hung.
    pub(crate) last_write: Option<WriteToken>,
}

impl Consumer {
    // ---- what can be asked ----

    pub(crate) fn is_empty(&self) -> bool {
        self.subscriptions.is_empty()
    }

    pub(crate) fn size(&self) -> usize {
        self.subscriptions.len()
    }

    /// Whether the log may know of it.
    pub(crate) fn is_written(&self) -> bool {
        self.epoch.is_some() || self.target_epoch.is_some() || !self.subscriptions.is_empty()
    }

    pub(crate) fn epoch(&self) -> i32 {
        self.epoch.unwrap_or(0)
    }

    pub(crate) fn target_epoch(&self) -> i32 {
        self.target_epoch.unwrap_or(0)
    }

    pub(crate) fn has(&self, member: &str) -> bool {
        self.subscriptions.contains_key(member)
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Arc<str>> {
        self.subscriptions.keys()
    }

    pub(crate) fn current(&self, member: &str) -> Option<&Arc<Current>> {
        self.currents.get(member)
    }

    pub(crate) fn phase(&self) -> Phase {
        if self.is_empty() {
            return Phase::Empty;
        }
        if self.epoch() > self.target_epoch() {
            return Phase::Assigning;
        }
        let is_reconciled = |member: &Arc<str>| {
            let current = self.currents.get(member);
            current.is_some_and(|current| {
                current.standing == Standing::Stable && current.epoch == self.target_epoch()
            })
        };
        if self.members().all(is_reconciled) { Phase::Stable } else { Phase::Reconciling }
    }

    /// The names of all topics that members subscribe to, whether they exist or not.
    pub(crate) fn subscribed(&self) -> BTreeSet<&str> {
        let named = self.subscriptions.values().flat_map(|member| &member.topics).map(String::as_str);
        let matched = self.patterns.values().flat_map(|resolved| &resolved.topics).map(String::as_str);
        named.chain(matched).collect()
    }

    /// Whether a member of the group says so with the right epoch.
    pub(crate) fn validate(&self, member: &str, epoch: i32) -> Result<(), ErrorCode> {
        if !self.has(member) {
            return Err(ErrorCode::UNKNOWN_MEMBER_ID);
        }
        let known = self.currents.get(member).map_or(0, |current| current.epoch);
        if epoch == known { Ok(()) } else { Err(ErrorCode::STALE_MEMBER_EPOCH) }
    }

    /// The epoch of whoever has the partition.
    pub(crate) fn owner_epoch(&self, topic: Uuid, partition: i32) -> Option<i32> {
        self.owners.get(&topic)?.get(&partition).copied()
    }

    // ---- changes ----

    /// Takes in a change and gives back the one that undoes it.
    pub(crate) fn apply(&mut self, change: Change) -> Change {
        match change {
            Change::Epoch(value) => {
                let before = self.epoch.map(|epoch| (epoch, self.hash));
                self.epoch = value.map(|(epoch, _)| epoch);
                self.hash = value.map_or(0, |(_, hash)| hash);
                Change::Epoch(before)
            }
            Change::Legacy(is_there) => Change::Legacy(std::mem::replace(&mut self.has_legacy, is_there)),
            Change::TargetEpoch(epoch) => {
                Change::TargetEpoch(std::mem::replace(&mut self.target_epoch, epoch))
            }
            Change::Member(id, subscription) => {
                let before = replace(&mut self.subscriptions, &id, subscription);
                if let Some(instance) = before.as_ref().and_then(|before| before.instance_id.as_ref())
                    && self.instances.get(instance) == Some(&id)
                {
                    self.instances.remove(instance);
                }
                let after = self.subscriptions.get(&id);
                if let Some(instance) = after.and_then(|after| after.instance_id.clone()) {
                    self.instances.insert(instance, id.clone());
                }
                Change::Member(id, before)
            }
            Change::Target(id, target) => {
                let before = replace(&mut self.targets, &id, target);
                Change::Target(id, before)
            }
            Change::Current(id, current) => {
                let after = current.clone();
                let before = replace(&mut self.currents, &id, current);
                if let Some(before) = &before {
                    self.disown(before);
                }
                if let Some(after) = after {
                    self.own(&after);
                }
                Change::Current(id, before)
            }
            Change::Pattern(pattern, resolved) => {
                let before = match resolved {
                    Some(resolved) => self.patterns.insert(pattern.clone(), resolved),
                    None => self.patterns.remove(&pattern),
                };
                Change::Pattern(pattern, before)
            }
        }
    }

    fn own(&mut self, current: &Current) {
        for (&topic, partitions) in current.assigned.iter().chain(&current.revoking) {
            let owners = self.owners.entry(topic).or_default();
            owners.extend(partitions.iter().map(|&partition| (partition, current.epoch)));
        }
    }

    fn disown(&mut self, current: &Current) {
        for (topic, partitions) in current.assigned.iter().chain(&current.revoking) {
            let Some(owners) = self.owners.get_mut(topic) else { continue };
            for partition in partitions {
                if owners.get(partition) == Some(&current.epoch) {
                    owners.remove(partition);
                }
            }
            if owners.is_empty() {
                self.owners.remove(topic);
            }
        }
    }

    /// Ends the reading of the log: drops what belongs to no member, and derives the rest anew.
    pub(crate) fn settle(&mut self) {
        let subscriptions = &mut self.subscriptions;
        self.targets.retain(|id, _| subscriptions.contains_key(id));
        self.currents.retain(|id, _| subscriptions.contains_key(id));
        // Kafka and we write each name and each partition once; what neither wrote may say anything.
        self.instances.clear();
        for (id, member) in subscriptions {
            let Some(instance) = member.instance_id.clone() else { continue };
            match self.instances.entry(instance) {
                Entry::Vacant(place) => {
                    place.insert(id.clone());
                }
                Entry::Occupied(_) => Arc::make_mut(member).instance_id = None,
            }
        }
        self.owners.clear();
        for current in self.currents.values_mut() {
            let current = Arc::make_mut(current);
            for side in [&mut current.assigned, &mut current.revoking] {
                for (topic, partitions) in side.iter_mut() {
                    let owners = self.owners.entry(*topic).or_default();
                    partitions.retain(|&partition| match owners.entry(partition) {
                        Entry::Vacant(place) => {
                            place.insert(current.epoch);
                            true
                        }
                        Entry::Occupied(_) => false,
                    });
                }
                side.retain(|_, partitions| !partitions.is_empty());
            }
        }
        self.owners.retain(|_, owners| !owners.is_empty());
        if self.target_epoch() > self.epoch() {
            self.epoch = self.target_epoch;
        }
        // The table of topics that was matched is not the one there is now.
        for resolved in self.patterns.values_mut() {
            Arc::make_mut(resolved).version = -1;
        }
    }

    /// A hash of the topics that members subscribe to and that exist; 0 if there are none. A topic that
    /// comes, goes, grows or is made anew changes it.
    pub(crate) fn topics_hash(&self, topics: &Topics) -> i64 {
        let mut hash = Fnv::default();
        let mut is_empty = true;
        for name in self.subscribed() {
            let Some(topic) = topics.find(name) else { continue };
            is_empty = false;
            hash.add(name.as_bytes());
            hash.add(&topic.id.0);
            hash.add(&topic.partitions.to_be_bytes());
        }
        if is_empty { 0 } else { hash.0.cast_signed() }
    }

    /// Asserts what must hold between steps.
    pub(crate) fn check(&self) {
        assert_eq!(self.sessions.len(), self.subscriptions.len(), "members have sessions, and nobody else");
        let static_members = self.subscriptions.values().filter(|member| member.instance_id.is_some());
        assert_eq!(self.instances.len(), static_members.count());
        let owned: usize = self.owners.values().map(BTreeMap::len).sum();
        let sizes = |assignment: &Assignment| assignment.values().map(BTreeSet::len).sum::<usize>();
        let held: usize = self.currents.values().map(|c| sizes(&c.assigned) + sizes(&c.revoking)).sum();
        assert_eq!(owned, held, "a partition has one owner");
        assert!(self.target_epoch() <= self.epoch(), "the target follows the group");
    }
}

/// Puts a value under a key, or takes it away; gives back what was there.
fn replace<V>(map: &mut BTreeMap<Arc<str>, V>, key: &Arc<str>, value: Option<V>) -> Option<V> {
    match value {
        Some(value) => map.insert(key.clone(), value),
        None => map.remove(key),
    }
}

/// FNV-1a, 64 bits: small, and the same on every machine, as a value in the log must be.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        // The length in front keeps neighbours apart.
        for byte in (bytes.len() as u64).to_be_bytes().iter().chain(bytes) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
