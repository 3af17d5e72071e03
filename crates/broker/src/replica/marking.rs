//! Transaction markers in a partition: the control batches that end a producer's transaction here, and the
//! abort index that tells readers what an abort undid.

use clock::Now;
use commitlog::AbortedTransaction;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::batch::{BatchHeader, ControlKind, ControlRecord, ProducerStamp, transaction_marker};
use partition::Stamp;

use super::{Replica, snapshot, storage_error};

/// The end of a producer's transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Marker {
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) coordinator_epoch: i32,
    pub(crate) committed: bool,
}

impl<D: Disk> Replica<D> {
    /// Appends the marker and returns its offset. A producer without an open transaction gets one too, as
    /// a marker may come again.
    ///
    /// Errors: `NOT_LEADER_OR_FOLLOWER`, `NOT_ENOUGH_REPLICAS`, `INVALID_PRODUCER_EPOCH`,
    /// `TRANSACTION_COORDINATOR_FENCED`, those of the log.
    pub(crate) fn append_marker(&mut self, now: Now, marker: Marker) -> Result<i64, ErrorCode> {
        let Some(leadership) = &self.leadership else { return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER) };
        if leadership.is_under_min(self.config.in_sync_min as usize) {
            return Err(ErrorCode::NOT_ENOUGH_REPLICAS);
        }
        let Marker { producer_id, producer_epoch, coordinator_epoch, committed } = marker;
        self.producers.check_marker(producer_id, producer_epoch, coordinator_epoch)?;
        let kind = if committed { ControlKind::Commit } else { ControlKind::Abort };
        let producer =
            ProducerStamp { id: producer_id, epoch: producer_epoch, base_sequence: -1, transactional: true };
        let record = ControlRecord { kind, coordinator_epoch };
        let batch = transaction_marker(0, now.wall.as_ms(), producer, record);
        let appended = self
            .log
            .append_as_leader(&batch, self.leader_epoch, now.wall)
            .map_err(|error| storage_error(&error))?;
        if let Some(offset) = appended.rolled_at {
            // The producers as they were before this marker; without them the next start reads more.
            let _ = self.log.write_producer_snapshot(offset, &snapshot(&self.producers));
            self.snapshot_size = self.log.size_bytes();
        }
        let stamp = Stamp {
            producer_id,
            producer_epoch,
            base_sequence: -1,
            last_offset_delta: 0,
            timestamp: now.wall.as_ms(),
            transactional: true,
        };
        let undone =
            self.producers.record_marker(&stamp, coordinator_epoch, !committed, appended.base_offset);
        if let Some(span) = undone {
            let aborted = AbortedTransaction {
                producer_id,
                first_offset: span.transaction.first_offset,
                last_offset: span.transaction.last_offset,
                last_stable_offset: span.last_stable_offset,
            };
            self.log.append_aborted(&aborted).map_err(|error| storage_error(&error))?;
        }
        self.count_unsynced(now.moment, 1);
        self.advance_high_watermark();
        self.check();
        Ok(appended.base_offset)
    }

    /// Whether the coordinator must say that this partition is part of the transaction before the batch
    /// is taken: it would be the transaction's first here, and no newer producer wrote meanwhile.
    pub(crate) fn needs_verification(&self, header: &BatchHeader) -> bool {
        header.attributes.is_transactional()
            && header.has_producer_id()
            && !self.producers.has_open_transaction(header.producer_id)
            && self.producers.epoch_of(header.producer_id).is_none_or(|epoch| epoch <= header.producer_epoch)
    }
}
