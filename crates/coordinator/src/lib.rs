//! Consumer groups with their offsets, and transactions, as log-replicated state machines.
//!
//! [`Groups`] holds the groups of those partitions of `__consumer_offsets` that this broker leads. It is
//! told of requests, of records that became durable, and of time; it answers requests and asks for
//! records to be appended. It has no clock, socket, log or randomness of its own, and nothing that a
//! record stands for is acknowledged or shown before that record is durable.
//!
//! [`transactions`] is the second machine, over `__transaction_state`.
//!
//! What is not here: which broker coordinates which group (the broker asks the cluster's metadata), the
//! versions of requests and responses (the broker's `api` files), permissions, and the assignment of
//! partitions to members, which in the classic protocol is the members' own business.
//!
//! Where Kafka 3.9 leaves something to chance or to nobody, this coordinator decides:
//!
//! | Case | Kafka 3.9 | Here |
//! |---|---|---|
//! | a member repeats JoinGroup or SyncGroup while the first still waits | the first is never answered | it is answered `REBALANCE_IN_PROGRESS` |
//! | a member is removed while its SyncGroup waits | never answered | `UNKNOWN_MEMBER_ID` |
//! | DeleteGroups, OffsetDelete | answered before the tombstones are written | when they are durable; until then the group is `Dead` |
//! | a commit takes longer than `offsets.commit.timeout.ms` | answered, and forgotten | answered, and shown when the log has it |
//! | the last offset of an empty group is deleted while an id that was given out is not used yet | the group goes, and the id with it | the group stays until the id is used or times out |
//! | protocols with equally many votes, the next leader | any | the first by name, the first by id |
//!
//! Source: the classic group protocol of Kafka 3.9 (KIP-62, 134, 345, 389, 394, 496, 814, 848's records).

mod commit;
mod consumer;
mod delete;
mod describe;
mod effect;
mod fetch;
mod group;
mod groups;
mod heartbeat;
mod input;
mod join;
mod leave;
pub mod limits;
mod load;
mod member;
mod offsets;
mod rebalance;
mod record;
mod settings;
mod shard;
mod subscription;
mod sync;
#[cfg(test)]
mod tests;
mod timers;
mod topics;
pub mod transactions;
mod turn;
mod write;

pub use consumer::assign::Assignor;
pub use effect::{
    Answer, ConsumerBeat, ConsumerDescription, ConsumerMemberDescription, Description, Effect, Fetched,
    FetchedPartition, GroupType, Joined, JoinedMember, Left, ListedGroup, MemberDescription, NamedPartitions,
    Outcome, Record, Synced, WriteToken,
};
pub use groups::Groups;
pub use input::{
    CommitRequest, ConsumerBeatRequest, HeartbeatRequest, Input, JoinRequest, LeaveRequest, LeavingMember,
    LoadedBatch, OffsetCommit, Producer, RequestToken, SyncRequest,
};
pub use member::Protocol;
pub use record::{Key, OffsetValue};
pub use settings::Settings;
pub use topics::{Topic, Topics};
