//! Every bound of the broker, with its unit and its reason.

use clock::Span;

/// Longest time a fetch may ask to be parked. Kafka has no bound; a client that asks for more gets an
/// empty answer early, which every client handles.
pub(crate) const FETCH_WAIT_MAX: Span = Span::seconds(600);

/// Longest time a produce request may wait for its replicas, whatever the client asks.
pub(crate) const PRODUCE_WAIT_MAX: Span = Span::seconds(3600);

/// How long a Metadata request waits for topics that it made us create. Long enough for the keeper's
/// round trips, short enough that no client gives up.
pub(crate) const METADATA_WAIT: Span = Span::seconds(2);

/// Partitions that one fetch session may name. As many as one broker can reasonably lead.
pub(crate) const FETCH_SESSION_PARTITIONS_MAX: usize = 100_000;

/// A fetch session may lose its slot to a new one after it was idle this long (Kafka's value).
pub(crate) const FETCH_SESSION_EVICTION: Span = Span::seconds(120);

/// Partitions in all fetch sessions together. A followed partition costs about 200 bytes.
pub(crate) const FETCH_SESSIONS_PARTITIONS_TOTAL_MAX: usize = 1_000_000;

const _: () = assert!(FETCH_SESSION_PARTITIONS_MAX < FETCH_SESSIONS_PARTITIONS_TOTAL_MAX);

/// How long InitProducerId waits for a block of ids: shorter than the request time-out of any client.
pub(crate) const PRODUCER_ID_WAIT: Span = Span::seconds(10);

/// First allocation of a response, in bytes, records not counted; it grows by itself.
pub(crate) const RESPONSE_BYTES_EXPECTED: usize = 256;

/// Topics that one Metadata request may make us create: more than any application subscribes to at
/// once, few enough that a request with a million made-up names does little harm.
pub(crate) const AUTO_CREATED_TOPICS_MAX: usize = 1000;

/// Bytes of `__consumer_offsets` that are read into the coordinator in one turn of the shell: a few
/// milliseconds of work, in which no other client is served.
pub(crate) const GROUP_LOAD_BYTES_PER_TURN: usize = 2 << 20;

/// Unpacked size of one batch of `__consumer_offsets`. Kafka packs them only if told to, and then at
/// most as much as fits one request.
pub(crate) const GROUP_LOAD_BATCH_BYTES_MAX: usize = 100 << 20;
