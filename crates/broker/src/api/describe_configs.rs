//! DescribeConfigs (key 32): the settings of topics and brokers, all of them, each with its value in
//! force, where that comes from, its type and what it is for.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use clock::Now;
use cluster::TopicName;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
    DescribeConfigsResult, DescribeConfigsSynonym,
};

use crate::call::Call;
use crate::config_change::{BROKER, BROKER_LOGGER, TOPIC};
use crate::configs::{self, Entry, Source};
use crate::topic_creation::Refusal;
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=4;

/// The source of a log level.
const DYNAMIC_BROKER_LOGGER: i8 = 6;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    call: Call,
    request: DescribeConfigsRequest,
    effects: &mut Vec<Effect>,
) {
    // Each resource once: a small request must not make a huge answer.
    let mut seen = BTreeSet::new();
    let resources = request.resources.iter();
    let resources = resources.filter(|one| seen.insert((one.resource_type, one.resource_name.as_str())));
    let results = resources.map(|resource| {
        let described = describe(broker, resource, &request);
        let (configs, refusal) = match described {
            Ok(configs) => (configs, None),
            Err(refusal) => (Vec::new(), Some(refusal)),
        };
        DescribeConfigsResult {
            error_code: refusal.as_ref().map_or(ErrorCode::NONE, |refusal| refusal.code),
            error_message: refusal.map(|refusal| refusal.message),
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
            configs,
        }
    });
    let response = DescribeConfigsResponse { results: results.collect(), ..Default::default() };
    broker.answer(call, &response, effects);
}

fn describe<D: Disk>(
    broker: &Broker<D>,
    resource: &DescribeConfigsResource,
    request: &DescribeConfigsRequest,
) -> Result<Vec<DescribeConfigsResourceResult>, Refusal> {
    let entries = match resource.resource_type {
        TOPIC => topic_entries(broker, &resource.resource_name)?,
        BROKER if resource.resource_name.is_empty() => {
            // All brokers: only what is set for all of them.
            let mut entries = configs::broker_entries(broker);
            entries.retain_mut(|entry| {
                entry.synonyms.retain(|(.., source)| *source == Source::DynamicDefaultBroker);
                match entry.synonyms.first() {
                    Some((_, value, source)) => {
                        (entry.value, entry.source) = (value.clone(), *source);
                        true
                    }
                    None => false,
                }
            });
            entries
        }
        BROKER => {
            is_me(broker, &resource.resource_name)?;
            configs::broker_entries(broker)
        }
        BROKER_LOGGER => {
            is_me(broker, &resource.resource_name)?;
            return Ok(logger_results(resource));
        }
        other => {
            let message = format!("Resources of type {other} have no settings here.");
            return Err(Refusal::new(ErrorCode::INVALID_REQUEST, message));
        }
    };
    let asked = entries.into_iter().filter(|entry| is_asked(resource, &entry.name));
    Ok(asked.map(|entry| result(entry, request)).collect())
}

fn is_asked(resource: &DescribeConfigsResource, name: &str) -> bool {
    match &resource.configuration_keys {
        Some(keys) if !keys.is_empty() => keys.iter().any(|key| key == name),
        _ => true,
    }
}

fn topic_entries<D: Disk>(broker: &Broker<D>, name: &str) -> Result<Vec<Entry>, Refusal> {
    TopicName::parse(name)
        .map_err(|error| Refusal::new(ErrorCode::INVALID_TOPIC_EXCEPTION, error.to_string()))?;
    let cluster = broker.membership.cluster();
    if cluster.topic(name).is_none() {
        let message = format!("The topic '{name}' does not exist.");
        return Err(Refusal::new(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, message));
    }
    let own = cluster.topic_config(name).map(|config| config.0.clone()).unwrap_or_default();
    Ok(configs::topic_entries(broker, &own))
}

fn is_me<D: Disk>(broker: &Broker<D>, name: &str) -> Result<(), Refusal> {
    let me = broker.settings.broker_id;
    let message = match name.parse::<i32>() {
        Ok(id) if id == me => return Ok(()),
        Ok(id) => format!("Unexpected broker id, expected {me} or empty string, but received {id}"),
        Err(_) => format!("Broker id must be an integer, but it is: {name}"),
    };
    Err(Refusal::new(ErrorCode::INVALID_REQUEST, message))
}

fn logger_results(resource: &DescribeConfigsResource) -> Vec<DescribeConfigsResourceResult> {
    let loggers = configs::logger_entries().into_iter().filter(|(name, _)| is_asked(resource, name));
    let result = |(name, level): (&str, &str)| DescribeConfigsResourceResult {
        name: name.to_string(),
        value: Some(level.to_string()),
        config_source: DYNAMIC_BROKER_LOGGER,
        ..Default::default()
    };
    loggers.map(result).collect()
}

fn result(entry: Entry, request: &DescribeConfigsRequest) -> DescribeConfigsResourceResult {
    let synonyms = if request.include_synonyms { entry.synonyms } else { Vec::new() };
    DescribeConfigsResourceResult {
        name: entry.name,
        value: entry.value,
        read_only: entry.read_only,
        // Version 0 has this instead of the source.
        is_default: entry.source == Source::Default,
        config_source: entry.source as i8,
        is_sensitive: entry.is_sensitive,
        synonyms: synonyms
            .into_iter()
            .map(|(name, value, source)| DescribeConfigsSynonym { name, value, source: source as i8 })
            .collect(),
        config_type: entry.kind,
        documentation: request.include_documentation.then(|| entry.documentation.to_string()),
    }
}
