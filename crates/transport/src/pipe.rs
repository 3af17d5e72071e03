//! An in-process connection: two ends, a bounded queue of bytes each way, and a waker at each end.
//!
//! It carries exactly the bytes that a TCP connection would, so the broker of `castle dev` talks to
//! its keeper as it would to a foreign one. Ends may live on different threads. Neither blocks.

use crate::limits;
use crate::stream::Source;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Told when an end may have become readable or writable. Must not block.
pub trait Wake: Send + Sync {
    /// Something changed. May be called more often than needed.
    fn wake(&self);
}

/// One end of a pipe. Dropping it closes the pipe; what was written before can still be read.
pub struct PipeEnd {
    shared: Arc<Mutex<Shared>>,
    side: usize,
}

#[derive(Default)]
struct Shared {
    sides: [Side; 2],
    capacity: usize,
}

#[derive(Default)]
struct Side {
    /// Bytes on their way *to* this side.
    incoming: VecDeque<u8>,
    waker: Option<Arc<dyn Wake>>,
    closed: bool,
}

/// A new pipe that holds at most [`PIPE_BYTES`](limits::PIPE_BYTES) each way.
pub fn pipe() -> (PipeEnd, PipeEnd) {
    pipe_with_capacity(limits::PIPE_BYTES)
}

/// A new pipe that holds at most `capacity` bytes each way.
pub fn pipe_with_capacity(capacity: usize) -> (PipeEnd, PipeEnd) {
    assert!(capacity > 0, "a pipe without room can carry nothing");
    let shared = Arc::new(Mutex::new(Shared { capacity, ..Shared::default() }));
    (PipeEnd { shared: Arc::clone(&shared), side: 0 }, PipeEnd { shared, side: 1 })
}

impl PipeEnd {
    /// Sets whom to tell when this end may have become readable or writable.
    pub fn set_waker(&self, waker: Arc<dyn Wake>) {
        self.lock().sides[self.side].waker = Some(waker);
    }

    /// Ends the stream in both directions. The other end reads what is there, then the end.
    pub fn close(&self) {
        let mut shared = self.lock();
        shared.sides[self.side].closed = true;
        shared.sides[self.side].incoming = VecDeque::new();
        wake(shared, 1 - self.side);
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // Nothing can panic between two changes that belong together, so a poisoned lock is as good.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Releases the lock, then wakes `side`.
fn wake(shared: MutexGuard<'_, Shared>, side: usize) {
    let waker = shared.sides[side].waker.clone();
    drop(shared);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl PipeEnd {
    /// Lets `take` remove bytes from what has arrived.
    fn receive(&self, take: impl FnOnce(&mut VecDeque<u8>) -> usize) -> io::Result<usize> {
        let mut shared = self.lock();
        let capacity = shared.capacity;
        let incoming = &mut shared.sides[self.side].incoming;
        if incoming.is_empty() {
            return match shared.sides[1 - self.side].closed || shared.sides[self.side].closed {
                true => Ok(0),
                false => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        let was_full = incoming.len() == capacity;
        let read = take(incoming);
        if incoming.is_empty() {
            incoming.shrink_to(limits::PIPE_BYTES_KEPT);
        }
        if was_full && read > 0 {
            wake(shared, 1 - self.side);
        }
        Ok(read)
    }
}

impl Read for PipeEnd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive(|incoming| {
            let read = buffer.len().min(incoming.len());
            let (front, back) = incoming.as_slices();
            let split = read.min(front.len());
            buffer[..split].copy_from_slice(&front[..split]);
            buffer[split..read].copy_from_slice(&back[..read - split]);
            incoming.drain(..read);
            read
        })
    }
}

impl Source for PipeEnd {
    fn read_spare(&mut self, buffer: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
        let spare = buffer.capacity() - buffer.len();
        self.receive(|incoming| {
            let read = limit.min(spare).min(incoming.len());
            buffer.extend(incoming.drain(..read));
            read
        })
    }
}

impl Write for PipeEnd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut shared = self.lock();
        if shared.sides.iter().any(|side| side.closed) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let capacity = shared.capacity;
        let incoming = &mut shared.sides[1 - self.side].incoming;
        let taken = bytes.len().min(capacity - incoming.len());
        if taken == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let was_empty = incoming.is_empty();
        incoming.extend(&bytes[..taken]);
        if was_empty && taken > 0 {
            wake(shared, 1 - self.side);
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for PipeEnd {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for PipeEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PipeEnd({})", self.side)
    }
}

#[cfg(test)]
mod tests;
