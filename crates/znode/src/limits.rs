//! The bounds of this crate, each with its unit and its reason.

/// Znodes in a page of the arena. A page is what a write copies while a snapshot is being taken:
/// 63 znodes of 64 bytes cost about a microsecond, and the page table stays small. With its count of references
/// a page is 4 KiB, which allocators have a size for; one more znode, and it would take 5 KiB.
pub const PAGE_SLOTS: usize = 63;

/// Pages in a chunk. A snapshot begins by sharing all chunks: 610 of them for 10 million znodes.
pub const CHUNK_PAGES: usize = 256;

/// Znodes in a tree: what a 32-bit id can name, less the mark for none.
pub const NODES_MAX: usize = u32::MAX as usize - 1;

/// Bytes in one name: what the length field of a znode can hold. Frames end long before.
pub const NAME_BYTES_MAX: usize = (1 << 30) - 1;

/// Tables of the path index. Each grows alone, so that no growth stalls a request for longer than
/// it takes to move a 256th of all paths.
pub const INDEX_SHARDS: usize = 256;

/// Milliseconds of time to live that the owner field has room for.
pub const TTL_MS_MAX: i64 = (1 << 40) - 1;

/// Bytes of one transaction that a server makes on its own: the end of a session names its ephemeral
/// znodes, and with more of them than this it is preceded by transactions that delete some. The
/// original names them all at once and cannot read what it wrote beyond about 2 MiB (ZOOKEEPER-4306).
pub const OWN_TXN_BYTES_MAX: usize = 1 << 20;

/// Containers and znodes past their time reaped a minute, as in the original.
pub const REAPED_A_MINUTE_MAX: usize = 10_000;

const _: () = assert!(CHUNK_PAGES.is_power_of_two());
const _: () = assert!(INDEX_SHARDS == 256, "a shard is chosen by one byte of the hash");
