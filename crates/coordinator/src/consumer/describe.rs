//! ConsumerGroupDescribe.

use kafka_wire::ErrorCode;

use super::{Assignment, Consumer};
use crate::effect::{ConsumerDescription, ConsumerMemberDescription, NamedPartitions};
use crate::settings::Settings;
use crate::topics::Topics;

/// The answer for a group that is not there, or not of this kind.
pub(crate) fn refused(error: ErrorCode, message: Option<String>) -> ConsumerDescription {
    ConsumerDescription {
        error,
        message,
        state: "",
        epoch: 0,
        target_epoch: 0,
        assignor: "",
        members: Vec::new(),
    }
}

impl Consumer {
    pub(crate) fn describe(&self, topics: &Topics, settings: &Settings) -> ConsumerDescription {
        let mut members = Vec::with_capacity(self.size());
        for (id, subscription) in &self.subscriptions {
            let current = self.current(id).cloned().unwrap_or_default();
            members.push(ConsumerMemberDescription {
                member_id: id.to_string(),
                instance_id: subscription.instance_id.clone(),
                rack_id: subscription.rack_id.clone(),
                epoch: current.epoch,
                client_id: subscription.client_id.clone(),
                client_host: subscription.client_host.clone(),
                topics: subscription.topics.clone(),
                pattern: subscription.pattern.clone(),
                assigned: named(&current.assigned, topics),
                target: named(&self.target(id), topics),
            });
        }
        ConsumerDescription {
            error: ErrorCode::NONE,
            message: None,
            state: self.phase().name(),
            epoch: self.epoch(),
            target_epoch: self.target_epoch(),
            assignor: self.assignor(settings.default_assignor()).name(),
            members,
        }
    }
}

/// Topics that are gone are left out: they have no names any more.
fn named(assignment: &Assignment, topics: &Topics) -> Vec<NamedPartitions> {
    let tell = |(&id, partitions): (&_, &std::collections::BTreeSet<i32>)| {
        let name = topics.name(id)?.to_string();
        Some(NamedPartitions { id, name, partitions: partitions.iter().copied().collect() })
    };
    assignment.iter().filter_map(tell).collect()
}
