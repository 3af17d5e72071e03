//! What a watch tells.

use crate::jute::{number_record, records};

/// What happened to the watched znode.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventKind(pub i32);

/// How the session stands, as an event shows it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SessionState(pub i32);

number_record!(EventKind(i32), SessionState(i32));

impl EventKind {
    /// Only the session's state changed.
    pub const NONE: EventKind = EventKind(-1);
    /// It came to be.
    pub const CREATED: EventKind = EventKind(1);
    /// It is gone.
    pub const DELETED: EventKind = EventKind(2);
    /// Its data was set.
    pub const DATA_CHANGED: EventKind = EventKind(3);
    /// A child came or went.
    pub const CHILDREN_CHANGED: EventKind = EventKind(4);

    /// The name the field uses.
    pub const fn name(self) -> &'static str {
        match self.0 {
            -1 => "None",
            1 => "NodeCreated",
            2 => "NodeDeleted",
            3 => "NodeDataChanged",
            4 => "NodeChildrenChanged",
            _ => "Unknown",
        }
    }
}

impl SessionState {
    /// No server is connected.
    pub const DISCONNECTED: SessionState = SessionState(0);
    /// All is well; what servers send.
    pub const SYNC_CONNECTED: SessionState = SessionState(3);
    /// Credentials were refused.
    pub const AUTH_FAILED: SessionState = SessionState(4);
    /// Connected to a server that only reads.
    pub const CONNECTED_READ_ONLY: SessionState = SessionState(5);
    /// The session is over.
    pub const EXPIRED: SessionState = SessionState(-112);
}

records! {
    /// The body of a notification (a frame with xid -1).
    struct WatcherEvent {
        /// What happened.
        kind: EventKind,
        /// The state of the session, `SYNC_CONNECTED` from a server.
        state: SessionState,
        /// Where.
        path: String,
    }
}
