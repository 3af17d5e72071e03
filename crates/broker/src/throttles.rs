//! How fast replicas that are not in sync may be caught up: one limit each for what this broker sends as leader and
//! for what it fetches as follower.
//!
//! Only replicas that their topic names are limited, and only while they are out of sync: a limit slows the
//! making of new replicas down and never what clients wait for.

use std::collections::BTreeMap;

use clock::{Moment, Span};
use disk::Disk;
use partition::ReplicationQuota;

use crate::configs::dynamic_text;
use crate::{Broker, TopicPartition};

/// The limits.
pub(crate) struct Throttles {
    /// `leader.replication.throttled.rate`.
    pub(crate) leader: ReplicationQuota,
    /// `follower.replication.throttled.rate`.
    pub(crate) follower: ReplicationQuota,
}

const LEADER_RATE: &str = "leader.replication.throttled.rate";
const FOLLOWER_RATE: &str = "follower.replication.throttled.rate";

impl Throttles {
    /// No limits; `replication.quota.window.*` among the properties say how rates are measured.
    pub(crate) fn new(properties: &BTreeMap<String, String>) -> Throttles {
        let number = |name: &str, default: u32| -> u32 {
            properties.get(name).and_then(|text| text.trim().parse().ok()).unwrap_or(default)
        };
        let samples = number("replication.quota.window.num", 11) as usize;
        let sample = Span::seconds(number("replication.quota.window.size.seconds", 1).into());
        let quota = ReplicationQuota::new(samples, sample);
        Throttles { leader: quota.clone(), follower: quota }
    }
}

/// Takes over the rates that are set in the keeper.
pub(crate) fn configure<D: Disk>(broker: &mut Broker<D>) {
    let rate = |name: &str| dynamic_text(broker, name).and_then(|text| text.trim().parse().ok());
    let (leader, follower) = (rate(LEADER_RATE), rate(FOLLOWER_RATE));
    broker.throttles.leader.set_limit(leader);
    broker.throttles.follower.set_limit(follower);
}

/// Whether the leader here gives a follower nothing now: it is out of sync, its topic says that this broker
/// sends slowly, and enough was sent lately.
pub(crate) fn holds_back<D: Disk>(
    broker: &mut Broker<D>,
    now: Moment,
    partition: &TopicPartition,
    follower: i32,
) -> bool {
    let me = broker.settings.broker_id;
    let Some(replica) = broker.replicas.leader_to_read(partition) else { return false };
    replica.config().leader_throttled.names(partition.partition, me)
        && replica.leadership().is_some_and(|leadership| leadership.in_sync().all(|id| id != follower))
        && broker.throttles.leader.is_exceeded(now)
}

/// Takes note of what was sent to a follower, as far as its partitions are limited here.
pub(crate) fn sent<'a, D: Disk>(
    broker: &mut Broker<D>,
    now: Moment,
    sent: impl Iterator<Item = (&'a TopicPartition, usize)>,
) {
    let me = broker.settings.broker_id;
    let mut bytes = 0;
    for (partition, length) in sent.filter(|(_, length)| *length > 0) {
        let replica = broker.replicas.leader_to_read(partition);
        if replica.is_some_and(|replica| replica.config().leader_throttled.names(partition.partition, me)) {
            bytes += length as u64;
        }
    }
    if bytes > 0 {
        broker.throttles.leader.record(now, bytes);
    }
}

#[cfg(test)]
mod tests;
