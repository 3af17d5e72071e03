//! All groups of the partitions of `__consumer_offsets` that this broker leads, as one state machine.
//!
//! Every request is answered exactly once, by an [`Effect::Answer`] of this or a later step; a request
//! for a group that is loaded elsewhere, or not yet, is answered at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use clock::{Moment, Now};
use fastrand::Rng;
use kafka_wire::{ErrorCode, java_string_hash};

use crate::commit;
use crate::delete;
use crate::describe::{self, Filter};
use crate::effect::{Answer, Effect, Fetched, Joined, Left, Outcome, Synced, WriteToken};
use crate::fetch;
use crate::group::{Group, State};
use crate::input::{CommitRequest, Input, JoinRequest, LeaveRequest, RequestToken, SyncRequest};
use crate::join;
use crate::limits::NAME_BYTES_MAX;
use crate::load::Loader;
use crate::settings::Settings;
use crate::shard::{Content, Shard};
use crate::timers::{Timer, Timers};
use crate::turn::Turn;
use crate::write::{InFlight, StaticMember, Then, Write, Writes, commit_error};

/// The coordinator of consumer groups.
#[derive(Debug)]
pub struct Groups {
    settings: Settings,
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
            Input::Fetch { token, group, topics, require_stable } => {
                let fetched = match self.locate(&group, IdRule::Any) {
                    Ok(partition) => fetch::fetch(self.find(partition, &group), topics, require_stable),
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

    // ---- requests ----

    fn join(&mut self, now: Now, token: RequestToken, request: JoinRequest, effects: &mut Vec<Effect>) {
        let id = request.member_id.clone();
        let mut refuse = |error| answer(effects, token, Joined::refused(&id, error));
        let partition = match self.locate(&request.group, IdRule::Named) {
            Ok(partition) => partition,
            Err(error) => return refuse(error),
        };
        let (groups, turn) = self.open(partition, now, &mut *effects);
        if let Err(error) = join::validate(&turn, &request) {
            return answer(effects, token, Joined::refused(&id, error));
        }
        if !groups.contains_key(request.group.as_str()) {
            // Only a member without an id can be the first of a group.
            if !id.is_empty() {
                return answer(effects, token, Joined::refused(&id, ErrorCode::UNKNOWN_MEMBER_ID));
            }
            if !self.create(now, partition, &request.group) {
                return answer(effects, token, Joined::refused(&id, ErrorCode::COORDINATOR_NOT_AVAILABLE));
            }
        }
        let name = request.group.clone();
        self.with(now, partition, &name, effects, |group, turn| group.join(turn, token, request));
    }

    fn sync(&mut self, now: Now, token: RequestToken, request: SyncRequest, effects: &mut Vec<Effect>) {
        let error = match self.locate(&request.group, IdRule::Named) {
            Ok(partition) => {
                let name = request.group.clone();
                let done =
                    self.with(now, partition, &name, effects, |group, turn| group.sync(turn, token, request));
                if done.is_some() {
                    return;
                }
                ErrorCode::UNKNOWN_MEMBER_ID
            }
            // The rebalance it is part of is forgotten; this sends the member back to join, and clients
            // do not expect to be told of loading here.
            Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS) => ErrorCode::REBALANCE_IN_PROGRESS,
            Err(error) => error,
        };
        answer(effects, token, Synced::refused(error));
    }

    fn leave(&mut self, now: Now, token: RequestToken, request: LeaveRequest, effects: &mut Vec<Effect>) {
        let left = match self.locate(&request.group, IdRule::Named) {
            Ok(partition) => {
                let members = request.members.clone();
                let left = self
                    .with(now, partition, &request.group, effects, |group, turn| group.leave(turn, members));
                left.unwrap_or_else(|| {
                    let unknown = |member| (member, ErrorCode::UNKNOWN_MEMBER_ID);
                    Left {
                        error: ErrorCode::NONE,
                        members: request.members.into_iter().map(unknown).collect(),
                    }
                })
            }
            Err(error) => Left { error, members: Vec::new() },
        };
        answer(effects, token, Answer::Leave(left));
    }

    fn commit(&mut self, now: Now, token: RequestToken, request: CommitRequest, effects: &mut Vec<Effect>) {
        let rule = if request.producer.is_some() { IdRule::Named } else { IdRule::Any };
        let checked = self.locate(&request.group, rule).and_then(|partition| {
            if self.find(partition, &request.group).is_none() {
                if request.generation >= 0 && request.producer.is_none() {
                    return Err(match request.knows_group_id_not_found {
                        true => ErrorCode::GROUP_ID_NOT_FOUND,
                        false => ErrorCode::ILLEGAL_GENERATION,
                    });
                }
                if !self.create(now, partition, &request.group) {
                    return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
                }
            }
            if self.writes.is_full() { Err(ErrorCode::COORDINATOR_NOT_AVAILABLE) } else { Ok(partition) }
        });
        match checked {
            Ok(partition) => {
                let name = request.group.clone();
                self.with(now, partition, &name, effects, |group, turn| group.commit(turn, token, request));
            }
            Err(error) => answer(effects, token, commit::refused(&request.offsets, error)),
        }
    }

    fn delete(&mut self, now: Now, token: RequestToken, groups: Vec<String>, effects: &mut Vec<Effect>) {
        let mut deletion = Deletion::default();
        for name in groups {
            if deletion.results.contains_key(&name) {
                continue;
            }
            let result = self.locate(&name, IdRule::Any).and_then(|partition| {
                let delete =
                    |group: &mut Group, turn: &mut Turn<'_>| group.delete(turn, Then::Deleted(token));
                let done = self.with(now, partition, &name, effects, delete);
                let is_done = done.unwrap_or(Err(ErrorCode::GROUP_ID_NOT_FOUND))?;
                if is_done {
                    self.forget(now, partition, &name, effects);
                }
                deletion.waiting += usize::from(!is_done);
                Ok(())
            });
            deletion.results.insert(name, result.err().unwrap_or(ErrorCode::NONE));
        }
        if deletion.waiting == 0 {
            return answer(effects, token, Answer::Delete(deletion.results));
        }
        self.deletions.insert(token, deletion);
    }

    /// One group of a DeleteGroups is done.
    fn deleted(&mut self, token: RequestToken, group: &str, error: ErrorCode, effects: &mut Vec<Effect>) {
        let Some(deletion) = self.deletions.get_mut(&token) else { return };
        deletion.results.insert(group.to_owned(), error);
        deletion.waiting -= 1;
        if deletion.waiting == 0 {
            let results = self.deletions.remove(&token).map(|deletion| deletion.results).unwrap_or_default();
            answer(effects, token, Answer::Delete(results));
        }
    }

    fn delete_offsets(
        &mut self,
        now: Now,
        token: RequestToken,
        name: &str,
        topics: Vec<(String, Vec<i32>)>,
        effects: &mut Vec<Effect>,
    ) {
        let result = self.locate(name, IdRule::Named).and_then(|partition| {
            let delete = |group: &mut Group, turn: &mut Turn<'_>| {
                group.delete_offsets(turn, topics, |outcomes| Then::OffsetsDeleted(token, outcomes))
            };
            self.with(now, partition, name, effects, delete).unwrap_or(Err(ErrorCode::GROUP_ID_NOT_FOUND))
        });
        match result {
            Ok(delete::Deletion::Writing) => {}
            Ok(delete::Deletion::Nothing(then)) => self.removed(then, name, ErrorCode::NONE, effects),
            Ok(delete::Deletion::Unwritten(then)) => {
                self.forget(now, self.partition_of(name), name, effects);
                self.removed(then, name, ErrorCode::NONE, effects);
            }
            Err(error) => answer(effects, token, Answer::DeleteOffsets(Err(error))),
        }
    }

    fn topics_deleted(&mut self, now: Now, topics: &[String], effects: &mut Vec<Effect>) {
        for (partition, name) in self.names() {
            self.with(now, partition, &name, effects, |group, turn| {
                topics.iter().for_each(|topic| group.topic_deleted(turn, topic));
            });
        }
    }

    // ---- the log ----

    fn written(
        &mut self,
        now: Now,
        token: WriteToken,
        result: Result<i64, ErrorCode>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(InFlight { partition, write, .. }) = self.writes.end(token, &mut self.timers) else {
            return;
        };
        let outcome = result.map(|_| ());
        match write {
            Write::Assignment { group, generation, assignments } => {
                self.with(now, partition, &group, effects, |group, turn| {
                    group.assignment_written(turn, generation, assignments, outcome);
                });
            }
            Write::StaticMember(change) => {
                let name = change.group.clone();
                self.with(now, partition, &name, effects, |group, turn| {
                    group.static_member_written(turn, change, outcome);
                });
            }
            Write::Emptied => {}
            Write::Commit { group, producer, token, offsets } => {
                self.with(now, partition, &group, effects, |group, turn| {
                    group.commit_written(turn, producer, token, offsets, result);
                });
            }
            Write::Removal { group: name, offsets, whole, then } => {
                self.with(now, partition, &name, effects, |group, turn| {
                    if result.is_ok() {
                        offsets.iter().for_each(|at| group.offsets.remove(at));
                    } else if whole {
                        group.become_state(State::Empty, turn.wall_ms());
                    }
                });
                if whole && result.is_ok() {
                    self.forget(now, partition, &name, effects);
                }
                let error = outcome.err().map_or(ErrorCode::NONE, commit_error);
                self.removed(then, &name, error, effects);
            }
        }
    }

    /// Tells whoever waits for tombstones.
    fn removed(&mut self, then: Then, group: &str, error: ErrorCode, effects: &mut Vec<Effect>) {
        match then {
            Then::Nothing => {}
            Then::Deleted(token) => self.deleted(token, group, error, effects),
            Then::OffsetsDeleted(token, outcomes) => {
                let result = if error.is_none() { Ok(outcomes) } else { Err(error) };
                answer(effects, token, Answer::DeleteOffsets(result));
            }
        }
    }

    /// A client has waited long enough for a write, whose fate is still open.
    fn write_overdue(&mut self, now: Now, token: WriteToken, effects: &mut Vec<Effect>) {
        let error = ErrorCode::REQUEST_TIMED_OUT;
        let Some(InFlight { partition, write, .. }) = self.writes.overdue(token) else { return };
        let partition = *partition;
        match write {
            Write::Assignment { group, generation, .. } => {
                let (name, generation) = (group.clone(), *generation);
                self.with(now, partition, &name, effects, |group, turn| {
                    group.assignment_written(turn, generation, BTreeMap::new(), Err(error));
                });
            }
            Write::StaticMember(_) => {
                let write = std::mem::replace(write, Write::Emptied);
                let Write::StaticMember(change) = write else { unreachable!("it was looked at") };
                self.static_member_overdue(now, partition, change, effects);
            }
            Write::Emptied => {}
            Write::Commit { token, offsets, .. } => {
                let Some(token) = token.take() else { return };
                let tell = |(at, stored): &_| {
                    let Outcome { topic, partition, error: refused } =
                        commit::outcome(&(crate::offsets::TopicPartition::clone(at), Result::clone(stored)));
                    let error = if refused.is_none() { error } else { refused };
                    Outcome { topic, partition, error }
                };
                let outcomes = offsets.iter().map(tell).collect();
                answer(effects, token, Answer::Commit(outcomes));
            }
            Write::Removal { group, then, .. } => {
                let (name, then) = (group.clone(), std::mem::replace(then, Then::Nothing));
                self.removed(then, &name, error, effects);
            }
        }
    }

    fn static_member_overdue(
        &mut self,
        now: Now,
        partition: i32,
        change: StaticMember,
        effects: &mut Vec<Effect>,
    ) {
        let name = change.group.clone();
        self.with(now, partition, &name, effects, |group, turn| {
            group.static_member_written(turn, change, Err(ErrorCode::REQUEST_TIMED_OUT));
        });
    }

    // ---- leadership ----

    fn load(&mut self, now: Now, partition: i32, leader_epoch: i32, effects: &mut Vec<Effect>) {
        let newest = self.epochs.entry(partition).or_insert(leader_epoch);
        if leader_epoch < *newest {
            return;
        }
        *newest = leader_epoch;
        if let Some(shard) = self.shards.get_mut(&partition) {
            match &mut shard.content {
                // Leader still: what is in memory is what is in the log.
                Content::Loaded(_) => {
                    shard.leader_epoch = leader_epoch;
                    return;
                }
                Content::Loading(_) => {}
            }
        }
        self.close(now, partition, effects);
        let content = Content::Loading(Loader::default());
        self.shards.insert(partition, Shard { leader_epoch, content });
    }

    fn loaded(&mut self, now: Now, partition: i32, effects: &mut Vec<Effect>) {
        let Some(shard) = self.shards.get_mut(&partition) else { return };
        let Content::Loading(loader) = &mut shard.content else { return };
        let (mut groups, notes) = std::mem::take(loader).finish(partition, now.wall.as_ms());
        effects.extend(notes.into_iter().map(Effect::Note));
        let partitions = self.settings.partitions;
        let before = groups.len();
        groups.retain(|name, _| place(name, partitions) == partition);
        if groups.len() < before {
            let strays = before - groups.len();
            let note = format!(
                "__consumer_offsets-{partition}: {strays} groups belong to other partitions and were left out"
            );
            effects.push(Effect::Note(note));
        }
        let names: Vec<Arc<str>> = groups.keys().cloned().collect();
        shard.content = Content::Loaded(groups);
        let size_max = self.settings.group_size_max;
        for name in names {
            self.with(now, partition, &name, effects, |group, turn| {
                for id in group.member_ids() {
                    group.heard_of(turn, &id);
                }
                if group.size() > size_max {
                    group.rebalance(turn);
                }
            });
        }
    }

    fn unload(&mut self, now: Now, partition: i32, leader_epoch: Option<i32>, effects: &mut Vec<Effect>) {
        if let Some(leader_epoch) = leader_epoch {
            let newest = self.epochs.entry(partition).or_insert(leader_epoch);
            if leader_epoch < *newest {
                return;
            }
            *newest = leader_epoch;
        }
        self.close(now, partition, effects);
    }

    /// Drops a partition and tells whoever waits for something in it to look elsewhere.
    fn close(&mut self, now: Now, partition: i32, effects: &mut Vec<Effect>) {
        for InFlight { write, .. } in self.writes.end_all_of(partition, &mut self.timers) {
            match write {
                // Those wait as members, and are told below.
                Write::Assignment { .. } | Write::StaticMember(_) | Write::Emptied => {}
                Write::Commit { token: None, .. } => {}
                Write::Commit { token: Some(token), mut offsets, .. } => {
                    for (_, stored) in &mut offsets {
                        if stored.is_ok() {
                            *stored = Err(ErrorCode::NOT_COORDINATOR);
                        }
                    }
                    answer(effects, token, Answer::Commit(offsets.iter().map(commit::outcome).collect()));
                }
                Write::Removal { group, then, .. } => {
                    self.removed(then, &group, ErrorCode::NOT_COORDINATOR, effects);
                }
            }
        }
        let Some(mut shard) = self.shards.remove(&partition) else { return };
        let leader_epoch = shard.leader_epoch;
        let Some(groups) = shard.groups_mut() else { return };
        let mut turn = Turn {
            now,
            settings: &self.settings,
            random: &mut self.random,
            timers: &mut self.timers,
            writes: &mut self.writes,
            effects,
            leader_epoch,
        };
        let mut groups = std::mem::take(groups);
        for group in groups.values_mut() {
            group.silence(&mut turn);
            for id in group.member_ids() {
                if let Some(token) = group.stop_joining(&id) {
                    turn.answer(token, Joined::refused(&id, ErrorCode::NOT_COORDINATOR));
                }
                if let Some(token) = group.member_mut(&id).and_then(|member| member.syncing.take()) {
                    turn.answer(token, Synced::refused(ErrorCode::NOT_COORDINATOR));
                }
            }
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

/// The partition of a group, as every Kafka broker computes it.
fn place(group: &str, partitions: i32) -> i32 {
    (java_string_hash(group) & i32::MAX) % partitions
}

fn answer(effects: &mut Vec<Effect>, token: RequestToken, answer: Answer) {
    effects.push(Effect::Answer { token, answer });
}
