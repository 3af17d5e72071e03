//! The broker node: one file per API over partitions, coordinators and the cluster view.
//!
//! [`Broker`] owns everything a broker knows and is stepped by the shell: one [`Input`] in, any number
//! of [`Effect`]s out. It has no clock, socket, thread or random source; its only door to the world is
//! the [`Disk`] it was given, so a broker over a `MemoryDisk` and a scripted keeper is the production
//! broker.
//!
//! The shell's turn: `step` for every input of the turn, then [`Broker::turn_ended`] once (it has
//! appended records made durable if so configured, then wakes the parked requests), then the effects in
//! order, then sleep until an input or [`Broker::deadline`], which is met with [`Input::Woken`]. What waits
//! for a disk goes out as [`Effect::Work`] and comes back as [`Input::Worked`].

mod api;
mod asks;
mod balance;
mod call;
mod config_change;
mod configs;
mod connection;
mod disk_space;
mod dispatch;
mod early;
mod effect;
mod fetch_session;
mod followers;
mod groups;
mod input;
mod internal_log;
mod isr;
mod keeper_write;
mod limits;
mod links;
mod membership;
mod peers;
mod producer_ids;
mod protocol;
mod purgatory;
mod replica;
mod replicas;
mod settings;
mod shutdown;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod throttles;
mod topic_creation;
mod topic_partition;
mod topics;
mod transactions;
mod work;

pub use asks::AskToken;
pub use connection::{ConnectionId, ListenerIndex};
pub use effect::{CloseReason, Effect, Event};
pub use input::{Input, KeeperInput};
pub use links::LinkId;
pub use settings::{Listener, Settings};
pub use topic_partition::TopicPartition;
pub use work::{Done, Lane, Work};

use std::collections::BTreeMap;
use std::sync::Arc;

use clock::{Moment, Now};
use disk::Disk;

use crate::asks::Asks;
use crate::balance::Balance;
use crate::connection::Connections;
use crate::early::Early;
use crate::fetch_session::FetchSessions;
use crate::followers::Followers;
use crate::groups::Groups;
use crate::isr::InSync;
use crate::keeper_write::KeeperWrite;
use crate::links::Links;
use crate::membership::Membership;
use crate::peers::Peers;
use crate::producer_ids::ProducerIds;
use crate::purgatory::Purgatory;
use crate::replicas::Replicas;
use crate::shutdown::Shutdown;
use crate::throttles::Throttles;
use crate::transactions::Transactions;

/// A broker: its connections, its replicas, its groups, and its place in the cluster.
///
/// Each field has one owner module; an API file reads and changes them through that module's methods.
pub struct Broker<D: Disk> {
    /// What the operator configured; never changes while the broker runs.
    pub(crate) settings: Settings,
    /// Where the log directories are.
    pub(crate) disk: D,
    /// The source of ids and tie-breaks, seeded by the shell.
    pub(crate) random: fastrand::Rng,
    /// Who is connected.
    pub(crate) connections: Connections,
    /// Requests that came too early.
    pub(crate) early: Early,
    /// Requests to the keeper that have not been answered yet.
    pub(crate) asks: Asks,
    /// Registration, election, and the view of the cluster's znodes.
    pub(crate) membership: Membership,
    /// The partition logs that this broker holds.
    pub(crate) replicas: Replicas<D>,
    /// Connections to other brokers.
    pub(crate) links: Links,
    /// What others must be told while this broker is controller.
    pub(crate) peers: Peers,
    /// The partitions that are followed here.
    pub(crate) followers: Followers,
    /// When leaders are looked at for their balance.
    pub(crate) balance: Balance,
    /// The end, once somebody wants it.
    pub(crate) shutdown: Shutdown,
    /// In-sync sets that this broker wants changed.
    pub(crate) in_sync: InSync,
    /// Consumer groups coordinated here.
    pub(crate) groups: Groups,
    /// Transactional ids coordinated here.
    pub(crate) transactions: Transactions,
    /// Blocks of producer ids.
    pub(crate) producer_ids: ProducerIds,
    /// Incremental fetch sessions.
    pub(crate) fetch_sessions: FetchSessions,
    /// How fast replicas that are behind may catch up.
    pub(crate) throttles: Throttles,
    /// Requests that wait for something.
    pub(crate) purgatory: Purgatory,
    /// Topics that are being made because a client named them.
    pub(crate) growing_topics: BTreeMap<Arc<str>, KeeperWrite>,
}

impl<D: Disk> Broker<D> {
    /// Opens the log directories named by `settings` and recovers what is in them.
    ///
    /// # Errors
    /// None of the log directories can be used, or one belongs to another broker or cluster, or two hold the
    /// same partition. One that cannot be read or written is offline from the start, as in Kafka.
    pub fn open(now: Now, settings: Settings, disk: D, seed: u64) -> std::io::Result<Self> {
        let mut random = fastrand::Rng::with_seed(seed);
        let groups = Groups::new(now, &settings, random.u64(..));
        let first = settings.log_directories.first();
        let first = first.filter(|path| !settings.failed_log_directories.contains(*path));
        let last = first.and_then(|path| membership::read_last_session(&disk, path));
        let membership = Membership::new(&settings, last, random.u64(..));
        Ok(Broker {
            random,
            connections: Connections::default(),
            early: Early::default(),
            asks: Asks::default(),
            membership,
            replicas: Replicas::open(now, &settings, disk.clone())?,
            disk,
            links: Links::default(),
            peers: Peers::default(),
            followers: Followers::default(),
            balance: Balance::default(),
            shutdown: Shutdown::default(),
            in_sync: InSync::new(now, &settings.properties),
            groups,
            transactions: Transactions::new(now, &settings),
            producer_ids: ProducerIds::default(),
            fetch_sessions: FetchSessions::default(),
            throttles: Throttles::new(&settings.properties),
            purgatory: Purgatory::default(),
            growing_topics: BTreeMap::new(),
            settings,
        })
    }

    /// Takes one input and appends what the shell must do, in order.
    pub fn step(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        self.connections.time_is(now.moment);
        match input {
            Input::Opened { connection, peer, listener } => {
                self.connections.open(connection, peer, listener);
            }
            Input::Received { connection, frame } => {
                early::received(self, now, connection, frame, effects);
            }
            Input::Closed { connection } => {
                self.connections.close(connection);
                self.purgatory.forget(connection);
            }
            Input::Keeper(KeeperInput::Answered { token, result }) => {
                asks::answered(self, now, token, result, effects);
            }
            Input::Keeper(input) => membership::keeper(self, now, input, effects),
            Input::Worked(done) => work::done(self, now, done),
            Input::Linked { link } => links::linked(self, now, link, effects),
            Input::Unlinked { link } => links::unlinked(self, now, link, effects),
            Input::Answered { link, frame } => links::received(self, now, link, frame, effects),
            Input::Stopping => shutdown::begin(self, now),
            Input::Woken => self.woken(now, effects),
        }
    }

    /// Ends the shell's turn: what was appended is sent to be made durable if acknowledgements ask for it,
    /// and the requests whose wait is over are answered. Must follow the last `step` of each turn.
    pub fn turn_ended(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.connections.time_is(now.moment);
        membership::turn_ended(self);
        dispatch::turn_ended(self, now, effects);
        early::turn_ended(self, now, effects);
        replicas::turn_ended(self, now, effects);
        membership::tell_failure(self, effects);
        // Before the groups, whose partitions get markers too.
        transactions::turn_ended(self, now, effects);
        groups::turn_ended(self, now, effects);
        isr::turn_ended(self, now, effects);
        shutdown::turn_ended(self, now, effects);
        peers::turn_ended(self, now, effects);
        followers::turn_ended(self, now, effects);
        purgatory::retry_woken(self, now, effects);
        work::turn_ended(self, effects);
    }

    /// When the broker next wants [`Input::Woken`], if nothing else happens before.
    pub fn deadline(&self) -> Option<Moment> {
        [
            self.early.deadline(),
            self.purgatory.deadline(),
            self.membership.deadline(),
            self.replicas.deadline(),
            self.groups.deadline(),
            self.links.deadline(),
            self.peers.deadline(),
            self.followers.deadline(),
            self.in_sync.deadline(),
            self.transactions.deadline(),
            self.balance.deadline(),
            self.shutdown.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn woken(&mut self, now: Now, effects: &mut Vec<Effect>) {
        membership::woken(self, now, effects);
        links::woken(self, now, effects);
        isr::woken(self, now);
        balance::woken(self, now, effects);
        replicas::woken(self, now, effects);
        groups::woken(self, now, effects);
        transactions::woken(self, now, effects);
        purgatory::expire(self, now, effects);
    }
}
