//! What the foreign tests need, installed into `target/conformance` and kept between runs.
//!
//! Each tool has a stamp that holds what it was made from; it is made again only when that changes. A
//! machine needs python3 with venv, a JDK, Maven, Go and Node beforehand; on Debian the missing ones are
//! installed, as is kcat.

use std::fs;
use std::path::{Path, PathBuf};

use crate::c_client;
use crate::run::{Outcome, answers, command, root, run_quietly};

/// Debian packages by the program they bring.
const DEBIAN: &[(&str, &str, &str)] = &[
    ("kcat", "-V", "kcat"),
    ("java", "-version", "default-jdk-headless"),
    ("mvn", "-version", "maven"),
    ("go", "version", "golang-go"),
    ("node", "--version", "nodejs"),
    ("npm", "--version", "npm"),
    ("unshare", "--version", "util-linux"),
    ("g++", "--version", "g++"),
    ("patch", "--version", "patch"),
    ("openssl", "version", "openssl"),
];

/// What the tests of ZooKeeper's C client are built with: a file of each package, and the package.
const DEBIAN_LIBRARIES: &[(&str, &str)] = &[
    ("/usr/include/cppunit/TestCase.h", "libcppunit-dev"),
    ("/usr/include/sasl/sasl.h", "libsasl2-dev"),
    ("/usr/include/openssl/ssl.h", "libssl-dev"),
    ("/usr/share/doc/libsasl2-modules", "libsasl2-modules"),
];

/// Releases of Apache Kafka whose clients, brokers and tools are used.
const KAFKAS: &[(&str, &str)] = &[("3.9", "3.9.2"), ("4.3", "4.3.0")];

/// Servers of the original whose data directories are exchanged with ours.
const ZOOKEEPER_SERVERS: &[(&str, &str)] = &[("3.5", "3.5.10"), ("3.8", "3.8.4")];

/// The directory of the tools.
pub(crate) fn directory() -> PathBuf {
    root().join("target").join("conformance")
}

/// Installs what is missing.
pub(crate) fn install() -> Outcome {
    fs::create_dir_all(directory()).map_err(|error| format!("{}: {error}", directory().display()))?;
    debian()?;
    python()?;
    sources()?;
    java()?;
    go()?;
    node()?;
    c_client::install()
}

fn debian() -> Outcome {
    let programs = DEBIAN.iter().filter(|(program, argument, _)| !answers(program, argument));
    let libraries = DEBIAN_LIBRARIES.iter().filter(|(file, _)| !Path::new(file).exists());
    let missing: Vec<&str> =
        programs.map(|(_, _, package)| *package).chain(libraries.map(|(_, package)| *package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !answers("apt-get", "--version") {
        return Err(format!("please install {}: this is not a Debian, so I cannot", missing.join(", ")));
    }
    run_quietly("package list", &mut command("apt-get", &["update", "-qq"]))?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(&missing);
    run_quietly(
        &format!("packages {}", missing.join(" ")),
        command("apt-get", &arguments).env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

fn python() -> Outcome {
    let conformance = root().join("conformance");
    let requirements = conformance.join("requirements.txt");
    environment("venv", &["-r", path(&requirements)], &[&requirements])?;
    // The samples run in clean environments: our package and plain kafka-python, nothing else.
    let package = root().join("python/castle-zookeeper");
    let compat = root().join("python/castle-zookeeper-compat");
    let old = conformance.join("requirements-kafka-python-2.txt");
    let made_from = [
        package.join("src/castle_zookeeper/__init__.py"),
        compat.join("src/zookeeper/__init__.py"),
        package.join("pyproject.toml"),
        compat.join("pyproject.toml"),
        old.clone(),
    ];
    let made_from: Vec<&Path> = made_from.iter().map(PathBuf::as_path).collect();
    environment("sample-3", &[path(&package), path(&compat), "kafka-python==3.0.12"], &made_from)?;
    environment("sample-2", &[path(&package), path(&compat), "-r", path(&old)], &made_from)
}

/// A Python environment with packages, made again when one of `made_from` changes.
pub(crate) fn environment(name: &str, packages: &[&str], made_from: &[&Path]) -> Outcome {
    let home = directory().join(name);
    stamped(name, &read_all(made_from)?, || {
        remove(&home)?;
        run_quietly(
            &format!("Python environment {name}"),
            &mut command("python3", &["-m", "venv", path(&home)]),
        )?;
        let pip = home.join("bin/pip");
        let mut arguments = vec!["install", "--quiet", "--disable-pip-version-check"];
        arguments.extend(packages);
        run_quietly(&format!("Python packages of {name}"), &mut command(path(&pip), &arguments))
    })
}

/// The source distributions that carry the suites of kazoo and kafka-python.
fn sources() -> Outcome {
    let pip = directory().join("venv/bin/pip");
    for (name, version, archive) in [("kazoo", "2.11.0", "kazoo"), ("kafka-python", "3.0.12", "kafka_python")]
    {
        let home = directory().join("sources").join(name);
        let download = directory().join("downloads");
        stamped(&format!("source-{name}"), version, || {
            remove(&home)?;
            fs::create_dir_all(&home).map_err(|error| format!("{}: {error}", home.display()))?;
            run_quietly(
                &format!("source of {name}"),
                &mut command(
                    path(&pip),
                    &[
                        "download",
                        "--quiet",
                        "--no-deps",
                        "--no-binary",
                        ":all:",
                        "--dest",
                        path(&download),
                        &format!("{name}=={version}"),
                    ],
                ),
            )?;
            let tar = download.join(format!("{archive}-{version}.tar.gz"));
            run_quietly(
                &format!("unpack {name}"),
                &mut command("tar", &["xzf", path(&tar), "--strip-components=1", "-C", path(&home)]),
            )
        })?;
    }
    Ok(())
}

fn java() -> Outcome {
    let poms = root().join("conformance/java");
    for (line, version) in KAFKAS {
        jars(
            &format!("kafka-{line}"),
            &poms.join("kafka.pom.xml"),
            &[&format!("-Dkafka.version={version}")],
        )?;
    }
    jars("zookeeper-3.9", &poms.join("zookeeper.pom.xml"), &[])?;
    jars("curator", &poms.join("curator.pom.xml"), &[])?;
    jars("zookeeper-admin-3.9", &poms.join("zookeeper-admin.pom.xml"), &[])?;
    for (line, version) in KAFKAS {
        kafka_server(line, version)?;
    }
    for (line, version) in ZOOKEEPER_SERVERS {
        let pom = poms.join("zookeeper-server.pom.xml");
        jars(&format!("zookeeper-{line}"), &pom, &[&format!("-Dzookeeper.version={version}")])?;
    }
    Ok(())
}

/// A broker of Apache Kafka, with its tools.
fn kafka_server(line: &str, version: &str) -> Outcome {
    let pom = root().join("conformance/java/kafka-server.pom.xml");
    jars(&format!("kafka-server-{line}"), &pom, &[&format!("-Dkafka.version={version}")])
}

/// A directory of jars: what a project file depends on.
pub(crate) fn jars(name: &str, pom: &Path, options: &[&str]) -> Outcome {
    let home = directory().join("jars").join(name);
    stamped(&format!("jars-{name}"), &format!("{}{options:?}", read_all(&[pom])?), || {
        remove(&home)?;
        let output = format!("-DoutputDirectory={}", home.display());
        let mut arguments =
            vec!["--batch-mode", "--quiet", "--file", path(pom), "dependency:copy-dependencies", &output];
        arguments.extend(options);
        run_quietly(&format!("jars of {name}"), &mut command("mvn", &arguments))
    })
}

fn go() -> Outcome {
    let home = root().join("conformance/go");
    let made_from =
        ["go.mod", "go.sum", "helpers_test.go", "franz_test.go", "sarama_test.go", "zookeeper_test.go"]
            .map(|file| home.join(file));
    let made_from: Vec<&Path> = made_from.iter().map(PathBuf::as_path).collect();
    let builds = [
        ("go-clients.test", "."),
        ("kgo.test", "github.com/twmb/franz-go/pkg/kgo"),
        ("go-zookeeper.test", "github.com/go-zookeeper/zk"),
    ];
    for (name, package) in builds {
        let output = directory().join(name);
        stamped(name, &read_all(&made_from)?, || {
            run_quietly(
                &format!("build {name}"),
                command("go", &["test", "-c", "-o", path(&output), package]).current_dir(&home),
            )
        })?;
    }
    Ok(())
}

fn node() -> Outcome {
    let home = directory().join("node");
    let manifest = root().join("conformance/node/package.json");
    stamped("node", &read_all(&[&manifest])?, || {
        remove(&home)?;
        fs::create_dir_all(&home).map_err(|error| format!("{}: {error}", home.display()))?;
        fs::copy(&manifest, home.join("package.json")).map_err(|error| format!("package.json: {error}"))?;
        run_quietly(
            "node packages",
            command("npm", &["install", "--silent", "--no-audit", "--no-fund"]).current_dir(&home),
        )
    })
}

/// Makes a tool unless its stamp says that it was made from just this.
pub(crate) fn stamped(name: &str, made_from: &str, make: impl FnOnce() -> Outcome) -> Outcome {
    let stamp = directory().join(format!("{name}.stamp"));
    if fs::read_to_string(&stamp).is_ok_and(|old| old == made_from) {
        return Ok(());
    }
    make()?;
    fs::write(&stamp, made_from).map_err(|error| format!("{}: {error}", stamp.display()))
}

/// The contents of files, one after the other.
pub(crate) fn read_all(files: &[&Path]) -> Outcome<String> {
    let mut all = String::new();
    for file in files {
        all += &fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(all)
}

/// Removes a directory; it is no error that it is not there.
pub(crate) fn remove(directory: &Path) -> Outcome {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", directory.display()))
        }
        _ => Ok(()),
    }
}

/// A path as the text that commands take.
pub(crate) fn path(path: &Path) -> &str {
    path.to_str().expect("the repository's path is UTF-8, as cargo demands")
}
