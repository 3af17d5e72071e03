//! The thread that makes transactions durable: what gathered while the last group was synced is the
//! next group. There is no timer; load makes the groups.
//!
//! After the first failure it takes nothing more, tells the process, and never says `Persisted` again.

use super::gauges::KeeperGauges;
use super::service::KeeperMessage;
use crate::limits;
use crate::notice::{Notice, Notices, PanicNotice, Role};
use disk::Disk;
use shard::Mailbox;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use txnlog::{Error, LogWriter};
use zab::Entry;

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
            Job::Roll => 0,
        }
    }
}

impl LogThread {
    /// Starts it.
    pub(super) fn start<D: Disk>(
        writer: LogWriter<D>,
        mailbox: Mailbox<KeeperMessage>,
        gauges: Arc<KeeperGauges>,
        notices: Notices,
    ) -> io::Result<LogThread> {
        let shared = Shared { waiting: Mutex::default(), work: Condvar::new(), room: Condvar::new() };
        let queue = LogQueue { shared: Arc::new(shared) };
        let mut log = Log { writer, queue: queue.clone(), mailbox, gauges };
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

struct Log<D: Disk> {
    writer: LogWriter<D>,
    queue: LogQueue,
    mailbox: Mailbox<KeeperMessage>,
    gauges: Arc<KeeperGauges>,
}

impl<D: Disk> Log<D> {
    fn run(&mut self) -> Result<(), Error> {
        let mut jobs = Vec::new();
        loop {
            if !self.take(&mut jobs)? {
                return Ok(());
            }
            let began = Instant::now();
            let mut entries = 0;
            for job in jobs.drain(..) {
                match job {
                    Job::Append(entry) => {
                        self.writer.append(entry.zxid, &entry.payload)?;
                        entries += 1;
                    }
                    Job::Roll => self.writer.roll()?,
                }
            }
            let upto = self.writer.commit()?;
            self.gauges.group_written(entries, began.elapsed());
            self.gauges.durable_zxid.store(upto.0 as u64, Ordering::Relaxed);
            if entries > 0 && self.mailbox.send(KeeperMessage::Persisted(upto)).is_err() {
                return Ok(());
            }
            if self.writer.roll_is_due() {
                self.writer.roll()?;
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
                may_zero = self.writer.zero_ahead()?;
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

#[cfg(test)]
mod tests;
