//! One replica of one partition: its log, leader epochs, producers and high watermark.

use std::convert::Infallible;
use std::marker::PhantomData;

use bytes::Bytes;
use clock::Now;
use disk::Disk;
use kafka_wire::{ErrorCode, Records};

/// A partition log held here, as leader or follower.
#[derive(Debug)]
pub(crate) struct Replica<D: Disk> {
    never: Infallible,
    disk: PhantomData<D>,
}

/// How far an append must have come before it is acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Durability {
    /// acks=0.
    None,
    /// acks=1: in the leader's log (on its disk with durable acks).
    Leader,
    /// acks=all: below the high watermark; refused if too few replicas are in sync.
    InSync,
}

/// How far a reader may read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Isolation {
    /// A follower: up to the log's end.
    Replica,
    /// Up to the high watermark.
    Uncommitted,
    /// Up to the last stable offset.
    Committed,
}

impl Isolation {
    /// From the fields of a request: a replica id from 0 is a follower's.
    pub(crate) fn of(replica_id: i32, isolation_level: i8) -> Self {
        match (replica_id, isolation_level) {
            (0.., _) => Isolation::Replica,
            (_, 0) => Isolation::Uncommitted,
            _ => Isolation::Committed,
        }
    }
}

/// A batch that is in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Appended {
    /// Offset of its first record; that of the first append for a repeated batch.
    pub(crate) first: i64,
    /// The offset after its last record.
    pub(crate) end: i64,
    /// The time stamped by the broker, or -1 if the topic keeps the producer's.
    pub(crate) append_time: i64,
    /// Start of the log.
    pub(crate) log_start: i64,
}

/// Why a batch was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AppendError {
    /// The error for the partition.
    pub(crate) code: ErrorCode,
    /// In words, if there is more to say than the code says.
    pub(crate) message: Option<String>,
    /// Start of the log, for the errors that tell it (an unknown producer's, a record's).
    pub(crate) log_start: Option<i64>,
    /// The records at fault, by their index in the batch, each with the reason.
    pub(crate) records: Vec<(i32, String)>,
}

impl From<ErrorCode> for AppendError {
    fn from(code: ErrorCode) -> Self {
        AppendError { code, message: None, log_start: None, records: Vec::new() }
    }
}

/// What a read found.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    /// Whole batches as stored; empty at the end of what the reader may see.
    pub(crate) records: Records,
    pub(crate) high_watermark: i64,
    pub(crate) last_stable_offset: i64,
    pub(crate) log_start_offset: i64,
    /// Aborted transactions in the range: (producer id, first offset). `Committed` readers only.
    pub(crate) aborted: Vec<(i64, i64)>,
}

/// A record's place in the log and in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OffsetAndTime {
    pub(crate) offset: i64,
    /// Milliseconds since 1970, or -1.
    pub(crate) timestamp: i64,
}

impl<D: Disk> Replica<D> {
    /// Checks one batch and appends it as this leader's.
    pub(crate) fn append_as_leader(
        &mut self,
        _now: Now,
        _records: Bytes,
        _durability: Durability,
    ) -> Result<Appended, AppendError> {
        match self.never {}
    }

    /// Reads whole batches from the one that holds `offset`, at most `bytes_max` bytes, or one batch of
    /// whatever size if `at_least_one`. `OFFSET_OUT_OF_RANGE` below the start or above the end.
    pub(crate) fn read(
        &mut self,
        _offset: i64,
        _bytes_max: usize,
        _at_least_one: bool,
        _isolation: Isolation,
    ) -> Result<Read, ErrorCode> {
        match self.never {}
    }

    /// First offset that is not known to be on every in-sync replica.
    pub(crate) fn high_watermark(&self) -> i64 {
        match self.never {}
    }

    /// First offset that was not deleted.
    pub(crate) fn log_start_offset(&self) -> i64 {
        match self.never {}
    }

    /// The offset at which such a reader stops.
    pub(crate) fn readable_end(&self, _isolation: Isolation) -> i64 {
        match self.never {}
    }

    /// The current epoch of the partition's leader.
    pub(crate) fn leader_epoch(&self) -> i32 {
        match self.never {}
    }

    /// The leader epoch under which the record at `offset` was written; -1 if not known.
    pub(crate) fn epoch_of(&self, _offset: i64) -> i32 {
        match self.never {}
    }

    /// The greatest epoch not above `leader_epoch` and the offset at which it ended.
    pub(crate) fn end_of_epoch(&self, _leader_epoch: i32) -> Option<(i32, i64)> {
        match self.never {}
    }

    /// The first record whose timestamp is not before `timestamp`.
    pub(crate) fn offset_for_timestamp(
        &mut self,
        _timestamp: i64,
    ) -> Result<Option<OffsetAndTime>, ErrorCode> {
        match self.never {}
    }

    /// The record with the greatest timestamp.
    pub(crate) fn offset_of_max_timestamp(&mut self) -> Result<Option<OffsetAndTime>, ErrorCode> {
        match self.never {}
    }

    /// Moves the log's start to `before` and returns it. `OFFSET_OUT_OF_RANGE` above the high watermark,
    /// `POLICY_VIOLATION` if the topic is only compacted.
    pub(crate) fn delete_records_before(&mut self, _now: Now, _before: i64) -> Result<i64, ErrorCode> {
        match self.never {}
    }
}
