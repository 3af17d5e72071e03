//! One node of a cluster on one machine, in its own process: what the parent starts, speaks to over stdin
//! and listens to over stdout.
//!
//! The parent says `stop`, or closes the pipe by which it would; the node answers with a line of JSON when
//! clients are served and when its broker has stopped. The keeper waits for the end of the pipe, so that the
//! brokers of the other nodes have a quorum to say goodbye to.

use super::plan::{self, Number, Plan};
use crate::command::run::{self, Places, Ready};
use crate::failure::{Code, Failure};
use serde::{Deserialize, Serialize};
use server::{BrokerRole, Clock, KeeperAccess, KeeperRole, Notice, Notices};
use std::io::{self, BufRead, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// What a node says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    /// Clients are served.
    Ready { cluster_id: String },
    /// What the broker led is led by others, and its logs are closed.
    BrokerStopped,
}

/// How long a keeper waits for the brokers of other nodes.
const PAUSE: Duration = Duration::from_secs(60);

/// Longest word of the parent.
const WORD_BYTES_MAX: u64 = 16;

pub(super) fn run(data: &Path, node: Number, began: Instant) -> Result<(), Failure> {
    crate::logging::start("info");
    server::process::raise_open_files();
    let plan = Plan::read(data)?.filter(|plan| plan.numbers().contains(&node));
    let plan = plan.ok_or_else(|| Failure::failed(format!("there is no node {node}")))?;
    let (notices, heard) = Notices::channel();
    run::listen_for_signals(&notices)?;
    let parted = listen_to_parent(&notices)?;

    let clock = Clock::start();
    let keeper = KeeperRole::start(&plan.keeper_config(data, node), clock, notices.clone())
        .map_err(|error| run::refused_with(error, "--keeper-port"))?;
    let broker_config = plan.broker_config(data, node)?;
    let broker = match BrokerRole::start(&broker_config, KeeperAccess::Tcp, clock, notices) {
        Ok(broker) => broker,
        Err(error) => {
            keeper.stop();
            return Err(run::refused_with(error, "--broker-port"));
        }
    };
    let places = Places {
        began,
        data_directory: plan::directory(data, node),
        http: Some(SocketAddr::new(plan.host, plan.ports(node).http)),
        metrics: None,
        http_needed: true,
        ready_file: None,
        banner: Some(ready),
        pause: Some(Box::new(move || {
            let _ = writeln!(io::stdout(), "{}", text(&Said::BrokerStopped));
            // Its end is what is waited for.
            let _ = parted.recv_timeout(PAUSE);
        })),
    };
    run::until_stopped(Some(keeper), Some(broker), places, &heard)
}

/// Stops the node when its parent says so, or is gone. What is returned ends with the pipe.
fn listen_to_parent(notices: &Notices) -> Result<Receiver<()>, Failure> {
    let (parent, parted) = sync_channel(0);
    let notices = notices.clone();
    thread::Builder::new().name("parent".to_owned()).spawn(move || {
        let _parent = parent;
        loop {
            let mut word = String::new();
            let read = io::stdin().lock().take(WORD_BYTES_MAX).read_line(&mut word);
            notices.tell(Notice::Interrupted);
            if !matches!(read, Ok(1..)) {
                return;
            }
        }
    })?;
    Ok(parted)
}

fn ready(ready: &Ready) -> String {
    text(&Said::Ready { cluster_id: ready.cluster_id.clone().unwrap_or_default() })
}

fn text(said: &Said) -> String {
    serde_json::to_string(said).unwrap_or_default()
}

/// The exit code of a node, for its parent to end with.
pub(super) fn code(status: Option<i32>) -> Code {
    let codes = [Code::Configuration, Code::Address, Code::Data, Code::Disk];
    codes.into_iter().find(|code| Some(*code as i32) == status).unwrap_or(Code::Failed)
}
