//! Large groups and many offsets: what is counted here is work, not time.

use bytes::Bytes;

use super::room::Room;
use crate::effect::{Answer, Joined};
use crate::input::{
    CommitRequest, HeartbeatRequest, Input, JoinRequest, LeaveRequest, LeavingMember, OffsetCommit,
    SyncRequest,
};
use crate::{Protocol, Settings};

const MEMBERS: usize = 1_000;

fn join(member_id: &str) -> JoinRequest {
    JoinRequest {
        group: "g".into(),
        member_id: member_id.to_owned(),
        client_id: "c".into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: "consumer".into(),
        protocols: vec![Protocol { name: "range".into(), metadata: Bytes::from_static(b"any") }],
        ..JoinRequest::default()
    }
}

/// The answers to JoinGroup that came since the last look.
fn joined(room: &mut Room) -> Vec<Joined> {
    let answers = room.take_answers().into_iter();
    answers
        .filter_map(|(_, answer)| match answer {
            Answer::Join(joined) => Some(joined),
            _ => None,
        })
        .collect()
}

fn sync_all(room: &mut Room, members: &[Joined]) {
    for member in members {
        let all = member.members.iter().map(|member| (member.member_id.clone(), Bytes::from_static(b"part")));
        let request = SyncRequest {
            group: "g".into(),
            generation: member.generation,
            member_id: member.member_id.clone(),
            assignments: all.collect(),
            ..SyncRequest::default()
        };
        let token = room.token();
        room.tell(Input::Sync(token, request));
    }
    assert_eq!(room.take_answers().len(), members.len(), "everybody has its part");
}

#[test]
fn a_thousand_members_rebalance_once_for_each_reason() {
    let mut room = Room::new(Settings { partitions: 1, ..Settings::default() }, 1);
    for _ in 0..MEMBERS {
        let token = room.token();
        room.tell(Input::Join(token, join("")));
    }
    room.pass(6_000);
    let members = joined(&mut room);
    assert_eq!(members.len(), MEMBERS);
    assert!(members.iter().all(|member| member.generation == 1), "they came together");
    sync_all(&mut room, &members);

    // One leaves; the others hear of it by their next heartbeat and come back once.
    let leaving = LeavingMember { member_id: members[0].member_id.clone(), instance_id: None };
    let token = room.token();
    room.tell(Input::Leave(token, LeaveRequest { group: "g".into(), members: vec![leaving] }));
    for member in &members[1..] {
        let request = HeartbeatRequest {
            group: "g".into(),
            generation: 1,
            member_id: member.member_id.clone(),
            instance_id: None,
        };
        let token = room.token();
        room.tell(Input::Heartbeat(token, request));
        let token = room.token();
        room.tell(Input::Join(token, join(&member.member_id)));
    }
    let members = joined(&mut room);
    assert_eq!(members.len(), MEMBERS - 1);
    assert!(members.iter().all(|member| member.generation == 2), "one rebalance for all");
    sync_all(&mut room, &members);
    assert_eq!(room.log[&0].len(), 2, "one record for each generation");
    assert!(room.notes.is_empty(), "nobody was lost");
}

#[test]
fn a_hundred_thousand_offsets_are_read_back() {
    let mut room = Room::new(Settings { partitions: 1, ..Settings::default() }, 1);
    for group in 0..100 {
        let offset = |partition| OffsetCommit {
            topic: format!("topic{}", partition % 10),
            partition,
            offset: i64::from(partition),
            ..OffsetCommit::default()
        };
        let request = CommitRequest {
            group: format!("group{group}"),
            generation: -1,
            offsets: (0..1_000).map(offset).collect(),
            ..CommitRequest::default()
        };
        let token = room.token();
        room.tell(Input::Commit(token, request));
    }
    room.take_answers();
    room.unload(0, true);
    room.load(0);
    for group in 0..100 {
        let (token, group) = (room.token(), format!("group{group}"));
        room.tell(Input::Fetch { token, group, topics: None, member: None, require_stable: true });
        let Some((_, Answer::Fetch(fetched))) = room.take_answers().pop() else { panic!("it is answered") };
        let offsets = fetched.topics.iter().flat_map(|(_, partitions)| partitions);
        assert_eq!(offsets.map(|told| told.offset).sum::<i64>(), (0..1_000).sum::<i64>());
    }
}
