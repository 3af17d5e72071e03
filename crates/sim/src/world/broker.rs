//! The broker in the world: a real broker node over a disk of its own, whose keeper session is one more
//! client of the keeper, with Kafka clients in front.

use std::collections::VecDeque;
use std::path::PathBuf;

use broker::{
    AskToken, Broker, ConnectionId, Effect, Event as BrokerEvent, Input, KeeperInput, Listener,
    ListenerIndex, Settings,
};
use bytes::Bytes;
use clock::{Moment, Span};
use disk::{Loss, MemoryDisk};
use keeper_client::{Answer, Event as SessionEvent, Token};

use super::{Bug, Event, World};
use crate::client::Client;
use crate::kafka::{KafkaClient, Promises};
use crate::story::Violation;

/// How long a Kafka client waits for an answer before it gives the connection up.
const PATIENCE: Span = Span::seconds(15);

/// All of the broker's side.
pub(super) struct Brokerage {
    node: Option<Broker<MemoryDisk>>,
    disk: MemoryDisk,
    /// Which of the keeper's clients is the broker's session.
    pub(super) client: usize,
    /// Whether records are acknowledged only when they are durable.
    durable: bool,
    /// What the node is to hear next.
    inputs: VecDeque<Input>,
    pub(super) kafka: Vec<KafkaClient>,
    promises: Promises,
    next_connection: u64,
}

impl Brokerage {
    pub(super) fn new(client: usize, chance: &mut fastrand::Rng) -> Brokerage {
        Brokerage {
            node: None,
            disk: MemoryDisk::new(),
            client,
            durable: chance.bool(),
            inputs: VecDeque::new(),
            kafka: (0..chance.usize(1..4)).map(|id| KafkaClient::new(id, chance.u64(..))).collect(),
            promises: Promises::default(),
            next_connection: 0,
        }
    }

    pub(super) fn deadline(&self) -> Option<Moment> {
        self.node.as_ref().and_then(Broker::deadline)
    }

    /// The session has something for the node.
    pub(super) fn hear(&mut self, event: &SessionEvent) {
        let input = match event {
            SessionEvent::Connected { session, .. } => KeeperInput::Connected { session: *session },
            SessionEvent::Disconnected => KeeperInput::Disconnected,
            SessionEvent::Expired => KeeperInput::Expired,
            SessionEvent::Watch(event) => KeeperInput::Watch(event.clone()),
            SessionEvent::Refused(_) | SessionEvent::Closed => return,
        };
        self.inputs.push_back(Input::Keeper(input));
    }

    /// The session has an answer for the node.
    pub(super) fn answer(&mut self, token: Token, result: Answer) {
        let input = KeeperInput::Answered { token: AskToken(token.0), result };
        self.inputs.push_back(Input::Keeper(input));
    }
}

macro_rules! tell {
    ($world:expr, $($arguments:tt)*) => { $world.story.tell($world.now, format_args!($($arguments)*)) };
}

impl World {
    pub(super) fn broker_start(&mut self) -> Result<(), Violation> {
        if self.silent || self.broker.node.is_some() {
            return Ok(());
        }
        let listener = Listener {
            name: "PLAINTEXT".into(),
            security_protocol: "PLAINTEXT".into(),
            advertised_host: "broker".into(),
            advertised_port: 9092,
        };
        let mut settings = Settings::new(0, listener, PathBuf::from("/logs"));
        let planted = self.options.bug == Some(Bug::RecordsNotSynced);
        settings.durable_acks = self.broker.durable && !planted;
        settings.properties.insert("offsets.topic.num.partitions".into(), "2".into());
        let (now, seed) = (self.clocks(), self.chance.u64(..));
        let node = Broker::open(now, settings, self.broker.disk.clone(), seed)
            .map_err(|error| Violation(format!("the broker does not start: {error}")))?;
        tell!(self, "the broker starts");
        self.broker.node = Some(node);
        self.broker.inputs.clear();
        self.clients[self.broker.client] = Client::broker(self.chance.u64(..));
        Ok(())
    }

    /// The broker's process ends, and with it its session's connection and those of its clients.
    pub(super) fn broker_die(&mut self) {
        if self.broker.node.take().is_none() {
            return;
        }
        let loss = if self.broker.durable { self.loss() } else { Loss::Nothing };
        tell!(self, "the broker dies, {loss:?}");
        self.crashes += 1;
        self.broker.disk = self.broker.disk.crash(loss);
        self.broker.inputs.clear();
        self.broker.kafka.iter_mut().for_each(KafkaClient::disconnected);
        if let Some(link) = self.clients[self.broker.client].link.take() {
            let at = self.travel(link, |link| &mut link.to_server);
            self.at(at, Event::CutServer(link));
        }
        self.clients[self.broker.client].absent = true;
        let pause = Span::ms(self.chance.u64(1..8000));
        self.soon(pause, Event::BrokerStart);
    }

    pub(super) fn broker_woken(&mut self) -> Result<(), Violation> {
        self.broker.inputs.push_back(Input::Woken);
        self.broker_run()
    }

    /// Steps the node until it has heard everything.
    pub(super) fn broker_run(&mut self) -> Result<(), Violation> {
        for turn in 0.. {
            if turn > 100_000 {
                return Err(Violation("the broker talks without end".into()));
            }
            let now = self.clocks();
            let Some(node) = &mut self.broker.node else {
                self.broker.inputs.clear();
                return Ok(());
            };
            let mut effects = Vec::new();
            let input = self.broker.inputs.pop_front();
            let heard = input.is_some();
            if let Some(input) = input {
                node.step(now, input, &mut effects);
            }
            node.turn_ended(now, &mut effects);
            if !heard && effects.is_empty() {
                return Ok(());
            }
            for effect in effects {
                self.broker_effect(effect)?;
            }
        }
        Ok(())
    }

    fn broker_effect(&mut self, effect: Effect) -> Result<(), Violation> {
        match effect {
            Effect::Reply { connection, frame } => {
                let Some(frame) = frame else { return Ok(()) };
                let span = Span::ms(self.chance.u64(0..5));
                self.soon(span, Event::KafkaAnswer(connection.0, frame.to_bytes()));
            }
            Effect::Next { .. } => {}
            Effect::Close { connection, reason } => {
                return Err(Violation(format!("the broker closes {connection:?}: {reason}")));
            }
            Effect::Ask { token, request } => {
                let ask = self.clients[self.broker.client].ask_as(Token(token.0), request);
                self.session_step(self.broker.client, ask)?;
            }
            Effect::Work(work) => self.broker.inputs.push_back(Input::Worked(work.run())),
            Effect::DisksFailed { reason } => {
                return Err(Violation(format!("the broker ends: {reason}")));
            }
            Effect::Event(BrokerEvent::Ready { .. }) => tell!(self, "the broker is ready"),
            Effect::Event(BrokerEvent::Note(note)) => tell!(self, "the broker: {note}"),
            // A keeper that is started again and again keeps the session of a dead process alive longer
            // than a broker waits for its id.
            Effect::MayStop => {}
            Effect::Dial { .. } | Effect::Transmit { .. } | Effect::Hangup { .. } => {
                return Err(Violation("a lone broker has nobody to talk to".into()));
            }
            Effect::Halt { reason } if self.trouble && reason.contains("is in use") => {
                tell!(self, "{reason}");
                self.broker_die();
            }
            Effect::Halt { reason } => return Err(Violation(format!("the broker halts: {reason}"))),
        }
        Ok(())
    }

    pub(super) fn kafka_think(&mut self, id: usize) -> Result<(), Violation> {
        if self.silent {
            return Ok(());
        }
        let pause = if self.chance.u8(0..8) == 0 { 1500 } else { 150 };
        let pause = Span::ms(self.chance.u64(0..pause));
        self.soon(pause, Event::KafkaThink(id));
        if self.broker.node.is_none() || self.broker.kafka[id].is_waiting() {
            return Ok(());
        }
        let connection = match self.broker.kafka[id].connection {
            Some(connection) => connection,
            None => {
                self.broker.next_connection += 1;
                let connection = self.broker.next_connection;
                self.broker.kafka[id].connection = Some(connection);
                let peer = std::net::SocketAddr::from(([10, 0, 1, id as u8], 50_000));
                let listener = ListenerIndex(0);
                let opened = Input::Opened { connection: ConnectionId(connection), peer, listener };
                self.broker.inputs.push_back(opened);
                connection
            }
        };
        let frame = self.broker.kafka[id].ask(&mut self.broker.promises);
        self.broker.inputs.push_back(Input::Received { connection: ConnectionId(connection), frame });
        self.soon(PATIENCE, Event::KafkaPatience(connection, id, self.broker.kafka[id].asked()));
        self.broker_run()
    }

    pub(super) fn kafka_answer(&mut self, connection: u64, frame: Bytes) -> Result<(), Violation> {
        let Brokerage { kafka, promises, .. } = &mut self.broker;
        let Some(id) = kafka.iter().position(|client| client.connection == Some(connection)) else {
            return Ok(());
        };
        let told = kafka[id].answered(self.now, frame, promises)?;
        tell!(self, "kafka client {id} {told}");
        Ok(())
    }

    /// A client that gets no answer hangs up.
    pub(super) fn kafka_patience(&mut self, connection: u64, id: usize, asked: i32) -> Result<(), Violation> {
        let client = &mut self.broker.kafka[id];
        if client.connection != Some(connection) || client.asked() != asked || !client.is_waiting() {
            return Ok(());
        }
        client.disconnected();
        tell!(self, "kafka client {id} gives up");
        self.broker.inputs.push_back(Input::Closed { connection: ConnectionId(connection) });
        self.broker_run()
    }

    /// At the end of the peace everybody must have been served.
    pub(super) fn kafka_is_served(&self, since: Moment) -> Result<(), Violation> {
        match self.broker.kafka.iter().position(|client| client.served_at < since) {
            Some(id) => Err(Violation(format!("kafka client {id} is not served although nothing is wrong"))),
            None => Ok(()),
        }
    }

    pub(super) fn produced(&self) -> u64 {
        self.broker.promises.produced
    }
}
