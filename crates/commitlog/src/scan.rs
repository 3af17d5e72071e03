//! A walk over the batches of one `.log` file from a position on, reading in blocks.

use std::io;

use disk::File;

use crate::batch::{BATCH_HEADER_BYTES, BatchFacts, i32_at};
use crate::limits::SCAN_BLOCK_BYTES;

/// Walks over batch headers between a position and the file's end.
pub(crate) struct Scan<'a, F: File> {
    file: &'a F,
    /// Where the file's batches end.
    end: u64,
    position: u64,
    block: Vec<u8>,
    block_start: u64,
}

/// One step of a walk.
#[derive(Debug)]
pub(crate) enum Step {
    Batch {
        position: u32,
        facts: BatchFacts,
    },
    /// What is here is no batch, though bytes are left.
    Torn {
        position: u32,
    },
    End,
}

impl<'a, F: File> Scan<'a, F> {
    pub(crate) fn new(file: &'a F, from: u32, end: u32) -> Self {
        Scan { file, end: u64::from(end), position: u64::from(from), block: Vec::new(), block_start: 0 }
    }

    /// The batch at the current position; the walk moves behind it.
    pub(crate) fn step(&mut self) -> io::Result<Step> {
        let position = self.position;
        if position >= self.end {
            return Ok(Step::End);
        }
        let available = self.end - position;
        let header = self.bytes(position, BATCH_HEADER_BYTES.min(available as usize))?;
        match BatchFacts::parse(header, available) {
            Some(facts) => {
                self.position += u64::from(facts.size);
                Ok(Step::Batch { position: position as u32, facts })
            }
            None => Ok(Step::Torn { position: position as u32 }),
        }
    }

    /// Whether the checksum of a batch that `step` returned is right.
    pub(crate) fn is_sound(&mut self, position: u32, facts: &BatchFacts) -> io::Result<bool> {
        let start = u64::from(position);
        let end = start + u64::from(facts.size);
        let mut sum = facts.checksum();
        let stored_at = start + sum.stored_at() as u64;
        let stored = i32_at(self.bytes(stored_at, 4)?, 0) as u32;
        let mut at = stored_at + 4;
        while at < end {
            let piece = self.bytes(at, SCAN_BLOCK_BYTES.min((end - at) as usize))?;
            sum.add(piece);
            at += piece.len() as u64;
        }
        Ok(sum.finish() == stored)
    }

    /// `length` bytes at `at`, which are at most a block and lie within the file.
    fn bytes(&mut self, at: u64, length: usize) -> io::Result<&[u8]> {
        assert!(length <= SCAN_BLOCK_BYTES && at + length as u64 <= self.end);
        let held = at >= self.block_start && at + length as u64 <= self.block_start + self.block.len() as u64;
        if !held {
            let wanted = (self.end - at).min(SCAN_BLOCK_BYTES as u64) as usize;
            self.block.resize(wanted, 0);
            self.block_start = at;
            if let Err(error) = self.file.read_exact_at(&mut self.block, at) {
                self.block.clear();
                return Err(error);
            }
        }
        let start = (at - self.block_start) as usize;
        Ok(&self.block[start..start + length])
    }
}
