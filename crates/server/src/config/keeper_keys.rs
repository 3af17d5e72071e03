//! Every key of a `zoo.cfg` and what becomes of it here. The parser asks this table about each key that it
//! has no use for, and the table in `docs/compatibility.md` is printed from it.

use super::Meaning::{self, Harmless, Honoured, RefusedUnless};
use std::fmt::Write;

const NOT_YET: &str = "not there yet; remove it to start without";
const TUNING: &str = "it tunes the original's implementation";

/// Names (with `*` for any ending), the original's default, what it means here.
#[rustfmt::skip]
pub(super) const KEYS: &[(&str, &str, Meaning)] = &[
    // Where, and who may come.
    ("dataDir", "", Honoured("snapshots and `myid`")),
    ("dataLogDir", "dataDir", Honoured("the transaction log")),
    ("clientPort clientPortAddress", "", Honoured("where clients connect")),
    ("tickTime", "3000", Honoured("milliseconds; the width of session expiry")),
    ("minSessionTimeout maxSessionTimeout", "2 and 20 ticks", Honoured("-1 for the default")),
    ("maxClientCnxns", "60", Honoured("connections from one address; 0 for any number")),
    ("maxCnxns", "0", Honoured("connections in all; 0 for any number")),
    ("dynamicConfigFile", "", Honoured("a reconfiguration writes it")),
    ("clientPortListenBacklog tcpKeepAlive clientTcpKeepAlive", "-1, false",
        Harmless("the listener has a backlog of 1024 and keep-alive on")),
    // Disk.
    ("snapCount", "100000", Honoured("transactions until a snapshot is due, drawn from the upper half; unset, the snapshot of a large tree also waits until the log has half its bytes")),
    ("snapSizeLimitInKb txnLogSizeLimitInKb", "4194304, -1", Honoured("bytes of log until a snapshot is due; 0 and below for no limit")),
    ("forceSync", "yes", Honoured("`no`, and only that word, acknowledges what a power cut can undo")),
    ("fsync.warningthresholdms", "1000", Honoured("slower syncs are counted and logged")),
    ("autopurge.snapRetainCount", "3", Honoured("at least 3")),
    ("autopurge.purgeInterval", "0", Honoured("differs: unset it is on; a written 0 or less turns it off. Old files go when a snapshot is written")),
    ("snapshot.compression.method", "CHECKED", Honoured("CHECKED, gz, snappy; anything else is CHECKED")),
    ("snapshot.trust.empty", "false", Honoured("")),
    ("datadir.autocreate", "true", Honoured("false refuses to start without the directory")),
    ("digest.enabled", "true", Honoured("transactions carry the digest of the tree")),
    ("preAllocSize", "65536", Harmless("the log is zeroed ahead in small steps")),
    ("commitLogCount flushDelay maxWriteQueuePollTime maxBatchSize", "500, 0, -, 1000",
        Harmless("commits are grouped by load, without timers")),
    ("closeSessionTxn.enabled serializeLastProcessedZxid.enabled", "true", Harmless("it is always on")),
    ("db.autocreate", "true", Honoured("false: a member without data does not vote before it has the leader's, \
        unless there is a file `initialize` beside `myid`")),
    // Znodes and sessions.
    ("extendedTypesEnabled", "false", Honoured("znodes with a time to live")),
    ("znode.container.checkIntervalMs znode.container.maxPerMinute znode.container.maxNeverUsedIntervalMs",
        "60000, 10000, 0", Honoured("also as a flag of Java")),
    ("enforceQuota", "false", Honoured("")),
    ("skipACL", "no", Honoured("`yes`, and only that word, lets everybody do everything")),
    ("DigestAuthenticationProvider.superDigest DigestAuthenticationProvider.enabled", "-, true", Honoured("")),
    ("jute.maxbuffer", "1048575", Honoured("bytes of the longest request; also as a flag of Java")),
    ("reconfigEnabled", "false", Honoured("the membership may change while it runs")),
    ("emulate353TTLNodes", "false", Honoured("beside `extendedTypesEnabled`: times to live are read as 3.5.3 wrote \
        them, too; new ones are written as later releases do")),
    ("enableEagerACLCheck", "false", Harmless("who may do what is decided where the order is made")),
    ("localSessionsEnabled localSessionsUpgradingEnabled", "false", Honoured("of members of an ensemble, as in the original")),
    ("readonlymode.enabled", "false", Honoured("also as a flag of Java; differs: local sessions need not be enabled for it")),
    // Limits.
    ("globalOutstandingLimit", "1000", Honoured("requests under way before reading stops; in an ensemble of more than two voters each has its share, as in the original")),
    ("request_throttle_max_requests request_throttle_drop_stale request_stale_latency_check", "0, true, false",
        Honoured("with so many requests under way new ones wait")),
    ("request_throttle_stall_time request_throttler.* request_stale_connection_check", "100, 10000, true",
        Harmless("what waits goes on as soon as it may, and goes with its connection")),
    ("throttled_op_wait_time", "0", Honoured("milliseconds of waiting after which a request is answered ThrottledOp")),
    ("largeRequestThreshold largeRequestMaxBytes", "-1, 104857600",
        Honoured("a request counts until its connection has nothing under way")),
    ("connection_throttle_tokens connection_throttle_fill_time connection_throttle_fill_count \
      connection_throttle_freeze_time connection_throttle_drop_increase connection_throttle_drop_decrease \
      connection_throttle_decrease_ratio connection_throttle_weight_enabled \
      connection_throttle_global_session_weight connection_throttle_local_session_weight \
      connection_throttle_renew_session_weight",
        "0, 1, 1, -1, 0.02, 0.002, 0, false, 3, 1, 2", Honoured("")),
    ("maxResponseCacheSize maxGetChildrenResponseCacheSize response_cache.*", "400", Harmless("replies need no cache")),
    ("jute.maxbuffer.extrasize", "jute.maxbuffer", Harmless("what is stored may be as long as it likes")),
    // Administration.
    ("4lw.commands.whitelist", "srvr", Honoured("names with commas between, or `*`")),
    ("admin.enableServer admin.serverAddress admin.serverPort", "true, 0.0.0.0, 8080",
        Honoured("the HTTP port, which has `/metrics` and `/status` too")),
    ("admin.commandURL", "/commands", Honoured("")),
    ("admin.snapshot.enabled admin.restore.enabled", "true", Honoured("")),
    ("admin.rateLimiterIntervalInMS", "300000", Honoured("for snapshots the original takes it as microseconds, and so does Castle")),
    ("admin.idleTimeout", "30000", Harmless("the HTTP port needs no such setting")),
    ("admin.forceHttps admin.needClientAuth admin.portUnification", "false", RefusedUnless(&["false"], NOT_YET)),
    ("metricsProvider.className metricsProvider.httpHost metricsProvider.httpPort", "none, 0.0.0.0, 7000",
        Honoured("with the provider for Prometheus, metrics are on that port too")),
    ("metricsProvider.httpsPort metricsProvider.ssl.*", "", RefusedUnless(&[""], "metrics have no TLS; name metricsProvider.httpPort, and a proxy for TLS")),
    ("metricsProvider.*", "", Harmless("metrics need no workers and no queue")),
    ("audit.enable", "false", RefusedUnless(&["false"], NOT_YET)),
    ("audit.*", "", Harmless("the audit log is off")),
    // Security.
    ("secureClientPort secureClientPortAddress", "", Honoured("a port for TLS; without `clientPort` the only one")),
    ("client.portUnification", "false", Honoured("`clientPort` takes TLS too")),
    ("client.certReload", "false", Honoured("new certificates within a second, for new connections")),
    ("netty.server.outstandingHandshake.limit", "-1", Honoured("handshakes at once; differs: 1024 if unset, and no limit only with a written -1")),
    ("ssl.keyStore.location ssl.keyStore.password ssl.keyStore.passwordPath ssl.keyStore.type", "",
        Honoured("PEM, PKCS12 and JKS; the type is seen from the file")),
    ("ssl.trustStore.location ssl.trustStore.password ssl.trustStore.passwordPath ssl.trustStore.type", "",
        Honoured("as the key store; without one nobody's certificate is believed")),
    ("ssl.clientAuth", "need", Honoured("need, want, none")),
    ("ssl.protocol ssl.enabledProtocols", "TLSv1.3 and TLSv1.2", Honoured("these two; older ones are not served")),
    ("ssl.ciphersuites", "all", Honoured("names of Java in order of preference; those without forward secrecy are not served")),
    ("ssl.hostnameVerification", "true", Honoured("concerns clients; the names of clients are never looked up")),
    ("ssl.crl ssl.ocsp ssl.clientHostnameVerification", "false", RefusedUnless(&["false"], "revocation and the names of clients are not looked up")),
    ("ssl.context.supplier.class", "", RefusedUnless(&[], "it is Java code, which cannot be loaded")),
    ("ssl.authProvider", "x509", Honoured("x509 only")),
    ("ssl.* clientCnxnSocket fips-mode outstandingHandshake.limit", "", Harmless(TUNING)),
    ("authProvider.*", "", RefusedUnless(&[], "it is Java code, which cannot be loaded; the original's own classes for SASL, x509, digest and ip are known")),
    ("DigestAuthenticationProvider.digestAlg", "SHA1", Honoured("SHA1, SHA-256, SHA-384, SHA-512")),
    ("X509AuthenticationProvider.superUser", "", Honoured("the subject of a certificate, as Java writes it")),
    ("X509AuthenticationProvider.clientCertIdType", "SUBJECT", Honoured("SUBJECT only")),
    ("X509AuthenticationProvider.*", "", Harmless("clients are known by the subject of their certificate")),
    ("java.security.auth.login.config", "", Honoured("the JAAS file with the users of SASL; a flag of Java in the original")),
    ("sasl.serverconfig", "Server", Honoured("the section of the JAAS file")),
    ("SASLAuthenticationProvider.superPassword", "", Honoured("the password of the user `super`")),
    ("superUser superUser.*", "", Honoured("names known by SASL of who may do everything")),
    ("letAnySaslUserDoX", "", RefusedUnless(&[], "it is not there; name the users in access control lists")),
    ("IPAuthenticationProvider.usexforwardedfor", "false", RefusedUnless(&["false"], NOT_YET)),
    ("enforce.auth.enabled enforce.auth.schemes sessionRequireClientSASLAuth", "false", Honoured("who is nobody in these schemes is told and closed")),
    ("allowSaslFailedClients", "false", Honoured("who fails to log in stays, as nobody")),
    ("requireClientAuthScheme", "", Harmless("the original does not read it either; sessionRequireClientSASLAuth=true does that")),
    ("jaasLoginRenew", "", Harmless("passwords in a JAAS file are not renewed")),
    ("kerberos.*", "", Harmless("there is no Kerberos here; a JAAS file that wants it is refused")),
    ("ensembleAuthName", "", Harmless("the ensemble scheme is not there yet")),
    // Ensembles.
    ("server.*", "", Honoured("host, ports, role and client port of a member; one line alone is the same as none")),
    ("group.* weight.*", "", Honoured("hierarchical quorums")),
    ("initLimit syncLimit", "", Honoured("ticks; an ensemble needs both")),
    ("connectToLearnerMasterLimit", "initLimit", Honoured("ticks until a leader must be reached")),
    ("cnxTimeout", "5000", Honoured("milliseconds until a member's election port must answer")),
    ("quorumListenOnAllIPs", "false", Honoured("both ports between members listen on all addresses")),
    ("standaloneEnabled", "true", Honoured("false makes an ensemble of one line")),
    ("electionAlg", "3", Honoured("3 only")),
    ("leaderServes", "yes", Honoured("`no`, and only that word, sends clients to the others")),
    ("peerType", "", Harmless("the line of server.N says who observes")),
    ("syncEnabled", "true", Harmless("observers keep a log as well")),
    ("oraclePath", "", Harmless("oracles are not there yet")),
    ("observerMasterPort", "", Harmless("there are no observer masters yet; observers of the original must not have the key either, else they wait for one")),
    ("multiAddress.enabled", "false", RefusedUnless(&["false"], "several addresses of one member are not there yet")),
    ("multiAddress.*", "", Harmless("what it belongs to is off")),
    ("initialConfig lastConfig", "", Harmless("the original sets them itself")),
    ("quorumCnxnTimeoutMs quorum.cnxn.threads.size electionPortBindRetry fastleader.* observer.* learner.* leader.* \
      follower.* maxConcurrent* maxTimeToWaitForEpoch forward_learner_requests_to_commit_processor_disabled \
      preserveOrder ipReachableTimeout", "", Harmless(TUNING)),
    ("sslQuorum", "false", Honoured("members dial each other with TLS, on both ports")),
    ("portUnification", "false", Honoured("both ports between members take connections with TLS and without")),
    ("ssl.quorum.keyStore.location ssl.quorum.keyStore.password ssl.quorum.keyStore.passwordPath ssl.quorum.keyStore.type \
      ssl.quorum.trustStore.location ssl.quorum.trustStore.password ssl.quorum.trustStore.passwordPath \
      ssl.quorum.trustStore.type", "", Honoured("PEM, PKCS12 or JKS")),
    ("ssl.quorum.clientAuth", "need", Honoured("need, want or none")),
    ("ssl.quorum.protocol ssl.quorum.enabledProtocols", "TLSv1.3,TLSv1.2", Honoured("TLSv1.2 and TLSv1.3")),
    ("ssl.quorum.ciphersuites", "", Honoured("those that are safe")),
    ("ssl.quorum.hostnameVerification", "true", Honoured("a member's certificate is for its address or its name in server.N")),
    ("ssl.quorum.clientHostnameVerification", "true", Honoured("the same of members that dial; names are looked up in server.N, not in the reverse DNS")),
    ("ssl.quorum.crl ssl.quorum.ocsp", "false", RefusedUnless(&["false"], NOT_YET)),
    ("ssl.quorum.context.supplier.class", "", RefusedUnless(&[], "it is Java code, which cannot be loaded")),
    ("sslQuorumReloadCertFiles", "false", Honoured("new certificates are taken for new connections")),
    ("quorum.auth.enableSasl", "false", Honoured("members can prove to each other who they are, by DIGEST-MD5; Kerberos is not there")),
    ("quorum.auth.learnerRequireSasl", "false", Honoured("we prove it to members that we dial")),
    ("quorum.auth.serverRequireSasl", "false", Honoured("members that dial us must prove it")),
    ("quorum.auth.learner.saslLoginContext", "QuorumLearner", Honoured("the section of java.security.auth.login.config that says who we are")),
    ("quorum.auth.server.saslLoginContext", "QuorumServer", Honoured("the section with the users that may dial us")),
    ("quorum.auth.*", "", Harmless("it concerns Kerberos")),
    // The original's inside.
    ("serverCnxnFactory", "NIO", Harmless("there is one kind of connection")),
    ("netty.* nio.* jvm.pause.* jvm.* watchManagerName watcherClean* maxInProcessingDeadWatchers bitHashCacheSize \
      advancedFlowControlEnabled commitProcessor.* messageTracker.* intBufferStartingSizeBytes", "", Harmless(TUNING)),
];

/// The table as Markdown.
pub fn keeper_key_table() -> String {
    let mut text = "| Key | Default | Here |\n|---|---|---|\n".to_owned();
    for (names, default, meaning) in KEYS {
        let names: Vec<String> = names.split_whitespace().map(|name| format!("`{name}`")).collect();
        let here = match meaning {
            Honoured("") => "honoured".to_owned(),
            Honoured(how) => format!("honoured: {how}"),
            Harmless(why) => format!("ignored: {why}"),
            RefusedUnless([], why) => format!("refused: {why}"),
            RefusedUnless(values, why) => {
                let values: Vec<&str> = values.iter().copied().filter(|value| !value.is_empty()).collect();
                format!("refused unless {}: {why}", values.join(" or "))
            }
        };
        let _ = writeln!(text, "| {} | {default} | {here} |", names.join(" "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{KeeperConfig, Note, Properties};
    use super::*;
    use std::path::Path;

    /// A value for each key that is honoured, which is not its default.
    const SAMPLES: &[(&str, &str)] = &[
        ("server.*", "host:2888:3888"),
        ("electionAlg", "3"),
        ("dataDir", "/d"),
        ("dataLogDir", "/l"),
        ("clientPort", "2182"),
        ("maxSessionTimeout", "50000"),
        ("connection_throttle_drop_increase", "0.5"),
        ("connection_throttle_drop_decrease", "0.5"),
        ("connection_throttle_decrease_ratio", "0.5"),
        ("clientPortAddress", "127.0.0.1"),
        ("dynamicConfigFile", ""),
        ("snapshot.compression.method", "gz"),
        ("DigestAuthenticationProvider.superDigest", "super:x"),
        ("4lw.commands.whitelist", "*"),
        ("admin.serverAddress", "127.0.0.1"),
        ("secureClientPort", ""),
        ("secureClientPortAddress", "127.0.0.1"),
        ("client.portUnification", "false"),
        ("client.certReload", "false"),
        ("ssl.keyStore.passwordPath", ""),
        ("ssl.trustStore.passwordPath", ""),
        ("ssl.keyStore.type", "PEM"),
        ("ssl.trustStore.type", "PEM"),
        ("ssl.clientAuth", "none"),
        ("ssl.protocol", "TLSv1.2"),
        ("ssl.enabledProtocols", "TLSv1.2"),
        ("ssl.hostnameVerification", "false"),
        ("ssl.authProvider", "x509"),
        ("ssl.quorum.keyStore.passwordPath", ""),
        ("ssl.quorum.trustStore.passwordPath", ""),
        ("ssl.quorum.keyStore.type", "PEM"),
        ("ssl.quorum.trustStore.type", "PEM"),
        ("ssl.quorum.clientAuth", "none"),
        ("ssl.quorum.protocol", "TLSv1.2"),
        ("ssl.quorum.enabledProtocols", "TLSv1.2"),
        ("ssl.quorum.hostnameVerification", "false"),
        ("ssl.quorum.clientHostnameVerification", "false"),
        ("sslQuorum", "false"),
        ("quorum.auth.enableSasl", "false"),
        ("quorum.auth.learnerRequireSasl", "false"),
        ("quorum.auth.serverRequireSasl", "false"),
        ("portUnification", "false"),
        ("sslQuorumReloadCertFiles", "false"),
        ("DigestAuthenticationProvider.digestAlg", "SHA-256"),
        ("X509AuthenticationProvider.clientCertIdType", "subject"),
        ("java.security.auth.login.config", ""),
        ("enforce.auth.enabled", "false"),
        ("sessionRequireClientSASLAuth", "false"),
        ("allowSaslFailedClients", "false"),
        ("admin.commandURL", "/c"),
        ("metricsProvider.className", "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider"),
        ("metricsProvider.httpHost", "127.0.0.1"),
    ];
    const SWITCHES: &str = "quorumListenOnAllIPs standaloneEnabled leaderServes forceSync snapshot.trust.empty datadir.autocreate db.autocreate digest.enabled extendedTypesEnabled \
         enforceQuota skipACL DigestAuthenticationProvider.enabled reconfigEnabled admin.enableServer \
         admin.snapshot.enabled admin.restore.enabled localSessionsEnabled localSessionsUpgradingEnabled \
         request_throttle_drop_stale request_stale_latency_check connection_throttle_weight_enabled readonlymode.enabled emulate353TTLNodes";

    fn sample(key: &str) -> &'static str {
        if key == "autopurge.purgeInterval" {
            return "24";
        }
        if let Some((_, sample)) = SAMPLES.iter().find(|(name, _)| *name == key) {
            sample
        } else if SWITCHES.split_whitespace().any(|name| name == key) {
            "true"
        } else {
            "5000"
        }
    }

    #[test]
    fn what_is_honoured_is_taken_by_the_parser() {
        let honoured = KEYS.iter().filter(|(_, _, meaning)| matches!(meaning, Honoured(_)));
        for key in honoured.flat_map(|(names, ..)| names.split_whitespace()) {
            let mut file = Properties::parse(b"dataDir=/d\nclientPort=1").expect("properties");
            file.set(&key.replace('*', "1"), sample(key));
            let (_, notes) =
                KeeperConfig::parse(file).unwrap_or_else(|refusals| panic!("{key}: {refusals:?}"));
            let untaken = notes.iter().any(|note| !matches!(note, Note::Adjusted { .. }));
            assert!(!untaken, "{key} is said to be honoured, but: {notes:?}");
        }
    }

    #[test]
    fn the_page_has_the_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
        let page = std::fs::read_to_string(&path).expect("the page");
        let (begin, end) = ("<!-- begin zoo.cfg -->\n", "<!-- end zoo.cfg -->");
        let (before, rest) = page.split_once(begin).expect("the beginning is marked");
        let (table, after) = rest.split_once(end).expect("the end is marked");
        if std::env::var_os("CASTLE_BLESS").is_some() {
            std::fs::write(&path, format!("{before}{begin}{}{end}{after}", keeper_key_table()))
                .expect("written");
        } else {
            assert!(
                table == keeper_key_table(),
                "run `CASTLE_BLESS=1 cargo test -p server the_page` and look"
            );
        }
    }
}
