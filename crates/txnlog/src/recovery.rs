//! From a directory to a running server: the newest snapshot that is whole, the log behind it, and a
//! writer at its end.

use std::path::{Path, PathBuf};

use disk::Disk;
use zookeeper_wire::Zxid;
use zookeeper_wire::txn::TxnEntry;

use crate::directories::{list, sync};
use crate::limits::SNAPSHOTS_TRIED_MAX;
use crate::names::UNFINISHED_PREFIX;
use crate::{
    Directories, Error, LogPolicy, LogReader, LogWriter, SnapshotItem, SnapshotReader, Torn, newest_snapshots,
};

/// What is rebuilt. [`recover`] calls `reset`, then `item` for each item of a snapshot and `loaded` at its
/// end (and again from `reset`, if that snapshot turned out to be damaged), then `txn` for each
/// transaction behind it. Without any snapshot there is only the `reset`.
pub trait Restore {
    /// Forget everything: the state is that of a new, empty server.
    fn reset(&mut self);
    /// An item of the snapshot, in the snapshot's order. A refusal makes recovery try an older one.
    fn item(&mut self, item: SnapshotItem) -> Result<(), Refusal>;
    /// The snapshot is whole and its seals fit; it holds every transaction up to `zxid`. A refusal makes
    /// recovery try an older one.
    fn loaded(&mut self, zxid: Zxid) -> Result<(), Refusal>;
    /// A transaction of the log, in order. Snapshots are fuzzy: it may be there already, in whole or in
    /// part, which is no reason to refuse. A refusal ends recovery.
    fn txn(&mut self, entry: TxnEntry) -> Result<(), Refusal>;
}

/// Why something from the disk cannot be taken in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal(pub String);

/// What to think of a log without any snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EmptySnapshot {
    /// Something is lost: refuse to start.
    Refused,
    /// The log is complete from the first transaction on (`snapshot.trust.empty`), as servers before
    /// 3.5.3 left it.
    Trusted,
}

/// A directory that was recovered.
#[derive(Debug)]
pub struct Recovered<D: Disk> {
    /// The last transaction: of the log or, if that has none behind it, of the snapshot.
    pub last: Zxid,
    /// The snapshot that was used; `None` if there is none. Then one must be written before the first
    /// append: the writer refuses to start a log without any.
    pub snapshot: Option<Zxid>,
    /// Transactions replayed.
    pub replayed: u64,
    /// Snapshots that were passed over although they looked whole, with what is wrong with them.
    pub damaged: Vec<(PathBuf, Error)>,
    /// Ends of log files that a crash tore. Nothing in them was ever acknowledged.
    pub torn: Vec<Torn>,
    /// The first place where the zxids of the log do not follow each other.
    pub gap: Option<(Zxid, Zxid)>,
    /// Goes on behind `last`.
    pub writer: LogWriter<D>,
}

/// Rebuilds the state in `at` into `state`. Makes the directories if they are missing.
pub fn recover<D: Disk>(
    disk: &D,
    at: &Directories,
    policy: LogPolicy,
    empty_snapshot: EmptySnapshot,
    state: &mut impl Restore,
) -> Result<Recovered<D>, Error> {
    at.prepare(disk)?;
    let (snapshot, damaged) = load_snapshot(disk, at, state)?;
    let mut log = LogReader::open(disk, &at.logs, after(snapshot))?;
    let mut replayed = 0;
    let mut last = snapshot.unwrap_or(Zxid::ZERO);
    while let Some(entry) = log.next().transpose()? {
        if snapshot.is_none() && empty_snapshot == EmptySnapshot::Refused {
            return Err(Error::LogWithoutSnapshot { directory: at.logs.clone() });
        }
        let refused = |why: String| Error::Refused { zxid: entry.zxid, why };
        let txn = entry.decode().map_err(|error| refused(error.to_string()))?;
        state.txn(txn).map_err(|refusal| refused(refusal.0))?;
        last = entry.zxid;
        replayed += 1;
    }
    let writer = LogWriter::resume(disk, at, policy, log.tail(), log.last_zxid(), last)?;
    clear_unfinished(disk, at)?;
    Ok(Recovered { last, snapshot, replayed, damaged, torn: log.torn().to_vec(), gap: log.gap(), writer })
}

/// The zxid from which the log is replayed.
fn after(snapshot: Option<Zxid>) -> Zxid {
    snapshot.map_or(Zxid::ZERO, |zxid| Zxid(zxid.0.saturating_add(1)))
}

type Damaged = Vec<(PathBuf, Error)>;

fn load_snapshot<D: Disk>(
    disk: &D,
    at: &Directories,
    state: &mut impl Restore,
) -> Result<(Option<Zxid>, Damaged), Error> {
    let candidates = newest_snapshots(disk, at, SNAPSHOTS_TRIED_MAX)?;
    let mut damaged = Damaged::new();
    let tried = candidates.len();
    for (zxid, _, path) in candidates {
        state.reset();
        match load(disk, &path, zxid, state) {
            Ok(()) => return Ok((Some(zxid), damaged)),
            // The disk itself failing says nothing about the file.
            Err(error @ Error::Disk { .. }) => return Err(error),
            Err(error) => damaged.push((path, error)),
        }
    }
    state.reset();
    match damaged.first() {
        None => Ok((None, damaged)),
        Some((_, error)) => {
            Err(Error::NoUsableSnapshot { directory: at.snapshots.clone(), tried, newest: error.to_string() })
        }
    }
}

fn load<D: Disk>(disk: &D, path: &Path, zxid: Zxid, state: &mut impl Restore) -> Result<(), Error> {
    let mut reader = SnapshotReader::open(disk, path)?;
    while let Some(item) = reader.next().transpose()? {
        state.item(item).map_err(|refusal| Error::corrupt(path, 0, refusal.0))?;
    }
    state.loaded(zxid).map_err(|refusal| Error::corrupt(path, 0, refusal.0))
}

/// Removes the snapshots that a crash left unfinished.
fn clear_unfinished<D: Disk>(disk: &D, at: &Directories) -> Result<(), Error> {
    let unfinished: Vec<PathBuf> = list(disk, &at.snapshots)?
        .into_iter()
        .filter(|entry| !entry.is_directory && entry.name.starts_with(UNFINISHED_PREFIX))
        .map(|entry| at.snapshots.join(entry.name))
        .collect();
    for path in &unfinished {
        disk.remove(path).map_err(Error::disk("remove", path))?;
    }
    if unfinished.is_empty() { Ok(()) } else { sync(disk, &at.snapshots) }
}
