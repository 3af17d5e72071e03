//! A small service over loopback sockets and pipes: what comes in goes out, unless a frame asks for
//! something else.

use crate::*;
use bytes::Bytes;
use clock::{Moment, Span};
use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use transport::pipe::{PipeEnd, pipe};
use transport::tls::{Acceptor, Connector, Settings, StoreFile};
use transport::{FrameRules, Listener};

/// Echoes frames. `later` keeps a frame until a message comes, `flood` sends more than is read.
struct Echo {
    kept: Vec<(ConnectionId, Bytes)>,
    closed: mpsc::SyncSender<WhyClosed>,
    working: BTreeSet<ConnectionId>,
}

#[derive(Debug)]
enum Order {
    AnswerKept,
    Stop,
}

impl Service for Echo {
    type Message = Order;

    fn opened(&mut self, _: &mut Turn, _: ConnectionId, _: Peer) {}

    fn received(&mut self, turn: &mut Turn, connection: ConnectionId, frame: Bytes) {
        let idle = self.working.insert(connection);
        assert!(idle, "one frame at a time");
        match &frame[..] {
            b"later" => return self.kept.push((connection, frame)),
            b"flood" => {
                for _ in 0..1000 {
                    turn.send(connection, Bytes::from(vec![0; 100_000]));
                }
            }
            b"close" => turn.close(connection),
            _ => turn.send(connection, frame),
        }
        self.working.remove(&connection);
        turn.answered(connection);
    }

    fn word(&mut self, turn: &mut Turn, connection: ConnectionId, word: [u8; 4]) {
        turn.send_raw(connection, Bytes::copy_from_slice(&word));
        turn.close(connection);
    }

    fn closed(&mut self, _: &mut Turn, _: ConnectionId, why: WhyClosed) {
        let _ = self.closed.send(why);
    }

    fn message(&mut self, turn: &mut Turn, message: Order) {
        match message {
            Order::Stop => turn.stop(),
            Order::AnswerKept => {
                for (connection, frame) in std::mem::take(&mut self.kept) {
                    self.working.remove(&connection);
                    turn.send_pieces(connection, [frame.slice(..2), frame.slice(2..)]);
                    turn.answered(connection);
                }
            }
        }
    }

    fn woken(&mut self, _: &mut Turn) {}
    fn turn_ended(&mut self, _: &mut Turn) {}
    fn deadline(&self) -> Option<Moment> {
        None
    }
}

struct Running {
    address: SocketAddr,
    mailbox: Mailbox<Order>,
    counters: std::sync::Arc<Counters>,
    closed: mpsc::Receiver<WhyClosed>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(lockstep: bool) -> Running {
        Self::start_with(|rules| rules.peer.lockstep = lockstep)
    }

    fn start_with(adjust: impl FnOnce(&mut PortRules)) -> Running {
        Self::start_secured(adjust, Security::Plain)
    }

    fn start_secured(adjust: impl FnOnce(&mut PortRules), security: Security) -> Running {
        let frames = FrameRules { bytes_max: 1 << 20, first_word: true };
        let mut rules = PortRules {
            peer: PeerRules::pipelined(frames),
            connections_max: 1000,
            connections_per_address_max: 1000,
        };
        adjust(&mut rules);
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        let address = listener.address();
        let mut shard = Shard::new(Clock::start()).expect("a poll");
        let (mailbox, counters) = (shard.mailbox(), shard.counters());
        shard.listen_with(listener, rules, security).expect("a listener can be polled");
        let (sender, closed) = mpsc::sync_channel(64);
        let thread = std::thread::spawn(move || {
            let mut echo = Echo { kept: Vec::new(), closed: sender, working: BTreeSet::new() };
            shard.run(&mut echo).expect("polling works");
        });
        Running { address, mailbox, counters, closed, thread: Some(thread) }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the shard listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("an option");
        stream
    }

    fn order(&self, order: Order) {
        self.mailbox.send(order).expect("the shard runs");
    }

    fn why_closed(&self) -> WhyClosed {
        self.closed.recv_timeout(Duration::from_secs(20)).expect("a connection ends")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.mailbox.send(Order::Stop));
        let outcome = self.thread.take().expect("dropped once").join();
        assert!(outcome.is_ok() || std::thread::panicking());
    }
}

fn frame(payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32).to_be_bytes()[..], payload].concat()
}

fn receive(stream: &mut impl Read) -> Vec<u8> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("a frame comes");
    let mut payload = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut payload).expect("all of it");
    payload
}

fn at_end(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 16]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn pipelined_frames_of_all_sizes_come_back_in_order() {
    for lockstep in [false, true] {
        let running = Running::start(lockstep);
        let mut client = running.connect();
        let payloads: Vec<Vec<u8>> = (0..2_000usize)
            .map(|n| vec![n as u8; if n % 500 == 499 { 700_000 } else { n % 300 + 20 }])
            .collect();
        let bytes: Vec<u8> = payloads.iter().flat_map(|payload| frame(payload)).collect();
        let mut writer = client.try_clone().expect("a socket");
        let sending = std::thread::spawn(move || writer.write_all(&bytes).expect("the shard reads"));
        for payload in &payloads {
            assert!(receive(&mut client) == *payload);
        }
        sending.join().expect("all sent");
        assert_eq!(running.counters.connections(), 1);
    }
}

#[test]
fn lockstep_waits_for_the_answer_and_others_do_not_wait() {
    let running = Running::start(true);
    let mut slow = running.connect();
    slow.write_all(&[frame(b"later"), frame(b"after")].concat()).expect("sent");
    let mut stopped = running.connect();
    stopped.write_all(&frame(b"close")).expect("sent");
    assert!(at_end(&mut stopped));
    running.order(Order::AnswerKept);
    assert_eq!(receive(&mut slow), b"later");
    assert_eq!(receive(&mut slow), b"after");
}

#[test]
fn a_client_that_ends_its_side_still_gets_its_answers() {
    let running = Running::start(true);
    let mut client = running.connect();
    client.write_all(&[frame(b"later"), frame(b"more!")].concat()).expect("sent");
    client.shutdown(Shutdown::Write).expect("open");
    running.order(Order::AnswerKept);
    // The order may come before the frame does.
    while running.counters.frames_in() == 0 {
        std::thread::yield_now();
    }
    running.order(Order::AnswerKept);
    assert_eq!(receive(&mut client), b"later");
    assert_eq!(receive(&mut client), b"more!");
    assert!(at_end(&mut client));
    assert_eq!(running.why_closed(), WhyClosed::Ended);
}

#[test]
fn a_word_is_answered_without_a_length_and_the_connection_ends() {
    let running = Running::start(false);
    let mut client = running.connect();
    client.write_all(b"ruok\n").expect("sent");
    let mut text = String::new();
    client.read_to_string(&mut text).expect("text, then the end");
    assert_eq!(text, "ruok");
    assert_eq!(running.why_closed(), WhyClosed::Asked);
}

#[test]
fn garbage_costs_only_its_own_connection() {
    let running = Running::start(false);
    let mut good = running.connect();
    for garbage in [&i32::MAX.to_be_bytes()[..], &(-1i32).to_be_bytes(), b"GET / HTTP/1.1\r\n\r\n"] {
        let mut bad = running.connect();
        bad.write_all(garbage).expect("sent");
        assert!(at_end(&mut bad), "{garbage:?}");
        assert!(matches!(running.why_closed(), WhyClosed::Malformed(_)));
        good.write_all(&frame(b"still here")).expect("sent");
        assert_eq!(receive(&mut good), b"still here");
    }
    let mut torn = running.connect();
    torn.write_all(&[0, 0, 1, 0, 1, 2, 3]).expect("sent");
    drop(torn);
    assert_eq!(running.why_closed(), WhyClosed::Ended);
}

#[test]
fn a_client_that_does_not_read_is_not_read_from() {
    let running = Running::start(false);
    let mut client = running.connect();
    client.set_write_timeout(Some(Duration::from_millis(200))).expect("an option");
    let bytes = frame(&[7; 60_000]);
    let mut sent = 0;
    // Kernel buffers hold some megabytes each way; the shard holds one.
    while client.write_all(&bytes).is_ok() {
        sent += bytes.len();
        assert!(sent < 200 << 20, "the shard must stop reading at some point");
    }
    let echoed = running.counters.frames_in() as usize;
    for _ in 0..echoed {
        assert!(receive(&mut client) == [7; 60_000]);
    }
}

#[test]
fn a_client_that_is_late_in_reading_gets_everything() {
    let running = Running::start(false);
    let mut client = running.connect();
    client.write_all(&frame(b"flood")).expect("sent");
    // It is answered after the flood was made: far more than may wait for one who does not read.
    let mut other = running.connect();
    other.write_all(&frame(b"unharmed")).expect("sent");
    assert_eq!(receive(&mut other), b"unharmed");
    for _ in 0..1000 {
        assert!(receive(&mut client) == [0; 100_000]);
    }
    client.write_all(&frame(b"still here")).expect("sent");
    assert_eq!(receive(&mut client), b"still here");
    assert_eq!(running.counters.overflowed(), 0);
}

#[test]
fn a_client_that_is_sent_too_much_and_does_not_read_is_closed() {
    let running = Running::start_with(|rules| rules.peer.backlog_patience = Span::ms(0));
    let mut client = running.connect();
    client.write_all(&frame(b"flood")).expect("sent");
    assert_eq!(running.why_closed(), WhyClosed::Overflowed);
    let mut good = running.connect();
    good.write_all(&frame(b"unharmed")).expect("sent");
    assert_eq!(receive(&mut good), b"unharmed");
    assert_eq!(running.counters.overflowed(), 1);
}

#[test]
fn connections_over_the_limit_are_refused_and_room_is_given_back() {
    let running = Running::start_with(|rules| rules.connections_per_address_max = 2);
    let mut first = running.connect();
    let mut second = running.connect();
    for client in [&mut first, &mut second] {
        client.write_all(&frame(b"in")).expect("sent");
        assert_eq!(receive(client), b"in");
    }
    assert!(at_end(&mut running.connect()));
    drop(first);
    assert_eq!(running.why_closed(), WhyClosed::Ended);
    let mut third = running.connect();
    third.write_all(&frame(b"in")).expect("sent");
    assert_eq!(receive(&mut third), b"in");
}

/// A blocking face of a pipe end, for the test's own thread.
struct Waiting(PipeEnd);

impl Read for Waiting {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
                outcome => return outcome,
            }
        }
    }
}

#[test]
fn a_pipe_carries_the_same_frames() {
    let running = Running::start(true);
    let (near, far) = pipe();
    running.mailbox.attach(far, PortId(0)).expect("the shard runs");
    let mut near = Waiting(near);
    for size in [0, 1, 20, 100_000, 5] {
        let bytes = frame(&vec![9; size]);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            match near.0.write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(_) => std::thread::yield_now(),
            }
        }
        assert!(receive(&mut near) == vec![9; size]);
    }
    drop(near);
    assert_eq!(running.why_closed(), WhyClosed::Ended);
}

/// What is needed to speak TLS, for a server that wants to see certificates and for a client without one.
fn tls() -> (Acceptor, Connector) {
    let file = |name: &str| -> Option<StoreFile> {
        let path = [env!("CARGO_MANIFEST_DIR"), "../transport/src/tls/testdata", name].iter().collect();
        Some(StoreFile { path, password: String::new() })
    };
    let client = Settings { trust: file("ca.pem"), check_host: false, ..Settings::default() };
    let server = Settings { key: file("both.pem"), ..client.clone() };
    let (acceptor, _) = Acceptor::new(&server).expect("good stores");
    (acceptor, Connector::new(&client).expect("good stores"))
}

#[test]
fn handshakes_that_fail_are_counted() {
    let (acceptor, connector) = tls();
    let security = Security::Tls(acceptor.clone(), Handshakes::default());
    let running = Running::start_secured(|_| {}, security);
    let mut stranger = running.connect();
    stranger.write_all(&frame(b"no TLS at all")).expect("written");
    running.why_closed();
    // By TLS 1.3 a client has shaken hands before it hears that a certificate was wanted.
    if let Ok(mut client) = connector.connect(running.connect(), "127.0.0.1") {
        assert!(client.read(&mut [0; 16]).is_err(), "it is not let in");
    }
    running.why_closed();
    let counters = running.counters.clone();
    drop(running);
    assert_eq!((counters.handshakes_failed(), counters.handshakes_refused()), (2, 0));
    assert_eq!((counters.handshakes(), counters.accepted()), (0, 2));
    // On a port for both, who says nothing has not failed at TLS.
    let security = Security::Either(acceptor, Handshakes::default());
    let running = Running::start_secured(|_| {}, security);
    drop(running.connect());
    running.why_closed();
    let counters = running.counters.clone();
    drop(running);
    assert_eq!((counters.handshakes_failed(), counters.accepted()), (0, 1));
}

#[test]
fn handshakes_above_the_limit_are_counted() {
    let security = Security::Tls(tls().0, Handshakes { at_once_max: 1 });
    let running = Running::start_secured(|_| {}, security);
    let first = running.connect();
    assert!(at_end(&mut running.connect()));
    let counters = running.counters.clone();
    drop((running, first));
    assert_eq!((counters.handshakes_refused(), counters.refused()), (1, 1));
    assert_eq!(counters.handshakes(), 1, "the first one never said a word");
}
