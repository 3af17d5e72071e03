//! The keeper: connections in front, one order of transactions behind.
//!
//! A request takes its place in its connection's pipeline; writes go through the order, reads are
//! served from the committed tree as soon as everything before them in the pipeline is answered.
//! Nothing is acknowledged before [`Input::Persisted`] says that it is durable.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use clock::{Moment, Now};
use zab::{Peer, ServerId};
use znode::{Database, Fired, HashKey, Standing, WatcherId, permits};
use zookeeper_wire::jute::Reader;
use zookeeper_wire::txn::Txn;
use zookeeper_wire::{
    ErrorCode, EventKind, OpCode, Permissions, Request, RequestHeader, SessionId, WireError, Xid, Zxid,
};

use crate::border::{ConnectionId, Effect, Input};
use crate::config::KeeperConfig;
use crate::connection::{Connection, Slot, Stage, Wait};
use crate::limits::{FRAME_LENGTH_BYTES, PIPELINE_MAX, ROOM_MIN, SESSIONLESS};
use crate::local::needs_quorum;
use crate::member::Part;
use crate::metrics::{Basic, Counter};
use crate::op::is_write;
use crate::server::{Asking, Proposal, Server};
use crate::snapshots::Snapshots;

/// A keeper node, pure: it is told what happens and says what is to be done.
#[derive(Debug)]
pub struct Keeper {
    pub(crate) server: Server,
    pub(crate) connections: HashMap<ConnectionId, Connection, HashKey>,
    /// Connections from each address.
    addresses: HashMap<IpAddr, usize, HashKey>,
    /// The connection that each session is on.
    pub(crate) attached: HashMap<SessionId, ConnectionId, HashKey>,
    /// Connections without a session, by when they came.
    pub(crate) sessionless: BTreeSet<(Moment, ConnectionId)>,
    /// Connections whose pipeline waits for a transaction that need not be their own, in its order.
    pub(crate) waiting: VecDeque<(Zxid, ConnectionId)>,
    /// Connections with frames that could not be taken in yet.
    pub(crate) holding: VecDeque<ConnectionId>,
    /// Sessions that are to end as soon as there is room in the log's queue.
    pub(crate) ending: VecDeque<SessionId>,
    pub(crate) next_session: SessionId,
    pub(crate) reap_at: Moment,
    /// What nonces are made of; nobody outside may know it.
    pub(crate) secret: u64,
    pub(crate) snapshots: Snapshots,
    fired: Vec<Fired>,
}

impl Keeper {
    /// A keeper that stands alone, with a recovered database. `seed` keys the hash of paths and
    /// spreads snapshots; it should differ between processes.
    pub fn alone(config: KeeperConfig, mut database: Database, now: Now, seed: u64) -> Keeper {
        database.bury_dead_sessions();
        let peer = Peer::alone(ServerId(config.server_id), database.last_applied());
        Keeper::with(config, database, peer, Part::Alone, now, seed)
    }

    pub(crate) fn with(
        config: KeeperConfig,
        database: Database,
        peer: Peer,
        part: Part,
        now: Now,
        seed: u64,
    ) -> Keeper {
        let key = HashKey(seed);
        let next_session = first_session(&config, &database, now);
        Keeper {
            snapshots: Snapshots::new(&config, seed),
            secret: seed,
            reap_at: now.moment + config.container_check,
            server: Server::new(config, database, peer, part, key, now),
            connections: HashMap::with_hasher(key),
            addresses: HashMap::with_hasher(key),
            attached: HashMap::with_hasher(key),
            sessionless: BTreeSet::new(),
            waiting: VecDeque::new(),
            holding: VecDeque::new(),
            ending: VecDeque::new(),
            next_session,
            fired: Vec::new(),
        }
    }

    /// Takes one input and appends what follows from it to `effects`.
    pub fn step(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        self.server.now = now;
        match input {
            Input::Received { connection, frame } => self.received(connection, frame, effects),
            Input::Persisted { upto } => self.peer_step(zab::Input::Persisted { upto }, effects),
            Input::Opened { connection, peer } => self.opened(connection, peer, effects),
            Input::Secured { connection, subject } => self.secured(connection, subject),
            Input::Closed { connection } => self.closed(connection),
            Input::FourLetterWord { connection, word } => self.word(connection, word, effects),
            Input::SnapshotWritten { .. } => {
                self.snapshots.written();
            }
            Input::Measured(measures) => self.server.measured(*measures),
            Input::EpochsWritten => self.peer_step(zab::Input::EpochsWritten, effects),
            Input::Truncated { database } => self.truncated(database, effects),
            Input::SnapshotInstalled => self.snapshot_installed(effects),
            Input::Notified { from, notification } => {
                self.peer_step(zab::Input::Notified { from, notification }, effects);
            }
            Input::LinkUp { link, dialed } => self.peer_step(zab::Input::LinkUp { link, dialed }, effects),
            Input::DialFailed { server } => self.peer_step(zab::Input::DialFailed { server }, effects),
            Input::Packet { link, packet } => self.peer_step(zab::Input::Received { link, packet }, effects),
            Input::SnapshotReceived { link, database } => self.snapshot_received(link, database, effects),
            Input::LinkDown { link } => self.peer_step(zab::Input::LinkDown { link }, effects),
            Input::Woken => self.woken(effects),
        }
        if self.server.member.part == Part::Leading {
            self.order_late(effects);
        }
        self.take_in_held(effects);
        self.mind_read_only(effects);
        self.check();
    }

    /// When [`Input::Woken`] is needed at the latest.
    pub fn deadline(&self) -> Option<Moment> {
        let sessionless = self.sessionless.first().map(|&(since, _)| since + SESSIONLESS);
        let sessions = self.server.sessions.deadline().filter(|_| self.server.member.orders());
        let peer = self.server.peer.deadline();
        let local = [self.server.local.deadline(), self.read_only_at()];
        [sessions, sessionless, Some(self.reap_at), peer].into_iter().chain(local).flatten().min()
    }

    /// The committed state.
    pub fn database(&self) -> &Database {
        &self.server.database
    }

    /// The settings.
    pub fn config(&self) -> &KeeperConfig {
        &self.server.config
    }

    fn opened(&mut self, id: ConnectionId, peer: SocketAddr, effects: &mut Vec<Effect>) {
        let now = self.server.now;
        let mut connection = Connection::new(id, peer, now.moment, now.wall);
        let from_there = self.addresses.entry(connection.address()).or_default();
        *from_there += 1;
        let (per_address, in_all) =
            (self.server.config.connections_per_address_max, self.server.config.connections_max);
        if (per_address != 0 && *from_there > per_address)
            || (in_all != 0 && self.connections.len() >= in_all)
        {
            self.server.metrics.count(Counter::ConnectionRejected, 1);
            connection.stage = Stage::Closing;
            effects.push(Effect::Close { connection: id });
        } else {
            self.sessionless.insert((now.moment, id));
        }
        let before = self.connections.insert(id, connection);
        assert!(before.is_none(), "connections are numbered once");
    }

    fn closed(&mut self, id: ConnectionId) {
        if self.let_go(id) {
            self.server.metrics.count(Counter::ConnectionDropCount, 1);
        }
        let Some(connection) = self.connections.remove(&id) else { return };
        let address = connection.address();
        if let Some(from_there) = self.addresses.get_mut(&address) {
            *from_there -= 1;
            if *from_there == 0 {
                self.addresses.remove(&address);
            }
        }
    }

    /// Closes a connection, after what was already sent on it.
    pub(crate) fn close(&mut self, id: ConnectionId, effects: &mut Vec<Effect>) {
        if self.let_go(id) {
            effects.push(Effect::Close { connection: id });
        }
    }

    /// The connection counts for nothing any more; false if it did not before.
    fn let_go(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        if connection.stage == Stage::Closing {
            return false;
        }
        connection.stage = Stage::Closing;
        connection.clear();
        self.server.in_flight -= std::mem::take(&mut connection.outstanding);
        self.server.throttle.end_large(std::mem::take(&mut connection.large_bytes));
        self.server.watches.forget(WatcherId(id.0));
        self.sessionless.remove(&(connection.since, id));
        let session = connection.session;
        if self.attached.get(&session) == Some(&id) {
            self.attached.remove(&session);
            // One that has asked for its end is not waited for: its client will not come back.
            if self.server.local.standing(session) == Standing::Closing {
                self.server.local.remove(session);
            }
        }
        true
    }

    fn received(&mut self, id: ConnectionId, frame: Bytes, effects: &mut Vec<Effect>) {
        if self.connections.get(&id).is_some_and(|connection| connection.stage == Stage::Mask) {
            return self.set_mask(id, &frame, effects);
        }
        if !self.serves_clients() {
            return self.close(id, effects);
        }
        let may_begin = self.server.may_begin();
        let now = self.server.now.moment;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        self.server.statistics.received += 1;
        self.server.metrics.count(Counter::BytesReceivedCount, frame.len() as u64 + FRAME_LENGTH_BYTES);
        connection.usage.received += 1;
        let may_begin = connection.held() == 0 && may_begin;
        match connection.stage {
            Stage::New if may_begin => self.connect(id, frame, effects),
            Stage::Established if may_begin => self.request(id, frame, now, effects),
            Stage::New | Stage::Connecting | Stage::Established => {
                self.server.metrics.count(Counter::RequestThrottleWaitCount, 1);
                let is_kept = connection.hold(now, frame);
                if is_kept && connection.holds_much() && !connection.paused {
                    connection.paused = true;
                    effects.push(Effect::Pause { connection: id });
                }
                if !is_kept {
                    self.close(id, effects);
                } else if connection.stage != Stage::Connecting && connection.held() == 1 {
                    self.holding.push_back(id);
                }
            }
            Stage::Mask | Stage::Closing => {}
        }
    }

    /// Takes in what had to wait, while there is room.
    fn take_in_held(&mut self, effects: &mut Vec<Effect>) {
        while let Some(&session) = self.ending.front() {
            if self.server.room() < ROOM_MIN {
                return;
            }
            self.ending.pop_front();
            self.server.propose_own(session, Request::CloseSession, effects);
        }
        while let Some(&id) = self.holding.front() {
            loop {
                if !self.server.may_begin() {
                    return;
                }
                let Some(connection) = self.connections.get_mut(&id) else { break };
                let stage = connection.stage;
                // One that is connecting comes back when it is established.
                if stage == Stage::Connecting {
                    break;
                }
                let Some((since, frame)) = connection.take_held() else { break };
                resume(&self.server, connection, effects);
                match stage {
                    Stage::New => self.connect(id, frame, effects),
                    _ => self.request(id, frame, since, effects),
                }
            }
            self.holding.pop_front();
        }
    }

    /// One request of an established connection.
    fn request(&mut self, id: ConnectionId, frame: Bytes, since: Moment, effects: &mut Vec<Effect>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let bytes = frame.len();
        let mut reader = Reader::new(frame);
        let Ok(RequestHeader { xid, op }) = reader.record() else {
            return self.close(id, effects);
        };
        let session = connection.session;
        self.server.heard_of(session);
        let Some(refused) = self.server.throttled(connection, op, since, bytes) else {
            return self.close(id, effects);
        };
        let local = self.server.is_local(session);
        if matches!(self.server.member.part, Part::Learning(..)) && !local {
            self.server.member.touched.insert(session, connection.timeout_ms);
        }
        if op == OpCode::AUTH || op == OpCode::SASL {
            return self.authenticate(id, xid, op, &mut reader, effects);
        }
        if !self.admit(id, xid, effects) {
            return;
        }
        if local && !refused {
            if op == OpCode::CLOSE_SESSION {
                return self.end_local_session(id, xid, effects);
            }
            if let Err(error) = self.upgrade(id, op, &reader, effects) {
                let received = self.server.now.moment;
                return self.enqueue(id, Slot { xid, op, received, wait: Wait::Failed(error) }, effects);
            }
        }
        if let Some(link) = self.leader_link().filter(|_| !refused)
            && (is_write(op) || matches!(op, OpCode::SYNC | OpCode::RECONFIG))
        {
            return self.request_of_leader(link, id, xid, op, &reader, effects);
        }
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let asking = Asking { xid, op, received: self.server.now.moment };
        let reads_only = self.server.member.part == Part::ReadOnly;
        let request = Request::decode(op, &mut reader);
        if let Ok(request) = &request
            && self.server.too_many_watches(id, request)
        {
            return self.close(id, effects);
        }
        let wait = match request {
            _ if refused => Wait::Failed(ErrorCode::THROTTLED_OP),
            _ if reads_only && needs_quorum(op) => Wait::Failed(ErrorCode::NOT_READ_ONLY),
            Ok(request) if is_write(op) || op == OpCode::RECONFIG => {
                Wait::Commit(self.server.propose(connection, xid, Ok(request), effects))
            }
            // Known inside a multi, or between servers, but not here.
            _ if op == OpCode::CHECK || op == OpCode::DELETE_CONTAINER => Wait::Unknown,
            Err(WireError::UnknownOp(unknown)) if unknown == op.0 && op != OpCode::MULTI => Wait::Unknown,
            // Its end is under way: what it asked for before is answered, and nothing since.
            Ok(_) if self.server.standing(session) != Standing::Live => {
                Wait::Failed(ErrorCode::SESSION_EXPIRED)
            }
            Ok(request @ Request::Sync(_)) => Wait::Applied(self.server.peer.last_logged(), request),
            Ok(request) if connection.pipeline.is_empty() => {
                self.server.serve(connection, asking, &request, effects);
                return self.server.settle_large(connection);
            }
            Ok(request) => Wait::Turn(request),
            // A multi that cannot be read still takes its place in the order, as in the original.
            Err(_) if op == OpCode::MULTI => {
                let unreadable = Err(ErrorCode::MARSHALLING_ERROR);
                Wait::Commit(self.server.propose(connection, xid, unreadable, effects))
            }
            Err(_) => Wait::Failed(ErrorCode::MARSHALLING_ERROR),
        };
        self.enqueue(id, Slot { xid, op, received: asking.received, wait }, effects);
    }

    /// A request takes its place in the pipeline.
    pub(crate) fn enqueue(&mut self, id: ConnectionId, slot: Slot, effects: &mut Vec<Effect>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let xid = slot.xid;
        let idle = connection.pipeline.is_empty();
        if let Wait::Applied(zxid, _) = slot.wait
            && zxid > self.server.database.last_applied()
        {
            self.waiting.push_back((zxid, id));
        }
        connection.pipeline.push_back(slot);
        if connection.pipeline.len() > PIPELINE_MAX {
            return self.close(id, effects);
        }
        if xid > Xid(0) {
            connection.outstanding += 1;
            self.server.in_flight += 1;
            if self.server.in_flight > self.server.config.outstanding_max && !connection.paused {
                connection.paused = true;
                effects.push(Effect::Pause { connection: id });
            }
        }
        if idle {
            self.advance(id, effects);
        }
    }

    /// Answers whatever at the head of the pipeline need not wait any longer.
    pub(crate) fn advance(&mut self, id: ConnectionId, effects: &mut Vec<Effect>) {
        let Keeper { server, connections, .. } = self;
        let Some(connection) = connections.get_mut(&id) else { return };
        while let Some(slot) = connection.pipeline.front() {
            let applied = server.database.last_applied();
            match &slot.wait {
                Wait::Commit(_) | Wait::Forwarded | Wait::Synced(_) | Wait::Leader(_) => return,
                Wait::Applied(zxid, _) | Wait::Session(zxid, _) if *zxid > applied => return,
                _ => {}
            }
            let slot = take_slot(server, connection, effects).expect("it has a front");
            let asking = Asking { xid: slot.xid, op: slot.op, received: slot.received };
            match slot.wait {
                Wait::Turn(request) | Wait::Applied(_, request) => {
                    server.serve(connection, asking, &request, effects);
                }
                Wait::Failed(error) => server.refuse(connection, asking, error, effects),
                Wait::Goodbye => {
                    server.bid_goodbye(connection, asking, effects);
                    return self.close(id, effects);
                }
                Wait::Unknown => {
                    server.refuse_unknown(connection, asking, effects);
                    return self.close(id, effects);
                }
                Wait::Session(_, response) => {
                    self.establish(id, &response, effects);
                    return;
                }
                Wait::Commit(_) | Wait::Forwarded | Wait::Synced(_) | Wait::Leader(_) => {
                    unreachable!("it was left in its place")
                }
            }
        }
    }

    /// Applies the next transaction, tells its watchers, answers whoever asked for it.
    pub(crate) fn deliver(&mut self, entry: zab::Entry, effects: &mut Vec<Effect>) {
        let known = self.server.proposals.pop_front_if(|proposal| proposal.header.zxid == entry.zxid);
        let Some(proposal) = known.or_else(|| self.proposal_of(&entry, effects)) else { return };
        if let Some(id) = proposal.asker.filter(|_| self.leader_link().is_some()) {
            self.serve_before(id, proposal.header.cxid, effects);
        }
        let mut fired = std::mem::take(&mut self.fired);
        let outcome = self.server.apply(&proposal, &mut fired);
        self.snapshots.applied(proposal.bytes);
        let Proposal { header, txn, asker, digest, .. } = proposal;
        self.compare(header.zxid, digest);
        if matches!(txn, Txn::CreateSession { .. }) {
            self.server.local.remove(header.session);
        }
        if let Txn::CreateSession { timeout_ms } = txn
            && self.server.sessions.standing(header.session) == Standing::Unknown
        {
            self.server.sessions.track(self.server.now.moment, header.session, timeout_ms);
        }
        for event in fired.drain(..) {
            self.notify(event, header.zxid, effects);
        }
        self.fired = fired;
        if let Some(id) = asker
            && let Some(connection) = self.connections.get_mut(&id)
            && connection.stage == Stage::Established
            && connection.awaits(&header)
        {
            let slot = take_slot(&mut self.server, connection, effects).expect("it waits in the first");
            let asking = Asking { xid: slot.xid, op: slot.op, received: slot.received };
            self.server.answer(connection, asking, &txn, outcome, effects);
        } else if let Some(id) = asker
            && !matches!(txn, Txn::CloseSession(_))
            && self.connections.get(&id).is_none_or(|connection| connection.stage == Stage::Closing)
        {
            // Whoever asked is gone. The end of a session outlives its connection.
            self.server.metrics.count(Counter::StaleReplies, 1);
        }
        if matches!(txn, Txn::CloseSession(_)) {
            self.server.sessions.remove(header.session);
            self.server.member.owners.remove(&header.session);
            let on = asker.or_else(|| self.attached.get(&header.session).copied());
            on.into_iter().for_each(|id| self.close(id, effects));
        } else if let Some(id) = asker {
            if matches!(txn, Txn::CreateSession { .. }) {
                self.let_begin(id, effects);
            } else {
                self.advance(id, effects);
            }
        }
        self.syncs_done(header.zxid, effects);
        while let Some((_, id)) = self.waiting.pop_front_if(|(zxid, _)| *zxid <= header.zxid) {
            self.advance(id, effects);
        }
    }

    /// Sends an event to those of its watchers that may read.
    fn notify(&mut self, event: Fired, zxid: Zxid, effects: &mut Vec<Effect>) {
        let frame = self.server.event(event.kind, event.path.as_ref().to_owned(), zxid);
        let watchers = event.watchers.len() as u64;
        if let Some(summary) = watch_summary(event.kind) {
            self.server.metrics.add(summary, watchers);
        }
        self.server.metrics.count(Counter::WatchBytes, watchers * frame.len() as u64);
        for WatcherId(watcher) in event.watchers {
            let Some(connection) = self.connections.get_mut(&ConnectionId(watcher)) else { continue };
            if self.server.config.skip_acl || permits(&event.acl, Permissions::READ, &connection.identities) {
                self.server.send(connection, frame.clone(), effects);
            }
        }
    }

    /// What always holds between two steps.
    fn check(&self) {
        if self.server.member.orders() {
            assert_eq!(self.server.proposals.len(), self.server.peer.outstanding(), "each proposal is known");
            assert!(self.server.database.last_applied() <= self.server.peer.last_logged());
        }
        assert!(self.attached.len() <= self.connections.len());
    }
}

/// Where the watchers of such an event are counted.
fn watch_summary(kind: EventKind) -> Option<Basic> {
    match kind {
        EventKind::CREATED => Some(Basic::NodeCreatedWatchCount),
        EventKind::DELETED => Some(Basic::NodeDeletedWatchCount),
        EventKind::DATA_CHANGED => Some(Basic::NodeChangedWatchCount),
        EventKind::CHILDREN_CHANGED => Some(Basic::NodeChildrenWatchCount),
        _ => None,
    }
}

/// Takes the head of the pipeline, and lets the connection be read again if that was the reason it
/// was not.
fn take_slot(server: &mut Server, connection: &mut Connection, effects: &mut Vec<Effect>) -> Option<Slot> {
    let slot = connection.pipeline.pop_front()?;
    if slot.xid > Xid(0) {
        connection.outstanding -= 1;
        server.in_flight -= 1;
    }
    server.settle_large(connection);
    resume(server, connection, effects);
    Some(slot)
}

/// Lets a connection be read again if neither what it has under way nor what is held for it is against that.
fn resume(server: &Server, connection: &mut Connection, effects: &mut Vec<Effect>) {
    let has_room = connection.outstanding == 0 || server.in_flight <= server.config.outstanding_max;
    if connection.paused && has_room && !connection.holds_much() {
        connection.paused = false;
        effects.push(Effect::Resume { connection: connection.id });
    }
}

/// As the original draws it: the server's byte, then the clock, then room to count up.
fn first_session(config: &KeeperConfig, database: &Database, now: Now) -> SessionId {
    let time = (((now.wall.as_ms() as u64) << 24) >> 8) & 0x00ff_ffff_ffff_ffff;
    let mut session = SessionId((u64::from(config.session_id_byte) << 56 | time) as i64);
    // A clock that was set back must not give a session away twice.
    if let Some((&last, _)) = database.sessions().last_key_value()
        && last >= session
        && last.0 >> 56 == session.0 >> 56
    {
        session = SessionId(last.0 + 1);
    }
    session
}

#[cfg(test)]
mod tests;
