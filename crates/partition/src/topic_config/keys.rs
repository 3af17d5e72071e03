//! The table of topic settings: name, type, default, allowed values, the broker settings that a topic
//! inherits from, and what each is for.

use super::value::ConfigError;

/// A setting that a topic may have.
#[derive(Debug)]
pub struct ConfigKey {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: ConfigKind,
    /// Its value where neither topic nor broker say otherwise.
    pub default: &'static str,
    pub(crate) allowed: Allowed,
    /// The broker's settings that stand for it, the strongest first.
    pub synonyms: &'static [Synonym],
    /// What it is for.
    pub documentation: &'static str,
}

/// Type of a setting, numbered as DescribeConfigs does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConfigKind {
    /// `true` or `false`.
    Boolean = 1,
    /// A word.
    String = 2,
    /// A 32-bit number.
    Int = 3,
    /// A 64-bit number.
    Long = 5,
    /// A fraction.
    Double = 6,
    /// Words with commas between.
    List = 7,
}

/// A broker setting that a topic setting is inherited from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Synonym {
    /// Its name in `server.properties`.
    pub name: &'static str,
    /// Its unit in units of the topic setting, as for hours against milliseconds.
    pub factor: i64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Allowed {
    Anything,
    Between(i64, i64),
    /// Between the first two, or the third.
    BetweenOr(i64, i64, i64),
    OneOf(&'static [&'static str]),
    /// `*`, or partition:broker pairs.
    Replicas,
}

impl ConfigKey {
    /// All of them, by name.
    pub fn all() -> &'static [ConfigKey] {
        KEYS
    }

    /// The key of that name.
    pub fn find(name: &str) -> Option<&'static ConfigKey> {
        KEYS.binary_search_by(|key| key.name.cmp(name)).ok().map(|at| &KEYS[at])
    }

    /// The value that a topic without its own inherits, and the broker's setting it comes from, if it
    /// is not the default.
    pub fn inherited<'a>(
        &self,
        broker: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<(String, Option<&'static str>), ConfigError> {
        for synonym in self.synonyms {
            let Some(value) = broker(synonym.name) else { continue };
            let value = match synonym.factor {
                1 => value.trim().to_owned(),
                factor => {
                    let number: i64 = value
                        .trim()
                        .parse()
                        .map_err(|_| ConfigError::new(synonym.name, value, "it must be a number"))?;
                    // Any negative number stands for "no limit" and stays that.
                    if number < 0 { "-1".to_owned() } else { number.saturating_mul(factor).to_string() }
                }
            };
            self.check(&value)
                .map_err(|_| ConfigError::new(synonym.name, &value, self.impossible(&value).to_string()))?;
            return Ok((value, Some(synonym.name)));
        }
        Ok((self.default_of(broker).to_owned(), None))
    }

    /// The default of a broker: one key's depends on the release whose messages brokers use among themselves. Kafka
    /// bounds how far ahead timestamps may be since 4.0; who names an earlier release has its default.
    fn default_of<'a>(&self, broker: impl Fn(&str) -> Option<&'a str>) -> &'static str {
        let is_earlier = |version: &str| !version.starts_with(['4', '5', '6', '7', '8', '9']);
        match self.name {
            TIMESTAMP_AFTER if broker("inter.broker.protocol.version").is_some_and(is_earlier) => FOREVER,
            _ => self.default,
        }
    }
}

const TIMESTAMP_AFTER: &str = "message.timestamp.after.max.ms";

const INT_MAX: i64 = i32::MAX as i64;
const MINUTES: i64 = 60_000;
const HOURS: i64 = 60 * MINUTES;
const FOREVER: &str = "9223372036854775807";

const fn same(name: &'static str) -> Synonym {
    Synonym { name, factor: 1 }
}

const fn times(name: &'static str, factor: i64) -> Synonym {
    Synonym { name, factor }
}

const fn key(
    name: &'static str,
    kind: ConfigKind,
    default: &'static str,
    allowed: Allowed,
    synonyms: &'static [Synonym],
    documentation: &'static str,
) -> ConfigKey {
    ConfigKey { name, kind, default, allowed, synonyms, documentation }
}

use Allowed::{Anything, Between, BetweenOr, OneOf, Replicas};
use ConfigKind::{Boolean, Double, Int, List, Long};

/// By rising name: `find` halves.
#[rustfmt::skip]
static KEYS: &[ConfigKey] = &[
    key("cleanup.policy", List, "delete", OneOf(&["compact", "delete"]), &[same("log.cleanup.policy")],
        "What happens to old records: delete removes old segments, compact keeps the newest record of each key. Both may be given; with neither, everything stays."),
    key("compression.gzip.level", Int, "-1", BetweenOr(1, 9, -1), &[same("compression.gzip.level")],
        "How hard gzip packs where compression.type is gzip and a batch came in another codec: 1 is fastest, 9 smallest, -1 gzip's own default."),
    key("compression.lz4.level", Int, "9", Between(1, 17), &[same("compression.lz4.level")],
        "How hard lz4 packs where compression.type is lz4 and a batch came in another codec: 9, the default, is the fast way; any other number searches longer the higher it is."),
    key("compression.type", ConfigKind::String, "producer", OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), &[same("compression.type")],
        "How batches are stored: producer keeps what came; any codec repacks batches that came in another one."),
    key("compression.zstd.level", Int, "3", Between(-131_072, 22), &[same("compression.zstd.level")],
        "How hard zstd packs where compression.type is zstd and a batch came in another codec: the higher the smaller and slower."),
    key("delete.retention.ms", Long, "86400000", Between(0, i64::MAX), &[same("log.cleaner.delete.retention.ms")],
        "How long a tombstone (a key without a value) stays in a compacted topic, so that readers can see the deletion."),
    key("file.delete.delay.ms", Long, "60000", Between(0, i64::MAX), &[same("log.segment.delete.delay.ms")],
        "How long files of a deleted topic or segment stay before they are removed."),
    key("flush.messages", Long, FOREVER, Between(1, i64::MAX), &[same("log.flush.interval.messages")],
        "Records after which the log is synced to the disk; 1 syncs after each batch."),
    key("flush.ms", Long, FOREVER, Between(0, i64::MAX), &[same("log.flush.interval.ms"), same("log.flush.scheduler.interval.ms")],
        "Time after which appended records are synced to the disk."),
    key("follower.replication.throttled.replicas", List, "", Replicas, &[],
        "Replicas whose catching up is slowed down on the follower: * or partition:broker pairs."),
    key("index.interval.bytes", Int, "4096", Between(0, INT_MAX), &[same("log.index.interval.bytes")],
        "Bytes of log between two entries of the offset index: smaller finds faster and needs larger indexes."),
    key("leader.replication.throttled.replicas", List, "", Replicas, &[],
        "Replicas to which the leader sends slowly while they catch up: * or partition:broker pairs."),
    key("local.retention.bytes", Long, "-2", Between(-2, i64::MAX), &[same("log.local.retention.bytes")],
        "Size of the local log once remote storage holds it too; -2 means retention.bytes."),
    key("local.retention.ms", Long, "-2", Between(-2, i64::MAX), &[same("log.local.retention.ms")],
        "Age of local records once remote storage holds them too; -2 means retention.ms."),
    key("max.compaction.lag.ms", Long, FOREVER, Between(1, i64::MAX), &[same("log.cleaner.max.compaction.lag.ms")],
        "Longest time a record may stay uncompacted."),
    key("max.message.bytes", Int, "1048588", Between(0, INT_MAX), &[same("message.max.bytes")],
        "Largest batch that is accepted, as the producer packed it, header included."),
    key("message.downconversion.enable", Boolean, "true", Anything, &[same("log.message.downconversion.enable")],
        "Accepted for older tools and without effect: records are always sent as they are stored."),
    key("message.format.version", ConfigKind::String, "3.0-IV1", Anything, &[same("log.message.format.version")],
        "Accepted for older tools and without effect: new records are always stored in format 2."),
    key(TIMESTAMP_AFTER, Long, "3600000", Between(0, i64::MAX), &[same("log.message.timestamp.after.max.ms")],
        "How far ahead of the broker's clock a producer's timestamp may be."),
    key("message.timestamp.before.max.ms", Long, FOREVER, Between(0, i64::MAX), &[same("log.message.timestamp.before.max.ms")],
        "How far behind the broker's clock a producer's timestamp may be."),
    key("message.timestamp.difference.max.ms", Long, FOREVER, Between(0, i64::MAX), &[same("log.message.timestamp.difference.max.ms")],
        "Accepted for older tools and without effect: see the keys for before and after."),
    key("message.timestamp.type", ConfigKind::String, "CreateTime", OneOf(&["CreateTime", "LogAppendTime"]), &[same("log.message.timestamp.type")],
        "Whose clock stamps records: the producer's (CreateTime) or the broker's (LogAppendTime)."),
    key("min.cleanable.dirty.ratio", Double, "0.5", Between(0, 1), &[same("log.cleaner.min.cleanable.ratio")],
        "Share of a compacted log that must be new before it is compacted again."),
    key("min.compaction.lag.ms", Long, "0", Between(0, i64::MAX), &[same("log.cleaner.min.compaction.lag.ms")],
        "Shortest time a record stays uncompacted."),
    key("min.insync.replicas", Int, "1", Between(1, INT_MAX), &[same("min.insync.replicas")],
        "Replicas that must have a record before acks=all is answered; with fewer in sync such writes are refused."),
    key("preallocate", Boolean, "false", Anything, &[same("log.preallocate")],
        "Whether a new segment's file has the length of segment.bytes from the start; it is cut to what it holds when the segment ends."),
    key("remote.log.copy.disable", Boolean, "false", Anything, &[],
        "Whether copying to remote storage is stopped."),
    key("remote.log.delete.on.disable", Boolean, "false", Anything, &[],
        "Whether remote records go when remote storage is switched off."),
    key("remote.storage.enable", Boolean, "false", OneOf(&["false"]), &[],
        "Whether old segments move to remote storage. Not supported: only false."),
    key("retention.bytes", Long, "-1", Between(-1, i64::MAX), &[same("log.retention.bytes")],
        "Size of a partition above which its oldest segments go; -1 is no limit."),
    key("retention.ms", Long, "604800000", Between(-1, i64::MAX),
        &[same("log.retention.ms"), times("log.retention.minutes", MINUTES), times("log.retention.hours", HOURS)],
        "Age of a segment's newest record at which the segment goes; -1 is no limit."),
    key("segment.bytes", Int, "1073741824", Between(14, INT_MAX), &[same("log.segment.bytes")],
        "Size at which a segment ends. Retention and compaction work on whole segments."),
    key("segment.index.bytes", Int, "10485760", Between(4, INT_MAX), &[same("log.index.size.max.bytes")],
        "Size of an index at which its segment ends."),
    key("segment.jitter.ms", Long, "0", Between(0, i64::MAX), &[same("log.roll.jitter.ms"), times("log.roll.jitter.hours", HOURS)],
        "Up to how much earlier than segment.ms a segment ends, so that many do not end together."),
    key("segment.ms", Long, "604800000", Between(1, i64::MAX), &[same("log.roll.ms"), times("log.roll.hours", HOURS)],
        "Time after which a segment ends even if it is not full."),
    key("unclean.leader.election.enable", Boolean, "false", Anything, &[same("unclean.leader.election.enable")],
        "Whether a replica that is not in sync may lead as a last resort, losing records."),
];
