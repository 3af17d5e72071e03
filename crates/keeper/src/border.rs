//! All that can happen to a keeper, and all that it can want done.

use std::net::SocketAddr;

use bytes::Bytes;
use zab::Entry;
use znode::Snapshot;
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
    /// What the edge measured of things a core cannot see, whenever it likes.
    Measured(Measures),
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
    /// What making transactions durable took, in milliseconds a group.
    pub log_syncs_ms: Observed,
    /// Transactions in those groups.
    pub log_groups: Observed,
    /// What writing snapshots took, in milliseconds.
    pub snapshots_ms: Observed,
    /// What bringing the database back took, in milliseconds.
    pub start_ms: Observed,
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
