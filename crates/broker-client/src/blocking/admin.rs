//! What tools ask: topics, configurations, groups, offsets.

use super::{Client, Create};
use crate::{Error, TopicPartition};
use kafka_wire::message::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use kafka_wire::message::create_topics::{
    CreatableTopic, CreatableTopicConfig, CreatableTopicResult, CreateTopicsRequest,
};
use kafka_wire::message::delete_groups::DeleteGroupsRequest;
use kafka_wire::message::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic};
use kafka_wire::message::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use kafka_wire::message::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult,
};
use kafka_wire::message::describe_groups::{DescribeGroupsRequest, DescribedGroup};
use kafka_wire::message::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use kafka_wire::message::list_groups::{ListGroupsRequest, ListedGroup};
use kafka_wire::message::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use kafka_wire::message::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_wire::message::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup};
use kafka_wire::{ApiKey, ErrorCode};
use std::collections::BTreeMap;

/// A topic to be created.
#[derive(Clone, Debug, Default)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions; the broker's default if `None`.
    pub partitions: Option<i32>,
    /// How many replicas each has; the broker's default if `None`.
    pub replicas: Option<i16>,
    /// Configurations that differ from the defaults.
    pub configs: Vec<(String, String)>,
}

/// Whose configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigResource {
    /// A topic's, by name.
    Topic(String),
    /// A broker's, by number.
    Broker(i32),
}

/// A change of one configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigChange {
    /// Give it this value.
    Set(String, String),
    /// Back to the default.
    Delete(String),
}

/// Which offset of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetAt {
    /// The first one in the log.
    Earliest,
    /// The one that the next record gets.
    Latest,
    /// The first one of a record of this time or later, in milliseconds of Unix time.
    Time(i64),
}

/// What a group committed for a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The next offset to read.
    pub offset: i64,
    /// What the consumer wrote beside it.
    pub metadata: String,
}

impl ConfigResource {
    fn wire(&self) -> (i8, String) {
        match self {
            ConfigResource::Topic(name) => (2, name.clone()),
            ConfigResource::Broker(number) => (4, number.to_string()),
        }
    }

    fn what(&self) -> String {
        match self {
            ConfigResource::Topic(name) => format!("topic {name:?}"),
            ConfigResource::Broker(number) => format!("broker {number}"),
        }
    }
}

/// Milliseconds that the controller may take.
pub(super) const TIMEOUT_MS: i32 = 30_000;

pub(super) fn verdict(
    what: impl Into<String>,
    code: ErrorCode,
    message: Option<String>,
) -> Result<(), Error> {
    if code.is_none() { Ok(()) } else { Err(Error::refused(what, code, message)) }
}

pub(super) fn missing(what: impl Into<String>) -> Error {
    Error::refused(what, ErrorCode::UNKNOWN_SERVER_ERROR, Some("the answer leaves it out".to_owned()))
}

impl Client {
    /// Creates a topic.
    ///
    /// # Errors
    /// The controller's refusal.
    pub fn create_topic(&mut self, topic: &NewTopic) -> Result<CreatableTopicResult, Error> {
        let configs = topic
            .configs
            .iter()
            .map(|(name, value)| CreatableTopicConfig { name: name.clone(), value: Some(value.clone()) });
        let request = CreateTopicsRequest {
            topics: vec![CreatableTopic {
                name: topic.name.clone(),
                num_partitions: topic.partitions.unwrap_or(-1),
                replication_factor: topic.replicas.unwrap_or(-1),
                configs: configs.collect(),
                ..CreatableTopic::default()
            }],
            timeout_ms: TIMEOUT_MS,
            validate_only: false,
        };
        let what = format!("create topic {:?}", topic.name);
        self.insist(|client| {
            let response = client.ask_controller(&request)?;
            let result = response.topics.into_iter().next().ok_or_else(|| missing(&what))?;
            verdict(&what, result.error_code, result.error_message.clone())?;
            Ok(result)
        })
    }

    /// Deletes a topic.
    ///
    /// # Errors
    /// The controller's refusal.
    pub fn delete_topic(&mut self, name: &str) -> Result<(), Error> {
        let request = DeleteTopicsRequest {
            topics: vec![DeleteTopicState { name: Some(name.to_owned()), ..DeleteTopicState::default() }],
            topic_names: vec![name.to_owned()],
            timeout_ms: TIMEOUT_MS,
        };
        let what = format!("delete topic {name:?}");
        self.ask_until(&what, |client| {
            let response = client.ask_controller(&request)?;
            let result = response.responses.into_iter().next().ok_or_else(|| missing(&what))?;
            Ok((result.error_code, result.error_message))
        })
    }

    /// Raises the number of a topic's partitions to `count`.
    ///
    /// # Errors
    /// The controller's refusal.
    pub fn add_partitions(&mut self, name: &str, count: i32) -> Result<(), Error> {
        let request = CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic { name: name.to_owned(), count, assignments: None }],
            timeout_ms: TIMEOUT_MS,
            validate_only: false,
        };
        let what = format!("give topic {name:?} {count} partitions");
        self.ask_until(&what, |client| {
            let response = client.ask_controller(&request)?;
            let result = response.results.into_iter().next().ok_or_else(|| missing(&what))?;
            Ok((result.error_code, result.error_message))
        })
    }

    /// Asks until there is a verdict that will not change by waiting.
    fn ask_until(
        &mut self,
        what: &str,
        mut ask: impl FnMut(&mut Client) -> Result<(ErrorCode, Option<String>), Error>,
    ) -> Result<(), Error> {
        self.insist(|client| {
            let (code, message) = ask(client)?;
            // An unknown topic may be one that is not known yet, but whoever names it wants to hear of it.
            if code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION {
                let message = message.filter(|text| !text.is_empty());
                let message =
                    message.unwrap_or_else(|| "there is no such topic; `castle topic list` shows all".into());
                return Err(Error::Invalid(format!("cannot {what}: {message}")));
            }
            verdict(what, code, message)
        })
    }

    /// Every configuration of a topic or broker.
    ///
    /// # Errors
    /// The broker's refusal.
    pub fn configs(
        &mut self,
        resource: &ConfigResource,
    ) -> Result<Vec<DescribeConfigsResourceResult>, Error> {
        let (resource_type, resource_name) = resource.wire();
        let request = DescribeConfigsRequest {
            resources: vec![DescribeConfigsResource {
                resource_type,
                resource_name,
                configuration_keys: None,
            }],
            ..DescribeConfigsRequest::default()
        };
        let response = match resource {
            ConfigResource::Topic(_) => self.ask_any(&request)?,
            ConfigResource::Broker(number) => self.ask_node(*number, &request)?,
        };
        let what = format!("read the configuration of {}", resource.what());
        let result = response.results.into_iter().next().ok_or_else(|| missing(&what))?;
        verdict(what, result.error_code, result.error_message)?;
        Ok(result.configs)
    }

    /// Changes configurations of a topic or broker, all or none.
    ///
    /// # Errors
    /// The broker's refusal.
    pub fn change_configs(
        &mut self,
        resource: &ConfigResource,
        changes: &[ConfigChange],
    ) -> Result<(), Error> {
        let (resource_type, resource_name) = resource.wire();
        let configs = changes.iter().map(|change| match change {
            ConfigChange::Set(name, value) => {
                AlterableConfig { name: name.clone(), config_operation: 0, value: Some(value.clone()) }
            }
            ConfigChange::Delete(name) => {
                AlterableConfig { name: name.clone(), config_operation: 1, value: None }
            }
        });
        let request = IncrementalAlterConfigsRequest {
            resources: vec![AlterConfigsResource {
                resource_type,
                resource_name,
                configs: configs.collect(),
            }],
            validate_only: false,
        };
        let response = match resource {
            ConfigResource::Topic(_) => self.ask_controller(&request)?,
            ConfigResource::Broker(number) => self.ask_node(*number, &request)?,
        };
        let what = format!("change the configuration of {}", resource.what());
        let result = response.responses.into_iter().next().ok_or_else(|| missing(&what))?;
        verdict(what, result.error_code, result.error_message)
    }

    /// The groups of every broker, in order of their names.
    ///
    /// # Errors
    /// A broker's refusal.
    pub fn groups(&mut self) -> Result<Vec<ListedGroup>, Error> {
        self.refresh(Some(&[]), Create::Never)?;
        let brokers: Vec<i32> = self.view().brokers.keys().copied().collect();
        let mut groups = Vec::new();
        for broker in brokers {
            let response = self.insist(|client| {
                let response = client.ask_node(broker, &ListGroupsRequest::default())?;
                verdict("list groups", response.error_code, None)?;
                Ok(response)
            })?;
            groups.extend(response.groups);
        }
        groups.sort_by(|a, b| a.group_id.cmp(&b.group_id));
        Ok(groups)
    }

    /// One group, with its members. Kafka describes a group that does not exist as `Dead`.
    ///
    /// # Errors
    /// The coordinator's refusal.
    pub fn describe_group(&mut self, group: &str) -> Result<DescribedGroup, Error> {
        let request =
            DescribeGroupsRequest { groups: vec![group.to_owned()], include_authorized_operations: false };
        let what = format!("describe group {group:?}");
        self.insist(|client| {
            let response = client.ask_coordinator(group, &request)?;
            let described = response.groups.into_iter().next().ok_or_else(|| missing(&what))?;
            verdict(&what, described.error_code, described.error_message.clone())?;
            Ok(described)
        })
    }

    /// Deletes a group without members.
    ///
    /// # Errors
    /// The coordinator's refusal.
    pub fn delete_group(&mut self, group: &str) -> Result<(), Error> {
        let request = DeleteGroupsRequest { groups_names: vec![group.to_owned()] };
        let what = format!("delete group {group:?}");
        self.insist(|client| {
            let response = client.ask_coordinator(group, &request)?;
            let result = response.results.into_iter().next().ok_or_else(|| missing(&what))?;
            verdict(&what, result.error_code, None)
        })
    }

    /// Everything that a group committed.
    ///
    /// # Errors
    /// The coordinator's refusal.
    pub fn committed(&mut self, group: &str) -> Result<BTreeMap<TopicPartition, Committed>, Error> {
        let what = format!("read the offsets of group {group:?}");
        self.insist(|client| {
            let node = client.coordinator(group)?;
            let version = client.link(node)?.version_of(ApiKey::OffsetFetch)?;
            if version < 2 {
                return Err(Error::Unsupported { api: ApiKey::OffsetFetch });
            }
            let request = OffsetFetchRequest {
                group_id: group.to_owned(),
                topics: None,
                groups: vec![OffsetFetchRequestGroup {
                    group_id: group.to_owned(),
                    topics: None,
                    ..OffsetFetchRequestGroup::default()
                }],
                require_stable: false,
            };
            let response = client.ask_node(node, &request)?;
            let mut found = BTreeMap::new();
            let mut keep = |topic: &str, partition: i32, offset: i64, metadata: Option<String>| {
                if offset >= 0 {
                    let metadata = metadata.unwrap_or_default();
                    found.insert(TopicPartition::new(topic, partition), Committed { offset, metadata });
                }
            };
            verdict(&what, response.error_code, None)?;
            for topic in response.topics {
                for partition in topic.partitions {
                    keep(
                        &topic.name,
                        partition.partition_index,
                        partition.committed_offset,
                        partition.metadata,
                    );
                }
            }
            for group in response.groups {
                verdict(&what, group.error_code, None)?;
                for topic in group.topics {
                    for partition in topic.partitions {
                        let (index, offset) = (partition.partition_index, partition.committed_offset);
                        keep(&topic.name, index, offset, partition.metadata);
                    }
                }
            }
            Ok(found)
        })
    }

    /// Commits offsets for a group from outside of it, which works while it has no members.
    ///
    /// # Errors
    /// The coordinator's refusal.
    pub fn commit(&mut self, group: &str, offsets: &BTreeMap<TopicPartition, i64>) -> Result<(), Error> {
        let request = commit_request(group, offsets.iter().map(|(place, offset)| (place, *offset)));
        let what = format!("commit offsets of group {group:?}");
        self.insist(|client| {
            let response = client.ask_coordinator(group, &request)?;
            let codes = response.topics.into_iter().flat_map(|topic| topic.partitions);
            let refused = codes.map(|partition| partition.error_code).find(|code| !code.is_none());
            verdict(&what, refused.unwrap_or(ErrorCode::NONE), None)
        })
    }

    /// Offsets of partitions: where they begin or end, or what they had at a time. A time behind the last
    /// record gives the end.
    ///
    /// # Errors
    /// A leader's refusal.
    pub fn offsets(
        &mut self,
        partitions: &[TopicPartition],
        at: OffsetAt,
    ) -> Result<BTreeMap<TopicPartition, i64>, Error> {
        let timestamp = match at {
            OffsetAt::Earliest => -2,
            OffsetAt::Latest => -1,
            OffsetAt::Time(time) => time,
        };
        let mut found = self.list_offsets(partitions, timestamp)?;
        let behind: Vec<TopicPartition> =
            found.iter().filter(|(_, offset)| **offset < 0).map(|(place, _)| place.clone()).collect();
        if !behind.is_empty() {
            found.extend(self.list_offsets(&behind, -1)?);
        }
        Ok(found)
    }

    fn list_offsets(
        &mut self,
        partitions: &[TopicPartition],
        timestamp: i64,
    ) -> Result<BTreeMap<TopicPartition, i64>, Error> {
        let mut topics: Vec<String> = partitions.iter().map(|place| place.topic.clone()).collect();
        topics.sort();
        topics.dedup();
        self.insist(|client| {
            client.refresh(Some(&topics), Create::Never)?;
            let mut requests: BTreeMap<i32, ListOffsetsRequest> = BTreeMap::new();
            for place in partitions {
                let what = || format!("find offsets of {place}");
                let leader = client.view().leader(place);
                let leader =
                    leader.ok_or_else(|| Error::refused(what(), ErrorCode::LEADER_NOT_AVAILABLE, None))?;
                let request = requests.entry(leader).or_insert_with(|| ListOffsetsRequest {
                    replica_id: -1,
                    ..ListOffsetsRequest::default()
                });
                request.topics.push(ListOffsetsTopic {
                    name: place.topic.clone(),
                    partitions: vec![ListOffsetsPartition {
                        partition_index: place.partition,
                        timestamp,
                        ..ListOffsetsPartition::default()
                    }],
                });
            }
            let mut found = BTreeMap::new();
            for (leader, request) in requests {
                for topic in client.ask_node(leader, &request)?.topics {
                    for partition in topic.partitions {
                        let place = TopicPartition::new(&topic.name, partition.partition_index);
                        verdict(format!("find offsets of {place}"), partition.error_code, None)?;
                        found.insert(place, partition.offset);
                    }
                }
            }
            Ok(found)
        })
    }

    /// Deletes the records of a partition before `offset` (-1 for all); returns where the log begins now.
    ///
    /// # Errors
    /// The leader's refusal.
    pub fn delete_records(&mut self, place: &TopicPartition, offset: i64) -> Result<i64, Error> {
        let request = DeleteRecordsRequest {
            topics: vec![DeleteRecordsTopic {
                name: place.topic.clone(),
                partitions: vec![DeleteRecordsPartition { partition_index: place.partition, offset }],
            }],
            timeout_ms: TIMEOUT_MS,
        };
        let what = format!("delete records of {place}");
        self.insist(|client| {
            client.refresh(Some(std::slice::from_ref(&place.topic)), Create::Never)?;
            let leader = client.view().leader(place);
            let leader =
                leader.ok_or_else(|| Error::refused(&what, ErrorCode::LEADER_NOT_AVAILABLE, None))?;
            let response = client.ask_node(leader, &request)?;
            let mut results = response.topics.into_iter().flat_map(|topic| topic.partitions);
            let result = results.next().ok_or_else(|| missing(&what))?;
            verdict(&what, result.error_code, None)?;
            Ok(result.low_watermark)
        })
    }
}

/// An OffsetCommit from nobody in particular.
pub(super) fn commit_request<'a>(
    group: &str,
    offsets: impl Iterator<Item = (&'a TopicPartition, i64)>,
) -> OffsetCommitRequest {
    let mut topics: Vec<OffsetCommitRequestTopic> = Vec::new();
    for (place, offset) in offsets {
        let partition = OffsetCommitRequestPartition {
            partition_index: place.partition,
            committed_offset: offset,
            ..OffsetCommitRequestPartition::default()
        };
        match topics.last_mut() {
            Some(topic) if topic.name == place.topic => topic.partitions.push(partition),
            _ => topics.push(OffsetCommitRequestTopic {
                name: place.topic.clone(),
                partitions: vec![partition],
                ..OffsetCommitRequestTopic::default()
            }),
        }
    }
    OffsetCommitRequest { group_id: group.to_owned(), topics, ..OffsetCommitRequest::default() }
}
