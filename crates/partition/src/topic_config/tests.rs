use super::*;

fn overrides(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

#[test]
fn the_table_is_sorted_and_its_defaults_are_allowed() {
    assert!(ConfigKey::all().is_sorted_by(|a, b| a.name < b.name));
    for key in ConfigKey::all() {
        key.check(key.default).unwrap_or_else(|error| panic!("{error}"));
        assert!(std::ptr::eq(ConfigKey::find(key.name).unwrap(), key));
        assert!(key.documentation.ends_with('.'));
    }
    assert!(ConfigKey::find("retention").is_none());
}

#[test]
fn a_topic_overrides_the_broker_overrides_the_default() {
    let check = |topic: &[(&str, &str)], broker: &[(&str, &str)], expect: Option<i64>| {
        let broker = overrides(broker);
        let config = TopicConfig::resolve(&overrides(topic), |name| broker.get(name).map(String::as_str));
        assert_eq!(config.unwrap().retention_ms, expect, "{topic:?} {broker:?}");
    };
    check(&[], &[], Some(604_800_000));
    check(&[], &[("log.retention.hours", "1")], Some(3_600_000));
    check(&[], &[("log.retention.hours", "1"), ("log.retention.minutes", "2")], Some(120_000));
    check(&[], &[("log.retention.minutes", "2"), ("log.retention.ms", "5")], Some(5));
    check(&[], &[("log.retention.hours", "-1")], None);
    check(&[("retention.ms", "7")], &[("log.retention.ms", "5")], Some(7));
    check(&[("retention.ms", "-1")], &[], None);
}

#[test]
fn values_are_checked() {
    let check = |name: &str, value: &str, expect: &str| {
        let outcome = TopicConfig::resolve(&overrides(&[(name, value)]), |_| None);
        let text = outcome.map_or_else(|error| error.to_string(), |_| String::new());
        assert!(text.contains(expect) && text.is_empty() == expect.is_empty(), "{name}={value}: {text}");
    };
    check("retention.ms", "x", "at least -1");
    check("retention.ms", "-2", "at least -1");
    check("retention.ms", " 5 ", "");
    check("segment.bytes", "13", "at least 14");
    check("segment.bytes", "2147483648", "at least 14");
    check("cleanup.policy", "compact, delete", "");
    check("cleanup.policy", "", "");
    check("cleanup.policy", "shred", "one of compact, delete");
    check("compression.type", "lz4", "");
    check("compression.type", "none", "one of");
    check("compression.zstd.level", "23", "between");
    check("compression.gzip.level", "-1", "");
    check("compression.gzip.level", "0", "between 1 and 9 or equal to -1");
    check("compression.gzip.level", "10", "between 1 and 9 or equal to -1");
    check("compression.lz4.level", "0", "between 1 and 17");
    check("min.cleanable.dirty.ratio", "0.75", "");
    check("min.cleanable.dirty.ratio", "1.5", "between 0 and 1");
    check("preallocate", "True", "");
    check("preallocate", "yes", "true or false");
    check("leader.replication.throttled.replicas", "0:1,2:3", "");
    check("leader.replication.throttled.replicas", "*", "");
    check("leader.replication.throttled.replicas", "0", "partition:broker");
    check("remote.storage.enable", "true", "one of false");
    check("remote.storage.enable", "false", "");
    check("no.such.key", "1", "no topic setting of this name");
    check("min.compaction.lag.ms", "5", "");
    let both = overrides(&[("min.compaction.lag.ms", "5"), ("max.compaction.lag.ms", "4")]);
    assert!(TopicConfig::resolve(&both, |_| None).is_err());
    let error = TopicConfig::resolve(&overrides(&[]), |name| (name == "log.roll.hours").then_some("soon"));
    assert!(error.unwrap_err().to_string().contains("log.roll.hours"));
}

#[test]
fn defaults_are_kafkas() {
    let config = TopicConfig::default();
    assert_eq!(config.cleanup, CleanupPolicy::Delete);
    assert_eq!(config.compression, CompressionType::Producer);
    assert_eq!((config.message_bytes_max, config.segment_bytes), (1_048_588, 1 << 30));
    assert_eq!((config.flush_messages, config.flush_ms), (i64::MAX, i64::MAX));
    assert_eq!((config.retention_bytes, config.in_sync_min), (None, 1));
    assert!(config.cleanup.deletes() && !config.cleanup.compacts());
}

#[test]
fn timestamps_ahead_are_bounded_unless_an_earlier_release_is_named() {
    let check = |version: Option<&str>, expect: i64| {
        let broker = |name: &str| if name == "inter.broker.protocol.version" { version } else { None };
        let config = TopicConfig::resolve(&BTreeMap::new(), broker).unwrap();
        assert_eq!(config.timestamp_after_ms_max, expect, "{version:?}");
    };
    check(None, 3_600_000);
    check(Some("3.9-IV0"), i64::MAX);
    check(Some("2.8"), i64::MAX);
    check(Some("4.0-IV3"), 3_600_000);
}

#[test]
fn the_level_is_that_of_the_codec() {
    let check = |pairs: &[(&str, &str)], broker: Option<&str>, expect: Packing| {
        let lookup = |name: &str| if name == "compression.zstd.level" { broker } else { None };
        let config = TopicConfig::resolve(&overrides(pairs), lookup).unwrap();
        assert_eq!(config.compression, CompressionType::Fixed(expect), "{pairs:?}");
    };
    let at = |codec, level| Packing { codec, level: Some(level) };
    check(&[("compression.type", "zstd")], None, at(Codec::Zstd, 3));
    check(&[("compression.type", "zstd")], Some("7"), at(Codec::Zstd, 7));
    check(&[("compression.type", "zstd"), ("compression.zstd.level", "19")], Some("7"), at(Codec::Zstd, 19));
    check(&[("compression.type", "gzip"), ("compression.gzip.level", "9")], None, at(Codec::Gzip, 9));
    check(&[("compression.type", "lz4"), ("compression.zstd.level", "1")], None, at(Codec::Lz4, 9));
    check(&[("compression.type", "snappy")], None, Codec::Snappy.into());
}
