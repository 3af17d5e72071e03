//! The Kafka controller as a pure state machine.
