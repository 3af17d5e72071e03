//! Every bound of this crate, with its unit and its reason.

/// Socket events taken from the kernel in one turn. More wait for the next.
pub const EVENTS_PER_TURN: usize = 1024;

/// Frames of one connection handed to the service in one turn, so that a client with a deep pipeline
/// cannot make the others wait for more than some hundred microseconds.
pub const FRAMES_PER_TURN: usize = 256;

/// Reads of one connection in one turn; with the read buffer of 64 KiB it is at most 1 MiB, or one
/// large frame more.
pub const READS_PER_TURN: usize = 16;

/// How often in one turn lockstep connections are served whose requests were answered in it: a client
/// that sent this many at once gets its answers in one write.
pub const ROUNDS_PER_TURN: usize = 16;

/// Connections accepted on one port in one turn.
pub const ACCEPTS_PER_TURN: usize = 128;

/// How long a port rests after the process ran out of file descriptors or memory, in milliseconds.
pub const ACCEPT_REST_MS: u64 = 100;

/// Messages that wait in a mailbox. Senders wait for room; what they send is batched already.
pub const MAILBOX_MESSAGES: usize = 4096;

/// Bytes of replies that a connection may have unwritten before its requests are no longer read.
pub const BACKLOG_SOFT_BYTES: usize = 1 << 20;

/// Bytes of replies and notifications that a connection may have unwritten while its client reads nothing for
/// [`BACKLOG_PATIENCE_MS`]: then it is closed.
pub const BACKLOG_HARD_BYTES: usize = 16 << 20;

/// How long a client may read nothing while more than [`BACKLOG_HARD_BYTES`] wait for it, in milliseconds. One that
/// reads, however late, gets everything: what a server of the original would have kept for it.
pub const BACKLOG_PATIENCE_MS: u64 = 10_000;

/// Bytes that wait for one connection at most, beside one reply: nobody may take the memory of all by reading
/// slowly. The children of a znode that has ten million are 230 MB.
pub const BACKLOG_BYTES_MAX: usize = 256 << 20;

/// Bytes of unfinished requests that a shard holds over all connections. Whoever adds the next piece of
/// a large one is closed: a few clients that send the longest requests at once are served, a flood of
/// them is not.
pub const RECEIVING_BYTES_MAX: usize = 512 << 20;

/// Bytes of replies that a shard holds over all connections. Above it, those are closed whose clients
/// have not read for the longest time, and whoever is to be sent yet more and does not read.
pub const SENDING_BYTES_MAX: usize = 1 << 30;

/// How long a TLS handshake may take, in milliseconds: as long as a client may take to begin a session.
pub const HANDSHAKE_MS: u64 = 10_000;

/// TLS handshakes under way at once on a port, unless the administrator says otherwise. Each holds some
/// 20 KiB.
pub const HANDSHAKES_MAX: usize = 1024;

/// Steps of TLS handshakes taken in one turn. The dearest, a signature by an RSA key, takes about a
/// millisecond: a flood of them delays the others by no more than this many.
pub const HANDSHAKE_STEPS_PER_TURN: usize = 8;

/// Connections closed for misbehaving that are told in the log in one second; more are counted.
pub const COMPLAINTS_A_SECOND_MAX: u32 = 50;

/// How long the last bytes for a connection that is being closed may take, in milliseconds.
pub const LINGER_MS: u64 = 5_000;

/// How long a stopping shard waits for its last bytes to be taken, in milliseconds.
pub const STOP_FLUSH_MS: u64 = 250;

/// Longest time between two looks for idle connections, in milliseconds.
pub const SWEEP_MS_MAX: u64 = 30_000;

/// Shortest time between two looks for idle connections, in milliseconds.
pub const SWEEP_MS_MIN: u64 = 1_000;

/// Bits of a connection's id that name its place; the others count connections.
pub(crate) const SLOT_BITS: u32 = 24;

const _: () = assert!(BACKLOG_SOFT_BYTES < BACKLOG_HARD_BYTES);
const _: () = assert!(BACKLOG_HARD_BYTES < BACKLOG_BYTES_MAX && BACKLOG_BYTES_MAX < SENDING_BYTES_MAX);
