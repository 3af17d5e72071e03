//! The world: time, network, processes and mishaps, one event after the other.

mod broker;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use clock::{Moment, Now, Span, WallTime};
use disk::{Fault, Loss, MemoryDisk};
use keeper::{ConnectionId, Effect, Input};
use keeper_client::{Effect as ClientEffect, Input as ClientInput};
use zookeeper_wire::txn::Txn;
use zookeeper_wire::{SessionId, Zxid};

use crate::client::Client;
use crate::limits::{CLIENTS, HALF_OF_PEACE, PEACE, SILENCE, STARTS_MAX, TROUBLE};
use crate::model::Model;
use crate::observer::{Deposed, Heard};
use crate::server::{Server, Started};
use crate::story::{Outcome, Story, Violation};

/// How a world shall be.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Options {
    /// A defect planted on purpose, which the run should find.
    pub bug: Option<Bug>,
}

/// Defects that can be planted: they show that the checks can fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bug {
    /// Transactions are called durable when they are handed to the log.
    AcknowledgeBeforeSync,
    /// The log writes and does not sync.
    NoSync,
    /// Events are sent behind the replies of the same step.
    EventsAfterReplies,
    /// A start forgets the last transaction that is on the disk.
    ForgottenTail,
    /// The broker acknowledges records that are not durable, and loses power.
    RecordsNotSynced,
}

/// Runs the world of `seed` to its end, or to the first violation.
pub fn run(seed: u64, options: Options) -> Outcome {
    let mut world = World::new(seed, options);
    let violation = world.live().err();
    Outcome {
        simulated: world.now - Moment::at_ms(0),
        seed,
        digest: world.story.digest(),
        lines: world.story.lines(),
        transactions: world.transactions,
        crashes: world.crashes,
        records: world.produced(),
        violation: violation.map(|violation| (violation, world.story.end())),
    }
}

/// What is going to happen.
enum Event {
    /// A client thinks of something to do.
    Think(usize),
    /// A connection reaches the server.
    Arrive(u64),
    /// The client learns that its connection is made.
    Linked(u64),
    ToServer(u64, Bytes),
    ToClient(u64, Bytes),
    /// An end of a connection learns that it is broken.
    CutServer(u64),
    CutClient(u64),
    /// A dial fails.
    Refused(usize, u64),
    /// A client wakes up, and finds what came meanwhile.
    Thaw(usize),
    /// The log's thread of this life of the server is done with its group.
    Written(u64),
    SnapshotWritten(u64),
    Idle(u64),
    Mishap,
    Start,
    BrokerStart,
    KafkaThink(usize),
    KafkaAnswer(u64, Bytes),
    /// A Kafka client has waited long enough for the answer to a request.
    KafkaPatience(u64, usize, i32),
}

/// A connection.
struct Link {
    client: usize,
    life: u64,
    /// Whether each end still listens.
    server: bool,
    up: bool,
    /// When the last thing sent each way arrives: nothing overtakes.
    to_server: Moment,
    to_client: Moment,
    /// Frames that wait because the server does not read.
    held: Option<VecDeque<Bytes>>,
}

struct World {
    chance: fastrand::Rng,
    options: Options,
    now: Moment,
    events: BTreeMap<(Moment, u64), Event>,
    next_event: u64,
    disk: MemoryDisk,
    server: Option<Server>,
    /// Which life of the server this is.
    life: u64,
    clients: Vec<Client>,
    /// What came for each client while it was frozen.
    inboxes: Vec<VecDeque<Event>>,
    broker: broker::Brokerage,
    links: BTreeMap<u64, Link>,
    next_link: u64,
    model: Model,
    /// The last zxid that any client was told.
    told: Zxid,
    /// The digest of the live tree after some transactions.
    digests: BTreeMap<Zxid, u64>,
    /// When each session was last heard by a server.
    heard: BTreeMap<SessionId, (Moment, Span)>,
    /// Sessions that asked for their end.
    leaving: Vec<SessionId>,
    trouble: bool,
    silent: bool,
    transactions: u64,
    crashes: u64,
    story: Story,
}

macro_rules! tell {
    ($world:expr, $($arguments:tt)*) => { $world.story.tell($world.now, format_args!($($arguments)*)) };
}

impl World {
    fn new(seed: u64, options: Options) -> World {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut clients: Vec<_> = (0..chance.usize(CLIENTS)).map(|_| Client::new(chance.u64(..))).collect();
        let broker = broker::Brokerage::new(clients.len(), &mut chance);
        clients.push(Client::nobody());
        World {
            chance,
            options,
            now: Moment::at_ms(0),
            events: BTreeMap::new(),
            next_event: 0,
            disk: MemoryDisk::new(),
            server: None,
            life: 0,
            inboxes: clients.iter().map(|_| VecDeque::new()).collect(),
            clients,
            broker,
            links: BTreeMap::new(),
            next_link: 0,
            model: Model::default(),
            told: Zxid::ZERO,
            digests: BTreeMap::new(),
            heard: BTreeMap::new(),
            leaving: Vec::new(),
            trouble: true,
            silent: false,
            transactions: 0,
            crashes: 0,
            story: Story::new(),
        }
    }

    /// Trouble, then peace, in which everybody must find back, then silence, in which all sessions end.
    fn live(&mut self) -> Result<(), Violation> {
        self.soon(Span::ZERO, Event::Start);
        for client in 0..self.clients.len() {
            self.soon(Span::ms(10), Event::Think(client));
        }
        if self.chance.u8(0..3) == 0 || self.options.bug == Some(Bug::RecordsNotSynced) {
            self.soon(Span::ms(5), Event::BrokerStart);
        } else {
            self.broker.kafka.clear();
        }
        for client in 0..self.broker.kafka.len() {
            self.soon(Span::ms(100), Event::KafkaThink(client));
        }
        self.soon(Span::seconds(1), Event::Mishap);
        self.until(self.now + TROUBLE)?;
        tell!(self, "peace");
        self.trouble = false;
        self.disk.heal();
        let half = self.now + HALF_OF_PEACE;
        self.until(self.now + PEACE)?;
        self.kafka_is_served(half)?;
        if let Some(client) = self.clients.iter().position(|client| !client.absent && !client.is_connected())
        {
            return Err(Violation(format!("client {client} does not find back although nothing is wrong")));
        }
        tell!(self, "silence");
        self.silent = true;
        self.until(self.now + SILENCE)?;
        let left = self.model.sessions();
        if !left.is_empty() {
            return Err(Violation(format!("nobody is there and sessions {left:?} live")));
        }
        self.die(Loss::Unsynced, "the last crash")?;
        self.start()
    }

    /// Lets time pass.
    fn until(&mut self, end: Moment) -> Result<(), Violation> {
        loop {
            let event = self.events.first_key_value().map(|((at, _), _)| *at);
            let server = self.server.as_ref().and_then(Server::deadline);
            let (client, client_at) = if self.silent { (0, None) } else { self.next_client() };
            let broker = if self.silent { None } else { self.broker.deadline() };
            let next = [event, server, client_at, broker].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return Ok(());
            };
            self.now = self.now.max(next);
            if event.is_some_and(|at| at <= next) {
                let (_, event) = self.events.pop_first().expect("just seen");
                self.happen(event)?;
            } else if server.is_some_and(|at| at <= next) {
                self.server_step(Input::Woken)?;
            } else if broker.is_some_and(|at| at <= next) {
                self.broker_woken()?;
            } else {
                self.client_step(client, ClientInput::Woken)?;
            }
        }
    }

    fn next_client(&self) -> (usize, Option<Moment>) {
        let deadlines = self.clients.iter().enumerate().filter_map(|(i, c)| Some((c.deadline()?, i)));
        deadlines.min().map_or((0, None), |(at, client)| (client, Some(at)))
    }

    fn soon(&mut self, span: Span, event: Event) {
        self.at(self.now + span, event);
    }

    fn at(&mut self, moment: Moment, event: Event) {
        self.next_event += 1;
        self.events.insert((moment, self.next_event), event);
    }

    fn clocks(&self) -> Now {
        const BEGINNING_MS: i64 = 1_700_000_000_000;
        Now { moment: self.now, wall: WallTime::at_ms(BEGINNING_MS + self.now.as_ms() as i64) }
    }

    fn happen(&mut self, event: Event) -> Result<(), Violation> {
        let Some(event) = self.unless_frozen(event) else { return Ok(()) };
        match event {
            Event::Think(client) => self.think(client),
            Event::Arrive(link) => self.arrive(link),
            Event::Linked(link) => self.linked(link),
            Event::ToServer(link, frame) => self.reaches_server(link, frame),
            Event::ToClient(link, frame) => self.reaches_client(link, frame),
            Event::CutServer(link) => self.cut_server(link),
            Event::CutClient(link) => self.cut_client(link),
            Event::Thaw(client) => self.thaw(client),
            Event::Refused(client, link) => {
                if self.clients[client].link == Some(link) {
                    self.clients[client].link = None;
                    return self.client_step(client, ClientInput::Unlinked);
                }
                Ok(())
            }
            Event::Written(life) => self.written(life),
            Event::SnapshotWritten(life) => {
                let Some(server) = self.server.as_mut().filter(|_| life == self.life) else { return Ok(()) };
                let Some(zxid) = server.snapshot_written() else { return Ok(()) };
                tell!(self, "snapshot of {zxid} written");
                self.server_step(Input::SnapshotWritten { zxid })
            }
            Event::Idle(life) => {
                let Some(server) = self.server.as_mut().filter(|_| life == self.life) else { return Ok(()) };
                match server.idle() {
                    Ok(()) => Ok(()),
                    Err(error) => self.disk_failed(&error),
                }
            }
            Event::Mishap => self.mishap(),
            Event::Start => self.start(),
            Event::BrokerStart => self.broker_start(),
            Event::KafkaThink(client) => self.kafka_think(client),
            Event::KafkaAnswer(connection, frame) => self.kafka_answer(connection, frame),
            Event::KafkaPatience(connection, client, asked) => self.kafka_patience(connection, client, asked),
        }
    }

    // Clients.

    /// Puts aside what a frozen client cannot take notice of now, in order.
    fn unless_frozen(&mut self, event: Event) -> Option<Event> {
        let client = match &event {
            Event::Linked(link) | Event::ToClient(link, _) | Event::CutClient(link) => {
                self.links.get(link)?.client
            }
            Event::Refused(client, _) => *client,
            _ => return Some(event),
        };
        if self.now >= self.clients[client].frozen_until && self.inboxes[client].is_empty() {
            return Some(event);
        }
        self.inboxes[client].push_back(event);
        None
    }

    fn thaw(&mut self, client: usize) -> Result<(), Violation> {
        if self.now < self.clients[client].frozen_until {
            self.at(self.clients[client].frozen_until, Event::Thaw(client));
            return Ok(());
        }
        let waited = std::mem::take(&mut self.inboxes[client]);
        waited.into_iter().try_for_each(|event| self.happen(event))
    }

    fn think(&mut self, client: usize) -> Result<(), Violation> {
        if self.silent {
            return Ok(());
        }
        if self.now < self.clients[client].frozen_until {
            self.at(self.clients[client].frozen_until, Event::Think(client));
            return Ok(());
        }
        let (input, pause) = self.clients[client].think(self.trouble);
        self.soon(pause, Event::Think(client));
        match input {
            Some(input) => {
                if matches!(input, ClientInput::Close) {
                    tell!(self, "client {client} ends its session {}", self.clients[client].observer.session);
                }
                self.client_step(client, input)
            }
            None => Ok(()),
        }
    }

    fn client_step(&mut self, client: usize, input: ClientInput) -> Result<(), Violation> {
        self.session_step(client, input)?;
        if self.clients[client].serves_broker { self.broker_run() } else { Ok(()) }
    }

    /// Steps the session alone: what it has for the broker waits there.
    fn session_step(&mut self, client: usize, input: ClientInput) -> Result<(), Violation> {
        let mut effects = Vec::new();
        let now = self.clocks();
        self.clients[client].step(now, input, &mut effects);
        for effect in effects {
            match effect {
                ClientEffect::Dial(_) => self.dial(client),
                ClientEffect::Send(frame) => {
                    let Some(link) = self.clients[client].link else { continue };
                    if self.clients[client].observer.sent(&frame, &self.model) {
                        self.leaving.push(self.clients[client].observer.session);
                    }
                    let at = self.travel(link, |link| &mut link.to_server);
                    self.at(at, Event::ToServer(link, frame));
                }
                ClientEffect::Hangup => {
                    let Some(link) = self.clients[client].link.take() else { continue };
                    let at = self.travel(link, |link| &mut link.to_server);
                    self.at(at, Event::CutServer(link));
                }
                ClientEffect::Event(event) if self.clients[client].serves_broker => self.broker.hear(&event),
                ClientEffect::Answer { token, result } if self.clients[client].serves_broker => {
                    self.broker.answer(token, result);
                }
                ClientEffect::Event(_) | ClientEffect::Answer { .. } => {}
            }
        }
        Ok(())
    }

    fn dial(&mut self, client: usize) {
        self.next_link += 1;
        let (id, now) = (self.next_link, self.now);
        let link = Link {
            client,
            life: self.life,
            server: false,
            up: true,
            to_server: now,
            to_client: now,
            held: None,
        };
        self.links.insert(id, link);
        self.clients[client].link = Some(id);
        self.clients[client].observer.connected();
        let at = self.travel(id, |link| &mut link.to_server);
        self.at(at, Event::Arrive(id));
    }

    fn linked(&mut self, id: u64) -> Result<(), Violation> {
        let Some(link) = self.links.get(&id).filter(|link| link.up) else { return Ok(()) };
        let client = link.client;
        if self.clients[client].link == Some(id) && !self.silent {
            return self.client_step(client, ClientInput::Linked);
        }
        Ok(())
    }

    fn reaches_client(&mut self, id: u64, frame: Bytes) -> Result<(), Violation> {
        let Some(link) = self.links.get(&id) else { return Ok(()) };
        let client = link.client;
        if self.clients[client].link != Some(id) || self.silent {
            return Ok(());
        }
        let heard = self.clients[client].observer.received(&frame, &mut self.model, Deposed::No);
        let heard = heard.map_err(|Violation(why)| Violation(format!("client {client}: {why}")))?;
        match heard {
            Heard::Greeted => {
                tell!(self, "client {client} has session {}", self.clients[client].observer.session)
            }
            Heard::Expired => tell!(self, "client {client} lost its session"),
            Heard::Event(event) => tell!(self, "client {client} hears {} {}", event.kind.name(), event.path),
            Heard::Answer { request, zxid, error } => {
                self.told = self.told.max(zxid);
                tell!(self, "client {client} {}: {} at {zxid}", request.op().name(), error.name());
            }
            Heard::Nothing => {}
        }
        self.client_step(client, ClientInput::Frame(frame))
    }

    fn cut_client(&mut self, id: u64) -> Result<(), Violation> {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        link.up = false;
        let client = link.client;
        if self.clients[client].link == Some(id) && !self.silent {
            self.clients[client].link = None;
            tell!(self, "client {client} lost its connection");
            return self.client_step(client, ClientInput::Unlinked);
        }
        Ok(())
    }

    // The network.

    /// When something sent now arrives: after everything sent before it.
    fn travel(&mut self, link: u64, way: impl FnOnce(&mut Link) -> &mut Moment) -> Moment {
        let delay = match self.chance.u8(0..30) {
            0 => self.chance.u64(20..400),
            _ => self.chance.u64(0..6),
        };
        let arrival = self.now + Span::ms(delay);
        match self.links.get_mut(&link) {
            Some(link) => {
                let last = way(link);
                *last = arrival.max(*last);
                *last
            }
            None => arrival,
        }
    }

    fn arrive(&mut self, id: u64) -> Result<(), Violation> {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        let client = link.client;
        link.life = self.life;
        if self.server.is_none() {
            let at = self.travel(id, |link| &mut link.to_client);
            self.at(at, Event::Refused(client, id));
            return Ok(());
        }
        link.server = true;
        let at = self.travel(id, |link| &mut link.to_client);
        self.at(at, Event::Linked(id));
        let peer = std::net::SocketAddr::from(([10, 0, 0, client as u8 + 1], 40_000));
        self.server_step(Input::Opened { connection: ConnectionId(id), peer })
    }

    fn reaches_server(&mut self, id: u64, frame: Bytes) -> Result<(), Violation> {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.server) else { return Ok(()) };
        if let Some(held) = &mut link.held {
            held.push_back(frame);
            return Ok(());
        }
        let session = self.clients[link.client].observer.session;
        if let Some((heard, _)) = self.heard.get_mut(&session) {
            *heard = self.now;
        }
        self.server_step(Input::Received { connection: ConnectionId(id), frame })
    }

    fn cut_server(&mut self, id: u64) -> Result<(), Violation> {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.server) else { return Ok(()) };
        link.server = false;
        self.server_step(Input::Closed { connection: ConnectionId(id) })
    }

    // The server.

    fn server_step(&mut self, input: Input) -> Result<(), Violation> {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let now = self.clocks();
            let Some(server) = &mut self.server else { return Ok(()) };
            let mut effects = Vec::new();
            let (wanted, proposed) = server.step(now, input, &mut effects);
            let database = server.keeper.database();
            self.digests.insert(database.last_applied(), database.tree().digest());
            for entry in &proposed {
                self.model.propose(entry)?;
                self.proposed(entry.zxid)?;
            }
            if wanted.write {
                self.begin_write();
            }
            if wanted.snapshot {
                let span = Span::ms(self.chance.u64(1..400));
                self.soon(span, Event::SnapshotWritten(self.life));
            }
            inputs.extend(wanted.persisted.map(|upto| Input::Persisted { upto }));
            for effect in effects {
                self.server_effect(effect, &mut inputs);
            }
        }
        Ok(())
    }

    fn server_effect(&mut self, effect: Effect, inputs: &mut VecDeque<Input>) {
        match effect {
            Effect::Send { connection: ConnectionId(id), frame } => {
                let at = self.travel(id, |link| &mut link.to_client);
                self.at(at, Event::ToClient(id, frame));
            }
            Effect::Close { connection: ConnectionId(id) } => {
                let at = self.travel(id, |link| &mut link.to_client);
                self.at(at, Event::CutClient(id));
                self.soon(Span::ZERO, Event::CutServer(id));
            }
            Effect::Pause { connection: ConnectionId(id) } => {
                if let Some(link) = self.links.get_mut(&id) {
                    link.held.get_or_insert_default();
                }
            }
            Effect::WriteEpochs { .. }
            | Effect::Truncate { .. }
            | Effect::InstallSnapshot { .. }
            | Effect::Notify { .. }
            | Effect::Dial { .. }
            | Effect::SendPacket { .. }
            | Effect::SendSnapshot { .. }
            | Effect::CloseLink { .. }
            | Effect::Foresee { .. }
            | Effect::Reconfigure { .. }
            | Effect::Halt { .. } => unreachable!("a server that stands alone has no peers"),
            Effect::Resume { connection: connection @ ConnectionId(id) } => {
                let held = self.links.get_mut(&id).and_then(|link| link.held.take());
                inputs.extend(held.into_iter().flatten().map(|frame| Input::Received { connection, frame }));
            }
            Effect::SendText { .. }
            | Effect::Complain { .. }
            | Effect::Persist { .. }
            | Effect::WriteSnapshot { .. } => {}
        }
    }

    /// A session that ends must have asked for it, or have been silent for its time-out.
    fn proposed(&mut self, zxid: Zxid) -> Result<(), Violation> {
        let Some(entry) = self.model.entry(zxid) else { return Ok(()) };
        let session = entry.header.session;
        match &entry.txn {
            Txn::CreateSession { timeout_ms } => {
                let timeout = Span::ms(timeout_ms.unsigned_abs().into());
                self.heard.insert(session, (self.now, timeout));
            }
            Txn::CloseSession(_) if !self.leaving.contains(&session) => {
                let Some((heard, timeout)) = self.heard.get(&session) else { return Ok(()) };
                if self.now < *heard + *timeout {
                    return Err(Violation(format!(
                        "session {session} with a time-out of {timeout} is ended, heard {} ago",
                        self.now - *heard
                    )));
                }
                tell!(self, "session {session} expires");
            }
            _ => {}
        }
        Ok(())
    }

    fn begin_write(&mut self) {
        let span = match self.chance.u8(0..40) {
            0 => self.chance.u64(50..1500),
            _ => self.chance.u64(0..12),
        };
        self.soon(Span::ms(span), Event::Written(self.life));
    }

    fn written(&mut self, life: u64) -> Result<(), Violation> {
        let Some(server) = self.server.as_mut().filter(|_| life == self.life) else { return Ok(()) };
        match server.written() {
            Ok((upto, again)) => {
                if again {
                    self.begin_write();
                } else if self.chance.bool() {
                    self.soon(Span::ms(1), Event::Idle(life));
                }
                match upto {
                    Some(upto) => {
                        self.transactions += 1;
                        tell!(self, "durable up to {upto}");
                        self.server_step(Input::Persisted { upto })
                    }
                    None => Ok(()),
                }
            }
            Err(error) => self.disk_failed(&error),
        }
    }

    /// As the process does: it says so and stops. Somebody repairs the disk.
    fn disk_failed(&mut self, error: &txnlog::Error) -> Result<(), Violation> {
        tell!(self, "{error}");
        let loss = self.loss();
        self.die(loss, "the disk failed")
    }

    fn loss(&mut self) -> Loss {
        let seed = self.chance.u64(..);
        match self.chance.u8(0..4) {
            0 => Loss::Nothing,
            1 => Loss::Unsynced,
            2 => Loss::Prefix { seed },
            _ => Loss::Subset { seed },
        }
    }

    /// The process ends; the next one finds what `loss` leaves.
    fn die(&mut self, loss: Loss, why: &str) -> Result<(), Violation> {
        let Some(server) = self.server.take() else { return Ok(()) };
        self.crashes += 1;
        tell!(self, "the server dies: {why}, {loss:?}");
        if self.chance.bool() {
            self.disk.inject(Fault::Halt { after: self.chance.u64(0..8) });
            server.last_breath();
        }
        self.disk = self.disk.crash(loss);
        let links: Vec<u64> = self.links.iter().filter(|(_, link)| link.server).map(|(id, _)| *id).collect();
        for id in links {
            let at = self.travel(id, |link| &mut link.to_client);
            self.at(at, Event::CutClient(id));
            if let Some(link) = self.links.get_mut(&id) {
                link.server = false;
            }
        }
        self.life += 1;
        if !self.silent {
            let pause = Span::ms(self.chance.u64(1..4000));
            self.soon(pause, Event::Start);
        }
        Ok(())
    }

    fn start(&mut self) -> Result<(), Violation> {
        if self.server.is_some() {
            return Ok(());
        }
        for attempt in 1.. {
            // A start can be cut short too.
            if self.trouble && attempt < STARTS_MAX && self.chance.u8(0..6) == 0 {
                let image = self.disk.clone();
                image.inject(Fault::Halt { after: self.chance.u64(0..6) });
                if self.start_on(&image).is_err() {
                    self.server = None;
                    let loss = self.loss();
                    tell!(self, "a start is cut short, {loss:?}");
                    self.disk = image.crash(loss);
                    continue;
                }
                image.heal();
                return Ok(());
            }
            return self.start_on(&self.disk.clone());
        }
        Ok(())
    }

    fn start_on(&mut self, disk: &MemoryDisk) -> Result<(), Violation> {
        let (model, digests, seed) = (&self.model, &self.digests, self.chance.u64(..));
        let look = |database: &znode::Database, last: Zxid| {
            compare(database, last, model)?;
            match digests.get(&last) {
                Some(live) if *live != database.tree().digest() => {
                    Err(Violation(format!("the digest at {last} is not what it was before the crash")))
                }
                _ => Ok(()),
            }
        };
        let Started { server, last, snapshot, replayed } =
            Server::start(disk, self.clocks(), seed, self.options.bug, look)?;
        let last = match self.options.bug {
            Some(Bug::ForgottenTail) => Zxid((last.0 - 1).max(0)),
            _ => last,
        };
        for entry in &replayed {
            self.model.compare(entry.header.zxid, entry)?;
        }
        if last < self.told {
            return Err(Violation(format!(
                "clients were told of {} and the disk ends with {last}",
                self.told
            )));
        }
        tell!(self, "the server starts at {last}, snapshot {snapshot:?}, {} replayed", replayed.len());
        self.model.end_with(last);
        self.digests.split_off(&Zxid(last.0 + 1));
        for (heard, _) in self.heard.values_mut() {
            *heard = self.now;
        }
        self.server = Some(server);
        Ok(())
    }

    // Mishaps.

    fn mishap(&mut self) -> Result<(), Violation> {
        if !self.trouble {
            return Ok(());
        }
        let pause = Span::ms(self.chance.u64(100..6000));
        self.soon(pause, Event::Mishap);
        match self.chance.u8(0..12) {
            10 | 11 => {
                self.broker_die();
                Ok(())
            }
            0..=3 => {
                let loss = self.loss();
                self.die(loss, "a crash")
            }
            4..=6 => {
                let links: Vec<u64> =
                    self.links.iter().filter(|(_, l)| l.server).map(|(id, _)| *id).collect();
                let Some(link) = self.chance.choice(&links).copied() else { return Ok(()) };
                tell!(self, "connection {link} breaks");
                // Each end learns of it in its own time.
                let (server, client) = (self.chance.u64(0..9000), self.chance.u64(0..3000));
                if self.chance.bool() {
                    self.soon(Span::ms(server), Event::CutServer(link));
                }
                self.soon(Span::ms(client), Event::CutClient(link));
                Ok(())
            }
            7 => {
                let client = self.chance.usize(0..self.broker.client);
                let span = Span::ms(self.chance.u64(500..20_000));
                tell!(self, "client {client} freezes for {span}");
                self.clients[client].frozen_until = self.now + span;
                self.soon(span, Event::Thaw(client));
                Ok(())
            }
            // Who starts has a healthy disk.
            8 | 9 if self.server.is_none() => Ok(()),
            8 => {
                let after = self.chance.u64(0..4);
                let fault =
                    if self.chance.bool() { Fault::FailSync { after } } else { Fault::FailWrite { after } };
                tell!(self, "the disk will fail: {fault:?}");
                self.disk.inject(fault);
                Ok(())
            }
            _ => {
                let bytes = self.chance.u64(0..20_000);
                tell!(self, "the disk is full in {bytes} bytes");
                self.disk.inject(Fault::FullAfter { bytes });
                Ok(())
            }
        }
    }
}

/// The database as the model has it.
fn compare(database: &znode::Database, at: Zxid, model: &Model) -> Result<(), Violation> {
    let mut expected = model.tree(at);
    let snapshot = database.snapshot();
    let mut walk = snapshot.walk();
    while let Some(found) = walk.step() {
        if found.path.is_empty() || found.path.starts_with("/zookeeper") {
            continue;
        }
        let Some(node) = expected.remove(found.path) else {
            return Err(Violation(format!("at {at} there is {}, which must not exist", found.path)));
        };
        let same = node.data.as_deref() == found.data
            && node.version == found.stat.version
            && node.czxid == found.stat.czxid
            && node.mzxid == found.stat.mzxid
            && node.owner.0 == found.stat.ephemeral_owner;
        if !same {
            return Err(Violation(format!("at {at} {} is {found:?} and must be {node:?}", found.path)));
        }
    }
    match expected.first_key_value() {
        Some((path, _)) => Err(Violation(format!("at {at} {path} must exist"))),
        None => Ok(()),
    }
}
