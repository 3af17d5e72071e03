//! The history as it must be: every proposed transaction, and what each znode was after each of them.
//!
//! It is built from the bytes of the transactions alone and shares nothing with the tree that it judges.
//! A crash may take back the end of it, but nothing that any client was told about.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use keeper::Entry;
use zookeeper_wire::txn::{Txn, TxnEntry, TxnHeader};
use zookeeper_wire::{EventKind, SessionId, Zxid, path};

use crate::story::Violation;

/// A znode after some transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Node {
    pub(crate) data: Option<Bytes>,
    pub(crate) version: i32,
    pub(crate) czxid: Zxid,
    pub(crate) mzxid: Zxid,
    /// The session that owns it, or 0.
    pub(crate) owner: SessionId,
}

/// All that happened.
#[derive(Default, Debug)]
pub(crate) struct Model {
    entries: BTreeMap<Zxid, (Bytes, TxnEntry)>,
    /// For each path what it became, and when; `None` is deleted.
    nodes: BTreeMap<String, Vec<(Zxid, Option<Node>)>>,
    /// For each session when it began and when it ended.
    sessions: BTreeMap<SessionId, (Zxid, Option<Zxid>)>,
    /// Sessions whose time was over at some leader.
    ending: BTreeSet<SessionId>,
    /// The last write that any client was told of.
    acknowledged: Zxid,
    last: Zxid,
}

impl Model {
    /// The last transaction.
    pub(crate) fn last(&self) -> Zxid {
        self.last
    }

    /// The last write that any client was told of.
    pub(crate) fn acknowledged(&self) -> Zxid {
        self.acknowledged
    }

    /// A client was told of a write.
    pub(crate) fn acknowledge(&mut self, zxid: Zxid) {
        self.acknowledged = self.acknowledged.max(zxid);
    }

    /// The transaction of that number.
    pub(crate) fn entry(&self, zxid: Zxid) -> Option<&TxnEntry> {
        self.entries.get(&zxid).map(|(_, entry)| entry)
    }

    /// Whether that session was ended by a transaction.
    pub(crate) fn has_ended(&self, session: SessionId) -> bool {
        !self.sessions.get(&session).is_some_and(|(_, end)| end.is_none())
    }

    /// A leader had time pass: it ends those of the sessions that `is_ending`.
    pub(crate) fn begin_to_end(&mut self, is_ending: impl Fn(SessionId) -> bool) {
        let ending = self.sessions().into_iter().filter(|session| is_ending(*session));
        self.ending.extend(ending);
    }

    /// Whether a client may be told that its session is over.
    ///
    /// The leader refuses a session from the moment on at which its time is over, before the transaction
    /// that ends it is committed, as the original does (`SessionTrackerImpl.touchSession`). If it is
    /// deposed meanwhile, the session lives on without its client until the next leader ends it.
    pub(crate) fn may_be_refused(&self, session: SessionId) -> bool {
        self.has_ended(session) || self.ending.contains(&session)
    }

    /// The sessions that live.
    pub(crate) fn sessions(&self) -> BTreeSet<SessionId> {
        self.sessions.iter().filter(|(_, (_, end))| end.is_none()).map(|(id, _)| *id).collect()
    }

    /// The znode at `path` after transaction `at`.
    pub(crate) fn node(&self, path: &str, at: Zxid) -> Option<&Node> {
        let versions = self.nodes.get(path)?;
        let end = versions.partition_point(|(zxid, _)| *zxid <= at);
        versions[..end].last()?.1.as_ref()
    }

    /// The names below `path` after transaction `at`.
    pub(crate) fn children(&self, path: &str, at: Zxid) -> BTreeSet<String> {
        let children = self.nodes.keys().filter(|child| path::parent(child) == Some(path));
        children
            .filter(|child| self.node(child, at).is_some())
            .map(|child| child[child.rfind('/').map_or(0, |slash| slash + 1)..].to_owned())
            .collect()
    }

    /// Everything that exists after transaction `at`.
    pub(crate) fn tree(&self, at: Zxid) -> BTreeMap<&str, &Node> {
        self.nodes.keys().filter_map(|path| Some((path.as_str(), self.node(path, at)?))).collect()
    }

    /// Whether the znode at `path` changed in (`after`, `upto`].
    pub(crate) fn changed(&self, path: &str, after: Zxid, upto: Zxid) -> bool {
        self.nodes.get(path).is_some_and(|v| v.iter().any(|(zxid, _)| *zxid > after && *zxid <= upto))
    }

    /// Whether the set of children of `path` changed in (`after`, `upto`].
    pub(crate) fn children_changed(&self, path: &str, after: Zxid, upto: Zxid) -> bool {
        let children = self.nodes.iter().filter(|(child, _)| path::parent(child) == Some(path));
        children.into_iter().any(|(_, versions)| {
            let before = |index: usize| index.checked_sub(1).and_then(|i| versions[i].1.as_ref());
            versions.iter().enumerate().any(|(index, (zxid, node))| {
                *zxid > after && *zxid <= upto && node.is_some() != before(index).is_some()
            })
        })
    }

    /// What a watch on everything tells of the transactions in (`after`, `upto`], sorted.
    pub(crate) fn events(&self, after: Zxid, upto: Zxid) -> Vec<(String, EventKind)> {
        let mut events = Vec::new();
        for (path, versions) in &self.nodes {
            let first = versions.partition_point(|(zxid, _)| *zxid <= after);
            for index in first..versions.partition_point(|(zxid, _)| *zxid <= upto) {
                let before = index.checked_sub(1).is_some_and(|before| versions[before].1.is_some());
                let kind = match (before, versions[index].1.is_some()) {
                    (false, true) => EventKind::CREATED,
                    (true, true) => EventKind::DATA_CHANGED,
                    (_, false) => EventKind::DELETED,
                };
                events.push((path.clone(), kind));
            }
        }
        events.sort();
        events
    }

    /// A transaction was put behind all others.
    pub(crate) fn propose(&mut self, entry: &Entry) -> Result<(), Violation> {
        if entry.zxid <= self.last {
            return Err(Violation(format!("{} is proposed after {}", entry.zxid, self.last)));
        }
        let decoded = TxnEntry::decode(entry.payload.clone())
            .map_err(|error| Violation(format!("{} cannot be decoded: {error}", entry.zxid)))?;
        if decoded.header.zxid != entry.zxid {
            return Err(Violation(format!("{} says that it is {}", entry.zxid, decoded.header.zxid)));
        }
        self.apply(&decoded.header, &decoded.txn)?;
        self.last = entry.zxid;
        self.entries.insert(entry.zxid, (entry.payload.clone(), decoded));
        Ok(())
    }

    /// A transaction was found on the disk: it must be the one that was proposed.
    pub(crate) fn compare(&self, zxid: Zxid, found: &TxnEntry) -> Result<(), Violation> {
        match self.entries.get(&zxid) {
            Some((_, entry)) if entry == found => Ok(()),
            Some((_, entry)) => Err(Violation(format!("the log has {found:?} instead of {entry:?}"))),
            None => Err(Violation(format!("the log has {zxid}, which was never proposed"))),
        }
    }

    /// The history ends with `last`: what came later was lost before anybody knew of it.
    pub(crate) fn end_with(&mut self, last: Zxid) {
        for versions in self.nodes.values_mut() {
            versions.truncate(versions.partition_point(|(zxid, _)| *zxid <= last));
        }
        self.nodes.retain(|_, versions| !versions.is_empty());
        self.entries.split_off(&Zxid(last.0 + 1));
        self.sessions.retain(|_, (began, _)| *began <= last);
        for (_, end) in self.sessions.values_mut() {
            *end = end.filter(|end| *end <= last);
        }
        self.last = last;
    }

    fn apply(&mut self, header: &TxnHeader, txn: &Txn) -> Result<(), Violation> {
        let zxid = header.zxid;
        let wrong = |why: String| Err(Violation(format!("transaction {zxid} {why}")));
        match txn {
            Txn::Create(create) | Txn::Create2(create) => {
                let path = &create.path;
                if self.node(path, zxid).is_some() {
                    return wrong(format!("creates {path}, which exists"));
                }
                let parent = path::parent(path).unwrap_or("/");
                let parent_owner = match (parent, self.node(parent, zxid)) {
                    ("/", _) => SessionId::NONE,
                    (_, Some(node)) => node.owner,
                    (_, None) => return wrong(format!("creates {path} below nothing")),
                };
                if parent_owner != SessionId::NONE {
                    return wrong(format!("creates {path} below an ephemeral znode"));
                }
                let owner = if create.ephemeral { header.session } else { SessionId::NONE };
                if create.ephemeral && self.has_ended(owner) {
                    return wrong(format!("creates {path} for the dead session {owner}"));
                }
                let data = create.data.clone();
                self.set(path, zxid, Some(Node { data, version: 0, czxid: zxid, mzxid: zxid, owner }));
            }
            Txn::Delete(delete) => {
                let path = &delete.path;
                if self.node(path, zxid).is_none() || !self.children(path, zxid).is_empty() {
                    return wrong(format!("deletes {path}, which cannot be deleted"));
                }
                self.set(path, zxid, None);
            }
            Txn::SetData(set) => {
                let Some(node) = self.node(&set.path, zxid) else {
                    return wrong(format!("sets {}, which does not exist", set.path));
                };
                if set.version != node.version + 1 {
                    return wrong(format!("takes {} from {} to {}", set.path, node.version, set.version));
                }
                let data = set.data.clone();
                let node = Node { data, version: set.version, mzxid: zxid, ..node.clone() };
                self.set(&set.path, zxid, Some(node));
            }
            Txn::Multi(members) if members.iter().any(|member| matches!(member, Txn::Error(_))) => {}
            Txn::Multi(members) => members.iter().try_for_each(|member| self.apply(header, member))?,
            Txn::CreateSession { .. } => {
                self.sessions.insert(header.session, (zxid, None));
            }
            Txn::CloseSession(paths) => {
                let owned: BTreeSet<String> = (self.tree(zxid).into_iter())
                    .filter(|(_, node)| node.owner == header.session)
                    .map(|(path, _)| path.to_owned())
                    .collect();
                let named: BTreeSet<String> = paths.iter().flatten().cloned().collect();
                if owned != named {
                    return wrong(format!("ends a session that owns {owned:?} and names {named:?}"));
                }
                if self.has_ended(header.session) {
                    return wrong(format!("ends session {}, which does not live", header.session));
                }
                owned.iter().for_each(|path| self.set(path, zxid, None));
                if let Some((_, end)) = self.sessions.get_mut(&header.session) {
                    *end = Some(zxid);
                }
            }
            Txn::Check(_) | Txn::Error(_) => {}
            other => return wrong(format!("is of a kind that nobody asked for: {other:?}")),
        }
        Ok(())
    }

    fn set(&mut self, path: &str, zxid: Zxid, node: Option<Node>) {
        self.nodes.entry(path.to_owned()).or_default().push((zxid, node));
    }
}
