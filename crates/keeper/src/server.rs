//! What all connections share: the database, the order of transactions, and the writing of replies.

use std::collections::VecDeque;

use bytes::Bytes;
use clock::{Moment, Now};
use zab::{Entry, Peer};
use znode::{
    Asked, Database, Fired, HashKey, Outcome, Outstanding, Prepared, Rules, Schemes, Sessions, Standing,
    WatcherId, Watches,
};
use zookeeper_wire::jute::Writer;
use zookeeper_wire::txn::{Txn, TxnDigest, TxnHeader};
use zookeeper_wire::{
    ErrorCode, EventKind, OpCode, PathWatch, ReplyHeader, Request, SessionId, SessionState, WatcherEvent,
    Xid, Zxid,
};

use crate::ConnectionId;
use crate::border::{Effect, Measures};
use crate::config::KeeperConfig;
use crate::connection::Connection;
use crate::limits::{
    DIGEST_EVERY, DIGESTS_SHOWN, FAREWELL_TXNS_MAX, FORWARDED_MAX, REPLY_CHUNK_BYTES, ROOM_MIN,
};
use crate::member::{Member, Part};
use crate::metrics::{Advanced, Basic, Counter, Metrics};
use crate::op::{self, Read};
use crate::statistics::Statistics;
use crate::throttle::Throttle;

/// Everything but the connections.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) config: KeeperConfig,
    pub(crate) now: Now,
    pub(crate) started: Moment,
    pub(crate) database: Database,
    pub(crate) outstanding: Outstanding,
    pub(crate) watches: Watches,
    pub(crate) sessions: Sessions,
    /// Those that no other server knows of.
    pub(crate) local: Sessions,
    pub(crate) peer: Peer,
    /// Prepared and not applied, in order; as many as `peer` has outstanding.
    pub(crate) proposals: VecDeque<Proposal>,
    /// Requests of all connections that count against the outstanding limit.
    pub(crate) in_flight: usize,
    pub(crate) statistics: Statistics,
    pub(crate) measures: Measures,
    pub(crate) metrics: Metrics,
    pub(crate) throttle: Throttle,
    /// Nothing is taken in: another database will take the place of this one.
    pub(crate) frozen: bool,
    /// What `stmk` set; it is shown and has no effect, since nothing here is traced by a mask.
    pub(crate) trace_mask: i64,
    /// Up to this transaction, the tree may hold parts of later ones already, which a leader put into the snapshot
    /// that it sent: digests mean nothing.
    pub(crate) fuzzy_to: Zxid,
    /// Digests of the tree, one in so many transactions.
    pub(crate) digests: VecDeque<(Zxid, u64)>,
    pub(crate) rules: Rules,
    writer: Writer,
    missed: Vec<(EventKind, String)>,
    pub(crate) peer_effects: Vec<zab::Effect>,
    pub(crate) member: Member,
    pub(crate) digest_mismatches: u64,
}

/// The original's mask before anybody sets another one.
const TRACE_MASK: i64 = 306;

/// A transaction on its way, and who asked for it.
#[derive(Debug)]
pub(crate) struct Proposal {
    pub(crate) header: TxnHeader,
    pub(crate) txn: Txn,
    /// The connection that waits for an answer.
    pub(crate) asker: Option<ConnectionId>,
    /// Bytes it takes in the log.
    pub(crate) bytes: usize,
    /// What its leader says that the tree will be; `None` if we lead, and computed it ourselves.
    pub(crate) digest: Option<TxnDigest>,
}

/// What a request says before its body, and when it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    pub(crate) xid: Xid,
    pub(crate) op: OpCode,
    pub(crate) received: Moment,
}

impl Server {
    pub(crate) fn new(
        config: KeeperConfig,
        database: Database,
        peer: Peer,
        part: Part,
        key: HashKey,
        now: Now,
    ) -> Self {
        let schemes = Schemes { digest: config.digest_scheme, ..config.security.schemes };
        let (skip_acl, enforce_quota, digest) = (config.skip_acl, config.enforce_quota, config.digest);
        let rules = Rules { skip_acl, enforce_quota, digest, schemes };
        let mut sessions = Sessions::new(config.tick_time, key);
        for (&session, &timeout_ms) in database.sessions() {
            sessions.track(now.moment, session, timeout_ms);
        }
        Server {
            now,
            started: now.moment,
            outstanding: Outstanding::new(key),
            watches: Watches::new(key),
            sessions,
            local: Sessions::new(config.tick_time, key),
            peer,
            proposals: VecDeque::new(),
            in_flight: 0,
            statistics: Statistics::default(),
            measures: Measures::default(),
            metrics: Metrics::default(),
            throttle: Throttle::new(config.throttles.clone(), now.moment, key.0),
            frozen: false,
            trace_mask: TRACE_MASK,
            fuzzy_to: Zxid::ZERO,
            digests: VecDeque::new(),
            rules,
            writer: Writer::with_capacity(REPLY_CHUNK_BYTES),
            missed: Vec::new(),
            peer_effects: Vec::new(),
            member: Member::new(part, key),
            digest_mismatches: 0,
            config,
            database,
        }
    }

    /// Prepares a write, or the failure of one, and sends it on its way; returns its place in the
    /// order.
    pub(crate) fn propose(
        &mut self,
        connection: &Connection,
        xid: Xid,
        request: Result<Request, ErrorCode>,
        effects: &mut Vec<Effect>,
    ) -> Zxid {
        if self.member.part == Part::Leading
            && !self.is_local(connection.session)
            && self.member.owners.entry(connection.session).or_insert(None).is_some()
        {
            let moved = Err(ErrorCode::SESSION_MOVED);
            return self.propose_for(connection.session, &[], Some(connection.id), xid, moved, effects);
        }
        let (session, id) = (connection.session, connection.id);
        self.propose_for(session, &connection.identities, Some(id), xid, request, effects)
    }

    /// As [`Server::propose`], for whoever asks.
    pub(crate) fn propose_for(
        &mut self,
        session: SessionId,
        identities: &[znode::Identity],
        asker: Option<ConnectionId>,
        xid: Xid,
        request: Result<Request, ErrorCode>,
        effects: &mut Vec<Effect>,
    ) -> Zxid {
        let known = self.sessions.standing(session) == Standing::Live;
        if known && request == Ok(Request::CloseSession) {
            self.sessions.set_closing(session);
            self.bid_farewell(session, effects);
        }
        let zxid = self.peer.next_zxid();
        // The session is closing by now if that is what it asked for.
        let may_write = if known { Some(Ok(())) } else { self.may_write(session) };
        let prepared = match (may_write, request) {
            (None, _) => failure(ErrorCode::SESSION_EXPIRED),
            (Some(_), Ok(Request::CloseSession)) if !known => failure(ErrorCode::SESSION_EXPIRED),
            (Some(_), Ok(Request::Reconfig(request))) => {
                self.reconfigure(session, identities, zxid, &request)
            }
            (Some(ephemerals), Ok(request)) => {
                let asked = self.asked(session, identities, zxid, ephemerals);
                self.prepare(&asked, request)
            }
            (Some(_), Err(error)) => failure(error),
        };
        self.send_on(session, xid, zxid, prepared, asker, effects);
        zxid
    }

    /// The session is on a connection of this server.
    pub(crate) fn own(&mut self, session: SessionId) {
        if self.member.part == Part::Leading {
            self.member.owners.insert(session, None);
        }
    }

    /// A session begins.
    pub(crate) fn propose_session(
        &mut self,
        session: SessionId,
        timeout_ms: i32,
        effects: &mut Vec<Effect>,
    ) -> Zxid {
        let zxid = self.peer.next_zxid();
        let prepared = self.outstanding.prepare_session(self.database.tree(), &self.rules, timeout_ms);
        self.send_on(session, Xid(0), zxid, prepared, None, effects);
        zxid
    }

    /// The server itself wants something: the end of a session, the reaping of a znode.
    pub(crate) fn propose_own(&mut self, session: SessionId, request: Request, effects: &mut Vec<Effect>) {
        if request == Request::CloseSession {
            self.bid_farewell(session, effects);
        }
        let zxid = self.peer.next_zxid();
        let asked = self.asked(session, &[], zxid, Ok(()));
        let prepared = self.prepare(&asked, request);
        self.send_on(session, Xid(0), zxid, prepared, None, effects);
    }

    /// A session with very many ephemeral znodes loses most of them before it ends.
    fn bid_farewell(&mut self, session: SessionId, effects: &mut Vec<Effect>) {
        for _ in 0..FAREWELL_TXNS_MAX {
            let zxid = self.peer.next_zxid();
            let asked = self.asked(session, &[], zxid, Ok(()));
            let tree = self.database.tree();
            let Some(prepared) = self.outstanding.prepare_farewell(tree, &self.rules, &asked) else { return };
            self.send_on(session, Xid(0), zxid, prepared, None, effects);
        }
    }

    pub(crate) fn asked<'a>(
        &self,
        session: SessionId,
        identities: &'a [znode::Identity],
        zxid: Zxid,
        ephemerals: Result<(), ErrorCode>,
    ) -> Asked<'a> {
        Asked { session, identities, zxid, time_ms: self.now.wall.as_ms(), ephemerals }
    }

    fn prepare(&mut self, asked: &Asked<'_>, request: Request) -> Prepared {
        self.outstanding.prepare(self.database.tree(), &self.rules, asked, request)
    }

    fn send_on(
        &mut self,
        session: SessionId,
        cxid: Xid,
        zxid: Zxid,
        prepared: Prepared,
        asker: Option<ConnectionId>,
        effects: &mut Vec<Effect>,
    ) {
        let Prepared { txn, digest } = prepared;
        let header = TxnHeader { session, cxid, zxid, time_ms: self.now.wall.as_ms(), kind: txn.kind() };
        self.writer.record(&header);
        txn.encode(&mut self.writer);
        if let Some(digest) = &digest {
            self.writer.record(digest);
        }
        let payload = self.writer.split();
        self.statistics.proposal_sizes.add(payload.len());
        for counter in [Counter::ProposalCount, Counter::PrepProcessorRequestQueued] {
            self.metrics.count(counter, 1);
        }
        self.metrics.count(Counter::OutstandingChangesQueued, 1);
        self.metrics.count(Counter::SyncProcessorRequestQueued, 1);
        self.proposals.push_back(Proposal { header, txn, asker, bytes: payload.len(), digest: None });
        let entry = Entry { zxid, payload };
        self.peer.step(self.now.moment, zab::Input::Proposed { entry }, &mut self.peer_effects);
        for effect in self.peer_effects.drain(..) {
            plain(effect, effects);
        }
    }

    /// Applies the next transaction.
    pub(crate) fn apply(&mut self, proposal: &Proposal, fired: &mut Vec<Fired>) -> Outcome {
        let outcome = self.database.apply(&proposal.header, &proposal.txn, &mut self.watches, fired);
        self.outstanding.applied(proposal.header.zxid);
        self.metrics.count(Counter::CommitCount, 1);
        self.metrics.count(Counter::OutstandingChangesRemoved, 1);
        self.count_age(Advanced::PropagationLatency, proposal.header.time_ms);
        if proposal.header.zxid.0 % DIGEST_EVERY == 0 && proposal.header.zxid > self.fuzzy_to {
            if self.digests.len() == DIGESTS_SHOWN {
                self.digests.pop_front();
            }
            self.digests.push_back((proposal.header.zxid, self.database.tree().digest()));
        }
        outcome
    }

    /// Whether a request may begin now.
    pub(crate) fn may_begin(&self) -> bool {
        self.room() >= ROOM_MIN && !self.throttle.holds(self.in_flight)
    }

    /// How many more transactions may begin now.
    pub(crate) fn room(&self) -> usize {
        match self.member.part {
            _ if self.frozen => 0,
            // It orders nothing.
            Part::ReadOnly => usize::MAX,
            Part::Learning(..) => FORWARDED_MAX.saturating_sub(self.member.forwarded_count),
            _ => self.peer.room(),
        }
    }

    /// Clients that could not say who they are, by a handshake that failed among others.
    pub(crate) fn authentication_failures(&self) -> u64 {
        self.statistics.authentication_failures + self.measures.handshakes_failed
    }

    /// What the edge measured takes the place of what it said before.
    pub(crate) fn measured(&mut self, measures: Measures) {
        for (summary, observed) in [
            (Basic::FsyncTime, measures.log_syncs_ms),
            (Basic::SyncProcessTime, measures.log_syncs_ms),
            (Basic::SyncProcessorBatchSize, measures.log_groups),
            (Basic::SnapshotTime, measures.snapshots_ms),
            (Basic::DbInitTime, measures.start_ms),
            (Basic::StartupSnapLoadTime, measures.start_snapshot_ms),
            (Basic::StartupTxnsLoadTime, measures.start_transactions_ms),
            (Basic::StartupTxnsLoaded, measures.start_transactions),
            (Basic::RestoreTime, measures.restores_ms),
        ] {
            self.metrics.set(summary, observed.into());
        }
        for (counter, count) in [
            (Counter::RestoreErrorCount, measures.restores_failed),
            (Counter::RestoreRateLimitedCount, measures.restores_limited),
            (Counter::SnapshotErrorCount, measures.snapshots_failed),
            (Counter::SnapshotRateLimitedCount, measures.snapshots_limited),
            (Counter::UnrecoverableErrorCount, measures.fatal),
            (Counter::TlsHandshakeExceeded, measures.handshakes_refused),
            (Counter::UnsuccessfulHandshake, measures.handshakes_failed),
        ] {
            self.metrics.set_count(counter, count);
        }
        self.measures = measures;
    }

    /// Serves a read: what it missed, then the reply.
    pub(crate) fn serve(
        &mut self,
        connection: &mut Connection,
        asking: Asking,
        request: &Request,
        effects: &mut Vec<Effect>,
    ) {
        self.begin_reply(asking.xid);
        let result = Read {
            database: &self.database,
            watches: &mut self.watches,
            watcher: WatcherId(connection.id.0),
            session: connection.session,
            identities: &connection.identities,
            skip_acl: self.config.skip_acl,
            writer: &mut self.writer,
            missed: &mut self.missed,
        }
        .serve(request);
        let frame = self.end_reply(result);
        if let Request::GetData(PathWatch { path, .. })
        | Request::GetChildren(PathWatch { path, .. })
        | Request::GetChildren2(PathWatch { path, .. }) = request
        {
            self.metrics.read(path, frame.len() as u64);
        }
        let mut missed = std::mem::take(&mut self.missed);
        for (kind, path) in missed.drain(..) {
            let event = self.event(kind, path, Zxid(-1));
            self.send(connection, event, effects);
        }
        self.missed = missed;
        self.reply(connection, asking, frame, effects);
    }

    /// Answers a write that was applied.
    pub(crate) fn answer(
        &mut self,
        connection: &mut Connection,
        asking: Asking,
        txn: &Txn,
        outcome: Outcome,
        effects: &mut Vec<Effect>,
    ) {
        match txn {
            Txn::Create(txn) => self.metrics.wrote(&txn.path, bytes(&txn.path, txn.data.as_deref())),
            Txn::SetData(txn) => self.metrics.wrote(&txn.path, bytes(&txn.path, txn.data.as_deref())),
            Txn::Delete(txn) => self.metrics.wrote(&txn.path, bytes(&txn.path, None)),
            _ => {}
        }
        self.begin_reply(asking.xid);
        let result = op::answer(asking.op, txn, outcome, &mut self.writer);
        let frame = self.end_reply(result);
        self.reply(connection, asking, frame, effects);
    }

    /// Answers with nothing but an error.
    pub(crate) fn refuse(
        &mut self,
        connection: &mut Connection,
        asking: Asking,
        error: ErrorCode,
        effects: &mut Vec<Effect>,
    ) {
        self.begin_reply(asking.xid);
        let frame = self.end_reply(Err(error));
        self.reply(connection, asking, frame, effects);
    }

    /// The last answer to a local session, which made no transaction.
    pub(crate) fn bid_goodbye(
        &mut self,
        connection: &mut Connection,
        asking: Asking,
        effects: &mut Vec<Effect>,
    ) {
        self.begin_reply(asking.xid);
        let frame = self.end_reply(Ok(()));
        self.reply(connection, asking, frame, effects);
        self.local.remove(connection.session);
    }

    /// Answers what is no operation; such a reply has no place in the order of transactions.
    pub(crate) fn refuse_unknown(
        &mut self,
        connection: &mut Connection,
        asking: Asking,
        effects: &mut Vec<Effect>,
    ) {
        let header = ReplyHeader { xid: asking.xid, zxid: Zxid(-1), error: ErrorCode::UNIMPLEMENTED };
        let frame = self.frame(|writer| writer.record(&header));
        self.reply(connection, asking, frame, effects);
    }

    /// The notification of an event.
    pub(crate) fn event(&mut self, kind: EventKind, path: String, zxid: Zxid) -> Bytes {
        self.writer.record(&ReplyHeader { xid: Xid::NOTIFICATION, zxid, error: ErrorCode::OK });
        self.writer.record(&WatcherEvent { kind, state: SessionState::SYNC_CONNECTED, path });
        self.writer.split()
    }

    /// A frame made by `write`.
    pub(crate) fn frame(&mut self, write: impl FnOnce(&mut Writer)) -> Bytes {
        write(&mut self.writer);
        self.writer.split()
    }

    /// Sends a frame that answers no request.
    pub(crate) fn send(&mut self, connection: &mut Connection, frame: Bytes, effects: &mut Vec<Effect>) {
        self.statistics.sent += 1;
        self.statistics.response_sizes.add(frame.len());
        self.metrics.count(Counter::ResponseBytes, frame.len() as u64);
        connection.usage.sent += 1;
        effects.push(Effect::Send { connection: connection.id, frame });
    }

    fn begin_reply(&mut self, xid: Xid) {
        let zxid = self.database.last_applied();
        self.writer.record(&ReplyHeader { xid, zxid, error: ErrorCode::OK });
    }

    fn end_reply(&mut self, result: Result<(), ErrorCode>) -> Bytes {
        if let Err(error) = result {
            self.writer.truncate(ReplyHeader::BYTES);
            self.writer.patch_i32(ReplyHeader::BYTES - 4, error.0);
        }
        self.writer.split()
    }

    fn reply(
        &mut self,
        connection: &mut Connection,
        asking: Asking,
        frame: Bytes,
        effects: &mut Vec<Effect>,
    ) {
        let latency = self.now.moment - asking.received;
        self.statistics.latency.add(latency);
        let summary = if op::is_write(asking.op) { Advanced::UpdateLatency } else { Advanced::ReadLatency };
        self.metrics.spread(summary, latency.as_ms());
        if self.config.throttles.stale_latency
            && asking.op != OpCode::CLOSE_SESSION
            && i64::try_from(latency.as_ms()).is_ok_and(|ms| ms > i64::from(connection.timeout_ms))
        {
            self.metrics.count(Counter::StaleReplies, 1);
        }
        let usage = &mut connection.usage;
        usage.latency.add(latency);
        usage.last_op = op::short_name(asking.op);
        usage.last_xid = i64::from(asking.xid.0);
        usage.last_zxid = self.database.last_applied();
        usage.last_response = self.now.moment;
        self.send(connection, frame, effects);
    }
}

/// What a write is counted with.
fn bytes(path: &str, data: Option<&[u8]>) -> u64 {
    (path.len() + data.map_or(0, <[u8]>::len)) as u64
}

pub(crate) fn failure(error: ErrorCode) -> Prepared {
    Prepared { txn: Txn::Error(error), digest: None }
}

/// What of Zab's wishes goes to the edge as it is.
pub(crate) fn plain(effect: zab::Effect, effects: &mut Vec<Effect>) {
    effects.push(match effect {
        zab::Effect::Persist { entries } => return persist(entries, effects),
        zab::Effect::WriteEpochs { accepted, current } => Effect::WriteEpochs { accepted, current },
        zab::Effect::Notify { to, notification } => Effect::Notify { to, notification },
        zab::Effect::Dial { server } => Effect::Dial { server },
        zab::Effect::Send { link, packet } => Effect::SendPacket { link, packet },
        zab::Effect::Close { link } => Effect::CloseLink { link },
        zab::Effect::Halt { reason } => Effect::Halt { reason },
        zab::Effect::Foresee { configuration } => Effect::Foresee { configuration },
        zab::Effect::Reconfigure { .. }
        | zab::Effect::Deliver { .. }
        | zab::Effect::Truncate { .. }
        | zab::Effect::InstallSnapshot { .. }
        | zab::Effect::SendSnapshot { .. }
        | zab::Effect::Pass { .. }
        | zab::Effect::Became { .. } => unreachable!("a proposal alone does not bring this about"),
    });
}

/// Asks for the entries to be persisted, together with those asked for just before.
fn persist(entries: Vec<Entry>, effects: &mut Vec<Effect>) {
    match effects.last_mut() {
        Some(Effect::Persist { entries: before }) => before.extend(entries),
        _ => effects.push(Effect::Persist { entries }),
    }
}
