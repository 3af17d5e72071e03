//! The records of `__transaction_state`, byte for byte as Kafka writes them: value version 0, which all
//! tools read, until a client of transactions version 2 needs the fields of version 1.

use bytes::Bytes;
use kafka_wire::records::transaction_log::{PartitionsSchema, TransactionLogKey, TransactionLogValue};
use kafka_wire::{Message, Reader, WireError};

use super::transaction::{Partitions, State};
use crate::input::Producer;
use crate::record::versioned;

/// What a record says of a transactional id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value {
    /// The producer; its epoch is -1 until it was initialized once.
    pub producer: Producer,
    /// The id that it had before; -1 for none.
    pub previous_id: i64,
    /// The epoch that it had before; -1 if not known. Not in the record.
    pub previous_epoch: i16,
    /// The id that it gets when the transaction's markers are written; -1 for the same.
    pub next_id: i64,
    /// How long a transaction may stay open, in milliseconds.
    pub timeout_ms: i32,
    /// Where it stands.
    pub state: State,
    /// What the transaction wrote to.
    pub partitions: Partitions,
    /// When the transaction began, in milliseconds since 1970; -1 for none.
    pub started_ms: i64,
    /// When the record was made, in milliseconds since 1970.
    pub updated_ms: i64,
    /// Version of the client's transactions: 0 (also for 1) or 2.
    pub client_version: i16,
}

impl Value {
    /// Whether each end of a transaction raises the epoch.
    pub(super) fn bumps_epoch(&self) -> bool {
        self.client_version >= 2
    }

    /// Reads a value, with its version in front.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub fn decode(bytes: &Bytes) -> Result<Value, &'static str> {
        let mut reader = Reader::new(bytes.clone());
        let read = |reader: &mut Reader| -> Result<TransactionLogValue, WireError> {
            let version = reader.i16()?;
            TransactionLogValue::decode(reader, version)
        };
        let value = read(&mut reader).map_err(|_| "values that are malformed or of a later version")?;
        let state = State::from_id(value.transaction_status)
            .filter(|state| !matches!(state, State::Dead | State::PrepareEpochFence))
            .ok_or("values of a state that is not known")?;
        let mut partitions = Partitions::new();
        for topic in value.transaction_partitions.unwrap_or_default() {
            if !topic.partition_ids.is_empty() {
                partitions.entry(topic.topic).or_default().extend(topic.partition_ids);
            }
        }
        Ok(Value {
            producer: Producer { id: value.producer_id, epoch: value.producer_epoch },
            previous_id: value.previous_producer_id,
            previous_epoch: -1,
            next_id: value.next_producer_id,
            timeout_ms: value.transaction_timeout_ms,
            state,
            partitions,
            started_ms: value.transaction_start_timestamp_ms,
            updated_ms: value.transaction_last_update_timestamp_ms,
            client_version: value.client_transaction_version,
        })
    }

    /// The bytes of a record's value, with its version in front.
    pub fn encode(&self) -> Bytes {
        let version = if self.bumps_epoch() { 1 } else { 0 };
        let topics = self.partitions.iter().map(|(topic, partitions)| PartitionsSchema {
            topic: topic.clone(),
            partition_ids: partitions.iter().copied().collect(),
        });
        // Kafka writes null where nothing has begun.
        let has_none = self.state == State::Empty && self.partitions.is_empty();
        let value = TransactionLogValue {
            producer_id: self.producer.id,
            previous_producer_id: self.previous_id,
            next_producer_id: self.next_id,
            producer_epoch: self.producer.epoch,
            next_producer_epoch: -1,
            transaction_timeout_ms: self.timeout_ms,
            transaction_status: self.state.id(),
            transaction_partitions: (!has_none).then(|| topics.collect()),
            transaction_last_update_timestamp_ms: self.updated_ms,
            transaction_start_timestamp_ms: self.started_ms,
            client_transaction_version: self.client_version,
        };
        versioned(&value, version)
    }
}

/// The bytes of a record's key.
pub(super) fn key(id: &str) -> Bytes {
    versioned(&TransactionLogKey { transactional_id: id.to_owned() }, 0)
}

/// The transactional id of a key; `None` for a key of a version that is not known.
pub(super) fn read_key(key: &Bytes) -> Result<Option<String>, WireError> {
    let mut reader = Reader::new(key.clone());
    if reader.i16()? != 0 {
        return Ok(None);
    }
    Ok(Some(TransactionLogKey::decode(&mut reader, 0)?.transactional_id))
}
