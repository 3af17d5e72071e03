//! What the tests of this crate share: a directory to work in, transactions to log, a state to rebuild.

use std::path::Path;

use bytes::Bytes;
use disk::MemoryDisk;
use zookeeper_wire::jute::Writer;
use zookeeper_wire::txn::{SetDataTxn, Txn, TxnDigest, TxnEntry, TxnHeader};
use zookeeper_wire::{SessionId, StoredStat, Xid, Zxid};

use crate::{
    Compression, Directories, EmptySnapshot, Error, LogPolicy, Recovered, Refusal, Restore, SnapshotItem,
    SnapshotWriter, recover,
};

pub(crate) fn directories() -> Directories {
    Directories::new(Path::new("/data"), Path::new("/log"))
}

/// A transaction with some data in it.
pub(crate) fn entry(zxid: i64, data: &[u8]) -> TxnEntry {
    let txn = SetDataTxn { path: "/a".into(), data: Some(Bytes::copy_from_slice(data)), version: 1 };
    let header = TxnHeader {
        session: SessionId(7),
        cxid: Xid(1),
        zxid: Zxid(zxid),
        time_ms: 1_000,
        kind: zookeeper_wire::OpCode::SET_DATA,
    };
    TxnEntry { header, txn: Txn::SetData(txn), digest: Some(TxnDigest { version: 2, tree: zxid * 3 }) }
}

pub(crate) fn payload(zxid: i64, data: &[u8]) -> Bytes {
    let mut writer = Writer::new();
    entry(zxid, data).encode(&mut writer);
    writer.finish()
}

/// Data that differs by zxid and has no zeroes in it.
pub(crate) fn data(zxid: i64, length: usize) -> Vec<u8> {
    (0..length).map(|index| (zxid as usize * 31 + index) as u8 | 1).collect()
}

/// Remembers what it was given.
#[derive(Default, Debug)]
pub(crate) struct Collected {
    pub(crate) items: Vec<SnapshotItem>,
    pub(crate) loaded: Option<Zxid>,
    pub(crate) txns: Vec<TxnEntry>,
    /// Refuses the item of this index.
    pub(crate) refuse_item: Option<usize>,
}

impl Collected {
    pub(crate) fn zxids(&self) -> Vec<i64> {
        self.txns.iter().map(|entry| entry.header.zxid.0).collect()
    }
}

impl Restore for Collected {
    fn reset(&mut self) {
        self.items.clear();
        self.loaded = None;
        self.txns.clear();
    }

    fn item(&mut self, item: SnapshotItem) -> Result<(), Refusal> {
        if self.refuse_item == Some(self.items.len()) {
            return Err(Refusal("refused".into()));
        }
        self.items.push(item);
        Ok(())
    }

    fn loaded(&mut self, zxid: Zxid) -> Result<(), Refusal> {
        self.loaded = Some(zxid);
        Ok(())
    }

    fn txn(&mut self, entry: TxnEntry) -> Result<(), Refusal> {
        self.txns.push(entry);
        Ok(())
    }
}

/// Small steps, so that tests cross every boundary often.
pub(crate) fn policy() -> LogPolicy {
    LogPolicy { snapshot_entries: 8, zero_ahead: 2048, ..LogPolicy::default() }
}

pub(crate) fn recovered(disk: &MemoryDisk) -> Result<(Collected, Recovered<MemoryDisk>), Error> {
    let mut state = Collected::default();
    let recovered = recover(disk, &directories(), policy(), EmptySnapshot::Refused, &mut state)?;
    Ok((state, recovered))
}

/// Writes the snapshot of an empty tree at `zxid`.
pub(crate) fn snapshot(disk: &MemoryDisk, zxid: i64) -> Result<(), Error> {
    let at = directories();
    let mut writer = SnapshotWriter::create(disk, &at, Zxid(zxid), Compression::None, &[], &[])?;
    writer.node("", Some(b""), -1, &StoredStat::default())?;
    writer.finish(Some(0))?;
    Ok(())
}
