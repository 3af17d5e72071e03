//! Bounds of the load generator.

/// Bytes of one answer; a longer one means that the server, or this program, lost its place.
pub const ANSWER_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Bytes of the buffer that all sockets are read through.
pub const READ_BYTES: usize = 256 * 1024;

/// Milliseconds to wait for a connection, a greeting, or the last answers after the end.
pub const PATIENCE_MS: u64 = 10_000;

/// Milliseconds before a greeting is repeated that the server was not ready for.
pub const AGAIN_MS: u64 = 50;

/// Longest latency that the histogram tells apart, in microseconds: ten minutes.
pub const LATENCY_US_MAX: u64 = 600_000_000;

/// Milliseconds that a turn lasts when nothing happens; then the progress is shown and the end noticed.
pub const TURN_MS_MAX: u64 = 50;

/// Connections that are opened before they are greeted: as many as the smallest queue of those that wait to be
/// accepted (ZooKeeper's is 50).
pub const WAVE: usize = 50;
