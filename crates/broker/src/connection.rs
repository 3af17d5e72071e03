//! Who is connected, and which of their requests are being served.
//!
//! The requests of a connection are served one after the other, as in Kafka, but for one kind: behind produce
//! requests whose records are appended and that only wait for their acknowledgement, further produce requests are
//! taken, so that one sync or one round to the followers serves them all. Replies leave in the order of the requests.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use bytes::Bytes;
use clock::Moment;
use kafka_wire::Frame;

use crate::CloseReason;
use crate::limits::PIPELINED_REQUESTS_MAX;

/// The shell's number for a connection; never reused while the process lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub u64);

/// Position of a listener in [`crate::Settings::listeners`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListenerIndex(pub usize);

/// What is known of one connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) peer: SocketAddr,
    pub(crate) listener: ListenerIndex,
    /// The requests in the node, the oldest first; those that are done wait for the older ones.
    calls: VecDeque<Progress>,
    /// Number of the oldest of them.
    first: u64,
    /// Since when it is the oldest.
    first_since: Moment,
    gate: Gate,
}

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Progress {
    /// It is being served.
    Open,
    /// It is answered; with nothing for acks=0.
    Done(Option<Frame>),
    /// The connection ends with it.
    Refused(CloseReason),
}

/// Whether the shell may hand over another request.
#[derive(Debug)]
enum Gate {
    /// It was told so.
    Open,
    /// The newest request must be done first.
    Busy,
    /// The newest request would let another in, if there were fewer.
    Full,
    /// This request was handed over, and waits until all before it are done.
    Held(Bytes),
}

/// What the shell is to be told after a request changed.
#[derive(Default, Debug)]
pub(crate) struct Released {
    /// What goes out now, in order.
    pub(crate) replies: Vec<Option<Frame>>,
    /// The connection ends behind them.
    pub(crate) end: Option<CloseReason>,
    /// The shell may hand over the next request.
    pub(crate) next: bool,
    /// The request that was held may be served.
    pub(crate) unheld: bool,
}

impl Connection {
    /// Whether nothing of it is in the node.
    pub(crate) fn is_idle(&self) -> bool {
        self.calls.is_empty()
    }

    /// Whether the shell may hand over another request now.
    #[cfg(test)]
    pub(crate) fn has_room(&self) -> bool {
        matches!(self.gate, Gate::Open)
    }

    /// Takes a request in; returns its number.
    pub(crate) fn begin(&mut self) -> u64 {
        assert!(matches!(self.gate, Gate::Open), "the shell hands over a request when it was told to");
        self.gate = Gate::Busy;
        self.calls.push_back(Progress::Open);
        self.first + self.calls.len() as u64 - 1
    }

    /// Keeps a request until all before it are done.
    pub(crate) fn hold(&mut self, frame: Bytes) {
        assert!(matches!(self.gate, Gate::Open), "the shell hands over a request when it was told to");
        self.gate = Gate::Held(frame);
    }

    /// The request that was held, if all before it are done.
    fn unhold(&mut self) -> Option<Bytes> {
        match std::mem::replace(&mut self.gate, Gate::Open) {
            Gate::Held(frame) if self.calls.is_empty() => Some(frame),
            other => {
                self.gate = other;
                None
            }
        }
    }

    /// The request has changed all that it is to change: another may come in behind it. True if the shell is to
    /// be told.
    pub(crate) fn let_next_in(&mut self, number: u64) -> bool {
        let is_newest = number + 1 == self.first + self.calls.len() as u64;
        if !is_newest || !matches!(self.gate, Gate::Busy) {
            return false;
        }
        let has_room = self.calls.len() < PIPELINED_REQUESTS_MAX;
        self.gate = if has_room { Gate::Open } else { Gate::Full };
        has_room
    }

    /// Since when this request is the oldest of its connection; `None` while others are before it.
    pub(crate) fn oldest_since(&self, number: u64) -> Option<Moment> {
        (number == self.first).then_some(self.first_since)
    }

    /// Takes note of what became of a request at `now`.
    pub(crate) fn done(&mut self, number: u64, progress: Progress, now: Moment) -> Released {
        let at = number.checked_sub(self.first).expect("a call is answered once") as usize;
        let call = self.calls.get_mut(at).expect("a call is answered once");
        assert!(matches!(call, Progress::Open), "a call is answered once");
        *call = progress;
        let is_newest_done = matches!(self.calls.back(), Some(Progress::Done(_)));
        let mut released = Released::default();
        while let Some(Progress::Done(_) | Progress::Refused(_)) = self.calls.front() {
            self.first += 1;
            self.first_since = now;
            match self.calls.pop_front() {
                Some(Progress::Done(frame)) => released.replies.push(frame),
                Some(Progress::Refused(reason)) => {
                    released.end = Some(reason);
                    return released;
                }
                Some(Progress::Open) | None => unreachable!("the front is done"),
            }
        }
        let has_room = self.calls.len() < PIPELINED_REQUESTS_MAX;
        match self.gate {
            Gate::Busy | Gate::Full if has_room && (is_newest_done || matches!(self.gate, Gate::Full)) => {
                self.gate = Gate::Open;
                released.next = true;
            }
            Gate::Busy if is_newest_done => self.gate = Gate::Full,
            Gate::Held(_) => released.unheld = self.calls.is_empty(),
            Gate::Open | Gate::Busy | Gate::Full => {}
        }
        released
    }
}

/// The open connections.
#[derive(Default)]
pub(crate) struct Connections {
    open: BTreeMap<ConnectionId, Connection>,
    /// Those with a request that was held and may be served.
    unheld: VecDeque<ConnectionId>,
    /// When the shell's last input came.
    now: Moment,
}

impl Connections {
    /// Takes note of the time.
    pub(crate) fn time_is(&mut self, now: Moment) {
        self.now = now;
    }

    /// When the shell's last input came.
    pub(crate) fn now(&self) -> Moment {
        self.now
    }

    pub(crate) fn open(&mut self, id: ConnectionId, peer: SocketAddr, listener: ListenerIndex) {
        let (calls, gate) = (VecDeque::new(), Gate::Open);
        let connection = Connection { peer, listener, calls, first: 0, first_since: self.now, gate };
        let before = self.open.insert(id, connection);
        assert!(before.is_none(), "the shell used connection number {} twice", id.0);
    }

    pub(crate) fn close(&mut self, id: ConnectionId) {
        self.open.remove(&id);
    }

    pub(crate) fn find(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.open.get_mut(&id)
    }

    /// Has the held request of a connection served when the turn ends.
    pub(crate) fn serve_held(&mut self, id: ConnectionId) {
        self.unheld.push_back(id);
    }

    /// A request that was held and may be served now.
    pub(crate) fn next_unheld(&mut self) -> Option<(ConnectionId, Bytes)> {
        while let Some(id) = self.unheld.pop_front() {
            if let Some(frame) = self.find(id).and_then(Connection::unhold) {
                return Some((id, frame));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use kafka_wire::Writer;

    use super::*;

    fn connection() -> Connection {
        let peer = "127.0.0.1:1".parse().expect("an address");
        let (listener, first_since) = (ListenerIndex(0), Moment::default());
        Connection { peer, listener, calls: VecDeque::new(), first: 0, first_since, gate: Gate::Open }
    }

    fn frame(number: u8) -> Progress {
        let mut writer = Writer::new();
        writer.raw(&[number]);
        Progress::Done(Some(writer.finish()))
    }

    fn told(released: &Released) -> (Vec<u8>, bool) {
        let byte = |frame: &Option<Frame>| frame.as_ref().expect("a reply").to_bytes()[0];
        (released.replies.iter().map(byte).collect(), released.next)
    }

    #[test]
    fn one_at_a_time_unless_a_request_lets_others_in() {
        let mut one = connection();
        let number = one.begin();
        assert_eq!(told(&one.done(number, frame(1), Moment::default())), (vec![1], true));
        let first = one.begin();
        assert!(one.let_next_in(first));
        assert!(!one.let_next_in(first), "told once");
        let second = one.begin();
        assert_eq!(
            told(&one.done(first, frame(2), Moment::default())),
            (vec![2], false),
            "the second is still served"
        );
        assert_eq!(told(&one.done(second, frame(3), Moment::default())), (vec![3], true));
        assert!(one.is_idle());
    }

    #[test]
    fn replies_leave_in_the_order_of_the_requests() {
        let mut one = connection();
        let numbers: Vec<u64> = (0..3)
            .map(|_| {
                let number = one.begin();
                assert!(one.let_next_in(number));
                number
            })
            .collect();
        assert_eq!(
            told(&one.done(numbers[2], frame(2), Moment::default())),
            (vec![], false),
            "the shell was told already"
        );
        assert_eq!(told(&one.done(numbers[0], frame(0), Moment::default())), (vec![0], false));
        assert_eq!(told(&one.done(numbers[1], frame(1), Moment::default())), (vec![1, 2], false));
    }

    #[test]
    fn there_is_a_bound_and_room_again() {
        let mut one = connection();
        let mut numbers = Vec::new();
        loop {
            numbers.push(one.begin());
            if !one.let_next_in(numbers[numbers.len() - 1]) {
                break;
            }
        }
        assert_eq!(numbers.len(), PIPELINED_REQUESTS_MAX);
        assert_eq!(told(&one.done(numbers[0], frame(0), Moment::default())), (vec![0], true));
        assert_eq!(told(&one.done(numbers[1], frame(1), Moment::default())), (vec![1], false), "told once");
    }

    #[test]
    fn an_end_waits_for_the_replies_before_it() {
        let mut one = connection();
        let first = one.begin();
        assert!(one.let_next_in(first));
        let second = one.begin();
        let released = one.done(second, Progress::Refused(CloseReason::MalformedHeader), Moment::default());
        assert!(released.end.is_none() && !released.next);
        let released = one.done(first, frame(1), Moment::default());
        assert_eq!((told(&released), released.end), ((vec![1], false), Some(CloseReason::MalformedHeader)));
    }

    #[test]
    fn a_held_request_is_served_when_all_before_it_are_done() {
        let mut all = Connections::default();
        let id = ConnectionId(1);
        all.open(id, "127.0.0.1:1".parse().expect("an address"), ListenerIndex(0));
        let one = all.find(id).expect("open");
        let first = one.begin();
        assert!(one.let_next_in(first));
        let second = one.begin();
        assert!(one.let_next_in(second));
        one.hold(Bytes::from_static(b"x"));
        assert!(!one.done(first, frame(1), Moment::default()).unheld);
        let released = one.done(second, frame(2), Moment::default());
        assert!(released.unheld && !released.next);
        all.serve_held(id);
        assert_eq!(all.next_unheld(), Some((id, Bytes::from_static(b"x"))));
        assert_eq!(all.next_unheld(), None);
        all.find(id).expect("open").begin();
    }
}
