//! The table of broker settings: Apache Kafka 3.9's names, types and defaults, how each may be changed
//! while the broker runs, and what it is for.

/// A setting that a broker has.
#[derive(Debug)]
pub(crate) struct BrokerKey {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// `None` where there is no value unless it is set.
    pub(crate) default: Option<&'static str>,
    pub(crate) scope: Scope,
    pub(crate) documentation: &'static str,
}

/// Type of a setting, numbered as DescribeConfigs does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Boolean = 1,
    String = 2,
    Int = 3,
    Short = 4,
    Long = 5,
    Double = 6,
    List = 7,
    Class = 8,
    Password = 9,
}

/// How a setting may be changed while brokers run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scope {
    /// Not at all: it is read at the start.
    AtStart,
    /// For one broker or for all of them.
    Dynamic,
}

impl BrokerKey {
    /// All of them, by name.
    pub(crate) fn all() -> &'static [BrokerKey] {
        KEYS
    }

    /// The key of that name.
    pub(crate) fn find(name: &str) -> Option<&'static BrokerKey> {
        KEYS.binary_search_by(|key| key.name.cmp(name)).ok().map(|at| &KEYS[at])
    }

    /// Whether its value is a secret, never shown.
    pub(crate) fn is_sensitive(&self) -> bool {
        self.kind == Kind::Password
    }

    /// Whether the text can be of its type.
    pub(crate) fn fits(&self, text: &str) -> bool {
        let text = text.trim();
        match self.kind {
            Kind::Boolean => text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"),
            Kind::Int => text.parse::<i32>().is_ok(),
            Kind::Short => text.parse::<i16>().is_ok(),
            Kind::Long => text.parse::<i64>().is_ok(),
            Kind::Double => text.parse::<f64>().is_ok_and(f64::is_finite),
            Kind::String | Kind::List | Kind::Class | Kind::Password => true,
        }
    }
}

use Kind::{Boolean, Class, Double, Int, List, Long, Password, Short};
use Scope::{AtStart, Dynamic};

const fn key(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    scope: Scope,
    documentation: &'static str,
) -> BrokerKey {
    BrokerKey { name, kind, default: Some(default), scope, documentation }
}

const fn unset(name: &'static str, kind: Kind, scope: Scope, documentation: &'static str) -> BrokerKey {
    BrokerKey { name, kind, default: None, scope, documentation }
}

const FOREVER: &str = "9223372036854775807";
const INT_MAX: &str = "2147483647";

/// By rising name: `find` halves.
#[rustfmt::skip]
static KEYS: &[BrokerKey] = &[
    unset("advertised.listeners", Kind::String, AtStart, "Addresses that clients are told, if they differ from listeners."),
    unset("alter.config.policy.class.name", Class, AtStart, "A class that judges configuration changes. Not supported."),
    key("alter.log.dirs.replication.quota.window.num", Int, "11", AtStart, "Samples kept for the quota of moves between log directories."),
    key("alter.log.dirs.replication.quota.window.size.seconds", Int, "1", AtStart, "Length of each of those samples."),
    key("authorizer.class.name", Kind::String, "", AtStart, "The authorizer. Empty: everybody may do everything."),
    key("auto.create.topics.enable", Boolean, "true", AtStart, "Whether a topic is made when a client names one that does not exist."),
    key("auto.include.jmx.reporter", Boolean, "true", AtStart, "Accepted for older files and without effect."),
    key("auto.leader.rebalance.enable", Boolean, "true", AtStart, "Whether leadership goes back to preferred replicas by itself."),
    key("background.threads", Int, "10", AtStart, "Accepted and without effect: one loop does all work."),
    key("broker.heartbeat.interval.ms", Int, "2000", AtStart, "It concerns KRaft."),
    key("broker.id", Int, "-1", AtStart, "This broker's number in the cluster."),
    key("broker.id.generation.enable", Boolean, "true", AtStart, "Whether a broker without a number is given one."),
    unset("broker.rack", Kind::String, AtStart, "Where the broker stands: replicas are spread over racks."),
    key("broker.session.timeout.ms", Int, "9000", AtStart, "It concerns KRaft."),
    unset("client.quota.callback.class", Class, AtStart, "A class that sets quotas. Not supported."),
    key("compression.gzip.level", Int, "-1", Dynamic, "Effort of gzip where the broker compresses."),
    key("compression.lz4.level", Int, "9", Dynamic, "Effort of lz4 where the broker compresses."),
    key("compression.type", Kind::String, "producer", Dynamic, "How batches are stored, unless the topic says otherwise."),
    key("compression.zstd.level", Int, "3", Dynamic, "Effort of zstd where the broker compresses."),
    key("connection.failed.authentication.delay.ms", Int, "100", AtStart, "Pause before a failed login is answered."),
    key("connections.max.idle.ms", Long, "600000", AtStart, "Idle time after which a connection is closed."),
    key("connections.max.reauth.ms", Long, "0", AtStart, "Age at which a login must be renewed; 0 is never."),
    unset("control.plane.listener.name", Kind::String, AtStart, "A listener for the controller's requests alone."),
    key("controlled.shutdown.enable", Boolean, "true", AtStart, "Whether a stopping broker hands its leadership over first."),
    key("controlled.shutdown.max.retries", Int, "3", AtStart, "Attempts at that."),
    key("controlled.shutdown.retry.backoff.ms", Long, "5000", AtStart, "Pause between them."),
    key("controller.quota.window.num", Int, "11", AtStart, "Samples kept for the quota of changes to the cluster."),
    key("controller.quota.window.size.seconds", Int, "1", AtStart, "Length of each of those samples."),
    key("controller.socket.timeout.ms", Int, "30000", AtStart, "How long requests between controller and brokers may take."),
    unset("create.topic.policy.class.name", Class, AtStart, "A class that judges new topics. Not supported."),
    key("default.replication.factor", Int, "1", AtStart, "Replicas of a topic that does not say how many."),
    key("delegation.token.expiry.check.interval.ms", Long, "3600000", AtStart, "How often expired delegation tokens are looked for."),
    key("delegation.token.expiry.time.ms", Long, "86400000", AtStart, "Time after which a delegation token must be renewed."),
    unset("delegation.token.master.key", Password, AtStart, "The older name of delegation.token.secret.key."),
    key("delegation.token.max.lifetime.ms", Long, "604800000", AtStart, "Longest life of a delegation token."),
    unset("delegation.token.secret.key", Password, AtStart, "The secret that delegation tokens are made with."),
    key("delete.records.purgatory.purge.interval.requests", Int, "1", AtStart, "Accepted and without effect: nothing is left behind to purge."),
    key("delete.topic.enable", Boolean, "true", AtStart, "Whether topics can be deleted."),
    key("fetch.max.bytes", Int, "57671680", AtStart, "Largest answer to one fetch."),
    key("fetch.purgatory.purge.interval.requests", Int, "1000", AtStart, "Accepted and without effect: nothing is left behind to purge."),
    key("group.consumer.assignors", List, "org.apache.kafka.coordinator.group.assignor.UniformAssignor,org.apache.kafka.coordinator.group.assignor.RangeAssignor", AtStart, "Assignors of the newer group protocol."),
    key("group.consumer.heartbeat.interval.ms", Int, "5000", AtStart, "Heartbeat interval of the newer group protocol."),
    key("group.consumer.max.heartbeat.interval.ms", Int, "15000", AtStart, "Upper bound of that."),
    key("group.consumer.max.session.timeout.ms", Int, "60000", AtStart, "Upper bound of the session time-out of the newer group protocol."),
    key("group.consumer.max.size", Int, INT_MAX, AtStart, "Most members of a group of the newer protocol."),
    key("group.consumer.migration.policy", Kind::String, "disabled", AtStart, "Which groups may change protocol."),
    key("group.consumer.min.heartbeat.interval.ms", Int, "5000", AtStart, "Lower bound of the heartbeat interval."),
    key("group.consumer.min.session.timeout.ms", Int, "45000", AtStart, "Lower bound of the session time-out."),
    key("group.consumer.session.timeout.ms", Int, "45000", AtStart, "Session time-out of the newer group protocol."),
    key("group.coordinator.new.enable", Boolean, "false", AtStart, "Accepted and without effect."),
    key("group.coordinator.rebalance.protocols", List, "classic", AtStart, "Group protocols that are served."),
    key("group.coordinator.threads", Int, "1", AtStart, "Accepted and without effect: one loop does all work."),
    key("group.initial.rebalance.delay.ms", Int, "3000", AtStart, "How long an empty group waits for more members before its first assignment."),
    key("group.max.session.timeout.ms", Int, "1800000", AtStart, "Longest session time-out that a member may ask for."),
    key("group.max.size", Int, INT_MAX, AtStart, "Most members of a group."),
    key("group.min.session.timeout.ms", Int, "6000", AtStart, "Shortest session time-out that a member may ask for."),
    unset("inter.broker.listener.name", Kind::String, AtStart, "The listener that brokers use among themselves."),
    key("inter.broker.protocol.version", Kind::String, "3.9-IV0", AtStart, "Which messages brokers use among themselves."),
    key("kafka.metrics.polling.interval.secs", Int, "10", AtStart, "Accepted and without effect."),
    key("kafka.metrics.reporters", List, "", AtStart, "Accepted and without effect."),
    key("leader.imbalance.check.interval.seconds", Long, "300", AtStart, "How often the balance of leadership is looked at."),
    key("leader.imbalance.per.broker.percentage", Int, "10", AtStart, "Imbalance that is left alone."),
    key("listener.security.protocol.map", Kind::String, "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT", AtStart, "The security protocol behind each listener's name."),
    key("listeners", Kind::String, "PLAINTEXT://:9092", AtStart, "Where the broker listens."),
    key("log.cleaner.backoff.ms", Long, "15000", Dynamic, "Pause when no log needs compaction."),
    key("log.cleaner.dedupe.buffer.size", Long, "134217728", Dynamic, "Memory for the keys of logs being compacted."),
    key("log.cleaner.delete.retention.ms", Long, "86400000", Dynamic, "How long tombstones stay, unless the topic says otherwise."),
    key("log.cleaner.enable", Boolean, "true", AtStart, "Whether logs are compacted at all."),
    key("log.cleaner.io.buffer.load.factor", Double, "0.9", Dynamic, "How full that memory may get."),
    key("log.cleaner.io.buffer.size", Int, "524288", Dynamic, "Memory for reading and writing while compacting."),
    key("log.cleaner.io.max.bytes.per.second", Double, "1.7976931348623157E308", Dynamic, "Bytes a second that compaction may move."),
    key("log.cleaner.max.compaction.lag.ms", Long, FOREVER, Dynamic, "Longest time a record may stay uncompacted, unless the topic says otherwise."),
    key("log.cleaner.min.cleanable.ratio", Double, "0.5", Dynamic, "Share of a log that must be new before it is compacted, unless the topic says otherwise."),
    key("log.cleaner.min.compaction.lag.ms", Long, "0", Dynamic, "Shortest time a record stays uncompacted, unless the topic says otherwise."),
    key("log.cleaner.threads", Int, "1", Dynamic, "Accepted and without effect: one cleaner does the work."),
    key("log.cleanup.policy", List, "delete", Dynamic, "What happens to old records, unless the topic says otherwise."),
    key("log.dir", Kind::String, "/tmp/kafka-logs", AtStart, "The log directory, if log.dirs is not set."),
    key("log.dir.failure.timeout.ms", Long, "30000", AtStart, "It concerns KRaft."),
    unset("log.dirs", Kind::String, AtStart, "The log directories."),
    key("log.flush.interval.messages", Long, FOREVER, Dynamic, "Records after which a log is synced, unless the topic says otherwise."),
    unset("log.flush.interval.ms", Long, Dynamic, "Time after which a log is synced, unless the topic says otherwise."),
    key("log.flush.offset.checkpoint.interval.ms", Int, "60000", AtStart, "How often recovery points are written."),
    key("log.flush.scheduler.interval.ms", Long, FOREVER, AtStart, "How often logs are looked at for syncing."),
    key("log.flush.start.offset.checkpoint.interval.ms", Int, "60000", AtStart, "How often log starts are written."),
    key("log.index.interval.bytes", Int, "4096", Dynamic, "Bytes of log between two index entries, unless the topic says otherwise."),
    key("log.index.size.max.bytes", Int, "10485760", Dynamic, "Size of an index at which its segment ends, unless the topic says otherwise."),
    key("log.initial.task.delay.ms", Long, "30000", AtStart, "Pause after the start before logs are looked after."),
    key("log.local.retention.bytes", Long, "-2", Dynamic, "Accepted and without effect: there is no remote storage."),
    key("log.local.retention.ms", Long, "-2", Dynamic, "Accepted and without effect: there is no remote storage."),
    key("log.message.downconversion.enable", Boolean, "true", Dynamic, "Accepted and without effect: records are sent as they are stored."),
    key("log.message.format.version", Kind::String, "3.0-IV1", AtStart, "Accepted and without effect: new records are stored in format 2."),
    key("log.message.timestamp.after.max.ms", Long, "3600000", Dynamic, "How far ahead of the broker's clock timestamps may be, unless the topic says otherwise."),
    key("log.message.timestamp.before.max.ms", Long, FOREVER, Dynamic, "How far behind the broker's clock timestamps may be, unless the topic says otherwise."),
    key("log.message.timestamp.difference.max.ms", Long, FOREVER, Dynamic, "Accepted and without effect: see before and after."),
    key("log.message.timestamp.type", Kind::String, "CreateTime", Dynamic, "Whose clock stamps records, unless the topic says otherwise."),
    key("log.preallocate", Boolean, "false", Dynamic, "Whether new segments are allocated ahead, unless the topic says otherwise."),
    key("log.retention.bytes", Long, "-1", Dynamic, "Size of a partition above which old segments go, unless the topic says otherwise."),
    key("log.retention.check.interval.ms", Long, "300000", AtStart, "How often old segments are looked for."),
    key("log.retention.hours", Int, "168", AtStart, "Age at which segments go, if neither minutes nor ms are set."),
    unset("log.retention.minutes", Int, AtStart, "Age at which segments go, if ms is not set."),
    unset("log.retention.ms", Long, Dynamic, "Age at which segments go, unless the topic says otherwise."),
    key("log.roll.hours", Int, "168", AtStart, "Time after which a segment ends, if ms is not set."),
    key("log.roll.jitter.hours", Int, "0", AtStart, "Up to how much earlier, if ms is not set."),
    unset("log.roll.jitter.ms", Long, Dynamic, "Up to how much earlier a segment ends, unless the topic says otherwise."),
    unset("log.roll.ms", Long, Dynamic, "Time after which a segment ends, unless the topic says otherwise."),
    key("log.segment.bytes", Int, "1073741824", Dynamic, "Size at which a segment ends, unless the topic says otherwise."),
    key("log.segment.delete.delay.ms", Long, "60000", Dynamic, "How long deleted files stay, unless the topic says otherwise."),
    key("max.connection.creation.rate", Int, INT_MAX, AtStart, "Accepted and without effect."),
    key("max.connections", Int, INT_MAX, AtStart, "Most connections of this broker."),
    key("max.connections.per.ip", Int, INT_MAX, AtStart, "Most connections from one address."),
    key("max.connections.per.ip.overrides", Kind::String, "", AtStart, "The same for addresses that are listed."),
    key("max.incremental.fetch.session.cache.slots", Int, "1000", AtStart, "Fetch sessions that are kept."),
    key("message.max.bytes", Int, "1048588", Dynamic, "Largest batch that is accepted, unless the topic says otherwise."),
    key("metric.reporters", List, "", AtStart, "Accepted and without effect."),
    key("metrics.num.samples", Int, "2", AtStart, "Accepted and without effect."),
    key("metrics.recording.level", Kind::String, "INFO", AtStart, "Accepted and without effect."),
    key("metrics.sample.window.ms", Long, "30000", AtStart, "Accepted and without effect."),
    key("min.insync.replicas", Int, "1", Dynamic, "Replicas that acks=all needs, unless the topic says otherwise."),
    key("num.io.threads", Int, "8", AtStart, "Accepted and without effect: one loop does all work."),
    key("num.network.threads", Int, "3", AtStart, "Accepted and without effect: one loop does all work."),
    key("num.partitions", Int, "1", AtStart, "Partitions of a topic that does not say how many."),
    key("num.recovery.threads.per.data.dir", Int, "1", AtStart, "Accepted and without effect."),
    unset("num.replica.alter.log.dirs.threads", Int, AtStart, "Accepted and without effect."),
    key("num.replica.fetchers", Int, "1", AtStart, "Accepted and without effect."),
    key("offset.metadata.max.bytes", Int, "4096", AtStart, "Longest note that a member may commit with an offset."),
    key("offsets.commit.required.acks", Short, "-1", AtStart, "Accepted and without effect: commits wait for all in-sync replicas."),
    key("offsets.commit.timeout.ms", Int, "5000", AtStart, "How long a commit may take."),
    key("offsets.load.buffer.size", Int, "5242880", AtStart, "Accepted and without effect."),
    key("offsets.retention.check.interval.ms", Long, "600000", AtStart, "How often expired offsets are looked for."),
    key("offsets.retention.minutes", Int, "10080", AtStart, "How long the offsets of an empty group stay."),
    key("offsets.topic.compression.codec", Int, "0", AtStart, "Accepted and without effect."),
    key("offsets.topic.num.partitions", Int, "50", AtStart, "Partitions of the topic that holds offsets."),
    key("offsets.topic.replication.factor", Short, "3", AtStart, "Replicas of that topic."),
    key("offsets.topic.segment.bytes", Int, "104857600", AtStart, "Segment size of that topic."),
    key("password.encoder.cipher.algorithm", Kind::String, "AES/CBC/PKCS5Padding", AtStart, "How secrets in the keeper are encrypted."),
    key("password.encoder.iterations", Int, "4096", AtStart, "How secrets in the keeper are encrypted."),
    key("password.encoder.key.length", Int, "128", AtStart, "How secrets in the keeper are encrypted."),
    unset("password.encoder.keyfactory.algorithm", Kind::String, AtStart, "How secrets in the keeper are encrypted."),
    unset("password.encoder.old.secret", Password, AtStart, "The secret of before, while it is being changed."),
    unset("password.encoder.secret", Password, AtStart, "The secret that secrets in the keeper are encrypted with."),
    unset("principal.builder.class", Class, AtStart, "A class that names clients. Not supported."),
    key("producer.id.expiration.check.interval.ms", Int, "600000", AtStart, "How often silent producers are looked for."),
    key("producer.id.expiration.ms", Int, "86400000", AtStart, "Silence after which a producer is forgotten."),
    key("producer.purgatory.purge.interval.requests", Int, "1000", AtStart, "Accepted and without effect: nothing is left behind to purge."),
    key("queued.max.request.bytes", Long, "-1", AtStart, "Accepted and without effect: every queue is bounded."),
    key("queued.max.requests", Int, "500", AtStart, "Accepted and without effect: every queue is bounded."),
    key("quota.window.num", Int, "11", AtStart, "Samples kept for clients' quotas."),
    key("quota.window.size.seconds", Int, "1", AtStart, "Length of each of those samples."),
    key("remote.log.storage.system.enable", Boolean, "false", AtStart, "Whether there is remote storage. Not supported."),
    key("replica.fetch.backoff.ms", Int, "1000", AtStart, "Pause of a follower whose fetch failed."),
    key("replica.fetch.max.bytes", Int, "1048576", AtStart, "Bytes of one partition that a follower fetches at once."),
    key("replica.fetch.min.bytes", Int, "1", AtStart, "Fewest bytes that answer a follower at once."),
    key("replica.fetch.response.max.bytes", Int, "10485760", AtStart, "Largest answer to a follower."),
    key("replica.fetch.wait.max.ms", Int, "500", AtStart, "How long a follower's fetch waits."),
    key("replica.high.watermark.checkpoint.interval.ms", Long, "5000", AtStart, "How often high watermarks are written."),
    key("replica.lag.time.max.ms", Long, "30000", AtStart, "How long a follower may lag before it is out of sync."),
    unset("replica.selector.class", Class, AtStart, "Which replica consumers read from. Not supported."),
    key("replica.socket.receive.buffer.bytes", Int, "65536", AtStart, "Accepted and without effect."),
    key("replica.socket.timeout.ms", Int, "30000", AtStart, "How long a follower waits for its leader."),
    key("replication.quota.window.num", Int, "11", AtStart, "Samples kept for the quota of replication."),
    key("replication.quota.window.size.seconds", Int, "1", AtStart, "Length of each of those samples."),
    key("request.timeout.ms", Int, "30000", AtStart, "How long requests between brokers may take."),
    key("reserved.broker.max.id", Int, "1000", AtStart, "Numbers above this are given to brokers without one."),
    unset("sasl.client.callback.handler.class", Class, AtStart, "Not supported."),
    key("sasl.enabled.mechanisms", List, "GSSAPI", AtStart, "SASL mechanisms that clients may use."),
    unset("sasl.jaas.config", Password, AtStart, "Credentials for SASL."),
    key("sasl.kerberos.kinit.cmd", Kind::String, "/usr/bin/kinit", AtStart, "Not supported."),
    key("sasl.kerberos.principal.to.local.rules", List, "DEFAULT", AtStart, "Not supported."),
    unset("sasl.kerberos.service.name", Kind::String, AtStart, "Not supported."),
    key("sasl.mechanism.inter.broker.protocol", Kind::String, "GSSAPI", AtStart, "The SASL mechanism that brokers use among themselves."),
    key("sasl.server.max.receive.size", Int, "524288", AtStart, "Largest SASL message."),
    key("security.inter.broker.protocol", Kind::String, "PLAINTEXT", AtStart, "The security protocol that brokers use among themselves."),
    unset("security.providers", Kind::String, AtStart, "Not supported."),
    key("socket.connection.setup.timeout.max.ms", Long, "30000", AtStart, "Longest wait for a connection to another broker."),
    key("socket.connection.setup.timeout.ms", Long, "10000", AtStart, "First wait for a connection to another broker."),
    key("socket.listen.backlog.size", Int, "50", AtStart, "Connections that may wait to be accepted."),
    key("socket.receive.buffer.bytes", Int, "102400", AtStart, "Accepted and without effect."),
    key("socket.request.max.bytes", Int, "104857600", AtStart, "Largest request."),
    key("socket.send.buffer.bytes", Int, "102400", AtStart, "Accepted and without effect."),
    key("ssl.cipher.suites", List, "", AtStart, "TLS ciphers."),
    key("ssl.client.auth", Kind::String, "none", AtStart, "Whether clients must show a certificate."),
    key("ssl.enabled.protocols", List, "TLSv1.2,TLSv1.3", AtStart, "TLS versions."),
    key("ssl.endpoint.identification.algorithm", Kind::String, "https", AtStart, "How names in certificates are compared."),
    unset("ssl.key.password", Password, AtStart, "The password of the private key."),
    unset("ssl.keystore.certificate.chain", Password, AtStart, "The certificate."),
    unset("ssl.keystore.key", Password, AtStart, "The private key."),
    unset("ssl.keystore.location", Kind::String, AtStart, "The file of certificate and key."),
    unset("ssl.keystore.password", Password, AtStart, "Its password."),
    key("ssl.keystore.type", Kind::String, "JKS", AtStart, "Its format."),
    key("ssl.principal.mapping.rules", Kind::String, "DEFAULT", AtStart, "How certificates become names."),
    key("ssl.protocol", Kind::String, "TLSv1.3", AtStart, "The TLS version to offer first."),
    unset("ssl.provider", Kind::String, AtStart, "Not supported."),
    unset("ssl.truststore.certificates", Password, AtStart, "Certificates that are trusted."),
    unset("ssl.truststore.location", Kind::String, AtStart, "The file of trusted certificates."),
    unset("ssl.truststore.password", Password, AtStart, "Its password."),
    key("ssl.truststore.type", Kind::String, "JKS", AtStart, "Its format."),
    key("super.users", Kind::String, "", AtStart, "Who may do everything."),
    key("telemetry.max.bytes", Int, "1048576", AtStart, "Largest batch of metrics that a client may push."),
    key("transaction.abort.timed.out.transaction.cleanup.interval.ms", Int, "10000", AtStart, "How often timed-out transactions are looked for."),
    key("transaction.max.timeout.ms", Int, "900000", AtStart, "Longest time-out that a transaction may ask for."),
    key("transaction.partition.verification.enable", Boolean, "true", AtStart, "Whether transactional writes are checked with the coordinator."),
    key("transaction.remove.expired.transaction.cleanup.interval.ms", Int, "3600000", AtStart, "How often expired transactional ids are looked for."),
    key("transaction.state.log.load.buffer.size", Int, "5242880", AtStart, "Accepted and without effect."),
    key("transaction.state.log.min.isr", Int, "2", AtStart, "In-sync replicas that the topic of transactions needs."),
    key("transaction.state.log.num.partitions", Int, "50", AtStart, "Partitions of that topic."),
    key("transaction.state.log.replication.factor", Short, "3", AtStart, "Replicas of that topic."),
    key("transaction.state.log.segment.bytes", Int, "104857600", AtStart, "Segment size of that topic."),
    key("transactional.id.expiration.ms", Int, "604800000", AtStart, "Silence after which a transactional id is forgotten."),
    key("unclean.leader.election.enable", Boolean, "false", Dynamic, "Whether a replica that is not in sync may lead as a last resort, unless the topic says otherwise."),
    key("unstable.api.versions.enable", Boolean, "false", AtStart, "Accepted and without effect."),
    key("unstable.feature.versions.enable", Boolean, "false", AtStart, "Accepted and without effect."),
    unset("zookeeper.clientCnxnSocket", Kind::String, AtStart, "Accepted and without effect."),
    unset("zookeeper.connect", Kind::String, AtStart, "The keepers, as host:port with commas between and a path behind."),
    unset("zookeeper.connection.timeout.ms", Int, AtStart, "How long the first connection to the keeper may take."),
    key("zookeeper.max.in.flight.requests", Int, "10", AtStart, "Requests to the keeper under way at once."),
    key("zookeeper.metadata.migration.enable", Boolean, "false", AtStart, "It concerns KRaft."),
    key("zookeeper.session.timeout.ms", Int, "18000", AtStart, "Silence after which the keeper takes this broker for dead."),
    key("zookeeper.set.acl", Boolean, "false", AtStart, "Whether znodes are protected."),
    key("zookeeper.ssl.client.enable", Boolean, "false", AtStart, "Whether TLS is used to the keeper."),
];
