//! `castle dev`: a keeper and a broker in one process, or several nodes of both, nothing to configure.

mod child;
mod cluster;
mod node;
mod orders;
mod plan;
mod status;
mod wires;

use super::run::{self, Places};
use crate::failure::{Code, Failure};
use crate::output::{self, Output};
use clap::builder::RangedU64ValueParser;
use orders::Order;
use plan::{Number, Plan};
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
  castle dev --set num.partitions=4                 a key of server.properties, for this run
  castle dev --nodes 3                              an ensemble of 3 keepers and a cluster of 3 brokers

While `castle dev --nodes 3` runs, from another terminal:
  castle dev status                                 the nodes, and who leads the ensemble
  castle dev kill 2        castle dev start 2       as a power cut would, and back
  castle dev pause 2       castle dev resume 2      frozen: it holds its ports and does not answer
  castle dev partition 1 2                          what is between two nodes is cut, clients reach both
  castle dev heal                                   and is whole again
  castle dev isolate 3                              one node against all others";

/// What this command runs, for messages.
const CLUSTER: &str = "a cluster";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Where everything is kept
    #[arg(long, value_name = "DIR", default_value = "castle-data", env = "CASTLE_DATA_DIR", global = true)]
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
    /// Nodes to run, each a process with a keeper and a broker; their ports follow each other
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = RangedU64ValueParser::<u32>::new().range(1..=9))]
    nodes: u32,
    /// Write the addresses to this file as JSON once clients are served
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

/// What may be done to a cluster that runs.
#[derive(clap::Subcommand)]
enum Action {
    /// Show the nodes of the running cluster
    #[command(after_help = "Examples:\n  castle dev status\n  castle dev status -o json")]
    Status(Output),
    /// Kill a node, as a power cut would
    #[command(after_help = "Examples:\n  castle dev kill 2\n  castle dev start 2")]
    Kill {
        /// Its number
        node: Number,
    },
    /// Stop a node in order: what it leads is handed over first
    #[command(after_help = "Examples:\n  castle dev stop 2\n  castle dev start 2")]
    Stop {
        /// Its number
        node: Number,
    },
    /// Start a node that was killed, was stopped or died, and wait until it serves clients
    #[command(after_help = "Examples:\n  castle dev kill 2\n  castle dev start 2")]
    Start {
        /// Its number
        node: Number,
    },
    /// Freeze a node: it holds its connections and does not answer
    #[command(after_help = "Examples:\n  castle dev pause 2\n  castle dev resume 2")]
    Pause {
        /// Its number
        node: Number,
    },
    /// Let a frozen node go on
    #[command(after_help = "Examples:\n  castle dev pause 2\n  castle dev resume 2")]
    Resume {
        /// Its number
        node: Number,
    },
    /// Cut what is between two nodes, keepers and brokers, both ways; clients reach both
    #[command(after_help = "Examples:\n  castle dev partition 1 2\n  castle dev heal")]
    Partition {
        /// One of them
        node: Number,
        /// The other
        other: Number,
    },
    /// Cut one node from all others; clients reach it
    #[command(after_help = "Examples:\n  castle dev isolate 3\n  castle dev heal")]
    Isolate {
        /// Its number
        node: Number,
    },
    /// Take back all cuts
    #[command(after_help = "Examples:\n  castle dev partition 1 2\n  castle dev heal")]
    Heal,
    /// Run one node for its parent
    #[command(hide = true)]
    Node {
        /// Its number
        node: Number,
    },
}

pub(crate) fn run(args: Args, began: Instant) -> Result<(), Failure> {
    let order = match args.action {
        None if args.nodes == 1 => return run_one(args, began),
        None => return cluster::run(&args, began),
        Some(Action::Node { node }) => return node::run(&args.data_dir, node, began),
        Some(Action::Status(output)) => return status::show(&args.data_dir, output.format),
        Some(Action::Kill { node }) => Order::Kill(node),
        Some(Action::Stop { node }) => Order::Stop(node),
        Some(Action::Start { node }) => Order::Start(node),
        Some(Action::Pause { node }) => Order::Pause(node),
        Some(Action::Resume { node }) => Order::Resume(node),
        Some(Action::Partition { node, other }) => Order::Partition(node, other),
        Some(Action::Isolate { node }) => Order::Isolate(node),
        Some(Action::Heal) => Order::Heal,
    };
    output::line(orders::ask(&args.data_dir, order)?.said);
    Ok(())
}

fn run_one(args: Args, began: Instant) -> Result<(), Failure> {
    crate::logging::start("warn");
    let settings = settings(DEVELOPER, &args.settings)?;
    server::process::raise_open_files();
    let lock = DirectoryLock::acquire(&args.data_dir).map_err(run::refused)?;
    if let Some(plan) = Plan::read(&args.data_dir)? {
        let (there, data) = (plan.nodes.len(), args.data_dir.display());
        return Err(Failure::new(
            Code::Data,
            format!("{data} holds {there} nodes; write --nodes {there}, or choose another --data-dir"),
        ));
    }
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
        pause: None,
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
fn settings(defaults: &[(&str, &str)], given: &[String]) -> Result<Properties, Failure> {
    let wrong = |text: String| Failure::new(Code::Configuration, text);
    let mut settings = Properties::parse(b"").map_err(|refusal| wrong(refusal.to_string()))?;
    for (key, value) in defaults {
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

fn parse_broker_config(settings: Properties) -> Result<BrokerConfig, Failure> {
    let (config, notes) = BrokerConfig::parse(settings).map_err(|refusals| {
        let reasons: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        Failure::new(Code::Configuration, format!("--set cannot be honoured: {}", reasons.join("; ")))
    })?;
    for note in notes {
        tracing::warn!("--set: {note}");
    }
    Ok(config)
}

fn broker_config(args: &Args, settings: Properties) -> Result<BrokerConfig, Failure> {
    let mut config = parse_broker_config(settings)?;
    config.listeners =
        vec![ListenerConfig::plaintext(SocketAddr::new(args.host, args.broker_port), &args.advertised_host)];
    config.inter_broker_listener = 0;
    config.both_loopbacks = args.host.is_loopback();
    config.keeper = keeper_client::Servers::one("localhost", args.keeper_port);
    config.log_directories = vec![args.data_dir.join("broker")];
    Ok(config)
}
