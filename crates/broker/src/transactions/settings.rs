//! The settings of the coordinator of transactions from those of the broker.

use std::str::FromStr;

use clock::Span;

use crate::Settings;

/// Kafka's defaults, and what `server.properties` says instead. A value that is no number was refused
/// when the properties were read.
pub(super) fn of_core(settings: &Settings) -> coordinator::transactions::Settings {
    let default = coordinator::transactions::Settings::default();
    let ms = |name, default: Span| number(settings, name).map_or(default, Span::ms).max(Span::ms(1));
    coordinator::transactions::Settings {
        partitions: number(settings, "transaction.state.log.num.partitions")
            .unwrap_or(default.partitions)
            .max(1),
        timeout_ms_max: number(settings, "transaction.max.timeout.ms").unwrap_or(default.timeout_ms_max),
        id_expiration: ms("transactional.id.expiration.ms", default.id_expiration),
        abort_interval: ms(
            "transaction.abort.timed.out.transaction.cleanup.interval.ms",
            default.abort_interval,
        ),
        removal_interval: ms(
            "transaction.remove.expired.transaction.cleanup.interval.ms",
            default.removal_interval,
        ),
        retry_interval: default.retry_interval,
        ids_max: default.ids_max,
    }
}

/// `transaction.partition.verification.enable`.
pub(super) fn verifies(settings: &Settings) -> bool {
    number(settings, "transaction.partition.verification.enable").unwrap_or(true)
}

fn number<T: FromStr>(settings: &Settings, name: &str) -> Option<T> {
    settings.properties.get(name)?.trim().parse().ok()
}
