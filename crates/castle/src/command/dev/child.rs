//! A node as its parent has it: a process, its pipe, what it said, and how it ended.

use super::node::Said;
use super::plan::{self, Number};
use crate::failure::Failure;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;

/// What comes from the process numbered `life` of a node.
#[derive(Debug)]
pub(super) struct FromNode {
    pub(super) node: Number,
    pub(super) life: u64,
    /// Nothing if it closed its end: the process is ending.
    pub(super) said: Option<Said>,
}

/// A running process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) life: u64,
    child: Child,
    /// Closed to let the keeper stop.
    stdin: Option<ChildStdin>,
}

/// A node's log is begun anew when a start finds it longer than this.
const LOG_BYTES_MAX: u64 = 8 << 20;

/// Longest line that a node says.
const LINE_BYTES_MAX: u64 = 4096;

/// What is read of a log's end to tell why a node died.
const TAIL_BYTES: u64 = 2048;

impl Process {
    /// Starts node `node` of the cluster in `data`; `tell` is called from a thread, and waits if need be.
    pub(super) fn start(
        data: &Path,
        node: Number,
        life: u64,
        tell: impl Fn(FromNode) -> bool + Send + 'static,
    ) -> Result<Process, Failure> {
        let log = log(data, node);
        fs::create_dir_all(plan::directory(data, node))?;
        let mut file = OpenOptions::new().append(true).create(true).open(&log)?;
        if file.metadata()?.len() > LOG_BYTES_MAX {
            file.set_len(0)?;
        }
        file.flush()?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg("dev")
            .arg("--data-dir")
            .arg(data)
            .args(["node", &node.to_string()])
            // Ctrl-C is for the parent, which stops its nodes one after the other.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .map_err(|error| Failure::failed(format!("cannot start node {node}: {error}")))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let mut process = Process { life, child, stdin };
        let spawned = thread::Builder::new().name(format!("node-{node}")).spawn(move || {
            if let Some(stdout) = stdout {
                let mut reader = BufReader::new(stdout);
                let mut line = String::new();
                while matches!((&mut reader).take(LINE_BYTES_MAX).read_line(&mut line), Ok(1..)) {
                    if let Ok(said) = serde_json::from_str(&line)
                        && !tell(FromNode { node, life, said: Some(said) })
                    {
                        return;
                    }
                    line.clear();
                }
            }
            tell(FromNode { node, life, said: None });
        });
        if let Err(error) = spawned {
            process.kill();
            let _ = process.reap();
            return Err(error.into());
        }
        Ok(process)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal. It was not waited for yet, so the number is still its own.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Ends it as a power cut would.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
    }

    /// Asks the broker to stop.
    pub(super) fn stop_broker(&mut self) {
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(b"stop\n");
        }
    }

    /// Lets the keeper stop too.
    pub(super) fn part(&mut self) {
        self.stdin = None;
    }

    /// Waits for the end of a process that is ending.
    pub(super) fn reap(mut self) -> Option<ExitStatus> {
        self.child.wait().ok()
    }
}

/// Where a node writes what it has to say to people.
pub(super) fn log(data: &Path, node: Number) -> PathBuf {
    plan::directory(data, node).join("log")
}

/// How a process ended.
pub(super) fn cause(status: Option<ExitStatus>) -> String {
    match status.map(|status| (status.code(), status.signal())) {
        Some((Some(code), _)) => format!("exit code {code}"),
        Some((None, Some(signal))) => format!("signal {signal}"),
        _ => "nobody knows why".to_owned(),
    }
}

/// The last line of a node's log.
pub(super) fn last_words(data: &Path, node: Number) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = fs::File::open(log(data, node))?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    text.lines().last().unwrap_or_default().trim_start_matches("castle: ").to_owned()
}
