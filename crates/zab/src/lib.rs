//! Zab, the atomic broadcast under the keeper, as a pure state machine.
//!
//! [`Peer`] puts transactions in order, has them made durable, counts acknowledgements, and delivers
//! what a [`Quorum`] acknowledged. It knows no socket, file, clock or tree: the payload of an [`Entry`]
//! is bytes to it. Today an ensemble has one member ([`Peer::alone`]); its transactions take the path
//! that those of a larger one take: propose, persist, acknowledge, quorum, deliver. For larger ones
//! [`election`] finds a leader.

#[allow(dead_code, unreachable_pub)] // the peer of an ensemble takes and gives these
mod border;
mod committed;
pub mod election;
mod entry;
pub mod limits;
mod notification;
pub mod packet;
mod peer;
mod quorum;
mod vote;

pub use border::{Ensemble, LinkId, Recovered, Role};
pub use committed::Committed;
pub use entry::{Entry, ServerId};
pub use notification::Notification;
pub use peer::{Effect, Input, Peer};
pub use quorum::Quorum;
pub use vote::{ServerState, Vote};
