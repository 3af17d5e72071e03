//! Znodes for people and for programs.

use crate::kafka::json_bytes;
use serde_json::{Value, json};
use zookeeper_wire::Stat;

/// Most characters of data in a line of a listing.
const EXCERPT_CHARS_MAX: usize = 100;

/// The beginning of the data, on one line.
pub(super) fn excerpt(data: &bytes::Bytes) -> String {
    let text = String::from_utf8_lossy(data);
    let shown: String = text.chars().take(EXCERPT_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().count() > EXCERPT_CHARS_MAX { format!("{shown}…") } else { shown }
}

/// A date in UTC, to the second.
pub(super) fn time(ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(at) => at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => ms.to_string(),
    }
}

/// The session that owns an ephemeral znode, or nothing.
pub(super) fn owner(stat: &Stat) -> String {
    if stat.ephemeral_owner.0 == 0 { String::new() } else { stat.ephemeral_owner.to_string() }
}

/// What to say of a znode behind its name.
pub(super) fn remark(stat: &Stat) -> String {
    let bytes = if stat.data_length > 0 { format!("  {} B", stat.data_length) } else { String::new() };
    let ephemeral = if stat.ephemeral_owner.0 == 0 { "" } else { "  ephemeral" };
    format!("{bytes}{ephemeral}")
}

/// Fields of a stat under the names that ZooKeeper's tools use.
pub(super) fn stat_fields(stat: &Stat) -> [(&'static str, String); 11] {
    [
        ("cZxid", stat.czxid.to_string()),
        ("ctime", time(stat.ctime)),
        ("mZxid", stat.mzxid.to_string()),
        ("mtime", time(stat.mtime)),
        ("pZxid", stat.pzxid.to_string()),
        ("cversion", stat.child_version.to_string()),
        ("dataVersion", stat.version.to_string()),
        ("aclVersion", stat.acl_version.to_string()),
        ("ephemeralOwner", stat.ephemeral_owner.to_string()),
        ("dataLength", stat.data_length.to_string()),
        ("numChildren", stat.children.to_string()),
    ]
}

/// A stat for programs: numbers as numbers, times in milliseconds since 1970.
pub(super) fn stat_json(stat: &Stat) -> Value {
    json!({
        "czxid": stat.czxid.0,
        "mzxid": stat.mzxid.0,
        "pzxid": stat.pzxid.0,
        "ctime": stat.ctime,
        "mtime": stat.mtime,
        "version": stat.version,
        "cversion": stat.child_version,
        "aversion": stat.acl_version,
        "ephemeralOwner": stat.ephemeral_owner.0,
        "dataLength": stat.data_length,
        "numChildren": stat.children,
    })
}

/// A znode for programs.
pub(super) fn node_json(path: &str, data: &bytes::Bytes, stat: &Stat) -> Value {
    json!({"path": path, "data": json_bytes(Some(data)), "stat": stat_json(stat)})
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn excerpts_stay_on_one_line() {
        let check =
            |data: &'static [u8], expect: &str| assert_eq!(excerpt(&Bytes::from_static(data)), expect);
        check(b"", "");
        check(b"a\nb", "a\\nb");
        check(b"\xff", "\u{fffd}");
        assert_eq!(excerpt(&Bytes::from(vec![b'x'; 500])).chars().count(), EXCERPT_CHARS_MAX + 1);
    }

    #[test]
    fn dates_are_readable() {
        assert_eq!(time(0), "1970-01-01 00:00:00");
        assert_eq!(time(i64::MAX), i64::MAX.to_string());
    }
}
