//! The connections between the members of an ensemble: the election port and the quorum port.
//!
//! Members are few, so each connection has two plain threads, one that reads and one that writes; what
//! they read goes to whoever owns the node as a [`PeerEvent`], in batches. Nothing here decides anything
//! about elections or history: who dials whom and what is sent again is a property of the ports.

mod acceptor;
mod authentication;
mod election_links;
mod limits;
mod quorum_links;
mod security;
mod snapshot_stream;

pub(crate) use election_links::{ElectionLinks, ElectionSettings};
pub(crate) use quorum_links::{QuorumLinks, QuorumSettings};
pub(crate) use security::PeerSecurity;

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use zab::packet::QuorumPacket;
use zab::{LinkId, Notification, ServerId};
use znode::Database;

/// What comes from other members.
#[derive(Debug)]
pub(crate) enum PeerEvent {
    /// A vote came over the election port.
    Notified {
        /// From whom.
        from: ServerId,
        /// What it says.
        notification: Notification,
    },
    /// A quorum link is open.
    LinkOpened {
        /// Its number from now on.
        link: LinkId,
        /// The leader that was dialled; `None` if it was accepted.
        dialed: Option<ServerId>,
    },
    /// A leader could not be reached.
    DialFailed {
        /// Which.
        server: ServerId,
        /// For the log.
        why: String,
    },
    /// Packets came, in order.
    Packets {
        /// Over which link.
        link: LinkId,
        /// At least one.
        packets: Vec<QuorumPacket>,
    },
    /// The snapshot behind a `SNAP` packet came, whole.
    SnapshotReceived {
        /// Over which link.
        link: LinkId,
        /// What it holds.
        database: Box<Database>,
    },
    /// A link is gone, at our wish or not. Said once for each link that was open.
    LinkClosed {
        /// Which.
        link: LinkId,
        /// For the log.
        why: String,
    },
}

/// Where events go. False means that nobody takes them any more; it waits when the owner is behind.
pub(crate) type Events = Arc<dyn Fn(PeerEvent) -> bool + Send + Sync>;

/// The addresses behind `host:port`, IPv4 first.
fn resolve(address: &str) -> Result<Vec<SocketAddr>, String> {
    let found =
        address.to_socket_addrs().map_err(|error| format!("{address} cannot be resolved: {error}"))?;
    let mut found: Vec<SocketAddr> = found.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    if found.is_empty() { Err(format!("{address} has no address")) } else { Ok(found) }
}
