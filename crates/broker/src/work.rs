//! Work that waits for a disk: syncs, reads of what is not in memory, checkpoints, removals. The node makes
//! it, the shell runs it on other threads and brings the outcome back.
//!
//! What a piece of work needs it carries along; the node neither waits for it nor assumes when it is done.

use std::fmt;

use clock::Now;
use commitlog::{ColdRead, LogError, Sliced, Synced};
use disk::Disk;

use crate::purgatory::WatchKey;
use crate::replicas::{Kept, ReadTicket};
use crate::{Broker, Effect, TopicPartition};

/// A piece of work for another thread.
pub struct Work {
    lane: Lane,
    run: Box<dyn FnOnce() -> Outcome + Send>,
}

/// Which thread a piece of work is for. The work of one lane begins in the order in which it was made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Lane {
    /// Syncs that acknowledgements wait for, of the log directory of that number. May run several at once.
    Sync(usize),
    /// Reads that clients wait for. May run several at once.
    Reads,
    /// What nobody waits for; one at a time.
    Upkeep,
}

/// What came of a piece of work: to be given back to the node as it is.
pub struct Done(Outcome);

pub(crate) enum Outcome {
    Synced { directory: usize, purpose: SyncPurpose, logs: Vec<(TopicPartition, Result<Synced, LogError>)> },
    Read { ticket: ReadTicket, partition: TopicPartition, read: ColdRead },
    Kept(Kept),
    Compacted { partition: TopicPartition, sliced: Box<Sliced> },
}

/// What logs are synced for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SyncPurpose {
    /// Acknowledgements wait for it.
    Commit,
    /// They were not written to for long.
    Idle,
}

impl Work {
    pub(crate) fn new(lane: Lane, run: impl FnOnce() -> Outcome + Send + 'static) -> Self {
        Work { lane, run: Box::new(run) }
    }

    /// Where it belongs.
    pub fn lane(&self) -> Lane {
        self.lane
    }

    /// Does it; may take as long as the disk takes.
    pub fn run(self) -> Done {
        Done((self.run)())
    }
}

#[cfg(test)]
impl Done {
    pub(crate) fn outcome(self) -> Outcome {
        self.0
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Work({:?})", self.lane)
    }
}

impl fmt::Debug for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Outcome::Synced { .. } => "Done(synced)",
            Outcome::Read { .. } => "Done(read)",
            Outcome::Kept(_) => "Done(kept)",
            Outcome::Compacted { .. } => "Done(compacted)",
        })
    }
}

/// Hears what came of a piece of work.
pub(crate) fn done<D: Disk>(broker: &mut Broker<D>, now: Now, done: Done) {
    match done.0 {
        Outcome::Synced { directory, purpose, logs } => {
            for partition in broker.replicas.synced(now.moment, directory, purpose, logs) {
                broker.purgatory.touch(&WatchKey::Partition(partition));
            }
        }
        Outcome::Read { ticket, partition, read } => {
            let key = WatchKey::Read(ticket);
            let is_wanted = broker.purgatory.is_watched(&key);
            broker.replicas.read_done(ticket, &partition, read, is_wanted);
            broker.purgatory.touch(&key);
        }
        Outcome::Kept(kept) => broker.replicas.kept(now.moment, kept),
        Outcome::Compacted { partition, sliced } => {
            broker.replicas.compacted(now.moment, partition, *sliced);
        }
    }
}

/// Hands over what was made in this turn.
pub(crate) fn turn_ended<D: Disk>(broker: &mut Broker<D>, effects: &mut Vec<Effect>) {
    effects.extend(broker.replicas.take_work().into_iter().map(Effect::Work));
}
