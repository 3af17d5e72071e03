//! The threads that wait for disks so that the broker's shard does not: some for each log directory, some
//! for reads, one for upkeep. How much may wait for them is bounded by the node, which makes the work.

use super::service::BrokerMessage;
use crate::limits;
use crate::notice::{Notices, PanicNotice, Role};
use broker::{Lane, Work};
use shard::Mailbox;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// The running threads.
pub(super) struct Workers {
    queues: BTreeMap<Lane, Arc<Queue>>,
    threads: Vec<JoinHandle<()>>,
}

/// Where the work of one lane waits.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    bell: Condvar,
}

#[derive(Default)]
struct Waiting {
    work: VecDeque<Work>,
    stop: bool,
}

impl Workers {
    /// Starts the threads for a broker with so many log directories.
    pub(super) fn start(
        directories: usize,
        mailbox: &Mailbox<BrokerMessage>,
        notices: &Notices,
    ) -> io::Result<Workers> {
        let mut lanes = vec![
            (Lane::Reads, limits::READ_THREADS, "broker-read".to_owned()),
            (Lane::Upkeep, 1, "broker-upkeep".to_owned()),
        ];
        lanes.extend(
            (0..directories).map(|n| (Lane::Sync(n), limits::SYNC_THREADS, format!("broker-sync-{n}"))),
        );
        let mut workers = Workers { queues: BTreeMap::new(), threads: Vec::new() };
        for (lane, threads, name) in lanes {
            let queue = Arc::new(Queue::default());
            workers.queues.insert(lane, Arc::clone(&queue));
            for _ in 0..threads {
                let (queue, mailbox, notices) = (Arc::clone(&queue), mailbox.clone(), notices.clone());
                let thread = thread::Builder::new().name(name.clone()).spawn(move || {
                    let _told = PanicNotice { role: Role::Broker, notices };
                    while let Some(work) = queue.take() {
                        if mailbox.send(BrokerMessage::Worked(work.run())).is_err() {
                            return;
                        }
                    }
                })?;
                workers.threads.push(thread);
            }
        }
        Ok(workers)
    }

    /// Hands over a piece of work.
    pub(super) fn give(&self, work: Work) {
        let queue = self.queues.get(&work.lane()).expect("every lane of the node has a queue");
        queue.lock().work.push_back(work);
        queue.bell.notify_one();
    }

    /// Lets what is under way end, and drops the rest: the logs are closed next, which does all of it that
    /// matters.
    pub(super) fn stop(&mut self) {
        for queue in self.queues.values() {
            let mut waiting = queue.lock();
            waiting.stop = true;
            waiting.work.clear();
            drop(waiting);
            queue.bell.notify_all();
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the broker panicked");
            }
        }
    }
}

impl Queue {
    /// The next piece of work; waits for it. `None` at the end.
    fn take(&self) -> Option<Work> {
        let mut waiting = self.lock();
        loop {
            if waiting.stop {
                return None;
            }
            if let Some(work) = waiting.work.pop_front() {
                return Some(work);
            }
            waiting = self.bell.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
