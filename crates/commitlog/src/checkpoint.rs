//! Checkpoint files: text with a version, a count and one line an entry. The four of a log directory
//! map partitions to offsets; the one of a partition lists its leader epochs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use disk::Disk;

use crate::error::{LogError, Result};
use crate::names::TopicPartition;
use crate::text;

/// The four checkpoints of a log directory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Checkpoint {
    /// Offset up to which each log was synced: recovery after an unclean stop starts there.
    RecoveryPoint,
    /// High watermark of each replica.
    HighWatermark,
    /// First offset of each log where that is not the base offset of its first segment.
    LogStart,
    /// First offset that the cleaner has not cleaned yet.
    Cleaner,
}

impl Checkpoint {
    /// All four.
    pub const ALL: [Checkpoint; 4] =
        [Checkpoint::RecoveryPoint, Checkpoint::HighWatermark, Checkpoint::LogStart, Checkpoint::Cleaner];

    /// Name of the file, as Kafka's.
    pub const fn file_name(self) -> &'static str {
        match self {
            Checkpoint::RecoveryPoint => "recovery-point-offset-checkpoint",
            Checkpoint::HighWatermark => "replication-offset-checkpoint",
            Checkpoint::LogStart => "log-start-offset-checkpoint",
            Checkpoint::Cleaner => "cleaner-offset-checkpoint",
        }
    }
}

/// Start of a leader's reign: the epoch and its first offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpochStart {
    /// The leader epoch.
    pub epoch: i32,
    /// First offset that this leader wrote.
    pub start_offset: i64,
}

/// Reads a checkpoint of partitions; empty if the file is missing.
pub(crate) fn read_offsets<D: Disk>(disk: &D, path: &Path) -> Result<BTreeMap<TopicPartition, i64>> {
    let Some(text) = text::read(disk, path)? else { return Ok(BTreeMap::new()) };
    parse(path, &text, |line| {
        let mut words = line.split_ascii_whitespace();
        let topic = words.next()?;
        let partition = words.next()?.parse().ok()?;
        let offset: i64 = words.next()?.parse().ok()?;
        let complete = words.next().is_none() && offset >= 0;
        complete.then(|| (TopicPartition::new(topic, partition), offset))
    })
    .map(BTreeMap::from_iter)
}

/// Replaces a checkpoint of partitions.
pub(crate) fn write_offsets<'a, D: Disk>(
    disk: &D,
    path: &Path,
    offsets: impl Iterator<Item = (&'a str, i32, i64)>,
) -> Result<()> {
    let mut lines = String::new();
    let mut count = 0;
    for (topic, partition, offset) in offsets {
        let _ = writeln!(lines, "{topic} {partition} {offset}");
        count += 1;
    }
    let text = format!("{VERSION}\n{count}\n{lines}");
    text::replace(disk, path, &text)
}

/// Reads the leader epochs of a partition; empty if the file is missing.
pub(crate) fn read_epochs<D: Disk>(disk: &D, path: &Path) -> Result<Vec<EpochStart>> {
    let Some(text) = text::read(disk, path)? else { return Ok(Vec::new()) };
    let epochs = parse(path, &text, |line| {
        let (epoch, start_offset) = line.split_once(' ')?;
        Some(EpochStart { epoch: epoch.parse().ok()?, start_offset: start_offset.trim_end().parse().ok()? })
    })?;
    Ok(epochs)
}

/// Replaces the leader epochs of a partition. Not synced: every batch names its epoch, so what a power
/// cut takes is found again in the log.
pub(crate) fn write_epochs<D: Disk>(disk: &D, path: &Path, epochs: &[EpochStart]) -> Result<()> {
    let mut text = format!("{VERSION}\n{}\n", epochs.len());
    for EpochStart { epoch, start_offset } in epochs {
        let _ = writeln!(text, "{epoch} {start_offset}");
    }
    text::replace_lazily(disk, path, &text)
}

const VERSION: u32 = 0;

fn parse<T>(path: &Path, text: &str, mut entry: impl FnMut(&str) -> Option<T>) -> Result<Vec<T>> {
    // Kafka creates its checkpoints empty and fills them later.
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut lines = text.lines();
    match lines.next().and_then(|line| line.trim().parse::<u32>().ok()) {
        Some(VERSION) => {}
        Some(version) => return Err(LogError::corrupt(path, format!("unknown version {version}"))),
        None => return Err(LogError::corrupt(path, "the first line is not a version")),
    }
    let Some(count) = lines.next().and_then(|line| line.trim().parse::<usize>().ok()) else {
        return Err(LogError::corrupt(path, "the second line is not a count"));
    };
    let mut entries = Vec::with_capacity(count.min(text.len() / 4));
    for line in lines.filter(|line| !line.is_empty()) {
        let Some(entry) = entry(line) else {
            return Err(LogError::corrupt(path, format!("cannot read the line {line:?}")));
        };
        entries.push(entry);
    }
    if entries.len() != count {
        let found = entries.len();
        return Err(LogError::corrupt(path, format!("{count} entries announced, {found} found")));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use disk::{File, MemoryDisk, Open};

    use super::*;

    #[test]
    fn checkpoints_are_read_or_refused() {
        let check = |text: &str, expect: Option<&[(&str, i32, i64)]>| {
            let disk = MemoryDisk::new();
            let path = Path::new("/checkpoint");
            disk.open(path, Open::CreateNew).unwrap().write_at(text.as_bytes(), 0).unwrap();
            let found = read_offsets(&disk, path).ok();
            let expect = expect.map(|entries| {
                entries
                    .iter()
                    .map(|&(topic, number, offset)| (TopicPartition::new(topic, number), offset))
                    .collect()
            });
            assert_eq!(found, expect, "{text:?}");
        };
        check("", Some(&[]));
        check("0\n0\n", Some(&[]));
        check("0\n2\na 0 5\na-b 12 9223372036854775807\n", Some(&[("a", 0, 5), ("a-b", 12, i64::MAX)]));
        check("1\n0\n", None);
        check("0\n", None);
        check("0\n2\na 0 5\n", None);
        check("0\n1\na 0 5\nb 0 5\n", None);
        check("0\n1\na 0 -5\n", None);
        check("0\n1\na 0 5 6\n", None);
        check("0\n99999999999999999999\n", None);
        check("\0\0\0", None);
    }

    #[test]
    fn what_is_written_is_read() {
        let disk = MemoryDisk::new();
        let path = Path::new("/checkpoint");
        write_offsets(&disk, path, [("t", 3, 7), ("u", 0, 0)].into_iter()).unwrap();
        let read = read_offsets(&disk, path).unwrap();
        assert_eq!(
            read,
            BTreeMap::from([(TopicPartition::new("t", 3), 7), (TopicPartition::new("u", 0), 0)])
        );
        let epochs = [EpochStart { epoch: 1, start_offset: 0 }, EpochStart { epoch: 4, start_offset: 99 }];
        write_epochs(&disk, path, &epochs).unwrap();
        assert_eq!(read_epochs(&disk, path).unwrap(), epochs);
    }
}
