//! File names: `log.<zxid>` by its first transaction, `snapshot.<zxid>` by its last, in hexadecimal,
//! the snapshot with `.gz` or `.snappy` behind it if it is compressed.

use zookeeper_wire::Zxid;

use crate::limits::ZXID_DIGITS_MAX;
use crate::snapshot::Compression;

/// What a snapshot is called while it is written; neither we nor the original take it for one.
pub(crate) const UNFINISHED_PREFIX: &str = "writing.";

/// The name of the log file that begins with `first`.
pub fn log_name(first: Zxid) -> String {
    format!("log.{:x}", first.0)
}

/// The name of the snapshot whose last transaction is `last`.
pub fn snapshot_name(last: Zxid, compression: Compression) -> String {
    format!("snapshot.{:x}{}", last.0, compression.suffix())
}

/// The first transaction of a log file of that name; `None` if it is not a log file's name.
pub fn log_zxid(name: &str) -> Option<Zxid> {
    zxid(name.strip_prefix("log.")?)
}

/// The last transaction and the compression of a snapshot of that name; `None` if it is not a
/// snapshot's name.
pub fn snapshot_zxid(name: &str) -> Option<(Zxid, Compression)> {
    let rest = name.strip_prefix("snapshot.")?;
    let (digits, compression) = [Compression::Gzip, Compression::Snappy]
        .into_iter()
        .find_map(|compression| Some((rest.strip_suffix(compression.suffix())?, compression)))
        .unwrap_or((rest, Compression::None));
    Some((zxid(digits)?, compression))
}

fn zxid(digits: &str) -> Option<Zxid> {
    let plain = digits.len() <= ZXID_DIGITS_MAX && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !plain {
        return None;
    }
    i64::from_str_radix(digits, 16).ok().map(Zxid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_originals() {
        assert_eq!(log_name(Zxid(0x1_0000_002a)), "log.10000002a");
        assert_eq!(snapshot_name(Zxid::ZERO, Compression::None), "snapshot.0");
        let check = |name: &str, expect| assert_eq!(snapshot_zxid(name), expect, "{name}");
        check("snapshot.1f", Some((Zxid(0x1f), Compression::None)));
        check("snapshot.1f.gz", Some((Zxid(0x1f), Compression::Gzip)));
        check("snapshot.1F.snappy", Some((Zxid(0x1f), Compression::Snappy)));
        check("snapshot.1f.tmp", None);
        check("snapshot.", None);
        check("snapshot.-1", None);
        check("snapshot.+1", None);
        check("snapshot.ffffffffffffffff", None);
        check("writing.snapshot.1", None);
        check("log.1", None);
        assert_eq!(log_zxid("log.a"), Some(Zxid(10)));
        assert_eq!(log_zxid("log.a.gz"), None);
        assert_eq!(log_zxid("logs"), None);
    }
}
