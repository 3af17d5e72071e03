//! [`Session`]: one ZooKeeper session over one connection after another.
//!
//! It dials the servers in turn, attaches to its session, keeps it alive by pings, matches replies with
//! requests in order, remembers watches and sets them again, and begins a new session when the old one
//! has expired. Requests that were sent when a connection broke are answered `CONNECTION_LOSS`, since
//! nobody knows whether they happened; requests that were not sent yet wait for the next connection.

use crate::limits::{
    OUTSTANDING_REQUESTS_DEFAULT, PING_INTERVAL_MAX, REDIAL_PAUSE_MAX, REDIAL_PAUSE_MIN, REQUEST_BYTES_MAX,
    WAITING_REQUESTS_MAX,
};
use crate::watches::{Watches, Wish};
use crate::{Address, Servers, chroot};
use bytes::Bytes;
use clock::{Moment, Now, Span};
use std::borrow::Cow;
use std::collections::VecDeque;
use zookeeper_wire::jute::{Reader, WireError, Writer};
use zookeeper_wire::{
    Acl, AuthPacket, ConnectRequest, ConnectResponse, CreateRequest, ErrorCode, OpCode, ReplyHeader, Request,
    Response, SessionId, WatcherEvent, Xid, Zxid,
};

/// The caller's number for a request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Token(pub u64);

/// How a session shall be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whom to dial, and which znode to take for the root.
    pub servers: Servers,
    /// The session time-out to ask for; the server has the last word.
    pub timeout: Span,
    /// Most requests sent and not answered.
    pub outstanding_max: usize,
    /// Whether to make the chroot's znodes when a session begins.
    pub create_chroot: bool,
    /// Credentials to present on every connection: scheme and secret.
    pub credentials: Vec<(String, Bytes)>,
    /// Decides which server is dialled first and how long pauses are.
    pub seed: u64,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The connection that [`Effect::Dial`] asked for is there.
    Linked,
    /// It could not be made, or broke. Not to be said after [`Effect::Hangup`].
    Unlinked,
    /// A frame's payload came.
    Frame(Bytes),
    /// The caller wants something.
    Ask {
        /// Comes back with the answer.
        token: Token,
        /// With the caller's paths.
        request: Request,
    },
    /// The caller wants no more: the session shall end, and its ephemeral znodes with it.
    Close,
    /// Time has passed; see [`Session::deadline`].
    Woken,
}

/// What the shell shall do, in order.
#[derive(Debug)]
pub enum Effect {
    /// Connect, then say [`Input::Linked`] or [`Input::Unlinked`].
    Dial(Address),
    /// Send a frame with this payload.
    Send(Bytes),
    /// Drop the connection, or give up making it.
    Hangup,
    /// Tell the caller.
    Event(Event),
    /// Answer the caller.
    Answer {
        /// The caller's number.
        token: Token,
        /// The response and the zxid of its header, or an error: the server's, or one of
        /// `CONNECTION_LOSS` (it may or may not have happened), `SESSION_EXPIRED`, `THROTTLED_OP` (too
        /// many are waiting) and `BAD_ARGUMENTS` (the frame would be too long), made here.
        result: Answer,
    },
}

/// What became of a request.
pub type Answer = Result<(Response, Zxid), ErrorCode>;

/// What became of the session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A server took the session, or began one: compare the ids.
    Connected {
        /// Its id.
        session: SessionId,
        /// Whether it began just now: there are no watches and no ephemeral znodes of old.
        began: bool,
        /// As negotiated.
        timeout: Span,
    },
    /// The connection is gone. The session may live on.
    Disconnected,
    /// The session is gone with its ephemeral znodes and watches. Another will begin by itself.
    Expired,
    /// A watch fired; the path is the caller's.
    Watch(WatcherEvent),
    /// The server refused the credentials of this scheme, and closes the connection.
    Refused(String),
    /// The session ended as the caller wished. Nothing follows.
    Closed,
}

/// A session.
#[derive(Debug)]
pub struct Session {
    options: Options,
    random: fastrand::Rng,
    link: Link,
    /// The server to dial next, as an index.
    next_server: usize,
    /// Servers tried in vain since the last success.
    failures: usize,
    session: SessionId,
    password: Bytes,
    /// As negotiated, or as wished before.
    timeout: Span,
    last_zxid: Zxid,
    next_xid: i32,
    /// Sent, in order.
    sent: VecDeque<Sent>,
    /// Not sent yet, in order.
    waiting: VecDeque<(Token, Request)>,
    watches: Watches,
    /// When something was last sent over this link.
    sent_at: Moment,
    /// When something was last received over this link; of old, when there is none.
    heard_at: Moment,
    closing: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Link {
    /// None; dial when the moment comes.
    Down { dial_at: Moment },
    /// Asked for.
    Dialing { since: Moment },
    /// There, and the connect request sent.
    Greeting { since: Moment },
    /// There, with the session on it.
    Up,
    /// Never again.
    Closed,
}

#[derive(Debug)]
struct Sent {
    xid: Xid,
    op: OpCode,
    /// `None` for requests of our own.
    token: Option<Token>,
    wish: Option<Wish>,
}

impl Options {
    /// What Kafka asks for: 18 seconds, 10 requests under way, the chroot made if absent.
    pub fn new(servers: Servers) -> Options {
        Options {
            servers,
            timeout: Span::seconds(18),
            outstanding_max: OUTSTANDING_REQUESTS_DEFAULT,
            create_chroot: true,
            credentials: Vec::new(),
            seed: 0,
        }
    }
}

impl Session {
    /// A session that will dial on its first [`Input::Woken`].
    pub fn new(options: Options) -> Session {
        let mut random = fastrand::Rng::with_seed(options.seed);
        Session {
            next_server: random.usize(..options.servers.addresses().len()),
            random,
            link: Link::Down { dial_at: Moment::at_ms(0) },
            failures: 0,
            session: SessionId::NONE,
            password: Bytes::from_static(&[0; 16]),
            timeout: options.timeout,
            last_zxid: Zxid(0),
            next_xid: 1,
            sent: VecDeque::new(),
            waiting: VecDeque::new(),
            watches: Watches::default(),
            sent_at: Moment::at_ms(0),
            heard_at: Moment::at_ms(0),
            closing: false,
            options,
        }
    }

    /// The session's id; none before the first connection and after expiry.
    pub fn id(&self) -> SessionId {
        self.session
    }

    /// The negotiated time-out.
    pub fn timeout(&self) -> Span {
        self.timeout
    }

    /// When the server was last heard: the start of every question whether the session still lives.
    pub fn heard_at(&self) -> Moment {
        self.heard_at
    }

    /// Whether requests are being answered.
    pub fn is_connected(&self) -> bool {
        self.link == Link::Up
    }

    /// Takes in what happened and says what to do.
    pub fn step(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        let now = now.moment;
        match input {
            Input::Linked => self.linked(now, effects),
            Input::Unlinked => self.link_lost(now, effects),
            Input::Frame(frame) => self.frame(now, frame, effects),
            Input::Ask { token, request } => self.asked(token, request, effects),
            Input::Close => self.closing = true,
            Input::Woken => {}
        }
        self.pump(now, effects);
        self.check_time(now, effects);
    }

    /// When [`Input::Woken`] is due, if nothing else happens before.
    pub fn deadline(&self) -> Option<Moment> {
        match self.link {
            Link::Down { dial_at } => Some(dial_at),
            Link::Dialing { since } | Link::Greeting { since } => Some(since + self.connect_patience()),
            Link::Up => Some((self.sent_at + self.ping_interval()).min(self.heard_at + self.read_patience())),
            Link::Closed => None,
        }
    }

    /// How long one server may take to be connected and greet.
    fn connect_patience(&self) -> Span {
        let servers = self.options.servers.addresses().len() as u64;
        Span::ms((self.timeout.as_ms() / servers).max(1))
    }

    /// How long a connection may be silent before it counts as lost: early enough to find another
    /// server before the session expires.
    fn read_patience(&self) -> Span {
        Span::ms((self.timeout.as_ms() * 2 / 3).max(1))
    }

    fn ping_interval(&self) -> Span {
        Span::ms((self.timeout.as_ms() / 3).max(1)).min(PING_INTERVAL_MAX)
    }

    fn check_time(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        match self.link {
            Link::Dialing { since } | Link::Greeting { since } if now >= since + self.connect_patience() => {
                self.hang_up(now, effects);
            }
            Link::Up if now >= self.heard_at + self.read_patience() => self.hang_up(now, effects),
            Link::Up if now >= self.sent_at + self.ping_interval() => {
                self.send(now, Request::Ping.frame(Xid::PING), effects);
            }
            _ => {}
        }
        match self.link {
            Link::Down { .. } if self.closing => self.closed(effects),
            Link::Down { dial_at } if now >= dial_at => {
                let addresses = self.options.servers.addresses();
                let address = addresses[self.next_server].clone();
                self.next_server = (self.next_server + 1) % addresses.len();
                self.link = Link::Dialing { since: now };
                effects.push(Effect::Dial(address));
            }
            _ => {}
        }
    }

    fn send(&mut self, now: Moment, frame: Bytes, effects: &mut Vec<Effect>) {
        self.sent_at = now;
        effects.push(Effect::Send(frame));
    }

    fn linked(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let Link::Dialing { since } = self.link else { return };
        self.link = Link::Greeting { since };
        let request = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: self.last_zxid,
            timeout_ms: i32::try_from(self.options.timeout.as_ms()).unwrap_or(i32::MAX),
            session: self.session,
            password: self.password.clone(),
            read_only: Some(false),
        };
        let mut writer = Writer::new();
        request.encode(&mut writer);
        self.send(now, writer.finish(), effects);
    }

    fn hang_up(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        effects.push(Effect::Hangup);
        self.link_lost(now, effects);
    }

    fn link_lost(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let was = self.link;
        if matches!(was, Link::Down { .. } | Link::Closed) {
            return;
        }
        let servers = self.options.servers.addresses().len();
        self.failures += 1;
        let dial_at = if was == Link::Up {
            // Another server may be well: no pause before the first try.
            self.failures = 0;
            if servers == 1 { now + self.pause() } else { now }
        } else if self.failures.is_multiple_of(servers) {
            now + self.pause()
        } else {
            now
        };
        self.link = Link::Down { dial_at };
        if was == Link::Up {
            effects.push(Effect::Event(Event::Disconnected));
        }
        self.fail_sent(ErrorCode::CONNECTION_LOSS, effects);
    }

    /// Doubles with each round of failures; the random half keeps a crowd of clients apart.
    fn pause(&mut self) -> Span {
        let rounds = (self.failures / self.options.servers.addresses().len()).min(10) as u32;
        let most = (REDIAL_PAUSE_MIN.as_ms() << rounds).min(REDIAL_PAUSE_MAX.as_ms());
        Span::ms(self.random.u64(most / 2..=most))
    }

    fn fail_sent(&mut self, error: ErrorCode, effects: &mut Vec<Effect>) {
        for sent in self.sent.drain(..) {
            if let Some(token) = sent.token {
                effects.push(Effect::Answer { token, result: Err(error) });
            }
        }
    }

    fn asked(&mut self, token: Token, request: Request, effects: &mut Vec<Effect>) {
        let refusal = if self.link == Link::Closed || self.closing {
            Some(ErrorCode::SESSION_EXPIRED)
        } else if self.waiting.len() >= WAITING_REQUESTS_MAX {
            Some(ErrorCode::THROTTLED_OP)
        } else {
            None
        };
        match refusal {
            Some(error) => effects.push(Effect::Answer { token, result: Err(error) }),
            None => self.waiting.push_back((token, request)),
        }
    }

    /// Sends what waits, as far as the limit allows.
    fn pump(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        while self.link == Link::Up && self.sent.len() < self.options.outstanding_max {
            let Some((token, mut request)) = self.waiting.pop_front() else { break };
            chroot::enter(self.options.servers.chroot(), &mut request);
            self.send_request(now, Some(token), request, effects);
        }
        if self.link == Link::Up && self.closing && self.waiting.is_empty() && !self.close_was_sent() {
            self.send_request(now, None, Request::CloseSession, effects);
        }
    }

    fn close_was_sent(&self) -> bool {
        self.sent.back().is_some_and(|sent| sent.op == OpCode::CLOSE_SESSION)
    }

    fn send_request(
        &mut self,
        now: Moment,
        token: Option<Token>,
        request: Request,
        effects: &mut Vec<Effect>,
    ) {
        let xid = Xid(self.next_xid);
        let frame = request.frame(xid);
        if frame.len() > REQUEST_BYTES_MAX {
            if let Some(token) = token {
                effects.push(Effect::Answer { token, result: Err(ErrorCode::BAD_ARGUMENTS) });
            }
            return;
        }
        // Zero and less have meanings of their own.
        self.next_xid = self.next_xid.checked_add(1).unwrap_or(1);
        self.sent.push_back(Sent { xid, op: request.op(), token, wish: Wish::of(&request) });
        self.send(now, frame, effects);
    }

    fn frame(&mut self, now: Moment, frame: Bytes, effects: &mut Vec<Effect>) {
        self.heard_at = now;
        let outcome = match self.link {
            Link::Greeting { .. } => self.greeted(now, frame, effects),
            Link::Up => self.replied(frame, effects),
            // What was under way when we hung up.
            Link::Down { .. } | Link::Dialing { .. } | Link::Closed => Ok(()),
        };
        if outcome.is_err() {
            self.hang_up(now, effects);
        }
    }

    fn greeted(&mut self, now: Moment, frame: Bytes, effects: &mut Vec<Effect>) -> Result<(), Nonsense> {
        let greeting = ConnectResponse::decode(&mut Reader::new(frame))?;
        if greeting.timeout_ms <= 0 {
            self.expired(now, effects);
            return Ok(());
        }
        let began = greeting.session != self.session;
        self.session = greeting.session;
        self.password = Bytes::copy_from_slice(&greeting.password);
        self.timeout = Span::ms(greeting.timeout_ms.unsigned_abs().into());
        self.failures = 0;
        self.link = Link::Up;
        for (scheme, secret) in self.options.credentials.clone() {
            let scheme: Cow<'static, str> = Cow::Owned(scheme);
            let auth = Request::Auth(AuthPacket { kind: 0, scheme, auth: Some(secret) });
            self.send(now, auth.frame(Xid::AUTH), effects);
        }
        if began {
            self.watches.clear();
            self.create_chroot(now, effects);
        } else {
            for request in self.watches.set_again(self.last_zxid) {
                self.send(now, request.frame(Xid::SET_WATCHES), effects);
            }
        }
        let (session, timeout) = (self.session, self.timeout);
        effects.push(Effect::Event(Event::Connected { session, began, timeout }));
        Ok(())
    }

    /// Makes the chroot's znodes from the top; those that exist answer so and nobody minds.
    fn create_chroot(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if !self.options.create_chroot {
            return;
        }
        let chroot = self.options.servers.chroot().to_string();
        let ends = chroot.match_indices('/').map(|(at, _)| at).skip(1).chain([chroot.len()]);
        for end in ends.filter(|end| *end > 0) {
            let path = chroot[..end].to_string();
            let create = CreateRequest { path, data: None, acl: Acl::open(), flags: 0 };
            self.send_request(now, None, Request::Create(create), effects);
        }
    }

    fn expired(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        effects.push(Effect::Hangup);
        self.link = Link::Down { dial_at: now };
        let had_one = self.session != SessionId::NONE;
        self.session = SessionId::NONE;
        self.password = Bytes::from_static(&[0; 16]);
        self.timeout = self.options.timeout;
        self.last_zxid = Zxid(0);
        self.watches.clear();
        if had_one {
            effects.push(Effect::Event(Event::Expired));
            self.fail_sent(ErrorCode::SESSION_EXPIRED, effects);
            for (token, _) in self.waiting.drain(..) {
                effects.push(Effect::Answer { token, result: Err(ErrorCode::SESSION_EXPIRED) });
            }
        } else {
            // A server that refuses even a new session is not to be asked in a tight loop.
            self.link = Link::Down { dial_at: now + REDIAL_PAUSE_MAX };
        }
    }

    fn closed(&mut self, effects: &mut Vec<Effect>) {
        self.link = Link::Closed;
        self.fail_sent(ErrorCode::SESSION_EXPIRED, effects);
        for (token, _) in self.waiting.drain(..) {
            effects.push(Effect::Answer { token, result: Err(ErrorCode::SESSION_EXPIRED) });
        }
        effects.push(Effect::Event(Event::Closed));
    }

    fn replied(&mut self, frame: Bytes, effects: &mut Vec<Effect>) -> Result<(), Nonsense> {
        let mut reader = Reader::new(frame);
        let header: ReplyHeader = reader.record()?;
        match header.xid {
            Xid::NOTIFICATION => {
                let mut event: WatcherEvent = reader.record()?;
                self.watches.fired(event.kind, &event.path);
                event.path = chroot::above(self.options.servers.chroot(), &event.path);
                effects.push(Effect::Event(Event::Watch(event)));
                return Ok(());
            }
            Xid::AUTH => {
                if header.error != ErrorCode::OK {
                    let schemes = self.options.credentials.iter().map(|(scheme, _)| scheme.as_str());
                    let schemes = schemes.collect::<Vec<_>>().join(", ");
                    effects.push(Effect::Event(Event::Refused(schemes)));
                }
                return Ok(());
            }
            Xid::PING | Xid::SET_WATCHES => return Ok(()),
            _ => {}
        }
        let sent = self.sent.pop_front().ok_or(Nonsense)?;
        if sent.xid != header.xid {
            // Put back, so that it is answered when the link goes.
            self.sent.push_front(sent);
            return Err(Nonsense);
        }
        self.last_zxid = self.last_zxid.max(header.zxid);
        if let Some(wish) = sent.wish {
            self.watches.answered(wish, header.error);
        }
        let result = match header.error {
            ErrorCode::OK => Response::decode(sent.op, &mut reader).map(|mut response| {
                chroot::leave(self.options.servers.chroot(), &mut response);
                (response, header.zxid)
            }),
            error => {
                if let Some(token) = sent.token {
                    effects.push(Effect::Answer { token, result: Err(error) });
                }
                return Ok(());
            }
        };
        if sent.op == OpCode::CLOSE_SESSION && sent.token.is_none() {
            effects.push(Effect::Hangup);
            self.closed(effects);
        }
        let nonsense = result.is_err();
        if let Some(token) = sent.token {
            let result = result.map_err(|_| ErrorCode::MARSHALLING_ERROR);
            effects.push(Effect::Answer { token, result });
        }
        if nonsense { Err(Nonsense) } else { Ok(()) }
    }
}

/// The server said what no server says: the connection is of no use.
#[derive(Debug)]
struct Nonsense;

impl From<WireError> for Nonsense {
    fn from(_: WireError) -> Nonsense {
        Nonsense
    }
}

#[cfg(test)]
mod tests;
