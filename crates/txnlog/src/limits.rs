//! The bounds of this crate, each with its unit and its reason.

/// Bytes of entries that are written but not synced at any time: the writer syncs by itself when a
/// group reaches this. Recovery relies on it: what a power loss tore is at most this long, so a broken
/// entry with more than this behind it was once durable, and its damage is corruption.
pub const GROUP_BYTES_MAX: usize = 8 << 20;

/// Bytes of one entry's payload. The original reads entries of up to `jute.maxbuffer` plus as much
/// again (2 MiB unless configured); this is far above any configuration seen, and below it nothing is
/// allocated that the file does not hold.
pub const ENTRY_BYTES_MAX: usize = 256 << 20;

/// Bytes of one string or buffer in a snapshot; as for entries.
pub const FIELD_BYTES_MAX: usize = 256 << 20;

/// Snapshots tried, newest first, before recovery gives up: the original's number.
pub const SNAPSHOTS_TRIED_MAX: usize = 100;

/// Bytes zeroed when a log file is made. Small, so that a new directory is ready within a millisecond
/// and an idle one stays small.
pub const ZEROED_FIRST: u64 = 64 << 10;

/// Bytes zeroed at once behind the entries. A chunk this size delays a waiting group by one to two
/// milliseconds on a plain SSD.
pub const ZERO_CHUNK: u64 = 1 << 20;

/// Bytes kept zeroed ahead of the entries by default: at 1 KB an entry a second's worth of full load.
/// (The original extends by 64 MiB at once, but only sets the length: the blocks are allocated later,
/// inside the sync that clients wait for. Writing zeroes ahead takes that out of the way: a 4 KiB
/// durable append measured 125-204 µs on zeroed blocks, 266-395 µs on blocks merely reserved.)
pub const ZERO_AHEAD: u64 = 4 << 20;

/// Bytes of a log file at which it is rolled whatever the count of entries: the original's
/// `snapSizeLimitInKb`.
pub const LOG_BYTES_MAX: u64 = 4 << 30;

/// Bytes behind the first seal of a snapshot that are looked at. The longest known tail has 54.
pub const SNAPSHOT_TAIL_BYTES_MAX: usize = 4 << 10;

/// Bytes read or written at once.
pub const BUFFER_BYTES: usize = 128 << 10;

/// Bytes that are allocated for a length before they have come.
pub const UNSEEN_BYTES: usize = 4 << 10;

/// Bytes of a snapshot that are written but not synced: what a sync of the log on the same file system
/// may have to wait for, some ten milliseconds on a plain SSD. It is also what slows the writing down.
pub const UNSYNCED_BYTES_MAX: u64 = 4 << 20;

/// Bytes of an epoch file that are looked at.
pub const EPOCH_FILE_BYTES_MAX: usize = 64;

/// Decimal digits and hexadecimal digits in names stay within 64 bits.
pub const ZXID_DIGITS_MAX: usize = 16;

/// Bytes of a sector: what a disk writes whole or not at all.
pub const SECTOR: u64 = 512;

const _: () = assert!(ZEROED_FIRST <= ZERO_AHEAD && ZERO_CHUNK <= ZERO_AHEAD);
