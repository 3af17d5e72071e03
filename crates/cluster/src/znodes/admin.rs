//! `/admin/reassign_partitions` and `/admin/preferred_replica_election`: orders from old tools.

use super::{Malformed, from_json, notes::PartitionList, to_json};
use crate::BrokerId;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A partition by its topic's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct PartitionName {
    /// The topic.
    pub topic: String,
    /// The partition, from 0.
    pub partition: i32,
}

/// The replicas that a partition shall have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reassignment {
    /// The topic.
    pub topic: String,
    /// The partition, from 0.
    pub partition: i32,
    /// The preferred leader first.
    pub replicas: Vec<BrokerId>,
}

/// The data of `/admin/reassign_partitions`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reassignments(pub Vec<Reassignment>);

impl Reassignments {
    /// The znode's data, version 1.
    pub fn encode(&self) -> Bytes {
        let moves = self.0.iter().map(|one| Move {
            topic: one.topic.clone(),
            partition: one.partition,
            replicas: one.replicas.iter().map(|id| id.0).collect(),
        });
        to_json(&Moves { version: 1, partitions: moves.collect() })
    }

    /// Reads version 1.
    pub fn decode(data: &[u8]) -> Result<Reassignments, Malformed> {
        let json: Moves = from_json("reassignment", data)?;
        let moves = json.partitions.into_iter().map(|one| Reassignment {
            topic: one.topic,
            partition: one.partition,
            replicas: one.replicas.into_iter().map(BrokerId).collect(),
        });
        Ok(Reassignments(moves.collect()))
    }
}

/// The data of `/admin/preferred_replica_election`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PreferredElection(pub Vec<PartitionName>);

impl PreferredElection {
    /// The znode's data, version 1.
    pub fn encode(&self) -> Bytes {
        to_json(&PartitionList { version: 1, partitions: self.0.clone() })
    }

    /// Reads version 1.
    pub fn decode(data: &[u8]) -> Result<PreferredElection, Malformed> {
        let json: PartitionList = from_json("preferred election", data)?;
        Ok(PreferredElection(json.partitions))
    }
}

#[derive(Serialize, Deserialize)]
struct Moves {
    #[serde(default)]
    version: i32,
    partitions: Vec<Move>,
}

#[derive(Serialize, Deserialize)]
struct Move {
    topic: String,
    partition: i32,
    replicas: Vec<i32>,
}
