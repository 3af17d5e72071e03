//! Whole nodes in a simulated world, from one seed.
//!
//! [`run`] makes a world in which the real keeper node, over the real transaction log on a disk in
//! memory, serves clients that are the real session core, over a network and a clock that the seed
//! decides. In some worlds one of these clients is the session of a real broker node, with Kafka clients
//! in front. Processes are killed, power fails in the middle of a write, disks refuse, links break. What
//! clients are told is compared with an independent model of the history; the same seed gives the
//! same story.

mod client;
mod command;
mod database;
mod ensemble;
mod flaws;
mod kafka;
pub mod limits;
mod model;
mod observer;
mod server;
mod story;
mod workload;
mod world;

pub use command::command;
pub use ensemble::{Look, run_ensemble};
pub use flaws::{FLAWS, Found, search};
pub use story::{Outcome, Violation};
pub use world::{Bug, Options, run};

#[cfg(test)]
mod tests;
