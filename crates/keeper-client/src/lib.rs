//! A ZooKeeper client: a pure session core and a blocking face.
//!
//! [`Session`] is the core: it knows the protocol, the servers, the watches and the clock's readings,
//! and no socket. A shell dials, sends and receives for it. [`blocking::Client`] is such a shell over
//! one `std` socket, for tools that do one thing after the other.

#![forbid(unsafe_code)]

pub mod blocking;
mod chroot;
pub mod limits;
mod servers;
mod session;
mod watches;
mod wire;

pub use servers::{Address, InvalidServers, Servers};
/// What a client needs to speak TLS.
pub use transport::tls;

pub use session::{Answer, Effect, Event, Input, Options, Session, Token};
