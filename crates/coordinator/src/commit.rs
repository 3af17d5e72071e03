//! OffsetCommit and TxnOffsetCommit: who may commit when, and what a commit becomes in the log.

use kafka_wire::ErrorCode;

use crate::effect::{Answer, Outcome};
use crate::group::{Group, State};
use crate::input::{CommitRequest, OffsetCommit, RequestToken};
use crate::limits::NAME_BYTES_MAX;
use crate::offsets::{Committed, TopicPartition};
use crate::record;
use crate::turn::Turn;
use crate::write::{Write, commit_error};

impl Group {
    pub(crate) fn commit(&mut self, turn: &mut Turn<'_>, token: RequestToken, request: CommitRequest) {
        match self.validate_commit(&request) {
            Ok(()) => self.store(turn, token, request),
            Err(error) => turn.answer(token, refused(&request.offsets, error)),
        }
    }

    fn validate_commit(&mut self, request: &CommitRequest) -> Result<(), ErrorCode> {
        let is_transactional = request.producer.is_some();
        if self.is(State::Dead) {
            return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
        }
        if request.generation < 0 && self.is_vacant() {
            // An administrator, or a consumer that assigns its partitions itself.
            return Ok(());
        }
        if let Some(consumer) = self.consumer.as_deref() {
            let names_nobody =
                request.generation < 0 && request.member_id.is_empty() && request.instance_id.is_none();
            if is_transactional && names_nobody {
                return Ok(());
            }
            return match consumer.validate(&request.member_id, request.generation) {
                // Older versions of both requests do not know of member epochs.
                Err(ErrorCode::STALE_MEMBER_EPOCH) if is_transactional => Err(ErrorCode::ILLEGAL_GENERATION),
                Ok(()) if !is_transactional && !request.knows_group_id_not_found => {
                    Err(ErrorCode::UNSUPPORTED_VERSION)
                }
                result => result,
            };
        }
        let names_a_member =
            request.generation >= 0 || !request.member_id.is_empty() || request.instance_id.is_some();
        if names_a_member {
            self.validate_member(&request.member_id, request.instance_id.as_deref())?;
            if request.generation != self.generation {
                return Err(ErrorCode::ILLEGAL_GENERATION);
            }
        } else if !is_transactional && !self.is(State::Empty) {
            return Err(ErrorCode::UNKNOWN_MEMBER_ID);
        }
        if self.is(State::CompletingRebalance) && !is_transactional {
            // The member was told of the new generation before it commits what it read in the old one.
            return Err(ErrorCode::REBALANCE_IN_PROGRESS);
        }
        Ok(())
    }

    fn store(&mut self, turn: &mut Turn<'_>, token: RequestToken, request: CommitRequest) {
        if self.has(&request.member_id) && request.producer.is_none() {
            self.heard_of(turn, &request.member_id);
        }
        let now_ms = turn.wall_ms();
        let producer = request.producer.map(|producer| producer.id);
        let mut records = Vec::with_capacity(request.offsets.len());
        let mut offsets = Vec::with_capacity(request.offsets.len());
        for given in request.offsets {
            let at = TopicPartition { topic: given.topic, partition: given.partition };
            let metadata = given.metadata.unwrap_or_default();
            // Counted as Java counts, in UTF-16 units; and in bytes, because it must fit the record.
            let is_too_large = metadata.encode_utf16().count() > turn.settings.offset_metadata_max
                || metadata.len() > NAME_BYTES_MAX;
            if is_too_large {
                offsets.push((at, Err(ErrorCode::OFFSET_METADATA_TOO_LARGE)));
                continue;
            }
            let committed = Committed {
                offset: given.offset,
                leader_epoch: given.leader_epoch,
                metadata: metadata.into_boxed_str(),
                committed_ms: given.timestamp_ms.unwrap_or(now_ms),
                expires_ms: request.retention_ms.map(|retention| now_ms.saturating_add(retention)),
                position: -1,
            };
            records.push(record::offset(&self.id, &at, &committed));
            offsets.push((at, Ok(committed)));
        }
        if records.is_empty() {
            return turn.answer(token, Answer::Commit(offsets.iter().map(outcome).collect()));
        }
        for (at, stored) in &offsets {
            if stored.is_ok() {
                self.offsets.begin(producer, at);
            }
        }
        let write = Write::Commit { group: self.id.clone(), producer, token: Some(token), offsets };
        turn.append(self.partition, request.producer, records, write);
    }

    /// A commit is in the log at `base_offset`, or never will be.
    pub(crate) fn commit_written(
        &mut self,
        turn: &mut Turn<'_>,
        producer: Option<i64>,
        token: Option<RequestToken>,
        mut offsets: Vec<(TopicPartition, Result<Committed, ErrorCode>)>,
        result: Result<i64, ErrorCode>,
    ) {
        for (at, stored) in &mut offsets {
            let Ok(committed) = stored else { continue };
            self.offsets.end(producer, at);
            match result {
                Ok(base_offset) => {
                    committed.position = base_offset;
                    let (at, committed) = (at.clone(), committed.clone());
                    match producer {
                        None => self.offsets.commit(at, committed),
                        Some(id) => self.offsets.hold_back(id, at, committed),
                    }
                }
                Err(error) => *stored = Err(commit_error(error)),
            }
        }
        if let Some(token) = token {
            turn.answer(token, Answer::Commit(offsets.iter().map(outcome).collect()));
        }
    }
}

/// The answer to a commit of which nothing was written.
pub(crate) fn refused(offsets: &[OffsetCommit], error: ErrorCode) -> Answer {
    let refuse =
        |given: &OffsetCommit| Outcome { topic: given.topic.clone(), partition: given.partition, error };
    Answer::Commit(offsets.iter().map(refuse).collect())
}

/// What the client is told of one offset.
pub(crate) fn outcome((at, stored): &(TopicPartition, Result<Committed, ErrorCode>)) -> Outcome {
    let error = stored.as_ref().err().copied().unwrap_or(ErrorCode::NONE);
    Outcome { topic: at.topic.clone(), partition: at.partition, error }
}
