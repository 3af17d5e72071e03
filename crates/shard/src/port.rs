//! A listening port of a shard: accepting, refusing, and resting when the process is out of files.

use crate::connection::PeerRules;
use crate::limits;
use clock::{Moment, Span};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use transport::tls::Acceptor;
use transport::{Listener, Stream};

/// Names a port of a shard, in the order in which they were added.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PortId(pub u16);

/// What holds for the connections of a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortRules {
    /// For each connection.
    pub peer: PeerRules,
    /// Connections open at once on this port; more are closed as soon as they are accepted.
    pub connections_max: usize,
    /// Connections open at once from one address.
    pub connections_per_address_max: usize,
}

/// What a port speaks below its frames.
#[derive(Clone, Debug)]
pub enum Security {
    /// Plain TCP.
    Plain,
    /// TLS.
    Tls(Acceptor, Handshakes),
    /// Either, as the first byte of each connection tells.
    Either(Acceptor, Handshakes),
}

/// How many connections of a port may be in the middle of a handshake; more are closed when they are
/// accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handshakes {
    /// At once. 0 refuses all.
    pub at_once_max: usize,
}

impl Default for Handshakes {
    fn default() -> Self {
        Handshakes { at_once_max: limits::HANDSHAKES_MAX }
    }
}

#[derive(Debug)]
pub(crate) struct Port {
    /// None for a port that is reached through pipes only.
    pub(crate) listener: Option<Listener>,
    pub(crate) rules: PortRules,
    pub(crate) security: Security,
    /// Connections in the middle of a handshake.
    pub(crate) handshaking: usize,
    /// Connections may be waiting.
    waiting: bool,
    rests_until: Option<Moment>,
    open: usize,
    by_address: BTreeMap<IpAddr, usize>,
}

/// What came of one attempt to accept.
pub(crate) enum Accepted {
    Connection(Stream, SocketAddr),
    Refused,
    TooManyHandshakes,
    Nothing,
}

impl Port {
    pub(crate) fn new(listener: Option<Listener>, rules: PortRules, security: Security) -> Self {
        // Clients may have connected before the port was registered with the poll.
        let waiting = listener.is_some();
        Port {
            listener,
            rules,
            security,
            handshaking: 0,
            waiting,
            rests_until: None,
            open: 0,
            by_address: BTreeMap::new(),
        }
    }

    pub(crate) fn became_ready(&mut self) {
        self.waiting = true;
    }

    /// Whether accepting now could do something.
    pub(crate) fn has_work(&self, now: Moment) -> bool {
        self.waiting && self.rests_until.is_none_or(|until| until <= now)
    }

    /// When a rest ends that keeps clients waiting.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.rests_until.filter(|_| self.waiting)
    }

    pub(crate) fn accept(&mut self, now: Moment) -> Accepted {
        let Some(listener) = &self.listener else { return Accepted::Nothing };
        match listener.accept() {
            Ok((stream, peer)) => {
                self.rests_until = None;
                if !self.has_room(peer.ip()) {
                    return Accepted::Refused;
                }
                let stream = match &self.security {
                    Security::Plain => Stream::Tcp(stream),
                    Security::Tls(_, rules) | Security::Either(_, rules)
                        if self.handshaking >= rules.at_once_max =>
                    {
                        return Accepted::TooManyHandshakes;
                    }
                    Security::Either(acceptor, _) => Stream::Detecting(Box::new(acceptor.detect(stream))),
                    Security::Tls(acceptor, _) => match acceptor.accept(stream) {
                        Ok(stream) => Stream::Tls(Box::new(stream)),
                        Err(error) => {
                            tracing::error!(%error, "a connection without TLS settings that work");
                            return Accepted::Refused;
                        }
                    },
                };
                Accepted::Connection(stream, peer)
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => {
                    self.waiting = false;
                    Accepted::Nothing
                }
                io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => Accepted::Refused,
                _ => {
                    if self.rests_until.is_none() {
                        tracing::warn!(
                            address = %listener.address(), %error,
                            "cannot accept connections for now; raise the limit of open files (ulimit -n)"
                        );
                    }
                    self.rests_until = Some(now + Span::ms(limits::ACCEPT_REST_MS));
                    Accepted::Nothing
                }
            },
        }
    }

    fn has_room(&self, address: IpAddr) -> bool {
        let here = self.by_address.get(&address).copied().unwrap_or(0);
        self.open < self.rules.connections_max && here < self.rules.connections_per_address_max
    }

    pub(crate) fn opened(&mut self, address: IpAddr) {
        self.open += 1;
        *self.by_address.entry(address).or_insert(0) += 1;
    }

    pub(crate) fn closed(&mut self, address: IpAddr) {
        self.open -= 1;
        if let Some(here) = self.by_address.get_mut(&address) {
            *here -= 1;
            if *here == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}
