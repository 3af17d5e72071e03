//! The configuration of the coordinator of transactions, under the names of `server.properties`.

use clock::Span;

use crate::limits::TRANSACTIONAL_IDS_MAX;

/// What can be configured. The defaults are Kafka's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Partitions of `__transaction_state`: `transaction.state.log.num.partitions`, or what it has.
    pub partitions: i32,
    /// `transaction.max.timeout.ms`: longer time-outs are refused.
    pub timeout_ms_max: i32,
    /// `transactional.id.expiration.ms`: how long an id is kept after its last transaction.
    pub id_expiration: Span,
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`.
    pub abort_interval: Span,
    /// `transaction.remove.expired.transaction.cleanup.interval.ms`.
    pub removal_interval: Span,
    /// How long to wait before markers that could not be written are tried again. Not a property.
    pub retry_interval: Span,
    /// Transactional ids that may exist at once; not a property of Kafka, which has no bound.
    pub ids_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            partitions: 50,
            timeout_ms_max: 15 * 60 * 1000,
            id_expiration: Span::seconds(7 * 24 * 3600),
            abort_interval: Span::seconds(10),
            removal_interval: Span::seconds(3600),
            retry_interval: Span::ms(100),
            ids_max: TRANSACTIONAL_IDS_MAX,
        }
    }
}
