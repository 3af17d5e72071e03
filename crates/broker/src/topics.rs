//! Which topic and which partition a request means, and whether this broker leads it: the lookups that
//! all data APIs share, with Kafka's errors.

use std::sync::Arc;

use cluster::TopicId;
use disk::Disk;
use kafka_wire::{ErrorCode, Uuid};

use crate::membership::Membership;
use crate::replica::Replica;
use crate::{Broker, ListenerIndex, TopicPartition};

/// Who leads a partition, for clients that asked the wrong broker.
#[derive(Debug)]
pub(crate) struct LeaderHint {
    pub(crate) leader: i32,
    pub(crate) leader_epoch: i32,
    pub(crate) host: String,
    pub(crate) port: i32,
    pub(crate) rack: Option<String>,
}

impl<D: Disk> Broker<D> {
    /// The name of the topic that a request means: `by_id` says which of the two it gave.
    pub(crate) fn topic_named(&self, name: &str, id: Uuid, by_id: bool) -> Result<Arc<str>, ErrorCode> {
        let metadata = self.membership.metadata();
        if by_id {
            let topic = metadata.topic_by_id(TopicId(id.0)).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)?;
            Ok(topic.name.clone())
        } else {
            let topic = metadata.topic(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
            Ok(topic.name.clone())
        }
    }

    /// The replica, if this broker leads the partition and the client's idea of the leader's epoch is
    /// right; -1 is no idea.
    pub(crate) fn leader(
        &mut self,
        partition: &TopicPartition,
        current_leader_epoch: i32,
    ) -> Result<&mut Replica<D>, ErrorCode> {
        let replica =
            self.replicas.leader(partition).ok_or_else(|| why_not_leader(&self.membership, partition))?;
        check_epoch(replica, current_leader_epoch)
    }

    /// Whether the cluster has such a partition, or this broker its log.
    pub(crate) fn is_known(&self, partition: &TopicPartition) -> bool {
        let topic = self.membership.metadata().topic(&partition.topic);
        topic.is_some_and(|topic| topic.partition(partition.partition).is_some())
            || self.replicas.leads(partition)
    }

    /// As [`Broker::leader`] for those who only read: cheaper, since nothing follows at the end of the turn.
    pub(crate) fn leader_to_read(
        &mut self,
        partition: &TopicPartition,
        current_leader_epoch: i32,
    ) -> Result<&mut Replica<D>, ErrorCode> {
        let replica = self
            .replicas
            .leader_to_read(partition)
            .ok_or_else(|| why_not_leader(&self.membership, partition))?;
        check_epoch(replica, current_leader_epoch)
    }

    /// The replica, if this broker leads the partition or follows its leader: for consumers that know what
    /// they may miss (KIP-392).
    pub(crate) fn replica_to_read(
        &mut self,
        partition: &TopicPartition,
        current_leader_epoch: i32,
    ) -> Result<&mut Replica<D>, ErrorCode> {
        let follows = self.followers.follows(partition);
        let replica = self
            .replicas
            .in_any_part(partition)
            .filter(|replica| follows || replica.leadership().is_some())
            .ok_or_else(|| why_not_leader(&self.membership, partition))?;
        check_epoch(replica, current_leader_epoch)
    }

    /// Who leads a partition, and where clients of the listener reach it.
    pub(crate) fn leader_hint(
        &self,
        topic: &str,
        partition: i32,
        listener: ListenerIndex,
    ) -> Option<LeaderHint> {
        let metadata = self.membership.metadata();
        let partition = metadata.topic(topic)?.partition(partition)?;
        let listener = &self.settings.listeners.get(listener.0)?.name;
        let endpoint = metadata.endpoint(partition.leader, listener)?;
        Some(LeaderHint {
            leader: partition.leader.0,
            leader_epoch: partition.leader_epoch.0,
            host: endpoint.host.clone(),
            port: endpoint.port.into(),
            rack: metadata.brokers.get(&partition.leader)?.registration.rack.clone(),
        })
    }
}

fn why_not_leader(membership: &Membership, partition: &TopicPartition) -> ErrorCode {
    let topic = membership.metadata().topic(&partition.topic);
    if topic.is_some_and(|topic| topic.partition(partition.partition).is_some()) {
        ErrorCode::NOT_LEADER_OR_FOLLOWER
    } else {
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
    }
}

fn check_epoch<D: Disk>(
    replica: &mut Replica<D>,
    current_leader_epoch: i32,
) -> Result<&mut Replica<D>, ErrorCode> {
    let epoch = replica.leader_epoch();
    match current_leader_epoch {
        ..0 => Ok(replica),
        older if older < epoch => Err(ErrorCode::FENCED_LEADER_EPOCH),
        newer if newer > epoch => Err(ErrorCode::UNKNOWN_LEADER_EPOCH),
        _ => Ok(replica),
    }
}
