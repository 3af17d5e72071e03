//! What the coordinator is told: requests as its own types, the fate of its records, loading, time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use kafka_wire::{ErrorCode, Uuid};

use crate::effect::WriteToken;
use crate::member::Protocol;
use crate::topics::Topics;

/// The caller's number for a request; it comes back with the answer. Never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestToken(pub u64);

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// JoinGroup. Answered when the rebalance completes, or at once with an error.
    Join(RequestToken, JoinRequest),
    /// SyncGroup. Answered when the leader's assignment is durable, or at once with an error.
    Sync(RequestToken, SyncRequest),
    /// Heartbeat.
    Heartbeat(RequestToken, HeartbeatRequest),
    /// LeaveGroup, of one member or several.
    Leave(RequestToken, LeaveRequest),
    /// OffsetCommit, or TxnOffsetCommit if it names a producer. Answered when durable.
    Commit(RequestToken, CommitRequest),
    /// ConsumerGroupHeartbeat. Answered when what it changed is durable.
    ConsumerBeat(RequestToken, ConsumerBeatRequest),
    /// ConsumerGroupDescribe, of one group.
    ConsumerDescribe {
        /// The request.
        token: RequestToken,
        /// The group.
        group: String,
    },
    /// The topics of the cluster changed. Told before the requests that should know.
    Topics(Arc<Topics>),
    /// OffsetFetch of one group.
    Fetch {
        /// The request.
        token: RequestToken,
        /// The group.
        group: String,
        /// The partitions by topic; `None` asks for all.
        topics: Option<Vec<(String, Vec<i32>)>>,
        /// The member that asks and its epoch, if it says so (version 9 on).
        member: Option<(String, i32)>,
        /// Whether an offset that may still change is refused (KIP-447).
        require_stable: bool,
    },
    /// ListGroups, of those coordinated here.
    List {
        /// The request.
        token: RequestToken,
        /// Names of states in any case; empty means all.
        states: Vec<String>,
        /// Names of group types in any case; empty means all.
        types: Vec<String>,
    },
    /// DescribeGroups, of one group.
    Describe {
        /// The request.
        token: RequestToken,
        /// The group.
        group: String,
    },
    /// DeleteGroups. Answered when all tombstones are durable.
    Delete {
        /// The request.
        token: RequestToken,
        /// The groups; a name given twice is answered once.
        groups: Vec<String>,
    },
    /// OffsetDelete. Answered when the tombstones are durable.
    DeleteOffsets {
        /// The request.
        token: RequestToken,
        /// The group.
        group: String,
        /// The partitions by topic.
        topics: Vec<(String, Vec<i32>)>,
    },
    /// Topics were deleted: their offsets are removed from all groups.
    TopicsDeleted {
        /// The names.
        topics: Vec<String>,
    },
    /// The records of an [`crate::Effect::Append`] are committed. Told in the order of the appends of
    /// a partition.
    Appended {
        /// The token of the append.
        write: WriteToken,
        /// The offset of its batch in the log.
        base_offset: i64,
    },
    /// The records of an [`crate::Effect::Append`] were not written and never will be.
    AppendFailed {
        /// The token of the append.
        write: WriteToken,
        /// Why, as a produce request would be told.
        error: ErrorCode,
    },
    /// This broker became leader of a partition of `__consumer_offsets`. Its content follows.
    Load {
        /// The partition.
        partition: i32,
        /// The epoch of the leadership; older ones are ignored from now on.
        leader_epoch: i32,
    },
    /// A part of the log of a partition that is being loaded, in order.
    Loading {
        /// The partition.
        partition: i32,
        /// The batches.
        batches: Vec<LoadedBatch>,
    },
    /// All of the log was handed over: requests of its groups can be served.
    Loaded {
        /// The partition.
        partition: i32,
    },
    /// This broker leads a partition no longer. Whoever waits for one of its groups is told so.
    Unload {
        /// The partition.
        partition: i32,
        /// The epoch in which it is not the leader; `None` if the replica was deleted.
        leader_epoch: Option<i32>,
    },
    /// A transaction marker is committed: the offsets that the producer committed in it count, or do not.
    TransactionEnded {
        /// The partition of `__consumer_offsets` that holds the marker.
        partition: i32,
        /// The producer.
        producer_id: i64,
        /// Whether the transaction was committed.
        committed: bool,
    },
    /// The moment named by [`crate::Groups::deadline`] has come.
    Woken,
}

/// JoinGroup.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct JoinRequest {
    /// The group.
    pub group: String,
    /// Empty for a member that has no id yet.
    pub member_id: String,
    /// `group.instance.id` of a static member (KIP-345).
    pub instance_id: Option<String>,
    /// The client's own name for itself; becomes the front of its member id.
    pub client_id: String,
    /// Where it calls from, as Java prints an address: `/10.0.0.7`.
    pub client_host: String,
    /// In milliseconds.
    pub session_timeout_ms: i32,
    /// In milliseconds; version 0 of the request has none and means the session time-out.
    pub rebalance_timeout_ms: i32,
    /// `consumer`, `connect`, ...
    pub protocol_type: String,
    /// In the member's order of preference.
    pub protocols: Vec<Protocol>,
    /// Whether a member without an id is told to come back with one (version 4 on, KIP-394).
    pub require_known_member_id: bool,
    /// Whether a returning static leader can be told to skip the assignment (version 9 on, KIP-814).
    pub can_skip_assignment: bool,
}

/// SyncGroup.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SyncRequest {
    /// The group.
    pub group: String,
    /// The generation that the member was told.
    pub generation: i32,
    /// The member.
    pub member_id: String,
    /// Its instance id, if it is static.
    pub instance_id: Option<String>,
    /// Must match the group's, if given (version 5 on).
    pub protocol_type: Option<String>,
    /// Must match the group's, if given (version 5 on).
    pub protocol_name: Option<String>,
    /// From the leader: each member's assignment. Empty from the others.
    pub assignments: Vec<(String, Bytes)>,
}

/// Heartbeat.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct HeartbeatRequest {
    /// The group.
    pub group: String,
    /// The generation that the member was told.
    pub generation: i32,
    /// The member.
    pub member_id: String,
    /// Its instance id, if it is static.
    pub instance_id: Option<String>,
}

/// ConsumerGroupHeartbeat. `None` leaves things as they were.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ConsumerBeatRequest {
    /// The group.
    pub group: String,
    /// The member; may be empty when it joins, if it does not make its own id.
    pub member_id: String,
    /// Whether the member must bring an id (version 1 on, KIP-1082).
    pub makes_own_id: bool,
    /// Its epoch: 0 joins, -1 leaves, -2 is a static member that will be back.
    pub epoch: i32,
    /// `group.instance.id` of a static member.
    pub instance_id: Option<String>,
    /// Where it is.
    pub rack_id: Option<String>,
    /// In milliseconds; -1 leaves it as it was.
    pub rebalance_timeout_ms: i32,
    /// The client's own name for itself.
    pub client_id: String,
    /// Where it calls from, as Java prints an address.
    pub client_host: String,
    /// Topics by name.
    pub topics: Option<Vec<String>>,
    /// Topics by pattern; empty for none.
    pub pattern: Option<String>,
    /// The assignor that it wants the server to use.
    pub assignor: Option<String>,
    /// The partitions that it has.
    pub owned: Option<BTreeMap<Uuid, BTreeSet<i32>>>,
}

impl ConsumerBeatRequest {
    /// Whether it says all that a member can say, and so wants to hear all.
    pub(crate) fn is_full(&self) -> bool {
        self.epoch == 0
            || (self.rebalance_timeout_ms != -1
                && (self.topics.is_some() || self.pattern.is_some())
                && self.owned.is_some())
    }
}

/// LeaveGroup.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct LeaveRequest {
    /// The group.
    pub group: String,
    /// Who leaves.
    pub members: Vec<LeavingMember>,
}

/// One member that leaves, or that an administrator removes.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct LeavingMember {
    /// The member; empty if an administrator names it by its instance id.
    pub member_id: String,
    /// Its instance id, if it is static.
    pub instance_id: Option<String>,
}

/// OffsetCommit or TxnOffsetCommit.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CommitRequest {
    /// The group; may be empty, which old clients use.
    pub group: String,
    /// The generation that the member was told; negative for one that is no member.
    pub generation: i32,
    /// The member; empty for one that is no member.
    pub member_id: String,
    /// Its instance id, if it is static.
    pub instance_id: Option<String>,
    /// How long the offsets are kept, in milliseconds; `None` for the broker's setting (versions 2-4).
    pub retention_ms: Option<i64>,
    /// Whether the client knows that an unknown group has an error of its own (version 9 on).
    pub knows_group_id_not_found: bool,
    /// The producer whose transaction the offsets belong to.
    pub producer: Option<Producer>,
    /// The offsets.
    pub offsets: Vec<OffsetCommit>,
}

/// A transactional producer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Producer {
    /// Its id.
    pub id: i64,
    /// Its epoch.
    pub epoch: i16,
}

/// One offset to commit.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct OffsetCommit {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The next offset that the consumer will read.
    pub offset: i64,
    /// Leader epoch of the last record that it read; -1 if it does not say.
    pub leader_epoch: i32,
    /// The client's own words.
    pub metadata: Option<String>,
    /// The time of the commit if the client gives one (version 1), in milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
}

/// One batch of the log of `__consumer_offsets`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LoadedBatch {
    /// Records, perhaps of a transaction.
    Records {
        /// Offset of the batch.
        base_offset: i64,
        /// The producer if the batch is transactional.
        transaction_of: Option<i64>,
        /// Keys and values; no value is a tombstone.
        records: Vec<(Bytes, Option<Bytes>)>,
    },
    /// The end of a transaction.
    Marker {
        /// The producer.
        producer_id: i64,
        /// Whether the transaction was committed.
        committed: bool,
    },
}
