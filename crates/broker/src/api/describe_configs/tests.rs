//! DescribeConfigs over a scripted keeper.

use kafka_wire::ErrorCode;
use kafka_wire::message::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use kafka_wire::message::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResult,
};

use crate::config_change::{BROKER, BROKER_LOGGER, TOPIC};
use crate::testing::World;

fn world() -> World {
    let mut settings = crate::testing::settings();
    settings.properties.insert("log.retention.hours".into(), "24".into());
    settings.properties.insert("ssl.keystore.password".into(), "secret".into());
    settings.properties.insert("made.up".into(), "x".into());
    let mut world = World::with(settings);
    let own = CreatableTopicConfig { name: "segment.bytes".into(), value: Some("1000".into()) };
    let topic = CreatableTopic {
        name: "t".into(),
        num_partitions: 1,
        replication_factor: 1,
        configs: vec![own],
        ..Default::default()
    };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 1000, validate_only: false };
    world.call(7, &request);
    world
}

fn describe(
    world: &mut World,
    version: i16,
    kind: i8,
    name: &str,
    keys: Option<&[&str]>,
) -> DescribeConfigsResult {
    let resource = DescribeConfigsResource {
        resource_type: kind,
        resource_name: name.into(),
        configuration_keys: keys.map(|keys| keys.iter().map(|key| key.to_string()).collect()),
    };
    let request = DescribeConfigsRequest {
        resources: vec![resource],
        include_synonyms: version >= 1,
        include_documentation: version >= 3,
    };
    world.call(version, &request).results.remove(0)
}

fn show(config: &DescribeConfigsResourceResult) -> String {
    let synonyms: Vec<_> = config
        .synonyms
        .iter()
        .map(|one| format!("{}={}@{}", one.name, one.value.as_deref().unwrap_or("null"), one.source))
        .collect();
    format!("{}@{} {}", config.value.as_deref().unwrap_or("null"), config.config_source, synonyms.join(" "))
}

fn one(world: &mut World, kind: i8, name: &str, key: &str) -> String {
    let result = describe(world, 4, kind, name, Some(&[key]));
    assert_eq!((result.error_code, result.configs.len()), (ErrorCode::NONE, 1), "{result:?}");
    show(&result.configs[0])
}

#[test]
fn topics_show_every_setting_in_every_version() {
    let mut world = world();
    for version in 0..=4 {
        let result = describe(&mut world, version, TOPIC, "t", None);
        assert_eq!(result.error_code, ErrorCode::NONE);
        assert!(result.configs.len() >= 30, "{}", result.configs.len());
        let retention = result.configs.iter().find(|config| config.name == "retention.ms").unwrap();
        assert_eq!(retention.value.as_deref(), Some("86400000"));
        assert!(!retention.is_sensitive && !retention.read_only);
        if version >= 3 {
            assert_eq!(retention.config_type, 5, "a long");
            assert!(retention.documentation.as_ref().is_some_and(|text| !text.is_empty()));
        }
    }
}

#[test]
fn values_tell_where_they_come_from() {
    let mut world = world();
    let mut check =
        |kind, name, key, expect: &str| assert_eq!(one(&mut world, kind, name, key), expect, "{key}");
    check(TOPIC, "t", "segment.bytes", "1000@1 segment.bytes=1000@1 log.segment.bytes=1073741824@5");
    check(TOPIC, "t", "retention.ms", "86400000@4 log.retention.hours=24@4 log.retention.hours=168@5");
    check(TOPIC, "t", "min.insync.replicas", "1@5 min.insync.replicas=1@5");
    check(BROKER, "0", "log.retention.hours", "24@4 log.retention.hours=24@4 log.retention.hours=168@5");
    check(BROKER, "0", "num.partitions", "1@5 num.partitions=1@5");
    check(BROKER, "0", "broker.id", "0@4 broker.id=0@4 broker.id=-1@5");
    check(BROKER, "0", "ssl.keystore.password", "null@4 ssl.keystore.password=null@4");
    check(BROKER, "0", "made.up", "null@4 made.up=null@4");
}

#[test]
fn brokers_and_loggers_show_themselves_only() {
    let mut world = world();
    let all = describe(&mut world, 4, BROKER, "0", None);
    assert!(all.configs.len() > 200, "{}", all.configs.len());
    let read_only = |name: &str| all.configs.iter().find(|config| config.name == name).unwrap().read_only;
    assert!(read_only("broker.id") && !read_only("message.max.bytes"));
    assert_eq!(describe(&mut world, 4, BROKER, "", None).configs, [], "nothing is set for all brokers");
    assert_eq!(describe(&mut world, 4, BROKER_LOGGER, "0", None).configs.len(), 1);
    let mut check = |kind, name, expect| {
        let result = describe(&mut world, 4, kind, name, None);
        assert_eq!((result.error_code, result.configs.len()), (expect, 0), "{kind} {name}");
    };
    check(BROKER, "1", ErrorCode::INVALID_REQUEST);
    check(BROKER, "x", ErrorCode::INVALID_REQUEST);
    check(BROKER_LOGGER, "", ErrorCode::INVALID_REQUEST);
    check(TOPIC, "nope", ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    check(TOPIC, "a b", ErrorCode::INVALID_TOPIC_EXCEPTION);
    check(77, "t", ErrorCode::INVALID_REQUEST);
}
