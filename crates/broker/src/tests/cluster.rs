//! Three brokers over one keeper from a seed: messages take their time, processes are killed, frozen and
//! cut off from each other, and what was acknowledged is looked for in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use bytes::Bytes;
use clock::{Moment, Now, Span};
use disk::{Loss, MemoryDisk};
use kafka_wire::message::produce::{ProduceRequest, ProduceResponse};
use kafka_wire::{ErrorCode, Message, Reader, Request, RequestHeader, ResponseHeader, Uuid};
use zookeeper_wire::SessionId;

use crate::replica::Isolation;
use crate::testing::client::{batch, produce};
use crate::testing::keeper::Keeper;
use crate::testing::settings;
use crate::{
    Broker, ConnectionId, Effect, Input, KeeperInput, LinkId, Listener, ListenerIndex, TopicPartition,
};

const NODES: usize = 3;
const PARTITIONS: i32 = 2;
/// Few: they run with every other test.
const SEEDS: u64 = 3;
const SESSION: Span = Span::seconds(6);

struct Node {
    broker: Option<Broker<MemoryDisk>>,
    disk: MemoryDisk,
    session: SessionId,
    /// Takes nothing in before that moment.
    frozen_until: Moment,
}

enum Event {
    Tell(usize, u64, Input),
    Start(usize),
    Expire(usize, SessionId),
    Produce,
    Trouble,
}

/// What was found in the end.
struct Verdict {
    acknowledged: usize,
    /// Acknowledged records that are not where they were acknowledged.
    lost: usize,
    /// Replicas that are not equal to the others.
    differ: usize,
}

struct Cluster {
    nodes: Vec<Node>,
    keeper: Keeper,
    now: Moment,
    random: fastrand::Rng,
    events: BTreeMap<(Moment, u64), Event>,
    next: u64,
    /// Lives of the nodes: what was meant for a former one is lost.
    lives: Vec<u64>,
    /// Links by node: the other end, and the connection there.
    links: BTreeMap<(usize, LinkId), (usize, ConnectionId)>,
    back: BTreeMap<(usize, ConnectionId), (usize, LinkId)>,
    /// Pairs that do not hear each other, until when.
    cut: BTreeMap<(usize, usize), Moment>,
    clients: BTreeMap<(usize, ConnectionId), (i32, u32)>,
    acknowledged: Vec<(i32, i64, u32)>,
    sent: u32,
    leaders: BTreeMap<(i32, i32), usize>,
    /// By partition, epoch and life of the leader: a leader that is started again in its epoch begins at
    /// its checkpoint, which may lag.
    watermarks: BTreeMap<(i32, i32, u64), i64>,
    properties: Vec<(&'static str, &'static str)>,
    loss: Loss,
    troubled: bool,
}

impl Cluster {
    fn new(seed: u64, loss: Loss, properties: Vec<(&'static str, &'static str)>) -> Cluster {
        let node = |n: usize| Node {
            broker: None,
            disk: MemoryDisk::new(),
            session: SessionId(100 + n as i64),
            frozen_until: Moment::default(),
        };
        let mut cluster = Cluster {
            nodes: (0..NODES).map(node).collect(),
            keeper: Keeper::new(),
            now: Moment::at_ms(1_000_000),
            random: fastrand::Rng::with_seed(seed),
            events: BTreeMap::new(),
            next: 1000,
            lives: vec![0; NODES],
            links: BTreeMap::new(),
            back: BTreeMap::new(),
            cut: BTreeMap::new(),
            clients: BTreeMap::new(),
            acknowledged: Vec::new(),
            sent: 0,
            leaders: BTreeMap::new(),
            watermarks: BTreeMap::new(),
            properties,
            loss,
            troubled: true,
        };
        for n in 0..NODES {
            cluster.start(n);
        }
        cluster
    }

    fn now(&self) -> Now {
        Now::at_ms(self.now.as_ms())
    }

    fn at(&mut self, moment: Moment, event: Event) {
        self.next += 1;
        self.events.insert((moment, self.next), event);
    }

    fn soon(&mut self, n: usize, input: Input) {
        let delay = Span::ms(self.random.u64(0..15));
        let life = self.lives[n];
        self.at(self.now + delay, Event::Tell(n, life, input));
    }

    fn start(&mut self, n: usize) {
        let mut settings = settings();
        settings.broker_id = n as i32;
        settings.listeners =
            vec![Listener { advertised_port: 9000 + n as u16, ..settings.listeners[0].clone() }];
        settings.log_directories = vec![PathBuf::from("/logs")];
        for (key, value) in [("replica.lag.time.max.ms", "3000")].into_iter().chain(self.properties.clone()) {
            settings.properties.insert(key.into(), value.into());
        }
        let seed = self.random.u64(..);
        let broker = Broker::open(self.now(), settings, self.nodes[n].disk.clone(), seed).expect("logs");
        self.next += 1;
        let session = SessionId(self.next as i64);
        self.lives[n] += 1;
        self.nodes[n].broker = Some(broker);
        self.nodes[n].session = session;
        self.soon(n, Input::Keeper(KeeperInput::Connected { session }));
    }

    fn kill(&mut self, n: usize) {
        if self.nodes[n].broker.take().is_none() {
            return;
        }
        self.lives[n] += 1;
        self.nodes[n].disk = self.nodes[n].disk.crash(self.loss);
        let session = self.nodes[n].session;
        self.at(self.now + SESSION, Event::Expire(n, session));
        self.hang_up_all(n);
        let pause = Span::ms(self.random.u64(500..9000));
        self.at(self.now + pause, Event::Start(n));
    }

    fn hang_up_all(&mut self, n: usize) {
        let gone: Vec<_> = self
            .links
            .iter()
            .filter(|((from, _), (to, _))| *from == n || *to == n)
            .map(|(k, v)| (*k, *v))
            .collect();
        for ((from, link), (to, connection)) in gone {
            self.links.remove(&(from, link));
            self.back.remove(&(to, connection));
            self.soon(from, Input::Unlinked { link });
            self.soon(to, Input::Closed { connection });
        }
    }

    fn hears(&self, a: usize, b: usize) -> bool {
        self.cut.get(&(a.min(b), a.max(b))).is_none_or(|until| *until <= self.now)
    }

    fn tell(&mut self, n: usize, input: Input) {
        if self.nodes[n].broker.is_none() {
            return;
        }
        let mut effects = Vec::new();
        let now = self.now();
        let node = self.nodes[n].broker.as_mut().expect("it is there");
        node.step(now, input, &mut effects);
        for turn in 0.. {
            assert!(turn < 10_000, "the broker talks without end");
            let Some(node) = self.nodes[n].broker.as_mut() else { return };
            node.turn_ended(now, &mut effects);
            if effects.is_empty() {
                break;
            }
            for effect in std::mem::take(&mut effects) {
                self.execute(n, effect, &mut effects);
            }
        }
        self.check(n);
    }

    fn execute(&mut self, n: usize, effect: Effect, effects: &mut Vec<Effect>) {
        match effect {
            Effect::Ask { token, request } => {
                self.keeper.speak_as(self.nodes[n].session);
                let result = self.keeper.serve(request);
                self.spread();
                self.soon_in_order(n, Input::Keeper(KeeperInput::Answered { token, result }));
            }
            Effect::Work(work) => {
                let now = self.now();
                let done = Input::Worked(work.run());
                self.nodes[n].broker.as_mut().expect("it runs").step(now, done, effects);
            }
            Effect::Dial { link, port, .. } => {
                let to = usize::from(port - 9000);
                if !self.hears(n, to) || self.nodes[to].broker.is_none() {
                    return self.soon(n, Input::Unlinked { link });
                }
                let connection = self.open(to);
                self.links.insert((n, link), (to, connection));
                self.back.insert((to, connection), (n, link));
                self.soon(n, Input::Linked { link });
            }
            Effect::Transmit { link, frame } => {
                let Some(&(to, connection)) = self.links.get(&(n, link)) else { return };
                // What is cut off stays unanswered: patience ends it.
                if self.hears(n, to) {
                    self.soon(to, Input::Received { connection, frame: frame.to_bytes() });
                }
            }
            Effect::Hangup { link } => {
                if let Some((to, connection)) = self.links.remove(&(n, link)) {
                    self.back.remove(&(to, connection));
                    self.soon(to, Input::Closed { connection });
                }
            }
            Effect::Reply { connection, frame } => {
                let Some(frame) = frame else { return };
                if let Some(&(from, link)) = self.back.get(&(n, connection)) {
                    if self.hears(n, from) {
                        self.soon(from, Input::Answered { link, frame: frame.to_bytes() });
                    }
                } else if let Some((partition, value)) = self.clients.remove(&(n, connection)) {
                    self.answered(partition, value, frame.to_bytes());
                    self.soon(n, Input::Closed { connection });
                }
            }
            Effect::Next { .. } => {}
            Effect::Close { connection, .. } => {
                if let Some((from, link)) = self.back.remove(&(n, connection)) {
                    self.links.remove(&(from, link));
                    self.soon(from, Input::Unlinked { link });
                }
            }
            // Its session is not over yet: tried again by its keeper of a real process.
            Effect::Halt { .. } => self.kill(n),
            Effect::Event(_) | Effect::MayStop => {}
            other => panic!("{other:?}"),
        }
    }

    /// Answers and events of one session keep their order: no delay of their own.
    fn soon_in_order(&mut self, n: usize, input: Input) {
        let life = self.lives[n];
        self.at(self.now + Span::ms(2), Event::Tell(n, life, input));
    }

    fn spread(&mut self) {
        while let Some(event) = self.keeper.events.pop_front() {
            for n in 0..NODES {
                self.soon_in_order(n, Input::Keeper(KeeperInput::Watch(event.clone())));
            }
        }
    }

    fn open(&mut self, n: usize) -> ConnectionId {
        self.next += 1;
        let connection = ConnectionId(self.next);
        let peer = "127.0.0.1:40000".parse().expect("an address");
        self.tell(n, Input::Opened { connection, peer, listener: ListenerIndex(0) });
        connection
    }

    fn request<R: Request>(&mut self, n: usize, version: i16, request: &R) -> ConnectionId {
        let connection = self.open(n);
        let mut writer = kafka_wire::Writer::new();
        let header = RequestHeader {
            api_key: R::API as i16,
            api_version: version,
            correlation_id: 1,
            client_id: Some("test".into()),
        };
        header.encode(&mut writer);
        request.encode(&mut writer, version);
        self.soon(n, Input::Received { connection, frame: writer.into_bytes() });
        connection
    }

    fn answered(&mut self, partition: i32, value: u32, frame: Bytes) {
        let mut reader = Reader::new(frame);
        ResponseHeader::decode(&mut reader, 1).expect("a header");
        let answer = ProduceResponse::decode(&mut reader, 12).expect("a body");
        let answer = &answer.responses[0].partition_responses[0];
        if answer.error_code == ErrorCode::NONE {
            self.acknowledged.push((partition, answer.base_offset, value));
        }
    }

    /// What must be true at any moment.
    fn check(&mut self, n: usize) {
        let Some(broker) = self.nodes[n].broker.as_mut() else { return };
        for partition in 0..PARTITIONS {
            let name = TopicPartition::new("t", partition);
            let Some(replica) = broker.replicas.leader_to_read(&name) else { continue };
            let epoch = replica.leader_epoch();
            let leader = *self.leaders.entry((partition, epoch)).or_insert(n);
            assert_eq!(leader, n, "two leaders of {name} in epoch {epoch}");
            let highest = self.watermarks.entry((partition, epoch, self.lives[n])).or_default();
            assert!(
                replica.high_watermark() >= *highest,
                "{name}: the high watermark went back in epoch {epoch}"
            );
            *highest = replica.high_watermark();
        }
    }

    fn run(&mut self, span: Span) {
        let end = self.now + span;
        loop {
            let first = self.events.keys().next().map(|(at, _)| *at);
            let due = |n: usize| {
                let node = &self.nodes[n];
                Some(node.broker.as_ref()?.deadline()?.max(node.frozen_until).max(self.now))
            };
            let wake = (0..NODES).filter_map(|n| Some((due(n)?, n))).min();
            match (first, wake) {
                (Some(at), wake) if at <= end && wake.is_none_or(|(due, _)| at <= due) => {
                    self.now = self.now.max(at);
                    let (_, event) = self.events.pop_first().expect("it is there");
                    self.happen(event);
                }
                (_, Some((at, n))) if at <= end => {
                    self.now = if at == self.now { at + Span::ms(1) } else { at };
                    self.tell(n, Input::Woken);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Tell(n, life, _) if life != self.lives[n] => {}
            Event::Tell(n, life, input) => {
                if self.nodes[n].frozen_until > self.now {
                    let later = self.nodes[n].frozen_until;
                    return self.at(later, Event::Tell(n, life, input));
                }
                self.tell(n, input);
            }
            Event::Start(n) => {
                if self.nodes[n].broker.is_none() {
                    self.start(n);
                }
            }
            Event::Expire(n, session) => {
                self.keeper.end(session);
                self.spread();
                // A live process learns of it and begins another session.
                if self.nodes[n].session == session && self.nodes[n].broker.is_some() {
                    self.next += 1;
                    let session = SessionId(self.next as i64);
                    self.nodes[n].session = session;
                    self.soon_in_order(n, Input::Keeper(KeeperInput::Expired));
                    self.soon_in_order(n, Input::Keeper(KeeperInput::Connected { session }));
                }
            }
            Event::Produce => {
                self.produce();
                let pause = Span::ms(self.random.u64(20..80));
                self.at(self.now + pause, Event::Produce);
            }
            Event::Trouble => {
                if self.troubled {
                    self.trouble();
                    let pause = Span::ms(self.random.u64(1000..8000));
                    self.at(self.now + pause, Event::Trouble);
                }
            }
        }
    }

    fn trouble(&mut self) {
        let n = self.random.usize(..NODES);
        match self.random.u32(..3) {
            0 => self.kill(n),
            1 => {
                let pause = Span::ms(self.random.u64(200..12_000));
                self.nodes[n].frozen_until = self.now + pause;
                if pause > SESSION {
                    let session = self.nodes[n].session;
                    self.at(self.now + SESSION, Event::Expire(n, session));
                }
            }
            _ => {
                let other = (n + 1) % NODES;
                let until = self.now + Span::ms(self.random.u64(200..10_000));
                self.cut.insert((n.min(other), n.max(other)), until);
            }
        }
    }

    fn produce(&mut self) {
        let partition = self.random.i32(0..PARTITIONS);
        let n = self.random.usize(..NODES);
        let Some(broker) = &self.nodes[n].broker else { return };
        let metadata = broker.membership.metadata();
        let leader = metadata.topic("t").and_then(|topic| topic.partition(partition)).map(|one| one.leader.0);
        let Some(leader) = leader.and_then(|id| usize::try_from(id).ok()) else { return };
        if self.nodes[leader].broker.is_none() {
            return;
        }
        self.sent += 1;
        let value = self.sent;
        let request = produce("t", Uuid::ZERO, partition, -1, batch(&[&value.to_string()]));
        let connection = self.request::<ProduceRequest>(leader, 12, &request);
        self.clients.insert((leader, connection), (partition, value));
    }

    /// Ends the trouble, lets all come to rest, and looks.
    fn verdict(mut self) -> Verdict {
        self.troubled = false;
        self.cut.clear();
        self.events.retain(|_, event| !matches!(event, Event::Produce));
        self.run(Span::seconds(90));
        let (mut lost, mut differ) = (0, 0);
        for partition in 0..PARTITIONS {
            let name = TopicPartition::new("t", partition);
            let mut logs = BTreeSet::new();
            let mut found: BTreeMap<i64, String> = BTreeMap::new();
            for node in &mut self.nodes {
                let broker = node.broker.as_mut().expect("all run again");
                let is_leader = broker.replicas.leads(&name);
                let replica = if is_leader {
                    broker.replicas.leader_to_read(&name)
                } else {
                    broker.replicas.follower(&name)
                };
                let replica = replica.expect("a replica on each");
                let end = replica.log_end_offset();
                assert_eq!(replica.high_watermark(), end, "{name}: all is replicated");
                let bytes = match end {
                    0 => Bytes::new(),
                    _ => replica
                        .read(0, 1 << 30, true, Isolation::Replica)
                        .expect("readable")
                        .records
                        .to_bytes(),
                };
                if is_leader {
                    let data = kafka_wire::message::fetch::PartitionData {
                        records: Some(bytes.clone().into()),
                        ..Default::default()
                    };
                    found = crate::testing::client::values(&data).into_iter().collect();
                }
                logs.insert(bytes);
            }
            differ += logs.len() - 1;
            let acknowledged = self.acknowledged.iter().filter(|(of, ..)| *of == partition);
            lost += acknowledged.filter(|(_, at, value)| found.get(at) != Some(&value.to_string())).count();
        }
        Verdict { acknowledged: self.acknowledged.len(), lost, differ }
    }
}

fn world(seed: u64, loss: Loss, properties: Vec<(&'static str, &'static str)>) -> Verdict {
    let mut cluster = Cluster::new(seed, loss, properties);
    cluster.run(Span::seconds(5));
    let n = (0..NODES)
        .find(|&n| {
            cluster.nodes[n].broker.as_ref().is_some_and(|b| b.membership.controller().epoch().is_some())
        })
        .expect("a controller");
    let assign = |p: i32| kafka_wire::message::create_topics::CreatableReplicaAssignment {
        partition_index: p,
        broker_ids: (0..NODES as i32).map(|id| (id + p) % NODES as i32).collect(),
    };
    let request = kafka_wire::message::create_topics::CreateTopicsRequest {
        topics: vec![kafka_wire::message::create_topics::CreatableTopic {
            name: "t".into(),
            num_partitions: -1,
            replication_factor: -1,
            assignments: (0..PARTITIONS).map(assign).collect(),
            ..Default::default()
        }],
        timeout_ms: 5000,
        ..Default::default()
    };
    cluster.request(n, 7, &request);
    cluster.run(Span::seconds(5));
    cluster.at(cluster.now, Event::Produce);
    cluster.at(cluster.now, Event::Trouble);
    cluster.run(Span::seconds(60));
    cluster.verdict()
}

#[test]
fn nothing_acknowledged_is_lost_whatever_happens_to_processes_and_links() {
    for seed in 0..SEEDS {
        let verdict = world(seed, Loss::Nothing, vec![("min.insync.replicas", "2")]);
        assert_eq!((verdict.lost, verdict.differ), (0, 0), "seed {seed}");
        assert!(verdict.acknowledged > 20, "seed {seed}: only {} were acknowledged", verdict.acknowledged);
    }
}

#[test]
fn the_search_finds_what_careless_settings_lose() {
    let careless = vec![("min.insync.replicas", "1"), ("unclean.leader.election.enable", "true")];
    let found: usize = (0..SEEDS)
        .map(|seed| world(seed, Loss::Unsynced, careless.clone()))
        .map(|verdict| verdict.lost + verdict.differ)
        .sum();
    assert!(found > 0, "a checker that finds nothing here finds nothing");
}
