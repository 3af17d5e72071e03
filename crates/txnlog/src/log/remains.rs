//! What is left behind the last valid entry of a log file: the remains of a write that a power loss
//! tore, which nobody was told about and which may go; or damage to what was once durable.
//!
//! The file was zero there before, so a torn write shows as zeroes: at its end, or in the sectors that
//! did not reach the disk. Damage shows as an entry that is there in full and is not what was written,
//! or as valid entries behind it without a lost sector between.

use super::{END_MARK, ENTRY_HEADER_BYTES, checksum, payload_zxid};
use crate::limits::SECTOR;

/// Why an entry is not one.
pub(super) enum Fault {
    /// Its length is zero.
    Nothing,
    /// It ends behind the end of the file.
    Short,
    /// No entry has such a length.
    Length(i32),
    /// It has `bytes` bytes by its header, and they are not what was written.
    Content { bytes: usize, why: &'static str },
}

/// Whether `rest`, everything from the faulty entry to the last byte that is not zero, is damage, and
/// why. `at` is its place in the file.
pub(super) fn damage(rest: &[u8], at: u64, fault: Fault) -> Option<String> {
    if let Some(valid) = (1..rest.len()).find(|start| is_entry(&rest[*start..])) {
        let lost = has_empty_sector(&rest[..valid], at);
        return (!lost).then(|| format!("there is no valid entry here, but one {valid} bytes further on"));
    }
    if only_length_is_wrong(rest) {
        return Some("the length of an entry is wrong".to_owned());
    }
    match fault {
        Fault::Nothing | Fault::Short => None,
        Fault::Length(length) => Some(format!("an entry cannot have {length} bytes")),
        Fault::Content { bytes, why } => {
            let whole = rest.len() >= bytes && !has_empty_sector(&rest[..bytes], at);
            whole.then(|| why.to_owned())
        }
    }
}

/// Whether `bytes` begin with a valid entry. The checksum is computed last: few places get that far.
fn is_entry(bytes: &[u8]) -> bool {
    let Some((sum, length)) = header(bytes) else { return false };
    let Some(payload) = bytes.get(ENTRY_HEADER_BYTES..ENTRY_HEADER_BYTES.saturating_add(length)) else {
        return false;
    };
    let mark = bytes.get(ENTRY_HEADER_BYTES + length);
    mark == Some(&END_MARK) && payload_zxid(payload).is_some() && sum == i64::from(checksum(payload))
}

/// Whether everything up to the last byte is an entry but for the length in its header.
fn only_length_is_wrong(rest: &[u8]) -> bool {
    match (header(rest), rest.split_last()) {
        (Some((sum, _)), Some((&END_MARK, entry))) if entry.len() > ENTRY_HEADER_BYTES => {
            sum == i64::from(checksum(&entry[ENTRY_HEADER_BYTES..]))
        }
        _ => false,
    }
}

/// The checksum and the length that an entry at the start of `bytes` claims; a negative length is one
/// that nothing has.
fn header(bytes: &[u8]) -> Option<(i64, usize)> {
    let sum = i64::from_be_bytes(bytes.get(..8)?.try_into().ok()?);
    let length = i32::from_be_bytes(bytes.get(8..ENTRY_HEADER_BYTES)?.try_into().ok()?);
    Some((sum, usize::try_from(length).unwrap_or(usize::MAX)))
}

/// Whether `bytes`, which lie at `at` in their file, are nothing but zeroes in one of the sectors that
/// they touch.
fn has_empty_sector(bytes: &[u8], at: u64) -> bool {
    let sector = SECTOR as usize;
    let first = (sector - (at % SECTOR) as usize).min(bytes.len());
    let (start, whole) = bytes.split_at(first);
    std::iter::once(start).chain(whole.chunks(sector)).any(|part| part.iter().all(|byte| *byte == 0))
}
