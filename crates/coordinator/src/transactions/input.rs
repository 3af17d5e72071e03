//! What the coordinator of transactions is told.

use bytes::Bytes;
use kafka_wire::ErrorCode;

use super::transaction::Partitions;
use crate::effect::WriteToken;
use crate::input::{Producer, RequestToken};

/// The coordinator's number for the markers of one transaction's end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MarkToken(pub u64);

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// InitProducerId with a transactional id.
    Init(RequestToken, InitRequest),
    /// AddPartitionsToTxn or AddOffsetsToTxn, of one transactional id.
    Add(RequestToken, AddRequest),
    /// EndTxn. Answered when the decision is durable; the markers follow.
    End(RequestToken, EndRequest),
    /// The record of an [`super::Effect::Append`] is committed.
    Appended {
        /// The token of the append.
        write: WriteToken,
    },
    /// The record of an [`super::Effect::Append`] was not written and never will be.
    AppendFailed {
        /// The token of the append.
        write: WriteToken,
        /// Why, as a produce request would be told.
        error: ErrorCode,
    },
    /// The markers of an [`super::Effect::Mark`] are committed, or could not be written now.
    Marked {
        /// The token of the marks.
        mark: MarkToken,
        /// The partitions that have no marker yet and still need one.
        left: Partitions,
    },
    /// This broker became leader of a partition of `__transaction_state`. Its content follows.
    Load {
        /// The partition.
        partition: i32,
        /// The epoch of the leadership; older ones are ignored from now on.
        leader_epoch: i32,
    },
    /// A part of the log of a partition that is being loaded, in order.
    Loading {
        /// The partition.
        partition: i32,
        /// Keys and values; no value is a tombstone.
        records: Vec<(Bytes, Option<Bytes>)>,
    },
    /// All of the log was handed over.
    Loaded {
        /// The partition.
        partition: i32,
    },
    /// This broker leads a partition no longer.
    Unload {
        /// The partition.
        partition: i32,
        /// The epoch in which it is not the leader; `None` if the replica was deleted.
        leader_epoch: Option<i32>,
    },
    /// The moment named by [`super::Transactions::deadline`] has come.
    Woken,
}

/// How far the client's protocol goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ClientVersion {
    /// It names each partition before it writes there, and keeps its epoch between transactions.
    V1,
    /// Partitions join by being written to, and each end of a transaction raises the epoch (KIP-890).
    V2,
}

/// InitProducerId.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InitRequest {
    /// The transactional id.
    pub id: String,
    /// How long a transaction may stay open, in milliseconds.
    pub timeout_ms: i32,
    /// Who the client believes to be (KIP-360).
    pub expected: Option<Producer>,
    /// An id that no producer has had, for the case that one is needed.
    pub fresh_id: Option<i64>,
}

/// AddPartitionsToTxn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddRequest {
    /// The transactional id.
    pub id: String,
    /// The producer.
    pub producer: Producer,
    /// What joins its transaction.
    pub partitions: Partitions,
    /// How they join.
    pub version: ClientVersion,
}

/// EndTxn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndRequest {
    /// The transactional id.
    pub id: String,
    /// The producer.
    pub producer: Producer,
    /// Whether the transaction counts.
    pub committed: bool,
    /// The client's protocol.
    pub version: ClientVersion,
    /// An id that no producer has had, for the case that the epochs of this one are used up.
    pub fresh_id: Option<i64>,
}
