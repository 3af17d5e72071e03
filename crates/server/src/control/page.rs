//! `/` and `/status`: the same facts, for a person and for a program.

use super::View;
use crate::process;
use serde_json::{Value, json};
use shard::Counters;

/// The facts as JSON.
pub(super) fn status(view: &View) -> Value {
    let (open_files, open_files_max) = process::open_files();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "ready": view.is_ready(),
        "uptime_ms": view.began.elapsed().as_millis() as u64,
        "resident_bytes": process::resident_bytes(),
        "cpu_seconds": process::cpu_seconds(),
        "open_files": open_files,
        "open_files_max": open_files_max,
        "keeper": view.keeper.as_ref().map(|keeper| json!({
            "address": keeper.address.to_string(),
            "znodes": keeper.gauges.znodes(),
            "sessions": keeper.gauges.sessions(),
            "zxid": format!("{:#x}", keeper.gauges.last_zxid()),
            "traffic": traffic(&keeper.counters),
        })),
        "broker": view.broker.as_ref().map(|broker| json!({
            "addresses": broker.addresses.iter().map(|address| address.to_string()).collect::<Vec<_>>(),
            "broker_id": broker.ready.get().map(|(id, _)| id),
            "cluster_id": broker.ready.get().map(|(_, cluster)| cluster),
            "traffic": traffic(&broker.counters),
        })),
    })
}

fn traffic(counters: &Counters) -> Value {
    json!({
        "connections": counters.connections(),
        "requests": counters.frames_in(),
        "replies": counters.frames_out(),
        "bytes_received": counters.bytes_in(),
        "bytes_sent": counters.bytes_out(),
    })
}

/// The facts as a page that reloads itself.
pub(super) fn html(view: &View) -> String {
    let mut rows = String::new();
    let mut row = |name: &str, value: String| {
        rows.push_str(&format!("<tr><th>{name}</th><td>{value}</td></tr>\n"));
    };
    row("state", if view.is_ready() { "ready" } else { "starting" }.to_owned());
    row("up for", format!("{} s", view.began.elapsed().as_secs()));
    row("memory", format!("{:.1} MiB", process::resident_bytes() as f64 / f64::from(1 << 20)));
    if let Some(keeper) = &view.keeper {
        row("keeper", keeper.address.to_string());
        let (znodes, sessions) = (keeper.gauges.znodes(), keeper.gauges.sessions());
        row("", format!("{znodes} znodes, {sessions} sessions, {}", connections(&keeper.counters)));
    }
    if let Some(broker) = &view.broker {
        let addresses: Vec<String> = broker.addresses.iter().map(|address| address.to_string()).collect();
        row("broker", addresses.join(", "));
        if let Some((id, cluster)) = broker.ready.get() {
            row("", format!("number {id} of cluster {cluster}, {}", connections(&broker.counters)));
        }
    }
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=5><title>Castle</title>\
         <style>body{{font:16px/1.5 system-ui,sans-serif;margin:3em auto;max-width:40em}}\
         th{{text-align:left;padding-right:2em;font-weight:normal;color:#777}}</style>\n\
         <h1>Castle {}</h1>\n<table>\n{rows}</table>\n\
         <p><a href=/status>status</a> · <a href=/metrics>metrics</a> · <a href=/healthz>health</a></p></html>\n",
        env!("CARGO_PKG_VERSION")
    )
}

fn connections(counters: &Counters) -> String {
    format!("{} connections, {} requests", counters.connections(), counters.frames_in())
}
