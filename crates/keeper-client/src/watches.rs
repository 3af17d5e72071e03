//! The watches that a session has set, so that they can be set again on another connection.
//!
//! Paths are the server's, chroot included. One-shot watches leave when they fire; the persistent kinds
//! stay until they are removed.

use crate::limits::SET_WATCHES_BYTES;
use std::collections::BTreeSet;
use zookeeper_wire::{ErrorCode, EventKind, Request, SetWatches2Request, SetWatchesRequest, Zxid};

/// All watches of one session.
#[derive(Default, Debug)]
pub(crate) struct Watches {
    data: BTreeSet<String>,
    exist: BTreeSet<String>,
    child: BTreeSet<String>,
    persistent: BTreeSet<String>,
    recursive: BTreeSet<String>,
}

/// A watch that an answered request may have set or taken away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    Data(String),
    Exists(String),
    Children(String),
    Persistent(String),
    Recursive(String),
    Remove { path: String, kind: i32 },
}

impl Wish {
    /// What `request` (with the server's paths) wants watched.
    pub(crate) fn of(request: &Request) -> Option<Wish> {
        match request {
            Request::GetData(r) if r.watch => Some(Wish::Data(r.path.clone())),
            Request::Exists(r) if r.watch => Some(Wish::Exists(r.path.clone())),
            Request::GetChildren(r) | Request::GetChildren2(r) if r.watch => {
                Some(Wish::Children(r.path.clone()))
            }
            Request::AddWatch(r) if r.mode == 0 => Some(Wish::Persistent(r.path.clone())),
            Request::AddWatch(r) => Some(Wish::Recursive(r.path.clone())),
            Request::RemoveWatches(r) => Some(Wish::Remove { path: r.path.clone(), kind: r.kind }),
            _ => None,
        }
    }
}

impl Watches {
    /// The server answered a request that wished for a watch.
    pub(crate) fn answered(&mut self, wish: Wish, error: ErrorCode) {
        let ok = error == ErrorCode::OK;
        match wish {
            Wish::Data(path) if ok => drop(self.data.insert(path)),
            Wish::Exists(path) if ok => drop(self.data.insert(path)),
            // The one watch that an error sets.
            Wish::Exists(path) if error == ErrorCode::NO_NODE => drop(self.exist.insert(path)),
            Wish::Children(path) if ok => drop(self.child.insert(path)),
            Wish::Persistent(path) if ok => drop(self.persistent.insert(path)),
            Wish::Recursive(path) if ok => drop(self.recursive.insert(path)),
            Wish::Remove { path, kind } if ok => self.remove(&path, kind),
            _ => {}
        }
    }

    fn remove(&mut self, path: &str, kind: i32) {
        const CHILDREN: i32 = 1;
        const DATA: i32 = 2;
        const ANY: i32 = 3;
        const PERSISTENT: i32 = 4;
        const RECURSIVE: i32 = 5;
        if matches!(kind, CHILDREN | ANY) {
            self.child.remove(path);
        }
        if matches!(kind, DATA | ANY) {
            self.data.remove(path);
            self.exist.remove(path);
        }
        if matches!(kind, PERSISTENT | ANY) {
            self.persistent.remove(path);
        }
        if matches!(kind, RECURSIVE | ANY) {
            self.recursive.remove(path);
        }
    }

    /// A watch fired.
    pub(crate) fn fired(&mut self, kind: EventKind, path: &str) {
        match kind {
            EventKind::CREATED | EventKind::DATA_CHANGED => {
                self.data.remove(path);
                self.exist.remove(path);
            }
            EventKind::CHILDREN_CHANGED => drop(self.child.remove(path)),
            EventKind::DELETED => {
                self.data.remove(path);
                self.exist.remove(path);
                self.child.remove(path);
            }
            _ => {}
        }
    }

    /// The session is over, and all its watches.
    pub(crate) fn clear(&mut self) {
        *self = Watches::default();
    }

    /// Requests that set everything again, each of bounded size. Servers before 3.6 know only the older
    /// request, which is enough while there are no persistent watches.
    pub(crate) fn set_again(&self, relative_zxid: Zxid) -> Vec<Request> {
        let kinds = [&self.data, &self.exist, &self.child, &self.persistent, &self.recursive];
        let all =
            kinds.into_iter().enumerate().flat_map(|(kind, paths)| paths.iter().map(move |p| (kind, p)));
        let mut requests = Vec::new();
        let mut lists: [Vec<String>; 5] = Default::default();
        let mut bytes = 0;
        for (kind, path) in all {
            if bytes > SET_WATCHES_BYTES {
                requests.push(request(relative_zxid, std::mem::take(&mut lists)));
                bytes = 0;
            }
            bytes += path.len() + 4;
            lists[kind].push(path.clone());
        }
        if lists.iter().any(|list| !list.is_empty()) {
            requests.push(request(relative_zxid, lists));
        }
        requests
    }
}

fn request(relative_zxid: Zxid, lists: [Vec<String>; 5]) -> Request {
    let [data, exist, child, persistent, persistent_recursive] = lists;
    if persistent.is_empty() && persistent_recursive.is_empty() {
        Request::SetWatches(SetWatchesRequest { relative_zxid, data, exist, child })
    } else {
        Request::SetWatches2(SetWatches2Request {
            relative_zxid,
            data,
            exist,
            child,
            persistent,
            persistent_recursive,
        })
    }
}
