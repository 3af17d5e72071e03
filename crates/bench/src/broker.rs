//! Load for a Kafka broker.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use kafka_wire::batch::BatchBuilder;
use kafka_wire::compression::Codec;
use kafka_wire::message::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use kafka_wire::message::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use kafka_wire::message::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use kafka_wire::{ErrorCode, Frame, Message, Reader, Records, Request, RequestHeader};

use crate::{Greeted, Work};

/// What each request does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BrokerOperation {
    /// Produces one batch.
    Produce,
    /// Fetches up to a mebibyte from where the connection is, and starts again at the end of the log.
    Fetch,
}

/// Versions that every broker since Kafka 2.4 serves, and 4.x too.
const PRODUCE_VERSION: i16 = 9;
const FETCH_VERSION: i16 = 12;
const METADATA_VERSION: i16 = 9;

/// Bytes that one fetch asks for.
const FETCH_BYTES: i32 = 1 << 20;

/// Producers or consumers of one topic, a partition each, round robin.
pub struct BrokerWork {
    operation: BrokerOperation,
    topic: String,
    acks: i16,
    partitions: usize,
    records: u64,
    payload: u64,
    batch: Bytes,
    offsets: Vec<i64>,
    correlation_id: i32,
}

impl BrokerWork {
    /// Batches of `records` records of `size` bytes each; the topic is created by the broker when it is not there.
    pub fn new(
        operation: BrokerOperation,
        connections: usize,
        topic: &str,
        acks: i16,
        records: usize,
        size: usize,
    ) -> BrokerWork {
        let mut dice = fastrand::Rng::with_seed(1);
        let mut builder = BatchBuilder::new(0).codec(Codec::None);
        // Today's, since records of long ago are soon removed by retention.
        let today = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        for _ in 0..records {
            let value: Vec<u8> = (0..size).map(|_| dice.alphanumeric() as u8).collect();
            builder.append(today, None, Some(&value), &[]);
        }
        BrokerWork {
            operation,
            topic: topic.to_owned(),
            acks,
            partitions: 1,
            records: records as u64,
            payload: (records * size) as u64,
            batch: builder.build(),
            offsets: vec![0; connections],
            correlation_id: 0,
        }
    }

    fn frame<R: Request>(&mut self, version: i16, request: &R) -> Frame {
        self.correlation_id = self.correlation_id.wrapping_add(1);
        let header = RequestHeader {
            api_key: R::API as i16,
            api_version: version,
            correlation_id: self.correlation_id,
            client_id: Some("castle-bench".into()),
        };
        Frame::request(&header, request)
    }

    fn produced(&self, answer: &[u8]) -> Result<Option<(u64, u64)>, String> {
        let response: ProduceResponse = body::<ProduceRequest>(answer, PRODUCE_VERSION)?;
        let partition = response.responses.first().and_then(|topic| topic.partition_responses.first());
        check(partition.ok_or("an empty answer")?.error_code)?;
        Ok(Some((self.records, self.payload)))
    }

    fn fetched(&mut self, connection: usize, answer: &[u8]) -> Result<Option<(u64, u64)>, String> {
        let response: FetchResponse = body::<FetchRequest>(answer, FETCH_VERSION)?;
        check(response.error_code)?;
        let partition = response.responses.first().and_then(|topic| topic.partitions.first());
        let partition = partition.ok_or("an empty answer")?;
        check(partition.error_code)?;
        let bytes = partition.records.as_ref().map(Records::to_bytes).unwrap_or_default();
        let (mut at, mut records) = (0, 0);
        // Whole batches only: base offset at 0, length at 8, last offset delta at 23.
        while let Some(header) = bytes.get(at..at + 27) {
            let length = 12 + u32::from_be_bytes(header[8..12].try_into().expect("four bytes")) as usize;
            if bytes.len() - at < length {
                break;
            }
            let base = i64::from_be_bytes(header[..8].try_into().expect("eight bytes"));
            let delta = i32::from_be_bytes(header[23..27].try_into().expect("four bytes"));
            self.offsets[connection] = base + i64::from(delta) + 1;
            records += delta as u64 + 1;
            at += length;
        }
        if self.offsets[connection] >= partition.high_watermark {
            self.offsets[connection] = 0;
        }
        Ok(Some((records, at as u64)))
    }
}

impl Work for BrokerWork {
    fn greetings(&mut self, _: usize) -> Vec<Vec<u8>> {
        let request = MetadataRequest {
            topics: Some(vec![MetadataRequestTopic { name: Some(self.topic.clone()), ..Default::default() }]),
            allow_auto_topic_creation: true,
            ..Default::default()
        };
        vec![self.frame(METADATA_VERSION, &request).to_bytes().to_vec()]
    }

    fn greeted(&mut self, _: usize, _: usize, answer: &[u8]) -> Result<Greeted, String> {
        let response: MetadataResponse = body::<MetadataRequest>(answer, METADATA_VERSION)?;
        let topic = response.topics.first().ok_or("an empty answer")?;
        match topic.error_code {
            ErrorCode::NONE if !topic.partitions.is_empty() => {
                self.partitions = topic.partitions.len();
                Ok(Greeted::Done)
            }
            // It is being created.
            error if error == ErrorCode::NONE || error.is_retriable() => Ok(Greeted::Again),
            error => Err(format!("topic {}: {}", self.topic, error.name())),
        }
    }

    fn request(&mut self, connection: usize, out: &mut Vec<u8>) {
        let partition = (connection % self.partitions) as i32;
        let frame = match self.operation {
            BrokerOperation::Produce => {
                let mut records = Records::new();
                records.push(self.batch.clone());
                let data = PartitionProduceData { index: partition, records: Some(records) };
                let request = ProduceRequest {
                    acks: self.acks,
                    timeout_ms: 30_000,
                    topic_data: vec![TopicProduceData {
                        name: self.topic.clone(),
                        partition_data: vec![data],
                        ..Default::default()
                    }],
                    ..Default::default()
                };
                self.frame(PRODUCE_VERSION, &request)
            }
            BrokerOperation::Fetch => {
                let place = FetchPartition {
                    partition,
                    fetch_offset: self.offsets[connection],
                    partition_max_bytes: FETCH_BYTES,
                    ..Default::default()
                };
                let request = FetchRequest {
                    max_wait_ms: 500,
                    min_bytes: 1,
                    max_bytes: FETCH_BYTES,
                    session_epoch: -1,
                    topics: vec![FetchTopic {
                        topic: self.topic.clone(),
                        partitions: vec![place],
                        ..Default::default()
                    }],
                    ..Default::default()
                };
                self.frame(FETCH_VERSION, &request)
            }
        };
        for segment in frame.segments() {
            out.extend_from_slice(segment);
        }
    }

    fn answered(&mut self, connection: usize, answer: &[u8]) -> Result<Option<(u64, u64)>, String> {
        match self.operation {
            BrokerOperation::Produce => self.produced(answer),
            BrokerOperation::Fetch => self.fetched(connection, answer),
        }
    }
}

/// The body of an answer, behind its correlation id and, in flexible versions, its tags.
fn body<R: Request>(answer: &[u8], version: i16) -> Result<R::Response, String> {
    let mut reader = Reader::new(Bytes::copy_from_slice(answer));
    let not_kafka = |error: kafka_wire::WireError| format!("not the answer of a Kafka broker: {error}");
    kafka_wire::ResponseHeader::decode(&mut reader, R::API.response_header_version(version))
        .map_err(not_kafka)?;
    R::Response::decode(&mut reader, version).map_err(not_kafka)
}

fn check(error: ErrorCode) -> Result<(), String> {
    if error == ErrorCode::NONE { Ok(()) } else { Err(error.name().to_owned()) }
}
