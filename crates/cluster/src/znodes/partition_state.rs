//! `/brokers/topics/T/partitions/N/state`: who leads a partition and who is in sync.
//!
//! The znode's version is the partition epoch; it is not in the data.

use super::{Malformed, from_json, to_json};
use crate::{BrokerId, ControllerEpoch, LeaderEpoch};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A partition's leadership, as the controller decided it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionState {
    /// [`BrokerId::NONE`] while no replica can lead.
    pub leader: BrokerId,
    /// Which leadership this is.
    pub leader_epoch: LeaderEpoch,
    /// Replicas that hold everything that was acknowledged. Never empty once written.
    pub isr: Vec<BrokerId>,
    /// The epoch of the controller that wrote this.
    pub controller_epoch: ControllerEpoch,
    /// Whether the leader was elected uncleanly and has not recovered.
    pub recovery: LeaderRecovery,
}

/// Source: KIP-704.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum LeaderRecovery {
    /// The leader was in the ISR, or has recovered since.
    #[default]
    Recovered,
    /// The leader was elected from outside the ISR.
    Recovering,
}

const WHAT: &str = "partition state";

impl PartitionState {
    /// The znode's data, version 1.
    pub fn encode(&self) -> Bytes {
        to_json(&Json {
            controller_epoch: self.controller_epoch.0,
            leader: self.leader.0,
            version: 1,
            leader_epoch: self.leader_epoch.0,
            isr: self.isr.iter().map(|id| id.0).collect(),
            leader_recovery_state: i8::from(self.recovery == LeaderRecovery::Recovering),
        })
    }

    /// Reads version 1.
    pub fn decode(data: &[u8]) -> Result<PartitionState, Malformed> {
        let json: Json = from_json(WHAT, data)?;
        let recovery = match json.leader_recovery_state {
            0 => LeaderRecovery::Recovered,
            1 => LeaderRecovery::Recovering,
            other => return Err(Malformed::new(WHAT, format_args!("leader_recovery_state {other}"))),
        };
        Ok(PartitionState {
            leader: BrokerId(json.leader),
            leader_epoch: LeaderEpoch(json.leader_epoch),
            isr: json.isr.into_iter().map(BrokerId).collect(),
            controller_epoch: ControllerEpoch(json.controller_epoch),
            recovery,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Json {
    controller_epoch: i32,
    leader: i32,
    #[serde(default)]
    version: i32,
    leader_epoch: i32,
    isr: Vec<i32>,
    #[serde(default, skip_serializing_if = "is_zero")]
    leader_recovery_state: i8,
}

fn is_zero(number: &i8) -> bool {
    *number == 0
}
