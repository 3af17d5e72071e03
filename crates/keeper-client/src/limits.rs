//! Bounds of this crate: name, unit, reason.

use clock::Span;

/// Requests that may wait for a place among those under way. What comes on top is answered
/// `ThrottledOp` at once: a caller that asks this much without listening has lost its way.
pub const WAITING_REQUESTS_MAX: usize = 100_000;

/// Requests sent and not answered yet, unless configured otherwise; what Kafka uses.
pub const OUTSTANDING_REQUESTS_DEFAULT: usize = 10;

/// Bytes of a request's frame. A server closes the connection on a longer one (`jute.maxbuffer`), and
/// then nobody would know why.
pub const REQUEST_BYTES_MAX: usize = 0xf_ffff;

/// Bytes of a frame from a server. Lists of children can be long: Kafka raises it to this, too.
pub const REPLY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of paths in one setWatches, so that a client with many watches does not outgrow the server's
/// frame; what the Java client uses.
pub const SET_WATCHES_BYTES: usize = 128 * 1024;

/// Longest silence before a ping, however long the session's time-out is.
pub const PING_INTERVAL_MAX: Span = Span::seconds(10);

/// Shortest and longest pause after every server was tried in vain.
pub const REDIAL_PAUSE_MIN: Span = Span::ms(50);
/// See [`REDIAL_PAUSE_MIN`].
pub const REDIAL_PAUSE_MAX: Span = Span::seconds(1);

const _: () = assert!(SET_WATCHES_BYTES * 2 < REQUEST_BYTES_MAX);
const _: () = assert!(REDIAL_PAUSE_MIN.as_ms() < REDIAL_PAUSE_MAX.as_ms());
