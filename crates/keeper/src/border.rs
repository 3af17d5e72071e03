//! All that can happen to a keeper, and all that it can want done.

use std::net::SocketAddr;

use bytes::Bytes;
use zab::packet::QuorumPacket;
use zab::{Configuration, Entry, LinkId, Notification, ServerId};
use znode::{Database, Snapshot};
use zookeeper_wire::Zxid;

use crate::metrics::Summary;

/// A client's connection, numbered by the edge and never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub u64);

/// What can happen.
#[derive(Debug)]
pub enum Input {
    /// A client connected.
    Opened {
        /// Its number from now on.
        connection: ConnectionId,
        /// Where it is.
        peer: SocketAddr,
    },
    /// The connection's TLS handshake is done; said before its first frame, and never without TLS.
    Secured {
        /// Whose.
        connection: ConnectionId,
        /// The subject of the certificate that the client has shown, as Java writes it (RFC 2253).
        subject: Option<String>,
    },
    /// A frame came, without its length prefix.
    Received {
        /// From whom.
        connection: ConnectionId,
        /// The payload.
        frame: Bytes,
    },
    /// Instead of a frame, one of [`crate::is_word`]'s words came as the first four bytes.
    FourLetterWord {
        /// From whom.
        connection: ConnectionId,
        /// Which.
        word: [u8; 4],
    },
    /// The client is gone, or was closed at our wish.
    Closed {
        /// Which.
        connection: ConnectionId,
    },
    /// The log is durable up to and including this transaction.
    Persisted {
        /// The last durable one.
        upto: Zxid,
    },
    /// The snapshot that was asked for is on disk, or failed and was given up.
    SnapshotWritten {
        /// Its last transaction.
        zxid: Zxid,
    },
    /// What the oldest [`Effect::WriteEpochs`] asked for is durable.
    EpochsWritten,
    /// The log ends where [`Effect::Truncate`] wanted it to, durably.
    Truncated {
        /// The state rebuilt from disk, if that was asked for.
        database: Option<Box<Database>>,
    },
    /// The snapshot of [`Effect::InstallSnapshot`] is durable, and the log begins behind it.
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
        /// Its number from now on; those of client connections are other numbers.
        link: LinkId,
        /// Whom we dialed; `None` if it was accepted.
        dialed: Option<ServerId>,
    },
    /// A dial came to nothing.
    DialFailed {
        /// Whom.
        server: ServerId,
    },
    /// A packet came on a quorum link.
    Packet {
        /// On which.
        link: LinkId,
        /// The packet.
        packet: QuorumPacket,
    },
    /// The raw snapshot behind a `SNAP` packet has arrived whole. Its `SNAP` packet was fed before, the
    /// packets behind it are fed after.
    SnapshotReceived {
        /// On which link.
        link: LinkId,
        /// What it builds; its last transaction is the zxid of the `SNAP` packet.
        database: Box<Database>,
    },
    /// A quorum link broke, or was closed at our wish.
    LinkDown {
        /// Which.
        link: LinkId,
    },
    /// What the edge measured of things a core cannot see, whenever it likes.
    Measured(Box<Measures>),
    /// Time has passed; at the latest at [`crate::Keeper::deadline`].
    Woken,
}

/// What the edge knows of directories and file descriptors, for `mntr`, `conf` and `dirs`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Measures {
    /// Bytes in the snapshot directory.
    pub data_dir_bytes: u64,
    /// Bytes in the log directory.
    pub log_dir_bytes: u64,
    /// Open file descriptors.
    pub open_files: u64,
    /// File descriptors that may be open.
    pub open_files_max: u64,
    /// The newest snapshot on disk, and when it was written, in seconds since 1970.
    pub last_snapshot: Option<(Zxid, i64)>,
    /// Groups of transactions that took longer to make durable than is good.
    pub slow_syncs: u64,
    /// What making transactions durable took, in milliseconds a group.
    pub log_syncs_ms: Observed,
    /// Transactions in those groups.
    pub log_groups: Observed,
    /// What writing snapshots took, in milliseconds.
    pub snapshots_ms: Observed,
    /// What bringing the database back took, in milliseconds.
    pub start_ms: Observed,
    /// What of that the snapshot took.
    pub start_snapshot_ms: Observed,
    /// What of that the transactions behind it took.
    pub start_transactions_ms: Observed,
    /// How many those were.
    pub start_transactions: Observed,
    /// What restores took that an administrator asked for, in milliseconds.
    pub restores_ms: Observed,
    /// Restores that failed.
    pub restores_failed: u64,
    /// Restores refused because one was just before.
    pub restores_limited: u64,
    /// Snapshots that an administrator asked for and that failed.
    pub snapshots_failed: u64,
    /// Such snapshots refused because one was just before.
    pub snapshots_limited: u64,
    /// Failures that end the process.
    pub fatal: u64,
    /// TLS handshakes under way.
    pub handshakes: u64,
    /// Connections refused because too many of those were.
    pub handshakes_refused: u64,
    /// Those that failed.
    pub handshakes_failed: u64,
}

/// A stream of values that the edge has summed up.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Observed {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// The least.
    pub min: u64,
    /// The greatest.
    pub max: u64,
}

impl Observed {
    /// One value.
    pub const fn once(value: u64) -> Observed {
        Observed { count: 1, sum: value, min: value, max: value }
    }

    /// One more value.
    pub fn add(&mut self, value: u64) {
        self.min = if self.count == 0 { value } else { self.min.min(value) };
        self.max = self.max.max(value);
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
    }
}

impl From<Observed> for Summary {
    fn from(Observed { count, sum, min, max }: Observed) -> Summary {
        Summary::measured(count, sum, min, max)
    }
}

/// What is to be done, in this order for each connection.
#[derive(Debug)]
pub enum Effect {
    /// Send a frame; the edge puts its length in front.
    Send {
        /// To whom.
        connection: ConnectionId,
        /// The payload.
        frame: Bytes,
    },
    /// Send bytes as they are: the answer to a four-letter word.
    SendText {
        /// To whom.
        connection: ConnectionId,
        /// The text.
        text: Bytes,
    },
    /// Close the connection once everything before this is sent; nothing it still sends matters.
    Close {
        /// Which.
        connection: ConnectionId,
    },
    /// Tell the administrator that a client is refused.
    Complain {
        /// Which.
        connection: ConnectionId,
        /// What it did, in words.
        why: String,
    },
    /// Append these to the log, make them durable, then say [`Input::Persisted`].
    Persist {
        /// In ascending order, directly after those before.
        entries: Vec<Entry>,
    },
    /// Write this to disk, on whatever thread, then say [`Input::SnapshotWritten`].
    WriteSnapshot {
        /// The database at one point in time.
        snapshot: Box<Snapshot>,
    },
    /// Write the epoch files durably, after everything asked of the disk before, then say
    /// [`Input::EpochsWritten`]. Accepted before current, if both change.
    WriteEpochs {
        /// The new accepted epoch, if that one changes.
        accepted: Option<u32>,
        /// The new current epoch, if that one changes.
        current: Option<u32>,
    },
    /// Cut the log behind this transaction, after everything asked of the disk before, then say
    /// [`Input::Truncated`]. If it cannot be done the process ends.
    Truncate {
        /// The last that stays.
        to: Zxid,
        /// Whether the state must be rebuilt from what is left, because it contains what is cut.
        rebuild: bool,
    },
    /// Write this durably, then remove all files of the log and begin a new one behind it, then say
    /// [`Input::SnapshotInstalled`]. It is the leader's state in place of ours.
    InstallSnapshot {
        /// The leader's state.
        snapshot: Box<Snapshot>,
    },
    /// Tell a server of our vote, on the election port. Only the newest for each server matters: an older
    /// one that was not sent yet is dropped, and the newest is sent again on every new connection.
    Notify {
        /// Whom.
        to: ServerId,
        /// What.
        notification: Notification,
    },
    /// Connect to the quorum port of this server, then say [`Input::LinkUp`] or [`Input::DialFailed`].
    Dial {
        /// Whose.
        server: ServerId,
    },
    /// Send a packet on a quorum link.
    SendPacket {
        /// On which.
        link: LinkId,
        /// The packet.
        packet: QuorumPacket,
    },
    /// Send the snapshot raw (sessions, lists, znodes, `BenWasHere`), behind the packets sent on
    /// this link before and ahead of those sent after.
    SendSnapshot {
        /// On which link.
        link: LinkId,
        /// The state at the zxid of the `SNAP` packet just before.
        snapshot: Box<Snapshot>,
    },
    /// Close a quorum link, after what was sent on it before.
    CloseLink {
        /// Which.
        link: LinkId,
    },
    /// A new membership was proposed: write it down as such, after everything asked of the disk before, and
    /// be ready to reach its members.
    Foresee {
        /// The membership.
        configuration: Box<Configuration>,
    },
    /// A membership is in force: write it down, after everything asked of the disk before, reach its members
    /// at their addresses, and listen where it says that we do.
    Reconfigure {
        /// The membership.
        configuration: Box<Configuration>,
    },
    /// End the process: what it would do next could harm others.
    Halt {
        /// Why, for people.
        reason: &'static str,
    },
    /// Read no more from the connection until told to.
    Pause {
        /// Which.
        connection: ConnectionId,
    },
    /// Read from the connection again.
    Resume {
        /// Which.
        connection: ConnectionId,
    },
}
