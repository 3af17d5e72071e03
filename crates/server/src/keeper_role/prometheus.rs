//! The node's metrics in Prometheus' text format, under the names that the original's provider gives
//! them, so that dashboards and alerts made for it go on working.

use keeper::{Metric, Summary, Value};
use std::fmt::Write;

/// The quantiles of the original's provider.
const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];

/// Requests' times as histograms too, which can be added up over servers: the summary, and the
/// histogram's name.
const HISTOGRAMS: [(&str, &str); 2] = [
    ("readlatency", "castle_keeper_read_latency_seconds"),
    ("updatelatency", "castle_keeper_update_latency_seconds"),
];

/// Buckets of the histograms end at powers of two, in milliseconds: from 1 to 16,384.
const EXPONENTS: std::ops::Range<u32> = 0..15;

pub(super) fn text(metrics: &[Metric<'_>]) -> String {
    let mut text = String::new();
    let mut headed = "";
    for Metric { name, namespace, value } in metrics {
        let kind = match value {
            Value::Gauge(_) | Value::Ratio(_) => "gauge",
            Value::Counter(_) => "counter",
            Value::Summary(_) => "summary",
        };
        if headed != *name {
            let _ = writeln!(text, "# HELP {name} {name}\n# TYPE {name} {kind}");
            headed = name;
        }
        let key = namespace.map(|namespace| format!("key=\"{}\"", escaped(namespace)));
        match value {
            Value::Gauge(value) => line(&mut text, name, "", &[key], *value as f64),
            Value::Ratio(value) => line(&mut text, name, "", &[key], *value),
            Value::Counter(value) => line(&mut text, name, "", &[key], *value as f64),
            Value::Summary(summary) => write_summary(&mut text, name, key.as_deref(), summary),
        }
    }
    for (summary, name) in HISTOGRAMS {
        let found = metrics.iter().find(|metric| metric.name == summary);
        if let Some(Metric { value: Value::Summary(summary), .. }) = found {
            write_histogram(&mut text, name, summary);
        }
    }
    text
}

fn write_summary(text: &mut String, name: &str, key: Option<&str>, summary: &Summary) {
    let key = || key.map(str::to_owned);
    if summary.has_spread() {
        for part in QUANTILES {
            let quantile = Some(format!("quantile=\"{part}\""));
            line(text, name, "", &[key(), quantile], summary.quantile(part) as f64);
        }
    } else {
        // Without a spread the average stands for the middle.
        line(text, name, "", &[key(), Some("quantile=\"0.5\"".to_owned())], summary.average());
    }
    line(text, name, "_count", &[key()], summary.count() as f64);
    line(text, name, "_sum", &[key()], summary.sum() as f64);
}

fn write_histogram(text: &mut String, name: &str, summary: &Summary) {
    let _ = writeln!(text, "# HELP {name} Time from request to reply.\n# TYPE {name} histogram");
    for exponent in EXPONENTS {
        let bound = Some(format!("le=\"{}\"", f64::from(1_u32 << exponent) / 1000.0));
        line(text, name, "_bucket", &[bound], summary.below_power(exponent) as f64);
    }
    line(text, name, "_bucket", &[Some("le=\"+Inf\"".to_owned())], summary.count() as f64);
    line(text, name, "_sum", &[None], summary.sum() as f64 / 1000.0);
    line(text, name, "_count", &[None], summary.count() as f64);
}

fn line(text: &mut String, name: &str, suffix: &str, labels: &[Option<String>], value: f64) {
    let labels: Vec<&str> = labels.iter().flatten().map(String::as_str).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    let _ = writeln!(text, "{name}{suffix}{labels} {value}");
}

/// A label's value: quotes, backslashes and line ends would end it early.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_lines() {
        let summary = Summary::measured(2, 10, 4, 6);
        let metric = |name, namespace, value| Metric { name, namespace, value };
        let text = text(&[
            metric("uptime", None, Value::Gauge(7)),
            metric("avg_latency", None, Value::Ratio(0.5)),
            metric("commit_count", None, Value::Counter(3)),
            metric("fsynctime", None, Value::Summary(&summary)),
            metric("read_per_namespace", Some("a\"b"), Value::Summary(&summary)),
        ]);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("# HELP")).collect();
        assert_eq!(
            lines,
            [
                "# TYPE uptime gauge",
                "uptime 7",
                "# TYPE avg_latency gauge",
                "avg_latency 0.5",
                "# TYPE commit_count counter",
                "commit_count 3",
                "# TYPE fsynctime summary",
                "fsynctime{quantile=\"0.5\"} 5",
                "fsynctime_count 2",
                "fsynctime_sum 10",
                "# TYPE read_per_namespace summary",
                "read_per_namespace{key=\"a\\\"b\",quantile=\"0.5\"} 5",
                "read_per_namespace_count{key=\"a\\\"b\"} 2",
                "read_per_namespace_sum{key=\"a\\\"b\"} 10",
            ]
        );
    }
}
