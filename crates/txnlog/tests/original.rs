//! Files that the original wrote are read, and written again byte for byte.

#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping

use std::path::Path;

use disk::{Disk, File, MemoryDisk, Open};
use txnlog::{
    Compression, Directories, EmptySnapshot, LogPolicy, LogReader, Refusal, Restore, SnapshotItem,
    SnapshotReader, SnapshotWriter, recover,
};
use zookeeper_wire::jute::Writer;
use zookeeper_wire::txn::{Txn, TxnEntry};
use zookeeper_wire::{ErrorCode, Zxid};

macro_rules! capture {
    ($name:literal) => {
        ($name, &include_bytes!(concat!("captures/zookeeper-3.9.3/", $name))[..])
    };
}

fn directory(files: &[(&str, &[u8])]) -> (MemoryDisk, Directories) {
    let (disk, at) = (MemoryDisk::new(), Directories::single(Path::new("/data")));
    disk.create_directory(&at.snapshots).unwrap();
    for (name, bytes) in files {
        disk.open(&at.snapshots.join(name), Open::CreateNew).unwrap().write_at(bytes, 0).unwrap();
    }
    (disk, at)
}

#[derive(Default)]
struct Seen {
    items: Vec<SnapshotItem>,
    txns: Vec<TxnEntry>,
}

impl Restore for Seen {
    fn reset(&mut self) {
        *self = Seen::default();
    }
    fn item(&mut self, item: SnapshotItem) -> Result<(), Refusal> {
        self.items.push(item);
        Ok(())
    }
    fn loaded(&mut self, _zxid: Zxid) -> Result<(), Refusal> {
        Ok(())
    }
    fn txn(&mut self, entry: TxnEntry) -> Result<(), Refusal> {
        self.txns.push(entry);
        Ok(())
    }
}

#[test]
fn a_directory_of_the_original_is_recovered() {
    let (disk, at) = directory(&[capture!("snapshot.0"), capture!("snapshot.12"), capture!("log.1")]);
    let mut seen = Seen::default();
    let found = recover(&disk, &at, LogPolicy::default(), EmptySnapshot::Refused, &mut seen).unwrap();
    assert_eq!((found.snapshot, found.last, found.replayed), (Some(Zxid(0x12)), Zxid(0x14), 2));
    assert!(found.torn.is_empty() && found.damaged.is_empty() && found.gap.is_none());
    let kinds: Vec<_> = seen.txns.iter().map(|entry| entry.txn.kind().name()).collect();
    assert_eq!(kinds, ["create", "delete"]);
    assert!(seen.items.contains(&SnapshotItem::Last(Zxid(0x12))));
    let nodes = seen.items.iter().filter(|item| matches!(item, SnapshotItem::Node { .. })).count();
    assert_eq!(nodes, 13);
}

#[test]
fn every_entry_of_its_log_is_encoded_again_as_it_was() {
    let (disk, at) = directory(&[capture!("log.1")]);
    let mut errors = Vec::new();
    let mut last = Zxid::ZERO;
    for entry in LogReader::open(&disk, &at.logs, Zxid::ZERO).unwrap() {
        let entry = entry.unwrap();
        let decoded = entry.decode().unwrap();
        let mut writer = Writer::new();
        decoded.encode(&mut writer);
        assert_eq!(writer.finish(), entry.payload, "{}", entry.zxid);
        assert_eq!(decoded.header.zxid, entry.zxid);
        if let Txn::Error(error) = decoded.txn {
            errors.push(error);
        }
        last = entry.zxid;
    }
    assert_eq!((errors, last), (vec![ErrorCode::NO_NODE], Zxid(0x14)));
}

#[test]
fn its_snapshots_are_written_again_byte_for_byte() {
    for (name, bytes) in [capture!("snapshot.0"), capture!("snapshot.12")] {
        let (disk, at) = directory(&[(name, bytes)]);
        let reader = SnapshotReader::open(&disk, &at.snapshots.join(name)).unwrap();
        let zxid = reader.zxid();
        let items: Vec<_> = reader.map(|item| item.unwrap()).collect();
        let (mut sessions, mut acls, mut sum) = (Vec::new(), Vec::new(), 0);
        for item in &items {
            match item {
                SnapshotItem::Session { id, timeout_ms } => sessions.push((*id, *timeout_ms)),
                SnapshotItem::Acl { key, acl } => acls.push((*key, &acl[..])),
                SnapshotItem::Digest { digest, .. } => sum = *digest,
                SnapshotItem::Node { .. } | SnapshotItem::Last(_) => {}
            }
        }
        let (disk, at) = directory(&[]);
        let mut writer =
            SnapshotWriter::create(&disk, &at, zxid, Compression::None, &sessions, &acls).unwrap();
        for item in &items {
            if let SnapshotItem::Node { path, data, acl, stat } = item {
                writer.node(path, data.as_deref(), *acl, stat).unwrap();
            }
        }
        let path = writer.finish(Some(sum)).unwrap();
        let file = disk.open(&path, Open::Read).unwrap();
        let mut written = vec![0; file.length().unwrap() as usize];
        file.read_exact_at(&mut written, 0).unwrap();
        assert_eq!(written, bytes, "{name}");
    }
}

#[test]
fn its_compressed_snapshots_are_read() {
    for (name, bytes) in [capture!("snapshot.12.gz"), capture!("snapshot.12.snappy")] {
        let (disk, at) = directory(&[(name, bytes)]);
        let reader = SnapshotReader::open(&disk, &at.snapshots.join(name)).unwrap();
        let items: Vec<_> = reader.map(|item| item.unwrap()).collect();
        assert_eq!(items.last(), Some(&SnapshotItem::Last(Zxid(0x12))), "{name}");
    }
}
