//! Consumer groups from the outside: every version of every API, and what is left after a crash.

use bytes::Bytes;
use clock::Span;
use kafka_wire::message::delete_groups::DeleteGroupsRequest;
use kafka_wire::message::describe_groups::DescribeGroupsRequest;
use kafka_wire::message::find_coordinator::FindCoordinatorRequest;
use kafka_wire::message::heartbeat::HeartbeatRequest;
use kafka_wire::message::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use kafka_wire::message::leave_group::{LeaveGroupRequest, MemberIdentity};
use kafka_wire::message::list_groups::ListGroupsRequest;
use kafka_wire::message::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_wire::message::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_wire::message::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_wire::message::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use kafka_wire::{ErrorCode, Uuid};

use crate::api;
use crate::testing::{self, World};

fn world() -> World {
    let mut settings = testing::settings();
    settings.properties.insert("offsets.topic.replication.factor".into(), "1".into());
    let mut world = World::with(settings);
    world.create_topic("t", 2, &[]);
    find_coordinator(&mut world);
    world
}

/// As a client's first call: makes `__consumer_offsets`.
fn find_coordinator(world: &mut World) {
    let request = FindCoordinatorRequest { key: "g".into(), ..Default::default() };
    let connection = world.connect();
    world.send(connection, 2, &request);
    let found = match world.reply::<FindCoordinatorRequest>(connection, 2) {
        Some(found) => found,
        None => {
            world.pass(Span::seconds(3));
            world.reply::<FindCoordinatorRequest>(connection, 2).expect("it waits two seconds at most")
        }
    };
    assert_eq!((found.error_code, found.node_id, found.port), (ErrorCode::NONE, 0, 9092));
}

fn join(world: &mut World, version: i16, group: &str, member_id: &str) -> JoinGroupResponse {
    let protocol = JoinGroupRequestProtocol { name: "range".into(), metadata: Bytes::from_static(b"meta") };
    let request = JoinGroupRequest {
        group_id: group.into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        member_id: member_id.into(),
        protocol_type: "consumer".into(),
        protocols: vec![protocol],
        ..Default::default()
    };
    world.call(version, &request)
}

/// A member in a stable group of its own.
fn member(world: &mut World, version: i16, group: &str) -> String {
    let mut joined = join(world, version, group, "");
    if version >= 4 {
        assert_eq!(joined.error_code, ErrorCode::MEMBER_ID_REQUIRED);
        joined = join(world, version, group, &joined.member_id);
    }
    assert_eq!((joined.error_code, joined.generation_id), (ErrorCode::NONE, 1));
    assert_eq!(joined.leader, joined.member_id);
    assert_eq!(joined.members[0].metadata, "meta");
    assert_eq!(joined.protocol_name.as_deref(), Some("range"));
    joined.member_id
}

fn sync(world: &mut World, version: i16, group: &str, member_id: &str) {
    let assignment =
        SyncGroupRequestAssignment { member_id: member_id.into(), assignment: Bytes::from_static(b"part") };
    let named = |name: &str| (version >= 5).then(|| name.to_owned());
    let request = SyncGroupRequest {
        group_id: group.into(),
        generation_id: 1,
        member_id: member_id.into(),
        protocol_type: named("consumer"),
        protocol_name: named("range"),
        assignments: vec![assignment],
        ..Default::default()
    };
    let synced = world.call(version, &request);
    assert_eq!((synced.error_code, &synced.assignment[..]), (ErrorCode::NONE, &b"part"[..]), "v{version}");
}

fn commit(world: &mut World, version: i16, group: &str, member: Option<&str>, offset: i64) -> ErrorCode {
    let topic_id = if version >= 10 { world.topic_id("t").expect("it was made") } else { Uuid::ZERO };
    let partition = OffsetCommitRequestPartition {
        partition_index: 1,
        committed_offset: offset,
        committed_leader_epoch: if version >= 6 { 0 } else { -1 },
        committed_metadata: Some("words".into()),
        ..Default::default()
    };
    let request = OffsetCommitRequest {
        group_id: group.into(),
        generation_id_or_member_epoch: if member.is_some() { 1 } else { -1 },
        member_id: member.unwrap_or_default().into(),
        topics: vec![OffsetCommitRequestTopic {
            name: if version >= 10 { String::new() } else { "t".into() },
            topic_id,
            partitions: vec![partition],
        }],
        ..Default::default()
    };
    let response = world.call(version, &request);
    response.topics[0].partitions[0].error_code
}

/// The committed offset of partition 1, and -1 for partition 0.
fn committed(world: &mut World, version: i16, group: &str) -> i64 {
    let topic_id = if version >= 10 { world.topic_id("t").expect("it was made") } else { Uuid::ZERO };
    let request = if version >= 8 {
        let topics = OffsetFetchRequestTopics {
            name: if version >= 10 { String::new() } else { "t".into() },
            topic_id,
            partition_indexes: vec![0, 1],
        };
        let asked = |topics| OffsetFetchRequestGroup { group_id: group.into(), topics, ..Default::default() };
        OffsetFetchRequest { groups: vec![asked(Some(vec![topics])), asked(None)], ..Default::default() }
    } else {
        let topic = OffsetFetchRequestTopic { name: "t".into(), partition_indexes: vec![0, 1] };
        OffsetFetchRequest { group_id: group.into(), topics: Some(vec![topic]), ..Default::default() }
    };
    let response = world.call(version, &request);
    if version < 8 {
        let partitions = &response.topics[0].partitions;
        assert_eq!((partitions[0].committed_offset, partitions[0].error_code), (-1, ErrorCode::NONE));
        assert_eq!(partitions[1].metadata.as_deref(), Some("words"));
        return partitions[1].committed_offset;
    }
    let [some, all] = &response.groups[..] else { panic!("two were asked for") };
    assert_eq!((some.error_code, some.topics[0].topic_id), (ErrorCode::NONE, topic_id));
    assert_eq!(some.topics[0].partitions[0].committed_offset, -1);
    assert_eq!(some.topics[0].partitions[1].metadata.as_deref(), Some("words"));
    assert_eq!(all.topics[0].partitions, some.topics[0].partitions[1..]);
    all.topics[0].partitions[0].committed_offset
}

#[test]
fn a_member_lives_in_every_version() {
    let mut world = world();
    for version in api::join_group::SERVED {
        let group = format!("join{version}");
        let id = member(&mut world, version, &group);
        sync(&mut world, version.min(*api::sync_group::SERVED.end()), &group, &id);
        let generation_id = 1;
        let beat = HeartbeatRequest {
            group_id: group.clone(),
            generation_id,
            member_id: id.clone(),
            ..Default::default()
        };
        let response = world.call(version.min(*api::heartbeat::SERVED.end()), &beat);
        assert_eq!(response.error_code, ErrorCode::NONE);
        let version = version.min(*api::leave_group::SERVED.end());
        let identity = MemberIdentity { member_id: id.clone(), ..Default::default() };
        let leave = LeaveGroupRequest { group_id: group, member_id: id, members: vec![identity] };
        for expect in [ErrorCode::NONE, ErrorCode::UNKNOWN_MEMBER_ID] {
            let left = world.call(version, &leave);
            let error = if version < 3 { left.error_code } else { left.members[0].error_code };
            assert_eq!(error, expect, "v{version}");
        }
    }
}

#[test]
fn offsets_are_kept_in_every_version_and_after_a_crash() {
    let mut world = world();
    for version in api::offset_commit::SERVED {
        let group = format!("commit{version}");
        let id = member(&mut world, 5, &group);
        sync(&mut world, 3, &group, &id);
        assert_eq!(commit(&mut world, version, &group, Some(&id), 70), ErrorCode::NONE, "v{version}");
        assert_eq!(commit(&mut world, version, &group, None, 71), ErrorCode::UNKNOWN_MEMBER_ID);
        let stranger =
            if version >= 9 { ErrorCode::GROUP_ID_NOT_FOUND } else { ErrorCode::ILLEGAL_GENERATION };
        assert_eq!(commit(&mut world, version, "nobody", Some("m"), 71), stranger);
        assert_eq!(commit(&mut world, version, "simple", None, i64::from(version)), ErrorCode::NONE);
    }
    for version in api::offset_fetch::SERVED {
        assert_eq!(committed(&mut world, version, "commit3"), 70, "v{version}");
        assert_eq!(committed(&mut world, version, "simple"), 10, "v{version}");
    }
    let disk = world.disk.clone();
    let mut world = world.restart(disk);
    find_coordinator(&mut world);
    for version in api::offset_fetch::SERVED {
        assert_eq!(committed(&mut world, version, "commit3"), 70, "v{version}");
        assert_eq!(committed(&mut world, version, "simple"), 10, "v{version}");
    }
}

#[test]
fn groups_are_listed_described_and_deleted_in_every_version() {
    let mut world = world();
    let id = member(&mut world, 5, "g");
    sync(&mut world, 3, "g", &id);
    assert_eq!(commit(&mut world, 7, "h", None, 1), ErrorCode::NONE);
    for version in api::list_groups::SERVED {
        let listed = world.call(version, &ListGroupsRequest::default());
        let names: Vec<&str> = listed.groups.iter().map(|group| group.group_id.as_str()).collect();
        assert!(names.contains(&"g") && names.contains(&"h") && names.len() == 2, "{names:?}");
        let filtered = ListGroupsRequest { states_filter: vec!["stable".into()], ..Default::default() };
        let listed = world.call(version, &filtered);
        assert_eq!(listed.groups.len(), if version >= 4 { 1 } else { 2 });
    }
    for version in api::describe_groups::SERVED {
        let groups = vec!["g".into(), "nobody".into()];
        let request = DescribeGroupsRequest { groups, include_authorized_operations: version >= 3 };
        let [group, nobody] = &world.call(version, &request).groups[..] else { panic!() };
        assert_eq!((group.group_state.as_str(), group.protocol_data.as_str()), ("Stable", "range"));
        let member = &group.members[0];
        assert_eq!((&member.member_id, member.client_host.as_str()), (&id, "/127.0.0.1"));
        assert_eq!(member.member_assignment, "part");
        let missing = if version >= 6 { ErrorCode::GROUP_ID_NOT_FOUND } else { ErrorCode::NONE };
        assert_eq!((nobody.error_code, nobody.group_state.as_str()), (missing, "Dead"));
    }
    for version in api::delete_groups::SERVED {
        let name = format!("gone{version}");
        commit(&mut world, 7, &name, None, 1);
        let groups_names = vec!["g".into(), name.clone()];
        let deleted = world.call(version, &DeleteGroupsRequest { groups_names });
        let errors: Vec<ErrorCode> = deleted.results.iter().map(|result| result.error_code).collect();
        assert_eq!(errors, [ErrorCode::NON_EMPTY_GROUP, ErrorCode::NONE]);
    }
    let partitions = [1, 9].map(|partition_index| OffsetDeleteRequestPartition { partition_index });
    let topics = vec![OffsetDeleteRequestTopic { name: "t".into(), partitions: partitions.into() }];
    let deleted = world.call(0, &OffsetDeleteRequest { group_id: "h".into(), topics });
    let errors: Vec<_> =
        deleted.topics[0].partitions.iter().map(|one| (one.partition_index, one.error_code)).collect();
    assert_eq!(errors, [(9, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION), (1, ErrorCode::NONE)]);
}

#[test]
fn a_coordinator_is_found_in_every_version() {
    let mut world = world();
    for version in api::find_coordinator::SERVED {
        let keys = vec!["a".into(), "b".into()];
        let request =
            FindCoordinatorRequest { key: "a".into(), coordinator_keys: keys, ..Default::default() };
        let found = world.call(version, &request);
        if version < 4 {
            assert_eq!((found.error_code, found.host.as_str()), (ErrorCode::NONE, "broker.test"));
        } else {
            assert_eq!(found.coordinators.len(), 2);
            assert!(found.coordinators.iter().all(|one| one.error_code.is_none() && one.port == 9092));
        }
    }
    let share =
        FindCoordinatorRequest { key_type: 2, coordinator_keys: vec!["a".into()], ..Default::default() };
    let error = |world: &mut World, version| world.call(version, &share).coordinators[0].error_code;
    assert_eq!(error(&mut world, 5), ErrorCode::INVALID_REQUEST);
    assert_eq!(error(&mut world, 6), ErrorCode::COORDINATOR_NOT_AVAILABLE);
}

#[test]
fn two_members_share_and_the_second_takes_over() {
    let mut world = world();
    let first = member(&mut world, 3, "g");
    sync(&mut world, 3, "g", &first);
    // The second waits until the first joins again.
    let connection = world.connect();
    let protocol = JoinGroupRequestProtocol { name: "range".into(), metadata: Bytes::from_static(b"meta") };
    let request = JoinGroupRequest {
        group_id: "g".into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        protocol_type: "consumer".into(),
        protocols: vec![protocol],
        ..Default::default()
    };
    world.send(connection, 3, &request);
    assert!(world.reply::<JoinGroupRequest>(connection, 3).is_none());
    let joined = join(&mut world, 3, "g", &first);
    assert_eq!((joined.generation_id, joined.members.len()), (2, 2));
    let second = world.reply::<JoinGroupRequest>(connection, 3).expect("the rebalance is complete");
    assert_eq!((second.generation_id, second.members.len()), (2, 0));
    assert_eq!(second.leader, first);
    // Neither is heard of again.
    world.pass(Span::seconds(30));
    let request = DescribeGroupsRequest { groups: vec!["g".into()], ..Default::default() };
    assert_eq!(world.call(5, &request).groups[0].group_state, "Empty");
}
