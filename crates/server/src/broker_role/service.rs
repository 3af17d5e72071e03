//! The broker node on its shard: requests in during the turn, effects out at its end.

use super::keeper_link::{FromKeeper, KeeperLink};
use super::peer_links::PeerLinks;
use super::workers::Workers;
use crate::limits;
use crate::notice::{Notice, Notices, Role};
use broker::{AskToken, Broker, Done, Effect, Event, Input, KeeperInput, LinkId, ListenerIndex};
use bytes::Bytes;
use clock::{Moment, Span};
use disk::Disk;
use keeper_client::{Event as SessionEvent, Token};
use shard::{ConnectionId, Origin, Peer, Service, Turn, WhyClosed};
use std::net::SocketAddr;

/// What other threads tell the broker.
#[derive(Debug)]
pub(super) enum BrokerMessage {
    /// The address of a keeper, or none.
    Resolved { dial: u64, address: Option<SocketAddr> },
    /// What came of work on another thread.
    Worked(Done),
    /// The address of another broker, or none.
    PeerResolved { link: LinkId, address: Option<SocketAddr> },
    /// End.
    Stop,
}

pub(super) struct BrokerService<D: Disk> {
    node: Broker<D>,
    /// Which of the configured listeners each port of the shard belongs to.
    listeners: Vec<ListenerIndex>,
    link: KeeperLink,
    workers: Workers,
    peers: PeerLinks,
    effects: Vec<Effect>,
    /// The node has nothing left to hand over.
    may_stop: bool,
    notices: Notices,
    /// When to end without having closed the keeper session.
    stop_at: Option<Moment>,
}

impl<D: Disk> BrokerService<D> {
    pub(super) fn new(
        node: Broker<D>,
        listeners: Vec<ListenerIndex>,
        (link, peers): (KeeperLink, PeerLinks),
        workers: Workers,
        notices: Notices,
    ) -> Self {
        let effects = Vec::new();
        BrokerService {
            node,
            listeners,
            link,
            peers,
            workers,
            effects,
            may_stop: false,
            notices,
            stop_at: None,
        }
    }

    fn step(&mut self, turn: &Turn, input: Input) {
        if self.stop_at.is_none() {
            self.node.step(turn.now(), input, &mut self.effects);
        }
    }

    /// Tells the node what the session said, until it has nothing more to say.
    fn hear_keeper(&mut self, turn: &mut Turn) {
        while let Some(news) = self.link.next_news() {
            let input = match news {
                FromKeeper::Answer(token, result) => {
                    KeeperInput::Answered { token: AskToken(token.0), result }
                }
                FromKeeper::Event(event) => match event {
                    SessionEvent::Connected { session, began, timeout } => {
                        tracing::info!(session = %format_args!("{:#x}", session.0), began, %timeout, "keeper session is up");
                        KeeperInput::Connected { session }
                    }
                    SessionEvent::Disconnected => {
                        tracing::warn!("the keeper is out of reach; trying again");
                        KeeperInput::Disconnected
                    }
                    SessionEvent::Expired => {
                        tracing::warn!("the keeper session expired; registering anew");
                        KeeperInput::Expired
                    }
                    SessionEvent::Watch(event) => KeeperInput::Watch(event),
                    SessionEvent::Refused(scheme) => {
                        tracing::error!(scheme, "the keeper refused our credentials");
                        continue;
                    }
                    SessionEvent::Closed => {
                        turn.stop();
                        continue;
                    }
                },
            };
            self.step(turn, Input::Keeper(input));
        }
    }

    /// Tells the node of dials that failed at once.
    fn hear_peers(&mut self, turn: &Turn) {
        while let Some(link) = self.peers.next_failure() {
            self.step(turn, Input::Unlinked { link });
        }
    }

    /// Executes what the node wants. Asks may be answered at once, with an error.
    fn execute(&mut self, turn: &mut Turn) {
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Reply { connection, frame } => {
                    if let Some(frame) = frame {
                        turn.send_pieces(outer(connection), frame.into_segments());
                    }
                }
                Effect::Next { connection } => turn.answered(outer(connection)),
                Effect::Close { connection, reason } => {
                    tracing::debug!(connection = %outer(connection), %reason, "closing a connection");
                    turn.close(outer(connection));
                }
                Effect::Ask { token, request } => self.link.ask(turn, Token(token.0), request),
                Effect::Work(work) => self.workers.give(work),
                Effect::MayStop => self.may_stop = true,
                Effect::Dial { link, host, port } => self.peers.dial(turn, link, &host, port),
                Effect::Transmit { link, frame } => self.peers.send(turn, link, frame),
                Effect::Hangup { link } => self.peers.hang_up(turn, link),
                Effect::Event(Event::Ready { broker_id, cluster_id }) => {
                    tracing::info!(broker_id, cluster_id, "broker is registered");
                    self.notices.tell(Notice::BrokerReady { cluster_id, broker_id });
                }
                Effect::Event(Event::Note(note)) => tracing::info!("{note}"),
                Effect::Halt { reason } => {
                    tracing::error!("{reason}");
                    self.notices.tell(Notice::Halted { role: Role::Broker, reason });
                }
                Effect::DisksFailed { reason } => {
                    tracing::error!("{reason}");
                    self.notices.tell(Notice::DiskFailed { role: Role::Broker, reason });
                }
            }
        }
        assert!(self.effects.is_empty(), "only the node adds effects");
        self.effects = effects;
    }

    fn begin_to_stop(&mut self, turn: &mut Turn) {
        if self.stop_at.is_some() {
            return;
        }
        self.stop_at = Some(turn.now().moment + Span::ms(limits::SESSION_CLOSE_MS));
        self.workers.stop();
        for trouble in self.node.close_logs() {
            tracing::warn!("{trouble}");
        }
        self.link.close(turn);
        self.hear_keeper(turn);
    }
}

fn inner(connection: ConnectionId) -> broker::ConnectionId {
    broker::ConnectionId(connection.as_u64())
}

fn outer(connection: broker::ConnectionId) -> ConnectionId {
    ConnectionId::from_u64(connection.0)
}

impl<D: Disk> Service for BrokerService<D> {
    type Message = BrokerMessage;

    fn opened(&mut self, turn: &mut Turn, connection: ConnectionId, peer: Peer) {
        match peer.origin {
            Origin::Port(port) => {
                let listener = self.listeners[usize::from(port.0)];
                self.step(
                    turn,
                    Input::Opened { connection: inner(connection), peer: peer.address, listener },
                );
            }
            Origin::Dialed if self.link.is(connection) => {
                self.link.opened(turn);
                self.hear_keeper(turn);
            }
            Origin::Dialed => match self.peers.find(connection) {
                Some(link) => self.step(turn, Input::Linked { link }),
                None => turn.close(connection),
            },
        }
    }

    fn received(&mut self, turn: &mut Turn, connection: ConnectionId, frame: Bytes) {
        if self.link.is(connection) {
            self.link.received(turn, frame);
            return self.hear_keeper(turn);
        }
        if let Some(link) = self.peers.find(connection) {
            return self.step(turn, Input::Answered { link, frame });
        }
        let before = self.effects.len();
        self.step(turn, Input::Received { connection: inner(connection), frame });
        if matches!(self.effects[before..], [Effect::Next { .. }]) {
            // Only taken in: what follows it belongs to the same turn, and to the same sync.
            self.effects.pop();
            turn.answered(connection);
        }
    }

    fn word(&mut self, turn: &mut Turn, connection: ConnectionId, _: [u8; 4]) {
        // No port of a broker asks for words.
        turn.close(connection);
    }

    fn closed(&mut self, turn: &mut Turn, connection: ConnectionId, why: WhyClosed) {
        tracing::debug!(%connection, ?why, "broker connection closed");
        if self.link.is(connection) {
            self.link.closed(turn);
            return self.hear_keeper(turn);
        }
        if let Some(link) = self.peers.closed(connection) {
            return self.step(turn, Input::Unlinked { link });
        }
        // What the node closed itself, it has forgotten already.
        if why != WhyClosed::Asked {
            self.step(turn, Input::Closed { connection: inner(connection) });
        }
    }

    fn message(&mut self, turn: &mut Turn, message: BrokerMessage) {
        match message {
            BrokerMessage::Resolved { dial, address } => {
                self.link.resolved(turn, dial, address);
                self.hear_keeper(turn);
            }
            BrokerMessage::Worked(done) => self.step(turn, Input::Worked(done)),
            BrokerMessage::PeerResolved { link, address } => {
                self.peers.resolved(turn, link, address);
                self.hear_peers(turn);
            }
            BrokerMessage::Stop => self.step(turn, Input::Stopping),
        }
    }

    fn woken(&mut self, turn: &mut Turn) {
        self.hear_peers(turn);
        let now = turn.now().moment;
        if self.stop_at.is_some_and(|at| at <= now) {
            tracing::warn!("the keeper did not confirm the end of the session; it will expire");
            return turn.stop();
        }
        if self.link.deadline().is_some_and(|deadline| deadline <= now) {
            self.link.woken(turn);
            self.hear_keeper(turn);
        }
        if self.node.deadline().is_some_and(|deadline| deadline <= now) {
            self.step(turn, Input::Woken);
        }
    }

    fn turn_ended(&mut self, turn: &mut Turn) {
        if self.stop_at.is_some() {
            return;
        }
        loop {
            self.node.turn_ended(turn.now(), &mut self.effects);
            if self.effects.is_empty() {
                return;
            }
            self.execute(turn);
            self.hear_keeper(turn);
            self.hear_peers(turn);
            if self.may_stop {
                return self.begin_to_stop(turn);
            }
        }
    }

    fn deadline(&self) -> Option<Moment> {
        match self.stop_at {
            Some(at) => [Some(at), self.link.deadline()].into_iter().flatten().min(),
            None => [self.node.deadline(), self.link.deadline()].into_iter().flatten().min(),
        }
    }
}
