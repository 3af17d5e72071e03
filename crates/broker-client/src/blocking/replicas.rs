//! Which brokers hold the replicas of a partition: told, and changed.

use super::Client;
use super::admin::{TIMEOUT_MS, missing, verdict};
use crate::{Error, TopicPartition};
use kafka_wire::message::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, ReassignablePartition, ReassignableTopic,
};
use kafka_wire::message::list_partition_reassignments::ListPartitionReassignmentsRequest;
use std::collections::BTreeMap;

/// A partition on its way from some brokers to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reassignment {
    /// All brokers that hold it now or are to hold it.
    pub replicas: Vec<i32>,
    /// Those of them that are being filled.
    pub adding: Vec<i32>,
    /// Those of them that go when the others are in sync.
    pub removing: Vec<i32>,
}

impl Client {
    /// Moves partitions to other brokers, preferred leader first; `None` takes back a move that is under
    /// way. It ends later: see [`Client::reassignments`].
    ///
    /// # Errors
    /// The controller's first refusal; what it did not refuse is under way.
    pub fn reassign(&mut self, moves: &BTreeMap<TopicPartition, Option<Vec<i32>>>) -> Result<(), Error> {
        let mut topics: Vec<ReassignableTopic> = Vec::new();
        for (place, replicas) in moves {
            let partition =
                ReassignablePartition { partition_index: place.partition, replicas: replicas.clone() };
            match topics.last_mut().filter(|topic| topic.name == place.topic) {
                Some(topic) => topic.partitions.push(partition),
                None => {
                    topics.push(ReassignableTopic { name: place.topic.clone(), partitions: vec![partition] });
                }
            }
        }
        let request = AlterPartitionReassignmentsRequest {
            timeout_ms: TIMEOUT_MS,
            topics,
            ..AlterPartitionReassignmentsRequest::default()
        };
        self.insist(|client| {
            let response = client.ask_controller(&request)?;
            verdict("reassign partitions", response.error_code, response.error_message)?;
            let answers = response.responses.into_iter().flat_map(|topic| {
                let name = topic.name;
                topic.partitions.into_iter().map(move |partition| (name.clone(), partition))
            });
            let mut answered = 0;
            for (topic, partition) in answers {
                let what = format!("reassign {topic}-{}", partition.partition_index);
                verdict(what, partition.error_code, partition.error_message)?;
                answered += 1;
            }
            if answered < moves.len() { Err(missing("reassign partitions")) } else { Ok(()) }
        })
    }

    /// Every move that is under way.
    ///
    /// # Errors
    /// The controller's refusal.
    pub fn reassignments(&mut self) -> Result<BTreeMap<TopicPartition, Reassignment>, Error> {
        let request = ListPartitionReassignmentsRequest { timeout_ms: TIMEOUT_MS, topics: None };
        self.insist(|client| {
            let response = client.ask_controller(&request)?;
            verdict("list reassignments", response.error_code, response.error_message)?;
            let mut found = BTreeMap::new();
            for topic in response.topics {
                for partition in topic.partitions {
                    let reassignment = Reassignment {
                        replicas: partition.replicas,
                        adding: partition.adding_replicas,
                        removing: partition.removing_replicas,
                    };
                    found.insert(TopicPartition::new(&topic.name, partition.partition_index), reassignment);
                }
            }
            Ok(found)
        })
    }
}
