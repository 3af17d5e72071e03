//! The broker's links to other brokers on its shard: what the node wants is dialled, sent and hung up
//! here. Which requests, and when, is the node's business.

use super::service::BrokerMessage;
use crate::Routes;
use broker::LinkId;
use kafka_wire::Frame;
use shard::{ConnectionId, Mailbox, PeerRules, Turn};
use std::collections::{BTreeMap, VecDeque};
use std::net::{SocketAddr, ToSocketAddrs};
use std::thread;
use transport::FrameRules;

pub(super) struct PeerLinks {
    routes: Routes,
    mailbox: Mailbox<BrokerMessage>,
    links: BTreeMap<LinkId, Option<ConnectionId>>,
    connections: BTreeMap<u64, LinkId>,
    /// Dials that failed at once.
    failed: VecDeque<LinkId>,
}

impl PeerLinks {
    pub(super) fn new(routes: Routes, mailbox: Mailbox<BrokerMessage>) -> Self {
        PeerLinks {
            routes,
            mailbox,
            links: BTreeMap::new(),
            connections: BTreeMap::new(),
            failed: VecDeque::new(),
        }
    }

    /// The link that a connection is, if it is one.
    pub(super) fn find(&self, connection: ConnectionId) -> Option<LinkId> {
        self.connections.get(&connection.as_u64()).copied()
    }

    /// A connection is gone; its link, if the node has not hung up itself.
    pub(super) fn closed(&mut self, connection: ConnectionId) -> Option<LinkId> {
        let link = self.connections.remove(&connection.as_u64())?;
        self.links.remove(&link);
        Some(link)
    }

    /// The next link that could not even be dialled.
    pub(super) fn next_failure(&mut self) -> Option<LinkId> {
        self.failed.pop_front()
    }

    pub(super) fn send(&mut self, turn: &mut Turn, link: LinkId, frame: Frame) {
        if let Some(Some(connection)) = self.links.get(&link) {
            turn.send_pieces(*connection, frame.into_segments());
        }
    }

    pub(super) fn hang_up(&mut self, turn: &mut Turn, link: LinkId) {
        if let Some(Some(connection)) = self.links.remove(&link) {
            self.connections.remove(&connection.as_u64());
            turn.close(connection);
        }
    }

    pub(super) fn dial(&mut self, turn: &mut Turn, link: LinkId, host: &str, port: u16) {
        self.links.insert(link, None);
        match host.parse() {
            Ok(ip) => self.connect(turn, link, Some(SocketAddr::new(ip, port))),
            Err(_) => self.resolve(link, host.to_owned(), port),
        }
    }

    /// The resolver's answer.
    pub(super) fn resolved(&mut self, turn: &mut Turn, link: LinkId, address: Option<SocketAddr>) {
        if self.links.get(&link) == Some(&None) {
            self.connect(turn, link, address);
        }
    }

    fn connect(&mut self, turn: &mut Turn, link: LinkId, address: Option<SocketAddr>) {
        match address.map(|address| turn.dial(self.routes.to(address), rules())) {
            Some(Ok(connection)) => {
                self.links.insert(link, Some(connection));
                self.connections.insert(connection.as_u64(), link);
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "cannot connect to another broker");
                self.fail(link);
            }
            None => self.fail(link),
        }
    }

    fn fail(&mut self, link: LinkId) {
        self.links.remove(&link);
        self.failed.push_back(link);
    }

    /// Looking up a name blocks, so a short-lived thread does it.
    fn resolve(&mut self, link: LinkId, host: String, port: u16) {
        let mailbox = self.mailbox.clone();
        let spawned = thread::Builder::new().name("resolver".to_owned()).spawn(move || {
            let found = (host.as_str(), port).to_socket_addrs();
            let mut found: Vec<SocketAddr> = found.map(Iterator::collect).unwrap_or_default();
            found.sort_by_key(SocketAddr::is_ipv6);
            let address = found.first().copied();
            if address.is_none() {
                tracing::warn!(host, "cannot look up another broker");
            }
            let _ = mailbox.send(BrokerMessage::PeerResolved { link, address });
        });
        if let Err(error) = spawned {
            tracing::warn!(%error, "cannot start a thread to look up another broker");
            self.fail(link);
        }
    }
}

/// Answers of other brokers may be as large as their fetch responses.
fn rules() -> PeerRules {
    let bytes_max = transport::limits::BROKER_FRAME_BYTES_MAX;
    PeerRules::pipelined(FrameRules { bytes_max, first_word: false })
}
