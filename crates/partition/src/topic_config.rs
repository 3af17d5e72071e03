//! A topic's configuration as typed values: what its own settings say, over what the broker's settings
//! say for all topics, over the defaults. The keys with their types and texts are in `keys`.

mod keys;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use kafka_wire::batch::TimestampType;
use kafka_wire::compression::{Codec, Packing};

use crate::ThrottledReplicas;

pub use keys::{ConfigKey, ConfigKind, Synonym};
pub use value::ConfigError;

/// The configuration of one topic. Times are in ms; `i64::MAX` stands for "never" where a key has that
/// as its default.
#[derive(Clone, PartialEq, Debug)]
pub struct TopicConfig {
    /// `cleanup.policy`.
    pub cleanup: CleanupPolicy,
    /// `compression.type`, with the level of the codec it names.
    pub compression: CompressionType,
    /// `delete.retention.ms`: how long tombstones stay.
    pub delete_retention_ms: i64,
    /// `file.delete.delay.ms`.
    pub file_delete_delay_ms: i64,
    /// `flush.messages`: records after which the log is synced.
    pub flush_messages: i64,
    /// `flush.ms`: time after which the log is synced.
    pub flush_ms: i64,
    /// `follower.replication.throttled.replicas`.
    pub follower_throttled: ThrottledReplicas,
    /// `index.interval.bytes`.
    pub index_interval_bytes: u32,
    /// `leader.replication.throttled.replicas`.
    pub leader_throttled: ThrottledReplicas,
    /// `max.compaction.lag.ms`.
    pub compaction_lag_ms_max: i64,
    /// `min.compaction.lag.ms`.
    pub compaction_lag_ms_min: i64,
    /// `max.message.bytes`: largest batch as produced, header included.
    pub message_bytes_max: u32,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`.
    pub timestamp_before_ms_max: i64,
    /// `message.timestamp.after.max.ms`.
    pub timestamp_after_ms_max: i64,
    /// `min.cleanable.dirty.ratio`.
    pub dirty_ratio_min: f64,
    /// `min.insync.replicas`.
    pub in_sync_min: u32,
    /// `preallocate`.
    pub preallocate: bool,
    /// `retention.bytes`; `None` for no limit.
    pub retention_bytes: Option<u64>,
    /// `retention.ms`; `None` for no limit.
    pub retention_ms: Option<i64>,
    /// `segment.bytes`.
    pub segment_bytes: u32,
    /// `segment.index.bytes`.
    pub segment_index_bytes: u32,
    /// `segment.jitter.ms`.
    pub segment_jitter_ms: i64,
    /// `segment.ms`.
    pub segment_ms: i64,
    /// `unclean.leader.election.enable`.
    pub unclean_leader_election: bool,
}

/// What happens to old records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CleanupPolicy {
    /// Old segments go.
    Delete,
    /// Records with a newer one of the same key go.
    Compact,
    /// Both.
    CompactAndDelete,
    /// Neither: everything stays (an empty list).
    Keep,
}

/// How records are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CompressionType {
    /// As the producer packed them.
    Producer,
    /// Always in this codec, packed with that effort where the producer chose another.
    Fixed(Packing),
}

impl CleanupPolicy {
    /// Whether compaction applies.
    pub fn compacts(self) -> bool {
        matches!(self, CleanupPolicy::Compact | CleanupPolicy::CompactAndDelete)
    }

    /// Whether retention by time and size applies.
    pub fn deletes(self) -> bool {
        matches!(self, CleanupPolicy::Delete | CleanupPolicy::CompactAndDelete)
    }

    fn parse(list: &str) -> Option<Self> {
        let (mut compact, mut delete) = (false, false);
        for word in value::list(list) {
            match word {
                "compact" => compact = true,
                "delete" => delete = true,
                _ => return None,
            }
        }
        Some(match (compact, delete) {
            (true, true) => CleanupPolicy::CompactAndDelete,
            (true, false) => CleanupPolicy::Compact,
            (false, true) => CleanupPolicy::Delete,
            (false, false) => CleanupPolicy::Keep,
        })
    }
}

impl CompressionType {
    /// The codec to store in; `None` to keep the producer's.
    pub fn codec(self) -> Option<Codec> {
        match self {
            CompressionType::Producer => None,
            CompressionType::Fixed(packing) => Some(packing.codec),
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        let codec = match word {
            "producer" => return Some(CompressionType::Producer),
            "uncompressed" => Codec::None,
            "gzip" => Codec::Gzip,
            "snappy" => Codec::Snappy,
            "lz4" => Codec::Lz4,
            "zstd" => Codec::Zstd,
            _ => return None,
        };
        Some(CompressionType::Fixed(codec.into()))
    }

    /// The setting that says how hard the codec works, if it has one.
    fn level_key(self) -> Option<&'static str> {
        match self.codec()? {
            Codec::Gzip => Some("compression.gzip.level"),
            Codec::Lz4 => Some("compression.lz4.level"),
            Codec::Zstd => Some("compression.zstd.level"),
            Codec::None | Codec::Snappy => None,
        }
    }
}

impl Default for TopicConfig {
    fn default() -> Self {
        TopicConfig::resolve(&BTreeMap::new(), |_| None).expect("the defaults are valid")
    }
}

impl TopicConfig {
    /// The configuration of a topic with its own `overrides` on a broker whose settings `broker` looks
    /// up by their names in `server.properties`.
    ///
    /// Errors: an override of unknown name or impossible value, or an impossible value of the broker.
    pub fn resolve<'a>(
        overrides: &BTreeMap<String, String>,
        broker: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Self, ConfigError> {
        for (name, value) in overrides {
            ConfigKey::find(name)
                .ok_or_else(|| ConfigError::new(name, value, "there is no topic setting of this name"))?
                .check(value)?;
        }
        let text = |name: &'static str| -> Result<(&'static ConfigKey, String), ConfigError> {
            let key = ConfigKey::find(name).expect("only names of the table are asked for");
            let value = match overrides.get(name) {
                Some(value) => value.clone(),
                None => key.inherited(&broker)?.0,
            };
            Ok((key, value))
        };
        let number = |name| text(name).and_then(|(key, value)| key.long(&value));
        let throttled = |name| text(name).map(|(_, value)| ThrottledReplicas::parse(&value));
        let unlimited = |name| number(name).map(|value| u64::try_from(value).ok());
        let (key, cleanup) = text("cleanup.policy")?;
        let cleanup = CleanupPolicy::parse(&cleanup).ok_or_else(|| key.impossible(&cleanup))?;
        let (key, compression) = text("compression.type")?;
        let mut compression =
            CompressionType::parse(&compression).ok_or_else(|| key.impossible(&compression))?;
        let level = compression.level_key().map(number).transpose()?;
        if let (CompressionType::Fixed(packing), Some(level)) = (&mut compression, level) {
            packing.level = Some(level as i32);
        }
        let (key, ratio) = text("min.cleanable.dirty.ratio")?;
        let config = TopicConfig {
            cleanup,
            compression,
            delete_retention_ms: number("delete.retention.ms")?,
            file_delete_delay_ms: number("file.delete.delay.ms")?,
            flush_messages: number("flush.messages")?,
            flush_ms: number("flush.ms")?,
            follower_throttled: throttled("follower.replication.throttled.replicas")?,
            index_interval_bytes: number("index.interval.bytes")? as u32,
            leader_throttled: throttled("leader.replication.throttled.replicas")?,
            compaction_lag_ms_max: number("max.compaction.lag.ms")?,
            compaction_lag_ms_min: number("min.compaction.lag.ms")?,
            message_bytes_max: number("max.message.bytes")? as u32,
            timestamp_type: match text("message.timestamp.type")?.1.as_str() {
                "LogAppendTime" => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
            timestamp_before_ms_max: number("message.timestamp.before.max.ms")?,
            timestamp_after_ms_max: number("message.timestamp.after.max.ms")?,
            dirty_ratio_min: key.double(&ratio)?,
            in_sync_min: number("min.insync.replicas")? as u32,
            preallocate: text("preallocate")?.1.eq_ignore_ascii_case("true"),
            retention_bytes: unlimited("retention.bytes")?,
            retention_ms: unlimited("retention.ms")?.map(|ms| ms as i64),
            segment_bytes: number("segment.bytes")? as u32,
            segment_index_bytes: number("segment.index.bytes")? as u32,
            segment_jitter_ms: number("segment.jitter.ms")?,
            segment_ms: number("segment.ms")?,
            unclean_leader_election: text("unclean.leader.election.enable")?.1.eq_ignore_ascii_case("true"),
        };
        if config.compaction_lag_ms_min > config.compaction_lag_ms_max {
            let lag = config.compaction_lag_ms_min.to_string();
            return Err(ConfigError::new(
                "min.compaction.lag.ms",
                &lag,
                "it must not be above max.compaction.lag.ms",
            ));
        }
        Ok(config)
    }
}
