//! Conversations with the coordinator, properties over random ones, and reloads.

mod hostile;
mod model;
mod records;
pub(crate) mod room;
mod scale;
mod transcripts;
