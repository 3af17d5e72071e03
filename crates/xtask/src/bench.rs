//! `cargo xtask bench`: Castle and the originals side by side, by the harness in `benchmarks/`.

use std::fs;
use std::path::PathBuf;

use crate::run::{Outcome, cargo, command, root, run, run_quietly};
use crate::{tests, tools};

/// Installs the peers and runs the harness; arguments go to it.
pub(crate) fn bench(arguments: &[&str]) -> Outcome {
    // Minutes are not for a build that takes ten of them; and what is compared with its own slow build is built alike.
    let profile =
        if arguments.iter().any(|it| matches!(*it, "--quick" | "--check")) { "release" } else { "dist" };
    if profile == "release" {
        tests::release()?;
    } else {
        run(
            "build as it is shipped",
            &mut cargo(&["build", "--profile", profile, "--quiet", "--package", "castle"]),
        )?;
    }
    tools::install()?;
    let home = root().join("benchmarks");
    let requirements = home.join("requirements.txt");
    tools::environment("bench", &["-r", tools::path(&requirements)], &[&requirements])?;
    go_load("franz", "franz")?;
    go_load("etcd", "etcd-load")?;
    etcd()?;
    librdkafka()?;
    if arguments.contains(&"--check") {
        run("build of castle without optimisation", &mut cargo(&["build", "--package", "castle"]))?;
    }
    let python = tools::directory().join("bench/bin/python");
    let mut all = vec!["run.py"];
    all.extend(arguments);
    let mut harness = command(tools::path(&python), &all);
    harness.current_dir(&home);
    if std::env::var_os("CASTLE").is_none() {
        harness.env("CASTLE", root().join("target").join(profile).join("castle"));
    }
    run("side by side", &mut harness)
}

/// A load generator in Go from `benchmarks/<name>`: through franz-go, and for etcd.
fn go_load(name: &str, program: &str) -> Outcome {
    let home = root().join("benchmarks").join(name);
    let made_from = ["go.mod", "go.sum", "main.go"].map(|file| home.join(file));
    let made_from: Vec<_> = made_from.iter().map(PathBuf::as_path).collect();
    let output = tools::directory().join(program);
    tools::stamped(program, &tools::read_all(&made_from)?, || {
        run_quietly(
            &format!("build {program}"),
            command("go", &["build", "-o", tools::path(&output), "."]).current_dir(&home),
        )
    })
}

/// etcd from Debian's package, unpacked beside the other tools: installed, it would start as a service. Where there
/// is no Debian the harness does without.
fn etcd() -> Outcome {
    if !crate::run::answers("apt-get", "--version") {
        eprintln!("etcd is left out: it comes as a package of Debian");
        return Ok(());
    }
    tools::stamped("etcd-server", "debian", || {
        let home = tools::directory().join("etcd");
        tools::remove(&home)?;
        fs::create_dir_all(&home).map_err(|error| format!("{}: {error}", home.display()))?;
        let fetch = "(apt-get download -qq etcd-server || (apt-get update -qq && apt-get download -qq etcd-server)) && \
                     dpkg-deb -x etcd-server_*.deb . && rm etcd-server_*.deb";
        run_quietly("package etcd-server", command("sh", &["-c", fetch]).current_dir(&home))
    })
}

/// librdkafka's own load tool. Its source comes with a crate that wraps it, since that is where it is published
/// with a checksum.
fn librdkafka() -> Outcome {
    const VERSION: &str = "4.10.0";
    tools::stamped("rdkafka_performance", VERSION, || {
        let home = tools::directory().join("librdkafka");
        tools::remove(&home)?;
        let failed = |error: std::io::Error| format!("{}: {error}", home.display());
        fs::create_dir_all(&home).map_err(failed)?;
        let manifest = format!(
            "[package]\nname = \"librdkafka-source\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[lib]\npath = \
             \"lib.rs\"\n\n[dependencies]\nrdkafka-sys = \"={VERSION}\"\n\n[workspace]\n"
        );
        fs::write(home.join("Cargo.toml"), manifest).map_err(failed)?;
        fs::write(home.join("lib.rs"), "").map_err(failed)?;
        run_quietly(
            "source of librdkafka",
            cargo(&["vendor", "--quiet", "vendor"]).current_dir(&home).env_remove("RUSTUP_TOOLCHAIN"),
        )?;
        let source = home.join("vendor/rdkafka-sys/librdkafka");
        let configure = "chmod -R u+x configure lds-gen.py mklove && ./configure --disable-ssl --disable-gssapi \
                         --disable-curl --disable-sasl --disable-zstd";
        run_quietly("configure librdkafka", command("sh", &["-c", configure]).current_dir(&source))?;
        run_quietly(
            "build librdkafka",
            command("make", &["-j2", "-C", "src", "librdkafka.a"]).current_dir(&source),
        )?;
        run_quietly(
            "build rdkafka_performance",
            command("make", &["-C", "examples", "rdkafka_performance"]).current_dir(&source),
        )?;
        let built = source.join("examples/rdkafka_performance");
        fs::copy(&built, tools::directory().join("rdkafka_performance"))
            .map(|_| ())
            .map_err(|error| format!("{}: {error}", built.display()))
    })
}
