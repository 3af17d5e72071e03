//! Kafka's partition log on disk: segments, indexes, checkpoints, recovery.
//!
//! A [`LogDirectory`] is one of a broker's `log.dirs`; it opens a [`Log`] for each partition. The
//! files are Kafka's, byte for byte, so a directory moves between the two in both directions. The
//! crate blocks, knows no threads, and reaches the disk only through [`disk::Disk`]. It stores what a
//! producer state or a leader epoch is, and knows nothing of what they mean.

mod batch;
mod checkpoint;
mod checkpoints;
mod compaction;
mod directory;
mod error;
mod files;
mod identity;
mod index;
pub mod limits;
mod log;
mod names;
mod scan;
mod segment;
mod sync;
mod table;
mod tail;
mod text;

pub use batch::{BATCH_HEADER_BYTES, BatchFacts};
pub use checkpoint::{Checkpoint, EpochStart};
pub use checkpoints::CheckpointJob;
pub use directory::{DeletionJob, LogDirectory};
pub use error::{LogError, Result};
pub use files::Files;
pub use identity::Identity;
pub use index::AbortedTransaction;
pub use log::{
    Appended, AtLeastOne, ColdRead, Compacting, Compaction, CompactionRules, CompactionSlice, Dirt, Fetched,
    Log, LogConfig, Opened, ProducerEntry, Progress, ReadJob, Reading, Recovery, RemovalJob, Retention,
    Sliced, TimestampHit,
};
pub use names::TopicPartition;
pub use sync::{Dirty, SyncJob, Synced, VolumeSync};
pub use tail::TailCache;
