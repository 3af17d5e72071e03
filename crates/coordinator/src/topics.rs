//! The topics of the cluster as the coordinator needs them: name, id and number of partitions. The shell
//! hands over a new table when the cluster's metadata changed; a group looks at it when it next acts.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_wire::Uuid;

/// One version of the table.
#[derive(Default, Debug)]
pub struct Topics {
    version: u64,
    by_name: BTreeMap<Arc<str>, Topic>,
    names: BTreeMap<Uuid, Arc<str>>,
}

/// One topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Topic {
    /// Its id, never zero.
    pub id: Uuid,
    /// How many partitions it has.
    pub partitions: i32,
}

impl Topics {
    /// A table. Versions tell tables apart and never come back. Topics without an id are left out: the
    /// protocol could not name them.
    pub fn new(version: u64, topics: impl IntoIterator<Item = (Arc<str>, Topic)>) -> Self {
        let named = topics.into_iter().filter(|(_, topic)| !topic.id.is_zero());
        let by_name: BTreeMap<Arc<str>, Topic> = named.collect();
        let names = by_name.iter().map(|(name, topic)| (topic.id, name.clone())).collect();
        Topics { version, by_name, names }
    }

    /// What tells this table from others.
    pub fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn find(&self, name: &str) -> Option<Topic> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn name(&self, id: Uuid) -> Option<&Arc<str>> {
        self.names.get(&id)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_name.keys()
    }
}
