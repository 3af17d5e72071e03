//! What a service may do to its connections during a turn.
//!
//! A [`Turn`] owns the connections of a shard and lives as long as the shard; only the loop and the
//! service it runs ever see it. Naming a connection that is gone is harmless everywhere.

use crate::clock_reader::Clock;
use crate::complaints::Complaints;
use crate::connection::{Closing, Connection, ConnectionId, Flags, Held, Origin, Peer, PeerRules, WhyClosed};
use crate::counters::Tally;
use crate::limits;
use crate::mailbox::Bell;
use crate::port::PortId;
use bytes::Bytes;
use clock::{Moment, Now, Span};
use mio::{Interest, Registry, Token};
use slab::Slab;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use transport::pipe::PipeEnd;
use transport::{BufferPool, Inbox, Outbox, Stream};

/// The connections of a shard, and the time.
pub struct Turn {
    pub(crate) now: Now,
    clock: Clock,
    pub(crate) registry: Registry,
    pub(crate) bell: Arc<Bell>,
    pub(crate) connections: Slab<Connection>,
    pub(crate) tally: Tally,
    pub(crate) complaints: Complaints,
    pub(crate) pool: BufferPool,
    /// Connections to serve in this turn or the next.
    pub(crate) ready: Vec<ConnectionId>,
    /// Connections with something to write, or to end.
    pub(crate) dirty: Vec<ConnectionId>,
    /// Connections that opened, to be told to the service.
    pub(crate) opened: Vec<ConnectionId>,
    /// Connections over pipes, which the poll does not know.
    pub(crate) pipes: Vec<ConnectionId>,
    /// Connections that are closing with bytes still to be written.
    pub(crate) lingering: usize,
    /// What all connections hold together.
    pub(crate) held: Held,
    /// When to look for idle connections.
    pub(crate) next_sweep: Moment,
    pub(crate) serving: Option<ConnectionId>,
    /// Steps of TLS handshakes that may still be taken in this turn.
    pub(crate) handshake_steps: usize,
    pub(crate) stopping: bool,
    /// Ports that are to listen elsewhere.
    pub(crate) moved: Vec<(PortId, SocketAddr)>,
    serial: u64,
}

impl Turn {
    pub(crate) fn new(clock: Clock, registry: Registry, bell: Arc<Bell>) -> Self {
        let now = clock.now();
        Turn {
            now,
            clock,
            registry,
            bell,
            connections: Slab::new(),
            tally: Tally::default(),
            complaints: Complaints::default(),
            pool: BufferPool::new(),
            ready: Vec::new(),
            dirty: Vec::new(),
            opened: Vec::new(),
            pipes: Vec::new(),
            lingering: 0,
            held: Held::default(),
            next_sweep: now.moment + Span::ms(limits::SWEEP_MS_MIN),
            serving: None,
            handshake_steps: limits::HANDSHAKE_STEPS_PER_TURN,
            stopping: false,
            moved: Vec::new(),
            serial: 0,
        }
    }

    /// From the end of this turn on `port` listens at `address`, or where it did if that cannot be.
    /// Connections stay.
    pub fn listen_elsewhere(&mut self, port: PortId, address: SocketAddr) {
        self.moved.push((port, address));
    }

    /// When this turn began, or its service last [waited](Self::waited).
    pub fn now(&self) -> Now {
        self.now
    }

    /// The service has waited for something within this turn: it is later now.
    pub fn waited(&mut self) {
        self.now = self.clock.now();
    }

    /// Sends a frame: its length, then `payload`.
    pub fn send(&mut self, connection: ConnectionId, payload: Bytes) {
        let length = i32::try_from(payload.len()).expect("a frame is below 2 GiB").to_be_bytes();
        let Some((connection, pool)) = self.sender(connection) else { return };
        connection.outbox.push_copy(&length, pool);
        connection.outbox.push(payload, pool);
        self.tally.frames_out += 1;
    }

    /// Sends a frame in pieces: the length of them all, then the pieces.
    pub fn send_pieces(&mut self, connection: ConnectionId, pieces: impl IntoIterator<Item = Bytes> + Clone) {
        let total: usize = pieces.clone().into_iter().map(|piece| piece.len()).sum();
        let length = i32::try_from(total).expect("a frame is below 2 GiB").to_be_bytes();
        let Some((connection, pool)) = self.sender(connection) else { return };
        connection.outbox.push_copy(&length, pool);
        for piece in pieces {
            connection.outbox.push(piece, pool);
        }
        self.tally.frames_out += 1;
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, connection: ConnectionId, bytes: Bytes) {
        let Some((connection, pool)) = self.sender(connection) else { return };
        connection.outbox.push(bytes, pool);
    }

    /// The request of a lockstep connection is done; the next may be handed over.
    pub fn answered(&mut self, connection: ConnectionId) {
        if let Some(connection) = self.find(connection) {
            connection.flags.asking = false;
        }
        self.enqueue_if_work(connection);
    }

    /// Hands over no more frames of this connection until [`resume`](Self::resume).
    pub fn pause(&mut self, connection: ConnectionId) {
        if let Some(connection) = self.find(connection) {
            connection.flags.paused = true;
        }
    }

    /// Hands over frames again.
    pub fn resume(&mut self, connection: ConnectionId) {
        if let Some(connection) = self.find(connection) {
            connection.flags.paused = false;
        }
        self.enqueue_if_work(connection);
    }

    /// Closes a connection when what was sent so far is written, or could not be for too long.
    pub fn close(&mut self, connection: ConnectionId) {
        self.close_because(connection, WhyClosed::Asked);
    }

    /// Tells the log why a connection is refused; a flood of such lines is counted instead.
    pub fn complain(&mut self, connection: ConnectionId, why: &str) {
        let Some(peer) = self.find(connection).map(|connection| connection.peer.address) else { return };
        self.complaints.tell(self.now.moment, peer, why);
    }

    /// Begins to connect to `address`. Ends in `opened` or in `closed` of that connection.
    pub fn dial(&mut self, address: SocketAddr, rules: PeerRules) -> io::Result<ConnectionId> {
        let stream = Stream::connect(address)?;
        let peer = Peer { address, origin: Origin::Dialed };
        let id = self.add(stream, peer, rules)?;
        self.find(id).expect("just added").flags.dialing = true;
        Ok(id)
    }

    /// Makes `end` a connection of this shard. Ends in `opened` of that connection.
    pub fn attach(&mut self, end: PipeEnd, rules: PeerRules) -> ConnectionId {
        self.add_pipe(end, Origin::Dialed, rules)
    }

    /// Ends the loop after this turn.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    pub(crate) fn add_pipe(&mut self, end: PipeEnd, origin: Origin, rules: PeerRules) -> ConnectionId {
        end.set_waker(Arc::clone(&self.bell) as _);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let peer = Peer { address, origin };
        let id = self.add(Stream::Pipe(end), peer, rules).expect("a pipe needs no registration");
        self.pipes.push(id);
        self.opened.push(id);
        let connection = self.find(id).expect("just added");
        connection.flags.readable = true;
        id
    }

    pub(crate) fn add(
        &mut self,
        mut stream: Stream,
        peer: Peer,
        rules: PeerRules,
    ) -> io::Result<ConnectionId> {
        let entry = self.connections.vacant_entry();
        let handshake_until =
            stream.is_handshaking().then(|| self.now.moment + Span::ms(limits::HANDSHAKE_MS));
        if let Some(stream) = stream.tcp_mut() {
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.registry.register(stream, Token(entry.key()), interest)?;
        }
        self.serial += 1;
        let id = ConnectionId::new(self.serial, entry.key());
        entry.insert(Connection {
            id,
            peer,
            rules,
            stream,
            inbox: Inbox::new(rules.frames),
            outbox: Outbox::new(),
            moved: self.now.moment,
            taken: self.now.moment,
            counted: Held::default(),
            closing: None,
            handshake_until,
            flags: Flags::default(),
        });
        if let Some(until) = handshake_until {
            self.next_sweep = self.next_sweep.min(until);
        }
        if let Some(idle) = rules.idle {
            let look = Span::ms((idle.as_ms() / 8).clamp(limits::SWEEP_MS_MIN, limits::SWEEP_MS_MAX));
            self.next_sweep = self.next_sweep.min(self.now.moment + look);
        }
        self.tally.connections += 1;
        Ok(id)
    }

    pub(crate) fn find(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections.get_mut(id.slot()).filter(|connection| connection.id == id)
    }

    /// The connection to add outgoing bytes to, marked for flushing; closes one that is too full and not read.
    fn sender(&mut self, id: ConnectionId) -> Option<(&mut Connection, &mut BufferPool)> {
        let connection = self.find(id)?;
        if connection.closing.is_some() {
            return None;
        }
        if connection.outbox.waiting_bytes() > connection.rules.backlog_soft_bytes {
            if self.is_not_read(id) {
                self.close_unread(id);
            }
            if self.find(id)?.closing.is_some() {
                return None;
            }
        }
        self.mark_dirty(id);
        Some((&mut self.connections[id.slot()], &mut self.pool))
    }

    /// Whether a connection that has much unwritten leaves it unread. What was made in this turn was not offered to
    /// the client yet: that is done first.
    fn is_not_read(&mut self, id: ConnectionId) -> bool {
        self.count(id);
        let crowded = self.held.sending > limits::SENDING_BYTES_MAX;
        let now = self.now.moment;
        let Some(connection) = self.connections.get_mut(id.slot()).filter(|it| it.id == id) else {
            return false;
        };
        let much = crowded || connection.outbox.waiting_bytes() > connection.rules.backlog_hard_bytes;
        if much && !connection.flags.blocked && !connection.flags.dialing {
            let (written, outcome) = connection.flush(now, &mut self.pool);
            self.tally.bytes_out += written as u64;
            self.count(id);
            if let Err(error) = outcome {
                // Nobody will ever take what this turn still makes for it.
                self.close_because(id, WhyClosed::Failed(error.kind()));
            }
        }
        self.find(id).is_some_and(|connection| connection.is_not_read(now, crowded))
    }

    /// Closes a connection whose client leaves too much unread.
    pub(crate) fn close_unread(&mut self, id: ConnectionId) {
        let Some(connection) = self.find(id) else { return };
        let (waiting, peer) = (connection.outbox.waiting_bytes(), connection.peer.address);
        let why = format_args!("{waiting} bytes wait for it, and it does not read");
        self.complaints.tell(self.now.moment, peer, why);
        self.close_because(id, WhyClosed::Overflowed);
    }

    pub(crate) fn close_because(&mut self, id: ConnectionId, why: WhyClosed) {
        let until = match why {
            WhyClosed::Asked => self.now.moment + Span::ms(limits::LINGER_MS),
            // Nobody is there to read, or whoever is does not.
            WhyClosed::Failed(_) | WhyClosed::Overflowed | WhyClosed::Idle => Moment::at_ms(0),
            WhyClosed::Ended | WhyClosed::Malformed(_) => self.now.moment + Span::ms(limits::LINGER_MS),
        };
        let Some(connection) = self.find(id) else { return };
        match &mut connection.closing {
            Some(closing) => closing.until = closing.until.min(until),
            none => {
                *none = Some(Closing { why, until });
                self.lingering += 1;
            }
        }
        self.mark_dirty(id);
    }

    /// Counts anew what a connection holds, after a read or a write.
    pub(crate) fn count(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(id.slot()).filter(|it| it.id == id) else { return };
        let before = connection.counted;
        connection.counted =
            Held { receiving: connection.inbox.held_bytes(), sending: connection.outbox.waiting_bytes() };
        self.held.receiving = self.held.receiving - before.receiving + connection.counted.receiving;
        self.held.sending = self.held.sending - before.sending + connection.counted.sending;
    }

    pub(crate) fn mark_dirty(&mut self, id: ConnectionId) {
        let Some(connection) = self.find(id) else { return };
        if !connection.flags.dirty {
            connection.flags.dirty = true;
            self.dirty.push(id);
        }
    }

    /// Puts a connection on the list to serve if that could do something.
    pub(crate) fn enqueue_if_work(&mut self, id: ConnectionId) {
        if self.serving == Some(id) {
            return;
        }
        let Some(connection) = self.find(id) else { return };
        if !connection.flags.queued && connection.has_work() {
            connection.flags.queued = true;
            self.ready.push(id);
        }
    }
}
