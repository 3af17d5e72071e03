//! `/cluster/id`: the cluster's name for itself, made by its first broker.

use super::{Malformed, from_json, to_json};
use crate::TopicId;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The text that `meta.properties` of every log directory must repeat. Kafka makes it a UUID of 22
/// characters but takes any text, and so do we.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClusterId(pub String);

impl ClusterId {
    /// A fresh id from `random`.
    pub fn random(random: impl FnMut() -> u64) -> ClusterId {
        ClusterId(TopicId::random(random).to_string())
    }

    /// The znode's data, version "1" (here Kafka writes the version as a string).
    pub fn encode(&self) -> Bytes {
        #[derive(Serialize)]
        struct Json<'a> {
            version: &'a str,
            id: &'a str,
        }
        to_json(&Json { version: "1", id: &self.0 })
    }

    /// Reads version "1".
    pub fn decode(data: &[u8]) -> Result<ClusterId, Malformed> {
        #[derive(Deserialize)]
        struct Json {
            id: String,
        }
        let json: Json = from_json("cluster id", data)?;
        Ok(ClusterId(json.id))
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
