//! From the keeper's directory to its database: the snapshot's items, then the log's transactions.

use disk::Disk;
use std::path::Path;
use std::time::Instant;
use txnlog::{
    Compression, Directories, EmptySnapshot, Error, LogPolicy, LogReader, LogWriter, Refusal, Restore,
    SnapshotItem, SnapshotReader, recover,
};
use zab::Entry;
use znode::{Database, HashKey};
use zookeeper_wire::Zxid;
use zookeeper_wire::txn::TxnEntry;

use super::gauges::Started;
use super::snapshot_thread::write_snapshot;
use crate::limits;

/// A directory that was brought back.
pub(super) struct Rebuilt<D: Disk> {
    pub(super) database: Database,
    pub(super) writer: LogWriter<D>,
    pub(super) last: Zxid,
    pub(super) znodes: usize,
    /// There was neither a snapshot nor a transaction.
    pub(super) is_new: bool,
    /// What that took.
    pub(super) started: Started,
}

/// What a database begins as.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blank {
    /// Seeds the hash of paths.
    pub(super) key: HashKey,
    /// Whether znodes may have a time to live.
    pub(super) extended_types: znode::ExtendedTypes,
}

/// A database in the making.
struct Rebuild {
    blank: Blank,
    state: State,
    /// The tree's digest that the snapshot claims, and at which transaction.
    digest: Option<(Zxid, i64)>,
    began: Instant,
    /// When the snapshot was there; at once, if there is none.
    loaded: Instant,
    /// Transactions since.
    transactions: u64,
}

enum State {
    /// Nothing came yet.
    Empty,
    Loading(Box<znode::Restore>),
    Loaded(Box<Database>),
}

impl Rebuild {
    fn new(blank: Blank) -> Rebuild {
        let began = Instant::now();
        Rebuild { blank, state: State::Empty, digest: None, began, loaded: began, transactions: 0 }
    }

    /// What it took so far.
    fn took(&self) -> Started {
        Started {
            snapshot_ms: (self.loaded - self.began).as_millis() as u64,
            transactions_ms: self.loaded.elapsed().as_millis() as u64,
            transactions: self.transactions,
        }
    }

    /// The database, loaded or new.
    fn database(&mut self) -> Result<&mut Database, Refusal> {
        let database = match std::mem::replace(&mut self.state, State::Empty) {
            State::Empty => Box::new(Database::new(self.blank.key, self.blank.extended_types)),
            State::Loading(_) => return Err(Refusal("a transaction inside a snapshot".to_owned())),
            State::Loaded(database) => database,
        };
        self.state = State::Loaded(database);
        match &mut self.state {
            State::Loaded(database) => Ok(database),
            _ => unreachable!("set above"),
        }
    }

    fn check_digest(&mut self, at: Zxid) {
        let Some((zxid, expected)) = self.digest.filter(|(zxid, _)| *zxid == at) else { return };
        if let Ok(database) = self.database()
            && database.tree().digest() as i64 != expected
        {
            tracing::error!(%zxid, "the digest of the tree is not the one that was written down with it");
        }
    }
}

impl Restore for Rebuild {
    fn reset(&mut self) {
        self.state = State::Empty;
        self.digest = None;
        self.loaded = self.began;
        self.transactions = 0;
    }

    fn item(&mut self, item: SnapshotItem) -> Result<(), Refusal> {
        if matches!(self.state, State::Empty) {
            self.state =
                State::Loading(Box::new(znode::Restore::new(self.blank.key, self.blank.extended_types)));
        }
        let State::Loading(restore) = &mut self.state else {
            return Err(Refusal("an item of a snapshot after a transaction".to_owned()));
        };
        match item {
            SnapshotItem::Session { id, timeout_ms } => restore.session(id, timeout_ms),
            SnapshotItem::Acl { key, acl } => restore.acl(key, acl),
            SnapshotItem::Node { path, data, acl, stat } => restore
                .node(&path, data.as_deref(), acl, &stat)
                .map_err(|error| Refusal(error.to_string()))?,
            SnapshotItem::Digest { zxid, version, digest } => {
                self.digest = (version == 2).then_some((zxid, digest));
            }
            SnapshotItem::Last(_) => {}
        }
        Ok(())
    }

    fn loaded(&mut self, zxid: Zxid) -> Result<(), Refusal> {
        let state = std::mem::replace(&mut self.state, State::Empty);
        let State::Loading(restore) = state else {
            return Err(Refusal("a snapshot without a root".to_owned()));
        };
        let database = restore.finish(zxid).map_err(|error| Refusal(error.to_string()))?;
        self.state = State::Loaded(Box::new(database));
        self.check_digest(zxid);
        self.loaded = Instant::now();
        Ok(())
    }

    fn txn(&mut self, entry: TxnEntry) -> Result<(), Refusal> {
        let zxid = entry.header.zxid;
        self.database()?.replay(&entry);
        self.transactions += 1;
        self.check_digest(zxid);
        Ok(())
    }
}

/// Brings back what is in `at`; a new directory gets its first snapshot. An error says what to do.
pub(super) fn rebuild<D: Disk>(
    disk: &D,
    at: &Directories,
    policy: LogPolicy,
    empty: EmptySnapshot,
    blank: Blank,
) -> Result<Rebuilt<D>, String> {
    let rebuilt = bring_back(disk, at, policy, empty, blank)?;
    if rebuilt.is_new {
        first_snapshot(disk, at, &rebuilt.database)?;
    }
    Ok(rebuilt)
}

/// As [`rebuild`], but a new directory stays as it is.
pub(super) fn bring_back<D: Disk>(
    disk: &D,
    at: &Directories,
    policy: LogPolicy,
    empty: EmptySnapshot,
    blank: Blank,
) -> Result<Rebuilt<D>, String> {
    let mut rebuild = Rebuild::new(blank);
    let recovered = recover(disk, at, policy, empty, &mut rebuild).map_err(|error| told(&error))?;
    let started = rebuild.took();
    for (path, error) in &recovered.damaged {
        tracing::warn!(path = %path.display(), %error, "passed over a damaged snapshot");
    }
    for torn in &recovered.torn {
        tracing::info!(path = %torn.path.display(), at = torn.at, bytes = torn.bytes, "cut the torn end of a log");
    }
    if let Some((before, after)) = recovered.gap {
        tracing::warn!(%before, %after, "the log has a gap");
    }
    rebuild.database().map_err(|refusal| refusal.0)?.advance(recovered.last);
    let State::Loaded(database) = rebuild.state else { unreachable!("made above") };
    let znodes = database.tree().len();
    let is_new = recovered.snapshot.is_none() && recovered.last == Zxid::ZERO;
    if recovered.snapshot.is_none() && !is_new {
        first_snapshot(disk, at, &database)?;
    }
    let database = *database;
    Ok(Rebuilt { database, writer: recovered.writer, last: recovered.last, znodes, is_new, started })
}

/// Writes the first snapshot of a directory: from then on its being empty is what it remembers.
pub(super) fn first_snapshot<D: Disk>(disk: &D, at: &Directories, database: &Database) -> Result<(), String> {
    write_snapshot(disk, at, &database.snapshot(), Compression::None).map(drop).map_err(|error| told(&error))
}

/// The database of one snapshot, and the last transaction in it.
pub(super) fn read_snapshot<D: Disk>(
    disk: &D,
    file: &Path,
    blank: Blank,
) -> Result<(Database, Zxid), String> {
    let mut restore = znode::Restore::new(blank.key, blank.extended_types);
    let mut last = None;
    let mut reader = SnapshotReader::open(disk, file).map_err(|error| error.to_string())?;
    while let Some(item) = reader.next().transpose().map_err(|error| error.to_string())? {
        match item {
            SnapshotItem::Session { id, timeout_ms } => restore.session(id, timeout_ms),
            SnapshotItem::Acl { key, acl } => restore.acl(key, acl),
            SnapshotItem::Node { path, data, acl, stat } => {
                restore.node(&path, data.as_deref(), acl, &stat).map_err(|error| error.to_string())?;
            }
            SnapshotItem::Digest { .. } => {}
            SnapshotItem::Last(zxid) => last = Some(zxid),
        }
    }
    let last =
        last.ok_or("the snapshot does not say which transaction is its last; servers since 3.9 write that")?;
    Ok((restore.finish(last).map_err(|error| error.to_string())?, last))
}

/// The end of the log, without gaps, up to `last`: what a member that comes back may lack. Empty if the log
/// does not end with `last`.
pub(super) fn history<D: Disk>(disk: &D, at: &Directories, last: Zxid) -> Result<Vec<Entry>, String> {
    let from = Zxid(last.0.saturating_sub(limits::HISTORY_ENTRIES as i64).max(Zxid::new(last.epoch(), 0).0));
    let mut reader = LogReader::open(disk, &at.logs, from).map_err(|error| told(&error))?;
    let mut entries: Vec<Entry> = Vec::new();
    while let Some(entry) = reader.next().transpose().map_err(|error| told(&error))? {
        if entries.last().is_some_and(|before| before.zxid.next() != Some(entry.zxid)) {
            entries.clear();
        }
        entries.push(Entry { zxid: entry.zxid, payload: entry.payload });
    }
    if entries.last().is_some_and(|entry| entry.zxid != last) {
        entries.clear();
    }
    Ok(entries)
}

/// The error with what to do about it, where the error does not say so itself.
fn told(error: &Error) -> String {
    match error {
        Error::Disk { path, source, .. } => crate::start::unusable(path, "use", source).to_string(),
        Error::Corrupt { .. } | Error::NoUsableSnapshot { .. } | Error::Refused { .. } => {
            format!(
                "{error}; restore the data directory from a backup, or from another member of the ensemble"
            )
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
