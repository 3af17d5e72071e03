//! A load generator for any ZooKeeper or Kafka server.
//!
//! One thread drives all connections, so that the generator takes as little as possible of the machine
//! that it shares with the server. What is sent is a [`Work`]; how much and how fast is a [`Plan`]. A closed
//! loop keeps a fixed number of requests in flight and measures capacity; an open loop sends at a fixed
//! rate and measures latency from the moment a request *should* have been sent, so that a stall of the
//! server is not left out of the percentiles (coordinated omission).

mod broker;
mod connection;
mod fan_out;
mod keeper;
pub mod limits;
mod machine;
mod plan;
mod report;
mod run;
mod timer;

pub use broker::{BrokerOperation, BrokerWork};
pub use fan_out::fan_out;
pub use keeper::{KeeperOperation, KeeperWork};
pub use machine::{Machine, measure};
pub use plan::{Greeted, Pace, Plan, Work};
pub use report::Report;
pub use run::{Failure, run};
