//! One client's connection: how far it has come, who it is, and the requests it waits for.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use clock::{Moment, WallTime};
use sasl::DigestMd5Server;
use znode::Identity;
use zookeeper_wire::txn::TxnHeader;
use zookeeper_wire::{ConnectResponse, ErrorCode, OpCode, Request, SessionId, Xid, Zxid};

use crate::ConnectionId;
use crate::limits::{HELD_BYTES_MAX, HELD_BYTES_PAUSE, HELD_FRAMES_MAX, HELD_FRAMES_PAUSE, IDENTITIES_MAX};
use crate::statistics::Latency;

/// A connection. Invariant: replies leave in the order of `pipeline`, and `pipeline` is empty or
/// begins with something that waits.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) peer: SocketAddr,
    pub(crate) stage: Stage,
    pub(crate) session: SessionId,
    pub(crate) timeout_ms: i32,
    pub(crate) identities: Vec<Identity>,
    /// The SASL exchange, once it has begun.
    pub(crate) sasl: Option<Box<DigestMd5Server>>,
    /// Requests taken in and not answered, in order.
    pub(crate) pipeline: VecDeque<Slot>,
    /// Frames that came before they could be taken in.
    held: VecDeque<(Moment, Bytes)>,
    held_bytes: usize,
    /// Requests counted against the outstanding limit: those in `pipeline` with a positive xid.
    pub(crate) outstanding: usize,
    /// Bytes of its large requests; they count until nothing of it is under way.
    pub(crate) large_bytes: usize,
    pub(crate) paused: bool,
    pub(crate) established: WallTime,
    pub(crate) since: Moment,
    pub(crate) usage: Usage,
}

/// How far a connection has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// Nothing was said yet.
    New,
    /// It said `stmk`; the mask comes next.
    Mask,
    /// It asked for a session and has no answer yet.
    Connecting,
    /// It has a session.
    Established,
    /// It is to be closed; what it still says is not heard.
    Closing,
}

/// What `cons` shows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) latency: Latency,
    pub(crate) last_op: &'static str,
    pub(crate) last_xid: i64,
    pub(crate) last_zxid: Zxid,
    pub(crate) last_response: Moment,
}

impl Usage {
    /// Before the first request.
    pub(crate) fn unused() -> Usage {
        Usage { last_op: "NA", last_xid: -1, ..Usage::default() }
    }
}

/// A request that has its place in the order of replies.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) xid: Xid,
    pub(crate) op: OpCode,
    pub(crate) received: Moment,
    pub(crate) wait: Wait,
}

/// What a request waits for.
#[derive(Debug)]
pub(crate) enum Wait {
    /// Its own transaction.
    Commit(Zxid),
    /// Everything before it in the pipeline.
    Turn(Request),
    /// As [`Wait::Turn`], and that this transaction is applied.
    Applied(Zxid, Request),
    /// Everything before it, to be told that it failed.
    Failed(ErrorCode),
    /// Everything before it, to be told that there is no such operation, and cut off.
    Unknown,
    /// Everything before it, to be the last answer of a local session.
    Goodbye,
    /// The leader, to put it in order.
    Forwarded,
    /// The leader, to say that everything before is here.
    Synced(Request),
    /// The leader, to say that the session may begin or go on.
    Leader(ConnectResponse),
    /// That this transaction is applied, to be told of its session.
    Session(Zxid, ConnectResponse),
}

impl Connection {
    pub(crate) fn new(id: ConnectionId, peer: SocketAddr, since: Moment, established: WallTime) -> Self {
        // A socket for both families calls an IPv4 address by its IPv6 name; nobody wants to read that.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let address = peer.ip();
        Connection {
            id,
            peer,
            stage: Stage::New,
            session: SessionId::NONE,
            timeout_ms: 0,
            identities: vec![Identity::new("ip", address.to_string())],
            sasl: None,
            pipeline: VecDeque::new(),
            held: VecDeque::new(),
            held_bytes: 0,
            outstanding: 0,
            large_bytes: 0,
            paused: false,
            established,
            since,
            usage: Usage::unused(),
        }
    }

    /// Keeps a frame for later; false if there are too many.
    pub(crate) fn hold(&mut self, now: Moment, frame: Bytes) -> bool {
        self.held_bytes += frame.len();
        self.held.push_back((now, frame));
        self.held.len() <= HELD_FRAMES_MAX && self.held_bytes <= HELD_BYTES_MAX
    }

    /// Whether so much is kept that nothing more should be read; asks for less of it if reading has stopped.
    pub(crate) fn holds_much(&self) -> bool {
        let share = if self.paused { 2 } else { 1 };
        self.held.len() >= HELD_FRAMES_PAUSE / share || self.held_bytes >= HELD_BYTES_PAUSE / share
    }

    /// The oldest frame that was kept, and since when.
    pub(crate) fn take_held(&mut self) -> Option<(Moment, Bytes)> {
        let (since, frame) = self.held.pop_front()?;
        self.held_bytes -= frame.len();
        Some((since, frame))
    }

    /// Whether this transaction is the answer to the first that waits. One that is not answers a request
    /// of the session's connection before this one.
    pub(crate) fn awaits(&self, header: &TxnHeader) -> bool {
        self.pipeline.front().is_some_and(|slot| match slot.wait {
            Wait::Commit(zxid) => zxid == header.zxid,
            // The beginning of a session is no answer to a request, whatever number that bears.
            Wait::Forwarded => slot.xid == header.cxid && header.kind != OpCode::CREATE_SESSION,
            _ => false,
        })
    }

    /// Frames that were kept.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// Forgets everything that waits.
    pub(crate) fn clear(&mut self) {
        self.held.clear();
        self.held_bytes = 0;
        self.pipeline.clear();
    }

    /// The address without its port.
    pub(crate) fn address(&self) -> IpAddr {
        self.peer.ip().to_canonical()
    }

    /// One more identity; false if it has too many.
    pub(crate) fn identify(&mut self, scheme: &'static str, id: impl Into<Cow<'static, str>>) -> bool {
        let identity = Identity::new(scheme, id);
        if self.identities.contains(&identity) {
            return true;
        }
        if self.identities.len() >= IDENTITIES_MAX {
            return false;
        }
        self.identities.push(identity);
        true
    }
}
