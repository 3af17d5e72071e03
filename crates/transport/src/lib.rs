//! Frames over TCP, TLS and in-process pipes, bounded both ways.
//!
//! Both protocols that Castle speaks send a 4-byte big-endian length and then that many bytes. This
//! crate cuts received bytes into such frames ([`Inbox`]), gathers outgoing ones into few large writes
//! ([`Outbox`]), and moves both over a [`Stream`]. It knows no message, no session and no clock; who
//! reads, when, and what happens when a limit is met is decided by the `shard` crate.

mod inbox;
pub mod limits;
mod listener;
mod outbox;
pub mod pipe;
mod stream;
pub mod tls;

pub use inbox::{Cut, Filled, FrameError, FrameRules, Inbox, Scratch};
pub use listener::{BindError, Listener};
pub use outbox::{BufferPool, Outbox};
pub use stream::{Source, Stream};
