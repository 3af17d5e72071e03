//! The keeper node on its shard: inputs in, effects out, one hand-over to the log a turn.

use super::desk::{Ask, Restoring};
use super::gauges::KeeperGauges;
use super::log_thread::{Committed, Job, LogQueue};
use super::members::Members;
use super::snapshot_thread::{SnapshotJob, SnapshotStyle};
use crate::config::{DynamicFiles, client_address};
use crate::limits;
use crate::notice::{Notice, Notices, Role};
use crate::peers::PeerEvent;
use bytes::Bytes;
use clock::{Moment, Span};
use disk::Disk;
use keeper::{Configuration, Effect, Input, Keeper, Measures, ServerId, is_word};
use shard::{ConnectionId, Mailbox, Peer, PortId, Service, Turn, WhyClosed};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};
use transport::tls::PeerCertificate;
use txnlog::{Directories, snapshot_zxid};
use znode::Database;
use zookeeper_wire::Zxid;

/// What other threads tell the keeper.
#[derive(Debug)]
pub(super) enum KeeperMessage {
    /// The log is durable so far.
    Persisted(Zxid),
    /// A snapshot is written, or was given up.
    SnapshotWritten(Zxid),
    /// The epoch files are written.
    EpochsWritten,
    /// The log is cut; with what is left, if that was wanted.
    Truncated(Option<Box<Database>>),
    /// The leader's snapshot is in the place of our history.
    SnapshotInstalled,
    /// Something came from another member.
    Peer(PeerEvent),
    /// Everything is in place: a member looks for its leader.
    Begin,
    /// An administrator wants something.
    Ask(Ask),
    /// End.
    Stop,
}

impl KeeperMessage {
    /// Whether the log's thread says it.
    pub(super) fn is_of_log(&self) -> bool {
        use KeeperMessage::{EpochsWritten, Persisted, SnapshotInstalled, Truncated};
        matches!(self, Persisted(_) | EpochsWritten | Truncated(_) | SnapshotInstalled)
    }
}

pub(super) struct KeeperService<D: Disk> {
    pub(super) node: Keeper,
    pub(super) effects: Vec<Effect>,
    log: LogQueue<D>,
    /// For the log, of this turn.
    jobs: Vec<Job>,
    /// How many answers of the log's thread were taken.
    heard: u64,
    /// Who asks, and whether nobody else does.
    loneliness: Loneliness,
    pub(super) at: Directories,
    pub(super) style: SnapshotStyle,
    pub(super) one_at_a_time: Arc<Mutex<()>>,
    /// A database that will take the place of the one there is.
    pub(super) restoring: Option<Restoring>,
    pub(super) disk: D,
    mailbox: Mailbox<KeeperMessage>,
    gauges: Arc<KeeperGauges>,
    /// The other members; None for a keeper that stands alone.
    members: Option<Members>,
    notices: Notices,
    /// Where its membership is written down, if it came from a file.
    files: Option<DynamicFiles>,
    clients: ClientPort,
}

/// Where clients of this member connect, as far as a membership may say.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClientPort {
    pub(super) own: ServerId,
    /// The port without TLS; None if there is none.
    pub(super) port: Option<PortId>,
    pub(super) address: SocketAddr,
}

/// Whether one connection has been the only one that asked for a while. Only then may the loop wait for a
/// disk.
#[derive(Default)]
struct Loneliness {
    asker: Option<ConnectionId>,
    /// From when on the loop may wait.
    since: Moment,
}

impl Loneliness {
    fn heard(&mut self, asker: ConnectionId, now: Moment) {
        if self.asker.replace(asker) != Some(asker) {
            self.not_before(now + Span::ms(limits::LONELY_MS));
        }
    }

    fn not_before(&mut self, moment: Moment) {
        self.since = self.since.max(moment);
    }
}

impl<D: Disk> KeeperService<D> {
    #[allow(clippy::too_many_arguments)]
    pub(super) fn new(
        node: Keeper,
        log: LogQueue<D>,
        at: Directories,
        style: SnapshotStyle,
        disk: D,
        mailbox: Mailbox<KeeperMessage>,
        gauges: Arc<KeeperGauges>,
        members: Option<Members>,
        notices: Notices,
        files: Option<DynamicFiles>,
        clients: ClientPort,
    ) -> Self {
        KeeperService {
            node,
            effects: Vec::new(),
            log,
            jobs: Vec::new(),
            heard: 0,
            loneliness: Loneliness::default(),
            at,
            style,
            one_at_a_time: Arc::default(),
            restoring: None,
            disk,
            mailbox,
            gauges,
            members,
            notices,
            files,
            clients,
        }
    }

    pub(super) fn step(&mut self, turn: &mut Turn, input: Input) {
        self.node.step(turn.now(), input, &mut self.effects);
        self.carry_out(turn);
    }

    pub(super) fn carry_out(&mut self, turn: &mut Turn) {
        // What failed at once. It is told when all else is done: a mailbox that is full could not take it.
        let mut failed = Vec::new();
        for effect in self.effects.drain(..) {
            match effect {
                Effect::Send { connection, frame } => turn.send(outer(connection), frame),
                Effect::SendText { connection, text } => turn.send_raw(outer(connection), text),
                Effect::Close { connection } => turn.close(outer(connection)),
                Effect::Complain { connection, why } => turn.complain(outer(connection), &why),
                Effect::Pause { connection } => turn.pause(outer(connection)),
                Effect::WriteEpochs { accepted, current } => {
                    self.jobs.push(Job::Epochs { accepted, current });
                }
                Effect::Truncate { to, rebuild } => self.jobs.push(Job::Truncate { to, rebuild }),
                Effect::InstallSnapshot { snapshot } => self.jobs.push(Job::Install(snapshot)),
                Effect::Notify { to, notification } => {
                    members(&mut self.members).notify(to, &notification);
                }
                Effect::Dial { server } => {
                    if !members(&mut self.members).dial(server) {
                        tracing::warn!(%server, "the leader cannot be dialled: no address, or no thread");
                        failed.push(Input::DialFailed { server });
                    }
                }
                Effect::SendPacket { link, packet } => members(&mut self.members).send(link, &packet),
                Effect::SendSnapshot { link, snapshot } => {
                    members(&mut self.members).send_snapshot(link, snapshot);
                }
                Effect::CloseLink { link } => members(&mut self.members).close(link),
                Effect::Foresee { configuration } => {
                    members(&mut self.members).foresee(&configuration);
                    if let Some(files) = &self.files {
                        self.jobs.push(Job::Foresee(files.clone(), configuration));
                    }
                }
                Effect::Reconfigure { configuration } => {
                    tracing::info!(version = %Zxid(configuration.version), "another membership is in force");
                    members(&mut self.members).reconfigure(&configuration);
                    self.clients.follow(turn, &configuration);
                    if let Some(files) = &self.files {
                        self.jobs.push(Job::Reconfigure(files.clone(), configuration));
                    }
                }
                Effect::Halt { reason } => {
                    self.gauges.failed();
                    self.notices.tell(Notice::Halted { role: Role::Keeper, reason: reason.to_owned() });
                }
                Effect::Resume { connection } => turn.resume(outer(connection)),
                Effect::Persist { entries } => self.jobs.extend(entries.into_iter().map(Job::Append)),
                Effect::WriteSnapshot { snapshot } => {
                    self.jobs.push(Job::Roll);
                    let job = SnapshotJob {
                        disk: self.disk.clone(),
                        at: self.at.clone(),
                        style: self.style,
                        one_at_a_time: Arc::clone(&self.one_at_a_time),
                        mailbox: self.mailbox.clone(),
                        gauges: Arc::clone(&self.gauges),
                    };
                    let zxid = snapshot.zxid();
                    if !job.spawn(snapshot) {
                        failed.push(Input::SnapshotWritten { zxid });
                    }
                }
            }
        }
        for input in failed {
            self.step(turn, input);
        }
    }

    fn packets_leave(&mut self) {
        if let Some(members) = &mut self.members {
            members.turn_ended();
        }
    }

    /// Makes a lonely transaction durable at once, without the other thread.
    fn commit_here(&mut self, turn: &mut Turn) {
        let now = turn.now().moment;
        if self.jobs.is_empty() || now < self.loneliness.since {
            return;
        }
        let Some(Committed { upto, took }) = self.log.commit_here(&mut self.jobs, self.heard) else {
            return;
        };
        if took > Duration::from_millis(limits::SLOW_SYNC_MS) {
            self.loneliness.not_before(now + Span::ms(limits::SLOW_DISK_MS));
        }
        turn.waited();
        self.step(turn, Input::Persisted { upto });
        self.restore_if_idle(turn);
        self.packets_leave();
    }

    fn peer_said(&mut self, turn: &mut Turn, event: PeerEvent) {
        let Some(members) = &mut self.members else { return };
        members.taken(&event);
        match event {
            PeerEvent::Notified { from, notification } => {
                self.step(turn, Input::Notified { from, notification });
            }
            PeerEvent::LinkOpened { link, dialed } => self.step(turn, Input::LinkUp { link, dialed }),
            PeerEvent::DialFailed { server, why } => {
                tracing::debug!(%server, why, "the leader cannot be reached");
                self.step(turn, Input::DialFailed { server });
            }
            PeerEvent::Packets { link, packets } => {
                for packet in packets {
                    self.step(turn, Input::Packet { link, packet });
                }
            }
            PeerEvent::SnapshotReceived { link, database } => {
                self.step(turn, Input::SnapshotReceived { link, database });
            }
            PeerEvent::LinkClosed { link, why } => {
                tracing::info!(%link, why, "a link to another member closed");
                self.step(turn, Input::LinkDown { link });
            }
        }
    }

    pub(super) fn measures(&self) -> Measures {
        let (open_files, open_files_max) = crate::process::open_files();
        let bytes = |path: &Path| {
            let entries = self.disk.list(path).unwrap_or_default();
            entries.iter().map(|entry| entry.length).sum()
        };
        Measures {
            data_dir_bytes: bytes(&self.at.snapshots),
            log_dir_bytes: bytes(&self.at.logs),
            open_files,
            open_files_max,
            last_snapshot: last_snapshot(&self.disk, &self.at.snapshots),
            ..self.gauges.measures()
        }
    }
}

impl ClientPort {
    /// Listens where our line says that clients connect, if it says so.
    fn follow(&mut self, turn: &mut Turn, configuration: &Configuration) {
        let Some(own) = configuration.members.get(&self.own) else { return };
        let (Some(port), Some(Ok(address))) = (self.port, client_address(own)) else { return };
        let same_ip = address.ip() == self.address.ip()
            || (address.ip().is_unspecified() && self.address.ip().is_unspecified());
        if !(same_ip && address.port() == self.address.port()) {
            tracing::info!(%address, "clients are served at another address");
            self.address = address;
            turn.listen_elsewhere(port, address);
        }
    }
}

/// The newest snapshot in the directory, and when it was written, in seconds since 1970.
fn last_snapshot<D: Disk>(disk: &D, directory: &Path) -> Option<(Zxid, i64)> {
    let names = disk.list(directory).ok()?.into_iter().map(|entry| entry.name);
    let (zxid, name) = names.filter_map(|name| Some((snapshot_zxid(&name)?.0, name))).max()?;
    let written = std::fs::metadata(directory.join(name)).and_then(|data| data.modified());
    let since = written.ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((zxid, since.as_secs() as i64))
}

/// A node that wants something of other members was given some.
fn members(members: &mut Option<Members>) -> &mut Members {
    members.as_mut().expect("a keeper that stands alone wants nothing of other members")
}

fn inner(connection: ConnectionId) -> keeper::ConnectionId {
    keeper::ConnectionId(connection.as_u64())
}

fn outer(connection: keeper::ConnectionId) -> ConnectionId {
    ConnectionId::from_u64(connection.0)
}

impl<D: Disk> Service for KeeperService<D> {
    type Message = KeeperMessage;

    fn opened(&mut self, turn: &mut Turn, connection: ConnectionId, peer: Peer) {
        self.step(turn, Input::Opened { connection: inner(connection), peer: peer.address });
    }

    fn secured(&mut self, turn: &mut Turn, connection: ConnectionId, peer: Option<PeerCertificate>) {
        let subject = peer.map(|certificate| certificate.subject);
        self.step(turn, Input::Secured { connection: inner(connection), subject });
    }

    fn received(&mut self, turn: &mut Turn, connection: ConnectionId, frame: Bytes) {
        self.loneliness.heard(connection, turn.now().moment);
        self.step(turn, Input::Received { connection: inner(connection), frame });
    }

    fn word(&mut self, turn: &mut Turn, connection: ConnectionId, word: [u8; 4]) {
        if !is_word(word) {
            return turn.close(connection);
        }
        if matches!(&word, b"mntr" | b"conf" | b"dirs") {
            let measures = self.measures();
            self.step(turn, Input::Measured(Box::new(measures)));
        }
        self.step(turn, Input::FourLetterWord { connection: inner(connection), word });
    }

    fn closed(&mut self, turn: &mut Turn, connection: ConnectionId, why: WhyClosed) {
        tracing::debug!(%connection, ?why, "keeper connection closed");
        self.step(turn, Input::Closed { connection: inner(connection) });
    }

    fn message(&mut self, turn: &mut Turn, message: KeeperMessage) {
        self.heard += u64::from(message.is_of_log());
        match message {
            KeeperMessage::Persisted(upto) => {
                self.step(turn, Input::Persisted { upto });
                self.restore_if_idle(turn);
            }
            KeeperMessage::EpochsWritten => self.step(turn, Input::EpochsWritten),
            KeeperMessage::Truncated(database) => self.step(turn, Input::Truncated { database }),
            KeeperMessage::SnapshotInstalled => self.step(turn, Input::SnapshotInstalled),
            KeeperMessage::Peer(event) => self.peer_said(turn, event),
            KeeperMessage::Begin => self.step(turn, Input::Woken),
            KeeperMessage::Ask(ask) => self.asked(turn, ask),
            KeeperMessage::SnapshotWritten(zxid) => self.step(turn, Input::SnapshotWritten { zxid }),
            KeeperMessage::Stop => turn.stop(),
        }
    }

    fn woken(&mut self, turn: &mut Turn) {
        self.step(turn, Input::Woken);
    }

    fn turn_ended(&mut self, turn: &mut Turn) {
        // Packets leave first: the others write while we do.
        self.packets_leave();
        self.commit_here(turn);
        if !self.jobs.is_empty() {
            self.log.push(&mut self.jobs);
        }
        let database = self.node.database();
        self.gauges.znodes.store(database.tree().len() as u64, Ordering::Relaxed);
        self.gauges.sessions.store(database.sessions().len() as u64, Ordering::Relaxed);
        self.gauges.last_zxid.store(database.last_applied().0 as u64, Ordering::Relaxed);
    }

    fn deadline(&self) -> Option<Moment> {
        self.node.deadline()
    }
}
