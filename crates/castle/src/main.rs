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
use mimalloc::MiMalloc;
use std::process::ExitCode;
use std::time::Instant;

/// A third less CPU for a write of the keeper than with the C library's (docs/decisions/0015-allocator.md).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_options_of_all_commands_go_together() {
        super::Arguments::command().debug_assert();
    }

    /// Every line of help that begins with `castle` is a command that is understood.
    #[test]
    fn the_examples_of_all_commands_are_understood() {
        let mut seen = 0;
        examples(&super::Arguments::command(), &mut seen);
        assert!(seen > 60, "only {seen} examples were found");
    }

    #[test]
    fn a_topic_is_altered_in_some_way_or_the_command_is_refused() {
        let refusal = super::Arguments::try_parse_from(["castle", "topic", "alter", "orders"]);
        let told = refusal.err().map(|error| (error.exit_code(), error.to_string())).unwrap_or_default();
        assert_eq!(told.0, 2);
        for way in ["--partitions", "--config", "--reset"] {
            assert!(told.1.contains(way), "{}", told.1);
        }
    }

    fn examples(command: &clap::Command, seen: &mut usize) {
        let help = [command.get_after_help(), command.get_before_help(), command.get_after_long_help()];
        for text in help.into_iter().flatten() {
            for line in text.to_string().lines().filter(|line| line.starts_with("  castle ")) {
                *seen += 1;
                // What the line is for stands behind two spaces; a pipe and a redirection are the shell's.
                let line = line.trim_start();
                let end = ["  ", " |", " >", " <", " &"].iter().filter_map(|mark| line.find(mark)).min();
                let words = words(&line[..end.unwrap_or(line.len())]);
                if let Err(error) = super::Arguments::try_parse_from(&words)
                    && error.exit_code() != 0
                {
                    panic!("{line}\n{error}");
                }
            }
        }
        command.get_subcommands().for_each(|one| examples(one, seen));
    }

    /// Words as a shell takes them, quotes included.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quote = None;
        for letter in line.chars() {
            match (letter, quote) {
                ('\'' | '"', None) => quote = Some(letter),
                (letter, Some(open)) if letter == open => quote = None,
                (' ', None) => words.push(String::new()),
                (letter, _) => words.last_mut().expect("it begins with one").push(letter),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }
}
