//! The keeper as a running thing: its directory, its two threads, its port.
//!
//! The shard thread steps the node; the log thread makes transactions durable, a group at a time. A
//! snapshot is written by a thread of its own, which lives as long as that takes.

mod desk;
mod gauges;
mod log_thread;
mod members;
mod prometheus;
mod rebuild;
mod service;
mod snapshot_thread;

pub(crate) use desk::{Desk, Taken};
pub use gauges::KeeperGauges;

use crate::certificates::CertificateWatch;
use crate::config::{DynamicFiles, KeeperConfig, SecureClients, Words};
use crate::limits;
use crate::notice::{Notices, PanicNotice, Role};
use crate::peers::PeerSecurity;
use crate::start::{DirectoryLock, StartError, bind, check_room};
use disk::RealDisk;
use keeper::Keeper;
use log_thread::{LogThread, Reopening};
use members::Members;
use service::{ClientPort, KeeperMessage, KeeperService};
use shard::{Clock, Counters, Handshakes, Mailbox, PeerRules, PortId, PortRules, Security, Shard};
use snapshot_thread::SnapshotStyle;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;
use transport::FrameRules;
use transport::pipe::{PipeEnd, pipe};
use transport::tls::Acceptor;
use txnlog::{Directories, Durability, EmptySnapshot, EpochFile, LogPolicy, read_epoch};
use zab::{Recovered, ServerId};
use zookeeper_wire::Zxid;

/// A running keeper.
pub struct KeeperRole {
    address: SocketAddr,
    dialer: KeeperDialer,
    mailbox: Mailbox<KeeperMessage>,
    counters: Arc<Counters>,
    gauges: Arc<KeeperGauges>,
    desk: Arc<Desk>,
    log: LogThread<RealDisk>,
    thread: JoinHandle<io::Result<()>>,
    _certificates: Vec<CertificateWatch>,
    _locks: Vec<DirectoryLock>,
}

/// Connects to a keeper within the process.
#[derive(Clone, Debug)]
pub struct KeeperDialer {
    mailbox: Mailbox<KeeperMessage>,
    port: PortId,
}

impl KeeperDialer {
    /// A new connection; fails only when the keeper has ended.
    pub fn dial(&self) -> Option<PipeEnd> {
        let (near, far) = pipe();
        self.mailbox.attach(far, self.port).ok()?;
        Some(near)
    }
}

impl KeeperRole {
    /// Recovers the directory and serves clients from now on.
    pub fn start(config: &KeeperConfig, clock: Clock, notices: Notices) -> Result<KeeperRole, StartError> {
        let tls = config.secure_clients.as_ref().map(Tls::prepare).transpose()?;
        let mut listeners = Vec::new();
        // The first port that the shard is given.
        let plain_port = config.plain_clients.then_some(PortId(0));
        if config.plain_clients {
            let security = tls.as_ref().map_or(Security::Plain, Tls::of_plain_port);
            let plain = bind(config.client_address, config.both_loopbacks)?;
            listeners.extend(plain.into_iter().map(|listener| (listener, security.clone())));
        }
        let mut secure_port = -1;
        if let Some(tls) = &tls
            && let Some(address) = tls.clients.address
        {
            let listener = bind(address, false)?.remove(0);
            secure_port = i32::from(listener.address().port());
            listeners.push((listener, tls.of_secure_port()));
        }
        let address = listeners[0].0.address();
        for directory in [&config.data_directory, &config.log_directory] {
            if !config.autocreate && !directory.is_dir() {
                return Err(StartError::Data(format!(
                    "{} does not exist; make it, or leave out datadir.autocreate=false",
                    directory.display()
                )));
            }
        }
        let mut locks = vec![DirectoryLock::acquire(&config.data_directory)?];
        if config.log_directory != config.data_directory {
            locks.push(DirectoryLock::acquire(&config.log_directory)?);
        }
        let disk = RealDisk;
        check_room(&disk, &config.log_directory)?;
        check_room(&disk, &config.data_directory)?;

        let began = Instant::now();
        let seed = random_seed()?;
        let directories = Directories::new(&config.data_directory, &config.log_directory);
        let recovered = rebuild::bring_back(
            &disk,
            &directories,
            policy(config, seed),
            empty(config),
            seeded(config, seed),
        )
        .map_err(StartError::Data)?;
        // An empty directory is a fresh one, unless the administrator says that there are no fresh ones: then
        // it is a member's that lost its data, and must not vote as if it never had any.
        let is_blank = recovered.is_new && !may_begin_empty(config)?;
        if is_blank {
            tracing::warn!("there is no data: this server votes for nobody before it has the leader's");
        } else if recovered.is_new {
            rebuild::first_snapshot(&disk, &directories, &recovered.database).map_err(StartError::Data)?;
        }
        let start_ms = began.elapsed().as_millis() as u64;
        let mut shard = Shard::new(clock).map_err(StartError::system("poll"))?;
        let rules = port_rules(config);
        for (listener, security) in listeners {
            shard.listen_with(listener, rules, security).map_err(StartError::system("poll a socket"))?;
        }
        let port = shard.pipes_only(rules);
        let (mailbox, counters) = (shard.mailbox(), shard.counters());
        let gauges = Arc::new(KeeperGauges {
            sync_warning_ms: config.sync_warning.as_ms().into(),
            start_ms: start_ms.into(),
            started: recovered.started,
            shard: Arc::clone(&counters),
            ..KeeperGauges::default()
        });
        let own = ServerId(config.server_id as i64);
        let blank = seeded(config, seed);
        let is_secured = config.secure_members.is_some() || config.member_users.is_some();
        let security = match is_secured && config.membership.is_some() {
            true => Some(secure_members(config)?),
            false => None,
        };
        let members = match &config.membership {
            Some(membership) => Some(Members::start(
                membership,
                own,
                config.tick,
                blank.key,
                blank.extended_types,
                security.clone(),
                mailbox.clone(),
            )?),
            None => None,
        };
        let reopening = Reopening {
            disk,
            at: directories.clone(),
            policy: policy(config, seed),
            empty: empty(config),
            blank,
        };
        let database = recovered.database;
        let node = match &config.membership {
            Some(membership) => {
                let remembered = Recovered { is_blank, ..remembered(&disk, &directories, recovered.last)? };
                let ensemble = members::ensemble(membership, own, config.tick, config.reconfig);
                Keeper::member(
                    settings(config, (address, secure_port)),
                    ensemble,
                    remembered,
                    database,
                    clock.now(),
                    seed,
                )
            }
            None => Keeper::alone(settings(config, (address, secure_port)), database, clock.now(), seed),
        };
        let log = LogThread::start(
            recovered.writer,
            reopening,
            mailbox.clone(),
            Arc::clone(&gauges),
            notices.clone(),
        )
        .map_err(StartError::system("start a thread"))?;
        let file = config.file.clone().filter(|_| config.membership.is_some() && config.reconfig);
        let files = file.map(|file| DynamicFiles { file, own });
        if let Some(Err(error)) = files.as_ref().map(DynamicFiles::keep_original) {
            tracing::warn!(%error, "no copy of the configuration could be kept beside it");
        }
        let mut certificates: Vec<CertificateWatch> =
            tls.map(Tls::watch).transpose()?.flatten().into_iter().collect();
        if let (Some(secure), Some(security)) = (&config.secure_members, security)
            && secure.reload
        {
            let watch = CertificateWatch::start(secure.tls.clone(), move |_| security.reload());
            certificates.push(watch.map_err(StartError::system("start a thread"))?);
        }
        let mut service = KeeperService::new(
            node,
            log.queue(),
            directories.clone(),
            SnapshotStyle { compression: config.compression, purge: config.purge },
            disk,
            mailbox.clone(),
            Arc::clone(&gauges),
            members,
            notices.clone(),
            files,
            ClientPort { own, port: plain_port, address },
        );
        if config.membership.is_some() {
            // The mailbox of a shard that did not run yet has room.
            let _ = mailbox.try_send(KeeperMessage::Begin);
        }
        let thread = thread::Builder::new()
            .name("keeper".to_owned())
            .spawn(move || {
                let _told = PanicNotice { role: Role::Keeper, notices };
                shard.run(&mut service)
            })
            .map_err(StartError::system("start a thread"))?;
        if secure_port >= 0 {
            tracing::info!(port = secure_port, "clients are served by TLS");
        }
        tracing::info!(%address, zxid = %recovered.last, znodes = recovered.znodes, "keeper serves clients");
        let dialer = KeeperDialer { mailbox: mailbox.clone(), port };
        let desk = Desk::new(
            mailbox.clone(),
            directories,
            seeded(config, seed),
            config.admin.clone(),
            Arc::clone(&gauges),
        );
        let desk = Arc::new(desk);
        Ok(KeeperRole {
            address,
            dialer,
            mailbox,
            counters,
            gauges,
            desk,
            log,
            thread,
            _certificates: certificates,
            _locks: locks,
        })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// For a broker in the same process.
    pub fn dialer(&self) -> KeeperDialer {
        self.dialer.clone()
    }

    /// What its shard counts.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Where administrators ask.
    pub(crate) fn desk(&self) -> Arc<Desk> {
        Arc::clone(&self.desk)
    }

    /// What it measures.
    pub fn gauges(&self) -> Arc<KeeperGauges> {
        Arc::clone(&self.gauges)
    }

    /// Makes durable what was asked for, answers it, and ends. Sessions live on in the log.
    pub fn stop(self) {
        self.log.stop();
        let _ = self.mailbox.send(KeeperMessage::Stop);
        match self.thread.join() {
            Ok(Ok(())) => tracing::info!("keeper stopped"),
            Ok(Err(error)) => tracing::error!(%error, "the keeper's loop failed"),
            Err(_) => tracing::error!("the keeper's thread panicked"),
        }
    }
}

/// TLS for clients, ready to be given to ports.
struct Tls<'a> {
    clients: &'a SecureClients,
    acceptor: Acceptor,
    handshakes: Handshakes,
}

impl<'a> Tls<'a> {
    fn prepare(clients: &'a SecureClients) -> Result<Tls<'a>, StartError> {
        let (acceptor, notes) =
            Acceptor::new(&clients.settings).map_err(|error| StartError::System(error.to_string()))?;
        for note in notes {
            tracing::warn!("{note}");
        }
        let handshakes =
            clients.handshakes_max.map_or_else(Handshakes::default, |at_once_max| Handshakes { at_once_max });
        Ok(Tls { clients, acceptor, handshakes })
    }

    fn of_plain_port(&self) -> Security {
        match self.clients.unified {
            true => Security::Either(self.acceptor.clone(), self.handshakes),
            false => Security::Plain,
        }
    }

    fn of_secure_port(&self) -> Security {
        Security::Tls(self.acceptor.clone(), self.handshakes)
    }

    fn watch(self) -> Result<Option<CertificateWatch>, StartError> {
        if !self.clients.reload {
            return Ok(None);
        }
        let acceptor = self.acceptor;
        CertificateWatch::start(self.clients.settings.clone(), move |settings| acceptor.reload(settings))
            .map(Some)
            .map_err(StartError::system("start a thread"))
    }
}

/// TLS and SASL for other members.
fn secure_members(config: &KeeperConfig) -> Result<PeerSecurity, StartError> {
    let (tls, users) = (config.secure_members.as_ref(), config.member_users.as_ref());
    let (security, notes) = PeerSecurity::prepare(tls, users, random_seed()?)
        .map_err(|error| StartError::System(error.to_string()))?;
    for note in notes {
        tracing::warn!("{note}");
    }
    Ok(security)
}

/// The lines of `envi`. There is no Java here; its lines say so, for tools that look for them.
fn environment() -> Vec<(String, String)> {
    let system = rustix::system::uname();
    let word = |name: &str| std::env::var(name).unwrap_or_default();
    let directory = std::env::current_dir().map(|path| path.display().to_string()).unwrap_or_default();
    let (resident, total) =
        (crate::process::resident_bytes() >> 20, rustix::system::sysinfo().totalram >> 20);
    let arch = if cfg!(target_arch = "x86_64") { "amd64" } else { std::env::consts::ARCH };
    let lines = [
        ("host.name", system.nodename().to_string_lossy().into_owned()),
        ("java.version", "<NA>".to_owned()),
        ("java.vendor", "<NA>".to_owned()),
        ("java.home", "<NA>".to_owned()),
        ("java.class.path", "<NA>".to_owned()),
        ("java.library.path", "<NA>".to_owned()),
        ("java.io.tmpdir", std::env::temp_dir().display().to_string()),
        ("java.compiler", "<NA>".to_owned()),
        ("os.name", system.sysname().to_string_lossy().into_owned()),
        ("os.arch", arch.to_owned()),
        ("os.version", system.release().to_string_lossy().into_owned()),
        ("user.name", word("USER")),
        ("user.home", word("HOME")),
        ("user.dir", directory),
        ("os.memory.free", format!("{}MB", total.saturating_sub(resident))),
        ("os.memory.max", format!("{total}MB")),
        ("os.memory.total", format!("{resident}MB")),
    ];
    lines.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn random_seed() -> Result<u64, StartError> {
    getrandom::u64().map_err(|error| StartError::System(format!("no randomness: {error}")))
}

fn policy(config: &KeeperConfig, seed: u64) -> LogPolicy {
    LogPolicy {
        // The log is rolled when the node takes a snapshot, which it decides by count itself.
        snapshot_entries: u64::MAX / 2,
        log_bytes_max: config.log_bytes_max,
        durability: if config.force_sync { Durability::Synced } else { Durability::Unsynced },
        seed,
        ..LogPolicy::default()
    }
}

/// An empty database as the configuration wants it.
fn seeded(config: &KeeperConfig, seed: u64) -> rebuild::Blank {
    rebuild::Blank { key: znode::HashKey(seed), extended_types: config.extended_types }
}

fn empty(config: &KeeperConfig) -> EmptySnapshot {
    if config.trust_empty_snapshot { EmptySnapshot::Trusted } else { EmptySnapshot::Refused }
}

/// The edge refuses nobody: the node does, and counts it.
fn port_rules(config: &KeeperConfig) -> PortRules {
    let frames = FrameRules { bytes_max: config.frame_bytes_max, first_word: true };
    PortRules {
        peer: PeerRules::pipelined(frames),
        connections_max: limits::CONNECTIONS_MAX,
        connections_per_address_max: limits::CONNECTIONS_MAX,
    }
}

/// Whether an empty directory may be that of a new server: `db.autocreate`, or a file `initialize` beside
/// `myid`, which counts once. A keeper that stands alone has nobody to get its data from.
fn may_begin_empty(config: &KeeperConfig) -> Result<bool, StartError> {
    let file = config.data_directory.join("initialize");
    match std::fs::remove_file(&file) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(config.database_autocreate || config.membership.is_none())
        }
        Err(error) => Err(StartError::Data(format!(
            "{} cannot be removed: {error}; it says that the server is new, and must do so only once",
            file.display()
        ))),
    }
}

/// What a member remembers of its history and of what it promised.
fn remembered(disk: &RealDisk, at: &Directories, last: Zxid) -> Result<Recovered, StartError> {
    let epoch = |which| -> Result<u32, StartError> {
        let read = read_epoch(disk, at, which).map_err(|error| StartError::Data(error.to_string()))?;
        Ok(read.unwrap_or(last.epoch()))
    };
    let (accepted_epoch, current_epoch) = (epoch(EpochFile::Accepted)?, epoch(EpochFile::Current)?);
    // A crash between a new epoch's history and its file leaves the file of the current epoch behind: the
    // server then offers the older epoch, and no more than it has.
    if accepted_epoch < current_epoch || accepted_epoch < last.epoch() {
        return Err(StartError::Data(format!(
            "{} does not fit together: acceptedEpoch {accepted_epoch}, currentEpoch {current_epoch}, last \
             transaction {last}; empty the data directory except for myid, and it is filled by the leader",
            at.snapshots.display()
        )));
    }
    let history = rebuild::history(disk, at, last).map_err(StartError::Data)?;
    Ok(Recovered { last, accepted_epoch, current_epoch, is_blank: false, history })
}

fn settings(config: &KeeperConfig, (address, secure_port): (SocketAddr, i32)) -> keeper::KeeperConfig {
    // What all members together may have under way is one limit, as in the original; the leader has them all.
    let voters = config.membership.as_ref().map_or(1, |them| them.configuration.voters().count());
    let sharers = if voters > 2 { voters - 1 } else { 1 };
    keeper::KeeperConfig {
        tick_time: config.tick,
        session_timeout_min: Some(config.session_timeout_min),
        session_timeout_max: Some(config.session_timeout_max),
        connections_per_address_max: config.connections_per_address_max,
        connections_max: config.connections_max,
        outstanding_max: config.outstanding_max / sharers,
        throttles: config.throttles.clone(),
        snapshot_transactions: u32::try_from(config.snapshot_entries).unwrap_or(u32::MAX),
        snapshots_in_proportion: config.snapshots_in_proportion,
        snapshot_bytes: config.log_bytes_max,
        super_digest: config.super_digest.clone(),
        skip_acl: config.skip_acl,
        enforce_quota: config.enforce_quota,
        digest: config.digest,
        digest_scheme: config.digest_scheme,
        security: config.security.clone(),
        reconfig: config.reconfig,
        local_sessions: config.local_sessions,
        read_only_mode: config.read_only_mode,
        leader_serves: config.membership.as_ref().is_none_or(|it| it.leader_serves),
        standalone_allowed: config.membership.as_ref().is_none_or(|it| it.standalone_allowed),
        container_check: config.containers.interval,
        container_deletions_a_minute: config.containers.a_minute_max,
        container_never_used: config.containers.never_used,
        words: match &config.words {
            Words::All => keeper::WordList::All,
            Words::Only(words) => keeper::WordList::Only(words.clone()),
        },
        server_id: config.server_id as i64,
        session_id_byte: if config.server_id == 0 { 1 } else { config.server_id as u8 },
        shown: keeper::Shown {
            client_port: if config.plain_clients { i32::from(address.port()) } else { -1 },
            secure_client_port: secure_port,
            data_dir: config.data_directory.join("version-2").display().to_string(),
            data_log_dir: config.log_directory.join("version-2").display().to_string(),
            listen_backlog: -1,
            initial_configuration: config.text.clone(),
            ensemble: Vec::new(),
            properties: config.properties.clone(),
        },
        environment: environment(),
        ..keeper::KeeperConfig::default()
    }
}
