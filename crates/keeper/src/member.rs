//! The keeper as a member of an ensemble: what it keeps besides the state, and what becomes of it when
//! its part changes.
//!
//! It serves clients only while it leads or is up to date with who does. When that ends every client is
//! cut off, as by the original: sessions live on, and are taken up again wherever there is a leader.

use std::collections::{BTreeMap, HashMap, VecDeque};

use clock::{Moment, Now};
use zab::packet::payload::Touched;
use zab::packet::{PacketKind, QuorumPacket};
use zab::{Ensemble, LinkId, Peer, Recovered, Role};
use znode::{Database, HashKey, Sessions, Standing, Watches};
use zookeeper_wire::txn::TxnEntry;
use zookeeper_wire::{SessionId, Xid, Zxid};

use crate::border::{ConnectionId, Effect};
use crate::config::KeeperConfig;
use crate::keeper::Keeper;
use crate::metrics::Counter;
use crate::server::Proposal;

/// What a server is to its clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// It stands alone.
    Alone,
    /// It serves nobody.
    Looking,
    /// It has no leader, and serves reads of clients that asked for it.
    ReadOnly,
    /// It leads an ensemble.
    Leading,
    /// It learns from the leader at the other end of this link.
    Learning(LinkId, Votes),
}

/// Whether a learner's acknowledgement counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Votes {
    /// A follower's does.
    Yes,
    /// An observer's does not.
    No,
}

/// What a member keeps besides the state; all of it ends with its part.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) part: Part,
    /// Clients that have seen no more than this have seen nothing that we lack: the beginning of the
    /// epoch whose history we have.
    pub(crate) epoch_begin: Zxid,
    /// Since when it plays its part.
    pub(crate) since: Moment,
    /// Since when it looks for a leader, if reads may begin without one.
    pub(crate) looking_since: Option<Moment>,
    /// Since when nobody is served, while that is so.
    pub(crate) unavailable_since: Option<Moment>,
    /// Requests that the leader has to put in order, by whose they are.
    pub(crate) forwarded: HashMap<(SessionId, Xid), VecDeque<ConnectionId>, HashKey>,
    pub(crate) forwarded_count: usize,
    /// Connections that wait for an answer to `SYNC`, in order; `None` is served already.
    pub(crate) syncs: VecDeque<Option<ConnectionId>>,
    /// Connections that wait to learn whether their session lives.
    pub(crate) revalidating: BTreeMap<SessionId, VecDeque<ConnectionId>>,
    /// Sessions heard of since the leader asked, with their time-outs.
    pub(crate) touched: BTreeMap<SessionId, i32>,
    /// Where each session was last heard of by the leader; `None` for its own clients.
    pub(crate) owners: HashMap<SessionId, Option<LinkId>, HashKey>,
    /// Learners that wait for what was proposed when they asked, in order.
    pub(crate) syncs_of_learners: VecDeque<(Zxid, LinkId)>,
    /// Requests of learners that wait for room.
    pub(crate) late: VecDeque<(LinkId, QuorumPacket)>,
    /// The leader's state, as it came.
    pub(crate) staged: Option<Box<Database>>,
    /// The leader's state, on its way to the disk.
    pub(crate) installing: Option<Box<Database>>,
}

/// Nobody knows yet how far a leader's snapshot runs ahead.
const FUZZY: Zxid = Zxid(i64::MAX);

impl Member {
    pub(crate) fn new(part: Part, key: HashKey) -> Member {
        Member {
            part,
            epoch_begin: Zxid::ZERO,
            since: Moment::at_ms(0),
            looking_since: None,
            unavailable_since: None,
            forwarded: HashMap::with_hasher(key),
            forwarded_count: 0,
            syncs: VecDeque::new(),
            revalidating: BTreeMap::new(),
            touched: BTreeMap::new(),
            owners: HashMap::with_hasher(key),
            syncs_of_learners: VecDeque::new(),
            late: VecDeque::new(),
            staged: None,
            installing: None,
        }
    }

    /// Whether transactions are put in order here.
    pub(crate) fn orders(&self) -> bool {
        matches!(self.part, Part::Alone | Part::Leading)
    }

    /// Forgets whatever belonged to the part before.
    fn begin(&mut self, part: Part) {
        self.part = part;
        self.looking_since = None;
        self.forwarded.clear();
        self.forwarded_count = 0;
        self.syncs.clear();
        self.revalidating.clear();
        self.touched.clear();
        self.owners.clear();
        self.syncs_of_learners.clear();
        self.late.clear();
    }
}

impl Keeper {
    /// A member of an ensemble, with a recovered database. The first input is
    /// [`Input::Woken`](crate::Input::Woken); nobody is served before there is a leader.
    pub fn member(
        config: KeeperConfig,
        ensemble: Ensemble,
        recovered: Recovered,
        database: Database,
        now: Now,
        seed: u64,
    ) -> Keeper {
        let peer = Peer::member(ensemble, recovered);
        let mut keeper = Keeper::with(config, database, peer, Part::Looking, now, seed);
        keeper.server.member.unavailable_since = Some(now.moment);
        keeper.show_configuration();
        keeper
    }

    /// Zab's side of this server.
    pub fn peer(&self) -> &Peer {
        &self.server.peer
    }

    /// Plants a defect; for simulators.
    #[doc(hidden)]
    pub fn plant(&mut self, flaw: zab::Flaw) {
        self.server.peer.plant(flaw);
    }

    /// Whether clients may have connections here: with `leaderServes=no` a leader has none.
    pub(crate) fn serves_clients(&self) -> bool {
        let aloof = self.server.member.part == Part::Leading && !self.server.config.leader_serves;
        self.serves() && !aloof
    }

    /// Whether the end of this session is under way here: its client is refused already.
    pub fn is_ending(&self, session: SessionId) -> bool {
        self.server.sessions.standing(session) == Standing::Closing
    }

    /// Whether the ensemble is served, through this member or others.
    pub fn serves(&self) -> bool {
        self.server.member.part != Part::Looking
    }

    /// Tells Zab, and does what it wants, in its order.
    pub(crate) fn peer_step(&mut self, input: zab::Input, effects: &mut Vec<Effect>) {
        let mut wanted = std::mem::take(&mut self.server.peer_effects);
        let committed = self.server.count_input(&input);
        self.server.peer.step(self.server.now.moment, input, &mut wanted);
        self.server.count_step(committed);
        for effect in wanted.drain(..) {
            match effect {
                zab::Effect::Deliver { entry } => self.deliver(entry.into_value(), effects),
                zab::Effect::SendSnapshot { link } => {
                    let snapshot = Box::new(self.server.database.snapshot());
                    effects.push(Effect::SendSnapshot { link, snapshot });
                }
                zab::Effect::Truncate { to } => {
                    let rebuild = self.server.database.last_applied() > to;
                    effects.push(Effect::Truncate { to, rebuild });
                }
                zab::Effect::InstallSnapshot { .. } => {
                    let database = self.server.member.staged.take().expect("it was received");
                    let snapshot = Box::new(database.snapshot());
                    self.server.member.installing = Some(database);
                    effects.push(Effect::InstallSnapshot { snapshot });
                }
                zab::Effect::Pass { link, packet } => self.passed(link, packet, effects),
                zab::Effect::Became { role } => self.became(role, effects),
                zab::Effect::Reconfigure { configuration } => {
                    self.show_configuration();
                    effects.push(Effect::Reconfigure { configuration });
                }
                other => crate::server::plain(other, effects),
            }
        }
        self.server.peer_effects = wanted;
        if let Some(snapshot) = self.snapshots.due(&self.server.database) {
            effects.push(Effect::WriteSnapshot { snapshot: Box::new(snapshot) });
        }
    }

    /// The state rebuilt behind a cut, if it had to be.
    pub(crate) fn truncated(&mut self, database: Option<Box<Database>>, effects: &mut Vec<Effect>) {
        if let Some(database) = database {
            self.take_over(*database);
        }
        self.peer_step(zab::Input::Truncated, effects);
    }

    pub(crate) fn snapshot_received(
        &mut self,
        link: LinkId,
        database: Box<Database>,
        effects: &mut Vec<Effect>,
    ) {
        // One of a leader that we have left must not take the place of the one we wait for.
        if self.server.peer.awaits_snapshot(link) {
            self.server.member.staged = Some(database);
        }
        self.peer_step(zab::Input::SnapshotReceived { link }, effects);
    }

    /// The leader's state is durable: it is ours now.
    pub(crate) fn snapshot_installed(&mut self, effects: &mut Vec<Effect>) {
        let database = self.server.member.installing.take().expect("it was asked for");
        self.take_over(*database);
        // A leader that is not Castle goes on applying while it sends.
        self.server.fuzzy_to = FUZZY;
        self.peer_step(zab::Input::SnapshotInstalled, effects);
    }

    fn take_over(&mut self, database: Database) {
        let key = database.tree().key();
        self.server.watches = Watches::new(key);
        self.server.outstanding.clear();
        self.server.database = database;
        self.show_configuration();
    }

    /// What we are has changed.
    fn became(&mut self, role: Role, effects: &mut Vec<Effect>) {
        let part = match role {
            Role::Looking => Part::Looking,
            Role::Leading { .. } => Part::Leading,
            Role::Following { link, .. } => Part::Learning(link, Votes::Yes),
            Role::Observing { link, .. } => Part::Learning(link, Votes::No),
        };
        if part == Part::Looking || self.reads_only() {
            self.cut_off(effects);
        }
        if part != Part::Looking && self.server.fuzzy_to == FUZZY {
            // What was applied before the snapshot ended was proposed to us before the leader let us serve.
            self.server.fuzzy_to = self.server.peer.last_logged();
        }
        self.server.outstanding.clear();
        self.server.member.begin(part);
        self.server.member.since = self.server.now.moment;
        self.server.count_availability();
        self.server.member.epoch_begin = Zxid::new(self.server.peer.epochs().1, 0);
        // Every session has its whole time-out again.
        let now = self.server.now.moment;
        let key = self.server.database.tree().key();
        self.server.sessions = Sessions::new(self.server.config.tick_time, key);
        for (&session, &timeout_ms) in self.server.database.sessions() {
            self.server.sessions.track(now, session, timeout_ms);
        }
        self.reap_at = now + self.server.config.container_check;
    }

    /// A transaction as it came from the leader, or from our own log before we led.
    pub(crate) fn proposal_of(&mut self, entry: &zab::Entry, effects: &mut Vec<Effect>) -> Option<Proposal> {
        let bytes = entry.payload.len();
        let decoded =
            TxnEntry::decode(entry.payload.clone()).ok().filter(|txn| txn.header.zxid == entry.zxid);
        let Some(TxnEntry { header, txn, digest }) = decoded else {
            effects.push(Effect::Halt {
                reason: "a committed transaction cannot be read: what follows would not be the leader's state",
            });
            return None;
        };
        let asker = self.server.member.answer_to(header.session, header.cxid);
        Some(Proposal { header, txn, asker, bytes, digest })
    }

    /// Compares the tree with what the leader said that it would be.
    pub(crate) fn compare(&mut self, at: Zxid, digest: Option<zookeeper_wire::txn::TxnDigest>) {
        let Some(digest) = digest.filter(|_| at > self.server.fuzzy_to) else { return };
        if digest.version == znode::DIGEST_VERSION
            && self.server.database.tree().digest() as i64 != digest.tree
        {
            self.server.metrics.count(Counter::DigestMismatchesCount, 1);
            self.server.digest_mismatches += 1;
        }
    }

    /// Transactions after which our tree was not what the leader said.
    pub fn digest_mismatches(&self) -> u64 {
        self.server.digest_mismatches
    }

    /// The leader asks whether we live, and who lives with us.
    pub(crate) fn pinged(&mut self, link: LinkId, packet: &QuorumPacket, effects: &mut Vec<Effect>) {
        let member = &mut self.server.member;
        let most = zab::limits::TOUCHED_SESSIONS_MAX;
        let mut sessions: Vec<(SessionId, i32)> = Vec::new();
        while sessions.len() < most
            && let Some(touched) = member.touched.pop_first()
        {
            sessions.push(touched);
        }
        let data = Touched { sessions }.encode();
        let answer = QuorumPacket::with(PacketKind::PING, packet.zxid, data);
        effects.push(Effect::SendPacket { link, packet: answer });
    }
}

impl Member {
    /// Whose request this transaction answers, if it was one of ours.
    fn answer_to(&mut self, session: SessionId, cxid: Xid) -> Option<ConnectionId> {
        if self.forwarded_count == 0 {
            return None;
        }
        let askers = self.forwarded.get_mut(&(session, cxid))?;
        let asker = askers.pop_front();
        if askers.is_empty() {
            self.forwarded.remove(&(session, cxid));
        }
        self.forwarded_count -= usize::from(asker.is_some());
        asker
    }
}
