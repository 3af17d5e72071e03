//! The broker as a running thing: its directories, its thread, its ports, its keeper session.

mod directories;
mod keeper_link;
mod peer_links;
mod service;
mod workers;

use crate::config::BrokerConfig;
use crate::keeper_role::KeeperDialer;
use crate::limits;
use crate::notice::{Notices, PanicNotice, Role};
use crate::start::{DirectoryLock, StartError, bind};
use broker::{Broker, Listener, ListenerIndex, Settings};
use directories::LockedDirectories;
use disk::RealDisk;
use keeper_client::{Options, Session};
use keeper_link::KeeperLink;
use peer_links::PeerLinks;
use service::{BrokerMessage, BrokerService};
use shard::{Clock, Counters, Mailbox, PeerRules, PortRules, Shard};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use transport::FrameRules;
use workers::Workers;

/// A running broker.
pub struct BrokerRole {
    addresses: Vec<SocketAddr>,
    mailbox: Mailbox<BrokerMessage>,
    counters: Arc<Counters>,
    thread: JoinHandle<io::Result<()>>,
    _locks: Vec<DirectoryLock>,
}

/// A broker that has its ports and its logs, and serves nobody yet. To open both halves of a process at
/// once halves the wait for the disk.
pub struct OpenedBroker {
    config: BrokerConfig,
    clock: Clock,
    seed: u64,
    sockets: Vec<(ListenerIndex, transport::Listener)>,
    addresses: Vec<SocketAddr>,
    node: Broker<RealDisk>,
    locks: Vec<DirectoryLock>,
}

/// How a broker reaches its keeper. Either way it is a ZooKeeper client.
#[derive(Clone, Debug)]
pub enum KeeperAccess {
    /// Over TCP, to the servers of `zookeeper.connect`.
    Tcp,
    /// Through a pipe, to the keeper in this process.
    Pipe(KeeperDialer),
}

impl BrokerRole {
    /// Opens the logs and serves clients from now on; the broker is ready when it has registered, which
    /// comes as [`crate::Notice::BrokerReady`].
    pub fn start(
        config: &BrokerConfig,
        access: KeeperAccess,
        clock: Clock,
        notices: Notices,
    ) -> Result<BrokerRole, StartError> {
        OpenedBroker::open(config, clock)?.serve(access, notices)
    }

    /// Where clients connect, in the order of the configured listeners.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What its shard counts.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Ends in order: logs closed and marked as clean, the keeper session closed.
    pub fn stop(self) {
        let _ = self.mailbox.send(BrokerMessage::Stop);
        match self.thread.join() {
            Ok(Ok(())) => tracing::info!("broker stopped"),
            Ok(Err(error)) => tracing::error!(%error, "the broker's loop failed"),
            Err(_) => tracing::error!("the broker's thread panicked"),
        }
    }
}

impl OpenedBroker {
    /// Takes the ports and opens the logs.
    pub fn open(config: &BrokerConfig, clock: Clock) -> Result<OpenedBroker, StartError> {
        let mut sockets = Vec::new();
        let mut addresses = Vec::new();
        for (n, listener) in config.listeners.iter().enumerate() {
            let bound = bind(listener.address, config.both_loopbacks)?;
            addresses.push(bound[0].address());
            sockets.extend(bound.into_iter().map(|socket| (ListenerIndex(n), socket)));
        }
        let disk = RealDisk;
        let LockedDirectories { locks, failed } = LockedDirectories::lock(&disk, &config.log_directories)?;
        let seed = getrandom::u64().map_err(|error| StartError::System(format!("no randomness: {error}")))?;
        let settings = Settings { failed_log_directories: failed, ..settings(config, &addresses)? };
        let node = Broker::open(clock.now(), settings, disk, seed)
            .map_err(|error| StartError::Data(format!("the log directories cannot be used: {error}")))?;
        Ok(OpenedBroker { config: config.clone(), clock, seed, sockets, addresses, node, locks })
    }

    /// Serves clients from now on.
    pub fn serve(self, access: KeeperAccess, notices: Notices) -> Result<BrokerRole, StartError> {
        let OpenedBroker { config, clock, seed, sockets, addresses, node, locks } = self;
        let mut options = Options::new(config.keeper.clone());
        options.timeout = config.keeper_session_timeout;
        options.outstanding_max = config.keeper_outstanding_max;
        options.seed = seed;

        let mut shard = Shard::new(clock).map_err(StartError::system("poll"))?;
        let mut listeners = Vec::new();
        for (listener, socket) in sockets {
            shard.listen(socket, port_rules(&config)).map_err(StartError::system("poll a socket"))?;
            listeners.push(listener);
        }
        let (mailbox, counters) = (shard.mailbox(), shard.counters());
        let link = KeeperLink::new(Session::new(options), access, config.routes.clone(), mailbox.clone());
        let workers = Workers::start(config.log_directories.len(), &mailbox, &notices)
            .map_err(StartError::system("start a thread"))?;
        let peers = PeerLinks::new(config.routes.clone(), mailbox.clone());
        let mut service = BrokerService::new(node, listeners, (link, peers), workers, notices.clone());
        let thread = thread::Builder::new()
            .name("broker".to_owned())
            .spawn(move || {
                let _told = PanicNotice { role: Role::Broker, notices };
                shard.run(&mut service)
            })
            .map_err(StartError::system("start a thread"))?;
        tracing::info!(addresses = ?addresses, keeper = %config.keeper, "broker listens");
        Ok(BrokerRole { addresses, mailbox, counters, thread, _locks: locks })
    }
}

fn port_rules(config: &BrokerConfig) -> PortRules {
    let frames = FrameRules { bytes_max: config.request_bytes_max, first_word: false };
    let peer =
        PeerRules { lockstep: true, idle: Some(config.connections_idle), ..PeerRules::pipelined(frames) };
    PortRules {
        peer,
        connections_max: config.connections_max.min(limits::CONNECTIONS_MAX),
        connections_per_address_max: config.connections_per_address_max.min(limits::CONNECTIONS_MAX),
    }
}

fn settings(config: &BrokerConfig, addresses: &[SocketAddr]) -> Result<Settings, StartError> {
    let listeners = config.listeners.iter().zip(addresses).map(|(listener, address)| {
        let (host, port) = &listener.advertised;
        Listener {
            name: listener.name.clone(),
            security_protocol: listener.security_protocol.clone(),
            advertised_host: if host.is_empty() { "localhost".to_owned() } else { host.clone() },
            advertised_port: if *port == 0 { address.port() } else { *port },
        }
    });
    Ok(Settings {
        broker_id: broker_id(config)?,
        listeners: listeners.collect(),
        inter_broker_listener: config.inter_broker_listener,
        rack: config.rack.clone(),
        log_directories: config.log_directories.clone(),
        failed_log_directories: BTreeSet::new(),
        auto_create_topics: config.auto_create_topics,
        durable_acks: config.durable_acks,
        fetch_bytes_max: config.fetch_bytes_max,
        fetch_sessions_max: config.fetch_sessions_max,
        producer_id_expiration: config.producer_id_expiration,
        group_initial_rebalance_delay: config.group_initial_rebalance_delay,
        properties: config.properties.clone(),
    })
}

/// The configured number, which must be the one that the directories have, if they have one.
fn broker_id(config: &BrokerConfig) -> Result<i32, StartError> {
    let stored = config.log_directories.iter().find_map(|directory| stored_broker_id(directory));
    match (config.broker_id, stored) {
        (Some(id), Some(stored)) if id != stored => Err(StartError::Data(format!(
            "the log directories belong to broker {stored}, and broker.id is {id}; set broker.id={stored}, or \
             choose other directories"
        ))),
        (Some(id), _) | (None, Some(id)) => Ok(id),
        (None, None) => Err(StartError::Data(
            "broker.id is not set, and numbers are not given out by themselves yet; set broker.id=0, or another \
             number that no other broker of the cluster has"
                .to_owned(),
        )),
    }
}

/// `broker.id` in the `meta.properties` of a log directory.
fn stored_broker_id(directory: &Path) -> Option<i32> {
    let text = fs::read_to_string(directory.join("meta.properties")).ok()?;
    text.lines().find_map(|line| line.trim().strip_prefix("broker.id=")?.trim().parse().ok())
}
