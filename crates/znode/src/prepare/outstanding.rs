//! Changes that are prepared but not applied yet: the tree as it will be, where it differs.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use zookeeper_wire::{SessionId, StoredStat, Zxid};

use crate::acl::AclList;
use crate::digest::{content_crc, is_digested, node_digest};
use crate::hash::HashKey;
use crate::node::NodeId;
use crate::tree::Tree;

/// The difference between the committed tree and the prepared one.
#[derive(Debug)]
pub struct Outstanding {
    changes: HashMap<Arc<str>, Change, HashKey>,
    /// Every change in order, so that the map can forget those that are applied.
    order: VecDeque<(Zxid, Arc<str>)>,
    /// The digest after the last change; meaningless while there are none.
    digest: u64,
    /// While a multi is prepared: what its changes replaced, the oldest first.
    undo: Option<Undo>,
}

#[derive(Debug)]
struct Change {
    /// The map's own key, to be shared with the order.
    path: Arc<str>,
    zxid: Zxid,
    /// `None` if the znode will be gone.
    node: Option<Pending>,
}

#[derive(Debug, Default)]
struct Undo {
    replaced: Vec<(Arc<str>, Option<Change>)>,
    digest: u64,
}

/// A znode as it will be.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) stat: StoredStat,
    pub(super) children: u32,
    pub(super) data_length: usize,
    pub(super) acl: AclList,
    /// CRC-32 of path and data, as the tree keeps it.
    content_crc: u32,
    /// What the znode adds to the digest as things stand; new values count once they are recorded.
    digest: u64,
}

impl Outstanding {
    /// None. `key` seeds the hash of paths.
    pub fn new(key: HashKey) -> Self {
        Outstanding { changes: HashMap::with_hasher(key), order: VecDeque::new(), digest: 0, undo: None }
    }

    /// Changes that are not applied yet.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// True if the tree is as it will be.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The transactions up to `zxid` are in the tree now.
    pub fn applied(&mut self, zxid: Zxid) {
        while let Some((changed, _)) = self.order.front() {
            if *changed > zxid {
                break;
            }
            let (changed, path) = self.order.pop_front().expect("it has a front");
            if let Entry::Occupied(change) = self.changes.entry(path)
                && change.get().zxid == changed
            {
                change.remove();
            }
        }
    }

    /// Everything prepared is void: another leader decides.
    pub fn clear(&mut self) {
        self.changes.clear();
        self.order.clear();
    }

    /// The digest of the tree as it will be.
    pub(super) fn digest(&self, tree: &Tree) -> u64 {
        if self.order.is_empty() { tree.digest() } else { self.digest }
    }

    /// The znode as it will be.
    pub(super) fn view(&self, tree: &Tree, path: &str) -> Option<Pending> {
        if !self.changes.is_empty()
            && let Some(change) = self.changes.get(path)
        {
            return change.node.clone();
        }
        tree.find(path).map(|id| Pending::committed(tree, id))
    }

    /// Records that the znode, seen before and changed since, will be as it is now after transaction
    /// `zxid`.
    pub(super) fn change(&mut self, tree: &Tree, zxid: Zxid, path: &str, mut node: Pending) {
        let before = node.digest;
        node.digest = if is_digested(path) { node_digest(node.content_crc, &node.stat) } else { 0 };
        self.digest = self.digest(tree).wrapping_sub(before).wrapping_add(node.digest);
        self.record(zxid, path, Some(node));
    }

    /// Records that the znode, as it was seen, will be gone after transaction `zxid`.
    pub(super) fn remove(&mut self, tree: &Tree, zxid: Zxid, path: &str, node: &Pending) {
        self.digest = self.digest(tree).wrapping_sub(node.digest);
        self.record(zxid, path, None);
    }

    fn record(&mut self, zxid: Zxid, path: &str, node: Option<Pending>) {
        let (key, replaced) = match self.changes.get_mut(path) {
            Some(change) => {
                let key = change.path.clone();
                (key.clone(), Some(std::mem::replace(change, Change { path: key, zxid, node })))
            }
            None => {
                let key: Arc<str> = path.into();
                self.changes.insert(key.clone(), Change { path: key.clone(), zxid, node });
                (key, None)
            }
        };
        if let Some(undo) = &mut self.undo {
            undo.replaced.push((key.clone(), replaced));
        }
        self.order.push_back((zxid, key));
    }

    /// From here on, changes can be taken back.
    pub(super) fn begin(&mut self, tree: &Tree) {
        self.undo = Some(Undo { replaced: Vec::new(), digest: self.digest(tree) });
    }

    /// The changes stay.
    pub(super) fn keep(&mut self) {
        self.undo = None;
    }

    /// The changes never were.
    pub(super) fn roll_back(&mut self) {
        let undo = self.undo.take().expect("only a multi that began is rolled back");
        for (path, replaced) in undo.replaced.into_iter().rev() {
            self.order.pop_back();
            match replaced {
                Some(change) => self.changes.insert(path, change),
                None => self.changes.remove(&path),
            };
        }
        self.digest = undo.digest;
    }

    /// The ephemeral znodes that the session will have.
    pub(super) fn ephemerals(&self, tree: &Tree, session: SessionId) -> BTreeSet<String> {
        let mut paths: BTreeSet<String> = tree.ephemerals(session).map(|id| tree.path(id)).collect();
        for (_, path) in &self.order {
            match self.changes.get(path).map(|change| &change.node) {
                Some(Some(node)) if node.stat.ephemeral_owner == session.0 => {
                    paths.insert(path.to_string());
                }
                // Gone, or gone and made anew for somebody else.
                Some(_) => {
                    paths.remove(&**path);
                }
                None => {}
            }
        }
        paths
    }
}

impl Pending {
    /// A new znode.
    pub(super) fn new(path: &str, data: Option<&[u8]>, acl: AclList, stat: StoredStat) -> Self {
        let content_crc = if is_digested(path) { content_crc(path, data) } else { 0 };
        Pending { stat, children: 0, data_length: data.map_or(0, <[u8]>::len), acl, content_crc, digest: 0 }
    }

    fn committed(tree: &Tree, id: NodeId) -> Self {
        let node = tree.node(id);
        Pending {
            stat: tree.stored_stat(id),
            children: tree.child_count(id) as u32,
            data_length: node.data_length(),
            acl: tree.acl(id).clone(),
            content_crc: node.content_crc,
            digest: tree.digest_of(id),
        }
    }

    pub(super) fn set_data(&mut self, path: &str, data: Option<&[u8]>) {
        self.data_length = data.map_or(0, <[u8]>::len);
        self.content_crc = if is_digested(path) { content_crc(path, data) } else { 0 };
    }
}
