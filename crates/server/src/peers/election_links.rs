//! The election port: one connection between each two members, over which votes go.
//!
//! Of two members the one with the greater number dials; if the other wants to talk first, it dials, says
//! who it is, hangs up and is dialled. For each member only the newest vote waits to be sent, and on a new
//! connection the last one is sent again. What is not a greeting or a vote closes its connection and no more.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use zab::packet::{Greeting, Measure};
use zab::{Notification, ServerId};

use crate::Routes;

use super::acceptor::Acceptor;
use super::security::{self, PeerSecurity, PeerStream};
use super::{Events, PeerEvent, limits, resolve};

/// What an election port is told.
#[derive(Clone, Debug)]
pub(crate) struct ElectionSettings {
    /// Our number.
    pub(crate) own: ServerId,
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// What we say our address is, as `host:port`.
    pub(crate) announced: String,
    /// Election addresses of all other members.
    pub(crate) members: BTreeMap<ServerId, String>,
    /// Ways to other members that are not straight.
    pub(crate) routes: Routes,
    /// TLS, if it is used.
    pub(crate) security: Option<PeerSecurity>,
    /// `cnxTimeout`: how long a dialled member may take to answer.
    pub(crate) dial_timeout: Duration,
}

/// Our end of the election connections.
pub(crate) struct ElectionLinks {
    ports: Arc<Ports>,
    acceptor: Acceptor,
}

struct Ports {
    settings: ElectionSettings,
    /// What we say our address is.
    announced: Mutex<String>,
    events: Events,
    members: Mutex<BTreeMap<ServerId, Arc<Member>>>,
    /// Connections that have not greeted yet.
    unnamed: AtomicUsize,
    /// The number of the next observer that has none.
    nameless: AtomicI64,
    ended: AtomicBool,
}

/// Another member, or a stranger with a number.
struct Member {
    id: ServerId,
    state: Mutex<MemberState>,
    /// A newer vote is to be sent, or the connection changed.
    work: Condvar,
}

#[derive(Default)]
struct MemberState {
    /// Where to dial it.
    address: Option<String>,
    /// The vote that waits.
    newest: Option<Bytes>,
    /// The vote that was sent last.
    last: Option<Bytes>,
    stream: Option<PeerStream>,
    /// Counts connections, so that threads of an old one know that they are.
    serial: u64,
    dialing: bool,
}

/// What to do with a connection that greeted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    /// Keep it, in the place of any older one.
    Keep(ServerId),
    /// Hang up and dial back: we are the greater.
    DialBack(ServerId),
    /// It calls itself what we are.
    Refuse,
}

/// Who keeps a connection that `dialer` opened to `own`.
fn verdict(own: ServerId, dialer: ServerId, nameless: impl FnOnce() -> ServerId) -> Verdict {
    if dialer == Greeting::NAMELESS {
        return Verdict::Keep(nameless());
    }
    match dialer.cmp(&own) {
        std::cmp::Ordering::Less => Verdict::DialBack(dialer),
        std::cmp::Ordering::Equal => Verdict::Refuse,
        std::cmp::Ordering::Greater => Verdict::Keep(dialer),
    }
}

/// Whether an announced address can be dialled: not the one that stands for all of a machine's.
fn is_reachable(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    !matches!(host, "0.0.0.0" | "::" | "[::]" | "0:0:0:0:0:0:0:0" | "[0:0:0:0:0:0:0:0]" | "")
}

impl ElectionLinks {
    /// Listens and waits.
    pub(crate) fn start(settings: ElectionSettings, events: Events) -> io::Result<ElectionLinks> {
        let listen = settings.listen;
        if let Some(security) = &settings.security {
            security.meet(settings.members.values());
        }
        let members = settings.members.iter().map(|(id, address)| {
            let state = MemberState { address: Some(address.clone()), ..MemberState::default() };
            (*id, Arc::new(Member { id: *id, state: Mutex::new(state), work: Condvar::new() }))
        });
        let ports = Arc::new(Ports {
            members: Mutex::new(members.collect()),
            announced: Mutex::new(settings.announced.clone()),
            settings,
            events,
            unnamed: AtomicUsize::new(0),
            nameless: AtomicI64::new(-1),
            ended: AtomicBool::new(false),
        });
        let acceptor = Self::accept(&ports, listen)?;
        Ok(ElectionLinks { ports, acceptor })
    }

    fn accept(ports: &Arc<Ports>, listen: SocketAddr) -> io::Result<Acceptor> {
        let accepting = Arc::clone(ports);
        Acceptor::start("election", listen, move |stream, peer| {
            Arc::clone(&accepting).accepted(stream, peer);
        })
    }

    /// Listens at another address from now on. Connections stay.
    pub(crate) fn listen(&mut self, listen: SocketAddr, announced: String) -> io::Result<()> {
        self.acceptor = Self::accept(&self.ports, listen)?;
        *self.ports.announced.lock().unwrap_or_else(PoisonError::into_inner) = announced;
        Ok(())
    }

    /// These are the addresses of all others from now on. Connections stay, also to those who are no members
    /// any more: they ask who leads.
    pub(crate) fn meet(&self, addresses: BTreeMap<ServerId, String>) {
        if let Some(security) = &self.ports.settings.security {
            security.meet(addresses.values());
        }
        for (id, address) in addresses {
            if let Some(member) = self.ports.member(id) {
                member.lock().address = Some(address);
            }
        }
    }

    /// Tells `to` of our vote, sooner or later; a later vote takes the place of an earlier one.
    pub(crate) fn notify(&self, to: ServerId, notification: &Notification) {
        let Some(member) = self.ports.member(to) else { return };
        let mut state = member.lock();
        state.newest = Some(notification.encode());
        if state.stream.is_some() {
            member.work.notify_all();
        } else if !state.dialing && state.address.is_some() {
            state.dialing = true;
            drop(state);
            Arc::clone(&self.ports).spawn_dialer(member);
        }
    }
}

impl Drop for ElectionLinks {
    fn drop(&mut self) {
        self.ports.ended.store(true, Ordering::Release);
        for member in self.ports.lock().values() {
            member.replace(None);
        }
    }
}

impl Ports {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ServerId, Arc<Member>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The member of that number; a stranger is remembered, if there is room.
    fn member(&self, id: ServerId) -> Option<Arc<Member>> {
        let mut members = self.lock();
        if let Some(member) = members.get(&id) {
            return Some(Arc::clone(member));
        }
        if members.len() >= limits::ELECTION_PEERS_MAX {
            return None;
        }
        let member = Arc::new(Member { id, state: Mutex::default(), work: Condvar::new() });
        members.insert(id, Arc::clone(&member));
        Some(member)
    }

    fn accepted(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        if self.unnamed.fetch_add(1, Ordering::AcqRel) >= limits::UNNAMED_MAX {
            self.unnamed.fetch_sub(1, Ordering::AcqRel);
            tracing::warn!(%peer, "too many connections to the election port that do not say who they are");
            return;
        }
        let ports = Arc::clone(&self);
        let spawned = thread::Builder::new().name("election-greet".to_owned()).spawn(move || {
            let security = ports.settings.security.as_ref();
            let outcome = security::accepted(security, stream, peer, limits::GREETING)
                .and_then(|stream| Ok((read_greeting(&stream, limits::GREETING)?, stream)))
                .and_then(|(greeting, stream)| {
                    security::ask(security, &stream, peer, limits::GREETING).map(|()| (greeting, stream))
                });
            ports.unnamed.fetch_sub(1, Ordering::AcqRel);
            match outcome {
                Ok((greeting, stream)) => ports.greeted(stream, peer, greeting),
                Err(error) => tracing::warn!(%peer, %error, "not a member on the election port"),
            }
        });
        if let Err(error) = spawned {
            self.unnamed.fetch_sub(1, Ordering::AcqRel);
            tracing::warn!(%error, "cannot start a thread for a connection of the election port");
        }
    }

    fn greeted(self: Arc<Self>, stream: PeerStream, peer: SocketAddr, greeting: Greeting) {
        let number = || ServerId(self.nameless.fetch_sub(1, Ordering::AcqRel));
        match verdict(self.settings.own, greeting.server, number) {
            Verdict::Keep(id) => {
                let Some(member) = self.member(id) else { return };
                self.connected(&member, stream);
            }
            Verdict::DialBack(id) => {
                drop(stream);
                let Some(member) = self.member(id) else { return };
                let mut state = member.lock();
                if state.address.is_none() {
                    state.address = greeting.addresses.into_iter().find(|address| is_reachable(address));
                }
                if let Some(old) = state.stream.take() {
                    // It would not dial if it still had that one.
                    old.shut_down();
                }
                if !state.dialing && state.address.is_some() {
                    state.dialing = true;
                    drop(state);
                    self.spawn_dialer(member);
                }
            }
            Verdict::Refuse => {
                tracing::error!(%peer, id = %greeting.server, "another server has our number; correct its myid");
            }
        }
    }

    fn spawn_dialer(self: Arc<Self>, member: Arc<Member>) {
        let ports = Arc::clone(&self);
        let dialed = Arc::clone(&member);
        let spawned = thread::Builder::new().name(format!("election-dial-{}", member.id)).spawn(move || {
            let outcome = ports.dial(&dialed);
            dialed.lock().dialing = false;
            match outcome {
                Ok(Some(stream)) => ports.connected(&dialed, stream),
                Ok(None) => {}
                Err(why) => tracing::debug!(member = %dialed.id, %why, "a member cannot be reached for now"),
            }
        });
        if let Err(error) = spawned {
            member.lock().dialing = false;
            tracing::warn!(%error, "cannot start a thread that dials");
        }
    }

    /// Dials a member and greets it. Nothing if it is the one that has to dial.
    fn dial(&self, member: &Member) -> Result<Option<PeerStream>, String> {
        let address = member.lock().address.clone().ok_or("it has no address")?;
        let mut why = String::new();
        let patience = self.settings.dial_timeout;
        for at in resolve(&address)? {
            let stream =
                TcpStream::connect_timeout(&self.settings.routes.to(at), patience).and_then(|stream| {
                    security::dialed(self.settings.security.as_ref(), stream, &address, patience)
                });
            match stream {
                Ok(stream) => {
                    let greeting = Greeting {
                        server: self.settings.own,
                        addresses: vec![
                            self.announced.lock().unwrap_or_else(PoisonError::into_inner).clone(),
                        ],
                    };
                    // In one piece: the original reads the address with a single read.
                    let told = |error: io::Error| error.to_string();
                    (&stream).write_all(&greeting.encode()).map_err(told)?;
                    security::prove(self.settings.security.as_ref(), &stream, patience).map_err(told)?;
                    if self.settings.own > member.id {
                        return Ok(Some(stream));
                    }
                    stream.hang_up(patience);
                    return Ok(None);
                }
                Err(error) => why = error.to_string(),
            }
        }
        Err(why)
    }

    /// A connection is to be used from now on.
    fn connected(self: &Arc<Self>, member: &Arc<Member>, stream: PeerStream) {
        if self.ended.load(Ordering::Acquire) {
            return;
        }
        let _ = stream.socket().set_read_timeout(None);
        let (reading, writing) = (stream.clone(), stream.clone());
        let serial = member.replace(Some(stream));
        let (ports, reader) = (Arc::clone(self), Arc::clone(member));
        let read = thread::Builder::new().name(format!("election-read-{}", member.id)).spawn(move || {
            let why = ports.read(reader.id, &reading);
            if reader.lost(serial) {
                tracing::info!(member = %reader.id, why, "election connection closed");
            }
            ports.forget_nameless(&reader);
        });
        let writer = Arc::clone(member);
        let written = thread::Builder::new().name(format!("election-send-{}", member.id)).spawn(move || {
            writer.write(serial, &writing);
            writer.lost(serial);
        });
        if read.is_err() || written.is_err() {
            tracing::warn!(member = %member.id, "cannot start the threads of a connection");
            member.lost(serial);
        }
    }

    /// One without a name is another one when it comes again, so nothing of it is kept.
    fn forget_nameless(&self, member: &Member) {
        if member.id.0 < 0 {
            self.lock().remove(&member.id);
        }
    }

    /// Hands over what a member says until it ends; the reason.
    fn read(&self, from: ServerId, mut stream: &PeerStream) -> String {
        loop {
            let frame = match read_frame(&mut stream) {
                Ok(frame) => frame,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return "the other end closed it".to_owned();
                }
                Err(error) => return error.to_string(),
            };
            match Notification::decode(frame) {
                Ok(notification) => {
                    if !(self.events)(PeerEvent::Notified { from, notification }) {
                        return "the server ends".to_owned();
                    }
                }
                // The original passes over what is too short or of no known state, and reads on.
                Err(error) => tracing::warn!(member = %from, %error, "a vote that cannot be read"),
            }
        }
    }
}

impl Member {
    fn lock(&self) -> MutexGuard<'_, MemberState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a connection in the place of the present one. Returns its serial number.
    fn replace(&self, stream: Option<PeerStream>) -> u64 {
        let mut state = self.lock();
        state.serial += 1;
        if let Some(old) = std::mem::replace(&mut state.stream, stream) {
            old.shut_down();
        }
        if state.newest.is_none() {
            state.newest = state.last.clone();
        }
        self.work.notify_all();
        state.serial
    }

    /// The connection of that number is over. False if it was replaced before.
    fn lost(&self, serial: u64) -> bool {
        let mut state = self.lock();
        if state.serial != serial {
            return false;
        }
        let Some(old) = state.stream.take() else { return false };
        old.shut_down();
        self.work.notify_all();
        true
    }

    /// Sends the newest vote whenever there is one, as long as the connection is the present one.
    fn write(&self, serial: u64, mut stream: &PeerStream) {
        let mut state = self.lock();
        while state.serial == serial && state.stream.is_some() {
            let Some(vote) = state.newest.take() else {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.last = Some(vote.clone());
            drop(state);
            let length = i32::try_from(vote.len()).expect("a vote is as long as a configuration");
            let frame = [&length.to_be_bytes()[..], &vote].concat();
            if stream.write_all(&frame).is_err() {
                return;
            }
            state = self.lock();
        }
    }
}

/// The first message of a connection, within the time it has for all of it: whoever sends a byte now and then
/// must not keep the place of one who has something to say.
fn read_greeting(stream: &PeerStream, patience: Duration) -> io::Result<Greeting> {
    let until = Instant::now() + patience;
    let mut arrived = Vec::new();
    loop {
        match Greeting::measure(&arrived).map_err(invalid)? {
            Measure::Whole(length) if length == arrived.len() => break,
            // Only what was asked for is read, so that nothing of the frames behind it is.
            Measure::Whole(_) => return Err(invalid("a greeting cannot be longer than itself")),
            Measure::AtLeast(least) => {
                let here = arrived.len();
                arrived.resize(least, 0);
                read_until(stream, &mut arrived[here..], until)?;
            }
        }
    }
    Greeting::decode(arrived.into()).map_err(invalid)
}

/// Fills `buffer` before `until`.
fn read_until(mut stream: &PeerStream, mut buffer: &mut [u8], until: Instant) -> io::Result<()> {
    while !buffer.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it does not say who it is"));
        }
        stream.socket().set_read_timeout(Some(left))?;
        match stream.read(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => buffer = &mut buffer[read..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn read_frame(stream: &mut impl Read) -> io::Result<Bytes> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = i32::from_be_bytes(length);
    let bytes = usize::try_from(length)
        .ok()
        .filter(|bytes| (1..=limits::NOTIFICATION_BYTES_MAX).contains(bytes))
        .ok_or_else(|| invalid(format!("a vote of {length} bytes")))?;
    let mut frame = Vec::new();
    stream.take(bytes as u64).read_to_end(&mut frame)?;
    if frame.len() < bytes { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(frame.into()) }
}

fn invalid(why: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_members_the_greater_keeps_its_connection() {
        let check = |own, dialer, expect| {
            assert_eq!(verdict(ServerId(own), ServerId(dialer), || ServerId(-1)), expect, "{own} {dialer}");
        };
        check(2, 3, Verdict::Keep(ServerId(3)));
        check(2, 1, Verdict::DialBack(ServerId(1)));
        check(2, 2, Verdict::Refuse);
        check(2, i64::MAX, Verdict::Keep(ServerId(-1)));
    }

    #[test]
    fn an_address_for_all_addresses_is_not_dialled() {
        let check = |address, expect| assert_eq!(is_reachable(address), expect, "{address}");
        check("10.0.0.1:3888", true);
        check("host:3888", true);
        check("[fe80::1]:3888", true);
        check("0.0.0.0:3888", false);
        check("[::]:3888", false);
        check("[0:0:0:0:0:0:0:0]:3888", false);
        check(":3888", false);
    }

    #[test]
    fn a_greeting_is_whole_in_time_or_nothing() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = || {
            let dialer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (dialer, listener.accept().unwrap().0)
        };
        let greeting = Greeting { server: ServerId(3), addresses: vec!["host:3888".to_owned()] };
        let bytes = greeting.encode();
        let plain = PeerStream::plain;
        let (mut dialer, accepted) = connect();
        let accepted = plain(accepted);
        dialer.write_all(&bytes).unwrap();
        assert_eq!(read_greeting(&accepted, limits::GREETING).unwrap().server, ServerId(3));
        // Time that is over before the first byte was read is over for all bytes.
        let (mut dialer, accepted) = connect();
        let accepted = plain(accepted);
        dialer.write_all(&bytes).unwrap();
        let error = read_greeting(&accepted, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // One that hangs up in the middle.
        let (mut dialer, accepted) = connect();
        let accepted = plain(accepted);
        dialer.write_all(&bytes[..9]).unwrap();
        drop(dialer);
        let error = read_greeting(&accepted, limits::GREETING).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn frames_are_cut_and_garbage_is_refused() {
        let check = |bytes: &[u8], expect: Option<&[u8]>| {
            assert_eq!(read_frame(&mut &bytes[..]).ok().as_deref(), expect, "{bytes:?}");
        };
        check(&[0, 0, 0, 2, 7, 8, 9], Some(&[7, 8]));
        check(&[0, 0, 0, 2, 7], None);
        check(&[0, 0, 0, 0], None);
        check(&[0xff; 8], None);
        check(&[0, 8, 0, 1, 0, 0], None);
        check(b"GET / HTTP/1.1", None);
    }
}
