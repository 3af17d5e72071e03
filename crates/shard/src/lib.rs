//! The event loop: one thread that owns its listeners, its connections and its timers.
//!
//! A [`Shard`] runs a [`Service`] turn by turn: poll, read every ready socket, cut every frame, step the
//! service, let it end the turn (this is where a log is written), then one gathered write for each
//! connection. A turn is the unit of batching: there are no delay timers, load makes the batches.
//! Other threads reach a shard only through its bounded [`Mailbox`].

mod clock_reader;
mod complaints;
mod connection;
mod counters;
pub mod limits;
mod mailbox;
mod port;
mod service;
mod shard;
mod turn;

pub use clock_reader::Clock;
pub use connection::{ConnectionId, Origin, Peer, PeerRules, WhyClosed};
pub use counters::Counters;
pub use mailbox::{Mailbox, SendError};
pub use port::{Handshakes, PortId, PortRules, Security};
pub use service::Service;
pub use shard::Shard;
pub use turn::Turn;

#[cfg(test)]
mod tests;
