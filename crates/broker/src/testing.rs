//! A broker in a test: over a disk in memory and a scripted keeper, its clock set by hand.

pub(crate) mod client;
pub(crate) mod keeper;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

use bytes::Bytes;
use clock::{Moment, Now, Span};
use disk::MemoryDisk;
use kafka_wire::{Message, Reader, Request, RequestHeader, ResponseHeader};

use crate::{
    Broker, CloseReason, ConnectionId, Effect, Event, Input, KeeperInput, Listener, ListenerIndex, Settings,
    Work,
};
use keeper::Keeper;

/// The broker and all that it touches.
pub(crate) struct World {
    pub(crate) broker: Broker<MemoryDisk>,
    pub(crate) disk: MemoryDisk,
    pub(crate) keeper: Keeper,
    pub(crate) events: Vec<Event>,
    pub(crate) closed: BTreeMap<ConnectionId, CloseReason>,
    /// Why the process must end, if it must.
    pub(crate) ended: Option<String>,
    /// Work that is not done yet; `None` if all work is done at once.
    pub(crate) held_work: Option<Vec<Work>>,
    settings: Settings,
    now: Moment,
    next_connection: u64,
    next_correlation: i32,
    replies: BTreeMap<ConnectionId, VecDeque<Option<Bytes>>>,
}

/// What tests configure unless they say otherwise.
pub(crate) fn settings() -> Settings {
    let listener = Listener {
        name: "PLAINTEXT".into(),
        security_protocol: "PLAINTEXT".into(),
        advertised_host: "broker.test".into(),
        advertised_port: 9092,
    };
    Settings {
        group_initial_rebalance_delay: Span::ZERO,
        ..Settings::new(0, listener, PathBuf::from("/logs"))
    }
}

impl World {
    /// A broker with an empty disk and an empty keeper, registered and ready.
    pub(crate) fn new() -> World {
        World::with(settings())
    }

    pub(crate) fn with(settings: Settings) -> World {
        World::on(settings, MemoryDisk::new(), Keeper::new(), Moment::at_ms(1_000_000))
    }

    fn on(settings: Settings, disk: MemoryDisk, keeper: Keeper, now: Moment) -> World {
        let mut world = World::alone(settings, disk, keeper, now);
        world.meet_keeper();
        world
    }

    /// A broker that has not met the keeper yet.
    fn alone(settings: Settings, disk: MemoryDisk, keeper: Keeper, now: Moment) -> World {
        let broker = Broker::open(Now::at_ms(now.as_ms()), settings.clone(), disk.clone(), 7)
            .expect("the log directories can be read");
        World {
            broker,
            disk,
            keeper,
            events: Vec::new(),
            closed: BTreeMap::new(),
            ended: None,
            held_work: None,
            settings,
            now,
            next_connection: 1,
            next_correlation: 1,
            replies: BTreeMap::new(),
        }
    }

    /// The keeper session begins.
    pub(crate) fn meet_keeper(&mut self) {
        let session = self.keeper.session();
        self.step(Input::Keeper(KeeperInput::Connected { session }));
    }

    /// The process is killed and started again over what `disk` kept; its session expires meanwhile.
    pub(crate) fn restart(self, disk: MemoryDisk) -> World {
        let mut world = self.restart_alone(disk);
        world.meet_keeper();
        world
    }

    /// As [`World::restart`], up to the moment before the broker meets the keeper.
    pub(crate) fn restart_alone(self, disk: MemoryDisk) -> World {
        let World { settings, mut keeper, now, .. } = self;
        keeper.expire();
        World::alone(settings, disk, keeper, now + Span::seconds(20))
    }

    pub(crate) fn now(&self) -> Now {
        Now::at_ms(self.now.as_ms())
    }

    /// One turn of the shell: the input, and all that follows from it without time passing.
    pub(crate) fn step(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.broker.step(self.now(), input, &mut effects);
        self.settle(effects);
    }

    fn settle(&mut self, mut effects: Vec<Effect>) {
        let now = self.now();
        for turn in 0.. {
            assert!(turn < 100_000, "the broker and the keeper talk without end");
            self.broker.turn_ended(now, &mut effects);
            if effects.is_empty() {
                return;
            }
            for effect in std::mem::take(&mut effects) {
                self.execute(effect, &mut effects);
            }
        }
    }

    fn execute(&mut self, effect: Effect, effects: &mut Vec<Effect>) {
        match effect {
            Effect::Reply { connection, frame } => {
                let frame = frame.map(|frame| frame.to_bytes());
                self.replies.entry(connection).or_default().push_back(frame);
            }
            Effect::Next { .. } => {}
            Effect::Close { connection, reason } => {
                self.closed.insert(connection, reason);
            }
            Effect::Ask { token, request } => {
                let result = self.keeper.serve(request);
                while let Some(event) = self.keeper.events.pop_front() {
                    self.broker.step(self.now(), Input::Keeper(KeeperInput::Watch(event)), effects);
                }
                let answered = KeeperInput::Answered { token, result };
                self.broker.step(self.now(), Input::Keeper(answered), effects);
            }
            Effect::Dial { link, .. } => self.broker.step(self.now(), Input::Unlinked { link }, effects),
            Effect::Transmit { .. } | Effect::Hangup { .. } | Effect::MayStop => {}
            Effect::Event(event) => self.events.push(event),
            Effect::Work(work) => match &mut self.held_work {
                Some(held) => held.push(work),
                None => self.broker.step(self.now(), Input::Worked(work.run()), effects),
            },
            Effect::DisksFailed { reason } => self.ended = Some(reason),
            Effect::Halt { reason } => panic!("the broker halts: {reason}"),
        }
    }

    /// Does the work that was held back, and what follows from it.
    pub(crate) fn do_work(&mut self) {
        for work in self.held_work.replace(Vec::new()).into_iter().flatten() {
            self.step(Input::Worked(work.run()));
        }
    }

    /// Lets time pass, waking the broker whenever it wants to be woken.
    pub(crate) fn pass(&mut self, span: Span) {
        let end = self.now + span;
        for wake in 0.. {
            assert!(wake < 100_000, "the broker wakes without end");
            match self.broker.deadline() {
                Some(deadline) if deadline <= end => {
                    self.now = self.now.max(deadline);
                    self.step(Input::Woken);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    pub(crate) fn connect(&mut self) -> ConnectionId {
        let connection = ConnectionId(self.next_connection);
        self.next_connection += 1;
        let peer = "127.0.0.1:40000".parse().expect("an address");
        self.step(Input::Opened { connection, peer, listener: ListenerIndex(0) });
        connection
    }

    /// Sends a request; its reply is fetched with [`World::reply`].
    pub(crate) fn send<R: Request>(&mut self, connection: ConnectionId, version: i16, request: &R) {
        let mut writer = kafka_wire::Writer::new();
        let header = RequestHeader {
            api_key: R::API as i16,
            api_version: version,
            correlation_id: self.next_correlation,
            client_id: Some("test".into()),
        };
        self.next_correlation += 1;
        header.encode(&mut writer);
        request.encode(&mut writer, version);
        self.step(Input::Received { connection, frame: writer.into_bytes() });
    }

    /// The oldest reply to `connection` that was not looked at, if there is one.
    pub(crate) fn reply<R: Request>(
        &mut self,
        connection: ConnectionId,
        version: i16,
    ) -> Option<R::Response> {
        let frame = self.replies.get_mut(&connection)?.pop_front()?;
        let mut reader = Reader::new(frame.expect("a reply with bytes"));
        ResponseHeader::decode(&mut reader, R::API.response_header_version(version)).expect("a header");
        let response = R::Response::decode(&mut reader, version).expect("a body");
        assert_eq!(reader.remaining(), 0, "bytes behind the response");
        Some(response)
    }

    /// Whether `connection` got a reply without bytes (acks=0).
    pub(crate) fn got_silence(&mut self, connection: ConnectionId) -> bool {
        matches!(self.replies.get_mut(&connection).and_then(VecDeque::pop_front), Some(None))
    }

    /// Sends a request on a connection of its own and returns the reply that comes at once.
    pub(crate) fn call<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        let connection = self.connect();
        self.send(connection, version, request);
        let reply = self.reply::<R>(connection, version);
        let reply = reply.unwrap_or_else(|| {
            panic!("{:?} v{version} waits, or {:?}", R::API, self.closed.get(&connection))
        });
        self.step(Input::Closed { connection });
        reply
    }
}
