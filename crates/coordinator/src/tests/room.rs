//! A coordinator with a log, a clock and a name for everything: the driver of all tests here.
//!
//! The log is a list of batches for each partition. Appends are acknowledged at once, or wait if the
//! test holds them. Member ids are shown as `m1`, `m2`, ... in the order of their appearance.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use clock::{Moment, Now};
use kafka_wire::ErrorCode;

use crate::effect::{Answer, Effect, Record, WriteToken};
use crate::input::{Input, LoadedBatch, Producer, RequestToken};
use crate::record::{self, Key};
use crate::{Groups, Settings};

/// A batch in the log.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) base_offset: i64,
    pub(crate) producer: Option<Producer>,
    pub(crate) records: Vec<Record>,
    /// Of a transaction marker: whether it commits.
    pub(crate) marker: Option<bool>,
}

pub(crate) struct Room {
    pub(crate) groups: Groups,
    pub(crate) now_ms: u64,
    pub(crate) log: BTreeMap<i32, Vec<Batch>>,
    pub(crate) held: VecDeque<(i32, WriteToken, Batch)>,
    pub(crate) holds: bool,
    pub(crate) answers: Vec<(RequestToken, Answer)>,
    pub(crate) notes: Vec<String>,
    next_token: u64,
    next_offset: i64,
    epoch: i32,
    asked: u64,
}

impl Room {
    /// A coordinator that leads all partitions.
    pub(crate) fn new(settings: Settings, seed: u64) -> Self {
        let partitions = settings.partitions;
        let now_ms = 1_000;
        let mut room = Room {
            groups: Groups::new(settings, Now::at_ms(now_ms), seed),
            now_ms,
            log: BTreeMap::new(),
            held: VecDeque::new(),
            holds: false,
            answers: Vec::new(),
            notes: Vec::new(),
            next_token: 0,
            next_offset: 0,
            epoch: 0,
            asked: 0,
        };
        for partition in 0..partitions {
            room.load(partition);
        }
        room
    }

    pub(crate) fn token(&mut self) -> RequestToken {
        self.next_token += 1;
        self.asked += 1;
        RequestToken(self.next_token)
    }

    pub(crate) fn tell(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.groups.step(Now::at_ms(self.now_ms), input, &mut effects);
        for effect in effects {
            match effect {
                Effect::Append { partition, producer, records, write, leader_epoch } => {
                    assert!(leader_epoch <= self.epoch);
                    let batch = Batch { base_offset: -1, producer, records, marker: None };
                    self.held.push_back((partition, write, batch));
                }
                Effect::Answer { token, answer } => {
                    assert!(!self.answers.iter().any(|(other, _)| *other == token), "answered twice");
                    self.answers.push((token, answer));
                }
                Effect::Note(note) => self.notes.push(note),
            }
        }
        if !self.holds {
            while self.acknowledge() {}
        }
    }

    /// Lets the oldest held append be committed. False if there is none.
    pub(crate) fn acknowledge(&mut self) -> bool {
        let Some((partition, write, mut batch)) = self.held.pop_front() else { return false };
        batch.base_offset = self.next_offset;
        self.next_offset += batch.records.len() as i64;
        let base_offset = batch.base_offset;
        self.log.entry(partition).or_default().push(batch);
        self.tell(Input::Appended { write, base_offset });
        true
    }

    /// Lets the oldest held append fail.
    pub(crate) fn fail(&mut self, error: ErrorCode) -> bool {
        let Some((_, write, _)) = self.held.pop_front() else { return false };
        self.tell(Input::AppendFailed { write, error });
        true
    }

    /// Lets the newest held append fail, as one that is refused at once does.
    pub(crate) fn refuse(&mut self, error: ErrorCode) -> bool {
        let Some((_, write, _)) = self.held.pop_back() else { return false };
        self.tell(Input::AppendFailed { write, error });
        true
    }

    /// Lets time pass, waking the coordinator whenever it wants.
    pub(crate) fn pass(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        while let Some(at) = self.groups.deadline().filter(|&at| at <= Moment::at_ms(end)) {
            self.now_ms = self.now_ms.max(at.as_ms());
            self.tell(Input::Woken);
        }
        self.now_ms = end;
    }

    pub(crate) fn load(&mut self, partition: i32) {
        self.epoch += 1;
        self.tell(Input::Load { partition, leader_epoch: self.epoch });
        let batches = self.log.get(&partition).into_iter().flatten().map(loaded).collect();
        self.tell(Input::Loading { partition, batches });
        self.tell(Input::Loaded { partition });
    }

    /// Writes a transaction marker to partition 0.
    pub(crate) fn end_transaction(&mut self, producer_id: i64, committed: bool) {
        let producer = Some(Producer { id: producer_id, epoch: 0 });
        let base_offset = self.next_offset;
        self.next_offset += 1;
        let batch = Batch { base_offset, producer, records: Vec::new(), marker: Some(committed) };
        self.log.entry(0).or_default().push(batch);
        self.tell(Input::TransactionEnded { partition: 0, producer_id, committed });
    }

    /// Loses the leadership. What was held is in the log or lost, as `kept` says.
    pub(crate) fn unload(&mut self, partition: i32, kept: bool) {
        while let Some((partition, _, mut batch)) = self.held.pop_front() {
            if kept {
                batch.base_offset = self.next_offset;
                self.next_offset += batch.records.len() as i64;
                self.log.entry(partition).or_default().push(batch);
            }
        }
        self.epoch += 1;
        self.tell(Input::Unload { partition, leader_epoch: Some(self.epoch) });
    }

    pub(crate) fn take_answers(&mut self) -> Vec<(RequestToken, Answer)> {
        self.asked -= self.answers.len() as u64;
        std::mem::take(&mut self.answers)
    }

    /// Requests that were not answered yet, or whose answers were not taken.
    pub(crate) fn unanswered(&self) -> u64 {
        self.asked - self.answers.len() as u64
    }
}

/// A batch as a load hands it over.
fn loaded(batch: &Batch) -> LoadedBatch {
    let producer = batch.producer.map(|producer| producer.id);
    if let (Some(committed), Some(producer_id)) = (batch.marker, producer) {
        return LoadedBatch::Marker { producer_id, committed };
    }
    LoadedBatch::Records {
        base_offset: batch.base_offset,
        transaction_of: producer,
        records: batch.records.iter().map(|record| (record.key.clone(), record.value.clone())).collect(),
    }
}

/// The last value of each key, as compaction would leave it.
pub(crate) fn compacted(batches: &[Batch]) -> BTreeMap<Bytes, Bytes> {
    let mut last = BTreeMap::new();
    for record in batches.iter().flat_map(|batch| &batch.records) {
        match &record.value {
            Some(value) => last.insert(record.key.clone(), value.clone()),
            None => last.remove(&record.key),
        };
    }
    last
}

/// A record in words.
pub(crate) fn describe_record(record: &Record) -> String {
    let key = match Key::decode(&record.key).expect("we wrote it") {
        Key::Offset { group, topic, partition } => format!("{group} {topic}-{partition}"),
        Key::Group { group } => {
            let Some(value) = &record.value else { return format!("{group} forgotten") };
            let value = record::read_group(value).expect("we wrote it");
            let member = |member: &record::MemberValue| {
                let instance = member.instance_id.as_ref().map(|id| format!("({id})")).unwrap_or_default();
                format!(" {}{instance}={}", member.id, String::from_utf8_lossy(&member.assignment))
            };
            let members: String = value.members.iter().map(member).collect();
            let or_none = |text: &Option<String>| text.clone().unwrap_or("none".into());
            let (protocol, leader) = (or_none(&value.protocol), or_none(&value.leader));
            return format!(
                "{group} {} generation={} protocol={protocol} leader={leader}{members}",
                value.protocol_type, value.generation
            );
        }
        Key::Unknown { version } => format!("unknown key version {version}"),
    };
    match &record.value {
        Some(value) => {
            let version = record::version_of(value).expect("it has one");
            let value = record::read_offset(value).expect("we wrote it");
            format!("{key} = {} \"{}\" (value version {version})", value.offset, value.metadata)
        }
        None => format!("{key} forgotten"),
    }
}
