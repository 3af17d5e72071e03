//! The commands, one file each. A command is an `Args` struct and a `run` that consumes it.

pub(crate) mod bench;
pub(crate) mod completion;

use crate::failure::Failure;

/// What to do.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Load a ZooKeeper server or a Kafka broker and measure it
    Bench(bench::Args),
    /// Print a completion script for a shell
    Completion(completion::Args),
}

impl Command {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Command::Bench(args) => bench::run(args),
            Command::Completion(args) => completion::run(args),
        }
    }
}
