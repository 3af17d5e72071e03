//! Changes of settings by AlterConfigs and IncrementalAlterConfigs: checked, written to the keeper, and
//! answered when this broker goes by them.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use clock::{Moment, Now};
use cluster::plan::{self, Settings};
use cluster::znodes::EntityConfig;
use cluster::{BrokerId, path};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::{alter_configs, incremental_alter_configs};
use partition::{ConfigKey, ConfigKind, TopicConfig};

use crate::call::Call;
use crate::configs::{BrokerKey, Scope, broker_text};
use crate::keeper_write::{Fate, KeeperWrite};
use crate::limits::{CONFIG_CHANGE_WAIT, NAMES_PER_REQUEST_MAX};
use crate::purgatory::{Parked, Patience, WatchKey};
use crate::topic_creation::{Names, Refusal, settings_of};
use crate::{Broker, Effect};

/// Kinds of things that have settings, numbered as the protocol does.
pub(crate) const TOPIC: i8 = 2;
pub(crate) const BROKER: i8 = 4;
pub(crate) const BROKER_LOGGER: i8 = 8;

/// What has settings.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Entity {
    Topic(String),
    /// All brokers for `None`.
    Broker(Option<BrokerId>),
}

/// A request that waits for its changes to be in force.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    deadline: Moment,
    incremental: bool,
    changes: Vec<Change>,
}

/// What became of the settings of one entity.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) kind: i8,
    pub(crate) name: String,
    /// `None` if nothing is to be written: a validation.
    pub(crate) fate: Result<Option<(Entity, EntityConfig, KeeperWrite)>, Refusal>,
}

impl Entity {
    /// Whom a request means: itself or refused.
    pub(crate) fn of<D: Disk>(broker: &Broker<D>, kind: i8, name: &str) -> Result<Entity, Refusal> {
        let refuse = |message: String| Err(Refusal::new(ErrorCode::INVALID_REQUEST, message));
        match kind {
            TOPIC if name.is_empty() => refuse("Default topic resources are not allowed.".into()),
            TOPIC if broker.membership.cluster().topic(name).is_some() => Ok(Entity::Topic(name.to_string())),
            TOPIC => {
                let message = format!("The topic '{name}' does not exist.");
                Err(Refusal::new(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, message))
            }
            BROKER if name.is_empty() => Ok(Entity::Broker(None)),
            BROKER => match name.parse::<i32>() {
                Ok(id) if id == broker.settings.broker_id => Ok(Entity::Broker(Some(BrokerId(id)))),
                Ok(id) => refuse(format!(
                    "Unexpected broker id, expected {}, but received {id}",
                    broker.settings.broker_id
                )),
                Err(_) => refuse(format!("Broker id must be an integer, but it is: {name}")),
            },
            BROKER_LOGGER => refuse("Log levels of this broker cannot be changed through the API.".into()),
            other => refuse(format!(
                "Only topics and brokers have settings that can be changed, not type {other}."
            )),
        }
    }

    /// Below `/config`.
    fn path(&self) -> String {
        let full = match self {
            Entity::Topic(name) => path::topic_config(name),
            Entity::Broker(id) => path::broker_config(*id),
        };
        full.trim_start_matches("/config/").to_string()
    }

    fn present<'a, D: Disk>(&self, broker: &'a Broker<D>) -> Option<&'a EntityConfig> {
        match self {
            Entity::Topic(name) => broker.membership.cluster().topic_config(name),
            Entity::Broker(id) => broker.membership.cluster().broker_config(*id),
        }
    }

    /// Whether the settings can be.
    fn check<D: Disk>(&self, broker: &Broker<D>, config: &EntityConfig) -> Result<(), Refusal> {
        let invalid = |message: String| Refusal::new(ErrorCode::INVALID_CONFIG, message);
        match self {
            Entity::Topic(_) => TopicConfig::resolve(&config.0, |name| broker_text(broker, name))
                .map(drop)
                .map_err(|error| invalid(error.to_string())),
            Entity::Broker(_) => {
                for (name, value) in &config.0 {
                    check_broker_value(name, value).map_err(|(code, message)| Refusal::new(code, message))?;
                }
                Ok(())
            }
        }
    }
}

fn check_broker_value(name: &str, value: &str) -> Result<(), (ErrorCode, String)> {
    let Some(key) = BrokerKey::find(name) else {
        return Err((ErrorCode::INVALID_CONFIG, format!("There is no broker setting {name}.")));
    };
    if key.scope == Scope::AtStart {
        let message =
            format!("Cannot update these configs dynamically: {name}. Set it in server.properties.");
        return Err((ErrorCode::INVALID_REQUEST, message));
    }
    if !key.fits(value) {
        let message = format!("Invalid value {value} for configuration {name}: it is not of the right type.");
        return Err((ErrorCode::INVALID_CONFIG, message));
    }
    // Where topics inherit the value, it must suit them, too.
    for topic_key in ConfigKey::all() {
        if topic_key.synonyms.iter().any(|synonym| synonym.name == name && synonym.factor == 1) {
            topic_key.check(value).map_err(|error| (ErrorCode::INVALID_CONFIG, error.to_string()))?;
        }
    }
    Ok(())
}

/// The settings of an entity after a change.
pub(crate) type Next = Result<(Entity, EntityConfig), Refusal>;

/// Replaces all settings of an entity.
pub(crate) fn replaced<D: Disk>(broker: &Broker<D>, resource: &alter_configs::AlterConfigsResource) -> Next {
    let entity = Entity::of(broker, resource.resource_type, &resource.resource_name)?;
    let mut config = EntityConfig::default();
    for entry in &resource.configs {
        // A null value means the default, which is what leaving it out does.
        if let Some(value) = &entry.value {
            config.0.insert(entry.name.clone(), value.clone());
        }
    }
    entity.check(broker, &config)?;
    Ok((entity, config))
}

/// Applies operations to the settings of an entity.
pub(crate) fn operated<D: Disk>(
    broker: &Broker<D>,
    resource: &incremental_alter_configs::AlterConfigsResource,
) -> Next {
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    const APPEND: i8 = 2;
    const SUBTRACT: i8 = 3;
    let entity = Entity::of(broker, resource.resource_type, &resource.resource_name)?;
    let mut config = entity.present(broker).cloned().unwrap_or_default();
    let refuse = |message: String| Refusal::new(ErrorCode::INVALID_REQUEST, message);
    let mut seen = BTreeMap::new();
    for entry in &resource.configs {
        let name = &entry.name;
        if seen.insert(name, ()).is_some() {
            return Err(refuse(format!("Configuration {name} is given more than once.")));
        }
        let value = || {
            let missing = || refuse(format!("Null value not supported for configuration {name}."));
            entry.value.clone().ok_or_else(missing)
        };
        match entry.config_operation {
            SET => {
                config.0.insert(name.clone(), value()?);
            }
            DELETE => {
                config.0.remove(name);
            }
            APPEND | SUBTRACT => {
                if !is_list(&entity, name) {
                    let message =
                        format!("Configuration {name} is no list: nothing can be appended or subtracted.");
                    return Err(Refusal::new(ErrorCode::INVALID_CONFIG, message));
                }
                let present = config.0.get(name).cloned().or_else(|| in_force(broker, &entity, name));
                let mut words: Vec<String> = split(&present.unwrap_or_default());
                let given = split(&value()?);
                if entry.config_operation == APPEND {
                    let fresh: Vec<_> = given.into_iter().filter(|word| !words.contains(word)).collect();
                    words.extend(fresh);
                } else {
                    words.retain(|word| !given.contains(word));
                }
                config.0.insert(name.clone(), words.join(","));
            }
            other => return Err(refuse(format!("There is no operation {other}."))),
        }
    }
    entity.check(broker, &config)?;
    Ok((entity, config))
}

fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_string).collect()
}

fn is_list(entity: &Entity, name: &str) -> bool {
    match entity {
        Entity::Topic(_) => ConfigKey::find(name).is_some_and(|key| key.kind == ConfigKind::List),
        Entity::Broker(_) => {
            BrokerKey::find(name).is_some_and(|key| key.kind as i8 == ConfigKind::List as i8)
        }
    }
}

/// The value that a list has without being set for the entity.
fn in_force<D: Disk>(broker: &Broker<D>, entity: &Entity, name: &str) -> Option<String> {
    match entity {
        Entity::Topic(_) => {
            let key = ConfigKey::find(name)?;
            key.inherited(|name| broker_text(broker, name)).ok().map(|(value, _)| value)
        }
        Entity::Broker(_) => {
            let default = || BrokerKey::find(name).and_then(|key| key.default);
            broker_text(broker, name).or_else(default).map(str::to_string)
        }
    }
}

/// Writes the changes that may be, and answers when they are in force.
pub(crate) fn begin<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    incremental: bool,
    validate_only: bool,
    wanted: Vec<(i8, String, Next)>,
    effects: &mut Vec<Effect>,
) {
    let mut changes: Vec<Change> = Vec::with_capacity(wanted.len());
    let mut taken = BTreeSet::new();
    for (kind, name, next) in wanted {
        let fate = match next {
            _ if changes.len() >= NAMES_PER_REQUEST_MAX => Err(Names::too_many()),
            _ if !taken.insert((kind, name.clone())) => Err(Names::repeated()),
            Err(refusal) => Err(refusal),
            Ok(_) if validate_only => Ok(None),
            Ok((entity, config)) => {
                let settings = match &entity {
                    Entity::Topic(name) => settings_of(broker, name),
                    Entity::Broker(_) if entity.present(broker).is_some() => Settings::Present,
                    Entity::Broker(_) => Settings::Absent,
                };
                let write = broker.write(plan::set_config(&entity.path(), &config, settings), effects);
                Ok(Some((entity, config, write)))
            }
        };
        changes.push(Change { kind, name, fate });
    }
    let waiting = Waiting { call, deadline: now.moment + CONFIG_CHANGE_WAIT, incremental, changes };
    retry(broker, now, waiting, Patience::Left, effects);
}

/// Answers if all changes are in force or refused, or lets the request wait on.
pub(crate) fn retry<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    waiting: Waiting,
    patience: Patience,
    effects: &mut Vec<Effect>,
) {
    let outcomes: Vec<_> = waiting.changes.iter().map(|change| outcome(broker, change)).collect();
    if patience == Patience::Left && outcomes.iter().any(Option::is_none) {
        let (connection, deadline) = (waiting.call.connection, waiting.deadline);
        let parked = Parked::AlterConfigs(waiting);
        return broker.purgatory.park(connection, deadline, vec![WatchKey::Topics], parked);
    }
    let late = || Some(Refusal::new(ErrorCode::REQUEST_TIMED_OUT, "The keeper did not answer in time."));
    let refusals = outcomes.into_iter().map(|outcome| outcome.map_or_else(late, Result::err));
    let answers = waiting.changes.iter().zip(refusals).map(|(change, refusal)| {
        let code = refusal.as_ref().map_or(ErrorCode::NONE, |refusal| refusal.code);
        (code, refusal.map(|refusal| refusal.message), change.kind, change.name.clone())
    });
    if waiting.incremental {
        let responses = answers.map(|(error_code, error_message, resource_type, resource_name)| {
            incremental_alter_configs::AlterConfigsResourceResponse {
                error_code,
                error_message,
                resource_type,
                resource_name,
            }
        });
        let response = incremental_alter_configs::IncrementalAlterConfigsResponse {
            responses: responses.collect(),
            ..Default::default()
        };
        broker.answer(waiting.call, &response, effects);
    } else {
        let responses = answers.map(|(error_code, error_message, resource_type, resource_name)| {
            alter_configs::AlterConfigsResourceResponse {
                error_code,
                error_message,
                resource_type,
                resource_name,
            }
        });
        let response =
            alter_configs::AlterConfigsResponse { responses: responses.collect(), ..Default::default() };
        broker.answer(waiting.call, &response, effects);
    }
}

/// `None` while the change is under way.
fn outcome<D: Disk>(broker: &Broker<D>, change: &Change) -> Option<Result<(), Refusal>> {
    let (entity, config, write) = match &change.fate {
        Err(refusal) => return Some(Err(refusal.clone())),
        Ok(None) => return Some(Ok(())),
        Ok(Some(change)) => change,
    };
    match write.fate() {
        Some(Fate::Failed(_, error)) => {
            let message = format!("The settings changed meanwhile; try again ({error}).");
            Some(Err(Refusal::new(ErrorCode::UNKNOWN_SERVER_ERROR, message)))
        }
        None => None,
        Some(Fate::Done | Fate::Unknown) => (entity.present(broker) == Some(config)).then_some(Ok(())),
    }
}
