//! A simulated process: the real keeper node, the real log on a disk in memory, and the work that its
//! threads would be doing. The world decides how long that takes, and when the process dies.

use clock::{Moment, Now};
use disk::MemoryDisk;
use keeper::{Effect, Entry, Input, Keeper, KeeperConfig};
use txnlog::{Directories, Durability, LogPolicy, LogWriter, purge};
use znode::{Database, Snapshot};
use zookeeper_wire::Zxid;

use crate::database::{find, save};
use crate::limits::TICK;
use crate::story::Violation;
use crate::world::Bug;

/// A running process.
pub(crate) struct Server {
    pub(crate) keeper: Keeper,
    disk: MemoryDisk,
    at: Directories,
    writer: LogWriter<MemoryDisk>,
    /// What waits for the log.
    waiting: Vec<Job>,
    /// What the log is writing; durable when the world says so.
    writing: Vec<Job>,
    snapshot: Option<Box<Snapshot>>,
    bug: Option<Bug>,
}

enum Job {
    Append(Entry),
    Roll,
}

/// What a start found.
pub(crate) struct Started {
    pub(crate) server: Server,
    pub(crate) last: Zxid,
    pub(crate) snapshot: Option<Zxid>,
    pub(crate) replayed: Vec<zookeeper_wire::txn::TxnEntry>,
}

/// What the world has to arrange for.
#[derive(Default)]
pub(crate) struct Wanted {
    /// Call [`Server::written`] when the disk had time.
    pub(crate) write: bool,
    /// Call [`Server::snapshot_written`] when the disk had time.
    pub(crate) snapshot: bool,
    /// Tell the keeper that everything up to there is durable.
    pub(crate) persisted: Option<Zxid>,
}

impl Server {
    /// Starts over what is on `disk`. `look` sees the database before anything is done with it.
    pub(crate) fn start(
        disk: &MemoryDisk,
        now: Now,
        seed: u64,
        bug: Option<Bug>,
        look: impl FnOnce(&Database, Zxid) -> Result<(), Violation>,
    ) -> Result<Started, Violation> {
        let mut chance = fastrand::Rng::with_seed(seed);
        let at = Directories::new("/data".as_ref(), "/log".as_ref());
        let policy = LogPolicy {
            snapshot_entries: u64::MAX / 2,
            zero_ahead: *chance.choice(&[0, 2048, 64 << 10]).expect("there are some"),
            durability: if bug == Some(Bug::NoSync) { Durability::Unsynced } else { Durability::Synced },
            seed,
            ..LogPolicy::default()
        };
        let found = find(disk, &at, policy)?;
        look(&found.database, found.last)?;
        if found.snapshot.is_none() {
            save(disk, &at, &found.database.snapshot())
                .map_err(|error| Violation(format!("the first snapshot: {error}")))?;
        }
        let config = KeeperConfig {
            tick_time: TICK,
            snapshot_transactions: chance.u32(10..120),
            session_id_byte: 1,
            ..KeeperConfig::default()
        };
        let keeper = Keeper::alone(config, found.database, now, seed);
        let server = Server {
            keeper,
            disk: disk.clone(),
            at,
            writer: found.writer,
            waiting: Vec::new(),
            writing: Vec::new(),
            snapshot: None,
            bug,
        };
        Ok(Started { server, last: found.last, snapshot: found.snapshot, replayed: found.replayed })
    }

    /// Steps the keeper; what concerns connections is left in `effects`.
    pub(crate) fn step(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) -> (Wanted, Vec<Entry>) {
        let mut all = Vec::new();
        self.keeper.step(now, input, &mut all);
        let mut wanted = Wanted::default();
        let mut proposed = Vec::new();
        for effect in all {
            match effect {
                Effect::Persist { entries } => {
                    if self.bug == Some(Bug::AcknowledgeBeforeSync) {
                        wanted.persisted = entries.last().map(|entry| entry.zxid);
                    }
                    proposed.extend(entries.iter().cloned());
                    self.waiting.extend(entries.into_iter().map(Job::Append));
                }
                Effect::WriteSnapshot { snapshot } => {
                    self.waiting.push(Job::Roll);
                    self.snapshot = Some(snapshot);
                    wanted.snapshot = true;
                }
                other => effects.push(other),
            }
        }
        if self.bug == Some(Bug::EventsAfterReplies) {
            // Notifications begin with xid -1.
            effects.sort_by_key(
                |effect| matches!(effect, Effect::Send { frame, .. } if frame.starts_with(&[0xff; 4])),
            );
        }
        wanted.write = self.begin_writing();
        (wanted, proposed)
    }

    fn begin_writing(&mut self) -> bool {
        if !self.writing.is_empty() || self.waiting.is_empty() {
            return false;
        }
        self.writing = std::mem::take(&mut self.waiting);
        true
    }

    /// The log's thread finishes the group. Returns the last durable zxid, if the keeper is to hear of
    /// it, and whether the next group begins.
    pub(crate) fn written(&mut self) -> Result<(Option<Zxid>, bool), txnlog::Error> {
        let mut entries = 0;
        for job in std::mem::take(&mut self.writing) {
            match job {
                Job::Append(entry) => {
                    self.writer.append(entry.zxid, &entry.payload)?;
                    entries += 1;
                }
                Job::Roll => self.writer.roll()?,
            }
        }
        let upto = self.writer.commit()?;
        let told = entries > 0 && self.bug != Some(Bug::AcknowledgeBeforeSync);
        Ok((told.then_some(upto), self.begin_writing()))
    }

    /// The log's thread has nothing to do.
    pub(crate) fn idle(&mut self) -> Result<(), txnlog::Error> {
        if self.writing.is_empty() {
            self.writer.zero_ahead()?;
        }
        Ok(())
    }

    /// The snapshot's thread finishes. A failure costs nothing but a longer log.
    pub(crate) fn snapshot_written(&mut self) -> Option<Zxid> {
        let snapshot = self.snapshot.take()?;
        if save(&self.disk, &self.at, &snapshot).is_ok() {
            // Neither does this.
            let _ = purge(&self.disk, &self.at, 3);
        }
        Some(snapshot.zxid())
    }

    /// The process was in the middle of things when it died: what its threads still do before the disk
    /// stops taking it.
    pub(crate) fn last_breath(mut self) {
        let _ = self.written();
        let _ = self.snapshot_written();
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.keeper.deadline()
    }
}
