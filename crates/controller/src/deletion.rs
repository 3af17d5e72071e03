//! Topics on their way out: whose replicas have not yet said that they are gone.
//!
//! The order is Kafka's: replicas stop and delete their logs, and only when the last of them has said
//! so are the znodes removed. A replica on a dead broker keeps its topic waiting until it is back.

use cluster::{BrokerId, Cluster};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The topics being deleted.
#[derive(Default, Debug)]
pub(crate) struct Deletions {
    topics: BTreeMap<Arc<str>, Deletion>,
}

#[derive(Debug)]
struct Deletion {
    /// Of the topic's znode: tells it from another topic of the same name.
    czxid: i64,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Replicas that have not reported.
    Stopping(BTreeSet<(i32, BrokerId)>),
    /// The znodes are being removed, this many requests from now.
    Removing { unanswered: usize },
    /// They are removed, which the view does not show yet.
    Gone,
}

/// What a report or answer brought about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// More is to come.
    Waiting,
    /// All replicas are gone.
    Stopped,
    /// All requests to remove the znodes were answered.
    Removed,
}

impl Deletions {
    pub(crate) fn contains(&self, topic: &str) -> bool {
        self.topics.contains_key(topic)
    }

    /// Begins with all replicas of the topic; those are returned that were not asked before.
    pub(crate) fn begin(&mut self, cluster: &Cluster, topic: &Arc<str>) -> Vec<(i32, BrokerId)> {
        if self.contains(topic) {
            return Vec::new();
        }
        let partitions = cluster.partitions(topic);
        let replicas: BTreeSet<_> = partitions
            .flat_map(|(partition, view)| view.replicas.all.iter().map(move |id| (partition, *id)))
            .collect();
        let asked = replicas.iter().copied().collect();
        let czxid = cluster.topic(topic).map_or(-1, |topic| topic.czxid);
        self.topics.insert(topic.clone(), Deletion { czxid, stage: Stage::Stopping(replicas) });
        asked
    }

    /// Replicas on `broker` that have not reported, topic by topic.
    pub(crate) fn owed_by(&self, broker: BrokerId) -> Vec<(Arc<str>, i32)> {
        let mut owed = Vec::new();
        for (topic, deletion) in &self.topics {
            if let Stage::Stopping(replicas) = &deletion.stage {
                let here = replicas.iter().filter(|(_, id)| *id == broker);
                owed.extend(here.map(|(partition, _)| (topic.clone(), *partition)));
            }
        }
        owed
    }

    /// A replica is gone.
    pub(crate) fn replica_gone(&mut self, topic: &str, partition: i32, broker: BrokerId) -> Progress {
        match self.topics.get_mut(topic).map(|deletion| &mut deletion.stage) {
            Some(Stage::Stopping(replicas)) => {
                let reported = replicas.remove(&(partition, broker));
                if reported && replicas.is_empty() { Progress::Stopped } else { Progress::Waiting }
            }
            _ => Progress::Waiting,
        }
    }

    /// A topic without replicas has nothing to wait for.
    pub(crate) fn is_stopped(&self, topic: &str) -> bool {
        let stage = self.topics.get(topic).map(|deletion| &deletion.stage);
        matches!(stage, Some(Stage::Stopping(replicas)) if replicas.is_empty())
    }

    /// This many requests to remove the znodes are under way.
    pub(crate) fn removing(&mut self, topic: &str, requests: usize) {
        if let Some(deletion) = self.topics.get_mut(topic) {
            deletion.stage = Stage::Removing { unanswered: requests };
        }
    }

    /// One of those requests was answered.
    pub(crate) fn answered(&mut self, topic: &str) -> Progress {
        let Some(deletion) = self.topics.get_mut(topic) else { return Progress::Waiting };
        match &mut deletion.stage {
            Stage::Removing { unanswered: 0 | 1 } => {
                deletion.stage = Stage::Gone;
                Progress::Removed
            }
            Stage::Removing { unanswered } => {
                *unanswered -= 1;
                Progress::Waiting
            }
            _ => Progress::Waiting,
        }
    }

    /// Compares with the view, after it changed or after the last answer: forgets a deletion whose topic
    /// is no more, except while its znodes are being removed. Says whether it did.
    pub(crate) fn forget_if_gone(&mut self, cluster: &Cluster, topic: &str) -> bool {
        let Some(deletion) = self.topics.get(topic) else { return false };
        let there = cluster.topic(topic).is_some_and(|topic| topic.czxid == deletion.czxid);
        let gone = !there && !matches!(deletion.stage, Stage::Removing { .. });
        if gone {
            self.topics.remove(topic);
        }
        gone
    }

    /// Nobody wants the topic deleted any more.
    pub(crate) fn cancel(&mut self, topic: &str) {
        self.topics.remove(topic);
    }

    pub(crate) fn clear(&mut self) {
        self.topics.clear();
    }
}
