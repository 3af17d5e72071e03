//! mntr: names and numbers for monitoring, under the original's names.

use std::fmt::Write;

use znode::QuotaTotals;

use crate::keeper::Keeper;
use crate::limits::NAMESPACES_MAX;
use crate::metrics::{Metric, Value};

/// The quantiles of a summary with spread, by the prefix of their names.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)];

impl Keeper {
    pub(super) fn mntr(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.monitor_texts() {
            let _ = writeln!(text, "zk_{name}\t{value}");
        }
        for (name, value) in self.monitor_numbers() {
            let _ = writeln!(text, "zk_{name}\t{value}");
        }
        text
    }

    /// What is no number.
    pub(crate) fn monitor_texts(&self) -> Vec<(&'static str, String)> {
        let mut texts =
            vec![("version", self.server.config.version.clone()), ("server_state", self.mode().to_owned())];
        // The original's server that only reads is no member to itself.
        if !self.stands_alone() && !self.reads_only() {
            texts.push(("peer_state", self.server.peer.phase().to_string()));
        }
        texts
    }

    /// All numbers, summaries taken apart as `mntr` does it.
    pub(crate) fn monitor_numbers(&self) -> Vec<(String, serde_json::Number)> {
        let mut numbers = Vec::new();
        for Metric { name, namespace, value } in self.metrics() {
            let name = namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}_{name}"));
            let summary = match value {
                Value::Gauge(value) => {
                    numbers.push((name, value.into()));
                    continue;
                }
                Value::Counter(value) => {
                    numbers.push((name, value.into()));
                    continue;
                }
                Value::Ratio(value) => {
                    numbers.push((name, fraction(value)));
                    continue;
                }
                Value::Summary(summary) => summary,
            };
            numbers.push((format!("avg_{name}"), fraction(summary.average())));
            numbers.push((format!("min_{name}"), summary.min().into()));
            numbers.push((format!("max_{name}"), summary.max().into()));
            numbers.push((format!("cnt_{name}"), summary.count().into()));
            numbers.push((format!("sum_{name}"), summary.sum().into()));
            if summary.has_spread() {
                for (prefix, part) in QUANTILES {
                    numbers.push((format!("{prefix}_{name}"), summary.quantile(part).into()));
                }
            }
        }
        numbers
    }

    /// Everything that is measured: what is so now, then what was counted.
    pub fn metrics(&self) -> Vec<Metric<'_>> {
        let server = &self.server;
        let (statistics, measures) = (&server.statistics, &server.measures);
        let tree = server.database.tree();
        let latency = &statistics.latency;
        let sizes = &statistics.response_sizes;
        let gauge = |value: usize| Value::Gauge(value as i64);
        let measured = |value: u64| Value::Gauge(value as i64);
        let present = [
            ("avg_latency", Value::Ratio(latency.average_ms())),
            ("min_latency", measured(latency.min_ms)),
            ("max_latency", measured(latency.max_ms)),
            ("packets_received", measured(statistics.received)),
            ("packets_sent", measured(statistics.sent)),
            ("num_alive_connections", gauge(self.connections.len())),
            ("outstanding_requests", gauge(server.in_flight)),
            ("uptime", measured((server.now.moment - server.started).as_ms())),
            // The original counts the root's two names.
            ("znode_count", gauge(tree.len() + 1)),
            ("watch_count", gauge(server.watches.len())),
            ("ephemerals_count", gauge(tree.ephemeral_count())),
            ("approximate_data_size", gauge(tree.approximate_data_bytes() + 1)),
            ("global_sessions", gauge(server.sessions.len())),
            ("local_sessions", gauge(self.local_sessions())),
            ("open_file_descriptor_count", measured(measures.open_files)),
            ("max_file_descriptor_count", measured(measures.open_files_max)),
            ("connection_drop_probability", Value::Ratio(server.throttle.drop_probability())),
            ("last_client_response_size", Value::Gauge(sizes.last)),
            ("min_client_response_size", Value::Gauge(sizes.min)),
            ("max_client_response_size", Value::Gauge(sizes.max)),
            ("outstanding_tls_handshake", measured(measures.handshakes)),
            ("auth_failed_count", measured(server.authentication_failures())),
            ("non_mtls_local_conn_count", Value::Gauge(0)),
            ("non_mtls_remote_conn_count", Value::Gauge(0)),
        ];
        let present = present.into_iter().chain(self.ensemble_gauges()).map(|(name, value)| Metric {
            name,
            namespace: None,
            value,
        });
        present.chain(self.quota_gauges()).chain(server.metrics.all()).collect()
    }

    /// Limits and what there is of them, for each namespace that has a quota.
    fn quota_gauges(&self) -> impl Iterator<Item = Metric<'_>> {
        let mut totals = self.server.database.tree().quota_totals();
        totals.truncate(NAMESPACES_MAX);
        type Pick = fn(&QuotaTotals<'_>) -> Option<i64>;
        let names: [(&str, Pick); 4] = [
            ("quota_count_limit_per_namespace", |totals| totals.count_limit),
            ("quota_bytes_limit_per_namespace", |totals| totals.bytes_limit),
            ("quota_count_usage_per_namespace", |totals| totals.count_used),
            ("quota_bytes_usage_per_namespace", |totals| totals.bytes_used),
        ];
        names.into_iter().flat_map(move |(name, pick)| {
            let gauge = |totals: &QuotaTotals<'_>, namespace| {
                let value = Value::Gauge(pick(totals)?);
                Some(Metric { name, namespace: Some(namespace), value })
            };
            totals.iter().filter_map(|totals| gauge(totals, totals.namespace)).collect::<Vec<_>>()
        })
    }
}

fn fraction(value: f64) -> serde_json::Number {
    let rounded = (value * 10_000.0).round() / 10_000.0;
    serde_json::Number::from_f64(rounded).unwrap_or_else(|| 0.into())
}
