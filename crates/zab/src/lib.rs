//! Zab, the atomic broadcast under the keeper, as a pure state machine.
//!
//! [`Peer`] puts transactions in order, has them made durable, counts acknowledgements, and delivers
//! what a [`Quorum`] acknowledged. It knows no socket, file, clock or tree: the payload of an [`Entry`]
//! is bytes to it. An ensemble of one member ([`Peer::alone`]) takes the path that a larger one takes:
//! propose, persist, acknowledge, quorum, deliver. In a larger one [`election`] finds a leader, which
//! brings the others up to date before it serves.

mod border;
mod committed;
mod configuration;
mod core;
pub mod election;
mod entry;
mod flaw;
mod history;
mod leader;
mod learner;
pub mod limits;
mod notification;
mod observation;
pub mod packet;
mod peer;
mod phase;
mod quorum;
mod reconfiguration;
mod vote;

pub use border::{Effect, Ensemble, Input, LinkId, Recovered, Role};
pub use committed::Committed;
pub use configuration::{Configuration, ConfigurationError, InFile, MemberAddress};
pub use entry::{Entry, ServerId};
pub use flaw::Flaw;
pub use notification::Notification;
pub use observation::Observation;
pub use peer::Peer;
pub use phase::{Phase, Progress, SyncMode};
pub use quorum::Quorum;
pub use vote::{ServerState, Vote};
