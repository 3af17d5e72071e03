//! Whom a server wants to lead, and what it is doing meanwhile.

use zookeeper_wire::Zxid;

use crate::ServerId;

/// A candidate with the history that speaks for it. Votes are compared by epoch, then zxid, then
/// server; the greatest wins. Whoever has it has every transaction that a quorum made durable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Vote {
    /// The candidate's current epoch; the least number for a server that cannot lead.
    pub epoch: i64,
    /// The last zxid in the candidate's log; -1 for a server that knows it is blank.
    pub zxid: Zxid,
    /// The candidate.
    pub leader: ServerId,
}

/// What a server is doing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ServerState {
    /// It looks for a leader.
    Looking,
    /// It follows one and votes.
    Following,
    /// It leads.
    Leading,
    /// It follows one and does not vote.
    Observing,
}

impl Vote {
    /// What a server says that cannot lead itself: less than any other.
    pub const NOBODY: Vote = Vote { epoch: i64::MIN, zxid: Zxid(i64::MIN), leader: ServerId(i64::MIN) };

    /// The zxid of a server that knows that it lost its data. Its votes count for nothing.
    pub const BLANK: Zxid = Zxid(-1);
}

impl ServerState {
    /// Its number on the wire.
    pub const fn number(self) -> i32 {
        match self {
            ServerState::Looking => 0,
            ServerState::Following => 1,
            ServerState::Leading => 2,
            ServerState::Observing => 3,
        }
    }

    /// The state of that number.
    pub const fn from_number(number: i32) -> Option<ServerState> {
        Some(match number {
            0 => ServerState::Looking,
            1 => ServerState::Following,
            2 => ServerState::Leading,
            3 => ServerState::Observing,
            _ => return None,
        })
    }
}
