//! `sim --seeds N [--from SEED]`: simulated worlds, one story a seed.

use std::process::ExitCode;

fn main() -> ExitCode {
    sim::command(std::env::args().skip(1))
}
