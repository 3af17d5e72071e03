//! AlterConfigs and IncrementalAlterConfigs over a scripted keeper.

use kafka_wire::ErrorCode;
use kafka_wire::message::create_topics::{CreatableTopic, CreateTopicsRequest};
use kafka_wire::message::{alter_configs, incremental_alter_configs};

use super::{BROKER, BROKER_LOGGER, TOPIC};
use crate::testing::World;

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

fn world() -> World {
    let mut world = World::new();
    let topic =
        CreatableTopic { name: "t".into(), num_partitions: 1, replication_factor: 1, ..Default::default() };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 1000, validate_only: false };
    world.call(7, &request);
    world
}

type Operation<'a> = (&'a str, i8, Option<&'a str>);

fn operate(
    world: &mut World,
    version: i16,
    resource: (i8, &str),
    operations: &[Operation<'_>],
    validate_only: bool,
) -> ErrorCode {
    let configs =
        operations.iter().map(|(name, config_operation, value)| incremental_alter_configs::AlterableConfig {
            name: name.to_string(),
            config_operation: *config_operation,
            value: value.map(str::to_string),
        });
    let resource = incremental_alter_configs::AlterConfigsResource {
        resource_type: resource.0,
        resource_name: resource.1.into(),
        configs: configs.collect(),
    };
    let request = incremental_alter_configs::IncrementalAlterConfigsRequest {
        resources: vec![resource],
        validate_only,
    };
    world.call(version, &request).responses[0].error_code
}

fn stored(world: &World) -> String {
    let text = world.keeper.text("/config/topics/t").unwrap();
    text.strip_prefix(r#"{"version":1,"config":"#)
        .and_then(|text| text.strip_suffix('}'))
        .unwrap()
        .to_string()
}

#[test]
fn single_settings_are_set_deleted_and_edited() {
    let mut world = world();
    let mut check = |operations: &[Operation<'_>], expect: &str| {
        let error = operate(&mut world, 1, (TOPIC, "t"), operations, false);
        assert_eq!(error, ErrorCode::NONE, "{operations:?}");
        assert_eq!(stored(&world), expect);
    };
    check(&[("retention.ms", SET, Some("1000"))], r#"{"retention.ms":"1000"}"#);
    check(
        &[("cleanup.policy", APPEND, Some("compact"))],
        r#"{"cleanup.policy":"delete,compact","retention.ms":"1000"}"#,
    );
    check(
        &[("cleanup.policy", SUBTRACT, Some("delete")), ("retention.ms", DELETE, None)],
        r#"{"cleanup.policy":"compact"}"#,
    );
    check(&[("cleanup.policy", APPEND, Some("compact"))], r#"{"cleanup.policy":"compact"}"#);
    let notes = world.keeper.paths().filter(|path| path.starts_with("/config/changes/config_change_"));
    assert_eq!(notes.count(), 4, "every change leaves a note for brokers without recursive watches");
}

#[test]
fn wrong_operations_change_nothing() {
    let mut world = world();
    let mut check = |resource: (i8, &str), operations: &[Operation<'_>], expect: ErrorCode| {
        let error = operate(&mut world, 1, resource, operations, false);
        assert_eq!(error, expect, "{operations:?}");
    };
    let topic = (TOPIC, "t");
    check(topic, &[("retention.ms", SET, Some("soon"))], ErrorCode::INVALID_CONFIG);
    check(topic, &[("no.such.key", SET, Some("1"))], ErrorCode::INVALID_CONFIG);
    check(topic, &[("retention.ms", APPEND, Some("1"))], ErrorCode::INVALID_CONFIG);
    check(topic, &[("retention.ms", SET, None)], ErrorCode::INVALID_REQUEST);
    check(topic, &[("retention.ms", 9, Some("1"))], ErrorCode::INVALID_REQUEST);
    let twice = [("retention.ms", SET, Some("1")), ("retention.ms", DELETE, None)];
    check(topic, &twice, ErrorCode::INVALID_REQUEST);
    let half_wrong = [("retention.ms", SET, Some("1")), ("segment.bytes", SET, Some("x"))];
    check(topic, &half_wrong, ErrorCode::INVALID_CONFIG);
    check((TOPIC, "nope"), &[], ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    check((TOPIC, ""), &[], ErrorCode::INVALID_REQUEST);
    check((BROKER, "9"), &[], ErrorCode::INVALID_REQUEST);
    check((BROKER, "x"), &[], ErrorCode::INVALID_REQUEST);
    check((BROKER_LOGGER, "0"), &[], ErrorCode::INVALID_REQUEST);
    check((16, "metrics"), &[], ErrorCode::INVALID_REQUEST);
    check((BROKER, "0"), &[("broker.id", SET, Some("1"))], ErrorCode::INVALID_REQUEST);
    check((BROKER, "0"), &[("message.max.bytes", SET, Some("x"))], ErrorCode::INVALID_CONFIG);
    check((BROKER, ""), &[("log.cleanup.policy", SET, Some("x"))], ErrorCode::INVALID_CONFIG);
    assert_eq!(stored(&world), "{}");
}

#[test]
fn brokers_have_dynamic_settings() {
    let mut world = world();
    let set = [("message.max.bytes", SET, Some("2000000"))];
    assert_eq!(operate(&mut world, 1, (BROKER, ""), &set, false), ErrorCode::NONE);
    assert_eq!(
        world.keeper.text("/config/brokers/<default>").as_deref(),
        Some(r#"{"version":1,"config":{"message.max.bytes":"2000000"}}"#)
    );
    let topic = std::sync::Arc::from("t");
    assert_eq!(world.broker.replicas.config_of(&topic).message_bytes_max, 2_000_000, "topics inherit it");
    assert_eq!(operate(&mut world, 1, (BROKER, "0"), &set, false), ErrorCode::NONE);
    assert_eq!(
        operate(&mut world, 0, (BROKER, "0"), &[("message.max.bytes", DELETE, None)], false),
        ErrorCode::NONE
    );
    assert_eq!(world.keeper.text("/config/brokers/0").as_deref(), Some(r#"{"version":1,"config":{}}"#));
}

#[test]
fn a_validation_changes_nothing() {
    let mut world = world();
    let set = [("retention.ms", SET, Some("1"))];
    assert_eq!(operate(&mut world, 1, (TOPIC, "t"), &set, true), ErrorCode::NONE);
    assert_eq!(stored(&world), "{}");
}

#[test]
fn the_older_request_replaces_everything() {
    let mut world = world();
    operate(&mut world, 1, (TOPIC, "t"), &[("retention.ms", SET, Some("1"))], false);
    for version in 0..=2 {
        let entry = |name: &str, value: Option<&str>| alter_configs::AlterableConfig {
            name: name.into(),
            value: value.map(str::to_string),
        };
        let value = version.to_string();
        let resource = alter_configs::AlterConfigsResource {
            resource_type: TOPIC,
            resource_name: "t".into(),
            configs: vec![entry("flush.ms", Some(&value)), entry("retention.bytes", None)],
        };
        let request = alter_configs::AlterConfigsRequest { resources: vec![resource], validate_only: false };
        assert_eq!(world.call(version, &request).responses[0].error_code, ErrorCode::NONE);
        assert_eq!(stored(&world), format!(r#"{{"flush.ms":"{version}"}}"#));
    }
}
