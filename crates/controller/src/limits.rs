//! Bounds of this crate: name, unit, reason.

/// Most partitions of one topic whose first states are asked for at once; the rest follow when these
/// are seen. Keeps one huge topic from filling the session's queue.
pub const NEW_STATES_UNDER_WAY_MAX: usize = 10_000;
