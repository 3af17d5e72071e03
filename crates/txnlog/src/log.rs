//! The transaction log: a file header, then entries, then zeroes.
//!
//! ```text
//! header  "ZKLG" | version i32 = 2 | database id i64 = 0
//! entry   Adler-32 of the payload i64 | length i32 | payload | 0x42
//! ```
//! The payload begins with the transaction's header, whose zxid sits at byte 12.

mod file;
mod reader;
mod remains;
mod writer;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use bytes::Bytes;
use simd_adler32::Adler32;
use zookeeper_wire::txn::{TxnEntry, TxnHeader};
use zookeeper_wire::{WireError, Zxid};

pub use file::LogFileReader;
pub use reader::{LogReader, LogTail};
pub use writer::{Durability, LogPolicy, LogWriter};

pub(crate) use file::FILE_HEADER_BYTES;

/// "ZKLG".
pub(crate) const MAGIC: i32 = i32::from_be_bytes(*b"ZKLG");
/// The only version there is.
pub(crate) const VERSION: i32 = 2;
/// Bytes before an entry's payload.
pub(crate) const ENTRY_HEADER_BYTES: usize = 12;
/// The byte behind an entry's payload.
pub(crate) const END_MARK: u8 = 0x42;

/// A transaction as it stands in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogEntry {
    /// Its zxid, as the header inside the payload says.
    pub zxid: Zxid,
    /// Header, body and digest.
    pub payload: Bytes,
    /// Where the entry begins in its file, in bytes.
    pub offset: u64,
    /// Its checksum.
    pub checksum: u32,
}

impl LogEntry {
    /// The transaction in the payload.
    pub fn decode(&self) -> Result<TxnEntry, WireError> {
        TxnEntry::decode(self.payload.clone())
    }
}

/// The end of a log file that a crash left: entries that were never acknowledged, cut short.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Torn {
    /// The file.
    pub path: PathBuf,
    /// Where its valid part ends, in bytes.
    pub at: u64,
    /// Bytes that are there behind it, up to the last that is not zero.
    pub bytes: u64,
}

pub(crate) fn checksum(payload: &[u8]) -> u32 {
    let mut adler = Adler32::new();
    adler.write(payload);
    adler.finish()
}

/// The zxid inside a payload; `None` if that is too short to be a transaction.
pub(crate) fn payload_zxid(payload: &[u8]) -> Option<Zxid> {
    const ZXID_AT: usize = 12;
    if payload.len() < TxnHeader::BYTES {
        return None;
    }
    let bytes = payload.get(ZXID_AT..ZXID_AT + 8)?;
    Some(Zxid(i64::from_be_bytes(bytes.try_into().ok()?)))
}

/// Appends an entry as the file has it.
pub(crate) fn frame(payload: &[u8], into: &mut Vec<u8>) {
    into.extend_from_slice(&i64::from(checksum(payload)).to_be_bytes());
    into.extend_from_slice(&(payload.len() as i32).to_be_bytes());
    into.extend_from_slice(payload);
    into.push(END_MARK);
}
