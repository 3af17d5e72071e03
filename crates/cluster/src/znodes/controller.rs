//! `/controller` (ephemeral, JSON) and `/controller_epoch` (a decimal number).

use super::{Malformed, from_json, to_json};
use crate::{BrokerId, ControllerEpoch};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Who is controller, as the winner wrote it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ControllerNode {
    /// The winner.
    pub broker: BrokerId,
    /// When it won, in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Above zero only while a KRaft quorum is taking the cluster over.
    pub kraft_epoch: i32,
}

const WHAT: &str = "controller";

impl ControllerNode {
    /// The znode's data, version 2.
    pub fn encode(&self) -> Bytes {
        to_json(&Json {
            version: 2,
            brokerid: self.broker.0,
            timestamp: Some(self.timestamp_ms.to_string()),
            kraft_controller_epoch: Some(self.kraft_epoch),
        })
    }

    /// Reads versions 1 and 2.
    pub fn decode(data: &[u8]) -> Result<ControllerNode, Malformed> {
        let json: Json = from_json(WHAT, data)?;
        Ok(ControllerNode {
            broker: BrokerId(json.brokerid),
            timestamp_ms: json.timestamp.and_then(|text| text.parse().ok()).unwrap_or(-1),
            kraft_epoch: json.kraft_controller_epoch.unwrap_or(-1),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Json {
    version: i32,
    brokerid: i32,
    timestamp: Option<String>,
    #[serde(rename = "kraftControllerEpoch")]
    kraft_controller_epoch: Option<i32>,
}

/// The data of `/controller_epoch`.
pub fn encode_controller_epoch(epoch: ControllerEpoch) -> Bytes {
    Bytes::from(epoch.to_string())
}

/// Reads the data of `/controller_epoch`.
pub fn decode_controller_epoch(data: &[u8]) -> Result<ControllerEpoch, Malformed> {
    let wrong = |error: &dyn std::fmt::Display| Malformed::new("controller epoch", error);
    let text = std::str::from_utf8(data).map_err(|error| wrong(&error))?;
    text.parse().map(ControllerEpoch).map_err(|error| wrong(&error))
}
