//! Bounds of this crate: name, unit, reason.

/// Most operations that one multi of ours carries. At about 250 bytes an operation this stays well
/// under the 1 MiB that a ZooKeeper server takes by default (`jute.maxbuffer`).
pub const OPS_PER_MULTI_MAX: usize = 1_500;

/// Most bytes of paths and data that one multi of ours carries; half of the default `jute.maxbuffer`.
pub const BYTES_PER_MULTI_MAX: usize = 512 * 1024;

/// Reads that the mirror keeps under way at once: enough to hide the round trip, small enough for the
/// server's throttle (`globalOutstandingLimit` is 1,000).
pub const MIRROR_READS_IN_FLIGHT_MAX: usize = 256;

/// Longest topic name in characters, so that `name-partition` fits a file name of 255.
pub const TOPIC_NAME_CHARS_MAX: usize = 249;

/// Most partitions a topic may have here: a topic's assignment is one znode, and a znode holds 1 MiB
/// at about 14 bytes a partition with three replicas.
pub const PARTITIONS_PER_TOPIC_MAX: i32 = 50_000;

const _: () = assert!(BYTES_PER_MULTI_MAX < 1024 * 1024);
