//! The configuration that Kafka's tools can see: every key of topics and brokers with its type, default
//! and documentation, and the effective value of each.
//!
//! A broker's setting comes, the strongest first, from the dynamic settings of this broker, from those of
//! all brokers (both in the keeper), from `server.properties`, from the default. A topic's comes from its
//! own settings, then from those of the broker that stand for it.

mod broker_keys;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use cluster::BrokerId;
use disk::Disk;
use partition::{ConfigKey, ConfigKind};

use crate::Broker;
pub(crate) use broker_keys::{BrokerKey, Scope};

/// Where a value comes from, numbered as DescribeConfigs does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    Topic = 1,
    /// Set in the keeper for this broker.
    DynamicBroker = 2,
    /// Set in the keeper for all brokers.
    DynamicDefaultBroker = 3,
    /// Set in `server.properties`.
    StaticBroker = 4,
    Default = 5,
}

/// One setting with its value in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// `None` for a secret, and where there is no value.
    pub(crate) value: Option<String>,
    pub(crate) source: Source,
    pub(crate) read_only: bool,
    pub(crate) is_sensitive: bool,
    /// As DescribeConfigs numbers types.
    pub(crate) kind: i8,
    pub(crate) documentation: &'static str,
    /// All values that were considered, the strongest first: name, value, source.
    pub(crate) synonyms: Vec<(String, Option<String>, Source)>,
}

/// The text of a broker's setting as somebody set it; `None` where the default holds.
pub(crate) fn broker_text<'a, D: Disk>(broker: &'a Broker<D>, name: &str) -> Option<&'a str> {
    set_values(broker, name).next().map(|(text, _)| text)
}

/// The text of a broker's setting as it is set in the keeper: for this broker, or else for all of them.
pub(crate) fn dynamic_text<'a, D: Disk>(broker: &'a Broker<D>, name: &str) -> Option<&'a str> {
    let cluster = broker.membership.cluster();
    let of = |who| cluster.broker_config(who).and_then(|config| config.value(name));
    of(Some(BrokerId(broker.settings.broker_id))).or_else(|| of(None))
}

/// A number among a broker's settings, or `default` if it is not set or no number.
pub(crate) fn broker_number<D: Disk>(broker: &Broker<D>, name: &str, default: i32) -> i32 {
    broker_text(broker, name).and_then(|text| text.trim().parse().ok()).unwrap_or(default)
}

/// All places in which a broker's setting is set, the strongest first.
fn set_values<'a, D: Disk>(
    broker: &'a Broker<D>,
    name: &str,
) -> impl Iterator<Item = (&'a str, Source)> + use<'a, D> {
    let cluster = broker.membership.cluster();
    let me = BrokerId(broker.settings.broker_id);
    let own = cluster.broker_config(Some(me)).and_then(|config| config.value(name));
    let common = cluster.broker_config(None).and_then(|config| config.value(name));
    let file = broker.settings.properties.get(name).map(String::as_str);
    [
        own.map(|text| (text, Source::DynamicBroker)),
        common.map(|text| (text, Source::DynamicDefaultBroker)),
        file.map(|text| (text, Source::StaticBroker)),
    ]
    .into_iter()
    .flatten()
}

/// Every setting of a topic that has these of its own.
pub(crate) fn topic_entries<D: Disk>(broker: &Broker<D>, own: &BTreeMap<String, String>) -> Vec<Entry> {
    ConfigKey::all().iter().map(|key| topic_entry(broker, key, own.get(key.name))).collect()
}

fn topic_entry<D: Disk>(broker: &Broker<D>, key: &ConfigKey, own: Option<&String>) -> Entry {
    let mut synonyms: Vec<_> =
        own.map(|own| (key.name.to_string(), Some(own.clone()), Source::Topic)).into_iter().collect();
    for synonym in key.synonyms {
        let set = set_values(broker, synonym.name);
        synonyms.extend(set.map(|(text, source)| (synonym.name.to_string(), Some(text.to_string()), source)));
    }
    // What the topic inherits, in units of the topic's key.
    let inherited = key.inherited(|name| broker_text(broker, name)).ok();
    let (value, source) = match (own, &inherited, synonyms.first()) {
        (Some(own), ..) => (own.clone(), Source::Topic),
        (None, Some((value, Some(_))), Some((.., source))) => (value.clone(), *source),
        _ => (key.default.to_string(), Source::Default),
    };
    let last = key.synonyms.last();
    let default = match last.and_then(|synonym| BrokerKey::find(synonym.name)) {
        Some(known) => (known.name.to_string(), known.default.map(str::to_string), Source::Default),
        None => (key.name.to_string(), Some(key.default.to_string()), Source::Default),
    };
    synonyms.push(default);
    Entry {
        name: key.name.to_string(),
        value: Some(value),
        source,
        read_only: false,
        is_sensitive: false,
        kind: topic_kind(key.kind),
        documentation: key.documentation,
        synonyms,
    }
}

fn topic_kind(kind: ConfigKind) -> i8 {
    kind as i8
}

/// Every setting of this broker, those of unknown names in `server.properties` included.
pub(crate) fn broker_entries<D: Disk>(broker: &Broker<D>) -> Vec<Entry> {
    let is_shown =
        |key: &&BrokerKey| key.scope != Scope::OnlyDynamic || dynamic_text(broker, key.name).is_some();
    let known = BrokerKey::all().iter().filter(is_shown).map(|key| broker_entry(broker, key));
    let unknown = broker.settings.properties.keys().filter(|name| BrokerKey::find(name).is_none());
    // A setting that nobody knows may be anything, a secret too.
    let unknown = unknown.map(|name| Entry {
        name: name.clone(),
        value: None,
        source: Source::StaticBroker,
        read_only: true,
        is_sensitive: true,
        kind: 0,
        documentation: "",
        synonyms: vec![(name.clone(), None, Source::StaticBroker)],
    });
    known.chain(unknown).collect()
}

fn broker_entry<D: Disk>(broker: &Broker<D>, key: &'static BrokerKey) -> Entry {
    let shown = |text: &str| (!key.is_sensitive()).then(|| text.to_string());
    let mut synonyms: Vec<_> = set_values(broker, key.name)
        .map(|(text, source)| (key.name.to_string(), shown(text), source))
        .collect();
    let actual = actual(broker, key.name);
    if let (Some(text), true) = (&actual, synonyms.is_empty()) {
        synonyms.push((key.name.to_string(), shown(text), Source::StaticBroker));
    }
    if let Some(default) = key.default {
        synonyms.push((key.name.to_string(), shown(default), Source::Default));
    }
    let (value, source) = match synonyms.first() {
        Some((_, value, source)) => (value.clone(), *source),
        None => (None, Source::Default),
    };
    Entry {
        name: key.name.to_string(),
        value,
        source,
        read_only: key.scope == Scope::AtStart,
        is_sensitive: key.is_sensitive(),
        kind: key.kind as i8,
        documentation: key.documentation,
        synonyms,
    }
}

/// What the command line decided and no file says.
fn actual<D: Disk>(broker: &Broker<D>, name: &str) -> Option<String> {
    let settings = &broker.settings;
    match name {
        "broker.id" => Some(settings.broker_id.to_string()),
        "broker.rack" => settings.rack.clone(),
        "log.dirs" => {
            let paths = settings.log_directories.iter().map(|path| path.display().to_string());
            Some(paths.collect::<Vec<_>>().join(","))
        }
        "advertised.listeners" => {
            let listener = |listener: &crate::Listener| {
                format!("{}://{}:{}", listener.name, listener.advertised_host, listener.advertised_port)
            };
            Some(settings.listeners.iter().map(listener).collect::<Vec<_>>().join(","))
        }
        "auto.create.topics.enable" if !settings.auto_create_topics => Some("false".into()),
        _ => None,
    }
}

/// Settings of a broker under the names of the loggers that Kafka's tools know; here there is one level
/// for all of them, which cannot be changed through the API.
pub(crate) fn logger_entries() -> Vec<(&'static str, &'static str)> {
    vec![("root", "INFO")]
}
