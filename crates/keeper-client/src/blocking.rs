//! A client for tools: one request after the other over a `std` socket.

use crate::Servers;
use crate::limits::REPLY_BYTES_MAX;
use crate::session::{Answer, Effect, Event, Input, Options, Session, Token};
use crate::wire::Wire;
use bytes::{Bytes, BytesMut};
use clock::{Moment, Now, Span, WallTime};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant, SystemTime};
use transport::tls::Connector;
use zookeeper_wire::{
    Acl, CreateRequest, DeleteRequest, ErrorCode, PathWatch, Request, Response, SessionId, SetDataRequest,
    Stat, WatcherEvent,
};

/// A connected client.
pub struct Client {
    session: Session,
    servers: Servers,
    tls: Option<Connector>,
    stream: Option<Wire>,
    received: BytesMut,
    started: Instant,
    patience: Duration,
    next_token: u64,
    events: VecDeque<Event>,
    answers: VecDeque<(Token, Answer)>,
    last_failure: Option<io::Error>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Error {
    /// No server could be reached in time.
    Unreachable {
        /// Whom was tried.
        servers: Servers,
        /// What the last try met.
        why: Option<io::Error>,
    },
    /// The server answered with an error.
    Answered(ErrorCode),
    /// The connection broke while the request was under way: it may or may not have happened.
    Lost,
    /// The server took too long.
    TimedOut,
}

impl Client {
    /// Connects to one of `servers`; gives up after `patience`, which is also how long each later
    /// request may take.
    pub fn connect(servers: Servers, session_timeout: Span, patience: Duration) -> Result<Client, Error> {
        let mut options = Options::new(servers.clone());
        options.timeout = session_timeout;
        options.create_chroot = false;
        Client::with(options, patience)
    }

    /// The same with all options.
    pub fn with(options: Options, patience: Duration) -> Result<Client, Error> {
        Client::secured(options, patience, None)
    }

    /// The same over TLS, if there is a connector.
    pub fn secured(options: Options, patience: Duration, tls: Option<Connector>) -> Result<Client, Error> {
        let servers = options.servers.clone();
        let mut client = Client {
            session: Session::new(options),
            servers,
            tls,
            stream: None,
            received: BytesMut::new(),
            started: Instant::now(),
            patience,
            next_token: 0,
            events: VecDeque::new(),
            answers: VecDeque::new(),
            last_failure: None,
        };
        let deadline = Instant::now() + patience;
        client.step(Input::Woken);
        while !client.session.is_connected() {
            if Instant::now() >= deadline {
                return Err(client.unreachable());
            }
            // One server on this machine that refuses will not change its mind soon.
            let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
            let alone = client.servers.addresses().len() == 1;
            if alone && client.last_failure.as_ref().is_some_and(refused) {
                return Err(client.unreachable());
            }
            client.turn(deadline);
        }
        client.events.clear();
        Ok(client)
    }

    fn unreachable(&mut self) -> Error {
        Error::Unreachable { servers: self.servers.clone(), why: self.last_failure.take() }
    }

    /// The session's id.
    pub fn session(&self) -> SessionId {
        self.session.id()
    }

    /// The negotiated session time-out.
    pub fn timeout(&self) -> Span {
        self.session.timeout()
    }

    /// Sends a request and waits for its answer.
    pub fn ask(&mut self, request: Request) -> Result<Response, Error> {
        let token = Token(self.next_token);
        self.next_token += 1;
        let deadline = Instant::now() + self.patience;
        self.step(Input::Ask { token, request });
        loop {
            if let Some((answered, result)) = self.answers.pop_front() {
                if answered != token {
                    continue;
                }
                return match result {
                    Ok((response, _)) => Ok(response),
                    Err(ErrorCode::CONNECTION_LOSS) => Err(Error::Lost),
                    Err(error) => Err(Error::Answered(error)),
                };
            }
            if Instant::now() >= deadline {
                let lost = !self.session.is_connected();
                return Err(if lost { self.unreachable() } else { Error::TimedOut });
            }
            self.turn(deadline);
        }
    }

    /// Waits for the next watch event or change of the session; `None` if there is none in time.
    pub fn event(&mut self, patience: Duration) -> Option<Event> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if Instant::now() >= deadline {
                return None;
            }
            self.turn(deadline);
        }
    }

    /// As [`event`](Client::event) for watch events alone.
    pub fn watch_event(&mut self, patience: Duration) -> Option<WatcherEvent> {
        let deadline = Instant::now() + patience;
        loop {
            match self.event(deadline.saturating_duration_since(Instant::now()))? {
                Event::Watch(event) => return Some(event),
                _ => continue,
            }
        }
    }

    /// Data and stat of a znode.
    pub fn data(&mut self, path: &str, watch: bool) -> Result<(Bytes, Stat), Error> {
        match self.ask(Request::GetData(PathWatch { path: path.into(), watch }))? {
            Response::Data(data, stat) => Ok((data.unwrap_or_default(), stat)),
            _ => Err(Error::Answered(ErrorCode::MARSHALLING_ERROR)),
        }
    }

    /// Stat of a znode, or `None` if there is none.
    pub fn stat(&mut self, path: &str, watch: bool) -> Result<Option<Stat>, Error> {
        match self.ask(Request::Exists(PathWatch { path: path.into(), watch })) {
            Ok(Response::Stat(stat)) => Ok(Some(stat)),
            Ok(_) => Err(Error::Answered(ErrorCode::MARSHALLING_ERROR)),
            Err(Error::Answered(ErrorCode::NO_NODE)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Names of a znode's children, sorted, and its stat.
    pub fn children(&mut self, path: &str, watch: bool) -> Result<(Vec<String>, Stat), Error> {
        match self.ask(Request::GetChildren2(PathWatch { path: path.into(), watch }))? {
            Response::Children2(mut names, stat) => {
                names.sort();
                Ok((names, stat))
            }
            _ => Err(Error::Answered(ErrorCode::MARSHALLING_ERROR)),
        }
    }

    /// Makes a znode; `flags` as in [`CreateRequest`]. Says its path, which has ten digits more if it
    /// is sequential.
    pub fn create(&mut self, path: &str, data: Bytes, flags: i32) -> Result<String, Error> {
        let request = CreateRequest { path: path.into(), data: Some(data), acl: Acl::open(), flags };
        match self.ask(Request::Create(request))? {
            Response::Create(path) => Ok(path),
            _ => Err(Error::Answered(ErrorCode::MARSHALLING_ERROR)),
        }
    }

    /// Replaces a znode's data if it has `version`, or any for -1.
    pub fn set(&mut self, path: &str, data: Bytes, version: i32) -> Result<Stat, Error> {
        let request = SetDataRequest { path: path.into(), data: Some(data), version };
        match self.ask(Request::SetData(request))? {
            Response::Stat(stat) => Ok(stat),
            _ => Err(Error::Answered(ErrorCode::MARSHALLING_ERROR)),
        }
    }

    /// Deletes a znode if it has `version`, or any for -1.
    pub fn delete(&mut self, path: &str, version: i32) -> Result<(), Error> {
        self.ask(Request::Delete(DeleteRequest { path: path.into(), version })).map(drop)
    }

    /// Ends the session; its ephemeral znodes go at once.
    pub fn close(mut self) {
        let deadline = Instant::now() + self.patience;
        self.step(Input::Close);
        while self.stream.is_some() && Instant::now() < deadline {
            self.turn(deadline);
        }
    }

    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Now {
            moment: Moment::at_ms(self.started.elapsed().as_millis() as u64),
            wall: WallTime::at_ms(wall.as_millis() as i64),
        }
    }

    /// Waits for something to happen until `deadline` or the session's own, and lets the session know.
    fn turn(&mut self, deadline: Instant) {
        let now = self.now().moment;
        let own = self.session.deadline().map_or(Duration::MAX, |at| at.since(now).as_duration());
        let wait = deadline.saturating_duration_since(Instant::now()).min(own).max(Duration::from_millis(1));
        match self.read_frame(wait) {
            Ok(Some(frame)) => self.step(Input::Frame(frame)),
            Ok(None) => self.step(Input::Woken),
            Err(error) => {
                self.last_failure = Some(error);
                self.drop_stream();
                self.step(Input::Unlinked);
            }
        }
    }

    fn drop_stream(&mut self) {
        self.stream = None;
        self.received.clear();
    }

    /// The next frame's payload, or `None` if `wait` passes before it is whole.
    fn read_frame(&mut self, wait: Duration) -> io::Result<Option<Bytes>> {
        let deadline = Instant::now() + wait;
        loop {
            if let Some(length) = self.received.first_chunk::<4>() {
                let length = u32::from_be_bytes(*length) as usize;
                if length > REPLY_BYTES_MAX {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "this is no ZooKeeper server"));
                }
                if self.received.len() >= 4 + length {
                    let mut frame = self.received.split_to(4 + length);
                    let _ = frame.split_to(4);
                    return Ok(Some(frame.freeze()));
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let Some(stream) = &mut self.stream else {
                std::thread::sleep(left);
                return Ok(None);
            };
            stream.set_read_timeout(left)?;
            let mut chunk = [0; 16 * 1024];
            match stream.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.received.extend_from_slice(&chunk[..n]),
                Err(error) if is_timeout(&error) => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn step(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut effects = Vec::new();
            self.session.step(self.now(), input, &mut effects);
            for effect in effects {
                match effect {
                    Effect::Dial(address) => match Wire::dial(&address, self.patience, self.tls.as_ref()) {
                        Ok(stream) => {
                            self.stream = Some(stream);
                            inputs.push_back(Input::Linked);
                        }
                        Err(error) => {
                            self.last_failure = Some(error);
                            inputs.push_back(Input::Unlinked);
                        }
                    },
                    Effect::Send(payload) => {
                        if let Err(error) = self.send(&payload) {
                            self.last_failure = Some(error);
                            self.drop_stream();
                            inputs.push_back(Input::Unlinked);
                        }
                    }
                    Effect::Hangup => self.drop_stream(),
                    Effect::Event(event) => self.events.push_back(event),
                    Effect::Answer { token, result } => self.answers.push_back((token, result)),
                }
            }
        }
    }

    fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let mut frame = Vec::with_capacity(4 + payload.len());
        frame.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        frame.extend_from_slice(payload);
        stream.write_all(&frame)?;
        stream.flush()
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unreachable { servers, why } => {
                write!(f, "no keeper at {servers}")?;
                if let Some(why) = why {
                    write!(f, " ({why})")?;
                }
                f.write_str(": start one with `castle dev`, or name another with --keeper HOST:PORT")
            }
            Error::Answered(error) => error.fmt(f),
            Error::Lost => {
                f.write_str("the connection to the keeper broke; the request may or may not have happened")
            }
            Error::TimedOut => f.write_str("the keeper did not answer in time"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreachable_keeper_is_named_with_the_fix() {
        let why = Some(io::ErrorKind::ConnectionRefused.into());
        let error = Error::Unreachable { servers: Servers::one("localhost", 2181), why };
        assert_eq!(
            error.to_string(),
            "no keeper at localhost:2181 (connection refused): start one with `castle dev`, or name another \
             with --keeper HOST:PORT"
        );
    }
}
