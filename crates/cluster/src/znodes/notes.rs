//! The sequential notes that brokers leave for each other; each is read once and soon removed.

use super::{Malformed, PartitionName, from_json, to_json};
use crate::BrokerId;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// `/config/changes/config_change_…`: some entity's configuration was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigChange {
    /// Below `/config`, such as `topics/orders` or `brokers/<default>`.
    pub entity_path: String,
}

impl ConfigChange {
    /// The prefix to create the note under; the server appends the number.
    pub const PREFIX: &str = "/config/changes/config_change_";

    /// The note's data, version 2.
    pub fn encode(&self) -> Bytes {
        #[derive(Serialize)]
        struct Json<'a> {
            version: i32,
            entity_path: &'a str,
        }
        to_json(&Json { version: 2, entity_path: &self.entity_path })
    }

    /// Reads version 2, and version 1 which names type and entity apart.
    pub fn decode(data: &[u8]) -> Result<ConfigChange, Malformed> {
        const WHAT: &str = "configuration change";
        #[derive(Deserialize)]
        struct Json {
            entity_path: Option<String>,
            entity_type: Option<String>,
            entity_name: Option<String>,
        }
        let json: Json = from_json(WHAT, data)?;
        let entity_path = match (json.entity_path, json.entity_type, json.entity_name) {
            (Some(path), ..) => path,
            (None, Some(kind), Some(name)) => format!("{kind}/{name}"),
            _ => return Err(Malformed::new(WHAT, "no entity is named")),
        };
        Ok(ConfigChange { entity_path })
    }
}

/// `/isr_change_notification/isr_change_…`: a leader of a version before 2.7 changed ISRs itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IsrChange {
    /// Whose ISR changed.
    pub partitions: Vec<PartitionName>,
}

impl IsrChange {
    /// The prefix to create the note under.
    pub const PREFIX: &str = "/isr_change_notification/isr_change_";

    /// The note's data, version 1.
    pub fn encode(&self) -> Bytes {
        to_json(&PartitionList { version: 1, partitions: self.partitions.clone() })
    }

    /// Reads version 1.
    pub fn decode(data: &[u8]) -> Result<IsrChange, Malformed> {
        let json: PartitionList = from_json("ISR change", data)?;
        Ok(IsrChange { partitions: json.partitions })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct PartitionList {
    #[serde(default)]
    pub(super) version: i32,
    pub(super) partitions: Vec<PartitionName>,
}

/// `/log_dir_event_notification/log_dir_event_…`: a log directory of a broker failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogDirEvent {
    /// Whose.
    pub broker: BrokerId,
}

impl LogDirEvent {
    /// The prefix to create the note under.
    pub const PREFIX: &str = "/log_dir_event_notification/log_dir_event_";

    /// The note's data, version 1; event 1 is "failed", the only one there is.
    pub fn encode(&self) -> Bytes {
        to_json(&LogDirJson { version: 1, broker: self.broker.0, event: 1 })
    }

    /// Reads version 1.
    pub fn decode(data: &[u8]) -> Result<LogDirEvent, Malformed> {
        let json: LogDirJson = from_json("log directory event", data)?;
        Ok(LogDirEvent { broker: BrokerId(json.broker) })
    }
}

#[derive(Serialize, Deserialize)]
struct LogDirJson {
    #[serde(default)]
    version: i32,
    broker: i32,
    #[serde(default)]
    event: i32,
}
