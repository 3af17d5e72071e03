//! `/metrics`: counters and gauges in Prometheus' text format.

use super::View;
use crate::process;
use shard::Counters;
use std::fmt::Write;

/// One metric with its values, each under its labels.
struct Metric<'a> {
    name: &'a str,
    kind: &'a str,
    help: &'a str,
    values: Vec<(String, f64)>,
}

/// A counter of a shard: its name, what it counts, and how to read it.
type ShardMetric = (&'static str, &'static str, &'static str, fn(&Counters) -> u64);

const SHARD_METRICS: &[ShardMetric] = &[
    ("castle_connections", "gauge", "Open connections.", Counters::connections),
    ("castle_connections_accepted_total", "counter", "Connections accepted.", Counters::accepted),
    ("castle_connections_refused_total", "counter", "Connections refused by a limit.", Counters::refused),
    (
        "castle_connections_malformed_total",
        "counter",
        "Connections closed for a bad frame.",
        Counters::malformed,
    ),
    (
        "castle_connections_overflowed_total",
        "counter",
        "Connections closed because their client did not read.",
        Counters::overflowed,
    ),
    (
        "castle_connections_idle_total",
        "counter",
        "Connections closed because they were idle.",
        Counters::idled_out,
    ),
    ("castle_frames_received_total", "counter", "Requests received.", Counters::frames_in),
    ("castle_frames_sent_total", "counter", "Replies and notifications sent.", Counters::frames_out),
    ("castle_bytes_received_total", "counter", "Bytes received.", Counters::bytes_in),
    ("castle_bytes_sent_total", "counter", "Bytes sent.", Counters::bytes_out),
    ("castle_turns_total", "counter", "Turns of the event loop.", Counters::turns),
];

/// The whole page.
pub(super) fn text(view: &View) -> String {
    let mut metrics = process_metrics(view);
    let shards = [
        ("keeper", view.keeper.as_ref().map(|keeper| &keeper.counters)),
        ("broker", view.broker.as_ref().map(|broker| &broker.counters)),
    ];
    for (name, kind, help, read) in SHARD_METRICS {
        let values = shards.iter().filter_map(|(role, counters)| {
            counters.map(|counters| (format!("{{role=\"{role}\"}}"), read(counters) as f64))
        });
        metrics.push(Metric { name, kind, help, values: values.collect() });
    }
    metrics.extend(keeper_metrics(view));
    if view.keeper.is_some() {
        metrics.extend(stand_ins());
    }
    let mut text = String::new();
    for Metric { name, kind, help, values } in metrics {
        if values.is_empty() {
            continue;
        }
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    }
    text
}

fn plain<'a>(name: &'a str, kind: &'a str, help: &'a str, value: f64) -> Metric<'a> {
    Metric { name, kind, help, values: vec![(String::new(), value)] }
}

fn process_metrics(view: &View) -> Vec<Metric<'static>> {
    let (open, open_max) = process::open_files();
    let version = format!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    vec![
        Metric {
            name: "castle_build_info",
            kind: "gauge",
            help: "The version that runs.",
            values: vec![(version, 1.0)],
        },
        plain("castle_ready", "gauge", "Whether clients are served.", f64::from(u8::from(view.is_ready()))),
        plain("castle_uptime_seconds", "gauge", "Time since the start.", view.began.elapsed().as_secs_f64()),
        plain("process_cpu_seconds_total", "counter", "Processor time used.", process::cpu_seconds()),
        plain("process_resident_memory_bytes", "gauge", "Resident memory.", process::resident_bytes() as f64),
        plain("process_open_fds", "gauge", "Open file descriptors.", open as f64),
        plain("process_max_fds", "gauge", "File descriptors that may be open.", open_max as f64),
    ]
}

/// What an exporter of Java's would say of its machine, for boards and alerts that were made for the original:
/// there is memory and there are threads here too, and never a collection of garbage.
fn stand_ins() -> Vec<Metric<'static>> {
    let facts = process::facts();
    let (used, most) = (process::resident_bytes() as f64, process::memory_bytes() as f64);
    let areas =
        |heap: f64| vec![("{area=\"heap\"}".to_owned(), heap), ("{area=\"nonheap\"}".to_owned(), 0.0)];
    let pool = |bytes: f64| vec![("{pool=\"resident\"}".to_owned(), bytes)];
    let area = |name, help, heap| Metric { name, kind: "gauge", help, values: areas(heap) };
    let of_pool = |name, help, bytes| Metric { name, kind: "gauge", help, values: pool(bytes) };
    let none = |name| Metric {
        name,
        kind: "counter",
        help: "There is no garbage to collect.",
        values: vec![("{gc=\"none\"}".to_owned(), 0.0)],
    };
    vec![
        area("jvm_memory_bytes_used", "Resident memory.", used),
        area("jvm_memory_bytes_committed", "Resident memory.", used),
        area("jvm_memory_bytes_max", "Memory of the machine.", most),
        area("jvm_memory_bytes_init", "Nothing is set aside.", 0.0),
        of_pool("jvm_memory_pool_bytes_used", "Resident memory.", used),
        of_pool("jvm_memory_pool_bytes_committed", "Resident memory.", used),
        of_pool("jvm_memory_pool_bytes_max", "Memory of the machine.", most),
        none("jvm_gc_collection_seconds_count"),
        none("jvm_gc_collection_seconds_sum"),
        plain("jvm_threads_current", "gauge", "Threads.", facts.threads as f64),
        plain("jvm_threads_daemon", "gauge", "Threads.", facts.threads as f64),
        plain("jvm_threads_deadlocked", "gauge", "No lock is taken inside another.", 0.0),
        plain("process_virtual_memory_bytes", "gauge", "Address space.", facts.virtual_bytes as f64),
        plain("process_start_time_seconds", "gauge", "Start, since 1970.", facts.started_seconds),
    ]
}

fn keeper_metrics(view: &View) -> Vec<Metric<'static>> {
    let Some(keeper) = &view.keeper else { return Vec::new() };
    let gauges = &keeper.gauges;
    vec![
        plain("castle_keeper_znodes", "gauge", "Znodes in the tree.", gauges.znodes() as f64),
        plain("castle_keeper_sessions", "gauge", "Sessions that live.", gauges.sessions() as f64),
        plain("castle_keeper_zxid", "gauge", "Last transaction applied.", gauges.last_zxid() as f64),
        plain(
            "castle_keeper_durable_zxid",
            "gauge",
            "Last transaction that is durable.",
            gauges.durable_zxid() as f64,
        ),
        plain(
            "castle_keeper_log_entries_total",
            "counter",
            "Transactions written.",
            gauges.log_entries() as f64,
        ),
        plain(
            "castle_keeper_log_groups_total",
            "counter",
            "Groups of transactions, one sync each.",
            gauges.log_groups() as f64,
        ),
        plain(
            "castle_keeper_log_sync_seconds_total",
            "counter",
            "Time spent making groups durable.",
            gauges.log_sync_us() as f64 / 1e6,
        ),
        plain(
            "castle_keeper_log_sync_seconds_max",
            "gauge",
            "Longest time for one group.",
            gauges.log_sync_us_max() as f64 / 1e6,
        ),
        plain("castle_keeper_snapshots_total", "counter", "Snapshots written.", gauges.snapshots() as f64),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn what_boards_ask_of_java_is_answered() {
        let names: Vec<&str> = stand_ins().iter().map(|metric| metric.name).collect();
        for name in ["jvm_memory_bytes_used", "jvm_memory_bytes_max", "jvm_threads_current"] {
            assert!(names.contains(&name), "{name}");
        }
        let value = |name| {
            let found = stand_ins().into_iter().find(|metric| metric.name == name).expect("it is there");
            found.values[0].1
        };
        assert!(value("jvm_memory_bytes_used") > 0.0 && value("jvm_threads_current") >= 1.0);
        // The alert of the original fires at four fifths of this.
        assert!(value("jvm_memory_bytes_max") > value("jvm_memory_bytes_used"));
        assert!(value("process_start_time_seconds") > 1.6e9);
    }

    #[test]
    fn every_metric_has_help_a_type_and_a_value() {
        let view = View { began: Instant::now(), keeper: None, broker: None };
        let text = text(&view);
        assert!(text.contains("\n# TYPE castle_ready gauge\ncastle_ready 1\n"), "{text}");
        assert!(text.lines().all(|line| line.starts_with("# ") || line.split(' ').count() == 2), "{text}");
        assert!(!text.contains("castle_connections{"), "no role, no shard");
    }
}
