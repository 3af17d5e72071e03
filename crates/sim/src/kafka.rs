//! Kafka clients and what they were promised: each record and each committed offset that the broker
//! acknowledged is there, at its place, from then on.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use clock::Moment;
use kafka_wire::batch::{Batch, BatchBuilder};
use kafka_wire::message::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use kafka_wire::message::find_coordinator::FindCoordinatorRequest;
use kafka_wire::message::metadata::{MetadataRequest, MetadataRequestTopic};
use kafka_wire::message::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_wire::message::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestTopic};
use kafka_wire::message::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use kafka_wire::{ErrorCode, Message, Reader, Records, Request, RequestHeader, ResponseHeader, Writer};

use crate::story::Violation;

const TOPIC: &str = "events";
/// Bytes of a fetch: more than a whole run writes.
const EVERYTHING: i32 = 16 << 20;

/// The records that must be there, and all that may be.
#[derive(Default, Debug)]
pub(crate) struct Promises {
    acknowledged: BTreeMap<i64, String>,
    sent: BTreeSet<String>,
    pub(crate) produced: u64,
}

/// A client: one connection, one request at a time.
#[derive(Debug)]
pub(crate) struct KafkaClient {
    id: usize,
    chance: fastrand::Rng,
    /// Its connection, if it has one.
    pub(crate) connection: Option<u64>,
    waiting: Option<Waiting>,
    correlation: i32,
    next_value: u64,
    /// The last offset that it committed for sure, and the last that it tried to.
    committed: i64,
    tried: i64,
    /// When a record of it was last acknowledged.
    pub(crate) served_at: Moment,
}

/// What it asked.
#[derive(Debug)]
enum Waiting {
    Metadata,
    Produce {
        values: Vec<String>,
    },
    /// Everything that was acknowledged when it asked must be in the answer.
    Fetch {
        promised: Vec<i64>,
    },
    FindCoordinator,
    Commit {
        offset: i64,
    },
    Committed {
        at_least: i64,
    },
}

impl KafkaClient {
    pub(crate) fn new(id: usize, seed: u64) -> KafkaClient {
        KafkaClient {
            id,
            chance: fastrand::Rng::with_seed(seed),
            connection: None,
            waiting: None,
            correlation: 0,
            next_value: 0,
            committed: -1,
            tried: -1,
            served_at: Moment::at_ms(0),
        }
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Counts its requests.
    pub(crate) fn asked(&self) -> i32 {
        self.correlation
    }

    /// The connection is gone; whether the request happened is unknown.
    pub(crate) fn disconnected(&mut self) {
        self.connection = None;
        self.waiting = None;
    }

    /// The next request, as a frame.
    pub(crate) fn ask(&mut self, promises: &mut Promises) -> Bytes {
        match self.chance.u8(0..20) {
            0 => {
                self.waiting = Some(Waiting::Metadata);
                let topic = MetadataRequestTopic { name: Some(TOPIC.into()), ..Default::default() };
                let request = MetadataRequest {
                    topics: Some(vec![topic]),
                    allow_auto_topic_creation: true,
                    ..Default::default()
                };
                self.frame(METADATA, &request)
            }
            1..=13 => self.produce(promises),
            14 => {
                let promised = promises.acknowledged.keys().copied().collect();
                self.waiting = Some(Waiting::Fetch { promised });
                let partition = FetchPartition { partition_max_bytes: EVERYTHING, ..Default::default() };
                let topic =
                    FetchTopic { topic: TOPIC.into(), partitions: vec![partition], ..Default::default() };
                let request = FetchRequest {
                    min_bytes: 1,
                    max_bytes: EVERYTHING,
                    session_epoch: -1,
                    topics: vec![topic],
                    ..Default::default()
                };
                self.frame(FETCH, &request)
            }
            15 => {
                self.waiting = Some(Waiting::FindCoordinator);
                let request = FindCoordinatorRequest { key: self.group(), ..Default::default() };
                self.frame(FIND_COORDINATOR, &request)
            }
            16..=18 => {
                self.tried += 1;
                self.waiting = Some(Waiting::Commit { offset: self.tried });
                let partition = OffsetCommitRequestPartition {
                    committed_offset: self.tried,
                    committed_leader_epoch: -1,
                    ..Default::default()
                };
                let topic = OffsetCommitRequestTopic {
                    name: TOPIC.into(),
                    partitions: vec![partition],
                    ..Default::default()
                };
                let request = OffsetCommitRequest {
                    group_id: self.group(),
                    generation_id_or_member_epoch: -1,
                    topics: vec![topic],
                    ..Default::default()
                };
                self.frame(OFFSET_COMMIT, &request)
            }
            _ => {
                self.waiting = Some(Waiting::Committed { at_least: self.committed });
                let topic = OffsetFetchRequestTopic { name: TOPIC.into(), partition_indexes: vec![0] };
                let request = OffsetFetchRequest {
                    group_id: self.group(),
                    topics: Some(vec![topic]),
                    ..Default::default()
                };
                self.frame(OFFSET_FETCH, &request)
            }
        }
    }

    fn group(&self) -> String {
        format!("group-{}", self.id)
    }

    fn produce(&mut self, promises: &mut Promises) -> Bytes {
        let values: Vec<String> = (0..self.chance.usize(1..4))
            .map(|_| {
                self.next_value += 1;
                let padding = "x".repeat(self.chance.usize(0..60));
                format!("{}-{}-{padding}", self.id, self.next_value)
            })
            .collect();
        let mut batch = BatchBuilder::new(0);
        for value in &values {
            batch.append(1_700_000_000_000, None, Some(value.as_bytes()), &[]);
        }
        promises.sent.extend(values.iter().cloned());
        self.waiting = Some(Waiting::Produce { values });
        let partition = PartitionProduceData { index: 0, records: Some(Records::from(batch.build())) };
        let topic =
            TopicProduceData { name: TOPIC.into(), partition_data: vec![partition], ..Default::default() };
        let request =
            ProduceRequest { acks: -1, timeout_ms: 5_000, topic_data: vec![topic], ..Default::default() };
        self.frame(PRODUCE, &request)
    }

    fn frame<R: Request>(&mut self, version: i16, request: &R) -> Bytes {
        self.correlation += 1;
        let mut writer = Writer::new();
        let header = RequestHeader {
            api_key: R::API as i16,
            api_version: version,
            correlation_id: self.correlation,
            client_id: Some("simulated".into()),
        };
        header.encode(&mut writer);
        request.encode(&mut writer, version);
        writer.into_bytes()
    }

    /// Takes in an answer. Returns what to tell of it.
    pub(crate) fn answered(
        &mut self,
        now: Moment,
        frame: Bytes,
        promises: &mut Promises,
    ) -> Result<String, Violation> {
        let id = self.id;
        match self.waiting.take() {
            None => Err(Violation(format!("kafka client {id} gets an answer that it did not ask for"))),
            Some(Waiting::Metadata) => {
                let mut answer = read::<MetadataRequest>(METADATA, frame)?;
                Ok(format!("metadata: {}", answer.topics.remove(0).error_code.name()))
            }
            Some(Waiting::FindCoordinator) => {
                let answer = read::<FindCoordinatorRequest>(FIND_COORDINATOR, frame)?;
                Ok(format!("coordinator: {}", answer.error_code.name()))
            }
            Some(Waiting::Produce { values }) => {
                let mut answer = read::<ProduceRequest>(PRODUCE, frame)?;
                let answer = answer.responses.remove(0).partition_responses.remove(0);
                if answer.error_code == ErrorCode::NONE {
                    self.served_at = now;
                    promises.produced += 1;
                    promises.acknowledge(answer.base_offset, values)?;
                }
                Ok(format!("produce: {} at {}", answer.error_code.name(), answer.base_offset))
            }
            Some(Waiting::Fetch { promised }) => {
                let answer = read::<FetchRequest>(FETCH, frame)?;
                promises.compare(answer, &promised)
            }
            Some(Waiting::Commit { offset }) => {
                let mut answer = read::<OffsetCommitRequest>(OFFSET_COMMIT, frame)?;
                let error = answer.topics.remove(0).partitions.remove(0).error_code;
                if error == ErrorCode::NONE {
                    self.committed = offset;
                }
                Ok(format!("commit of {offset}: {}", error.name()))
            }
            Some(Waiting::Committed { at_least }) => {
                let mut answer = read::<OffsetFetchRequest>(OFFSET_FETCH, frame)?;
                if answer.error_code != ErrorCode::NONE {
                    return Ok(format!("committed: {}", answer.error_code.name()));
                }
                let found = answer.topics.remove(0).partitions.remove(0);
                let offset = found.committed_offset;
                if found.error_code == ErrorCode::NONE && !(at_least..=self.tried).contains(&offset) {
                    return Err(Violation(format!(
                        "kafka client {id} committed {at_least}, tried {}, and finds {offset}",
                        self.tried
                    )));
                }
                Ok(format!("committed: {offset} {}", found.error_code.name()))
            }
        }
    }
}

const METADATA: i16 = 12;
const PRODUCE: i16 = 9;
const FETCH: i16 = 12;
const FIND_COORDINATOR: i16 = 3;
const OFFSET_COMMIT: i16 = 8;
const OFFSET_FETCH: i16 = 7;

fn read<R: Request>(version: i16, frame: Bytes) -> Result<R::Response, Violation> {
    let mut reader = Reader::new(frame);
    let broken = |what: &str| Violation(format!("{:?} is answered with a broken {what}", R::API));
    ResponseHeader::decode(&mut reader, R::API.response_header_version(version))
        .map_err(|_| broken("header"))?;
    R::Response::decode(&mut reader, version).map_err(|_| broken("body"))
}

impl Promises {
    fn acknowledge(&mut self, base: i64, values: Vec<String>) -> Result<(), Violation> {
        for (offset, value) in (base..).zip(values) {
            if let Some(before) = self.acknowledged.insert(offset, value.clone()) {
                return Err(Violation(format!("offset {offset} was given to {before} and to {value}")));
            }
        }
        Ok(())
    }

    /// Everything promised is in the answer, in its place; everything else was at least sent.
    fn compare(&self, mut answer: FetchResponse, promised: &[i64]) -> Result<String, Violation> {
        if answer.error_code != ErrorCode::NONE {
            return Ok(format!("fetch: {}", answer.error_code.name()));
        }
        let partition = answer.responses.remove(0).partitions.remove(0);
        if partition.error_code != ErrorCode::NONE {
            return Ok(format!("fetch: {}", partition.error_code.name()));
        }
        let wrong = |why: String| Err(Violation(format!("a fetch of everything: {why}")));
        let mut bytes = partition.records.map(|records| records.to_bytes()).unwrap_or_default();
        let mut found = BTreeMap::new();
        while let Ok(Some(batch)) = Batch::take_first(&mut bytes) {
            if batch.verify_crc().is_err() {
                return wrong(format!("a batch behind {:?} is damaged", found.last_key_value()));
            }
            let Ok(records) = batch.records(EVERYTHING as usize) else { return wrong("a codec".into()) };
            for record in records {
                let Ok(record) = record else { return wrong("a broken record".into()) };
                let value = String::from_utf8_lossy(&record.value.unwrap_or_default()).into_owned();
                if record.offset != found.len() as i64 {
                    return wrong(format!("offset {} follows {}", record.offset, found.len()));
                }
                if !self.sent.contains(&value) {
                    return wrong(format!("{value} at {} was never sent", record.offset));
                }
                found.insert(record.offset, value);
            }
        }
        for offset in promised {
            let value = &self.acknowledged[offset];
            if found.get(offset) != Some(value) {
                return wrong(format!("{value} was acknowledged at {offset}, found {:?}", found.get(offset)));
            }
        }
        Ok(format!("fetch: {} records", found.len()))
    }
}
