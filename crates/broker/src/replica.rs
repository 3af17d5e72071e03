//! One replica of one partition: its log, leader epochs, producers and high watermark, kept in step.
//!
//! Invariants: `log_start <= high_watermark <= log_end`; the producers are those of the log up to its end;
//! nothing is acknowledged before the log says so. A replica leads only while [`Replica::lead`] was the
//! last word of the controller.

mod following;
mod loading;
mod lookup;
mod marking;

use std::sync::Arc;

use bytes::Bytes;
use clock::{Moment, Now};
use commitlog::{
    ColdRead, Compacting, Compaction, CompactionRules, CompactionSlice, Dirty, EpochStart, Fetched, Log,
    LogConfig, LogError, ProducerEntry, Progress, RemovalJob, Retention, Sliced, SyncJob, Synced,
};
use disk::Disk;
use kafka_wire::compression::Codec;
use kafka_wire::{ErrorCode, Records};
use partition::{
    LeaderEpochs, Leadership, Origin, ProducerSummary, Producers, Refusal, SequenceCheck, TopicConfig,
    ValidBatch, validate,
};

use crate::disk_space::DiskSpace;
pub(crate) use following::Followed;
pub(crate) use loading::{create, load};
pub(crate) use lookup::Look;
pub(crate) use marking::Marker;

/// A partition log held here, as leader or follower.
pub(crate) struct Replica<D: Disk> {
    log: Log<D>,
    config: Arc<TopicConfig>,
    epochs: LeaderEpochs,
    producers: Producers,
    high_watermark: i64,
    /// The latest epoch that the controller told; -1 if it told none since the broker started.
    leader_epoch: i32,
    /// What this broker knows as leader; `None` while it does not lead.
    leadership: Option<Leadership>,
    /// Whether a record counts only once it is on this broker's disk.
    durable_acks: bool,
    /// Room on the disk for clients' records.
    space: Arc<DiskSpace>,
    /// Records appended since the last sync began, and when the first of them was.
    unsynced: Option<Unsynced>,
    /// Up to here records count only once they are on the disk: `flush.messages` asked for a sync.
    flush_to: i64,
    /// First offset that was not compacted yet.
    first_dirty: i64,
    /// Log size at the last producer snapshot, to take the next one after enough growth.
    snapshot_size: u64,
}

#[derive(Clone, Copy, Debug)]
struct Unsynced {
    records: i64,
    since: Moment,
    latest: Moment,
}

/// How far an append must have come before it is acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Durability {
    /// acks=0.
    None,
    /// acks=1: in the leader's log (on its disk with durable acks).
    Leader,
    /// acks=all: below the high watermark; refused if too few replicas are in sync.
    InSync,
}

/// How far a reader may read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Isolation {
    /// A follower: up to the log's end.
    Replica,
    /// Up to the high watermark.
    Uncommitted,
    /// Up to the last stable offset.
    Committed,
}

impl Isolation {
    /// From the fields of a request: a replica id from 0 is a follower's.
    pub(crate) fn of(replica_id: i32, isolation_level: i8) -> Self {
        match (replica_id, isolation_level) {
            (0.., _) => Isolation::Replica,
            (_, 0) => Isolation::Uncommitted,
            _ => Isolation::Committed,
        }
    }
}

/// A batch that is in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Appended {
    /// Offset of its first record; that of the first append for a repeated batch.
    pub(crate) first: i64,
    /// The offset after its last record.
    pub(crate) end: i64,
    /// The time stamped by the broker, or -1 if the topic keeps the producer's.
    pub(crate) append_time: i64,
    /// Start of the log.
    pub(crate) log_start: i64,
}

/// Why a batch was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AppendError {
    /// The error for the partition.
    pub(crate) code: ErrorCode,
    /// In words, if there is more to say than the code says.
    pub(crate) message: Option<String>,
    /// Start of the log, for the errors that tell it (an unknown producer's, a record's).
    pub(crate) log_start: Option<i64>,
    /// The records at fault, by their index in the batch, each with the reason.
    pub(crate) records: Vec<(i32, String)>,
}

impl From<ErrorCode> for AppendError {
    fn from(code: ErrorCode) -> Self {
        AppendError { code, message: None, log_start: None, records: Vec::new() }
    }
}

/// What a read found.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    /// Whole batches as stored; empty at the end of what the reader may see.
    pub(crate) records: Records,
    pub(crate) high_watermark: i64,
    pub(crate) last_stable_offset: i64,
    pub(crate) log_start_offset: i64,
    /// Aborted transactions in the range: (producer id, first offset). `Committed` readers only.
    pub(crate) aborted: Vec<(i64, i64)>,
}

/// A record's place in the log and in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OffsetAndTime {
    pub(crate) offset: i64,
    /// Milliseconds since 1970, or -1.
    pub(crate) timestamp: i64,
}

impl OffsetAndTime {
    /// That of no record.
    pub(crate) const NONE: OffsetAndTime = OffsetAndTime { offset: -1, timestamp: -1 };
}

impl From<Refusal> for AppendError {
    fn from(refusal: Refusal) -> Self {
        AppendError {
            code: refusal.code,
            message: Some(refusal.message),
            log_start: None,
            records: refusal.records,
        }
    }
}

/// Whether the answer to such a refusal has the start of the log.
fn tells_log_start(code: ErrorCode) -> bool {
    !matches!(
        code,
        ErrorCode::MESSAGE_TOO_LARGE
            | ErrorCode::RECORD_LIST_TOO_LARGE
            | ErrorCode::CORRUPT_MESSAGE
            | ErrorCode::NOT_LEADER_OR_FOLLOWER
            | ErrorCode::KAFKA_STORAGE_ERROR
    )
}

/// What a client is told of a failure of the log.
pub(crate) fn storage_error(error: &LogError) -> ErrorCode {
    match error {
        LogError::OutOfRange { .. } => ErrorCode::OFFSET_OUT_OF_RANGE,
        LogError::LargerThanSegment { .. } => ErrorCode::RECORD_LIST_TOO_LARGE,
        LogError::NotBatches(_) => ErrorCode::CORRUPT_MESSAGE,
        LogError::DiskFull { .. }
        | LogError::Io { .. }
        | LogError::Offline { .. }
        | LogError::Corrupt { .. }
        | LogError::Foreign { .. } => ErrorCode::KAFKA_STORAGE_ERROR,
    }
}

impl<D: Disk> Replica<D> {
    /// Leads from now on: everything in the log is this leader's history.
    pub(crate) fn lead(&mut self, leadership: Leadership) -> Result<(), ErrorCode> {
        assert_eq!(leadership.start_offset(), self.log.log_end());
        self.leader_epoch = leadership.leader_epoch();
        if self.epochs.assign(self.leader_epoch, self.log.log_end()) {
            self.store_epochs()?;
        }
        self.leadership = Some(leadership);
        self.advance_high_watermark();
        Ok(())
    }

    /// Does not lead any more.
    pub(crate) fn follow(&mut self, leader_epoch: i32) {
        self.leader_epoch = leader_epoch;
        self.leadership = None;
    }

    /// What this broker knows as leader, to be changed.
    pub(crate) fn leadership_mut(&mut self) -> Option<&mut Leadership> {
        self.leadership.as_mut()
    }

    /// What this broker knows as leader.
    pub(crate) fn leadership(&self) -> Option<&Leadership> {
        self.leadership.as_ref()
    }

    /// Whether the topic asks for this codec, so that all its batches may be packed with it.
    pub(crate) fn packs_with(&self, codec: Codec) -> bool {
        self.config.compression.codec() == Some(codec)
    }

    /// The topic's configuration.
    pub(crate) fn config(&self) -> &TopicConfig {
        &self.config
    }

    /// Takes over a changed configuration.
    pub(crate) fn configure(&mut self, config: Arc<TopicConfig>) {
        self.log.configure(log_config(&config));
        self.config = config;
    }

    /// Checks one batch and appends it as this leader's.
    pub(crate) fn append_as_leader(
        &mut self,
        now: Now,
        records: Bytes,
        durability: Durability,
    ) -> Result<Appended, AppendError> {
        if !self.space.take(records.len(), || self.log.free_bytes().ok()) {
            let message = "the disk is nearly full; nothing is taken until there is space".to_owned();
            return Err(AppendError { message: Some(message), ..ErrorCode::KAFKA_STORAGE_ERROR.into() });
        }
        let batch = validate(records, &self.config, now.wall).map_err(AppendError::from);
        let appended = batch.and_then(|batch| self.append(now, &batch, Origin::Client, durability));
        // As Kafka does: whoever is told that the log refused a batch is told where the log starts.
        appended.map_err(|error| {
            let log_start = tells_log_start(error.code).then(|| self.log.log_start());
            AppendError { log_start, ..error }
        })
    }

    /// Appends a batch that a coordinator of this broker made: it is sound by construction, and its
    /// producer, if it names one, keeps no sequence.
    pub(crate) fn append_as_coordinator(
        &mut self,
        now: Now,
        records: Bytes,
    ) -> Result<Appended, AppendError> {
        let batch = ValidBatch::of_our_own(records)?;
        self.append(now, &batch, Origin::Coordinator, Durability::InSync)
    }

    fn append(
        &mut self,
        now: Now,
        batch: &ValidBatch,
        origin: Origin,
        durability: Durability,
    ) -> Result<Appended, AppendError> {
        let Some(leadership) = &self.leadership else {
            return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER.into());
        };
        let in_sync_min = self.config.in_sync_min as usize;
        if durability == Durability::InSync && leadership.is_under_min(in_sync_min) {
            return Err(ErrorCode::NOT_ENOUGH_REPLICAS.into());
        }
        let stamp = batch.stamp();
        if let Some(stamp) = &stamp {
            match self.producers.check(stamp, origin) {
                Ok(SequenceCheck::Next) => {}
                Ok(SequenceCheck::Duplicate(mark)) => {
                    return Ok(Appended {
                        first: mark.base_offset(),
                        end: mark.last_offset + 1,
                        // That of the first append, whatever the topic's timestamps are: as in Kafka.
                        append_time: mark.timestamp,
                        log_start: self.log.log_start(),
                    });
                }
                Err(code) => return Err(code.into()),
            }
        }
        let appended =
            self.log.append_as_leader(batch.bytes(), self.leader_epoch, now.wall).map_err(|error| {
                AppendError { message: Some(error.to_string()), ..storage_error(&error).into() }
            })?;
        if let Some(offset) = appended.rolled_at {
            // The producers as they were before this batch; without them the next start reads more.
            let _ = self.log.write_producer_snapshot(offset, &snapshot(&self.producers));
            self.snapshot_size = self.log.size_bytes();
        }
        if let Some(stamp) = &stamp {
            self.producers.record(stamp, appended.base_offset);
        }
        self.count_unsynced(now.moment, appended.last_offset + 1 - appended.base_offset);
        if self.unsynced.is_some_and(|unsynced| unsynced.records >= self.config.flush_messages) {
            self.flush_to = appended.last_offset + 1;
        }
        self.advance_high_watermark();
        self.check();
        Ok(Appended {
            first: appended.base_offset,
            end: appended.last_offset + 1,
            append_time: batch.append_time().unwrap_or(-1),
            log_start: self.log.log_start(),
        })
    }

    fn count_unsynced(&mut self, now: Moment, records: i64) {
        let unsynced = self.unsynced.get_or_insert(Unsynced { records: 0, since: now, latest: now });
        unsynced.records += records;
        unsynced.latest = now;
    }

    /// Moves the high watermark up as far as the in-sync set allows. Returns whether it moved.
    pub(crate) fn advance_high_watermark(&mut self) -> bool {
        let Some(leadership) = &self.leadership else { return false };
        let local_end = if self.durable_acks { self.log.recovery_point() } else { self.log.log_end() };
        let before = self.high_watermark;
        self.high_watermark = leadership
            .high_watermark(before, local_end.max(before), self.config.in_sync_min as usize)
            .max(self.log.log_start());
        if self.high_watermark == before {
            return false;
        }
        self.producers.replicated(self.high_watermark);
        true
    }

    /// Whether what was appended up to `end` may be acknowledged; an error if it never will be.
    pub(crate) fn reached(&self, end: i64, durability: Durability) -> Result<bool, ErrorCode> {
        let Some(leadership) = &self.leadership else { return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER) };
        if self.log.is_offline() {
            return Err(ErrorCode::KAFKA_STORAGE_ERROR);
        }
        match durability {
            Durability::None => Ok(true),
            Durability::Leader => Ok(self.is_durable_enough(end)),
            Durability::InSync if self.high_watermark < end || !self.is_durable_enough(end) => Ok(false),
            Durability::InSync if leadership.is_under_min(self.config.in_sync_min as usize) => {
                Err(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND)
            }
            Durability::InSync => Ok(true),
        }
    }

    /// Whether what was appended up to `end` is as durable as acknowledgements ask for.
    fn is_durable_enough(&self, end: i64) -> bool {
        let may_wait = self.durable_acks || end <= self.flush_to;
        !may_wait || self.log.recovery_point() >= end
    }

    /// First offset that is not known to be on every in-sync replica.
    pub(crate) fn high_watermark(&self) -> i64 {
        self.high_watermark
    }

    /// First offset that was not deleted.
    pub(crate) fn log_start_offset(&self) -> i64 {
        self.log.log_start()
    }

    /// The offset that the next record will get.
    pub(crate) fn log_end_offset(&self) -> i64 {
        self.log.log_end()
    }

    /// Offset below which everything is on this broker's disk.
    pub(crate) fn recovery_point(&self) -> i64 {
        self.log.recovery_point()
    }

    /// Bytes of the log, indexes not counted.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.log.size_bytes()
    }

    /// Whether a disk failure took the log out of use.
    pub(crate) fn is_offline(&self) -> bool {
        self.log.is_offline()
    }

    /// The current epoch of the partition's leader.
    pub(crate) fn leader_epoch(&self) -> i32 {
        self.leader_epoch
    }

    /// The producers that wrote here, for DescribeProducers.
    pub(crate) fn producers(&self) -> &Producers {
        &self.producers
    }

    /// Moves the log's start to `before` and returns it. `OFFSET_OUT_OF_RANGE` above the high watermark,
    /// `POLICY_VIOLATION` if the topic is only compacted.
    pub(crate) fn delete_records_before(&mut self, _now: Now, before: i64) -> Result<i64, ErrorCode> {
        if self.config.cleanup.compacts() && !self.config.cleanup.deletes() {
            return Err(ErrorCode::POLICY_VIOLATION);
        }
        if before < 0 || before > self.high_watermark {
            return Err(ErrorCode::OFFSET_OUT_OF_RANGE);
        }
        self.log.advance_start(before).map_err(|error| storage_error(&error))?;
        if self.epochs.truncate_start(self.log.log_start()) {
            let _ = self.store_epochs();
        }
        self.check();
        Ok(self.log.log_start())
    }

    /// Forgets segments that retention no longer keeps, and silent producers. The files go with
    /// [`Replica::removal`].
    pub(crate) fn retain(&mut self, now: Now, producer_expiration_ms: i64) -> Result<usize, LogError> {
        let deletes = self.config.cleanup.deletes();
        let retention = Retention {
            ms: self.config.retention_ms.filter(|_| deletes),
            bytes: self.config.retention_bytes.filter(|_| deletes),
            below: self.high_watermark,
        };
        let removed = self.log.forget_expired(now.wall, retention)?;
        if removed > 0 && self.epochs.truncate_start(self.log.log_start()) {
            let _ = self.store_epochs();
        }
        self.producers.expire(now.wall, producer_expiration_ms);
        self.log.rest();
        self.check();
        Ok(removed)
    }

    /// Whether the configuration asks for a sync now (`flush.messages`, `flush.ms`).
    pub(crate) fn wants_flush(&self, now: Moment) -> bool {
        self.unsynced.is_some_and(|unsynced| {
            unsynced.records >= self.config.flush_messages
                || self.flush_at(&unsynced).is_some_and(|at| at <= now)
        })
    }

    /// When `flush.ms` asks for a sync.
    pub(crate) fn flush_deadline(&self) -> Option<Moment> {
        self.flush_at(self.unsynced.as_ref()?)
    }

    fn flush_at(&self, unsynced: &Unsynced) -> Option<Moment> {
        let ms = u64::try_from(self.config.flush_ms).ok().filter(|&ms| ms < i64::MAX as u64)?;
        Some(unsynced.since + clock::Span::ms(ms))
    }

    /// Whether there is anything that a sync would make durable.
    pub(crate) fn is_unsynced(&self) -> bool {
        self.unsynced.is_some()
    }

    /// When the last record was appended that is not durable yet.
    pub(crate) fn unsynced_latest(&self) -> Option<Moment> {
        self.unsynced.map(|unsynced| unsynced.latest)
    }

    /// The files of segments that are to be removed.
    pub(crate) fn removal(&self) -> Option<RemovalJob<D>> {
        self.log.removal()
    }

    /// Begins to make everything appended durable, for those who wait for it.
    pub(crate) fn begin_commit(&mut self) -> Result<Option<SyncJob<D>>, LogError> {
        self.unsynced = None;
        self.log.begin_commit()
    }

    /// As [`Replica::begin_commit`], where the whole file system is synced at once.
    pub(crate) fn begin_commit_together(&mut self) -> Result<Option<Dirty>, LogError> {
        self.unsynced = None;
        self.log.begin_commit_together()
    }

    /// Begins to make everything appended durable because nothing was appended for long.
    pub(crate) fn begin_sync(&mut self) -> Result<Option<SyncJob<D>>, LogError> {
        self.unsynced = None;
        self.log.begin_sync()
    }

    /// Begins to make all but the active segment durable.
    pub(crate) fn begin_sync_sealed(&mut self) -> Result<Option<SyncJob<D>>, LogError> {
        self.log.begin_sync_sealed()
    }

    /// Takes note of a sync.
    pub(crate) fn finish_sync(&mut self, synced: Synced) {
        self.log.finish_sync(synced);
        self.advance_high_watermark();
    }

    /// Takes note of a read; `None` if the log changed under it.
    pub(crate) fn finish_read(&mut self, read: ColdRead) -> Result<Option<Fetched>, LogError> {
        self.log.finish_read(read)
    }

    /// Stores the producers if the log grew by `growth` bytes since they were stored last.
    pub(crate) fn snapshot_after(&mut self, growth: u64) -> Result<(), LogError> {
        if self.log.size_bytes().abs_diff(self.snapshot_size) >= growth && !self.producers.is_empty() {
            self.log.write_producer_snapshot(self.log.log_end(), &snapshot(&self.producers))?;
            self.snapshot_size = self.log.size_bytes();
        }
        Ok(())
    }

    /// Stores and syncs everything, so that the next start has nothing to look for.
    pub(crate) fn close(&mut self) -> Result<(), LogError> {
        self.store_producers()?;
        self.log.close()?;
        self.unsynced = None;
        Ok(())
    }

    /// As [`Replica::close`], but for what a sync of the whole file system must do before the log is closed.
    pub(crate) fn begin_close_together(&mut self) -> Result<Option<Dirty>, LogError> {
        self.store_producers()?;
        let dirty = self.log.begin_close_together()?;
        self.unsynced = None;
        Ok(dirty)
    }

    fn store_producers(&mut self) -> Result<(), LogError> {
        let end = self.log.log_end();
        if end > self.log.newest_snapshot().unwrap_or(0) {
            self.log.write_producer_snapshot(end, &snapshot(&self.producers))?;
        }
        Ok(())
    }

    /// Share of the compactable log that is dirty, between 0 and 1, if the log should be compacted now.
    pub(crate) fn wants_compaction(&mut self, now: Now) -> Result<Option<f64>, LogError> {
        if !self.config.cleanup.compacts() {
            return Ok(None);
        }
        let rules = self.compaction_rules(false);
        let dirt = self.log.dirt(&rules, now.wall)?;
        let Some(since) = dirt.dirty_since else { return Ok(None) };
        let ratio = dirt.dirty_bytes as f64 / (dirt.clean_bytes + dirt.dirty_bytes).max(1) as f64;
        let overdue = now.wall.as_ms().saturating_sub(since) > self.config.compaction_lag_ms_max;
        Ok((overdue || ratio > self.config.dirty_ratio_min).then_some(if overdue { 1.0 } else { ratio }))
    }

    /// Begins to compact the log.
    pub(crate) fn begin_compaction(&mut self, now: Now) -> Result<Option<Compaction>, LogError> {
        let rules = self.compaction_rules(true);
        self.log.begin_compaction(rules, now.wall)
    }

    /// The next part of a compaction.
    pub(crate) fn compaction_slice(
        &mut self,
        compaction: Compaction,
        bytes: usize,
    ) -> Result<Compacting<CompactionSlice<D>>, LogError> {
        self.log.compaction_slice(compaction, bytes)
    }

    /// Takes note of a part of a compaction.
    pub(crate) fn finish_slice(&mut self, sliced: Sliced) -> Result<Compacting<Compaction>, LogError> {
        let outcome = self.log.finish_slice(sliced)?;
        if let Compacting::Over(Progress::Done { clean_up_to, .. }) = outcome {
            self.first_dirty = clean_up_to;
        }
        Ok(outcome)
    }

    /// First offset that was not compacted yet.
    pub(crate) fn first_dirty(&self) -> i64 {
        self.first_dirty
    }

    fn compaction_rules(&self, with_producers: bool) -> CompactionRules {
        let last_offset = |producer: ProducerSummary| {
            (producer.producer_id, producer.last_batch.map_or(-1, |batch| batch.last_offset))
        };
        CompactionRules {
            first_dirty: self.first_dirty.max(self.log.log_start()),
            below: self.readable_end(Isolation::Committed),
            lag_ms_min: self.config.compaction_lag_ms_min,
            delete_retention_ms: self.config.delete_retention_ms,
            last_offsets: if with_producers {
                self.producers.summaries().map(last_offset).collect()
            } else {
                Default::default()
            },
        }
    }

    fn store_epochs(&mut self) -> Result<(), ErrorCode> {
        let entries: Vec<EpochStart> = self
            .epochs
            .entries()
            .iter()
            .map(|&(epoch, start_offset)| EpochStart { epoch, start_offset })
            .collect();
        self.log.write_epochs(&entries).map_err(|error| storage_error(&error))
    }

    fn check(&self) {
        assert!(self.log.log_start() <= self.high_watermark && self.high_watermark <= self.log.log_end());
    }
}

/// How a topic's log grows.
pub(crate) fn log_config(config: &TopicConfig) -> LogConfig {
    LogConfig {
        segment_bytes: config.segment_bytes,
        segment_ms: config.segment_ms,
        segment_jitter_ms: config.segment_jitter_ms,
        index_bytes: config.segment_index_bytes,
        index_interval_bytes: config.index_interval_bytes,
        preallocate: config.preallocate,
    }
}

fn snapshot(producers: &Producers) -> Vec<ProducerEntry> {
    let entry = |summary: ProducerSummary| ProducerEntry {
        producer_id: summary.producer_id,
        producer_epoch: summary.producer_epoch,
        last_sequence: summary.last_batch.map_or(-1, |mark| mark.last_sequence),
        last_offset: summary.last_batch.map_or(-1, |mark| mark.last_offset),
        offset_delta: summary.last_batch.map_or(0, |mark| mark.offset_delta),
        timestamp: summary.last_timestamp,
        coordinator_epoch: summary.coordinator_epoch,
        open_transaction_offset: summary.open_transaction.unwrap_or(-1),
    };
    producers.summaries().map(entry).collect()
}
