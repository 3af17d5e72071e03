//! How connections between members are made safe: TLS (`sslQuorum`, `portUnification`) and SASL (`quorum.auth.*`).
//!
//! Over TLS a member is known by a certificate that an authority of ours vouches for and that is for its address or for the
//! name that the membership has for that address. Unlike the original, which asks the DNS backwards for the name of
//! whoever dials, we look up the names of the members we know.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use transport::tls::{Acceptor, Connector, SharedTls, StoreError};

use super::authentication::{self, Asked};
use super::limits;
use crate::config::{MemberUsers, SecureMembers};

/// TLS and SASL between members, ready to be used; clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct PeerSecurity(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tls: Option<Tls>,
    users: Option<MemberUsers>,
    /// The hosts of all members.
    hosts: Mutex<BTreeSet<String>>,
    /// Nobody else knows it: nonces are made of it.
    secret: u64,
    nonces: AtomicU64,
}

#[derive(Debug)]
struct Tls {
    settings: SecureMembers,
    acceptor: Acceptor,
    connector: Connector,
}

impl PeerSecurity {
    /// Reads the stores. The second part is what is not served of that which was asked for.
    pub(crate) fn prepare(
        tls: Option<&SecureMembers>,
        users: Option<&MemberUsers>,
        secret: u64,
    ) -> Result<(PeerSecurity, Vec<String>), StoreError> {
        let mut notes = Vec::new();
        let tls = match tls {
            None => None,
            Some(settings) => {
                let (acceptor, unknown) = Acceptor::new(&settings.tls)?;
                notes = unknown;
                Some(Tls { settings: settings.clone(), acceptor, connector: Connector::new(&settings.tls)? })
            }
        };
        let (users, hosts, nonces) = (users.cloned(), Mutex::default(), AtomicU64::new(0));
        Ok((PeerSecurity(Arc::new(Inner { tls, users, hosts, secret, nonces })), notes))
    }

    /// Reads the stores anew, for connections from now on. After an error the old ones stay in use.
    pub(crate) fn reload(&self) -> Result<(), StoreError> {
        let Some(Tls { settings, acceptor, connector }) = &self.0.tls else { return Ok(()) };
        acceptor.reload(&settings.tls)?;
        connector.reload(&settings.tls)
    }

    fn nonce(&self) -> String {
        sasl::nonce(self.0.secret, self.0.nonces.fetch_add(1, Ordering::Relaxed), 0)
    }

    /// These are addresses of members too, each `host:port`.
    pub(crate) fn meet<'a>(&self, addresses: impl Iterator<Item = &'a String>) {
        let mut hosts = self.0.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.extend(addresses.map(|address| host_of(address).to_owned()));
    }

    /// What the certificate of a member at `peer` may be for.
    fn names_of(&self, peer: SocketAddr) -> Vec<String> {
        let hosts = self.0.hosts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let ip = peer.ip().to_canonical();
        let mut names = vec![ip.to_string()];
        names.extend(hosts.into_iter().filter(|host| {
            let mut found = (host.as_str(), 0).to_socket_addrs().into_iter().flatten();
            found.any(|address| address.ip().to_canonical() == ip)
        }));
        names
    }
}

/// A connection that was dialled to `address` (`host:port`), made safe before `patience` is over.
pub(super) fn dialed(
    security: Option<&PeerSecurity>,
    stream: TcpStream,
    address: &str,
    patience: Duration,
) -> io::Result<PeerStream> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(limits::WRITE_STALL))?;
    let tls = security.and_then(|security| security.0.tls.as_ref()).filter(|tls| tls.settings.dials);
    let Some(tls) = tls else {
        return Ok(PeerStream::plain(stream));
    };
    let until = Instant::now() + patience;
    tls.connector
        .connect_blocking(stream, host_of(address), until)
        .map(|stream| PeerStream::new(Io::Tls(stream)))
}

/// Proves on a connection that was dialled who we are, if that is asked for (`quorum.auth.learnerRequireSasl`).
pub(super) fn prove(
    security: Option<&PeerSecurity>,
    stream: &PeerStream,
    patience: Duration,
) -> io::Result<()> {
    let Some(security) = security else { return Ok(()) };
    let Some(users) = security.0.users.as_ref().filter(|users| users.proves) else { return Ok(()) };
    let timed = Timed { stream, until: Instant::now() + patience };
    let (user, password) = &users.own;
    authentication::prove(timed, user, password, security.nonce())?;
    stream.socket().set_read_timeout(None)
}

/// Asks on a connection that was accepted who is there. Those who prove nothing, or something wrong, are let in unless
/// `quorum.auth.serverRequireSasl` says no.
pub(super) fn ask(
    security: Option<&PeerSecurity>,
    stream: &PeerStream,
    peer: SocketAddr,
    patience: Duration,
) -> io::Result<()> {
    let Some(security) = security else { return Ok(()) };
    let Some(users) = &security.0.users else { return Ok(()) };
    let timed = Timed { stream, until: Instant::now() + patience };
    let asked = authentication::ask(timed, security.nonce(), |user| users.known.0.get(user).cloned());
    match asked {
        Ok(Asked::Proved(user)) => tracing::debug!(%peer, user, "a member has proved who it is"),
        Ok(Asked::Silent(_)) if users.demands => {
            let why = "it does not prove who it is by SASL, which quorum.auth.serverRequireSasl demands";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        Ok(Asked::Silent(first)) => stream.give_back(&first),
        Err(error) if users.demands => return Err(error),
        Err(error) => {
            tracing::warn!(%peer, %error, "let in all the same: quorum.auth.serverRequireSasl is false")
        }
    }
    stream.socket().set_read_timeout(None)
}

/// A connection with a deadline for all that is read.
struct Timed<'a> {
    stream: &'a PeerStream,
    until: Instant,
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it takes too long to prove who it is"));
        }
        self.stream.socket().set_read_timeout(Some(left))?;
        let mut stream = self.stream;
        stream.read(buffer)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut stream = self.stream;
        stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection that was accepted from `peer`, made safe before `patience` is over.
pub(super) fn accepted(
    security: Option<&PeerSecurity>,
    stream: TcpStream,
    peer: SocketAddr,
    patience: Duration,
) -> io::Result<PeerStream> {
    /// The first byte of a TLS connection: a handshake. No plain greeting begins so.
    const HANDSHAKE: u8 = 0x16;
    stream.set_write_timeout(Some(limits::WRITE_STALL))?;
    let both = security.and_then(|security| Some((security, security.0.tls.as_ref()?)));
    let Some((security, tls)) = both else { return Ok(PeerStream::plain(stream)) };
    let until = Instant::now() + patience;
    if tls.settings.unified {
        stream.set_read_timeout(Some(patience))?;
        let mut first = [0];
        if stream.peek(&mut first)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if first[0] != HANDSHAKE {
            return Ok(PeerStream::plain(stream));
        }
    }
    let names = tls.settings.checks_names.then(|| security.names_of(peer));
    let stream = tls.acceptor.accept_blocking(stream, until, names.as_deref())?;
    Ok(PeerStream::new(Io::Tls(stream)))
}

fn host_of(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

/// A connection to another member; clones are the same one. One thread reads and another writes.
#[derive(Clone, Debug)]
pub(super) struct PeerStream {
    io: Io,
    /// What was read and given back.
    unread: Arc<Mutex<Vec<u8>>>,
}

#[derive(Clone, Debug)]
enum Io {
    /// As it is.
    Plain(Arc<TcpStream>),
    /// Encrypted.
    Tls(SharedTls),
}

impl PeerStream {
    fn new(io: Io) -> PeerStream {
        PeerStream { io, unread: Arc::default() }
    }

    /// A connection that hides nothing.
    pub(super) fn plain(stream: TcpStream) -> PeerStream {
        PeerStream::new(Io::Plain(Arc::new(stream)))
    }

    fn unread(&self) -> MutexGuard<'_, Vec<u8>> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These bytes are read once more, before all others.
    fn give_back(&self, bytes: &[u8]) {
        self.unread().extend_from_slice(bytes);
    }

    /// The socket, for its time-outs.
    pub(super) fn socket(&self) -> &TcpStream {
        match &self.io {
            Io::Plain(stream) => stream,
            Io::Tls(stream) => stream.socket(),
        }
    }

    /// Nothing is read or written any more.
    pub(super) fn shut_down(&self) {
        let _ = self.socket().shutdown(Shutdown::Both);
    }

    /// Hangs up once the other side has read everything: what it sent meanwhile must not reset the connection.
    pub(super) fn hang_up(&self, patience: Duration) {
        match &self.io {
            Io::Plain(stream) => drop(stream.shutdown(Shutdown::Write)),
            Io::Tls(stream) => stream.shut_down_writing(),
        }
        let until = Instant::now() + patience;
        let mut rest = [0; 512];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.socket().set_read_timeout(Some(left)).is_err() {
                break;
            }
            if !matches!((&*self).read(&mut rest), Ok(1..)) {
                break;
            }
        }
        self.shut_down();
    }
}

impl Read for &PeerStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut unread = self.unread();
        if !unread.is_empty() {
            let bytes = unread.len().min(buffer.len());
            buffer[..bytes].copy_from_slice(&unread[..bytes]);
            unread.drain(..bytes);
            return Ok(bytes);
        }
        drop(unread);
        match &self.io {
            Io::Plain(stream) => (&**stream).read(buffer),
            Io::Tls(stream) => (&mut &*stream).read(buffer),
        }
    }
}

impl Write for &PeerStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.io {
            Io::Plain(stream) => (&**stream).write(bytes),
            Io::Tls(stream) => (&mut &*stream).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_what_is_before_the_port() {
        let check = |address, expect| assert_eq!(host_of(address), expect, "{address}");
        check("node:3888", "node");
        check("10.0.0.1:3888", "10.0.0.1");
        check("[fe80::1]:3888", "fe80::1");
        check("node", "node");
    }
}
