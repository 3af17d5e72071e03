//! A blocking TLS connection that one thread reads while another writes.
//!
//! The session is locked only to encrypt and to decrypt, never while the socket is waited for. Encrypted bytes leave
//! in the order in which they were made: whoever makes some holds `sending` until the socket has taken them.

use rustls::Connection;
use rustls::pki_types::CertificateDer;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::limits::TLS_BYTES_PER_READ;

/// One connection; clones are the same one.
#[derive(Clone, Debug)]
pub struct SharedTls(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    socket: TcpStream,
    session: Mutex<Connection>,
    sending: Mutex<Vec<u8>>,
    /// Of the reading thread alone.
    arrived: Mutex<Arrived>,
}

/// Bytes of the socket that the session has not taken yet: those behind `taken`.
#[derive(Debug, Default)]
struct Arrived {
    bytes: Vec<u8>,
    taken: usize,
}

impl SharedTls {
    /// Shakes hands, which must be done by `until`. The socket blocks, and its time-outs are the caller's again
    /// afterwards: there is none for reading.
    pub(super) fn establish(
        socket: TcpStream,
        mut session: Connection,
        until: Instant,
    ) -> io::Result<SharedTls> {
        let mut understood = false;
        while session.is_handshaking() || session.wants_write() {
            if session.wants_write() {
                session.write_tls(&mut &socket)?;
                continue;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake takes too long"));
            }
            socket.set_read_timeout(Some(left))?;
            match session.read_tls(&mut &socket) {
                Ok(0) => {
                    let why = "it left in the middle of the TLS handshake";
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // The next turn says that it took too long.
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    continue;
                }
                outcome => drop(outcome?),
            }
            if let Err(error) = session.process_new_packets() {
                // It is told why, if it listens.
                while session.wants_write() && session.write_tls(&mut &socket).is_ok() {}
                let nonsense = matches!(error, rustls::Error::InvalidMessage(_)) && !understood;
                return Err(invalid(match nonsense {
                    true => "it does not speak TLS".to_owned(),
                    false => format!("the TLS handshake failed: {error}"),
                }));
            }
            understood = true;
        }
        socket.set_read_timeout(None)?;
        Ok(SharedTls(Arc::new(Inner {
            socket,
            session: Mutex::new(session),
            sending: Mutex::default(),
            arrived: Mutex::default(),
        })))
    }

    /// The socket, for its time-outs and to end it.
    pub fn socket(&self) -> &TcpStream {
        &self.0.socket
    }

    /// The other side's certificate, if it has shown one.
    pub(super) fn certificate(&self) -> Option<CertificateDer<'static>> {
        let session = lock(&self.0.session);
        session.peer_certificates().and_then(<[_]>::first).map(|shown| shown.clone().into_owned())
    }

    /// Tells the other side that nothing more will be written.
    pub fn shut_down_writing(&self) {
        lock(&self.0.session).send_close_notify();
        drop(self.send(|_| Ok(0)));
        drop(self.0.socket.shutdown(Shutdown::Write));
    }

    /// Encrypts what `fill` gives to the session, and sends that and whatever else waits.
    fn send(&self, fill: impl FnOnce(&mut Connection) -> io::Result<usize>) -> io::Result<usize> {
        let mut sending = lock(&self.0.sending);
        let mut session = lock(&self.0.session);
        let taken = fill(&mut session)?;
        sending.clear();
        while session.wants_write() {
            session.write_tls(&mut *sending)?;
        }
        drop(session);
        (&self.0.socket).write_all(&sending)?;
        Ok(taken)
    }
}

impl Read for &SharedTls {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut arrived = lock(&self.0.arrived);
        loop {
            let mut session = lock(&self.0.session);
            match session.reader().read(buffer) {
                Ok(bytes) => return Ok(bytes),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Every frame has its length: a missing farewell hides nothing.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(error) => return Err(error),
            }
            if arrived.taken < arrived.bytes.len() {
                // Nothing decrypted waits, so it takes some.
                let taken = session.read_tls(&mut &arrived.bytes[arrived.taken..])?;
                arrived.taken += taken;
                let processed = session.process_new_packets();
                let answers = session.wants_write();
                drop(session);
                if answers {
                    self.send(|_| Ok(0))?;
                }
                processed.map_err(|error| invalid(error.to_string()))?;
                continue;
            }
            drop(session);
            arrived.bytes.resize(TLS_BYTES_PER_READ, 0);
            arrived.taken = 0;
            let outcome = (&self.0.socket).read(&mut arrived.bytes);
            arrived.bytes.truncate(*outcome.as_ref().unwrap_or(&0));
            if outcome? == 0 {
                return Ok(0);
            }
        }
    }
}

impl Write for &SharedTls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(|session| session.writer().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
