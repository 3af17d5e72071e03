//! Partitions of `__consumer_offsets` that come and go with their leadership.

use std::sync::Arc;

use clock::Now;
use kafka_wire::ErrorCode;

use super::{Groups, answer, place};
use crate::commit;
use crate::consumer::beat;
use crate::effect::{Answer, Effect, Joined, Synced};
use crate::load::Loader;
use crate::shard::{Content, Shard};
use crate::turn::Turn;
use crate::write::{InFlight, Write};

impl Groups {
    pub(super) fn load(&mut self, now: Now, partition: i32, leader_epoch: i32, effects: &mut Vec<Effect>) {
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

    pub(super) fn loaded(&mut self, now: Now, partition: i32, effects: &mut Vec<Effect>) {
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
                group.consumer_loaded(turn);
                if group.consumer.is_none() && group.size() > size_max {
                    group.rebalance(turn);
                }
            });
        }
    }

    pub(super) fn unload(
        &mut self,
        now: Now,
        partition: i32,
        leader_epoch: Option<i32>,
        effects: &mut Vec<Effect>,
    ) {
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
    pub(super) fn close(&mut self, now: Now, partition: i32, effects: &mut Vec<Effect>) {
        for InFlight { write, .. } in self.writes.end_all_of(partition, &mut self.timers) {
            match write {
                // Those wait as members, and are told below.
                Write::Assignment { .. } | Write::StaticMember(_) | Write::Emptied => {}
                Write::Consumer { answers, .. } => {
                    for (token, _) in answers {
                        answer(effects, token, beat::failed(ErrorCode::NOT_LEADER_OR_FOLLOWER));
                    }
                }
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
            topics: &self.topics,
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
}
