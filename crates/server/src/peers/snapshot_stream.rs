//! A database as it goes from a leader to a learner: the body of a snapshot file without its header, its
//! seals and its digest, ended by a signature.
//!
//! What a Java leader sends is fuzzy: it may hold, in part, transactions that follow as proposals. What we
//! send is the tree at one point in time. Nothing that was received counts before it is on disk as a
//! snapshot of its own, which its owner sees to.

use std::io::{self, Read, Write};

use txnlog::{SnapshotItem, SnapshotStream};
use znode::{Database, HashKey, Restore, Snapshot};
use zookeeper_wire::Zxid;
use zookeeper_wire::jute::Writer;

/// What ends the stream.
const SIGNATURE: &str = "BenWasHere";

/// Bytes gathered before they are written.
const GATHERED: usize = 64 << 10;

/// Reads a database as of `zxid`, to the end of the signature and no further.
pub(super) fn read_snapshot(
    from: &mut impl Read,
    zxid: Zxid,
    key: HashKey,
    extended_types: znode::ExtendedTypes,
) -> io::Result<Database> {
    let mut restore = Restore::new(key, extended_types);
    let mut items = SnapshotStream::new(&mut *from);
    while let Some(item) = items.next()? {
        match item {
            SnapshotItem::Session { id, timeout_ms } => restore.session(id, timeout_ms),
            SnapshotItem::Acl { key, acl } => restore.acl(key, acl),
            SnapshotItem::Node { path, data, acl, stat } => {
                restore.node(&path, data.as_deref(), acl, &stat).map_err(invalid)?;
            }
            SnapshotItem::Digest { .. } | SnapshotItem::Last(_) => {}
        }
    }
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut signature = [0; SIGNATURE.len()];
    from.read_exact(&mut signature)?;
    if i32::from_be_bytes(length) as usize != SIGNATURE.len() || signature != *SIGNATURE.as_bytes() {
        return Err(invalid("a snapshot without its signature"));
    }
    restore.finish(zxid).map_err(invalid)
}

/// Writes a database with its signature.
pub(super) fn write_snapshot_stream(into: &mut impl Write, snapshot: &Snapshot) -> io::Result<()> {
    let mut writer = Writer::with_capacity(2 * GATHERED);
    writer.length(snapshot.sessions().len());
    for (id, timeout_ms) in snapshot.sessions() {
        writer.i64(id.0);
        writer.i32(*timeout_ms);
        pass_on(&mut writer, into)?;
    }
    writer.length(snapshot.acls().count());
    for (key, acl) in snapshot.acls() {
        writer.i64(key);
        writer.length(acl.len());
        for entry in acl {
            writer.record(entry);
        }
        pass_on(&mut writer, into)?;
    }
    let mut walk = snapshot.walk();
    while let Some(node) = walk.step() {
        writer.text(node.path);
        writer.buffer(node.data);
        let stat = &node.stat;
        for number in [node.acl_key, stat.czxid.0, stat.mzxid.0, stat.ctime, stat.mtime] {
            writer.i64(number);
        }
        for number in [stat.version, stat.child_version, stat.acl_version] {
            writer.i32(number);
        }
        writer.i64(stat.ephemeral_owner);
        writer.i64(stat.pzxid.0);
        pass_on(&mut writer, into)?;
    }
    writer.text("/");
    writer.text(SIGNATURE);
    into.write_all(&writer.finish())
}

fn pass_on(writer: &mut Writer, into: &mut impl Write) -> io::Result<()> {
    if writer.len() < GATHERED { Ok(()) } else { into.write_all(&writer.split()) }
}

fn invalid(why: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(database: &Database) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_snapshot_stream(&mut bytes, &database.snapshot()).unwrap();
        bytes
    }

    #[test]
    fn a_database_comes_through_and_what_follows_is_left() {
        let mut database = Database::new(HashKey(1), znode::ExtendedTypes::Off);
        database.advance(Zxid::new(1, 5));
        let mut bytes = stream(&database);
        let length = bytes.len();
        bytes.extend_from_slice(b"packets");
        let mut rest = &bytes[..];
        let back = read_snapshot(&mut rest, Zxid::new(1, 5), HashKey(2), znode::ExtendedTypes::Off).unwrap();
        assert_eq!(rest, b"packets");
        assert_eq!(back.last_applied(), Zxid::new(1, 5));
        assert_eq!(back.tree().digest(), database.tree().digest());
        // Children stand in an order of their own in each process.
        assert_eq!(stream(&back).len(), length);
    }

    #[test]
    fn a_stream_that_is_cut_or_changed_is_no_database() {
        let bytes = stream(&Database::new(HashKey(1), znode::ExtendedTypes::Off));
        for length in 0..bytes.len() {
            assert!(
                read_snapshot(&mut &bytes[..length], Zxid(1), HashKey(1), znode::ExtendedTypes::Off).is_err(),
                "{length}"
            );
        }
        let mut changed = bytes;
        *changed.last_mut().unwrap() ^= 1;
        assert!(read_snapshot(&mut &changed[..], Zxid(1), HashKey(1), znode::ExtendedTypes::Off).is_err());
    }
}
