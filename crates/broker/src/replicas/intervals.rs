//! How often the replicas are looked after, as the broker's properties say or else the limits.

use clock::Span;

use super::cleaner::pause_for;
use crate::Settings;
use crate::limits::{
    COMPACTION_INTERVAL, HIGH_WATERMARK_INTERVAL, RECOVERY_POINT_INTERVAL, RETENTION_INTERVAL,
};

/// The intervals of upkeep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Intervals {
    /// `log.retention.check.interval.ms`.
    pub(super) retention: Span,
    /// `log.cleaner.backoff.ms`.
    pub(super) compaction: Span,
    /// Between two slices of a compaction, as `log.cleaner.io.max.bytes.per.second` says.
    pub(super) compaction_pause: Span,
    /// `replica.high.watermark.checkpoint.interval.ms`.
    pub(super) high_watermarks: Span,
    /// `log.flush.offset.checkpoint.interval.ms`, if it is shorter than ours.
    pub(super) recovery_points: Span,
}

impl Intervals {
    /// What the settings say; a value that is no positive number counts as not given.
    pub(super) fn of(settings: &Settings) -> Self {
        let given = |name: &str| {
            let ms: u64 = settings.properties.get(name)?.trim().parse().ok()?;
            (ms > 0).then_some(Span::ms(ms))
        };
        let recovery_points =
            given("log.flush.offset.checkpoint.interval.ms").unwrap_or(RECOVERY_POINT_INTERVAL);
        let rate = settings.properties.get("log.cleaner.io.max.bytes.per.second");
        let rate = rate.and_then(|rate| rate.trim().parse::<f64>().ok());
        Intervals {
            compaction_pause: pause_for(rate),
            retention: given("log.retention.check.interval.ms").unwrap_or(RETENTION_INTERVAL),
            compaction: given("log.cleaner.backoff.ms").unwrap_or(COMPACTION_INTERVAL),
            high_watermarks: given("replica.high.watermark.checkpoint.interval.ms")
                .unwrap_or(HIGH_WATERMARK_INTERVAL),
            recovery_points: recovery_points.min(RECOVERY_POINT_INTERVAL),
        }
    }
}
