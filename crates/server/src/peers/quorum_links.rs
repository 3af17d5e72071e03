//! The quorum port: links between a leader and those who learn from it, over which packets go, and after
//! a `SNAP` packet a snapshot in none.
//!
//! A link is a connection with a thread that reads and one that writes. What one turn of the node sends on
//! a link leaves in one write. The port is open only while its owner leads: a learner that comes too early
//! is to be refused, not kept waiting.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use zab::ServerId;
use zab::packet::{Measure, PacketKind, QuorumPacket};
use znode::{HashKey, Snapshot};

use super::acceptor::Acceptor;
use super::snapshot_stream::{read_snapshot, write_snapshot_stream};
use super::{Events, PeerEvent, limits, resolve};

/// Names a link of the quorum port, for good.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct LinkId(pub(crate) u64);

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {}", self.0)
    }
}

/// What holds for all links.
#[derive(Clone, Debug)]
pub(crate) struct QuorumSettings {
    /// Seeds the hash of paths of a received database.
    pub(crate) key: HashKey,
    /// Whether a received database may have znodes with a time to live.
    pub(crate) extended_types: bool,
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
    acceptor: Option<Acceptor>,
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
    /// None while it is dialled.
    stream: Option<TcpStream>,
    outgoing: Vec<Outgoing>,
    /// Nothing more is sent or told.
    closed: bool,
    /// Closed once what waits is written.
    ending: bool,
}

enum Outgoing {
    Bytes(Bytes),
    Snapshot(Box<Snapshot>),
}

impl QuorumLinks {
    pub(crate) fn new(settings: QuorumSettings, events: Events) -> QuorumLinks {
        let key = settings.key;
        let shared = Arc::new(Shared {
            settings,
            events,
            links: Mutex::new(HashMap::with_hasher(key)),
            next: AtomicU64::new(1),
            ended: AtomicBool::new(false),
        });
        QuorumLinks { shared, acceptor: None, turn: HashMap::with_hasher(key) }
    }

    /// Opens the port: we lead.
    pub(crate) fn listen(&mut self, address: SocketAddr) -> io::Result<()> {
        self.acceptor = None;
        let shared = Arc::clone(&self.shared);
        self.acceptor = Some(Acceptor::start("quorum", address, move |stream, peer| {
            Arc::clone(&shared).accepted(stream, peer);
        })?);
        Ok(())
    }

    /// Closes the port; links stay.
    pub(crate) fn stop_listening(&mut self) {
        self.acceptor = None;
    }

    /// Dials a leader at `address` (`host:port`), several times if need be. Ends in `LinkOpened` or
    /// `LinkClosed`.
    pub(crate) fn dial(&self, server: ServerId, address: String) -> LinkId {
        let link = self.shared.add(None);
        let id = link.id;
        let shared = Arc::clone(&self.shared);
        let dialed = Arc::clone(&link);
        let spawned = thread::Builder::new().name("quorum-dial".to_owned()).spawn(move || {
            match shared.reach(&dialed, &address) {
                Ok(stream) => shared.run(&dialed, stream, Some(server)),
                Err(why) => shared.close(&dialed, &why),
            }
        });
        if spawned.is_err() {
            self.shared.close(&link, "no thread could be started");
        }
        id
    }

    /// Sends a packet, with others of this turn.
    pub(crate) fn send(&mut self, link: LinkId, packet: &QuorumPacket) {
        self.turn.entry(link).or_default().push(Outgoing::Bytes(packet.encode()));
    }

    /// Sends a snapshot behind what was sent before; what is sent later follows it.
    pub(crate) fn send_snapshot(&mut self, link: LinkId, snapshot: Box<Snapshot>) {
        self.turn.entry(link).or_default().push(Outgoing::Snapshot(snapshot));
    }

    /// Closes a link when what was sent is written. No `LinkClosed` follows.
    pub(crate) fn close(&mut self, link: LinkId) {
        self.turn_ended();
        let Some(link) = self.shared.lock().remove(&link) else { return };
        link.end();
    }

    /// What was sent in this turn leaves.
    pub(crate) fn turn_ended(&mut self) {
        for (id, outgoing) in self.turn.drain() {
            let Some(link) = self.shared.lock().get(&id).cloned() else { continue };
            if !link.push(outgoing) {
                self.shared.close(&link, "it does not take what it is sent");
            }
        }
    }
}

impl Drop for QuorumLinks {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        self.acceptor = None;
        for (_, link) in self.shared.lock().drain() {
            link.cut();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<LinkId, Arc<Link>, HashKey>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, stream: Option<TcpStream>) -> Arc<Link> {
        let id = LinkId(self.next.fetch_add(1, Ordering::AcqRel));
        let state = LinkState { stream, ..LinkState::default() };
        let link = Arc::new(Link {
            id,
            state: Mutex::new(state),
            work: Condvar::new(),
            waiting: AtomicUsize::new(0),
        });
        self.lock().insert(id, Arc::clone(&link));
        link
    }

    fn accepted(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        if self.lock().len() >= limits::LINKS_MAX {
            tracing::warn!(%peer, "too many links to the quorum port");
            return;
        }
        let link = self.add(None);
        let shared = Arc::clone(&self);
        let reading = Arc::clone(&link);
        let spawned = thread::Builder::new()
            .name("quorum-read".to_owned())
            .spawn(move || shared.run(&reading, stream, None));
        if spawned.is_err() {
            self.close(&link, "no thread could be started");
        }
    }

    /// Connects to a leader that may not have opened its port yet.
    fn reach(&self, link: &Link, address: &str) -> Result<TcpStream, String> {
        let began = Instant::now();
        let mut why = String::new();
        for attempt in 0..limits::DIAL_ATTEMPTS {
            if attempt > 0 {
                // Parked, not asleep: whoever closes the link need not wait for it.
                let state = link.lock();
                let (state, _) =
                    link.work.wait_timeout(state, limits::DIAL_REST).unwrap_or_else(PoisonError::into_inner);
                if state.closed {
                    return Err("it was given up".to_owned());
                }
            }
            let left = self.settings.handshake.saturating_sub(began.elapsed());
            if left.is_zero() {
                break;
            }
            match resolve(address) {
                Ok(addresses) => {
                    for address in addresses {
                        match TcpStream::connect_timeout(&address, left) {
                            Ok(stream) => return Ok(stream),
                            Err(error) => why = format!("{address}: {error}"),
                        }
                    }
                }
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    /// Runs a link on the thread that reads, to its end.
    fn run(self: &Arc<Self>, link: &Arc<Link>, stream: TcpStream, dialed: Option<ServerId>) {
        let why = match self.open(link, &stream, dialed).and_then(|()| self.read(link, &stream, dialed)) {
            Ok(()) => "the other end closed it".to_owned(),
            Err(error) => error.to_string(),
        };
        let _ = stream.shutdown(Shutdown::Both);
        self.close(link, &why);
    }

    fn open(
        self: &Arc<Self>,
        link: &Arc<Link>,
        stream: &TcpStream,
        dialed: Option<ServerId>,
    ) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.settings.handshake))?;
        stream.set_write_timeout(Some(limits::WRITE_STALL))?;
        let address = stream.peer_addr()?;
        let writing = stream.try_clone()?;
        {
            let mut state = link.lock();
            if state.closed {
                return Err(io::Error::other("it was given up"));
            }
            state.stream = Some(stream.try_clone()?);
        }
        let (shared, writer) = (Arc::clone(self), Arc::clone(link));
        thread::Builder::new().name("quorum-send".to_owned()).spawn(move || {
            let outcome = writer.write(&writing);
            let _ = writing.shutdown(Shutdown::Both);
            if let Err(error) = outcome {
                shared.close(&writer, &error.to_string());
            }
        })?;
        if (self.events)(PeerEvent::LinkOpened { link: link.id, dialed, address }) {
            Ok(())
        } else {
            Err(io::Error::other("the server ends"))
        }
    }

    /// Hands over packets until the link ends.
    fn read(&self, link: &Link, stream: &TcpStream, dialed: Option<ServerId>) -> io::Result<()> {
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
                    stream.set_read_timeout(Some(self.settings.silence))?;
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

    /// The link is over; says so if nobody knows yet.
    fn close(&self, link: &Link, why: &str) {
        let known = self.lock().remove(&link.id).is_none();
        link.cut();
        if !known && !self.ended.load(Ordering::Acquire) {
            let _ = (self.events)(PeerEvent::LinkClosed { link: link.id, why: why.to_owned() });
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
        let mut state = self.lock();
        if state.closed {
            return true;
        }
        state.outgoing.extend(outgoing);
        drop(state);
        self.work.notify_all();
        self.waiting.fetch_add(bytes, Ordering::AcqRel) + bytes <= limits::LINK_BACKLOG_BYTES
    }

    /// Nothing is read or written any more.
    fn cut(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.outgoing.clear();
        if let Some(stream) = &state.stream {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.work.notify_all();
    }

    /// What waits is written, then nothing any more.
    fn end(&self) {
        let mut state = self.lock();
        state.ending = true;
        if state.stream.is_none() {
            state.closed = true;
        }
        drop(state);
        self.work.notify_all();
    }

    fn write(&self, stream: &TcpStream) -> io::Result<()> {
        let mut sink = BufWriter::with_capacity(limits::READ_BYTES, stream);
        loop {
            let mut state = self.lock();
            while state.outgoing.is_empty() && !state.closed && !state.ending {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.closed || state.outgoing.is_empty() {
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
