//! Outgoing bytes of one connection, gathered into few large writes.
//!
//! Small pieces are copied together into buffers that the shard's connections share through a
//! [`BufferPool`]; long ones (record batches, large values) are sent from where they lie. An outbox
//! never decides that it is too full: it tells its size, and the owner stops reading or closes.

use crate::limits;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};

/// Gathering buffers that wait for reuse.
#[derive(Debug, Default)]
pub struct BufferPool {
    spare: Vec<Vec<u8>>,
}

impl BufferPool {
    /// A pool without buffers.
    pub fn new() -> Self {
        BufferPool::default()
    }

    fn take(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    fn give(&mut self, mut buffer: Vec<u8>) {
        if self.spare.len() < limits::GATHER_BUFFERS_KEPT
            && buffer.capacity() <= limits::GATHER_BUFFER_KEPT_BYTES
        {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}

/// Bytes that wait to be written. An empty one holds no memory worth counting.
#[derive(Debug, Default)]
pub struct Outbox {
    pieces: VecDeque<Piece>,
    /// How much of the first piece was written.
    written: usize,
    /// Bytes that wait, over all pieces.
    waiting: usize,
}

#[derive(Debug)]
enum Piece {
    Gathered(Vec<u8>),
    Shared(Bytes),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Piece::Gathered(bytes) => bytes,
            Piece::Shared(bytes) => bytes,
        }
    }
}

impl Outbox {
    /// An outbox with nothing in it.
    pub fn new() -> Self {
        Outbox::default()
    }

    /// Bytes that wait to be written.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Adds a piece that is sent from where it lies if it is long.
    pub fn push(&mut self, bytes: Bytes, pool: &mut BufferPool) {
        if bytes.len() <= limits::COALESCE_BYTES_MAX {
            return self.push_copy(&bytes, pool);
        }
        self.waiting += bytes.len();
        self.pieces.push_back(Piece::Shared(bytes));
    }

    /// Adds a copy of a short piece.
    pub fn push_copy(&mut self, bytes: &[u8], pool: &mut BufferPool) {
        if bytes.is_empty() {
            return;
        }
        self.waiting += bytes.len();
        match self.pieces.back_mut() {
            Some(Piece::Gathered(buffer)) if buffer.len() + bytes.len() <= limits::GATHER_BYTES => {
                buffer.extend_from_slice(bytes);
            }
            _ => {
                let mut buffer = pool.take();
                buffer.extend_from_slice(bytes);
                self.pieces.push_back(Piece::Gathered(buffer));
            }
        }
    }

    /// Writes until nothing waits or `sink` would block. `Ok(true)` means that nothing waits.
    pub fn flush(&mut self, sink: &mut impl Write, pool: &mut BufferPool) -> io::Result<bool> {
        while self.waiting > 0 {
            match self.write_once(sink) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.advance(written, pool),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn write_once(&self, sink: &mut impl Write) -> io::Result<usize> {
        let first = &self.pieces[0].bytes()[self.written..];
        if self.pieces.len() == 1 {
            return sink.write(first);
        }
        let mut slices = [IoSlice::new(&[]); limits::SLICES_PER_WRITE];
        slices[0] = IoSlice::new(first);
        let mut used = 1;
        for piece in self.pieces.iter().skip(1).take(limits::SLICES_PER_WRITE - 1) {
            slices[used] = IoSlice::new(piece.bytes());
            used += 1;
        }
        sink.write_vectored(&slices[..used])
    }

    fn advance(&mut self, mut written: usize, pool: &mut BufferPool) {
        assert!(written <= self.waiting, "a sink cannot take more than it was given");
        self.waiting -= written;
        while written > 0 {
            let left = self.pieces[0].bytes().len() - self.written;
            if written < left {
                self.written += written;
                break;
            }
            written -= left;
            self.written = 0;
            if let Some(Piece::Gathered(buffer)) = self.pieces.pop_front() {
                pool.give(buffer);
            }
        }
        if self.pieces.is_empty() {
            assert!(self.waiting == 0 && self.written == 0);
            self.pieces.shrink_to(4);
        }
    }
}

#[cfg(test)]
mod tests;
