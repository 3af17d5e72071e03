//! The end of the log: appends, makes durable, rolls to new files, keeps zeroes ahead.
//!
//! Entries gather in memory and are written by one write per group, directly followed by one sync, so
//! at most one write of entries is ever at risk. After the first failure the writer is latched.

use std::path::PathBuf;

use disk::{Disk, File, Open};
use zookeeper_wire::Zxid;

use super::{FILE_HEADER_BYTES, LogTail, MAGIC, VERSION, frame, payload_zxid};
use crate::limits::{GROUP_BYTES_MAX, LOG_BYTES_MAX, SECTOR, ZERO_AHEAD, ZERO_CHUNK, ZEROED_FIRST};
use crate::{Directories, Error, directories, log_name, newest_snapshots};

/// Whether [`LogWriter::commit`] waits for the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// It does.
    Synced,
    /// It leaves the writing to the system (`forceSync=no`): a power loss may cost acknowledged
    /// transactions, and may leave a log that looks damaged.
    Unsynced,
}

/// When to roll, how far to zero ahead, whether to sync.
#[derive(Clone, Debug)]
pub struct LogPolicy {
    /// `snapCount`: a file is rolled after a random number of entries from half of this to this.
    pub snapshot_entries: u64,
    /// Bytes at which a file is rolled whatever its count.
    pub log_bytes_max: u64,
    /// Bytes kept zeroed ahead of the entries once a file has grown; 0 for none.
    pub zero_ahead: u64,
    /// Whether to sync.
    pub durability: Durability,
    /// Where the random number comes from.
    pub seed: u64,
}

/// Appends to the log.
#[derive(Debug)]
pub struct LogWriter<D: Disk> {
    disk: D,
    at: Directories,
    policy: LogPolicy,
    chance: fastrand::Rng,
    current: Option<Current<D::File>>,
    /// Entries not yet written, as the file will have them.
    group: Vec<u8>,
    group_entries: u64,
    /// The last entry appended, or the last one found at the start.
    last: Zxid,
    durable: Zxid,
    latched: bool,
}

#[derive(Debug)]
struct Current<F> {
    path: PathBuf,
    file: F,
    /// Where the next entry goes.
    end: u64,
    /// Up to where the file was written with zeroes.
    zeroed: u64,
    entries: u64,
    roll_at: u64,
}

impl Default for LogPolicy {
    /// The original's defaults; the seed is 0.
    fn default() -> Self {
        LogPolicy {
            snapshot_entries: 100_000,
            log_bytes_max: LOG_BYTES_MAX,
            zero_ahead: ZERO_AHEAD,
            durability: Durability::Synced,
            seed: 0,
        }
    }
}

impl<D: Disk> LogWriter<D> {
    /// Of a directory that has a snapshot whose last transaction is `last`, and no log.
    pub fn behind_snapshot(disk: &D, at: &Directories, policy: LogPolicy, last: Zxid) -> Result<Self, Error> {
        Self::resume(disk, at, policy, None, None, last)
    }

    /// Goes on behind `last`: in the newest file if the log ends with it, else (a snapshot is newer than
    /// the log) in a new one. What a crash tore off the newest file is cut away first, durably.
    pub(crate) fn resume(
        disk: &D,
        at: &Directories,
        policy: LogPolicy,
        tail: Option<&LogTail>,
        logged: Option<Zxid>,
        last: Zxid,
    ) -> Result<Self, Error> {
        let mut writer = LogWriter {
            disk: disk.clone(),
            at: at.clone(),
            chance: fastrand::Rng::with_seed(policy.seed),
            policy,
            current: None,
            group: Vec::new(),
            group_entries: 0,
            last,
            durable: last,
            latched: false,
        };
        match tail {
            None => {}
            // Not even a header: as if it had never been made.
            Some(tail) if tail.valid_bytes < FILE_HEADER_BYTES => {
                disk.remove(&tail.path).map_err(Error::disk("remove", &tail.path))?;
                directories::sync(disk, &at.logs)?;
            }
            Some(tail) => {
                writer.reopen(tail)?;
                if logged != Some(last) {
                    writer.current = None;
                }
            }
        }
        Ok(writer)
    }

    fn reopen(&mut self, tail: &LogTail) -> Result<(), Error> {
        let file = self.disk.open(&tail.path, Open::Write).map_err(Error::disk("open", &tail.path))?;
        if tail.file_bytes > tail.valid_bytes {
            file.set_length(tail.valid_bytes).map_err(Error::disk("cut", &tail.path))?;
        }
        // Also when nothing was cut: what a killed process had written and we are about to build on may
        // not be on the disk yet, nor the name of the file.
        file.sync().map_err(Error::disk("sync", &tail.path))?;
        directories::sync(&self.disk, &self.at.logs)?;
        self.current = Some(Current {
            path: tail.path.clone(),
            file,
            end: tail.valid_bytes,
            zeroed: tail.valid_bytes,
            entries: tail.entries,
            roll_at: self.draw(),
        });
        Ok(())
    }

    /// Adds a transaction to the group. Usually costs no IO; a group that reaches
    /// [`GROUP_BYTES_MAX`] is committed at once.
    ///
    /// # Panics
    /// If `zxid` is not the one inside `payload`, or not after the last one.
    pub fn append(&mut self, zxid: Zxid, payload: &[u8]) -> Result<(), Error> {
        self.check_latch()?;
        assert_eq!(payload_zxid(payload), Some(zxid), "the payload begins with its header");
        assert!(zxid > self.last, "{zxid} does not come after {}", self.last);
        if !self.group.is_empty() && self.group.len() + payload.len() > GROUP_BYTES_MAX {
            self.commit()?;
        }
        if self.current.is_none() {
            self.latch(|writer| writer.create(zxid))?;
        }
        frame(payload, &mut self.group);
        self.group_entries += 1;
        self.last = zxid;
        Ok(())
    }

    /// Makes everything appended so far durable; returns the last zxid that is.
    pub fn commit(&mut self) -> Result<Zxid, Error> {
        self.check_latch()?;
        if !self.group.is_empty() {
            self.latch(Self::write_group)?;
        }
        self.durable = self.last;
        Ok(self.durable)
    }

    /// Whether the current file has had its share of entries: time to [`roll`](Self::roll) and to take a
    /// snapshot.
    pub fn roll_is_due(&self) -> bool {
        self.current.as_ref().is_some_and(|current| {
            current.entries + self.group_entries >= current.roll_at
                || current.end + self.group.len() as u64 >= self.policy.log_bytes_max
        })
    }

    /// Commits, and lets the next entry begin a new file.
    pub fn roll(&mut self) -> Result<(), Error> {
        self.commit()?;
        self.current = None;
        Ok(())
    }

    /// Whether few zeroes are left ahead of the entries, so that [`zero_ahead`](Self::zero_ahead) has work.
    pub fn wants_zeroes(&self) -> bool {
        // Half of it left is enough: fewer, larger writes.
        let wants = |current: &Current<D::File>| {
            let wanted = wanted_zeroes(&self.policy, current);
            wanted > 0 && current.zeroed.saturating_sub(current.end) <= wanted / 2
        };
        self.group.is_empty() && self.current.as_ref().is_some_and(wants)
    }

    /// Zeroes and syncs the next chunk ahead of the entries, if there is not enough. For idle moments:
    /// a group then finds its blocks written. Returns whether there is more to zero.
    pub fn zero_ahead(&mut self) -> Result<bool, Error> {
        self.check_latch()?;
        if !self.wants_zeroes() {
            return Ok(false);
        }
        self.latch(|writer| {
            let Some(current) = &mut writer.current else { return Ok(()) };
            let wanted = wanted_zeroes(&writer.policy, current);
            let goal = current.end.max(current.zeroed) + wanted.min(ZERO_CHUNK);
            zero(current, goal)?;
            current.file.sync().map_err(Error::disk("sync", &current.path))
        })?;
        Ok(self.wants_zeroes())
    }

    /// The last zxid appended, or found at the start.
    pub fn last(&self) -> Zxid {
        self.last
    }

    /// The last zxid that is durable.
    pub fn durable(&self) -> Zxid {
        self.durable
    }

    /// Where files are.
    pub fn directories(&self) -> &Directories {
        &self.at
    }

    fn create(&mut self, first: Zxid) -> Result<(), Error> {
        // The original (and we) refuse a log without a snapshot, so there must be none.
        if newest_snapshots(&self.disk, &self.at, 1)?.is_empty() {
            return Err(Error::LogWithoutSnapshot { directory: self.at.logs.clone() });
        }
        let path = self.at.logs.join(log_name(first));
        // A file of that name can only be one that holds no entry.
        let file = self.disk.open(&path, Open::Replace).map_err(Error::disk("create", &path))?;
        let mut start = Vec::with_capacity(ZEROED_FIRST as usize);
        start.extend_from_slice(&MAGIC.to_be_bytes());
        start.extend_from_slice(&VERSION.to_be_bytes());
        start.extend_from_slice(&0_i64.to_be_bytes());
        start.resize((FILE_HEADER_BYTES + ZEROED_FIRST.min(self.policy.zero_ahead)) as usize, 0);
        file.write_at(&start, 0).map_err(Error::disk("write", &path))?;
        file.sync().map_err(Error::disk("sync", &path))?;
        directories::sync(&self.disk, &self.at.logs)?;
        let roll_at = self.draw();
        self.current = Some(Current {
            path,
            file,
            end: FILE_HEADER_BYTES,
            zeroed: start.len() as u64,
            entries: 0,
            roll_at,
        });
        Ok(())
    }

    fn write_group(&mut self) -> Result<(), Error> {
        let current = self.current.as_mut().expect("appending opened a file");
        current.file.write_at(&self.group, current.end).map_err(Error::disk("write", &current.path))?;
        current.end += self.group.len() as u64;
        current.entries += self.group_entries;
        if current.end > current.zeroed {
            current.zeroed = current.end;
            let goal = current.end + wanted_zeroes(&self.policy, current).min(ZERO_CHUNK);
            zero(current, goal)?;
        }
        if self.policy.durability == Durability::Synced {
            current.file.sync().map_err(Error::disk("sync", &current.path))?;
        }
        self.group.clear();
        self.group.shrink_to(GROUP_BYTES_MAX);
        self.group_entries = 0;
        Ok(())
    }

    /// A random number of entries from half of `snapCount` to all of it, so that the servers of an
    /// ensemble do not take their snapshots all at once.
    fn draw(&mut self) -> u64 {
        let all = self.policy.snapshot_entries.max(2);
        self.chance.u64(all / 2..=all)
    }

    fn check_latch(&self) -> Result<(), Error> {
        if self.latched { Err(Error::Latched) } else { Ok(()) }
    }

    /// Runs what touches the disk; a failure is the last thing this writer did.
    fn latch<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let result = work(self);
        self.latched = result.is_err();
        result
    }
}

/// How much should be zero ahead: as much as the file has already, within limits, so that a small log
/// stays a small file.
fn wanted_zeroes<F>(policy: &LogPolicy, current: &Current<F>) -> u64 {
    current.end.max(ZEROED_FIRST).min(policy.zero_ahead)
}

/// Writes zeroes up to `goal`, rounded up to a sector.
fn zero<F: File>(current: &mut Current<F>, goal: u64) -> Result<(), Error> {
    static ZEROES: [u8; 64 << 10] = [0; 64 << 10];
    let goal = goal.next_multiple_of(SECTOR);
    while current.zeroed < goal {
        let part = (goal - current.zeroed).min(ZEROES.len() as u64);
        let zeroes = &ZEROES[..part as usize];
        current.file.write_at(zeroes, current.zeroed).map_err(Error::disk("zero", &current.path))?;
        current.zeroed += part;
    }
    Ok(())
}
