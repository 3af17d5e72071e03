//! Controllers over one small tree: transcripts for one, properties for several that crash.

use super::*;
use bytes::Bytes;
use cluster::znodes::{Registration, Replicas, TopicNode, encode_controller_epoch};
use cluster::{TopicId, path};
use std::collections::VecDeque;
use zookeeper_wire::{MultiOp, Stat, Zxid};

/// A tree that executes what controllers and tests ask for.
#[derive(Default)]
struct Tree {
    nodes: BTreeMap<String, (Bytes, Stat)>,
    zxid: i64,
    /// Paths that changed, for every node's view to read.
    log: Vec<String>,
}

impl Tree {
    fn apply(&mut self, session: i64, op: &MultiOp) -> Result<MultiResult, ErrorCode> {
        let zxid = Zxid(self.zxid);
        let version_fits = |stat: &Stat, wanted: i32| wanted == -1 || wanted == stat.version;
        match op {
            MultiOp::Create(create) => {
                if self.nodes.contains_key(&create.path) {
                    return Err(ErrorCode::NODE_EXISTS);
                }
                let parent = create.path.rsplit_once('/').unwrap().0;
                if parent.starts_with(path::TOPICS)
                    && parent != path::TOPICS
                    && !self.nodes.contains_key(parent)
                {
                    return Err(ErrorCode::NO_NODE);
                }
                let owner = if create.flags == 1 { session } else { 0 };
                let stat =
                    Stat { czxid: zxid, mzxid: zxid, ephemeral_owner: SessionId(owner), ..Stat::default() };
                self.nodes.insert(create.path.clone(), (create.data.clone().unwrap_or_default(), stat));
                Ok(MultiResult::Create(create.path.clone()))
            }
            MultiOp::SetData(set) => {
                let (data, stat) = self.nodes.get_mut(&set.path).ok_or(ErrorCode::NO_NODE)?;
                if !version_fits(stat, set.version) {
                    return Err(ErrorCode::BAD_VERSION);
                }
                *data = set.data.clone().unwrap_or_default();
                stat.version += 1;
                Ok(MultiResult::SetData(*stat))
            }
            MultiOp::Delete(delete) => {
                let (_, stat) = self.nodes.get(&delete.path).ok_or(ErrorCode::NO_NODE)?;
                if !version_fits(stat, delete.version) {
                    return Err(ErrorCode::BAD_VERSION);
                }
                let below = format!("{}/", delete.path);
                if self.nodes.keys().any(|path| path.starts_with(&below)) {
                    return Err(ErrorCode::NOT_EMPTY);
                }
                self.nodes.remove(&delete.path);
                Ok(MultiResult::Delete)
            }
            MultiOp::Check(check) => {
                let (_, stat) = self.nodes.get(&check.path).ok_or(ErrorCode::NO_NODE)?;
                version_fits(stat, check.version).then_some(MultiResult::Check).ok_or(ErrorCode::BAD_VERSION)
            }
            other => panic!("{other:?}"),
        }
    }

    fn execute(&mut self, session: i64, request: &Request) -> Result<Response, ErrorCode> {
        self.zxid += 1;
        let ops = match request {
            Request::Multi(ops) => ops.clone(),
            Request::Create(create) => vec![MultiOp::Create(create.clone())],
            Request::SetData(set) => vec![MultiOp::SetData(set.clone())],
            Request::Delete(delete) => vec![MultiOp::Delete(delete.clone())],
            other => panic!("{other:?}"),
        };
        let before = self.nodes.clone();
        let mut results = Vec::new();
        for (index, op) in ops.iter().enumerate() {
            match self.apply(session, op) {
                Ok(result) => results.push(result),
                Err(error) => {
                    self.nodes = before;
                    if !matches!(request, Request::Multi(_)) {
                        return Err(error);
                    }
                    let code = |at: usize| match at.cmp(&index) {
                        std::cmp::Ordering::Less => ErrorCode::OK,
                        std::cmp::Ordering::Equal => error,
                        std::cmp::Ordering::Greater => ErrorCode::RUNTIME_INCONSISTENCY,
                    };
                    let results = (0..ops.len()).map(|at| MultiResult::Error(code(at)));
                    return Ok(Response::Multi(results.collect()));
                }
            }
        }
        self.log
            .extend(ops.iter().filter(|op| !matches!(op, MultiOp::Check(_))).map(|op| op.path().to_string()));
        Ok(match request {
            Request::Multi(_) => Response::Multi(results),
            _ => Response::Empty,
        })
    }

    fn put(&mut self, path: &str, data: Bytes, owner: i64) {
        self.zxid += 1;
        let zxid = Zxid(self.zxid);
        let fresh = Stat { czxid: zxid, ephemeral_owner: SessionId(owner), version: -1, ..Stat::default() };
        let (old, stat) = self.nodes.entry(path.to_string()).or_insert((Bytes::new(), fresh));
        *old = data;
        stat.version += 1;
        self.log.push(path.to_string());
    }

    fn expire(&mut self, session: i64) {
        self.zxid += 1;
        let gone = self.nodes.iter().filter(|(_, (_, stat))| stat.ephemeral_owner.0 == session);
        let gone: Vec<String> = gone.map(|(path, _)| path.clone()).collect();
        for path in gone {
            self.nodes.remove(&path);
            self.log.push(path);
        }
    }
}

/// One broker: a controller, its view, and its session.
struct Node {
    controller: Controller,
    cluster: Cluster,
    session: i64,
    /// How much of the tree's log the view has seen.
    seen: usize,
    asked: VecDeque<(Ask, Request)>,
    effects: Vec<String>,
    stops: Vec<(Arc<str>, i32, BrokerId)>,
}

impl Node {
    fn new(id: i32, session: i64) -> Node {
        Node {
            controller: Controller::new(BrokerId(id), 1),
            cluster: Cluster::new(),
            session,
            seen: 0,
            asked: VecDeque::new(),
            effects: Vec::new(),
            stops: Vec::new(),
        }
    }

    fn step(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.controller.step(&self.cluster, input, &mut effects);
        for effect in effects {
            match effect {
                Effect::Ask { ask, request } => self.asked.push_back((ask, request)),
                Effect::StopReplica { to, partitions, .. } => {
                    for stop in partitions {
                        self.effects.push(format!("stop {} {}-{}", to, stop.topic, stop.partition));
                        self.stops.push((stop.topic, stop.partition, to));
                    }
                }
                Effect::LeaderAndIsr { to, partitions, .. } => {
                    for p in partitions {
                        let new = if p.is_new { " new" } else { "" };
                        let (leader, epoch) = (p.state.leader, p.state.leader_epoch.0);
                        let topic = p.topic;
                        self.effects.push(format!(
                            "tell {to} {topic}-{} led by {leader} epoch {epoch}{new}",
                            p.partition
                        ));
                    }
                }
                Effect::Elected(epoch) => self.effects.push(format!("elected {epoch}")),
                Effect::Resigned => self.effects.push("resigned".into()),
                Effect::Altered { token, result } => {
                    let words = match result {
                        Err(error) => error.name().to_string(),
                        Ok(all) => {
                            let word = |one: &Altered| match &one.result {
                                Ok((state, version)) => format!("{:?} v{}", state.isr, version.0),
                                Err(error) => error.name().to_string(),
                            };
                            all.iter().map(word).collect::<Vec<_>>().join(", ")
                        }
                    };
                    self.effects.push(format!("altered {token}: {words}"));
                }
                Effect::ElectionsHeld { token, result } => {
                    self.effects.push(format!("held {token}: {result:?}"))
                }
                Effect::Note(note) => self.effects.push(note),
            }
        }
    }

    /// Reads everything anew, as after a reconnect.
    fn load(&mut self, tree: &Tree) {
        self.cluster = Cluster::new();
        for (path, (data, stat)) in &tree.nodes {
            self.cluster.observe(path, Some((data, stat))).unwrap();
        }
        self.seen = tree.log.len();
        self.step(Input::Ready { session: SessionId(self.session), wall_ms: 5 });
    }

    fn see_one(&mut self, tree: &Tree) -> bool {
        let Some(path) = tree.log.get(self.seen) else { return false };
        self.seen += 1;
        let found = tree.nodes.get(path).map(|(data, stat)| (&data[..], stat));
        if let Ok(Some(change)) = self.cluster.observe(path, found) {
            self.step(Input::Changed(change));
        }
        true
    }

    fn execute_one(&mut self, tree: &mut Tree) -> bool {
        let Some((ask, request)) = self.asked.pop_front() else { return false };
        let answer = tree.execute(self.session, &request);
        self.step(Input::Answered { ask, answer });
        true
    }

    fn settle(&mut self, tree: &mut Tree) -> String {
        loop {
            while self.execute_one(tree) || self.see_one(tree) {}
            match self.stops.pop() {
                Some((topic, partition, broker)) => {
                    self.step(Input::ReplicaDeleted { topic, partition, broker });
                }
                None => return std::mem::take(&mut self.effects).join("\n"),
            }
        }
    }
}

fn register(tree: &mut Tree, id: i32, session: i64) {
    let registration = Registration {
        endpoints: vec![],
        rack: None,
        jmx_port: -1,
        timestamp_ms: 0,
        features: BTreeMap::new(),
    };
    tree.put(&path::broker(BrokerId(id)), registration.encode(), session);
}

fn topic(tree: &mut Tree, name: &str, replicas: &[&[i32]]) {
    let list = |ids: &&[i32]| Replicas::settled(ids.iter().copied().map(BrokerId).collect());
    let partitions = replicas.iter().enumerate().map(|(p, ids)| (p as i32, list(ids))).collect();
    tree.put(&path::topic(name), TopicNode { id: Some(TopicId([9; 16])), partitions }.encode(), 0);
}

fn state(tree: &Tree, topic: &str, partition: i32) -> String {
    let (data, stat) = &tree.nodes[&path::partition_state(topic, partition)];
    format!("{} v{}", String::from_utf8_lossy(data), stat.version)
}

fn one_broker() -> (Tree, Node) {
    let mut tree = Tree::default();
    register(&mut tree, 0, 100);
    let mut node = Node::new(0, 100);
    node.load(&tree);
    assert_eq!(node.settle(&mut tree), "elected 1");
    (tree, node)
}

#[test]
fn the_first_broker_is_elected_and_leads_what_appears() {
    let (mut tree, mut node) = one_broker();
    assert_eq!(tree.nodes[path::CONTROLLER_EPOCH].0, "1");
    let text = r#"{"version":2,"brokerid":0,"timestamp":"5","kraftControllerEpoch":-1}"#;
    assert_eq!(tree.nodes[path::CONTROLLER].0, text);

    topic(&mut tree, "t", &[&[0], &[0]]);
    assert_eq!(
        node.settle(&mut tree),
        "tell 0 t-0 led by 0 epoch 0 new\n\
         tell 0 t-1 led by 0 epoch 0 new"
    );
    assert_eq!(
        state(&tree, "t", 1),
        r#"{"controller_epoch":1,"leader":0,"version":1,"leader_epoch":0,"isr":[0]} v0"#
    );

    topic(&mut tree, "t", &[&[0], &[0], &[0]]);
    assert_eq!(node.settle(&mut tree), "tell 0 t-2 led by 0 epoch 0 new", "growth");
}

#[test]
fn a_topic_is_deleted_after_its_replicas_said_so() {
    let (mut tree, mut node) = one_broker();
    topic(&mut tree, "t", &[&[0]]);
    tree.put(&path::topic_config("t"), Bytes::new(), 0);
    node.settle(&mut tree);
    tree.put(&path::delete_topic("t"), Bytes::new(), 0);
    assert!(node.see_one(&tree));
    assert_eq!(node.effects, ["stop 0 t-0"]);
    assert!(node.asked.is_empty(), "not before the replica is gone");
    assert_eq!(node.settle(&mut tree), "stop 0 t-0\ntopic t is deleted");
    let left: Vec<_> = tree.nodes.keys().filter(|path| path.contains("/t")).collect();
    assert!(left.is_empty(), "{left:?}");
    // A wish for a topic that does not exist is taken back.
    tree.put(&path::delete_topic("nope"), Bytes::new(), 0);
    node.settle(&mut tree);
    assert!(!tree.nodes.contains_key("/admin/delete_topics/nope"));
}

#[test]
fn half_made_and_half_deleted_topics_are_finished() {
    let (mut tree, mut node) = one_broker();
    topic(&mut tree, "t", &[&[0], &[0], &[0]]);
    // What a controller that writes one znode at a time leaves when it dies.
    tree.put(&path::partitions("t"), Bytes::new(), 0);
    tree.put(&path::partition("t", 1), Bytes::new(), 0);
    node.settle(&mut tree);
    for partition in 0..3 {
        assert!(state(&tree, "t", partition).ends_with("v0"));
    }
    let view = node.cluster.partitions("t").filter(|(_, view)| view.state.is_some()).count();
    assert_eq!(view, 3);

    tree.nodes.remove(&path::partition_state("t", 0));
    tree.put(&path::delete_topic("t"), Bytes::new(), 0);
    node.settle(&mut tree);
    assert!(!tree.nodes.contains_key("/brokers/topics/t"));
    assert!(!tree.nodes.contains_key("/admin/delete_topics/t"));
}

#[test]
fn a_replica_is_new_only_to_a_broker_that_cannot_have_held_it() {
    let (mut tree, mut node) = one_broker();
    register(&mut tree, 1, 200);
    topic(&mut tree, "t", &[&[0]]);
    node.settle(&mut tree);
    // A reassignment adds a replica: new there, and nowhere else.
    let ids = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect::<Vec<_>>();
    let moving = Replicas { all: ids(&[0, 1]), adding: ids(&[1]), removing: Vec::new() };
    let assignment = TopicNode { id: Some(TopicId([9; 16])), partitions: BTreeMap::from([(0, moving)]) };
    tree.put(&path::topic("t"), assignment.encode(), 0);
    assert_eq!(
        node.settle(&mut tree),
        "tell 0 t-0 led by 0 epoch 1\n\
         tell 1 t-0 led by 0 epoch 1 new"
    );
    // In its next life the broker may hold it, and the next controller cannot know either.
    tree.expire(200);
    node.settle(&mut tree);
    register(&mut tree, 1, 201);
    assert_eq!(node.settle(&mut tree), "tell 1 t-0 led by 0 epoch 1");
    tree.expire(100);
    let mut node = Node::new(0, 101);
    register(&mut tree, 0, 101);
    node.load(&tree);
    let told = node.settle(&mut tree);
    assert!(
        told.starts_with("elected 2\ntell 0 t-0 led by 0 epoch 1\ntell 1 t-0 led by 0 epoch 1\n"),
        "{told}"
    );
}

#[test]
fn a_restart_keeps_leaders_and_their_epochs() {
    let (mut tree, mut node) = one_broker();
    topic(&mut tree, "t", &[&[0]]);
    node.settle(&mut tree);
    tree.expire(100);
    let mut node = Node::new(0, 101);
    register(&mut tree, 0, 101);
    node.load(&tree);
    assert_eq!(node.settle(&mut tree), "elected 2\ntell 0 t-0 led by 0 epoch 0");
    assert!(state(&tree, "t", 0).ends_with("v0"), "nothing was rewritten");
}

#[test]
fn the_office_ends_with_the_session_and_is_won_again() {
    let (mut tree, mut node) = one_broker();
    tree.expire(100);
    node.step(Input::SessionLost);
    assert_eq!(node.effects, ["resigned"]);
    node.effects.clear();
    node.session = 101;
    register(&mut tree, 0, 101);
    node.load(&tree);
    assert_eq!(node.settle(&mut tree), "elected 2");
}

#[test]
fn a_victory_whose_answer_was_lost_is_recognized() {
    let mut tree = Tree::default();
    tree.put(path::CONTROLLER_EPOCH, encode_controller_epoch(ControllerEpoch(7)), 0);
    register(&mut tree, 0, 100);
    let mut node = Node::new(0, 100);
    node.load(&tree);
    let (ask, request) = node.asked.pop_front().unwrap();
    tree.execute(100, &request).unwrap();
    node.step(Input::Answered { ask, answer: Err(ErrorCode::CONNECTION_LOSS) });
    assert_eq!(node.controller.epoch(), None);
    node.load(&tree);
    assert_eq!(node.settle(&mut tree), "elected 8");
    assert_eq!(node.controller.fence(), Some(Fence(1)));
}

#[test]
fn another_controller_fences_the_old_one() {
    let (mut tree, mut old) = one_broker();
    topic(&mut tree, "t", &[&[0]]);
    old.settle(&mut tree);
    // Its session is over, but it does not know; another is elected.
    tree.nodes.remove(path::CONTROLLER);
    register(&mut tree, 1, 200);
    let mut new = Node::new(1, 200);
    new.load(&tree);
    new.settle(&mut tree);
    assert_eq!(new.controller.epoch(), Some(ControllerEpoch(2)));
    // The old one sees a topic before it sees its successor.
    let name: Arc<str> = Arc::from("u");
    topic(&mut tree, "u", &[&[0]]);
    let (data, stat) = tree.nodes[&path::topic("u")].clone();
    old.cluster.observe(&path::topic("u"), Some((&data, &stat))).unwrap();
    old.step(Input::Changed(Change::Topic(name)));
    assert!(old.execute_one(&mut tree));
    assert_eq!(old.effects, ["a newer controller exists: resigning", "resigned"]);
    assert!(!tree.nodes.contains_key("/brokers/topics/u/partitions/0/state"), "not a byte was written");
}

#[test]
fn a_lost_broker_is_replaced_and_told_when_it_is_back() {
    let (mut tree, mut node) = one_broker();
    register(&mut tree, 1, 200);
    topic(&mut tree, "t", &[&[1, 0], &[1]]);
    node.settle(&mut tree);
    tree.expire(200);
    assert_eq!(
        node.settle(&mut tree),
        "tell 0 t-0 led by 0 epoch 1",
        "partition 1 has nobody else: no leader, and nobody to tell"
    );
    let isr = r#""leader":-1,"version":1,"leader_epoch":1,"isr":[1]} v1"#;
    assert!(state(&tree, "t", 1).ends_with(isr), "{}", state(&tree, "t", 1));
    register(&mut tree, 1, 201);
    assert_eq!(
        node.settle(&mut tree),
        "tell 1 t-0 led by 0 epoch 1\n\
         tell 1 t-1 led by -1 epoch 1\n\
         tell 1 t-1 led by 1 epoch 2"
    );
}

#[test]
fn replicas_on_a_failed_disk_are_replaced_until_their_broker_begins_anew() {
    let (mut tree, mut node) = one_broker();
    register(&mut tree, 1, 200);
    node.settle(&mut tree);
    topic(&mut tree, "t", &[&[1, 0], &[0, 1], &[1, 0]]);
    node.settle(&mut tree);
    // Broker 1 says that a directory failed; it is asked what was in it, and the note is taken away.
    let note = format!("{}0000000000", cluster::znodes::LogDirEvent::PREFIX);
    let event = cluster::znodes::LogDirEvent { broker: BrokerId(1) };
    tree.put(&note, event.encode(), 0);
    let told = node.settle(&mut tree);
    assert_eq!(told.lines().filter(|line| line.starts_with("tell 1 t-")).count(), 3, "{told}");
    assert!(!tree.nodes.contains_key(&note));
    let failed = |partitions: &[i32]| Input::ReplicasFailed {
        broker: BrokerId(1),
        partitions: partitions.iter().map(|partition| ("t".into(), *partition)).collect(),
    };
    node.step(failed(&[0, 1]));
    node.settle(&mut tree);
    let told = [0, 1, 2].map(|partition| state(&tree, "t", partition));
    let shows = |partition: usize, leader: &str, isr: &str| {
        told[partition].contains(&format!("\"leader\":{leader},"))
            && told[partition].contains(&format!("\"isr\":{isr}"))
    };
    assert!(shows(0, "0", "[0]") && shows(1, "0", "[0]") && shows(2, "1", "[1,0]"), "{told:?}");
    // Said again, it changes nothing.
    node.step(failed(&[0, 1]));
    assert_eq!(node.settle(&mut tree), "");
}

#[test]
fn a_topic_without_an_id_gets_one() {
    let (mut tree, mut node) = one_broker();
    tree.put(&path::topic("old"), Bytes::from_static(br#"{"version":1,"partitions":{"0":[0]}}"#), 0);
    assert_eq!(node.settle(&mut tree), "tell 0 old-0 led by 0 epoch 0 new");
    let node = TopicNode::decode(&tree.nodes[&path::topic("old")].0).unwrap();
    assert!(node.id.is_some());
}

/// Three brokers that crash, pause and lose answers: the tree ends up in order.
#[test]
fn duties_are_done_in_the_end_whatever_happens_on_the_way() {
    for seed in 0..100 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut tree = Tree::default();
        let mut next_session = 100;
        let mut nodes: Vec<Node> = Vec::new();
        for id in 0..3 {
            register(&mut tree, id, next_session);
            nodes.push(Node::new(id, next_session));
            next_session += 1;
        }
        for node in &mut nodes {
            node.load(&tree);
        }
        let mut terms: BTreeMap<i32, i32> = BTreeMap::new();
        for round in 0..400 {
            let quiet = round >= 300;
            let who = rng.usize(..3);
            match rng.u32(..30) {
                0 if !quiet => {
                    let name = ["a", "b", "c"][rng.usize(..3)];
                    let replicas: Vec<Vec<i32>> = (0..rng.usize(1..4))
                        .map(|_| {
                            let first = rng.i32(0..3);
                            vec![first, (first + 1) % 3]
                        })
                        .collect();
                    let lists: Vec<&[i32]> = replicas.iter().map(Vec::as_slice).collect();
                    if !tree.nodes.contains_key(&path::topic(name)) {
                        topic(&mut tree, name, &lists);
                    }
                }
                1 if !quiet => {
                    let name = ["a", "b", "c"][rng.usize(..3)];
                    tree.put(&path::delete_topic(name), Bytes::new(), 0);
                }
                2 if !quiet => {
                    // A crash, or an expiry: nothing under way is answered.
                    let node = &mut nodes[who];
                    tree.expire(node.session);
                    node.asked.clear();
                    node.stops.clear();
                    node.step(Input::SessionLost);
                    node.session = next_session;
                    next_session += 1;
                    register(&mut tree, who as i32, node.session);
                    node.load(&tree);
                }
                3 if !quiet => {
                    // The connection breaks: requests happened, or did not, and nobody knows.
                    let node = &mut nodes[who];
                    let asked: Vec<_> = node.asked.drain(..).collect();
                    let happened = rng.usize(..=asked.len());
                    for (index, (ask, request)) in asked.into_iter().enumerate() {
                        if index < happened {
                            let _ = tree.execute(node.session, &request);
                        }
                        node.step(Input::Answered { ask, answer: Err(ErrorCode::CONNECTION_LOSS) });
                    }
                    node.asked.clear();
                    node.stops.clear();
                    node.load(&tree);
                }
                4..=12 => drop(nodes[who].execute_one(&mut tree)),
                13..=24 => drop(nodes[who].see_one(&tree)),
                _ => {
                    if let Some((topic, partition, broker)) = nodes[who].stops.pop() {
                        nodes[who].step(Input::ReplicaDeleted { topic, partition, broker });
                    }
                }
            }
            for (id, node) in nodes.iter_mut().enumerate() {
                for line in node.effects.drain(..) {
                    if let Some(epoch) = line.strip_prefix("elected ") {
                        let before = terms.insert(epoch.parse().unwrap(), id as i32);
                        assert!(before.is_none_or(|other| other == id as i32), "epoch {epoch}: seed {seed}");
                    }
                }
            }
        }
        // The last word is that of the regular look at everything: a wish that came and went and came
        // again between two reads of a view is no change to it.
        for round in 0..10 {
            for node in &mut nodes {
                node.settle(&mut tree);
                if round == 5 {
                    node.load(&tree);
                }
            }
        }
        let held: Vec<_> = nodes.iter().filter_map(|node| node.controller.epoch()).collect();
        assert_eq!(held.len(), 1, "one controller: seed {seed}");
        let mut view = Cluster::new();
        for (path, (data, stat)) in &tree.nodes {
            view.observe(path, Some((data, stat))).unwrap();
        }
        assert_eq!(view.controller_epoch().map(|(epoch, _)| epoch), Some(held[0]));
        assert!(view.deleting().is_empty(), "seed {seed}: {:?}", view.deleting());
        for name in view.topics().keys() {
            for (partition, p) in view.partitions(name) {
                let place = format!("{name}-{partition}, seed {seed}");
                let (state, _) = p.state.unwrap_or_else(|| panic!("{place} has no state"));
                assert!(view.is_live(state.leader), "{place} has no leader");
                assert!(state.isr.contains(&state.leader), "{place}");
            }
        }
    }
}
