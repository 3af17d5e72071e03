//! The other members of the ensemble, as the keeper's shard deals with them: what the node wants sent goes
//! to the links, what comes from them waits in the mailbox, so much and no more.

use crate::config::Membership;
use crate::limits;
use crate::peers::{ElectionLinks, ElectionSettings, PeerEvent, PeerSecurity, QuorumLinks, QuorumSettings};
use crate::start::StartError;
use clock::Span;
use shard::Mailbox;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use transport::BindError;
use zab::packet::{PacketKind, QuorumPacket};
use zab::{Configuration, Ensemble, LinkId, MemberAddress, Notification, ServerId};
use znode::{HashKey, Snapshot};
use zookeeper_wire::Zxid;

use super::service::KeeperMessage;

/// Our ends of all connections between members.
pub(super) struct Members {
    election: ElectionLinks,
    quorum: QuorumLinks,
    /// Quorum addresses.
    addresses: BTreeMap<ServerId, String>,
    /// Transactions that were proposed on a link and not committed there yet.
    orders: HashMap<LinkId, VecDeque<Zxid>, HashKey>,
    gate: Arc<Gate>,
    own: ServerId,
    membership: Membership,
    /// Our own line, by which we listen.
    listening: MemberAddress,
}

/// Lets so many events of links wait in the mailbox, and holds the threads that bring more.
#[derive(Default)]
struct Gate {
    waiting: Mutex<usize>,
    room: Condvar,
}

impl Gate {
    fn enter(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while *waiting >= limits::PEER_EVENTS {
            waiting = self.room.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        *waiting += 1;
    }

    fn leave(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting = waiting.saturating_sub(1);
        drop(waiting);
        self.room.notify_one();
    }
}

impl Members {
    /// Opens both ports of `own`.
    pub(super) fn start(
        membership: &Membership,
        own: ServerId,
        tick: Span,
        key: HashKey,
        extended_types: znode::ExtendedTypes,
        security: Option<PeerSecurity>,
        mailbox: Mailbox<KeeperMessage>,
    ) -> Result<Members, StartError> {
        let us = &membership.configuration.members[&own];
        let gate = Arc::new(Gate::default());
        let events = {
            let gate = Arc::clone(&gate);
            Arc::new(move |event| {
                gate.enter();
                mailbox.send(KeeperMessage::Peer(event)).is_ok()
            })
        };
        let at = |host: &str, port| membership.listen_address(host, port).map_err(StartError::System);
        let settings = ElectionSettings {
            own,
            listen: at(&us.election_host, us.election_port)?,
            announced: us.election_address(),
            members: election_addresses(membership, own),
            routes: membership.routes.clone(),
            security: security.clone(),
            dial_timeout: membership.dial_timeout,
        };
        let listen = settings.listen;
        let election =
            ElectionLinks::start(settings, events.clone()).map_err(|cause| taken(listen, cause))?;
        let ticks = |count: u32| Duration::from_millis(tick.as_ms()).saturating_mul(count);
        let settings = QuorumSettings {
            key,
            extended_types,
            routes: membership.routes.clone(),
            security,
            handshake: ticks(membership.connect_limit),
            silence: ticks(membership.init_limit.max(membership.sync_limit)),
        };
        let listen = at(&us.host, us.quorum_port)?;
        let quorum = QuorumLinks::start(settings, listen, events).map_err(|cause| taken(listen, cause))?;
        Ok(Members {
            election,
            quorum,
            addresses: known(membership).map(|(id, it)| (id, it.quorum_address())).collect(),
            orders: HashMap::with_hasher(key),
            gate,
            own,
            membership: membership.clone(),
            listening: us.clone(),
        })
    }

    /// An event was taken out of the mailbox.
    pub(super) fn taken(&mut self, event: &PeerEvent) {
        self.gate.leave();
        if let PeerEvent::LinkClosed { link, .. } = event {
            self.orders.remove(link);
        }
    }

    /// Those of a membership that may come to be in force can be reached as well.
    pub(super) fn foresee(&mut self, configuration: &Configuration) {
        self.membership.proposed = Some(configuration.clone());
        self.meet();
    }

    /// Another membership is in force: its members are reached where it says, and if it says that our own
    /// ports are others, we listen there.
    pub(super) fn reconfigure(&mut self, configuration: &Configuration) {
        self.membership.configuration = configuration.clone();
        self.membership.proposed.take_if(|proposed| proposed.version <= configuration.version);
        self.meet();
        let Some(us) = configuration.members.get(&self.own) else { return };
        let before = std::mem::replace(&mut self.listening, us.clone());
        let at = |host: &str, port| self.membership.listen_address(host, port).map_err(io::Error::other);
        if (&before.election_host, before.election_port) != (&us.election_host, us.election_port) {
            let moved = at(&us.election_host, us.election_port)
                .and_then(|listen| self.election.listen(listen, us.election_address()));
            told(moved, "election", &us.election_address());
        }
        if (&before.host, before.quorum_port) != (&us.host, us.quorum_port) {
            let moved = at(&us.host, us.quorum_port).and_then(|listen| self.quorum.listen(listen));
            told(moved, "quorum", &us.quorum_address());
        }
    }

    fn meet(&mut self) {
        self.addresses = known(&self.membership).map(|(id, it)| (id, it.quorum_address())).collect();
        self.election.meet(election_addresses(&self.membership, self.own));
    }

    pub(super) fn notify(&self, to: ServerId, notification: &Notification) {
        self.election.notify(to, notification);
    }

    /// Dials a leader. False if that cannot even begin: there is no address for it, or no thread.
    pub(super) fn dial(&self, server: ServerId) -> bool {
        let address = self.addresses.get(&server).cloned();
        address.is_some_and(|address| self.quorum.dial(server, address))
    }

    /// Sends a packet. A learner ends itself if it is told to commit anything but what it was told of
    /// first, so a link on which that would happen is closed instead.
    pub(super) fn send(&mut self, link: LinkId, packet: &QuorumPacket) {
        let order = self.orders.entry(link).or_default();
        let fits = match packet.kind {
            PacketKind::PROPOSAL => {
                let fits = order.back().is_none_or(|last| *last < packet.zxid);
                order.push_back(packet.zxid);
                fits
            }
            PacketKind::COMMIT | PacketKind::COMMITANDACTIVATE => order.pop_front() == Some(packet.zxid),
            _ => true,
        };
        if fits {
            return self.quorum.send(link, packet);
        }
        debug_assert!(fits, "{packet:?} out of order on {link}");
        tracing::error!(%link, kind = %packet.kind, zxid = %packet.zxid, "out of order; the link is closed instead");
        self.quorum.close(link);
    }

    pub(super) fn send_snapshot(&mut self, link: LinkId, snapshot: Box<Snapshot>) {
        self.quorum.send_snapshot(link, snapshot);
    }

    pub(super) fn close(&mut self, link: LinkId) {
        self.quorum.close(link);
    }

    pub(super) fn turn_ended(&mut self) {
        self.quorum.turn_ended();
    }
}

/// What the node is told of the ensemble.
pub(super) fn ensemble(membership: &Membership, own: ServerId, tick: Span, reconfigurable: bool) -> Ensemble {
    Ensemble {
        id: own,
        configuration: membership.configuration.clone(),
        proposed: membership.proposed.clone().filter(|_| reconfigurable),
        reconfigurable,
        tick,
        init_limit: membership.init_limit,
        sync_limit: membership.sync_limit,
    }
}

fn taken(address: SocketAddr, cause: io::Error) -> StartError {
    StartError::Address(BindError { address, cause })
}

/// All members that are or may come to be; what is in force comes last, and counts.
fn known(membership: &Membership) -> impl Iterator<Item = (ServerId, &MemberAddress)> {
    let all = membership.proposed.iter().chain([&membership.configuration]);
    all.flat_map(|configuration| configuration.members.iter().map(|(id, member)| (*id, member)))
}

fn election_addresses(membership: &Membership, own: ServerId) -> BTreeMap<ServerId, String> {
    known(membership).filter(|(id, _)| *id != own).map(|(id, it)| (id, it.election_address())).collect()
}

/// A port that cannot be moved stays where it is: others may still find us by the former membership.
fn told(moved: io::Result<()>, port: &str, address: &str) {
    match moved {
        Ok(()) => tracing::info!(address, "listens on a new {port} port"),
        Err(error) => tracing::error!(address, %error, "cannot listen on the new {port} port"),
    }
}
