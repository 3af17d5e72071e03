//! The other members of the ensemble, as the keeper's shard deals with them: what the node wants sent goes
//! to the links, what comes from them waits in the mailbox, so much and no more.

use crate::config::Membership;
use crate::limits;
use crate::peers::{ElectionLinks, ElectionSettings, PeerEvent, QuorumLinks, QuorumSettings};
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
use zab::{Ensemble, LinkId, Notification, ServerId};
use znode::{Database, HashKey, Snapshot};
use zookeeper_wire::Zxid;

use super::service::KeeperMessage;

/// Where the ensemble's membership is shown to clients.
const CONFIG_PATH: &str = "/zookeeper/config";

/// Our ends of all connections between members.
pub(super) struct Members {
    election: ElectionLinks,
    quorum: QuorumLinks,
    /// Quorum addresses.
    addresses: BTreeMap<ServerId, String>,
    /// Transactions that were proposed on a link and not committed there yet.
    orders: HashMap<LinkId, VecDeque<Zxid>, HashKey>,
    gate: Arc<Gate>,
    /// The membership, as clients see it.
    text: String,
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
        extended_types: bool,
        mailbox: Mailbox<KeeperMessage>,
    ) -> Result<Members, StartError> {
        let us = &membership.members[&own];
        let gate = Arc::new(Gate::default());
        let events = {
            let gate = Arc::clone(&gate);
            Arc::new(move |event| {
                gate.enter();
                mailbox.send(KeeperMessage::Peer(event)).is_ok()
            })
        };
        let at = |host: &str, port| membership.listen_address(host, port).map_err(StartError::System);
        let others = membership.members.iter().filter(|(id, _)| **id != own);
        let settings = ElectionSettings {
            own,
            listen: at(&us.election_host, us.election_port)?,
            announced: us.election_address(),
            members: others.map(|(id, member)| (*id, member.election_address())).collect(),
            dial_timeout: membership.dial_timeout,
        };
        let listen = settings.listen;
        let election =
            ElectionLinks::start(settings, events.clone()).map_err(|cause| taken(listen, cause))?;
        let ticks = |count: u32| Duration::from_millis(tick.as_ms()).saturating_mul(count);
        let settings = QuorumSettings {
            key,
            extended_types,
            handshake: ticks(membership.connect_limit),
            silence: ticks(membership.init_limit.max(membership.sync_limit)),
        };
        let listen = at(&us.host, us.quorum_port)?;
        let quorum = QuorumLinks::start(settings, listen, events).map_err(|cause| taken(listen, cause))?;
        Ok(Members {
            election,
            quorum,
            addresses: membership.members.iter().map(|(id, it)| (*id, it.quorum_address())).collect(),
            orders: HashMap::with_hasher(key),
            gate,
            text: membership.text(),
        })
    }

    /// An event was taken out of the mailbox.
    pub(super) fn taken(&mut self, event: &PeerEvent) {
        self.gate.leave();
        if let PeerEvent::LinkClosed { link, .. } = event {
            self.orders.remove(link);
        }
    }

    /// Shows clients of this database who is in the ensemble.
    pub(super) fn show_in(&self, database: &mut Database) {
        database.show(CONFIG_PATH, self.text.as_bytes());
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
pub(super) fn ensemble(membership: &Membership, own: ServerId, tick: Span) -> Ensemble {
    Ensemble {
        id: own,
        quorum: membership.quorum(),
        configuration: membership.text().into_bytes().into(),
        version: membership.version,
        tick,
        init_limit: membership.init_limit,
        sync_limit: membership.sync_limit,
    }
}

fn taken(address: SocketAddr, cause: io::Error) -> StartError {
    StartError::Address(BindError { address, cause })
}

/// The members as commands show them.
pub(super) fn shown(membership: &Membership) -> Vec<keeper::MemberShown> {
    let members = membership.members.iter();
    let shown = members.map(|(id, member)| keeper::MemberShown {
        id: id.0,
        quorum_address: member.quorum_address(),
        election_address: member.election_address(),
        client_address: member
            .client
            .as_ref()
            .map(|(host, port)| format!("{host}:{port}"))
            .unwrap_or_default(),
        votes: !member.is_observer,
    });
    shown.collect()
}
