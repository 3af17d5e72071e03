//! Sessions that no other server knows of, and the time without a quorum, in which there are no others.
//!
//! A local session costs the ensemble nothing: no transaction begins or ends it, and the server that it is
//! on counts down for it. It owns no ephemeral znodes; wanting one makes it a session like any other, or is
//! refused. It ends with the part that its server plays. Source: `UpgradeableSessionTracker`,
//! `QuorumZooKeeperServer.checkUpgradeSession`, `ReadOnlyZooKeeperServer`.

use clock::Moment;
use znode::{Sessions, Standing};
use zookeeper_wire::jute::Reader;
use zookeeper_wire::{ErrorCode, MultiOp, OpCode, Request, SessionId, Xid, Zxid};

use crate::border::{ConnectionId, Effect};
use crate::config::LocalSessions;
use crate::connection::{Connection, Slot, Wait};
use crate::keeper::Keeper;
use crate::limits::READ_ONLY_GRACE;
use crate::member::Part;
use crate::op::is_write;
use crate::server::Server;

impl Server {
    /// Whether new sessions are local.
    pub(crate) fn begins_locally(&self) -> bool {
        match self.member.part {
            // Alone there are no others to be spared.
            Part::Alone | Part::Looking => false,
            // The original needs the setting here too, and without it answers with what no client can read.
            Part::ReadOnly => true,
            Part::Leading | Part::Learning(..) => self.config.local_sessions != LocalSessions::Off,
        }
    }

    /// Whether the session is local, and here.
    pub(crate) fn is_local(&self, session: SessionId) -> bool {
        self.local.standing(session) != Standing::Unknown
    }

    /// How the session stands, wherever it is counted down for.
    pub(crate) fn standing(&self, session: SessionId) -> Standing {
        match self.local.standing(session) {
            Standing::Unknown => self.sessions.standing(session),
            known => known,
        }
    }

    /// The session was heard of.
    pub(crate) fn heard_of(&mut self, session: SessionId) {
        if !self.local.touch(self.now.moment, session) {
            self.sessions.touch(self.now.moment, session);
        }
    }

    /// Whether a session may write where the order is made; and what it is told if it wants an ephemeral
    /// znode.
    pub(crate) fn may_write(&self, session: SessionId) -> Option<Result<(), ErrorCode>> {
        let locals = self.config.local_sessions != LocalSessions::Off;
        match (self.sessions.standing(session), self.local.standing(session)) {
            (Standing::Live, _) => Some(Ok(())),
            (_, Standing::Live) => Some(Err(ErrorCode::EPHEMERAL_ON_LOCAL_SESSION)),
            // A local session of the learner that hands this on; one of our own would be known.
            (Standing::Unknown, Standing::Unknown)
                if locals && self.member.part == Part::Leading && !self.numbered_here(session) =>
            {
                Some(Err(ErrorCode::SESSION_EXPIRED))
            }
            _ => None,
        }
    }

    fn numbered_here(&self, session: SessionId) -> bool {
        (session.0 >> 56) as u8 == self.config.session_id_byte
    }
}

impl Keeper {
    /// Sessions that no other server knows of.
    pub(crate) fn local_sessions(&self) -> usize {
        self.server.local.len()
    }

    /// Whether only reads are served, for want of a quorum.
    pub fn reads_only(&self) -> bool {
        self.server.member.part == Part::ReadOnly
    }

    /// A local session ends when its requests so far are answered.
    pub(crate) fn end_local_session(&mut self, id: ConnectionId, xid: Xid, effects: &mut Vec<Effect>) {
        let Some(connection) = self.connections.get(&id) else { return };
        self.server.local.set_closing(connection.session);
        let received = self.server.now.moment;
        self.enqueue(id, Slot { xid, op: OpCode::CLOSE_SESSION, received, wait: Wait::Goodbye }, effects);
    }

    /// A local session that wants an ephemeral znode becomes a global one, if that is wished. Returns what
    /// its request is answered with if not, or if the session has asked for its end before.
    pub(crate) fn upgrade(
        &mut self,
        id: ConnectionId,
        op: OpCode,
        reader: &Reader,
        effects: &mut Vec<Effect>,
    ) -> Result<(), ErrorCode> {
        let closing = |asker: &Connection| self.server.local.standing(asker.session) == Standing::Closing;
        if self.connections.get(&id).is_some_and(closing) {
            return Err(ErrorCode::SESSION_EXPIRED);
        }
        // Without a quorum nothing becomes global; the request is refused as any write is.
        if self.reads_only() || !wants_ephemeral(op, reader) {
            return Ok(());
        }
        if self.server.config.local_sessions != LocalSessions::Upgraded {
            // Who leads says so in the order of transactions. A learner says so itself; its leader, which
            // does not know the session, would call it expired. Inside a multi that is what it is called.
            let learns = self.leader_link().is_some() && op != OpCode::MULTI;
            return if learns { Err(ErrorCode::EPHEMERAL_ON_LOCAL_SESSION) } else { Ok(()) };
        }
        let Some(connection) = self.connections.get(&id) else { return Ok(()) };
        let (session, timeout_ms) = (connection.session, connection.timeout_ms);
        self.server.local.remove(session);
        self.server.sessions.track(self.server.now.moment, session, timeout_ms);
        if let Some(link) = self.leader_link() {
            self.forward_session(link, id, session, timeout_ms, effects);
        } else {
            self.server.own(session);
            self.server.propose_session(session, timeout_ms, effects);
        }
        Ok(())
    }

    /// Ends local sessions whose time is over.
    pub(crate) fn expire_local(&mut self, effects: &mut Vec<Effect>) -> usize {
        let expired = self.server.local.expire(self.server.now.moment);
        for session in &expired {
            self.server.local.remove(*session);
            if let Some(&id) = self.attached.get(session) {
                self.close(id, effects);
            }
        }
        expired.len()
    }

    /// Without a leader for long enough, clients that asked for it may read; with one in sight, no more.
    pub(crate) fn mind_read_only(&mut self, effects: &mut Vec<Effect>) {
        if !self.server.config.read_only_mode {
            return;
        }
        let now = self.server.now.moment;
        let looks = self.server.peer.is_looking();
        let member = &mut self.server.member;
        match (member.part, looks) {
            (Part::Looking, true) => {
                let since = *member.looking_since.get_or_insert(now);
                if now >= since + self.read_only_grace() {
                    self.server.member.part = Part::ReadOnly;
                }
            }
            (Part::Looking, false) => member.looking_since = None,
            (Part::ReadOnly, false) => {
                self.cut_off(effects);
                self.server.member.part = Part::Looking;
                self.server.member.looking_since = None;
            }
            _ => {}
        }
    }

    /// When reads may begin.
    pub(crate) fn read_only_at(&self) -> Option<Moment> {
        let member = &self.server.member;
        let since = member.looking_since.filter(|_| member.part == Part::Looking)?;
        Some(since + self.read_only_grace())
    }

    fn read_only_grace(&self) -> clock::Span {
        self.server.config.tick_time.max(READ_ONLY_GRACE)
    }

    /// All clients are cut off, and what was only ours to know of them is forgotten.
    pub(crate) fn cut_off(&mut self, effects: &mut Vec<Effect>) {
        let mut connections: Vec<ConnectionId> = self.connections.keys().copied().collect();
        connections.sort_unstable();
        for id in connections {
            self.close(id, effects);
        }
        self.waiting.clear();
        self.holding.clear();
        self.ending.clear();
        self.server.proposals.clear();
        let key = self.server.database.tree().key();
        self.server.local = Sessions::new(self.server.config.tick_time, key);
    }
}

/// What a server without a quorum does not do.
pub(crate) fn needs_quorum(op: OpCode) -> bool {
    is_write(op) || matches!(op, OpCode::SYNC | OpCode::RECONFIG | OpCode::CHECK | OpCode::DELETE_CONTAINER)
}

/// Whether a request makes an ephemeral znode.
fn wants_ephemeral(op: OpCode, reader: &Reader) -> bool {
    if !matches!(op, OpCode::CREATE | OpCode::CREATE2 | OpCode::MULTI) {
        return false;
    }
    let ephemeral = |flags: i32| matches!(flags, 1 | 3);
    match Request::decode(op, &mut reader.clone()) {
        Ok(Request::Create(create) | Request::Create2(create)) => ephemeral(create.flags),
        Ok(Request::Multi(ops)) => ops.iter().any(|op| match op {
            MultiOp::Create(create) | MultiOp::Create2(create) => ephemeral(create.flags),
            _ => false,
        }),
        _ => false,
    }
}

/// What is applied already: for an answer that waits for no transaction.
pub(crate) const AT_ONCE: Zxid = Zxid(i64::MIN);

#[cfg(test)]
mod tests;
