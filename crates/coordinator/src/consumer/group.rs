//! A group as the home of a consumer protocol: what a heartbeat, an alarm and the fate of a write do to
//! it, and how an empty group changes from one protocol to the other.

use std::sync::Arc;

use kafka_wire::ErrorCode;

use super::Consumer;
use super::beat::{self, Edit, Refusal};
use super::change::Change;
use super::sessions::Rung;
use crate::effect::{Answer, Record};
use crate::group::{Group, State};
use crate::input::{ConsumerBeatRequest, RequestToken};
use crate::record;
use crate::turn::Turn;
use crate::write::Write;

impl Group {
    /// Takes in a heartbeat that was validated.
    pub(crate) fn consumer_beat(
        &mut self,
        turn: &mut Turn<'_>,
        token: RequestToken,
        request: &ConsumerBeatRequest,
    ) {
        let mut records = Vec::new();
        if self.is(State::Dead) {
            let why = format!("The group {} is being deleted.", self.id);
            return turn.answer(token, beat::refused((ErrorCode::COORDINATOR_NOT_AVAILABLE, why)));
        }
        if self.consumer.is_none() {
            if request.epoch != 0 || !self.is(State::Empty) || self.pending() > 0 {
                return turn.answer(token, beat::refused(self.is_classic()));
            }
            records.extend(self.become_consumer());
        }
        let id = self.id.clone();
        let Some(consumer) = self.consumer.as_deref_mut() else { unreachable!("it was just made one") };
        let mut edit = Edit::default();
        match consumer.beat(turn, &id, request, &mut edit) {
            Ok(told) => self.write_changes(turn, records, edit, Some((token, Answer::ConsumerBeat(told)))),
            Err(refusal) => {
                consumer.take_back(turn, &id, edit.undo);
                turn.answer(token, beat::refused(refusal));
            }
        }
    }

    /// Why a group of the classic protocol does not hear a heartbeat of the other one.
    fn is_classic(&self) -> Refusal {
        (ErrorCode::GROUP_ID_NOT_FOUND, format!("Group {} is not a consumer group.", self.id))
    }

    /// An empty group takes up the consumer protocol. The tombstone of what it was, if that was written.
    fn become_consumer(&mut self) -> Option<Record> {
        assert!(self.is(State::Empty));
        self.consumer = Some(Box::default());
        self.protocol_type = Some("consumer".to_owned());
        self.protocol = None;
        (self.generation > 0).then(|| Record { key: record::group_key(&self.id), value: None })
    }

    /// A group of the consumer protocol without members takes up the classic one.
    pub(crate) fn become_classic(&mut self, turn: &mut Turn<'_>) {
        let Some(mut consumer) = self.consumer.take() else { return };
        assert!(consumer.is_empty());
        consumer.silence(turn, &self.id);
        // Generations go on where epochs end: no member of before can be taken for one of now.
        self.generation = self.generation.max(consumer.epoch());
        if consumer.is_written() {
            let records = consumer.tombstones().iter().map(|change| change.record(&self.id)).collect();
            turn.append(self.partition, None, records, Write::Emptied);
        }
    }

    /// Writes what changed. The answer goes out when that, and all that was written before, is durable.
    fn write_changes(
        &mut self,
        turn: &mut Turn<'_>,
        mut records: Vec<Record>,
        edit: Edit,
        answer: Option<(RequestToken, Answer)>,
    ) {
        let Some(consumer) = self.consumer.as_deref_mut() else { return };
        records.extend(edit.made.iter().map(|change| change.record(&self.id)));
        if !records.is_empty() {
            self.state_since_ms = Some(turn.wall_ms());
            let write =
                Write::Consumer { group: self.id.clone(), undo: edit.undo, answers: Vec::from_iter(answer) };
            consumer.last_write = Some(turn.append(self.partition, None, records, write));
            return;
        }
        let Some((token, answer)) = answer else { return };
        let told = match consumer.last_write {
            Some(write) => turn.writes.wait_for(write, token, answer),
            None => Some(answer),
        };
        if let Some(told) = told {
            turn.answer(token, told);
        }
    }

    /// Takes back changes that could not be written, the newest first.
    pub(crate) fn consumer_undo(&mut self, turn: &mut Turn<'_>, undo: Vec<Change>) {
        let id = self.id.clone();
        if let Some(consumer) = self.consumer.as_deref_mut() {
            consumer.take_back(turn, &id, undo);
        }
    }

    /// An alarm of a member rang.
    pub(crate) fn consumer_rang(
        &mut self,
        turn: &mut Turn<'_>,
        member: &Arc<str>,
        rung: impl FnOnce(&mut Consumer, &mut Turn<'_>, &Arc<str>) -> Rung,
        why: &str,
    ) {
        let id = self.id.clone();
        let Some(consumer) = self.consumer.as_deref_mut() else { return };
        if rung(consumer, turn, &id) == Rung::Nothing {
            return;
        }
        turn.note(format!("group {id}: member {member} {why} and is removed"));
        let mut edit = Edit::default();
        consumer.fence(turn, &id, member, &mut edit);
        self.write_changes(turn, Vec::new(), edit, None);
    }

    /// The log was read: members get a session, from now on.
    pub(crate) fn consumer_loaded(&mut self, turn: &mut Turn<'_>) {
        let id = self.id.clone();
        if let Some(consumer) = self.consumer.as_deref_mut() {
            consumer.keep_sessions(turn, &id);
        }
    }

    /// Whether nobody is in it, whatever its protocol.
    pub(crate) fn is_vacant(&self) -> bool {
        self.is(State::Empty) && self.consumer.as_deref().is_none_or(Consumer::is_empty)
    }

    /// Its state as tools are told.
    pub(crate) fn state_name(&self) -> &'static str {
        match &self.consumer {
            Some(consumer) if !self.is(State::Dead) => consumer.phase().name(),
            _ => self.state().name(),
        }
    }
}

impl Consumer {
    fn take_back(&mut self, turn: &mut Turn<'_>, group: &Arc<str>, undo: Vec<Change>) {
        for change in undo.into_iter().rev() {
            self.apply(change);
        }
        self.keep_sessions(turn, group);
        // What was looked at may have been part of what is taken back.
        self.seen_topics = None;
    }
}
