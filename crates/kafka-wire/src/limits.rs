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
