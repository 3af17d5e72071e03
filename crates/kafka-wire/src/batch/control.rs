//! Control batches: one record that applications never see, which ends a transaction (or belongs to KRaft).

use super::{BatchBuilder, ProducerStamp, Record};
use crate::{Reader, WireError};
use bytes::Bytes;

/// What a control record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlKind {
    /// The producer's open transaction is undone.
    Abort,
    /// The producer's open transaction holds.
    Commit,
    /// A kind that means nothing to logs of records (KRaft's are 2 to 6).
    Other(i16),
}

/// A control record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlRecord {
    /// What it says.
    pub kind: ControlKind,
    /// Epoch of the transaction coordinator that wrote a marker; -1 in other kinds.
    pub coordinator_epoch: i32,
}

impl ControlKind {
    fn id(self) -> i16 {
        match self {
            ControlKind::Abort => 0,
            ControlKind::Commit => 1,
            ControlKind::Other(id) => id,
        }
    }
}

impl ControlRecord {
    /// Reads the record of a control batch.
    ///
    /// # Errors
    /// A key or value too short to be one; newer versions may be longer.
    pub fn decode(record: &Record) -> Result<ControlRecord, WireError> {
        let mut key = Reader::new(record.key.clone().ok_or(WireError::UnexpectedNull)?);
        let _version = key.i16()?;
        let kind = match key.i16()? {
            0 => ControlKind::Abort,
            1 => ControlKind::Commit,
            other => ControlKind::Other(other),
        };
        let coordinator_epoch = match kind {
            ControlKind::Other(_) => -1,
            _ => {
                let mut value = Reader::new(record.value.clone().ok_or(WireError::UnexpectedNull)?);
                let _version = value.i16()?;
                value.i32()?
            }
        };
        Ok(ControlRecord { kind, coordinator_epoch })
    }
}

/// Makes the batch that ends a transaction of `producer` (whose sequence number is ignored).
pub fn transaction_marker(
    base_offset: i64,
    timestamp: i64,
    producer: ProducerStamp,
    record: ControlRecord,
) -> Bytes {
    let mut key = [0; 4];
    key[2..].copy_from_slice(&record.kind.id().to_be_bytes());
    let mut value = [0; 6];
    value[2..].copy_from_slice(&record.coordinator_epoch.to_be_bytes());
    let stamp = ProducerStamp { base_sequence: -1, transactional: true, ..producer };
    let mut builder = BatchBuilder::new(base_offset).producer(stamp).control();
    builder.append(timestamp, Some(&key), Some(&value), &[]);
    builder.build()
}
