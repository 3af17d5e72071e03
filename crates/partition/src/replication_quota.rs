//! How fast replicas that are behind may catch up: bytes a second, measured over a sliding window, and the
//! replicas of a topic that the limit is for.
//!
//! The measure is Kafka's: samples of one length, the oldest of which leaves when the window is full; the rate
//! is what they hold over the time since the oldest began, and over one sample's length at least. Who asks
//! before each portion never waits for a whole window, and goes over the limit by one portion at most.

use std::collections::VecDeque;

use clock::{Moment, Span};

/// A limit on copied bytes, and what was copied lately.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplicationQuota {
    /// Bytes a second; `None` for any number.
    limit: Option<u64>,
    sample: Span,
    samples_max: usize,
    /// When each sample began, and its bytes; the oldest first.
    samples: VecDeque<(Moment, u64)>,
}

impl ReplicationQuota {
    /// No limit; `samples` of the length `sample` are remembered (`replication.quota.window.num`,
    /// `replication.quota.window.size.seconds`), at least one of a millisecond and at most
    /// [`limits::QUOTA_SAMPLES_MAX`](crate::limits::QUOTA_SAMPLES_MAX).
    pub fn new(samples: usize, sample: Span) -> Self {
        ReplicationQuota {
            limit: None,
            sample: sample.max(Span::ms(1)),
            samples_max: samples.clamp(1, crate::limits::QUOTA_SAMPLES_MAX),
            samples: VecDeque::new(),
        }
    }

    /// Takes another limit, in bytes a second, from now on; what was copied counts on.
    pub fn set_limit(&mut self, limit: Option<u64>) {
        self.limit = limit;
    }

    /// Takes note of bytes that were copied.
    pub fn record(&mut self, now: Moment, bytes: u64) {
        let fresh = self.fresh(now);
        self.samples.drain(..self.samples.len() - fresh);
        match self.samples.back_mut() {
            Some((began, sum)) if now.since(*began) < self.sample => *sum = sum.saturating_add(bytes),
            _ => {
                if self.samples.len() == self.samples_max {
                    self.samples.pop_front();
                }
                self.samples.push_back((now, bytes));
            }
        }
        assert!(self.samples.len() <= self.samples_max, "the oldest sample makes room");
    }

    /// Whether more was copied than may be.
    pub fn is_exceeded(&self, now: Moment) -> bool {
        let Some(limit) = self.limit else { return false };
        let fresh = self.samples.len() - self.fresh(now);
        let Some(&(oldest, _)) = self.samples.get(fresh) else { return false };
        let bytes: u128 = self.samples.range(fresh..).map(|&(_, bytes)| u128::from(bytes)).sum();
        let elapsed_ms = now.since(oldest).max(self.sample).as_ms();
        bytes * 1000 > u128::from(limit) * u128::from(elapsed_ms)
    }

    /// Samples, of the latest, that are still in the window.
    fn fresh(&self, now: Moment) -> usize {
        let window_ms = self.sample.as_ms().saturating_mul(self.samples_max as u64);
        self.samples.iter().rev().take_while(|&&(began, _)| now.since(began).as_ms() < window_ms).count()
    }
}

/// The replicas of a topic that catch up no faster than the quota allows
/// (`leader.replication.throttled.replicas`, `follower.replication.throttled.replicas`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ThrottledReplicas {
    /// All of them (`*`).
    All,
    /// Pairs of partition and broker, rising; empty for none.
    Named(Vec<(i32, i32)>),
}

impl ThrottledReplicas {
    /// Reads a value that the table of settings allows; numbers that are no partition or broker name nobody.
    pub(crate) fn parse(text: &str) -> Self {
        if text.trim() == "*" {
            return ThrottledReplicas::All;
        }
        let pair = |word: &str| {
            let (partition, broker) = word.trim().split_once(':')?;
            Some((partition.parse().ok()?, broker.parse().ok()?))
        };
        let mut named: Vec<(i32, i32)> = text.split(',').filter_map(pair).collect();
        named.sort_unstable();
        ThrottledReplicas::Named(named)
    }

    /// Whether the replica of that partition on that broker is among them.
    pub fn names(&self, partition: i32, broker: i32) -> bool {
        match self {
            ThrottledReplicas::All => true,
            ThrottledReplicas::Named(pairs) => pairs.binary_search(&(partition, broker)).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(limit: u64) -> ReplicationQuota {
        let mut quota = ReplicationQuota::new(11, Span::seconds(1));
        quota.set_limit(Some(limit));
        quota
    }

    /// Bytes recorded at their moments (ms), and whether a thousand a second is exceeded at the last one.
    #[test]
    fn the_rate_is_taken_over_the_window() {
        let check = |recorded: &[(u64, u64)], at: u64, expect: bool| {
            let mut quota = quota(1000);
            for &(ms, bytes) in recorded {
                quota.record(Moment::at_ms(ms), bytes);
            }
            assert_eq!(quota.is_exceeded(Moment::at_ms(at)), expect, "{recorded:?} at {at}");
        };
        check(&[], 5, false);
        // In the first second as much as in a second.
        check(&[(0, 1000)], 0, false);
        check(&[(0, 1001)], 0, true);
        check(&[(0, 600), (500, 401)], 999, true);
        // Then over the time since it began.
        check(&[(0, 5000)], 4999, true);
        check(&[(0, 5000)], 5000, false);
        check(&[(0, 1000), (1000, 1000), (2000, 1000)], 2500, true);
        check(&[(0, 1000), (1000, 1000), (2000, 1000)], 3000, false);
        // What is older than the window does not count any more, for better or worse.
        check(&[(0, 100_000)], 10_999, true);
        check(&[(0, 100_000)], 11_000, false);
        check(&[(0, 100_000), (11_000, 1000)], 11_000, false);
        check(&[(0, 0), (11_000, 1001)], 11_000, true);
        // A clock that stands still, or rates beyond any number.
        check(&[(7, u64::MAX), (7, u64::MAX)], 7, true);
    }

    #[test]
    fn limits_come_and_go() {
        let mut quota = ReplicationQuota::new(11, Span::seconds(1));
        let now = Moment::at_ms(1000);
        quota.record(now, 1 << 30);
        assert!(!quota.is_exceeded(now), "there is no limit");
        quota.set_limit(Some(1));
        assert!(quota.is_exceeded(now));
        quota.set_limit(Some(u64::MAX));
        assert!(!quota.is_exceeded(now));
        quota.set_limit(Some(0));
        assert!(quota.is_exceeded(now));
        quota.set_limit(None);
        assert!(!quota.is_exceeded(now));
    }

    #[test]
    fn a_year_of_copying_takes_no_more_room() {
        let mut quota = quota(1);
        for second in 0..100_000 {
            quota.record(Moment::at_ms(second * 1000 / 3), 10);
        }
        assert!(quota.samples.len() <= 11);
    }

    #[test]
    fn a_steady_copier_that_asks_first_keeps_to_the_limit() {
        let mut quota = quota(10_000);
        let mut copied = 0;
        for ms in (0..60_000).step_by(10) {
            let now = Moment::at_ms(ms);
            if !quota.is_exceeded(now) {
                quota.record(now, 3000);
                copied += 3000;
            }
        }
        assert!((540_000..=660_000).contains(&copied), "{copied} in a minute");
    }

    #[test]
    fn replicas_are_named_by_partition_and_broker() {
        let check = |text: &str, replica: (i32, i32), expect: bool| {
            assert_eq!(ThrottledReplicas::parse(text).names(replica.0, replica.1), expect, "{text}");
        };
        check("", (0, 0), false);
        check("*", (7, 9), true);
        check(" * ", (7, 9), true);
        check("1:2, 0:1", (0, 1), true);
        check("1:2,0:1", (1, 2), true);
        check("1:2,0:1", (1, 1), false);
        check("1:2,0:99999999999", (0, 1), false);
    }
}
