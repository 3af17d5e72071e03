//! `zoo.cfg`: a keeper's configuration under the original's names, with the original's defaults.

use super::Meaning::{Harmless, Honoured, RefusedUnless};
use super::dynamic_files::{next_file, version_of};
use super::keeper_keys::KEYS;
use super::keeper_security::{
    MemberUsers, SecureClients, SecureMembers, take_member_users, take_secure_clients, take_secure_members,
    take_security,
};
use super::{ConfigError, Membership, Note, Properties, Refusal, meaning_of};
use clock::Span;
use keeper::{LocalSessions, Security, SessionWeights, Throttles};
use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use transport::tls::{Acceptor, Connector};
use txnlog::Compression;
use zab::{Configuration, MemberAddress, ServerId};
use znode::ExtendedTypes;

/// What a keeper is told.
#[derive(Clone, PartialEq, Debug)]
pub struct KeeperConfig {
    /// `dataDir`: snapshots, `myid`.
    pub data_directory: PathBuf,
    /// `dataLogDir`: the transaction log.
    pub log_directory: PathBuf,
    /// `clientPort` on `clientPortAddress`.
    pub client_address: SocketAddr,
    /// Whether that port is there: not if there is only one for TLS, whose address it is then.
    pub plain_clients: bool,
    /// `secureClientPort` and `client.portUnification`, with what TLS needs.
    pub secure_clients: Option<SecureClients>,
    /// TLS between members, if it is used.
    pub secure_members: Option<SecureMembers>,
    /// SASL between members, if it is used.
    pub member_users: Option<MemberUsers>,
    /// Who clients are, and who is let in.
    pub security: Security,
    /// Whether a keeper on one loopback address listens on the other, IPv6, too: clients differ in what
    /// they take `localhost` for. Not in any file; `castle dev` does it.
    pub both_loopbacks: bool,
    /// `tickTime`.
    pub tick: Span,
    /// `minSessionTimeout`, or twice the tick.
    pub session_timeout_min: Span,
    /// `maxSessionTimeout`, or twenty times the tick.
    pub session_timeout_max: Span,
    /// `maxClientCnxns`; 0 means no limit.
    pub connections_per_address_max: usize,
    /// `maxCnxns`; 0 means no limit.
    pub connections_max: usize,
    /// `snapCount`: entries of the log before a snapshot is due.
    pub snapshot_entries: u64,
    /// Whether that number was left alone, so that the snapshots of a large tree may wait longer.
    pub snapshots_in_proportion: bool,
    /// `txnLogSizeLimitInKb` or `snapSizeLimitInKb`, in bytes.
    pub log_bytes_max: u64,
    /// `forceSync`: whether entries are durable before they are acknowledged.
    pub force_sync: bool,
    /// `autopurge.*`.
    pub purge: Purge,
    /// `globalOutstandingLimit`.
    pub outstanding_max: usize,
    /// `request_throttle_*`, `connection_throttle_*` and their like.
    pub throttles: Throttles,
    /// `4lw.commands.whitelist`.
    pub words: Words,
    /// `jute.maxbuffer`, a system property of the original: the longest frame, in bytes.
    pub frame_bytes_max: u32,
    /// `DigestAuthenticationProvider.superDigest`.
    pub super_digest: Option<String>,
    /// `skipACL`.
    pub skip_acl: bool,
    /// `extendedTypesEnabled` and `emulate353TTLNodes`: whether znodes may have a time to live.
    pub extended_types: ExtendedTypes,
    /// `enforceQuota`: whether hard quotas refuse.
    pub enforce_quota: bool,
    /// `digest.enabled`: whether transactions carry the digest of the tree.
    pub digest: bool,
    /// `reconfigEnabled`: which of two ways a reconfiguration is refused.
    pub reconfig: bool,
    /// `localSessionsEnabled` and `localSessionsUpgradingEnabled`.
    pub local_sessions: LocalSessions,
    /// `readonlymode.enabled`: whether a member without a quorum serves reads.
    pub read_only_mode: bool,
    /// `znode.container.checkIntervalMs`, `.maxPerMinute` and `.maxNeverUsedIntervalMs`.
    pub containers: Containers,
    /// `DigestAuthenticationProvider.enabled`.
    pub digest_scheme: bool,
    /// `datadir.autocreate`: whether a missing directory is made.
    pub autocreate: bool,
    /// `db.autocreate`: whether a member without data may vote as a new one.
    pub database_autocreate: bool,
    /// `fsync.warningthresholdms`: a slower sync of the log is worth a warning.
    pub sync_warning: Span,
    /// `snapshot.trust.empty`.
    pub trust_empty_snapshot: bool,
    /// The number in `myid`; 0 if there is none.
    pub server_id: u64,
    /// The ensemble, if it is not a keeper that stands alone.
    pub membership: Option<Membership>,
    /// The file that all this was read from, if it was one.
    pub file: Option<PathBuf>,
    /// `admin.enableServer` with `admin.serverAddress` and `admin.serverPort`.
    pub http_address: Option<SocketAddr>,
    /// `metricsProvider.httpHost` and `.httpPort`, if the provider is the one for Prometheus: a further
    /// port for the same metrics, where scrapers of the original look for them.
    pub metrics_address: Option<SocketAddr>,
    /// The rest of `admin.*`.
    pub admin: AdminConfig,
    /// `snapshot.compression.method`.
    pub compression: Compression,
    /// The file, as the command `initial_configuration` shows it.
    pub text: String,
    /// System properties of `SERVER_JVMFLAGS`, as the command `system_properties` shows them.
    pub properties: Vec<(String, String)>,
}

/// What administrators may do over HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AdminConfig {
    /// `admin.commandURL`.
    pub command_url: String,
    /// `admin.snapshot.enabled`.
    pub snapshot: bool,
    /// `admin.restore.enabled`.
    pub restore: bool,
    /// `admin.rateLimiterIntervalInMS`.
    pub rate_limit_ms: u64,
}

impl Default for AdminConfig {
    fn default() -> Self {
        AdminConfig {
            command_url: "/commands".to_owned(),
            snapshot: true,
            restore: true,
            rate_limit_ms: 300_000,
        }
    }
}

/// When old snapshots and logs are removed. The original leaves it off; a full disk is the commonest
/// end of its servers, so here it is on unless `autopurge.purgeInterval=0` is written down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Purge {
    /// Snapshots kept.
    pub retain: usize,
    /// Whether anything is removed at all.
    pub on: bool,
}

/// How containers and znodes whose time is over are looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Containers {
    /// How often.
    pub interval: Span,
    /// How many go in a minute at most.
    pub a_minute_max: usize,
    /// How long one may stay that never had a child; zero for ever.
    pub never_used: Span,
}

/// Which four-letter words are answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Words {
    /// All of them (`*`).
    All,
    /// These.
    Only(BTreeSet<String>),
}

/// Bytes of the longest request that can be allowed: what a connection may hold unread at most.
const FRAME_BYTES_MOST: i64 = 512 << 20;

impl KeeperConfig {
    /// The original's defaults on a directory and an address.
    pub fn new(data_directory: PathBuf, client_address: SocketAddr) -> Self {
        let tick = Span::ms(3000);
        KeeperConfig {
            log_directory: data_directory.clone(),
            data_directory,
            client_address,
            plain_clients: true,
            secure_clients: None,
            secure_members: None,
            member_users: None,
            security: Security::default(),
            both_loopbacks: false,
            tick,
            session_timeout_min: Span::ms(tick.as_ms() * 2),
            session_timeout_max: Span::ms(tick.as_ms() * 20),
            connections_per_address_max: 60,
            connections_max: 0,
            snapshot_entries: 100_000,
            snapshots_in_proportion: true,
            log_bytes_max: 4_194_304 << 10,
            force_sync: true,
            purge: Purge { retain: 3, on: true },
            outstanding_max: 1000,
            throttles: Throttles::default(),
            words: Words::Only(["srvr".to_owned()].into()),
            frame_bytes_max: transport::limits::KEEPER_FRAME_BYTES_MAX,
            super_digest: None,
            skip_acl: false,
            extended_types: ExtendedTypes::Off,
            enforce_quota: false,
            digest: true,
            reconfig: false,
            local_sessions: LocalSessions::Off,
            read_only_mode: false,
            containers: Containers {
                interval: Span::seconds(60),
                a_minute_max: 10_000,
                never_used: Span::ZERO,
            },
            digest_scheme: true,
            autocreate: true,
            database_autocreate: true,
            sync_warning: Span::seconds(1),
            trust_empty_snapshot: false,
            server_id: 0,
            membership: None,
            file: None,
            http_address: None,
            metrics_address: None,
            admin: AdminConfig::default(),
            compression: Compression::None,
            text: String::new(),
            properties: Vec::new(),
        }
    }

    /// Reads a `zoo.cfg`, its dynamic file, and `myid`.
    pub fn read(file: &Path) -> Result<(KeeperConfig, Vec<Note>), ConfigError> {
        Self::read_with_flags(file, "")
    }

    /// The same, with the flags that a start script would give to Java (`SERVER_JVMFLAGS`): the system
    /// properties among them count where the file says nothing.
    pub fn read_with_flags(file: &Path, flags: &str) -> Result<(KeeperConfig, Vec<Note>), ConfigError> {
        let refuse = |refusals| ConfigError { file: file.to_owned(), refusals };
        let text = read_file(file).map_err(|refusal| refuse(vec![refusal]))?;
        let mut properties = Properties::parse(&text).map_err(|refusal| refuse(vec![refusal]))?;
        let mut proposed = None;
        if let Some(dynamic) = properties.take_text("dynamicConfigFile") {
            let of_members =
                |key: &&String| ["server.", "group.", "weight."].iter().any(|it| key.starts_with(it));
            let stray: Vec<String> = properties.rest().keys().filter(of_members).cloned().collect();
            for key in stray {
                properties.refuse(
                    &key,
                    format!("it belongs into {dynamic}, which dynamicConfigFile names: remove it here"),
                );
            }
            let more = read_file(Path::new(&dynamic)).and_then(|text| Properties::parse(&text));
            match more {
                Ok(more) if more.peek("version").is_some() => properties.refuse(
                    "dynamicConfigFile",
                    "there is a version in it, which belongs to the end of its name; remove that line",
                ),
                Ok(more) => {
                    for (key, value) in more.rest() {
                        properties.set(key, value);
                    }
                    if let Some(version) = version_of(&dynamic) {
                        properties.set("version", &format!("{version:x}"));
                    }
                    proposed = fs::read_to_string(next_file(file)).ok();
                }
                Err(refusal) => properties.refuse("dynamicConfigFile", refusal.to_string()),
            }
        }
        properties.set_from_flags(flags);
        let (mut config, notes) = Self::parse(properties).map_err(refuse)?;
        if let Some(secure) = &config.secure_clients {
            // Read once more when it is used: here all that is wrong is told with the file's name.
            Acceptor::new(&secure.settings)
                .map_err(|error| refuse(vec![Refusal { key: "TLS".to_owned(), why: error.to_string() }]))?;
        }
        if let Some(secure) = &config.secure_members {
            Acceptor::new(&secure.tls).and_then(|_| Connector::new(&secure.tls)).map_err(|error| {
                refuse(vec![Refusal { key: "sslQuorum".to_owned(), why: error.to_string() }])
            })?;
        }
        config.read_server_id().map_err(|refusal| refuse(vec![refusal]))?;
        config.text = String::from_utf8_lossy(&text).into_owned();
        config.file = Some(file.to_owned());
        if let (Some(membership), Some(text)) = (&mut config.membership, proposed) {
            let next = Configuration::parse(&text).map_err(|why| {
                let key = next_file(file).display().to_string();
                refuse(vec![Refusal { key, why: format!("{why}; it was proposed, and is not in force") }])
            })?;
            membership.proposed = Some(next).filter(|next| next.version > membership.configuration.version);
        }
        config.properties = shown_properties(flags);
        Ok((config, notes))
    }

    /// Makes sense of the properties. `myid` is not read here.
    pub fn parse(mut file: Properties) -> Result<(KeeperConfig, Vec<Note>), Vec<Refusal>> {
        let mut notes = Vec::new();
        strip_prefixes(&mut file);
        let alone = Self::parse_alone(&mut file, &mut notes);
        let membership = Membership::take(&mut file);
        if membership.is_none() {
            file.take("version");
        }
        let data_directory = PathBuf::from(file.take_text("dataDir").unwrap_or_default());
        if data_directory.as_os_str().is_empty() {
            file.refuse(
                "dataDir",
                "it is missing; name the directory for snapshots, such as dataDir=/var/lib/zookeeper",
            );
        }
        let in_lines = membership
            .as_ref()
            .is_some_and(|them| them.configuration.members.values().any(|it| it.client.is_some()));
        // In an ensemble our own line may name it, which is looked up when our number is known.
        let port = file.take_number("clientPort", (0, 65_535)).or(alone.map(|at| i64::from(at.port())));
        let port = port.or(in_lines.then_some(0));
        let secure = take_secure_clients(&mut file, Ipv6Addr::UNSPECIFIED.into(), &mut notes);
        let secure_members = take_secure_members(&mut file, &mut notes);
        // Before the users of clients, who take the file that both are in.
        let member_users = take_member_users(&mut file);
        let secure_address = secure.as_ref().and_then(|secure| secure.address);
        let plain = port.is_some();
        let Some(port) = port.or(secure_address.map(|at| i64::from(at.port()))) else {
            file.refuse("clientPort", "it is missing; name the port for clients, such as clientPort=2181");
            return Err(file.refusals);
        };
        let host = file.take_text("clientPortAddress");
        let ip = match &host {
            Some(host) => resolve(host).unwrap_or_else(|why| {
                file.refuse("clientPortAddress", why);
                Ipv6Addr::UNSPECIFIED.into()
            }),
            None => alone.map_or(Ipv6Addr::UNSPECIFIED.into(), |at| at.ip()),
        };
        let address = SocketAddr::new(ip, port as u16);
        let mut config =
            KeeperConfig::new(data_directory, secure_address.filter(|_| !plain).unwrap_or(address));
        config.plain_clients = plain;
        config.security = take_security(&mut file, secure.is_some());
        config.secure_clients = secure;
        config.secure_members = secure_members;
        config.member_users = member_users;
        config.membership = membership;
        config.parse_numbers(&mut file);
        config.throttles = throttles(&mut file);
        config.parse_rest(&mut file, &mut notes);
        sort_out(&mut file, &mut notes);
        notes.append(&mut file.notes);
        if file.refusals.is_empty() { Ok((config, notes)) } else { Err(file.refusals) }
    }

    /// `server.N` lines: none or one means a keeper that stands alone. Its line may name the client port.
    fn parse_alone(file: &mut Properties, notes: &mut Vec<Note>) -> Option<SocketAddr> {
        let lines: Vec<String> =
            file.rest().keys().filter(|key| key.starts_with("server.")).cloned().collect();
        let mut address = None;
        if let [key] = lines.as_slice() {
            let line = file.peek(key).unwrap_or_default().to_owned();
            match MemberAddress::parse(&line).map(|member| client_address(&member)) {
                Ok(Some(Ok(at))) => address = Some(at),
                Ok(Some(Err(why))) | Err(why) => file.refuse(key, why),
                Ok(None) => {}
            }
            if file.peek("standaloneEnabled").is_none_or(|value| value != "false") {
                let why = "the only server of its ensemble stands alone".to_owned();
                notes.push(Note::Adjusted { key: key.clone(), why });
            }
        }
        address
    }

    fn parse_numbers(&mut self, file: &mut Properties) {
        if let Some(tick) = file.take_number("tickTime", (1, 3_600_000)) {
            self.tick = Span::ms(tick as u64);
        }
        let session_timeout = |file: &mut Properties, key, ticks| {
            // -1 stands for the default, as in the original.
            let given = file.take_number(key, (-1, i64::from(i32::MAX))).filter(|ms| *ms != -1);
            given.map_or(ticks, |ms| Span::ms(ms as u64))
        };
        self.session_timeout_min =
            session_timeout(file, "minSessionTimeout", Span::ms(self.tick.as_ms() * 2));
        self.session_timeout_max =
            session_timeout(file, "maxSessionTimeout", Span::ms(self.tick.as_ms() * 20));
        if self.session_timeout_min > self.session_timeout_max {
            file.refuse("minSessionTimeout", "it is above maxSessionTimeout");
        }
        let count = |file: &mut Properties, key: &str, into: &mut usize| {
            if let Some(number) = file.take_count(key, i64::from(i32::MAX)) {
                *into = number as usize;
            }
        };
        count(file, "maxClientCnxns", &mut self.connections_per_address_max);
        count(file, "maxCnxns", &mut self.connections_max);
        count(file, "globalOutstandingLimit", &mut self.outstanding_max);
        count(file, "znode.container.maxPerMinute", &mut self.containers.a_minute_max);
        let span = |file: &mut Properties, key: &str, least: i64, into: &mut Span| {
            if let Some(ms) = file.take_number(key, (least, i64::from(i32::MAX))) {
                *into = Span::ms(ms as u64);
            }
        };
        if let Some(ms) = file.take_count("fsync.warningthresholdms", i64::from(i32::MAX)) {
            self.sync_warning = Span::ms(ms as u64);
        }
        span(file, "znode.container.checkIntervalMs", 1, &mut self.containers.interval);
        span(file, "znode.container.maxNeverUsedIntervalMs", 0, &mut self.containers.never_used);
        // The original does not snapshot more often than every second transaction.
        if let Some(entries) = file.take_number("snapCount", (0, i64::MAX)) {
            self.snapshot_entries = (entries as u64).max(2);
            self.snapshots_in_proportion = false;
        }
        let kilobytes = |file: &mut Properties, key| file.take_number(key, (i64::MIN >> 10, i64::MAX >> 10));
        let snapshot_limit = kilobytes(file, "snapSizeLimitInKb");
        let log_limit = kilobytes(file, "txnLogSizeLimitInKb").filter(|kb| *kb > 0);
        if snapshot_limit.is_some_and(|kb| kb <= 0) {
            // A limit that is written down and is none.
            self.log_bytes_max = u64::MAX;
        }
        if let Some(kb) = [snapshot_limit.filter(|kb| *kb > 0), log_limit].into_iter().flatten().min() {
            self.log_bytes_max = (kb as u64) << 10;
        }
        if let Some(bytes) = file.take_number("jute.maxbuffer", (1024, i64::from(i32::MAX))) {
            if bytes > FRAME_BYTES_MOST {
                let why = format!("requests are no longer than {FRAME_BYTES_MOST} bytes");
                file.notes.push(Note::Adjusted { key: "jute.maxbuffer".to_owned(), why });
            }
            self.frame_bytes_max = bytes.min(FRAME_BYTES_MOST) as u32;
        }
    }

    fn parse_rest(&mut self, file: &mut Properties, notes: &mut Vec<Note>) {
        self.log_directory =
            file.take_text("dataLogDir").map_or_else(|| self.data_directory.clone(), PathBuf::from);
        self.force_sync = !file.take_word("forceSync", "no");
        self.skip_acl = file.take_word("skipACL", "yes");
        let extended = file.take_switch("extendedTypesEnabled").unwrap_or(false);
        let as_in_353 = file.take_switch("emulate353TTLNodes").unwrap_or(false);
        self.extended_types = match (extended, as_in_353) {
            (false, _) => ExtendedTypes::Off,
            (true, false) => ExtendedTypes::On,
            (true, true) => ExtendedTypes::OnAsIn353,
        };
        self.enforce_quota = file.take_switch("enforceQuota").unwrap_or(false);
        self.digest = file.take_switch("digest.enabled").unwrap_or(true);
        self.reconfig = file.take_switch("reconfigEnabled").unwrap_or(false);
        let local = file.take_switch("localSessionsEnabled").unwrap_or(false);
        let upgraded = file.take_switch("localSessionsUpgradingEnabled").unwrap_or(false);
        self.local_sessions = match (local, upgraded) {
            (false, _) => LocalSessions::Off,
            (true, false) => LocalSessions::Kept,
            (true, true) => LocalSessions::Upgraded,
        };
        self.read_only_mode = file.take_switch("readonlymode.enabled").unwrap_or(false);
        self.digest_scheme = file.take_switch("DigestAuthenticationProvider.enabled").unwrap_or(true);
        self.autocreate = file.take_switch("datadir.autocreate").unwrap_or(true);
        self.database_autocreate = file.take_switch("db.autocreate").unwrap_or(true);
        self.trust_empty_snapshot = file.take_switch("snapshot.trust.empty").unwrap_or(false);
        self.super_digest = file.take_text("DigestAuthenticationProvider.superDigest");
        if let Some(retain) = file.take_number("autopurge.snapRetainCount", (i64::MIN, i64::from(i32::MAX))) {
            if retain < 3 {
                let why = "at least 3 snapshots are kept".to_owned();
                notes.push(Note::Adjusted { key: "autopurge.snapRetainCount".to_owned(), why });
            }
            self.purge.retain = retain.max(3) as usize;
        }
        if let Some(interval) = file.take_text("autopurge.purgeInterval") {
            // Hours, or another unit behind the number, as 3.10 has it. Nothing is deleted that somebody meant to keep.
            let number = interval.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim();
            match number.parse::<i64>() {
                Ok(number) => self.purge.on = number > 0,
                Err(_) => {
                    file.refuse("autopurge.purgeInterval", format!("{interval:?} is not a number of hours"))
                }
            }
        }
        if let Some(words) = file.take("4lw.commands.whitelist") {
            let mut listed: BTreeSet<String> =
                words.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect();
            self.words = match listed.remove("*") {
                true => Words::All,
                false => Words::Only(listed),
            };
        }
        if let (true, Words::Only(listed)) = (self.read_only_mode, &mut self.words) {
            listed.insert("isro".to_owned());
        }
        if let Some(method) = file.take_text("snapshot.compression.method") {
            match method.to_ascii_lowercase().as_str() {
                "checked" => {}
                "gz" => self.compression = Compression::Gzip,
                "snappy" => self.compression = Compression::Snappy,
                // The original does the same, and says nothing.
                _ => {
                    let why = format!("{method:?} is none of CHECKED, gz and snappy: CHECKED it is");
                    notes.push(Note::Adjusted { key: "snapshot.compression.method".to_owned(), why });
                }
            }
        }
        self.parse_admin(file);
    }

    fn parse_admin(&mut self, file: &mut Properties) {
        if let Some(url) = file.take_text("admin.commandURL") {
            let plain = url.chars().all(|c| c.is_ascii_alphanumeric() || "/-_.~".contains(c));
            if url.starts_with('/') && url.len() > 1 && !url.ends_with('/') && plain {
                self.admin.command_url = url;
            } else {
                file.refuse("admin.commandURL", format!("{url:?} is not a path such as /commands"));
            }
        }
        self.admin.snapshot = file.take_switch("admin.snapshot.enabled").unwrap_or(true);
        self.admin.restore = file.take_switch("admin.restore.enabled").unwrap_or(true);
        if let Some(ms) = file.take_number("admin.rateLimiterIntervalInMS", (0, i64::from(i32::MAX))) {
            self.admin.rate_limit_ms = ms as u64;
        }
        let provider = file.take_text("metricsProvider.className").unwrap_or_default();
        let host = file.take_text("metricsProvider.httpHost");
        let port = file.take_number("metricsProvider.httpPort", (0, 65_535)).unwrap_or(7000);
        if !["", "PrometheusMetricsProvider", "DefaultMetricsProvider", "NullMetricsProvider"]
            .contains(&provider.rsplit('.').next().unwrap_or_default())
        {
            file.refuse(
                "metricsProvider.className",
                format!("there is no {provider}, only PrometheusMetricsProvider"),
            );
        }
        if provider.ends_with("PrometheusMetricsProvider") {
            match resolve(host.as_deref().unwrap_or("0.0.0.0")) {
                Ok(ip) => self.metrics_address = Some(SocketAddr::new(ip, port as u16)),
                Err(why) => file.refuse("metricsProvider.httpHost", why),
            }
        }
        let http = file.take_switch("admin.enableServer");
        let host = file.take_text("admin.serverAddress");
        let port = file.take_number("admin.serverPort", (0, 65_535)).unwrap_or(8080);
        if http.unwrap_or(true) {
            match resolve(host.as_deref().unwrap_or("0.0.0.0")) {
                Ok(ip) => self.http_address = Some(SocketAddr::new(ip, port as u16)),
                Err(why) => file.refuse("admin.serverAddress", why),
            }
        }
    }

    fn read_server_id(&mut self) -> Result<(), Refusal> {
        let path = self.data_directory.join("myid");
        let refuse = |why: String| Refusal { key: path.display().to_string(), why };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(_) if self.membership.is_none() => return Ok(()),
            Err(error) => {
                let why =
                    format!("{error}; a member of an ensemble has its number (the N of server.N) in it");
                return Err(refuse(why));
            }
        };
        let wrong =
            |_| refuse(format!("{:?} is not a server's number: write one from 1 to 255", text.trim()));
        self.server_id = text.trim().parse().map_err(wrong)?;
        self.take_own_line().map_err(refuse)
    }

    /// What the line of our own number says.
    fn take_own_line(&mut self) -> Result<(), String> {
        let Some(membership) = &self.membership else { return Ok(()) };
        let id = self.server_id;
        let greatest = match self.extended_types {
            ExtendedTypes::Off => 255,
            ExtendedTypes::On => 254,
            ExtendedTypes::OnAsIn353 => 127,
        };
        if id > greatest {
            return Err(format!("{id} is too great for the number of a server: at most {greatest}"));
        }
        let own = membership.configuration.members.get(&ServerId(id as i64));
        let own = own.ok_or_else(|| format!("there is no server.{id} among the members"))?;
        if let Some(client) = client_address(own) {
            let client = client?;
            if self.client_address.port() != 0 && self.client_address.port() != client.port() {
                let why = "clientPort and the line of server.{id} name different ports for clients";
                return Err(why.replace("{id}", &id.to_string()));
            }
            self.client_address = client;
        }
        Ok(())
    }
}

/// What is held back when there is too much of it.
fn throttles(file: &mut Properties) -> Throttles {
    let mut throttles = Throttles::default();
    let int = (0, i64::from(i32::MAX));
    if let Some(requests) = file.take_count("request_throttle_max_requests", i64::from(i32::MAX)) {
        throttles.requests_max = requests as usize;
    }
    if let Some(drop) = file.take_switch("request_throttle_drop_stale") {
        throttles.drop_stale = drop;
    }
    throttles.stale_latency = file.take_switch("request_stale_latency_check").unwrap_or(false);
    if let Some(ms) = file.take_count("throttled_op_wait_time", i64::from(i32::MAX)) {
        throttles.op_wait = Span::ms(ms as u64);
    }
    let threshold = file.take_number("largeRequestThreshold", (-1, i64::from(i32::MAX)));
    throttles.large_request_bytes = threshold.and_then(|bytes| usize::try_from(bytes).ok());
    if let Some(bytes) = file.take_number("largeRequestMaxBytes", int) {
        throttles.large_requests_bytes_max = bytes as usize;
    }
    let tokens = &mut throttles.connections;
    if let Some(count) = file.take_number("connection_throttle_tokens", int) {
        tokens.tokens = count as u32;
    }
    if let Some(ms) = file.take_number("connection_throttle_fill_time", int) {
        tokens.fill_time = Span::ms(ms as u64);
    }
    if let Some(count) = file.take_number("connection_throttle_fill_count", int) {
        tokens.fill_count = count as u32;
    }
    let freeze = file.take_number("connection_throttle_freeze_time", (-1, i64::from(i32::MAX)));
    tokens.freeze_time = freeze.and_then(|ms| u64::try_from(ms).ok()).map(Span::ms);
    for (key, into) in [
        ("connection_throttle_drop_increase", &mut tokens.drop_increase),
        ("connection_throttle_drop_decrease", &mut tokens.drop_decrease),
        ("connection_throttle_decrease_ratio", &mut tokens.decrease_ratio),
    ] {
        match file.take_parsed::<f64>(key, "a number") {
            Some(share) if (0.0..=1.0).contains(&share) => *into = share,
            Some(share) => file.refuse(key, format!("{share} is out of bounds: from 0 to 1")),
            None => {}
        }
    }
    let weight = |file: &mut Properties, key, usual| file.take_number(key, int).unwrap_or(usual) as u32;
    let global = weight(file, "connection_throttle_global_session_weight", 3);
    let local = weight(file, "connection_throttle_local_session_weight", 1);
    let renewed = weight(file, "connection_throttle_renew_session_weight", 2);
    let weighted = file.take_switch("connection_throttle_weight_enabled").unwrap_or(false);
    tokens.weights = weighted.then_some(SessionWeights { global, local, renewed });
    throttles
}

/// The system properties among Java's flags; what looks like a secret is not shown.
fn shown_properties(flags: &str) -> Vec<(String, String)> {
    let pairs = flags.split_whitespace().filter_map(|flag| flag.strip_prefix("-D")?.split_once('='));
    let shown = pairs.map(|(name, value)| {
        let lower = name.to_ascii_lowercase();
        let secret = ["passw", "digest", "secret"].iter().any(|word| lower.contains(word));
        (name.to_owned(), if secret { "***".to_owned() } else { value.to_owned() })
    });
    shown.collect()
}

/// Where the clients of a member connect, if its line says so.
pub(crate) fn client_address(member: &MemberAddress) -> Option<Result<SocketAddr, String>> {
    let (host, port) = member.client.as_ref()?;
    Some(resolve(host).map(|ip| SocketAddr::new(ip, *port)))
}

/// The prefix `zookeeper.` is how the original names the same keys as system properties.
fn strip_prefixes(file: &mut Properties) {
    let prefixed: Vec<String> =
        file.rest().keys().filter(|key| key.starts_with("zookeeper.")).cloned().collect();
    for key in prefixed {
        let value = file.take(&key).unwrap_or_default();
        let short = key.trim_start_matches("zookeeper.");
        if file.peek(short).is_none() {
            file.set(short, &value);
        }
    }
}

/// Gives every key that is left its verdict.
fn sort_out(file: &mut Properties, notes: &mut Vec<Note>) {
    let rest: Vec<(String, String)> =
        file.rest().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    for (key, value) in rest {
        let table = KEYS.iter().map(|(names, _, meaning)| (*names, *meaning));
        match meaning_of(table, &key) {
            Some(Honoured(_)) => {}
            Some(Harmless(why)) => notes.push(Note::Harmless { key, why }),
            Some(RefusedUnless(values, why)) => {
                if !values.contains(&value.to_ascii_lowercase().as_str()) && !values.contains(&value.as_str())
                {
                    file.refuse(&key, why);
                }
            }
            None => notes.push(Note::Unknown { key }),
        }
    }
}

/// The file's bytes, or a refusal with what to do.
pub(super) fn read_file(file: &Path) -> Result<Vec<u8>, Refusal> {
    fs::read(file)
        .map_err(|error| Refusal { key: file.display().to_string(), why: format!("cannot be read: {error}") })
}

/// An address of this machine for a host name.
pub(super) fn resolve(host: &str) -> Result<IpAddr, String> {
    let host = host.trim().trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = host.parse() {
        return Ok(ip);
    }
    let found =
        (host, 0).to_socket_addrs().map_err(|error| format!("{host:?} cannot be resolved: {error}"))?;
    let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    addresses.sort_by_key(IpAddr::is_ipv6);
    addresses.first().copied().ok_or_else(|| format!("{host:?} has no address"))
}
