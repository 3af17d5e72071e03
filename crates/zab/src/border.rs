//! All that can happen to a member of an ensemble, and all that it can want done.
//!
//! Whoever runs a [`Peer`](crate::Peer) executes the effects in order: one FIFO for each link, one FIFO
//! for the disk. The order between a write to the disk and a packet that depends on it is kept here: the
//! packet is only asked for when the disk has said that it is done.

use std::fmt;

use clock::Span;
use zookeeper_wire::Zxid;

use crate::packet::QuorumPacket;
use crate::{Committed, Configuration, Entry, Notification, ServerId};

/// A connection on the quorum port, in either direction, numbered by the edge and never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkId(pub u64);

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who is in the ensemble, and how patient its members are with each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ensemble {
    /// Who we are.
    pub id: ServerId,
    /// Who is in it: the last membership that we know to be in force.
    pub configuration: Configuration,
    /// A newer one that was proposed, and of which we do not know what became.
    pub proposed: Option<Configuration>,
    /// `reconfigEnabled`: whether the membership may change.
    pub reconfigurable: bool,
    /// `tickTime`.
    pub tick: Span,
    /// `initLimit`, in ticks: how long finding a leader's followers, and a newcomer's synchronization,
    /// may take.
    pub init_limit: u32,
    /// `syncLimit`, in ticks: how long a member may be silent, or owe an acknowledgement.
    pub sync_limit: u32,
}

/// What a member remembers from before.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Recovered {
    /// The last zxid of the log, or of the snapshot if there is no later transaction.
    pub last: Zxid,
    /// The epoch file of that name; 0 if there is none.
    pub accepted_epoch: u32,
    /// The epoch file of that name; that of `last` if there is none.
    pub current_epoch: u32,
    /// The disk is known to be blank although the server is not new: it votes for nobody until it is
    /// synchronized.
    pub is_blank: bool,
    /// The end of the log, without gaps, up to and including `last`; may be empty. Learners that lack
    /// no more than this need no snapshot.
    pub history: Vec<Entry>,
}

/// What can happen to a peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// The sequencer prepared a transaction. Its zxid is [`Peer::next_zxid`](crate::Peer::next_zxid).
    Proposed {
        /// The transaction.
        entry: Entry,
    },
    /// The log is durable up to and including this zxid.
    Persisted {
        /// The last durable one.
        upto: Zxid,
    },
    /// What the oldest [`Effect::WriteEpochs`] asked for is durable.
    EpochsWritten,
    /// The log ends where [`Effect::Truncate`] wanted it to, durably.
    Truncated,
    /// The snapshot of [`Effect::InstallSnapshot`] is durable and the log begins behind it.
    SnapshotInstalled,
    /// Another server tells us of its vote, on the election port.
    Notified {
        /// Which, as its connection proves.
        from: ServerId,
        /// What it says.
        notification: Notification,
    },
    /// A quorum link stands: one that we dialed, or one that was accepted.
    LinkUp {
        /// Its number from now on.
        link: LinkId,
        /// Whom we dialed; `None` if it was accepted.
        dialed: Option<ServerId>,
    },
    /// A dial came to nothing.
    DialFailed {
        /// Whom.
        server: ServerId,
    },
    /// A packet came.
    Received {
        /// On which link.
        link: LinkId,
        /// The packet.
        packet: QuorumPacket,
    },
    /// The snapshot behind a `SNAP` packet has arrived whole.
    SnapshotReceived {
        /// On which link.
        link: LinkId,
    },
    /// A link broke, or was closed at our wish.
    LinkDown {
        /// Which.
        link: LinkId,
    },
    /// Time has passed; see [`Peer::deadline`](crate::Peer::deadline).
    Woken,
}

/// What a peer wants done, in this order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Append these to the log, make them durable, then say [`Input::Persisted`].
    Persist {
        /// In ascending order, directly after what was persisted before.
        entries: Vec<Entry>,
    },
    /// Apply this and answer whoever asked for it.
    Deliver {
        /// The next transaction of the total order.
        entry: Committed<Entry>,
    },
    /// Write the epoch files, after everything asked of the disk before, and say
    /// [`Input::EpochsWritten`].
    WriteEpochs {
        /// The new accepted epoch, if that one changes.
        accepted: Option<u32>,
        /// The new current epoch, if that one changes.
        current: Option<u32>,
    },
    /// Forget all transactions after this one, in the log and in the tree, and say
    /// [`Input::Truncated`].
    Truncate {
        /// The last that stays.
        to: Zxid,
    },
    /// Make the snapshot that was received on this link the durable state, and forget the log before
    /// it, then say [`Input::SnapshotInstalled`].
    InstallSnapshot {
        /// On which link.
        link: LinkId,
        /// Its last transaction.
        zxid: Zxid,
    },
    /// Tell a server of our vote, on the election port. Only the newest for each server matters.
    Notify {
        /// Whom.
        to: ServerId,
        /// What.
        notification: Notification,
    },
    /// Connect to the quorum port of this server, and say [`Input::LinkUp`] or [`Input::DialFailed`].
    Dial {
        /// Whose.
        server: ServerId,
    },
    /// Send a packet.
    Send {
        /// On which link.
        link: LinkId,
        /// The packet.
        packet: QuorumPacket,
    },
    /// Send the whole state as it is now: exactly what has been delivered.
    SendSnapshot {
        /// On which link.
        link: LinkId,
    },
    /// Close the link, after what was sent on it before.
    Close {
        /// Which.
        link: LinkId,
    },
    /// A packet that is not about the order of transactions came from somebody we work with: `REQUEST`,
    /// `REVALIDATE` and `SYNC` at either end, `PING`. On an answer to a ping, sessions stand.
    Pass {
        /// On which link.
        link: LinkId,
        /// The packet.
        packet: QuorumPacket,
    },
    /// What we are has changed.
    Became {
        /// What we are now.
        role: Role,
    },
    /// A new membership was proposed: write it down as such, ahead of what is persisted next, and be
    /// ready to reach its members.
    Foresee {
        /// The membership.
        configuration: Box<Configuration>,
    },
    /// A membership is in force from now on: write it down, after what was persisted before, and show it.
    Reconfigure {
        /// The membership.
        configuration: Box<Configuration>,
    },
    /// The process must end: what it would do next could harm others.
    Halt {
        /// Why, for people.
        reason: &'static str,
    },
}

/// What a member is, to its clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Nothing: it serves nobody.
    Looking,
    /// It leads, and a quorum follows.
    Leading {
        /// The epoch that begins.
        epoch: u32,
    },
    /// It follows and is up to date.
    Following {
        /// The leader's link.
        link: LinkId,
        /// The leader.
        leader: ServerId,
    },
    /// It observes and is up to date.
    Observing {
        /// The leader's link.
        link: LinkId,
        /// The leader.
        leader: ServerId,
    },
}
