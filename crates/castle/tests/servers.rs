//! The binary as a process: `castle dev`, `keeper` and `broker` on free ports, started, asked, stopped,
//! killed and refused.

use bytes::Bytes;
use keeper_client::Servers;
use keeper_client::blocking::Client;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// A running `castle`, killed when the test is done with it.
struct Castle {
    child: Child,
    banner: Vec<String>,
    ready: Value,
}

fn castle(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_castle"));
    command.args(arguments).env_remove("CASTLE_LOG").env_remove("RUST_LOG").stderr(Stdio::piped());
    command
}

impl Castle {
    fn dev(data: &Path) -> Castle {
        let file = data.with_extension("ready");
        let mut child = castle(&["dev", "--keeper-port", "0", "--broker-port", "0", "--http-port", "0"])
            .arg("--data-dir")
            .arg(data)
            .arg("--ready-file")
            .arg(&file)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut banner = Vec::new();
        for line in BufReader::new(child.stdout.take().expect("piped")).lines() {
            let line = line.expect("text");
            let last = line.contains("Ctrl-C");
            banner.push(line);
            if last {
                break;
            }
        }
        if banner.is_empty() {
            let mut why = String::new();
            let _ = child.stderr.take().expect("piped").read_to_string(&mut why);
            panic!("no banner: {why}");
        }
        let text = fs::read(file).expect("it is there before the banner");
        Castle { child, banner, ready: serde_json::from_slice(&text).expect("JSON") }
    }

    fn address(&self, role: &str) -> String {
        self.ready[role].as_str().expect("an address").to_owned()
    }

    fn keeper(&self) -> Client {
        let servers: Servers = self.address("keeper").parse().expect("an address");
        Client::connect(servers, clock::Span::seconds(10), PATIENCE).expect("the keeper serves")
    }

    fn signal(&mut self, signal: Signal) -> i32 {
        let pid = Pid::from_raw(self.child.id() as i32).expect("a process");
        kill_process(pid, signal).expect("it runs");
        self.child.wait().expect("it ends").code().unwrap_or(-1)
    }
}

impl Drop for Castle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a command that must fail says, with its exit code.
fn refused(output: &Output) -> (i32, String) {
    (output.status.code().expect("no signal"), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn directory() -> (tempfile::TempDir, PathBuf) {
    let outer = tempfile::tempdir().expect("a directory");
    let data = outer.path().join("data");
    (outer, data)
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    stream
}

fn say(address: &str, request: &[u8]) -> String {
    let mut stream = connect(address);
    stream.write_all(request).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer, then the end");
    answer
}

#[test]
fn dev_serves_both_kinds_of_client_and_keeps_its_cluster() {
    let (_outer, data) = directory();
    let mut first = Castle::dev(&data);
    assert!(first.banner.len() <= 8, "{:?}", first.banner);
    assert_eq!(first.ready["pid"], first.child.id());
    assert!(say(&first.address("keeper"), b"srvr").contains("Mode: standalone"));
    assert_eq!(say(&first.address("keeper"), b"ruok\n"), "imok");
    let health =
        say(&first.address("http"), b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(health.starts_with("HTTP/1.1 200") && health.ends_with("ok\n"), "{health}");

    // ApiVersions 0: key 18, version 0, correlation id 7, no client id.
    let mut broker = connect(&first.address("broker"));
    broker.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]).expect("sent");
    let mut head = [0; 10];
    broker.read_exact(&mut head).expect("a response");
    assert_eq!(head[4..], [0, 0, 0, 7, 0, 0], "the correlation id, and no error");

    assert_eq!(first.signal(Signal::TERM), 0, "an orderly end");
    assert!(data.join("broker/.kafka_cleanshutdown").exists());
    let second = Castle::dev(&data);
    assert_eq!(second.ready["cluster_id"], first.ready["cluster_id"]);
}

#[test]
fn garbage_on_either_port_hurts_nobody_else() {
    let (_outer, data) = directory();
    let castle = Castle::dev(&data);
    let mut good = castle.keeper();
    for port in ["keeper", "broker"] {
        for garbage in [
            &i32::MAX.to_be_bytes()[..],
            &(-1i32).to_be_bytes(),
            b"GET / HTTP/1.1\r\n\r\n",
            &[0, 0, 0, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0, 0, 0, 0],
            b"zzzz",
        ] {
            let mut stream = connect(&castle.address(port));
            stream.write_all(garbage).expect("sent");
            let closed = match stream.read(&mut [0; 64]) {
                Ok(read) => read == 0,
                Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
            };
            assert!(closed, "{port}: {garbage:?}");
        }
    }
    assert!(good.stat("/brokers/ids/0", false).expect("still served").is_some());
}

/// Resident memory of a process in bytes.
fn resident_bytes(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

#[test]
fn thousands_of_idle_connections_cost_little_and_disturb_nobody() {
    server::process::raise_open_files();
    let (open, open_max) = server::process::open_files();
    // Both ends of each connection need a descriptor, each in its own process.
    let count = 5_000.min((open_max - open) as usize / 2 - 100);
    let (_outer, data) = directory();
    let castle = Castle::dev(&data);
    let before = resident_bytes(castle.child.id());
    let mut idle = Vec::new();
    for port in ["broker", "keeper"] {
        for _ in 0..count {
            let mut stream = connect(&castle.address(port));
            if port == "broker" {
                // It has asked for the versions once, so that everything it needs was made.
                stream.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]).expect("sent");
            }
            idle.push((port, stream));
        }
    }
    for (_, stream) in idle.iter_mut().filter(|(port, _)| *port == "broker") {
        let mut head = [0; 10];
        stream.read_exact(&mut head).expect("a response");
    }
    assert!(castle.keeper().stat("/brokers/ids/0", false).expect("still served").is_some());
    let grown = resident_bytes(castle.child.id()).saturating_sub(before);
    assert!(grown < 2 * count as u64 * 2048, "{grown} bytes for twice {count} connections");
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let (_outer, data) = directory();
    let mut cluster = None;
    for round in 0..3 {
        let mut castle = Castle::dev(&data);
        let mut keeper = castle.keeper();
        for earlier in 0..round {
            assert!(
                keeper.stat(&format!("/round-{earlier}"), false).expect("served").is_some(),
                "round {earlier}"
            );
        }
        keeper.create(&format!("/round-{round}"), Bytes::from_static(b"here"), 0).expect("created");
        let id = castle.ready["cluster_id"].clone();
        assert_eq!(*cluster.get_or_insert(id.clone()), id);
        castle.signal(Signal::KILL);
    }
}

#[test]
fn refusals_name_the_cause_and_the_fix() {
    let (outer, data) = directory();
    let check = |output: Output, code: i32, says: &[&str]| {
        let (exit, text) = refused(&output);
        assert_eq!(exit, code, "{text}");
        for part in says {
            assert!(text.contains(part), "{text:?} does not say {part:?}");
        }
    };
    let dev = |arguments: &[&str], data: &Path| {
        let mut all = vec!["dev", "--keeper-port", "0", "--broker-port", "0", "--http-port", "0"];
        all.extend(arguments);
        castle(&all).arg("--data-dir").arg(data).output().expect("the binary runs")
    };

    // The data directory is somebody's.
    let running = Castle::dev(&data);
    check(dev(&[], &data), 5, &["is in use by the process", "choose another data directory"]);
    drop(running);

    // Each of the ports.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port().to_string();
    for option in ["--keeper-port", "--broker-port", "--http-port"] {
        let mut arguments = vec!["dev"];
        for other in ["--keeper-port", "--broker-port", "--http-port"] {
            arguments.extend([other, if other == option { &port } else { "0" }]);
        }
        let output = castle(&arguments).arg("--data-dir").arg(&data).output().expect("the binary runs");
        check(output, 4, &[&format!("port {port} is in use"), "choose another port"]);
    }

    // No directory can be made there.
    let file = outer.path().join("file");
    fs::write(&file, b"").expect("written");
    check(dev(&[], &file.join("below")), 5, &["cannot create", "choose another"]);

    check(dev(&["--nodes", "3"], &data), 5, &["holds a single server", "choose another --data-dir"]);

    // Configuration files.
    let config = outer.path().join("zoo.cfg");
    fs::write(&config, "dataDir=/d\nclientPort=2181\nserver.1=a:1:2\nserver.2=b:1:2\naudit.enable=true\n")
        .expect("written");
    let keeper = castle(&["keeper"]).arg(&config).output().expect("the binary runs");
    check(
        keeper,
        3,
        &["zoo.cfg cannot be honoured", "initLimit: it is missing", "audit.enable: not there yet"],
    );
    let broker = castle(&["broker", "/nowhere/server.properties"]).output().expect("the binary runs");
    check(broker, 3, &["/nowhere/server.properties", "cannot be read"]);
}

#[test]
fn a_broker_of_another_cluster_is_refused() {
    let (_outer, data) = directory();
    let mut castle = Castle::dev(&data);
    castle.signal(Signal::TERM);
    let properties = data.join("broker/meta.properties");
    let text = fs::read_to_string(&properties).expect("it is there");
    let mine = castle.ready["cluster_id"].as_str().expect("an id");
    fs::write(&properties, text.replace(mine, "AAAAAAAAAAAAAAAAAAAAAA")).expect("written");
    let output =
        self::castle(&["dev", "--keeper-port", "0", "--broker-port", "0", "--http-port", "0", "--data-dir"])
            .arg(&data)
            .output()
            .expect("the binary runs");
    let (code, text) = refused(&output);
    assert_eq!(code, 5, "{text}");
    assert!(text.contains("AAAAAAAAAAAAAAAAAAAAAA"), "{text}");
}

#[test]
fn the_two_halves_run_as_two_processes_from_the_originals_files() {
    let outer = tempfile::tempdir().expect("a directory");
    let path = |name: &str| outer.path().join(name).display().to_string();
    let start = |role: &str, config: &str, text: String| {
        fs::write(path(config), text).expect("written");
        let ready = path(&format!("{role}.ready"));
        let mut child = castle(&[role, &path(config), "--ready-file", &ready])
            .env("CASTLE_LOG", "info")
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let mut told = Vec::new();
        for line in BufReader::new(child.stderr.take().expect("piped")).lines() {
            let line = line.expect("text");
            let served = line.contains("clients are served");
            told.push(line);
            if served {
                break;
            }
        }
        // Told just before the file is written; the file appears whole.
        while !Path::new(&ready).exists() {
            assert!(child.try_wait().expect("a process").is_none(), "{told:?}");
            std::thread::yield_now();
        }
        let ready = serde_json::from_slice(&fs::read(&ready).expect("it is there")).expect("JSON");
        Castle { child, banner: told, ready }
    };
    let config = format!(
        "tickTime=2000\ndataDir={}\nclientPort=0\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n",
        path("zk")
    );
    let keeper = start("keeper", "zoo.cfg", config);
    let config = format!(
        "broker.id=3\nlisteners=PLAINTEXT://127.0.0.1:0\nlog.dirs={}\nzookeeper.connect={}/some/chroot\nnum.io.threads=8\n",
        path("kafka"),
        keeper.address("keeper").replace("127.0.0.1", "localhost")
    );
    let mut broker = start("broker", "server.properties", config);
    assert!(
        broker.banner.iter().any(|line| line.contains("num.io.threads is ignored")),
        "{:?}",
        broker.banner
    );
    let mut client = keeper.keeper();
    assert!(client.stat("/some/chroot/brokers/ids/3", false).expect("served").is_some());
    assert_eq!(broker.signal(Signal::INT), 0);
    assert!(client.stat("/some/chroot/brokers/ids/3", false).expect("served").is_none(), "it took its leave");
}
