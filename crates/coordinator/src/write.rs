//! Appends whose fate is not known yet, and what hangs on each.
//!
//! A write stays here until it is told that it is in the log, or never will be. A client that waits for
//! it longer than `offsets.commit.timeout.ms` is told so; the write's effect on the groups still comes
//! when the log decides.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use clock::{Moment, Span};
use kafka_wire::ErrorCode;

use crate::consumer::beat;
use crate::consumer::change::Change;
use crate::effect::{Answer, Outcome, WriteToken};
use crate::input::RequestToken;
use crate::member::Protocol;
use crate::offsets::{Committed, TopicPartition};
use crate::timers::{Timer, Timers};

/// What an append stands for.
#[derive(Debug)]
pub(crate) enum Write {
    /// The leader's assignment.
    Assignment { group: Arc<str>, generation: i32, assignments: BTreeMap<String, Bytes> },
    /// A static member that came back under a new id, while the group is stable.
    StaticMember(StaticMember),
    /// The group without members. Nobody waits for it.
    Emptied,
    /// Offsets. Those that were refused before are not in the append and only wait for the others.
    Commit {
        group: Arc<str>,
        producer: Option<i64>,
        /// `None` when the client was told that it took too long.
        token: Option<RequestToken>,
        offsets: Vec<(TopicPartition, Result<Committed, ErrorCode>)>,
    },
    /// Changes of a group of the consumer protocol, which has them already: what takes them back (nothing
    /// once that was done), and whoever waits for them.
    Consumer { group: Arc<str>, undo: Vec<Change>, answers: Vec<(RequestToken, Answer)> },
    /// Tombstones of offsets, and of the group itself if `whole`.
    Removal { group: Arc<str>, offsets: Vec<TopicPartition>, whole: bool, then: Then },
}

/// Who waits for tombstones.
#[derive(Debug)]
pub(crate) enum Then {
    /// Nobody.
    Nothing,
    /// DeleteGroups.
    Deleted(RequestToken),
    /// OffsetDelete, with its answer if all goes well.
    OffsetsDeleted(RequestToken, Vec<Outcome>),
}

/// What must be undone if the new id of a static member cannot be written.
#[derive(Debug)]
pub(crate) struct StaticMember {
    pub(crate) group: Arc<str>,
    pub(crate) generation: i32,
    pub(crate) token: RequestToken,
    pub(crate) can_skip_assignment: bool,
    pub(crate) old_id: Arc<str>,
    pub(crate) new_id: Arc<str>,
    pub(crate) old_leader: Option<Arc<str>>,
    pub(crate) old_protocols: Vec<Protocol>,
    pub(crate) old_session_timeout: Span,
    pub(crate) old_rebalance_timeout: Span,
}

/// A write with its place and its alarm.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// The partition of `__consumer_offsets`.
    pub(crate) partition: i32,
    /// When the client has waited long enough; `None` if nobody waits.
    pub(crate) alarm: Option<Moment>,
    pub(crate) write: Write,
}

/// All writes in flight.
#[derive(Default, Debug)]
pub(crate) struct Writes {
    next: u64,
    in_flight: BTreeMap<WriteToken, InFlight>,
}

impl Writes {
    pub(crate) fn begin(
        &mut self,
        partition: i32,
        deadline: Moment,
        write: Write,
        timers: &mut Timers,
    ) -> WriteToken {
        let token = WriteToken(self.next);
        self.next += 1;
        let nobody_waits = matches!(write, Write::Emptied | Write::Removal { then: Then::Nothing, .. });
        let alarm = (!nobody_waits).then_some(deadline);
        if let Some(at) = alarm {
            timers.set(at, Timer::Write(token));
        }
        self.in_flight.insert(token, InFlight { partition, alarm, write });
        token
    }

    /// Takes a write whose fate is known. `None` if its partition was unloaded meanwhile.
    pub(crate) fn end(&mut self, token: WriteToken, timers: &mut Timers) -> Option<InFlight> {
        let mut write = self.in_flight.remove(&token)?;
        if let Some(at) = write.alarm.take() {
            timers.cancel(at, Timer::Write(token));
        }
        Some(write)
    }

    /// The alarm of a write has rung.
    pub(crate) fn overdue(&mut self, token: WriteToken) -> Option<&mut InFlight> {
        let write = self.in_flight.get_mut(&token)?;
        write.alarm = None;
        Some(write)
    }

    /// Takes all writes of a partition that is being unloaded.
    pub(crate) fn end_all_of(&mut self, partition: i32, timers: &mut Timers) -> Vec<InFlight> {
        let of_it =
            |(&token, write): (&WriteToken, &InFlight)| (write.partition == partition).then_some(token);
        let tokens: Vec<WriteToken> = self.in_flight.iter().filter_map(of_it).collect();
        tokens.into_iter().filter_map(|token| self.end(token, timers)).collect()
    }

    /// Lets somebody wait for the changes of a consumer group. Gives the answer back if it can be told at
    /// once: they are written, or it takes too long and whoever waits from now on would do so without end.
    pub(crate) fn wait_for(
        &mut self,
        write: WriteToken,
        token: RequestToken,
        answer: Answer,
    ) -> Option<Answer> {
        let Some(InFlight { alarm, write: Write::Consumer { answers, .. }, .. }) =
            self.in_flight.get_mut(&write)
        else {
            return Some(answer);
        };
        if alarm.is_none() {
            return Some(beat::failed(ErrorCode::REQUEST_TIMED_OUT));
        }
        answers.push((token, answer));
        None
    }

    /// Takes what would undo the changes of a group that were made after a write and are still being
    /// written, the oldest first. What was made before it stands: an append that is refused at once fails
    /// while those before it wait for their replicas.
    pub(crate) fn take_undo_after(&mut self, token: WriteToken, name: &str) -> Vec<Change> {
        let mut changes = Vec::new();
        for (_, InFlight { write, .. }) in self.in_flight.range_mut(token..) {
            if let Write::Consumer { group, undo, .. } = write
                && **group == *name
            {
                changes.append(undo);
            }
        }
        changes
    }

    pub(crate) fn is_full(&self) -> bool {
        self.in_flight.len() >= crate::limits::WRITES_IN_FLIGHT_MAX
    }
}

/// What the members of a group are told when its record could not be written.
pub(crate) fn group_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        | ErrorCode::NOT_ENOUGH_REPLICAS
        | ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND => ErrorCode::COORDINATOR_NOT_AVAILABLE,
        ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::KAFKA_STORAGE_ERROR => ErrorCode::NOT_COORDINATOR,
        ErrorCode::REQUEST_TIMED_OUT => ErrorCode::REBALANCE_IN_PROGRESS,
        ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::RECORD_LIST_TOO_LARGE | ErrorCode::INVALID_FETCH_SIZE => {
            ErrorCode::UNKNOWN_SERVER_ERROR
        }
        other => other,
    }
}

/// What a client is told when its offsets could not be written.
pub(crate) fn commit_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::NETWORK_EXCEPTION => ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        | ErrorCode::NOT_ENOUGH_REPLICAS
        | ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND => ErrorCode::COORDINATOR_NOT_AVAILABLE,
        ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::KAFKA_STORAGE_ERROR => ErrorCode::NOT_COORDINATOR,
        ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::RECORD_LIST_TOO_LARGE | ErrorCode::INVALID_FETCH_SIZE => {
            ErrorCode::INVALID_COMMIT_OFFSET_SIZE
        }
        other => other,
    }
}
