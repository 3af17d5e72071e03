//! `castle dev`: a keeper and a broker in one process, nothing to configure.

use super::run::{self, Places};
use crate::failure::{Code, Failure};
use clap::builder::RangedU64ValueParser;
use server::config::{BrokerConfig, KeeperConfig, ListenerConfig, Properties, Words};
use server::{Clock, DirectoryLock, KeeperAccess, KeeperRole, Notices, OpenedBroker};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::thread;
use std::time::Instant;

const EXAMPLES: &str = "\
Examples:
  castle dev                                        ports 2181, 9092 and 8080, data in ./castle-data
  castle dev --data-dir /tmp/play                   other data
  castle dev --keeper-port 0 --broker-port 0 --http-port 0 --ready-file ready.json
                                                    free ports, told in ready.json: for tests
  castle dev --set num.partitions=4                 a key of server.properties, for this run";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where everything is kept
    #[arg(long, value_name = "DIR", default_value = "castle-data", env = "CASTLE_DATA_DIR")]
    data_dir: PathBuf,
    /// Port for ZooKeeper clients; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 2181)]
    keeper_port: u16,
    /// Port for Kafka clients; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 9092)]
    broker_port: u16,
    /// Port for the status page and metrics; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    http_port: u16,
    /// Address to listen on; clients of other machines need 0.0.0.0
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,
    /// What Kafka clients are told to connect to, with the broker's port
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    advertised_host: String,
    /// A key of server.properties for the broker; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Servers to run
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = RangedU64ValueParser::<u32>::new().range(1..=9))]
    nodes: u32,
    /// Write the addresses to this file as JSON once clients are served
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

pub(crate) fn run(args: Args, began: Instant) -> Result<(), Failure> {
    if args.nodes != 1 {
        return Err(Failure::failed(
            "`castle dev --nodes` runs one server for now; clusters of several are not there yet: leave it out",
        ));
    }
    crate::logging::start("warn");
    let settings = settings(&args.settings)?;
    server::process::raise_open_files();
    let lock = DirectoryLock::acquire(&args.data_dir).map_err(run::refused)?;
    let clock = Clock::start();
    let (notices, heard) = Notices::channel();
    run::listen_for_signals(&notices)?;

    let broker_config = broker_config(&args, settings)?;
    // Both wait for the disk; together they wait half as long.
    let (keeper, opened) = thread::scope(|scope| {
        let opened = scope.spawn(|| OpenedBroker::open(&broker_config, clock));
        let keeper = KeeperRole::start(&keeper_config(&args), clock, notices.clone());
        (keeper, opened.join())
    });
    let keeper = keeper.map_err(|error| run::refused_with(error, "--keeper-port"))?;
    let access = KeeperAccess::Pipe(keeper.dialer());
    let opened = opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let broker = match opened.and_then(|opened| opened.serve(access, notices.clone())) {
        Ok(broker) => broker,
        Err(error) => {
            keeper.stop();
            return Err(run::refused_with(error, "--broker-port"));
        }
    };
    let places = Places {
        began,
        data_directory: args.data_dir.clone(),
        http: Some(SocketAddr::new(args.host, args.http_port)),
        metrics: None,
        http_needed: true,
        ready_file: args.ready_file.clone(),
        banner: Some(banner),
    };
    let outcome = run::until_stopped(Some(keeper), Some(broker), places, &heard);
    drop(lock);
    outcome
}

/// At most eight lines: what is there, where, and what to type next.
fn banner(ready: &run::Ready) -> String {
    let cluster = ready.cluster_id.as_deref().unwrap_or("?");
    let port = |address: Option<SocketAddr>| address.map_or(0, |address| address.port());
    format!(
        "Castle {} is ready in {} ms; cluster {cluster}, data in {}\n\
         \n  ZooKeeper clients   localhost:{}\n  Kafka clients       localhost:{}\n  \
         status, metrics     http://localhost:{}\n\n\
         Try: castle znode tree / | castle topic create orders | castle status\nStop with Ctrl-C.",
        env!("CARGO_PKG_VERSION"),
        ready.took_ms,
        ready.data_directory.display(),
        port(ready.keeper),
        port(ready.broker),
        port(ready.http),
    )
}

/// The original's defaults, but for what only stands in the way on a developer's machine.
fn keeper_config(args: &Args) -> KeeperConfig {
    let mut config =
        KeeperConfig::new(args.data_dir.join("keeper"), SocketAddr::new(args.host, args.keeper_port));
    config.both_loopbacks = args.host.is_loopback();
    config.connections_per_address_max = 0;
    config.words = Words::All;
    config
}

/// What stands in the way on a developer's machine: one broker cannot keep three replicas, and a lone
/// member of a group has nobody to wait for.
const DEVELOPER: &[(&str, &str)] = &[
    ("broker.id", "0"),
    ("zookeeper.connect", "localhost"),
    ("offsets.topic.replication.factor", "1"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("group.initial.rebalance.delay.ms", "0"),
];

/// The keys that the command line decides by options of its own.
const DECIDED: &[(&str, &str)] = &[
    ("listeners", "--host and --broker-port"),
    ("advertised.listeners", "--advertised-host and --broker-port"),
    ("zookeeper.connect", "--keeper-port"),
    ("log.dirs", "--data-dir"),
    ("log.dir", "--data-dir"),
];

/// The keys of `--set`, on top of what suits a developer.
fn settings(given: &[String]) -> Result<Properties, Failure> {
    let wrong = |text: String| Failure::new(Code::Configuration, text);
    let mut settings = Properties::parse(b"").map_err(|refusal| wrong(refusal.to_string()))?;
    for (key, value) in DEVELOPER {
        settings.set(key, value);
    }
    for pair in given {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(wrong(format!("--set {pair}: write KEY=VALUE, such as num.partitions=4")));
        };
        if let Some((_, option)) = DECIDED.iter().find(|(decided, _)| *decided == key.trim()) {
            return Err(wrong(format!("--set {key}: use {option}")));
        }
        settings.set(key.trim(), value.trim());
    }
    Ok(settings)
}

fn broker_config(args: &Args, settings: Properties) -> Result<BrokerConfig, Failure> {
    let (mut config, notes) = BrokerConfig::parse(settings).map_err(|refusals| {
        let reasons: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        Failure::new(Code::Configuration, format!("--set cannot be honoured: {}", reasons.join("; ")))
    })?;
    for note in notes {
        tracing::warn!("--set: {note}");
    }
    config.listeners =
        vec![ListenerConfig::plaintext(SocketAddr::new(args.host, args.broker_port), &args.advertised_host)];
    config.inter_broker_listener = 0;
    config.both_loopbacks = args.host.is_loopback();
    config.keeper = keeper_client::Servers::one("localhost", args.keeper_port);
    config.log_directories = vec![args.data_dir.join("broker")];
    Ok(config)
}
