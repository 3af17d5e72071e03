//! Watches: who wants to be told about which path.
//!
//! Two tables as in the original: data (left by exists and getData) and child (left by getChildren).
//! A persistent watch is in both, a recursive one only in the first and looks after all below it. One
//! event for one watcher, however many of its watches fit. Source: `WatchManager`, `DataTree`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use zookeeper_wire::{EventKind, SetWatches2Request, path};

use crate::acl::AclList;
use crate::hash::HashKey;
use crate::tree::Tree;

/// Whoever watches: the node uses the number of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
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
    data: Table,
    child: Table,
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
        Watches { data: Table::new(key), child: Table::new(key) }
    }

    /// A one-shot watch as exists and getData leave it.
    pub fn watch_data(&mut self, path: &str, watcher: WatcherId) {
        self.data.add(path, watcher, Modes::ONE_SHOT);
    }

    /// A one-shot watch as getChildren leaves it.
    pub fn watch_children(&mut self, path: &str, watcher: WatcherId) {
        self.child.add(path, watcher, Modes::ONE_SHOT);
    }

    /// A watch that stays.
    pub fn watch_persistently(&mut self, path: &str, watcher: WatcherId) {
        self.data.add(path, watcher, Modes::PERSISTENT);
        self.child.add(path, watcher, Modes::PERSISTENT);
    }

    /// A watch that stays and covers all below it.
    pub fn watch_recursively(&mut self, path: &str, watcher: WatcherId) {
        self.data.add(path, watcher, Modes::RECURSIVE);
    }

    /// A watcher is gone, with all it watched.
    pub fn forget(&mut self, watcher: WatcherId) {
        self.data.forget(watcher);
        self.child.forget(watcher);
    }

    /// Is there such a watch?
    pub fn contains(&self, path: &str, watcher: WatcherId, kind: WatchKind) -> bool {
        match kind {
            WatchKind::Children => self.child.modes(path, watcher).has(Modes::ONE_SHOT),
            WatchKind::Data => self.data.modes(path, watcher).has(Modes::ONE_SHOT),
            WatchKind::Persistent => self.data.modes(path, watcher).has(Modes::PERSISTENT),
            WatchKind::Recursive => self.data.modes(path, watcher).has(Modes::RECURSIVE),
            WatchKind::Any => {
                self.data.modes(path, watcher).has(Modes::ALL)
                    || self.child.modes(path, watcher).has(Modes::ALL)
            }
        }
    }

    /// Takes such watches away; false if there were none.
    pub fn remove(&mut self, path: &str, watcher: WatcherId, kind: WatchKind) -> bool {
        match kind {
            WatchKind::Children => self.child.remove(path, watcher, Modes::ONE_SHOT),
            WatchKind::Data => self.data.remove(path, watcher, Modes::ONE_SHOT),
            WatchKind::Persistent => {
                let child = self.child.remove(path, watcher, Modes::PERSISTENT);
                self.data.remove(path, watcher, Modes::PERSISTENT) || child
            }
            WatchKind::Recursive => self.data.remove(path, watcher, Modes::RECURSIVE),
            WatchKind::Any => {
                let child = self.child.remove(path, watcher, Modes::ALL);
                self.data.remove(path, watcher, Modes::ALL) || child
            }
        }
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
        let watchers: HashSet<WatcherId> =
            self.data.by_watcher.keys().chain(self.child.by_watcher.keys()).copied().collect();
        let child_only =
            self.child.by_path.keys().filter(|path| !self.data.by_path.contains_key(*path)).count();
        WatchCounts {
            watchers: watchers.len(),
            paths: self.data.by_path.len() + child_only,
            watches: self.data.len() + self.child.len(),
        }
    }

    /// Paths that one watches, in both tables together.
    pub fn count_of(&self, watcher: WatcherId) -> usize {
        let count = |table: &Table| table.by_watcher.get(&watcher).map_or(0, HashSet::len);
        count(&self.data) + count(&self.child)
    }

    /// Watches in both tables together.
    pub fn len(&self) -> usize {
        self.data.len() + self.child.len()
    }

    /// True if nobody watches anything.
    pub fn is_empty(&self) -> bool {
        self.data.by_path.is_empty() && self.child.by_path.is_empty()
    }

    /// Every watched path with its watchers, in order.
    pub fn by_path(&self) -> BTreeMap<Arc<str>, BTreeSet<WatcherId>> {
        let mut all: BTreeMap<Arc<str>, BTreeSet<WatcherId>> = BTreeMap::new();
        for (path, watchers) in self.data.by_path.iter().chain(&self.child.by_path) {
            all.entry(path.clone()).or_default().extend(watchers.iter().map(|&(watcher, _)| watcher));
        }
        all
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
        fire(fired, EventKind::CREATED, path, acl, self.data.trigger(path));
        let parent = path::parent(path).unwrap_or("/");
        fire(fired, EventKind::CHILDREN_CHANGED, parent, parent_acl, self.child.trigger_at(parent));
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
        let mut watchers = self.data.trigger(path);
        let children = self.child.trigger_at(path);
        if watchers.is_empty() {
            watchers = children;
        } else {
            let told: HashSet<WatcherId> = watchers.iter().copied().collect();
            watchers.extend(children.into_iter().filter(|watcher| !told.contains(watcher)));
        }
        fire(fired, EventKind::DELETED, path, acl, watchers);
        let parent = path::parent(path).unwrap_or("/");
        fire(fired, EventKind::CHILDREN_CHANGED, parent, parent_acl, self.child.trigger_at(parent));
    }

    pub(crate) fn data_changed(&mut self, path: &str, acl: &AclList, fired: &mut Vec<Fired>) {
        if self.is_empty() {
            return;
        }
        fire(fired, EventKind::DATA_CHANGED, path, acl, self.data.trigger(path));
    }
}

fn fire(fired: &mut Vec<Fired>, kind: EventKind, path: &str, acl: &AclList, watchers: Vec<WatcherId>) {
    if !watchers.is_empty() {
        fired.push(Fired { kind, path: path.into(), acl: acl.clone(), watchers });
    }
}

/// Which of the three kinds of watch a watcher has on a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Modes(u8);

impl Modes {
    const NONE: Modes = Modes(0);
    const ONE_SHOT: Modes = Modes(1);
    const PERSISTENT: Modes = Modes(2);
    const RECURSIVE: Modes = Modes(4);
    const ALL: Modes = Modes(7);

    fn has(self, other: Modes) -> bool {
        self.0 & other.0 != 0
    }

    fn with(self, other: Modes) -> Modes {
        Modes(self.0 | other.0)
    }

    fn without(self, other: Modes) -> Modes {
        Modes(self.0 & !other.0)
    }
}

/// The watchers of one path: nearly always one.
#[derive(Debug)]
enum Watchers {
    One([(WatcherId, Modes); 1]),
    /// Boxed so that the usual case stays small.
    #[allow(clippy::box_collection)]
    Many(Box<Vec<(WatcherId, Modes)>>),
}

impl Watchers {
    fn iter(&self) -> impl Iterator<Item = &(WatcherId, Modes)> {
        match self {
            Watchers::One(one) => one.iter(),
            Watchers::Many(many) => many.iter(),
        }
    }

    fn find_mut(&mut self, watcher: WatcherId) -> Option<&mut Modes> {
        let slice = match self {
            Watchers::One(one) => &mut one[..],
            Watchers::Many(many) => &mut many[..],
        };
        slice.iter_mut().find(|(id, _)| *id == watcher).map(|(_, modes)| modes)
    }

    fn push(&mut self, watcher: WatcherId, modes: Modes) {
        match self {
            Watchers::One([one]) => *self = Watchers::Many(Box::new(vec![*one, (watcher, modes)])),
            Watchers::Many(many) => many.push((watcher, modes)),
        }
    }

    /// Takes a watcher out; true if none is left.
    fn remove(&mut self, watcher: WatcherId) -> bool {
        match self {
            Watchers::One([(id, _)]) => *id == watcher,
            Watchers::Many(many) => {
                if let Some(at) = many.iter().position(|(id, _)| *id == watcher) {
                    many.swap_remove(at);
                }
                many.is_empty()
            }
        }
    }
}

/// One of the two tables.
#[derive(Debug)]
struct Table {
    by_path: HashMap<Arc<str>, Watchers, HashKey>,
    by_watcher: HashMap<WatcherId, HashSet<Arc<str>, HashKey>, HashKey>,
    recursive: usize,
    key: HashKey,
}

impl Table {
    fn new(key: HashKey) -> Self {
        Table { by_path: HashMap::with_hasher(key), by_watcher: HashMap::with_hasher(key), recursive: 0, key }
    }

    fn len(&self) -> usize {
        self.by_watcher.values().map(HashSet::len).sum()
    }

    fn modes(&self, path: &str, watcher: WatcherId) -> Modes {
        let watchers = self.by_path.get(path);
        let found = watchers.and_then(|watchers| watchers.iter().find(|(id, _)| *id == watcher));
        found.map_or(Modes::NONE, |&(_, modes)| modes)
    }

    fn add(&mut self, path: &str, watcher: WatcherId, mode: Modes) {
        if let Some(watchers) = self.by_path.get_mut(path) {
            if let Some(modes) = watchers.find_mut(watcher) {
                self.recursive += usize::from(mode == Modes::RECURSIVE && !modes.has(mode));
                *modes = modes.with(mode);
                return;
            }
            watchers.push(watcher, mode);
        } else {
            self.by_path.insert(path.into(), Watchers::One([(watcher, mode)]));
        }
        self.recursive += usize::from(mode == Modes::RECURSIVE);
        let (shared, _) = self.by_path.get_key_value(path).expect("it was just found or inserted");
        let key = self.key;
        self.by_watcher.entry(watcher).or_insert_with(|| HashSet::with_hasher(key)).insert(shared.clone());
    }

    fn remove(&mut self, path: &str, watcher: WatcherId, mode: Modes) -> bool {
        let Some(watchers) = self.by_path.get_mut(path) else { return false };
        let Some(modes) = watchers.find_mut(watcher) else { return false };
        let before = *modes;
        *modes = modes.without(mode);
        let after = *modes;
        self.recursive -= usize::from(before.has(Modes::RECURSIVE) && !after.has(Modes::RECURSIVE));
        if after == Modes::NONE {
            if watchers.remove(watcher) {
                self.by_path.remove(path);
            }
            self.unlist(path, watcher);
        }
        before != after
    }

    fn forget(&mut self, watcher: WatcherId) {
        let Some(paths) = self.by_watcher.remove(&watcher) else { return };
        for path in paths {
            let Some(watchers) = self.by_path.get_mut(&path) else { continue };
            let modes = watchers.find_mut(watcher).map_or(Modes::NONE, |modes| *modes);
            self.recursive -= usize::from(modes.has(Modes::RECURSIVE));
            if watchers.remove(watcher) {
                self.by_path.remove(&path);
            }
        }
    }

    /// Whoever watches `path` itself or, recursively, something above it. One-shot watches are gone
    /// afterwards.
    fn trigger(&mut self, path: &str) -> Vec<WatcherId> {
        let mut told = self.trigger_at(path);
        if self.recursive == 0 {
            return told;
        }
        let mut seen: HashSet<WatcherId> = told.iter().copied().collect();
        let mut at = path;
        while let Some(above) = path::parent(at) {
            at = above;
            for &(watcher, modes) in self.by_path.get(above).into_iter().flat_map(Watchers::iter) {
                if modes.has(Modes::RECURSIVE) && seen.insert(watcher) {
                    told.push(watcher);
                }
            }
        }
        told
    }

    /// Whoever watches `path` itself.
    fn trigger_at(&mut self, path: &str) -> Vec<WatcherId> {
        let Some(watchers) = self.by_path.get_mut(path) else { return Vec::new() };
        let told: Vec<WatcherId> = watchers.iter().map(|&(watcher, _)| watcher).collect();
        let gone: Vec<WatcherId>;
        match watchers {
            Watchers::One([(watcher, modes)]) => {
                *modes = modes.without(Modes::ONE_SHOT);
                gone = if *modes == Modes::NONE { vec![*watcher] } else { Vec::new() };
            }
            Watchers::Many(many) => {
                many.iter_mut().for_each(|(_, modes)| *modes = modes.without(Modes::ONE_SHOT));
                gone = many.iter().filter(|(_, modes)| *modes == Modes::NONE).map(|&(id, _)| id).collect();
                many.retain(|(_, modes)| *modes != Modes::NONE);
            }
        }
        if gone.len() == told.len() {
            self.by_path.remove(path);
        }
        for watcher in gone {
            self.unlist(path, watcher);
        }
        told
    }

    fn unlist(&mut self, path: &str, watcher: WatcherId) {
        if let Some(paths) = self.by_watcher.get_mut(&watcher) {
            paths.remove(path);
            if paths.is_empty() {
                self.by_watcher.remove(&watcher);
            }
        }
    }
}

#[cfg(test)]
mod tests;
