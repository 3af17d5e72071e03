//! `castle keeper`: a ZooKeeper server from an unchanged `zoo.cfg`.

use super::run::{self, Places};
use crate::failure::Failure;
use server::config::KeeperConfig;
use server::{Clock, KeeperRole, Notices};
use std::path::PathBuf;
use std::time::Instant;

const EXAMPLES: &str = "\
Examples:
  castle keeper /etc/zookeeper/conf/zoo.cfg
  CASTLE_LOG=debug castle keeper zoo.cfg";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The configuration, as Apache ZooKeeper has it
    #[arg(value_name = "ZOO_CFG")]
    config: PathBuf,
    /// Write the addresses to this file as JSON once clients are served
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

pub(crate) fn run(args: Args, began: Instant) -> Result<(), Failure> {
    crate::logging::start("info");
    server::process::raise_open_files();
    let (config, notes) = KeeperConfig::read_with_flags(&args.config, &java_flags())
        .map_err(|error| run::refused(error.into()))?;
    for note in notes {
        tracing::warn!("{}: {note}", args.config.display());
    }
    let (notices, heard) = Notices::channel();
    run::listen_for_signals(&notices)?;
    let keeper = KeeperRole::start(&config, Clock::start(), notices).map_err(run::refused)?;
    let places = Places {
        began,
        data_directory: config.data_directory,
        http: config.http_address,
        metrics: config.metrics_address,
        http_needed: false,
        ready_file: args.ready_file,
        banner: None,
        pause: None,
    };
    run::until_stopped(Some(keeper), None, places, &heard)
}

/// What the original's start script would give to Java, whose system properties are settings too.
fn java_flags() -> String {
    let flags = ["SERVER_JVMFLAGS", "JVMFLAGS"].map(|name| std::env::var(name).unwrap_or_default());
    flags.join(" ")
}
