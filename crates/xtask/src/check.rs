//! `cargo xtask check`: the gate of every change, without network.

use crate::run::{Outcome, cargo, root, run};
use crate::{layers, scoreboard, tidy};

/// Format, lints, the table of layers, tidiness, generated code.
pub(crate) fn check() -> Outcome {
    layers::check(&root())?;
    tidy::check(&root())?;
    scoreboard::check(&root())?;
    codegen(&["--check"])?;
    run("format", &mut cargo(&["fmt", "--all", "--check"]))?;
    run(
        "lints",
        &mut cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "--deny", "warnings"]),
    )
}

/// Writes kafka-wire's messages from their tables, or checks that they are fresh.
pub(crate) fn codegen(arguments: &[&str]) -> Outcome {
    let mut all = vec!["run", "--quiet", "--package", "kafka-wire-codegen", "--"];
    all.extend(arguments);
    run("generated messages", &mut cargo(&all))
}
