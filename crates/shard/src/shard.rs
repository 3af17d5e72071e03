//! The loop itself: polling, serving, flushing, and ending connections, turn by turn.

use crate::clock_reader::Clock;
use crate::connection::{Connection, ConnectionId, Origin, Peer, WhyClosed};
use crate::counters::Counters;
use crate::limits;
use crate::mailbox::{Bell, Envelope, Mailbox};
use crate::port::{Accepted, Port, PortId, PortRules, Security};
use crate::service::Service;
use crate::turn::Turn;
use clock::{Moment, Span};
use mio::event::Event;
use mio::{Events, Interest, Poll, Token, Waker};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use transport::tls::{PeerCertificate, TlsStream};
use transport::{Cut, FrameError, Listener, Scratch, Stream};

const BELL: Token = Token(usize::MAX);
/// Ports have the tokens from here downwards, connections those from 0 upwards.
const PORTS: usize = usize::MAX - 1;

/// An event loop that has not begun to run.
pub struct Shard<M> {
    poll: Poll,
    clock: Clock,
    mailbox: Mailbox<M>,
    counters: Arc<Counters>,
    ports: Vec<Port>,
    turn: Turn,
    scratch: Scratch,
    /// Connections that ended, to be told to the service.
    gone: Vec<(ConnectionId, WhyClosed)>,
}

impl<M: Send> Shard<M> {
    /// A shard without ports.
    pub fn new(clock: Clock) -> io::Result<Self> {
        let poll = Poll::new()?;
        let bell = Arc::new(Bell::new(Waker::new(poll.registry(), BELL)?));
        let registry = poll.registry().try_clone()?;
        Ok(Shard {
            poll,
            clock,
            mailbox: Mailbox::new(Arc::clone(&bell)),
            counters: Arc::new(Counters::default()),
            ports: Vec::new(),
            turn: Turn::new(clock, registry, bell),
            scratch: Scratch::new(),
            gone: Vec::new(),
        })
    }

    /// How other threads reach this shard.
    pub fn mailbox(&self) -> Mailbox<M> {
        self.mailbox.clone()
    }

    /// What this shard counts.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Accepts connections from `listener`, as plain TCP.
    pub fn listen(&mut self, listener: Listener, rules: PortRules) -> io::Result<PortId> {
        self.listen_with(listener, rules, Security::Plain)
    }

    /// Accepts connections from `listener`.
    pub fn listen_with(
        &mut self,
        mut listener: Listener,
        rules: PortRules,
        security: Security,
    ) -> io::Result<PortId> {
        let token = Token(PORTS - self.ports.len());
        self.poll.registry().register(listener.socket_mut(), token, Interest::READABLE)?;
        Ok(self.add_port(Port::new(Some(listener), rules, security)))
    }

    /// A port that is reached only through [`Mailbox::attach`].
    pub fn pipes_only(&mut self, rules: PortRules) -> PortId {
        self.add_port(Port::new(None, rules, Security::Plain))
    }

    fn add_port(&mut self, port: Port) -> PortId {
        let id = PortId(u16::try_from(self.ports.len()).expect("a shard has a handful of ports"));
        self.ports.push(port);
        id
    }

    /// Runs `service` until it calls [`Turn::stop`]. Fails only if polling does.
    pub fn run<S: Service<Message = M>>(mut self, service: &mut S) -> io::Result<()> {
        let mut events = Events::with_capacity(limits::EVENTS_PER_TURN);
        while !self.turn.stopping {
            let timeout = self.timeout(service);
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            self.turn.now = self.clock.now();
            self.turn.tally.turns += 1;
            self.turn.handshake_steps = limits::HANDSHAKE_STEPS_PER_TURN;
            for event in &events {
                self.note(event);
            }
            self.take_input(service);
            self.sweep();
            service.turn_ended(&mut self.turn);
            self.move_ports();
            // Clients that wait for nothing have their next requests here already: they are taken in
            // before the answers leave, in one write for all of them.
            for _ in 1..limits::ROUNDS_PER_TURN {
                if !self.serve_answered(service) {
                    break;
                }
                service.turn_ended(&mut self.turn);
            }
            self.flush();
            self.turn.tally.handshakes = self.ports.iter().map(|port| port.handshaking as u64).sum();
            self.turn.tally.publish(&self.counters);
        }
        self.mailbox.end();
        self.flush_last();
        Ok(())
    }

    /// Listens where the service wants it to.
    fn move_ports(&mut self) {
        for (PortId(id), address) in std::mem::take(&mut self.turn.moved) {
            let Some(port) = self.ports.get_mut(usize::from(id)) else { continue };
            let Some(mut old) = port.listener.take() else { continue };
            let before = old.address();
            let _ = self.poll.registry().deregister(old.socket_mut());
            // One address may contain the other, so the old one is let go first.
            drop(old);
            let bound = Listener::bind(address).or_else(|error| {
                tracing::error!(%address, %error, "clients cannot be served there; the former address stays");
                Listener::bind(before)
            });
            let Ok(mut listener) = bound else {
                tracing::error!(%before, "the former address is gone as well");
                continue;
            };
            let token = Token(PORTS - usize::from(id));
            let polled = self.poll.registry().register(listener.socket_mut(), token, Interest::READABLE);
            if let Err(error) = polled {
                tracing::error!(address = %listener.address(), %error, "a port cannot be polled");
            }
            port.listener = Some(listener);
            port.became_ready();
        }
    }

    /// How long polling may wait: not at all if anything is left over from the last turn.
    fn timeout(&self, service: &impl Service) -> Option<Duration> {
        let turn = &self.turn;
        let now = turn.now.moment;
        let left_over = !turn.ready.is_empty()
            || !turn.dirty.is_empty()
            || !turn.opened.is_empty()
            || !self.gone.is_empty()
            || self.ports.iter().any(|port| port.has_work(now));
        if left_over {
            return Some(Duration::ZERO);
        }
        let sweep = (!turn.connections.is_empty()).then_some(turn.next_sweep);
        let rests = self.ports.iter().filter_map(Port::deadline).min();
        let deadline = [service.deadline(), sweep, rests].into_iter().flatten().min()?;
        Some(self.clock.until(deadline))
    }

    /// Remembers what the poll said.
    fn note(&mut self, event: &Event) {
        match event.token() {
            BELL => {}
            Token(token) if token > PORTS - self.ports.len() => self.ports[PORTS - token].became_ready(),
            Token(slot) => {
                let Some(connection) = self.turn.connections.get_mut(slot) else { return };
                let id = connection.id;
                if connection.flags.dialing && !self.note_dialed(id, event) {
                    return;
                }
                let connection = &mut self.turn.connections[slot];
                connection.flags.readable |=
                    event.is_readable() || event.is_read_closed() || event.is_error();
                connection.flags.hung_up |= event.is_read_closed() || event.is_error();
                if event.is_writable() && connection.flags.blocked {
                    self.turn.mark_dirty(id);
                }
                self.turn.enqueue_if_work(id);
            }
        }
    }

    /// Whether a dialled connection is connected.
    fn note_dialed(&mut self, id: ConnectionId, event: &Event) -> bool {
        let Some(connection) = self.turn.find(id) else { return false };
        let Stream::Tcp(stream) = &connection.stream else { return true };
        let outcome = match stream.take_error() {
            Ok(Some(error)) | Err(error) => Err(error.kind()),
            Ok(None) => match stream.peer_addr() {
                Ok(_) => Ok(true),
                Err(_) if event.is_error() || event.is_write_closed() => {
                    Err(io::ErrorKind::ConnectionRefused)
                }
                Err(_) => Ok(false),
            },
        };
        match outcome {
            Ok(false) => {}
            Ok(true) => {
                connection.flags.dialing = false;
                self.turn.opened.push(id);
                self.turn.mark_dirty(id);
            }
            Err(kind) => self.turn.close_because(id, WhyClosed::Failed(kind)),
        }
        outcome == Ok(true)
    }

    fn take_input<S: Service<Message = M>>(&mut self, service: &mut S) {
        for (id, why) in std::mem::take(&mut self.gone) {
            service.closed(&mut self.turn, id, why);
        }
        if self.turn.bell.take() {
            for envelope in self.mailbox.take_all() {
                match envelope {
                    Envelope::Message(message) => service.message(&mut self.turn, message),
                    Envelope::Attach(end, port) => self.attach(end, port),
                }
            }
            for n in 0..self.turn.pipes.len() {
                let id = self.turn.pipes[n];
                self.turn.find(id).expect("pipes are forgotten when they end").flags.readable = true;
                self.turn.mark_dirty(id);
                self.turn.enqueue_if_work(id);
            }
        }
        self.accept();
        for id in std::mem::take(&mut self.turn.opened) {
            if let Some(connection) = self.turn.find(id) {
                let peer = connection.peer;
                service.opened(&mut self.turn, id, peer);
                self.turn.enqueue_if_work(id);
            }
        }
        let mut ready = std::mem::take(&mut self.turn.ready);
        for id in ready.drain(..) {
            self.serve_one(id, service);
        }
        keep(ready, &mut self.turn.ready);
        if service.deadline().is_some_and(|deadline| deadline <= self.turn.now.moment) {
            service.woken(&mut self.turn);
        }
    }

    fn serve_one<S: Service<Message = M>>(&mut self, id: ConnectionId, service: &mut S) {
        self.turn.serving = Some(id);
        let more = self.serve(id, service);
        self.turn.serving = None;
        self.count_received(id);
        if more {
            self.turn.enqueue_if_work(id);
        }
    }

    /// Serves lockstep connections that were answered in this turn. The others have had their share.
    /// False if there were none.
    fn serve_answered<S: Service<Message = M>>(&mut self, service: &mut S) -> bool {
        let mut ready = std::mem::take(&mut self.turn.ready);
        let mut served = false;
        for id in ready.drain(..) {
            match self.turn.find(id) {
                Some(connection) if connection.rules.lockstep => {
                    served = true;
                    self.serve_one(id, service);
                }
                Some(_) => self.turn.ready.push(id),
                None => {}
            }
        }
        keep(ready, &mut self.turn.ready);
        served
    }

    fn attach(&mut self, end: transport::pipe::PipeEnd, port: PortId) {
        let rules = self.ports[usize::from(port.0)].rules.peer;
        let id = self.turn.add_pipe(end, Origin::Port(port), rules);
        let address = self.turn.find(id).expect("just added").peer.address;
        self.ports[usize::from(port.0)].opened(address.ip());
    }

    fn accept(&mut self) {
        for (n, port) in self.ports.iter_mut().enumerate() {
            for _ in 0..limits::ACCEPTS_PER_TURN {
                if !port.has_work(self.turn.now.moment) {
                    break;
                }
                match port.accept(self.turn.now.moment) {
                    Accepted::Nothing => {}
                    Accepted::Refused => self.turn.tally.refused += 1,
                    Accepted::TooManyHandshakes => {
                        self.turn.tally.refused += 1;
                        self.turn.tally.handshakes_refused += 1;
                    }
                    Accepted::Connection(stream, address) => {
                        let peer = Peer { address, origin: Origin::Port(PortId(n as u16)) };
                        let handshaking = usize::from(stream.is_handshaking());
                        match self.turn.add(stream, peer, port.rules.peer) {
                            Ok(id) => {
                                port.opened(address.ip());
                                port.handshaking += handshaking;
                                self.turn.tally.accepted += 1;
                                self.turn.opened.push(id);
                            }
                            Err(error) => {
                                self.turn.tally.refused += 1;
                                tracing::warn!(%address, %error, "cannot poll a new connection");
                            }
                        }
                    }
                }
            }
        }
    }

    /// Closes a connection whose unfinished request is the one too many.
    fn count_received(&mut self, id: ConnectionId) {
        self.turn.count(id);
        if self.turn.held.receiving <= limits::RECEIVING_BYTES_MAX {
            return;
        }
        let Some(connection) = self.turn.find(id) else { return };
        if connection.counted.receiving > transport::limits::SCRATCH_BYTES {
            tracing::warn!(peer = %connection.peer.address, "too many large requests at once; closing one");
            self.turn.close_because(id, WhyClosed::Overflowed);
        }
    }

    /// Hands frames of one connection to the service. True if its share was used up before its input.
    fn serve<S: Service<Message = M>>(&mut self, id: ConnectionId, service: &mut S) -> bool {
        let turn = &mut self.turn;
        let Some(connection) = turn.find(id) else { return false };
        connection.flags.queued = false;
        let (mut frames, mut reads) = (0, 0);
        loop {
            let now = turn.now.moment;
            let Some(connection) = turn.connections.get_mut(id.slot()).filter(|c| c.id == id) else {
                return false;
            };
            if !connection.is_open_for_frames() {
                return false;
            }
            match connection.inbox.next_cut() {
                Ok(Some(Cut::Frame(frame))) => {
                    connection.flags.asking = connection.rules.lockstep;
                    turn.tally.frames_in += 1;
                    service.received(turn, id, frame);
                    frames += 1;
                    if frames == limits::FRAMES_PER_TURN {
                        return true;
                    }
                }
                Ok(Some(Cut::Word(word))) => service.word(turn, id, word),
                Err(error) => {
                    turn.tally.malformed += 1;
                    let peer = connection.peer.address;
                    if is_tls(error) {
                        turn.complaints.tell(now, peer, "it speaks TLS to a port without");
                    } else {
                        tracing::debug!(%peer, %error, "closing a connection");
                    }
                    turn.close_because(id, WhyClosed::Malformed(error));
                    return false;
                }
                Ok(None) if connection.flags.ended => {
                    turn.close_because(id, WhyClosed::Ended);
                    return false;
                }
                Ok(None) if !connection.flags.readable => return false,
                Ok(None) if reads == limits::READS_PER_TURN => return true,
                Ok(None) => {
                    if connection.handshake_until.is_some() {
                        if turn.handshake_steps == 0 {
                            return true;
                        }
                        turn.handshake_steps -= 1;
                    }
                    reads += 1;
                    let outcome = connection.inbox.fill(&mut connection.stream, &mut self.scratch);
                    let secured = settle_handshake(&mut self.ports, connection);
                    let wants_write = connection.stream.wants_write() || secured.is_some();
                    match outcome {
                        Ok(filled) => {
                            connection.moved = now;
                            turn.tally.bytes_in += filled.bytes as u64;
                            connection.flags.ended = filled.bytes == 0;
                            // An announced end is read until it is seen; else a short read says that
                            // the socket is empty, and saves asking.
                            let is_last = filled.was_short && connection.stream.short_read_is_last();
                            if is_last && !connection.flags.hung_up {
                                connection.flags.readable = false;
                            }
                        }
                        Err(error) => match error.kind() {
                            io::ErrorKind::WouldBlock => connection.flags.readable = false,
                            io::ErrorKind::Interrupted => {}
                            kind => {
                                let peer = connection.peer.address;
                                if let Some(why) = connection.stream.tls_mut().and_then(|it| it.failure()) {
                                    turn.complaints.tell(now, peer, format_args!("TLS failed: {why}"));
                                }
                                turn.close_because(id, WhyClosed::Failed(kind));
                                return false;
                            }
                        },
                    }
                    if wants_write {
                        turn.mark_dirty(id);
                    }
                    if let Some(peer) = secured {
                        service.secured(turn, id, peer);
                    }
                }
            }
        }
    }

    /// Writes what waits, and ends what is to end.
    fn flush(&mut self) {
        let mut dirty = std::mem::take(&mut self.turn.dirty);
        for id in dirty.drain(..) {
            let turn = &mut self.turn;
            let Some(connection) = turn.connections.get_mut(id.slot()).filter(|c| c.id == id) else {
                continue;
            };
            connection.flags.dirty = false;
            if connection.flags.dialing && connection.closing.is_none() {
                continue;
            }
            let (written, outcome) = connection.flush(turn.now.moment, &mut turn.pool);
            turn.tally.bytes_out += written as u64;
            turn.count(id);
            let connection = &self.turn.connections[id.slot()];
            if let Err(error) = outcome {
                self.turn.close_because(id, WhyClosed::Failed(error.kind()));
                self.end(id);
                continue;
            }
            match connection.closing {
                Some(closing) if !connection.flags.blocked || closing.until <= self.turn.now.moment => {
                    self.end(id);
                }
                Some(_) => {
                    let until = self.turn.now.moment + Span::ms(limits::LINGER_MS);
                    self.turn.next_sweep = self.turn.next_sweep.min(until);
                }
                None => self.turn.enqueue_if_work(id),
            }
        }
        keep(dirty, &mut self.turn.dirty);
        if self.turn.held.sending > limits::SENDING_BYTES_MAX {
            self.drop_slowest();
        }
    }

    /// Closes connections, those first whose clients have not read for the longest time, until the others
    /// hold no more than they may together.
    fn drop_slowest(&mut self) {
        let mut holders: Vec<(Moment, ConnectionId, usize)> = self
            .turn
            .connections
            .iter()
            .filter(|(_, connection)| connection.flags.blocked)
            .map(|(_, connection)| (connection.taken, connection.id, connection.counted.sending))
            .collect();
        holders.sort_unstable();
        let mut excess = self.turn.held.sending.saturating_sub(limits::SENDING_BYTES_MAX);
        for (_, id, bytes) in holders {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(bytes);
            self.turn.close_unread(id);
        }
    }

    /// Forgets a connection that is closing.
    fn end(&mut self, id: ConnectionId) {
        let mut connection = self.turn.connections.remove(id.slot());
        let closing = connection.closing.expect("only closing connections end");
        self.turn.held.receiving -= connection.counted.receiving;
        self.turn.held.sending -= connection.counted.sending;
        self.turn.lingering -= 1;
        self.turn.tally.connections -= 1;
        match closing.why {
            WhyClosed::Overflowed => self.turn.tally.overflowed += 1,
            WhyClosed::Idle => self.turn.tally.idled_out += 1,
            _ => {}
        }
        match connection.stream.tcp_mut() {
            Some(stream) => drop(self.turn.registry.deregister(stream)),
            None => self.turn.pipes.retain(|pipe| *pipe != id),
        }
        connection.stream.shut_down_writing();
        if let Origin::Port(port) = connection.peer.origin {
            if connection.handshake_until.is_some() {
                self.ports[usize::from(port.0)].handshaking -= 1;
                // One that never said whether it speaks TLS has not failed at it.
                let spoke = connection.stream.tls_mut().is_some();
                self.turn.tally.handshakes_failed += u64::from(spoke);
            }
            self.ports[usize::from(port.0)].closed(connection.peer.address.ip());
        }
        self.gone.push((id, closing.why));
    }

    /// Looks for connections that nothing was heard of, or that take too long to end.
    fn sweep(&mut self) {
        let now = self.turn.now.moment;
        if now < self.turn.next_sweep {
            return;
        }
        let mut expired = Vec::new();
        let mut period = limits::SWEEP_MS_MAX;
        for (_, connection) in &self.turn.connections {
            if let Some(closing) = connection.closing {
                period = limits::SWEEP_MS_MIN;
                if closing.until <= now {
                    expired.push((connection.id, closing.why));
                }
            } else if let Some(until) = connection.handshake_until {
                period = limits::SWEEP_MS_MIN;
                if until <= now {
                    let peer = connection.peer.address;
                    self.turn.complaints.tell(now, peer, "its TLS handshake takes too long");
                    expired.push((connection.id, WhyClosed::Idle));
                }
            } else if let Some(idle) = connection.rules.idle {
                period = period.min(idle.as_ms() / 8);
                if !connection.flags.asking && now.since(connection.moved) >= idle {
                    expired.push((connection.id, WhyClosed::Idle));
                }
            }
        }
        for (id, why) in expired {
            self.turn.close_because(id, why);
        }
        self.turn.next_sweep = now + Span::ms(period.max(limits::SWEEP_MS_MIN));
    }

    /// After the loop: gives the last bytes a moment to be taken.
    fn flush_last(&mut self) {
        let until = Instant::now() + Duration::from_millis(limits::STOP_FLUSH_MS);
        let mut events = Events::with_capacity(64);
        loop {
            let turn = &mut self.turn;
            let mut waiting = false;
            for (_, connection) in &mut turn.connections {
                let outcome = connection.outbox.flush(&mut connection.stream, &mut turn.pool);
                waiting |= matches!(outcome, Ok(false));
            }
            let left = until.saturating_duration_since(Instant::now());
            if !waiting || left.is_zero() || self.poll.poll(&mut events, Some(left)).is_err() {
                return;
            }
        }
    }
}

/// Notes the end of a handshake; says with which certificate, if it was one of TLS.
fn settle_handshake(ports: &mut [Port], connection: &mut Connection) -> Option<Option<PeerCertificate>> {
    if connection.handshake_until.is_none() || connection.stream.is_handshaking() {
        return None;
    }
    connection.handshake_until = None;
    if let Origin::Port(port) = connection.peer.origin {
        ports[usize::from(port.0)].handshaking -= 1;
    }
    connection.stream.tls_mut().and_then(TlsStream::take_handshake)
}

/// Whether what should be a length is the beginning of a TLS handshake.
fn is_tls(error: FrameError) -> bool {
    matches!(error, FrameError::TooLong { length, .. } if length >> 16 == 0x1603)
}

/// Puts the memory of an emptied list back into use, with what was added to `list` meanwhile.
fn keep<T>(mut emptied: Vec<T>, list: &mut Vec<T>) {
    assert!(emptied.is_empty());
    emptied.append(list);
    *list = emptied;
}
