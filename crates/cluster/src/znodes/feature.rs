//! `/feature`: which features the whole cluster has agreed on.
//!
//! A running Apache Kafka broker exits if this znode's version goes backward or names a feature it
//! does not support: it is never deleted, and its list stays empty while such brokers may exist.

use super::{Malformed, from_json, to_json};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The finalized features.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeatureNode {
    /// Whether feature versioning is on.
    pub status: FeatureStatus,
    /// The level agreed on for each feature.
    pub features: BTreeMap<String, i16>,
}

/// Source: KIP-584.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FeatureStatus {
    /// The cluster's inter-broker protocol is older than 2.7.
    Disabled,
    /// The features listed are in force.
    Enabled,
}

impl FeatureNode {
    /// What a cluster has in which nobody finalized anything.
    pub fn empty() -> FeatureNode {
        FeatureNode { status: FeatureStatus::Enabled, features: BTreeMap::new() }
    }

    /// The znode's data, version 2.
    pub fn encode(&self) -> Bytes {
        let level = |max_version_level: i16| Level { max_version_level };
        to_json(&Json {
            features: self.features.iter().map(|(name, max)| (name.clone(), level(*max))).collect(),
            version: 2,
            status: i32::from(self.status == FeatureStatus::Enabled),
        })
    }

    /// Reads versions 1 and 2.
    pub fn decode(data: &[u8]) -> Result<FeatureNode, Malformed> {
        let json: Json = from_json("feature list", data)?;
        let status = match json.status {
            0 => FeatureStatus::Disabled,
            1 => FeatureStatus::Enabled,
            other => return Err(Malformed::new("feature list", format_args!("status {other}"))),
        };
        let features = json.features.into_iter().map(|(name, level)| (name, level.max_version_level));
        Ok(FeatureNode { status, features: features.collect() })
    }
}

#[derive(Serialize, Deserialize)]
struct Json {
    #[serde(default)]
    features: BTreeMap<String, Level>,
    version: i32,
    status: i32,
}

#[derive(Serialize, Deserialize)]
struct Level {
    max_version_level: i16,
}
