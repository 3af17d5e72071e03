//! From the disk to a database and back: the little that stands between the log's format and the tree.

use disk::MemoryDisk;
use txnlog::{
    Compression, Directories, EmptySnapshot, LogPolicy, LogWriter, Refusal, Restore, SnapshotItem,
    SnapshotWriter, recover,
};
use znode::{Database, HashKey, Snapshot};
use zookeeper_wire::Zxid;
use zookeeper_wire::txn::TxnEntry;

use crate::story::Violation;

/// What was found on a disk.
pub(crate) struct Found {
    pub(crate) database: Database,
    pub(crate) writer: LogWriter<MemoryDisk>,
    pub(crate) last: Zxid,
    pub(crate) snapshot: Option<Zxid>,
    /// The transactions of the log behind the snapshot.
    pub(crate) replayed: Vec<TxnEntry>,
}

struct Rebuild {
    key: HashKey,
    loading: Option<znode::Restore>,
    database: Database,
    replayed: Vec<TxnEntry>,
    digest: Option<(Zxid, i64)>,
}

impl Rebuild {
    fn compare(&self, at: Zxid, expected: i64) -> Result<(), Refusal> {
        let found = self.database.tree().digest() as i64;
        if found == expected {
            return Ok(());
        }
        Err(Refusal(format!("the digest at {at} is {found:x}, not {expected:x}")))
    }
}

impl Restore for Rebuild {
    fn reset(&mut self) {
        self.loading = Some(znode::Restore::new(self.key, znode::ExtendedTypes::Off));
        self.database = Database::new(self.key, znode::ExtendedTypes::Off);
        self.digest = None;
    }

    fn item(&mut self, item: SnapshotItem) -> Result<(), Refusal> {
        let Some(restore) = &mut self.loading else { return Err(Refusal("an item out of place".into())) };
        match item {
            SnapshotItem::Session { id, timeout_ms } => restore.session(id, timeout_ms),
            SnapshotItem::Acl { key, acl } => restore.acl(key, acl),
            SnapshotItem::Node { path, data, acl, stat } => {
                restore.node(&path, data.as_deref(), acl, &stat).map_err(|e| Refusal(e.to_string()))?;
            }
            SnapshotItem::Digest { zxid, digest, .. } => self.digest = Some((zxid, digest)),
            SnapshotItem::Last(_) => {}
        }
        Ok(())
    }

    fn loaded(&mut self, zxid: Zxid) -> Result<(), Refusal> {
        let restore = self.loading.take().ok_or_else(|| Refusal("an end out of place".into()))?;
        self.database = restore.finish(zxid).map_err(|error| Refusal(error.to_string()))?;
        match self.digest {
            Some((at, digest)) if at == zxid => self.compare(at, digest),
            _ => Ok(()),
        }
    }

    fn txn(&mut self, entry: TxnEntry) -> Result<(), Refusal> {
        self.database.replay(&entry);
        if let Some(digest) = entry.digest {
            self.compare(entry.header.zxid, digest.tree)?;
        }
        self.replayed.push(entry);
        Ok(())
    }
}

/// Recovers what is on `disk`. Whatever a crash did to it, this must succeed.
pub(crate) fn find(disk: &MemoryDisk, at: &Directories, policy: LogPolicy) -> Result<Found, Violation> {
    let key = HashKey(policy.seed);
    let database = Database::new(key, znode::ExtendedTypes::Off);
    let mut rebuild = Rebuild { key, loading: None, database, replayed: Vec::new(), digest: None };
    let recovered = recover(disk, at, policy, EmptySnapshot::Refused, &mut rebuild)
        .map_err(|error| Violation(format!("the directory cannot be recovered: {error}")))?;
    if let Some((path, error)) = recovered.damaged.first() {
        return Err(Violation(format!("the snapshot {} is damaged: {error}", path.display())));
    }
    if let Some((before, after)) = recovered.gap {
        return Err(Violation(format!("the log goes from {before} to {after}")));
    }
    let Rebuild { mut database, replayed, .. } = rebuild;
    database.advance(recovered.last);
    let (writer, last, snapshot) = (recovered.writer, recovered.last, recovered.snapshot);
    Ok(Found { database, writer, last, snapshot, replayed })
}

/// Writes a snapshot.
pub(crate) fn save(disk: &MemoryDisk, at: &Directories, snapshot: &Snapshot) -> Result<(), txnlog::Error> {
    let sessions: Vec<_> = snapshot.sessions().iter().map(|(id, timeout_ms)| (*id, *timeout_ms)).collect();
    let acls: Vec<_> = snapshot.acls().collect();
    let mut writer = SnapshotWriter::create(disk, at, snapshot.zxid(), Compression::None, &sessions, &acls)?;
    let mut walk = snapshot.walk();
    while let Some(node) = walk.step() {
        writer.node(node.path, node.data, node.acl_key, &node.stat)?;
    }
    writer.finish(Some(snapshot.digest() as i64)).map(|_| ())
}
