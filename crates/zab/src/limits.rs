//! The bounds of this crate, each with its unit and its reason.

use clock::Span;

/// Transactions proposed and not yet delivered. The original admits 1,000 requests per server before
/// it stops reading; this leaves room for the frames that one turn of the loop had already read, and
/// holds the memory of the queue to tens of megabytes at ordinary sizes.
pub const OUTSTANDING_MAX: usize = 65_536;

/// The last epoch: the upper half of a zxid is a signed 32-bit number to the original.
pub const EPOCH_MAX: u32 = i32::MAX as u32;

/// How long a server that has a quorum for its vote waits for a better one: the original's
/// `finalizeWait`. A vote that is on its way arrives within it on any sane network.
pub const ELECTION_PATIENCE: Span = Span::ms(200);

/// Silence after which a vote is told again, at first.
pub const ELECTION_RESEND_MIN: Span = Span::ms(200);

/// Silence after which a vote is told again, at last: doubled up to this.
pub const ELECTION_RESEND_MAX: Span = Span::seconds(60);

/// Bytes in the data of one packet, or in one identity: what the original reads by default between
/// servers (twice `jute.maxbuffer`, inclusive).
pub const PACKET_BUFFER_BYTES_MAX: usize = 2 * 0xf_ffff;

/// Identities in one packet. A client has a handful; a thousand is far beyond any.
pub const PACKET_IDENTITIES_MAX: usize = 1024;

/// Sessions in one answer to a ping: as many as fit into a packet's data.
pub const TOUCHED_SESSIONS_MAX: usize = PACKET_BUFFER_BYTES_MAX / 12;

/// Bytes of the addresses in the first message of an election port: the original's bound.
pub const GREETING_ADDRESS_BYTES_MAX: usize = 2048;

/// Delivered transactions remembered for learners that lack only those. The original remembers at least
/// 500; more saves snapshots after a short absence.
pub const HISTORY_ENTRIES_MAX: usize = 8_192;

/// Bytes of those.
pub const HISTORY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Entries that a learner holds while it is synchronized, before they are logged: a leader's history
/// and its outstanding proposals.
pub const SYNC_BUFFER_MAX: usize = 4 * OUTSTANDING_MAX;

/// Links that were accepted and have not said who they are, or came before we lead.
pub const STRANGERS_MAX: usize = 64;

/// How often a learner tries to reach a leader before it looks for another, as the original.
pub const DIALS_MAX: u32 = 5;

/// Between two of those tries.
pub const DIAL_PAUSE: Span = Span::ms(100);

/// How long a leader without followers goes on although a voter looks for a leader: long enough for
/// that voter's own patience, so that it is not mistaken.
pub const STRAY_PATIENCE: Span = Span::ms(600);

/// Bytes of a membership as text. A line has some hundred bytes; the original's frames of votes end at
/// half a mebibyte.
pub const CONFIGURATION_BYTES_MAX: usize = 256 * 1024;

/// Members of an ensemble: more than numbers of servers (1 to 255) allow.
pub const MEMBERS_MAX: usize = 256;
