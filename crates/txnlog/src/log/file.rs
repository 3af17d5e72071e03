//! One log file, read from its start. Where the entries end it decides between the three things that
//! can be there: nothing, what a crash tore, or damage.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use disk::{Disk, File, Open};

use super::remains::{self, Fault};
use super::{END_MARK, ENTRY_HEADER_BYTES, LogEntry, MAGIC, Torn, VERSION, checksum, payload_zxid};
use crate::Error;
use crate::limits::{BUFFER_BYTES, ENTRY_BYTES_MAX, GROUP_BYTES_MAX};
use crate::stream::{JuteRead, Source};

/// Bytes of a log file's header.
pub(crate) const FILE_HEADER_BYTES: u64 = 16;

/// The entries of one log file. Stops for good at the end or at the first error.
#[derive(Debug)]
pub struct LogFileReader<D: Disk> {
    path: PathBuf,
    source: Source<D::File>,
    length: u64,
    /// Where the next entry begins.
    at: u64,
    entries: u64,
    done: bool,
    torn: Option<Torn>,
}

impl<D: Disk> LogFileReader<D> {
    /// Opens a log file and checks its header. A file that a crash left without a whole header has no
    /// entries and [is torn](Self::torn) at 0.
    pub fn open(disk: &D, path: &Path) -> Result<Self, Error> {
        let file = disk.open(path, Open::Read).map_err(Error::disk("open", path))?;
        let length = file.length().map_err(Error::disk("measure", path))?;
        let mut reader = LogFileReader {
            path: path.to_owned(),
            source: Source::new(file, 0),
            length,
            at: 0,
            entries: 0,
            done: false,
            torn: None,
        };
        reader.header()?;
        Ok(reader)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the valid part ends so far, in bytes.
    pub fn valid_bytes(&self) -> u64 {
        self.at
    }

    /// The length of the file, zeroes included.
    pub fn file_bytes(&self) -> u64 {
        self.length
    }

    /// Entries read so far.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// What a crash left behind the last entry; known when the iteration is over.
    pub fn torn(&self) -> Option<&Torn> {
        self.torn.as_ref()
    }

    fn header(&mut self) -> Result<(), Error> {
        let header = (|| Ok((self.source.i32()?, self.source.i32()?, self.source.i64()?)))();
        match header {
            Ok((MAGIC, VERSION, _)) => {
                self.at = FILE_HEADER_BYTES;
                Ok(())
            }
            Err(error) if !is_end(&error) => Err(self.failed(error)),
            other => {
                // Made and never synced: at most the beginning of the header is there, and no entry.
                let last = self.last_byte(FILE_HEADER_BYTES)?;
                let mut start = vec![0; last as usize];
                self.source.file().read_exact_at(&mut start, 0).map_err(|error| self.failed(error))?;
                let begun = [&MAGIC.to_be_bytes()[..], &VERSION.to_be_bytes()].concat();
                if last <= FILE_HEADER_BYTES && begun.starts_with(&start) {
                    self.torn = Some(Torn { path: self.path.clone(), at: 0, bytes: last });
                    self.done = true;
                    return Ok(());
                }
                let why = match other {
                    Ok((MAGIC, version, _)) => format!("version {version} of the log format"),
                    _ => "it does not begin as a transaction log".to_owned(),
                };
                Err(Error::Foreign { path: self.path.clone(), why })
            }
        }
    }

    fn read(&mut self) -> Result<Option<LogEntry>, Error> {
        match self.entry() {
            Ok(Ok(entry)) => {
                self.at += (ENTRY_HEADER_BYTES + entry.payload.len() + 1) as u64;
                self.entries += 1;
                Ok(Some(entry))
            }
            Ok(Err(fault)) => self.end(fault).map(|()| None),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn entry(&mut self) -> io::Result<Result<LogEntry, Fault>> {
        let left = self.length.saturating_sub(self.at);
        if left < ENTRY_HEADER_BYTES as u64 {
            return Ok(Err(Fault::Short));
        }
        let (sum, length) = (self.source.i64()?, self.source.i32()?);
        let payload_length = match usize::try_from(length) {
            Ok(0) => return Ok(Err(Fault::Nothing)),
            Ok(length) if length <= ENTRY_BYTES_MAX => length,
            _ => return Ok(Err(Fault::Length(length))),
        };
        let bytes = ENTRY_HEADER_BYTES + payload_length + 1;
        if self.at + bytes as u64 > self.length {
            return Ok(Err(Fault::Short));
        }
        let mut payload = vec![0; payload_length];
        self.source.read_exact(&mut payload)?;
        let mut mark = [0];
        self.source.read_exact(&mut mark)?;
        if mark != [END_MARK] {
            return Ok(Err(Fault::Content { bytes, why: "the byte behind an entry is not its end mark" }));
        }
        let checksum = checksum(&payload);
        if sum != i64::from(checksum) {
            return Ok(Err(Fault::Content { bytes, why: "the checksum of an entry is wrong" }));
        }
        match payload_zxid(&payload) {
            Some(zxid) => Ok(Ok(LogEntry { zxid, payload: Bytes::from(payload), offset: self.at, checksum })),
            None => Ok(Err(Fault::Content { bytes, why: "an entry is too short for a transaction" })),
        }
    }

    /// Decides what it means that the entries end here.
    fn end(&mut self, fault: Fault) -> Result<(), Error> {
        let last = self.last_byte(self.at + GROUP_BYTES_MAX as u64)?;
        if last <= self.at {
            return Ok(());
        }
        let bytes = last - self.at;
        // More than was ever unsynced at one time: the first of it had been durable.
        if bytes > GROUP_BYTES_MAX as u64 {
            let why = "there is no valid entry here, and more data behind it than a crash can tear";
            return Err(Error::corrupt(&self.path, self.at, why));
        }
        let mut rest = vec![0; bytes as usize];
        self.source.file().read_exact_at(&mut rest, self.at).map_err(|error| self.failed(error))?;
        if let Some(why) = remains::damage(&rest, self.at, fault) {
            return Err(Error::corrupt(&self.path, self.at, why));
        }
        self.torn = Some(Torn { path: self.path.clone(), at: self.at, bytes });
        Ok(())
    }

    /// Where the data from the next entry on ends: behind the last byte that is not zero. Stops looking
    /// behind `enough`.
    fn last_byte(&self, enough: u64) -> Result<u64, Error> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let (mut at, mut last) = (self.at, self.at);
        while at < self.length && last <= enough {
            let read = self.source.file().read_at(&mut buffer, at).map_err(|error| self.failed(error))?;
            if read == 0 {
                break;
            }
            if let Some(index) = buffer[..read].iter().rposition(|byte| *byte != 0) {
                last = at + index as u64 + 1;
            }
            at += read as u64;
        }
        Ok(last)
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::disk("read", &self.path)(error)
    }
}

impl<D: Disk> Iterator for LogFileReader<D> {
    type Item = Result<LogEntry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let result = self.read().transpose();
        self.done = !matches!(result, Some(Ok(_)));
        result
    }
}

fn is_end(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}
