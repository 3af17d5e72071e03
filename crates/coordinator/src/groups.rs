//! All groups of the partitions of `__consumer_offsets` that this broker leads, as one state machine.
//!
//! Every request is answered exactly once, by an [`Effect::Answer`] of this or a later step; a request
//! for a group that is loaded elsewhere, or not yet, is answered at once.

mod leadership;
mod requests;
mod written;

use std::collections::BTreeMap;
use std::sync::Arc;

use clock::{Moment, Now};
use fastrand::Rng;
use kafka_wire::{ErrorCode, java_string_hash};

use crate::consumer::{self, Consumer};
use crate::describe::{self, Filter};
use crate::effect::{Answer, Effect, Fetched};
use crate::fetch;
use crate::group::{Group, State};
use crate::input::{Input, RequestToken};
use crate::limits::NAME_BYTES_MAX;
use crate::settings::Settings;
use crate::shard::{Content, Shard};
use crate::timers::{Timer, Timers};
use crate::topics::Topics;
use crate::turn::Turn;
use crate::write::Writes;

/// The coordinator of consumer groups.
#[derive(Debug)]
pub struct Groups {
    settings: Settings,
    topics: Arc<Topics>,
    random: Rng,
    timers: Timers,
    writes: Writes,
    shards: BTreeMap<i32, Shard>,
    /// The newest leadership that was heard of, by partition: older news is ignored.
    epochs: BTreeMap<i32, i32>,
    /// DeleteGroups that wait for tombstones.
    deletions: BTreeMap<RequestToken, Deletion>,
}

/// A DeleteGroups with several groups, answered when the last is done.
#[derive(Debug, Default)]
struct Deletion {
    results: BTreeMap<String, ErrorCode>,
    waiting: usize,
}

/// What a request may ask of a group's id.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IdRule {
    /// Must not be empty: groups that have members.
    Named,
    /// May be empty: old clients commit without a group.
    Any,
}

impl Groups {
    /// No groups: they come with [`Input::Load`]. The seed makes member ids unique and unguessable, so
    /// it must be random wherever clients are real.
    pub fn new(settings: Settings, now: Now, seed: u64) -> Self {
        assert!(settings.partitions > 0);
        let mut timers = Timers::default();
        timers.set(now.moment + settings.offsets_retention_check_interval, Timer::Expiry);
        Groups {
            settings,
            topics: Arc::default(),
            random: Rng::with_seed(seed),
            timers,
            writes: Writes::default(),
            shards: BTreeMap::new(),
            epochs: BTreeMap::new(),
            deletions: BTreeMap::new(),
        }
    }

    /// The partition of `__consumer_offsets` that holds a group, wherever it is led.
    pub fn partition_of(&self, group: &str) -> i32 {
        place(group, self.settings.partitions)
    }

    /// Tells how many partitions `__consumer_offsets` really has. Only before any of them is led: the
    /// number decides where groups are, and cannot change under them.
    pub fn set_partitions(&mut self, partitions: i32) {
        assert!(partitions > 0);
        assert!(self.shards.is_empty() || partitions == self.settings.partitions);
        self.settings.partitions = partitions;
    }

    /// The partitions that are led here, with the epoch of the leadership.
    pub fn led(&self) -> impl Iterator<Item = (i32, i32)> {
        self.shards.iter().map(|(&partition, shard)| (partition, shard.leader_epoch))
    }

    /// Whether the groups of a partition can be served here.
    pub fn serves(&self, partition: i32) -> bool {
        self.shards.get(&partition).is_some_and(|shard| shard.groups().is_some())
    }

    /// When the next [`Input::Woken`] is wanted.
    pub fn deadline(&self) -> Option<Moment> {
        self.timers.deadline()
    }

    /// Takes in one thing that happened.
    pub fn step(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Join(token, request) => self.join(now, token, request, effects),
            Input::Sync(token, request) => self.sync(now, token, request, effects),
            Input::Heartbeat(token, request) => {
                let error = match self.locate(&request.group, IdRule::Named) {
                    Ok(partition) => {
                        let beat = |group: &mut Group, turn: &mut Turn<'_>| group.heartbeat(turn, &request);
                        self.with(now, partition, &request.group, effects, beat)
                            .unwrap_or(ErrorCode::UNKNOWN_MEMBER_ID)
                    }
                    // A member whose coordinator moved here knows nothing of it yet and need not.
                    Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS) => ErrorCode::NONE,
                    Err(error) => error,
                };
                answer(effects, token, Answer::Heartbeat(error));
            }
            Input::Leave(token, request) => self.leave(now, token, request, effects),
            Input::Commit(token, request) => self.commit(now, token, request, effects),
            Input::ConsumerBeat(token, request) => self.consumer_beat(now, token, &request, effects),
            Input::Topics(topics) => self.topics = topics,
            Input::ConsumerDescribe { token, group } => {
                let described = match self.locate(&group, IdRule::Any) {
                    Ok(partition) => self.describe_consumer(partition, &group),
                    Err(error) => consumer::describe::refused(error, None),
                };
                answer(effects, token, Answer::ConsumerDescribe(described));
            }
            Input::Fetch { token, group, topics, member, require_stable } => {
                let fetched = match self.locate(&group, IdRule::Any) {
                    Ok(partition) => {
                        fetch::fetch(self.find(partition, &group), topics, member, require_stable)
                    }
                    Err(error) => Fetched { error, topics: Vec::new() },
                };
                answer(effects, token, Answer::Fetch(fetched));
            }
            Input::List { token, states, types } => {
                let filter = Filter::new(&states, &types);
                let loaded = self.shards.values().filter_map(Shard::groups);
                let groups =
                    loaded.flat_map(BTreeMap::values).filter_map(|group| filter.list(group)).collect();
                let is_loading = self.shards.values().any(|shard| shard.groups().is_none());
                let error =
                    if is_loading { ErrorCode::COORDINATOR_LOAD_IN_PROGRESS } else { ErrorCode::NONE };
                answer(effects, token, Answer::List(error, groups));
            }
            Input::Describe { token, group } => {
                let description = match self.locate(&group, IdRule::Any) {
                    Ok(partition) => describe::describe(self.find(partition, &group)),
                    Err(error) => describe::refused(error),
                };
                answer(effects, token, Answer::Describe(description));
            }
            Input::Delete { token, groups } => self.delete(now, token, groups, effects),
            Input::DeleteOffsets { token, group, topics } => {
                self.delete_offsets(now, token, &group, topics, effects);
            }
            Input::TopicsDeleted { topics } => self.topics_deleted(now, &topics, effects),
            Input::Appended { write, base_offset } => self.written(now, write, Ok(base_offset), effects),
            Input::AppendFailed { write, error } => self.written(now, write, Err(error), effects),
            Input::Load { partition, leader_epoch } => self.load(now, partition, leader_epoch, effects),
            Input::Loading { partition, batches } => {
                if let Some(Shard { content: Content::Loading(loader), .. }) = self.shards.get_mut(&partition)
                {
                    batches.into_iter().for_each(|batch| loader.read(batch));
                }
            }
            Input::Loaded { partition } => self.loaded(now, partition, effects),
            Input::Unload { partition, leader_epoch } => self.unload(now, partition, leader_epoch, effects),
            Input::TransactionEnded { partition, producer_id, committed } => {
                let groups = self.shards.get_mut(&partition).and_then(Shard::groups_mut);
                for group in groups.into_iter().flat_map(BTreeMap::values_mut) {
                    group.offsets.end_transaction(producer_id, committed);
                }
            }
            Input::Woken => self.woken(now, effects),
        }
    }

    // ---- time ----

    fn woken(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some(timer) = self.timers.due(now.moment) {
            match timer {
                Timer::Session { group, member } => {
                    self.ring(now, &group, effects, |group, turn| group.session_over(turn, &member));
                }
                Timer::Pending { group, member } => {
                    self.ring(now, &group, effects, |group, turn| group.pending_over(turn, &member));
                }
                Timer::ConsumerSession { group, member } => {
                    self.ring(now, &group, effects, |group, turn| {
                        let rung = |consumer: &mut Consumer, turn: &mut Turn<'_>, id: &_| {
                            consumer.session_rang(turn, id, &member)
                        };
                        group.consumer_rang(turn, &member, rung, "was not heard of in time");
                    });
                }
                Timer::Revocation { group, member } => {
                    self.ring(now, &group, effects, |group, turn| {
                        let rung = |consumer: &mut Consumer, _: &mut Turn<'_>, _: &_| {
                            consumer.revocation_rang(&member)
                        };
                        group.consumer_rang(turn, &member, rung, "did not give partitions back in time");
                    });
                }
                Timer::Join { group } => self.ring(now, &group, effects, Group::join_phase_over),
                Timer::Sync { group } => self.ring(now, &group, effects, Group::sync_phase_over),
                Timer::Write(token) => self.write_overdue(now, token, effects),
                Timer::Expiry => self.expire(now, effects),
            }
        }
    }

    fn ring(
        &mut self,
        now: Now,
        name: &str,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut Group, &mut Turn<'_>),
    ) {
        let done = self.with(now, self.partition_of(name), name, effects, act);
        debug_assert!(done.is_some(), "an alarm is taken back with its group");
    }

    fn expire(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for (partition, name) in self.names() {
            if self.with(now, partition, &name, effects, Group::expire) == Some(true) {
                self.forget(now, partition, &name, effects);
            }
        }
        self.timers.set(now.moment + self.settings.offsets_retention_check_interval, Timer::Expiry);
    }

    // ---- where things are ----

    /// The partition of a group if it is led and loaded here.
    fn locate(&self, group: &str, rule: IdRule) -> Result<i32, ErrorCode> {
        if (group.is_empty() && rule == IdRule::Named) || group.len() > NAME_BYTES_MAX {
            return Err(ErrorCode::INVALID_GROUP_ID);
        }
        let partition = self.partition_of(group);
        match self.shards.get(&partition) {
            None => Err(ErrorCode::NOT_COORDINATOR),
            Some(Shard { content: Content::Loading(_), .. }) => Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
            Some(Shard { content: Content::Loaded(_), .. }) => Ok(partition),
        }
    }

    fn find(&self, partition: i32, group: &str) -> Option<&Group> {
        self.shards.get(&partition)?.groups()?.get(group)
    }

    /// Every group, so that each can be looked at while the table changes.
    fn names(&self) -> Vec<(i32, Arc<str>)> {
        let loaded = self.shards.iter().filter_map(|(&partition, shard)| Some((partition, shard.groups()?)));
        loaded
            .flat_map(|(partition, groups)| groups.keys().map(move |name| (partition, name.clone())))
            .collect()
    }

    /// Makes a new group. False if there are too many.
    fn create(&mut self, now: Now, partition: i32, name: &str) -> bool {
        let count: usize = self.shards.values().filter_map(Shard::groups).map(BTreeMap::len).sum();
        let groups = self.shards.get_mut(&partition).and_then(Shard::groups_mut);
        let Some(groups) = groups.filter(|_| count < self.settings.groups_max) else { return false };
        let name: Arc<str> = Arc::from(name);
        let before = groups.insert(name.clone(), Group::new(name, partition, now.wall.as_ms()));
        assert!(before.is_none(), "only a group that does not exist is created");
        true
    }

    /// Drops a group of which nothing is left.
    fn forget(&mut self, now: Now, partition: i32, name: &str, effects: &mut Vec<Effect>) {
        let silenced = self.with(now, partition, name, effects, |group, turn| {
            assert!(group.is(State::Dead));
            group.silence(turn);
        });
        if silenced.is_some() {
            let groups = self.shards.get_mut(&partition).and_then(Shard::groups_mut);
            groups.expect("it was just there").remove(name);
        }
    }

    fn open<'a>(
        &'a mut self,
        partition: i32,
        now: Now,
        effects: &'a mut Vec<Effect>,
    ) -> (&'a mut BTreeMap<Arc<str>, Group>, Turn<'a>) {
        let shard = self.shards.get_mut(&partition).expect("the partition was located");
        let turn = Turn {
            now,
            settings: &self.settings,
            random: &mut self.random,
            timers: &mut self.timers,
            writes: &mut self.writes,
            effects,
            topics: &self.topics,
            leader_epoch: shard.leader_epoch,
        };
        (shard.groups_mut().expect("the partition is loaded"), turn)
    }

    /// Lets one group act, and checks it afterwards. `None` if there is no such group.
    fn with<T>(
        &mut self,
        now: Now,
        partition: i32,
        name: &str,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut Group, &mut Turn<'_>) -> T,
    ) -> Option<T> {
        self.find(partition, name)?;
        let (groups, mut turn) = self.open(partition, now, effects);
        let group = groups.get_mut(name).expect("it was found");
        let result = act(group, &mut turn);
        // Large groups are checked in tests only: each check looks at all members.
        if cfg!(debug_assertions) || group.size() <= 64 {
            group.check();
        }
        Some(result)
    }
}

/// The partition of a group, as every Kafka broker computes it (`Utils.abs`): the absolute value of the hash, and
/// 0 for the one that has none. Not the masked sign bit of the default partitioner.
pub(crate) fn place(group: &str, partitions: i32) -> i32 {
    java_string_hash(group).checked_abs().unwrap_or(0) % partitions
}

fn answer(effects: &mut Vec<Effect>, token: RequestToken, answer: Answer) {
    effects.push(Effect::Answer { token, answer });
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn groups_lie_where_apache_kafka_looks_for_them() {
        // As Kafka 3.9 shows them among the partitions of a transaction; the last three have a negative hash.
        for (name, partition) in [("g0", 41), ("g1", 42), ("simple", 26), ("static0", 4), ("static1", 3)] {
            assert_eq!(place(name, 50), partition, "{name}");
        }
        // A hash without an absolute value.
        assert_eq!(kafka_wire::java_string_hash("polygenelubricants"), i32::MIN);
        assert_eq!(place("polygenelubricants", 50), 0);
    }
}
