//! The state of a file system in memory: what a reader sees now, what is durable, and the operations
//! between the two. Plain data: cloning it is a snapshot, and applying the same operations to an empty
//! one gives the same volume.
//!
//! Model of a crash. A file keeps what its last sync covered; of what came later any part may be there.
//! A directory keeps the names of its last sync; later operations on names survive as a prefix (the
//! order that journaling file systems keep), and a rename happens whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path};
use std::sync::Arc;

use super::Loss;
use crate::Entry;

/// Number of a file or directory within its volume; never used twice.
pub(super) type NodeId = u64;

/// The directory that always exists.
const ROOT: NodeId = 0;

/// What a disk writes whole or not at all, in bytes.
const SECTOR: u64 = 512;

/// Dead nodes kept before they are swept.
const SWEEP_AFTER: usize = 64;

/// What changes a volume. Named by node where the real calls work on an open file.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    CreateFile {
        directory: NodeId,
        name: String,
    },
    CreateDirectory {
        directory: NodeId,
        name: String,
    },
    Rename {
        from: (NodeId, String),
        to: (NodeId, String),
    },
    Remove {
        directory: NodeId,
        name: String,
    },
    SyncDirectory {
        directory: NodeId,
    },
    Data {
        file: NodeId,
        change: Change,
    },
    Sync {
        file: NodeId,
    },
    /// A sync of everything, names included.
    SyncAll,
    /// A sync of everything that failed: none of the files got further.
    SyncAllFailed,
    /// A sync that failed: the kernel calls the pages clean, yet they never reached the disk.
    SyncFailed {
        file: NodeId,
    },
}

/// What changes the content of a file.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write { offset: u64, bytes: Arc<[u8]> },
    SetLength(u64),
}

/// One change of names, whole or not at all: each entry is set to a node, or removed.
#[derive(Clone, Debug)]
struct NameChange(Vec<(NodeId, String, Option<NodeId>)>);

#[derive(Clone, Debug)]
enum Node {
    Directory { names: BTreeMap<String, NodeId>, durable: BTreeMap<String, NodeId> },
    File { data: Vec<u8>, durable: Vec<u8>, pending: Vec<Change>, allocated: u64, handles: usize },
}

#[derive(Clone, Debug)]
pub(super) struct Volume {
    nodes: BTreeMap<NodeId, Node>,
    next: NodeId,
    pending_names: Vec<NameChange>,
    removed: usize,
}

impl Change {
    fn apply(&self, data: &mut Vec<u8>) {
        match self {
            Change::Write { offset, bytes } => {
                let start = usize::try_from(*offset).expect("a file in memory fits in memory");
                let end = start + bytes.len();
                if data.len() < end {
                    data.resize(end, 0);
                }
                data[start..end].copy_from_slice(bytes);
            }
            Change::SetLength(length) => {
                data.resize(usize::try_from(*length).expect("a file in memory fits in memory"), 0);
            }
        }
    }
}

impl Volume {
    pub(super) fn new() -> Self {
        let root = Node::Directory { names: BTreeMap::new(), durable: BTreeMap::new() };
        Volume {
            nodes: BTreeMap::from([(ROOT, root)]),
            next: ROOT + 1,
            pending_names: Vec::new(),
            removed: 0,
        }
    }

    fn names(&self, directory: NodeId) -> io::Result<&BTreeMap<String, NodeId>> {
        match self.nodes.get(&directory) {
            Some(Node::Directory { names, .. }) => Ok(names),
            Some(Node::File { .. }) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn find(&self, path: &Path) -> io::Result<NodeId> {
        parts(path)?.iter().try_fold(ROOT, |directory, part| {
            self.names(directory)?.get(*part).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }

    /// The directory that holds (or would hold) `path`, and the last part of the path.
    pub(super) fn place(&self, path: &Path) -> io::Result<(NodeId, String)> {
        let parts = parts(path)?;
        let (name, directories) = parts.split_last().ok_or(io::ErrorKind::InvalidInput)?;
        let directory = directories.iter().try_fold(ROOT, |directory, part| {
            self.names(directory)?.get(*part).copied().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        })?;
        self.names(directory)?;
        Ok((directory, (*name).to_owned()))
    }

    pub(super) fn child(&self, directory: NodeId, name: &str) -> Option<NodeId> {
        self.names(directory).ok()?.get(name).copied()
    }

    pub(super) fn is_directory(&self, node: NodeId) -> bool {
        matches!(self.nodes.get(&node), Some(Node::Directory { .. }))
    }

    pub(super) fn list(&self, directory: NodeId) -> io::Result<Vec<Entry>> {
        let names = self.names(directory)?;
        Ok(names
            .iter()
            .map(|(name, node)| match &self.nodes[node] {
                Node::Directory { .. } => Entry { name: name.clone(), is_directory: true, length: 0 },
                Node::File { data, .. } => {
                    Entry { name: name.clone(), is_directory: false, length: data.len() as u64 }
                }
            })
            .collect())
    }

    pub(super) fn data(&self, file: NodeId) -> &[u8] {
        match self.nodes.get(&file) {
            Some(Node::File { data, .. }) => data,
            _ => unreachable!("a handle names a file that is kept while it is open"),
        }
    }

    /// Bytes that a write up to `end` would newly take from the file system.
    pub(super) fn growth(&self, file: NodeId, end: u64) -> u64 {
        match self.nodes.get(&file) {
            Some(Node::File { allocated, .. }) => end.saturating_sub(*allocated),
            _ => 0,
        }
    }

    pub(super) fn opened(&mut self, file: NodeId) {
        if let Some(Node::File { handles, .. }) = self.nodes.get_mut(&file) {
            *handles += 1;
        }
    }

    pub(super) fn closed(&mut self, file: NodeId) {
        if let Some(Node::File { handles, .. }) = self.nodes.get_mut(&file) {
            *handles -= 1;
        }
    }

    /// Applies an operation that is known to be possible; returns the node that it made, if any.
    pub(super) fn apply(&mut self, operation: &Operation) -> Option<NodeId> {
        match operation {
            Operation::CreateFile { directory, name } => {
                let empty = Node::File {
                    data: Vec::new(),
                    durable: Vec::new(),
                    pending: Vec::new(),
                    allocated: 0,
                    handles: 0,
                };
                return Some(self.add(*directory, name, empty));
            }
            Operation::CreateDirectory { directory, name } => {
                let empty = Node::Directory { names: BTreeMap::new(), durable: BTreeMap::new() };
                return Some(self.add(*directory, name, empty));
            }
            Operation::Rename { from, to } => {
                let node = self.child(from.0, &from.1).expect("checked by the caller");
                self.rename_entries(NameChange(vec![
                    (from.0, from.1.clone(), None),
                    (to.0, to.1.clone(), Some(node)),
                ]));
                self.removed += 1;
            }
            Operation::Remove { directory, name } => {
                self.rename_entries(NameChange(vec![(*directory, name.clone(), None)]));
                self.removed += 1;
            }
            Operation::SyncDirectory { directory } => self.sync_directory(*directory),
            Operation::Data { file, change } => {
                if let Some(Node::File { data, pending, allocated, .. }) = self.nodes.get_mut(file) {
                    change.apply(data);
                    pending.push(change.clone());
                    match change {
                        Change::Write { offset, bytes } => {
                            *allocated = (*allocated).max(offset + bytes.len() as u64);
                        }
                        Change::SetLength(length) => *allocated = (*allocated).min(*length),
                    }
                }
            }
            Operation::Sync { file } => {
                if let Some(Node::File { durable, pending, .. }) = self.nodes.get_mut(file) {
                    pending.drain(..).for_each(|change| change.apply(durable));
                }
            }
            Operation::SyncAll => {
                for node in self.nodes.values_mut() {
                    if let Node::File { durable, pending, .. } = node {
                        pending.drain(..).for_each(|change| change.apply(durable));
                    }
                }
                std::mem::take(&mut self.pending_names)
                    .into_iter()
                    .for_each(|change| self.make_durable(change));
            }
            Operation::SyncAllFailed => {
                for node in self.nodes.values_mut() {
                    if let Node::File { pending, .. } = node {
                        pending.clear();
                    }
                }
            }
            Operation::SyncFailed { file } => {
                if let Some(Node::File { pending, .. }) = self.nodes.get_mut(file) {
                    pending.clear();
                }
            }
        }
        if self.removed > SWEEP_AFTER {
            self.sweep();
        }
        None
    }

    fn add(&mut self, directory: NodeId, name: &str, node: Node) -> NodeId {
        let id = self.next;
        self.next += 1;
        self.nodes.insert(id, node);
        self.rename_entries(NameChange(vec![(directory, name.to_owned(), Some(id))]));
        id
    }

    fn rename_entries(&mut self, change: NameChange) {
        for (directory, name, node) in &change.0 {
            if let Some(Node::Directory { names, .. }) = self.nodes.get_mut(directory) {
                set(names, name, *node);
            }
        }
        self.pending_names.push(change);
    }

    /// Makes durable every pending change of `directory`, and with it the earlier changes of other
    /// directories that it cannot be told apart from (a rename between the two).
    fn sync_directory(&mut self, directory: NodeId) {
        let mut touched = BTreeSet::from([directory]);
        let mut durable = Vec::new();
        for index in (0..self.pending_names.len()).rev() {
            let change = &self.pending_names[index];
            if change.0.iter().any(|(directory, ..)| touched.contains(directory)) {
                touched.extend(change.0.iter().map(|(directory, ..)| *directory));
                durable.push(self.pending_names.remove(index));
            }
        }
        durable.into_iter().rev().for_each(|change| self.make_durable(change));
    }

    fn make_durable(&mut self, change: NameChange) {
        for (directory, name, node) in change.0 {
            if let Some(Node::Directory { durable, .. }) = self.nodes.get_mut(&directory) {
                set(durable, &name, node);
            }
        }
    }

    /// What is found after the power came back (or, with [`Loss::Nothing`], after the process died).
    pub(super) fn after_crash(&self, loss: Loss) -> Volume {
        let mut image = self.clone();
        match loss {
            Loss::Nothing => {
                std::mem::take(&mut image.pending_names).into_iter().for_each(|c| image.make_durable(c));
            }
            Loss::Unsynced => image.pending_names.clear(),
            Loss::Prefix { seed } | Loss::Subset { seed } => {
                let mut chance = fastrand::Rng::with_seed(seed);
                let mut names = std::mem::take(&mut image.pending_names);
                names.truncate(chance.usize(0..=names.len()));
                names.into_iter().for_each(|change| image.make_durable(change));
            }
        }
        for (id, node) in &mut image.nodes {
            match node {
                Node::Directory { names, durable } => *names = durable.clone(),
                Node::File { data, durable, pending, allocated, handles } => {
                    if !matches!(loss, Loss::Nothing) {
                        survive(durable, pending, loss, *id);
                        *data = durable.clone();
                    } else {
                        *durable = data.clone();
                    }
                    pending.clear();
                    *allocated = data.len() as u64;
                    *handles = 0;
                }
            }
        }
        image.sweep();
        image
    }

    /// Forgets the nodes that no name, durable name, pending change or open handle leads to.
    fn sweep(&mut self) {
        let mut live = BTreeSet::from([ROOT]);
        let mut queue = vec![ROOT];
        queue.extend(
            self.pending_names.iter().flat_map(|change| change.0.iter().filter_map(|(.., node)| *node)),
        );
        queue.extend(self.nodes.iter().filter_map(|(id, node)| match node {
            Node::File { handles: 1.., .. } => Some(*id),
            _ => None,
        }));
        while let Some(id) = queue.pop() {
            live.insert(id);
            if let Some(Node::Directory { names, durable }) = self.nodes.get(&id) {
                queue.extend(names.values().chain(durable.values()).filter(|node| !live.contains(node)));
            }
        }
        self.nodes.retain(|id, _| live.contains(id));
        self.removed = 0;
    }
}

/// Applies to `durable` the part of `pending` that the crash spared.
fn survive(durable: &mut Vec<u8>, pending: &[Change], loss: Loss, file: NodeId) {
    match loss {
        Loss::Nothing | Loss::Unsynced => {}
        Loss::Prefix { seed } => {
            let mut chance = fastrand::Rng::with_seed(seed ^ file.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let whole = chance.usize(0..=pending.len());
            pending[..whole].iter().for_each(|change| change.apply(durable));
            if let Some(Change::Write { offset, bytes }) = pending.get(whole) {
                torn(*offset, bytes, &mut chance).apply(durable);
            }
        }
        Loss::Subset { seed } => {
            let mut chance = fastrand::Rng::with_seed(seed ^ file.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            for change in pending {
                match (chance.u8(0..5), change) {
                    (0, _) => {}
                    (1, Change::Write { offset, bytes }) => torn(*offset, bytes, &mut chance).apply(durable),
                    // The length reached the disk, the data did not.
                    (2, Change::Write { offset, bytes }) => {
                        let end = offset + bytes.len() as u64;
                        Change::SetLength(end.max(durable.len() as u64)).apply(durable);
                    }
                    // Some sectors of it reached the disk.
                    (3, Change::Write { offset, bytes }) => holed(*offset, bytes, &mut chance, durable),
                    (_, change) => change.apply(durable),
                }
            }
        }
    }
}

/// Applies a random choice of the sectors that a write touches; the length grows as if all had been.
fn holed(offset: u64, bytes: &[u8], chance: &mut fastrand::Rng, durable: &mut Vec<u8>) {
    let end = offset + bytes.len() as u64;
    Change::SetLength(end.max(durable.len() as u64)).apply(durable);
    let mut at = offset;
    while at < end {
        let next = ((at / SECTOR + 1) * SECTOR).min(end);
        if chance.bool() {
            let part = &bytes[(at - offset) as usize..(next - offset) as usize];
            Change::Write { offset: at, bytes: part.into() }.apply(durable);
        }
        at = next;
    }
}

/// The first part of a write: whole sectors half of the time, else any number of bytes.
fn torn(offset: u64, bytes: &[u8], chance: &mut fastrand::Rng) -> Change {
    let mut length = chance.usize(0..=bytes.len());
    if chance.bool() {
        length = length.saturating_sub((offset as usize + length) % SECTOR as usize);
    }
    Change::Write { offset, bytes: bytes[..length].into() }
}

fn set(names: &mut BTreeMap<String, NodeId>, name: &str, node: Option<NodeId>) {
    match node {
        Some(node) => names.insert(name.to_owned(), node),
        None => names.remove(name),
    };
}

/// The names along a path from the root; relative paths start at the root too.
fn parts(path: &Path) -> io::Result<Vec<&str>> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str().ok_or(io::ErrorKind::InvalidInput)?),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return Err(io::ErrorKind::InvalidInput.into()),
        }
    }
    Ok(parts)
}
