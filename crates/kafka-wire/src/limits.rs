//! Every bound of this crate: name, unit, reason.

/// Elements that the arrays of one message may hold together.
///
/// Kafka 4.4 refuses a single array above a million elements. Counting all arrays of a message together keeps
/// what a 100 MiB frame can make us allocate within a few hundred megabytes, where nested arrays of tiny
/// structs could otherwise ask for many times the frame.
pub const MESSAGE_ELEMENTS_MAX: usize = 2_000_000;

/// Bytes of the first allocation of an array; it grows by itself as elements prove to be there.
pub const ARRAY_RESERVE_BYTES_MAX: usize = 64 * 1024;

/// Fields in one tagged section; Kafka 4.4 draws the same line.
pub const TAGGED_FIELDS_MAX: u32 = 10_000;

/// Record pieces from this length on travel as segments of their own; shorter ones are cheaper to copy than
/// to hand to `writev`.
pub const SEGMENT_BYTES_MIN: usize = 1024;

/// Bytes of the longest string that classic (two-byte length) encoding can carry.
pub const CLASSIC_STRING_BYTES_MAX: usize = i16::MAX as usize;

/// Bytes that the records of one batch may unpack to, unless the caller says otherwise.
///
/// Kafka has no such bound. The largest batch it stores by default is 1 MiB packed; a hundred times that is
/// beyond what real data compresses to and still cheap to refuse.
pub const BATCH_UNPACKED_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Base-two logarithm of the largest zstd window, in bytes; the reference decoder refuses more, too.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// Bytes that an unpacked buffer reserves before anything proved to be there.
pub const UNPACK_RESERVE_BYTES_MAX: usize = 64 * 1024;
