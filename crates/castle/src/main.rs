//! `castle`: the binary. It parses arguments and hands over to one file per command.
//!
//! What a command prints on stdout is its result; everything else, logs and errors, goes to stderr. Exit
//! codes are those of [`failure::Code`] and do not change.

mod command;
mod failure;
mod kafka;
mod logging;
mod output;
mod progress;

use clap::Parser;
use std::process::ExitCode;
use std::time::Instant;

const EXAMPLES: &str = "\
Examples:
  castle dev                                    keeper on 2181 and broker on 9092, nothing to configure
  castle keeper conf/zoo.cfg                    a keeper from an unchanged zoo.cfg
  castle broker config/server.properties        a broker from an unchanged server.properties
  castle status                                 what runs here, and how it is

Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 configuration refused, 4 port or address not usable,
5 data directory not usable, 6 stopped after a disk failure.
Logs go to stderr; CASTLE_LOG or RUST_LOG chooses what is logged (`info`, `keeper=debug`, `off`).";

/// A ZooKeeper server and a Kafka broker in one native binary.
#[derive(Parser)]
#[command(name = "castle", version, after_help = EXAMPLES, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: command::Command,
}

fn main() -> ExitCode {
    let began = Instant::now();
    let arguments = Arguments::parse();
    match arguments.command.run(began) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_options_of_all_commands_go_together() {
        super::Arguments::command().debug_assert();
    }
}
