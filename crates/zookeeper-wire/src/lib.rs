//! The words and bytes of ZooKeeper's client protocol and of its transactions.
//!
//! Every record is a plain struct whose field order is its byte layout (jute has neither tags nor
//! lengths); [`Request`] and [`Response`] gather them by operation. Nothing here knows a socket, a
//! clock or a tree, and no length taken from the wire is trusted before it is compared with the bytes
//! that are left.

mod acl;
mod codes;
mod connect;
mod digest;
mod event;
mod header;
mod id;
pub mod jute;
pub mod limits;
mod multi;
mod password;
pub mod path;
mod request;
mod response;
mod stat;
pub mod txn;

pub use acl::{Acl, ClientInfo, Permissions};
pub use codes::{ErrorCode, OpCode};
pub use connect::{ConnectRequest, ConnectResponse};
pub use digest::{PasswordHash, digest_id};
pub use event::{EventKind, SessionState, WatcherEvent};
pub use header::{ReplyHeader, RequestHeader};
pub use id::{SessionId, Xid, Zxid};
pub use jute::{Record, WireError};
pub use multi::{MultiOp, MultiResult};
pub use password::session_password;
pub use request::*;
pub use response::*;
pub use stat::{Stat, StoredStat};
