//! What the broker wants done. The shell executes effects in order and knows no rules.

use std::fmt;

use kafka_wire::Frame;
use zookeeper_wire::Request;

use crate::{AskToken, ConnectionId, LinkId, Work};

/// One thing for the shell to do.
#[derive(Debug)]
pub enum Effect {
    /// The oldest request of `connection` that had no reply has one.
    Reply {
        /// To whom.
        connection: ConnectionId,
        /// The response, to be sent behind its length; `None` sends nothing (produce with acks=0).
        frame: Option<Frame>,
    },
    /// The shell may hand over the next request of `connection`: once for each that was handed over before.
    Next {
        /// Whose.
        connection: ConnectionId,
    },
    /// Close after flushing what was replied before; no [`crate::Input::Closed`] follows.
    Close {
        /// Which.
        connection: ConnectionId,
        /// For the log.
        reason: CloseReason,
    },
    /// Send a request over the keeper session and hand the answer back under the same token.
    Ask {
        /// Comes back in [`crate::KeeperInput::Answered`].
        token: AskToken,
        /// What to send.
        request: Request,
    },
    /// Run this on another thread, and hand back what comes of it as [`crate::Input::Worked`].
    Work(Work),
    /// Connect to another broker; [`crate::Input::Linked`] or [`crate::Input::Unlinked`] follows.
    Dial {
        /// The connection's name from now on.
        link: LinkId,
        /// As the other broker's registration tells it.
        host: String,
        /// As the other broker's registration tells it.
        port: u16,
    },
    /// Send a request over a link that is there; at most one is under way per link.
    Transmit {
        /// Which.
        link: LinkId,
        /// The request, to be sent behind its length.
        frame: Frame,
    },
    /// Close a link, or stop dialling it; no [`crate::Input::Unlinked`] follows.
    Hangup {
        /// Which.
        link: LinkId,
    },
    /// Others lead what this broker led, or there is nobody to wait for: it may be stopped.
    MayStop,
    /// Something an operator may want to read.
    Event(Event),
    /// The broker cannot go on: stop the process with this message.
    Halt {
        /// What is wrong and how to fix it.
        reason: String,
    },
    /// No log directory is left in use: nothing is acknowledged any more, and the process must end.
    DisksFailed {
        /// What to do about it.
        reason: String,
    },
}

/// Why the broker closed a connection. All but the last are the client's doing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CloseReason {
    /// The request's header could not be decoded.
    MalformedHeader,
    /// The request's body could not be decoded.
    MalformedRequest {
        /// Name of the API.
        api: &'static str,
        /// The request's version.
        version: i16,
        /// What was wrong.
        detail: String,
    },
    /// An API key or version that this broker does not serve.
    UnsupportedRequest {
        /// The key as received.
        api_key: i16,
        /// The version as received.
        version: i16,
    },
    /// A produce request with acks=0 failed: closing is the only way to tell.
    UnacknowledgedProduceFailed,
    /// The request breaks the protocol in a way that has no error code.
    Forbidden(&'static str),
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseReason::MalformedHeader => write!(f, "the request's header is malformed"),
            CloseReason::MalformedRequest { api, version, detail } => {
                write!(f, "the {api} request (version {version}) is malformed: {detail}")
            }
            CloseReason::UnsupportedRequest { api_key, version } => {
                write!(f, "API key {api_key} version {version} is not served")
            }
            CloseReason::UnacknowledgedProduceFailed => {
                write!(f, "a produce request with acks=0 failed")
            }
            CloseReason::Forbidden(what) => write!(f, "{what}"),
        }
    }
}

/// Something that happened inside the broker and belongs in its log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The broker is in `/brokers/ids` and knows the cluster: clients can be served.
    Ready {
        /// Its own id.
        broker_id: i32,
        /// The cluster's id, as in `/cluster/id`.
        cluster_id: String,
    },
    /// Anything else, in words.
    Note(String),
}
