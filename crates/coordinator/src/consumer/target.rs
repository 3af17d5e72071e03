//! The targets of a group: made anew by an assignor whenever a subscription or a topic changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka_wire::Uuid;

use super::assign::{Assignor, Candidate};
use super::change::Change;
use super::{Assignment, Consumer, Subscription};
use crate::topics::Topics;

/// What a member subscribes to: names, and a pattern.
type Wish<'a> = (&'a [String], Option<&'a str>);

impl Consumer {
    /// The assignor that most members name; `default` if none does.
    pub(crate) fn assignor(&self, default: Assignor) -> Assignor {
        let mut votes: BTreeMap<&'static str, usize> = BTreeMap::new();
        let named =
            self.subscriptions.values().filter_map(|member| Assignor::named(member.assignor.as_deref()?));
        named.for_each(|assignor| *votes.entry(assignor.name()).or_default() += 1);
        let most = votes.into_iter().max_by_key(|&(name, votes)| (votes, name == default.name()));
        most.and_then(|(name, _)| Assignor::named(name)).unwrap_or(default)
    }

    /// What must change so that the targets are those of the group's present epoch.
    pub(crate) fn retarget(&self, topics: &Topics, default: Assignor) -> Vec<Change> {
        let mut sizes: BTreeMap<Uuid, i32> = BTreeMap::new();
        // Most members of a group subscribe to the same, which is looked up once.
        let mut known: BTreeMap<Wish<'_>, Arc<BTreeSet<Uuid>>> = BTreeMap::new();
        let mut candidates = Vec::with_capacity(self.subscriptions.len());
        for (id, member) in &self.subscriptions {
            let subscribed = known.entry((&member.topics, member.pattern.as_deref())).or_insert_with(|| {
                let found = self.topics_of(member).filter_map(|name| topics.find(name));
                let found = found.inspect(|topic| {
                    sizes.insert(topic.id, topic.partitions);
                });
                Arc::new(found.map(|topic| topic.id).collect())
            });
            candidates.push(Candidate {
                id: id.clone(),
                instance_id: member.instance_id.clone(),
                topics: subscribed.clone(),
                before: self.targets.get(id).cloned().unwrap_or_default(),
            });
        }
        let targets = self.assignor(default).assign(&candidates, &sizes);
        let mut changes = Vec::new();
        for (candidate, target) in candidates.iter().zip(targets) {
            if self.targets.get(&candidate.id).is_none_or(|before| **before != target) {
                changes.push(Change::Target(candidate.id.clone(), Some(Arc::new(target))));
            }
        }
        changes.push(Change::TargetEpoch(Some(self.epoch())));
        changes
    }

    /// The names of the topics that one member subscribes to.
    fn topics_of<'a>(&'a self, member: &'a Subscription) -> impl Iterator<Item = &'a str> {
        let matched = member.pattern.as_ref().and_then(|pattern| self.patterns.get(pattern));
        let matched = matched.into_iter().flat_map(|resolved| &resolved.topics);
        member.topics.iter().chain(matched).map(String::as_str)
    }

    /// A member's target.
    pub(crate) fn target(&self, member: &str) -> Arc<Assignment> {
        self.targets.get(member).cloned().unwrap_or_default()
    }
}
