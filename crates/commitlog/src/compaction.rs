//! What compaction decides, without a disk: which offset is the newest of each key, and what is left of
//! a batch when older records, expired tombstones and aborted transactions are taken out.

mod filter;
mod key_map;

pub(crate) use filter::{Filter, Verdict};
pub(crate) use key_map::KeyMap;

use crate::index::AbortedTransaction;

/// Whether a batch of a producer at `offset` was undone by the abort of its transaction.
pub(crate) fn is_aborted(aborted: &[AbortedTransaction], producer_id: i64, offset: i64) -> bool {
    aborted.iter().any(|transaction| {
        transaction.producer_id == producer_id
            && (transaction.first_offset..=transaction.last_offset).contains(&offset)
    })
}
