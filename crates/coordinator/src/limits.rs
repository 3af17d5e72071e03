//! The bounds of the coordinator, each with its unit and reason.

/// Groups that one broker coordinates. An idle group takes about half a kilobyte, so this is about
/// 130 MB; past it, requests that would create a group are told to try again later.
pub const GROUPS_MAX: usize = 250_000;

/// Members of one group, whatever `group.max.size` says. Their subscriptions and assignments must fit
/// one record (1 MiB), which far fewer already fill.
pub const MEMBERS_MAX: usize = 20_000;

/// Members of one group that were given an id and have not joined with it yet (KIP-394).
pub const PENDING_MEMBERS_MAX: usize = 10_000;

/// Bytes of names and metadata of all protocols that one member offers. The record that must hold
/// the chosen one is limited to 1 MiB by `max.message.bytes`.
pub const MEMBER_PROTOCOLS_BYTES_MAX: usize = 4 << 20;

/// Bytes of all assignments in one SyncGroup, for the same reason.
pub const ASSIGNMENTS_BYTES_MAX: usize = 16 << 20;

/// Requests that wait for their records to be durable. Each is one client's connection, so the
/// connection limit is met first; this bounds a shell that forgets to acknowledge.
pub const WRITES_IN_FLIGHT_MAX: usize = 100_000;

/// Offsets in one append of tombstones: about 100 bytes each, so that a batch stays under the default
/// `max.message.bytes` of 1 MiB.
pub const TOMBSTONES_PER_APPEND_MAX: usize = 5_000;

/// Transactional ids that one broker coordinates. An idle one takes about 300 bytes; past it, a new id is
/// told to try again later.
pub const TRANSACTIONAL_IDS_MAX: usize = 250_000;

/// Bytes of the record of one transactional id with all partitions of its transaction, under the default
/// `max.message.bytes` of 1 MiB.
pub const TRANSACTION_RECORD_BYTES_MAX: usize = 1_000_000;

/// Bytes of a pattern of topics. People write short ones.
pub const PATTERN_BYTES_MAX: usize = 8 << 10;

/// Bytes that a pattern may compile to; matching takes memory and time in proportion.
pub const PATTERN_PROGRAM_BYTES_MAX: usize = 1 << 20;

/// Bytes of the topic names that one member subscribes to. The record that must hold them is limited to
/// 1 MiB by `max.message.bytes`.
pub const SUBSCRIPTION_BYTES_MAX: usize = 1 << 20;

/// Bytes of any name: what the classic encoding of a string can say, which the records use.
pub const NAME_BYTES_MAX: usize = i16::MAX as usize;

const _: () = assert!(MEMBERS_MAX >= PENDING_MEMBERS_MAX);
const _: () = assert!(TOMBSTONES_PER_APPEND_MAX > 0);
