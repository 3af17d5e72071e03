//! A keeper in miniature for the tests of this crate: requests are prepared at once, and applied
//! when the test says so.

use std::collections::VecDeque;

use bytes::Bytes;
use zookeeper_wire::txn::{Txn, TxnDigest, TxnHeader};
use zookeeper_wire::{
    Acl, CreateRequest, CreateTtlRequest, DeleteRequest, MultiOp, Request, SessionId, SetDataRequest, Xid,
    Zxid,
};

use crate::prepare::{Asked, Outstanding, Prepared, Rules};
use crate::{Database, Fired, HashKey, Identity, Outcome, Watches};

pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) outstanding: Outstanding,
    pub(crate) watches: Watches,
    pub(crate) rules: Rules,
    pub(crate) zxid: Zxid,
    pub(crate) identities: Vec<Identity>,
    pub(crate) log: Vec<(TxnHeader, Txn, Option<TxnDigest>)>,
    waiting: VecDeque<usize>,
}

pub(crate) const SESSION: SessionId = SessionId(0x1_0000_0001);

impl World {
    pub(crate) fn new() -> World {
        let key = HashKey(42);
        World {
            database: Database::new(key, crate::ExtendedTypes::On),
            outstanding: Outstanding::new(key),
            watches: Watches::new(key),
            rules: Rules::default(),
            zxid: Zxid::ZERO,
            identities: Vec::new(),
            log: Vec::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Prepares only.
    pub(crate) fn prepare(&mut self, request: Request) -> Prepared {
        self.prepare_for(SESSION, request)
    }

    pub(crate) fn prepare_for(&mut self, session: SessionId, request: Request) -> Prepared {
        self.zxid = self.zxid.next().unwrap();
        let time_ms = 1_000 + self.zxid.0;
        let asked =
            Asked { session, identities: &self.identities, zxid: self.zxid, time_ms, ephemerals: Ok(()) };
        let prepared = self.outstanding.prepare(self.database.tree(), &self.rules, &asked, request);
        self.note(session, time_ms, &prepared);
        prepared
    }

    /// What must go before the session may end.
    pub(crate) fn farewell(&mut self) -> Option<Prepared> {
        let zxid = self.zxid.next().unwrap();
        let time_ms = 1_000 + zxid.0;
        let asked = Asked { session: SESSION, identities: &[], zxid, time_ms, ephemerals: Ok(()) };
        let prepared = self.outstanding.prepare_farewell(self.database.tree(), &self.rules, &asked)?;
        self.zxid = zxid;
        self.note(SESSION, time_ms, &prepared);
        Some(prepared)
    }

    fn note(&mut self, session: SessionId, time_ms: i64, prepared: &Prepared) {
        let header = TxnHeader { session, cxid: Xid(1), zxid: self.zxid, time_ms, kind: prepared.txn.kind() };
        self.waiting.push_back(self.log.len());
        self.log.push((header, prepared.txn.clone(), prepared.digest));
    }

    /// Applies the oldest prepared transaction; its digest must come true.
    pub(crate) fn apply(&mut self) -> (Outcome, Vec<Fired>) {
        let at = self.waiting.pop_front().expect("something is prepared");
        let (header, txn, digest) = self.log[at].clone();
        let mut fired = Vec::new();
        let outcome = self.database.apply(&header, &txn, &mut self.watches, &mut fired);
        self.outstanding.applied(header.zxid);
        if let Some(digest) = digest {
            assert_eq!(self.database.tree().digest() as i64, digest.tree, "{txn:?}");
        }
        (outcome, fired)
    }

    pub(crate) fn apply_all(&mut self) {
        while !self.waiting.is_empty() {
            self.apply();
        }
    }

    /// Prepares and applies, with nothing else under way.
    pub(crate) fn ask(&mut self, request: Request) -> Outcome {
        self.apply_all();
        self.prepare(request);
        self.apply().0
    }

    /// The same, and what it told the watchers: `kind path`, sorted watchers.
    pub(crate) fn fire(&mut self, request: Request) -> Vec<String> {
        self.apply_all();
        self.prepare(request);
        let (_, fired) = self.apply();
        let line = |fired: &Fired| {
            let mut watchers: Vec<u64> = fired.watchers.iter().map(|w| w.0).collect();
            watchers.sort_unstable();
            format!("{} {} {watchers:?}", fired.kind.name(), fired.path)
        };
        fired.iter().map(line).collect()
    }
}

pub(crate) fn create_with(path: &str, data: &str, flags: i32) -> Request {
    Request::Create2(CreateRequest { path: path.into(), data: Some(bytes(data)), acl: Acl::open(), flags })
}

pub(crate) fn create(path: &str) -> Request {
    create_with(path, "", 0)
}

pub(crate) fn create_ttl(path: &str, flags: i32, ttl_ms: i64) -> Request {
    Request::CreateTtl(CreateTtlRequest { path: path.into(), data: None, acl: Acl::open(), flags, ttl_ms })
}

pub(crate) fn create_container(path: &str) -> Request {
    Request::CreateContainer(CreateRequest { path: path.into(), data: None, acl: Acl::open(), flags: 4 })
}

pub(crate) fn delete(path: &str) -> Request {
    Request::Delete(DeleteRequest { path: path.into(), version: -1 })
}

pub(crate) fn set(path: &str, data: &str) -> Request {
    Request::SetData(SetDataRequest { path: path.into(), data: Some(bytes(data)), version: -1 })
}

pub(crate) fn op(request: Request) -> MultiOp {
    match request {
        Request::Create(r) => MultiOp::Create(r),
        Request::Create2(r) => MultiOp::Create2(r),
        Request::Delete(r) => MultiOp::Delete(r),
        Request::SetData(r) => MultiOp::SetData(r),
        Request::Check(r) => MultiOp::Check(r),
        other => panic!("{other:?} has no place in a multi"),
    }
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}
