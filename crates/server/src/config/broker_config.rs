//! `server.properties`: a broker's configuration under the original's names, with its defaults.

use super::Meaning::{Harmless, Honoured, RefusedUnless};
use super::keeper_config::{read_file, resolve};
use super::{ConfigError, Meaning, Note, Properties, Refusal, meaning_in};
use crate::Routes;
use clock::Span;
use keeper_client::Servers;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// What a broker is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerConfig {
    /// `broker.id`; `None` if it is to be taken from `meta.properties`.
    pub broker_id: Option<i32>,
    /// `listeners` with what is advertised of them.
    pub listeners: Vec<ListenerConfig>,
    /// Whether listeners on one loopback address listen on the other, IPv6, too; as for the keeper.
    pub both_loopbacks: bool,
    /// `inter.broker.listener.name`, as a position in `listeners`.
    pub inter_broker_listener: usize,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// `log.dirs`.
    pub log_directories: Vec<PathBuf>,
    /// `zookeeper.connect`.
    pub keeper: Servers,
    /// `zookeeper.session.timeout.ms`.
    pub keeper_session_timeout: Span,
    /// `zookeeper.max.in.flight.requests`.
    pub keeper_outstanding_max: usize,
    /// `socket.request.max.bytes`.
    pub request_bytes_max: u32,
    /// `connections.max.idle.ms`.
    pub connections_idle: Span,
    /// `max.connections`.
    pub connections_max: usize,
    /// `max.connections.per.ip`.
    pub connections_per_address_max: usize,
    /// `auto.create.topics.enable`.
    pub auto_create_topics: bool,
    /// `castle.durable.acks`: whether records are acknowledged only when they are on the disk.
    pub durable_acks: bool,
    /// `fetch.max.bytes`.
    pub fetch_bytes_max: i32,
    /// `max.incremental.fetch.session.cache.slots`.
    pub fetch_sessions_max: usize,
    /// `producer.id.expiration.ms`.
    pub producer_id_expiration: Span,
    /// `group.initial.rebalance.delay.ms`.
    pub group_initial_rebalance_delay: Span,
    /// Ways to keepers and other brokers that are not straight; as for the keeper.
    pub routes: Routes,
    /// Everything as it was written.
    pub properties: BTreeMap<String, String>,
}

/// One of the addresses that a broker listens on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListenerConfig {
    /// Its name, such as `PLAINTEXT`.
    pub name: String,
    /// The protocol behind the name.
    pub security_protocol: String,
    /// Where to listen.
    pub address: SocketAddr,
    /// What clients are told: a host and a port; port 0 means the one listened on.
    pub advertised: (String, u16),
}

const NOT_YET: &str = "not there yet; remove it to start without";

#[rustfmt::skip]
const KEYS: &[(&str, Meaning)] = &[
    ("replica.selector.class", RefusedUnless(&["", "org.apache.kafka.common.replica.leaderselector",
        "org.apache.kafka.common.replica.rackawarereplicaselector"], "other classes of a JVM cannot be loaded; remove it, or name \
        org.apache.kafka.common.replica.RackAwareReplicaSelector")),
    ("num.partitions default.replication.factor delete.topic.enable min.insync.replicas message.max.bytes \
      log.retention.* log.segment.* log.roll.* log.cleanup.policy log.index.* log.flush.* \
      log.message.* log.preallocate compression.type compression.* offsets.* group.* transaction.* \
      transactional.* unclean.leader.election.enable log.dir max.message.bytes producer.* reserved.broker.max.id \
      log.delete.delay.ms log.segment.delete.delay.ms create.topic.policy.class.name.none leader.* replica.* \
      broker.id.generation.enable fetch.purgatory.* producer.purgatory.* delete.records.purgatory.* \
      auto.leader.rebalance.enable controlled.shutdown.* log.cleaner.* inter.broker.protocol.version \
      zookeeper.connection.timeout.ms zookeeper.sync.time.ms cluster.id broker.session.timeout.ms \
      replication.quota.*",
        Honoured("")),
    ("num.network.threads num.io.threads num.replica.fetchers background.threads queued.max.requests \
      queued.max.request.bytes num.recovery.threads.per.data.dir num.replica.alter.log.dirs.threads \
      socket.send.buffer.bytes socket.receive.buffer.bytes socket.listen.backlog.size socket.timeout.ms \
      request.timeout.ms max.connection.creation.rate max.connections.per.ip.overrides",
        Harmless("one event loop serves all connections, and every queue is bounded")),
    ("metrics.* metric.reporters kafka.metrics.* auto.include.jmx.reporter telemetry.* client.telemetry.* confluent.* \
      kafka.csv.* jmx.*", Harmless("metrics are served over HTTP")),
    ("quota.* client.quota.* controller.quota.* alter.log.dirs.replication.* \
      alter.config.policy.class.name.none", Harmless("quotas are not there yet")),
    ("remote.log.storage.system.enable", RefusedUnless(&["false"], NOT_YET)),
    ("remote.* log.local.*", Harmless("tiered storage is off")),
    ("process.roles controller.quorum.voters controller.quorum.bootstrap.servers controller.listener.names",
        RefusedUnless(&[""], "this broker keeps its metadata in ZooKeeper; remove KRaft's keys and set zookeeper.connect")),
    ("node.id", RefusedUnless(&[""], "without KRaft the broker's number is broker.id; rename it")),
    ("controller.quorum.* metadata.* node.* initial.broker.* sasl.mechanism.controller.protocol \
      early.start.listeners", Harmless("it concerns KRaft")),
    ("authorizer.class.name", RefusedUnless(&[""], "ACLs are not there yet, and without them everyone may do everything; remove it to accept that")),
    ("create.topic.policy.class.name alter.config.policy.class.name client.quota.callback.class \
      principal.builder.class security.providers", RefusedUnless(&[""], "classes of a JVM cannot be loaded; remove it")),
    ("zookeeper.set.acl zookeeper.ssl.client.enable zookeeper.metadata.migration.enable \
      delegation.token.master.key delegation.token.secret.key", RefusedUnless(&["", "false"], NOT_YET)),
    ("config.providers", RefusedUnless(&[""], "configuration providers are not there yet; write the values into the file")),
    ("zookeeper.ssl.* zookeeper.clientCnxnSocket ssl.* sasl.* connections.max.reauth.ms delegation.* \
      password.encoder.* security.inter.broker.protocol super.users allow.everyone.if.no.acl.found \
      connection.failed.authentication.delay.ms", Harmless("TLS and SASL are not there yet, and no listener asks for them")),
    ("listener.name.*", Harmless("listeners have no settings of their own yet")),
    ("eligible.leader.replicas.* unstable.* errors.* log.dir.failure.timeout.ms share.* streams.*", Harmless("it concerns features that are not there")),
];

impl BrokerConfig {
    /// The original's defaults for one plaintext listener.
    pub fn new(broker_id: i32, listener: ListenerConfig, log_directory: PathBuf, keeper: Servers) -> Self {
        BrokerConfig {
            broker_id: Some(broker_id),
            listeners: vec![listener],
            both_loopbacks: false,
            inter_broker_listener: 0,
            rack: None,
            log_directories: vec![log_directory],
            keeper,
            keeper_session_timeout: Span::seconds(18),
            keeper_outstanding_max: 10,
            request_bytes_max: transport::limits::BROKER_FRAME_BYTES_MAX,
            connections_idle: Span::ms(600_000),
            connections_max: i32::MAX as usize,
            connections_per_address_max: i32::MAX as usize,
            auto_create_topics: true,
            durable_acks: false,
            fetch_bytes_max: 55 << 20,
            fetch_sessions_max: 1000,
            producer_id_expiration: Span::ms(86_400_000),
            group_initial_rebalance_delay: Span::ms(3000),
            routes: Routes::default(),
            properties: BTreeMap::new(),
        }
    }

    /// Reads a `server.properties`.
    pub fn read(file: &Path) -> Result<(BrokerConfig, Vec<Note>), ConfigError> {
        let refuse = |refusals| ConfigError { file: file.to_owned(), refusals };
        let text = read_file(file).map_err(|refusal| refuse(vec![refusal]))?;
        let properties = Properties::parse(&text).map_err(|refusal| refuse(vec![refusal]))?;
        Self::parse(properties).map_err(refuse)
    }

    /// Makes sense of the properties.
    pub fn parse(mut file: Properties) -> Result<(BrokerConfig, Vec<Note>), Vec<Refusal>> {
        let properties = file.rest().clone();
        let mut notes = Vec::new();
        let keeper = parse_keeper(&mut file);
        let listeners = parse_listeners(&mut file);
        let placeholder = ListenerConfig::plaintext(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), "");
        let mut config = BrokerConfig::new(0, placeholder, PathBuf::new(), keeper);
        config.properties = properties;
        config.listeners = listeners;
        config.broker_id = file
            .take_number("broker.id", (-1, i64::from(i32::MAX)))
            .filter(|id| *id >= 0)
            .map(|id| id as i32);
        config.inter_broker_listener = parse_inter_broker_listener(&mut file, &config.listeners);
        let directories = file.take_text("log.dirs");
        let directory = file.take_text("log.dir").unwrap_or_else(|| "/tmp/kafka-logs".to_owned());
        config.log_directories = directories
            .unwrap_or(directory)
            .split(',')
            .map(|directory| PathBuf::from(directory.trim()))
            .filter(|directory| !directory.as_os_str().is_empty())
            .collect();
        if config.log_directories.is_empty() {
            file.refuse("log.dirs", "it names no directory; write log.dirs=/var/lib/kafka");
        }
        config.parse_rest(&mut file);
        sort_out(&mut file, &mut notes);
        if file.refusals.is_empty() { Ok((config, notes)) } else { Err(file.refusals) }
    }

    fn parse_rest(&mut self, file: &mut Properties) {
        const I32: i64 = i32::MAX as i64;
        self.rack = file.take_text("broker.rack");
        let span = |file: &mut Properties, key, into: &mut Span| {
            if let Some(ms) = file.take_number(key, (1, i64::MAX)) {
                *into = Span::ms(ms as u64);
            }
        };
        span(file, "zookeeper.session.timeout.ms", &mut self.keeper_session_timeout);
        span(file, "producer.id.expiration.ms", &mut self.producer_id_expiration);
        if let Some(ms) = file.take_number("group.initial.rebalance.delay.ms", (0, I32)) {
            self.group_initial_rebalance_delay = Span::ms(ms as u64);
        }
        if let Some(ms) = file.take_number("connections.max.idle.ms", (i64::MIN, i64::MAX)) {
            // A negative value turns it off, as in the original.
            self.connections_idle = u64::try_from(ms).map_or(Span::FOREVER, Span::ms);
        }
        let count = |file: &mut Properties, key, least, into: &mut usize| {
            if let Some(number) = file.take_number(key, (least, I32)) {
                *into = number as usize;
            }
        };
        count(file, "zookeeper.max.in.flight.requests", 1, &mut self.keeper_outstanding_max);
        count(file, "max.connections", 0, &mut self.connections_max);
        count(file, "max.connections.per.ip", 0, &mut self.connections_per_address_max);
        count(file, "max.incremental.fetch.session.cache.slots", 0, &mut self.fetch_sessions_max);
        if let Some(bytes) = file.take_number("socket.request.max.bytes", (1, I32)) {
            self.request_bytes_max = bytes as u32;
        }
        if let Some(bytes) = file.take_number("fetch.max.bytes", (1024, I32)) {
            self.fetch_bytes_max = bytes as i32;
        }
        self.auto_create_topics = file.take_switch("auto.create.topics.enable").unwrap_or(true);
        self.durable_acks = file.take_switch("castle.durable.acks").unwrap_or(false);
    }
}

impl ListenerConfig {
    /// A listener named `PLAINTEXT`.
    pub fn plaintext(address: SocketAddr, advertised_host: &str) -> Self {
        ListenerConfig {
            name: "PLAINTEXT".to_owned(),
            security_protocol: "PLAINTEXT".to_owned(),
            address,
            advertised: (advertised_host.to_owned(), 0),
        }
    }
}

fn parse_keeper(file: &mut Properties) -> Servers {
    let servers = match file.take_text("zookeeper.connect") {
        None => {
            file.refuse(
                "zookeeper.connect",
                "it is missing; name the keepers, such as zookeeper.connect=localhost:2181/kafka",
            );
            None
        }
        Some(text) => text.parse().map_err(|error| file.refuse("zookeeper.connect", format!("{error}"))).ok(),
    };
    servers.unwrap_or_else(|| Servers::one("localhost", 2181))
}

/// `NAME://host:port` in a list; the host may be empty.
fn parse_endpoint(text: &str) -> Option<(String, String, u16)> {
    let (name, rest) = text.trim().split_once("://")?;
    let (host, port) = rest.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some((name.to_ascii_uppercase(), host.to_owned(), port.parse().ok()?))
}

fn parse_listeners(file: &mut Properties) -> Vec<ListenerConfig> {
    let protocols = parse_protocols(file);
    let endpoints = |file: &mut Properties, key: &str| -> Option<Vec<(String, String, u16)>> {
        let text = file.take_text(key)?;
        let mut parsed = Vec::new();
        for part in text.split(',') {
            match parse_endpoint(part) {
                Some(endpoint) => parsed.push(endpoint),
                None => file.refuse(key, format!("{part:?} is no listener: write NAME://host:port")),
            }
        }
        Some(parsed)
    };
    let listening =
        endpoints(file, "listeners").unwrap_or_else(|| vec![("PLAINTEXT".to_owned(), String::new(), 9092)]);
    let advertised = endpoints(file, "advertised.listeners").unwrap_or_default();
    for (name, ..) in &advertised {
        if !listening.iter().any(|(listener, ..)| listener == name) {
            file.refuse("advertised.listeners", format!("{name} is not among the listeners"));
        }
    }
    let mut listeners: Vec<ListenerConfig> = Vec::new();
    for (name, host, port) in listening {
        let protocol = protocols.get(&name).cloned().unwrap_or_default();
        if protocol != "PLAINTEXT" {
            let what =
                if protocol.is_empty() { "no protocol in listener.security.protocol.map" } else { &protocol };
            file.refuse("listeners", format!("{name} has {what}, and only PLAINTEXT is there yet"));
        }
        if listeners.iter().any(|listener| listener.name == name) {
            file.refuse("listeners", format!("{name} is named twice"));
        }
        let ip = if host.is_empty() { Ok(IpAddr::V6(Ipv6Addr::UNSPECIFIED)) } else { resolve(&host) };
        let ip = ip.unwrap_or_else(|why| {
            file.refuse("listeners", why);
            Ipv4Addr::UNSPECIFIED.into()
        });
        let told = advertised.iter().find(|(advertised, ..)| *advertised == name);
        let advertised = match told {
            Some((_, host, port)) => (host.clone(), *port),
            None if host.is_empty() => (host_name(), port),
            None => (host, port),
        };
        if advertised.0 == "0.0.0.0" || advertised.0 == "::" || (told.is_some() && advertised.0.is_empty()) {
            file.refuse(
                "advertised.listeners",
                format!("clients cannot connect to {:?}; name an address that they can reach", advertised.0),
            );
        }
        listeners.push(ListenerConfig {
            name,
            security_protocol: protocol,
            address: SocketAddr::new(ip, port),
            advertised,
        });
    }
    if listeners.is_empty() {
        file.refuse("listeners", "it names no listener; write listeners=PLAINTEXT://:9092");
    }
    listeners
}

/// The security protocol of each listener's name.
fn parse_protocols(file: &mut Properties) -> BTreeMap<String, String> {
    let text = file.take_text("listener.security.protocol.map").unwrap_or_else(|| {
        "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL".to_owned()
    });
    let mut protocols = BTreeMap::new();
    for pair in text.split(',') {
        match pair.trim().split_once(':') {
            Some((name, protocol)) => {
                protocols.insert(name.trim().to_ascii_uppercase(), protocol.trim().to_ascii_uppercase());
            }
            None => file.refuse("listener.security.protocol.map", format!("{pair:?} is not NAME:PROTOCOL")),
        }
    }
    protocols
}

fn parse_inter_broker_listener(file: &mut Properties, listeners: &[ListenerConfig]) -> usize {
    let protocol = file.peek("security.inter.broker.protocol").unwrap_or("PLAINTEXT").to_ascii_uppercase();
    match file.take_text("inter.broker.listener.name") {
        Some(name) => {
            let place = listeners.iter().position(|listener| listener.name == name.to_ascii_uppercase());
            if place.is_none() {
                file.refuse("inter.broker.listener.name", format!("{name:?} is not among the listeners"));
            }
            place.unwrap_or(0)
        }
        None => listeners.iter().position(|listener| listener.security_protocol == protocol).unwrap_or(0),
    }
}

/// Gives every key that is left its verdict.
fn sort_out(file: &mut Properties, notes: &mut Vec<Note>) {
    let rest: Vec<(String, String)> =
        file.rest().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    for (key, value) in rest {
        match meaning_in(KEYS, &key) {
            Some(Honoured(_)) => {}
            Some(Harmless(why)) => notes.push(Note::Harmless { key, why }),
            Some(RefusedUnless(values, why)) => {
                if !values.contains(&value.to_ascii_lowercase().as_str()) {
                    file.refuse(&key, why);
                }
            }
            None => notes.push(Note::Unknown { key }),
        }
    }
}

/// What clients are told if nothing else is: the name of this machine.
pub(super) fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}
