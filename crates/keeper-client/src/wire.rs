//! A blocking connection to a server, with TLS or without.

use crate::Address;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;
use transport::tls::{BlockingTls, Connector};

/// One connection.
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<BlockingTls>),
}

impl Wire {
    /// Connects to the first of the addresses that answers. A TLS handshake is made by the first write.
    pub(crate) fn dial(address: &Address, patience: Duration, tls: Option<&Connector>) -> io::Result<Wire> {
        let stream = connect(address, patience)?;
        match tls {
            None => Ok(Wire::Plain(stream)),
            Some(connector) => {
                // The handshake reads too, and must end.
                stream.set_read_timeout(Some(patience))?;
                Ok(Wire::Tls(Box::new(connector.connect(stream, &address.host)?)))
            }
        }
    }

    pub(crate) fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        let socket = match self {
            Wire::Plain(stream) => stream,
            Wire::Tls(stream) => stream.socket(),
        };
        socket.set_read_timeout(Some(timeout))
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.read(buffer),
            Wire::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.write(bytes),
            Wire::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wire::Plain(stream) => stream.flush(),
            Wire::Tls(stream) => stream.flush(),
        }
    }
}

fn connect(address: &Address, patience: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (address.host.as_str(), address.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(patience))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
