//! Reading a partition of `__consumer_offsets` for the coordinator, a part in each turn so that other
//! clients are served meanwhile.

use bytes::Bytes;
use clock::Now;
use coordinator::{Input, LoadedBatch};
use disk::Disk;
use kafka_wire::batch::{Batch, BatchError, ControlKind, ControlRecord, MAGIC, MAGIC_AT, legacy};

use super::step;
use crate::limits::{GROUP_LOAD_BATCH_BYTES_MAX, GROUP_LOAD_BYTES_PER_TURN};
use crate::purgatory::WatchKey;
use crate::replica::Isolation;
use crate::{Broker, Effect, Event};

/// How far a partition was read.
pub(super) struct Reading {
    next: i64,
}

impl From<i64> for Reading {
    fn from(next: i64) -> Self {
        Reading { next }
    }
}

/// Reads on in every partition that is being read, as far as one turn allows.
pub(super) fn go_on<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    let mut budget = GROUP_LOAD_BYTES_PER_TURN;
    while let Some((&partition, &Reading { next })) = broker.groups.reading.first_key_value() {
        if budget == 0 {
            return;
        }
        let name = broker.groups.partition(partition);
        let Some(replica) = broker.replicas.leader(&name) else {
            // Lost while it was read; it will be unloaded.
            broker.groups.leadership_changed();
            broker.groups.reading.remove(&partition);
            continue;
        };
        let records = match replica.read(next, budget, true, Isolation::Replica) {
            Ok(read) => read.records.to_bytes(),
            Err(error) => {
                let note = format!("{name} cannot be read at offset {next} ({error}); its groups stay away");
                effects.push(Effect::Event(Event::Note(note)));
                broker.groups.reading.remove(&partition);
                continue;
            }
        };
        budget = budget.saturating_sub(records.len().max(1));
        let is_end = records.is_empty();
        let (batches, after, notes) = decode(records, next);
        for note in notes {
            effects.push(Effect::Event(Event::Note(format!("{name}: {note}"))));
        }
        if is_end || after <= next {
            broker.groups.reading.remove(&partition);
            step(broker, now, Input::Loaded { partition }, effects);
            // Whoever looks for the coordinator may be told now.
            broker.purgatory.touch(&WatchKey::Topics);
            continue;
        }
        broker.groups.reading.insert(partition, Reading { next: after });
        step(broker, now, Input::Loading { partition, batches }, effects);
    }
}

/// The batches as the coordinator wants them, the offset after the last, and what could not be read.
pub(crate) fn decode(mut bytes: Bytes, next: i64) -> (Vec<LoadedBatch>, i64, Vec<String>) {
    let (mut batches, mut after, mut notes) = (Vec::new(), next, Vec::new());
    while !bytes.is_empty() {
        if bytes.get(MAGIC_AT).is_some_and(|&magic| magic as i8 != MAGIC) {
            match decode_legacy(bytes) {
                Ok(Some((batch, end))) => {
                    batches.push(batch);
                    after = end;
                }
                Ok(None) => {}
                Err(error) => notes.push(format!("messages of an old format were left out: {error}")),
            }
            break;
        }
        let batch = match Batch::take_first(&mut bytes) {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(error) => {
                notes.push(format!("what follows offset {after} was left out: {error}"));
                break;
            }
        };
        after = batch.header().next_offset();
        match decode_batch(&batch) {
            Ok(batch) => batches.extend(batch),
            Err(error) => {
                notes.push(format!("the batch at {} was left out: {error}", batch.header().base_offset));
            }
        }
    }
    (batches, after, notes)
}

fn decode_batch(batch: &Batch) -> Result<Option<LoadedBatch>, BatchError> {
    let header = batch.header();
    let mut records = Vec::new();
    for record in batch.records(GROUP_LOAD_BATCH_BYTES_MAX)? {
        let record = record?;
        if header.attributes.is_control() {
            let kind = ControlRecord::decode(&record).map_err(BatchError::Record)?.kind;
            let committed = kind == ControlKind::Commit;
            let is_marker = committed || kind == ControlKind::Abort;
            let producer_id = header.producer_id;
            return Ok(is_marker.then_some(LoadedBatch::Marker { producer_id, committed }));
        }
        if let Some(key) = record.key {
            records.push((key, record.value));
        }
    }
    Ok(Some(LoadedBatch::Records {
        base_offset: header.base_offset,
        transaction_of: header.attributes.is_transactional().then_some(header.producer_id),
        records,
    }))
}

/// Messages of magic 0 and 1, which a broker before 0.11 wrote.
fn decode_legacy(bytes: Bytes) -> Result<Option<(LoadedBatch, i64)>, BatchError> {
    let records = legacy::records(bytes, GROUP_LOAD_BATCH_BYTES_MAX)?;
    let (Some(first), Some(last)) = (records.first(), records.last()) else { return Ok(None) };
    let (base_offset, end) = (first.offset, last.offset + 1);
    let keyed = records.into_iter().filter_map(|record| Some((record.key?, record.value))).collect();
    Ok(Some((LoadedBatch::Records { base_offset, transaction_of: None, records: keyed }, end)))
}
