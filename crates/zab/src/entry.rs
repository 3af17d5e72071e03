//! What is broadcast, and by whom.

use std::fmt;

use bytes::Bytes;
use zookeeper_wire::Zxid;

/// The number of a server in its ensemble (`myid`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ServerId(pub i64);

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A transaction in its place in the order. The payload (header, body and digest, as
/// `zookeeper_wire::txn::TxnEntry` encodes them) is the same in the log and between servers, so it is
/// encoded once and shared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its place; the header inside the payload says the same.
    pub zxid: Zxid,
    /// The encoded transaction.
    pub payload: Bytes,
}
