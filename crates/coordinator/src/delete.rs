//! Removal of offsets and groups: DeleteGroups, OffsetDelete, deleted topics, and old age.
//!
//! Whatever the reason, tombstones are written first and the memory follows when they are durable.

use std::collections::BTreeSet;

use kafka_wire::ErrorCode;

use crate::consumer::Consumer;
use crate::effect::{Outcome, Record};
use crate::group::{Group, State};
use crate::limits::TOMBSTONES_PER_APPEND_MAX;
use crate::offsets::TopicPartition;
use crate::record;
use crate::turn::Turn;
use crate::write::{Then, Write};

/// How far OffsetDelete has come.
#[derive(Debug)]
pub(crate) enum Deletion {
    /// There was nothing to delete.
    Nothing(Then),
    /// The group is gone, of which nothing was ever written.
    Unwritten(Then),
    /// Tombstones are being written.
    Writing,
}

impl Group {
    /// Starts to delete the group with all it keeps. True if that is done at once, because nothing of
    /// it is in the log.
    pub(crate) fn delete(&mut self, turn: &mut Turn<'_>, then: Then) -> Result<bool, ErrorCode> {
        match self.state() {
            State::Dead => Err(ErrorCode::GROUP_ID_NOT_FOUND),
            State::PreparingRebalance | State::CompletingRebalance | State::Stable => {
                Err(ErrorCode::NON_EMPTY_GROUP)
            }
            State::Empty if !self.is_vacant() => Err(ErrorCode::NON_EMPTY_GROUP),
            State::Empty => {
                let offsets = self.offsets.partitions(None);
                self.become_state(State::Dead, turn.wall_ms());
                Ok(!self.write_tombstones(turn, offsets, true, then))
            }
        }
    }

    /// OffsetDelete. Topics that members may be reading are spared. A group that has nothing left, and
    /// nobody, goes with its last offset.
    pub(crate) fn delete_offsets(
        &mut self,
        turn: &mut Turn<'_>,
        topics: Vec<(String, Vec<i32>)>,
        then: impl FnOnce(Vec<Outcome>) -> Then,
    ) -> Result<Deletion, ErrorCode> {
        if self.is(State::Dead) {
            return Err(ErrorCode::GROUP_ID_NOT_FOUND);
        }
        let is_vacant = self.is_vacant();
        if !is_vacant && !self.is_consumer() {
            return Err(ErrorCode::NON_EMPTY_GROUP);
        }
        let mut outcomes = Vec::new();
        let mut doomed = Vec::new();
        let kept: BTreeSet<TopicPartition> = self.offsets.partitions(None).into_iter().collect();
        for (topic, partitions) in topics {
            let in_use = !is_vacant && self.is_subscribed(&topic);
            let error = if in_use { ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC } else { ErrorCode::NONE };
            for partition in partitions {
                let at = TopicPartition { topic: topic.clone(), partition };
                if !in_use && kept.contains(&at) && !doomed.contains(&at) {
                    doomed.push(at);
                }
                outcomes.push(Outcome { topic: topic.clone(), partition, error });
            }
        }
        let whole = self.is_nothing_without(&doomed);
        if doomed.is_empty() && !whole {
            return Ok(Deletion::Nothing(then(outcomes)));
        }
        if whole {
            self.become_state(State::Dead, turn.wall_ms());
            if doomed.is_empty() && !self.has_record() {
                return Ok(Deletion::Unwritten(then(outcomes)));
            }
        }
        let was_written = self.write_tombstones(turn, doomed, whole, then(outcomes));
        assert!(was_written, "there was something to write");
        Ok(Deletion::Writing)
    }

    /// The topic is gone, and with it the meaning of its offsets.
    pub(crate) fn topic_deleted(&mut self, turn: &mut Turn<'_>, topic: &str) {
        let offsets = self.offsets.partitions(Some(topic));
        if offsets.is_empty() || self.is(State::Dead) {
            return;
        }
        let whole = self.is_nothing_without(&offsets);
        if whole {
            self.become_state(State::Dead, turn.wall_ms());
        }
        self.write_tombstones(turn, offsets, whole, Then::Nothing);
    }

    /// Whether nothing is left when these offsets are gone: no members, none to come, no other offsets.
    fn is_nothing_without(&self, offsets: &[TopicPartition]) -> bool {
        self.is_vacant() && self.pending() == 0 && self.offsets.are_all(offsets)
    }

    /// Forgets offsets that are too old, and the group itself if nothing is left. True if the group
    /// can be dropped at once.
    pub(crate) fn expire(&mut self, turn: &mut Turn<'_>) -> bool {
        if self.is(State::Dead) {
            return false;
        }
        let offsets = self.expired_offsets(turn);
        if self.is_nothing_without(&offsets) {
            self.become_state(State::Dead, turn.wall_ms());
            return !self.write_tombstones(turn, offsets, true, Then::Nothing);
        }
        if !offsets.is_empty() {
            self.write_tombstones(turn, offsets, false, Then::Nothing);
        }
        false
    }

    fn expired_offsets(&self, turn: &Turn<'_>) -> Vec<TopicPartition> {
        let retention_ms = i64::try_from(turn.settings.offsets_retention.as_ms()).unwrap_or(i64::MAX);
        let now_ms = turn.wall_ms();
        if let Some(consumer) = self.consumer.as_deref() {
            let topics = consumer.subscribed();
            let in_use = |topic: &str| topics.contains(topic);
            return self.offsets.expired(now_ms, retention_ms, |committed| committed.committed_ms, in_use);
        }
        match (&self.protocol_type, self.state()) {
            // A group that had members: from the moment when the last one left.
            (Some(_), State::Empty) => {
                let since = self.state_since_ms;
                let base_ms = |committed: &crate::offsets::Committed| since.unwrap_or(committed.committed_ms);
                self.offsets.expired(now_ms, retention_ms, base_ms, |_| false)
            }
            // One that has members: those topics that nobody subscribes to any more.
            (Some(_), State::Stable) => {
                let Some(topics) = self.subscribed() else { return Vec::new() };
                let in_use = |topic: &str| topics.contains(topic);
                self.offsets.expired(now_ms, retention_ms, |committed| committed.committed_ms, in_use)
            }
            // One that only keeps offsets.
            (None, _) => {
                self.offsets.expired(now_ms, retention_ms, |committed| committed.committed_ms, |_| false)
            }
            _ => Vec::new(),
        }
    }

    /// Writes tombstones in appends of a bearable size; `then` hangs on the last. False if there is
    /// nothing to write: the group has neither offsets nor a record of its own.
    fn write_tombstones(
        &mut self,
        turn: &mut Turn<'_>,
        mut offsets: Vec<TopicPartition>,
        whole: bool,
        then: Then,
    ) -> bool {
        let has_record = whole && self.has_record();
        if offsets.is_empty() && !has_record {
            return false;
        }
        while offsets.len() > TOMBSTONES_PER_APPEND_MAX {
            let rest = offsets.split_off(TOMBSTONES_PER_APPEND_MAX);
            self.append_tombstones(turn, std::mem::replace(&mut offsets, rest), false, false, Then::Nothing);
        }
        self.append_tombstones(turn, offsets, has_record, whole, then);
        true
    }

    /// Whether the log may have a record of the group itself: one that never had a generation has none.
    fn has_record(&self) -> bool {
        self.generation > 0 || self.consumer.as_deref().is_some_and(Consumer::is_written)
    }

    fn append_tombstones(
        &mut self,
        turn: &mut Turn<'_>,
        offsets: Vec<TopicPartition>,
        with_group: bool,
        whole: bool,
        then: Then,
    ) {
        let of_offset = |at: &TopicPartition| Record { key: record::offset_key(&self.id, at), value: None };
        let mut records: Vec<Record> = offsets.iter().map(of_offset).collect();
        if with_group {
            if self.generation > 0 {
                records.push(Record { key: record::group_key(&self.id), value: None });
            }
            if let Some(consumer) = self.consumer.as_deref() {
                records.extend(consumer.tombstones().iter().map(|change| change.record(&self.id)));
            }
        }
        let write = Write::Removal { group: self.id.clone(), offsets, whole, then };
        turn.append(self.partition, None, records, write);
    }
}
