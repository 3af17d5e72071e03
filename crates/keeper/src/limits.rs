//! The bounds of this crate, each with its unit and its reason. Those that administrators of the
//! original know are fields of [`crate::KeeperConfig`]; here are the rest.

use clock::Span;

/// Frames of one connection that wait because they cannot be started yet (its session is not
/// established, the log is behind, or requests are throttled). Reading stops long before
/// ([`HELD_FRAMES_PAUSE`]); a client that comes so far is cut off.
pub const HELD_FRAMES_MAX: usize = 16_384;

/// Frames of one connection that wait like this before nothing more is read from it: a turn's worth. It is read
/// again when half of them have begun.
pub const HELD_FRAMES_PAUSE: usize = 256;

/// Bytes in those frames, likewise.
pub const HELD_BYTES_PAUSE: usize = 1 << 20;

/// Bytes in those frames.
pub const HELD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Requests of one connection that wait for their turn. Reading stops long before by the outstanding
/// limit; only requests that do not count against it (pings, those without a proper xid) come so far.
pub const PIPELINE_MAX: usize = 65_536;

/// How long a member looks for a leader, at the least, before it lets clients read without one. Elections
/// that end sooner are not worth showing anybody an older state.
pub const READ_ONLY_GRACE: Span = Span::seconds(2);

/// Identities one connection may collect by auth packets; each is looked at in every permission check.
pub const IDENTITIES_MAX: usize = 128;

/// How long a connection may stay without a session, as in the original.
pub const SESSIONLESS: Span = Span::seconds(10);

/// Bytes set aside for replies at a time; one allocation serves a few hundred small ones.
pub const REPLY_CHUNK_BYTES: usize = 16 * 1024;

/// Containers and timed znodes deleted in one round of the reaper, so that a round does not fill the
/// log's queue.
pub const REAPED_A_ROUND_MAX: usize = 1_000;

/// Transactions that must be free in the log's queue before another request is started: a frame can
/// end in a transaction, and the clock can end sessions at the same time.
pub const ROOM_MIN: usize = 1_024;

/// Transactions by which one session may lose ephemeral znodes before it ends, a mebibyte of paths
/// each; what is left then goes with the end itself.
pub const FAREWELL_TXNS_MAX: usize = ROOM_MIN / 2;

const _: () = assert!(ROOM_MIN * 2 < zab::limits::OUTSTANDING_MAX);

/// Names right below the root that reads and writes are counted for; with more, the first ones are
/// (a summary is some sixty bytes, and nobody reads a longer list).
pub const NAMESPACES_MAX: usize = 512;

/// Bytes in such a name; a longer one is not counted.
pub const NAMESPACE_BYTES_MAX: usize = 128;

/// Digests of the tree that `hash` shows: one for every [`DIGEST_EVERY`] transactions, as in the
/// original.
pub const DIGESTS_SHOWN: usize = 1_024;

/// Transactions between two of them.
pub const DIGEST_EVERY: i64 = 128;

/// Znodes, watches or connections that one answer to an administrator lists. An answer with more would
/// be hundreds of megabytes, made while clients wait.
pub const LISTED_MAX: usize = 1_000_000;

/// Bytes in front of each frame that say how long it is.
pub const FRAME_LENGTH_BYTES: u64 = 4;

/// Requests of learners that wait for room at the leader. Each learner admits as many as the leader has
/// room for; more than that comes only from a learner that counts wrongly, and costs it its link.
pub const LATE_REQUESTS_MAX: usize = 1 << 20;

/// Requests that a learner has under way at its leader.
pub const FORWARDED_MAX: usize = 32_768;

/// Watches of one connection, by its paths. Each costs some hundred bytes and its path; a client that
/// sets more is cut off before it costs everybody else their memory.
pub const WATCHES_OF_ONE_MAX: usize = 4_000_000;
