//! The mirror against a small server with both kinds of watches: whatever is written, and however the
//! connection breaks in between, the view ends up equal to one read at leisure.

use super::*;
use crate::znodes::{
    ClusterId, ControllerNode, EntityConfig, PartitionState, Registration, Replicas, TopicNode,
    encode_controller_epoch,
};
use crate::{BrokerId, ControllerEpoch, LeaderEpoch, TopicId};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use zookeeper_wire::{SessionId, SessionState, Stat, Zxid};

/// A tree with watches and one client.
struct Server {
    nodes: BTreeMap<String, (Bytes, Stat)>,
    zxid: i64,
    knows_add_watch: bool,
    recursive: BTreeSet<String>,
    data: BTreeSet<String>,
    child: BTreeSet<String>,
    /// What goes to the client, in order.
    outgoing: VecDeque<Input>,
    incoming: VecDeque<(Read, Request)>,
}

impl Server {
    fn new(knows_add_watch: bool) -> Server {
        Server {
            nodes: BTreeMap::new(),
            zxid: 0,
            knows_add_watch,
            recursive: BTreeSet::new(),
            data: BTreeSet::new(),
            child: BTreeSet::new(),
            outgoing: VecDeque::new(),
            incoming: VecDeque::new(),
        }
    }

    fn fire(&mut self, kind: EventKind, path: &str) {
        let state = SessionState::SYNC_CONNECTED;
        self.outgoing.push_back(Input::Watch(WatcherEvent { kind, state, path: path.to_string() }));
    }

    fn changed(&mut self, kind: EventKind, path: &str) {
        let above = |root: &String| path == root || path.starts_with(&format!("{root}/"));
        let (data, recursive) = (self.data.remove(path), self.recursive.iter().any(above));
        if data || recursive {
            self.fire(kind, path);
        }
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent).to_string();
        if kind != EventKind::DATA_CHANGED && self.child.remove(&parent) {
            self.fire(EventKind::CHILDREN_CHANGED, &parent);
        }
    }

    fn put(&mut self, path: &str, data: Bytes) {
        self.zxid += 1;
        let zxid = Zxid(self.zxid);
        match self.nodes.get_mut(path) {
            Some((old, stat)) => {
                *old = data;
                stat.version += 1;
                stat.mzxid = zxid;
                self.changed(EventKind::DATA_CHANGED, path);
            }
            None => {
                let stat =
                    Stat { czxid: zxid, mzxid: zxid, ephemeral_owner: SessionId(1), ..Stat::default() };
                self.nodes.insert(path.to_string(), (data, stat));
                self.changed(EventKind::CREATED, path);
            }
        }
    }

    fn remove(&mut self, path: &str) {
        if self.nodes.remove(path).is_some() {
            self.zxid += 1;
            self.changed(EventKind::DELETED, path);
        }
    }

    fn serve_one(&mut self) -> bool {
        let Some((read, request)) = self.incoming.pop_front() else { return false };
        let answer = match request {
            Request::AddWatch(_) if !self.knows_add_watch => Err(ErrorCode::UNIMPLEMENTED),
            Request::AddWatch(add) => {
                self.recursive.insert(add.path);
                Ok(Response::AddWatch(0))
            }
            Request::GetChildren(PathWatch { path, watch }) => {
                let below = format!("{path}/");
                let names = self.nodes.keys().filter_map(|known| known.strip_prefix(&below));
                let names = names.filter(|name| !name.contains('/')).map(str::to_string).collect();
                if watch {
                    self.child.insert(path);
                }
                Ok(Response::Children(names))
            }
            Request::GetData(PathWatch { path, watch }) => match self.nodes.get(&path) {
                Some((data, stat)) => {
                    let answer = Ok(Response::Data(Some(data.clone()), *stat));
                    if watch {
                        self.data.insert(path);
                    }
                    answer
                }
                None => Err(ErrorCode::NO_NODE),
            },
            Request::Exists(PathWatch { path, watch }) => {
                let stat = self.nodes.get(&path).map(|(_, stat)| *stat);
                if watch {
                    self.data.insert(path);
                }
                stat.map(Response::Stat).ok_or(ErrorCode::NO_NODE)
            }
            other => panic!("{other:?}"),
        };
        self.outgoing.push_back(Input::Answered { read, answer });
        true
    }
}

struct Test {
    server: Server,
    mirror: Mirror,
    cluster: Cluster,
    changes: Vec<Change>,
    settled: usize,
}

impl Test {
    fn new(knows_add_watch: bool) -> Test {
        Test {
            server: Server::new(knows_add_watch),
            mirror: Mirror::default(),
            cluster: Cluster::new(),
            changes: Vec::new(),
            settled: 0,
        }
    }

    fn step(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.mirror.step(&mut self.cluster, input, &mut effects);
        for effect in effects {
            match effect {
                Effect::Ask { read, request } => self.server.incoming.push_back((read, request)),
                Effect::Changed(change) => self.changes.push(change),
                Effect::Settled => self.settled += 1,
                other => panic!("{other:?}"),
            }
        }
    }

    fn deliver_one(&mut self) -> bool {
        let Some(input) = self.server.outgoing.pop_front() else { return false };
        self.step(input);
        true
    }

    fn drain(&mut self) {
        while self.server.serve_one() || self.deliver_one() {}
        assert!(self.mirror.is_settled());
    }

    /// The connection breaks: what was under way is lost; one-shot watches are replayed by the server
    /// against what the client last saw, which a fresh read of everything stands for here.
    fn reconnect(&mut self) {
        let lost: Vec<_> = self.server.outgoing.drain(..).collect();
        let asked: Vec<_> = self.server.incoming.drain(..).map(|(read, _)| read).collect();
        self.step(Input::Disconnected);
        let mut replay = Vec::new();
        for input in lost {
            match input {
                Input::Answered { read, .. } => {
                    self.step(Input::Answered { read, answer: Err(ErrorCode::CONNECTION_LOSS) });
                }
                Input::Watch(event) if !self.server.recursive.is_empty() => drop(event),
                event => replay.push(event),
            }
        }
        for read in asked {
            self.step(Input::Answered { read, answer: Err(ErrorCode::CONNECTION_LOSS) });
        }
        self.step(Input::Resumed);
        for event in replay {
            self.step(event);
        }
    }

    /// The session is gone with its watches; another begins.
    fn expire(&mut self) {
        let lost: Vec<_> = self.server.outgoing.drain(..).collect();
        let asked: Vec<_> = self.server.incoming.drain(..).map(|(read, _)| read).collect();
        self.server.recursive.clear();
        self.server.data.clear();
        self.server.child.clear();
        let answered = lost.into_iter().filter_map(|input| match input {
            Input::Answered { read, .. } => Some(read),
            _ => None,
        });
        for read in answered.chain(asked).collect::<Vec<_>>() {
            self.step(Input::Answered { read, answer: Err(ErrorCode::SESSION_EXPIRED) });
        }
        self.step(Input::Disconnected);
        self.step(Input::Began);
    }

    fn assert_equal(&self) {
        let mut fresh = Cluster::new();
        for (path, (data, stat)) in &self.server.nodes {
            fresh.observe(path, Some((data, stat))).unwrap();
        }
        let (seen, there) = (show(&self.cluster), show(&fresh));
        for (seen, there) in seen.lines().zip(there.lines()) {
            assert_eq!(seen, there);
        }
        assert_eq!(seen.len(), there.len());
    }
}

/// Everything but the caches. Stats of deletion wishes are not looked at by anybody.
fn show(cluster: &Cluster) -> String {
    let mut text = format!(
        "{:?} {:?} {:?} {:?}\n{:?}\n",
        cluster.id(),
        cluster.controller(),
        cluster.controller_epoch(),
        cluster.deleting(),
        cluster.brokers()
    );
    for (name, topic) in cluster.topics() {
        let states: Vec<_> = cluster.partition_states(name).collect();
        text += &format!("{name} {topic:?} {states:?} {:?}\n", cluster.topic_name(topic.node.id.unwrap()));
    }
    text += &format!("{:?} {:?}", cluster.topic_configs(), cluster.broker_config(None));
    text
}

fn topic(partitions: i32, id: u8) -> Bytes {
    let replicas = |p| (p, Replicas::settled(vec![BrokerId(p % 3)]));
    TopicNode { id: Some(TopicId([id; 16])), partitions: (0..partitions).map(replicas).collect() }.encode()
}

fn state(leader: i32) -> Bytes {
    PartitionState {
        leader: BrokerId(leader),
        leader_epoch: LeaderEpoch(0),
        isr: vec![BrokerId(leader)],
        controller_epoch: ControllerEpoch(1),
        recovery: Default::default(),
    }
    .encode()
}

fn broker() -> Bytes {
    Registration { endpoints: vec![], rack: None, jmx_port: -1, timestamp_ms: 0, features: BTreeMap::new() }
        .encode()
}

/// Writes something that Kafka might write next.
fn write_something(server: &mut Server, rng: &mut fastrand::Rng) {
    let name = ["a", "b", "c"][rng.usize(..3)];
    let exists = server.nodes.contains_key(&path::topic(name));
    match rng.u32(..12) {
        0 => server.put(&path::broker(BrokerId(rng.i32(0..3))), broker()),
        1 => server.remove(&path::broker(BrokerId(rng.i32(0..3)))),
        2 => server.put(
            path::CONTROLLER,
            ControllerNode { broker: BrokerId(rng.i32(0..3)), timestamp_ms: 0, kraft_epoch: -1 }.encode(),
        ),
        3 => server.remove(path::CONTROLLER),
        4 => server.put(path::CONTROLLER_EPOCH, encode_controller_epoch(ControllerEpoch(rng.i32(1..9)))),
        5 | 6 if !exists => {
            server.put(&path::topic(name), topic(rng.i32(1..4), server.zxid as u8));
        }
        5..=8 if exists => {
            let planned = TopicNode::decode(&server.nodes[&path::topic(name)].0).unwrap().partitions.len();
            let partition = rng.i32(0..planned as i32);
            server.put(&path::partition_state(name, partition), state(rng.i32(0..3)));
        }
        9 if exists => {
            for partition in 0..3 {
                server.remove(&path::partition_state(name, partition));
            }
            server.remove(&path::topic(name));
        }
        10 => {
            let value = rng.u32(..5).to_string();
            let config = EntityConfig([("retention.ms".to_string(), value)].into());
            server.put(&path::topic_config(name), config.encode());
        }
        11 if rng.bool() => server.put(&path::delete_topic(name), Bytes::new()),
        _ => {
            server.remove(&path::topic_config(name));
            server.remove(&path::delete_topic(name));
        }
    }
}

#[test]
fn the_view_follows_the_tree_through_every_accident() {
    for seed in 0..200 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut test = Test::new(seed % 2 == 0);
        test.server.put(path::CLUSTER_ID, ClusterId("one".into()).encode());
        for _ in 0..rng.usize(..30) {
            write_something(&mut test.server, &mut rng);
        }
        test.step(Input::Began);
        for _ in 0..150 {
            match rng.u32(..40) {
                0..=9 => write_something(&mut test.server, &mut rng),
                10..=24 => drop(test.server.serve_one()),
                25..=37 => drop(test.deliver_one()),
                38 => test.reconnect(),
                _ => test.expire(),
            }
        }
        test.drain();
        test.assert_equal();
        let expect = if seed % 2 == 0 { Watching::Recursive } else { Watching::OneShot };
        assert_eq!(test.mirror.watching(), expect);
    }
}

#[test]
fn it_settles_once_and_again_after_each_change() {
    let mut test = Test::new(true);
    test.server.put(path::CLUSTER_ID, ClusterId("one".into()).encode());
    test.step(Input::Began);
    test.drain();
    assert_eq!(test.settled, 1);
    test.server.put(&path::topic("t"), topic(1, 9));
    assert!(test.deliver_one());
    assert!(!test.mirror.is_settled(), "the change is known of but not read");
    test.drain();
    assert_eq!(test.settled, 2);
    assert_eq!(test.changes, [Change::ClusterId, Change::Topic("t".into())]);
}

#[test]
fn a_malformed_znode_is_reported_and_changes_nothing() {
    let mut test = Test::new(true);
    test.server.put(&path::topic("t"), topic(1, 9));
    test.step(Input::Began);
    test.drain();
    let mut effects = Vec::new();
    test.server.put(&path::topic("t"), Bytes::from_static(b"{oops"));
    let event = test.server.outgoing.pop_front().unwrap();
    test.mirror.step(&mut test.cluster, event, &mut effects);
    let Effect::Ask { read, request } = effects.remove(0) else { panic!("{effects:?}") };
    test.server.incoming.push_back((read, request));
    test.server.serve_one();
    let answer = test.server.outgoing.pop_front().unwrap();
    test.mirror.step(&mut test.cluster, answer, &mut effects);
    assert!(
        matches!(&effects[0], Effect::Malformed { path, .. } if path == "/brokers/topics/t"),
        "{effects:?}"
    );
    assert_eq!(test.cluster.topic("t").unwrap().node.partitions.len(), 1);
}
