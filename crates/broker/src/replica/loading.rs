//! Bringing a replica back from its log directory: what the checkpoints say, and what the log itself says
//! from there on.

use std::sync::Arc;

use clock::Now;
use commitlog::{
    AbortedTransaction, BatchFacts, Checkpoint, Log, LogDirectory, LogError, Opened, ProducerEntry,
};
use disk::Disk;
use kafka_wire::batch::{Batch, ControlKind, ControlRecord};
use partition::{AbortedSpan, BatchMark, LeaderEpochs, ProducerSummary, Producers, Stamp, TopicConfig};

use super::{DiskSpace, Replica, log_config};
use crate::limits::CONTROL_BATCH_BYTES_MAX;

/// Opens the replica of a partition that is in `directory`. Also returns what was repaired.
pub(crate) fn load<D: Disk>(
    directory: &LogDirectory<D>,
    partition: &commitlog::TopicPartition,
    config: Arc<TopicConfig>,
    (durable_acks, space): (bool, Arc<DiskSpace>),
    producer_expiration_ms: i64,
    now: Now,
) -> Result<(Replica<D>, Vec<String>), LogError> {
    let (mut log, opened) = directory.open_log(partition, log_config(&config), now.wall)?;
    let mut notes = opened.notes.clone();
    let stored = match log.read_epochs() {
        Ok(stored) => stored,
        Err(LogError::Corrupt { what, .. }) => {
            notes.push(format!("the leader epochs are read from the log: {what}"));
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    let mut epochs = LeaderEpochs::from_stored(stored.iter().map(|entry| (entry.epoch, entry.start_offset)));
    let mut changed = epochs.truncate_end(log.log_end());
    let is_empty = log.log_start() == log.log_end();
    let mut epochs_are_lost = epochs.entries().is_empty() && !is_empty;
    if !directory.was_clean() {
        // The file is not synced when it is written: a power cut may have left an older one.
        epochs_are_lost |= log.last_leader_epoch()?.is_some_and(|last| Some(last) > epochs.latest());
    }
    let mut history = Replay::new(&mut log, &opened, epochs_are_lost)?;
    changed |= history.run(&mut log, &mut epochs)?;
    changed |= epochs.truncate_start(log.log_start());
    let Replay { mut producers, .. } = history;
    producers.expire(now.wall, producer_expiration_ms);
    let stored_watermark = directory.stored(Checkpoint::HighWatermark, partition).unwrap_or(0);
    let high_watermark = stored_watermark.clamp(log.log_start(), log.log_end());
    producers.replicated(high_watermark);
    let mut replica = Replica {
        config,
        epochs,
        producers,
        high_watermark,
        leader_epoch: -1,
        leadership: None,
        durable_acks,
        space,
        unsynced: None,
        flush_to: 0,
        first_dirty: directory.stored(Checkpoint::Cleaner, partition).unwrap_or(0),
        snapshot_size: log.size_bytes(),
        log,
    };
    if replica.log.recovery_point() < replica.log.log_end() {
        replica.count_unsynced(now.moment, 0);
    }
    if changed {
        let _ = replica.store_epochs();
    }
    replica.check();
    Ok((replica, notes))
}

/// Makes a replica of a new partition.
pub(crate) fn create<D: Disk>(
    log: Log<D>,
    config: Arc<TopicConfig>,
    (durable_acks, space): (bool, Arc<DiskSpace>),
) -> Replica<D> {
    Replica {
        config,
        epochs: LeaderEpochs::default(),
        producers: Producers::default(),
        high_watermark: log.log_start(),
        leader_epoch: -1,
        leadership: None,
        durable_acks,
        space,
        unsynced: None,
        flush_to: 0,
        first_dirty: 0,
        snapshot_size: 0,
        log,
    }
}

/// The part of a log's history that no snapshot holds.
struct Replay {
    from: i64,
    /// The abort index is complete below this offset.
    checked_from: i64,
    producers: Producers,
}

impl Replay {
    /// Starts at the newest snapshot that the log's checked part does not contradict; at the log's start
    /// if there is none, or if the leader epochs are lost.
    fn new<D: Disk>(log: &mut Log<D>, opened: &Opened, epochs_are_lost: bool) -> Result<Self, LogError> {
        let newest = log.log_end().min(opened.checked_from);
        let snapshot = log.read_producer_snapshot(newest)?;
        log.remove_producer_snapshots_above(newest)?;
        let (from, producers) = match snapshot {
            Some((offset, entries)) => (offset, Producers::from_summaries(entries.iter().map(summary))),
            None => (log.log_start(), Producers::default()),
        };
        let from = if epochs_are_lost { log.log_start() } else { from };
        let producers = if epochs_are_lost { Producers::default() } else { producers };
        Ok(Replay { from, checked_from: opened.checked_from, producers })
    }

    /// Goes through the log. Returns whether the epochs changed.
    fn run<D: Disk>(&mut self, log: &mut Log<D>, epochs: &mut LeaderEpochs) -> Result<bool, LogError> {
        if self.from >= log.log_end() {
            return Ok(false);
        }
        let mut changed = false;
        let mut aborted = Vec::new();
        let Replay { from, checked_from, producers } = self;
        log.replay(*from, |facts, control| {
            if facts.leader_epoch >= 0 {
                changed |= epochs.assign(facts.leader_epoch, facts.base_offset);
            }
            let span = follow(producers, facts, control);
            aborted.extend(span.filter(|_| facts.base_offset >= *checked_from));
        })?;
        for AbortedSpan { transaction, last_stable_offset } in aborted {
            log.append_aborted(&AbortedTransaction {
                producer_id: transaction.producer_id,
                first_offset: transaction.first_offset,
                last_offset: transaction.last_offset,
                last_stable_offset,
            })?;
        }
        Ok(changed)
    }
}

/// The producers of a log that was cut: from the newest snapshot below its end, and the log from there.
pub(super) fn rebuild<D: Disk>(log: &mut Log<D>) -> Result<Producers, LogError> {
    let end = log.log_end();
    let snapshot = log.read_producer_snapshot(end)?;
    log.remove_producer_snapshots_above(end)?;
    let (from, mut producers) = match snapshot {
        Some((offset, entries)) => (offset, Producers::from_summaries(entries.iter().map(summary))),
        None => (log.log_start(), Producers::default()),
    };
    if from < end {
        // The index of aborted transactions was cut with the log and knows what is left.
        log.replay(from, |facts, control| {
            let _ = follow(&mut producers, facts, control);
        })?;
    }
    Ok(producers)
}

/// Lets the producers see a batch of the log.
pub(super) fn follow(
    producers: &mut Producers,
    facts: &BatchFacts,
    control: Option<bytes::Bytes>,
) -> Option<AbortedSpan> {
    if facts.producer_id < 0 {
        return None;
    }
    let stamp = Stamp {
        producer_id: facts.producer_id,
        producer_epoch: facts.producer_epoch,
        base_sequence: facts.base_sequence,
        last_offset_delta: (facts.last_offset - facts.base_offset) as i32,
        timestamp: facts.max_timestamp,
        transactional: facts.is_transactional(),
    };
    let Some(mut control) = control else {
        producers.record(&stamp, facts.base_offset);
        return None;
    };
    let batch = Batch::take_first(&mut control).ok()??;
    let record = batch.records(CONTROL_BATCH_BYTES_MAX).ok()?.next()?.ok()?;
    let marker = ControlRecord::decode(&record).ok()?;
    let aborted = match marker.kind {
        ControlKind::Abort => true,
        ControlKind::Commit => false,
        ControlKind::Other(_) => return None,
    };
    producers.record_marker(&stamp, marker.coordinator_epoch, aborted, facts.base_offset)
}

fn summary(entry: &ProducerEntry) -> ProducerSummary {
    ProducerSummary {
        producer_id: entry.producer_id,
        producer_epoch: entry.producer_epoch,
        last_batch: (entry.last_offset >= 0 && entry.last_sequence >= 0).then_some(BatchMark {
            last_sequence: entry.last_sequence,
            last_offset: entry.last_offset,
            offset_delta: entry.offset_delta,
            timestamp: entry.timestamp,
        }),
        last_timestamp: entry.timestamp,
        coordinator_epoch: entry.coordinator_epoch,
        open_transaction: (entry.open_transaction_offset >= 0).then_some(entry.open_transaction_offset),
    }
}
