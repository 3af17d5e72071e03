//! Making topics: what may be made, of what shape, and the write that makes it. CreateTopics and the
//! automatic creation of Metadata both come through here.

use std::collections::{BTreeMap, BTreeSet};

use cluster::assign::{CannotAssign, Placement, assign};
use cluster::plan::{self, Settings};
use cluster::znodes::{EntityConfig, Replicas, TopicNode};
use cluster::{BrokerId, TopicId, TopicName};
use disk::Disk;
use kafka_wire::ErrorCode;
use partition::TopicConfig;

use crate::configs::{broker_number, broker_text};
use crate::keeper_write::KeeperWrite;
use crate::limits::{NAMES_PER_REQUEST_MAX, PARTITIONS_PER_REQUEST_MAX};
use crate::{Broker, Effect};

/// Why something cannot be, in Kafka's code and in words for a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into() }
    }
}

/// The names of one request: which were seen, and whether there are too many.
#[derive(Default)]
pub(crate) struct Names {
    seen: BTreeMap<(i8, String), usize>,
}

impl Names {
    /// Counts one more; `kind` keeps resources of different types apart.
    pub(crate) fn add(&mut self, kind: i8, name: &str) {
        *self.seen.entry((kind, name.to_string())).or_default() += 1;
    }

    /// Whether the name is there more than once.
    pub(crate) fn is_repeated(&self, kind: i8, name: &str) -> bool {
        self.seen.get(&(kind, name.to_string())).is_some_and(|times| *times > 1)
    }

    /// Takes the name out; false if it is out already.
    pub(crate) fn take(&mut self, kind: i8, name: &str) -> bool {
        self.seen.remove(&(kind, name.to_string())).is_some()
    }

    /// The answer to a name that is there more than once.
    pub(crate) fn repeated() -> Refusal {
        Refusal::new(ErrorCode::INVALID_REQUEST, "The request names this more than once.")
    }

    /// The answer to what comes after [`NAMES_PER_REQUEST_MAX`] names.
    pub(crate) fn too_many() -> Refusal {
        let message = format!("A request may name at most {NAMES_PER_REQUEST_MAX}.");
        Refusal::new(ErrorCode::POLICY_VIOLATION, message)
    }
}

/// What a client wants.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    /// -1 for the broker's default.
    pub(crate) partitions: i32,
    /// -1 for the broker's default.
    pub(crate) replication_factor: i32,
    /// Empty for a placement of our choice.
    pub(crate) assignments: Vec<(i32, Vec<i32>)>,
    /// A value may be null on the wire; here it is an error.
    pub(crate) configs: Vec<(String, Option<String>)>,
}

/// A topic that can be made as it is here.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) name: String,
    pub(crate) node: TopicNode,
    pub(crate) config: EntityConfig,
}

impl Planned {
    pub(crate) fn id(&self) -> TopicId {
        self.node.id.unwrap_or(TopicId::ZERO)
    }

    pub(crate) fn replication_factor(&self) -> i16 {
        self.node.partitions.values().next().map_or(-1, |replicas| replicas.all.len() as i16)
    }
}

/// Checks the name alone, then against the topics there are.
pub(crate) fn check_name<D: Disk>(broker: &Broker<D>, name: &str) -> Result<(), Refusal> {
    TopicName::parse(name)
        .map_err(|error| Refusal::new(ErrorCode::INVALID_TOPIC_EXCEPTION, error.to_string()))?;
    let cluster = broker.membership.cluster();
    if cluster.topic(name).is_some() {
        return Err(Refusal::new(ErrorCode::TOPIC_ALREADY_EXISTS, format!("Topic '{name}' already exists.")));
    }
    if cluster.deleting().contains(name) {
        let message = format!("Topic '{name}' is still being deleted.");
        return Err(Refusal::new(ErrorCode::TOPIC_ALREADY_EXISTS, message));
    }
    if let Some(other) = cluster.colliding_topic(name) {
        let message =
            format!("Topic '{name}' collides with existing topic '{other}': '.' and '_' count as one.");
        return Err(Refusal::new(ErrorCode::INVALID_TOPIC_EXCEPTION, message));
    }
    Ok(())
}

/// Checks everything and chooses what was left open.
pub(crate) fn plan<D: Disk>(broker: &mut Broker<D>, wanted: Wanted) -> Result<Planned, Refusal> {
    check_name(broker, &wanted.name)?;
    let config = check_configs(broker, &wanted.configs)?;
    let partitions = if wanted.assignments.is_empty() {
        place(broker, &wanted)?
    } else {
        if wanted.partitions != -1 || wanted.replication_factor != -1 {
            let message = "Partitions and replication factor cannot be given together with assignments.";
            return Err(Refusal::new(ErrorCode::INVALID_REQUEST, message));
        }
        check_assignments(broker, &wanted.assignments, 0)?
    };
    let mut random = broker.random.clone();
    let id = Some(TopicId::random(|| random.u64(..)));
    broker.random = random;
    Ok(Planned { name: wanted.name, node: TopicNode { id, partitions }, config })
}

fn check_configs<D: Disk>(
    broker: &Broker<D>,
    configs: &[(String, Option<String>)],
) -> Result<EntityConfig, Refusal> {
    let refuse = |message: String| Refusal::new(ErrorCode::INVALID_CONFIG, message);
    let mut own = BTreeMap::new();
    for (name, value) in configs {
        let Some(value) = value else {
            return Err(refuse(format!("Null value not supported for topic configs: {name}")));
        };
        if own.insert(name.clone(), value.clone()).is_some() {
            return Err(refuse(format!("Configuration {name} is given twice.")));
        }
    }
    TopicConfig::resolve(&own, |name| broker_text(broker, name))
        .map_err(|error| refuse(error.to_string()))?;
    Ok(EntityConfig(own))
}

fn place<D: Disk>(broker: &mut Broker<D>, wanted: &Wanted) -> Result<BTreeMap<i32, Replicas>, Refusal> {
    let or_default =
        |given: i32, name: &str| if given == -1 { broker_number(broker, name, 1) } else { given };
    let partitions = or_default(wanted.partitions, "num.partitions");
    let replication_factor = or_default(wanted.replication_factor, "default.replication.factor");
    check_count(partitions)?;
    let seed = broker.random.u64(..);
    let placement = Placement { partitions, replication_factor, first_partition: 0, seed };
    assign(broker.membership.cluster(), placement).map_err(cannot_assign)
}

/// A count that one topic can have.
pub(crate) fn check_count(partitions: i32) -> Result<(), Refusal> {
    if partitions > PARTITIONS_PER_REQUEST_MAX {
        let message =
            format!("{partitions} partitions are more than {PARTITIONS_PER_REQUEST_MAX} for one topic.");
        return Err(Refusal::new(ErrorCode::INVALID_PARTITIONS, message));
    }
    Ok(())
}

/// The answer to a placement that is impossible.
pub(crate) fn cannot_assign(why: CannotAssign) -> Refusal {
    let code = match why {
        CannotAssign::Partitions(_) => ErrorCode::INVALID_PARTITIONS,
        CannotAssign::ReplicationFactor(_) | CannotAssign::TooFewBrokers { .. } => {
            ErrorCode::INVALID_REPLICATION_FACTOR
        }
    };
    Refusal::new(code, format!("{why}."))
}

/// Checks replicas chosen by the client for partitions that must be numbered from `first` without gaps.
pub(crate) fn check_assignments<D: Disk>(
    broker: &Broker<D>,
    assignments: &[(i32, Vec<i32>)],
    first: i32,
) -> Result<BTreeMap<i32, Replicas>, Refusal> {
    let refuse = |message: String| Refusal::new(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message);
    check_count(i32::try_from(assignments.len()).unwrap_or(i32::MAX))?;
    let mut partitions = BTreeMap::new();
    let mut factor = None;
    for (partition, brokers) in assignments {
        let distinct: BTreeSet<i32> = brokers.iter().copied().collect();
        if brokers.is_empty() || distinct.len() != brokers.len() {
            return Err(refuse(format!("Partition {partition} needs replicas, each on another broker.")));
        }
        if let Some(unknown) = distinct.iter().find(|id| !broker.membership.cluster().is_live(BrokerId(**id)))
        {
            return Err(refuse(format!("Partition {partition} names broker {unknown}, which is not there.")));
        }
        if *factor.get_or_insert(brokers.len()) != brokers.len() {
            return Err(refuse("All partitions must have the same number of replicas.".into()));
        }
        let all = brokers.iter().copied().map(BrokerId).collect();
        if partitions.insert(*partition, Replicas::settled(all)).is_some() {
            return Err(refuse(format!("Partition {partition} is assigned twice.")));
        }
    }
    if !partitions.keys().copied().eq((first..).take(partitions.len())) {
        return Err(refuse(format!("Partitions must be numbered from {first} without gaps.")));
    }
    Ok(partitions)
}

/// Sends the write that makes the topic. `settings` says whether a configuration of that name is known
/// to exist (left by a topic of old).
pub(crate) fn write<D: Disk>(
    broker: &mut Broker<D>,
    planned: &Planned,
    settings: Settings,
    effects: &mut Vec<Effect>,
) -> KeeperWrite {
    let request = plan::create_topic(&planned.name, &planned.node, &planned.config, settings);
    broker.write(request, effects)
}

/// Whether the view shows a configuration of that name.
pub(crate) fn settings_of<D: Disk>(broker: &Broker<D>, name: &str) -> Settings {
    match broker.membership.cluster().topic_config(name) {
        Some(_) => Settings::Present,
        None => Settings::Absent,
    }
}
