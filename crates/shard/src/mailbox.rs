//! How other threads reach a shard: a bounded queue and a bell that wakes the loop.

use crate::limits;
use crate::port::PortId;
use mio::Waker;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use transport::pipe::{PipeEnd, Wake};

/// A shard's address for other threads. Clones share one queue.
pub struct Mailbox<M> {
    shared: Arc<Shared<M>>,
}

/// Why a message was not taken; gives it back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendError<M> {
    /// The queue is full.
    Full(M),
    /// The shard has ended.
    Ended(M),
}

pub(crate) enum Envelope<M> {
    Message(M),
    Attach(PipeEnd, PortId),
}

struct Shared<M> {
    queue: Mutex<Queue<M>>,
    room: Condvar,
    bell: Arc<Bell>,
}

struct Queue<M> {
    waiting: VecDeque<Envelope<M>>,
    ended: bool,
}

/// Wakes the loop. Rung often, costs a system call only when the loop has not heard it yet.
pub(crate) struct Bell {
    waker: Waker,
    rung: AtomicBool,
}

impl Bell {
    pub(crate) fn new(waker: Waker) -> Self {
        Bell { waker, rung: AtomicBool::new(false) }
    }

    /// Whether it was rung since the last time that was asked.
    pub(crate) fn take(&self) -> bool {
        self.rung.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Bell {
    fn wake(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            // Fails only if the counter of the event descriptor would overflow, when it is readable.
            drop(self.waker.wake());
        }
    }
}

impl<M> Mailbox<M> {
    pub(crate) fn new(bell: Arc<Bell>) -> Self {
        let queue = Queue { waiting: VecDeque::new(), ended: false };
        Mailbox { shared: Arc::new(Shared { queue: Mutex::new(queue), room: Condvar::new(), bell }) }
    }

    /// Sends without waiting.
    pub fn try_send(&self, message: M) -> Result<(), SendError<M>> {
        let queue = self.lock();
        if queue.ended {
            return Err(SendError::Ended(message));
        }
        if queue.waiting.len() >= limits::MAILBOX_MESSAGES {
            return Err(SendError::Full(message));
        }
        self.push(queue, Envelope::Message(message));
        Ok(())
    }

    /// Sends, waiting for room. Must not be called by the shard itself.
    pub fn send(&self, message: M) -> Result<(), SendError<M>> {
        let mut queue = self.lock();
        while queue.waiting.len() >= limits::MAILBOX_MESSAGES && !queue.ended {
            queue = self.shared.room.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if queue.ended {
            return Err(SendError::Ended(message));
        }
        self.push(queue, Envelope::Message(message));
        Ok(())
    }

    /// Makes `end` a connection of the shard, as if it had come in on `port`.
    pub fn attach(&self, end: PipeEnd, port: PortId) -> Result<(), SendError<()>> {
        let queue = self.lock();
        if queue.ended {
            return Err(SendError::Ended(()));
        }
        if queue.waiting.len() >= limits::MAILBOX_MESSAGES {
            return Err(SendError::Full(()));
        }
        self.push(queue, Envelope::Attach(end, port));
        Ok(())
    }

    fn push(&self, mut queue: MutexGuard<'_, Queue<M>>, envelope: Envelope<M>) {
        queue.waiting.push_back(envelope);
        drop(queue);
        self.shared.bell.wake();
    }

    pub(crate) fn take_all(&self) -> VecDeque<Envelope<M>> {
        let mut queue = self.lock();
        let waiting = std::mem::take(&mut queue.waiting);
        drop(queue);
        self.shared.room.notify_all();
        waiting
    }

    /// Refuses everything from now on, and drops what waits.
    pub(crate) fn end(&self) {
        let mut queue = self.lock();
        queue.ended = true;
        let waiting = std::mem::take(&mut queue.waiting);
        drop(queue);
        drop(waiting);
        self.shared.room.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Queue<M>> {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M> Clone for Mailbox<M> {
    fn clone(&self) -> Self {
        Mailbox { shared: Arc::clone(&self.shared) }
    }
}

impl<M> fmt::Debug for Mailbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox")
    }
}
