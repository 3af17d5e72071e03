//! `cargo xtask bench`: Castle and the originals side by side, by the harness in `benchmarks/`.

use crate::run::{Outcome, command, root, run};
use crate::{tests, tools};

/// Versions of Kafka that are run as servers: the line in use, and the last with ZooKeeper.
const KAFKA_SERVERS: &[(&str, &str)] = &[("3.9", "3.9.2"), ("4.3", "4.3.0")];

/// Installs the peers and runs the harness; arguments go to it.
pub(crate) fn bench(arguments: &[&str]) -> Outcome {
    tests::release()?;
    tools::install()?;
    let home = root().join("benchmarks");
    let requirements = home.join("requirements.txt");
    tools::environment("bench", &["-r", tools::path(&requirements)], &[&requirements])?;
    for (line, version) in KAFKA_SERVERS {
        tools::jars(
            &format!("kafka-server-{line}"),
            &home.join("kafka-server.pom.xml"),
            &[&format!("-Dkafka.version={version}")],
        )?;
    }
    let python = tools::directory().join("bench/bin/python");
    let mut all = vec!["run.py"];
    all.extend(arguments);
    run("side by side", command(tools::path(&python), &all).current_dir(&home))
}
