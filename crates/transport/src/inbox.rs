//! Received bytes, cut into frames.
//!
//! An [`Inbox`] belongs to one connection. Between reads it holds only what has really arrived of an
//! unfinished frame, so an idle connection holds nothing. Frames are cut as shared slices of the buffer
//! they were read into; a keeper of a small frame should copy it, since it pins up to
//! [`SCRATCH_BYTES`](crate::limits::SCRATCH_BYTES).

use crate::Source;
use crate::limits;
use bytes::{Buf, Bytes, BytesMut};
use std::fmt;
use std::io;

/// What a connection accepts as a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameRules {
    /// Longest payload in bytes (inclusive).
    pub bytes_max: u32,
    /// Whether the first four bytes of the connection may be a four-letter word: four lower-case
    /// ASCII letters. As a length they would exceed 1.6 GB, so the two cannot be confused.
    pub first_word: bool,
}

impl FrameRules {
    /// The keeper's client port: `jute.maxbuffer`, four-letter words allowed.
    pub const KEEPER: FrameRules = FrameRules { bytes_max: limits::KEEPER_FRAME_BYTES_MAX, first_word: true };
    /// The broker's client port.
    pub const BROKER: FrameRules =
        FrameRules { bytes_max: limits::BROKER_FRAME_BYTES_MAX, first_word: false };
}

/// What was cut from the received bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cut {
    /// A frame's payload, without its length.
    Frame(Bytes),
    /// A four-letter word instead of a first frame. Everything after it is discarded.
    Word([u8; 4]),
}

/// Why the stream cannot be cut any further. The connection must be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameError {
    /// The length is below zero.
    Negative {
        /// As received.
        length: i32,
    },
    /// The length is above what the rules allow.
    TooLong {
        /// As received.
        length: i32,
        /// What the rules allow.
        bytes_max: u32,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Negative { length } => write!(f, "negative frame length {length}"),
            FrameError::TooLong { length, bytes_max } => {
                write!(f, "frame of {length} bytes exceeds the limit of {bytes_max}")
            }
        }
    }
}

impl std::error::Error for FrameError {}

/// The read buffer that all connections of a shard share.
///
/// Every byte of it is initialized once, when the buffer is renewed, and never again for the reads
/// that use a part of it each. When all frames cut from it are gone, renewing reuses the same memory.
#[derive(Default)]
pub struct Scratch {
    room: BytesMut,
}

impl Scratch {
    /// An empty buffer; it grows to [`SCRATCH_BYTES`](limits::SCRATCH_BYTES) with the first read.
    pub fn new() -> Self {
        Scratch::default()
    }

    /// Room for `ahead` bytes that are copied in, and a read after them.
    fn prepare(&mut self, ahead: usize) {
        if self.room.len() < ahead + limits::READ_BYTES_MIN {
            self.room.clear();
            self.room.resize(limits::SCRATCH_BYTES, 0);
        }
        assert!(self.room.len() >= ahead + limits::READ_BYTES_MIN, "a small partial leaves room to read");
    }
}

/// What one read brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Filled {
    /// Bytes that were read; 0 means the end of the stream.
    pub bytes: usize,
    /// Whether there was room for more, so that the source is probably empty now.
    pub was_short: bool,
}

/// Received bytes of one connection that were not yet cut.
#[derive(Debug)]
pub struct Inbox {
    rules: FrameRules,
    state: State,
    /// Received and not examined. Empty whenever `partial` is not.
    chunk: Bytes,
    /// The beginning of a frame, copied out so that it pins no shared buffer.
    partial: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nothing was cut yet.
    Fresh,
    /// Frames follow.
    Frames,
    /// The word `stmk` was cut, which has eight bytes of its own behind it.
    Mask,
    /// A four-letter word was cut; the rest is discarded.
    Discard,
    /// Cutting failed; nothing more will come.
    Failed(FrameError),
}

impl Inbox {
    /// An inbox of a new connection. Allocates nothing.
    pub fn new(rules: FrameRules) -> Self {
        Inbox { rules, state: State::Fresh, chunk: Bytes::new(), partial: Vec::new() }
    }

    /// Whether [`next_cut`](Self::next_cut) has examined everything that was received, so that another
    /// [`fill`](Self::fill) is allowed.
    pub fn is_drained(&self) -> bool {
        self.chunk.is_empty() && self.rest_of_large() != Some(0)
    }

    /// Bytes held for frames that are unfinished or were not asked for.
    pub fn held_bytes(&self) -> usize {
        self.chunk.len() + self.partial.len()
    }

    /// Reads once from `source`.
    ///
    /// # Panics
    /// If the inbox is not drained: reading on would mean unbounded memory.
    pub fn fill(&mut self, source: &mut impl Source, scratch: &mut Scratch) -> io::Result<Filled> {
        assert!(self.is_drained(), "cut what was received before reading more");
        if self.rest_of_large().is_some() {
            return self.fill_large(source);
        }
        let ahead = self.partial.len();
        scratch.prepare(ahead);
        let read = source.read(&mut scratch.room[ahead..])?;
        if read == 0 {
            return Ok(Filled { bytes: 0, was_short: true });
        }
        let was_short = ahead + read < scratch.room.len();
        scratch.room[..ahead].copy_from_slice(&self.partial);
        self.partial = Vec::new();
        self.chunk = scratch.room.split_to(ahead + read).freeze();
        if self.state == State::Discard {
            self.chunk.clear();
        }
        Ok(Filled { bytes: read, was_short })
    }

    /// Takes bytes that were received by other means.
    pub fn feed(&mut self, bytes: &[u8]) {
        assert!(self.chunk.is_empty(), "cut what was received before feeding more");
        if self.state == State::Discard {
            return;
        }
        let mut joined = std::mem::take(&mut self.partial);
        joined.extend_from_slice(bytes);
        self.chunk = Bytes::from(joined);
    }

    /// The next frame or word, if all of it is here.
    pub fn next_cut(&mut self) -> Result<Option<Cut>, FrameError> {
        match self.state {
            State::Failed(error) => return Err(error),
            State::Discard => return Ok(None),
            State::Mask => return Ok(self.next_mask()),
            State::Fresh | State::Frames => {}
        }
        if self.rest_of_large() == Some(0) {
            self.state = State::Frames;
            let mut frame = Bytes::from(std::mem::take(&mut self.partial));
            frame.advance(4);
            return Ok(Some(Cut::Frame(frame)));
        }
        if self.chunk.is_empty() {
            return Ok(None);
        }
        assert!(self.partial.is_empty(), "a partial frame is joined with what follows it");
        let Some(&head) = self.chunk.first_chunk::<4>() else {
            self.keep_partial(4);
            return Ok(None);
        };
        if self.state == State::Fresh && self.rules.first_word && is_word(head) {
            self.state = if head == *b"stmk" { State::Mask } else { State::Discard };
            let _ = self.chunk.split_to(4);
            if self.state == State::Discard || self.chunk.is_empty() {
                self.chunk = Bytes::new();
            }
            return Ok(Some(Cut::Word(head)));
        }
        let length = self.length_of(head)?;
        if self.chunk.len() < 4 + length {
            self.keep_partial(4 + length);
            return Ok(None);
        }
        self.state = State::Frames;
        let mut frame = self.chunk.split_to(4 + length);
        frame.advance(4);
        if self.chunk.is_empty() {
            // An empty slice would still hold on to the shared buffer.
            self.chunk = Bytes::new();
        }
        Ok(Some(Cut::Frame(frame)))
    }

    /// The argument of a word, as a frame without a length.
    fn next_mask(&mut self) -> Option<Cut> {
        if self.chunk.len() < MASK_BYTES {
            if !self.chunk.is_empty() {
                self.keep_partial(MASK_BYTES);
            }
            return None;
        }
        self.state = State::Discard;
        let mask = self.chunk.split_to(MASK_BYTES);
        self.chunk = Bytes::new();
        Some(Cut::Frame(mask))
    }

    fn length_of(&mut self, head: [u8; 4]) -> Result<usize, FrameError> {
        let length = i32::from_be_bytes(head);
        let error = match u32::try_from(length) {
            Ok(bytes) if bytes <= self.rules.bytes_max => return Ok(bytes as usize),
            Ok(_) => FrameError::TooLong { length, bytes_max: self.rules.bytes_max },
            Err(_) => FrameError::Negative { length },
        };
        self.state = State::Failed(error);
        self.chunk = Bytes::new();
        Err(error)
    }

    /// Copies the unfinished frame of `total` bytes (with its length) out of the shared buffer.
    fn keep_partial(&mut self, total: usize) {
        let here = self.chunk.len();
        let room = if total > limits::LARGE_FRAME_BYTES { large_room(here, total) } else { here };
        self.partial = Vec::with_capacity(room);
        self.partial.extend_from_slice(&self.chunk);
        self.chunk = Bytes::new();
    }

    /// Bytes that are missing of a large frame in progress; `None` if there is none.
    fn rest_of_large(&self) -> Option<usize> {
        let head = self.partial.first_chunk::<4>().filter(|_| self.state != State::Mask)?;
        let total = 4 + u32::from_be_bytes(*head) as usize;
        (total > limits::LARGE_FRAME_BYTES).then(|| total - self.partial.len())
    }

    fn fill_large(&mut self, source: &mut impl Source) -> io::Result<Filled> {
        let rest = self.rest_of_large().expect("the caller saw a large frame in progress");
        let here = self.partial.len();
        let room = large_room(here, here + rest);
        if self.partial.capacity() < room && self.partial.capacity() - here < limits::READ_BYTES_MIN {
            self.partial.reserve_exact(room - here);
        }
        let room = rest.min(self.partial.capacity() - here);
        let bytes = source.read_spare(&mut self.partial, rest)?;
        Ok(Filled { bytes, was_short: bytes < room })
    }
}

/// Capacity that a large frame's buffer may have when `here` of `total` bytes have arrived.
fn large_room(here: usize, total: usize) -> usize {
    let earned = here.saturating_mul(limits::LARGE_FRAME_GROWTH).max(limits::LARGE_FRAME_FIRST_BYTES);
    earned.min(total)
}

/// Bytes behind the word `stmk`: a mask of 64 bits.
const MASK_BYTES: usize = 8;

fn is_word(head: [u8; 4]) -> bool {
    head.iter().all(u8::is_ascii_lowercase)
}

#[cfg(test)]
mod tests;
