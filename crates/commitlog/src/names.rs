//! Names of files and directories: segments by base offset, partitions by topic and number.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::limits::FILE_NAME_BYTES_MAX;

/// A partition of a topic; written `topic-3`, which is also its directory's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: String,
    /// The partition's number, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// The partition of that topic.
    pub fn new(topic: impl Into<String>, partition: i32) -> Self {
        TopicPartition { topic: topic.into(), partition }
    }

    /// Reads `topic-3`; a topic may itself hold dashes.
    pub fn parse(name: &str) -> Option<Self> {
        let (topic, number) = name.rsplit_once('-')?;
        if topic.is_empty() || number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        if number.len() > 1 && number.starts_with('0') {
            return None;
        }
        Some(TopicPartition { topic: topic.to_owned(), partition: number.parse().ok()? })
    }

    /// Name of the directory this partition is renamed to before its files are removed. `unique`
    /// tells apart several generations of one partition.
    pub fn deleted_directory(&self, unique: u128) -> String {
        let tail = format!("-{}.{unique:032x}{DELETED_DIRECTORY}", self.partition);
        let topic_bytes = self.topic.len().min(FILE_NAME_BYTES_MAX - tail.len());
        let topic = self.topic.get(..topic_bytes).unwrap_or("topic");
        format!("{topic}{tail}")
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// What a directory inside a log directory is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum DirectoryName {
    Partition(TopicPartition),
    /// Renamed for removal, by us or by Kafka.
    Deleted,
    /// A replica on its way between log directories (`-future`), or one set aside (`-stray`).
    SetAside,
    /// Not ours.
    Other,
}

const DELETED_DIRECTORY: &str = "-delete";

impl DirectoryName {
    pub(crate) fn parse(name: &str) -> Self {
        let suffixed = |suffix: &str| {
            name.strip_suffix(suffix).and_then(|rest| rest.rsplit_once('.')).is_some_and(
                |(partition, unique)| {
                    partition.contains('-')
                        && unique.len() == 32
                        && unique.bytes().all(|b| b.is_ascii_hexdigit())
                },
            )
        };
        if suffixed(DELETED_DIRECTORY) {
            DirectoryName::Deleted
        } else if suffixed("-future") || suffixed("-stray") {
            DirectoryName::SetAside
        } else {
            TopicPartition::parse(name).map_or(DirectoryName::Other, DirectoryName::Partition)
        }
    }
}

/// The kinds of file that belong to a segment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum FileKind {
    Log,
    OffsetIndex,
    TimeIndex,
    AbortIndex,
    ProducerSnapshot,
}

impl FileKind {
    pub(crate) const ALL: [FileKind; 5] = [
        FileKind::Log,
        FileKind::OffsetIndex,
        FileKind::TimeIndex,
        FileKind::AbortIndex,
        FileKind::ProducerSnapshot,
    ];

    /// The files that hold records or point to them.
    pub(crate) const OF_RECORDS: [FileKind; 4] =
        [FileKind::Log, FileKind::OffsetIndex, FileKind::TimeIndex, FileKind::AbortIndex];

    const fn suffix(self) -> &'static str {
        match self {
            FileKind::Log => ".log",
            FileKind::OffsetIndex => ".index",
            FileKind::TimeIndex => ".timeindex",
            FileKind::AbortIndex => ".txnindex",
            FileKind::ProducerSnapshot => ".snapshot",
        }
    }

    pub(crate) fn path(self, directory: &Path, base_offset: i64) -> PathBuf {
        directory.join(format!("{base_offset:020}{}", self.suffix()))
    }
}

/// A file in a partition's directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum FileName {
    Segment {
        kind: FileKind,
        base_offset: i64,
    },
    /// Left over from a removal that did not finish: `.deleted`.
    Deleted,
    /// Left over from a cleaning that did not finish: `.cleaned`.
    Cleaned {
        base_offset: i64,
    },
    /// A cleaned file whose renames began: `.swap`.
    Swap {
        kind: FileKind,
        base_offset: i64,
    },
    Other,
}

impl FileName {
    pub(crate) fn parse(name: &str) -> Self {
        if name.ends_with(".deleted") {
            return FileName::Deleted;
        }
        if let Some((_, base_offset)) = name.strip_suffix(".cleaned").and_then(segment_file) {
            return FileName::Cleaned { base_offset };
        }
        if let Some((kind, base_offset)) = name.strip_suffix(".swap").and_then(segment_file) {
            return FileName::Swap { kind, base_offset };
        }
        match segment_file(name) {
            Some((kind, base_offset)) => FileName::Segment { kind, base_offset },
            None => FileName::Other,
        }
    }
}

fn segment_file(name: &str) -> Option<(FileKind, i64)> {
    let (number, _) = name.split_once('.')?;
    let suffix = &name[number.len()..];
    let kind = FileKind::ALL.into_iter().find(|kind| kind.suffix() == suffix)?;
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((kind, number.parse().ok()?))
}

/// Text of the leader epochs of a partition.
pub(crate) const LEADER_EPOCHS: &str = "leader-epoch-checkpoint";
/// The topic's id.
pub(crate) const PARTITION_METADATA: &str = "partition.metadata";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_named_as_kafka_names_them() {
        let check = |name: &str, expect: Option<(&str, i32)>| {
            let parsed = TopicPartition::parse(name);
            assert_eq!(
                parsed,
                expect.map(|(topic, partition)| TopicPartition::new(topic, partition)),
                "{name}"
            );
            if let Some(parsed) = parsed {
                assert_eq!(parsed.to_string(), name);
            }
        };
        check("test-0", Some(("test", 0)));
        check("a-b-12", Some(("a-b", 12)));
        check("__consumer_offsets-49", Some(("__consumer_offsets", 49)));
        check("-1", None);
        check("test", None);
        check("test-", None);
        check("test-01", None);
        check("test-x", None);
        check("test-99999999999", None);
    }

    #[test]
    fn directories_are_told_apart() {
        let unique = "0123456789abcdef0123456789abcdef";
        let check = |name: &str, expect| assert_eq!(DirectoryName::parse(name), expect, "{name}");
        check("t-1", DirectoryName::Partition(TopicPartition::new("t", 1)));
        check(&format!("t-1.{unique}-delete"), DirectoryName::Deleted);
        check(&format!("t-1.{unique}-future"), DirectoryName::SetAside);
        check(&format!("t-1.{unique}-stray"), DirectoryName::SetAside);
        check("t-1.abc-delete", DirectoryName::Other);
        check("lost+found", DirectoryName::Other);
        let deleted = TopicPartition::new("t".repeat(249), 123).deleted_directory(7);
        assert!(deleted.len() <= FILE_NAME_BYTES_MAX);
        assert_eq!(DirectoryName::parse(&deleted), DirectoryName::Deleted);
    }

    #[test]
    fn files_are_told_apart() {
        let check = |name: &str, expect| assert_eq!(FileName::parse(name), expect, "{name}");
        let segment = |kind, base_offset| FileName::Segment { kind, base_offset };
        check("00000000000000000000.log", segment(FileKind::Log, 0));
        check("00000000000000000042.timeindex", segment(FileKind::TimeIndex, 42));
        check("09223372036854775807.index", segment(FileKind::OffsetIndex, i64::MAX));
        check("09223372036854775808.index", FileName::Other);
        check("00000000000000000042.log.deleted", FileName::Deleted);
        check("00000000000000000042.log.cleaned", FileName::Cleaned { base_offset: 42 });
        check(
            "00000000000000000042.index.swap",
            FileName::Swap { kind: FileKind::OffsetIndex, base_offset: 42 },
        );
        check("leader-epoch-checkpoint", FileName::Other);
        check(".log", FileName::Other);
        let path = FileKind::AbortIndex.path(Path::new("/d"), 7);
        assert_eq!(path, Path::new("/d/00000000000000000007.txnindex"));
    }
}
