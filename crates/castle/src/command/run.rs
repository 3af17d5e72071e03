//! What `dev`, `keeper` and `broker` have in common: signals, readiness, and an orderly end.

use crate::failure::{Code, Failure};
use serde_json::json;
use server::{BrokerRole, Control, KeeperRole, Notice, Notices, StartError, View};
use std::fs;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Instant;

/// Where things go when the roles run.
pub(crate) struct Places {
    /// When the process began.
    pub(crate) began: Instant,
    /// For the banner and the ready file.
    pub(crate) data_directory: PathBuf,
    /// Where the HTTP port shall be.
    pub(crate) http: Option<SocketAddr>,
    /// Where metrics are looked for besides.
    pub(crate) metrics: Option<SocketAddr>,
    /// Whether to refuse to start without it.
    pub(crate) http_needed: bool,
    /// `--ready-file`.
    pub(crate) ready_file: Option<PathBuf>,
    /// What to print when clients are served.
    pub(crate) banner: Option<fn(&Ready) -> String>,
    /// What to wait for when the broker has stopped and the keeper has not.
    pub(crate) pause: Option<Box<dyn FnOnce()>>,
}

/// What is known once clients are served.
pub(crate) struct Ready {
    pub(crate) took_ms: u128,
    pub(crate) data_directory: PathBuf,
    pub(crate) keeper: Option<SocketAddr>,
    pub(crate) broker: Option<SocketAddr>,
    pub(crate) http: Option<SocketAddr>,
    pub(crate) cluster_id: Option<String>,
}

/// The exit code and the message of what stood in the way of starting.
pub(crate) fn refused(error: StartError) -> Failure {
    let code = match &error {
        StartError::Config(_) => Code::Configuration,
        StartError::Address(_) => Code::Address,
        StartError::Data(_) => Code::Data,
        StartError::System(_) => Code::Failed,
    };
    Failure::new(code, error.to_string())
}

/// The same, and for a port that cannot be had the option that chooses another.
pub(crate) fn refused_with(error: StartError, option: &str) -> Failure {
    let hint = if matches!(error, StartError::Address(_)) {
        format!(" (`{option} 0` picks a free one)")
    } else {
        String::new()
    };
    let failure = refused(error);
    failure.with(&hint)
}

/// SIGINT and SIGTERM end the process in order; a second one ends it at once.
pub(crate) fn listen_for_signals(notices: &Notices) -> Result<(), Failure> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let (mut receiver, sender) = UnixStream::pair()?;
    for signal in [SIGINT, SIGTERM] {
        signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?;
    }
    let notices = notices.clone();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut byte = [0];
        if receiver.read_exact(&mut byte).is_ok() {
            notices.tell(Notice::Interrupted);
        }
        if receiver.read_exact(&mut byte).is_ok() {
            std::process::exit(130);
        }
    })?;
    Ok(())
}

/// Runs the roles until a signal or a failure, then stops the broker first, the keeper next.
pub(crate) fn until_stopped(
    keeper: Option<KeeperRole>,
    broker: Option<BrokerRole>,
    places: Places,
    heard: &Receiver<Notice>,
) -> Result<(), Failure> {
    let view = Arc::new(View::new(keeper.as_ref(), broker.as_ref()));
    let control = match start_control(&places, &view) {
        Ok(control) => control,
        Err(failure) => {
            stop(keeper, broker, None, None);
            return Err(failure);
        }
    };
    let mut ready = Ready {
        took_ms: 0,
        data_directory: fs::canonicalize(&places.data_directory)
            .unwrap_or_else(|_| places.data_directory.clone()),
        keeper: keeper.as_ref().map(KeeperRole::address),
        broker: broker.as_ref().and_then(|broker| broker.addresses().first().copied()),
        http: control.as_ref().map(Control::address),
        cluster_id: None,
    };
    let mut announced = false;
    let mut announce = |ready: &mut Ready| -> Result<(), Failure> {
        if std::mem::replace(&mut announced, true) {
            return Ok(());
        }
        ready.took_ms = places.began.elapsed().as_millis();
        tracing::info!(took_ms = ready.took_ms as u64, "clients are served");
        if let Some(file) = &places.ready_file {
            write_ready_file(file, ready)?;
        }
        if let Some(banner) = places.banner {
            // Nobody may be there to read it; the servers run all the same.
            let _ = writeln!(io::stdout(), "{}", banner(ready));
        }
        Ok(())
    };
    if broker.is_none() {
        announce(&mut ready)?;
    }
    let outcome = loop {
        match heard.recv() {
            Ok(Notice::BrokerReady { cluster_id, broker_id }) => {
                view.broker_ready(broker_id, &cluster_id);
                ready.cluster_id = Some(cluster_id);
                if let Err(failure) = announce(&mut ready) {
                    break Err(failure);
                }
            }
            Ok(Notice::Interrupted) | Err(_) => break Ok(()),
            Ok(Notice::Halted { role, reason }) => {
                break Err(Failure::new(Code::Data, format!("the {role} cannot go on: {reason}")));
            }
            // Nothing may be written any more, so there is nothing to stop in order.
            Ok(Notice::DiskFailed { role, reason }) => {
                return Err(Failure::new(
                    Code::Disk,
                    format!(
                        "the {role} stopped after a disk failure: {reason}; look after the disk, then start again"
                    ),
                ));
            }
        }
    };
    stop(keeper, broker, control, places.pause);
    outcome
}

fn stop(
    keeper: Option<KeeperRole>,
    broker: Option<BrokerRole>,
    control: Option<Control>,
    pause: Option<Box<dyn FnOnce()>>,
) {
    if let Some(broker) = broker {
        broker.stop();
    }
    if let Some(pause) = pause {
        pause();
    }
    if let Some(keeper) = keeper {
        keeper.stop();
    }
    if let Some(control) = control {
        control.stop();
    }
}

fn start_control(places: &Places, view: &Arc<View>) -> Result<Option<Control>, Failure> {
    let addresses: Vec<SocketAddr> = places.http.into_iter().chain(places.metrics).collect();
    if addresses.is_empty() {
        return Ok(None);
    }
    match Control::start(&addresses, Arc::clone(view)) {
        Ok(control) => Ok(Some(control)),
        Err(error) if places.http_needed => Err(refused_with(error, "--http-port")),
        Err(error) => {
            // As the original does: the port for administrators is no reason not to serve clients.
            tracing::warn!("going on without the HTTP port: {error}");
            Ok(None)
        }
    }
}

fn write_ready_file(file: &Path, ready: &Ready) -> Result<(), Failure> {
    let value = json!({
        "keeper": ready.keeper.map(|address| address.to_string()),
        "broker": ready.broker.map(|address| address.to_string()),
        "http": ready.http.map(|address| address.to_string()),
        "pid": std::process::id(),
        "cluster_id": ready.cluster_id,
        "data_dir": ready.data_directory,
    });
    write_whole(file, &value)
}

/// Writes the whole file under another name first, so that whoever waits for it never sees a part.
pub(crate) fn write_whole(file: &Path, value: &serde_json::Value) -> Result<(), Failure> {
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(".tmp");
    fs::write(&unfinished, format!("{value:#}\n"))
        .and_then(|()| fs::rename(&unfinished, file))
        .map_err(|error| Failure::failed(format!("cannot write {}: {error}", file.display())))
}
