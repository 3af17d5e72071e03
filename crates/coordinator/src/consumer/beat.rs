//! ConsumerGroupHeartbeat: join, stay, change one's mind, give back, leave.
//!
//! The group changes at once and the answer waits until the records are durable; if they cannot be
//! written, the changes are taken back.
//!
//! Source: KIP-848, KIP-1082 (member ids made by clients), Kafka 4.x for what they leave open.

use std::collections::BTreeSet;
use std::sync::Arc;

use kafka_wire::ErrorCode;

use super::assign::Assignor;
use super::change::Change;
use super::pattern::{self, REFRESH_AT_MOST_EVERY};
use super::{AWAY, Assignment, Consumer, Current, Standing, Subscription};
use crate::effect::{Answer, ConsumerBeat};
use crate::input::ConsumerBeatRequest;
use crate::limits::{MEMBERS_MAX, NAME_BYTES_MAX, SUBSCRIPTION_BYTES_MAX};
use crate::settings::Settings;
use crate::turn::Turn;
use crate::write::group_error;

/// Epoch of a member that leaves.
const LEAVING: i32 = -1;

/// Why a heartbeat is refused: the code, and words for people.
pub(crate) type Refusal = (ErrorCode, String);

/// Checks what can be checked without the group.
pub(crate) fn validate(settings: &Settings, request: &ConsumerBeatRequest) -> Result<(), Refusal> {
    let invalid = |why: &str| Err((ErrorCode::INVALID_REQUEST, why.to_owned()));
    if request.group.trim().is_empty() {
        return invalid("GroupId can't be empty.");
    }
    if request.instance_id.as_ref().is_some_and(|id| id.trim().is_empty()) {
        return invalid("InstanceId can't be empty.");
    }
    if request.rack_id.as_ref().is_some_and(|id| id.trim().is_empty()) {
        return invalid("RackId can't be empty.");
    }
    let needs_id = request.makes_own_id || request.epoch > 0 || matches!(request.epoch, LEAVING | AWAY);
    if needs_id && request.member_id.trim().is_empty() {
        return invalid("MemberId can't be empty.");
    }
    match request.epoch {
        0 => {
            if request.rebalance_timeout_ms == -1 {
                return invalid("RebalanceTimeoutMs must be provided in first request.");
            }
            if request.owned.as_ref().is_none_or(|owned| !owned.is_empty()) {
                return invalid("TopicPartitions must be empty when (re-)joining.");
            }
            if request.topics.is_none() && request.pattern.is_none() {
                return invalid(
                    "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
                );
            }
        }
        1.. | LEAVING => {}
        AWAY if request.instance_id.is_none() => return invalid("InstanceId can't be null."),
        AWAY => {}
        _ => return invalid("MemberEpoch is invalid."),
    }
    if let Some(name) = &request.assignor
        && !settings.assignors.iter().any(|assignor| assignor.name() == name)
    {
        let known: Vec<&str> = settings.assignors.iter().map(|assignor| assignor.name()).collect();
        let why =
            format!("ServerAssignor {name} is not supported. Supported assignors: {}.", known.join(", "));
        return Err((ErrorCode::UNSUPPORTED_ASSIGNOR, why));
    }
    let topics = request.topics.iter().flatten().map(String::len).sum::<usize>();
    let names = [Some(&request.member_id), request.instance_id.as_ref(), request.rack_id.as_ref()];
    if topics > SUBSCRIPTION_BYTES_MAX || names.into_iter().flatten().any(|name| name.len() > NAME_BYTES_MAX)
    {
        return invalid("The request names more than a record can hold.");
    }
    if let Some(text) = request.pattern.as_deref().filter(|text| !text.is_empty()) {
        pattern::compile(text)?;
    }
    Ok(())
}

/// An answer that refuses.
pub(crate) fn refused((error, message): Refusal) -> Answer {
    Answer::ConsumerBeat(ConsumerBeat {
        error,
        message: Some(message),
        member_id: None,
        epoch: 0,
        interval_ms: 0,
        assignment: None,
    })
}

/// What a member is told when its changes could not be written.
pub(crate) fn failed(error: ErrorCode) -> Answer {
    let error = match error {
        ErrorCode::REQUEST_TIMED_OUT => ErrorCode::COORDINATOR_NOT_AVAILABLE,
        other => group_error(other),
    };
    refused((error, "The change could not be written.".to_owned()))
}

/// Changes under way: those made, to be written, and those that would undo them.
#[derive(Default, Debug)]
pub(crate) struct Edit {
    pub(crate) made: Vec<Change>,
    pub(crate) undo: Vec<Change>,
}

impl Edit {
    pub(crate) fn make(&mut self, consumer: &mut Consumer, change: Change) {
        self.undo.push(consumer.apply(change.clone()));
        self.made.push(change);
    }
}

impl Consumer {
    /// Takes in a heartbeat that was validated. The changes it made so far are in `edit`, even if it is
    /// refused.
    pub(crate) fn beat(
        &mut self,
        turn: &mut Turn<'_>,
        group: &Arc<str>,
        request: &ConsumerBeatRequest,
        edit: &mut Edit,
    ) -> Result<ConsumerBeat, Refusal> {
        if matches!(request.epoch, LEAVING | AWAY) {
            return self.leave(turn, group, request, edit);
        }
        let (id, before) = self.find_or_admit(turn, group, request, edit)?;
        let said = self.subscriptions.get(&id).cloned().unwrap_or_default();
        let says = updated(&said, request);
        let mut raises = says.topics != said.topics || says.pattern != said.pattern;
        if says != *said || !self.has(&id) {
            edit.make(self, Change::Member(id.clone(), Some(Arc::new(says))));
        }
        self.heard_of(turn, group, &id);
        raises |= self.look_at_topics(turn, edit, raises);
        if raises {
            self.raise(turn, edit);
        }
        if self.epoch() > self.target_epoch() {
            for change in self.retarget(turn.topics, turn.settings.default_assignor()) {
                edit.make(self, change);
            }
        }
        let current = self.current(&id).cloned().unwrap_or_default();
        let after =
            self.reconciled(&current, &self.target(&id), request.owned.as_ref()).map_err(|error| {
                (
                    error,
                    "The member is in an unknown state. It must abandon all its partitions and rejoin."
                        .to_owned(),
                )
            })?;
        let is_changed = after != *current;
        let answer = ConsumerBeat {
            error: ErrorCode::NONE,
            message: None,
            member_id: Some(id.to_string()),
            epoch: after.epoch,
            interval_ms: i32::try_from(turn.settings.consumer_heartbeat_interval.as_ms()).unwrap_or(i32::MAX),
            assignment: (request.is_full() || after.assigned != before.assigned).then(|| {
                let topics = after.assigned.iter();
                topics.map(|(&topic, partitions)| (topic, partitions.iter().copied().collect())).collect()
            }),
        };
        if is_changed {
            let wanted =
                (after.standing == Standing::Revoking).then(|| (self.rebalance_timeout(&id), after.epoch));
            edit.make(self, Change::Current(id.clone(), Some(Arc::new(after))));
            self.revokes_until(turn, group, &id, wanted);
        }
        Ok(answer)
    }

    /// The member that the request speaks for, and what it had before.
    fn find_or_admit(
        &mut self,
        turn: &mut Turn<'_>,
        group: &Arc<str>,
        request: &ConsumerBeatRequest,
        edit: &mut Edit,
    ) -> Result<(Arc<str>, Arc<Current>), Refusal> {
        let joins = request.epoch == 0;
        let id: Arc<str> = match request.member_id.as_str() {
            "" => Arc::from(turn.uuid()),
            id => Arc::from(id),
        };
        let known = self.current(&id).cloned();
        if let Some(instance) = &request.instance_id {
            let holder = self.instances.get(instance).cloned();
            match holder {
                None if !joins => {
                    return Err((
                        ErrorCode::UNKNOWN_MEMBER_ID,
                        format!("Instance id {instance} is unknown."),
                    ));
                }
                None => {}
                Some(holder) if holder == id => {}
                Some(holder) if !joins => {
                    let why = format!(
                        "Static member {id} with instance id {instance} was fenced by member {holder}."
                    );
                    return Err((ErrorCode::FENCED_INSTANCE_ID, why));
                }
                Some(holder) => {
                    if self.current(&holder).is_some_and(|current| current.epoch != AWAY) {
                        let why = format!(
                            "Static member {id} with instance id {instance} cannot join the group because the \
                             instance id is owned by {holder} member."
                        );
                        return Err((ErrorCode::UNRELEASED_INSTANCE_ID, why));
                    }
                    let current = self.replace_static(turn, group, &holder, &id, edit);
                    return Ok((id, current));
                }
            }
        }
        match known {
            Some(current) => {
                // A member that joins anew has nothing, and gets what it has by our reckoning.
                if !joins {
                    check_epoch(&current, request)?;
                }
                Ok((id, current))
            }
            None if self.has(&id) => Ok((id, Arc::default())),
            None if !joins => {
                Err((ErrorCode::UNKNOWN_MEMBER_ID, format!("Member {id} is not a member of group {group}.")))
            }
            None => {
                let limit = turn.settings.consumer_group_size_max.min(MEMBERS_MAX);
                if self.size() >= limit {
                    let why =
                        format!("The consumer group has reached its maximum capacity of {limit} members.");
                    return Err((ErrorCode::GROUP_MAX_SIZE_REACHED, why));
                }
                Ok((id, Arc::default()))
            }
        }
    }

    /// A static member came back under a new id: it takes over its seat, and starts again at epoch 0.
    fn replace_static(
        &mut self,
        turn: &mut Turn<'_>,
        group: &Arc<str>,
        old: &Arc<str>,
        new: &Arc<str>,
        edit: &mut Edit,
    ) -> Arc<Current> {
        let subscription = self.subscriptions.get(old).cloned();
        let target = self.target(old);
        let current = self.current(old).cloned().unwrap_or_default();
        let current = Arc::new(Current { epoch: 0, previous_epoch: 0, ..Arc::unwrap_or_clone(current) });
        self.remove(old, edit);
        self.end_session(turn, group, old);
        edit.make(self, Change::Member(new.clone(), subscription));
        edit.make(self, Change::Target(new.clone(), Some(target)));
        edit.make(self, Change::Current(new.clone(), Some(current.clone())));
        current
    }

    /// Looks at the topics if they or the subscriptions changed. True if the group's epoch must rise.
    fn look_at_topics(&mut self, turn: &mut Turn<'_>, edit: &mut Edit, is_changed: bool) -> bool {
        let version = turn.topics.version();
        if !is_changed && self.seen_topics == Some(version) {
            return false;
        }
        let is_settled = self.resolve_patterns(turn, edit);
        self.seen_topics = is_settled.then_some(version);
        self.topics_hash(turn.topics) != self.hash
    }

    /// Matches patterns that are new, and those whose match is too old; forgets those that nobody has any
    /// more. False if some match is left as it is for now although topics changed.
    fn resolve_patterns(&mut self, turn: &mut Turn<'_>, edit: &mut Edit) -> bool {
        let wanted: BTreeSet<String> =
            self.subscriptions.values().filter_map(|member| member.pattern.clone()).collect();
        let idle: Vec<String> =
            self.patterns.keys().filter(|pattern| !wanted.contains(*pattern)).cloned().collect();
        for pattern in idle {
            edit.make(self, Change::Pattern(pattern, None));
        }
        let now_ms = turn.wall_ms();
        let version = i64::try_from(turn.topics.version()).unwrap_or(i64::MAX);
        let pause_ms = i64::try_from(REFRESH_AT_MOST_EVERY.as_ms()).unwrap_or(i64::MAX);
        let mut is_settled = true;
        for pattern in wanted {
            if let Some(known) = self.patterns.get(&pattern) {
                if known.version == version {
                    continue;
                }
                if (0..pause_ms).contains(&now_ms.saturating_sub(known.at_ms)) {
                    is_settled = false;
                    continue;
                }
            }
            let resolved = pattern::resolve(&pattern, turn.topics, now_ms);
            let is_same = self.patterns.get(&pattern).is_some_and(|known| known.topics == resolved.topics);
            if is_same {
                // Nothing to write: the match is as it was. It is remembered that it was looked at.
                self.patterns.insert(pattern, Arc::new(resolved));
            } else {
                edit.make(self, Change::Pattern(pattern, Some(Arc::new(resolved))));
            }
        }
        is_settled
    }

    fn raise(&mut self, turn: &Turn<'_>, edit: &mut Edit) {
        let epoch = self.epoch().checked_add(1).unwrap_or(1);
        let hash = self.topics_hash(turn.topics);
        if self.has_legacy {
            edit.make(self, Change::Legacy(false));
        }
        edit.make(self, Change::Epoch(Some((epoch, hash))));
    }

    // ---- the end of a membership ----

    fn leave(
        &mut self,
        turn: &mut Turn<'_>,
        group: &Arc<str>,
        request: &ConsumerBeatRequest,
        edit: &mut Edit,
    ) -> Result<ConsumerBeat, Refusal> {
        let id: Arc<str> = Arc::from(request.member_id.as_str());
        let answer = ConsumerBeat {
            error: ErrorCode::NONE,
            message: None,
            member_id: Some(request.member_id.clone()),
            epoch: request.epoch,
            interval_ms: 0,
            assignment: None,
        };
        if let Some(instance) = &request.instance_id {
            match self.instances.get(instance) {
                None => {
                    return Err((
                        ErrorCode::UNKNOWN_MEMBER_ID,
                        format!("Instance id {instance} is unknown."),
                    ));
                }
                Some(holder) if *holder != id => {
                    let why = format!(
                        "Static member {id} with instance id {instance} was fenced by member {holder}."
                    );
                    return Err((ErrorCode::FENCED_INSTANCE_ID, why));
                }
                Some(_) => {}
            }
        } else if !self.has(&id) {
            return Err((
                ErrorCode::UNKNOWN_MEMBER_ID,
                format!("Member {id} is not a member of group {group}."),
            ));
        }
        if request.epoch == AWAY {
            let current = self.current(&id).cloned().unwrap_or_default();
            let current =
                Current { epoch: AWAY, revoking: Assignment::new(), ..Arc::unwrap_or_clone(current) };
            edit.make(self, Change::Current(id.clone(), Some(Arc::new(current))));
            self.revokes_until(turn, group, &id, None);
            return Ok(answer);
        }
        self.fence(turn, group, &id, edit);
        Ok(answer)
    }

    /// Takes a member out, and makes the group think again at the next heartbeat of another.
    pub(crate) fn fence(&mut self, turn: &mut Turn<'_>, group: &Arc<str>, id: &Arc<str>, edit: &mut Edit) {
        self.remove(id, edit);
        self.end_session(turn, group, id);
        self.resolve_patterns(turn, edit);
        self.raise(turn, edit);
    }

    fn remove(&mut self, id: &Arc<str>, edit: &mut Edit) {
        edit.make(self, Change::Current(id.clone(), None));
        edit.make(self, Change::Target(id.clone(), None));
        edit.make(self, Change::Member(id.clone(), None));
    }

    /// Tombstones for all that the log has of the group, once it is empty.
    pub(crate) fn tombstones(&self) -> Vec<Change> {
        let mut changes: Vec<Change> =
            self.patterns.keys().map(|pattern| Change::Pattern(pattern.clone(), None)).collect();
        if self.target_epoch.is_some() {
            changes.push(Change::TargetEpoch(None));
        }
        if self.has_legacy {
            changes.push(Change::Legacy(false));
        }
        changes.push(Change::Epoch(None));
        changes
    }
}

/// Kafka accepts the epoch before the present one from a member whose partitions show that it may have
/// missed the answer.
fn check_epoch(current: &Current, request: &ConsumerBeatRequest) -> Result<(), Refusal> {
    let (given, known) = (request.epoch, current.epoch);
    if given == known {
        return Ok(());
    }
    let missed_answer = given < known
        && given == current.previous_epoch
        && request.owned.as_ref().is_some_and(|owned| is_part(owned, &current.assigned));
    if missed_answer {
        return Ok(());
    }
    let how = if given > known { "greater" } else { "smaller" };
    let why = format!(
        "The consumer group member has a {how} member epoch ({given}) than the one known by the group \
         coordinator ({known}). The member must abandon all its partitions and rejoin."
    );
    Err((ErrorCode::FENCED_MEMBER_EPOCH, why))
}

fn is_part(owned: &Assignment, assigned: &Assignment) -> bool {
    owned.iter().all(|(topic, partitions)| {
        partitions.is_empty() || assigned.get(topic).is_some_and(|assigned| partitions.is_subset(assigned))
    })
}

/// The subscription as the request changes it: what it does not say stays.
fn updated(said: &Subscription, request: &ConsumerBeatRequest) -> Subscription {
    let topics = match &request.topics {
        None => said.topics.clone(),
        Some(topics) => topics.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect(),
    };
    let pattern = match &request.pattern {
        None => said.pattern.clone(),
        Some(pattern) => Some(pattern.clone()).filter(|pattern| !pattern.is_empty()),
    };
    Subscription {
        instance_id: request.instance_id.clone().or_else(|| said.instance_id.clone()),
        rack_id: request.rack_id.clone().or_else(|| said.rack_id.clone()),
        client_id: request.client_id.clone(),
        client_host: request.client_host.clone(),
        topics,
        pattern,
        rebalance_timeout_ms: match request.rebalance_timeout_ms {
            -1 => said.rebalance_timeout_ms,
            ms => ms,
        },
        assignor: request.assignor.clone().or_else(|| said.assignor.clone()),
    }
}

impl Settings {
    /// The assignor of members that name none.
    pub(crate) fn default_assignor(&self) -> Assignor {
        self.assignors.first().copied().unwrap_or(Assignor::Uniform)
    }
}
