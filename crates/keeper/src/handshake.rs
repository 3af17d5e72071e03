//! The first frame of a connection: a new session, or one to take up again.

use bytes::Bytes;
use znode::Standing;
use zookeeper_wire::jute::Reader;
use zookeeper_wire::{ConnectRequest, ConnectResponse, OpCode, SessionId, Xid, Zxid, session_password};

use crate::border::{ConnectionId, Effect};
use crate::config::Beginning;
use crate::connection::{Slot, Stage, Wait};
use crate::keeper::Keeper;
use crate::local::AT_ONCE;
use crate::metrics::{Basic, Counter};

impl Keeper {
    pub(crate) fn connect(&mut self, id: ConnectionId, frame: Bytes, effects: &mut Vec<Effect>) {
        let Ok(request) = ConnectRequest::decode(&mut Reader::new(frame)) else {
            return self.close(id, effects);
        };
        let beginning = match request.session {
            SessionId::NONE if self.server.begins_locally() => Beginning::Local,
            SessionId::NONE => Beginning::Global,
            _ => Beginning::Renewed,
        };
        if !self.server.throttle.admits(self.server.now.moment, beginning) {
            self.server.metrics.count(Counter::ConnectionRejected, 1);
            return self.close(id, effects);
        }
        let deficit = self.server.throttle.deficit();
        self.server.metrics.add(Basic::ConnectionTokenDeficit, deficit);
        self.server.metrics.count(Counter::ConnectionRequestCount, 1);
        // Who cannot do without writes must find another server.
        if self.reads_only() && request.read_only != Some(true) {
            return self.close(id, effects);
        }
        // The client has seen more than we have: it must find another server.
        let have = self.server.database.last_applied().max(self.server.member.epoch_begin);
        if request.last_zxid_seen > have {
            return self.close(id, effects);
        }
        let timeout_ms = self.server.config.negotiate(request.timeout_ms);
        if request.session == SessionId::NONE {
            self.begin_session(id, &request, timeout_ms, effects);
        } else {
            self.take_up_session(id, &request, timeout_ms, effects);
        }
    }

    fn begin_session(
        &mut self,
        id: ConnectionId,
        request: &ConnectRequest,
        timeout_ms: i32,
        effects: &mut Vec<Effect>,
    ) {
        let session = self.next_session;
        self.next_session = SessionId(session.0 + 1);
        if self.server.begins_locally() {
            self.server.local.track(self.server.now.moment, session, timeout_ms);
            return self.attach(id, session, timeout_ms, request.read_only, AT_ONCE, effects);
        }
        if let Some(link) = self.leader_link() {
            self.wait_for_leader(id, session, timeout_ms, request.read_only);
            self.attached.insert(session, id);
            return self.forward_session(link, id, session, timeout_ms, effects);
        }
        self.server.sessions.track(self.server.now.moment, session, timeout_ms);
        self.server.own(session);
        let zxid = self.server.propose_session(session, timeout_ms, effects);
        self.attach(id, session, timeout_ms, request.read_only, zxid, effects);
    }

    /// A session that has expired, one that never was and a wrong password are refused alike.
    fn take_up_session(
        &mut self,
        id: ConnectionId,
        request: &ConnectRequest,
        timeout_ms: i32,
        effects: &mut Vec<Effect>,
    ) {
        let session = request.session;
        self.server.metrics.count(Counter::ConnectionRevalidateCount, 1);
        let right = session_password(session)[..] == request.password[..];
        if right && self.server.local.renew(self.server.now.moment, session, timeout_ms) {
            if let Some(&before) = self.attached.get(&session) {
                self.close(before, effects);
            }
            return self.attach(id, session, timeout_ms, request.read_only, AT_ONCE, effects);
        }
        // A session of the whole ensemble is not renewed by a server that cannot tell the others.
        if self.reads_only() && self.server.sessions.standing(session) == Standing::Live {
            return self.close(id, effects);
        }
        if let Some(link) = self.leader_link().filter(|_| right) {
            self.wait_for_leader(id, session, timeout_ms, request.read_only);
            return self.revalidate(link, id, session, timeout_ms, effects);
        }
        if !right || self.server.sessions.standing(session) != Standing::Live {
            return self.refuse_session(id, request.read_only, effects);
        }
        self.server.sessions.renew(self.server.now.moment, session, timeout_ms);
        if let Some(&before) = self.attached.get(&session) {
            self.close(before, effects);
        }
        // Whatever the session asked for on its last connection is done before the first reply here.
        self.server.own(session);
        let zxid = self.server.peer.last_logged();
        self.attach(id, session, timeout_ms, request.read_only, zxid, effects);
    }

    pub(crate) fn refuse_session(
        &mut self,
        id: ConnectionId,
        read_only: Option<bool>,
        effects: &mut Vec<Effect>,
    ) {
        let response = ConnectResponse::refused(read_only.map(|_| self.reads_only()));
        let frame = self.server.frame(|writer| response.encode(writer));
        if let Some(connection) = self.connections.get_mut(&id) {
            self.server.send(connection, frame, effects);
        }
        self.close(id, effects);
    }

    /// The session is on this connection if the leader agrees.
    fn wait_for_leader(
        &mut self,
        id: ConnectionId,
        session: SessionId,
        timeout_ms: i32,
        read_only: Option<bool>,
    ) {
        let response = ConnectResponse {
            protocol_version: 0,
            timeout_ms,
            session,
            password: session_password(session),
            read_only: read_only.map(|_| self.reads_only()),
        };
        let connection = self.connections.get_mut(&id).expect("it has just spoken");
        self.sessionless.remove(&(connection.since, id));
        connection.stage = Stage::Connecting;
        connection.session = session;
        connection.timeout_ms = timeout_ms;
        connection.pipeline.push_back(Slot {
            xid: Xid(0),
            op: OpCode::CREATE_SESSION,
            received: self.server.now.moment,
            wait: Wait::Leader(response),
        });
    }

    /// The session is on this connection; the client is told once `zxid` is applied.
    fn attach(
        &mut self,
        id: ConnectionId,
        session: SessionId,
        timeout_ms: i32,
        read_only: Option<bool>,
        zxid: Zxid,
        effects: &mut Vec<Effect>,
    ) {
        let response = ConnectResponse {
            protocol_version: 0,
            timeout_ms,
            session,
            password: session_password(session),
            read_only: read_only.map(|_| self.reads_only()),
        };
        let connection = self.connections.get_mut(&id).expect("it has just spoken");
        self.sessionless.remove(&(connection.since, id));
        connection.stage = Stage::Connecting;
        connection.session = session;
        connection.timeout_ms = timeout_ms;
        let slot = Slot {
            xid: Xid(0),
            op: OpCode::CREATE_SESSION,
            received: self.server.now.moment,
            wait: Wait::Session(zxid, response),
        };
        connection.pipeline.push_back(slot);
        self.attached.insert(session, id);
        if zxid > self.server.database.last_applied() {
            self.waiting.push_back((zxid, id));
        } else {
            self.advance(id, effects);
        }
    }

    /// The client learns its session; what it has already sent is taken in.
    pub(crate) fn establish(
        &mut self,
        id: ConnectionId,
        response: &ConnectResponse,
        effects: &mut Vec<Effect>,
    ) {
        let frame = self.server.frame(|writer| response.encode(writer));
        let connection = self.connections.get_mut(&id).expect("it waits for this");
        connection.stage = Stage::Established;
        connection.usage.last_op = "SESS";
        self.server.send(connection, frame, effects);
        if connection.held() > 0 {
            self.holding.push_back(id);
        }
    }
}
