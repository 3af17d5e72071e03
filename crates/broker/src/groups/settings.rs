//! The coordinator's settings from those of the broker.

use std::str::FromStr;

use clock::Span;
use coordinator::Assignor;

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
        consumer_session_timeout: ms("group.consumer.session.timeout.ms", default.consumer_session_timeout),
        consumer_heartbeat_interval: ms(
            "group.consumer.heartbeat.interval.ms",
            default.consumer_heartbeat_interval,
        ),
        consumer_group_size_max: number(settings, "group.consumer.max.size")
            .unwrap_or(default.consumer_group_size_max),
        assignors: assignors(settings).unwrap_or(default.assignors),
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

/// `group.consumer.assignors`, but for those that are not known; `None` if nothing is left.
fn assignors(settings: &Settings) -> Option<Vec<Assignor>> {
    let names = settings.properties.get("group.consumer.assignors")?;
    let known: Vec<Assignor> = names.split(',').filter_map(Assignor::named).collect();
    (!known.is_empty()).then_some(known)
}

/// Whether `group.coordinator.rebalance.protocols` has the consumer protocol, as it does unless it is set.
pub(crate) fn serves_consumer_protocol(settings: &Settings) -> bool {
    let protocols = settings.properties.get("group.coordinator.rebalance.protocols");
    protocols.is_none_or(|names| names.split(',').any(|name| name.trim().eq_ignore_ascii_case("consumer")))
}

fn number<T: FromStr>(settings: &Settings, name: &str) -> Option<T> {
    settings.properties.get(name)?.trim().parse().ok()
}
