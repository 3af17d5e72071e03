//! DeleteTopics over a scripted keeper.

use kafka_wire::message::create_topics::{CreatableTopic, CreateTopicsRequest};
use kafka_wire::message::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use kafka_wire::{ErrorCode, Uuid};

use crate::testing::World;

fn create(world: &mut World, name: &str) -> Uuid {
    let topic =
        CreatableTopic { name: name.into(), num_partitions: 2, replication_factor: 1, ..Default::default() };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 1000, validate_only: false };
    let result = world.call(7, &request).topics.remove(0);
    assert_eq!(result.error_code, ErrorCode::NONE, "{result:?}");
    result.topic_id
}

fn by_name(name: &str) -> DeleteTopicsRequest {
    DeleteTopicsRequest { topic_names: vec![name.into()], timeout_ms: 1000, ..Default::default() }
}

fn by(name: Option<&str>, topic_id: Uuid) -> DeleteTopicsRequest {
    let topic = DeleteTopicState { name: name.map(str::to_string), topic_id };
    DeleteTopicsRequest { topics: vec![topic], timeout_ms: 1000, ..Default::default() }
}

#[test]
fn topics_go_in_every_version_and_leave_nothing() {
    let mut world = World::new();
    let before: Vec<String> = world.keeper.paths().map(str::to_string).collect();
    for version in 0..=5 {
        create(&mut world, "t");
        let responses = world.call(version, &by_name("t")).responses;
        assert_eq!(responses[0].error_code, ErrorCode::NONE, "v{version}");
        let after: Vec<String> = world.keeper.paths().map(str::to_string).collect();
        assert_eq!(before, after, "v{version}");
    }
    let id = create(&mut world, "t");
    let responses = world.call(6, &by(None, id)).responses;
    assert_eq!((responses[0].error_code, responses[0].name.as_deref()), (ErrorCode::NONE, Some("t")));
    let again = create(&mut world, "t");
    assert_ne!(again, id, "another topic of the same name");
    assert_eq!(world.call(6, &by(Some("t"), Uuid::ZERO)).responses[0].error_code, ErrorCode::NONE);
}

#[test]
fn what_is_not_there_or_not_allowed_is_refused() {
    let mut world = World::new();
    let id = create(&mut world, "t");
    let check = |world: &mut World, request: DeleteTopicsRequest, expect| {
        assert_eq!(world.call(6, &request).responses[0].error_code, expect, "{request:?}");
    };
    check(&mut world, by(Some("nope"), Uuid::ZERO), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    check(&mut world, by(None, Uuid([7; 16])), ErrorCode::UNKNOWN_TOPIC_ID);
    check(&mut world, by(Some("t"), id), ErrorCode::INVALID_REQUEST);
    check(&mut world, by(None, Uuid::ZERO), ErrorCode::INVALID_REQUEST);

    let mut settings = crate::testing::settings();
    settings.properties.insert("delete.topic.enable".into(), "false".into());
    let mut world = World::with(settings);
    create(&mut world, "t");
    assert_eq!(world.call(2, &by_name("t")).responses[0].error_code, ErrorCode::INVALID_REQUEST);
    assert_eq!(world.call(3, &by_name("t")).responses[0].error_code, ErrorCode::TOPIC_DELETION_DISABLED);
}
