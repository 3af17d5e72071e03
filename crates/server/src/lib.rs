//! Roles put together: threads, clocks, sockets and disks around the nodes.
//!
//! [`KeeperRole`] and [`BrokerRole`] are running servers; each is a shard thread around a pure node. What
//! happens to them that the process must know comes as a [`Notice`].

mod broker_role;
mod certificates;
pub mod config;
mod control;
mod keeper_role;
pub mod limits;
mod notice;
mod peers;
pub mod process;
mod routes;
mod start;

pub use broker_role::{BrokerRole, KeeperAccess, OpenedBroker};
pub use control::{Control, View};
pub use keeper_role::{KeeperDialer, KeeperGauges, KeeperRole};
pub use notice::{Notice, Notices, Role};
pub use routes::Routes;
pub use shard::{Clock, Counters};
pub use start::{DirectoryLock, StartError};
