//! One connection of the generator: bytes out, frames in, and when each request was due.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::time::Instant;

use mio::net::TcpStream;

use crate::limits::ANSWER_BYTES_MAX;

pub(crate) struct Connection {
    stream: TcpStream,
    /// Framed requests that the socket has not taken yet.
    outgoing: Vec<u8>,
    sent: usize,
    incoming: Vec<u8>,
    /// When each unanswered request was due, oldest first.
    pub(crate) due: VecDeque<Instant>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Connection {
        Connection { stream, outgoing: Vec::new(), sent: 0, incoming: Vec::new(), due: VecDeque::new() }
    }

    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Queues one frame; `write` appends its body.
    pub(crate) fn queue(&mut self, due: Instant, write: impl FnOnce(&mut Vec<u8>)) {
        let at = self.outgoing.len();
        self.outgoing.extend_from_slice(&[0; 4]);
        write(&mut self.outgoing);
        let length = (self.outgoing.len() - at - 4) as u32;
        self.outgoing[at..at + 4].copy_from_slice(&length.to_be_bytes());
        self.due.push_back(due);
    }

    /// Writes as much as the socket takes.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while self.sent < self.outgoing.len() {
            match self.stream.write(&self.outgoing[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.outgoing.clear();
        self.sent = 0;
        Ok(())
    }

    /// Reads what is there, through `buffer`, and hands over each whole frame.
    pub(crate) fn receive(
        &mut self,
        buffer: &mut [u8],
        mut frame: impl FnMut(&[u8], &mut VecDeque<Instant>),
    ) -> io::Result<()> {
        loop {
            let read = match self.stream.read(buffer) {
                Ok(0) => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the server closed the connection",
                    ));
                }
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let bytes = buffer.get(..read).unwrap_or_default();
            if self.incoming.is_empty() {
                let taken = frames(bytes, &mut self.due, &mut frame)?;
                self.incoming.extend_from_slice(bytes.get(taken..).unwrap_or_default());
            } else {
                self.incoming.extend_from_slice(bytes);
                let taken = frames(&self.incoming, &mut self.due, &mut frame)?;
                self.incoming.drain(..taken);
            }
            // A read that did not fill the buffer took all that was there.
            if read < buffer.len() {
                return Ok(());
            }
        }
    }
}

/// Hands over the whole frames at the front of `bytes`; returns how many bytes they took.
fn frames(
    bytes: &[u8],
    due: &mut VecDeque<Instant>,
    frame: &mut impl FnMut(&[u8], &mut VecDeque<Instant>),
) -> io::Result<usize> {
    let mut at = 0;
    while let Some(header) = bytes.get(at..at + 4) {
        let length = u32::from_be_bytes(header.try_into().expect("four bytes")) as usize;
        if length > ANSWER_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("an answer of {length} bytes")));
        }
        let Some(body) = bytes.get(at + 4..at + 4 + length) else { break };
        frame(body, due);
        at += 4 + length;
    }
    Ok(at)
}
