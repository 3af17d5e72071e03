//! `/commands`: the original's AdminServer on our HTTP port. The node answers; what moves files, snapshot
//! and restore, is done here and by the keeper's desk.

use super::View;
use super::bounded::From;
use crate::keeper_role::{Desk, Taken};
use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http_body::Frame;
use keeper::{Answer, COMMANDS};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

type Arguments = Query<BTreeMap<String, String>>;

/// The routes below `admin.commandURL`.
pub(super) fn router(url: &str) -> Router<Arc<View>> {
    let one = format!("{url}/{{name}}");
    let links = get(index).post(index);
    Router::new()
        .route(url, links.clone())
        .route(&format!("{url}/"), links)
        .route(&one, get(command).post(post))
}

fn desk(view: &View) -> Option<&Desk> {
    view.keeper.as_ref().map(|keeper| &*keeper.desk)
}

/// Links to all commands.
async fn index(State(view): State<Arc<View>>) -> Response {
    let Some(desk) = desk(&view) else { return StatusCode::NOT_FOUND.into_response() };
    let url = &desk.config.command_url;
    let links = COMMANDS.iter().map(|names| format!("<a href=\"{url}/{0}\">{0}</a>\n<br/>\n", names[0]));
    Html(links.collect::<String>()).into_response()
}

async fn command(
    State(view): State<Arc<View>>,
    Path(name): Path<String>,
    Query(arguments): Arguments,
    ConnectInfo(From(from)): ConnectInfo<From>,
    headers: HeaderMap,
) -> Response {
    let Some(desk) = desk(&view) else { return StatusCode::NOT_FOUND.into_response() };
    match &*name {
        "snapshot" | "snap" => snapshot(desk, &arguments, &headers, from.ip()).await,
        // Only by POST; the original refuses it without a word.
        "restore" | "rest" => match permitted(desk, "restore", &headers, from.ip()).await {
            Ok(()) => answered(Answer::refused("restore", 405, None)),
            Err(refusal) => refusal,
        },
        _ => match desk.command(name, arguments.get("traceMask").cloned()).await {
            Some(answer) => answered(answer),
            None => busy(),
        },
    }
}

async fn post(
    State(view): State<Arc<View>>,
    Path(name): Path<String>,
    ConnectInfo(From(from)): ConnectInfo<From>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(desk) = desk(&view) else { return StatusCode::NOT_FOUND.into_response() };
    if matches!(&*name, "restore" | "rest") {
        return restore(desk, &headers, from.ip(), body).await;
    }
    match COMMANDS.iter().find(|names| names.contains(&&*name)) {
        Some(names) => answered(Answer::refused(names[0], 405, None)),
        None => answered(Answer::refused(&name, 200, Some(&format!("Unknown command: {name}")))),
    }
}

async fn permitted(
    desk: &Desk,
    command: &'static str,
    headers: &HeaderMap,
    from: IpAddr,
) -> Result<(), Response> {
    let text = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match desk.permission(command, text.map(str::to_owned), from).await {
        Some(outcome) => outcome.map_err(answered),
        None => Err(busy()),
    }
}

async fn snapshot(
    desk: &Desk,
    arguments: &BTreeMap<String, String>,
    headers: &HeaderMap,
    from: IpAddr,
) -> Response {
    if let Err(refusal) = permitted(desk, "snapshot", headers, from).await {
        return refusal;
    }
    if !desk.config.snapshot {
        return answered(Answer::refused("snapshot", 503, None));
    }
    if !desk.snapshots.allows(Instant::now()) {
        desk.gauges.snapshot_limited();
        return answered(Answer::refused("snapshot", 429, None));
    }
    let streaming = arguments.get("streaming").is_none_or(|value| value.eq_ignore_ascii_case("true"));
    let opened = desk.snapshot().await.and_then(|taken| open(&taken).map_err(|error| error.to_string()));
    let (file, bytes, zxid) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            desk.gauges.snapshot_failed();
            tracing::warn!(%error, "a snapshot was asked for and could not be taken");
            return answered(Answer::refused("snapshot", 500, None));
        }
    };
    let about = [("last_zxid", zxid), ("snapshot_size", bytes.to_string())];
    if streaming {
        let body = Body::new(FileBody { file, chunk: vec![0; CHUNK_BYTES] });
        (about, [(header::CONTENT_TYPE, "application/octet-stream")], body).into_response()
    } else {
        (about, answered(Answer::refused("snapshot", 200, None))).into_response()
    }
}

/// Opened before the keeper can remove it; it can be read to its end even then.
fn open(taken: &Taken) -> std::io::Result<(File, u64, String)> {
    let file = File::open(&taken.path)?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes, taken.zxid.to_string()))
}

async fn restore(desk: &Desk, headers: &HeaderMap, from: IpAddr, body: Body) -> Response {
    if let Err(refusal) = permitted(desk, "restore", headers, from).await {
        return refusal;
    }
    if !desk.config.restore {
        return answered(Answer::refused("restore", 503, None));
    }
    if !desk.restores.allows(Instant::now()) {
        desk.gauges.restore_limited();
        return answered(Answer::refused("restore", 429, None));
    }
    let inbox = desk.inbox();
    let outcome = match receive(body, &inbox).await {
        Ok(()) => desk.restore(&inbox).await,
        Err(error) => Err(error),
    };
    // What is left of it is removed at the next start at the latest.
    let _ = std::fs::remove_file(&inbox);
    match outcome {
        Ok(zxid) => {
            let body = json!({"command": "restore", "error": Value::Null, "last_zxid": zxid.0});
            answered(Answer { status: 200, body })
        }
        Err(error) => {
            desk.gauges.restore_failed();
            tracing::warn!(%error, "a snapshot that came over HTTP could not be restored");
            answered(Answer::refused("restore", 500, None))
        }
    }
}

/// Writes the body of a request to a file as it comes.
async fn receive(mut body: Body, into: &std::path::Path) -> Result<(), String> {
    let mut file = File::create(into).map_err(|error| format!("{}: {error}", into.display()))?;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|error| format!("the request broke off: {error}"))?;
        if let Ok(data) = frame.into_data() {
            file.write_all(&data).map_err(|error| format!("{}: {error}", into.display()))?;
        }
    }
    Ok(())
}

fn answered(Answer { status, body }: Answer) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], format!("{body:#}\n")).into_response()
}

fn busy() -> Response {
    let body = json!({"error": "This ZooKeeper instance is not currently serving requests"});
    answered(Answer { status: 503, body })
}

/// Bytes of a file that are sent at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// A file as the body of a response.
struct FileBody {
    file: File,
    chunk: Vec<u8>,
}

impl HttpBody for FileBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        let FileBody { file, chunk } = &mut *self;
        Poll::Ready(match file.read(chunk) {
            Ok(0) => None,
            Ok(read) => Some(Ok(Frame::data(Bytes::copy_from_slice(&chunk[..read])))),
            Err(error) => Some(Err(error)),
        })
    }
}
