//! The coordinator's settings from those of the broker.

use std::str::FromStr;

use clock::Span;

use crate::Settings;

/// Kafka's defaults, and what `server.properties` says instead. A value that is no number was refused
/// when the properties were read.
pub(super) fn of_core(settings: &Settings) -> coordinator::Settings {
    let default = coordinator::Settings::default();
    let ms = |name, default: Span| number(settings, name).map_or(default, Span::ms);
    let minutes = number(settings, "offsets.retention.minutes");
    coordinator::Settings {
        partitions: number(settings, "offsets.topic.num.partitions").unwrap_or(default.partitions).max(1),
        session_timeout_min: ms("group.min.session.timeout.ms", default.session_timeout_min),
        session_timeout_max: ms("group.max.session.timeout.ms", default.session_timeout_max),
        group_size_max: number(settings, "group.max.size").unwrap_or(default.group_size_max),
        groups_max: default.groups_max,
        initial_rebalance_delay: settings.group_initial_rebalance_delay,
        offset_metadata_max: number(settings, "offset.metadata.max.bytes")
            .unwrap_or(default.offset_metadata_max),
        offsets_retention: minutes
            .map_or(default.offsets_retention, |minutes: u64| Span::seconds(minutes.saturating_mul(60))),
        offsets_retention_check_interval: ms(
            "offsets.retention.check.interval.ms",
            default.offsets_retention_check_interval,
        )
        .max(Span::ms(1)),
        commit_timeout: ms("offsets.commit.timeout.ms", default.commit_timeout),
    }
}

fn number<T: FromStr>(settings: &Settings, name: &str) -> Option<T> {
    settings.properties.get(name)?.trim().parse().ok()
}
