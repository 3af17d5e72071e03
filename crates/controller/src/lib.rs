//! The Kafka controller as a pure state machine.
//!
//! [`Controller`] stands for election and, while it holds office, turns what it sees in a [`Cluster`]
//! into writes of znodes and orders to brokers. It keeps no copy of the cluster: the view is lent to
//! each step, and every decision that was written comes back through the view before anybody acts on
//! it. So the znodes are the only truth, and a controller that takes over needs nothing but them.
//!
//! Orders name the broker that they are for; how they get there is not known here.
//!
//! [`Cluster`]: cluster::Cluster

#![forbid(unsafe_code)]

mod alteration;
mod controller;
mod deletion;
pub mod election;
pub mod limits;
mod order;

pub use alteration::{Alteration, AlterationError, Altered};
pub use controller::{Ask, Controller, Effect, Held, Input, Partition, Wanted, called_off, reassigned};
pub use order::{LeaderAndIsr, StopReplica};
