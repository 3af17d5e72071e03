//! A broker joins, leaves and comes back, over a scripted keeper.

use std::collections::VecDeque;

use clock::{Now, Span};
use cluster::path;
use disk::MemoryDisk;
use kafka_wire::ErrorCode;
use kafka_wire::message::create_topics::{CreatableTopic, CreateTopicsRequest};
use zookeeper_wire::{ErrorCode as KeeperError, Request};

use super::Joined;
use crate::limits::{KEEPER_RETRY, REGISTRATION_CONFLICT_WAIT};
use crate::testing::{World, settings};
use crate::{Broker, Effect, Event, Input, KeeperInput};

fn create_topic(world: &mut World, name: &str) {
    let topic =
        CreatableTopic { name: name.into(), num_partitions: 2, replication_factor: 1, ..Default::default() };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 1000, validate_only: false };
    assert_eq!(world.call(7, &request).topics[0].error_code, ErrorCode::NONE);
}

#[test]
fn a_first_broker_makes_the_cluster_and_leads_it() {
    let world = World::new();
    let keeper = &world.keeper;
    assert!(keeper.text("/cluster/id").unwrap().starts_with(r#"{"version":"1","id":""#));
    let text = keeper.text("/brokers/ids/0").unwrap();
    assert!(text.contains(r#""endpoints":["PLAINTEXT://broker.test:9092"]"#), "{text}");
    assert_eq!(keeper.text("/controller_epoch").as_deref(), Some("1"));
    assert!(keeper.text("/controller").unwrap().contains(r#""brokerid":0"#));
    assert_eq!(keeper.text("/feature").as_deref(), Some(r#"{"features":{},"version":2,"status":1}"#));
    for path in path::PERSISTENT {
        assert!(keeper.text(path).is_some(), "{path}");
    }
    let ready =
        world.events.iter().filter(|event| matches!(event, Event::Ready { broker_id: 0, .. })).count();
    assert_eq!(ready, 1, "{:?}", world.events);
}

#[test]
fn a_restart_finds_its_cluster_and_topics_again() {
    let mut world = World::new();
    create_topic(&mut world, "t");
    let id = world.keeper.text("/cluster/id");
    let disk: MemoryDisk = world.disk.clone();
    let mut world = world.restart(disk);
    assert_eq!(world.keeper.text("/cluster/id"), id);
    assert_eq!(world.keeper.text("/controller_epoch").as_deref(), Some("2"));
    let topic = world.broker.membership.metadata().topic("t").cloned().unwrap();
    assert!(topic.partitions.iter().all(|partition| partition.leader.0 == 0));
    create_topic(&mut world, "u");
}

#[test]
fn an_expired_session_is_joined_anew_and_clients_notice_nothing() {
    let mut world = World::new();
    create_topic(&mut world, "t");
    let epoch = world.broker.membership.epoch().unwrap();
    world.keeper.expire();
    world.step(Input::Keeper(KeeperInput::Disconnected));
    world.step(Input::Keeper(KeeperInput::Expired));
    assert!(world.broker.membership.metadata().topic("t").is_some(), "the view stays while nobody tells");
    let session = world.keeper.session();
    world.step(Input::Keeper(KeeperInput::Connected { session }));
    assert!(world.keeper.text("/brokers/ids/0").is_some());
    assert_eq!(world.keeper.text("/controller_epoch").as_deref(), Some("2"));
    assert!(world.broker.membership.epoch().unwrap() > epoch);
    create_topic(&mut world, "u");
}

#[test]
fn a_lost_connection_changes_nothing() {
    let mut world = World::new();
    create_topic(&mut world, "t");
    world.step(Input::Keeper(KeeperInput::Disconnected));
    let session = world.keeper.session();
    world.step(Input::Keeper(KeeperInput::Connected { session }));
    assert_eq!(world.keeper.text("/controller_epoch").as_deref(), Some("1"));
    create_topic(&mut world, "u");
}

#[test]
fn a_registration_removed_by_a_foreign_hand_is_made_again() {
    let mut world = World::new();
    let delete = zookeeper_wire::DeleteRequest { path: "/brokers/ids/0".into(), version: -1 };
    world.keeper.serve(Request::Delete(delete)).unwrap();
    let event = world.keeper.events.pop_back().unwrap();
    world.step(Input::Keeper(KeeperInput::Watch(event)));
    world.pass(KEEPER_RETRY);
    assert!(world.keeper.text("/brokers/ids/0").is_some());
    create_topic(&mut world, "t");
}

/// A broker whose asks are answered by hand.
struct Bare {
    broker: Broker<MemoryDisk>,
    now: u64,
    halted: Option<String>,
    asked: VecDeque<(crate::AskToken, Request)>,
}

impl Bare {
    fn new(disk: MemoryDisk) -> Bare {
        let broker = Broker::open(Now::at_ms(1_000_000), settings(), disk, 7).unwrap();
        Bare { broker, now: 1_000_000, halted: None, asked: VecDeque::new() }
    }

    fn step(&mut self, input: Input) {
        let (now, mut effects) = (Now::at_ms(self.now), Vec::new());
        self.broker.step(now, input, &mut effects);
        self.broker.turn_ended(now, &mut effects);
        for effect in effects {
            match effect {
                Effect::Ask { token, request } => self.asked.push_back((token, request)),
                Effect::Halt { reason } => self.halted = Some(reason),
                _ => {}
            }
        }
    }

    /// Lets the keeper of `world` answer everything.
    fn serve(&mut self, world: &mut World) {
        while let Some((token, request)) = self.asked.pop_front() {
            let result = world.keeper.serve(request);
            while let Some(event) = world.keeper.events.pop_front() {
                self.step(Input::Keeper(KeeperInput::Watch(event)));
            }
            self.step(Input::Keeper(KeeperInput::Answered { token, result }));
        }
    }

    fn pass(&mut self, span: Span, world: &mut World) {
        let end = self.now + span.as_ms();
        while let Some(at) = self.broker.deadline().filter(|at| at.as_ms() <= end) {
            self.now = self.now.max(at.as_ms());
            self.step(Input::Woken);
            self.serve(world);
        }
        self.now = end;
    }

    fn is_registered(&self) -> bool {
        self.broker.membership.joined == Joined::Registered
    }
}

#[test]
fn after_a_crash_the_old_registration_is_taken_over_at_once() {
    let mut world = World::new();
    create_topic(&mut world, "t");
    // The process is gone; its session has not timed out.
    world.keeper.begin_another_session();
    let mut next = Bare::new(world.disk.clone());
    let session = world.keeper.session();
    next.step(Input::Keeper(KeeperInput::Connected { session }));
    next.serve(&mut world);
    assert!(next.is_registered());
    assert!(next.broker.membership.controller().epoch().is_some(), "the stale /controller went, too");
    assert_eq!(world.keeper.text("/controller_epoch").as_deref(), Some("2"));
}

#[test]
fn another_live_broker_of_the_same_id_is_waited_for_and_then_named() {
    let mut world = World::new();
    world.keeper.begin_another_session();
    // Other log directories: nothing says that the old process is gone.
    let mut other = Bare::new(MemoryDisk::new());
    other.broker.membership.last_session = None;
    let session = world.keeper.session();
    other.step(Input::Keeper(KeeperInput::Connected { session }));
    // Its own log directories belong to no cluster yet, so it may join this one.
    other.serve(&mut world);
    assert!(!other.is_registered() && other.halted.is_none());
    other.pass(Span::ms(REGISTRATION_CONFLICT_WAIT.as_ms() + 1000), &mut world);
    let reason = other.halted.expect("it must not go on");
    assert!(reason.contains("broker.id 0") && reason.contains("PLAINTEXT://broker.test:9092"), "{reason}");
    assert!(world.keeper.text("/brokers/ids/0").is_some(), "the other's registration is untouched");
}

#[test]
fn log_directories_of_another_cluster_are_refused() {
    let world = World::new();
    let disk = world.disk.clone();
    // The same directories, an empty keeper.
    let mut elsewhere = World::new();
    elsewhere.keeper.expire();
    let data = Some(r#"{"version":"1","id":"another"}"#.into());
    let rename = zookeeper_wire::SetDataRequest { path: path::CLUSTER_ID.into(), data, version: -1 };
    elsewhere.keeper.serve(Request::SetData(rename)).unwrap();
    let mut lost = Bare::new(disk);
    let session = elsewhere.keeper.session();
    lost.step(Input::Keeper(KeeperInput::Connected { session }));
    lost.serve(&mut elsewhere);
    assert!(lost.halted.is_some_and(|reason| reason.contains("cluster")), "a broker must not mix clusters");
    assert!(!elsewhere.keeper.paths().any(|path| path == "/brokers/ids/0"));
}

#[test]
fn joining_survives_a_connection_that_breaks_at_every_step() {
    for broken in 0..60 {
        let mut world = World::new();
        world.keeper.expire();
        let mut broker = Bare::new(world.disk.clone());
        let session = world.keeper.session();
        broker.step(Input::Keeper(KeeperInput::Connected { session }));
        for _ in 0..broken {
            let Some((token, request)) = broker.asked.pop_front() else { break };
            let result = world.keeper.serve(request);
            broker.step(Input::Keeper(KeeperInput::Answered { token, result }));
        }
        // What is under way happens, and its answers are lost.
        broker.step(Input::Keeper(KeeperInput::Disconnected));
        for (token, request) in std::mem::take(&mut broker.asked) {
            let _ = world.keeper.serve(request);
            world.keeper.events.clear();
            let result = Err(KeeperError::CONNECTION_LOSS);
            broker.step(Input::Keeper(KeeperInput::Answered { token, result }));
        }
        broker.step(Input::Keeper(KeeperInput::Connected { session }));
        broker.serve(&mut world);
        broker.pass(Span::seconds(2), &mut world);
        assert!(broker.is_registered(), "after {broken}");
        assert!(broker.broker.membership.controller().epoch().is_some(), "after {broken}");
        assert_eq!(broker.halted, None);
    }
}

#[test]
fn a_keeper_before_3_6_is_watched_znode_by_znode() {
    let mut world = World::new();
    world.keeper.expire();
    world.keeper.is_old = true;
    let mut broker = Bare::new(MemoryDisk::new());
    // The cluster is the one that the other broker made; these directories are fresh.
    let session = world.keeper.session();
    broker.step(Input::Keeper(KeeperInput::Connected { session }));
    broker.serve(&mut world);
    assert!(broker.broker.membership.controller().epoch().is_some());
    // Another broker's admin writes a topic, grows it, configures it and deletes it.
    let create = |path: &str, data: &'static str| {
        let (data, acl) = (Some(data.into()), zookeeper_wire::Acl::open());
        Request::Create(zookeeper_wire::CreateRequest { path: path.into(), data, acl, flags: 0 })
    };
    let set = |path: &str, data: &'static str| {
        let data = Some(data.into());
        Request::SetData(zookeeper_wire::SetDataRequest { path: path.into(), data, version: -1 })
    };
    let mut write = |broker: &mut Bare, request: Request| {
        world.keeper.serve(request).unwrap();
        while let Some(event) = world.keeper.events.pop_front() {
            broker.step(Input::Keeper(KeeperInput::Watch(event)));
        }
        broker.serve(&mut world);
    };
    let led = |broker: &Bare| {
        let metadata = broker.broker.membership.metadata();
        let topic = metadata.topic("t").map(|topic| topic.partitions.clone()).unwrap_or_default();
        topic.iter().filter(|partition| partition.leader.0 == 0).count()
    };
    let one = r#"{"partitions":{"0":[0]},"topic_id":"vZZo1SEuT8q553djgf2JNw","version":3}"#;
    let two = r#"{"partitions":{"0":[0],"1":[0]},"topic_id":"vZZo1SEuT8q553djgf2JNw","version":3}"#;
    write(&mut broker, create("/brokers/topics/t", one));
    assert_eq!(led(&broker), 1);
    write(&mut broker, set("/brokers/topics/t", two));
    assert_eq!(led(&broker), 2);
    write(&mut broker, create("/config/topics/t", r#"{"version":1,"config":{"retention.ms":"5"}}"#));
    let retention = |broker: &Bare| broker.broker.replicas.config_of(&"t".into()).retention_ms;
    assert_eq!(retention(&broker), Some(5));
    write(&mut broker, set("/config/topics/t", r#"{"version":1,"config":{"retention.ms":"6"}}"#));
    assert_eq!(retention(&broker), Some(6));
    write(&mut broker, create("/admin/delete_topics/t", ""));
    assert_eq!(led(&broker), 0);
    assert!(broker.broker.membership.metadata().topic("t").is_none());
}
