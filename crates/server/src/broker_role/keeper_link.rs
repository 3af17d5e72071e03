//! The broker's keeper session on the broker's shard: what the session core wants is dialled, sent and
//! hung up here, over TCP or through a pipe that carries the same frames.

use super::KeeperAccess;
use super::service::BrokerMessage;
use crate::{Routes, limits};
use bytes::Bytes;
use clock::Moment;
use keeper_client::{Address, Answer, Effect, Event, Input, Session, Token};
use shard::{ConnectionId, Mailbox, PeerRules, Turn};
use std::collections::VecDeque;
use std::net::{SocketAddr, ToSocketAddrs};
use std::thread;
use transport::FrameRules;
use zookeeper_wire::Request;

/// What comes out of the session for the broker.
#[derive(Debug)]
pub(super) enum FromKeeper {
    Event(Event),
    Answer(Token, Answer),
}

pub(super) struct KeeperLink {
    session: Session,
    access: KeeperAccess,
    routes: Routes,
    mailbox: Mailbox<BrokerMessage>,
    effects: Vec<Effect>,
    /// The connection that is there or being made.
    connection: Option<ConnectionId>,
    /// Counts dials, so that a late answer of the resolver is known for what it is.
    dial: u64,
    /// For the broker, in order.
    news: VecDeque<FromKeeper>,
}

impl KeeperLink {
    pub(super) fn new(
        session: Session,
        access: KeeperAccess,
        routes: Routes,
        mailbox: Mailbox<BrokerMessage>,
    ) -> Self {
        KeeperLink {
            session,
            access,
            routes,
            mailbox,
            effects: Vec::new(),
            connection: None,
            dial: 0,
            news: VecDeque::new(),
        }
    }

    /// Whether `connection` is the session's.
    pub(super) fn is(&self, connection: ConnectionId) -> bool {
        self.connection == Some(connection)
    }

    pub(super) fn deadline(&self) -> Option<Moment> {
        self.session.deadline()
    }

    /// The next thing that the broker must hear.
    pub(super) fn next_news(&mut self) -> Option<FromKeeper> {
        self.news.pop_front()
    }

    pub(super) fn ask(&mut self, turn: &mut Turn, token: Token, request: Request) {
        self.step(turn, Input::Ask { token, request });
    }

    pub(super) fn close(&mut self, turn: &mut Turn) {
        self.step(turn, Input::Close);
    }

    pub(super) fn woken(&mut self, turn: &mut Turn) {
        self.step(turn, Input::Woken);
    }

    pub(super) fn opened(&mut self, turn: &mut Turn) {
        self.step(turn, Input::Linked);
    }

    pub(super) fn received(&mut self, turn: &mut Turn, frame: Bytes) {
        self.step(turn, Input::Frame(frame));
    }

    pub(super) fn closed(&mut self, turn: &mut Turn) {
        self.connection = None;
        self.step(turn, Input::Unlinked);
    }

    /// The resolver's answer to dial number `dial`.
    pub(super) fn resolved(&mut self, turn: &mut Turn, dial: u64, address: Option<SocketAddr>) {
        if dial == self.dial && self.connection.is_none() {
            self.connect(turn, address);
        }
    }

    fn step(&mut self, turn: &mut Turn, input: Input) {
        self.session.step(turn.now(), input, &mut self.effects);
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::Dial(address) => self.dial(turn, &address),
                Effect::Send(frame) => {
                    if let Some(connection) = self.connection {
                        turn.send(connection, frame);
                    }
                }
                Effect::Hangup => {
                    self.dial += 1;
                    if let Some(connection) = self.connection.take() {
                        turn.close(connection);
                    }
                }
                Effect::Event(event) => self.news.push_back(FromKeeper::Event(event)),
                Effect::Answer { token, result } => self.news.push_back(FromKeeper::Answer(token, result)),
            }
        }
    }

    fn dial(&mut self, turn: &mut Turn, address: &Address) {
        self.dial += 1;
        match &self.access {
            KeeperAccess::Pipe(dialer) => match dialer.dial() {
                Some(end) => self.connection = Some(turn.attach(end, rules())),
                None => self.step(turn, Input::Unlinked),
            },
            KeeperAccess::Tcp => match address.host.parse() {
                Ok(ip) => self.connect(turn, Some(SocketAddr::new(ip, address.port))),
                Err(_) => self.resolve(turn, address),
            },
        }
    }

    fn connect(&mut self, turn: &mut Turn, address: Option<SocketAddr>) {
        match address.map(|address| turn.dial(self.routes.to(address), rules())) {
            Some(Ok(connection)) => self.connection = Some(connection),
            Some(Err(error)) => {
                tracing::warn!(%error, "cannot connect to a keeper");
                self.step(turn, Input::Unlinked);
            }
            None => self.step(turn, Input::Unlinked),
        }
    }

    /// Looking up a name blocks, so a short-lived thread does it.
    fn resolve(&mut self, turn: &mut Turn, address: &Address) {
        let (mailbox, dial, address) = (self.mailbox.clone(), self.dial, address.clone());
        let spawned = thread::Builder::new().name("resolver".to_owned()).spawn(move || {
            let mut found: Vec<SocketAddr> = match (address.host.as_str(), address.port).to_socket_addrs() {
                Ok(found) => found.collect(),
                Err(error) => {
                    tracing::warn!(host = address.host, %error, "cannot look up a keeper");
                    Vec::new()
                }
            };
            // Different dials try different addresses of the name, IPv4 first.
            found.sort_by_key(SocketAddr::is_ipv6);
            let address = (!found.is_empty()).then(|| found[dial as usize % found.len()]);
            // Waits for room: without the answer nobody would dial again. A shard that ended needs none.
            let _ = mailbox.send(BrokerMessage::Resolved { dial, address });
        });
        if let Err(error) = spawned {
            tracing::warn!(%error, "cannot start a thread to look up a keeper");
            self.step(turn, Input::Unlinked);
        }
    }
}

fn rules() -> PeerRules {
    PeerRules::pipelined(FrameRules { bytes_max: limits::KEEPER_REPLY_BYTES_MAX, first_word: false })
}
