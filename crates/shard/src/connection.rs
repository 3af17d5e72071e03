//! One connection of a shard: its stream, what was received, what waits to be sent, and its state.

use crate::limits;
use crate::port::PortId;
use clock::{Moment, Span};
use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use transport::{BufferPool, FrameError, FrameRules, Inbox, Outbox, Stream};

/// A connection's number, never given twice by a shard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(u64);

impl ConnectionId {
    pub(crate) fn new(serial: u64, slot: usize) -> Self {
        assert!(slot < 1 << limits::SLOT_BITS, "a shard has far fewer connections");
        ConnectionId(serial << limits::SLOT_BITS | slot as u64)
    }

    pub(crate) fn slot(self) -> usize {
        (self.0 & ((1 << limits::SLOT_BITS) - 1)) as usize
    }

    /// For the number types of the nodes.
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// What [`as_u64`](Self::as_u64) gave.
    pub fn from_u64(number: u64) -> Self {
        ConnectionId(number)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0 >> limits::SLOT_BITS)
    }
}

/// Who is at the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Its address; for a pipe, loopback with port 0.
    pub address: SocketAddr,
    /// How the connection came to be.
    pub origin: Origin,
}

/// How a connection came to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// It came in on a port, over the network or through a pipe.
    Port(PortId),
    /// The service dialled or attached it.
    Dialed,
}

/// What holds for a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerRules {
    /// How its bytes are cut.
    pub frames: FrameRules,
    /// Whether the next frame is handed over only after [`Turn::answered`](crate::Turn::answered).
    pub lockstep: bool,
    /// Closed when nothing moved for so long, unless a request is being worked on.
    pub idle: Option<Span>,
    /// Unwritten bytes above which nothing more is read from it.
    pub backlog_soft_bytes: usize,
    /// Unwritten bytes above which it is closed when none of them was taken for `backlog_patience`.
    pub backlog_hard_bytes: usize,
    /// See `backlog_hard_bytes`.
    pub backlog_patience: Span,
}

impl PeerRules {
    /// Frames one after the other without waiting, default limits, no idle time.
    pub fn pipelined(frames: FrameRules) -> Self {
        PeerRules {
            frames,
            lockstep: false,
            idle: None,
            backlog_soft_bytes: limits::BACKLOG_SOFT_BYTES,
            backlog_hard_bytes: limits::BACKLOG_HARD_BYTES,
            backlog_patience: Span::ms(limits::BACKLOG_PATIENCE_MS),
        }
    }
}

/// Why a connection is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhyClosed {
    /// The other side ended it.
    Ended,
    /// The service asked for it.
    Asked,
    /// The other side broke the framing rules.
    Malformed(FrameError),
    /// The other side does not read what it is sent.
    Overflowed,
    /// Nothing was heard for too long.
    Idle,
    /// The system reported an error, such as a reset, or dialling failed.
    Failed(std::io::ErrorKind),
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) peer: Peer,
    pub(crate) rules: PeerRules,
    pub(crate) stream: Stream,
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Outbox,
    /// Last moment at which bytes moved.
    pub(crate) moved: Moment,
    /// Last moment at which the other side took bytes, or there were none for it.
    pub(crate) taken: Moment,
    /// What of its inbox and its outbox is counted in the shard's totals, in bytes.
    pub(crate) counted: Held,
    pub(crate) closing: Option<Closing>,
    /// While a TLS handshake is under way, when it must be done.
    pub(crate) handshake_until: Option<Moment>,
    pub(crate) flags: Flags,
}

/// Bytes held for connections.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Held {
    /// Of unfinished requests.
    pub(crate) receiving: usize,
    /// Of replies that were not taken yet.
    pub(crate) sending: usize,
}

/// A connection that takes no more input and ends when its outbox is empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closing {
    pub(crate) why: WhyClosed,
    pub(crate) until: Moment,
}

/// What is known about a connection between turns.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Flags {
    /// Dialled and not yet known to be connected.
    pub(crate) dialing: bool,
    /// The stream may have bytes to read.
    pub(crate) readable: bool,
    /// The stream's end was announced; read until it is seen.
    pub(crate) hung_up: bool,
    /// The stream's end was read.
    pub(crate) ended: bool,
    /// The stream did not take all bytes.
    pub(crate) blocked: bool,
    /// Lockstep: a frame is being worked on.
    pub(crate) asking: bool,
    /// The service does not want frames now.
    pub(crate) paused: bool,
    /// In the list of connections to serve.
    pub(crate) queued: bool,
    /// In the list of connections to flush.
    pub(crate) dirty: bool,
}

impl Connection {
    /// Writes what waits, and tells how many bytes were taken. What failed shows again at the next flush.
    pub(crate) fn flush(&mut self, now: Moment, pool: &mut BufferPool) -> (usize, io::Result<bool>) {
        let before = self.outbox.waiting_bytes();
        let outcome = match self.outbox.flush(&mut self.stream, pool) {
            // What TLS sends of its own, or has encrypted already.
            Ok(true) => match self.stream.flush() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
                outcome => outcome.map(|()| true),
            },
            outcome => outcome,
        };
        let written = before - self.outbox.waiting_bytes();
        if written > 0 {
            self.moved = now;
        }
        if written > 0 || before == 0 {
            self.taken = now;
        }
        self.flags.blocked = matches!(outcome, Ok(false));
        (written, outcome)
    }

    /// Whether its client leaves unread what it is sent. `crowded` if all connections together hold too much.
    pub(crate) fn is_not_read(&self, now: Moment, crowded: bool) -> bool {
        let waiting = self.outbox.waiting_bytes();
        let left =
            waiting > self.rules.backlog_hard_bytes && now.since(self.taken) >= self.rules.backlog_patience;
        let blocked = self.flags.blocked || self.flags.dialing;
        blocked && (left || waiting > limits::BACKLOG_BYTES_MAX || crowded)
    }

    /// Whether the service may be given another frame.
    pub(crate) fn is_open_for_frames(&self) -> bool {
        self.closing.is_none()
            && !self.flags.dialing
            && !self.flags.asking
            && !self.flags.paused
            && self.outbox.waiting_bytes() <= self.rules.backlog_soft_bytes
    }

    /// Whether serving it could do something now.
    pub(crate) fn has_work(&self) -> bool {
        self.is_open_for_frames() && (self.flags.readable || self.flags.ended || !self.inbox.is_drained())
    }
}
