//! A byte stream that never blocks: a TCP connection, with TLS or without, or one end of an in-process
//! pipe.

use crate::pipe::PipeEnd;
use crate::tls::{Detecting, TlsStream};
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
    /// The same, encrypted.
    Tls(Box<TlsStream>),
    /// One of the two above, as its first byte will tell.
    Detecting(Box<Detecting>),
    /// Within the process.
    Pipe(PipeEnd),
}

impl Stream {
    /// Tells the other side that nothing more will be written. Errors are of no interest here.
    pub fn shut_down_writing(&mut self) {
        match self {
            Stream::Tcp(stream) => drop(stream.shutdown(Shutdown::Write)),
            Stream::Tls(stream) => stream.shut_down_writing(),
            Stream::Detecting(stream) => drop(stream.tcp_mut().shutdown(Shutdown::Write)),
            Stream::Pipe(end) => end.close(),
        }
    }

    /// The socket below, if there is one.
    pub fn tcp_mut(&mut self) -> Option<&mut TcpStream> {
        match self {
            Stream::Tcp(stream) => Some(stream),
            Stream::Tls(stream) => Some(stream.tcp_mut()),
            Stream::Detecting(stream) => Some(stream.tcp_mut()),
            Stream::Pipe(_) => None,
        }
    }

    /// The TLS connection, if it is one.
    pub fn tls_mut(&mut self) -> Option<&mut TlsStream> {
        match self {
            Stream::Tls(stream) => Some(stream),
            _ => None,
        }
    }

    /// Whether it will be known only after a handshake what the other side says.
    pub fn is_handshaking(&self) -> bool {
        match self {
            Stream::Tls(stream) => stream.is_handshaking(),
            Stream::Detecting(_) => true,
            Stream::Tcp(_) | Stream::Pipe(_) => false,
        }
    }

    /// Whether bytes that were written already still wait for the socket to take them.
    pub fn wants_write(&self) -> bool {
        matches!(self, Stream::Tls(stream) if stream.wants_write())
    }

    /// Whether a read that brings less than there was room for says that nothing more is there.
    pub fn short_read_is_last(&self) -> bool {
        matches!(self, Stream::Tcp(_))
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(buffer),
            Stream::Tls(stream) => stream.read(buffer),
            Stream::Detecting(stream) => {
                *self = stream.decide()?;
                self.read(buffer)
            }
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
            Stream::Tcp(_) | Stream::Tls(_) | Stream::Detecting(_) => {
                let here = buffer.len();
                buffer.resize(here + limit.min(spare), 0);
                let outcome = self.read(&mut buffer[here..]);
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
            Stream::Tls(stream) => stream.write(bytes),
            // Nobody is spoken to before he spoke.
            Stream::Detecting(_) => Err(io::ErrorKind::WouldBlock.into()),
            Stream::Pipe(end) => end.write(bytes),
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write_vectored(slices),
            Stream::Tls(stream) => stream.write_vectored(slices),
            Stream::Detecting(_) => Err(io::ErrorKind::WouldBlock.into()),
            Stream::Pipe(end) => end.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Tls(stream) => stream.flush(),
            Stream::Tcp(_) | Stream::Detecting(_) | Stream::Pipe(_) => Ok(()),
        }
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
