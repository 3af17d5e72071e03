//! What one replica of one partition must hold beside its log: topic configuration, the judgement of
//! produced batches, producers and their transactions, leader epochs, the in-sync set and the high
//! watermark. Pure: no disk, no clock, no network; the log itself is crate `commitlog`'s.

mod leader_epochs;
mod leadership;
pub mod limits;
mod produce;
mod producers;
mod replication_quota;
mod topic_config;

pub use leader_epochs::{EpochEnd, LeaderEpochs};
pub use leadership::{FollowerFetch, Leadership};
pub use produce::{Refusal, ValidBatch, validate};
pub use producers::{
    AbortedSpan, BatchMark, CompletedTransaction, Origin, ProducerSummary, Producers, SequenceCheck, Stamp,
};
pub use replication_quota::{ReplicationQuota, ThrottledReplicas};
pub use topic_config::{
    CleanupPolicy, CompressionType, ConfigError, ConfigKey, ConfigKind, Synonym, TopicConfig,
};
