//! A typed view of a Kafka cluster's znodes, and fenced write plans.
