//! The commands, one file each. A command is an `Args` struct and a `run` that consumes it.

pub(crate) mod bench;
pub(crate) mod broker;
pub(crate) mod completion;
pub(crate) mod consume;
pub(crate) mod dev;
pub(crate) mod ensemble;
pub(crate) mod group;
pub(crate) mod inspect;
pub(crate) mod keeper;
pub(crate) mod produce;
mod run;
pub(crate) mod status;
pub(crate) mod topic;
pub(crate) mod znode;

use crate::failure::Failure;
use std::time::Instant;

/// What to do.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Run a keeper and a broker in one process, nothing to configure
    Dev(dev::Args),
    /// Run a ZooKeeper server from a zoo.cfg
    Keeper(keeper::Args),
    /// Run a Kafka broker from a server.properties
    Broker(broker::Args),
    /// Show both halves at a glance
    Status(status::Args),
    /// Show the members of a ZooKeeper ensemble, or wait until all are up to date
    Ensemble(ensemble::Args),
    /// Load a ZooKeeper server or a Kafka broker and measure it
    Bench(bench::Args),
    /// Read, write and watch the znodes of any ZooKeeper server
    Znode(znode::Args),
    /// Look into transaction logs and snapshots, offline
    Inspect(inspect::Args),
    /// Make, list, describe, alter and delete topics
    Topic(topic::Args),
    /// Write records to a topic
    Produce(produce::Args),
    /// Read records of topics
    Consume(consume::Args),
    /// List, describe and delete consumer groups
    Group(group::Args),
    /// Print a completion script for a shell
    Completion(completion::Args),
}

impl Command {
    /// Runs it; `began` is when the process did.
    pub(crate) fn run(self, began: Instant) -> Result<(), Failure> {
        match self {
            Command::Dev(args) => dev::run(args, began),
            Command::Keeper(args) => keeper::run(args, began),
            Command::Broker(args) => broker::run(args, began),
            Command::Status(args) => status::run(args),
            Command::Ensemble(args) => ensemble::run(args),
            Command::Bench(args) => bench::run(args),
            Command::Znode(args) => znode::run(args),
            Command::Inspect(args) => inspect::run(args),
            Command::Topic(args) => topic::run(args),
            Command::Produce(args) => produce::run(args),
            Command::Consume(args) => consume::run(args),
            Command::Group(args) => group::run(args),
            Command::Completion(args) => completion::run(args),
        }
    }
}
