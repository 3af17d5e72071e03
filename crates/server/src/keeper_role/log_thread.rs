//! The thread that makes transactions durable: what gathered while the last group was synced is the
//! next group. There is no timer; load makes the groups.
//!
//! A transaction that comes alone may be made durable by the shard itself while this thread rests: it saves
//! two hand-overs between threads, each as long as a third of the sync.
//!
//! After the first failure it takes nothing more, tells the process, and never says `Persisted` again.

use super::gauges::KeeperGauges;
use super::rebuild::{Blank, rebuild};
use super::service::KeeperMessage;
use super::snapshot_thread::write_snapshot;
use crate::config::DynamicFiles;
use crate::limits;
use crate::notice::{Notice, Notices, PanicNotice, Role};
use disk::Disk;
use shard::Mailbox;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use txnlog::{
    Compression, Directories, EmptySnapshot, EpochFile, Error, LogPolicy, LogWriter, forget_log, write_epoch,
};
use zab::{Configuration, Entry};
use znode::Snapshot;
use zookeeper_wire::Zxid;

/// The running thread.
pub(super) struct LogThread<D: Disk> {
    queue: LogQueue<D>,
    thread: JoinHandle<()>,
}

/// Where transactions wait for it.
#[derive(Clone)]
pub(super) struct LogQueue<D: Disk> {
    shared: Arc<Shared<D>>,
}

struct Shared<D: Disk> {
    waiting: Mutex<Waiting>,
    /// Something waits, or an end is asked for.
    work: Condvar,
    /// There is room again.
    room: Condvar,
    /// Held by whoever has set `busy`, and then free.
    log: Mutex<Log<D>>,
    notices: Notices,
    gauges: Arc<KeeperGauges>,
}

#[derive(Default)]
struct Waiting {
    jobs: Vec<Job>,
    bytes: usize,
    stop: bool,
    /// The log failed: nothing will be taken any more.
    failed: bool,
    /// Somebody writes: this thread or, if nothing else waited, the shard.
    busy: bool,
    /// Answers that the thread has sent to the node in all.
    said: u64,
    /// The shard wrote, and there are not many zeroes left.
    wants_zeroes: bool,
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
    /// Write down a membership that is proposed.
    Foresee(DynamicFiles, Box<Configuration>),
    /// Write down a membership that is in force.
    Reconfigure(DynamicFiles, Box<Configuration>),
}

/// What the shard made durable itself.
pub(super) struct Committed {
    pub(super) upto: Zxid,
    pub(super) took: Duration,
}

impl<D: Disk> LogQueue<D> {
    /// Hands over the work of a turn, leaving `jobs` empty. Waits if very much is waiting already.
    pub(super) fn push(&self, jobs: &mut Vec<Job>) {
        let bytes: usize = jobs.iter().map(Job::bytes).sum();
        let mut waiting = self.shared.lock();
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

    /// Makes a few transactions durable on the caller's thread, leaving `jobs` empty, if the log rests and
    /// they are not many. Else `jobs` is as it was, unless the log failed just now.
    ///
    /// `heard` is how many answers of the thread the node has taken. While one is still on its way, the node
    /// must hear of that first: what becomes durable is told in order.
    pub(super) fn commit_here(&self, jobs: &mut Vec<Job>, heard: u64) -> Option<Committed> {
        let few = jobs.len() <= limits::COMMITTED_HERE_MAX && jobs.iter().all(Job::is_small_append);
        if !few || !self.shared.claim(heard) {
            return None;
        }
        let began = Instant::now();
        let mut log = self.shared.log();
        let outcome = log.group(jobs);
        let wants_zeroes = log.writer.as_ref().is_some_and(LogWriter::wants_zeroes);
        drop(log);
        match outcome {
            Ok(upto) => {
                let mut waiting = self.shared.lock();
                waiting.busy = false;
                waiting.wants_zeroes = wants_zeroes;
                let wake = wants_zeroes || waiting.stop;
                drop(waiting);
                if wake {
                    self.shared.work.notify_one();
                }
                Some(Committed { upto, took: began.elapsed() })
            }
            Err(why) => {
                jobs.clear();
                self.shared.fail(&why);
                None
            }
        }
    }
}

impl Job {
    fn bytes(&self) -> usize {
        match self {
            Job::Append(entry) => entry.payload.len(),
            _ => 0,
        }
    }

    fn is_small_append(&self) -> bool {
        matches!(self, Job::Append(entry) if entry.payload.len() <= limits::COMMITTED_HERE_BYTES)
    }
}

impl<D: Disk> LogThread<D> {
    /// Starts it.
    pub(super) fn start(
        writer: LogWriter<D>,
        reopening: Reopening<D>,
        mailbox: Mailbox<KeeperMessage>,
        gauges: Arc<KeeperGauges>,
        notices: Notices,
    ) -> io::Result<LogThread<D>> {
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
            log: Mutex::new(Log {
                writer: Some(writer),
                reopening,
                mailbox,
                said: 0,
                gauges: Arc::clone(&gauges),
            }),
            notices: notices.clone(),
            gauges,
        });
        let running = Arc::clone(&shared);
        let thread = thread::Builder::new().name("keeper-log".to_owned()).spawn(move || {
            let _told = PanicNotice { role: Role::Keeper, notices };
            if let Err(why) = running.run() {
                running.fail(&why);
            }
        })?;
        Ok(LogThread { queue: LogQueue { shared }, thread })
    }

    /// Where to put work.
    pub(super) fn queue(&self) -> LogQueue<D> {
        self.queue.clone()
    }

    /// Makes durable what waits, then ends.
    pub(super) fn stop(self) {
        let shared = &self.queue.shared;
        shared.lock().stop = true;
        shared.work.notify_all();
        shared.room.notify_all();
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
    mailbox: Mailbox<KeeperMessage>,
    /// How much was said there.
    said: u64,
    gauges: Arc<KeeperGauges>,
}

/// The node has ended: there is nobody to work for.
struct NodeEnded;

impl<D: Disk> Shared<D> {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log, of whoever has claimed it.
    fn log(&self) -> MutexGuard<'_, Log<D>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if the log rests, nothing waits and nothing is untold: it is the caller's until `busy` is taken
    /// back.
    fn claim(&self, heard: u64) -> bool {
        let mut waiting = self.lock();
        let rests = !waiting.busy && waiting.jobs.is_empty() && waiting.said == heard;
        let free = rests && !waiting.failed && !waiting.stop;
        waiting.busy |= free;
        free
    }

    /// Nothing is taken any more.
    fn fail(&self, why: &str) {
        self.lock().failed = true;
        self.gauges.failed();
        self.room.notify_all();
        self.work.notify_all();
        let reason = format!("the transaction log: {why}");
        tracing::error!("{reason}; nothing more is acknowledged");
        self.notices.tell(Notice::DiskFailed { role: Role::Keeper, reason });
    }

    fn run(&self) -> Result<(), String> {
        let mut jobs = Vec::new();
        while self.take(&mut jobs).map_err(told)? {
            let mut log = self.log();
            let outcome = log.work(&mut jobs)?;
            let said = log.said;
            drop(log);
            let mut waiting = self.lock();
            (waiting.busy, waiting.said) = (false, said);
            drop(waiting);
            if outcome.is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Claims the log and takes all that waits; zeroes ahead while nothing does. False at the end.
    fn take(&self, jobs: &mut Vec<Job>) -> Result<bool, Error> {
        let mut may_zero = true;
        let mut waiting = self.lock();
        loop {
            if waiting.failed {
                return Ok(false);
            }
            if !waiting.busy {
                if !waiting.jobs.is_empty() {
                    break;
                }
                if waiting.stop {
                    return Ok(false);
                }
                may_zero |= std::mem::take(&mut waiting.wants_zeroes);
                if may_zero {
                    waiting.busy = true;
                    drop(waiting);
                    may_zero = self.log().writer().zero_ahead()?;
                    waiting = self.lock();
                    waiting.busy = false;
                    continue;
                }
            }
            waiting = self.work.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.busy = true;
        std::mem::swap(&mut waiting.jobs, jobs);
        waiting.bytes = 0;
        drop(waiting);
        self.room.notify_all();
        Ok(true)
    }
}

impl<D: Disk> Log<D> {
    /// Does what was asked for, in order, and says so.
    fn work(&mut self, jobs: &mut Vec<Job>) -> Result<Result<(), NodeEnded>, String> {
        let mut group = Group { began: Instant::now(), entries: 0 };
        for job in jobs.drain(..) {
            match job {
                Job::Append(entry) => {
                    self.writer().append(entry.zxid, &entry.payload).map_err(told)?;
                    group.entries += 1;
                }
                Job::Roll => self.writer().roll().map_err(told)?,
                Job::Foresee(files, configuration) => complain(files.foresee(&configuration), &files),
                Job::Reconfigure(files, configuration) => {
                    if self.commit_and_tell(&mut group)?.is_err() {
                        return Ok(Err(NodeEnded));
                    }
                    complain(files.reconfigure(&configuration), &files);
                }
                other => {
                    // All that was asked for before is durable first, and told first.
                    if self.commit_and_tell(&mut group)?.is_err() {
                        return Ok(Err(NodeEnded));
                    }
                    let answer = self.rare(other)?;
                    if self.say(answer).is_err() {
                        return Ok(Err(NodeEnded));
                    }
                }
            }
        }
        if self.commit_and_tell(&mut group)?.is_err() {
            return Ok(Err(NodeEnded));
        }
        self.roll_if_due()?;
        Ok(Ok(()))
    }

    /// Makes transactions durable, and leaves it to the caller to say so.
    fn group(&mut self, jobs: &mut Vec<Job>) -> Result<Zxid, String> {
        let mut group = Group { began: Instant::now(), entries: 0 };
        for job in jobs.drain(..) {
            let Job::Append(entry) = job else { unreachable!("the caller looked") };
            self.writer().append(entry.zxid, &entry.payload).map_err(told)?;
            group.entries += 1;
        }
        let upto = self.commit(&mut group)?;
        self.roll_if_due()?;
        Ok(upto)
    }

    fn roll_if_due(&mut self) -> Result<(), String> {
        if self.writer().roll_is_due() { self.writer().roll().map_err(told) } else { Ok(()) }
    }

    fn writer(&mut self) -> &mut LogWriter<D> {
        self.writer.as_mut().expect("it is only taken to be replaced, and a failure of that ends the thread")
    }

    /// Makes the group durable and begins the next.
    fn commit(&mut self, group: &mut Group) -> Result<Zxid, String> {
        let upto = self.writer().commit().map_err(told)?;
        let done = std::mem::replace(group, Group { began: Instant::now(), entries: 0 });
        if done.entries > 0 {
            self.gauges.group_written(done.entries, done.began.elapsed());
            self.gauges.durable_zxid.store(upto.0 as u64, Ordering::Relaxed);
        }
        Ok(upto)
    }

    /// As [`Log::commit`], and says so if there was anything.
    fn commit_and_tell(&mut self, group: &mut Group) -> Result<Result<(), NodeEnded>, String> {
        let any = group.entries > 0;
        let upto = self.commit(group)?;
        match any {
            true => Ok(self.say(KeeperMessage::Persisted(upto))),
            false => Ok(Ok(())),
        }
    }

    fn say(&mut self, answer: KeeperMessage) -> Result<(), NodeEnded> {
        self.said += 1;
        self.mailbox.send(answer).map_err(|_| NodeEnded)
    }

    /// What happens when a member finds or changes its leader.
    fn rare(&mut self, job: Job) -> Result<KeeperMessage, String> {
        let Reopening { disk, at, policy, empty, blank } = self.reopening.clone();
        match job {
            Job::Append(_) | Job::Roll | Job::Foresee(..) | Job::Reconfigure(..) => {
                unreachable!("these are done as they come")
            }
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
}

/// A member whose files cannot be written goes on with the membership that it knows, as the original does:
/// it is told of it again when it comes back.
fn complain(written: io::Result<()>, files: &DynamicFiles) {
    if let Err(error) = written {
        let file = files.file.display();
        tracing::error!(%file, %error, "the membership could not be written beside this file");
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
