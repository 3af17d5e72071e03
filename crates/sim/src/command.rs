//! The command line: many worlds, one line for each thousand, the story of the first that goes wrong.

use std::process::ExitCode;

use crate::{Options, run};

const USAGE: &str = "usage: sim [--seeds N] [--from SEED]";

/// Runs the worlds that the arguments ask for, each twice.
pub fn command(arguments: impl Iterator<Item = String>) -> ExitCode {
    let (mut seeds, mut from) = (100_u64, 0_u64);
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let number = arguments.next().and_then(|text| text.parse().ok());
        match (argument.as_str(), number) {
            ("--seeds", Some(number)) => seeds = number,
            ("--from", Some(number)) => from = number,
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let (mut transactions, mut records, mut crashes) = (0, 0, 0);
    for seed in from..from.saturating_add(seeds) {
        // An assertion of the node ends the process: say first how to come back here.
        std::panic::set_hook(Box::new(move |panic| {
            eprintln!("seed {seed}: {panic}\nagain: cargo xtask sim --from {seed} --seeds 1");
        }));
        let outcome = run(seed, Options::default());
        if let Some((violation, story)) = &outcome.violation {
            eprintln!("{story}\nseed {seed}: {violation}\nagain: cargo xtask sim --from {seed} --seeds 1");
            return ExitCode::FAILURE;
        }
        if run(seed, Options::default()) != outcome {
            eprintln!("seed {seed} tells two stories: something in it is not decided by the seed");
            return ExitCode::FAILURE;
        }
        transactions += outcome.transactions;
        records += outcome.records;
        crashes += outcome.crashes;
    }
    println!(
        "{seeds} worlds from seed {from}: {transactions} groups of transactions, {records} \
         batches of records, {crashes} crashes, no violation"
    );
    ExitCode::SUCCESS
}
