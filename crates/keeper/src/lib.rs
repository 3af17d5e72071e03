//! The keeper node: sessions and requests over Zab and the tree, as one pure state machine.
//!
//! [`Keeper::step`] takes an [`Input`] and appends [`Effect`]s; the edge owns sockets, files and clocks
//! and runs the effects in order. The order of a session's replies, of events before the replies that
//! would show the change, and of durability before acknowledgement are all decided here.

mod authentication;
mod border;
mod command;
mod config;
mod connection;
mod date;
mod expiry;
mod forward;
mod handshake;
mod keeper;
pub mod limits;
mod local;
mod member;
mod metrics;
mod observed;
mod op;
mod reconfiguration;
mod restoring;
mod security;
mod server;
mod snapshots;
mod statistics;
#[cfg(test)]
mod talk;
mod throttle;
mod word;

pub use border::{ConnectionId, Effect, Input, Measures, Observed};
pub use command::{Answer, COMMANDS, Command};
pub use config::{
    ConnectionTokens, KeeperConfig, LocalSessions, MemberShown, SessionWeights, Shown, Throttles, WordList,
};
pub use keeper::Keeper;
pub use metrics::{Metric, Summary, Value};
pub use security::{Passwords, Security};
pub use word::is_word;
pub use zab::{Configuration, Ensemble, Entry, LinkId, Recovered, ServerId};
