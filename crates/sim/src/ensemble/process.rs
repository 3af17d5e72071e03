//! A simulated member of an ensemble: the real keeper node, the real log on a disk in memory, and the one
//! queue of work that its log thread does in order.

use std::collections::{BTreeMap, VecDeque};

use clock::Now;
use disk::MemoryDisk;
use keeper::{Effect, Ensemble, Entry, Input, Keeper, KeeperConfig, Recovered, ServerId};
use txnlog::{
    Directories, EpochFile, LogPolicy, LogWriter, forget_log, purge, read_epoch, truncate, write_epoch,
};
use zab::Flaw;
use znode::{Database, HashKey, Snapshot};
use zookeeper_wire::Zxid;
use zookeeper_wire::jute::Writer;

use super::TICK;
use crate::database::{find, save};
use crate::story::Violation;

/// Transactions that led to where a member is, by number; complete after `base`. A snapshot hides them from
/// its receiver, and not from us.
#[derive(Clone, Default)]
pub(super) struct Past {
    pub(super) log: BTreeMap<Zxid, Entry>,
    pub(super) base: Zxid,
}

impl Past {
    /// What of it led to `upto`.
    pub(super) fn upto(&self, upto: Zxid) -> Past {
        Past { log: self.log.range(..=upto).map(|(z, e)| (*z, e.clone())).collect(), base: self.base }
    }
}

/// A running member.
pub(super) struct Process {
    pub(super) keeper: Keeper,
    disk: MemoryDisk,
    at: Directories,
    policy: LogPolicy,
    writer: Option<LogWriter<MemoryDisk>>,
    jobs: VecDeque<Job>,
    snapshot: Option<Box<Snapshot>>,
    /// Whether its log thread is at work.
    pub(super) busy: bool,
    /// What was handed to the log and is not cut, and what led to the snapshot before.
    pub(super) past: Past,
    /// What led to the snapshot that is arriving.
    pub(super) staged: Past,
    /// The log is durable so far.
    pub(super) durable: Zxid,
    /// Whether it served clients after the last step.
    pub(super) served: bool,
    /// Where the log was cut by the last step.
    pub(super) cut: Option<Zxid>,
    /// What led to where it was before a cut that is not done: the disk may refuse it.
    uncut: Option<Past>,
    /// An epoch that was entered although what came before it was not written.
    pub(super) hasty: Option<u32>,
}

/// What the log thread is to do.
enum Job {
    Append(Entry),
    Roll,
    Epochs { accepted: Option<u32>, current: Option<u32> },
    Truncate { to: Zxid, rebuild: bool },
    Install(Box<Snapshot>),
}

impl Process {
    /// Starts over what is on `disk`.
    pub(super) fn start(
        disk: &MemoryDisk,
        ensemble: Ensemble,
        now: Now,
        seed: u64,
        flaw: Option<Flaw>,
        past: &Past,
    ) -> Result<Process, Violation> {
        let mut chance = fastrand::Rng::with_seed(seed);
        let at = Directories::new("/data".as_ref(), "/log".as_ref());
        let policy = LogPolicy {
            snapshot_entries: u64::MAX / 2,
            zero_ahead: *chance.choice(&[0, 2048, 64 << 10]).expect("there are some"),
            seed,
            ..LogPolicy::default()
        };
        let found = find(disk, &at, policy.clone())?;
        if found.snapshot.is_none() {
            save(disk, &at, &found.database.snapshot())
                .map_err(|error| Violation(format!("the first snapshot: {error}")))?;
        }
        let epoch =
            |which| read_epoch(disk, &at, which).map_err(|e| Violation(format!("an epoch file: {e}")));
        let (accepted, current) = (epoch(EpochFile::Accepted)?, epoch(EpochFile::Current)?);
        let history: Vec<Entry> = (found.replayed.iter())
            .map(|txn| {
                let mut writer = Writer::new();
                txn.encode(&mut writer);
                Entry { zxid: txn.header.zxid, payload: writer.finish() }
            })
            .collect();
        let current_epoch = current.unwrap_or(found.last.epoch());
        // A crash between a new epoch's history and its file leaves the file behind, never ahead.
        let promised = accepted.unwrap_or(0);
        if found.last.epoch() > promised || promised < current.unwrap_or(0) {
            let last = found.last;
            return Err(Violation(format!("epochs {accepted:?} {current:?} with a log up to {last}")));
        }
        let snapshot = found.snapshot.unwrap_or(Zxid::ZERO);
        let mut past = past.upto(snapshot);
        if past.base > snapshot {
            past = Past { base: snapshot, ..Past::default() };
        }
        past.log.extend(history.iter().map(|entry| (entry.zxid, entry.clone())));
        let id = ensemble.id;
        let recovered = Recovered {
            last: found.last,
            accepted_epoch: accepted.unwrap_or(0),
            current_epoch,
            is_blank: false,
            history,
        };
        let config = KeeperConfig {
            tick_time: TICK,
            snapshot_transactions: chance.u32(20..200),
            session_id_byte: id.0 as u8,
            server_id: id.0,
            ..KeeperConfig::default()
        };
        let mut keeper = Keeper::member(config, ensemble, recovered, found.database, now, seed);
        if let Some(flaw) = flaw {
            keeper.plant(flaw);
        }
        Ok(Process {
            keeper,
            disk: disk.clone(),
            at,
            policy,
            writer: Some(found.writer),
            jobs: VecDeque::new(),
            snapshot: None,
            busy: false,
            past,
            staged: Past::default(),
            durable: found.last,
            served: false,
            uncut: None,
            cut: None,
            hasty: None,
        })
    }

    /// Steps the keeper; what concerns others is left in `effects`. Returns whether a snapshot is to be
    /// written.
    pub(super) fn step(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) -> bool {
        let mut all = Vec::new();
        self.keeper.step(now, input, &mut all);
        let mut snapshot_due = false;
        for effect in all {
            match effect {
                Effect::Persist { entries } => {
                    for entry in entries {
                        self.past.log.insert(entry.zxid, entry.clone());
                        self.jobs.push_back(Job::Append(entry));
                    }
                }
                Effect::WriteEpochs { accepted, current } => {
                    self.jobs.push_back(Job::Epochs { accepted, current });
                }
                Effect::Truncate { to, rebuild } => {
                    self.cut = Some(to);
                    self.uncut.get_or_insert_with(|| self.past.clone());
                    self.past.log.split_off(&Zxid(to.0 + 1));
                    self.durable = self.durable.min(to);
                    self.past.base = self.past.base.min(to);
                    self.jobs.push_back(Job::Truncate { to, rebuild });
                }
                Effect::InstallSnapshot { snapshot } => {
                    self.past = std::mem::take(&mut self.staged);
                    self.jobs.push_back(Job::Install(snapshot));
                }
                Effect::WriteSnapshot { snapshot } => {
                    self.jobs.push_back(Job::Roll);
                    self.snapshot = Some(snapshot);
                    snapshot_due = true;
                }
                other => effects.push(other),
            }
        }
        snapshot_due
    }

    /// What it leaves behind when it ends.
    pub(super) fn into_past(self) -> Past {
        self.uncut.unwrap_or(self.past)
    }

    /// Whether the log thread has something to do.
    pub(super) fn has_work(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// Does up to `most` jobs, one group. Returns what the keeper is to hear.
    pub(super) fn work(&mut self, most: usize) -> Result<Vec<Input>, String> {
        let mut heard = Vec::new();
        let mut appended = false;
        for _ in 0..most {
            let Some(job) = self.jobs.pop_front() else { break };
            if !matches!(job, Job::Append(_)) && appended {
                appended = false;
                heard.push(self.commit()?);
            }
            match job {
                Job::Append(entry) => {
                    self.writer().append(entry.zxid, &entry.payload).map_err(told)?;
                    appended = true;
                }
                Job::Roll => self.writer().roll().map_err(told)?,
                Job::Epochs { accepted, current } => {
                    // Only what an epoch begins with may be on its way while it is entered.
                    if current.is_some() && !self.is_written() {
                        self.hasty = current;
                    }
                    for (which, epoch) in [(EpochFile::Accepted, accepted), (EpochFile::Current, current)] {
                        if let Some(epoch) = epoch {
                            write_epoch(&self.disk, &self.at, which, epoch).map_err(told)?;
                        }
                    }
                    heard.push(Input::EpochsWritten);
                }
                Job::Truncate { to, rebuild } => {
                    self.writer = None;
                    truncate(&self.disk, &self.at, to).map_err(told)?;
                    let database = self.reopen()?;
                    if database.last_applied() != to {
                        return Err(format!("cut to {to}, and it ends with {}", database.last_applied()));
                    }
                    self.uncut = None;
                    heard.push(Input::Truncated { database: rebuild.then(|| Box::new(database)) });
                }
                Job::Install(snapshot) => {
                    self.writer = None;
                    save(&self.disk, &self.at, &snapshot).map_err(told)?;
                    forget_log(&self.disk, &self.at, snapshot.zxid()).map_err(told)?;
                    self.reopen()?;
                    self.durable = snapshot.zxid();
                    heard.push(Input::SnapshotInstalled);
                }
            }
        }
        if appended {
            heard.push(self.commit()?);
        }
        Ok(heard)
    }

    fn writer(&mut self) -> &mut LogWriter<MemoryDisk> {
        self.writer.as_mut().expect("it is opened again after every cut")
    }

    fn commit(&mut self) -> Result<Input, String> {
        let upto = self.writer().commit().map_err(told)?;
        self.durable = upto;
        Ok(Input::Persisted { upto })
    }

    fn reopen(&mut self) -> Result<Database, String> {
        let found = find(&self.disk, &self.at, self.policy.clone()).map_err(|violation| violation.0)?;
        self.writer = Some(found.writer);
        Ok(found.database)
    }

    /// The current epoch on the disk.
    pub(super) fn current_epoch(&self) -> Option<u32> {
        entered_epoch(&self.disk)
    }

    /// Whether everything that was handed to the log is durable.
    pub(super) fn is_written(&self) -> bool {
        !self.jobs.iter().any(|job| matches!(job, Job::Append(_) | Job::Install(_) | Job::Truncate { .. }))
    }

    pub(super) fn snapshot_written(&mut self) -> Option<Zxid> {
        let snapshot = self.snapshot.take()?;
        if save(&self.disk, &self.at, &snapshot).is_ok() {
            let _ = purge(&self.disk, &self.at, 3);
        }
        Some(snapshot.zxid())
    }
}

/// The current epoch on a disk, running or not.
pub(super) fn entered_epoch(disk: &MemoryDisk) -> Option<u32> {
    let at = Directories::new("/data".as_ref(), "/log".as_ref());
    read_epoch(disk, &at, EpochFile::Current).ok().flatten()
}

fn told(error: txnlog::Error) -> String {
    error.to_string()
}

/// What a receiver builds of a snapshot that was streamed to it.
pub(super) fn rebuilt(snapshot: &Snapshot, seed: u64) -> Result<Database, Violation> {
    let mut restore = znode::Restore::new(HashKey(seed), znode::ExtendedTypes::Off);
    for (&session, &timeout_ms) in snapshot.sessions() {
        restore.session(session, timeout_ms);
    }
    for (key, acl) in snapshot.acls() {
        restore.acl(key, acl.to_vec());
    }
    let mut walk = snapshot.walk();
    while let Some(node) = walk.step() {
        restore
            .node(node.path, node.data, node.acl_key, &node.stat)
            .map_err(|error| Violation(format!("a streamed snapshot: {error}")))?;
    }
    restore.finish(snapshot.zxid()).map_err(|error| Violation(format!("a streamed snapshot: {error}")))
}

/// The ensemble as member `id` is told of it.
pub(super) fn membership(id: i64, voters: i64) -> Ensemble {
    Ensemble {
        id: ServerId(id),
        configuration: zab::Configuration::of_voters((1..=voters).map(ServerId)),
        proposed: None,
        reconfigurable: false,
        tick: TICK,
        init_limit: 10,
        sync_limit: 5,
    }
}
