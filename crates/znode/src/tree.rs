//! The tree of znodes: who is where, with which data, stat and list, and the digest over all of it.
//!
//! It holds committed state only; transactions come in through [`crate::Database`]. Invariants: every
//! znode but the root has a parent; a parent's count of children is the length of its child list; the
//! digest is the sum of the digests of the znodes that count.

use std::collections::{BTreeMap, BTreeSet};

use zookeeper_wire::{Acl, SessionId, Stat, StoredStat, Zxid, path};

use crate::acl::{AclId, AclList, AclTable};
use crate::arena::Slab;
use crate::digest::{content_crc, node_digest};
use crate::hash::HashKey;
use crate::index::Index;
use crate::node::{Extra, NONE, Node, NodeId};
use crate::owner::{ExtendedTypes, Owner};
use crate::quota::Quotas;

/// All znodes, committed.
#[derive(Debug)]
pub struct Tree {
    pub(crate) nodes: Slab<Node>,
    pub(crate) extras: Slab<Extra>,
    pub(crate) acls: AclTable,
    index: Index,
    key: HashKey,
    extended_types: ExtendedTypes,
    count: usize,
    data_bytes: usize,
    digest: u64,
    ephemerals: BTreeMap<SessionId, BTreeSet<NodeId>>,
    containers: BTreeSet<NodeId>,
    timed: BTreeSet<NodeId>,
    pub(crate) quotas: Quotas,
    /// Room to put a name and data together.
    scratch: Vec<u8>,
}

/// What a create puts into the tree.
pub(crate) struct NewNode<'a> {
    pub(crate) path: &'a str,
    pub(crate) data: Option<&'a [u8]>,
    pub(crate) acl: &'a [Acl],
    pub(crate) owner: Owner,
    pub(crate) zxid: i64,
    pub(crate) time_ms: i64,
}

impl Tree {
    /// A tree as a new server has it: the root, `/zookeeper` and what belongs there.
    ///
    /// `key` is a seed for the path hash, best drawn at random by the process; `extended_types` says
    /// whether znodes may have a time to live.
    pub fn new(key: HashKey, extended_types: ExtendedTypes) -> Tree {
        let mut tree = Tree::bare(key, extended_types);
        tree.attach_root(Some(b""), AclId::OPEN, &StoredStat::default());
        for path in [ZOOKEEPER, QUOTA, CONFIG] {
            tree.attach(path, Some(b""), AclId::OPEN, &StoredStat::default())
                .expect("the parent was just made");
        }
        let config = tree.find(CONFIG).expect("it was just made");
        tree.set_acl(config, &[Acl::world(zookeeper_wire::Permissions::READ)], -1);
        tree
    }

    /// A tree with nothing in it, not even a root: what a snapshot is loaded into.
    pub(crate) fn bare(key: HashKey, extended_types: ExtendedTypes) -> Tree {
        Tree {
            nodes: Slab::new(),
            extras: Slab::new(),
            acls: AclTable::new(key),
            index: Index::new(),
            key,
            extended_types,
            count: 0,
            data_bytes: 0,
            digest: 0,
            ephemerals: BTreeMap::new(),
            containers: BTreeSet::new(),
            timed: BTreeSet::new(),
            quotas: Quotas::default(),
            scratch: Vec::new(),
        }
    }

    /// The znode at `path`. The empty path is the root too, as in the original.
    pub fn find(&self, path: &str) -> Option<NodeId> {
        if path.len() <= 1 {
            return (path.is_empty() || path == "/").then_some(NodeId::ROOT);
        }
        let hash = self.key.hash(path.as_bytes()) as u32;
        self.index.find(hash, |id| self.is_at(id, hash, path)).map(NodeId)
    }

    /// The path of a znode.
    pub fn path(&self, id: NodeId) -> String {
        if id == NodeId::ROOT {
            return "/".to_owned();
        }
        let mut names = Vec::new();
        let mut at = id;
        while at != NodeId::ROOT {
            names.push(self.name(at));
            at = NodeId(self.node(at).parent);
        }
        let mut path = String::with_capacity(names.iter().map(|name| name.len() + 1).sum());
        for name in names.iter().rev() {
            path.push('/');
            path.push_str(&String::from_utf8_lossy(name));
        }
        path
    }

    /// The last component of the path, as UTF-8; empty for the root.
    pub fn name(&self, id: NodeId) -> &[u8] {
        self.node(id).name()
    }

    /// The data, null or not.
    pub fn data(&self, id: NodeId) -> Option<&[u8]> {
        self.node(id).data()
    }

    /// The access control list.
    pub fn acl(&self, id: NodeId) -> &AclList {
        self.acls.list(self.node(id).acl)
    }

    /// The stat as clients see it.
    pub fn stat(&self, id: NodeId) -> Stat {
        let stored = self.stored_stat(id);
        let children = self.child_count(id) as i32;
        let ephemeral_owner = match self.owner(id) {
            Owner::Session(session) => session,
            _ => SessionId::NONE,
        };
        Stat {
            czxid: stored.czxid,
            mzxid: stored.mzxid,
            ctime: stored.ctime,
            mtime: stored.mtime,
            version: stored.version,
            child_version: stored.child_version.wrapping_mul(2).wrapping_sub(children),
            acl_version: stored.acl_version,
            ephemeral_owner,
            data_length: self.node(id).data_length() as i32,
            children,
            pzxid: stored.pzxid,
        }
    }

    /// The stat as snapshots and digests have it.
    pub fn stored_stat(&self, id: NodeId) -> StoredStat {
        stored_stat(self.node(id), self.extra(id))
    }

    /// What kind of life it has.
    pub fn owner(&self, id: NodeId) -> Owner {
        self.extra(id).map_or(Owner::Nobody, |extra| Owner::from_stored(extra.owner, self.extended_types))
    }

    /// Children, not descendants.
    pub fn child_count(&self, id: NodeId) -> usize {
        self.extra(id).map_or(0, |extra| extra.children as usize)
    }

    /// The children, in no order.
    pub fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let first = self.extra(id).map_or(NONE, |extra| extra.first_child);
        let some = |id| (id != NONE).then_some(NodeId(id));
        std::iter::successors(some(first), move |&id| some(self.node(id).next))
    }

    pub(crate) fn first_child(&self, id: NodeId) -> Option<NodeId> {
        self.children(id).next()
    }

    /// Descendants, itself not counted.
    pub fn descendant_count(&self, id: NodeId) -> usize {
        if id == NodeId::ROOT {
            return self.count - 1;
        }
        let mut count = 0;
        let mut todo = vec![id];
        while let Some(id) = todo.pop() {
            count += self.child_count(id);
            todo.extend(self.children(id).filter(|&child| self.child_count(child) > 0));
        }
        count
    }

    /// Znodes, the root included.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Never true once there is a root.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of all paths and data, about as the original counts them.
    pub fn approximate_data_bytes(&self) -> usize {
        self.data_bytes
    }

    /// The digest, version 2.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Distinct access control lists, the open one not counted.
    pub fn acl_count(&self) -> usize {
        self.acls.len()
    }

    /// The ephemeral znodes of a session.
    pub fn ephemerals(&self, session: SessionId) -> impl Iterator<Item = NodeId> {
        self.ephemerals.get(&session).into_iter().flatten().copied()
    }

    /// Sessions that own ephemeral znodes, each with their number.
    pub fn ephemeral_sessions(&self) -> impl Iterator<Item = (SessionId, usize)> {
        self.ephemerals.iter().map(|(&session, nodes)| (session, nodes.len()))
    }

    /// Ephemeral znodes of all sessions.
    pub fn ephemeral_count(&self) -> usize {
        self.ephemerals.values().map(BTreeSet::len).sum()
    }

    /// Containers, and znodes with a time to live.
    pub(crate) fn mortals(&self) -> impl Iterator<Item = NodeId> {
        self.containers.iter().chain(&self.timed).copied()
    }

    /// The seed of the path hash.
    pub fn key(&self) -> HashKey {
        self.key
    }

    /// Whether znodes may have a time to live.
    pub fn extended_types(&self) -> ExtendedTypes {
        self.extended_types
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id.0)
    }

    /// A new znode under a parent that is there; the parent's own stat is the caller's business.
    pub(crate) fn create(&mut self, parent: NodeId, new: NewNode<'_>) -> NodeId {
        let acl = self.acls.acquire(new.acl);
        let stat = StoredStat {
            czxid: Zxid(new.zxid),
            mzxid: Zxid(new.zxid),
            pzxid: Zxid(new.zxid),
            ctime: new.time_ms,
            mtime: new.time_ms,
            ephemeral_owner: new.owner.to_stored(),
            ..StoredStat::default()
        };
        self.attach_under(parent, new.path, new.data, acl, &stat)
    }

    /// A znode with all its stored metadata; `None` if it has no parent here.
    pub(crate) fn attach(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        acl: AclId,
        stat: &StoredStat,
    ) -> Option<NodeId> {
        let parent = self.find(path::parent(path)?)?;
        Some(self.attach_under(parent, path, data, acl, stat))
    }

    pub(crate) fn attach_root(&mut self, data: Option<&[u8]>, acl: AclId, stat: &StoredStat) {
        assert_eq!(self.count, 0, "the root comes first");
        let mut root = Node::new("", data, &mut self.scratch);
        self.store_stat(&mut root, stat, acl);
        root.content_crc = content_crc("", data);
        let id = NodeId(self.nodes.insert(root));
        assert_eq!(id, NodeId::ROOT);
        self.count = 1;
        self.data_bytes += data.map_or(0, <[u8]>::len);
        self.redigest(id, 0);
    }

    /// The same, under a parent that is there.
    pub(crate) fn attach_under(
        &mut self,
        parent: NodeId,
        path: &str,
        data: Option<&[u8]>,
        acl: AclId,
        stat: &StoredStat,
    ) -> NodeId {
        let mut node = Node::new(path::name(path), data, &mut self.scratch);
        self.store_stat(&mut node, stat, acl);
        node.parent = parent.0;
        node.path_hash = self.key.hash(path.as_bytes()) as u32;
        if !crate::digest::is_digested(path) {
            node.set_undigested();
        } else {
            node.content_crc = content_crc(path, data);
        }
        let hash = node.path_hash;
        let first_child = self.extra(parent).map_or(NONE, |extra| extra.first_child);
        node.next = first_child;
        let id = NodeId(self.nodes.insert(node));
        if first_child != NONE {
            self.nodes.get_mut(first_child).previous = id.0;
        }
        let family = self.extra_mut(parent);
        family.first_child = id.0;
        family.children += 1;
        let nodes = &self.nodes;
        self.index.insert(hash, id.0, |id| nodes.get(id).path_hash);
        self.count += 1;
        self.data_bytes += path.len() + data.map_or(0, <[u8]>::len);
        self.redigest(id, 0);
        match self.owner(id) {
            Owner::Nobody => {}
            Owner::Session(session) => {
                self.ephemerals.entry(session).or_default().insert(id);
            }
            Owner::Container => {
                self.containers.insert(id);
            }
            Owner::TimeToLive(_) => {
                self.timed.insert(id);
            }
        }
        id
    }

    /// Takes a znode without children out. `path` is its path.
    pub(crate) fn remove(&mut self, id: NodeId, path: &str) {
        assert!(id != NodeId::ROOT && self.child_count(id) == 0, "only leaves are removed");
        self.digest = self.digest.wrapping_sub(self.digest_of(id));
        match self.owner(id) {
            Owner::Nobody => {}
            Owner::Session(session) => {
                if let Some(nodes) = self.ephemerals.get_mut(&session) {
                    nodes.remove(&id);
                    if nodes.is_empty() {
                        self.ephemerals.remove(&session);
                    }
                }
            }
            Owner::Container => {
                self.containers.remove(&id);
            }
            Owner::TimeToLive(_) => {
                self.timed.remove(&id);
            }
        }
        let hash = self.node(id).path_hash;
        let nodes = &self.nodes;
        self.index.remove(hash, id.0, |id| nodes.get(id).path_hash);
        let node = self.nodes.remove(id.0);
        if node.next != NONE {
            self.nodes.get_mut(node.next).previous = node.previous;
        }
        if node.previous != NONE {
            self.nodes.get_mut(node.previous).next = node.next;
        }
        let family = self.extra_mut(NodeId(node.parent));
        if family.first_child == id.0 {
            family.first_child = node.next;
        }
        family.children -= 1;
        if node.extra != NONE {
            self.extras.remove(node.extra);
        }
        self.acls.release(node.acl);
        self.count -= 1;
        self.data_bytes -= path.len() + node.data_length();
    }

    /// A child was created: the version only ever rises, so that a replay over a newer snapshot does
    /// no harm.
    pub(crate) fn raise_child_version(&mut self, id: NodeId, cversion: i32, zxid: i64) {
        let before = self.digest_of(id);
        let extra = self.extra_mut(id);
        let cversion = if cversion == -1 { extra.cversion.wrapping_add(1) } else { cversion };
        if cversion > extra.cversion {
            extra.cversion = cversion;
            extra.pzxid = zxid;
        }
        self.redigest(id, before);
    }

    /// A child was deleted.
    pub(crate) fn raise_pzxid(&mut self, id: NodeId, zxid: i64) {
        let before = self.digest_of(id);
        let extra = self.extra_mut(id);
        extra.pzxid = extra.pzxid.max(zxid);
        self.redigest(id, before);
    }

    pub(crate) fn set_data(
        &mut self,
        id: NodeId,
        path: &str,
        data: Option<&[u8]>,
        version: i32,
        zxid: i64,
        time_ms: i64,
    ) {
        let before = self.digest_of(id);
        let extra = self.extra_mut(id);
        extra.version = version;
        extra.mzxid = zxid;
        extra.mtime = time_ms;
        self.replace_data(id, path, data);
        self.redigest(id, before);
    }

    /// New data without any trace in the stat: for the statistics of quotas, which servers keep each
    /// on their own and which are outside of the digest.
    pub(crate) fn set_data_silently(&mut self, id: NodeId, path: &str, data: &[u8]) {
        assert!(self.node(id).is_undigested(), "only statistics change without a transaction");
        self.replace_data(id, path, Some(data));
    }

    pub(crate) fn set_acl(&mut self, id: NodeId, acl: &[Acl], aversion: i32) {
        let before = self.digest_of(id);
        self.replace_acl(id, acl);
        self.extra_mut(id).aversion = aversion;
        self.redigest(id, before);
    }

    pub(crate) fn replace_acl(&mut self, id: NodeId, acl: &[Acl]) {
        let new = self.acls.acquire(acl);
        let node = self.nodes.get_mut(id.0);
        let old = std::mem::replace(&mut node.acl, new);
        self.acls.release(old);
    }

    fn replace_data(&mut self, id: NodeId, path: &str, data: Option<&[u8]>) {
        let node = self.nodes.get_mut(id.0);
        let old_length = node.data_length();
        node.set_data(data, &mut self.scratch);
        let new_length = node.data_length();
        if !node.is_undigested() {
            node.content_crc = content_crc(path, data);
        }
        self.data_bytes = self.data_bytes - old_length + new_length;
    }

    fn extra(&self, id: NodeId) -> Option<&Extra> {
        let at = self.node(id).extra;
        (at != NONE).then(|| self.extras.get(at))
    }

    /// The rest of the znode, made now if it had none.
    fn extra_mut(&mut self, id: NodeId) -> &mut Extra {
        let node = self.node(id);
        let mut at = node.extra;
        if at == NONE {
            let digest = self.digest_of(id) as u32;
            let (mzxid, mtime) = (node.czxid, node.ctime);
            at = self.extras.insert(Extra { mzxid, mtime, pzxid: mzxid, digest, ..Extra::default() });
            self.nodes.get_mut(id.0).extra = at;
        }
        self.extras.get_mut(at)
    }

    /// Puts metadata into a node that is not in the tree yet.
    fn store_stat(&mut self, node: &mut Node, stat: &StoredStat, acl: AclId) {
        node.czxid = stat.czxid.0;
        node.ctime = stat.ctime;
        node.acl = acl;
        if *stat != stored_stat(node, None) {
            node.extra = self.extras.insert(Extra {
                mzxid: stat.mzxid.0,
                mtime: stat.mtime,
                pzxid: stat.pzxid.0,
                owner: stat.ephemeral_owner,
                version: stat.version,
                cversion: stat.child_version,
                aversion: stat.acl_version,
                ..Extra::default()
            });
        }
    }

    /// What the znode adds to the digest.
    pub(crate) fn digest_of(&self, id: NodeId) -> u64 {
        match self.extra(id) {
            Some(extra) => u64::from(extra.digest),
            None => self.computed_digest_of(id),
        }
    }

    fn computed_digest_of(&self, id: NodeId) -> u64 {
        let node = self.node(id);
        if node.is_undigested() { 0 } else { node_digest(node.content_crc, &self.stored_stat(id)) }
    }

    /// The znode has changed; it added `before` to the digest.
    fn redigest(&mut self, id: NodeId, before: u64) {
        let after = self.computed_digest_of(id);
        let at = self.node(id).extra;
        if at != NONE {
            self.extras.get_mut(at).digest = after as u32;
        }
        self.digest = self.digest.wrapping_sub(before).wrapping_add(after);
    }

    /// True if the znode's path, read upwards, is `path`.
    fn is_at(&self, id: u32, hash: u32, path: &str) -> bool {
        let mut node = self.nodes.get(id);
        if node.path_hash != hash {
            return false;
        }
        let mut rest = path.as_bytes();
        loop {
            let Some(before) = rest.strip_suffix(node.name()).and_then(|r| r.strip_suffix(b"/")) else {
                return false;
            };
            rest = before;
            if node.parent == NodeId::ROOT.0 {
                return rest.is_empty();
            }
            node = self.nodes.get(node.parent);
        }
    }
}

pub(crate) fn stored_stat(node: &Node, extra: Option<&Extra>) -> StoredStat {
    let stat = StoredStat {
        czxid: Zxid(node.czxid),
        mzxid: Zxid(node.czxid),
        pzxid: Zxid(node.czxid),
        ctime: node.ctime,
        mtime: node.ctime,
        ..StoredStat::default()
    };
    match extra {
        None => stat,
        Some(extra) => StoredStat {
            mzxid: Zxid(extra.mzxid),
            mtime: extra.mtime,
            pzxid: Zxid(extra.pzxid),
            version: extra.version,
            child_version: extra.cversion,
            acl_version: extra.aversion,
            ephemeral_owner: extra.owner,
            ..stat
        },
    }
}

/// Where the server keeps what is its own.
pub const ZOOKEEPER: &str = "/zookeeper";
/// Where quotas are set.
pub const QUOTA: &str = "/zookeeper/quota";
/// Where the ensemble's membership is shown.
pub const CONFIG: &str = "/zookeeper/config";

/// True if `path` is one of those that can never be deleted.
pub fn is_special(path: &str) -> bool {
    matches!(path, "/" | ZOOKEEPER | QUOTA | CONFIG)
}

#[cfg(test)]
mod tests;
