use std::collections::{BTreeMap, BTreeSet, VecDeque};

use clock::Now;
use zab::{Configuration, Ensemble, Recovered};
use znode::{Database, HashKey};
use zookeeper_wire::jute::Writer;
use zookeeper_wire::{Acl, ConnectRequest, CreateRequest, Request, SessionId, Xid};

use super::*;
use crate::border::{ConnectionId, Effect, Input};
use crate::metrics::Value;
use crate::{Keeper, KeeperConfig};

/// Members that hear each other. Whatever happens takes a millisecond.
struct World {
    members: BTreeMap<i64, Keeper>,
    now_ms: u64,
    queue: VecDeque<(i64, Input)>,
    /// Who has each end of a link; the other end has the same number but for its lowest bit.
    ends: BTreeMap<LinkId, i64>,
    /// Links that a snapshot is on for ever, and holds up what follows.
    busy: BTreeSet<LinkId>,
    /// Nobody reaches the port of a leader.
    deaf: bool,
    xid: i32,
}

impl World {
    /// Two voters and an observer; each begins with this transaction as its last.
    fn of(last: [Zxid; 3]) -> World {
        let lines =
            "server.1=a:1:2:participant\nserver.2=b:1:2:participant\nserver.3=c:1:2:observer\nversion=0";
        let members = (1..).zip(last).map(|(id, last)| {
            let ensemble = Ensemble {
                id: ServerId(id),
                configuration: Configuration::parse(lines).expect("a membership"),
                proposed: None,
                reconfigurable: false,
                tick: clock::Span::ms(1000),
                init_limit: 10,
                sync_limit: 5,
            };
            let (accepted_epoch, current_epoch) = (last.epoch(), last.epoch());
            let recovered = Recovered { last, accepted_epoch, current_epoch, ..Recovered::default() };
            let mut database = Database::new(HashKey(1), znode::ExtendedTypes::On);
            database.advance(last);
            let config = KeeperConfig { server_id: id, ..KeeperConfig::default() };
            (id, Keeper::member(config, ensemble, recovered, database, Now::at_ms(0), 7))
        });
        let members = members.collect();
        let (queue, ends, busy) = (VecDeque::new(), BTreeMap::new(), BTreeSet::new());
        World { members, now_ms: 0, queue, ends, busy, deaf: false, xid: 0 }
    }

    fn wait(&mut self, ms: u64) {
        let until = self.now_ms + ms;
        while self.now_ms < until {
            self.queue.extend(self.members.keys().map(|id| (*id, Input::Woken)));
            self.run();
            self.now_ms += 50;
        }
    }

    fn run(&mut self) {
        while let Some((id, input)) = self.queue.pop_front() {
            self.now_ms += 1;
            let mut effects = Vec::new();
            let member = self.members.get_mut(&id).expect("a member");
            member.step(Now::at_ms(self.now_ms), input, &mut effects);
            for effect in effects {
                self.carry_out(id, effect);
            }
        }
    }

    fn carry_out(&mut self, id: i64, effect: Effect) {
        let from = ServerId(id);
        let other = |link: LinkId| LinkId(link.0 ^ 1);
        match effect {
            Effect::Persist { entries } => {
                let upto = entries.last().expect("it has some").zxid;
                self.queue.push_back((id, Input::Persisted { upto }));
            }
            Effect::WriteEpochs { .. } => self.queue.push_back((id, Input::EpochsWritten)),
            Effect::Notify { to, notification } => {
                self.queue.push_back((to.0, Input::Notified { from, notification }));
            }
            Effect::Dial { server } if self.deaf => {
                self.queue.push_back((id, Input::DialFailed { server }));
            }
            Effect::Dial { server } => {
                let link = LinkId(self.ends.len() as u64);
                self.ends.extend([(link, id), (other(link), server.0)]);
                self.queue.push_back((id, Input::LinkUp { link, dialed: Some(server) }));
                self.queue.push_back((server.0, Input::LinkUp { link: other(link), dialed: None }));
            }
            Effect::SendSnapshot { link, .. } => drop(self.busy.insert(link)),
            Effect::SendPacket { link, .. } if self.busy.contains(&link) => {}
            Effect::SendPacket { link, packet } => {
                let link = other(link);
                self.queue.push_back((self.ends[&link], Input::Packet { link, packet }));
            }
            Effect::CloseLink { link } => {
                for link in [link, other(link)] {
                    self.queue.push_back((self.ends[&link], Input::LinkDown { link }));
                }
            }
            Effect::Halt { reason } => panic!("{reason}"),
            _ => {}
        }
    }

    fn client(&mut self, of: i64, session: SessionId) {
        let connection = ConnectionId(of as u64);
        let request = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: Zxid::ZERO,
            timeout_ms: 10_000,
            session,
            password: zookeeper_wire::session_password(session).to_vec().into(),
            read_only: Some(false),
        };
        let mut writer = Writer::new();
        request.encode(&mut writer);
        let peer = "10.0.0.1:5000".parse().expect("an address");
        self.queue.push_back((of, Input::Opened { connection, peer }));
        self.queue.push_back((of, Input::Received { connection, frame: writer.finish() }));
        self.run();
    }

    fn create(&mut self, of: i64) {
        self.xid += 1;
        let path = format!("/{}", self.xid);
        let request = Request::Create(CreateRequest { path, data: None, acl: Acl::open(), flags: 0 });
        let frame = request.frame(Xid(self.xid));
        self.queue.push_back((of, Input::Received { connection: ConnectionId(of as u64), frame }));
        self.run();
    }

    /// How many were counted, and their sum.
    fn seen(&self, of: i64, name: &str) -> (u64, u64) {
        let metrics = self.members[&of].metrics();
        let found = metrics.iter().find(|metric| metric.name == name);
        match found.map(|metric| &metric.value) {
            Some(Value::Counter(count)) => (*count, *count),
            Some(Value::Summary(summary)) => (summary.count(), summary.sum()),
            other => panic!("{name}: {other:?}"),
        }
    }

    #[track_caller]
    fn check(&self, name: &str, expect: [u64; 3]) {
        let seen = [1, 2, 3].map(|id| self.seen(id, name).0);
        assert_eq!(seen, expect, "{name}");
    }
}

#[test]
fn what_an_election_takes_is_counted_by_whom_it_concerns() {
    let mut world = World::of([Zxid::ZERO; 3]);
    world.wait(2000);
    let modes = [1, 2, 3].map(|id| world.members[&id].mode());
    assert_eq!(modes, ["follower", "leader", "observer"]);
    world.check("looking_count", [1, 1, 1]);
    world.check("election_time", [1, 1, 0]);
    world.check("unavailable_time", [1, 1, 1]);
    world.check("leader_unavailable_time", [0, 1, 0]);
    world.check("follower_sync_time", [1, 0, 0]);
    world.check("observer_sync_time", [0, 0, 1]);
    world.check("diff_count", [0, 2, 0]);
    // Each when it begins and when it ends.
    world.check("inflight_diff_count", [0, 4, 0]);
    world.check("snap_count", [0, 0, 0]);
    for (id, part) in [(1, "election_time"), (2, "election_time"), (1, "follower_sync_time")] {
        let (_, took) = world.seen(id, part);
        let (_, unavailable) = world.seen(id, "unavailable_time");
        assert!(0 < took && took < unavailable, "{part} of {id}: {took} of {unavailable}");
    }
    // The leader's links break; it is elected again.
    let ends: Vec<(LinkId, i64)> = world.ends.iter().map(|(link, id)| (*link, *id)).collect();
    world.queue.extend(ends.into_iter().map(|(link, id)| (id, Input::LinkDown { link })));
    world.wait(20_000);
    world.check("looking_count", [2, 2, 2]);
    world.check("leader_unavailable_time", [0, 2, 0]);
    world.check("unavailable_time", [2, 2, 2]);
}

#[test]
fn a_leader_that_a_voter_turns_away_from_gives_up() {
    let mut world = World::of([Zxid::ZERO; 3]);
    world.deaf = true;
    world.wait(3000);
    let (given_up, led) =
        (world.seen(2, "quit_leading_due_to_disloyal_voter").0, world.seen(2, "election_time").0);
    assert!(0 < given_up && given_up <= led, "{given_up} of {led}");
    world.check("unavailable_time", [0, 0, 0]);
    world.check("quit_leading_due_to_disloyal_voter", [0, given_up, 0]);
}

#[test]
fn a_learner_too_far_behind_is_sent_the_state() {
    let mut world = World::of([Zxid::ZERO, Zxid::new(1, 5), Zxid::new(1, 5)]);
    world.wait(1000);
    world.check("snap_count", [0, 1, 0]);
    world.check("inflight_snap_count", [0, 1, 0]);
    assert_eq!(world.seen(2, "inflight_snap_count").1, 1);
    assert_eq!(world.members[&1].peer().phase().to_string(), "following - synchronization - snap");
    assert_eq!(world.members[&2].peer().phase().to_string(), "leading - synchronization");
}

#[test]
fn the_way_of_a_transaction_is_timed_by_all_members() {
    let mut world = World::of([Zxid::ZERO; 3]);
    world.wait(2000);
    for id in 1..=3 {
        world.client(id, SessionId::NONE);
    }
    (0..7).for_each(|_| world.create(1));
    // Three sessions and seven znodes.
    world.check("proposal_count", [0, 10, 0]);
    world.check("learner_proposal_received_count", [10, 0, 0]);
    world.check("proposal_latency", [10, 0, 0]);
    world.check("learner_commit_received_count", [10, 0, 10]);
    world.check("commit_propagation_latency", [10, 0, 10]);
    world.check("proposal_ack_creation_latency", [10, 10, 0]);
    world.check("quorum_ack_latency", [0, 10, 0]);
    world.check("propagation_latency", [10, 10, 10]);
    world.check("stale_replies", [0, 0, 0]);
    let sum = |id, name| world.seen(id, name).1;
    assert!(sum(1, "proposal_latency") < sum(1, "proposal_ack_creation_latency"));
    assert!(sum(1, "proposal_ack_creation_latency") < sum(2, "quorum_ack_latency"));
    assert!(sum(2, "quorum_ack_latency") < sum(1, "commit_propagation_latency"));
}

#[test]
fn one_acknowledgement_in_a_thousand_is_timed_for_each_voter() {
    let mut world = World::of([Zxid::ZERO; 3]);
    world.wait(2000);
    world.client(2, SessionId::NONE);
    // Numbers 2 to 2001 of epoch 1: 4,294,968,000 and 4,294,969,000 are among them.
    (0..2000).for_each(|_| world.create(2));
    let metrics = world.members[&2].metrics();
    let timed = metrics.iter().filter(|metric| metric.name == "ack_latency").map(|metric| {
        let Value::Summary(summary) = &metric.value else { panic!("a summary") };
        (metric.namespace.expect("a server"), summary.count(), summary.has_spread())
    });
    assert_eq!(timed.collect::<Vec<_>>(), [("1", 2, true), ("2", 2, true)]);
}

#[test]
fn sessions_that_move_are_asked_for_and_replies_to_nobody_are_counted() {
    let mut world = World::of([Zxid::ZERO; 3]);
    world.wait(2000);
    world.client(1, SessionId::NONE);
    let session = *world.members[&1].database().sessions().keys().next().expect("one");
    world.queue.push_back((1, Input::Closed { connection: ConnectionId(1) }));
    world.client(3, session);
    world.check("revalidate_count", [0, 1, 0]);
    // It asks for something and hangs up.
    world.xid += 1;
    let request = CreateRequest { path: "/a".to_owned(), data: None, acl: Acl::open(), flags: 0 };
    let (connection, frame) = (ConnectionId(3), Request::Create(request).frame(Xid(world.xid)));
    world.queue.push_back((3, Input::Received { connection, frame }));
    world.queue.push_back((3, Input::Closed { connection }));
    world.run();
    world.check("stale_replies", [0, 0, 1]);
}
