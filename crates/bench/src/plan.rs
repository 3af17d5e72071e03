//! What to send, and how much of it how fast.

use std::net::SocketAddr;
use std::time::Duration;

/// How fast requests are sent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Pace {
    /// Each connection always has this many requests in flight: as fast as the server answers.
    InFlight(usize),
    /// This many requests a second over all connections, whether or not the server keeps up.
    PerSecond(f64),
}

/// How much load, where, for how long.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server.
    pub address: SocketAddr,
    /// Connections, each with a session of its own.
    pub connections: usize,
    /// How fast.
    pub pace: Pace,
    /// Time before counting begins.
    pub warm_up: Duration,
    /// Time that is counted.
    pub length: Duration,
    /// Requests that are sent in all, those of the warm-up included; the run ends when they are answered.
    /// `None`: as many as the time allows.
    pub requests: Option<u64>,
}

/// What to do after the answer to a greeting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Greeted {
    /// It was the right one.
    Done,
    /// The server is not ready: ask the same again a little later.
    Again,
}

/// What is sent. Frames come and go without their four bytes of length.
pub trait Work {
    /// What to send first on a new connection; each frame is answered by one frame, in order.
    fn greetings(&mut self, connection: usize) -> Vec<Vec<u8>>;

    /// Looks at the answer to a greeting.
    fn greeted(&mut self, connection: usize, greeting: usize, answer: &[u8]) -> Result<Greeted, String>;

    /// Appends one request, without its length, to `request`.
    fn request(&mut self, connection: usize, request: &mut Vec<u8>);

    /// Looks at the answer to the oldest request of the connection. Returns how many things (operations,
    /// records) and how many bytes of payload it stands for; `None` when the frame answers no request.
    fn answered(&mut self, connection: usize, answer: &[u8]) -> Result<Option<(u64, u64)>, String>;
}
