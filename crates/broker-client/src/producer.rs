//! The producer as a pure core: gathers records into batches, numbers them, and knows what to do with answers.
//!
//! Each partition has at most one batch under way, so records stay in order whatever is retried. With a
//! producer id, the broker recognises a batch that came twice (KIP-98).

use crate::limits::{BATCH_BYTES_MAX, BATCHES_WAITING_MAX, SEND_ATTEMPTS_MAX};
use crate::{Partitioner, TopicPartition, View};
use bytes::Bytes;
use clock::Span;
use kafka_wire::ErrorCode;
use kafka_wire::batch::{BatchBuilder, ProducerStamp, RecordHeader};
use kafka_wire::compression::Codec;
use kafka_wire::message::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How many replicas must have a batch before it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acks {
    /// Nobody answers, nothing is known.
    None,
    /// The leader.
    Leader,
    /// Every replica in sync.
    #[default]
    All,
}

impl Acks {
    /// The number on the wire.
    pub fn id(self) -> i16 {
        match self {
            Acks::None => 0,
            Acks::Leader => 1,
            Acks::All => -1,
        }
    }
}

/// What a producer does unless told otherwise.
#[derive(Clone, Debug)]
pub struct ProducerOptions {
    /// How many replicas must have a batch before it counts.
    pub acks: Acks,
    /// How batches are packed.
    pub codec: Codec,
    /// Bytes of records at which a batch is closed.
    pub batch_bytes: usize,
    /// How long a broker may wait for the replicas.
    pub timeout: Span,
    /// Whether the broker is to recognise batches that come twice; asks for acks of all.
    pub idempotent: bool,
}

impl Default for ProducerOptions {
    fn default() -> Self {
        ProducerOptions {
            acks: Acks::All,
            codec: Codec::None,
            batch_bytes: BATCH_BYTES_MAX,
            timeout: Span::seconds(30),
            idempotent: true,
        }
    }
}

/// A record to be sent.
#[derive(Clone, Debug, Default)]
pub struct NewRecord {
    /// The topic.
    pub topic: String,
    /// The partition; by the key if `None`.
    pub partition: Option<i32>,
    /// Milliseconds of Unix time.
    pub timestamp: i64,
    /// The key, if any.
    pub key: Option<Bytes>,
    /// The value, if any.
    pub value: Option<Bytes>,
    /// Headers in order.
    pub headers: Vec<RecordHeader>,
}

/// A batch that reached its end, good or bad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Where it went.
    pub partition: TopicPartition,
    /// Records in it.
    pub records: usize,
    /// Offset of the first record (-1 with acks 0), or why it failed and the broker's words.
    pub outcome: Result<i64, (ErrorCode, Option<String>)>,
}

/// Why a record was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError {
    /// The topic's partitions are not known (yet).
    UnknownTopic,
    /// The topic has no such partition.
    UnknownPartition,
    /// Too many batches wait; send some first.
    Full,
}

/// A closed batch.
#[derive(Debug)]
struct Sealed {
    bytes: Bytes,
    records: usize,
    attempts: u32,
}

#[derive(Debug, Default)]
struct Queue {
    open: Option<BatchBuilder>,
    sealed: VecDeque<Sealed>,
    under_way: bool,
    next_sequence: i32,
}

/// Gathers, numbers, retries. See the module.
#[derive(Debug)]
pub struct Producer {
    options: ProducerOptions,
    /// Producer id and epoch, once the broker gave them.
    identity: Option<(i64, i16)>,
    queues: BTreeMap<TopicPartition, Queue>,
    partitioners: BTreeMap<String, Partitioner>,
    random: fastrand::Rng,
}

impl Producer {
    /// A producer without records. `seed` chooses partitions for records without key.
    pub fn new(options: ProducerOptions, seed: u64) -> Producer {
        Producer {
            options,
            identity: None,
            queues: BTreeMap::new(),
            partitioners: BTreeMap::new(),
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// Whether InitProducerId must be asked before the first record.
    pub fn wants_identity(&self) -> bool {
        self.options.idempotent && self.identity.is_none()
    }

    /// Takes the producer id and epoch that the broker gave.
    pub fn identify(&mut self, id: i64, epoch: i16) {
        assert!(self.queues.is_empty(), "the id is known before the first record");
        self.identity = Some((id, epoch));
    }

    /// Takes a record; its timestamp and partition are final.
    ///
    /// # Errors
    /// See [`PushError`]; the record is not taken then.
    pub fn push(&mut self, view: &View, record: &NewRecord) -> Result<TopicPartition, PushError> {
        assert!(!self.wants_identity(), "the id is known before the first record");
        let count = view.partition_count(&record.topic);
        if count == 0 {
            return Err(PushError::UnknownTopic);
        }
        if self.waiting() >= BATCHES_WAITING_MAX {
            return Err(PushError::Full);
        }
        let partition = match record.partition {
            Some(partition) if !(0..count).contains(&partition) => return Err(PushError::UnknownPartition),
            Some(partition) => partition,
            None => {
                let partitioner = self.partitioners.entry(record.topic.clone()).or_default();
                partitioner.choose(record.key.as_deref(), count, &mut self.random)
            }
        };
        let place = TopicPartition::new(record.topic.clone(), partition);
        let queue = self.queues.entry(place.clone()).or_default();
        let builder = queue.open.get_or_insert_with(|| {
            let builder = BatchBuilder::new(0).codec(self.options.codec);
            match self.identity {
                Some((id, epoch)) => builder.producer(ProducerStamp {
                    id,
                    epoch,
                    base_sequence: queue.next_sequence,
                    transactional: false,
                }),
                None => builder,
            }
        });
        builder.append(record.timestamp, record.key.as_deref(), record.value.as_deref(), &record.headers);
        if builder.size() >= self.options.batch_bytes {
            queue.seal();
            if let Some(partitioner) = self.partitioners.get_mut(&record.topic) {
                partitioner.turn_over();
            }
        }
        Ok(place)
    }

    /// Closes every open batch.
    pub fn seal(&mut self) {
        for queue in self.queues.values_mut() {
            queue.seal();
        }
        for partitioner in self.partitioners.values_mut() {
            partitioner.turn_over();
        }
    }

    /// Closed batches that no answer came for, those under way included.
    pub fn waiting(&self) -> usize {
        self.queues.values().map(|queue| queue.sealed.len()).sum()
    }

    /// One request for each leader that there is something for; the batches in it are under way until
    /// [`Producer::answered`] or [`Producer::lost`]. Partitions without leader keep waiting.
    pub fn requests(&mut self, view: &View) -> BTreeMap<i32, ProduceRequest> {
        let mut requests: BTreeMap<i32, ProduceRequest> = BTreeMap::new();
        for (place, queue) in &mut self.queues {
            let (Some(batch), false) = (queue.sealed.front_mut(), queue.under_way) else { continue };
            let Some(leader) = view.leader(place) else { continue };
            batch.attempts += 1;
            queue.under_way = true;
            let request = requests.entry(leader).or_insert_with(|| ProduceRequest {
                transactional_id: None,
                acks: self.options.acks.id(),
                timeout_ms: i32::try_from(self.options.timeout.as_ms()).unwrap_or(i32::MAX),
                topic_data: Vec::new(),
            });
            let data =
                PartitionProduceData { index: place.partition, records: Some(batch.bytes.clone().into()) };
            // Queues are in order of topics, so that a topic's partitions stand together.
            match request.topic_data.last_mut() {
                Some(topic) if topic.name == place.topic => topic.partition_data.push(data),
                _ => request.topic_data.push(TopicProduceData {
                    name: place.topic.clone(),
                    partition_data: vec![data],
                    ..TopicProduceData::default()
                }),
            }
        }
        requests
    }

    /// Takes the answer to a request. What failed for a passing reason waits again; what reached its end is
    /// appended to `deliveries`. Returns whether metadata should be refreshed before the next try.
    pub fn answered(
        &mut self,
        request: &ProduceRequest,
        response: ProduceResponse,
        deliveries: &mut Vec<Delivery>,
    ) -> bool {
        let mut answers = BTreeMap::new();
        for topic in response.responses {
            for partition in topic.partition_responses {
                let words =
                    partition.record_errors.into_iter().find_map(|record| record.batch_index_error_message);
                let message = partition.error_message.or(words);
                let place = TopicPartition::new(topic.name.clone(), partition.index);
                answers.insert(place, (partition.error_code, partition.base_offset, message));
            }
        }
        let mut stale = false;
        for place in places(request) {
            let answer = answers.remove(&place).unwrap_or((ErrorCode::UNKNOWN_SERVER_ERROR, -1, None));
            stale |= self.settle(place, answer, deliveries);
        }
        stale
    }

    /// Takes it that a request needs no answer (acks 0).
    pub fn told(&mut self, request: &ProduceRequest, deliveries: &mut Vec<Delivery>) {
        for place in places(request) {
            self.settle(place, (ErrorCode::NONE, -1, None), deliveries);
        }
    }

    /// Takes it that nobody knows what became of a request: its batches wait again.
    pub fn lost(&mut self, request: &ProduceRequest, deliveries: &mut Vec<Delivery>) {
        for place in places(request) {
            self.settle(place, (ErrorCode::NETWORK_EXCEPTION, -1, None), deliveries);
        }
    }

    fn settle(
        &mut self,
        place: TopicPartition,
        (code, base_offset, message): (ErrorCode, i64, Option<String>),
        deliveries: &mut Vec<Delivery>,
    ) -> bool {
        let Some(queue) = self.queues.get_mut(&place) else { return false };
        queue.under_way = false;
        let Some(batch) = queue.sealed.front() else { return false };
        let passing = code.is_retriable() && code != ErrorCode::CORRUPT_MESSAGE;
        if passing && batch.attempts < SEND_ATTEMPTS_MAX {
            return true;
        }
        let records = batch.records;
        queue.sealed.pop_front();
        // A batch that the broker already has is delivered, though nobody knows where.
        let outcome = match code {
            ErrorCode::NONE | ErrorCode::DUPLICATE_SEQUENCE_NUMBER => Ok(base_offset),
            code => Err((code, message)),
        };
        deliveries.push(Delivery { partition: place, records, outcome });
        passing
    }

    /// The topics that records wait for.
    pub fn topics(&self) -> BTreeSet<String> {
        self.queues.keys().map(|place| place.topic.clone()).collect()
    }
}

impl Queue {
    fn seal(&mut self) {
        let Some(builder) = self.open.take() else { return };
        let records = builder.len();
        let next = i64::from(self.next_sequence) + records as i64;
        // Sequence numbers wrap from 2^31 - 1 to 0.
        self.next_sequence = (next & i64::from(i32::MAX)) as i32;
        self.sealed.push_back(Sealed { bytes: builder.build(), records, attempts: 0 });
    }
}

fn places(request: &ProduceRequest) -> Vec<TopicPartition> {
    let topics = request.topic_data.iter();
    topics
        .flat_map(|topic| {
            topic.partition_data.iter().map(|data| TopicPartition::new(&topic.name, data.index))
        })
        .collect()
}

#[cfg(test)]
mod tests;
