//! The administrators' desk of a keeper: what comes over HTTP is asked here, and answered by the shard
//! that owns the node. The HTTP thread never touches the node.

use super::gauges::KeeperGauges;
use super::rebuild::{Blank, read_snapshot};
use super::service::{KeeperMessage, KeeperService};
use super::snapshot_thread::write_snapshot;
use crate::config::AdminConfig;
use crate::limits;
use disk::{Disk, RealDisk};
use keeper::{Answer, Command};
use shard::{Mailbox, Turn};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use txnlog::Directories;
use zookeeper_wire::Zxid;

/// Where an answer goes.
pub(super) type Reply<T> = oneshot::Sender<T>;

/// What an administrator wants.
#[derive(Debug)]
pub(super) enum Ask {
    /// The answer to a command.
    Command { name: String, trace_mask: Option<String>, reply: Reply<Answer> },
    /// Whether these credentials are enough for `command`.
    Permission {
        command: &'static str,
        authorization: Option<String>,
        from: IpAddr,
        reply: Reply<Result<(), Answer>>,
    },
    /// All metrics, in Prometheus' format.
    Metrics { reply: Reply<String> },
    /// A snapshot, now.
    Snapshot { reply: Reply<Result<Taken, String>> },
    /// This database in the place of the one there is.
    Restore(Restoring),
}

/// A database that is to take the place of another one.
#[derive(Debug)]
pub(super) struct Restoring {
    database: Box<znode::Database>,
    reply: Reply<Result<(), String>>,
}

/// A snapshot that was asked for.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) zxid: Zxid,
    pub(crate) path: PathBuf,
}

/// The desk. Clones are the same one.
#[derive(Debug)]
pub(crate) struct Desk {
    mailbox: Mailbox<KeeperMessage>,
    at: Directories,
    blank: Blank,
    pub(crate) config: AdminConfig,
    pub(crate) snapshots: RateLimit,
    pub(crate) restores: RateLimit,
    pub(crate) gauges: Arc<KeeperGauges>,
}

impl Desk {
    pub(super) fn new(
        mailbox: Mailbox<KeeperMessage>,
        at: Directories,
        blank: Blank,
        config: AdminConfig,
        gauges: Arc<KeeperGauges>,
    ) -> Self {
        // The original means both alike, and counts microseconds in one of them.
        let snapshots = RateLimit::new(Duration::from_micros(config.rate_limit_ms));
        let restores = RateLimit::new(Duration::from_millis(config.rate_limit_ms));
        Desk { mailbox, at, blank, config, snapshots, restores, gauges }
    }

    /// `None` if the keeper has ended or is too busy to hear.
    async fn ask<T>(&self, ask: impl FnOnce(Reply<T>) -> Ask) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.mailbox.try_send(KeeperMessage::Ask(ask(reply))).ok()?;
        let patience = Duration::from_secs(limits::ADMIN_SECONDS);
        tokio::time::timeout(patience, answer).await.ok()?.ok()
    }

    pub(crate) async fn command(&self, name: String, trace_mask: Option<String>) -> Option<Answer> {
        self.ask(|reply| Ask::Command { name, trace_mask, reply }).await
    }

    pub(crate) async fn permission(
        &self,
        command: &'static str,
        authorization: Option<String>,
        from: IpAddr,
    ) -> Option<Result<(), Answer>> {
        self.ask(|reply| Ask::Permission { command, authorization, from, reply }).await
    }

    pub(crate) async fn metrics(&self) -> Option<String> {
        self.ask(|reply| Ask::Metrics { reply }).await
    }

    pub(crate) async fn snapshot(&self) -> Result<Taken, String> {
        self.ask(|reply| Ask::Snapshot { reply }).await.unwrap_or_else(|| Err(BUSY.to_owned()))
    }

    /// Where a snapshot that comes in over HTTP is kept until it is read.
    pub(crate) fn inbox(&self) -> PathBuf {
        self.at.snapshots.join(INBOX)
    }

    /// Reads the snapshot in `file` and puts it in place; the zxid is the snapshot's own.
    pub(crate) async fn restore(&self, file: &Path) -> Result<Zxid, String> {
        let (began, file, blank) = (Instant::now(), file.to_owned(), self.blank);
        let (done, loaded) = oneshot::channel();
        std::thread::Builder::new()
            .name("keeper-restore".to_owned())
            .spawn(move || drop(done.send(read_snapshot(&RealDisk, &file, blank))))
            .map_err(|error| format!("cannot start a thread: {error}"))?;
        let (database, zxid) = loaded.await.map_err(|_| "the snapshot could not be read".to_owned())??;
        let answer = self.ask(|reply| Ask::Restore(Restoring { database: Box::new(database), reply })).await;
        answer.unwrap_or_else(|| Err(BUSY.to_owned()))?;
        self.gauges.restored(began.elapsed());
        Ok(zxid)
    }
}

const BUSY: &str = "the keeper is busy or has ended";

/// The beginning of the name says that a crash leaves nothing of value in it.
const INBOX: &str = "writing.restore";

/// At most one in an interval.
#[derive(Debug)]
pub(crate) struct RateLimit {
    interval: Duration,
    last: Mutex<Option<Instant>>,
}

impl RateLimit {
    fn new(interval: Duration) -> Self {
        RateLimit { interval, last: Mutex::new(None) }
    }

    /// True if one may go on now, which then is the last one.
    pub(crate) fn allows(&self, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| now.duration_since(last) < self.interval) {
            return false;
        }
        *last = Some(now);
        true
    }
}

impl<D: Disk> KeeperService<D> {
    pub(super) fn asked(&mut self, turn: &mut Turn, ask: Ask) {
        // Whoever asked may have gone; then nobody is there to be told.
        match ask {
            Ask::Command { name, trace_mask, reply } => {
                let measures = self.measures();
                self.step(turn, keeper::Input::Measured(Box::new(measures)));
                let command = Command { name: &name, trace_mask: trace_mask.as_deref() };
                let _ = reply.send(self.node.command(turn.now(), &command));
            }
            Ask::Permission { command, authorization, from, reply } => {
                let _ = reply.send(self.node.authorize(command, authorization.as_deref(), from));
            }
            Ask::Metrics { reply } => {
                let measures = self.measures();
                self.step(turn, keeper::Input::Measured(Box::new(measures)));
                let _ = reply.send(super::prometheus::text(&self.node.metrics()));
            }
            Ask::Snapshot { reply } => self.take_snapshot(reply),
            Ask::Restore(restoring) => {
                if !self.node.stands_alone() {
                    let why = "a member of an ensemble has its state from the others; restore a keeper that stands alone";
                    let _ = restoring.reply.send(Err(why.to_owned()));
                    return;
                }
                if self.restoring.is_some() {
                    let _ = restoring.reply.send(Err("another restore is under way".to_owned()));
                    return;
                }
                self.node.freeze();
                self.restoring = Some(restoring);
                self.restore_if_idle(turn);
            }
        }
    }

    /// Writes on a thread of its own, as the snapshots do that nobody asks for.
    fn take_snapshot(&self, reply: Reply<Result<Taken, String>>) {
        let snapshot = self.node.database().snapshot();
        let (disk, at) = (self.disk.clone(), self.at.clone());
        let (compression, one_at_a_time) = (self.style.compression, self.one_at_a_time.clone());
        let spawned = std::thread::Builder::new().name("keeper-snapshot".to_owned()).spawn(move || {
            let _one = one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
            let written = write_snapshot(&disk, &at, &snapshot, compression);
            let taken = written.map(|path| Taken { zxid: snapshot.zxid(), path });
            let _ = reply.send(taken.map_err(|error| error.to_string()));
        });
        if let Err(error) = spawned {
            tracing::warn!(%error, "cannot start a thread for a snapshot");
        }
    }

    /// Puts a database in place once nothing is under way. The new one is durable before anything is
    /// built on it; clients wait for that, as they do at a start.
    pub(super) fn restore_if_idle(&mut self, turn: &mut Turn) {
        if !self.node.is_idle() {
            return;
        }
        let Some(Restoring { mut database, reply }) = self.restoring.take() else { return };
        self.node.fit(&mut database);
        let written = {
            let _one = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
            write_snapshot(&self.disk, &self.at, &database.snapshot(), self.style.compression)
        };
        match written {
            Ok(path) => {
                tracing::info!(path = %path.display(), znodes = database.tree().len(), "restored a snapshot");
                self.node.replace(turn.now(), *database, &mut self.effects);
                self.carry_out(turn);
                let _ = reply.send(Ok(()));
            }
            Err(error) => {
                tracing::error!(%error, "cannot write the snapshot that was to be restored; nothing changed");
                self.node.thaw();
                let _ = reply.send(Err(error.to_string()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_an_interval_is_allowed() {
        let limit = RateLimit::new(Duration::from_secs(5));
        let start = Instant::now();
        assert!(limit.allows(start));
        assert!(!limit.allows(start + Duration::from_secs(4)));
        assert!(limit.allows(start + Duration::from_secs(5)));
        assert!(!limit.allows(start + Duration::from_secs(9)));
    }
}
