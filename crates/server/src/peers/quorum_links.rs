//! The quorum port: links between a leader and those who learn from it, over which packets go, and after
//! a `SNAP` packet a snapshot in none.
//!
//! A link is a connection with a thread that reads and one that writes. What one turn of the node sends on
//! a link leaves in one write. The port is open in every role: the node holds or closes learners that come
//! before it leads.

use std::collections::HashMap;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use zab::packet::{Measure, PacketKind, QuorumPacket};
use zab::{LinkId, ServerId};
use znode::{HashKey, Snapshot};

use crate::Routes;

use super::acceptor::Acceptor;
use super::security::{self, PeerSecurity, PeerStream};
use super::snapshot_stream::{read_snapshot, write_snapshot_stream};
use super::{Events, PeerEvent, limits, resolve};

/// What holds for all links.
#[derive(Clone, Debug)]
pub(crate) struct QuorumSettings {
    /// Seeds the hash of paths of a received database.
    pub(crate) key: HashKey,
    /// Whether a received database may have znodes with a time to live.
    pub(crate) extended_types: znode::ExtendedTypes,
    /// Ways to leaders that are not straight.
    pub(crate) routes: Routes,
    /// TLS, if it is used.
    pub(crate) security: Option<PeerSecurity>,
    /// How long an accepted connection may say nothing, and how long a leader may take to be reached:
    /// `initLimit` ticks, or `connectToLearnerMasterLimit`.
    pub(crate) handshake: Duration,
    /// How long a link may be silent before it is dead: `syncLimit` ticks, or longer while a learner is
    /// being brought up to date. The longer of the two.
    pub(crate) silence: Duration,
}

/// Our ends of all links.
pub(crate) struct QuorumLinks {
    shared: Arc<Shared>,
    acceptor: Acceptor,
    /// What this turn sends, by link.
    turn: HashMap<LinkId, Vec<Outgoing>, HashKey>,
}

struct Shared {
    settings: QuorumSettings,
    events: Events,
    links: Mutex<HashMap<LinkId, Arc<Link>, HashKey>>,
    next: AtomicU64,
    ended: AtomicBool,
}

struct Link {
    id: LinkId,
    state: Mutex<LinkState>,
    work: Condvar,
    /// Bytes that wait to be written.
    waiting: AtomicUsize,
}

#[derive(Default)]
struct LinkState {
    /// None before it is open.
    stream: Option<PeerStream>,
    outgoing: Vec<Outgoing>,
    /// Why nothing more is sent.
    why: Option<String>,
    /// Closed once what waits is written.
    ending: bool,
}

enum Outgoing {
    Bytes(Bytes),
    Snapshot(Box<Snapshot>),
}

impl QuorumLinks {
    /// Listens on `address`.
    pub(crate) fn start(
        settings: QuorumSettings,
        address: SocketAddr,
        events: Events,
    ) -> io::Result<QuorumLinks> {
        let key = settings.key;
        let shared = Arc::new(Shared {
            settings,
            events,
            links: Mutex::new(HashMap::with_hasher(key)),
            next: AtomicU64::new(1),
            ended: AtomicBool::new(false),
        });
        let acceptor = Self::accept(&shared, address)?;
        Ok(QuorumLinks { shared, acceptor, turn: HashMap::with_hasher(key) })
    }

    fn accept(shared: &Arc<Shared>, address: SocketAddr) -> io::Result<Acceptor> {
        let accepting = Arc::clone(shared);
        Acceptor::start("quorum", address, move |stream, peer| {
            Arc::clone(&accepting).accepted(stream, peer);
        })
    }

    /// Listens at another address from now on. Links stay.
    pub(crate) fn listen(&mut self, address: SocketAddr) -> io::Result<()> {
        self.acceptor = Self::accept(&self.shared, address)?;
        Ok(())
    }

    /// Dials a leader at `address` (`host:port`), several times if need be. Ends in `LinkOpened` or
    /// `DialFailed`. False if it could not even begin.
    pub(crate) fn dial(&self, server: ServerId, address: String) -> bool {
        let shared = Arc::clone(&self.shared);
        let spawned = thread::Builder::new().name("quorum-dial".to_owned()).spawn(move || {
            match shared.reach(&address) {
                Ok(stream) => shared.run(&shared.add(), &stream, Some(server)),
                Err(why) => drop((shared.events)(PeerEvent::DialFailed { server, why })),
            }
        });
        spawned.is_ok()
    }

    /// Sends a packet, with others of this turn.
    pub(crate) fn send(&mut self, link: LinkId, packet: &QuorumPacket) {
        self.turn.entry(link).or_default().push(Outgoing::Bytes(packet.encode()));
    }

    /// Sends a snapshot behind what was sent before; what is sent later follows it.
    pub(crate) fn send_snapshot(&mut self, link: LinkId, snapshot: Box<Snapshot>) {
        self.turn.entry(link).or_default().push(Outgoing::Snapshot(snapshot));
    }

    /// Closes a link when what was sent is written.
    pub(crate) fn close(&mut self, link: LinkId) {
        self.turn_ended();
        let Some(link) = self.shared.lock().get(&link).cloned() else { return };
        link.end();
    }

    /// What was sent in this turn leaves.
    pub(crate) fn turn_ended(&mut self) {
        for (id, outgoing) in self.turn.drain() {
            let Some(link) = self.shared.lock().get(&id).cloned() else { continue };
            if !link.push(outgoing) {
                link.give_up("it does not take what it is sent");
            }
        }
    }
}

impl Drop for QuorumLinks {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        for (_, link) in self.shared.lock().drain() {
            link.give_up("the server ends");
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<LinkId, Arc<Link>, HashKey>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self) -> Arc<Link> {
        let id = LinkId(self.next.fetch_add(1, Ordering::AcqRel));
        let state = Mutex::default();
        let link = Arc::new(Link { id, state, work: Condvar::new(), waiting: AtomicUsize::new(0) });
        self.lock().insert(id, Arc::clone(&link));
        link
    }

    fn accepted(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        if self.lock().len() >= limits::LINKS_MAX {
            tracing::warn!(%peer, "too many links to the quorum port");
            return;
        }
        let link = self.add();
        let shared = Arc::clone(&self);
        let reading = Arc::clone(&link);
        let spawned = thread::Builder::new().name("quorum-read".to_owned()).spawn(move || {
            let patience = shared.settings.handshake;
            let security = shared.settings.security.as_ref();
            let stream = security::accepted(security, stream, peer, patience)
                .and_then(|stream| security::ask(security, &stream, peer, patience).map(|()| stream));
            match stream {
                Ok(stream) => shared.run(&reading, &stream, None),
                Err(error) => {
                    tracing::warn!(%peer, %error, "not a member on the quorum port");
                    shared.lock().remove(&reading.id);
                }
            }
        });
        if let Err(error) = spawned {
            tracing::warn!(%peer, %error, "no thread could be started for a link");
            self.lock().remove(&link.id);
        }
    }

    /// Connects to a leader that may not have opened its port yet.
    fn reach(&self, address: &str) -> Result<PeerStream, String> {
        let began = Instant::now();
        let mut why = String::new();
        for attempt in 0..limits::DIAL_ATTEMPTS {
            if self.ended.load(Ordering::Acquire) {
                return Err("the server ends".to_owned());
            }
            if attempt > 0 {
                thread::park_timeout(limits::DIAL_REST);
            }
            let left = self.settings.handshake.saturating_sub(began.elapsed());
            if left.is_zero() {
                break;
            }
            match resolve(address) {
                Ok(addresses) => {
                    for at in addresses {
                        let security = self.settings.security.as_ref();
                        let stream = TcpStream::connect_timeout(&self.settings.routes.to(at), left)
                            .and_then(|stream| security::dialed(security, stream, address, left))
                            .and_then(|stream| security::prove(security, &stream, left).map(|()| stream));
                        match stream {
                            Ok(stream) => return Ok(stream),
                            Err(error) => why = format!("{at}: {error}"),
                        }
                    }
                }
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    /// Runs a link on the thread that reads, to its end.
    fn run(self: &Arc<Self>, link: &Arc<Link>, stream: &PeerStream, dialed: Option<ServerId>) {
        let opened = self.open(link, stream, dialed);
        let is_open = opened.is_ok();
        let outcome = opened.and_then(|()| self.read(link, stream, dialed));
        stream.shut_down();
        self.lock().remove(&link.id);
        let why = match (link.cut(), outcome) {
            (Some(why), _) => why,
            (None, Ok(())) => "the other end closed it".to_owned(),
            (None, Err(error)) => error.to_string(),
        };
        if self.ended.load(Ordering::Acquire) {
            return;
        }
        // Of a link that never opened the node knows nothing; but it waits for what it dialled.
        let event = match dialed {
            _ if is_open => PeerEvent::LinkClosed { link: link.id, why },
            Some(server) => PeerEvent::DialFailed { server, why },
            None => return,
        };
        let _ = (self.events)(event);
    }

    fn open(
        self: &Arc<Self>,
        link: &Arc<Link>,
        stream: &PeerStream,
        dialed: Option<ServerId>,
    ) -> io::Result<()> {
        stream.socket().set_read_timeout(Some(self.settings.handshake))?;
        let writing = stream.clone();
        link.lock().stream = Some(stream.clone());
        let writer = Arc::clone(link);
        thread::Builder::new().name("quorum-send".to_owned()).spawn(move || {
            let why = match writer.write(&writing) {
                Ok(()) => "it was closed".to_owned(),
                Err(error) => error.to_string(),
            };
            // The thread that reads then ends, and tells.
            writer.give_up(why);
        })?;
        if (self.events)(PeerEvent::LinkOpened { link: link.id, dialed }) {
            Ok(())
        } else {
            Err(io::Error::other("the server ends"))
        }
    }

    /// Hands over packets until the link ends.
    fn read(&self, link: &Link, stream: &PeerStream, dialed: Option<ServerId>) -> io::Result<()> {
        let mut arrived = BytesMut::new();
        let mut first = true;
        let mut source = stream;
        loop {
            let mut packets = Vec::new();
            let mut snapshot = None;
            let mut wanted = limits::READ_BYTES;
            loop {
                match QuorumPacket::measure(&arrived).map_err(invalid)? {
                    Measure::Whole(length) => {
                        let packet =
                            QuorumPacket::decode(arrived.split_to(length).freeze()).map_err(invalid)?;
                        let is_snapshot = dialed.is_some() && packet.kind == PacketKind::SNAP;
                        snapshot = is_snapshot.then_some(packet.zxid);
                        packets.push(packet);
                        if is_snapshot {
                            break;
                        }
                    }
                    Measure::AtLeast(least) => {
                        // A length alone costs no memory: the buffer grows with what arrives.
                        wanted = (least - arrived.len()).clamp(4096, limits::READ_BYTES);
                        break;
                    }
                }
            }
            if !packets.is_empty() {
                if std::mem::replace(&mut first, false) {
                    stream.socket().set_read_timeout(Some(self.settings.silence))?;
                }
                if !(self.events)(PeerEvent::Packets { link: link.id, packets }) {
                    return Ok(());
                }
            }
            if let Some(zxid) = snapshot {
                let mut rest = BufReader::with_capacity(limits::READ_BYTES, (&arrived[..]).chain(source));
                let database =
                    read_snapshot(&mut rest, zxid, self.settings.key, self.settings.extended_types)?;
                // Packets follow the snapshot at once; some are in the buffers.
                let buffered = rest.buffer().to_vec();
                let (unread, _) = rest.into_inner().into_inner();
                let mut left = BytesMut::from(&buffered[..]);
                left.extend_from_slice(unread);
                arrived = left;
                if !(self.events)(PeerEvent::SnapshotReceived { link: link.id, database: Box::new(database) })
                {
                    return Ok(());
                }
                continue;
            }
            let here = arrived.len();
            arrived.resize(here + wanted, 0);
            let read = match source.read(&mut arrived[here..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    arrived.truncate(here);
                    continue;
                }
                Err(error) if is_timeout(&error) => return Err(invalid("it is silent")),
                outcome => outcome?,
            };
            arrived.truncate(here + read);
            if read == 0 {
                return Ok(());
            }
        }
    }
}

impl Link {
    fn lock(&self) -> MutexGuard<'_, LinkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False if too much waits.
    fn push(&self, outgoing: Vec<Outgoing>) -> bool {
        let bytes: usize = outgoing.iter().map(Outgoing::bytes).sum();
        // Counted before the thread that writes can count it off again.
        let waiting = self.waiting.fetch_add(bytes, Ordering::AcqRel) + bytes;
        let mut state = self.lock();
        if state.why.is_some() {
            return true;
        }
        state.outgoing.extend(outgoing);
        drop(state);
        self.work.notify_all();
        waiting <= limits::LINK_BACKLOG_BYTES
    }

    /// Nothing is read or written any more, for this reason.
    fn give_up(&self, why: impl Into<String>) {
        let mut state = self.lock();
        state.why.get_or_insert(why.into());
        state.outgoing.clear();
        if let Some(stream) = &state.stream {
            stream.shut_down();
        }
        drop(state);
        self.work.notify_all();
    }

    /// The link is over; the reason, if it is known.
    fn cut(&self) -> Option<String> {
        let before = self.lock().why.clone();
        self.give_up("it is over");
        before
    }

    /// What waits is written, then nothing any more.
    fn end(&self) {
        self.lock().ending = true;
        self.work.notify_all();
    }

    fn write(&self, stream: &PeerStream) -> io::Result<()> {
        let mut sink = BufWriter::with_capacity(limits::READ_BYTES, stream);
        loop {
            let mut state = self.lock();
            while state.outgoing.is_empty() && state.why.is_none() && !state.ending {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.why.is_some() || state.outgoing.is_empty() {
                return Ok(());
            }
            let outgoing = std::mem::take(&mut state.outgoing);
            drop(state);
            for piece in outgoing {
                match &piece {
                    Outgoing::Bytes(bytes) => sink.write_all(bytes)?,
                    Outgoing::Snapshot(snapshot) => write_snapshot_stream(&mut sink, snapshot)?,
                }
                self.waiting.fetch_sub(piece.bytes(), Ordering::AcqRel);
            }
            sink.flush()?;
        }
    }
}

impl Outgoing {
    /// What it counts for; a snapshot is shared with the tree.
    fn bytes(&self) -> usize {
        match self {
            Outgoing::Bytes(bytes) => bytes.len(),
            Outgoing::Snapshot(_) => 0,
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn invalid(why: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_string())
}
