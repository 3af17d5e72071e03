//! The numbers that have names: transactions, sessions and requests.

use std::fmt;

use crate::jute::number_record;

/// The number of a transaction: the epoch in the upper 32 bits, a counter in the lower.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Zxid(pub i64);

/// A session, unique in its ensemble for good; the top byte is the id of the server that made it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct SessionId(pub i64);

/// The number a client gave a request; zero and less have meanings of their own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Xid(pub i32);

number_record!(Zxid(i64), SessionId(i64), Xid(i32));

impl Zxid {
    /// Before every transaction.
    pub const ZERO: Zxid = Zxid(0);

    /// The zxid `counter` of `epoch`.
    pub const fn new(epoch: u32, counter: u32) -> Zxid {
        Zxid(((epoch as i64) << 32) | counter as i64)
    }

    /// The upper half.
    pub const fn epoch(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The lower half.
    pub const fn counter(self) -> u32 {
        self.0 as u32
    }

    /// The zxid after this one; `None` when the epoch's counter is used up.
    pub const fn next(self) -> Option<Zxid> {
        match self.counter().checked_add(1) {
            Some(_) => Some(Zxid(self.0 + 1)),
            None => None,
        }
    }
}

impl fmt::Display for Zxid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}", self.0)
    }
}

impl SessionId {
    /// No session: what a new client sends.
    pub const NONE: SessionId = SessionId(0);
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}", self.0)
    }
}

impl Xid {
    /// A watch event pushed by the server.
    pub const NOTIFICATION: Xid = Xid(-1);
    /// A ping and its answer.
    pub const PING: Xid = Xid(-2);
    /// An auth packet and its answer.
    pub const AUTH: Xid = Xid(-4);
    /// setWatches after a reconnect.
    pub const SET_WATCHES: Xid = Xid(-8);
}
