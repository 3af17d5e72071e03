//! The command line: many worlds, and the story of the first that goes wrong.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::{FLAWS, Look, Options, Outcome, run, run_ensemble, search};

const USAGE: &str = "usage: sim [--seeds N] [--ensembles N] [--from SEED] [--minutes M] [--flaws N]";

/// What of a kind of worlds is counted.
#[derive(Default)]
struct Sum {
    worlds: u64,
    transactions: u64,
    records: u64,
    crashes: u64,
    simulated_ms: u64,
}

/// What the arguments ask for.
#[derive(Default)]
struct Wanted {
    seeds: Option<u64>,
    ensembles: Option<u64>,
    from: u64,
    minutes: Option<u64>,
    flaws: Option<u64>,
}

/// Runs the worlds that the arguments ask for, each twice. Without any, a hundred of single keepers with
/// their brokers, and a hundred ensembles of keepers; with `--minutes`, of both kinds in turn until the
/// time is over; with `--flaws`, up to so many ensembles for each planted flaw, until it is found.
pub fn command(arguments: impl Iterator<Item = String>) -> ExitCode {
    let Some(wanted) = parse(arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if let Some(most) = wanted.flaws {
        return find_flaws(wanted.from, most);
    }
    let from = wanted.from;
    let (mut keepers, mut ensembles) = (Sum::default(), Sum::default());
    let fine = if let Some(minutes) = wanted.minutes {
        let end = Instant::now() + Duration::from_secs(minutes.saturating_mul(60));
        (from..u64::MAX)
            .take_while(|_| Instant::now() < end)
            .all(|seed| keeper(seed, &mut keepers) && ensemble(seed, &mut ensembles))
    } else {
        let (seeds, many) = match (wanted.seeds, wanted.ensembles) {
            (None, None) => (100, 100),
            (seeds, ensembles) => (seeds.unwrap_or(0), ensembles.unwrap_or(0)),
        };
        (from..from.saturating_add(seeds)).all(|seed| keeper(seed, &mut keepers))
            && (from..from.saturating_add(many)).all(|seed| ensemble(seed, &mut ensembles))
    };
    keepers.tell("keepers with their brokers", from);
    ensembles.tell("ensembles", from);
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(arguments: impl Iterator<Item = String>) -> Option<Wanted> {
    let mut wanted = Wanted::default();
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let number = arguments.next()?.parse().ok()?;
        match argument.as_str() {
            "--seeds" => wanted.seeds = Some(number),
            "--ensembles" => wanted.ensembles = Some(number),
            "--from" => wanted.from = number,
            "--minutes" => wanted.minutes = Some(number),
            "--flaws" => wanted.flaws = Some(number),
            _ => return None,
        }
    }
    Some(wanted)
}

impl Sum {
    fn tell(&self, what: &str, from: u64) {
        let Sum { worlds, transactions, records, crashes, simulated_ms } = self;
        if *worlds == 0 {
            return;
        }
        let (hours, minutes) = (simulated_ms / 3_600_000, simulated_ms / 60_000 % 60);
        println!(
            "{worlds} {what} from seed {from}: {hours} h {minutes} min simulated, {transactions} transactions, \
             {records} batches of records, {crashes} crashes, no violation"
        );
    }
}

fn keeper(seed: u64, sum: &mut Sum) -> bool {
    twice(seed, "--seeds", sum, |seed| run(seed, Options::default()))
}

fn ensemble(seed: u64, sum: &mut Sum) -> bool {
    twice(seed, "--ensembles", sum, |seed| run_ensemble(seed, None, Look::Inside))
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
    sum.worlds += 1;
    sum.transactions += outcome.transactions;
    sum.records += outcome.records;
    sum.crashes += outcome.crashes;
    sum.simulated_ms += outcome.simulated.as_ms();
    true
}

/// Looks for every planted flaw, from inside and from outside.
fn find_flaws(from: u64, most: u64) -> ExitCode {
    let mut all = true;
    for planted in FLAWS {
        for look in [Look::Inside, Look::Outside] {
            let flaw = planted.flaw;
            std::panic::set_hook(Box::new(move |panic| eprintln!("with {flaw:?}: {panic}")));
            match search(flaw, look, from..from.saturating_add(most)) {
                Some((seed, how)) => println!("{flaw:?} ({look:?}): seed {seed}: {how}"),
                None => {
                    all = false;
                    println!("{flaw:?} ({look:?}): not found in {most} ensembles from seed {from}");
                }
            }
        }
    }
    if all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
