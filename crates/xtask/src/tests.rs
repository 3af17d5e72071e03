//! `cargo xtask test` and its parts.

use std::path::PathBuf;

use crate::run::{Outcome, cargo, command, root, run};
use crate::{check, tools};

/// The foreign suites that run on every test; `conformance` runs them too, with more records.
const SUITES: &[&str] = &["kazoo", "kafka-python", "kgo"];

/// Those that only `conformance` runs, by name.
const MORE: &[&str] = &["go-zookeeper", "kazoo-ensemble", "kgo-cluster", "zookeeper-c"];

/// Everything that must hold: the gate, our tests, foreign clients, foreign suites, crashes.
pub(crate) fn test() -> Outcome {
    check::check()?;
    run("our tests", &mut cargo(&["test", "--quiet", "--workspace"]))?;
    release()?;
    tools::install()?;
    run("foreign clients, bad input, crashes", pytest().arg("."))?;
    run("foreign suites", suites(&[]).args(SUITES))
}

/// Long proofs, each a program in `conformance`.
const LONG: &[(&str, &str)] = &[
    ("differential-keeper", "differential_keeper.py"),
    ("differential-broker", "differential_broker.py"),
    ("differential-groups", "differential_groups.py"),
    ("soak-keeper", "soak_keeper.py"),
    ("cluster-chaos", "cluster_chaos.py"),
    ("cluster-failover", "cluster_failover.py"),
    ("mixed-brokers", "mixed_brokers.py"),
];

/// Foreign suites alone, or one of the long proofs.
pub(crate) fn conformance(arguments: &[&str]) -> Outcome {
    release()?;
    tools::install()?;
    if arguments == ["ensemble"] {
        let files = ["test_ensemble.py", "long_ensemble.py"];
        return run("ensembles of both kinds", pytest().args(files));
    }
    if let Some((name, rest)) = arguments.split_first()
        && let Some((_, program)) = LONG.iter().find(|(long, _)| long == name)
    {
        let mut command = command(python().to_str().expect("UTF-8"), &[program]);
        command.args(rest).current_dir(root().join("conformance"));
        return run(name, &mut command);
    }
    let mut command = suites(arguments);
    if !arguments.iter().any(|argument| SUITES.contains(argument) || MORE.contains(argument)) {
        command.args(SUITES);
    }
    run("foreign suites", &mut command)
}

/// Simulated worlds, one a seed.
pub(crate) fn sim(arguments: &[&str]) -> Outcome {
    let mut all = vec!["run", "--release", "--quiet", "--package", "sim", "--"];
    all.extend(arguments);
    run("simulation", &mut cargo(&all))
}

/// The binary that everything foreign is held against.
pub(crate) fn release() -> Outcome {
    run("release build", &mut cargo(&["build", "--release", "--quiet", "--package", "castle"]))
}

fn python() -> PathBuf {
    tools::directory().join("venv/bin/python")
}

fn pytest() -> std::process::Command {
    let mut command = command(python().to_str().expect("UTF-8"), &["-m", "pytest"]);
    command.current_dir(root().join("conformance"));
    command
}

fn suites(arguments: &[&str]) -> std::process::Command {
    let mut command = command(python().to_str().expect("UTF-8"), &["suites.py"]);
    command.args(arguments).current_dir(root().join("conformance"));
    command
}
