//! Watches: who wants to be told about which path.
//!
//! Two tables as in the original: data (left by exists and getData) and child (left by getChildren).
//! A persistent watch is in both, a recursive one only in the first and looks after all below it. One
//! event for one watcher, however many of its watches fit. Source: `WatchManager`, `DataTree`.

mod book;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use zookeeper_wire::{EventKind, SetWatches2Request, path};

use crate::acl::AclList;
use crate::hash::HashKey;
use crate::tree::Tree;
use book::{Book, Modes};

/// Whoever watches: the node uses the number of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct WatcherId(pub u64);

/// An event with everybody it is for.
#[derive(Clone, Debug)]
pub struct Fired {
    /// What happened.
    pub kind: EventKind,
    /// Where.
    pub path: Arc<str>,
    /// The list by which watchers must be allowed to read; those that are not get nothing.
    pub acl: AclList,
    /// Whom to tell, each once.
    pub watchers: Vec<WatcherId>,
}

/// Which watches a request to check or remove means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WatchKind {
    /// One-shot watches left by getChildren.
    Children,
    /// One-shot watches left by getData and exists.
    Data,
    /// All there are.
    Any,
    /// Persistent ones.
    Persistent,
    /// Persistent recursive ones.
    Recursive,
}

impl WatchKind {
    /// From the wire; `None` if there is no such kind.
    pub fn from_wire(kind: i32) -> Option<WatchKind> {
        Some(match kind {
            1 => WatchKind::Children,
            2 => WatchKind::Data,
            3 => WatchKind::Any,
            4 => WatchKind::Persistent,
            5 => WatchKind::Recursive,
            _ => return None,
        })
    }
}

/// All watches of a server.
#[derive(Debug)]
pub struct Watches {
    book: Book,
}

/// How many watches there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WatchCounts {
    /// Watchers with at least one.
    pub watchers: usize,
    /// Paths with at least one.
    pub paths: usize,
    /// Pairs of the two, in each table.
    pub watches: usize,
}

impl Watches {
    /// None yet. `key` seeds the hash of paths.
    pub fn new(key: HashKey) -> Self {
        Watches { book: Book::new(key) }
    }

    /// A one-shot watch as exists and getData leave it.
    pub fn watch_data(&mut self, path: &str, watcher: WatcherId) {
        self.book.add(path, watcher, Modes::DATA_ONCE);
    }

    /// A one-shot watch as getChildren leaves it.
    pub fn watch_children(&mut self, path: &str, watcher: WatcherId) {
        self.book.add(path, watcher, Modes::CHILD_ONCE);
    }

    /// A watch that stays.
    pub fn watch_persistently(&mut self, path: &str, watcher: WatcherId) {
        self.book.add(path, watcher, Modes::ALWAYS);
    }

    /// A watch that stays and covers all below it.
    pub fn watch_recursively(&mut self, path: &str, watcher: WatcherId) {
        self.book.add(path, watcher, Modes::RECURSIVE);
    }

    /// A watcher is gone, with all it watched.
    pub fn forget(&mut self, watcher: WatcherId) {
        self.book.forget(watcher);
    }

    /// Is there such a watch?
    pub fn contains(&self, path: &str, watcher: WatcherId, kind: WatchKind) -> bool {
        let wanted = match kind {
            WatchKind::Children => Modes::CHILD_ONCE,
            WatchKind::Data => Modes::DATA_ONCE,
            WatchKind::Persistent => Modes::DATA_ALWAYS,
            WatchKind::Recursive => Modes::RECURSIVE,
            WatchKind::Any => Modes::ALL,
        };
        self.book.modes(path, watcher).has(wanted)
    }

    /// Takes such watches away; false if there were none.
    pub fn remove(&mut self, path: &str, watcher: WatcherId, kind: WatchKind) -> bool {
        let modes = match kind {
            WatchKind::Children => Modes::CHILD_ONCE,
            WatchKind::Data => Modes::DATA_ONCE,
            WatchKind::Persistent => Modes::ALWAYS,
            WatchKind::Recursive => Modes::RECURSIVE,
            WatchKind::Any => Modes::ALL,
        };
        self.book.remove(path, watcher, modes)
    }

    /// Sets watches again after a reconnect, and tells at once what their watcher has missed since
    /// `request.relative_zxid`. Persistent watches are only set: what they missed is lost.
    pub fn rearm(
        &mut self,
        tree: &Tree,
        watcher: WatcherId,
        request: &SetWatches2Request,
    ) -> Vec<(EventKind, String)> {
        let mut missed = Vec::new();
        for path in &request.data {
            match tree.find(path) {
                None => missed.push((EventKind::DELETED, path.clone())),
                Some(id) if tree.stored_stat(id).mzxid > request.relative_zxid => {
                    missed.push((EventKind::DATA_CHANGED, path.clone()));
                }
                Some(_) => self.watch_data(path, watcher),
            }
        }
        for path in &request.exist {
            match tree.find(path) {
                Some(_) => missed.push((EventKind::CREATED, path.clone())),
                None => self.watch_data(path, watcher),
            }
        }
        for path in &request.child {
            match tree.find(path) {
                None => missed.push((EventKind::DELETED, path.clone())),
                Some(id) if tree.stored_stat(id).pzxid > request.relative_zxid => {
                    missed.push((EventKind::CHILDREN_CHANGED, path.clone()));
                }
                Some(_) => self.watch_children(path, watcher),
            }
        }
        for path in &request.persistent {
            self.watch_persistently(path, watcher);
        }
        for path in &request.persistent_recursive {
            self.watch_recursively(path, watcher);
        }
        missed
    }

    /// How many there are.
    pub fn counts(&self) -> WatchCounts {
        WatchCounts {
            watchers: self.book.watcher_count(),
            paths: self.book.path_count(),
            watches: self.book.len(),
        }
    }

    /// Paths that one watches, in both tables together.
    pub fn count_of(&self, watcher: WatcherId) -> usize {
        self.book.count_of(watcher)
    }

    /// Watches in both tables together.
    pub fn len(&self) -> usize {
        self.book.len()
    }

    /// True if nobody watches anything.
    pub fn is_empty(&self) -> bool {
        self.book.is_empty()
    }

    /// Every watched path with its watchers, in order.
    pub fn by_path(&self) -> BTreeMap<Arc<str>, BTreeSet<WatcherId>> {
        self.book.by_path()
    }

    pub(crate) fn created(
        &mut self,
        path: &str,
        acl: &AclList,
        parent_acl: &AclList,
        fired: &mut Vec<Fired>,
    ) {
        if self.is_empty() {
            return;
        }
        fire(fired, EventKind::CREATED, path, acl, self.trigger(path));
        let parent = path::parent(path).unwrap_or("/");
        fire(fired, EventKind::CHILDREN_CHANGED, parent, parent_acl, self.book.fire(parent, Modes::CHILD));
    }

    pub(crate) fn deleted(
        &mut self,
        path: &str,
        acl: &AclList,
        parent_acl: &AclList,
        fired: &mut Vec<Fired>,
    ) {
        if self.is_empty() {
            return;
        }
        let mut watchers = self.trigger(path);
        let children = self.book.fire(path, Modes::CHILD);
        if watchers.is_empty() {
            watchers = children;
        } else {
            let told: HashSet<WatcherId> = watchers.iter().copied().collect();
            watchers.extend(children.into_iter().filter(|watcher| !told.contains(watcher)));
        }
        fire(fired, EventKind::DELETED, path, acl, watchers);
        let parent = path::parent(path).unwrap_or("/");
        fire(fired, EventKind::CHILDREN_CHANGED, parent, parent_acl, self.book.fire(parent, Modes::CHILD));
    }

    pub(crate) fn data_changed(&mut self, path: &str, acl: &AclList, fired: &mut Vec<Fired>) {
        if self.is_empty() {
            return;
        }
        fire(fired, EventKind::DATA_CHANGED, path, acl, self.trigger(path));
    }

    /// Whoever watches the data of `path` itself or, recursively, something above it. One-shot watches are
    /// gone afterwards.
    fn trigger(&mut self, path: &str) -> Vec<WatcherId> {
        let mut told = self.book.fire(path, Modes::DATA);
        if !self.book.has_recursive() {
            return told;
        }
        let mut seen: HashSet<WatcherId> = told.iter().copied().collect();
        let mut above = Vec::new();
        let mut at = path;
        while let Some(parent) = path::parent(at) {
            at = parent;
            self.book.at(parent, Modes::RECURSIVE, &mut above);
        }
        told.extend(above.into_iter().filter(|&watcher| seen.insert(watcher)));
        told
    }
}

fn fire(fired: &mut Vec<Fired>, kind: EventKind, path: &str, acl: &AclList, watchers: Vec<WatcherId>) {
    if !watchers.is_empty() {
        fired.push(Fired { kind, path: path.into(), acl: acl.clone(), watchers });
    }
}

#[cfg(test)]
mod tests;
