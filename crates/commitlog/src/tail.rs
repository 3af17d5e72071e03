//! Recently appended bytes, kept in memory so that readers at the end of a log cause no read. One
//! bounded cache serves all logs of a broker: the oldest append of any of them leaves first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::{Bytes, BytesMut};

use crate::batch::Batches;
use crate::limits::{READ_PIECE_BYTES_MIN, TAIL_PIECE_OVERHEAD_BYTES};

/// The bounded memory behind the tails of many logs. Clones share it.
#[derive(Clone, Debug)]
pub struct TailCache {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    pieces: VecDeque<Arc<Kept>>,
    bytes: usize,
    capacity: usize,
}

/// What one append brought: the batches, in one piece or with the front of the only one apart.
#[derive(Debug)]
struct Kept {
    head: Bytes,
    bytes: Bytes,
}

impl Kept {
    fn charge(&self) -> usize {
        self.head.len() + self.bytes.len() + TAIL_PIECE_OVERHEAD_BYTES
    }
}

/// The newest appends of one log, as far as the cache still holds them. Always a gapless run that
/// ends at the log's end.
#[derive(Default, Debug)]
pub(crate) struct Tail {
    pieces: VecDeque<Piece>,
}

#[derive(Debug)]
struct Piece {
    first_offset: i64,
    next_offset: i64,
    kept: Weak<Kept>,
}

/// What a read collects: pieces in order, within a limit of bytes and of offsets.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) pieces: Vec<Bytes>,
    pub(crate) bytes: usize,
    /// Where the next read goes on.
    pub(crate) next_offset: i64,
    /// Exclusive.
    limit_offset: i64,
    bytes_max: usize,
    /// Whether the first batch is taken even if it is larger than `bytes_max`.
    at_least_one: bool,
    pub(crate) full: bool,
}

impl TailCache {
    /// A cache of at most `capacity` bytes, bookkeeping included.
    pub fn new(capacity: usize) -> Self {
        TailCache { shared: Arc::new(Mutex::new(Shared { pieces: VecDeque::new(), bytes: 0, capacity })) }
    }

    /// Bytes held now, bookkeeping included.
    pub fn held_bytes(&self) -> usize {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    fn keep(&self, piece: Kept) -> Weak<Kept> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.bytes += piece.charge();
        let piece = Arc::new(piece);
        let kept = Arc::downgrade(&piece);
        shared.pieces.push_back(piece);
        while shared.bytes > shared.capacity {
            let Some(oldest) = shared.pieces.pop_front() else { break };
            shared.bytes -= oldest.charge();
        }
        kept
    }
}

impl Tail {
    /// Adds what was just appended at the log's end: `bytes`, or one batch whose front is `head`.
    pub(crate) fn push(
        &mut self,
        cache: &TailCache,
        first_offset: i64,
        next_offset: i64,
        head: Bytes,
        bytes: Bytes,
    ) {
        self.forget_lost();
        self.pieces.push_back(Piece { first_offset, next_offset, kept: cache.keep(Kept { head, bytes }) });
    }

    /// Drops the bookkeeping of pieces that left the cache; gives the memory back if none is left.
    pub(crate) fn forget_lost(&mut self) {
        while self.pieces.front().is_some_and(|piece| piece.kept.strong_count() == 0) {
            self.pieces.pop_front();
        }
        if self.pieces.is_empty() && self.pieces.capacity() > 0 {
            self.pieces = VecDeque::new();
        }
    }

    /// Forgets everything from the piece that holds `offset` on.
    pub(crate) fn truncate(&mut self, offset: i64) {
        while self.pieces.back().is_some_and(|piece| piece.next_offset > offset) {
            self.pieces.pop_back();
        }
    }

    /// Forgets pieces that end at or below `offset`: compaction changed what they hold.
    pub(crate) fn forget_below(&mut self, offset: i64) {
        while self.pieces.front().is_some_and(|piece| piece.next_offset <= offset) {
            self.pieces.pop_front();
        }
    }

    /// Collects from `from` on if that offset is still here; returns whether it was.
    pub(crate) fn collect(&self, from: i64, collected: &mut Collected) -> bool {
        let at = self.pieces.partition_point(|piece| piece.next_offset <= from);
        let Some(first) = self.pieces.get(at) else { return false };
        if first.first_offset > from || first.kept.strong_count() == 0 {
            return false;
        }
        for (number, piece) in self.pieces.range(at..).enumerate() {
            if collected.full || piece.first_offset >= collected.limit_offset {
                break;
            }
            // A piece can leave the cache at any time, but only before its elders' successors do.
            let Some(kept) = piece.kept.upgrade() else { return number > 0 };
            if kept.head.is_empty() {
                collected.add(&kept.bytes, from);
            } else {
                collected.add_batch(&kept.head, &kept.bytes, piece.next_offset);
            }
        }
        true
    }
}

impl Collected {
    pub(crate) fn new(from: i64, limit_offset: i64, bytes_max: usize, at_least_one: bool) -> Self {
        let pieces = Vec::new();
        Collected { pieces, bytes: 0, next_offset: from, limit_offset, bytes_max, at_least_one, full: false }
    }

    /// No batch that begins here or later is taken.
    pub(crate) fn limit_offset(&self) -> i64 {
        self.limit_offset
    }

    /// Bytes that may still be added.
    pub(crate) fn room(&self) -> usize {
        self.bytes_max - self.bytes.min(self.bytes_max)
    }

    /// Whether a batch of `size` bytes may be added.
    pub(crate) fn takes(&self, size: usize) -> bool {
        size <= self.room() || (self.at_least_one && self.bytes == 0)
    }

    /// Adds the whole batches in `bytes` that end at or after `from` and fit. Returns the bytes walked
    /// over, whether taken or passed.
    pub(crate) fn add(&mut self, bytes: &Bytes, from: i64) -> usize {
        let mut batches = Batches::new(bytes);
        let mut start = 0;
        let mut end = 0;
        while let Some(facts) = batches.next() {
            if facts.last_offset < from {
                start = batches.position();
                end = start;
                continue;
            }
            let size = facts.size as usize;
            let fits =
                size + (end - start) <= self.room() || (self.at_least_one && self.bytes == 0 && start == end);
            if facts.base_offset >= self.limit_offset || !fits {
                self.full = true;
                break;
            }
            end += size;
            self.next_offset = facts.next_offset();
        }
        if end > start {
            self.bytes += end - start;
            self.pieces.push(bytes.slice(start..end));
        }
        end
    }

    /// Adds one batch in two pieces that is wanted, if it fits.
    fn add_batch(&mut self, head: &Bytes, rest: &Bytes, next_offset: i64) {
        let size = head.len() + rest.len();
        if !self.takes(size) {
            self.full = true;
            return;
        }
        self.bytes += size;
        self.next_offset = next_offset;
        self.pieces.push(head.clone());
        self.pieces.push(rest.clone());
    }

    /// The pieces, small neighbours copied together.
    pub(crate) fn into_pieces(self) -> Vec<Bytes> {
        if self.pieces.len() < 2 {
            return self.pieces;
        }
        let mut pieces = Vec::new();
        let mut small = BytesMut::new();
        for piece in self.pieces {
            if piece.len() < READ_PIECE_BYTES_MIN {
                small.extend_from_slice(&piece);
                continue;
            }
            if !small.is_empty() {
                pieces.push(small.split().freeze());
            }
            pieces.push(piece);
        }
        if !small.is_empty() {
            pieces.push(small.freeze());
        }
        pieces
    }
}
