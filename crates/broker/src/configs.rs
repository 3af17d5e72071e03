//! The configuration that Kafka's tools can see: every key of topics and brokers with its type, default
//! and documentation, and the effective value of each.
