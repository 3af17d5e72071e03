//! What a log builds: the tree and the sessions, changed by nothing but transactions in order.
//!
//! Applying again what a snapshot already has does no harm: a create of what exists and a delete of
//! what is gone repair the parent's stat and change nothing else, so fuzzy snapshots of the original
//! can be loaded. Source: `DataTree.processTxn`.

use std::collections::BTreeMap;

use zookeeper_wire::txn::{Txn, TxnEntry, TxnHeader};
use zookeeper_wire::{Acl, ErrorCode, MultiResult, OpCode, SessionId, Stat, Xid, Zxid, path};

use crate::hash::HashKey;
use crate::node::NodeId;
use crate::owner::{ExtendedTypes, Owner, looks_extended};
use crate::tree::{NewNode, Tree};
use crate::watches::{Fired, Watches};

/// The whole committed state of a server.
#[derive(Debug)]
pub struct Database {
    pub(crate) tree: Tree,
    pub(crate) sessions: BTreeMap<SessionId, i32>,
    pub(crate) last_applied: Zxid,
}

/// What became of a transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It happened; there is nothing to show.
    Done,
    /// It happened; the znode's stat afterwards, where the answer needs it.
    Stat(Stat),
    /// A multi, whether it happened or not.
    Multi(Vec<MultiResult>),
    /// It did not happen.
    Failed(ErrorCode),
}

impl Database {
    /// As a new server begins.
    pub fn new(key: HashKey, extended_types: ExtendedTypes) -> Self {
        Database { tree: Tree::new(key, extended_types), sessions: BTreeMap::new(), last_applied: Zxid::ZERO }
    }

    /// The znodes.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The sessions with their time-outs in milliseconds.
    pub fn sessions(&self) -> &BTreeMap<SessionId, i32> {
        &self.sessions
    }

    /// The last transaction that was applied.
    pub fn last_applied(&self) -> Zxid {
        self.last_applied
    }

    /// Jumps ahead, as a new epoch does without any transaction.
    pub fn advance(&mut self, zxid: Zxid) {
        assert!(zxid >= self.last_applied, "time goes forward");
        self.last_applied = zxid;
    }

    /// Bytes that the server wants to show at a path of its own, outside of any transaction: the
    /// ensemble's configuration.
    pub fn show(&mut self, path: &str, data: &[u8]) {
        if let Some(id) = self.tree.find(path) {
            self.tree.set_data_silently(id, path, data);
        }
    }

    /// Applies a transaction of a log before anybody watches.
    pub fn replay(&mut self, entry: &TxnEntry) {
        let mut watches = Watches::new(self.tree.key());
        self.apply(&entry.header, &entry.txn, &mut watches, &mut Vec::new());
    }

    /// Once everything is loaded: deletes ephemeral znodes of sessions that are not there any more, as
    /// the original does. Owners that may be a time to live, seen by a server that has those switched
    /// off, are left alone: their znodes are nobody's to delete. Returns how many were deleted.
    pub fn bury_dead_sessions(&mut self) -> usize {
        let dead: Vec<SessionId> = (self.tree.ephemeral_sessions())
            .map(|(session, _)| session)
            .filter(|session| !self.sessions.contains_key(session) && !looks_extended(session.0))
            .collect();
        let before = self.tree.len();
        for session in dead {
            let header = TxnHeader {
                session,
                cxid: Xid(0),
                zxid: self.last_applied,
                time_ms: 0,
                kind: OpCode::CLOSE_SESSION,
            };
            self.replay(&TxnEntry { header, txn: Txn::CloseSession(None), digest: None });
        }
        before - self.tree.len()
    }

    /// Applies the next transaction. Watches that it trips are taken from `watches` and put into
    /// `fired`, in the order in which their events must be sent.
    pub fn apply(
        &mut self,
        header: &TxnHeader,
        txn: &Txn,
        watches: &mut Watches,
        fired: &mut Vec<Fired>,
    ) -> Outcome {
        self.last_applied = self.last_applied.max(header.zxid);
        let mut change = Change { tree: &mut self.tree, header, watches, fired };
        match txn {
            Txn::Multi(members) => Outcome::Multi(change.multi(members)),
            Txn::CreateSession { timeout_ms } => {
                self.sessions.insert(header.session, *timeout_ms);
                Outcome::Done
            }
            Txn::CloseSession(paths) => {
                change.close_session(paths.as_deref().unwrap_or_default());
                self.sessions.remove(&header.session);
                Outcome::Done
            }
            single => match change.single(single) {
                Ok(Some(stat)) => Outcome::Stat(stat),
                Ok(None) => Outcome::Done,
                Err(error) => Outcome::Failed(error),
            },
        }
    }
}

/// One transaction being applied.
struct Change<'a> {
    tree: &'a mut Tree,
    header: &'a TxnHeader,
    watches: &'a mut Watches,
    fired: &'a mut Vec<Fired>,
}

impl Change<'_> {
    fn single(&mut self, txn: &Txn) -> Result<Option<Stat>, ErrorCode> {
        match txn {
            Txn::Create(t) | Txn::Create2(t) => {
                let owner = if t.ephemeral { Owner::Session(self.header.session) } else { Owner::Nobody };
                let stat = self.create(&t.path, t.data.as_deref(), &t.acl, owner, t.parent_cversion)?;
                Ok((txn.kind() == OpCode::CREATE2).then_some(stat))
            }
            Txn::CreateContainer(t) => {
                let owner = Owner::Container;
                self.create(&t.path, t.data.as_deref(), &t.acl, owner, t.parent_cversion).map(Some)
            }
            Txn::CreateTtl(t) => {
                let owner = Owner::TimeToLive(t.ttl_ms);
                self.create(&t.path, t.data.as_deref(), &t.acl, owner, t.parent_cversion).map(Some)
            }
            Txn::Delete(t) | Txn::DeleteContainer(t) => {
                self.delete(&t.path)?;
                Ok(None)
            }
            Txn::SetData(t) | Txn::Reconfig(t) => {
                self.set_data(&t.path, t.data.as_deref(), t.version).map(Some)
            }
            Txn::SetAcl(t) => {
                let id = self.tree.find(&t.path).ok_or(ErrorCode::NO_NODE)?;
                self.tree.set_acl(id, &t.acl, t.version);
                Ok(Some(self.tree.stat(id)))
            }
            Txn::Check(_) => Ok(None),
            Txn::Error(error) => Err(*error),
            Txn::Multi(_) | Txn::CreateSession { .. } | Txn::CloseSession(_) => {
                unreachable!("these never stand inside a multi, and alone they do not come here")
            }
        }
    }

    fn multi(&mut self, members: &[Txn]) -> Vec<MultiResult> {
        let failure = members.iter().position(|member| matches!(member, Txn::Error(_)));
        let mut results = Vec::with_capacity(members.len());
        for (at, member) in members.iter().enumerate() {
            results.push(match (failure, member) {
                (Some(_), Txn::Error(error)) => MultiResult::Error(*error),
                (Some(first), _) if at < first => MultiResult::Error(ErrorCode::OK),
                (Some(_), _) => MultiResult::Error(ErrorCode::RUNTIME_INCONSISTENCY),
                (None, member) => match self.single(member) {
                    Ok(stat) => result_of(member, stat),
                    Err(error) => MultiResult::Error(error),
                },
            });
        }
        results
    }

    /// The stat is the one that clients are told: if the znode itself counts a quota, from before its
    /// numbers were put in.
    fn create(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        acl: &[Acl],
        owner: Owner,
        parent_cversion: i32,
    ) -> Result<Stat, ErrorCode> {
        let zxid = self.header.zxid.0;
        let parent =
            path::parent(path).and_then(|parent| self.tree.find(parent)).ok_or(ErrorCode::NO_NODE)?;
        if let Some(existing) = self.tree.find(path) {
            self.tree.replace_acl(existing, acl);
            self.tree.raise_child_version(parent, parent_cversion, zxid);
            return Err(ErrorCode::NODE_EXISTS);
        }
        self.tree.raise_child_version(parent, parent_cversion, zxid);
        let new = NewNode { path, data, acl, owner, zxid, time_ms: self.header.time_ms };
        let id = self.tree.create(parent, new);
        let stat = self.tree.stat(id);
        self.tree.quota_created(path, data.map_or(0, <[u8]>::len));
        self.watches.created(path, self.tree.acl(id), self.tree.acl(parent), self.fired);
        Ok(stat)
    }

    fn delete(&mut self, path: &str) -> Result<(), ErrorCode> {
        let parent =
            path::parent(path).and_then(|parent| self.tree.find(parent)).ok_or(ErrorCode::NO_NODE)?;
        self.tree.raise_pzxid(parent, self.header.zxid.0);
        let id = self.tree.find(path).ok_or(ErrorCode::NO_NODE)?;
        self.delete_descendants(id);
        let acl = self.tree.acl(id).clone();
        let bytes = self.tree.data(id).map_or(0, <[u8]>::len);
        self.tree.remove(id, path);
        self.tree.quota_deleted(path, bytes);
        self.watches.deleted(path, &acl, self.tree.acl(parent), self.fired);
        Ok(())
    }

    /// A live delete has no children to delete. Over a fuzzy snapshot it may: those that the
    /// snapshot caught too early, which later transactions will create again.
    fn delete_descendants(&mut self, id: NodeId) {
        loop {
            let mut at = id;
            while let Some(child) = self.tree.first_child(at) {
                at = child;
            }
            if at == id {
                return;
            }
            let path = self.tree.path(at);
            self.tree.remove(at, &path);
        }
    }

    fn set_data(&mut self, path: &str, data: Option<&[u8]>, version: i32) -> Result<Stat, ErrorCode> {
        let id = self.tree.find(path).ok_or(ErrorCode::NO_NODE)?;
        let before = self.tree.data(id).map_or(0, <[u8]>::len) as i64;
        self.tree.set_data(id, path, data, version, self.header.zxid.0, self.header.time_ms);
        let after = data.map_or(0, <[u8]>::len) as i64;
        self.tree.quota_changed(path, 0, after - before);
        self.watches.data_changed(path, self.tree.acl(id), self.fired);
        Ok(self.tree.stat(id))
    }

    /// The znodes that the transaction names, then any that it should have named.
    fn close_session(&mut self, paths: &[String]) {
        for path in paths {
            // One that is gone already was deleted before the snapshot we replay over.
            let _ = self.delete(path);
        }
        let left: Vec<NodeId> = self.tree.ephemerals(self.header.session).collect();
        for id in left {
            let path = self.tree.path(id);
            let _ = self.delete(&path);
        }
    }
}

fn result_of(txn: &Txn, stat: Option<Stat>) -> MultiResult {
    let stat = stat.unwrap_or_default();
    match txn {
        Txn::Create(t) => MultiResult::Create(t.path.clone()),
        Txn::Create2(t) => MultiResult::Create2(t.path.clone(), stat),
        Txn::CreateContainer(t) => MultiResult::Create2(t.path.clone(), stat),
        Txn::CreateTtl(t) => MultiResult::Create2(t.path.clone(), stat),
        Txn::SetData(_) | Txn::Reconfig(_) => MultiResult::SetData(stat),
        Txn::Check(_) => MultiResult::Check,
        _ => MultiResult::Delete,
    }
}

#[cfg(test)]
mod tests;
