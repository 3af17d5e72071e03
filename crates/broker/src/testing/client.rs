//! What clients do, in few words: topics, batches, produce, fetch.

use bytes::Bytes;
use kafka_wire::batch::{Batch, BatchBuilder, ProducerStamp};
use kafka_wire::message::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use kafka_wire::message::fetch::{FetchPartition, FetchRequest, FetchTopic, PartitionData};
use kafka_wire::message::init_producer_id::InitProducerIdRequest;
use kafka_wire::message::metadata::{MetadataRequest, MetadataRequestTopic};
use kafka_wire::message::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, TopicProduceData,
};
use kafka_wire::{ErrorCode, Records, Uuid};

use super::World;

/// A batch of records without keys, at offset 0, as a producer makes it.
pub(crate) fn batch(values: &[&str]) -> Bytes {
    fill(BatchBuilder::new(0), values)
}

/// A batch of an idempotent producer.
pub(crate) fn stamped(id: i64, epoch: i16, base_sequence: i32, values: &[&str]) -> Bytes {
    let stamp = ProducerStamp { id, epoch, base_sequence, transactional: false };
    fill(BatchBuilder::new(0).producer(stamp), values)
}

fn fill(mut builder: BatchBuilder, values: &[&str]) -> Bytes {
    for (index, value) in values.iter().enumerate() {
        builder.append(1_000_000 + index as i64, None, Some(value.as_bytes()), &[]);
    }
    builder.build()
}

/// The records of a fetch: offset and value.
pub(crate) fn values(data: &PartitionData) -> Vec<(i64, String)> {
    let mut bytes = data.records.as_ref().expect("never null").to_bytes();
    let mut values = Vec::new();
    while let Ok(Some(batch)) = Batch::take_first(&mut bytes) {
        batch.verify_crc().expect("the bytes are as they were sent");
        for record in batch.records(1 << 20).expect("a codec") {
            let record = record.expect("a record");
            let value = record.value.expect("a value");
            values.push((record.offset, String::from_utf8(value.to_vec()).expect("text")));
        }
    }
    assert!(bytes.is_empty(), "whole batches only");
    values
}

/// A produce request for one partition.
pub(crate) fn produce(topic: &str, id: Uuid, partition: i32, acks: i16, records: Bytes) -> ProduceRequest {
    ProduceRequest {
        acks,
        timeout_ms: 5_000,
        topic_data: vec![TopicProduceData {
            name: topic.into(),
            topic_id: id,
            partition_data: vec![PartitionProduceData {
                index: partition,
                records: Some(Records::from(records)),
            }],
        }],
        ..Default::default()
    }
}

/// A fetch request without a session for one partition.
pub(crate) fn fetch(topic: &str, id: Uuid, partition: i32, offset: i64) -> FetchRequest {
    FetchRequest {
        max_wait_ms: 0,
        min_bytes: 1,
        max_bytes: 1 << 20,
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic: topic.into(),
            topic_id: id,
            partitions: vec![FetchPartition {
                partition,
                fetch_offset: offset,
                partition_max_bytes: 1 << 20,
                ..Default::default()
            }],
        }],
        ..Default::default()
    }
}

/// Asks for the id of an idempotent producer.
pub(crate) fn no_transactions() -> InitProducerIdRequest {
    InitProducerIdRequest { transactional_id: None, ..Default::default() }
}

impl World {
    /// Creates a topic and returns its id.
    pub(crate) fn create_topic(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) -> Uuid {
        let configs = configs
            .iter()
            .map(|(name, value)| CreatableTopicConfig { name: (*name).into(), value: Some((*value).into()) });
        let request = CreateTopicsRequest {
            topics: vec![CreatableTopic {
                name: name.into(),
                num_partitions: partitions,
                replication_factor: 1,
                configs: configs.collect(),
                ..Default::default()
            }],
            timeout_ms: 5_000,
            ..Default::default()
        };
        let answer = self.call(7, &request);
        assert_eq!(answer.topics[0].error_code, ErrorCode::NONE, "{:?}", answer.topics[0].error_message);
        answer.topics[0].topic_id
    }

    /// The id of a topic, or the error of asking for it.
    pub(crate) fn topic_id(&mut self, name: &str) -> Result<Uuid, ErrorCode> {
        let topic = MetadataRequestTopic { name: Some(name.into()), ..Default::default() };
        let request = MetadataRequest {
            topics: Some(vec![topic]),
            allow_auto_topic_creation: false,
            ..Default::default()
        };
        let mut answer = self.call(12, &request);
        let topic = answer.topics.remove(0);
        if topic.error_code == ErrorCode::NONE { Ok(topic.topic_id) } else { Err(topic.error_code) }
    }

    /// Produces to a partition with acks=all and the newest version that names topics.
    pub(crate) fn produce(
        &mut self,
        topic: &str,
        partition: i32,
        records: Bytes,
    ) -> PartitionProduceResponse {
        let mut answer = self.call(12, &produce(topic, Uuid::ZERO, partition, -1, records));
        answer.responses.remove(0).partition_responses.remove(0)
    }

    /// Fetches from a partition with the newest version that names topics.
    pub(crate) fn fetch(&mut self, topic: &str, partition: i32, offset: i64) -> PartitionData {
        let mut answer = self.call(12, &fetch(topic, Uuid::ZERO, partition, offset));
        answer.responses.remove(0).partitions.remove(0)
    }
}
