//! The bytes of each znode, one file a noun.
//!
//! Encoders write the fields in the order in which Apache Kafka 3.9 does (which is the order of its
//! hash maps), so that equal content is equal bytes; decoders take any order and skip fields they do
//! not know. Data from a znode is outside input: it is parsed or refused, never trusted.

mod admin;
mod broker;
mod cluster_id;
mod config;
mod controller;
mod feature;
mod notes;
mod partition_state;
mod producer_ids;
mod topic;

#[cfg(test)]
mod tests;

pub use admin::{PartitionName, PreferredElection, Reassignment, Reassignments};
pub use broker::{Endpoint, Registration, SecurityProtocol};
pub use cluster_id::ClusterId;
pub use config::EntityConfig;
pub use controller::{ControllerNode, decode_controller_epoch, encode_controller_epoch};
pub use feature::{FeatureNode, FeatureStatus};
pub use notes::{ConfigChange, IsrChange, LogDirEvent};
pub use partition_state::{LeaderRecovery, PartitionState};
pub use producer_ids::ProducerIdBlock;
pub use topic::{Replicas, TopicNode};

use bytes::Bytes;
use serde::Serialize;
use std::fmt;

/// A znode's data is not what Kafka writes there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Malformed {
    what: &'static str,
    why: String,
}

impl Malformed {
    pub(crate) fn new(what: &'static str, why: impl fmt::Display) -> Malformed {
        Malformed { what, why: why.to_string() }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a {}: {}", self.what, self.why)
    }
}

impl std::error::Error for Malformed {}

fn to_json(value: &impl Serialize) -> Bytes {
    Bytes::from(serde_json::to_vec(value).expect("string keys and plain values always become JSON"))
}

fn from_json<'a, T: serde::Deserialize<'a>>(what: &'static str, data: &'a [u8]) -> Result<T, Malformed> {
    serde_json::from_slice(data).map_err(|error| Malformed::new(what, error))
}
