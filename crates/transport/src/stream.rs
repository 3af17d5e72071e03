//! A byte stream that never blocks: a TCP connection or one end of an in-process pipe.

use crate::pipe::PipeEnd;
use mio::net::TcpStream;
use rustix::buffer::spare_capacity;
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

/// Something to read received bytes from.
pub trait Source: Read {
    /// Appends at most `limit` bytes to `buffer` within its present capacity, without clearing that
    /// capacity first. 0 means the end of the stream. `buffer` must have spare capacity.
    fn read_spare(&mut self, buffer: &mut Vec<u8>, limit: usize) -> io::Result<usize>;
}

/// One connection's bytes. Reads and writes return `WouldBlock` instead of waiting.
#[derive(Debug)]
pub enum Stream {
    /// Over the network or loopback.
    Tcp(TcpStream),
    /// Within the process.
    Pipe(PipeEnd),
}

impl Stream {
    /// Tells the other side that nothing more will be written. Errors are of no interest here.
    pub fn shut_down_writing(&self) {
        match self {
            Stream::Tcp(stream) => drop(stream.shutdown(Shutdown::Write)),
            Stream::Pipe(end) => end.close(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(buffer),
            Stream::Pipe(end) => end.read(buffer),
        }
    }
}

impl Source for Stream {
    fn read_spare(&mut self, buffer: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
        let spare = buffer.capacity() - buffer.len();
        assert!(spare > 0 && limit > 0, "a read without room would look like the end of the stream");
        match self {
            // The whole spare capacity may be filled: no need to clear it first.
            Stream::Tcp(stream) if spare <= limit => Ok(rustix::io::read(&*stream, spare_capacity(buffer))?),
            Stream::Tcp(stream) => {
                let here = buffer.len();
                buffer.resize(here + limit, 0);
                let outcome = stream.read(&mut buffer[here..]);
                buffer.truncate(here + *outcome.as_ref().unwrap_or(&0));
                outcome
            }
            Stream::Pipe(end) => end.read_spare(buffer, limit),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(bytes),
            Stream::Pipe(end) => end.write(bytes),
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write_vectored(slices),
            Stream::Pipe(end) => end.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Source for &[u8] {
    fn read_spare(&mut self, buffer: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
        let spare = buffer.capacity() - buffer.len();
        let (taken, rest) = self.split_at(limit.min(spare).min(self.len()));
        buffer.extend_from_slice(taken);
        *self = rest;
        Ok(taken.len())
    }
}
