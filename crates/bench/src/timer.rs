//! Wakes the generator when a request is due. A wait of epoll is rounded up to whole milliseconds, which would be
//! counted as latency of the server; a timer descriptor is exact to some microseconds.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};

pub(crate) struct Timer {
    descriptor: OwnedFd,
    set: Option<Instant>,
}

impl Timer {
    /// A timer whose event has that token. It is not set.
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Timer> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let descriptor = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
        registry.register(&mut SourceFd(&descriptor.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Timer { descriptor, set: None })
    }

    /// Lets it fire once at that moment, or at once if it is past. What was set before is forgotten.
    pub(crate) fn set(&mut self, moment: Instant) -> io::Result<()> {
        if self.set == Some(moment) {
            return Ok(());
        }
        // All zeroes would mean never.
        let wait = moment.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        let once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let after = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
        let when = Itimerspec { it_interval: once, it_value: after };
        rustix::time::timerfd_settime(&self.descriptor, TimerfdTimerFlags::empty(), &when)?;
        self.set = Some(moment);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mio::{Events, Poll};

    use super::*;

    #[test]
    fn fires_once_for_each_moment_that_is_set() {
        let mut poll = Poll::new().unwrap();
        let mut timer = Timer::new(poll.registry(), Token(7)).unwrap();
        let mut events = Events::with_capacity(4);
        for milliseconds in [0, 1, 2] {
            let moment = Instant::now() + Duration::from_millis(milliseconds);
            timer.set(moment).unwrap();
            timer.set(moment).unwrap();
            poll.poll(&mut events, None).unwrap();
            assert!(Instant::now() >= moment);
            assert_eq!(events.iter().map(|event| event.token()).collect::<Vec<_>>(), [Token(7)]);
        }
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        assert!(events.is_empty());
    }
}
