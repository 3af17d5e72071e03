//! Every bound of this crate, with its unit and its reason.

/// Free bytes that a disk must have for a server to start on it: room for a log file, a snapshot of a
/// small tree and some segments. Starting with less would only end in a stop after the first writes.
pub const FREE_BYTES_MIN: u64 = 64 << 20;

/// Connections of a port in all, whatever the originals' own limits say.
pub const CONNECTIONS_MAX: usize = 1_000_000;

/// Bytes of transactions that wait for the log before the keeper's shard waits too. Clients are held
/// back long before by `globalOutstandingLimit`.
pub const LOG_QUEUE_BYTES: usize = 64 << 20;

/// Threads that read for a broker what is not in memory. One read at a time would let a slow disk's queue
/// run empty; many would only quarrel for the processor.
pub const READ_THREADS: usize = 2;

/// Threads that sync the logs of one log directory: as many as the node makes pieces of a round.
pub const SYNC_THREADS: usize = 4;

/// Notices of the roles that wait to be heard by the process.
pub const NOTICES: usize = 64;

/// Longest answer that a keeper may send to our broker, in bytes: Kafka raises `jute.maxbuffer` to this.
pub const KEEPER_REPLY_BYTES_MAX: u32 = 4 << 20;

/// How long an administrator's question may wait for its answer, in seconds. A snapshot of a large tree
/// takes that long on a slow disk; a keeper that does not answer then never will.
pub const ADMIN_SECONDS: u64 = 600;

/// Connections of an HTTP port at one time. Administrators, scrapers and a console need a few; more wait in the
/// listener's backlog, so that they cannot use up the file descriptors of clients.
pub const HTTP_CONNECTIONS_MAX: usize = 256;

/// How long a stopping broker waits for its keeper session to end, in milliseconds. Without that, its
/// registration lives on until the session expires.
pub const SESSION_CLOSE_MS: u64 = 2_000;

/// Transactions of the log that a member of an ensemble reads again when it starts, for members that lack only
/// these: twice the original's `commitLogCount`.
pub const HISTORY_ENTRIES: usize = 1_000;

/// Transactions that the shard makes durable itself when nothing else goes on. With more there is load, and
/// the thread for it takes over.
pub const COMMITTED_HERE_MAX: usize = 4;

/// Bytes of each of these.
pub const COMMITTED_HERE_BYTES: usize = 16 << 10;

/// How long one connection must have been the only one that asked, in milliseconds, before the shard waits for
/// a disk on its behalf: nobody else is kept waiting.
pub const LONELY_MS: u64 = 100;

/// A sync that took this long, in milliseconds, shows a disk that stalls: the shard waits for none of its
/// syncs for a while.
pub const SLOW_SYNC_MS: u64 = 20;

/// How long that while is, in milliseconds.
pub const SLOW_DISK_MS: u64 = 10_000;

/// How much nicer than the others the thread is that writes a snapshot: it gets a tenth of a processor that a
/// busy thread wants as well, and all of an idle one.
pub const SNAPSHOT_NICE: i32 = 10;

/// Batches of packets and votes that wait for the node. Below the mailbox's size, so that what the log has to
/// say always finds room.
pub const PEER_EVENTS: usize = 512;

const _: () = assert!(PEER_EVENTS < 4096 / 2);
