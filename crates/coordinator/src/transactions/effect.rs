//! What the coordinator of transactions wants done.

use kafka_wire::ErrorCode;

use super::input::MarkToken;
use super::transaction::Partitions;
use crate::effect::{Record, WriteToken};
use crate::input::{Producer, RequestToken};

/// One thing for the shell to do, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Append the record and say when it is committed. Appends of a partition keep their order.
    Append {
        /// The partition of `__transaction_state`.
        partition: i32,
        /// The leadership under which it may be appended, and no other.
        leader_epoch: i32,
        /// The record.
        record: Record,
        /// Comes back in [`super::Input::Appended`] or [`super::Input::AppendFailed`].
        write: WriteToken,
    },
    /// Write the transaction's marker to each of the partitions, wherever they are led, and say when
    /// all are committed or cannot be for now.
    Mark {
        /// Comes back in [`super::Input::Marked`].
        mark: MarkToken,
        /// Whose transaction ends, under the epoch that the marker carries.
        producer: Producer,
        /// Epoch of the coordinator, which the marker carries.
        coordinator_epoch: i32,
        /// Whether the transaction counts.
        committed: bool,
        /// Where.
        partitions: Partitions,
    },
    /// Answer a request. Each request is answered exactly once.
    Answer {
        /// Which.
        token: RequestToken,
        /// With what.
        answer: Answer,
    },
    /// Something an operator may want to read.
    Note(String),
}

/// An answer, of the kind that its request asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// To InitProducerId: the producer from now on.
    Init(Result<Producer, ErrorCode>),
    /// To AddPartitionsToTxn: for all partitions together.
    Add(ErrorCode),
    /// To EndTxn: the producer of the next transaction.
    End(Result<Producer, ErrorCode>),
    /// To InitProducerId and EndTxn: ask again with a fresh producer id. Nothing was done.
    NeedsFreshId,
}
