//! The configuration of the coordinator, under the names that `server.properties` gives it.

use clock::Span;

use crate::consumer::assign::Assignor;
use crate::limits::GROUPS_MAX;

/// What can be configured. The defaults are Kafka's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Partitions of `__consumer_offsets`: `offsets.topic.num.partitions`, or what the topic has.
    pub partitions: i32,
    /// `group.min.session.timeout.ms`: a JoinGroup below it is refused.
    pub session_timeout_min: Span,
    /// `group.max.session.timeout.ms`: a JoinGroup above it is refused.
    pub session_timeout_max: Span,
    /// `group.max.size`, in members.
    pub group_size_max: usize,
    /// Groups that may exist at once; not a property of Kafka, which has no bound.
    pub groups_max: usize,
    /// `group.initial.rebalance.delay.ms`: how long an empty group waits for more members.
    pub initial_rebalance_delay: Span,
    /// `group.consumer.session.timeout.ms`: how long a silent member of the consumer protocol lives.
    pub consumer_session_timeout: Span,
    /// `group.consumer.heartbeat.interval.ms`: how often members are told to be heard of.
    pub consumer_heartbeat_interval: Span,
    /// `group.consumer.max.size`, in members.
    pub consumer_group_size_max: usize,
    /// `group.consumer.assignors`; the first is that of members that name none.
    pub assignors: Vec<Assignor>,
    /// `offset.metadata.max.bytes`, counted as Java counts a string: in UTF-16 units.
    pub offset_metadata_max: usize,
    /// `offsets.retention.minutes`: how long offsets outlive the group's last member.
    pub offsets_retention: Span,
    /// `offsets.retention.check.interval.ms`.
    pub offsets_retention_check_interval: Span,
    /// `offsets.commit.timeout.ms`: how long a client waits for its records to be durable.
    pub commit_timeout: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            partitions: 50,
            session_timeout_min: Span::seconds(6),
            session_timeout_max: Span::seconds(30 * 60),
            group_size_max: i32::MAX as usize,
            groups_max: GROUPS_MAX,
            initial_rebalance_delay: Span::seconds(3),
            consumer_session_timeout: Span::seconds(45),
            consumer_heartbeat_interval: Span::seconds(5),
            consumer_group_size_max: i32::MAX as usize,
            assignors: vec![Assignor::Uniform, Assignor::Range],
            offset_metadata_max: 4096,
            offsets_retention: Span::seconds(10_080 * 60),
            offsets_retention_check_interval: Span::seconds(600),
            commit_timeout: Span::seconds(5),
        }
    }
}
