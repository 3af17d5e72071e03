//! Conversations with the coordinator, properties over random ones, and reloads.

mod hostile;
mod model;
mod records;
mod room;
mod scale;
mod transcripts;
