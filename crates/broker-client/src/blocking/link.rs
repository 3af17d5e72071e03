//! One socket to one broker.

use crate::connection::{Connection, ConnectionError, Welcome};
use crate::limits::{RESPONSE_BYTES_MAX, RESPONSE_RESERVE_BYTES_MAX};
use crate::{Address, Error};
use bytes::{Buf, Bytes, BytesMut};
use kafka_wire::{ApiKey, Frame, Request, WireError};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// Bytes of the length in front of every message.
const PREFIX_LEN: usize = 4;

/// Bytes that are asked of the socket at once.
const READ_BYTES: usize = 64 * 1024;

/// A connected socket with its protocol state. After any error it is of no use.
#[derive(Debug)]
pub(super) struct Link {
    address: Address,
    stream: TcpStream,
    connection: Connection,
    received: BytesMut,
}

impl Link {
    /// Connects and agrees on versions.
    pub(super) fn open(address: &Address, client_id: &str, patience: Duration) -> Result<Link, Error> {
        let unreachable = |why| Error::Unreachable { addresses: vec![address.clone()], why };
        let stream = connect(address, patience).map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let mut link = Link {
            address: address.clone(),
            stream,
            connection: Connection::new(client_id),
            received: BytesMut::new(),
        };
        let mut frame = link.connection.hello();
        loop {
            link.write(&frame)?;
            let answer = link.frame(Some(patience))?.ok_or_else(|| link.timed_out())?;
            match link.connection.welcome(answer) {
                Ok(Welcome::Ready) => return Ok(link),
                Ok(Welcome::Again(again)) => frame = again,
                Err(error) => return Err(link.failed(error)),
            }
        }
    }

    /// Whether both sides speak `api`.
    pub(super) fn serves(&self, api: ApiKey) -> bool {
        self.connection.serves(api)
    }

    /// The version of `api` that is spoken.
    pub(super) fn version_of(&self, api: ApiKey) -> Result<i16, Error> {
        self.connection.version_of(api).map_err(|error| self.failed(error))
    }

    /// Sends a request whose answer [`Link::receive`] or [`Link::poll`] will take.
    pub(super) fn send<R: Request>(&mut self, request: &R) -> Result<(), Error> {
        let frame = self.connection.ask(request).map_err(|error| self.failed(error))?;
        self.write(&frame)
    }

    /// Sends a request that is never answered.
    pub(super) fn tell<R: Request>(&mut self, request: &R) -> Result<(), Error> {
        let frame = self.connection.tell(request).map_err(|error| self.failed(error))?;
        self.write(&frame)
    }

    /// Takes the answer to the oldest request under way, which is an `R`.
    pub(super) fn receive<R: Request>(&mut self, patience: Duration) -> Result<R::Response, Error> {
        self.poll::<R>(patience)?.ok_or_else(|| self.timed_out())
    }

    /// As [`Link::receive`], but `None` if it did not come in time: it may be taken later.
    pub(super) fn poll<R: Request>(&mut self, patience: Duration) -> Result<Option<R::Response>, Error> {
        let Some(frame) = self.frame(Some(patience))? else { return Ok(None) };
        self.connection.answer::<R>(frame).map(Some).map_err(|error| self.failed(error))
    }

    /// Sends a request and takes its answer.
    pub(super) fn ask<R: Request>(&mut self, request: &R, patience: Duration) -> Result<R::Response, Error> {
        self.send(request)?;
        self.receive::<R>(patience)
    }

    fn write(&mut self, frame: &Frame) -> Result<(), Error> {
        let length = u32::try_from(frame.len()).expect("a frame is below 4 GiB").to_be_bytes();
        let lost = |why| Error::Lost { address: self.address.clone(), why };
        match frame.segments() {
            // What is small leaves in one packet.
            [only] if only.len() <= READ_BYTES => {
                self.stream.write_all(&[&length[..], only].concat()).map_err(lost)
            }
            segments => {
                self.stream.write_all(&length).map_err(lost)?;
                segments.iter().try_for_each(|segment| self.stream.write_all(segment)).map_err(lost)
            }
        }
    }

    /// The next whole message, without its length.
    fn frame(&mut self, patience: Option<Duration>) -> Result<Option<Bytes>, Error> {
        let deadline = patience.map(|patience| Instant::now() + patience);
        loop {
            if let Some(prefix) = self.received.first_chunk::<PREFIX_LEN>() {
                let length = u32::from_be_bytes(*prefix) as usize;
                if length > RESPONSE_BYTES_MAX {
                    return Err(Error::Wire { address: self.address.clone(), why: WireError::Length });
                }
                if self.received.len() >= PREFIX_LEN + length {
                    self.received.advance(PREFIX_LEN);
                    return Ok(Some(self.received.split_to(length).freeze()));
                }
                self.received
                    .reserve((PREFIX_LEN + length - self.received.len()).min(RESPONSE_RESERVE_BYTES_MAX));
            }
            if !self.read(deadline)? {
                return Ok(None);
            }
        }
    }

    /// Reads what is there, or waits for it; `false` if the deadline came first.
    fn read(&mut self, deadline: Option<Instant>) -> Result<bool, Error> {
        let lost = |why| Error::Lost { address: self.address.clone(), why };
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        // A time-out of zero would mean none at all.
        let timeout = left.map(|left| left.max(Duration::from_millis(1)));
        self.stream.set_read_timeout(timeout).map_err(lost)?;
        let start = self.received.len();
        let room = (self.received.capacity() - start).max(READ_BYTES);
        self.received.resize(start + room, 0);
        let result = self.stream.read(&mut self.received[start..]);
        self.received.truncate(start + *result.as_ref().unwrap_or(&0));
        match result {
            Ok(0) => Err(lost(io::Error::new(ErrorKind::UnexpectedEof, "the broker closed it"))),
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Ok(deadline.is_some_and(|deadline| Instant::now() < deadline))
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(lost(error)),
        }
    }

    fn timed_out(&self) -> Error {
        Error::TimedOut { what: format!("an answer of {}", self.address) }
    }

    fn failed(&self, error: ConnectionError) -> Error {
        let address = self.address.clone();
        match error {
            ConnectionError::Unsupported(api) => Error::Unsupported { api },
            ConnectionError::Unexpected => Error::Wire { address, why: WireError::Length },
            ConnectionError::Wire(why) => Error::Wire { address, why },
            ConnectionError::Refused(code) => Error::refused(format!("talk to {address}"), code, None),
        }
    }
}

/// Tries every address that the name stands for.
fn connect(address: &Address, patience: Duration) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(ErrorKind::NotFound, "the name stands for no address");
    for socket in (address.host.as_str(), address.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&socket, patience) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
