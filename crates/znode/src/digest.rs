//! The tree digest, version 2: the wrapping sum over znodes of a CRC-32 of path, data and stat.
//! Znodes below `/zookeeper` count nothing, since servers change some of them on their own.

use crc32fast::Hasher;
use zookeeper_wire::StoredStat;

/// The version that log entries and snapshots carry.
pub const DIGEST_VERSION: i32 = 2;

/// CRC-32 of the path and data. The root's path is empty here.
pub(crate) fn content_crc(path: &str, data: Option<&[u8]>) -> u32 {
    let path = if path == "/" { "" } else { path };
    let mut hasher = Hasher::new();
    hasher.update(path.as_bytes());
    hasher.update(data.unwrap_or_default());
    hasher.finalize()
}

/// The digest of one znode: its content's CRC continued with 60 bytes of stat.
pub(crate) fn node_digest(content_crc: u32, stat: &StoredStat) -> u64 {
    let mut bytes = [0; StoredStat::BYTES];
    let longs = [stat.czxid.0, stat.mzxid.0, stat.pzxid.0, stat.ctime, stat.mtime];
    for (field, value) in bytes.chunks_exact_mut(8).zip(longs) {
        field.copy_from_slice(&value.to_be_bytes());
    }
    let ints = [stat.version, stat.child_version, stat.acl_version];
    for (field, value) in bytes[40..52].chunks_exact_mut(4).zip(ints) {
        field.copy_from_slice(&value.to_be_bytes());
    }
    bytes[52..].copy_from_slice(&stat.ephemeral_owner.to_be_bytes());
    let mut hasher = Hasher::new_with_initial(content_crc);
    hasher.update(&bytes);
    u64::from(hasher.finalize())
}

/// True if a znode of this path counts in the digest.
pub(crate) fn is_digested(path: &str) -> bool {
    !path.starts_with("/zookeeper/")
}
