//! The project's own tasks: `cargo xtask check`, `test`, `conformance`, `bench`, `sim`, `fuzz`, `codegen`.
//!
//! Each subcommand is a module. This file only reads the command line and turns an error into an exit code.

mod bench;
mod c_client;
mod check;
mod fuzz;
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
cargo xtask conformance [NAME] all foreign suites, or one: kazoo, kafka-python, kgo, go-zookeeper,
                               zookeeper-c, kazoo-ensemble, kgo-cluster; --bless updates the table
cargo xtask conformance differential-keeper [--operations N] [--seed S]
                               random histories on Castle and on Apache ZooKeeper, compared
cargo xtask conformance differential-broker [--requests N] [--seed S]
                               random requests to Castle and to Apache Kafka 3.9, compared
cargo xtask conformance differential-groups [--requests N] [--seed S]
                               random requests about groups and transactions to the same two, compared
cargo xtask conformance soak-keeper [--minutes N]
                               sessions that come and go, and what is left of them
cargo xtask conformance cluster-chaos [--minutes N] [--seed S]
                               three nodes killed, frozen and cut off under three kinds of clients
cargo xtask conformance cluster-failover [--partitions N...] [--runs N]
                               how long partitions have no leader when a broker is killed
cargo xtask conformance mixed-brokers [--controller castle|kafka]
                               brokers of Castle and of Apache Kafka 3.9 in one cluster, as far as that goes
cargo xtask bench [--quick] [--only keeper,ensemble,broker,synced,large]
                               Castle and the originals side by side; a full run writes docs/benchmarks.md
cargo xtask sim [--seeds N] [--ensembles N] [--from SEED] [--minutes M] [--flaws N]
                               simulated keepers, brokers and ensembles, one story a seed; or planted flaws,
                               each looked for in up to N ensembles
cargo xtask fuzz [TARGET...] [--minutes N] [--keep]
                               libFuzzer over every decoder; --keep adds what it found to crates/fuzz/corpus
cargo xtask fuzz --seeds N     the keeper's decoders and recovery against bent bytes, without a fuzzer
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
        ["fuzz", rest @ ..] => fuzz::fuzz(rest),
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
