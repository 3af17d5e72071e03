//! Every bound of the broker, with its unit and its reason.

use clock::Span;

/// Longest time a fetch may ask to be parked. Kafka has no bound; a client that asks for more gets an
/// empty answer early, which every client handles.
pub(crate) const FETCH_WAIT_MAX: Span = Span::seconds(600);

/// Part of a request, as its denominator, that a batch must be for the log to keep the request's bytes instead of
/// a copy of the batch: what is kept in memory is at most so many times what is accounted for.
pub(crate) const KEPT_SHARE: usize = 4;

/// Produce requests of one connection that may wait for their acknowledgement at once. Java's producers send five,
/// others as many as they like; their records are in the log already, and each costs about a kilobyte.
pub(crate) const PIPELINED_REQUESTS_MAX: usize = 256;

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

/// How long to wait before a partition of an internal topic that could not be read is tried again. A disk
/// that fails for good takes its partitions offline, and other brokers lead them then.
pub(crate) const GROUP_LOAD_RETRY: Span = Span::seconds(1);

/// Keys of one FindCoordinator request. Administrators ask for all groups of a cluster at once, and no
/// cluster has more.
pub(crate) const COORDINATOR_KEYS_MAX: usize = 250_000;

/// Unpacked size of one batch of `__consumer_offsets`. Kafka packs them only if told to, and then at
/// most as much as fits one request.
pub(crate) const GROUP_LOAD_BATCH_BYTES_MAX: usize = 100 << 20;

/// Unpacked size of a batch that is searched for a record by time: what producing one may unpack.
pub(crate) const LOOKUP_BATCH_BYTES_MAX: usize = partition::limits::UNPACKED_BYTES_MAX;

/// Unpacked size of a control batch: a marker takes ten bytes, and nobody packs it.
pub(crate) const CONTROL_BATCH_BYTES_MAX: usize = 64 * 1024;

/// How often retention looks at the logs (`log.retention.check.interval.ms`, Kafka's default).
pub(crate) const RETENTION_INTERVAL: Span = Span::seconds(300);

/// How often high watermarks are stored, if any moved (`replica.high.watermark.checkpoint.interval.ms`).
pub(crate) const HIGH_WATERMARK_INTERVAL: Span = Span::seconds(5);

/// How often recovery points are stored, if any moved. Kafka waits a minute
/// (`log.flush.offset.checkpoint.interval.ms`); after a kill we would check again what was long durable.
pub(crate) const RECOVERY_POINT_INTERVAL: Span = Span::seconds(10);

/// A log that nobody wrote to for this long is synced: the kernel has written most of it by then, so the
/// sync is cheap, and the next start has less to check.
pub(crate) const IDLE_SYNC_AFTER: Span = Span::seconds(40);

/// Logs that are synced at once for being idle: the disk has other things to do, too.
pub(crate) const IDLE_SYNCS_PER_WAKE: usize = 32;

/// Growth of a log after which its producers are stored again, in bytes: what a start reads headers of.
pub(crate) const SNAPSHOT_GROWTH_BYTES: u64 = 16 << 20;

/// Space that must stay free on the disk of a log directory for clients' records to be taken, in bytes.
/// Checkpoints and the coordinators' records still fit then.
pub(crate) const FREE_BYTES_MIN: u64 = 64 << 20;

/// Bytes of clients' records after which a disk is asked again how much is free: well below what must stay
/// free, should somebody else fill it meanwhile.
pub(crate) const SPACE_LOOK_BYTES: u64 = 16 << 20;

/// Pieces into which one round of syncs is cut, to run at once: a disk that takes several syncs at a time
/// is done sooner, and their journal's commit is shared.
pub(crate) const SYNCS_AT_ONCE: usize = 4;

/// Logs in such a piece, if the round is small: below that another thread is not worth its wake.
pub(crate) const SYNC_LOGS_MIN: usize = 4;

/// Logs in a round from which on their whole file system is synced once instead of each file: docs/decisions/
/// 0014-sync-together.md has the measurements. Below that, a neighbour's dirty pages may cost more than is saved.
pub(crate) const SYNC_TOGETHER_LOGS_MIN: usize = 12;

/// Reads from the disk that are under way at once; more wait. Each holds what one client may fetch of one
/// partition, and the threads that read are few.
pub(crate) const COLD_READS_AT_ONCE: usize = 8;

/// Reads from the disk that one fetch may cause; its other partitions come with the next fetch.
pub(crate) const COLD_READS_PER_FETCH: usize = 16;

/// How often one fetch begins reads from the disk again because a log changed under them.
pub(crate) const COLD_READ_TRIES: u32 = 3;

/// How long a fetch waits for the disk, whatever wait it asked for: an empty answer would only make its
/// client ask for the same again.
pub(crate) const COLD_READ_WAIT: Span = Span::seconds(30);

/// Pieces of upkeep under way or waiting in the shell; what comes on top waits in the node.
pub(crate) const UPKEEP_AT_ONCE: usize = 32;

/// Replicas that retention looks at in one wake: each may have to read the end of an index.
pub(crate) const RETAINED_PER_WAKE: usize = 256;

/// Pause between two such wakes.
pub(crate) const RETENTION_PAUSE: Span = Span::ms(5);

/// Pause before another try, when the keeper did not do what joining the cluster needs.
pub(crate) const KEEPER_RETRY: Span = Span::ms(500);

/// How long a broker waits for another session to let go of its id: longer than the time-out of a
/// session whose process was killed (18 s unless configured otherwise).
pub(crate) const REGISTRATION_CONFLICT_WAIT: Span = Span::seconds(40);

/// How often the controller looks at everything, to find what no change told it of.
pub(crate) const OFFICE_REVIEW: Span = Span::seconds(300);

/// Partitions that one topic can be given: its assignment is one znode of at most 1 MiB.
pub(crate) const PARTITIONS_PER_REQUEST_MAX: i32 = cluster::limits::PARTITIONS_PER_TOPIC_MAX;

/// How long AlterConfigs waits for the keeper; its requests carry no time-out of their own.
pub(crate) const CONFIG_CHANGE_WAIT: Span = Span::seconds(30);

/// How often the cleaner looks for a log to compact (`log.cleaner.backoff.ms`, Kafka's default).
pub(crate) const COMPACTION_INTERVAL: Span = Span::seconds(15);

/// Bytes that the cleaner reads in one slice: short enough for other upkeep to come in between.
pub(crate) const COMPACTION_BYTES_PER_SLICE: usize = 2 << 20;

/// Pause between two slices of a busy cleaner, so that it leaves most of a processor to others.
pub(crate) const COMPACTION_PAUSE: Span = Span::ms(10);

/// Bytes of requests that wait for the broker to be ready: one small request of thousands of clients.
pub(crate) const EARLY_BYTES_MAX: usize = 32 << 20;

/// How long after it is registered the broker lets requests wait for the controller's first orders. An
/// order that failed must not keep the other partitions from their clients for longer.
pub(crate) const FIRST_ORDERS_WAIT: Span = Span::seconds(5);

/// Topics or resources that one administrative request may name; what comes on top is refused. Each
/// costs checks and a transaction at the keeper.
pub(crate) const NAMES_PER_REQUEST_MAX: usize = 10_000;

/// Partitions that one CreateTopics may make in all.
pub(crate) const PARTITIONS_MADE_PER_REQUEST_MAX: usize = 100_000;

/// Partitions in one answer to DescribeTopicPartitions (`max.request.partition.size.limit`).
pub(crate) const DESCRIBED_PARTITIONS_MAX: i32 = 2000;

/// Clients' writes to the keeper under way; what comes on top fails at once. Well below what the keeper
/// session queues, so that the broker's own reads and writes always find room.
pub(crate) const KEEPER_WRITES_MAX: usize = 20_000;

const _: () = assert!(NAMES_PER_REQUEST_MAX < KEEPER_WRITES_MAX);

/// Requests that may wait for one link to another broker. Each sender keeps one or two under way.
pub(crate) const LINK_QUEUE_MAX: usize = 16;

/// Pause before a link is dialled again, and how far it grows.
pub(crate) const LINK_BACKOFF: Span = Span::ms(50);
pub(crate) const LINK_BACKOFF_MAX: Span = Span::ms(1000);

/// Pause before a broker is told again to stop a replica that it could not stop, as when its disk failed.
pub(crate) const STOP_REST: Span = Span::seconds(10);

/// Connections over which partitions join transactions, for each coordinator: each has one request under
/// way, which takes as long as a write of the transaction's log.
pub(crate) const JOINING_LANES: u8 = 4;

/// Requests that may wait on one of those: one for each producer that begins to write to a partition.
pub(crate) const JOINING_QUEUE_MAX: usize = 1024;

/// Brokers that may wait for a block of producer ids at once; each has one request under way.
pub(crate) const PRODUCER_ID_GRANTS_MAX: usize = 1024;

/// How long a request to delete records may wait for followers, whatever it asks for.
pub(crate) const DELETE_RECORDS_WAIT_MAX: Span = Span::seconds(300);

/// How long a connection to another broker may take to come about.
pub(crate) const LINK_DIAL_PATIENCE: Span = Span::seconds(10);

/// How long another broker may take to answer (`controller.socket.timeout.ms`, Kafka's default).
pub(crate) const LINK_REQUEST_PATIENCE: Span = Span::seconds(30);

/// Partitions in one request of orders to another broker: a few hundred kilobytes.
pub(crate) const ORDERS_PER_REQUEST_MAX: usize = 10_000;

/// Pause before a follower asks again for a partition that its leader refused.
pub(crate) const FOLLOWER_BACKOFF: Span = Span::ms(200);

/// Pause before a follower that was fast enough for its limit asks again: a fraction of the window over which
/// the rate is measured.
pub(crate) const THROTTLED_PAUSE: Span = Span::ms(200);

/// Pause before proposed in-sync sets are sent again after a failure.
pub(crate) const IN_SYNC_BACKOFF: Span = Span::ms(50);

/// How long the controller lets a stopping broker wait until others lead; then it names what remains.
pub(crate) const CONTROLLED_SHUTDOWN_WAIT: Span = Span::seconds(5);

/// How long a broker that stops waits for others to lead (Kafka tries three times with pauses of 5 s).
pub(crate) const CONTROLLED_SHUTDOWN_PATIENCE: Span = Span::seconds(15);

/// Pause between two requests of a broker that stops.
pub(crate) const CONTROLLED_SHUTDOWN_PAUSE: Span = Span::ms(500);

/// When a new controller first looks at the balance of leaders (Kafka's value).
pub(crate) const BALANCE_FIRST_AFTER: Span = Span::seconds(5);
