//! Requests that cross from a learner to its leader, at both ends, and what else the two say to each
//! other about clients: `REQUEST`, `REVALIDATE`, `SYNC`, `PING`.

use bytes::Bytes;
use zab::LinkId;
use zab::packet::payload::{Forwarded, Revalidate, Revalidated, Touched};
use zab::packet::{PacketKind, QuorumPacket};
use znode::{Identity, Standing};
use zookeeper_wire::jute::Reader;
use zookeeper_wire::{ConnectResponse, ErrorCode, OpCode, Request, SessionId, Xid, Zxid};

use crate::border::{ConnectionId, Effect};
use crate::connection::{Slot, Stage, Wait};
use crate::keeper::Keeper;
use crate::limits::{LATE_REQUESTS_MAX, ROOM_MIN};
use crate::local::AT_ONCE;
use crate::member::Part;
use crate::metrics::Counter;
use crate::op::is_write;

// A learner's end.
impl Keeper {
    /// The leader's link, while we learn from it.
    pub(crate) fn leader_link(&self) -> Option<LinkId> {
        match self.server.member.part {
            Part::Learning(link, _) => Some(link),
            _ => None,
        }
    }

    /// Hands a request on to the leader.
    pub(crate) fn forward(
        &mut self,
        link: LinkId,
        asker: ConnectionId,
        request: &Forwarded,
        effects: &mut Vec<Effect>,
    ) {
        let identities = match self.connections.get(&asker) {
            Some(connection) => connection.identities.iter().map(over).collect(),
            None => Vec::new(),
        };
        let member = &mut self.server.member;
        member.forwarded.entry((request.session, request.xid)).or_default().push_back(asker);
        member.forwarded_count += 1;
        let packet = QuorumPacket {
            kind: PacketKind::REQUEST,
            zxid: Zxid(-1),
            data: Some(request.encode()),
            identities,
        };
        effects.push(Effect::SendPacket { link, packet });
    }

    /// A request that the leader must see before it is answered.
    pub(crate) fn request_of_leader(
        &mut self,
        link: LinkId,
        id: ConnectionId,
        xid: Xid,
        op: OpCode,
        reader: &Reader,
        effects: &mut Vec<Effect>,
    ) {
        let Some(connection) = self.connections.get(&id) else { return };
        let session = connection.session;
        let wait = match (op, Request::decode(op, &mut reader.clone())) {
            (OpCode::SYNC, Ok(request)) if self.server.peer.has(zab::Flaw::SyncUnasked) => {
                Wait::Turn(request)
            }
            (OpCode::SYNC, Ok(request)) => {
                self.server.member.syncs.push_back(Some(id));
                let forwarded = Forwarded { session, xid, op, request: reader.clone().rest() };
                let packet = QuorumPacket::with(PacketKind::REQUEST, Zxid(-1), forwarded.encode());
                effects.push(Effect::SendPacket { link, packet });
                Wait::Synced(request)
            }
            // The leader gives a multi that cannot be read its place in the order, as in the original.
            (OpCode::MULTI, _) | (_, Ok(_)) => {
                let request = Forwarded { session, xid, op, request: reader.clone().rest() };
                self.forward(link, id, &request, effects);
                Wait::Forwarded
            }
            (_, Err(_)) => Wait::Failed(ErrorCode::MARSHALLING_ERROR),
        };
        let received = self.server.now.moment;
        self.enqueue(id, Slot { xid, op, received, wait }, effects);
    }

    /// A new session, by the leader's leave.
    pub(crate) fn forward_session(
        &mut self,
        link: LinkId,
        id: ConnectionId,
        session: SessionId,
        timeout_ms: i32,
        effects: &mut Vec<Effect>,
    ) {
        let request = Forwarded {
            session,
            xid: Xid(0),
            op: OpCode::CREATE_SESSION,
            request: Bytes::copy_from_slice(&timeout_ms.to_be_bytes()),
        };
        self.forward(link, id, &request, effects);
    }

    /// Asks the leader whether a session lives.
    pub(crate) fn revalidate(
        &mut self,
        link: LinkId,
        id: ConnectionId,
        session: SessionId,
        timeout_ms: i32,
        effects: &mut Vec<Effect>,
    ) {
        self.server.member.revalidating.entry(session).or_default().push_back(id);
        let data = Revalidate { session, timeout_ms }.encode();
        let packet = QuorumPacket::with(PacketKind::REVALIDATE, Zxid(-1), data);
        effects.push(Effect::SendPacket { link, packet });
    }

    fn revalidated(&mut self, answer: Revalidated, effects: &mut Vec<Effect>) {
        let Revalidated { session, valid } = answer;
        let Some(waiting) = self.server.member.revalidating.get_mut(&session) else { return };
        let id = waiting.pop_front();
        if waiting.is_empty() {
            self.server.member.revalidating.remove(&session);
        }
        let Some(id) = id else { return };
        let waits = self.connections.get_mut(&id).is_some_and(|connection| {
            connection.stage == Stage::Connecting
                && matches!(connection.pipeline.front(), Some(Slot { wait: Wait::Leader(_), .. }))
        });
        if !waits {
            return;
        }
        if !valid {
            return self.refuse_waiting_session(id, effects);
        }
        if let Some(&before) = self.attached.get(&session)
            && before != id
        {
            self.close(before, effects);
        }
        self.attached.insert(session, id);
        // The leader knows it; our own tree may learn of it a moment later.
        let timeout_ms = self.connections[&id].timeout_ms;
        self.server.sessions.track(self.server.now.moment, session, timeout_ms);
        self.let_begin(id, effects);
    }

    /// The leader agreed: the client is told of its session.
    pub(crate) fn let_begin(&mut self, id: ConnectionId, effects: &mut Vec<Effect>) {
        if let Some(connection) = self.connections.get_mut(&id)
            && let Some(slot) = connection.pipeline.front_mut()
            && let Wait::Leader(response) = &slot.wait
        {
            slot.wait = Wait::Session(AT_ONCE, response.clone());
            self.advance(id, effects);
        }
    }

    fn refuse_waiting_session(&mut self, id: ConnectionId, effects: &mut Vec<Effect>) {
        let read_only = self.connections.get(&id).and_then(|connection| match connection.pipeline.front() {
            Some(Slot { wait: Wait::Leader(ConnectResponse { read_only, .. }), .. }) => *read_only,
            _ => None,
        });
        self.refuse_session(id, read_only, effects);
    }

    /// A write of this connection is about to be applied: what it asked before is served now. The leader
    /// has put a sync before that write, so all that the sync waits for is applied, although the
    /// leader's word of it comes later; and a read must not see the write.
    pub(crate) fn serve_before(&mut self, id: ConnectionId, write: Xid, effects: &mut Vec<Effect>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let is_write = |slot: &Slot| matches!(slot.wait, Wait::Forwarded) && slot.xid == write;
        let Some(end) = connection.pipeline.iter().position(is_write).filter(|end| *end > 0) else { return };
        for slot in connection.pipeline.iter_mut().take(end) {
            let request = match &slot.wait {
                Wait::Synced(request) => {
                    let syncs = &mut self.server.member.syncs;
                    if let Some(word) = syncs.iter_mut().find(|asker| **asker == Some(id)) {
                        *word = None;
                    }
                    request.clone()
                }
                Wait::Applied(_, request) => request.clone(),
                _ => continue,
            };
            slot.wait = Wait::Turn(request);
        }
        self.advance(id, effects);
    }

    /// The oldest sync is done at the leader. What it committed before may still be on its way to our disk,
    /// and only then is it applied here.
    fn synced(&mut self, effects: &mut Vec<Effect>) {
        let Some(id) = self.server.member.syncs.pop_front().flatten() else { return };
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let slot = connection.pipeline.iter_mut().find(|slot| matches!(slot.wait, Wait::Synced(_)));
        if let Some(slot) = slot
            && let Wait::Synced(request) = &slot.wait
        {
            let last = self.server.peer.last_logged();
            slot.wait = Wait::Applied(last, request.clone());
            if last > self.server.database.last_applied() {
                self.waiting.push_back((last, id));
            } else {
                self.advance(id, effects);
            }
        }
    }
}

// Both ends.
impl Keeper {
    /// A packet about clients.
    pub(crate) fn passed(&mut self, link: LinkId, packet: QuorumPacket, effects: &mut Vec<Effect>) {
        match (self.server.member.part, packet.kind) {
            (Part::Leading, PacketKind::REQUEST) => self.requested(link, packet, effects),
            (Part::Leading, PacketKind::PING) => {
                let Ok(touched) = Touched::decode(packet.data) else { return };
                for (session, timeout_ms) in touched.sessions {
                    self.server.sessions.renew(self.server.now.moment, session, timeout_ms);
                }
            }
            (Part::Leading, PacketKind::REVALIDATE) => {
                let Ok(Revalidate { session, timeout_ms }) = Revalidate::decode(packet.data) else { return };
                self.server.metrics.count(Counter::RevalidateCount, 1);
                let valid = self.server.sessions.renew(self.server.now.moment, session, timeout_ms);
                if valid {
                    self.server.member.owners.insert(session, Some(link));
                }
                let data = Revalidated { session, valid }.encode();
                let packet = QuorumPacket::with(PacketKind::REVALIDATE, packet.zxid, data);
                effects.push(Effect::SendPacket { link, packet });
            }
            (Part::Learning(..), PacketKind::PING) => self.pinged(link, &packet, effects),
            (Part::Learning(..), PacketKind::REVALIDATE) => {
                let Ok(answer) = Revalidated::decode(packet.data) else { return };
                self.revalidated(answer, effects);
            }
            (Part::Learning(..), PacketKind::SYNC) => self.synced(effects),
            _ => {}
        }
    }
}

// The leader's end.
impl Keeper {
    fn requested(&mut self, link: LinkId, packet: QuorumPacket, effects: &mut Vec<Effect>) {
        if self.server.member.late.is_empty() && self.server.room() >= ROOM_MIN {
            return self.order(link, packet, effects);
        }
        if self.server.member.late.len() >= LATE_REQUESTS_MAX {
            return effects.push(Effect::CloseLink { link });
        }
        self.server.member.late.push_back((link, packet));
    }

    /// Puts in order what had to wait for room.
    pub(crate) fn order_late(&mut self, effects: &mut Vec<Effect>) {
        while self.server.room() >= ROOM_MIN
            && let Some((link, packet)) = self.server.member.late.pop_front()
        {
            self.order(link, packet, effects);
        }
    }

    /// Every request that was handed on takes its place, whatever is wrong with it: its learner waits.
    fn order(&mut self, link: LinkId, packet: QuorumPacket, effects: &mut Vec<Effect>) {
        let identities: Vec<Identity> =
            packet.identities.into_iter().map(|who| Identity { scheme: who.scheme, id: who.id }).collect();
        let Ok(Forwarded { session, xid, op, request }) = Forwarded::decode(packet.data) else {
            return effects.push(Effect::CloseLink { link });
        };
        let mut reader = Reader::new(request);
        if op == OpCode::CREATE_SESSION {
            let Ok(timeout_ms) = reader.i32() else { return effects.push(Effect::CloseLink { link }) };
            self.server.sessions.track(self.server.now.moment, session, timeout_ms);
            self.server.member.owners.insert(session, Some(link));
            self.server.propose_session(session, timeout_ms, effects);
            return;
        }
        if op == OpCode::SYNC {
            return self.sync_of_learner(link, effects);
        }
        let request = match Request::decode(op, &mut reader) {
            _ if self.server.sessions.standing(session) != Standing::Unknown
                && *self.server.member.owners.entry(session).or_insert(Some(link)) != Some(link) =>
            {
                Err(ErrorCode::SESSION_MOVED)
            }
            Ok(request) if is_write(op) || op == OpCode::RECONFIG => Ok(request),
            Ok(_) => Err(ErrorCode::UNIMPLEMENTED),
            Err(_) => Err(ErrorCode::MARSHALLING_ERROR),
        };
        self.server.sessions.touch(self.server.now.moment, session);
        self.server.propose_for(session, &identities, None, xid, request, effects);
    }

    /// Answers a learner's sync as soon as all that was proposed before it is committed.
    fn sync_of_learner(&mut self, link: LinkId, effects: &mut Vec<Effect>) {
        if self.server.proposals.is_empty() {
            return sync_done(link, effects);
        }
        let last = self.server.peer.last_logged();
        self.server.member.syncs_of_learners.push_back((last, link));
    }

    /// Learners that waited for `zxid` are told.
    pub(crate) fn syncs_done(&mut self, zxid: Zxid, effects: &mut Vec<Effect>) {
        while let Some((_, link)) = self.server.member.syncs_of_learners.pop_front_if(|(at, _)| *at <= zxid) {
            sync_done(link, effects);
        }
    }
}

fn sync_done(link: LinkId, effects: &mut Vec<Effect>) {
    effects.push(Effect::SendPacket { link, packet: QuorumPacket::bare(PacketKind::SYNC, Zxid::ZERO) });
}

fn over(identity: &Identity) -> zab::packet::Identity {
    zab::packet::Identity { scheme: identity.scheme.clone(), id: identity.id.clone() }
}

#[cfg(test)]
mod tests;
