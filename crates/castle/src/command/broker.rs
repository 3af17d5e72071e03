//! `castle broker`: a Kafka broker from an unchanged `server.properties`.

use super::run::{self, Places};
use crate::failure::Failure;
use server::config::BrokerConfig;
use server::{BrokerRole, Clock, KeeperAccess, Notices};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Instant;

const EXAMPLES: &str = "\
Examples:
  castle broker config/server.properties
  castle broker server.properties --http-port 8081";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The configuration, as Apache Kafka has it; zookeeper.connect names the keepers
    #[arg(value_name = "SERVER_PROPERTIES")]
    config: PathBuf,
    /// Port for the status page and metrics; none without it
    #[arg(long, value_name = "PORT")]
    http_port: Option<u16>,
    /// Write the addresses to this file as JSON once clients are served
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

pub(crate) fn run(args: Args, began: Instant) -> Result<(), Failure> {
    crate::logging::start("info");
    server::process::raise_open_files();
    let (config, notes) = BrokerConfig::read(&args.config).map_err(|error| run::refused(error.into()))?;
    for note in notes {
        tracing::warn!("{}: {note}", args.config.display());
    }
    let (notices, heard) = Notices::channel();
    run::listen_for_signals(&notices)?;
    let broker =
        BrokerRole::start(&config, KeeperAccess::Tcp, Clock::start(), notices).map_err(run::refused)?;
    let places = Places {
        began,
        data_directory: config.log_directories.first().cloned().unwrap_or_default(),
        http: args.http_port.map(|port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        metrics: None,
        http_needed: true,
        ready_file: args.ready_file,
        banner: None,
        pause: None,
    };
    run::until_stopped(None, Some(broker), places, &heard)
}
