//! Reads from the disk that clients wait for: how many may be under way, and what has come.

use std::collections::{BTreeMap, VecDeque};

use commitlog::{ColdRead, Fetched, ReadJob};
use disk::Disk;
use kafka_wire::ErrorCode;

use super::Replicas;
use crate::TopicPartition;
use crate::limits::COLD_READS_AT_ONCE;
use crate::replica::storage_error;
use crate::work::{Lane, Outcome, Work};

/// Names one read; never reused while the process lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct ReadTicket(u64);

/// What became of a read.
#[derive(Clone, Debug)]
pub(crate) enum ReadState {
    /// It is not done.
    UnderWay,
    /// Here is what it brought.
    Here(Fetched),
    /// The log changed under it: look again.
    Stale,
    /// It failed.
    Failed(ErrorCode),
}

/// The reads under way, and those that nobody took yet.
#[derive(Default)]
pub(super) struct Reads {
    next: u64,
    under_way: usize,
    waiting: VecDeque<Work>,
    done: BTreeMap<ReadTicket, ReadState>,
}

impl<D: Disk> Replicas<D> {
    /// Has a read done elsewhere. `WatchKey::Read` of the ticket is touched when it is.
    pub(crate) fn begin_read(&mut self, partition: &TopicPartition, job: ReadJob<D>) -> ReadTicket {
        let ticket = ReadTicket(self.reads.next);
        self.reads.next += 1;
        let partition = partition.clone();
        let work = Work::new(Lane::Reads, move || Outcome::Read { ticket, partition, read: job.run() });
        self.reads.waiting.push_back(work);
        self.release_reads();
        ticket
    }

    /// What became of a read; what it brought is handed over once.
    pub(crate) fn take_read(&mut self, ticket: ReadTicket) -> ReadState {
        self.reads.done.remove(&ticket).unwrap_or(ReadState::UnderWay)
    }

    /// Takes note of a read that is done, and keeps what it brought if somebody still wants it.
    pub(crate) fn read_done(
        &mut self,
        ticket: ReadTicket,
        partition: &TopicPartition,
        read: ColdRead,
        is_wanted: bool,
    ) {
        assert!(self.reads.under_way > 0, "a read ends once");
        self.reads.under_way -= 1;
        let state = match self.held.get_mut(partition) {
            None => ReadState::Stale,
            Some(held) => match held.replica.finish_read(read) {
                Ok(Some(fetched)) => ReadState::Here(fetched),
                Ok(None) => ReadState::Stale,
                Err(error) => {
                    self.notes.push(format!("{partition} could not be read: {error}"));
                    ReadState::Failed(storage_error(&error))
                }
            },
        };
        if is_wanted {
            self.reads.done.insert(ticket, state);
        }
        self.release_reads();
    }

    /// What was brought and nobody took.
    #[cfg(test)]
    pub(crate) fn reads_kept(&self) -> usize {
        self.reads.done.len()
    }

    fn release_reads(&mut self) {
        while self.reads.under_way < COLD_READS_AT_ONCE {
            let Some(work) = self.reads.waiting.pop_front() else { return };
            self.reads.under_way += 1;
            self.work.push(work);
        }
    }
}
