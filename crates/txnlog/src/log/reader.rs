//! The log as a whole: the entries of all files from a zxid on, in order.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use disk::Disk;
use zookeeper_wire::txn::TxnHeader;
use zookeeper_wire::{OpCode, Zxid};

use super::{LogEntry, LogFileReader, Torn};
use crate::{Error, directories};

/// Entries across log files. Stops for good at the end or at the first error.
#[derive(Debug)]
pub struct LogReader<D: Disk> {
    disk: D,
    files: VecDeque<(Zxid, PathBuf)>,
    current: Option<LogFileReader<D>>,
    from: Zxid,
    /// The last entry read, whether handed out or not.
    last: Option<(Zxid, u32)>,
    tail: Option<LogTail>,
    torn: Vec<Torn>,
    gap: Option<(Zxid, Zxid)>,
    failed: bool,
}

/// The newest log file, where a writer can go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogTail {
    /// The file.
    pub path: PathBuf,
    /// Where its valid part ends, in bytes; 0 if it has not even a header.
    pub valid_bytes: u64,
    /// Its length.
    pub file_bytes: u64,
    /// Its entries.
    pub entries: u64,
}

impl<D: Disk> LogReader<D> {
    /// The entries of the log files in `directory` whose zxid is `from` or later.
    pub fn open(disk: &D, directory: &Path, from: Zxid) -> Result<Self, Error> {
        let files = directories::log_files(disk, directory)?;
        // The entry may lie in the last file that begins before it.
        let first = files.partition_point(|(zxid, _)| *zxid <= from).saturating_sub(1);
        Ok(LogReader {
            disk: disk.clone(),
            files: files.into_iter().skip(first).collect(),
            current: None,
            from,
            last: None,
            tail: None,
            torn: Vec::new(),
            gap: None,
            failed: false,
        })
    }

    /// The last zxid read so far, including those before `from` in the first file.
    pub fn last_zxid(&self) -> Option<Zxid> {
        self.last.map(|(zxid, _)| zxid)
    }

    /// The newest file; known when the iteration is over, `None` if there is no log file.
    pub fn tail(&self) -> Option<&LogTail> {
        self.tail.as_ref()
    }

    /// The ends of files that crashes tore, as far as they were read.
    pub fn torn(&self) -> &[Torn] {
        &self.torn
    }

    /// The first place where zxids of one epoch do not follow each other, if any: the one before and the
    /// one behind. The original leaves such places when a malformed multi used up a zxid; a lost file
    /// would leave one too.
    pub fn gap(&self) -> Option<(Zxid, Zxid)> {
        self.gap
    }

    fn read(&mut self) -> Result<Option<LogEntry>, Error> {
        loop {
            let Some(file) = &mut self.current else {
                let Some((_, path)) = self.files.pop_front() else { return Ok(None) };
                self.current = Some(LogFileReader::open(&self.disk, &path)?);
                continue;
            };
            let Some(entry) = file.next().transpose()? else {
                self.close();
                continue;
            };
            if self.follows(&entry)? && entry.zxid >= self.from {
                return Ok(Some(entry));
            }
        }
    }

    /// Whether the entry is new. Logs of old servers may hold one twice in a row, and the original logs
    /// the failure of a request that it could not read under the zxid of the transaction before it.
    fn follows(&mut self, entry: &LogEntry) -> Result<bool, Error> {
        if let Some((last, checksum)) = self.last {
            if entry.zxid == last && (entry.checksum == checksum || is_error(entry)) {
                return Ok(false);
            }
            if entry.zxid <= last {
                let path = self.current.as_ref().map_or(Path::new(""), LogFileReader::path);
                let why = format!("transaction {} stands behind {last}", entry.zxid);
                return Err(Error::corrupt(path, entry.offset, why));
            }
            if entry.zxid.epoch() == last.epoch() && Some(entry.zxid) != last.next() {
                self.gap.get_or_insert((last, entry.zxid));
            }
        }
        self.last = Some((entry.zxid, entry.checksum));
        Ok(true)
    }

    fn close(&mut self) {
        if let Some(file) = self.current.take() {
            self.torn.extend(file.torn().cloned());
            self.tail = Some(LogTail {
                path: file.path().to_owned(),
                valid_bytes: file.valid_bytes(),
                file_bytes: file.file_bytes(),
                entries: file.entries(),
            });
        }
    }
}

/// True if the entry is of a transaction that failed: it changes nothing.
fn is_error(entry: &LogEntry) -> bool {
    let kind = entry.payload.get(TxnHeader::BYTES - 4..TxnHeader::BYTES);
    kind == Some(&OpCode::ERROR.0.to_be_bytes()[..])
}

impl<D: Disk> Iterator for LogReader<D> {
    type Item = Result<LogEntry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let result = self.read().transpose();
        self.failed = matches!(result, Some(Err(_)));
        result
    }
}
