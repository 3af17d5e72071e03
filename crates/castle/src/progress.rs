//! A line on the terminal that says how far long work has come. Nothing is printed where nobody looks,
//! nor of work that is done within a second.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often the line changes.
const INTERVAL: Duration = Duration::from_millis(500);

/// Counts of something.
pub(crate) struct Progress {
    what: &'static str,
    count: u64,
    next: Instant,
    shown: bool,
    visible: bool,
}

impl Progress {
    /// Of `what`, in the plural.
    pub(crate) fn of(what: &'static str) -> Self {
        let visible = std::io::stderr().is_terminal();
        Progress { what, count: 0, next: Instant::now() + 2 * INTERVAL, shown: false, visible }
    }

    /// One more.
    pub(crate) fn step(&mut self) {
        self.count += 1;
        // The clock is not read for each of millions.
        if self.visible && self.count.is_multiple_of(64) && Instant::now() >= self.next {
            self.next = Instant::now() + INTERVAL;
            self.shown = true;
            let _ = write!(std::io::stderr(), "\r{} {}", self.count, self.what);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
