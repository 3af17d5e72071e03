//! Logs that Kafka did not write, and requests that no client sends: nothing of it may stop the broker.

use bytes::Bytes;
use fastrand::Rng;
use kafka_wire::ErrorCode;

use super::room::{Batch, Room, compacted};
use crate::effect::{Answer, Record};
use crate::input::{CommitRequest, LeaveRequest, SyncRequest};
use crate::input::{Input, JoinRequest, OffsetCommit};
use crate::limits::NAME_BYTES_MAX;
use crate::{Protocol, Settings};

fn room() -> Room {
    Room::new(
        Settings { partitions: 1, initial_rebalance_delay: clock::Span::ZERO, ..Settings::default() },
        3,
    )
}

fn ask(room: &mut Room, input: impl FnOnce(crate::RequestToken) -> Input) -> Answer {
    let token = room.token();
    room.tell(input(token));
    room.take_answers().pop().expect("answered at once").1
}

fn joining(group: &str) -> JoinRequest {
    JoinRequest {
        group: group.to_owned(),
        client_id: "c".into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        protocol_type: "consumer".into(),
        protocols: vec![Protocol { name: "range".into(), metadata: Bytes::from_static(b"any") }],
        ..JoinRequest::default()
    }
}

/// A log with two groups, one of them with static members, and offsets.
fn log() -> Vec<Batch> {
    let mut room = room();
    for instance in [None, Some("one"), Some("two")] {
        let instance_id = instance.map(str::to_owned);
        let token = room.token();
        room.tell(Input::Join(token, JoinRequest { instance_id, ..joining("g") }));
        room.pass(11_000);
        for (_, answer) in room.take_answers() {
            if let Answer::Join(joined) = answer
                && joined.leader == joined.member_id
            {
                let token = room.token();
                let assignments =
                    joined.members.iter().map(|member| (member.member_id.clone(), Bytes::from_static(b"x")));
                let request = SyncRequest {
                    group: "g".into(),
                    generation: joined.generation,
                    assignments: assignments.collect(),
                    member_id: joined.member_id,
                    instance_id: joined.members.iter().find_map(|member| member.instance_id.clone()),
                    ..SyncRequest::default()
                };
                room.tell(Input::Sync(token, request));
            }
        }
    }
    let offsets = vec![OffsetCommit { topic: "t".into(), offset: 5, ..OffsetCommit::default() }];
    let request = CommitRequest { group: "h".into(), generation: -1, offsets, ..CommitRequest::default() };
    ask(&mut room, |token| Input::Commit(token, request));
    room.log.remove(&0).unwrap()
}

#[test]
fn a_damaged_log_costs_what_is_damaged() {
    let log = log();
    assert!(compacted(&log).len() >= 2);
    let mut random = Rng::with_seed(5);
    for _ in 0..1_000 {
        let mut damaged = log.clone();
        for _ in 0..random.usize(1..4) {
            let batch = random.usize(..damaged.len());
            let records = &mut damaged[batch].records;
            let index = random.usize(..records.len());
            records[index] = damage(&mut random, &records[index]);
        }
        let mut room = room();
        room.log.insert(0, damaged);
        room.unload(0, true);
        room.load(0);
        // Whatever came of it goes on living: members time out, others come.
        let token = room.token();
        room.tell(Input::Join(token, joining("g")));
        room.pass(3_000_000);
        room.unload(0, true);
        assert_eq!(room.unanswered(), 0);
    }
}

fn damage(random: &mut Rng, record: &Record) -> Record {
    let mut damaged = record.clone();
    let spoil = |random: &mut Rng, bytes: &Bytes| {
        let mut bytes = bytes.to_vec();
        match random.u8(..3) {
            0 => bytes.truncate(random.usize(..=bytes.len())),
            1 if !bytes.is_empty() => {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            _ => bytes.extend(std::iter::repeat_with(|| random.u8(..)).take(9)),
        }
        Bytes::from(bytes)
    };
    if random.u8(..4) == 0 {
        damaged.key = spoil(random, &record.key);
    } else {
        damaged.value = record.value.as_ref().map(|value| spoil(random, value));
    }
    damaged
}

#[test]
fn names_that_fit_no_record_are_refused() {
    let mut room = room();
    let long = "x".repeat(NAME_BYTES_MAX + 1);
    let error_of = |answer: Answer| match answer {
        Answer::Join(joined) => joined.error,
        Answer::Leave(left) => left.error,
        Answer::Commit(outcomes) => outcomes[0].error,
        other => panic!("{other:?}"),
    };
    let mut check = |input: Input, expect: ErrorCode| {
        let token = room.token();
        let input = match input {
            Input::Join(_, request) => Input::Join(token, request),
            Input::Leave(_, request) => Input::Leave(token, request),
            Input::Commit(_, request) => Input::Commit(token, request),
            other => other,
        };
        room.tell(input);
        assert_eq!(error_of(room.take_answers().pop().unwrap().1), expect);
    };
    let token = crate::RequestToken(0);
    check(Input::Join(token, joining(&long)), ErrorCode::INVALID_GROUP_ID);
    let request = JoinRequest { instance_id: Some(long.clone()), ..joining("g") };
    check(Input::Join(token, request), ErrorCode::INVALID_REQUEST);
    let request = JoinRequest { protocol_type: long.clone(), ..joining("g") };
    check(Input::Join(token, request), ErrorCode::INVALID_REQUEST);
    let protocols = vec![Protocol { name: "range".into(), metadata: Bytes::from(vec![0; 5 << 20]) }];
    check(Input::Join(token, JoinRequest { protocols, ..joining("g") }), ErrorCode::INVALID_REQUEST);
    check(
        Input::Leave(token, LeaveRequest { group: long, members: Vec::new() }),
        ErrorCode::INVALID_GROUP_ID,
    );
    // A client's name is its own affair: it is cut where it becomes an id.
    check(Input::Join(token, JoinRequest { client_id: "ü".repeat(16_000), ..joining("h") }), ErrorCode::NONE);
    let offsets = vec![OffsetCommit { metadata: Some("x".repeat(5_000)), ..OffsetCommit::default() }];
    let request = CommitRequest { group: "k".into(), generation: -1, offsets, ..CommitRequest::default() };
    check(Input::Commit(token, request), ErrorCode::OFFSET_METADATA_TOO_LARGE);
}

#[test]
fn groups_have_a_limit_and_idle_ones_make_room() {
    let mut room = Room::new(Settings { partitions: 1, groups_max: 1_000, ..Settings::default() }, 3);
    for number in 0..1_000 {
        let request = JoinRequest { require_known_member_id: true, ..joining(&format!("g{number}")) };
        let token = room.token();
        room.tell(Input::Join(token, request));
    }
    room.take_answers();
    let request = JoinRequest { require_known_member_id: true, ..joining("one more") };
    let answer = ask(&mut room, |token| Input::Join(token, request.clone()));
    let Answer::Join(joined) = answer else { panic!() };
    assert_eq!(joined.error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    // None of them came back with its id, so nothing is left of them.
    room.pass(700_000);
    let answer = ask(&mut room, |token| Input::Join(token, request));
    let Answer::Join(joined) = answer else { panic!() };
    assert_eq!(joined.error, ErrorCode::MEMBER_ID_REQUIRED);
}
