//! What may be told to a running cluster, and the socket in its data directory over which it is told: one
//! line of JSON each way.

use super::plan::Number;
use crate::failure::Failure;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Something to be done to a cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Order {
    Kill(Number),
    Stop(Number),
    Start(Number),
    Pause(Number),
    Resume(Number),
    Partition(Number, Number),
    Isolate(Number),
    Heal,
    Status,
}

/// What became of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// Why it could not be done.
    pub(super) error: Option<String>,
    /// What was done, for people.
    pub(super) said: String,
    /// How the nodes are now.
    pub(super) nodes: Vec<NodeStatus>,
    /// Pairs of nodes that do not reach each other.
    pub(super) cut: Vec<(Number, Number)>,
}

/// A node, as its parent sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct NodeStatus {
    pub(super) node: Number,
    /// `starting`, `running`, `paused`, `stopped`, or why it died.
    pub(super) state: String,
    pub(super) pid: Option<u32>,
    pub(super) keeper: String,
    pub(super) broker: String,
    pub(super) http: String,
    pub(super) log: PathBuf,
}

/// An order with a place for its outcome.
pub(super) type Asked = (Order, SyncSender<Outcome>);

const SOCKET: &str = "dev.sock";

/// Longest line: far more than the status of nine nodes.
const LINE_BYTES_MAX: u64 = 256 << 10;

/// How long either side waits for the other's line.
const LINE_PATIENCE: Duration = Duration::from_secs(5);

/// How long an order may take: a node that starts must read its logs and find a quorum.
const ORDER_PATIENCE: Duration = Duration::from_secs(120);

/// Orders under way at once.
const AT_ONCE_MAX: usize = 16;

/// Takes orders until the process ends. `take` is false when nobody does them any more.
pub(super) fn listen(
    data: &Path,
    take: impl Fn(Asked) -> bool + Send + Sync + Clone + 'static,
) -> Result<(), Failure> {
    // Only a dead process can have left it: the directory is locked.
    let _ = fs::remove_file(data.join(SOCKET));
    let directory = File::open(data)?;
    let listener = UnixListener::bind(short(&directory, data))
        .map_err(|error| Failure::failed(format!("cannot listen in {}: {error}", data.display())))?;
    thread::Builder::new().name("orders".to_owned()).spawn(move || {
        // Each order under way has one of them, besides this thread.
        let places = Arc::new(());
        for stream in listener.incoming() {
            let Ok(stream) = stream else {
                thread::park_timeout(Duration::from_millis(100));
                continue;
            };
            if Arc::strong_count(&places) > AT_ONCE_MAX {
                continue;
            }
            let (take, place) = (take.clone(), Arc::clone(&places));
            let spawned = thread::Builder::new().name("order".to_owned()).spawn(move || {
                // Whoever asked may be gone.
                let _ = serve(&stream, take);
                drop(place);
            });
            drop(spawned);
        }
    })?;
    Ok(())
}

fn serve(stream: &UnixStream, take: impl Fn(Asked) -> bool) -> io::Result<()> {
    stream.set_read_timeout(Some(LINE_PATIENCE))?;
    stream.set_write_timeout(Some(LINE_PATIENCE))?;
    let outcome = match serde_json::from_str(&line(stream)?) {
        Ok(order) => {
            let (reply, outcome) = sync_channel(1);
            let failed = |why: &str| Outcome { error: Some(why.to_owned()), ..Outcome::default() };
            match take((order, reply)) {
                true => outcome
                    .recv_timeout(ORDER_PATIENCE)
                    .unwrap_or_else(|_| failed("it is not done yet, or the cluster ends")),
                false => failed("the cluster ends"),
            }
        }
        Err(error) => Outcome { error: Some(error.to_string()), ..Outcome::default() },
    };
    write(stream, &outcome)
}

/// Tells the cluster of `data` to do something, and waits until it is done.
pub(super) fn ask(data: &Path, order: Order) -> Result<Outcome, Failure> {
    let nobody = |error: io::Error| {
        Failure::failed(format!(
            "no cluster runs in {} ({error}); start one with `castle dev --nodes 3`, or name its --data-dir",
            data.display()
        ))
    };
    let directory = File::open(data).map_err(nobody)?;
    let stream = UnixStream::connect(short(&directory, data)).map_err(nobody)?;
    stream.set_read_timeout(Some(ORDER_PATIENCE + LINE_PATIENCE))?;
    write(&stream, &order)?;
    let outcome: Outcome = serde_json::from_str(&line(&stream)?)?;
    match outcome.error {
        Some(why) => Err(Failure::failed(why)),
        None => Ok(outcome),
    }
}

/// The socket's path. Such paths may be 108 bytes long and those of directories 4,096, so the directory goes
/// by its number where the system has names for those.
fn short(directory: &File, data: &Path) -> PathBuf {
    let by_number = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
    if by_number.exists() { by_number.join(SOCKET) } else { data.join(SOCKET) }
}

fn line(stream: &UnixStream) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stream.take(LINE_BYTES_MAX)).read_line(&mut line)?;
    Ok(line)
}

fn write(mut stream: &UnixStream, value: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(value)?;
    text.push(b'\n');
    stream.write_all(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_taken_and_answered() {
        let outer = tempfile::tempdir().unwrap();
        let data = outer.path().join("a-long-name-".repeat(12));
        fs::create_dir(&data).unwrap();
        listen(&data, |(order, reply): Asked| {
            let error = (order != Order::Partition(1, 2)).then(|| "not that".to_owned());
            reply.send(Outcome { error, said: "done".to_owned(), ..Outcome::default() }).is_ok()
        })
        .unwrap();
        assert_eq!(ask(&data, Order::Partition(1, 2)).unwrap().said, "done");
        assert_eq!(ask(&data, Order::Heal).unwrap_err().to_string(), "not that");
    }

    #[test]
    fn a_directory_without_a_cluster_is_told() {
        let data = tempfile::tempdir().unwrap();
        let why = ask(data.path(), Order::Status).unwrap_err().to_string();
        assert!(why.contains("no cluster runs in") && why.contains("--nodes 3"), "{why}");
    }
}
