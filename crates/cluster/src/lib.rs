//! What a Kafka cluster in ZooKeeper mode keeps in its znodes, as types.
//!
//! [`znodes`] are the byte formats, [`path`] the layout, [`Cluster`] the state that reads and watch
//! events build up, [`Metadata`] the part of it that clients ask for, [`plan`] the writes (fenced by
//! the controller's epoch) and [`mirror`] the machine that keeps a [`Cluster`] fresh through one
//! ZooKeeper session. Pure: it makes requests as values and is told their answers.

#![forbid(unsafe_code)]

pub mod assign;
mod id;
pub mod limits;
pub mod metadata;
pub mod mirror;
mod name;
pub mod path;
pub mod plan;
mod state;
pub mod znodes;

pub use id::{BrokerEpoch, BrokerId, ControllerEpoch, LeaderEpoch, PartitionEpoch, TopicId};
pub use metadata::Metadata;
pub use name::{InvalidTopicName, TopicName, is_internal, names_collide};
pub use path::Place;
pub use state::{Broker, Change, Cluster, Controller, PartitionView, Topic};
