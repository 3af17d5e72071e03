//! Requests that change something: found their group, or answered without one.

use clock::Now;
use kafka_wire::ErrorCode;

use super::{Deletion, Groups, IdRule, answer};
use crate::consumer::{self, beat};
use crate::effect::{Answer, ConsumerDescription, Effect, Joined, Left, Synced};
use crate::group::{Group, State};
use crate::input::{
    CommitRequest, ConsumerBeatRequest, JoinRequest, LeaveRequest, RequestToken, SyncRequest,
};
use crate::turn::Turn;
use crate::write::Then;
use crate::{commit, delete, join};

impl Groups {
    pub(super) fn join(
        &mut self,
        now: Now,
        token: RequestToken,
        request: JoinRequest,
        effects: &mut Vec<Effect>,
    ) {
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

    pub(super) fn consumer_beat(
        &mut self,
        now: Now,
        token: RequestToken,
        request: &ConsumerBeatRequest,
        effects: &mut Vec<Effect>,
    ) {
        let checked = beat::validate(&self.settings, request).and_then(|()| {
            let located = self.locate(&request.group, IdRule::Named);
            let partition = located.map_err(|error| (error, "This broker cannot answer.".to_owned()))?;
            if self.find(partition, &request.group).is_none() {
                if request.epoch != 0 {
                    let why = format!("Group {} not found.", request.group);
                    return Err((ErrorCode::GROUP_ID_NOT_FOUND, why));
                }
                if !self.create(now, partition, &request.group) {
                    return Err((
                        ErrorCode::COORDINATOR_NOT_AVAILABLE,
                        "There are too many groups.".to_owned(),
                    ));
                }
            }
            if self.writes.is_full() {
                let why = "Too many records are being written.".to_owned();
                return Err((ErrorCode::COORDINATOR_NOT_AVAILABLE, why));
            }
            Ok(partition)
        });
        match checked {
            Ok(partition) => {
                let beat = |group: &mut Group, turn: &mut Turn<'_>| group.consumer_beat(turn, token, request);
                self.with(now, partition, &request.group, effects, beat);
            }
            Err(refusal) => answer(effects, token, beat::refused(refusal)),
        }
    }

    pub(super) fn describe_consumer(&self, partition: i32, name: &str) -> ConsumerDescription {
        let missing = |why: String| consumer::describe::refused(ErrorCode::GROUP_ID_NOT_FOUND, Some(why));
        match self.find(partition, name).filter(|group| !group.is(State::Dead)) {
            None => missing(format!("Group {name} not found.")),
            Some(group) => match group.consumer.as_deref() {
                None => missing(format!("Group {name} is not a consumer group.")),
                Some(consumer) => consumer.describe(&self.topics, &self.settings),
            },
        }
    }

    pub(super) fn sync(
        &mut self,
        now: Now,
        token: RequestToken,
        request: SyncRequest,
        effects: &mut Vec<Effect>,
    ) {
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

    pub(super) fn leave(
        &mut self,
        now: Now,
        token: RequestToken,
        request: LeaveRequest,
        effects: &mut Vec<Effect>,
    ) {
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

    pub(super) fn commit(
        &mut self,
        now: Now,
        token: RequestToken,
        request: CommitRequest,
        effects: &mut Vec<Effect>,
    ) {
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

    pub(super) fn delete(
        &mut self,
        now: Now,
        token: RequestToken,
        groups: Vec<String>,
        effects: &mut Vec<Effect>,
    ) {
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
    pub(super) fn deleted(
        &mut self,
        token: RequestToken,
        group: &str,
        error: ErrorCode,
        effects: &mut Vec<Effect>,
    ) {
        let Some(deletion) = self.deletions.get_mut(&token) else { return };
        deletion.results.insert(group.to_owned(), error);
        deletion.waiting -= 1;
        if deletion.waiting == 0 {
            let results = self.deletions.remove(&token).map(|deletion| deletion.results).unwrap_or_default();
            answer(effects, token, Answer::Delete(results));
        }
    }

    pub(super) fn delete_offsets(
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

    pub(super) fn topics_deleted(&mut self, now: Now, topics: &[String], effects: &mut Vec<Effect>) {
        for (partition, name) in self.names() {
            self.with(now, partition, &name, effects, |group, turn| {
                topics.iter().for_each(|topic| group.topic_deleted(turn, topic));
            });
        }
    }
}
