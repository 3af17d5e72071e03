//! What the coordinator wants done: records appended, requests answered.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_wire::{ErrorCode, Uuid};

use crate::input::{Producer, RequestToken};

/// The coordinator's number for an append; its fate is told under the same number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WriteToken(pub u64);

/// A record for `__consumer_offsets`. Without a value it is a tombstone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The key, with its version in front.
    pub key: Bytes,
    /// The value, with its version in front.
    pub value: Option<Bytes>,
}

/// One thing for the shell to do, in order.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// Append the records as one batch and say when it is committed. Appends of a partition keep their
    /// order.
    Append {
        /// The partition of `__consumer_offsets`.
        partition: i32,
        /// The leadership under which it may be appended, and no other.
        leader_epoch: i32,
        /// The producer if the batch is part of its transaction.
        producer: Option<Producer>,
        /// At least one.
        records: Vec<Record>,
        /// Comes back in [`crate::Input::Appended`] or [`crate::Input::AppendFailed`].
        write: WriteToken,
    },
    /// Answer a request. Each request is answered exactly once.
    Answer {
        /// Which.
        token: RequestToken,
        /// With what.
        answer: Answer,
    },
    /// Something an operator may want to read.
    Note(String),
}

/// An answer, of the kind that its request asks for.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// To JoinGroup.
    Join(Joined),
    /// To SyncGroup.
    Sync(Synced),
    /// To Heartbeat.
    Heartbeat(ErrorCode),
    /// To LeaveGroup.
    Leave(Left),
    /// To ConsumerGroupHeartbeat.
    ConsumerBeat(ConsumerBeat),
    /// To ConsumerGroupDescribe of one group.
    ConsumerDescribe(ConsumerDescription),
    /// To OffsetCommit: an error code for each offset, in the order of the request.
    Commit(Vec<Outcome>),
    /// To OffsetFetch of one group.
    Fetch(Fetched),
    /// To ListGroups. With an error there may be groups all the same: those already loaded.
    List(ErrorCode, Vec<ListedGroup>),
    /// To DescribeGroups of one group.
    Describe(Description),
    /// To DeleteGroups: an error code for each group.
    Delete(BTreeMap<String, ErrorCode>),
    /// To OffsetDelete: an error for the whole, or one for each partition.
    DeleteOffsets(Result<Vec<Outcome>, ErrorCode>),
}

/// To JoinGroup. An answer with an error has generation -1 and no leader.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Joined {
    /// Whether the member is in.
    pub error: ErrorCode,
    /// The new generation.
    pub generation: i32,
    /// The group's protocol type, if it has one.
    pub protocol_type: Option<String>,
    /// The chosen protocol.
    pub protocol_name: Option<String>,
    /// Id of the leader.
    pub leader: String,
    /// Whether the leader must not compute an assignment (KIP-814).
    pub skip_assignment: bool,
    /// The member's own id.
    pub member_id: String,
    /// All members, for the leader only.
    pub members: Vec<JoinedMember>,
}

/// A member as the leader sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinedMember {
    /// Its id.
    pub member_id: String,
    /// Its instance id, if it is static.
    pub instance_id: Option<String>,
    /// Its metadata for the chosen protocol.
    pub metadata: Bytes,
}

impl Joined {
    /// An answer that refuses.
    pub(crate) fn refused(member_id: &str, error: ErrorCode) -> Answer {
        Answer::Join(Joined {
            error,
            generation: -1,
            protocol_type: None,
            protocol_name: None,
            leader: String::new(),
            skip_assignment: false,
            member_id: member_id.to_owned(),
            members: Vec::new(),
        })
    }
}

/// To SyncGroup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Synced {
    /// Whether the assignment counts.
    pub error: ErrorCode,
    /// The group's protocol type; none with an error.
    pub protocol_type: Option<String>,
    /// The chosen protocol; none with an error.
    pub protocol_name: Option<String>,
    /// The member's assignment, which only the members understand.
    pub assignment: Bytes,
}

impl Synced {
    /// An answer that refuses.
    pub(crate) fn refused(error: ErrorCode) -> Answer {
        Answer::Sync(Synced { error, protocol_type: None, protocol_name: None, assignment: Bytes::new() })
    }
}

/// To LeaveGroup: one error for all, or one for each member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Left {
    /// Whether the request was looked at.
    pub error: ErrorCode,
    /// In the order of the request; empty with an error.
    pub members: Vec<(crate::input::LeavingMember, ErrorCode)>,
}

/// What became of one offset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Its error code.
    pub error: ErrorCode,
}

/// To OffsetFetch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetched {
    /// Whether the group could be looked at.
    pub error: ErrorCode,
    /// The offsets by topic; empty with an error.
    pub topics: Vec<(String, Vec<FetchedPartition>)>,
}

/// A committed offset. Offset -1 without an error says that there is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FetchedPartition {
    /// The partition.
    pub partition: i32,
    /// The next offset to read, or -1.
    pub offset: i64,
    /// Leader epoch of the record before it, or -1.
    pub leader_epoch: i32,
    /// The client's own words.
    pub metadata: String,
    /// Whether the offset can be told.
    pub error: ErrorCode,
}

/// A group in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedGroup {
    /// Its id.
    pub group: String,
    /// Empty for a group that only keeps offsets.
    pub protocol_type: String,
    /// Name of its state.
    pub state: &'static str,
    /// Its type.
    pub kind: GroupType,
}

/// Which protocol the members of a group speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GroupType {
    /// JoinGroup and SyncGroup; also groups that only keep offsets.
    Classic,
    /// ConsumerGroupHeartbeat (KIP-848).
    Consumer,
}

impl GroupType {
    /// As ListGroups says it.
    pub const fn name(self) -> &'static str {
        match self {
            GroupType::Classic => "classic",
            GroupType::Consumer => "consumer",
        }
    }
}

/// To ConsumerGroupHeartbeat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsumerBeat {
    /// Whether it was heard.
    pub error: ErrorCode,
    /// Words about the error.
    pub message: Option<String>,
    /// The member's id, also if the broker made it.
    pub member_id: Option<String>,
    /// The member's new epoch.
    pub epoch: i32,
    /// When to be heard of next, in milliseconds.
    pub interval_ms: i32,
    /// What it may read from now on; `None` leaves that as it was.
    pub assignment: Option<Vec<(Uuid, Vec<i32>)>>,
}

/// To ConsumerGroupDescribe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsumerDescription {
    /// Whether the group could be looked at.
    pub error: ErrorCode,
    /// Words about the error.
    pub message: Option<String>,
    /// Name of its state.
    pub state: &'static str,
    /// Its epoch.
    pub epoch: i32,
    /// The epoch that its targets were made for.
    pub target_epoch: i32,
    /// Name of the assignor.
    pub assignor: &'static str,
    /// Its members.
    pub members: Vec<ConsumerMemberDescription>,
}

/// A member of a consumer group in a description.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsumerMemberDescription {
    /// Its id.
    pub member_id: String,
    /// Its instance id, if it is static.
    pub instance_id: Option<String>,
    /// Where it is.
    pub rack_id: Option<String>,
    /// Its epoch.
    pub epoch: i32,
    /// The client's own name for itself.
    pub client_id: String,
    /// Where it calls from.
    pub client_host: String,
    /// Topics by name.
    pub topics: Vec<String>,
    /// Topics by pattern.
    pub pattern: Option<String>,
    /// What it has.
    pub assigned: Vec<NamedPartitions>,
    /// What it should have.
    pub target: Vec<NamedPartitions>,
}

/// Partitions of one topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedPartitions {
    /// The topic's id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The partitions, in order.
    pub partitions: Vec<i32>,
}

/// To DescribeGroups. A group that does not exist has the state `Dead` and no error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Description {
    /// Whether the group could be looked at.
    pub error: ErrorCode,
    /// Name of its state; empty with an error.
    pub state: &'static str,
    /// Empty for a group that only keeps offsets.
    pub protocol_type: String,
    /// The chosen protocol; empty unless the group is stable.
    pub protocol: String,
    /// Its members.
    pub members: Vec<MemberDescription>,
}

/// A member in a description.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberDescription {
    /// Its id.
    pub member_id: String,
    /// Its instance id, if it is static.
    pub instance_id: Option<String>,
    /// The client's own name for itself.
    pub client_id: String,
    /// Where it joined from.
    pub client_host: String,
    /// Its metadata for the chosen protocol; empty unless the group is stable.
    pub metadata: Bytes,
    /// Its assignment; empty unless the group is stable.
    pub assignment: Bytes,
}
