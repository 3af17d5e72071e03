//! What the operator configured, parsed: typed values, no names of properties.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clock::Span;

/// The broker's settings. Names are those of `server.properties` with their units at the end.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `broker.id`.
    pub broker_id: i32,
    /// `listeners` with `advertised.listeners`; never empty.
    pub listeners: Vec<Listener>,
    /// `inter.broker.listener.name`: the listener shown to other brokers, by position.
    pub inter_broker_listener: usize,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// `log.dirs`; never empty.
    pub log_directories: Vec<PathBuf>,
    /// Those of `log_directories` that the shell could not lock: nobody may touch them.
    pub failed_log_directories: BTreeSet<PathBuf>,
    /// `auto.create.topics.enable`.
    pub auto_create_topics: bool,
    /// Whether records are acknowledged only after they are on the disk. Our own; no property of Kafka.
    pub durable_acks: bool,
    /// `fetch.max.bytes`: upper bound of one fetch response.
    pub fetch_bytes_max: i32,
    /// `max.incremental.fetch.session.cache.slots`.
    pub fetch_sessions_max: usize,
    /// `producer.id.expiration.ms`.
    pub producer_id_expiration: Span,
    /// `group.initial.rebalance.delay.ms`.
    pub group_initial_rebalance_delay: Span,
    /// Every property that was given, by its name in `server.properties`: the source of the topic
    /// defaults (`num.partitions`, `log.retention.ms`, ...) and of DescribeConfigs.
    pub properties: BTreeMap<String, String>,
}

/// One address that the broker listens on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listener {
    /// The listener's name, such as `PLAINTEXT`.
    pub name: String,
    /// The security protocol behind the name, such as `PLAINTEXT` or `SASL_SSL`.
    pub security_protocol: String,
    /// The host that clients are told to use.
    pub advertised_host: String,
    /// The port that clients are told to use.
    pub advertised_port: u16,
}

impl Settings {
    /// Kafka's defaults for one broker on `listener` with its logs in `log_directory`.
    pub fn new(broker_id: i32, listener: Listener, log_directory: PathBuf) -> Self {
        Settings {
            broker_id,
            listeners: vec![listener],
            inter_broker_listener: 0,
            rack: None,
            log_directories: vec![log_directory],
            failed_log_directories: BTreeSet::new(),
            auto_create_topics: true,
            durable_acks: false,
            fetch_bytes_max: 55 * 1024 * 1024,
            fetch_sessions_max: 1000,
            producer_id_expiration: Span::seconds(24 * 3600),
            group_initial_rebalance_delay: Span::seconds(3),
            properties: std::collections::BTreeMap::new(),
        }
    }
}
