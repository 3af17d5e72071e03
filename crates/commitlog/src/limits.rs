//! Every bound of this crate: name, unit, reason.

/// Largest `.log` file, in bytes: positions in the offset index are signed 32-bit numbers.
pub const SEGMENT_BYTES_MAX: u32 = i32::MAX as u32;

/// Bytes before a batch's size is known: base offset (8) and length (4).
pub const ENTRY_PREFIX_BYTES: usize = 12;

/// Smallest entry of a log, in bytes: a magic 0 message without key and value.
pub const ENTRY_BYTES_MIN: usize = 26;

/// Bytes read at once while walking over batch headers. Large enough that walking small batches
/// costs no system call each, small enough to allocate for a single lookup.
pub const SCAN_BLOCK_BYTES: usize = 32 * 1024;

/// Largest batch whose checksum is looked at although it is known to be on the disk, in bytes, because an index led
/// there. Larger ones are rare, and to read them takes longer than the doubt is worth.
pub const VOUCHED_BATCH_BYTES_MAX: u32 = 2 << 20;

/// Entries that an index collects in memory before it writes them to its file. 64 entries stand for
/// 256 KiB of log at the usual interval, so the write costs nothing beside the log's own.
pub const INDEX_BUFFER_ENTRIES: usize = 64;

/// Entries of an index that a search reads at once, when the halving has come down to them.
pub const INDEX_BLOCK_ENTRIES: u32 = 256;

/// Files that stay open in one cache unless the caller chooses otherwise. Half of the usual soft
/// limit of 1,024 descriptors, so that connections have the rest.
pub const OPEN_FILES_DEFAULT: usize = 512;

/// Bytes of recently appended batches kept in memory by one tail cache, unless chosen otherwise.
pub const TAIL_BYTES_DEFAULT: usize = 64 * 1024 * 1024;

/// What one piece in the tail cache is charged beside its bytes: its allocation and its two entries.
pub const TAIL_PIECE_OVERHEAD_BYTES: usize = 160;

/// Pieces shorter than this are copied together before they leave a read, in bytes: a vectored write
/// of hundreds of tiny slices costs more than the copy.
pub const READ_PIECE_BYTES_MIN: usize = 8 * 1024;

/// Produced batches below this are copied for the tail cache, in bytes: they came in a buffer that many requests
/// share, and would keep all of it. Larger ones have a buffer of their own request.
pub const COPIED_BATCH_BYTES: usize = 16 * 1024;

/// Places remembered per log so that sequential readers need no index search.
pub const READ_HINTS: usize = 4;

/// Segments that one read from the disk looks into before it gives up: the first holds what is asked for,
/// unless a cleaner left nothing in it.
pub const COLD_READ_SEGMENTS: usize = 16;

/// Largest checkpoint or properties file that is read, in bytes. A million partitions with names of
/// the greatest length need little more than half of it.
pub const TEXT_FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Largest producer snapshot that is read, in bytes: four million producers in one partition.
pub const SNAPSHOT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Longest name of a file or directory, in bytes.
pub const FILE_NAME_BYTES_MAX: usize = 255;

/// Memory for the keys that one compaction compares, in bytes. A log with more new keys than fit is
/// cleaned up to where they end, and further the next time.
pub const KEY_MAP_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a key is charged beside its bytes: its place in the table and its allocation.
pub const KEY_OVERHEAD_BYTES: usize = 64;

/// Unpacked size of one batch that compaction looks into.
pub const COMPACTED_BATCH_BYTES_MAX: usize = kafka_wire::limits::BATCH_UNPACKED_BYTES_MAX;

const _: () = assert!(SCAN_BLOCK_BYTES > 61 && ENTRY_BYTES_MIN > ENTRY_PREFIX_BYTES);
const _: () = assert!(TEXT_FILE_BYTES_MAX > 1_000_000 * (249 + 12 + 21));
