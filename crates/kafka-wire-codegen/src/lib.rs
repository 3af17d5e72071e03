//! Turns the message tables of kafka-wire into its Rust source.
