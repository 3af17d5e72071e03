//! What happened, line by line: a digest of all of it, to compare two runs, and the last lines to read.

use std::collections::VecDeque;
use std::fmt;

use clock::{Moment, Span};

use crate::limits::STORY_LINES;

/// Something that must not happen did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation(pub String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a run went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The seed of the world.
    pub seed: u64,
    /// How much time passed in it.
    pub simulated: Span,
    /// A digest of the whole story: equal for equal runs.
    pub digest: u64,
    /// Lines of the story.
    pub lines: u64,
    /// Transactions that became durable.
    pub transactions: u64,
    /// Batches of records that the broker acknowledged.
    pub records: u64,
    /// Times a process died.
    pub crashes: u64,
    /// What went wrong, with the end of the story.
    pub violation: Option<(Violation, String)>,
}

/// The story so far.
#[derive(Debug)]
pub(crate) struct Story {
    digest: u64,
    lines: u64,
    last: VecDeque<String>,
}

impl Story {
    pub(crate) fn new() -> Story {
        Story { digest: 0xcbf2_9ce4_8422_2325, lines: 0, last: VecDeque::new() }
    }

    /// Adds a line.
    pub(crate) fn tell(&mut self, now: Moment, line: fmt::Arguments<'_>) {
        let line = format!("{:>7} {line}", now.as_ms());
        for byte in line.bytes() {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.lines += 1;
        if self.last.len() == STORY_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }

    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }

    /// The last lines.
    pub(crate) fn end(&self) -> String {
        self.last.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}
