//! Files as streams: buffered reading and writing above [`disk::File`], and the few jute primitives
//! that a stream (rather than a frame in memory) needs.

use std::io::{self, BufRead, Read, Write};

use disk::File;

use crate::limits::{BUFFER_BYTES, UNSEEN_BYTES, UNSYNCED_BYTES_MAX};

/// Reads a file from a place on.
#[derive(Debug)]
pub(crate) struct Source<F> {
    file: F,
    /// Where the next read of the file begins; what is buffered lies before it.
    at: u64,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl<F: File> Source<F> {
    pub(crate) fn new(file: F, at: u64) -> Self {
        Source { file, at, buffer: vec![0; BUFFER_BYTES].into_boxed_slice(), start: 0, end: 0 }
    }

    pub(crate) fn file(&self) -> &F {
        &self.file
    }
}

impl<F: File> BufRead for Source<F> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            let read = self.file.read_at(&mut self.buffer, self.at)?;
            self.at += read as u64;
            (self.start, self.end) = (0, read);
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }
}

impl<F: File> Read for Source<F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // Whoever reads as much as the buffer holds has one.
        if self.start == self.end && into.len() >= self.buffer.len() {
            let read = self.file.read_at(into, self.at)?;
            self.at += read as u64;
            return Ok(read);
        }
        let available = self.fill_buf()?;
        let read = available.len().min(into.len());
        into[..read].copy_from_slice(&available[..read]);
        self.consume(read);
        Ok(read)
    }
}

/// Writes a file from its start, never far ahead of what is durable: a sync of the log beside it would
/// have to wait for all that the system holds back of this file. Nor does it stay in the page cache: there
/// it would take the place of what somebody reads, and a page that is used again is cheaper than a new one.
#[derive(Debug)]
pub(crate) struct Sink<F> {
    file: F,
    at: u64,
    /// How far it is durable.
    synced: u64,
    buffer: Vec<u8>,
}

impl<F: File> Sink<F> {
    pub(crate) fn new(file: F) -> Self {
        Sink { file, at: 0, synced: 0, buffer: Vec::with_capacity(BUFFER_BYTES) }
    }

    /// Writes what is left and makes all of it durable.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.file.sync()?;
        self.file.uncache(self.synced, self.at - self.synced);
        Ok(())
    }
}

impl<F: File> Write for Sink<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_at(&self.buffer, self.at)?;
        self.at += self.buffer.len() as u64;
        self.buffer.clear();
        if self.at - self.synced >= UNSYNCED_BYTES_MAX {
            self.file.sync()?;
            self.file.uncache(self.synced, self.at - self.synced);
            self.synced = self.at;
        }
        Ok(())
    }
}

/// Jute primitives of a stream. Nothing large is allocated for a length before its bytes have come.
pub(crate) trait JuteRead: Read + Sized {
    fn i32(&mut self) -> io::Result<i32> {
        let mut bytes = [0; 4];
        self.read_exact(&mut bytes)?;
        Ok(i32::from_be_bytes(bytes))
    }

    fn i64(&mut self) -> io::Result<i64> {
        let mut bytes = [0; 8];
        self.read_exact(&mut bytes)?;
        Ok(i64::from_be_bytes(bytes))
    }

    /// A buffer of at most `limit` bytes; `None` for null.
    fn buffer(&mut self, limit: usize) -> io::Result<Option<Vec<u8>>> {
        let length = self.i32()?;
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= limit)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("a length of {length}")))?;
        if length <= UNSEEN_BYTES {
            let mut bytes = vec![0; length];
            self.read_exact(&mut bytes)?;
            return Ok(Some(bytes));
        }
        let mut bytes = Vec::new();
        (&mut *self).take(length as u64).read_to_end(&mut bytes)?;
        if bytes.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some(bytes))
    }

    /// A string that must not be null. What is not UTF-8 is replaced, as the original does.
    fn text(&mut self, limit: usize) -> io::Result<String> {
        let bytes = self
            .buffer(limit)?
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "null where a string is needed"))?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
    }
}

impl<R: Read> JuteRead for R {}
