//! Every bound of this crate: name, unit, reason.

/// Batches remembered per producer: what an idempotent client may have in flight on one connection.
pub const PRODUCER_BATCHES: usize = 5;

/// Producers remembered in one partition, about 25 MB of state. Kafka remembers all until they expire;
/// a client that makes a new producer for each record would fill the memory with them.
pub const PRODUCERS_MAX: usize = 100_000;

/// Producers that leave at once when there are too many: the share that makes the search for the
/// oldest cheap per producer.
pub const PRODUCERS_EVICTED: usize = PRODUCERS_MAX / 16;

/// Leader epochs remembered per partition. Entries this far behind the log start are never asked for;
/// the bound only guards against a log whose leadership changes with every batch.
pub const LEADER_EPOCHS_MAX: usize = 100_000;

/// Bytes that the records of one produced batch may take unpacked.
pub const UNPACKED_BYTES_MAX: usize = kafka_wire::limits::BATCH_UNPACKED_BYTES_MAX;

const _: () = assert!(PRODUCERS_EVICTED > 0 && PRODUCERS_EVICTED < PRODUCERS_MAX);

/// Samples of a replication quota: an hour of seconds; Kafka's default is 11.
pub const QUOTA_SAMPLES_MAX: usize = 3600;

/// Records of one batch whose faults are told one by one: enough to find the mistake, and an answer that stays
/// small.
pub const RECORD_FAULTS_MAX: usize = 1000;
