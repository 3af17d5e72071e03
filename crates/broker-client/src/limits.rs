//! Every bound of this crate: name, unit, reason.

use clock::Span;

/// Bytes of the largest response that is read: the broker's cap of a fetch is 55 MiB, its requests' 100 MiB.
pub const RESPONSE_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Bytes that a response reserves before they came.
pub const RESPONSE_RESERVE_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of records (before packing) at which a batch is closed. The default topic takes 1 MiB.
pub const BATCH_BYTES_MAX: usize = 512 * 1024;

/// Batches that wait to be sent, all partitions together; a producer that is full must be flushed.
pub const BATCHES_WAITING_MAX: usize = 64;

/// Times that one batch is sent before its producer gives up on it.
pub const SEND_ATTEMPTS_MAX: u32 = 20;

/// Bytes of one fetch answer, and of each partition in it; Kafka's client defaults.
pub const FETCH_BYTES_MAX: i32 = 50 * 1024 * 1024;

/// See [`FETCH_BYTES_MAX`].
pub const FETCH_PARTITION_BYTES_MAX: i32 = 1024 * 1024;

/// How long a broker may hold a fetch that has nothing to give.
pub const FETCH_WAIT: Span = Span::ms(500);

/// The least time that one of several brokers gets to take a connection, before the next one is tried.
pub const CONNECT_PATIENCE_MIN: Span = Span::ms(2000);

/// Pause before what failed for a passing reason is tried again; Kafka's `retry.backoff.ms`.
pub const RETRY_PAUSE: Span = Span::ms(100);

/// How long a session of a consumer group lasts without heartbeat; Kafka's default since 3.0.
pub const SESSION_TIMEOUT: Span = Span::ms(45_000);

/// How often a member shows that it is alive; Kafka's default.
pub const HEARTBEAT_INTERVAL: Span = Span::ms(3_000);

/// How long members may take to come back in a rebalance; Kafka's `max.poll.interval.ms`.
pub const REBALANCE_TIMEOUT: Span = Span::ms(300_000);

/// How old metadata may get before a group's leader looks for new partitions; Kafka's default is five
/// minutes, tools want it sooner.
pub const METADATA_AGE_MAX: Span = Span::ms(30_000);

const _: () = assert!(HEARTBEAT_INTERVAL.as_ms() * 3 <= SESSION_TIMEOUT.as_ms());
const _: () = assert!(RESPONSE_BYTES_MAX > FETCH_BYTES_MAX as usize);
