//! The configuration that Kafka's tools can see: every key of topics and brokers with its type, default
//! and documentation, and the effective value of each.
//!
//! A broker's setting comes, the strongest first, from the dynamic settings of this broker, from those of
//! all brokers (both in the keeper), from `server.properties`, from the default.

use disk::Disk;
use partition::{ConfigError, TopicConfig};

use crate::Broker;

/// The text of a broker's setting as somebody set it; `None` where the default holds.
pub(crate) fn broker_text<'a, D: Disk>(broker: &'a Broker<D>, name: &str) -> Option<&'a str> {
    let cluster = broker.membership.cluster();
    let me = cluster::BrokerId(broker.settings.broker_id);
    let own = cluster.broker_config(Some(me)).and_then(|config| config.value(name));
    let common = || cluster.broker_config(None).and_then(|config| config.value(name));
    own.or_else(common).or_else(|| broker.settings.properties.get(name).map(String::as_str))
}

/// The settings in force for a topic.
pub(crate) fn topic_config<D: Disk>(broker: &Broker<D>, topic: &str) -> Result<TopicConfig, ConfigError> {
    let none = Default::default();
    let own = broker.membership.cluster().topic_config(topic).map_or(&none, |config| &config.0);
    TopicConfig::resolve(own, |name| broker_text(broker, name))
}

/// A number among a broker's settings, or `default` if it is not set or no number.
pub(crate) fn broker_number<D: Disk>(broker: &Broker<D>, name: &str, default: i32) -> i32 {
    broker_text(broker, name).and_then(|text| text.trim().parse().ok()).unwrap_or(default)
}
