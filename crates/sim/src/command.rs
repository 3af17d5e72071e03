//! The command line: many worlds, and the story of the first that goes wrong.

use std::process::ExitCode;

use crate::{Options, Outcome, run, run_ensemble};

const USAGE: &str = "usage: sim [--seeds N] [--ensembles N] [--from SEED]";

/// What of a kind of worlds is counted.
#[derive(Default)]
struct Sum {
    transactions: u64,
    records: u64,
    crashes: u64,
}

/// Runs the worlds that the arguments ask for, each twice. Without any, a hundred of single keepers with
/// their brokers, and a hundred ensembles of keepers.
pub fn command(arguments: impl Iterator<Item = String>) -> ExitCode {
    let (mut seeds, mut ensembles, mut from) = (None, None, 0_u64);
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let number = arguments.next().and_then(|text| text.parse().ok());
        match (argument.as_str(), number) {
            ("--seeds", Some(number)) => seeds = Some(number),
            ("--ensembles", Some(number)) => ensembles = Some(number),
            ("--from", Some(number)) => from = number,
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let (seeds, ensembles): (u64, u64) = match (seeds, ensembles) {
        (None, None) => (100, 100),
        (seeds, ensembles) => (seeds.unwrap_or(0), ensembles.unwrap_or(0)),
    };
    let mut sum = Sum::default();
    for seed in from..from.saturating_add(seeds) {
        if !twice(seed, "--seeds", &mut sum, |seed| run(seed, Options::default())) {
            return ExitCode::FAILURE;
        }
    }
    let Sum { transactions, records, crashes } = sum;
    println!(
        "{seeds} worlds from seed {from}: {transactions} groups of transactions, {records} \
         batches of records, {crashes} crashes, no violation"
    );
    let mut sum = Sum::default();
    for seed in from..from.saturating_add(ensembles) {
        if !twice(seed, "--ensembles", &mut sum, |seed| run_ensemble(seed, None)) {
            return ExitCode::FAILURE;
        }
    }
    let Sum { transactions, crashes, .. } = sum;
    println!(
        "{ensembles} ensembles from seed {from}: {transactions} transactions, {crashes} crashes, no violation"
    );
    ExitCode::SUCCESS
}

/// Runs a world twice; false, with the reason printed, if something is wrong with it.
fn twice(seed: u64, kind: &'static str, sum: &mut Sum, run: impl Fn(u64) -> Outcome) -> bool {
    let again = format!("again: cargo xtask sim {kind} 1 --from {seed}");
    // An assertion of the node ends the process: say first how to come back here.
    let told = again.clone();
    std::panic::set_hook(Box::new(move |panic| eprintln!("seed {seed}: {panic}\n{told}")));
    let outcome = run(seed);
    if let Some((violation, story)) = &outcome.violation {
        eprintln!("{story}\nseed {seed}: {violation}\n{again}");
        return false;
    }
    if run(seed) != outcome {
        eprintln!("seed {seed} tells two stories: something in it is not decided by the seed\n{again}");
        return false;
    }
    sum.transactions += outcome.transactions;
    sum.records += outcome.records;
    sum.crashes += outcome.crashes;
    true
}
