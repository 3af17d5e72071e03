//! A listening port with a thread that accepts. Dropping it closes the port.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A port that is listened on.
#[derive(Debug)]
pub(super) struct Acceptor {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Acceptor {
    /// Listens on `address` and hands over each connection, on the accepting thread: `accepted` must not
    /// wait for the other end.
    pub(super) fn start(
        name: &str,
        address: SocketAddr,
        mut accepted: impl FnMut(TcpStream, SocketAddr) + Send + 'static,
    ) -> io::Result<Acceptor> {
        const REST: Duration = Duration::from_millis(100);
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            loop {
                let outcome = listener.accept();
                if end.load(Ordering::Acquire) {
                    return;
                }
                match outcome {
                    Ok((stream, peer)) => {
                        // Without it a vote would wait for the next one's acknowledgement.
                        let _ = stream.set_nodelay(true);
                        accepted(stream, peer);
                    }
                    Err(error) => {
                        tracing::warn!(%address, %error, "cannot accept connections of other members for now");
                        thread::park_timeout(REST);
                    }
                }
            }
        })?;
        Ok(Acceptor { address, ended, thread: Some(thread) })
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        // Nothing but a connection wakes a thread that accepts.
        let mut own = self.address;
        match own.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => own.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => own.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        let woken = TcpStream::connect_timeout(&own, Duration::from_secs(1)).is_ok();
        if let Some(thread) = self.thread.take()
            && (woken || thread.is_finished())
            && thread.join().is_err()
        {
            tracing::error!("a thread that accepts panicked");
        }
    }
}
