//! The network between members: links that keep their order, and may be cut in one direction, stalled
//! or reset; votes that overtake nothing but each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use clock::Moment;
use zab::Notification;
use zab::packet::{PacketKind, QuorumPacket};
use znode::Snapshot;
use zookeeper_wire::Zxid;

use super::process::Past;
use crate::story::Violation;

/// What travels.
pub(super) enum Item {
    Packet(QuorumPacket),
    Snapshot(Box<Snapshot>, Past),
    /// The other end is closed.
    End,
}

/// One end of a link: a member, and which of its lives.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) member: usize,
    pub(super) life: u64,
    pub(super) open: bool,
}

/// A link between the one that dialed (0) and the one that accepted (1).
pub(super) struct Link {
    pub(super) ends: [End; 2],
    /// What is on its way to each end.
    pub(super) queues: [VecDeque<Item>; 2],
    /// When the last of that arrives.
    pub(super) arrivals: [Moment; 2],
    /// Proposals sent to the end that dialed and not committed to it yet.
    proposed: VecDeque<Zxid>,
}

impl Link {
    pub(super) fn new(dialer: End, acceptor: End, now: Moment) -> Link {
        Link {
            ends: [dialer, acceptor],
            queues: [VecDeque::new(), VecDeque::new()],
            arrivals: [now; 2],
            proposed: VecDeque::new(),
        }
    }

    /// The end of that member's present life, if it is open.
    pub(super) fn side_of(&self, member: usize, life: u64) -> Option<usize> {
        self.ends.iter().position(|end| end.member == member && end.life == life && end.open)
    }

    /// Commits follow proposals, one for one, in order: anything else ends a server of the original.
    pub(super) fn check(&mut self, packet: &QuorumPacket) -> Result<(), Violation> {
        match packet.kind {
            PacketKind::PROPOSAL => self.proposed.push_back(packet.zxid),
            PacketKind::COMMIT if self.proposed.pop_front() != Some(packet.zxid) => {
                return Err(Violation(format!("a commit of {} that is not of the oldest", packet.zxid)));
            }
            _ => {}
        }
        Ok(())
    }
}

/// The network.
#[derive(Default)]
pub(super) struct Network {
    pub(super) links: BTreeMap<u64, Link>,
    pub(super) next_link: u64,
    /// Nothing arrives from the one at the other.
    pub(super) cuts: BTreeSet<(usize, usize)>,
    /// The newest vote that each has for each other.
    pub(super) votes: BTreeMap<(usize, usize), Notification>,
}

impl Network {
    pub(super) fn is_cut(&self, from: usize, to: usize) -> bool {
        self.cuts.contains(&(from, to))
    }
}
