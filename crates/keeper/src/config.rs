//! What an administrator can decide, with the original's defaults. Reading `zoo.cfg` is the edge's.

use std::collections::BTreeSet;

use clock::Span;

use crate::security::Security;

/// The keeper's settings. The comment of each field names the original's key.
#[derive(Clone, PartialEq, Debug)]
pub struct KeeperConfig {
    /// `tickTime`: the unit of session time-outs, and the width of an expiry bucket.
    pub tick_time: Span,
    /// `minSessionTimeout`; twice the tick if unset.
    pub session_timeout_min: Option<Span>,
    /// `maxSessionTimeout`; twenty ticks if unset.
    pub session_timeout_max: Option<Span>,
    /// `maxClientCnxns`: connections from one address; 0 for any number.
    pub connections_per_address_max: usize,
    /// `maxCnxns`: connections in all; 0 for any number.
    pub connections_max: usize,
    /// `globalOutstandingLimit`: requests under way before reading from busy connections stops.
    pub outstanding_max: usize,
    /// `request_throttle_*`, `connection_throttle_*` and their like.
    pub throttles: Throttles,
    /// `snapCount`: transactions after which a snapshot is due, at the latest; half of it at the
    /// earliest.
    pub snapshot_transactions: u32,
    /// Whether a snapshot waits, beyond that, until the log behind the last one has half the bytes that the tree would
    /// take in a snapshot. So a large tree is not written over and over again under many writes, and what a start
    /// reads stays in proportion to the tree. For administrators who leave `snapCount` alone.
    pub snapshots_in_proportion: bool,
    /// `snapSizeLimitInKb`: bytes of transactions after which one is due; 0 for never.
    pub snapshot_bytes: u64,
    /// `DigestAuthenticationProvider.superDigest`: `user:hash` of who may do everything.
    pub super_digest: Option<String>,
    /// `DigestAuthenticationProvider.enabled`.
    pub digest_scheme: bool,
    /// Everything else about identities.
    pub security: Security,
    /// `skipACL`.
    pub skip_acl: bool,
    /// `enforceQuota`.
    pub enforce_quota: bool,
    /// `digest.enabled`: transactions carry the digest of the tree.
    pub digest: bool,
    /// `reconfigEnabled`.
    pub reconfig: bool,
    /// `localSessionsEnabled` and `localSessionsUpgradingEnabled`: of members of an ensemble.
    pub local_sessions: LocalSessions,
    /// `readonlymode.enabled`: a member without a quorum lets clients read that asked for it.
    pub read_only_mode: bool,
    /// `leaderServes`: whether clients are served while this server leads others.
    pub leader_serves: bool,
    /// `standaloneEnabled`: whether a keeper may stand alone, so that no ensemble may shrink below two voters.
    pub standalone_allowed: bool,
    /// `znode.container.checkIntervalMs`.
    pub container_check: Span,
    /// `znode.container.maxPerMinute`.
    pub container_deletions_a_minute: usize,
    /// `znode.container.maxNeverUsedIntervalMs`; zero for never.
    pub container_never_used: Span,
    /// `4lw.commands.whitelist`.
    pub words: WordList,
    /// The server's number, shown by `conf`; 0 for one that stands alone.
    pub server_id: i64,
    /// The top byte of new session ids.
    pub session_id_byte: u8,
    /// What `srvr`, `stat`, `mntr` and `envi` say they are. Tools take the digits in front for a
    /// version of ZooKeeper.
    pub version: String,
    /// What `conf` shows, for information only.
    pub shown: Shown,
    /// Further lines of `envi`, name and value.
    pub environment: Vec<(String, String)>,
}

/// What becomes of sessions that own no ephemeral znodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LocalSessions {
    /// All sessions are known to the whole ensemble.
    Off,
    /// They are known to their server alone, and can never own one.
    Kept,
    /// They are known to their server alone until they want one.
    Upgraded,
}

/// Facts of the edge that `conf` shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// `clientPort`.
    pub client_port: i32,
    /// `secureClientPort`, -1 if there is none.
    pub secure_client_port: i32,
    /// `dataDir`.
    pub data_dir: String,
    /// `dataLogDir`.
    pub data_log_dir: String,
    /// `clientPortListenBacklog`, -1 for the system's.
    pub listen_backlog: i32,
    /// The text of the configuration file.
    pub initial_configuration: String,
    /// The members of the ensemble, none for a keeper that stands alone.
    pub ensemble: Vec<MemberShown>,
    /// What the command `system_properties` shows.
    pub properties: Vec<(String, String)>,
}

/// A member of the ensemble, as commands show it; addresses are `host:port`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberShown {
    /// The N of `server.N`.
    pub id: i64,
    /// Where it leads.
    pub quorum_address: String,
    /// Where it votes.
    pub election_address: String,
    /// Where its clients connect, if that is known.
    pub client_address: String,
    /// Whether it counts in a quorum.
    pub votes: bool,
}

/// What is held back when there is too much of it. The comment of each field names the original's key.
#[derive(Clone, PartialEq, Debug)]
pub struct Throttles {
    /// `request_throttle_max_requests`: with so many under way new ones wait; 0 for any number.
    pub requests_max: usize,
    /// `request_throttle_drop_stale`.
    pub drop_stale: bool,
    /// `request_stale_latency_check`: what has waited for longer than its session's time-out is stale.
    pub stale_latency: bool,
    /// `throttled_op_wait_time`: what has waited longer is refused; zero for never.
    pub op_wait: Span,
    /// `largeRequestThreshold`: more bytes make a request large; none is without it.
    pub large_request_bytes: Option<usize>,
    /// `largeRequestMaxBytes`: bytes of large requests under way at one time.
    pub large_requests_bytes_max: usize,
    /// `connection_throttle_*`.
    pub connections: ConnectionTokens,
}

/// The bucket of tokens that new sessions take from.
#[derive(Clone, PartialEq, Debug)]
pub struct ConnectionTokens {
    /// `_tokens`: new sessions that may come at once; 0 for any number.
    pub tokens: u32,
    /// `_fill_time`: how long it takes until more tokens are there.
    pub fill_time: Span,
    /// `_fill_count`: how many more.
    pub fill_count: u32,
    /// `_freeze_time`: how often the probability of refusals may change; there is none without it.
    pub freeze_time: Option<Span>,
    /// `_drop_increase`.
    pub drop_increase: f64,
    /// `_drop_decrease`.
    pub drop_decrease: f64,
    /// `_decrease_ratio`.
    pub decrease_ratio: f64,
    /// If `_weight_enabled`.
    pub weights: Option<SessionWeights>,
}

/// What a session costs in tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionWeights {
    /// `_global_session_weight`: a new one that the ensemble knows.
    pub global: u32,
    /// `_local_session_weight`: a new one that its server alone knows.
    pub local: u32,
    /// `_renew_session_weight`: one taken up again.
    pub renewed: u32,
}

/// How a session begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Beginning {
    Global,
    Local,
    Renewed,
}

impl Default for Throttles {
    fn default() -> Self {
        Throttles {
            requests_max: 0,
            drop_stale: true,
            stale_latency: false,
            op_wait: Span::ZERO,
            large_request_bytes: None,
            large_requests_bytes_max: 100 * 1024 * 1024,
            connections: ConnectionTokens::default(),
        }
    }
}

impl Default for ConnectionTokens {
    fn default() -> Self {
        ConnectionTokens {
            tokens: 0,
            fill_time: Span::ms(1),
            fill_count: 1,
            freeze_time: None,
            drop_increase: 0.02,
            drop_decrease: 0.002,
            decrease_ratio: 0.0,
            weights: None,
        }
    }
}

impl ConnectionTokens {
    /// Tokens in a full bucket. With weights, the tokens are counted in new sessions.
    pub(crate) fn most(&self) -> u32 {
        self.tokens.saturating_mul(self.weights.map_or(1, |weights| weights.global))
    }

    /// Tokens that come each time.
    pub(crate) fn refill(&self) -> u32 {
        self.fill_count.saturating_mul(self.weights.map_or(1, |weights| weights.global))
    }

    /// What a session costs.
    pub(crate) fn price(&self, beginning: Beginning) -> u32 {
        self.weights.map_or(1, |weights| match beginning {
            Beginning::Global => weights.global,
            Beginning::Local => weights.local,
            Beginning::Renewed => weights.renewed,
        })
    }
}

/// Which four-letter words are answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WordList {
    /// All of them: `*`.
    All,
    /// Those in the list, and `srvr` always.
    Only(BTreeSet<String>),
}

impl WordList {
    /// From the value of the key: names with commas between, or `*`.
    pub fn parse(text: &str) -> WordList {
        let words: BTreeSet<String> =
            text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect();
        if words.contains("*") { WordList::All } else { WordList::Only(words) }
    }

    /// Is this one answered?
    pub fn contains(&self, word: &str) -> bool {
        match self {
            WordList::All => true,
            WordList::Only(words) => word == "srvr" || words.contains(word),
        }
    }
}

impl Default for KeeperConfig {
    fn default() -> Self {
        KeeperConfig {
            tick_time: Span::ms(3000),
            session_timeout_min: None,
            session_timeout_max: None,
            connections_per_address_max: 60,
            connections_max: 0,
            outstanding_max: 1000,
            throttles: Throttles::default(),
            snapshot_transactions: 100_000,
            snapshots_in_proportion: false,
            snapshot_bytes: 4_194_304 * 1024,
            super_digest: None,
            digest_scheme: true,
            security: Security::default(),
            skip_acl: false,
            enforce_quota: false,
            digest: true,
            reconfig: false,
            local_sessions: LocalSessions::Off,
            read_only_mode: false,
            standalone_allowed: true,
            leader_serves: true,
            container_check: Span::seconds(60),
            container_deletions_a_minute: 10_000,
            container_never_used: Span::ZERO,
            words: WordList::Only(BTreeSet::new()),
            server_id: 0,
            session_id_byte: 1,
            version: format!("3.9.5-castle-{}, built on {DATED}", env!("CARGO_PKG_VERSION")),
            shown: Shown::default(),
            environment: Vec::new(),
        }
    }
}

/// The date of this version. Some clients look for it in `srvr`, in the notation that the original
/// used up to 3.5, and take a server without it for a dead one.
const DATED: &str = "11/22/2026 00:00 UTC";

impl Default for Shown {
    fn default() -> Self {
        Shown {
            client_port: 2181,
            secure_client_port: -1,
            data_dir: String::new(),
            data_log_dir: String::new(),
            listen_backlog: -1,
            initial_configuration: String::new(),
            ensemble: Vec::new(),
            properties: Vec::new(),
        }
    }
}

impl KeeperConfig {
    /// The shortest session time-out in milliseconds.
    pub fn timeout_ms_min(&self) -> i32 {
        let span = self.session_timeout_min.map_or(self.tick_time.as_ms() * 2, Span::as_ms);
        span.min(i32::MAX as u64) as i32
    }

    /// The longest session time-out in milliseconds.
    pub fn timeout_ms_max(&self) -> i32 {
        let span = self.session_timeout_max.map_or(self.tick_time.as_ms() * 20, Span::as_ms);
        span.clamp(self.timeout_ms_min() as u64, i32::MAX as u64) as i32
    }

    /// The time-out that a client gets who asks for `wish_ms`.
    pub fn negotiate(&self, wish_ms: i32) -> i32 {
        wish_ms.clamp(self.timeout_ms_min(), self.timeout_ms_max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_clamped_to_ticks() {
        let check = |config: &KeeperConfig, wish, expect| assert_eq!(config.negotiate(wish), expect);
        let mut config = KeeperConfig::default();
        check(&config, 0, 6_000);
        check(&config, -5, 6_000);
        check(&config, 10_000, 10_000);
        check(&config, i32::MAX, 60_000);
        config.session_timeout_min = Some(Span::ms(1));
        config.session_timeout_max = Some(Span::ms(500));
        check(&config, 0, 1);
        check(&config, 501, 500);
    }

    #[test]
    fn words_are_listed_or_all() {
        let check = |list: &str, word, expect| assert_eq!(WordList::parse(list).contains(word), expect);
        check("", "srvr", true);
        check("", "ruok", false);
        check(" ruok , stat", "stat", true);
        check("ruok,*", "wchp", true);
    }
}
