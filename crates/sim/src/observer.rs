//! Listens to what a client is told, frame by frame, and compares it with the model.
//!
//! What a session is told never goes back in time; a read shows exactly the state at the zxid of its
//! reply; a write is the transaction that the reply names; and nobody sees a change before the event of
//! the watch that was left for it.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use zookeeper_wire::jute::Reader;
use zookeeper_wire::txn::Txn;
use zookeeper_wire::{
    ConnectResponse, ErrorCode, EventKind, ReplyHeader, Request, RequestHeader, Response, SessionId, Stat,
    WatcherEvent, Xid, Zxid,
};

use crate::model::{Model, Node};
use crate::story::Violation;

/// What one client knows.
#[derive(Default, Debug)]
pub(crate) struct Observer {
    pub(crate) session: SessionId,
    /// The last zxid that this session was told.
    seen: Zxid,
    /// What had been acknowledged to anybody when the last sync that is answered was asked for.
    synced: Zxid,
    /// Watches left and not fired, each with the zxid of the reply that left it.
    watches: BTreeMap<(Watch, String), Zxid>,
    /// Requests sent on this connection and not answered.
    pending: VecDeque<Pending>,
    greeted: bool,
    /// The persistent watch on everything, once it is left.
    mirror: Option<Mirror>,
}

/// Asked and not answered.
#[derive(Debug)]
struct Pending {
    xid: Xid,
    request: Request,
    /// The last write that anybody had been told of when this was asked.
    acknowledged: Zxid,
}

/// Whether a newer leader than that of the answering server serves.
///
/// A leader that does not know yet that it is deposed answers a sync from what it has, and so does the
/// original's (ZOOKEEPER-1675, 3600): such an answer proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Deposed {
    /// One does.
    Yes,
    /// None does.
    No,
}

/// What a persistent recursive watch on the root has told.
#[derive(Debug)]
struct Mirror {
    /// Everything up to there was compared.
    upto: Zxid,
    /// Events since.
    events: Vec<(String, EventKind)>,
}

/// What a watch watches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Watch {
    /// The data of a znode, or that it goes.
    Data,
    /// That a znode comes to be.
    Coming,
    /// The children of a znode, or that it goes.
    Children,
}

/// What a frame was, for the story and the world.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The session is taken up, or began.
    Greeted,
    /// The session is over.
    Expired,
    /// A watch fired.
    Event(WatcherEvent),
    /// A request was answered.
    Answer { request: Request, zxid: Zxid, error: ErrorCode },
    /// Nothing to speak of.
    Nothing,
}

impl Observer {
    /// A new connection: nothing is pending.
    pub(crate) fn connected(&mut self) {
        self.pending.clear();
        self.greeted = false;
        self.mirror = None;
        // A znode that came and went meanwhile leaves no event, and the watch stays.
        self.watches.retain(|(watch, _), _| *watch != Watch::Coming);
    }

    /// The client sent a frame. Returns whether it ends the session.
    pub(crate) fn sent(&mut self, frame: &Bytes, model: &Model) -> bool {
        let mut reader = Reader::new(frame.clone());
        let Ok(RequestHeader { xid, op }) = reader.record() else { return false };
        // The first frame of a connection has no header.
        if let Ok(request) = Request::decode(op, &mut reader)
            && self.greeted
        {
            let ends = request == Request::CloseSession;
            self.pending.push_back(Pending { xid, request, acknowledged: model.acknowledged() });
            return ends;
        }
        false
    }

    /// The client receives a frame.
    pub(crate) fn received(
        &mut self,
        frame: &Bytes,
        model: &mut Model,
        deposed: Deposed,
    ) -> Result<Heard, Violation> {
        let mut reader = Reader::new(frame.clone());
        if !self.greeted {
            self.greeted = true;
            return self.greeting(&mut reader, model);
        }
        let header: ReplyHeader =
            reader.record().map_err(|error| wrong("a reply without a header", error))?;
        if header.xid == Xid::NOTIFICATION {
            let event: WatcherEvent = reader.record().map_err(|error| wrong("a broken event", error))?;
            self.fired(&event);
            if let Some(mirror) = &mut self.mirror
                && event.kind != EventKind::CHILDREN_CHANGED
            {
                mirror.events.push((event.path.clone(), event.kind));
            }
            return Ok(Heard::Event(event));
        }
        let special = header.xid < Xid(0);
        let at =
            if special { self.pending.iter().position(|asked| asked.xid == header.xid) } else { Some(0) };
        let Some(Pending { xid, request, acknowledged }) = at.and_then(|at| self.pending.remove(at)) else {
            return Err(Violation(format!("an answer to {:?}, which was not asked", header.xid)));
        };
        if xid != header.xid {
            return Err(Violation(format!("{:?} is answered before {xid:?}", header.xid)));
        }
        if special {
            let mirrors = matches!(&request, Request::SetWatches2(r) if r.persistent_recursive.iter().any(|path| path == "/"));
            if mirrors {
                self.mirror = Some(Mirror { upto: header.zxid, events: Vec::new() });
            }
            return Ok(Heard::Nothing);
        }
        self.in_order(&header, model)?;
        self.mirrored(header.zxid, model)?;
        if matches!(&request, Request::AddWatch(r) if r.path == "/") && header.error == ErrorCode::OK {
            self.mirror = Some(Mirror { upto: header.zxid, events: Vec::new() });
        }
        let response = match header.error {
            ErrorCode::OK => {
                let response = Response::decode(request.op(), &mut reader);
                Ok(response.map_err(|error| wrong("a broken answer", error))?)
            }
            error => Err(error),
        };
        self.compare(&request, &header, &response, model)?;
        self.in_real_time(&request, &header, acknowledged, model, deposed)?;
        self.leave_watch(&request, &header);
        Ok(Heard::Answer { request, zxid: header.zxid, error: header.error })
    }

    fn greeting(&mut self, reader: &mut Reader, model: &Model) -> Result<Heard, Violation> {
        let greeting = ConnectResponse::decode(reader).map_err(|error| wrong("a broken greeting", error))?;
        if greeting.timeout_ms <= 0 {
            if self.session != SessionId::NONE && !model.may_be_refused(self.session) {
                return Err(Violation(format!("session {} lives and is refused", self.session)));
            }
            *self = Observer { greeted: true, ..Observer::default() };
            return Ok(Heard::Expired);
        }
        if greeting.session != self.session {
            if self.session != SessionId::NONE {
                return Err(Violation(format!("{} asked for and {} got", self.session, greeting.session)));
            }
            *self = Observer { greeted: true, session: greeting.session, ..Observer::default() };
        }
        Ok(Heard::Greeted)
    }

    /// Time goes on, and no change is seen before its event.
    fn in_order(&mut self, header: &ReplyHeader, model: &Model) -> Result<(), Violation> {
        let zxid = header.zxid;
        if zxid < self.seen {
            return Err(Violation(format!("session {} saw {} and is told {zxid}", self.session, self.seen)));
        }
        if zxid > model.last() {
            return Err(Violation(format!("session {} is told of {zxid}, which nobody knows", self.session)));
        }
        self.seen = zxid;
        for ((watch, path), left) in &self.watches {
            let changed = match watch {
                Watch::Data | Watch::Coming => model.changed(path, *left, zxid),
                Watch::Children => {
                    model.children_changed(path, *left, zxid)
                        || model.node(path, zxid).is_none() && path != "/"
                }
            };
            if changed {
                let session = self.session;
                return Err(Violation(format!(
                    "session {session} left a watch ({watch:?}) on {path} at {left} and sees {zxid} without \
                     the event"
                )));
            }
        }
        Ok(())
    }

    /// Writes, and reads behind a sync, are linearizable. The zxids are the order that witnesses it, so it
    /// is enough that they agree with real time: a write comes behind every write that anybody had been
    /// told of when it was asked for, and a read behind a sync sees all that anybody had been told of when
    /// the sync was asked for.
    fn in_real_time(
        &mut self,
        request: &Request,
        header: &ReplyHeader,
        acknowledged: Zxid,
        model: &mut Model,
        deposed: Deposed,
    ) -> Result<(), Violation> {
        if header.error == ErrorCode::SESSION_EXPIRED || header.error == ErrorCode::SESSION_MOVED {
            return Ok(());
        }
        let zxid = header.zxid;
        match request {
            Request::Sync(_) => {
                if deposed == Deposed::No {
                    self.synced = self.synced.max(acknowledged);
                }
            }
            Request::Exists(_) | Request::GetData(_) | Request::GetChildren(_) | Request::GetChildren2(_) => {
            }
            Request::Create(_)
            | Request::Create2(_)
            | Request::Delete(_)
            | Request::SetData(_)
            | Request::Multi(_) => {
                if zxid <= acknowledged {
                    return Err(Violation(format!(
                        "{request:?} is {zxid}, although {acknowledged} was acknowledged before it was asked"
                    )));
                }
                model.acknowledge(zxid);
            }
            _ => return Ok(()),
        }
        if zxid < self.synced {
            let synced = self.synced;
            return Err(Violation(format!(
                "{request:?} sees {zxid} after a sync, which was asked when {synced} was acknowledged"
            )));
        }
        Ok(())
    }

    /// The watch on everything told of every change up to now, once, and of nothing else.
    fn mirrored(&mut self, zxid: Zxid, model: &Model) -> Result<(), Violation> {
        let Some(mirror) = &mut self.mirror else { return Ok(()) };
        let expected = model.events(mirror.upto, zxid);
        mirror.events.sort();
        if mirror.events != expected {
            return Err(Violation(format!(
                "the watch on everything told of {:?} between {} and {zxid}, where {expected:?} happened",
                mirror.events, mirror.upto
            )));
        }
        *mirror = Mirror { upto: zxid, events: Vec::new() };
        Ok(())
    }

    fn compare(
        &self,
        request: &Request,
        header: &ReplyHeader,
        response: &Result<Response, ErrorCode>,
        model: &Model,
    ) -> Result<(), Violation> {
        let zxid = header.zxid;
        let node = |path: &str| model.node(path, zxid);
        let fits = match (request, response) {
            (_, Err(ErrorCode::SESSION_EXPIRED)) => model.may_be_refused(self.session),
            (Request::GetData(r), Ok(Response::Data(data, stat))) => {
                node(&r.path).is_some_and(|node| node.data == *data && shows(stat, node))
            }
            (Request::Exists(r), Ok(Response::Stat(stat))) => {
                node(&r.path).is_some_and(|node| shows(stat, node))
            }
            (Request::GetData(r) | Request::Exists(r) | Request::GetChildren(r), Err(ErrorCode::NO_NODE)) => {
                node(&r.path).is_none()
            }
            (Request::GetChildren(r), Ok(Response::Children(names))) => {
                names.iter().cloned().collect::<std::collections::BTreeSet<_>>()
                    == model.children(&r.path, zxid)
            }
            (Request::Sync(r), Ok(Response::Sync(path))) => r.path == *path,
            (Request::AddWatch(_), Ok(Response::AddWatch(0))) => true,
            (Request::GetChildren2(r), Ok(Response::Children2(names, _))) => {
                names.iter().cloned().collect::<std::collections::BTreeSet<_>>()
                    == model.children(&r.path, zxid)
            }
            (Request::GetChildren2(r), Err(ErrorCode::NO_NODE)) => node(&r.path).is_none(),
            (Request::GetData(_) | Request::Exists(_) | Request::GetChildren(_) | Request::Sync(_), _) => {
                false
            }
            (write, response) => return self.compare_write(write, header, response, model),
        };
        if fits {
            return Ok(());
        }
        Err(Violation(format!("at {zxid} {request:?} is answered {response:?}")))
    }

    /// A write is the transaction at the zxid of its reply.
    fn compare_write(
        &self,
        request: &Request,
        header: &ReplyHeader,
        response: &Result<Response, ErrorCode>,
        model: &Model,
    ) -> Result<(), Violation> {
        let lie =
            |why: &str| Violation(format!("{request:?} is answered {response:?} at {}: {why}", header.zxid));
        let entry = model.entry(header.zxid).ok_or_else(|| lie("there is no such transaction"))?;
        if entry.header.session != self.session || entry.header.cxid != header.xid {
            return Err(lie(&format!("that is a transaction of {}", entry.header.session)));
        }
        let fits = match (&entry.txn, response) {
            (Txn::Create(txn), Ok(Response::Create(path))) => txn.path == *path,
            (Txn::Create2(txn), Ok(Response::Create2(path, stat))) => {
                txn.path == *path && stat.czxid == header.zxid
            }
            (Txn::Delete(_) | Txn::CloseSession(_), Ok(Response::Empty)) => true,
            (Txn::SetData(txn), Ok(Response::Stat(stat))) => {
                txn.version == stat.version && stat.mzxid == header.zxid
            }
            (Txn::Multi(members), Ok(Response::Multi(results))) => members.len() == results.len(),
            (Txn::Error(error), Err(told)) => error == told,
            _ => false,
        };
        if fits { Ok(()) } else { Err(lie(&format!("that is {:?}", entry.txn))) }
    }

    fn leave_watch(&mut self, request: &Request, header: &ReplyHeader) {
        let (watch, path) = match (request, header.error) {
            (Request::GetData(r) | Request::Exists(r), ErrorCode::OK) if r.watch => (Watch::Data, &r.path),
            (Request::Exists(r), ErrorCode::NO_NODE) if r.watch => (Watch::Coming, &r.path),
            (Request::GetChildren(r), ErrorCode::OK) if r.watch => (Watch::Children, &r.path),
            _ => return,
        };
        self.watches.entry((watch, path.clone())).or_insert(header.zxid);
    }

    fn fired(&mut self, event: &WatcherEvent) {
        let watches: &[Watch] = match event.kind {
            EventKind::CHILDREN_CHANGED => &[Watch::Children],
            EventKind::DELETED => &[Watch::Data, Watch::Coming, Watch::Children],
            _ => &[Watch::Data, Watch::Coming],
        };
        for watch in watches {
            self.watches.remove(&(*watch, event.path.clone()));
        }
    }
}

fn shows(stat: &Stat, node: &Node) -> bool {
    stat.version == node.version
        && stat.czxid == node.czxid
        && stat.mzxid == node.mzxid
        && stat.ephemeral_owner == node.owner
        && stat.data_length as usize == node.data.as_ref().map_or(0, Bytes::len)
}

fn wrong(what: &str, error: zookeeper_wire::WireError) -> Violation {
    Violation(format!("{what}: {error}"))
}
