//! `/config/{topics,brokers,clients,users,ips}/NAME`: the settings that differ from the defaults.

use super::{Malformed, from_json, to_json};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Settings by name, as text, and nothing else: a default that was never changed is not in here.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct EntityConfig(pub BTreeMap<String, String>);

impl EntityConfig {
    /// The znode's data, version 1.
    pub fn encode(&self) -> Bytes {
        to_json(&Json { version: 1, config: Some(self.0.clone()) })
    }

    /// Reads version 1. A znode without data, as Kafka makes for parents, is an empty configuration.
    pub fn decode(data: &[u8]) -> Result<EntityConfig, Malformed> {
        if data.is_empty() {
            return Ok(EntityConfig::default());
        }
        let json: Json = from_json("configuration", data)?;
        Ok(EntityConfig(json.config.unwrap_or_default()))
    }

    /// The value of `name`, if set here.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

#[derive(Serialize, Deserialize)]
struct Json {
    #[serde(default)]
    version: i32,
    config: Option<BTreeMap<String, String>>,
}
