//! The project's own tasks: `cargo xtask check`, `test`, `conformance`, `bench`, `sim`, `fuzz`, `codegen`.
//!
//! Each subcommand is a module. This file only reads the command line and turns an error into an exit code.

mod bench;
mod check;
mod layers;
mod run;
mod scoreboard;
mod tests;
mod tidy;
mod tools;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask check              format, lints, layers, tidiness: what every change must pass
cargo xtask test               check, every test of ours, and the quick set of foreign clients and suites
cargo xtask conformance [NAME] all foreign suites, or one: kazoo, kafka-python, kgo; --bless updates the table
cargo xtask conformance differential-keeper [--operations N] [--seed S]
                               random histories on Castle and on Apache ZooKeeper, compared
cargo xtask conformance differential-broker [--requests N] [--seed S]
                               random requests to Castle and to Apache Kafka 3.9, compared
cargo xtask conformance soak-keeper [--minutes N]
                               sessions that come and go, and what is left of them
cargo xtask bench [--quick] [--only keeper,ensemble,broker,synced,large]
                               Castle and the originals side by side; a full run writes docs/benchmarks.md
cargo xtask sim [--seeds N] [--ensembles N] [--from SEED]
                               simulated keepers, brokers and ensembles, one story a seed
cargo xtask fuzz [--seeds N]   the keeper's decoders and recovery against bent bytes
cargo xtask codegen [--check]  writes kafka-wire's messages from their tables
cargo xtask scoreboard         writes the table of docs/compatibility.md anew
cargo xtask tools              installs what the foreign tests need (into target/conformance), and nothing else
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["check"] => check::check(),
        ["test"] => tests::test(),
        ["conformance", rest @ ..] => tests::conformance(rest),
        ["bench", rest @ ..] => bench::bench(rest),
        ["sim", rest @ ..] => tests::sim(rest),
        ["fuzz", rest @ ..] => tests::fuzz(rest),
        ["codegen", rest @ ..] => check::codegen(rest),
        ["scoreboard"] => scoreboard::write(&run::root()),
        ["tools"] => tools::install(),
        ["help" | "--help" | "-h"] | [] => {
            print!("{HELP}");
            Ok(())
        }
        _ => Err(format!("unknown task: {}\n{HELP}", words.join(" "))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}
