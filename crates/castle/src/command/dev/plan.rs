//! What a cluster on one machine is made of: the ports of each node, and what all of them are told. It is
//! written into the data directory, where each node and every later start find it.

use super::CLUSTER;
use crate::failure::{Code, Failure};
use serde::{Deserialize, Serialize};
use server::Routes;
use server::config::{BrokerConfig, KeeperConfig, ListenerConfig, Membership, Words};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use zab::{Configuration, MemberAddress, ServerId};

/// A node's number, from 1: its `myid`, and its `broker.id`.
pub(super) type Number = u32;

/// All nodes of one data directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    /// Where clients connect.
    pub(super) host: IpAddr,
    /// What Kafka clients are told instead.
    pub(super) advertised_host: String,
    /// `--set`.
    pub(super) settings: Vec<String>,
    /// Node 1 first.
    pub(super) nodes: Vec<Ports>,
    /// Which way nodes take to each other.
    pub(super) detours: Vec<Detour>,
}

/// Where a node listens.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Ports {
    /// For ZooKeeper clients, the brokers among them.
    pub(super) keeper: u16,
    /// For Kafka clients.
    pub(super) broker: u16,
    /// The status page.
    pub(super) http: u16,
    /// For keepers that follow.
    pub(super) quorum: u16,
    /// For votes.
    pub(super) election: u16,
    /// For other brokers.
    pub(super) internal: u16,
}

/// A node reaches a port of another through this one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Detour {
    /// Who dials.
    pub(super) from: Number,
    /// Whose port it is.
    pub(super) to: Number,
    /// The port.
    pub(super) port: u16,
    /// What is dialled instead.
    pub(super) via: u16,
}

/// The file, in the data directory.
const FILE: &str = "cluster.json";

/// Ticks of 500 ms: a member that is cut off or frozen is missed after 3 s.
const TICK_MS: u64 = 500;
const INIT_LIMIT: u32 = 20;
const SYNC_LIMIT: u32 = 6;

impl Plan {
    /// The plan of the last start, if there was one.
    pub(super) fn read(data: &Path) -> Result<Option<Plan>, Failure> {
        let file = data.join(FILE);
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(Failure::new(Code::Data, format!("cannot read {}: {error}", file.display())));
            }
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| {
            let text = format!("{} cannot be read: {error}; remove it, and it is made anew", file.display());
            Failure::new(Code::Data, text)
        })
    }

    /// Keeps it for the nodes and the next start.
    pub(super) fn write(&self, data: &Path) -> Result<(), Failure> {
        let file = data.join(FILE);
        let unfinished = data.join("cluster.json.tmp");
        fs::write(&unfinished, serde_json::to_vec_pretty(self)?)
            .and_then(|()| fs::rename(&unfinished, &file))
            .map_err(|error| Failure::new(Code::Data, format!("cannot write {}: {error}", file.display())))
    }

    /// The numbers of all nodes.
    pub(super) fn numbers(&self) -> std::ops::RangeInclusive<Number> {
        1..=self.nodes.len() as Number
    }

    /// The ports of a node.
    pub(super) fn ports(&self, node: Number) -> &Ports {
        &self.nodes[node as usize - 1]
    }

    /// The address at which nodes reach a port of each other.
    pub(super) fn near(&self, port: u16) -> SocketAddr {
        let ip = if self.host.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { self.host };
        SocketAddr::new(ip, port)
    }

    /// The ports of `node` that other nodes dial.
    pub(super) fn doors(&self, node: Number) -> [u16; 4] {
        let ports = self.ports(node);
        [ports.keeper, ports.quorum, ports.election, ports.internal]
    }

    fn routes(&self, node: Number) -> Routes {
        let own = self.detours.iter().filter(|detour| detour.from == node);
        own.map(|detour| (self.near(detour.port), SocketAddr::from((Ipv4Addr::LOCALHOST, detour.via))))
            .collect()
    }

    /// The keeper of a node: the original's defaults, but for what only stands in the way on a developer's
    /// machine.
    pub(super) fn keeper_config(&self, data: &Path, node: Number) -> KeeperConfig {
        let address = SocketAddr::new(self.host, self.ports(node).keeper);
        let mut config = KeeperConfig::new(directory(data, node).join("keeper"), address);
        config.both_loopbacks = self.host.is_loopback();
        config.connections_per_address_max = 0;
        config.words = Words::All;
        config.server_id = u64::from(node);
        config.tick = clock::Span::ms(TICK_MS);
        config.session_timeout_min = clock::Span::ms(2 * TICK_MS);
        config.session_timeout_max = clock::Span::seconds(60);
        let members = self.numbers().map(|number| {
            let ports = self.ports(number);
            let host = self.near(0).ip().to_string();
            let member = MemberAddress {
                host: host.clone(),
                quorum_port: ports.quorum,
                election_host: host.clone(),
                election_port: ports.election,
                is_observer: false,
                client: Some((host, ports.keeper)),
                secure_client: None,
            };
            (ServerId(i64::from(number)), member)
        });
        config.membership = Some(Membership {
            configuration: Configuration { members: members.collect(), ..Configuration::default() },
            proposed: None,
            standalone_allowed: true,
            leader_serves: true,
            init_limit: INIT_LIMIT,
            sync_limit: SYNC_LIMIT,
            connect_limit: INIT_LIMIT,
            dial_timeout: Duration::from_secs(5),
            listens_on_all: false,
            routes: self.routes(node),
        });
        config
    }

    /// The broker of a node, on the whole ensemble.
    pub(super) fn broker_config(&self, data: &Path, node: Number) -> Result<BrokerConfig, Failure> {
        let count = self.nodes.len();
        let factor = count.min(3).to_string();
        let in_sync = if count >= 3 { "2" } else { "1" };
        let number = node.to_string();
        let defaults: &[(&str, &str)] = &[
            ("broker.id", &number),
            ("zookeeper.connect", "localhost"),
            ("default.replication.factor", &factor),
            ("min.insync.replicas", in_sync),
            ("offsets.topic.replication.factor", &factor),
            ("transaction.state.log.replication.factor", &factor),
            ("transaction.state.log.min.isr", in_sync),
            ("group.initial.rebalance.delay.ms", "0"),
            // What is killed or frozen shall be missed while one looks on: Kafka waits 18 s and 30 s.
            ("zookeeper.session.timeout.ms", "6000"),
            ("replica.lag.time.max.ms", "10000"),
        ];
        let mut config = super::parse_broker_config(super::settings(defaults, &self.settings)?)?;
        let ports = self.ports(node);
        let clients =
            ListenerConfig::plaintext(SocketAddr::new(self.host, ports.broker), &self.advertised_host);
        // Brokers have a port of their own for each other, so that they can be cut from each other, but
        // not from clients.
        let mut brokers =
            ListenerConfig::plaintext(SocketAddr::from((Ipv4Addr::LOCALHOST, ports.internal)), "127.0.0.1");
        "INTERNAL".clone_into(&mut brokers.name);
        config.listeners = vec![clients, brokers];
        config.inter_broker_listener = 1;
        config.both_loopbacks = self.host.is_loopback();
        let keepers: Vec<String> =
            self.nodes.iter().map(|ports| self.near(ports.keeper).to_string()).collect();
        config.keeper = keepers.join(",").parse().map_err(|error| Failure::failed(format!("{error}")))?;
        config.log_directories = vec![directory(data, node).join("broker")];
        config.routes = self.routes(node);
        Ok(config)
    }
}

/// Where a node keeps everything.
pub(super) fn directory(data: &Path, node: Number) -> PathBuf {
    data.join(format!("node-{node}"))
}

/// The first ports that clients were promised; 0 for any.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) keeper: u16,
    pub(super) broker: u16,
    pub(super) http: u16,
}

/// Chooses the ports of `count` nodes. Ports for clients follow each other from what is wanted; those that
/// nobody asked about are the last start's, if they are still free.
pub(super) fn choose_ports(
    host: IpAddr,
    count: u32,
    wanted: Wanted,
    last: &[Ports],
) -> Result<Vec<Ports>, Failure> {
    // Held until all are chosen, so that none is chosen twice.
    let mut held = Vec::new();
    let mut chosen = Vec::new();
    for node in 0..count as usize {
        let last = last.get(node);
        let mut free = |host: IpAddr, port: Option<u16>| -> Result<u16, Failure> {
            let again = port.and_then(|port| TcpListener::bind((host, port)).ok());
            let probe = match again {
                Some(probe) => probe,
                None => lasting_port(host)?,
            };
            let port = probe.local_addr()?.port();
            held.push(probe);
            Ok(port)
        };
        let mut promised = |first: u16, last: Option<u16>| match first {
            0 => free(host, last),
            first => first.checked_add(node as u16).ok_or_else(|| {
                Failure::new(Code::Address, format!("{CLUSTER} of {count} does not fit above port {first}"))
            }),
        };
        let keeper = promised(wanted.keeper, last.map(|last| last.keeper))?;
        let broker = promised(wanted.broker, last.map(|last| last.broker))?;
        let http = promised(wanted.http, last.map(|last| last.http))?;
        chosen.push(Ports {
            keeper,
            broker,
            http,
            quorum: free(host, last.map(|last| last.quorum))?,
            election: free(host, last.map(|last| last.election))?,
            internal: free(Ipv4Addr::LOCALHOST.into(), last.map(|last| last.internal))?,
        });
    }
    Ok(chosen)
}

/// A port that is free, and that the kernel gives to nobody who connects or asks for any: it will be free when the
/// node comes to take it. Where there is none, one of the kernel's choice.
fn lasting_port(host: IpAddr) -> std::io::Result<TcpListener> {
    const FIRST: u32 = 10_000;
    const TRIES: u32 = 200;
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let given_away =
        range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(32_768u32);
    let room = given_away.saturating_sub(FIRST);
    // Others who choose at the same time begin elsewhere.
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    let begin = nanos ^ std::process::id().rotate_left(16);
    for attempt in 0..TRIES.min(room) {
        let port = FIRST + begin.wrapping_add(attempt.wrapping_mul(7919)) % room;
        if let Some(probe) = u16::try_from(port).ok().and_then(|port| TcpListener::bind((host, port)).ok()) {
            return Ok(probe);
        }
    }
    TcpListener::bind((host, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let wanted = Wanted { keeper: 2181, broker: 9092, http: 8080 };
        let ports = |node: u16| Ports {
            keeper: wanted.keeper + node,
            broker: wanted.broker + node,
            http: wanted.http + node,
            quorum: 2888 + node,
            election: 3888 + node,
            internal: 19092 + node,
        };
        Plan {
            host: Ipv4Addr::LOCALHOST.into(),
            advertised_host: "localhost".to_owned(),
            settings: vec!["num.partitions=4".to_owned()],
            nodes: (0..3).map(ports).collect(),
            detours: vec![Detour { from: 2, to: 1, port: 2181, via: 40_001 }],
        }
    }

    #[test]
    fn nodes_know_each_other_and_the_way() {
        let plan = plan();
        let keeper = plan.keeper_config(Path::new("/data"), 2);
        assert_eq!(keeper.data_directory, Path::new("/data/node-2/keeper"));
        let membership = keeper.membership.expect("an ensemble");
        assert_eq!(membership.configuration.members.len(), 3);
        assert_eq!(membership.configuration.members[&ServerId(3)].quorum_address(), "127.0.0.1:2890");
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        assert_eq!(membership.routes.to(at(2181)), at(40_001));
        assert_eq!(plan.routes(1).to(at(2181)), at(2181));
    }

    #[test]
    fn three_nodes_keep_three_replicas_of_everything() {
        let plan = plan();
        let config = plan.broker_config(Path::new("/data"), 3).expect("right");
        assert_eq!(config.broker_id, Some(3));
        assert_eq!(config.keeper.to_string(), "127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183");
        assert_eq!(config.inter_broker_listener, 1);
        let check = |key: &str, expect: &str| assert_eq!(config.properties[key], expect, "{key}");
        check("default.replication.factor", "3");
        check("min.insync.replicas", "2");
        check("offsets.topic.replication.factor", "3");
        check("num.partitions", "4");
    }
}
