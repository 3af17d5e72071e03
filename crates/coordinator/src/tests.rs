//! Conversations with the coordinator, properties over random ones, and reloads.

mod model;
mod room;
mod transcripts;
