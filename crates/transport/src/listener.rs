//! A listening TCP socket, with the options that both protocols want.

use crate::limits;
use mio::net::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// A bound socket that accepts connections.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// Why an address could not be listened on. The text names the address and what to do.
#[derive(Debug)]
pub struct BindError {
    /// The address that was asked for.
    pub address: SocketAddr,
    /// What the system said.
    pub cause: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (address, port) = (self.address, self.address.port());
        match self.cause.kind() {
            io::ErrorKind::AddrInUse => write!(
                f,
                "port {port} is in use: something already listens on {address}; stop it, or choose \
                 another port (`ss -ltnp 'sport = :{port}'` shows what it is)"
            ),
            io::ErrorKind::PermissionDenied => write!(
                f,
                "no permission to listen on {address}: ports below 1024 need privileges; choose a port \
                 from 1024 up"
            ),
            io::ErrorKind::AddrNotAvailable => write!(
                f,
                "cannot listen on {address}: this machine has no such address; use one of its own, or \
                 0.0.0.0 for all"
            ),
            _ => write!(f, "cannot listen on {address}: {}", self.cause),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

impl Listener {
    /// Listens on `address`; port 0 lets the system choose one.
    pub fn bind(address: SocketAddr) -> Result<Listener, BindError> {
        Self::open(address).map_err(|cause| BindError { address, cause })
    }

    fn open(mut address: SocketAddr) -> io::Result<Listener> {
        let open = |address| Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP));
        let any = address.is_ipv6() && address.ip().is_unspecified();
        let socket = match open(address) {
            // A machine without IPv6.
            Err(_) if any => {
                address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
                open(address)?
            }
            outcome => outcome?,
        };
        // A restart must not wait for connections of the last run to leave TIME_WAIT.
        socket.set_reuse_address(true)?;
        if any && address.is_ipv6() {
            // As the JVM does: the unspecified IPv6 address takes IPv4 clients too.
            socket.set_only_v6(false)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(limits::LISTEN_BACKLOG)?;
        let socket = TcpListener::from_std(socket.into());
        let address = socket.local_addr()?;
        Ok(Listener { socket, address })
    }

    /// The address with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next waiting connection; `WouldBlock` if there is none.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.socket.accept()?;
        tune(&stream);
        Ok((stream, peer))
    }

    /// For registering with a poll.
    pub fn socket_mut(&mut self) -> &mut TcpListener {
        &mut self.socket
    }
}

/// Sends small replies at once and notices peers that vanished. Failing to set an option is harmless.
pub(crate) fn tune(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    drop(socket.set_tcp_nodelay(true));
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(120));
    drop(socket.set_tcp_keepalive(&keepalive));
}

impl crate::Stream {
    /// Begins to connect to `address`. Becomes writable when connected, or ends.
    pub fn connect(address: SocketAddr) -> io::Result<crate::Stream> {
        let stream = TcpStream::connect(address)?;
        tune(&stream);
        Ok(crate::Stream::Tcp(stream))
    }
}
