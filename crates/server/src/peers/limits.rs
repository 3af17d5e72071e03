//! The bounds of the connections between members, each with its unit and its reason.

use std::time::Duration;

/// Bytes of a frame on the election port: the original's bound (inclusive).
pub(super) const NOTIFICATION_BYTES_MAX: usize = 524_288;

/// Servers that an election port remembers. The original has 255 numbers for voters; observers without a
/// name share what is left.
pub(super) const ELECTION_PEERS_MAX: usize = 512;

/// Connections that have not said yet who they are, on one port. A member needs one; the rest are strangers.
pub(super) const UNNAMED_MAX: usize = 64;

/// Bytes of one message of SASL between members: the longest answer of DIGEST-MD5 (RFC 2831, 2.1.2).
pub(super) const AUTHENTICATION_TOKEN_BYTES_MAX: usize = 4096;

/// How long a connection may take to say who it is: the original's `cnxTimeout`.
pub(super) const GREETING: Duration = Duration::from_secs(5);

/// Quorum links open at once: learners of the largest ensembles, with room for those that come back before
/// their old link is noticed to be dead.
pub(super) const LINKS_MAX: usize = 512;

/// Bytes that wait to be written to one learner. What is broadcast while a snapshot is on its way waits here
/// too; a learner that is further behind is cut and starts again with a snapshot.
pub(super) const LINK_BACKLOG_BYTES: usize = 256 << 20;

/// Bytes read at once, and bytes of packets told at once.
pub(super) const READ_BYTES: usize = 128 << 10;

/// How long a dialler rests between two attempts, as the original does.
pub(super) const DIAL_REST: Duration = Duration::from_millis(100);

/// Attempts to reach a leader before the search for one begins anew: the original's number.
pub(super) const DIAL_ATTEMPTS: u32 = 5;

/// How long one write to another member may stall before the link counts as dead.
pub(super) const WRITE_STALL: Duration = Duration::from_secs(30);
