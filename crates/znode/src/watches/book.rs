//! Who watches which path: one record of 28 bytes for each pair of the two, in two lists, found by hash.
//!
//! A path is kept once however many watch it. Invariants: no record without a mode; no path and no watcher
//! without a record; the lists of a path and of a watcher are circular, so that their ends are at hand.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::WatcherId;
use crate::arena::Slab;
use crate::hash::HashKey;
use crate::index::Index;
use crate::node::NONE;

/// In which ways a watcher watches a path.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Modes(u8);

impl Modes {
    pub(super) const NONE: Modes = Modes(0);
    /// Left by exists and getData.
    pub(super) const DATA_ONCE: Modes = Modes(1);
    /// The half of a persistent watch that is about data.
    pub(super) const DATA_ALWAYS: Modes = Modes(2);
    /// Data of this path and of all below it.
    pub(super) const RECURSIVE: Modes = Modes(4);
    /// Left by getChildren.
    pub(super) const CHILD_ONCE: Modes = Modes(8);
    /// All that data events fire.
    pub(super) const DATA: Modes = Modes(1 | 2 | 4);
    /// All that child events fire.
    pub(super) const CHILD: Modes = Modes(8 | 16);
    /// Both halves.
    pub(super) const ALWAYS: Modes = Modes(2 | 16);
    /// What an event uses up.
    const ONCE: Modes = Modes(1 | 8);
    pub(super) const ALL: Modes = Modes(31);

    pub(super) fn has(self, other: Modes) -> bool {
        self.0 & other.0 != 0
    }

    fn with(self, other: Modes) -> Modes {
        Modes(self.0 | other.0)
    }

    fn without(self, other: Modes) -> Modes {
        Modes(self.0 & !other.0)
    }

    fn both(self, other: Modes) -> Modes {
        Modes(self.0 & other.0)
    }

    /// In how many of the original's two tables such a watch stands.
    fn tables(self) -> usize {
        usize::from(self.has(Modes::DATA)) + usize::from(self.has(Modes::CHILD))
    }
}

/// All watches.
#[derive(Debug)]
pub(super) struct Book {
    paths: Slab<Path>,
    path_index: Index,
    path_count: usize,
    watches: Slab<Watch>,
    watch_index: Index,
    watchers: Slab<Watcher>,
    watcher_index: HashMap<WatcherId, u32, HashKey>,
    /// Watches as the original counts them: once in each table.
    tabled: usize,
    recursive: usize,
    key: HashKey,
}

#[derive(Clone, Default, Debug)]
struct Path {
    name: Box<str>,
    hash: u32,
    first: u32,
}

#[derive(Clone, Default, Debug)]
struct Watcher {
    id: WatcherId,
    first: u32,
    tabled: u32,
}

/// One watcher at one path.
#[derive(Clone, Copy, Default, Debug)]
struct Watch {
    path: u32,
    watcher: u32,
    of_path: Links,
    of_watcher: Links,
    modes: Modes,
}

const _: () = assert!(size_of::<Watch>() == 28 && size_of::<Path>() == 24, "the budget of a watch");

/// A place in a circular list.
#[derive(Clone, Copy, Default, Debug)]
struct Links {
    next: u32,
    previous: u32,
}

/// Which of the two lists.
type List = fn(&mut Watch) -> &mut Links;
const OF_PATH: List = |watch| &mut watch.of_path;
const OF_WATCHER: List = |watch| &mut watch.of_watcher;

impl Book {
    pub(super) fn new(key: HashKey) -> Self {
        Book {
            paths: Slab::new(),
            path_index: Index::new(),
            path_count: 0,
            watches: Slab::new(),
            watch_index: Index::new(),
            watchers: Slab::new(),
            watcher_index: HashMap::with_hasher(key),
            tabled: 0,
            recursive: 0,
            key,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.path_count == 0
    }

    /// Watches in both of the original's tables.
    pub(super) fn len(&self) -> usize {
        self.tabled
    }

    /// Paths that somebody watches.
    pub(super) fn path_count(&self) -> usize {
        self.path_count
    }

    /// Watchers with a watch.
    pub(super) fn watcher_count(&self) -> usize {
        self.watcher_index.len()
    }

    /// Watches of one watcher in both tables.
    pub(super) fn count_of(&self, watcher: WatcherId) -> usize {
        self.watcher_index.get(&watcher).map_or(0, |&at| self.watchers.get(at).tabled as usize)
    }

    /// Whether there is a watch that looks below its path.
    pub(super) fn has_recursive(&self) -> bool {
        self.recursive > 0
    }

    pub(super) fn modes(&self, path: &str, watcher: WatcherId) -> Modes {
        self.find(path, watcher).map_or(Modes::NONE, |at| self.watches.get(at).modes)
    }

    pub(super) fn add(&mut self, path: &str, watcher: WatcherId, modes: Modes) {
        let path = self.path_of(path);
        let watcher = self.watcher_of(watcher);
        let at = match self.find_pair(path, watcher) {
            Some(at) => at,
            None => self.insert(path, watcher),
        };
        self.set(at, self.watches.get(at).modes.with(modes));
    }

    /// Takes modes away; true if one of them was there.
    pub(super) fn remove(&mut self, path: &str, watcher: WatcherId, modes: Modes) -> bool {
        let Some(at) = self.find(path, watcher) else { return false };
        let before = self.watches.get(at).modes;
        self.set(at, before.without(modes));
        before.has(modes)
    }

    /// A watcher is gone.
    pub(super) fn forget(&mut self, watcher: WatcherId) {
        while let Some(&at) = self.watcher_index.get(&watcher) {
            self.set(self.watchers.get(at).first, Modes::NONE);
        }
    }

    /// Appends whoever watches `path` in one of these ways, those that came first ahead.
    pub(super) fn at(&self, path: &str, modes: Modes, watchers: &mut Vec<WatcherId>) {
        self.visit(path, |_, watch| {
            if watch.modes.has(modes) {
                watchers.push(self.watchers.get(watch.watcher).id);
            }
        });
    }

    /// As [`Book::at`]; those watches that fire once are gone afterwards.
    pub(super) fn fire(&mut self, path: &str, modes: Modes) -> Vec<WatcherId> {
        let (mut told, mut used) = (Vec::new(), Vec::new());
        self.visit(path, |at, watch| {
            if watch.modes.has(modes) {
                told.push(self.watchers.get(watch.watcher).id);
                used.push((at, watch.modes.without(modes.both(Modes::ONCE))));
            }
        });
        for (at, left) in used {
            self.set(at, left);
        }
        told
    }

    fn visit(&self, path: &str, mut each: impl FnMut(u32, &Watch)) {
        let Some(path) = self.find_path(path) else { return };
        let first = self.paths.get(path).first;
        let mut at = first;
        loop {
            let watch = self.watches.get(at);
            each(at, watch);
            at = watch.of_path.next;
            if at == first {
                return;
            }
        }
    }

    /// Every watched path with its watchers.
    pub(super) fn by_path(&self) -> BTreeMap<Arc<str>, BTreeSet<WatcherId>> {
        let mut all: BTreeMap<Arc<str>, BTreeSet<WatcherId>> = BTreeMap::new();
        // Whatever the order of the map, the result has its own.
        for &at in self.watcher_index.values() {
            let Watcher { id, first, .. } = *self.watchers.get(at);
            let mut at = first;
            loop {
                let watch = self.watches.get(at);
                let name = &self.paths.get(watch.path).name;
                match all.get_mut(&**name) {
                    Some(watchers) => {
                        watchers.insert(id);
                    }
                    None => {
                        all.insert(Arc::from(&**name), BTreeSet::from([id]));
                    }
                }
                at = watch.of_watcher.next;
                if at == first {
                    break;
                }
            }
        }
        all
    }

    fn hash(&self, path: &str) -> u32 {
        self.key.hash(path.as_bytes()) as u32
    }

    fn find_path(&self, path: &str) -> Option<u32> {
        self.path_index.find(self.hash(path), |at| &*self.paths.get(at).name == path)
    }

    fn find_pair(&self, path: u32, watcher: u32) -> Option<u32> {
        let is_right = |at| {
            let watch = self.watches.get(at);
            watch.path == path && watch.watcher == watcher
        };
        self.watch_index.find(pair_hash(self.key, path, watcher), is_right)
    }

    fn find(&self, path: &str, watcher: WatcherId) -> Option<u32> {
        self.find_pair(self.find_path(path)?, *self.watcher_index.get(&watcher)?)
    }

    /// The path's place, a new one if need be.
    fn path_of(&mut self, name: &str) -> u32 {
        let hash = self.hash(name);
        let paths = &self.paths;
        if let Some(at) = self.path_index.find(hash, |at| &*paths.get(at).name == name) {
            return at;
        }
        let at = self.paths.insert(Path { name: name.into(), hash, first: NONE });
        let paths = &self.paths;
        self.path_index.insert(hash, at, |at| paths.get(at).hash);
        self.path_count += 1;
        at
    }

    fn watcher_of(&mut self, id: WatcherId) -> u32 {
        let watchers = &mut self.watchers;
        let new = || watchers.insert(Watcher { id, first: NONE, tabled: 0 });
        *self.watcher_index.entry(id).or_insert_with(new)
    }

    /// A record without a mode; the caller gives it one.
    fn insert(&mut self, path: u32, watcher: u32) -> u32 {
        let at = self.watches.insert(Watch { path, watcher, ..Watch::default() });
        let first = &mut self.paths.get_mut(path).first;
        *first = link(&mut self.watches, *first, at, OF_PATH);
        let first = &mut self.watchers.get_mut(watcher).first;
        *first = link(&mut self.watches, *first, at, OF_WATCHER);
        let (watches, key) = (&self.watches, self.key);
        let hash = pair_hash(key, path, watcher);
        self.watch_index.insert(hash, at, |at| watches.get(at).hash(key));
        at
    }

    /// Changes the modes of a record, and keeps the counts. One without modes is gone.
    fn set(&mut self, at: u32, modes: Modes) {
        let watch = self.watches.get_mut(at);
        let before = std::mem::replace(&mut watch.modes, modes);
        let Watch { path, watcher, .. } = *watch;
        let recursive = |modes: Modes| usize::from(modes.has(Modes::RECURSIVE));
        self.recursive = self.recursive - recursive(before) + recursive(modes);
        self.tabled = self.tabled - before.tables() + modes.tables();
        let entry = self.watchers.get_mut(watcher);
        entry.tabled = entry.tabled - before.tables() as u32 + modes.tables() as u32;
        if modes != Modes::NONE {
            return;
        }
        let (watches, key) = (&self.watches, self.key);
        let hash = pair_hash(key, path, watcher);
        self.watch_index.remove(hash, at, |at| watches.get(at).hash(key));
        let first = &mut self.paths.get_mut(path).first;
        *first = unlink(&mut self.watches, *first, at, OF_PATH);
        if *first == NONE {
            let hash = self.paths.get(path).hash;
            let paths = &self.paths;
            self.path_index.remove(hash, path, |at| paths.get(at).hash);
            self.paths.remove(path);
            self.path_count -= 1;
        }
        let first = &mut self.watchers.get_mut(watcher).first;
        *first = unlink(&mut self.watches, *first, at, OF_WATCHER);
        if *first == NONE {
            let Watcher { id, .. } = self.watchers.remove(watcher);
            self.watcher_index.remove(&id);
        }
        self.watches.remove(at);
    }
}

impl Watch {
    fn hash(&self, key: HashKey) -> u32 {
        pair_hash(key, self.path, self.watcher)
    }
}

fn pair_hash(key: HashKey, path: u32, watcher: u32) -> u32 {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&path.to_le_bytes());
    bytes[4..].copy_from_slice(&watcher.to_le_bytes());
    key.hash(&bytes) as u32
}

/// Puts `at` at the end of the list that begins with `first`; returns the first.
fn link(watches: &mut Slab<Watch>, first: u32, at: u32, list: List) -> u32 {
    if first == NONE {
        *list(watches.get_mut(at)) = Links { next: at, previous: at };
        return at;
    }
    let last = std::mem::replace(&mut list(watches.get_mut(first)).previous, at);
    list(watches.get_mut(last)).next = at;
    *list(watches.get_mut(at)) = Links { next: first, previous: last };
    first
}

/// Takes `at` out; returns the first of what is left.
fn unlink(watches: &mut Slab<Watch>, first: u32, at: u32, list: List) -> u32 {
    let Links { next, previous } = *list(watches.get_mut(at));
    if next == at {
        return NONE;
    }
    list(watches.get_mut(previous)).next = next;
    list(watches.get_mut(next)).previous = previous;
    if first == at { next } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against a map of modes.
    #[test]
    fn it_is_a_map_from_pairs_to_modes() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut book = Book::new(HashKey(9));
        let mut model: BTreeMap<(String, u64), u8> = BTreeMap::new();
        for step in 0..60_000 {
            let path = format!("/p{}", random.u32(..40));
            let watcher = random.u64(..12);
            let modes = 1 << random.u32(..5);
            match random.u32(..20) {
                0 => {
                    book.forget(WatcherId(watcher));
                    model.retain(|(_, id), _| *id != watcher);
                }
                1..4 => {
                    let side = if random.bool() { Modes::DATA } else { Modes::CHILD };
                    let mut told = book.fire(&path, side);
                    told.sort_unstable();
                    let mut expect = Vec::new();
                    for ((_, id), modes) in model.iter_mut().filter(|((at, _), _)| *at == path) {
                        if *modes & side.0 != 0 {
                            expect.push(WatcherId(*id));
                            *modes &= !(side.0 & Modes::ONCE.0);
                        }
                    }
                    assert_eq!(told, expect, "step {step}");
                }
                4..9 => {
                    let there = model.get(&(path.clone(), watcher)).is_some_and(|had| had & modes != 0);
                    assert_eq!(book.remove(&path, WatcherId(watcher), Modes(modes)), there);
                    model.entry((path, watcher)).and_modify(|had| *had &= !modes);
                }
                _ => {
                    book.add(&path, WatcherId(watcher), Modes(modes));
                    *model.entry((path, watcher)).or_default() |= modes;
                }
            }
            model.retain(|_, modes| *modes != 0);
            if step % 500 == 0 {
                check(&book, &model);
            }
        }
        (0..12).for_each(|watcher| book.forget(WatcherId(watcher)));
        check(&book, &BTreeMap::new());
    }

    fn check(book: &Book, model: &BTreeMap<(String, u64), u8>) {
        let tables = |modes: &u8| Modes(*modes).tables();
        assert_eq!(book.len(), model.values().map(tables).sum::<usize>());
        for watcher in 0..12 {
            let of = model.iter().filter(|((_, id), _)| *id == watcher).map(|(_, modes)| tables(modes));
            assert_eq!(book.count_of(WatcherId(watcher)), of.sum::<usize>());
        }
        let mut by_path: BTreeMap<Arc<str>, BTreeSet<WatcherId>> = BTreeMap::new();
        for ((path, watcher), &modes) in model {
            by_path.entry(path.as_str().into()).or_default().insert(WatcherId(*watcher));
            assert_eq!(book.modes(path, WatcherId(*watcher)), Modes(modes));
        }
        assert_eq!((book.path_count(), book.is_empty()), (by_path.len(), by_path.is_empty()));
        assert_eq!(book.by_path(), by_path);
        let recursive = model.values().any(|modes| Modes(*modes).has(Modes::RECURSIVE));
        assert_eq!(book.has_recursive(), recursive);
    }
}
