//! The thread that makes transactions durable: what gathered while the last group was synced is the
//! next group. There is no timer; load makes the groups.
//!
//! After the first failure it takes nothing more, tells the process, and never says `Persisted` again.

use super::gauges::KeeperGauges;
use super::rebuild::{Blank, rebuild};
use super::service::KeeperMessage;
use super::snapshot_thread::write_snapshot;
use crate::limits;
use crate::notice::{Notice, Notices, PanicNotice, Role};
use disk::Disk;
use shard::Mailbox;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use txnlog::{
    Compression, Directories, EmptySnapshot, EpochFile, Error, LogPolicy, LogWriter, forget_log, write_epoch,
};
use zab::Entry;
use znode::Snapshot;
use zookeeper_wire::Zxid;

/// The running thread.
pub(super) struct LogThread {
    queue: LogQueue,
    thread: JoinHandle<()>,
}

/// Where transactions wait for it.
#[derive(Clone)]
pub(super) struct LogQueue {
    shared: Arc<Shared>,
}

struct Shared {
    waiting: Mutex<Waiting>,
    /// Something waits, or an end is asked for.
    work: Condvar,
    /// There is room again.
    room: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: Vec<Job>,
    bytes: usize,
    stop: bool,
    /// The log failed: nothing will be taken any more.
    failed: bool,
}

/// What the log is to do, in order.
pub(super) enum Job {
    /// Write this down.
    Append(Entry),
    /// Begin a new file with the next transaction: a snapshot was taken here.
    Roll,
    /// Write the epoch files, accepted before current.
    Epochs { accepted: Option<u32>, current: Option<u32> },
    /// Cut the log behind this transaction, and bring back what is left if that is wanted.
    Truncate { to: Zxid, rebuild: bool },
    /// Put the leader's state in the place of ours.
    Install(Box<Snapshot>),
}

impl LogQueue {
    /// Hands over the work of a turn, leaving `jobs` empty. Waits if very much is waiting already.
    pub(super) fn push(&self, jobs: &mut Vec<Job>) {
        let bytes: usize = jobs.iter().map(Job::bytes).sum();
        let mut waiting = self.lock();
        while waiting.bytes > limits::LOG_QUEUE_BYTES && !waiting.failed && !waiting.stop {
            waiting = self.shared.room.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        if waiting.failed || waiting.stop {
            // Nobody will be told that it is durable.
            return jobs.clear();
        }
        waiting.jobs.append(jobs);
        waiting.bytes += bytes;
        drop(waiting);
        self.shared.work.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    fn bytes(&self) -> usize {
        match self {
            Job::Append(entry) => entry.payload.len(),
            Job::Roll | Job::Epochs { .. } | Job::Truncate { .. } | Job::Install(_) => 0,
        }
    }
}

impl LogThread {
    /// Starts it.
    pub(super) fn start<D: Disk>(
        writer: LogWriter<D>,
        reopening: Reopening<D>,
        mailbox: Mailbox<KeeperMessage>,
        gauges: Arc<KeeperGauges>,
        notices: Notices,
    ) -> io::Result<LogThread> {
        let shared = Shared { waiting: Mutex::default(), work: Condvar::new(), room: Condvar::new() };
        let queue = LogQueue { shared: Arc::new(shared) };
        let writer = Some(writer);
        let mut log = Log { writer, reopening, queue: queue.clone(), mailbox, gauges };
        let thread = thread::Builder::new().name("keeper-log".to_owned()).spawn(move || {
            let _told = PanicNotice { role: Role::Keeper, notices: notices.clone() };
            if let Err(error) = log.run() {
                log.queue.lock().failed = true;
                log.queue.shared.room.notify_all();
                let reason = format!("the transaction log: {error}");
                tracing::error!("{reason}; nothing more is acknowledged");
                notices.tell(Notice::DiskFailed { role: Role::Keeper, reason });
            }
        })?;
        Ok(LogThread { queue, thread })
    }

    /// Where to put work.
    pub(super) fn queue(&self) -> LogQueue {
        self.queue.clone()
    }

    /// Makes durable what waits, then ends.
    pub(super) fn stop(self) {
        self.queue.lock().stop = true;
        self.queue.shared.work.notify_all();
        self.queue.shared.room.notify_all();
        if self.thread.join().is_err() {
            tracing::error!("the log's thread panicked");
        }
    }
}

/// What it takes to open the log again after it was cut or replaced.
#[derive(Clone)]
pub(super) struct Reopening<D: Disk> {
    pub(super) disk: D,
    pub(super) at: Directories,
    pub(super) policy: LogPolicy,
    pub(super) empty: EmptySnapshot,
    pub(super) blank: Blank,
}

struct Log<D: Disk> {
    /// None only while it is opened again.
    writer: Option<LogWriter<D>>,
    reopening: Reopening<D>,
    queue: LogQueue,
    mailbox: Mailbox<KeeperMessage>,
    gauges: Arc<KeeperGauges>,
}

/// The node has ended: there is nobody to work for.
struct NodeEnded;

impl<D: Disk> Log<D> {
    fn run(&mut self) -> Result<(), String> {
        let mut jobs = Vec::new();
        loop {
            if !self.take(&mut jobs).map_err(told)? {
                return Ok(());
            }
            let mut group = Group { began: Instant::now(), entries: 0 };
            for job in jobs.drain(..) {
                match job {
                    Job::Append(entry) => {
                        self.writer().append(entry.zxid, &entry.payload).map_err(told)?;
                        group.entries += 1;
                    }
                    Job::Roll => self.writer().roll().map_err(told)?,
                    other => {
                        // All that was asked for before is durable first, and told first.
                        if self.commit(&mut group)?.is_err() {
                            return Ok(());
                        }
                        let answer = self.rare(other)?;
                        if self.mailbox.send(answer).is_err() {
                            return Ok(());
                        }
                    }
                }
            }
            if self.commit(&mut group)?.is_err() {
                return Ok(());
            }
            if self.writer().roll_is_due() {
                self.writer().roll().map_err(told)?;
            }
        }
    }

    fn writer(&mut self) -> &mut LogWriter<D> {
        self.writer.as_mut().expect("it is only taken to be replaced, and a failure of that ends the thread")
    }

    /// Makes the group durable, says so, and begins the next.
    fn commit(&mut self, group: &mut Group) -> Result<Result<(), NodeEnded>, String> {
        let upto = self.writer().commit().map_err(told)?;
        let done = std::mem::replace(group, Group { began: Instant::now(), entries: 0 });
        if done.entries == 0 {
            return Ok(Ok(()));
        }
        self.gauges.group_written(done.entries, done.began.elapsed());
        self.gauges.durable_zxid.store(upto.0 as u64, Ordering::Relaxed);
        Ok(self.mailbox.send(KeeperMessage::Persisted(upto)).map_err(|_| NodeEnded))
    }

    /// What happens when a member finds or changes its leader.
    fn rare(&mut self, job: Job) -> Result<KeeperMessage, String> {
        let Reopening { disk, at, policy, empty, blank } = self.reopening.clone();
        match job {
            Job::Append(_) | Job::Roll => unreachable!("these make the group"),
            Job::Epochs { accepted, current } => {
                for (which, epoch) in [(EpochFile::Accepted, accepted), (EpochFile::Current, current)] {
                    if let Some(epoch) = epoch {
                        write_epoch(&disk, &at, which, epoch).map_err(told)?;
                    }
                }
                Ok(KeeperMessage::EpochsWritten)
            }
            Job::Truncate { to, rebuild: wanted } => {
                self.writer = None;
                txnlog::truncate(&disk, &at, to).map_err(told)?;
                let rebuilt = rebuild(&disk, &at, policy, empty, blank)?;
                if rebuilt.last != to {
                    return Err(format!("after it was cut behind {to} it ends with {}", rebuilt.last));
                }
                self.writer = Some(rebuilt.writer);
                tracing::info!(%to, "cut the log as the leader wants it");
                Ok(KeeperMessage::Truncated(wanted.then(|| Box::new(rebuilt.database))))
            }
            Job::Install(snapshot) => {
                self.writer = None;
                let zxid = snapshot.zxid();
                write_snapshot(&disk, &at, &snapshot, Compression::None).map_err(told)?;
                forget_log(&disk, &at, zxid).map_err(told)?;
                self.writer = Some(LogWriter::behind_snapshot(&disk, &at, policy, zxid).map_err(told)?);
                self.gauges.durable_zxid.store(zxid.0 as u64, Ordering::Relaxed);
                tracing::info!(%zxid, znodes = snapshot.len(), "took over the leader's snapshot");
                Ok(KeeperMessage::SnapshotInstalled)
            }
        }
    }

    /// Takes all that waits, and zeroes ahead while nothing does. False at the end.
    fn take(&mut self, jobs: &mut Vec<Job>) -> Result<bool, Error> {
        let queue = self.queue.clone();
        let mut may_zero = true;
        let mut waiting = queue.lock();
        while waiting.jobs.is_empty() {
            if waiting.stop {
                return Ok(false);
            }
            if may_zero {
                drop(waiting);
                may_zero = self.writer().zero_ahead()?;
                waiting = queue.lock();
            } else {
                waiting = queue.shared.work.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
        }
        std::mem::swap(&mut waiting.jobs, jobs);
        waiting.bytes = 0;
        drop(waiting);
        queue.shared.room.notify_all();
        Ok(true)
    }
}

/// Transactions that become durable together.
struct Group {
    began: Instant,
    entries: usize,
}

fn told(error: Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests;
