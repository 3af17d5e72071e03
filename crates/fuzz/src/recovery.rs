//! Recovery of a keeper from files that nobody wrote, up to the tree. It may refuse. It may not panic, and asked
//! again it says the same. Random bytes seldom have the right checksum, so half of the inputs get one.

use std::path::Path;

use bytes::Bytes;
use disk::{Disk, File, MemoryDisk, Open};
use txnlog::{Directories, EmptySnapshot, LogPolicy, Refusal, Restore, SnapshotItem, recover};
use znode::{Database, HashKey};
use zookeeper_wire::Zxid;
use zookeeper_wire::txn::TxnEntry;

const KEY: HashKey = HashKey(7);

struct Tree {
    loading: Option<znode::Restore>,
    database: Database,
    txns: usize,
}

impl Tree {
    fn new() -> Self {
        Tree { loading: None, database: Database::new(KEY, znode::ExtendedTypes::Off), txns: 0 }
    }
}

impl Restore for Tree {
    fn reset(&mut self) {
        *self = Tree { loading: Some(znode::Restore::new(KEY, znode::ExtendedTypes::Off)), ..Tree::new() };
    }

    fn item(&mut self, item: SnapshotItem) -> Result<(), Refusal> {
        let Some(restore) = &mut self.loading else { return Err(Refusal("an item out of place".into())) };
        match item {
            SnapshotItem::Session { id, timeout_ms } => restore.session(id, timeout_ms),
            SnapshotItem::Acl { key, acl } => restore.acl(key, acl),
            SnapshotItem::Node { path, data, acl, stat } => restore
                .node(&path, data.as_deref(), acl, &stat)
                .map_err(|error| Refusal(error.to_string()))?,
            SnapshotItem::Digest { .. } | SnapshotItem::Last(_) => {}
        }
        Ok(())
    }

    fn loaded(&mut self, zxid: Zxid) -> Result<(), Refusal> {
        let restore = self.loading.take().ok_or_else(|| Refusal("an end out of place".into()))?;
        self.database = restore.finish(zxid).map_err(|error| Refusal(error.to_string()))?;
        Ok(())
    }

    fn txn(&mut self, entry: TxnEntry) -> Result<(), Refusal> {
        self.database.replay(&entry);
        self.txns += 1;
        Ok(())
    }
}

/// What a directory of these files comes to: its last zxid, number of transactions and digest.
fn recovered(disk: &MemoryDisk, at: &Directories) -> Option<(Zxid, usize, u64)> {
    let mut tree = Tree::new();
    // Nothing will be written, so nothing is zeroed ahead.
    let policy = LogPolicy { zero_ahead: 0, ..LogPolicy::default() };
    let told = recover(disk, at, policy, EmptySnapshot::Trusted, &mut tree).ok()?;
    Some((told.last, tree.txns, tree.database.tree().digest()))
}

fn check(files: &[(&str, &[u8])]) {
    let (disk, at) = (MemoryDisk::new(), Directories::single(Path::new("/data")));
    let made = disk.create_directory(&at.snapshots).and_then(|()| {
        for (name, bytes) in files {
            disk.open(&at.snapshots.join(name), Open::CreateNew)?.write_at(bytes, 0)?;
        }
        Ok(())
    });
    assert!(made.is_ok(), "a disk in memory takes everything");
    let first = recovered(&disk, &at);
    assert_eq!(recovered(&disk, &at), first);
}

/// An even first byte: a whole log file. An odd one: the payloads of its entries, each behind two bytes of length.
pub(crate) fn log(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    if kind % 2 == 0 {
        return check(&[("log.1", bytes)]);
    }
    let mut file = b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0".to_vec();
    let mut rest = Bytes::copy_from_slice(bytes);
    while rest.len() > 2 {
        let length = usize::from(u16::from_be_bytes([rest[0], rest[1]])).min(rest.len() - 2);
        let _ = rest.split_to(2);
        let payload = rest.split_to(length);
        file.extend(u64::from(simd_adler32::adler32(&payload.as_ref())).to_be_bytes());
        file.extend((length as u32).to_be_bytes());
        file.extend(&payload);
        file.push(0x42);
    }
    check(&[("log.1", &file)]);
}

/// The first byte says how it is packed, and whether it gets the seal that it would need.
pub(crate) fn snapshot(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 4 {
        0 => check(&[("snapshot.1", bytes)]),
        1 => check(&[("snapshot.1.gz", bytes)]),
        2 => check(&[("snapshot.1.snappy", bytes)]),
        _ => {
            let mut file = b"ZKSN\0\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff".to_vec();
            file.extend(bytes);
            // The tree ends with the path "/", then comes the seal.
            file.extend(b"\0\0\0\x01/");
            file.extend(u64::from(simd_adler32::adler32(&file.as_slice())).to_be_bytes());
            file.extend(b"\0\0\0\x01/");
            check(&[("snapshot.1", &file)]);
        }
    }
}
