//! Conversations with a group of the consumer protocol: members that join, give back, take, vanish and
//! come back, while records are written, lost and read again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka_wire::{ErrorCode, Uuid};

use crate::effect::{Answer, ConsumerBeat};
use crate::input::{CommitRequest, ConsumerBeatRequest, Input, JoinRequest, OffsetCommit};
use crate::member::Protocol;
use crate::tests::room::Room;
use crate::topics::{Topic, Topics};
use crate::{ConsumerDescription, Settings};

type Owned = BTreeMap<Uuid, BTreeSet<i32>>;

struct Group {
    room: Room,
    version: u64,
}

impl Group {
    fn new(topics: &[(&str, u8, i32)]) -> Self {
        let settings = Settings { partitions: 1, ..Settings::default() };
        let mut group = Group { room: Room::new(settings, 7), version: 0 };
        group.topics(topics);
        group
    }

    fn topics(&mut self, topics: &[(&str, u8, i32)]) {
        self.version += 1;
        let topics = topics
            .iter()
            .map(|&(name, id, partitions)| (Arc::from(name), Topic { id: Uuid([id; 16]), partitions }));
        self.room.tell(Input::Topics(Arc::new(Topics::new(self.version, topics))));
    }

    fn ask(&mut self, request: ConsumerBeatRequest) -> Option<ConsumerBeat> {
        let token = self.room.token();
        self.room.tell(Input::ConsumerBeat(token, request));
        self.answer()
    }

    fn answer(&mut self) -> Option<ConsumerBeat> {
        match self.room.answers.pop()? {
            (_, Answer::ConsumerBeat(beat)) => Some(beat),
            other => panic!("{other:?}"),
        }
    }

    fn join(&mut self, id: &str, topics: &[&str]) -> ConsumerBeat {
        self.ask(joining(id, topics)).expect("nothing is held")
    }

    fn beat(&mut self, id: &str, epoch: i32, owned: &[(u8, &[i32])]) -> ConsumerBeat {
        let owned = Some(set(owned));
        let request = ConsumerBeatRequest { epoch, owned, ..member(id) };
        self.ask(request).expect("nothing is held")
    }

    fn describe(&mut self) -> ConsumerDescription {
        let token = self.room.token();
        self.room.tell(Input::ConsumerDescribe { token, group: "g".into() });
        match self.room.answers.pop() {
            Some((_, Answer::ConsumerDescribe(described))) => described,
            other => panic!("{other:?}"),
        }
    }
}

fn member(id: &str) -> ConsumerBeatRequest {
    ConsumerBeatRequest {
        group: "g".into(),
        member_id: id.into(),
        makes_own_id: true,
        rebalance_timeout_ms: -1,
        ..ConsumerBeatRequest::default()
    }
}

fn joining(id: &str, topics: &[&str]) -> ConsumerBeatRequest {
    ConsumerBeatRequest {
        rebalance_timeout_ms: 60_000,
        topics: Some(topics.iter().map(|topic| topic.to_string()).collect()),
        owned: Some(Owned::new()),
        ..member(id)
    }
}

fn set(owned: &[(u8, &[i32])]) -> Owned {
    owned.iter().map(|&(id, partitions)| (Uuid([id; 16]), partitions.iter().copied().collect())).collect()
}

#[track_caller]
fn check(beat: &ConsumerBeat, epoch: i32, assignment: Option<&[(u8, &[i32])]>) {
    assert_eq!(beat.error, ErrorCode::NONE, "{:?}", beat.message);
    assert_eq!(beat.epoch, epoch);
    let given = beat.assignment.clone().map(|topics| {
        let topics = topics.into_iter();
        topics.map(|(id, partitions)| (id, partitions.into_iter().collect())).collect::<Owned>()
    });
    assert_eq!(given, assignment.map(set));
}

#[test]
fn a_second_member_gets_what_the_first_gives_back() {
    let mut group = Group::new(&[("t", 1, 4)]);
    check(&group.join("a", &["t"]), 1, Some(&[(1, &[0, 1, 2, 3])]));
    check(&group.beat("a", 1, &[(1, &[0, 1, 2, 3])]), 1, None);
    // It comes to its epoch at once, and waits for what is still in use.
    check(&group.join("b", &["t"]), 2, Some(&[]));
    assert_eq!(group.describe().state, "Reconciling");
    check(&group.beat("a", 1, &[(1, &[0, 1, 2, 3])]), 1, Some(&[(1, &[0, 1])]));
    check(&group.beat("b", 2, &[]), 2, None);
    check(&group.beat("a", 1, &[(1, &[0, 1])]), 2, None);
    check(&group.beat("b", 2, &[]), 2, Some(&[(1, &[2, 3])]));
    let described = group.describe();
    assert_eq!((described.state, described.epoch, described.target_epoch), ("Stable", 2, 2));
    assert_eq!(described.assignor, "uniform");
}

#[test]
fn epochs_fence() {
    let mut group = Group::new(&[("t", 1, 2)]);
    group.join("a", &["t"]);
    let refused = |beat: ConsumerBeat, error| assert_eq!(beat.error, error, "{:?}", beat.message);
    refused(group.beat("a", 2, &[(1, &[0, 1])]), ErrorCode::FENCED_MEMBER_EPOCH);
    refused(group.beat("x", 1, &[]), ErrorCode::UNKNOWN_MEMBER_ID);
    group.join("b", &["t"]);
    group.beat("a", 1, &[(1, &[0, 1])]);
    check(&group.beat("a", 1, &[(1, &[0])]), 2, None);
    // The answer was lost: the member comes again with the epoch of before, and is heard as long as it
    // has nothing that it should not have.
    check(&group.beat("a", 1, &[(1, &[0])]), 2, None);
    refused(group.beat("a", 1, &[(1, &[0, 1])]), ErrorCode::FENCED_MEMBER_EPOCH);
    refused(
        group.ask(ConsumerBeatRequest { epoch: 3, ..member("a") }).unwrap(),
        ErrorCode::FENCED_MEMBER_EPOCH,
    );
    refused(
        group.ask(ConsumerBeatRequest { group: "h".into(), epoch: 3, ..member("a") }).unwrap(),
        ErrorCode::GROUP_ID_NOT_FOUND,
    );
}

#[test]
fn bad_requests_are_refused() {
    let mut group = Group::new(&[("t", 1, 2)]);
    let mut check = |change: &dyn Fn(&mut ConsumerBeatRequest), error| {
        let mut request = joining("a", &["t"]);
        change(&mut request);
        let beat = group.ask(request).unwrap();
        assert_eq!(beat.error, error, "{:?}", beat.message);
    };
    check(&|request| request.group.clear(), ErrorCode::INVALID_REQUEST);
    check(&|request| request.member_id.clear(), ErrorCode::INVALID_REQUEST);
    check(&|request| request.instance_id = Some(String::new()), ErrorCode::INVALID_REQUEST);
    check(&|request| request.rack_id = Some(String::new()), ErrorCode::INVALID_REQUEST);
    check(&|request| request.rebalance_timeout_ms = -1, ErrorCode::INVALID_REQUEST);
    check(&|request| request.owned = None, ErrorCode::INVALID_REQUEST);
    check(&|request| request.topics = None, ErrorCode::INVALID_REQUEST);
    check(&|request| request.epoch = -3, ErrorCode::INVALID_REQUEST);
    check(&|request| request.epoch = -2, ErrorCode::INVALID_REQUEST);
    check(&|request| request.assignor = Some("magic".into()), ErrorCode::UNSUPPORTED_ASSIGNOR);
    check(&|request| request.pattern = Some("(".into()), ErrorCode::INVALID_REGULAR_EXPRESSION);
    check(&|request| request.pattern = Some(")|(".into()), ErrorCode::INVALID_REGULAR_EXPRESSION);
    check(
        &|request| request.pattern = Some("((a{999}){999}){999}".into()),
        ErrorCode::INVALID_REGULAR_EXPRESSION,
    );
    check(&|request| request.pattern = Some("a".repeat(10_000)), ErrorCode::INVALID_REGULAR_EXPRESSION);
    check(&|request| request.topics = Some(vec!["t".repeat(2 << 20)]), ErrorCode::INVALID_REQUEST);
    check(&|request| request.member_id = "m".repeat(40_000), ErrorCode::INVALID_REQUEST);
    check(&|_| {}, ErrorCode::NONE);
}

#[test]
fn patterns_follow_the_topics() {
    let mut group = Group::new(&[("orders-1", 1, 1), ("other", 2, 1)]);
    let pattern =
        |text: &str| ConsumerBeatRequest { topics: None, pattern: Some(text.into()), ..joining("a", &[]) };
    check(&group.ask(pattern("orders-.*")).unwrap(), 1, Some(&[(1, &[0])]));
    group.room.pass(11_000);
    group.topics(&[("orders-1", 1, 1), ("orders-2", 3, 2), ("not-orders-3", 4, 1), ("other", 2, 1)]);
    check(&group.beat("a", 1, &[(1, &[0])]), 2, Some(&[(1, &[0]), (3, &[0, 1])]));
    // Soon after, topics may come and the match waits.
    group.topics(&[("orders-1", 1, 1), ("orders-2", 3, 2), ("orders-4", 5, 1)]);
    check(&group.beat("a", 2, &[(1, &[0]), (3, &[0, 1])]), 2, None);
    group.room.pass(11_000);
    check(&group.beat("a", 2, &[(1, &[0]), (3, &[0, 1])]), 3, Some(&[(1, &[0]), (3, &[0, 1]), (5, &[0])]));
    // A pattern that is given up is forgotten, in the log too.
    let change = ConsumerBeatRequest {
        epoch: 3,
        topics: Some(vec!["orders-1".into()]),
        pattern: Some(String::new()),
        ..member("a")
    };
    check(&group.ask(change).unwrap(), 3, Some(&[(1, &[0])]));
    assert_eq!(group.describe().members[0].pattern, None);
}

#[test]
fn a_silent_member_is_removed_and_one_that_holds_on_too_long() {
    let mut group = Group::new(&[("t", 1, 2)]);
    group.join("a", &["t"]);
    group.room.pass(44_000);
    group.join("b", &["t"]);
    check(&group.beat("a", 1, &[(1, &[0, 1])]), 1, Some(&[(1, &[0])]));
    // It goes on beating, and does not give back what it was told to.
    for _ in 0..7 {
        group.room.pass(10_000);
        let _ = group.ask(ConsumerBeatRequest { epoch: 1, ..member("a") });
        group.beat("b", 2, &[]);
    }
    assert_eq!(group.describe().members.len(), 1);
    check(&group.beat("b", 3, &[(1, &[0, 1])]), 3, None);
    group.room.pass(46_000);
    let described = group.describe();
    assert_eq!((described.state, described.members.len()), ("Empty", 0));
}

#[test]
fn a_static_member_comes_back_to_its_partitions() {
    let mut group = Group::new(&[("t", 1, 2)]);
    let named = |id: &str| ConsumerBeatRequest { instance_id: Some("i".into()), ..joining(id, &["t"]) };
    check(&group.ask(named("a")).unwrap(), 1, Some(&[(1, &[0, 1])]));
    assert_eq!(group.ask(named("b")).unwrap().error, ErrorCode::UNRELEASED_INSTANCE_ID);
    let mut away = ConsumerBeatRequest { epoch: -2, ..named("a") };
    away.owned = None;
    assert_eq!(group.ask(away).unwrap().epoch, -2);
    check(&group.ask(named("b")).unwrap(), 1, Some(&[(1, &[0, 1])]));
    let mut old = ConsumerBeatRequest { epoch: 1, ..named("a") };
    old.owned = None;
    assert_eq!(group.ask(old).unwrap().error, ErrorCode::FENCED_INSTANCE_ID);
    let mut leaves = ConsumerBeatRequest { epoch: -1, ..named("b") };
    leaves.owned = None;
    assert_eq!(group.ask(leaves).unwrap().error, ErrorCode::NONE);
    assert_eq!(group.describe().state, "Empty");
}

#[test]
fn what_is_written_is_loaded_as_it_was() {
    let mut group = Group::new(&[("t", 1, 4), ("u", 2, 3)]);
    group.join("a", &["t", "u"]);
    group.ask(ConsumerBeatRequest { instance_id: Some("i".into()), ..joining("b", &["t"]) });
    group.ask(ConsumerBeatRequest { topics: None, pattern: Some("[tu]".into()), ..joining("c", &[]) });
    group.beat("a", 1, &[(1, &[0, 1, 2, 3]), (2, &[0, 1, 2])]);
    let before = group.describe();
    group.room.load(0);
    assert_eq!(group.describe(), before);
    // Members go on as if nothing had been, and die if they do not.
    let a = before.members.iter().find(|member| member.member_id == "a").unwrap();
    assert_eq!(
        group.ask(ConsumerBeatRequest { epoch: a.epoch, ..member("a") }).unwrap().error,
        ErrorCode::NONE
    );
    group.room.pass(100_000);
    assert_eq!(group.describe().state, "Empty");
}

#[test]
fn what_cannot_be_written_is_taken_back() {
    let mut group = Group::new(&[("t", 1, 2)]);
    check(&group.join("a", &["t"]), 1, Some(&[(1, &[0, 1])]));
    let before = group.describe();
    group.room.holds = true;
    assert_eq!(group.ask(joining("b", &["t"])), None);
    // Another write is made of the first, and a heartbeat that writes nothing waits for both.
    assert_eq!(group.ask(joining("c", &["t"])), None);
    assert_eq!(group.ask(ConsumerBeatRequest { epoch: 3, ..member("c") }), None);
    assert!(group.room.fail(ErrorCode::NOT_ENOUGH_REPLICAS));
    assert_eq!(group.answer().unwrap().error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    assert_eq!(group.describe(), before);
    assert!(group.room.fail(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    for _ in 0..2 {
        assert_eq!(group.answer().unwrap().error, ErrorCode::NOT_COORDINATOR);
    }
    assert_eq!(group.describe(), before);
    group.room.holds = false;
    check(&group.join("b", &["t"]), 2, Some(&[]));
}

#[test]
fn a_write_that_is_refused_at_once_leaves_those_before_it() {
    let mut group = Group::new(&[("t", 1, 2)]);
    group.room.holds = true;
    assert_eq!(group.ask(joining("a", &["t"])), None);
    let before = group.describe();
    assert_eq!(group.ask(joining("b", &["t"])), None);
    assert!(group.room.refuse(ErrorCode::MESSAGE_TOO_LARGE));
    assert_eq!(group.answer().unwrap().error, ErrorCode::UNKNOWN_SERVER_ERROR);
    assert_eq!(group.describe(), before);
    assert!(group.room.acknowledge());
    check(&group.answer().unwrap(), 1, Some(&[(1, &[0, 1])]));
    assert_eq!(group.describe(), before);
}

#[test]
fn what_was_taken_back_is_not_promised() {
    let mut group = Group::new(&[("t", 1, 2)]);
    group.room.holds = true;
    assert_eq!(group.ask(joining("a", &["t"])), None);
    assert_eq!(group.ask(joining("b", &["t"])), None);
    assert!(group.room.fail(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND));
    assert_eq!(group.answer().unwrap().error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    // What comes after is made of what was left, not of what was taken back.
    assert_eq!(group.ask(joining("c", &["t"])), None);
    assert!(group.room.acknowledge());
    assert_eq!(group.answer().unwrap().error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    assert!(group.room.acknowledge());
    check(&group.answer().unwrap(), 1, Some(&[(1, &[0, 1])]));
    let members: Vec<String> = group.describe().members.into_iter().map(|member| member.member_id).collect();
    assert_eq!(members, ["c"]);
}

#[test]
fn a_group_may_be_deleted_while_a_farewell_is_written_and_fails() {
    for is_deleted in [false, true] {
        let mut group = Group::new(&[("t", 1, 2)]);
        group.join("a", &["t"]);
        let before = group.describe();
        group.room.holds = true;
        assert_eq!(group.ask(ConsumerBeatRequest { epoch: -1, ..member("a") }), None);
        let token = group.room.token();
        group.room.tell(Input::Delete { token, groups: vec!["g".into()] });
        assert!(group.room.fail(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND));
        assert_eq!(group.answer().unwrap().error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
        let error = if is_deleted { ErrorCode::NONE } else { ErrorCode::NOT_COORDINATOR };
        let did = if is_deleted {
            group.room.acknowledge()
        } else {
            group.room.fail(ErrorCode::NOT_LEADER_OR_FOLLOWER)
        };
        assert!(did);
        match group.room.answers.pop() {
            Some((_, Answer::Delete(results))) => {
                assert_eq!(results, BTreeMap::from([("g".to_owned(), error)]))
            }
            other => panic!("{other:?}"),
        }
        match is_deleted {
            true => assert_eq!(group.describe().error, ErrorCode::GROUP_ID_NOT_FOUND),
            false => assert_eq!(group.describe(), before),
        }
        group.room.holds = false;
        group.room.pass(100_000);
    }
}

#[test]
fn nobody_waits_longer_than_the_commit_timeout() {
    let mut group = Group::new(&[("t", 1, 2)]);
    group.room.holds = true;
    assert_eq!(group.ask(joining("a", &["t"])), None);
    group.room.pass(5_000);
    assert_eq!(group.answer().unwrap().error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    // The write is still open, and nobody hangs on it any more.
    let again = ConsumerBeatRequest { epoch: 1, ..member("a") };
    assert_eq!(group.ask(again.clone()).unwrap().error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    assert!(group.room.acknowledge());
    check(&group.ask(again).unwrap(), 1, None);
}

#[test]
fn commits_need_the_member_and_its_epoch() {
    let mut group = Group::new(&[("t", 1, 2)]);
    group.join("a", &["t"]);
    let commit = |group: &mut Group, member_id: &str, generation, knows| {
        let token = group.room.token();
        let offsets = vec![OffsetCommit { topic: "t".into(), offset: 5, ..OffsetCommit::default() }];
        let request = CommitRequest {
            group: "g".into(),
            generation,
            member_id: member_id.into(),
            knows_group_id_not_found: knows,
            offsets,
            ..CommitRequest::default()
        };
        group.room.tell(Input::Commit(token, request));
        match group.room.answers.pop() {
            Some((_, Answer::Commit(outcomes))) => outcomes[0].error,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(commit(&mut group, "a", 1, true), ErrorCode::NONE);
    assert_eq!(commit(&mut group, "a", 1, false), ErrorCode::UNSUPPORTED_VERSION);
    assert_eq!(commit(&mut group, "a", 0, true), ErrorCode::STALE_MEMBER_EPOCH);
    assert_eq!(commit(&mut group, "x", 1, true), ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(commit(&mut group, "", -1, true), ErrorCode::UNKNOWN_MEMBER_ID);
    group.ask(ConsumerBeatRequest { epoch: -1, ..member("a") });
    assert_eq!(commit(&mut group, "", -1, true), ErrorCode::NONE);
}

#[test]
fn an_empty_group_changes_protocol() {
    let mut group = Group::new(&[("t", 1, 2)]);
    let join = |group: &mut Group| {
        let token = group.room.token();
        let request = JoinRequest {
            group: "g".into(),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 60_000,
            protocol_type: "consumer".into(),
            protocols: vec![Protocol { name: "range".into(), metadata: bytes::Bytes::new() }],
            ..JoinRequest::default()
        };
        group.room.tell(Input::Join(token, request));
        group.room.pass(3_000);
        match group.room.answers.pop() {
            Some((_, Answer::Join(joined))) => joined,
            other => panic!("{other:?}"),
        }
    };
    group.join("a", &["t"]);
    assert_eq!(join(&mut group).error, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
    group.ask(ConsumerBeatRequest { epoch: -1, ..member("a") });
    let joined = join(&mut group);
    assert_eq!((joined.error, joined.generation), (ErrorCode::NONE, 3));
    assert_eq!(group.join("a", &["t"]).error, ErrorCode::GROUP_ID_NOT_FOUND);
    assert_eq!(group.describe().error, ErrorCode::GROUP_ID_NOT_FOUND);
    group.room.pass(400_000);
    check(&group.join("a", &["t"]), 1, Some(&[(1, &[0, 1])]));
    group.room.load(0);
    assert_eq!(group.describe().state, "Stable");
}
