//! What the broker is told. The shell makes one [`Input`] of each thing that happens.

use std::net::SocketAddr;

use bytes::Bytes;
use zookeeper_wire::{ErrorCode, Response, SessionId, WatcherEvent, Zxid};

use crate::{AskToken, ConnectionId, Done, LinkId, ListenerIndex};

/// One thing that happened.
#[derive(Debug)]
pub enum Input {
    /// A client connected.
    Opened {
        /// The shell's number for the connection, never used before.
        connection: ConnectionId,
        /// The client's address.
        peer: SocketAddr,
        /// Which of the configured listeners accepted it.
        listener: ListenerIndex,
    },
    /// A client sent a request. The next of the same connection is handed over after [`crate::Effect::Next`].
    Received {
        /// From whom.
        connection: ConnectionId,
        /// The request without its length prefix.
        frame: Bytes,
    },
    /// A connection is gone; not sent for those that the broker closed itself.
    Closed {
        /// Which.
        connection: ConnectionId,
    },
    /// Something from the keeper session.
    Keeper(KeeperInput),
    /// What came of an [`crate::Effect::Work`].
    Worked(Done),
    /// A dialled link is there.
    Linked {
        /// Which.
        link: LinkId,
    },
    /// A dialled link could not be made, or is gone.
    Unlinked {
        /// Which.
        link: LinkId,
    },
    /// The answer to the request under way on a link.
    Answered {
        /// Which.
        link: LinkId,
        /// The response without its length prefix.
        frame: Bytes,
    },
    /// The operator wants the broker to stop; [`crate::Effect::MayStop`] follows in time.
    Stopping,
    /// The moment named by [`crate::Broker::deadline`] has come.
    Woken,
}

/// What happens on the keeper session, which the shell keeps alive by itself.
#[derive(Debug)]
pub enum KeeperInput {
    /// Connected: a new session, or the same one again after [`KeeperInput::Disconnected`].
    Connected {
        /// The session; a new value means that the old one's ephemerals and watches are gone.
        session: SessionId,
    },
    /// The connection broke; the session may survive.
    Disconnected,
    /// The session is gone, and its ephemeral nodes and watches with it.
    Expired,
    /// The answer to an [`crate::Effect::Ask`]. Every ask gets one: a broken connection answers those
    /// that were under way with `CONNECTION_LOSS`.
    Answered {
        /// The token of the ask.
        token: AskToken,
        /// The response with the zxid of its header, or the keeper's error.
        result: Result<(Response, Zxid), ErrorCode>,
    },
    /// A watch fired.
    Watch(WatcherEvent),
}
