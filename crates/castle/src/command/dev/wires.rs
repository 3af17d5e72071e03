//! The wires between the nodes of a cluster on one machine: every connection of a node to another goes
//! through a relay here, and a relay can fall silent.
//!
//! A cut is what it is in a network: nothing arrives any more in either direction, nobody is told, and what
//! was sent is held until the cut is healed, as a peer's kernel would send it again. Connections of clients
//! do not come this way.

use super::plan::Number;
use crate::failure::Failure;
use rustix::net::{RecvFlags, recv};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};

/// All relays, on a thread of their own.
pub(super) struct Wires {
    /// Whether a pair of nodes is cut; the lesser number first.
    cuts: BTreeMap<(Number, Number), watch::Sender<bool>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// One relay: connections to the listener come out at the target.
pub(super) struct Wire {
    pub(super) from: Number,
    pub(super) to: Number,
    pub(super) target: SocketAddr,
}

/// Connections through one relay. Nodes have a handful; a cut wire keeps those that were given up.
const CONNECTIONS_MAX: usize = 256;

/// Bytes that are carried at once, each way.
const PIECE_BYTES: usize = 64 << 10;

/// How often a connection that waits for a cut to heal is looked at: it may have been given up.
const LOOK: Duration = Duration::from_millis(500);

/// Rest when the system has no more files for us.
const REST: Duration = Duration::from_millis(100);

type Gate = watch::Receiver<bool>;

impl Wires {
    /// Relays for these wires; the ports at which they begin, in the same order.
    pub(super) fn start(wires: Vec<Wire>) -> Result<(Wires, Vec<u16>), Failure> {
        let mut cuts = BTreeMap::new();
        let mut relays = Vec::new();
        let mut ports = Vec::new();
        for wire in wires {
            let cut = cuts.entry(pair(wire.from, wire.to)).or_insert_with(|| watch::Sender::new(false));
            let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            listener.set_nonblocking(true)?;
            ports.push(listener.local_addr()?.port());
            relays.push((listener, wire.target, cut.subscribe()));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("wires".to_owned()).spawn(move || {
            runtime.block_on(async {
                for (listener, target, gate) in relays {
                    match TcpListener::from_std(listener) {
                        // Ends with the runtime.
                        Ok(listener) => drop(tokio::spawn(relay(listener, target, gate))),
                        Err(error) => tracing::error!(%error, "a wire between two nodes cannot be laid"),
                    }
                }
                let _ = stopped.await;
            });
        })?;
        Ok((Wires { cuts, stop: Some(stop), thread: Some(thread) }, ports))
    }

    /// Cuts or heals what is between two nodes. False if there is nothing between them.
    pub(super) fn set(&self, one: Number, other: Number, cut: bool) -> bool {
        let Some(sender) = self.cuts.get(&pair(one, other)) else { return false };
        sender.send_replace(cut);
        true
    }

    /// Heals everything.
    pub(super) fn heal(&self) {
        for sender in self.cuts.values() {
            sender.send_replace(false);
        }
    }

    /// The pairs that are cut.
    pub(super) fn cut(&self) -> Vec<(Number, Number)> {
        self.cuts.iter().filter(|(_, cut)| *cut.borrow()).map(|(pair, _)| *pair).collect()
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn pair(one: Number, other: Number) -> (Number, Number) {
    (one.min(other), one.max(other))
}

/// Accepts as long as the runtime is there.
async fn relay(listener: TcpListener, target: SocketAddr, gate: Gate) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((near, _)) => {
                let gate = gate.clone();
                drop(tokio::spawn(async move {
                    let _place = place;
                    carry(near, target, gate).await;
                }));
            }
            Err(_) => tokio::time::sleep(REST).await,
        }
    }
}

/// Carries one connection to its end.
async fn carry(near: TcpStream, target: SocketAddr, mut gate: Gate) {
    while *gate.borrow_and_update() {
        if is_given_up(&near) {
            return;
        }
        let _ = tokio::time::timeout(LOOK, gate.changed()).await;
    }
    let Ok(far) = TcpStream::connect(target).await else {
        // As if it had never been accepted: nobody listens there.
        let _ = near.set_zero_linger();
        return;
    };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (near, far) = (Arc::new(near), Arc::new(far));
    let back = tokio::spawn(pump(Arc::clone(&far), Arc::clone(&near), gate.clone()));
    pump(near, far, gate).await;
    let _ = back.await;
}

/// One direction. An end is passed on as an end, a failure ends both directions; neither passes a cut.
async fn pump(from: Arc<TcpStream>, to: Arc<TcpStream>, mut gate: Gate) {
    let outcome = copy(&from, &to, &mut gate).await;
    // An error means that the gate is gone, and all of this with it.
    let _ = gate.wait_for(|cut| !cut).await;
    match outcome {
        Ok(()) => drop(shut(&to, Shutdown::Write)),
        Err(_) => drop((shut(&from, Shutdown::Both), shut(&to, Shutdown::Both))),
    }
}

async fn copy(from: &TcpStream, to: &TcpStream, gate: &mut Gate) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        open(gate).await?;
        from.readable().await?;
        let read = match from.try_read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let mut rest = &piece[..read];
        while !rest.is_empty() {
            open(gate).await?;
            to.writable().await?;
            match to.try_write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Waits until the wire is whole.
async fn open(gate: &mut Gate) -> io::Result<()> {
    gate.wait_for(|cut| !cut).await.map(drop).map_err(io::Error::other)
}

fn shut(stream: &TcpStream, how: Shutdown) -> rustix::io::Result<()> {
    let how = match how {
        Shutdown::Write => rustix::net::Shutdown::Write,
        Shutdown::Read => rustix::net::Shutdown::Read,
        Shutdown::Both => rustix::net::Shutdown::Both,
    };
    rustix::net::shutdown(stream, how)
}

/// Whether the dialler hung up without having said anything.
fn is_given_up(stream: &TcpStream) -> bool {
    let mut byte = [0; 1];
    match recv(stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
        Ok((_, length)) => length == 0,
        Err(error) => error != rustix::io::Errno::AGAIN,
    }
}
