//! Point-in-time snapshots: a pinned copy of the database that another thread can walk while the
//! original goes on changing, and the way back from what a snapshot file holds.

use std::collections::{BTreeMap, HashMap};

use zookeeper_wire::{Acl, SessionId, StoredStat, Zxid, path};

use crate::acl::{AclId, AclSlot};
use crate::arena::Arena;
use crate::database::Database;
use crate::hash::HashKey;
use crate::node::{Extra, NONE, Node, NodeId};
use crate::owner::ExtendedTypes;
use crate::tree::{Tree, stored_stat};

/// The key that stands for the open list in snapshot files; it is in no table.
pub const OPEN_ACL_KEY: i64 = -1;

/// The database as it was when the snapshot was taken. Taking it costs microseconds; it may be sent
/// to and dropped on another thread. While it lives, a write to a page of znodes copies that page.
#[derive(Clone, Debug)]
pub struct Snapshot {
    nodes: Arena<Node>,
    extras: Arena<Extra>,
    acls: Arena<AclSlot>,
    sessions: BTreeMap<SessionId, i32>,
    zxid: Zxid,
    digest: u64,
    count: usize,
}

/// One znode of a snapshot.
#[derive(Debug)]
pub struct SnapshotNode<'a> {
    /// Its path as snapshot files have it: the root is empty.
    pub path: &'a str,
    /// Its data, null or not.
    pub data: Option<&'a [u8]>,
    /// Its list in the table, or [`OPEN_ACL_KEY`].
    pub acl_key: i64,
    /// Its stat.
    pub stat: StoredStat,
}

impl Database {
    /// The database as it is now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            nodes: self.tree.nodes.pin(),
            extras: self.tree.extras.pin(),
            acls: self.tree.acls.pin(),
            sessions: self.sessions.clone(),
            zxid: self.last_applied,
            digest: self.tree.digest(),
            count: self.tree.len(),
        }
    }
}

impl Snapshot {
    /// The last transaction in it.
    pub fn zxid(&self) -> Zxid {
        self.zxid
    }

    /// The tree's digest.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Znodes in it.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Never true: there is a root.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The sessions with their time-outs in milliseconds.
    pub fn sessions(&self) -> &BTreeMap<SessionId, i32> {
        &self.sessions
    }

    /// The table of lists, each with its key.
    pub fn acls(&self) -> impl Iterator<Item = (i64, &[Acl])> {
        (1..self.acls.len()).filter_map(|id| {
            let slot = self.acls.get(id);
            (slot.znodes > 0).then_some((i64::from(id), &slot.list[..]))
        })
    }

    /// A walk over all znodes, parents first. It can be paused anywhere.
    pub fn walk(&self) -> Walk<'_> {
        Walk { snapshot: self, last: None, path: String::new() }
    }

    fn first_child(&self, id: NodeId) -> u32 {
        let extra = self.nodes.get(id.0).extra;
        if extra == NONE { NONE } else { self.extras.get(extra).first_child }
    }
}

/// Where a walk over a snapshot is.
#[derive(Debug)]
pub struct Walk<'a> {
    snapshot: &'a Snapshot,
    /// The znode that was handed out last; `None` before the first.
    last: Option<NodeId>,
    /// Its path.
    path: String,
}

impl Walk<'_> {
    /// The next znode; `None` at the end, after which the walk is over. (Not an iterator: the path is
    /// lent.)
    pub fn step(&mut self) -> Option<SnapshotNode<'_>> {
        let snapshot = self.snapshot;
        let id = match self.last {
            None => NodeId::ROOT,
            Some(last) => self.advance(last)?,
        };
        self.last = Some(id);
        let node = snapshot.nodes.get(id.0);
        let extra = (node.extra != NONE).then(|| snapshot.extras.get(node.extra));
        Some(SnapshotNode {
            path: &self.path,
            data: node.data(),
            acl_key: if node.acl == AclId::OPEN { OPEN_ACL_KEY } else { i64::from(node.acl.0) },
            stat: stored_stat(node, extra),
        })
    }

    /// The znode after `at` in pre-order: its first child, or the next sibling of the nearest
    /// ancestor that has one.
    fn advance(&mut self, at: NodeId) -> Option<NodeId> {
        let snapshot = self.snapshot;
        let child = snapshot.first_child(at);
        if child != NONE {
            return Some(self.enter(child));
        }
        let mut at = at;
        while at != NodeId::ROOT {
            let node = snapshot.nodes.get(at.0);
            self.path.truncate(self.path.len() - node.name().len() - 1);
            if node.next != NONE {
                return Some(self.enter(node.next));
            }
            at = NodeId(node.parent);
        }
        None
    }

    fn enter(&mut self, id: u32) -> NodeId {
        self.path.push('/');
        self.path.push_str(&String::from_utf8_lossy(self.snapshot.nodes.get(id).name()));
        NodeId(id)
    }
}

/// A database being put together from what a snapshot file holds, in the file's order.
#[derive(Debug)]
pub struct Restore {
    database: Database,
    acls: HashMap<i64, Vec<Acl>>,
    /// The last parent, and its path: siblings come one after the other.
    parent: (String, NodeId),
}

/// Why a snapshot file makes no tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RestoreError {
    /// A znode whose parent did not come before it.
    Orphan(String),
    /// A path that comes twice.
    Twice(String),
    /// A znode whose list is not in the table.
    UnknownAcl(i64),
    /// There is no root.
    NoRoot,
}

impl std::fmt::Display for RestoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RestoreError::Orphan(path) => write!(f, "znode {path:?} has no parent in the snapshot"),
            RestoreError::Twice(path) => write!(f, "znode {path:?} is in the snapshot twice"),
            RestoreError::UnknownAcl(key) => write!(f, "the snapshot has no access control list {key}"),
            RestoreError::NoRoot => write!(f, "the snapshot has no root"),
        }
    }
}

impl std::error::Error for RestoreError {}

impl Restore {
    /// Nothing loaded yet. The parameters are those of [`Tree::new`].
    pub fn new(key: HashKey, extended_types: ExtendedTypes) -> Self {
        let tree = Tree::bare(key, extended_types);
        let database = Database { tree, sessions: BTreeMap::new(), last_applied: Zxid::ZERO };
        Restore { database, acls: HashMap::new(), parent: (String::new(), NodeId::ROOT) }
    }

    /// A session.
    pub fn session(&mut self, session: SessionId, timeout_ms: i32) {
        self.database.sessions.insert(session, timeout_ms);
    }

    /// A list and its key.
    pub fn acl(&mut self, key: i64, list: Vec<Acl>) {
        self.acls.insert(key, list);
    }

    /// A znode; its parent and its list came before. The root's path is empty.
    pub fn node(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        acl_key: i64,
        stat: &StoredStat,
    ) -> Result<(), RestoreError> {
        let tree = &mut self.database.tree;
        let acl = match self.acls.get(&acl_key) {
            _ if acl_key == OPEN_ACL_KEY => AclId::OPEN,
            Some(list) => tree.acls.acquire(list),
            None => return Err(RestoreError::UnknownAcl(acl_key)),
        };
        if path.is_empty() || tree.is_empty() {
            if !path.is_empty() || !tree.is_empty() {
                return Err(RestoreError::Orphan(path.to_owned()));
            }
            tree.attach_root(data, acl, stat);
            return Ok(());
        }
        if tree.find(path).is_some() {
            return Err(RestoreError::Twice(path.to_owned()));
        }
        let orphan = || RestoreError::Orphan(path.to_owned());
        let above = path::parent(path).ok_or_else(orphan)?;
        if above != self.parent.0 {
            let id = tree.find(above).ok_or_else(orphan)?;
            self.parent.0.clear();
            self.parent.0.push_str(above);
            self.parent.1 = id;
        }
        tree.attach_under(self.parent.1, path, data, acl, stat);
        Ok(())
    }

    /// The database, ready for the transactions after `zxid`.
    pub fn finish(self, zxid: Zxid) -> Result<Database, RestoreError> {
        let mut database = self.database;
        if database.tree.is_empty() {
            return Err(RestoreError::NoRoot);
        }
        database.tree.quotas_loaded();
        database.last_applied = zxid;
        Ok(database)
    }
}

#[cfg(test)]
mod tests;
