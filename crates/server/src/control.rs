//! The control thread: a small HTTP port with a page, `/healthz`, `/metrics` and `/status`.
//!
//! It runs a current-thread tokio at low priority, reads counters and nothing else; no data path ever
//! waits for it.

mod bounded;
mod commands;
mod metrics;
mod page;

use crate::broker_role::BrokerRole;
use crate::keeper_role::{Desk, KeeperGauges, KeeperRole};
use crate::limits::HTTP_CONNECTIONS_MAX;
use crate::start::StartError;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::get;
use bounded::{Bounded, From};
use shard::Counters;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use tokio::sync::Semaphore;
use tokio::sync::oneshot;
use transport::BindError;

/// What is shown. Shared with the process, which says when the broker is ready.
#[derive(Debug)]
pub struct View {
    pub(crate) began: Instant,
    pub(crate) keeper: Option<KeeperView>,
    pub(crate) broker: Option<BrokerView>,
}

#[derive(Debug)]
pub(crate) struct KeeperView {
    pub(crate) address: SocketAddr,
    pub(crate) counters: Arc<Counters>,
    pub(crate) gauges: Arc<KeeperGauges>,
    pub(crate) desk: Arc<Desk>,
}

#[derive(Debug)]
pub(crate) struct BrokerView {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) counters: Arc<Counters>,
    /// The broker's number and its cluster's id, once it has registered.
    pub(crate) ready: OnceLock<(i32, String)>,
}

impl View {
    /// Of the roles that run in this process.
    pub fn new(keeper: Option<&KeeperRole>, broker: Option<&BrokerRole>) -> Self {
        View {
            began: Instant::now(),
            keeper: keeper.map(|role| KeeperView {
                address: role.address(),
                counters: role.counters(),
                gauges: role.gauges(),
                desk: role.desk(),
            }),
            broker: broker.map(|role| BrokerView {
                addresses: role.addresses().to_vec(),
                counters: role.counters(),
                ready: OnceLock::new(),
            }),
        }
    }

    /// The broker has registered.
    pub fn broker_ready(&self, broker_id: i32, cluster_id: &str) {
        if let Some(broker) = &self.broker {
            // A registration anew, after an expired session, says the same.
            let _ = broker.ready.set((broker_id, cluster_id.to_owned()));
        }
    }

    fn is_ready(&self) -> bool {
        self.broker.as_ref().is_none_or(|broker| broker.ready.get().is_some())
    }
}

/// The running HTTP port.
#[derive(Debug)]
pub struct Control {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Control {
    /// Serves `view` on each of the `addresses`, of which there is at least one; port 0 picks a free one.
    pub fn start(addresses: &[SocketAddr], view: Arc<View>) -> Result<Control, StartError> {
        let listeners = addresses.iter().map(|address| listen(*address)).collect::<Result<Vec<_>, _>>()?;
        let address = listeners.first().and_then(|listener| listener.local_addr().ok());
        let address = address.ok_or_else(|| StartError::System("no address for the HTTP port".to_owned()))?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || {
                // Of no importance if the system does not allow it.
                let _ = rustix::process::setpriority_process(None, 10);
                if let Err(error) = serve(listeners, view, stopped) {
                    tracing::error!(%error, "the HTTP port failed; everything else goes on");
                }
            })
            .map_err(StartError::system("start a thread"))?;
        Ok(Control { address, stop, thread })
    }

    /// Where it listens first.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it. Requests under way are cut off.
    pub fn stop(self) {
        drop(self.stop);
        let _ = self.thread.join();
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, BindError> {
    let bind = |cause| BindError { address, cause };
    let listener = TcpListener::bind(address).map_err(bind)?;
    listener.set_nonblocking(true).map_err(bind)?;
    Ok(listener)
}

fn serve(
    listeners: Vec<TcpListener>,
    view: Arc<View>,
    stopped: oneshot::Receiver<()>,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let room = Arc::new(Semaphore::new(HTTP_CONNECTIONS_MAX));
    runtime.block_on(async {
        for listener in listeners {
            let listener =
                Bounded { listener: tokio::net::TcpListener::from_std(listener)?, room: Arc::clone(&room) };
            let service = router(Arc::clone(&view)).into_make_service_with_connect_info::<From>();
            // Ends with the runtime.
            drop(tokio::spawn(axum::serve(listener, service).into_future()));
        }
        let _ = stopped.await;
        Ok(())
    })
}

fn router(view: Arc<View>) -> Router {
    let url = view.keeper.as_ref().map(|keeper| keeper.desk.config.command_url.clone());
    let commands = url.map(|url| commands::router(&url)).unwrap_or_default();
    Router::new()
        .merge(commands)
        .route("/", get(async |State(view): State<Arc<View>>| Html(page::html(&view))))
        .route("/healthz", get(health))
        .route("/status", get(async |State(view): State<Arc<View>>| Json(page::status(&view))))
        .route("/metrics", get(metrics))
        .with_state(view)
}

async fn health(State(view): State<Arc<View>>) -> Response {
    if view.is_ready() {
        (StatusCode::OK, "ok\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the broker has not registered yet\n").into_response()
    }
}

async fn metrics(State(view): State<Arc<View>>) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    let mut text = metrics::text(&view);
    if let Some(keeper) = &view.keeper {
        text.push_str(&keeper.desk.metrics().await.unwrap_or_default());
    }
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
