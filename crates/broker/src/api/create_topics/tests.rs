//! CreateTopics over a scripted keeper: what is refused, what is made, and in which shape.

use kafka_wire::message::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreatableTopicResult,
    CreateTopicsRequest,
};
use kafka_wire::message::metadata::{MetadataRequest, MetadataRequestTopic};
use kafka_wire::{ErrorCode, Uuid};

use crate::testing::World;

fn topic(name: &str) -> CreatableTopic {
    CreatableTopic { name: name.into(), num_partitions: 1, replication_factor: 1, ..Default::default() }
}

fn with(name: &str, change: impl FnOnce(&mut CreatableTopic)) -> CreatableTopic {
    let mut topic = topic(name);
    change(&mut topic);
    topic
}

fn config(name: &str, value: Option<&str>) -> CreatableTopicConfig {
    CreatableTopicConfig { name: name.into(), value: value.map(str::to_string) }
}

fn create(world: &mut World, version: i16, topics: Vec<CreatableTopic>) -> Vec<CreatableTopicResult> {
    let request = CreateTopicsRequest { topics, timeout_ms: 1000, validate_only: false };
    world.call(version, &request).topics
}

#[test]
fn topics_are_made_and_led_in_every_version() {
    let mut world = World::new();
    for version in 0..=7 {
        let name = format!("t{version}");
        let results = create(&mut world, version, vec![with(&name, |topic| topic.num_partitions = 3)]);
        assert_eq!(results[0].error_code, ErrorCode::NONE, "{results:?}");
        let state = world.keeper.text(&format!("/brokers/topics/{name}/partitions/2/state"));
        let text = r#"{"controller_epoch":1,"leader":0,"version":1,"leader_epoch":0,"isr":[0]}"#;
        assert_eq!(state.as_deref(), Some(text));
        if version >= 5 {
            assert_eq!((results[0].num_partitions, results[0].replication_factor), (3, 1));
            let configs = results[0].configs.as_ref().unwrap();
            let policy = configs.iter().find(|config| config.name == "cleanup.policy").unwrap();
            assert_eq!((policy.value.as_deref(), policy.config_source), (Some("delete"), 5));
        }
        if version >= 7 {
            let node = world.keeper.text(&format!("/brokers/topics/{name}")).unwrap();
            assert!(node.contains(&results[0].topic_id.to_string()), "{node}");
        }
    }
}

#[test]
fn what_cannot_be_is_refused_with_kafkas_code() {
    let mut world = World::new();
    create(&mut world, 7, vec![topic("there.is")]);
    let assigned = |brokers: &[&[i32]]| {
        let one = |(index, ids): (usize, &&[i32])| CreatableReplicaAssignment {
            partition_index: index as i32,
            broker_ids: ids.to_vec(),
        };
        let assignments = brokers.iter().enumerate().map(one).collect();
        CreatableTopic {
            name: "t".into(),
            num_partitions: -1,
            replication_factor: -1,
            assignments,
            ..Default::default()
        }
    };
    let check = |world: &mut World, topic: CreatableTopic, expect: ErrorCode| {
        let shown = format!("{topic:?}");
        let results = create(world, 7, vec![topic]);
        assert_eq!(results[0].error_code, expect, "{shown}");
        assert!(results[0].error_message.as_ref().is_some_and(|text| !text.is_empty()), "{shown}");
    };
    check(&mut world, topic("there.is"), ErrorCode::TOPIC_ALREADY_EXISTS);
    check(&mut world, topic("there_is"), ErrorCode::INVALID_TOPIC_EXCEPTION);
    check(&mut world, topic(""), ErrorCode::INVALID_TOPIC_EXCEPTION);
    check(&mut world, topic("."), ErrorCode::INVALID_TOPIC_EXCEPTION);
    check(&mut world, topic("a b"), ErrorCode::INVALID_TOPIC_EXCEPTION);
    check(&mut world, topic(&"x".repeat(250)), ErrorCode::INVALID_TOPIC_EXCEPTION);
    check(&mut world, with("t", |t| t.num_partitions = 0), ErrorCode::INVALID_PARTITIONS);
    check(&mut world, with("t", |t| t.num_partitions = -2), ErrorCode::INVALID_PARTITIONS);
    check(&mut world, with("t", |t| t.num_partitions = i32::MAX), ErrorCode::POLICY_VIOLATION);
    check(&mut world, with("t", |t| t.num_partitions = 60_000), ErrorCode::INVALID_PARTITIONS);
    check(&mut world, with("t", |t| t.replication_factor = 0), ErrorCode::INVALID_REPLICATION_FACTOR);
    check(&mut world, with("t", |t| t.replication_factor = 2), ErrorCode::INVALID_REPLICATION_FACTOR);
    let unknown = config("no.such.key", Some("1"));
    check(&mut world, with("t", |t| t.configs = vec![unknown]), ErrorCode::INVALID_CONFIG);
    let wrong = config("retention.ms", Some("soon"));
    check(&mut world, with("t", |t| t.configs = vec![wrong]), ErrorCode::INVALID_CONFIG);
    let null = config("retention.ms", None);
    check(&mut world, with("t", |t| t.configs = vec![null]), ErrorCode::INVALID_CONFIG);
    check(&mut world, assigned(&[&[9]]), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
    check(&mut world, assigned(&[&[0, 0]]), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
    check(&mut world, assigned(&[&[]]), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
    let mut both = assigned(&[&[0]]);
    both.num_partitions = 1;
    check(&mut world, both, ErrorCode::INVALID_REQUEST);
    assert_eq!(world.keeper.text("/brokers/topics/t"), None, "nothing was made");
}

#[test]
fn minus_one_means_the_brokers_defaults() {
    let mut settings = crate::testing::settings();
    settings.properties.insert("num.partitions".into(), "4".into());
    let mut world = World::with(settings);
    let wish = with("t", |topic| (topic.num_partitions, topic.replication_factor) = (-1, -1));
    let results = create(&mut world, 5, vec![wish]);
    assert_eq!((results[0].num_partitions, results[0].replication_factor), (4, 1));
}

#[test]
fn a_validation_makes_nothing() {
    let mut world = World::new();
    let request = CreateTopicsRequest { topics: vec![topic("t")], timeout_ms: 1000, validate_only: true };
    let results = world.call(7, &request).topics;
    assert_eq!((results[0].error_code, results[0].topic_id), (ErrorCode::NONE, Uuid::ZERO));
    assert_eq!(world.keeper.text("/brokers/topics/t"), None);
}

#[test]
fn a_name_given_twice_is_refused_and_the_others_are_made() {
    let mut world = World::new();
    let results = create(&mut world, 7, vec![topic("a"), topic("b"), topic("a")]);
    let codes: Vec<_> = results.iter().map(|result| (result.name.as_str(), result.error_code)).collect();
    assert_eq!(codes, [("a", ErrorCode::INVALID_REQUEST), ("b", ErrorCode::NONE)]);
}

#[test]
fn own_settings_are_written_and_shown() {
    let mut world = World::new();
    let own = vec![config("retention.ms", Some("1000")), config("cleanup.policy", Some("compact"))];
    let results = create(&mut world, 7, vec![with("t", |topic| topic.configs = own)]);
    let configs = results[0].configs.as_ref().unwrap();
    let retention = configs.iter().find(|config| config.name == "retention.ms").unwrap();
    assert_eq!((retention.value.as_deref(), retention.config_source), (Some("1000"), 1));
    assert_eq!(
        world.keeper.text("/config/topics/t").as_deref(),
        Some(r#"{"version":1,"config":{"cleanup.policy":"compact","retention.ms":"1000"}}"#)
    );
}

#[test]
fn a_topic_named_in_metadata_is_made() {
    let mut world = World::new();
    let named = MetadataRequestTopic { name: Some("fresh".into()), ..Default::default() };
    let request =
        MetadataRequest { topics: Some(vec![named]), allow_auto_topic_creation: true, ..Default::default() };
    let topics = world.call(12, &request).topics;
    assert_eq!((topics[0].error_code, topics[0].partitions.len()), (ErrorCode::NONE, 1));
    assert_eq!(topics[0].partitions[0].leader_id, 0);
    // Once it was there it can be deleted and come again.
    let delete = kafka_wire::message::delete_topics::DeleteTopicsRequest {
        topic_names: vec!["fresh".into()],
        timeout_ms: 1000,
        ..Default::default()
    };
    assert_eq!(world.call(5, &delete).responses[0].error_code, ErrorCode::NONE);
    assert_eq!(world.call(12, &request).topics[0].error_code, ErrorCode::NONE);
}

#[test]
fn a_request_that_wants_too_much_gets_what_is_allowed() {
    let mut world = World::new();
    let many = (0..10_003).map(|n| with(&format!("t{n}"), |topic| topic.replication_factor = 9)).collect();
    let request = CreateTopicsRequest { topics: many, timeout_ms: 1000, validate_only: true };
    let results = world.call(7, &request).topics;
    let over = results.iter().filter(|result| result.error_code == ErrorCode::POLICY_VIOLATION).count();
    assert_eq!((results.len(), over), (10_003, 3));
    let large = (0..3).map(|n| with(&format!("t{n}"), |topic| topic.num_partitions = 40_000)).collect();
    let request = CreateTopicsRequest { topics: large, timeout_ms: 1000, validate_only: true };
    let codes: Vec<_> = world.call(7, &request).topics.iter().map(|result| result.error_code).collect();
    assert_eq!(codes, [ErrorCode::NONE, ErrorCode::NONE, ErrorCode::POLICY_VIOLATION]);
}
