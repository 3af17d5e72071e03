//! What the roles tell the process that runs them.

use std::sync::mpsc::SyncSender;

/// A role.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The ZooKeeper half.
    Keeper,
    /// The Kafka half.
    Broker,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Role::Keeper => "keeper",
            Role::Broker => "broker",
        })
    }
}

/// Something that the process must know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// The broker is registered and knows its cluster.
    BrokerReady {
        /// `/cluster/id`.
        cluster_id: String,
        /// `broker.id`.
        broker_id: i32,
    },
    /// A role cannot go on, for a reason that is no disk's.
    Halted {
        /// Which.
        role: Role,
        /// Why, and what to do.
        reason: String,
    },
    /// A write or sync failed: the role has stopped acknowledging, and the process must end.
    DiskFailed {
        /// Which.
        role: Role,
        /// What was attempted, and what the system said.
        reason: String,
    },
    /// A signal asked for an end.
    Interrupted,
}

/// Tells the process when the thread that holds it panics: where panics do not abort, as in debug
/// builds, the process must not go on without one of its halves.
#[derive(Debug)]
pub(crate) struct PanicNotice {
    pub(crate) role: Role,
    pub(crate) notices: Notices,
}

impl Drop for PanicNotice {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let reason =
                "it broke one of its own rules; this is a bug, please report what stands above".to_owned();
            self.notices.tell(Notice::Halted { role: self.role, reason });
        }
    }
}

/// Where notices go. A full queue drops them: the first one that matters is in it already.
#[derive(Clone, Debug)]
pub struct Notices(SyncSender<Notice>);

impl Notices {
    /// A queue of notices.
    pub fn channel() -> (Notices, std::sync::mpsc::Receiver<Notice>) {
        let (sender, receiver) = std::sync::mpsc::sync_channel(crate::limits::NOTICES);
        (Notices(sender), receiver)
    }

    /// Tells the process.
    pub fn tell(&self, notice: Notice) {
        let _ = self.0.try_send(notice);
    }
}
