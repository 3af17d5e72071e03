//! A simulated client: the real session core, what it wants to do next, and the observer at its ear.

use clock::{Moment, Now, Span};
use keeper_client::{Effect, Event, Input, Options, Servers, Session, Token};
use zookeeper_wire::{AddWatchRequest, Request};

use crate::observer::Observer;

/// `AddWatchRequest::mode`.
const RECURSIVE: i32 = 1;

/// A client.
#[derive(Debug)]
pub(crate) struct Client {
    session: Session,
    chance: fastrand::Rng,
    pub(crate) observer: Observer,
    /// The connection in use, and dials that were given up.
    pub(crate) link: Option<u64>,
    next_token: u64,
    /// Asked and not answered.
    open: u64,
    /// It keeps a mirror of the whole tree, as brokers do: a persistent recursive watch on the root.
    mirrors: bool,
    /// It is the session of a broker: what it does, the broker decides.
    pub(crate) serves_broker: bool,
    /// There is no such process at present.
    pub(crate) absent: bool,
    /// It does nothing at all until then: the process is stopped, or the machine sleeps.
    pub(crate) frozen_until: Moment,
}

impl Client {
    pub(crate) fn new(seed: u64) -> Client {
        let mut chance = fastrand::Rng::with_seed(seed);
        Client {
            session: session(&mut chance),
            observer: Observer::default(),
            mirrors: chance.u8(0..3) == 0,
            link: None,
            next_token: 0,
            open: 0,
            frozen_until: Moment::at_ms(0),
            chance,
            serves_broker: false,
            absent: false,
        }
    }

    /// The place of a broker that was not started yet.
    pub(crate) fn nobody() -> Client {
        Client { absent: true, ..Client::broker(0) }
    }

    /// The session of a broker that starts.
    pub(crate) fn broker(seed: u64) -> Client {
        Client { mirrors: false, serves_broker: true, ..Client::new(seed) }
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        let deadline = if self.absent { None } else { self.session.deadline() };
        deadline.map(|deadline| deadline.max(self.frozen_until))
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.session.is_connected()
    }

    /// Takes one input; what the network shall do is left in `effects`.
    pub(crate) fn step(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        let from = effects.len();
        self.session.step(now, input, effects);
        let (mut ended, mut began) = (false, false);
        for effect in &effects[from..] {
            match effect {
                Effect::Answer { .. } => self.open -= 1,
                Effect::Event(Event::Closed) => ended = true,
                Effect::Event(Event::Connected { began: true, .. }) => began = true,
                _ => {}
            }
        }
        if ended {
            // Another session begins, as if the program had been started again.
            self.session = session(&mut self.chance);
            self.observer = Observer::default();
        } else if began && self.mirrors {
            let request = Request::AddWatch(AddWatchRequest { path: "/".into(), mode: RECURSIVE });
            let ask = self.ask(request);
            self.step(now, ask, effects);
        }
    }

    /// The next thing the client does by itself, and how long until the one after. Only if it is
    /// `restless` does it ever end its session.
    pub(crate) fn think(&mut self, restless: bool) -> (Option<Input>, Span) {
        const OPEN_MAX: u64 = 12;
        let pause = match self.chance.u8(0..10) {
            0..=5 => Span::ms(self.chance.u64(0..20)),
            6..=8 => Span::ms(self.chance.u64(20..300)),
            _ => Span::ms(self.chance.u64(300..3000)),
        };
        if self.open >= OPEN_MAX || self.serves_broker {
            return (None, pause);
        }
        if self.chance.u16(0..400) == 0 && restless {
            return (Some(Input::Close), pause);
        }
        let request = crate::workload::request(&mut self.chance);
        (Some(self.ask(request)), pause)
    }

    /// A request of the broker's.
    pub(crate) fn ask_as(&mut self, token: Token, request: Request) -> Input {
        self.open += 1;
        Input::Ask { token, request }
    }

    fn ask(&mut self, request: Request) -> Input {
        self.next_token += 1;
        self.open += 1;
        Input::Ask { token: Token(self.next_token), request }
    }
}

fn session(chance: &mut fastrand::Rng) -> Session {
    let mut options = Options::new(Servers::one("keeper", 2181));
    options.timeout = Span::ms(chance.u64(4_000..12_000));
    options.seed = chance.u64(..);
    options.outstanding_max = chance.usize(1..8);
    Session::new(options)
}
