//! [`Cluster`]: what the znodes say, as one value.
//!
//! It is told what was read at each path ([`Cluster::observe`]) and answers questions; it asks for
//! nothing itself. What it holds is a prefix of the tree's history as long as observations arrive in
//! the order in which one session got them. A malformed znode changes nothing: the last good reading
//! stays, and the caller learns what was wrong.

use crate::metadata::{Metadata, TopicMetadata};
use crate::znodes::{
    ClusterId, ControllerNode, EntityConfig, FeatureNode, LogDirEvent, Malformed, PartitionState,
    Registration, Replicas, TopicNode, decode_controller_epoch,
};
use crate::{BrokerEpoch, BrokerId, ControllerEpoch, PartitionEpoch, Place, TopicId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use zookeeper_wire::{SessionId, Stat};

/// A typed view of a cluster's znodes.
#[derive(Clone, Default, Debug)]
pub struct Cluster {
    id: Option<ClusterId>,
    controller: Option<Controller>,
    controller_epoch: Option<(ControllerEpoch, i32)>,
    feature: Option<FeatureNode>,
    brokers: BTreeMap<BrokerId, Broker>,
    topics: BTreeMap<Arc<str>, Topic>,
    names: BTreeMap<TopicId, Arc<str>>,
    states: BTreeMap<Arc<str>, BTreeMap<i32, (PartitionState, PartitionEpoch)>>,
    topic_configs: BTreeMap<String, EntityConfig>,
    broker_configs: BTreeMap<Option<BrokerId>, EntityConfig>,
    deleting: BTreeSet<String>,
    log_dir_events: BTreeMap<String, LogDirEvent>,
    metadata: Arc<Metadata>,
    stale: Stale,
}

/// A broker that is registered now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broker {
    /// Where it can be reached.
    pub registration: Registration,
    /// Which of its lives this is.
    pub epoch: BrokerEpoch,
    /// The session that holds the registration.
    pub session: SessionId,
}

/// The broker that holds `/controller`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Controller {
    /// What it wrote.
    pub node: ControllerNode,
    /// The znode's czxid: grows with each election.
    pub czxid: i64,
    /// The session that holds the znode.
    pub session: SessionId,
}

/// A topic's znode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topic {
    /// Id and assignment.
    pub node: TopicNode,
    /// The znode's version, to write it back under.
    pub version: i32,
    /// The znode's czxid: differs between two topics that had the same name one after the other.
    pub czxid: i64,
}

/// A partition as the two znodes that describe it say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartitionView<'a> {
    /// Planned replicas.
    pub replicas: &'a Replicas,
    /// Who leads, and the version of that znode; `None` until a controller wrote it.
    pub state: Option<&'a (PartitionState, PartitionEpoch)>,
}

/// What an observation changed. Equal content observed again is no change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// `/cluster/id` appeared.
    ClusterId,
    /// Another broker, or none, holds `/controller`.
    Controller,
    /// An election was held.
    ControllerEpoch,
    /// Finalized features changed.
    Feature,
    /// A broker came, went, moved or was born again.
    Broker(BrokerId),
    /// A topic appeared, or its assignment changed.
    Topic(Arc<str>),
    /// A topic's znode is gone; the id it had.
    TopicGone(Arc<str>, Option<TopicId>),
    /// The leadership of a partition changed.
    PartitionState(Arc<str>, i32),
    /// A topic shall be deleted, or no longer has to be.
    DeleteTopic(String),
    /// A broker told, in a znode of that name, that a log directory of it failed.
    LogDirEvent(String),
    /// A topic's own settings changed.
    TopicConfig(String),
    /// Dynamic settings of a broker, or of all of them, changed.
    BrokerConfig(Option<BrokerId>),
}

/// What the metadata snapshot does not show yet.
#[derive(Clone, Default, Debug)]
struct Stale {
    topics: BTreeMap<Arc<str>, StaleTopic>,
    rest: bool,
}

#[derive(Clone, Debug)]
enum StaleTopic {
    Whole,
    /// These partitions alone: a topic of thousands is not made anew for each leader.
    Partitions(BTreeSet<i32>),
}

impl Cluster {
    /// Nothing known yet.
    pub fn new() -> Cluster {
        Cluster::default()
    }

    /// Takes in what was read at `path`: its data and stat, or `None` if there is no such node.
    /// Paths that say nothing about a cluster are ignored.
    pub fn observe(
        &mut self,
        path: &str,
        found: Option<(&[u8], &Stat)>,
    ) -> Result<Option<Change>, Malformed> {
        let Some(place) = Place::of(path) else { return Ok(None) };
        let change = match place {
            Place::ClusterId => {
                let id = found.map(|(data, _)| ClusterId::decode(data)).transpose()?;
                replace(&mut self.id, id).then_some(Change::ClusterId)
            }
            Place::Controller => {
                let read = |(data, stat): (&[u8], &Stat)| {
                    ControllerNode::decode(data).map(|node| Controller {
                        node,
                        czxid: stat.czxid.0,
                        session: stat.ephemeral_owner,
                    })
                };
                let controller = found.map(read).transpose()?;
                replace(&mut self.controller, controller).then_some(Change::Controller)
            }
            Place::ControllerEpoch => {
                let read =
                    |(data, stat): (&[u8], &Stat)| decode_controller_epoch(data).map(|e| (e, stat.version));
                let epoch = found.map(read).transpose()?;
                replace(&mut self.controller_epoch, epoch).then_some(Change::ControllerEpoch)
            }
            Place::Feature => {
                let feature = found.map(|(data, _)| FeatureNode::decode(data)).transpose()?;
                replace(&mut self.feature, feature).then_some(Change::Feature)
            }
            Place::Broker(id) => self.observe_broker(id, found)?,
            Place::Topic(name) => self.observe_topic(name, found)?,
            Place::PartitionState { topic, partition } => self.observe_state(topic, partition, found)?,
            Place::DeleteTopic(name) => {
                let changed = match found {
                    Some(_) => self.deleting.insert(name.to_string()),
                    None => self.deleting.remove(name),
                };
                changed.then(|| Change::DeleteTopic(name.to_string()))
            }
            Place::LogDirEvent(name) => {
                let event = found.map(|(data, _)| LogDirEvent::decode(data)).transpose()?;
                let is_new = event.is_some();
                let changed = put(&mut self.log_dir_events, name, name.to_string(), event);
                (changed && is_new).then(|| Change::LogDirEvent(name.to_string()))
            }
            Place::TopicConfig(name) => {
                let config = found.map(|(data, _)| EntityConfig::decode(data)).transpose()?;
                let changed = put(&mut self.topic_configs, name, name.to_string(), config);
                changed.then(|| Change::TopicConfig(name.to_string()))
            }
            Place::BrokerConfig(_) | Place::DefaultBrokerConfig => {
                let who = if let Place::BrokerConfig(id) = place { Some(id) } else { None };
                let config = found.map(|(data, _)| EntityConfig::decode(data)).transpose()?;
                put(&mut self.broker_configs, &who, who, config).then_some(Change::BrokerConfig(who))
            }
        };
        self.note(change.as_ref());
        Ok(change)
    }

    fn observe_broker(
        &mut self,
        id: BrokerId,
        found: Option<(&[u8], &Stat)>,
    ) -> Result<Option<Change>, Malformed> {
        let broker = match found {
            // Between the two halves of Kafka's registration nothing can be seen; but a foreign hand
            // may leave the node empty, and such a broker cannot be reached.
            Some((data, stat)) if !data.is_empty() => Some(Broker {
                registration: Registration::decode(data)?,
                epoch: BrokerEpoch(stat.czxid.0),
                session: stat.ephemeral_owner,
            }),
            _ => None,
        };
        Ok(put(&mut self.brokers, &id, id, broker).then_some(Change::Broker(id)))
    }

    fn observe_topic(
        &mut self,
        name: &str,
        found: Option<(&[u8], &Stat)>,
    ) -> Result<Option<Change>, Malformed> {
        let Some((data, stat)) = found else {
            let gone = self.topics.remove_entry(name);
            self.states.remove(name);
            return Ok(gone.map(|(name, topic)| {
                self.forget_id(topic.node.id, &name);
                Change::TopicGone(name, topic.node.id)
            }));
        };
        let topic = Topic { node: TopicNode::decode(data)?, version: stat.version, czxid: stat.czxid.0 };
        let name = self.known_name(name);
        let before = self.topics.get(&name).and_then(|topic| topic.node.id);
        if before != topic.node.id {
            self.forget_id(before, &name);
            topic.node.id.and_then(|id| self.names.insert(id, name.clone()));
        }
        Ok(put(&mut self.topics, &name, name.clone(), Some(topic)).then_some(Change::Topic(name)))
    }

    /// Two topics of one id can only be the work of a foreign hand; the other keeps its place then.
    fn forget_id(&mut self, id: Option<TopicId>, name: &Arc<str>) {
        if let Some(id) = id
            && self.names.get(&id) == Some(name)
        {
            self.names.remove(&id);
        }
    }

    fn observe_state(
        &mut self,
        topic: &str,
        partition: i32,
        found: Option<(&[u8], &Stat)>,
    ) -> Result<Option<Change>, Malformed> {
        let read = |(data, stat): (&[u8], &Stat)| {
            PartitionState::decode(data).map(|state| (state, PartitionEpoch(stat.version)))
        };
        let state = found.map(read).transpose()?;
        let name = self.known_name(topic);
        let states = self.states.entry(name.clone()).or_default();
        let changed = put(states, &partition, partition, state);
        if states.is_empty() {
            self.states.remove(&name);
        }
        Ok(changed.then_some(Change::PartitionState(name, partition)))
    }

    /// The one shared copy of a topic's name.
    fn known_name(&self, name: &str) -> Arc<str> {
        let topic = self.topics.get_key_value(name).map(|(name, _)| name);
        let state = || self.states.get_key_value(name).map(|(name, _)| name);
        topic.or_else(state).cloned().unwrap_or_else(|| Arc::from(name))
    }

    fn note(&mut self, change: Option<&Change>) {
        match change {
            None => {}
            Some(Change::Topic(name) | Change::TopicGone(name, _)) => {
                self.stale.topics.insert(name.clone(), StaleTopic::Whole);
            }
            Some(Change::PartitionState(name, partition)) => {
                let none = || StaleTopic::Partitions(BTreeSet::new());
                if let StaleTopic::Partitions(stale) =
                    self.stale.topics.entry(name.clone()).or_insert_with(none)
                {
                    stale.insert(*partition);
                }
            }
            Some(Change::ClusterId | Change::Controller | Change::Broker(_)) => self.stale.rest = true,
            Some(_) => {}
        }
    }

    /// What clients may see, brought up to date. The handle is cheap to keep; a later call makes a new
    /// snapshot only if something changed.
    pub fn metadata(&mut self) -> &Arc<Metadata> {
        let stale = std::mem::take(&mut self.stale);
        if stale.topics.is_empty() && !stale.rest {
            return &self.metadata;
        }
        let metadata = Arc::make_mut(&mut self.metadata);
        metadata.version += 1;
        for (name, stale) in stale.topics {
            let (topic, states) = (self.topics.get(&name), self.states.get(&name));
            match (topic, stale) {
                (Some(topic), StaleTopic::Partitions(partitions)) if metadata.topic(&name).is_some() => {
                    metadata.patch_topic(&name, topic, states, &partitions);
                }
                (topic, _) => {
                    let fresh = topic.map(|topic| Arc::new(TopicMetadata::new(&name, topic, states)));
                    metadata.put_topic(name, fresh);
                }
            }
        }
        if stale.rest {
            metadata.cluster_id = self.id.as_ref().map(|id| Arc::from(id.0.as_str()));
            metadata.controller = self.controller.as_ref().map(|controller| controller.node.broker);
            let brokers = self.brokers.iter().map(|(id, broker)| (*id, Arc::new(broker.clone())));
            metadata.brokers = brokers.collect();
        }
        &self.metadata
    }

    /// The snapshot as the last call of [`metadata`](Cluster::metadata) left it.
    pub fn published(&self) -> &Arc<Metadata> {
        &self.metadata
    }

    /// `/cluster/id`, once known.
    pub fn id(&self) -> Option<&ClusterId> {
        self.id.as_ref()
    }

    /// Who holds `/controller`.
    pub fn controller(&self) -> Option<&Controller> {
        self.controller.as_ref()
    }

    /// `/controller_epoch` and its znode version.
    pub fn controller_epoch(&self) -> Option<(ControllerEpoch, i32)> {
        self.controller_epoch
    }

    /// The finalized features.
    pub fn feature(&self) -> Option<&FeatureNode> {
        self.feature.as_ref()
    }

    /// The live brokers in the order of their ids.
    pub fn brokers(&self) -> &BTreeMap<BrokerId, Broker> {
        &self.brokers
    }

    /// Whether a broker is registered.
    pub fn is_live(&self, id: BrokerId) -> bool {
        self.brokers.contains_key(&id)
    }

    /// All topics in the order of their names, those being deleted included.
    pub fn topics(&self) -> &BTreeMap<Arc<str>, Topic> {
        &self.topics
    }

    /// The topic called `name`.
    pub fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.get(name)
    }

    /// The name of the topic with this id.
    pub fn topic_name(&self, id: TopicId) -> Option<&Arc<str>> {
        self.names.get(&id)
    }

    /// A topic whose name would collide with `name` (see [`names_collide`](crate::names_collide)).
    pub fn colliding_topic(&self, name: &str) -> Option<&Arc<str>> {
        if !name.contains(['.', '_']) {
            return None;
        }
        self.topics.keys().find(|known| crate::names_collide(known, name))
    }

    /// A partition of a topic, if the topic has it.
    pub fn partition(&self, topic: &str, partition: i32) -> Option<PartitionView<'_>> {
        let replicas = self.topics.get(topic)?.node.partitions.get(&partition)?;
        Some(PartitionView { replicas, state: self.partition_state(topic, partition) })
    }

    /// The state of a partition and the version of its znode.
    pub fn partition_state(&self, topic: &str, partition: i32) -> Option<&(PartitionState, PartitionEpoch)> {
        self.states.get(topic)?.get(&partition)
    }

    /// All partition states of a topic by partition.
    pub fn partition_states(
        &self,
        topic: &str,
    ) -> impl Iterator<Item = (i32, &(PartitionState, PartitionEpoch))> {
        self.states.get(topic).into_iter().flatten().map(|(partition, state)| (*partition, state))
    }

    /// The partitions of a topic in order.
    pub fn partitions(&self, topic: &str) -> impl Iterator<Item = (i32, PartitionView<'_>)> {
        let states = self.states.get(topic);
        let replicas = self.topics.get(topic).into_iter().flat_map(|topic| &topic.node.partitions);
        replicas.map(move |(partition, replicas)| {
            let state = states.and_then(|states| states.get(partition));
            (*partition, PartitionView { replicas, state })
        })
    }

    /// Failures of log directories that no controller has dealt with yet, by the names of their znodes.
    pub fn log_dir_events(&self) -> &BTreeMap<String, LogDirEvent> {
        &self.log_dir_events
    }

    /// Topics that shall be deleted.
    pub fn deleting(&self) -> &BTreeSet<String> {
        &self.deleting
    }

    /// A topic's own settings; `None` if there is no such znode.
    pub fn topic_config(&self, name: &str) -> Option<&EntityConfig> {
        self.topic_configs.get(name)
    }

    /// Settings of all topics that have any.
    pub fn topic_configs(&self) -> &BTreeMap<String, EntityConfig> {
        &self.topic_configs
    }

    /// The names of the znodes below `/config/brokers`.
    pub fn broker_config_names(&self) -> impl Iterator<Item = String> {
        let name = |id: &Option<BrokerId>| match id {
            Some(id) => id.to_string(),
            None => crate::path::DEFAULT_ENTITY.to_string(),
        };
        self.broker_configs.keys().map(name)
    }

    /// Dynamic settings of one broker, or of all of them for `None`.
    pub fn broker_config(&self, id: Option<BrokerId>) -> Option<&EntityConfig> {
        self.broker_configs.get(&id)
    }
}

/// Puts `new` in `slot`; says whether that changed anything.
fn replace<T: PartialEq>(slot: &mut Option<T>, new: Option<T>) -> bool {
    let changed = *slot != new;
    *slot = new;
    changed
}

/// As [`replace`] for a place in a map.
fn put<K, V, Q>(map: &mut BTreeMap<K, V>, key: &Q, owned: K, new: Option<V>) -> bool
where
    K: Ord + std::borrow::Borrow<Q>,
    Q: Ord + ?Sized,
    V: PartialEq,
{
    match new {
        None => map.remove(key).is_some(),
        Some(new) if map.get(key) == Some(&new) => false,
        Some(new) => {
            map.insert(owned, new);
            true
        }
    }
}

#[cfg(test)]
mod tests;
