//! Where time enters: both clocks of the machine, read once a turn.

use clock::{Moment, Now, WallTime};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Reads the clocks. Copies share their zero, so moments of all shards of a process compare.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    zero: Instant,
}

impl Clock {
    /// A clock whose zero is about now. Not exactly now: a moment of 0 is easily mistaken for none.
    pub fn start() -> Self {
        Clock { zero: Instant::now() - Duration::from_secs(1) }
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_millis() as i64,
            Err(before) => -(before.duration().as_millis() as i64),
        };
        Now { moment: Moment::at_ms(self.zero.elapsed().as_millis() as u64), wall: WallTime::at_ms(wall) }
    }

    /// How long it is until `moment`; zero if it has come.
    pub(crate) fn until(&self, moment: Moment) -> Duration {
        // Far moments stand for "never"; the caller polls again anyway.
        let ms = moment.as_ms().min(self.zero.elapsed().as_millis() as u64 + 3_600_000);
        Duration::from_millis(ms).saturating_sub(self.zero.elapsed())
    }
}
