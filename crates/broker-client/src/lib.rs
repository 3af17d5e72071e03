//! A Kafka client: pure cores for connections, producing, reading and group membership, and a blocking face.
//!
//! The cores know the protocol and no socket: [`Connection`] (one broker), [`Producer`] (records into batches),
//! [`Fetcher`] (batches into records), [`Membership`] (a classic consumer group). [`blocking`] runs them over
//! `std` sockets for tools that do one thing after the other.

#![forbid(unsafe_code)]

mod address;
pub mod assignor;
pub mod blocking;
mod connection;
mod error;
mod fetcher;
pub mod limits;
pub mod membership;
mod partitioner;
mod producer;
mod view;

pub use address::{Address, DEFAULT_PORT};
pub use connection::{Connection, ConnectionError, Welcome};
pub use error::Error;
pub use fetcher::{Fetched, Fetcher, Isolation, Trouble};
pub use membership::{MemberOptions, Membership};
pub use partitioner::{Partitioner, murmur2};
pub use producer::{Acks, Delivery, NewRecord, Producer, ProducerOptions, PushError};
pub use view::{PartitionView, TopicPartition, TopicView, View};
