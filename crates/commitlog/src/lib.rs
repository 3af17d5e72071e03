//! Kafka's partition log on disk: segments, indexes, checkpoints, recovery.
