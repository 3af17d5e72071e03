//! The tree of znodes with its sessions, watches, access control and transactions.
//!
//! [`Database`] is the committed state and changes only by [`Database::apply`]; [`Outstanding`]
//! turns requests into transactions against the state that will be; [`Watches`] and [`Sessions`] are
//! what a server keeps beside it. Everything here is a value: no clock, no disk, no socket.

mod acl;
mod arena;
mod database;
mod digest;
mod hash;
mod index;
pub mod limits;
mod node;
mod owner;
mod prepare;
mod quota;
mod reaper;
mod sessions;
mod snapshot;
#[cfg(test)]
mod testing;
mod tree;
mod watches;

pub use acl::{AclList, Identity, Schemes, masked, permits, resolve};
pub use database::{Database, Outcome};
pub use digest::DIGEST_VERSION;
pub use hash::HashKey;
pub use node::NodeId;
pub use owner::{ExtendedTypes, Owner, is_valid_ttl};
pub use prepare::{Asked, Outstanding, Prepared, Rules};
pub use quota::QuotaTotals;
pub use sessions::{Sessions, Standing};
pub use snapshot::{OPEN_ACL_KEY, Restore, RestoreError, Snapshot, SnapshotNode, Walk};
pub use tree::{CONFIG, QUOTA, Tree, ZOOKEEPER, is_special};
pub use watches::{Fired, WatchCounts, WatchKind, WatcherId, Watches};
