//! Time as a value: [`Moment`], [`Span`], [`WallTime`] and the pair [`Now`].
//!
//! Nothing in this crate can read a clock. The shell reads both clocks once per loop turn and passes
//! the result down; a test or a simulation makes its own. All units are milliseconds.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// A point on a clock that never goes backwards. Its zero is arbitrary, so a moment means nothing
/// outside the process that made it and is never stored or sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Moment(u64);

/// A length of time, never negative, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Span(u64);

/// Milliseconds since 1970-01-01 UTC as the wall clock tells them. May jump either way; used only
/// where a protocol stores or shows a date, never to measure a time-out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct WallTime(i64);

/// What the shell read from both clocks at the start of a turn.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Now {
    /// For time-outs and deadlines.
    pub moment: Moment,
    /// For dates that are stored or shown.
    pub wall: WallTime,
}

impl Now {
    /// Both clocks at the same count of milliseconds: what tests want.
    pub const fn at_ms(ms: u64) -> Self {
        Now { moment: Moment(ms), wall: WallTime(ms as i64) }
    }
}

impl Moment {
    /// The moment `ms` milliseconds after the clock's zero.
    pub const fn at_ms(ms: u64) -> Self {
        Moment(ms)
    }

    /// Milliseconds since the clock's zero.
    pub const fn as_ms(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub const fn since(self, earlier: Moment) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);
    /// Longer than anything waits.
    pub const FOREVER: Span = Span(u64::MAX);

    /// `ms` milliseconds.
    pub const fn ms(ms: u64) -> Self {
        Span(ms)
    }

    /// `seconds` seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Span(seconds.saturating_mul(1000))
    }

    /// In milliseconds.
    pub const fn as_ms(self) -> u64 {
        self.0
    }

    /// As the standard library's type, for the shell.
    pub const fn as_duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

impl WallTime {
    /// `ms` milliseconds since 1970-01-01 UTC; may be negative.
    pub const fn at_ms(ms: i64) -> Self {
        WallTime(ms)
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub const fn as_ms(self) -> i64 {
        self.0
    }
}

impl Add<Span> for Moment {
    type Output = Moment;
    /// Saturates at the end of time, so `moment + Span::FOREVER` never comes.
    fn add(self, span: Span) -> Moment {
        Moment(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Moment {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub<Moment> for Moment {
    type Output = Span;
    fn sub(self, earlier: Moment) -> Span {
        self.since(earlier)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms if ms < 1_000 => write!(f, "{ms} ms"),
            ms if ms < 120_000 => write!(f, "{}.{} s", ms / 1000, ms % 1000 / 100),
            ms => write!(f, "{} min", ms / 60_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_saturate_instead_of_wrapping() {
        assert_eq!(Moment::at_ms(5) + Span::FOREVER, Moment::at_ms(u64::MAX));
        assert_eq!(Moment::at_ms(5) - Moment::at_ms(9), Span::ZERO);
        assert_eq!(Moment::at_ms(9) - Moment::at_ms(5), Span::ms(4));
    }

    #[test]
    fn spans_read_well() {
        let check = |ms, expect: &str| assert_eq!(Span::ms(ms).to_string(), expect);
        check(0, "0 ms");
        check(999, "999 ms");
        check(1_250, "1.2 s");
        check(180_000, "3 min");
    }
}
