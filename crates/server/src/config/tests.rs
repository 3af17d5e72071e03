use super::*;
use clock::Span;
use std::path::Path;
use znode::ExtendedTypes;

fn keeper(text: &str) -> Result<(KeeperConfig, Vec<Note>), String> {
    let properties = Properties::parse(text.as_bytes()).expect("properties");
    KeeperConfig::parse(properties).map_err(told)
}

fn broker(text: &str) -> Result<(BrokerConfig, Vec<Note>), String> {
    let properties = Properties::parse(text.as_bytes()).expect("properties");
    BrokerConfig::parse(properties).map_err(told)
}

fn told(refusals: Vec<Refusal>) -> String {
    refusals.iter().map(Refusal::to_string).collect::<Vec<_>>().join("; ")
}

const KEEPER: &str = "tickTime=2000\ndataDir=/data/zk\nclientPort=2181\ninitLimit=10\nsyncLimit=5\n";

#[test]
fn the_sample_of_the_original_is_honoured() {
    let (config, notes) = keeper(KEEPER).expect("the sample file");
    assert_eq!(config.client_address, "[::]:2181".parse().expect("an address"));
    assert_eq!((config.session_timeout_min, config.session_timeout_max), (Span::ms(4000), Span::ms(40_000)));
    assert_eq!(config.log_directory, PathBuf::from("/data/zk"));
    assert_eq!(config.connections_per_address_max, 60);
    assert!(config.purge.on && config.force_sync);
    assert_eq!(config.words, Words::Only(["srvr".to_owned()].into()));
    assert_eq!(config.http_address, Some("0.0.0.0:8080".parse().expect("an address")));
    assert_eq!(notes, []);
}

#[test]
fn keeper_keys_one_by_one() {
    let check = |line: &str, expect: &dyn Fn(&KeeperConfig) -> bool| {
        let (config, _) = keeper(&format!("{KEEPER}{line}")).expect(line);
        assert!(expect(&config), "{line}: {config:?}");
    };
    check("dataLogDir=/logs", &|config| config.log_directory == Path::new("/logs"));
    check("clientPortAddress=127.0.0.1", &|config| config.client_address.ip().is_loopback());
    check("extendedTypesEnabled=true", &|config| config.extended_types == ExtendedTypes::On);
    check("emulate353TTLNodes=true", &|config| config.extended_types == ExtendedTypes::Off);
    check("extendedTypesEnabled=true\nzookeeper.emulate353TTLNodes=true", &|config| {
        config.extended_types == ExtendedTypes::OnAsIn353
    });
    check("zookeeper.enforceQuota=true", &|config| config.enforce_quota);
    check("digest.enabled=false", &|config| !config.digest);
    check("reconfigEnabled=true", &|config| config.reconfig);
    check("DigestAuthenticationProvider.enabled=false", &|config| !config.digest_scheme);
    check("znode.container.checkIntervalMs=500", &|config| config.containers.interval == Span::ms(500));
    check("znode.container.maxPerMinute=7", &|config| config.containers.a_minute_max == 7);
    check("znode.container.maxNeverUsedIntervalMs=9", &|config| config.containers.never_used == Span::ms(9));
    check("minSessionTimeout=-1", &|config| config.session_timeout_min == Span::ms(4000));
    check("minSessionTimeout=100", &|config| config.session_timeout_min == Span::ms(100));
    check("maxClientCnxns=0", &|config| config.connections_per_address_max == 0);
    check("zookeeper.maxCnxns=9", &|config| config.connections_max == 9);
    check("snapCount=0", &|config| config.snapshot_entries == 2 && !config.snapshots_in_proportion);
    check("", &|config| config.snapshot_entries == 100_000 && config.snapshots_in_proportion);
    check("txnLogSizeLimitInKb=64", &|config| config.log_bytes_max == 65_536);
    check("snapSizeLimitInKb=0", &|config| config.log_bytes_max == u64::MAX);
    check("forceSync=no", &|config| !config.force_sync);
    // One word switches them, and every other spelling is the safe default.
    check("forceSync=false", &|config| config.force_sync);
    check("forceSync=NO", &|config| config.force_sync);
    check("skipACL=yes", &|config| config.skip_acl);
    check("skipACL=true", &|config| !config.skip_acl);
    check("maxClientCnxns=-1", &|config| config.connections_per_address_max == 0);
    check("request_throttle_max_requests=-1", &|config| config.throttles.requests_max == 0);
    check("throttled_op_wait_time=-1", &|config| config.throttles.op_wait == Span::ms(0));
    check("jute.maxbuffer=1073741824", &|config| config.frame_bytes_max == 512 << 20);
    check("snapshot.compression.method=GZ", &|config| config.compression == txnlog::Compression::Gzip);
    check("snapshot.compression.method=GZIP", &|config| config.compression == txnlog::Compression::None);
    check("autopurge.purgeInterval=0", &|config| !config.purge.on);
    check("autopurge.purgeInterval=-1", &|config| !config.purge.on);
    check("autopurge.purgeInterval=0h", &|config| !config.purge.on);
    check("autopurge.purgeInterval=24h", &|config| config.purge.on);
    check("autopurge.snapRetainCount=1", &|config| config.purge.retain == 3);
    check("autopurge.snapRetainCount=7", &|config| config.purge.retain == 7);
    check("4lw.commands.whitelist=*", &|config| config.words == Words::All);
    check("4lw.commands.whitelist=stat, ruok", &|config| {
        config.words == Words::Only(["stat".to_owned(), "ruok".to_owned()].into())
    });
    check("admin.enableServer=false", &|config| config.http_address.is_none());
    check("admin.serverPort=9999", &|config| config.http_address.is_some_and(|at| at.port() == 9999));
    check("jute.maxbuffer=0x400000", &|config| config.frame_bytes_max == 4_194_304);
    check("snapshot.compression.method=snappy", &|config| config.compression == txnlog::Compression::Snappy);
    check("admin.commandURL=/zk", &|config| config.admin.command_url == "/zk");
    check("admin.restore.enabled=false", &|config| config.admin.snapshot && !config.admin.restore);
    check("metricsProvider.httpPort=7001", &|config| config.metrics_address.is_none());
    check("metricsProvider.className=a.PrometheusMetricsProvider", &|config| {
        config.metrics_address.is_some_and(|at| at.port() == 7000)
    });
    check("request_throttle_max_requests=7", &|config| config.throttles.requests_max == 7);
    check("zookeeper.throttled_op_wait_time=7", &|config| config.throttles.op_wait == Span::ms(7));
    check("largeRequestThreshold=0", &|config| config.throttles.large_request_bytes == Some(0));
    check("largeRequestThreshold=-1", &|config| config.throttles.large_request_bytes.is_none());
    check("connection_throttle_tokens=7", &|config| config.throttles.connections.tokens == 7);
    check("connection_throttle_freeze_time=-1", &|config| config.throttles.connections.freeze_time.is_none());
    check("connection_throttle_weight_enabled=true", &|config| {
        config.throttles.connections.weights
            == Some(keeper::SessionWeights { global: 3, local: 1, renewed: 2 })
    });
    check("fsync.warningthresholdms=20", &|config| config.sync_warning == Span::ms(20));
    check("datadir.autocreate=false", &|config| !config.autocreate);
    check("jute.maxbuffer=4194304", &|config| config.frame_bytes_max == 4_194_304);
    check("server.1=host:2888:3888;127.0.0.1:2999", &|config| config.client_address.port() == 2181);
}

#[test]
fn a_server_line_may_name_the_client_port() {
    let (config, _) =
        keeper("dataDir=/d\nserver.1=host:2888:3888:participant;127.0.0.1:2999").expect("one server");
    assert_eq!(config.client_address, "127.0.0.1:2999".parse().expect("an address"));
}

#[test]
fn what_a_keeper_refuses_names_the_key_and_the_fix() {
    let check = |text: &str, expect: &str| {
        let refusals = keeper(text).expect_err(text);
        assert!(refusals.contains(expect), "{refusals:?} does not say {expect:?}");
    };
    check("clientPort=2181", "dataDir: it is missing");
    assert!(Properties::parse(b"\xfe\xff\0d").unwrap_err().to_string().contains("UTF-16"));
    check(&format!("{KEEPER}enforceQuota=yes"), "enforceQuota: \"yes\" is neither true nor false");
    check(&format!("{KEEPER}autopurge.purgeInterval=often"), "\"often\" is not a number of hours");
    check(&format!("{KEEPER}metricsProvider.className=com.example.Mine"), "there is no com.example.Mine");
    check(
        &format!("{KEEPER}metricsProvider.httpsPort=7443"),
        "metricsProvider.httpsPort: metrics have no TLS",
    );
    check(&format!("{KEEPER}admin.commandURL=commands"), "admin.commandURL: \"commands\" is not a path");
    check(&format!("{KEEPER}connection_throttle_drop_increase=2"), "2 is out of bounds: from 0 to 1");
    check("dataDir=/d", "clientPort: it is missing");
    check(&format!("{KEEPER}clientPort=70000"), "clientPort: 70000 is out of bounds: from 0 to 65535");
    check(&format!("{KEEPER}clientPort=abc"), "clientPort: \"abc\" is not a whole number");
    check(&format!("{KEEPER}secureClientPort=2281"), "ssl.keyStore.location: it is missing");
    check(&format!("{KEEPER}server.1=a:1:2\nserver.2=b:1"), "server.2: \"b:1\" is not of the form");
    check(
        &format!("{KEEPER}authProvider.1=com.example.Mine"),
        "authProvider.1: com.example.Mine is Java code",
    );
    check(&format!("{KEEPER}enforce.auth.enabled=true"), "enforce.auth.schemes: it must name schemes");
    check(&format!("{KEEPER}sessionRequireClientSASLAuth=true"), "enforce.auth.schemes: sasl is not there");
    check(&format!("{KEEPER}java.security.auth.login.config=/not/there"), "cannot be read");
    let tls = format!("{KEEPER}secureClientPort=2281\nssl.keyStore.location=/k.pem\n");
    check(&format!("{tls}ssl.clientAuth=perhaps"), "ssl.clientAuth: \"perhaps\" is not need, want or none");
    check(&format!("{tls}ssl.enabledProtocols=TLSv1.1,TLSv1"), "only TLSv1.2 and TLSv1.3 are served");
    check(&format!("{tls}ssl.crl=true"), "ssl.crl: certificates that were revoked");
    check(
        &format!("{tls}ssl.keyStore.type=BCFKS"),
        "keytool -importkeystore -srckeystore /k.pem -srcstoretype BCFKS",
    );
    check(
        &format!("{tls}ssl.trustStore.location=/t\nssl.trustStore.passwordPath=/not/there"),
        "cannot be read",
    );
    check(
        &format!("{KEEPER}quorum.auth.enableSasl=true"),
        "java.security.auth.login.config: it is missing, and quorum.auth.enableSasl needs it",
    );
    check(
        &format!("{KEEPER}quorum.auth.serverRequireSasl=true"),
        "quorum.auth.serverRequireSasl: it is true, and quorum.auth.learnerRequireSasl is not; set that too",
    );
    let members = format!("{KEEPER}sslQuorum=true\nssl.quorum.keyStore.location=/k.pem\n");
    check(
        &members,
        "ssl.quorum.trustStore.location: it is missing, and members know each other by their certificates",
    );
    check(&format!("{KEEPER}portUnification=true\n"), "ssl.quorum.keyStore.location: it is missing");
    check(
        &format!("{members}ssl.quorum.clientAuth=maybe"),
        "ssl.quorum.clientAuth: \"maybe\" is not need, want or none",
    );
    check(&format!("{KEEPER}minSessionTimeout=9\nmaxSessionTimeout=8"), "it is above maxSessionTimeout");
    check(&format!("{KEEPER}digest.enabled=maybe"), "digest.enabled: \"maybe\" is neither true nor false");
    // All of it at once.
    check(&format!("{KEEPER}digest.enabled=x\naudit.enable=true"), "audit.enable: not there yet");
    check(&format!("{KEEPER}digest.enabled=x\nsuperUser=y"), "digest.enabled: \"x\" is neither");
}

#[test]
fn a_byte_order_mark_is_passed_over_even_if_cut_off() {
    let file = Properties::parse(b"\xef\xbb\xbfdataDir=/d").unwrap();
    assert_eq!(file.peek("dataDir"), Some("/d"));
    for cut in [&b"\xef"[..], b"\xef\xbb", b"\xfe", b"\xff", b"\xef\xbb\xbf\xef"] {
        let file = [cut, b"\ndataDir=/d"].concat();
        assert_eq!(Properties::parse(&file).unwrap().peek("dataDir"), Some("/d"), "{cut:x?}");
        assert_eq!(Properties::parse(cut).unwrap().rest().len(), 1, "{cut:x?}");
    }
}

#[test]
fn unknown_keys_are_told() {
    let (_, notes) = keeper(&format!("{KEEPER}tickTme=5")).expect("an unknown key is no reason to refuse");
    assert!(notes.contains(&Note::Unknown { key: "tickTme".to_owned() }));
    let (_, notes) = broker("zookeeper.connect=a\nnum.partitons=5").expect("the same");
    assert_eq!(notes, [Note::Unknown { key: "num.partitons".to_owned() }]);
}

const SAMPLE: &str = "broker.id=0
listeners=PLAINTEXT://:9092
num.network.threads=3
log.dirs=/tmp/a, /tmp/b
num.partitions=1
offsets.topic.replication.factor=1
log.retention.hours=168
zookeeper.connect=one:2181,two:2182/kafka
zookeeper.connection.timeout.ms=18000
group.initial.rebalance.delay.ms=0
";

#[test]
fn the_sample_broker_is_honoured() {
    let (config, notes) = broker(SAMPLE).expect("the sample file");
    assert_eq!(config.broker_id, Some(0));
    assert_eq!(config.listeners.len(), 1);
    assert_eq!(config.listeners[0].address, "[::]:9092".parse().expect("an address"));
    assert_eq!(config.listeners[0].advertised, (super::broker_config::host_name(), 9092));
    assert_eq!(config.log_directories, [PathBuf::from("/tmp/a"), PathBuf::from("/tmp/b")]);
    assert_eq!((config.keeper.addresses().len(), config.keeper.chroot()), (2, "/kafka"));
    assert_eq!(config.group_initial_rebalance_delay, Span::ZERO);
    assert_eq!(config.properties["log.retention.hours"], "168");
    assert_eq!(notes.len(), 1, "{notes:?}");
}

#[test]
fn listeners_have_names_protocols_and_advertised_addresses() {
    let (config, _) = broker(
        "zookeeper.connect=a\nlisteners=INSIDE://127.0.0.1:9092,OUTSIDE://[::1]:9093\n\
         listener.security.protocol.map=INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT\n\
         advertised.listeners=INSIDE://inside:1,OUTSIDE://outside:2\ninter.broker.listener.name=OUTSIDE",
    )
    .expect("two listeners");
    let told: Vec<_> = config
        .listeners
        .iter()
        .map(|listener| (listener.name.as_str(), listener.advertised.clone()))
        .collect();
    assert_eq!(told, [("INSIDE", ("inside".to_owned(), 1)), ("OUTSIDE", ("outside".to_owned(), 2))]);
    assert_eq!(config.inter_broker_listener, 1);
    assert!(config.listeners[1].address.is_ipv6());
    assert_eq!(config.broker_id, None);
}

#[test]
fn what_a_broker_refuses_names_the_key_and_the_fix() {
    let check = |text: &str, expect: &str| {
        let refusals = broker(&format!("{text}\n")).expect_err(text);
        assert!(refusals.contains(expect), "{refusals:?} does not say {expect:?}");
    };
    let with = |text: &str| format!("zookeeper.connect=a:1\n{text}");
    check("broker.id=1", "zookeeper.connect: it is missing");
    check("zookeeper.connect=a:b", "zookeeper.connect: ");
    check(&with("broker.id=x"), "broker.id: \"x\" is not a whole number");
    check(&with("listeners=SSL://:9093"), "SSL has SSL, and only PLAINTEXT is there yet");
    check(&with("listeners=NEW://:9093"), "NEW has no protocol in listener.security.protocol.map");
    check(&with("listeners=PLAINTEXT:9093"), "is no listener: write NAME://host:port");
    check(&with("listeners=PLAINTEXT://0.0.0.0:9092"), "clients cannot connect to \"0.0.0.0\"");
    check(&with("advertised.listeners=OTHER://x:1"), "OTHER is not among the listeners");
    check(&with("inter.broker.listener.name=OTHER"), "\"OTHER\" is not among the listeners");
    check(&with("process.roles=broker,controller"), "this broker keeps its metadata in ZooKeeper");
    check(&with("authorizer.class.name=kafka.security.authorizer.AclAuthorizer"), "ACLs are not there yet");
    check(&with("log.dirs=,"), "log.dirs: it names no directory");
    check(&with("socket.request.max.bytes=0"), "socket.request.max.bytes: 0 is out of bounds");
}

#[test]
fn flags_for_java_count_where_the_file_is_silent() {
    let mut properties = Properties::parse(b"skipACL=no\nzookeeper.enforceQuota=false").expect("properties");
    properties.set_from_flags(
        "-Xmx1g -Dzookeeper.skipACL=yes -Dzookeeper.enforceQuota=true -Dzookeeper.extendedTypesEnabled=true \
         -Djute.maxbuffer=4194304 -Djava.net.preferIPv4Stack=true -Dlonely",
    );
    let expect = [
        ("extendedTypesEnabled", "true"),
        ("jute.maxbuffer", "4194304"),
        ("skipACL", "no"),
        ("zookeeper.enforceQuota", "false"),
    ];
    let found: Vec<(&str, &str)> = properties.rest().iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(found, expect);
}
