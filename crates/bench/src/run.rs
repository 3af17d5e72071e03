//! Drives a plan: connects, greets, loads, counts.

use std::fmt;
use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::connection::Connection;
use crate::limits::{AGAIN_MS, LATENCY_US_MAX, PATIENCE_MS, READ_BYTES, TURN_MS_MAX, WAVE};
use crate::report::Counts;
use crate::timer::Timer;
use crate::{Greeted, Pace, Plan, Report, Work};

/// Why a run ended without a report.
#[derive(Debug)]
pub enum Failure {
    /// A connection could not be made or was lost.
    Connection(io::Error),
    /// The server refused the greeting.
    Greeting(String),
    /// The server did not answer in time.
    Silence,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Connection(error) => write!(f, "the connection failed: {error}"),
            Failure::Greeting(reason) => write!(f, "the server refused: {reason}"),
            Failure::Silence => write!(f, "the server did not answer within {} s", PATIENCE_MS / 1000),
        }
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Connection(error)
    }
}

/// Runs the plan; `progress` is called about four times a second with the share that is done (0 to 1) and the
/// things counted so far.
pub fn run(plan: &Plan, work: &mut dyn Work, mut progress: impl FnMut(f64, u64)) -> Result<Report, Failure> {
    let mut load = Load::connect(plan, work)?;
    let begin = Instant::now() + plan.warm_up;
    let end = begin + plan.length;
    let mut shown = Instant::now();
    let mut clock = Schedule::new(plan.pace);
    loop {
        let now = Instant::now();
        if now >= end || load.is_finished() {
            break;
        }
        load.counting = now >= begin;
        load.send(plan, work, &mut clock, now)?;
        load.wake_at(clock.due())?;
        load.turn(work)?;
        if now - shown > Duration::from_millis(250) {
            shown = now;
            let done = (now + plan.warm_up).saturating_duration_since(begin).as_secs_f64();
            let of_requests = plan.requests.map_or(0.0, |all| 1.0 - load.left as f64 / all.max(1) as f64);
            let of_time = done / (plan.warm_up + plan.length).as_secs_f64();
            progress(of_time.max(of_requests), load.counts.things);
        }
    }
    let counted = Instant::now().saturating_duration_since(begin);
    Ok(load.report(counted))
}

/// When open-loop requests are due.
struct Schedule {
    gap: Option<Duration>,
    next: Instant,
    connection: usize,
}

impl Schedule {
    fn new(pace: Pace) -> Schedule {
        let gap = match pace {
            Pace::InFlight(_) => None,
            Pace::PerSecond(rate) => Some(Duration::from_secs_f64(1.0 / rate.max(0.001))),
        };
        Schedule { gap, next: Instant::now(), connection: 0 }
    }

    /// When the next request is to be sent, if that is for the clock to say.
    fn due(&self) -> Option<Instant> {
        self.gap.map(|_| self.next)
    }
}

/// How far the greetings of one connection are; one is under way at a time.
struct Host {
    greetings: Vec<Vec<u8>>,
    answered: usize,
    waiting: bool,
    not_before: Option<Instant>,
}

impl Host {
    fn new(greetings: Vec<Vec<u8>>) -> Host {
        Host { greetings, answered: 0, waiting: false, not_before: None }
    }

    fn done(&self) -> bool {
        self.answered == self.greetings.len()
    }

    fn next(&mut self, now: Instant) -> Option<&[u8]> {
        if self.done() || self.waiting || self.not_before.is_some_and(|moment| now < moment) {
            return None;
        }
        self.waiting = true;
        self.greetings.get(self.answered).map(Vec::as_slice)
    }

    fn note(&mut self, greeted: Greeted, now: Instant) {
        self.waiting = false;
        match greeted {
            Greeted::Done => self.answered += 1,
            Greeted::Again => self.not_before = Some(now + Duration::from_millis(AGAIN_MS)),
        }
    }
}

/// The event that says that the next request is due; the others are numbers of connections.
const DUE: Token = Token(usize::MAX);

pub(crate) struct Load {
    poll: Poll,
    timer: Timer,
    events: Events,
    connections: Vec<Connection>,
    histogram: Histogram<u64>,
    counts: Counts,
    pub(crate) counting: bool,
    buffer: Vec<u8>,
    /// Requests that may still be sent.
    left: u64,
}

impl Load {
    /// Opens the connections of the plan and greets the server on each, a wave after the other: a server that
    /// accepts slowly closes who greets it late.
    pub(crate) fn connect(plan: &Plan, work: &mut dyn Work) -> Result<Load, Failure> {
        let poll = Poll::new()?;
        let timer = Timer::new(poll.registry(), DUE)?;
        let histogram =
            Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).expect("bounds that the histogram takes");
        let mut load = Load {
            poll,
            timer,
            events: Events::with_capacity(1024),
            connections: Vec::new(),
            histogram,
            counts: Counts::default(),
            counting: false,
            buffer: vec![0; READ_BYTES],
            left: plan.requests.unwrap_or(u64::MAX),
        };
        while load.connections.len() < plan.connections {
            let wave = load.connections.len()..plan.connections.min(load.connections.len() + WAVE);
            for number in wave.clone() {
                load.open(plan, number)?;
            }
            load.greet(wave, work)?;
        }
        Ok(load)
    }

    fn open(&mut self, plan: &Plan, number: usize) -> Result<(), Failure> {
        let patience = Duration::from_millis(PATIENCE_MS);
        let stream = std::net::TcpStream::connect_timeout(&plan.address, patience)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut connection = Connection::new(TcpStream::from_std(stream));
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(connection.stream(), Token(number), interest)?;
        self.connections.push(connection);
        Ok(())
    }

    /// Whether all requests that there are to send were answered.
    fn is_finished(&self) -> bool {
        self.left == 0 && self.connections.iter().all(|connection| connection.due.is_empty())
    }

    fn greet(&mut self, wave: Range<usize>, work: &mut dyn Work) -> Result<(), Failure> {
        let begin = Instant::now();
        let mut hosts: Vec<Host> = wave.clone().map(|number| Host::new(work.greetings(number))).collect();
        while hosts.iter().any(|host| !host.done()) {
            let now = Instant::now();
            if now - begin > Duration::from_millis(PATIENCE_MS) {
                return Err(Failure::Silence);
            }
            let connections = &mut self.connections[wave.clone()];
            for ((number, host), connection) in wave.clone().zip(&mut hosts).zip(connections) {
                if let Some(greeting) = host.next(now) {
                    connection.queue(now, |out| out.extend_from_slice(greeting));
                }
                connection.flush()?;
                let mut outcome = Ok(());
                connection.receive(&mut self.buffer, |answer, due| {
                    due.pop_front();
                    match work.greeted(number, host.answered, answer) {
                        Ok(greeted) => host.note(greeted, now),
                        Err(reason) => outcome = Err(Failure::Greeting(reason)),
                    }
                })?;
                outcome?;
            }
            self.poll.poll(&mut self.events, Some(Duration::from_millis(5)))?;
        }
        Ok(())
    }

    /// Sends one request on a connection.
    pub(crate) fn queue(
        &mut self,
        connection: usize,
        due: Instant,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Failure> {
        self.connections[connection].queue(due, write);
        Ok(self.connections[connection].flush()?)
    }

    /// Waits for frames once; returns how many were events of something that happened `since`, and how many
    /// were answers.
    pub(crate) fn events(
        &mut self,
        since: Instant,
        is_event: fn(&[u8]) -> bool,
    ) -> Result<(usize, usize), Failure> {
        match self.poll.poll(&mut self.events, Some(Duration::from_millis(TURN_MS_MAX))) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok((0, 0)),
            other => other?,
        }
        let (mut arrived, mut answers) = (0, 0);
        for event in self.events.iter().filter(|event| event.token() != DUE) {
            let connection = &mut self.connections[event.token().0];
            if event.is_writable() {
                connection.flush()?;
            }
            if !event.is_readable() {
                continue;
            }
            let (counts, histogram, counting) = (&mut self.counts, &mut self.histogram, self.counting);
            connection.receive(&mut self.buffer, |frame, due| {
                if !is_event(frame) {
                    due.pop_front();
                    answers += 1;
                    return;
                }
                arrived += 1;
                if counting {
                    counts.things += 1;
                    histogram.saturating_record((since.elapsed().as_micros() as u64).max(1));
                }
            })?;
        }
        Ok((arrived, answers))
    }

    /// Things counted so far.
    pub(crate) fn things(&self) -> u64 {
        self.counts.things
    }

    /// What was measured.
    pub(crate) fn report(self, length: Duration) -> Report {
        Report::new(self.counts, &self.histogram, length)
    }

    fn send(
        &mut self,
        plan: &Plan,
        work: &mut dyn Work,
        clock: &mut Schedule,
        now: Instant,
    ) -> Result<(), Failure> {
        match (plan.pace, clock.gap) {
            (Pace::InFlight(window), _) => {
                for (number, connection) in self.connections.iter_mut().enumerate() {
                    while connection.due.len() < window && self.left > 0 {
                        self.left -= 1;
                        connection.queue(now, |out| work.request(number, out));
                    }
                    connection.flush()?;
                }
            }
            (Pace::PerSecond(_), Some(gap)) => {
                while clock.next <= now && self.left > 0 {
                    self.left -= 1;
                    let number = clock.connection;
                    self.connections[number].queue(clock.next, |out| work.request(number, out));
                    self.connections[number].flush()?;
                    clock.connection = (number + 1) % self.connections.len();
                    clock.next += gap;
                }
            }
            (Pace::PerSecond(_), None) => {}
        }
        Ok(())
    }

    /// Ends the next turn at that moment, if nothing ends it before.
    fn wake_at(&mut self, due: Option<Instant>) -> Result<(), Failure> {
        due.map_or(Ok(()), |due| self.timer.set(due)).map_err(Failure::Connection)
    }

    fn turn(&mut self, work: &mut dyn Work) -> Result<(), Failure> {
        match self.poll.poll(&mut self.events, Some(Duration::from_millis(TURN_MS_MAX))) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        let now = Instant::now();
        for event in self.events.iter().filter(|event| event.token() != DUE) {
            let number = event.token().0;
            let connection = &mut self.connections[number];
            if event.is_writable() {
                connection.flush()?;
            }
            if !event.is_readable() {
                continue;
            }
            let (counts, histogram, counting) = (&mut self.counts, &mut self.histogram, self.counting);
            connection.receive(&mut self.buffer, |answer, due| {
                let outcome = work.answered(number, answer);
                if let Ok(None) = outcome {
                    return;
                }
                let since = due.pop_front().unwrap_or(now);
                if !counting {
                    return;
                }
                let latency = now.saturating_duration_since(since).as_micros() as u64;
                histogram.saturating_record(latency.max(1));
                match outcome {
                    Ok(None) => {}
                    Ok(Some((things, bytes))) => {
                        counts.things += things;
                        counts.bytes += bytes;
                    }
                    Err(reason) => {
                        counts.errors += 1;
                        counts.first_error.get_or_insert(reason);
                    }
                }
            })?;
        }
        Ok(())
    }
}
