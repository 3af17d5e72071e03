//! A TLS connection that never blocks, and one that does not know yet whether it is one.
//!
//! What is received and not decrypted, and what is encrypted and not sent, is bounded by rustls (one
//! record, a handshake of 64 KiB, 64 KiB to send). The owner of the stream reads until it would block, and
//! calls `flush` when it becomes writable: a handshake sends without being asked to.

use super::acceptor::Acceptor;
use super::certificate::PeerCertificate;
use crate::limits::TLS_RECORDS_PER_READ;
use mio::net::TcpStream;
use rustls::Connection;
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

/// One connection over TLS, either side.
#[derive(Debug)]
pub struct TlsStream {
    tcp: TcpStream,
    tls: Connection,
    /// Whether the handshake's end was told.
    told: bool,
    /// Whether any of the other side's bytes made sense.
    understood: bool,
    failure: Option<String>,
}

impl TlsStream {
    pub(super) fn new(tcp: TcpStream, tls: Connection) -> Self {
        TlsStream { tcp, tls, told: false, understood: false, failure: None }
    }

    /// The socket.
    pub fn tcp_mut(&mut self) -> &mut TcpStream {
        &mut self.tcp
    }

    /// Whether the two sides have not agreed yet.
    pub fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Whether there are encrypted bytes that the socket did not take yet.
    pub fn wants_write(&self) -> bool {
        self.tls.wants_write()
    }

    /// Said once, when the handshake is over: the certificate that the other side has shown.
    pub fn take_handshake(&mut self) -> Option<Option<PeerCertificate>> {
        if self.told || self.tls.is_handshaking() {
            return None;
        }
        self.told = true;
        let chain = self.tls.peer_certificates().unwrap_or_default();
        Some(chain.first().and_then(PeerCertificate::of))
    }

    /// Why the last read failed, in words for a log.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Tells the other side that nothing more will be written.
    pub fn shut_down_writing(&mut self) {
        self.tls.send_close_notify();
        drop(self.send());
        drop(self.tcp.shutdown(Shutdown::Write));
    }

    /// Sends what is encrypted; `WouldBlock` if the socket does not take all of it.
    fn send(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.tcp) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// As [`send`](Self::send); what is left goes when the socket is writable.
    fn send_some(&mut self) -> io::Result<()> {
        match self.send() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            outcome => outcome,
        }
    }

    fn fail(&mut self, error: &rustls::Error) -> io::Error {
        // An alert may wait to be sent.
        drop(self.send());
        let nonsense = matches!(error, rustls::Error::InvalidMessage(_)) && !self.understood;
        self.failure = Some(if nonsense { "it does not speak TLS".to_owned() } else { error.to_string() });
        io::ErrorKind::InvalidData.into()
    }

    /// Takes more only when the socket took what was encrypted before.
    fn write_with(&mut self, write: impl FnOnce(&mut Self) -> io::Result<usize>) -> io::Result<usize> {
        self.send()?;
        let taken = write(self)?;
        self.send_some()?;
        if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }
}

impl Read for TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for _ in 0..TLS_RECORDS_PER_READ {
            match self.tls.reader().read(buffer) {
                Ok(bytes) => return Ok(bytes),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Every frame has its length: a missing farewell hides nothing.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(error) => return Err(error),
            }
            let ended = self.tls.read_tls(&mut self.tcp)? == 0;
            if let Err(error) = self.tls.process_new_packets() {
                return Err(self.fail(&error));
            }
            self.understood |= !ended;
            self.send_some()?;
            if ended && !self.understood {
                // Somebody who only looked whether the port is there.
                return Ok(0);
            }
            if ended && self.tls.is_handshaking() {
                self.failure = Some("it left in the middle of the handshake".to_owned());
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        // Others have their turn before more of this one's.
        Err(io::ErrorKind::Interrupted.into())
    }
}

impl Write for TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_with(|it| it.tls.writer().write(bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_with(|it| it.tls.writer().write_vectored(slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

/// A connection on a port that takes both: TLS if its first byte is that of a TLS handshake.
#[derive(Debug)]
pub struct Detecting {
    /// None once it is known.
    tcp: Option<TcpStream>,
    acceptor: Acceptor,
}

/// The first byte of every TLS connection: the record type `handshake`. As the first byte of a length it
/// would mean 352 MiB.
const HANDSHAKE_RECORD: u8 = 0x16;

impl Detecting {
    pub(super) fn new(tcp: TcpStream, acceptor: Acceptor) -> Self {
        Detecting { tcp: Some(tcp), acceptor }
    }

    /// The socket.
    ///
    /// # Panics
    /// After [`decide`](Self::decide) succeeded.
    pub fn tcp_mut(&mut self) -> &mut TcpStream {
        self.tcp.as_mut().expect("not asked after it was decided")
    }

    /// What it is, once its first byte is here; `WouldBlock` before. To be asked once with success.
    pub fn decide(&mut self) -> io::Result<crate::Stream> {
        let tcp = self.tcp.as_ref().ok_or(io::ErrorKind::InvalidInput)?;
        let mut first = [0];
        let is_tls = tcp.peek(&mut first)? == 1 && first[0] == HANDSHAKE_RECORD;
        let tcp = self.tcp.take().ok_or(io::ErrorKind::InvalidInput)?;
        if !is_tls {
            return Ok(crate::Stream::Tcp(tcp));
        }
        let tls = self.acceptor.accept(tcp).map_err(io::Error::other)?;
        Ok(crate::Stream::Tls(Box::new(tls)))
    }
}
