//! A keeper for tests: a tree, one session at a time, both kinds of watches. It answers what the broker
//! asks and nothing more.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use zookeeper_wire::{
    CreateRequest, ErrorCode, EventKind, MultiOp, MultiResult, Request, Response, SessionId, SessionState,
    Stat, WatcherEvent, Zxid,
};

#[derive(Clone, Default)]
pub(crate) struct Keeper {
    nodes: BTreeMap<String, (Option<Bytes>, Stat)>,
    sequences: BTreeMap<String, i32>,
    zxid: i64,
    session: SessionId,
    recursive: BTreeSet<String>,
    data: BTreeSet<String>,
    children: BTreeSet<String>,
    /// Whether it is of a time before persistent watches (3.6).
    pub(crate) is_old: bool,
    /// Events for the session, in order; those that a write caused come before its answer.
    pub(crate) events: VecDeque<WatcherEvent>,
}

type Answer = Result<Response, ErrorCode>;

impl Keeper {
    pub(crate) fn new() -> Self {
        Keeper { session: SessionId(1), ..Default::default() }
    }

    pub(crate) fn session(&self) -> SessionId {
        self.session
    }

    /// Ends the session with its ephemerals and watches; the next one begins.
    pub(crate) fn expire(&mut self) {
        let session = self.session;
        let owned = self.nodes.iter().filter(|(_, (_, stat))| stat.ephemeral_owner == session);
        let owned: Vec<String> = owned.map(|(path, _)| path.clone()).collect();
        for path in owned {
            self.delete(&path, -1).expect("it is there");
        }
        self.recursive.clear();
        self.data.clear();
        self.children.clear();
        self.events.clear();
        self.session = SessionId(session.0 + 1);
    }

    /// What follows is asked by this session; all sessions share their watches, and so their events.
    pub(crate) fn speak_as(&mut self, session: SessionId) {
        self.session = session;
    }

    /// Ends one of several sessions with its ephemerals.
    pub(crate) fn end(&mut self, session: SessionId) {
        let owned = self.nodes.iter().filter(|(_, (_, stat))| stat.ephemeral_owner == session);
        let owned: Vec<String> = owned.map(|(path, _)| path.clone()).collect();
        for path in owned {
            self.delete(&path, -1).expect("it is there");
        }
    }

    /// Begins another session while the old one lives on: its process is gone, its time is not over.
    pub(crate) fn begin_another_session(&mut self) {
        self.recursive.clear();
        self.data.clear();
        self.children.clear();
        self.events.clear();
        self.session = SessionId(self.session.0 + 1);
    }

    /// The data of a znode, as text.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let (data, _) = self.nodes.get(path)?;
        Some(String::from_utf8_lossy(data.as_deref().unwrap_or_default()).into_owned())
    }

    /// The paths of all znodes, in order.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.nodes.keys().map(String::as_str)
    }

    pub(crate) fn serve(&mut self, request: Request) -> Result<(Response, Zxid), ErrorCode> {
        self.answer(request).map(|response| (response, Zxid(self.zxid)))
    }

    fn answer(&mut self, request: Request) -> Answer {
        Ok(match request {
            Request::Create(create) => Response::Create(self.create(create)?.0),
            Request::Create2(create) => {
                let (path, stat) = self.create(create)?;
                Response::Create2(path, stat)
            }
            Request::Delete(delete) => {
                self.delete(&delete.path, delete.version)?;
                Response::Empty
            }
            Request::SetData(set) => Response::Stat(self.set(&set.path, set.data, set.version)?),
            Request::Exists(exists) => {
                if exists.watch {
                    self.data.insert(exists.path.clone());
                }
                Response::Stat(self.find(&exists.path)?.1)
            }
            Request::GetData(get) => {
                let (data, stat) = self.find(&get.path)?.clone();
                if get.watch {
                    self.data.insert(get.path);
                }
                Response::Data(data, stat)
            }
            Request::GetChildren(get) => {
                self.find_or_root(&get.path)?;
                let names = self.names(&get.path);
                if get.watch {
                    self.children.insert(get.path);
                }
                Response::Children(names)
            }
            Request::GetChildren2(get) => {
                let stat = self.find_or_root(&get.path)?;
                let names = self.names(&get.path);
                if get.watch {
                    self.children.insert(get.path);
                }
                Response::Children2(names, stat)
            }
            Request::Sync(sync) => Response::Sync(sync.path),
            Request::AddWatch(_) if self.is_old => return Err(ErrorCode::UNIMPLEMENTED),
            Request::AddWatch(add) => {
                self.recursive.insert(add.path);
                Response::AddWatch(0)
            }
            Request::Multi(ops) => Response::Multi(self.multi(ops)),
            other => panic!("the broker asked {other:?}"),
        })
    }

    fn multi(&mut self, ops: Vec<MultiOp>) -> Vec<MultiResult> {
        let before = self.clone();
        let count = ops.len();
        let mut results = Vec::new();
        for (index, op) in ops.into_iter().enumerate() {
            match self.one_of_multi(op) {
                Ok(result) => results.push(result),
                Err(error) => {
                    *self = before;
                    results = vec![MultiResult::Error(ErrorCode::OK); index];
                    results.push(MultiResult::Error(error));
                    results.resize(count, MultiResult::Error(ErrorCode::RUNTIME_INCONSISTENCY));
                    break;
                }
            }
        }
        results
    }

    fn one_of_multi(&mut self, op: MultiOp) -> Result<MultiResult, ErrorCode> {
        Ok(match op {
            MultiOp::Create(create) => MultiResult::Create(self.create(create)?.0),
            MultiOp::Create2(create) => {
                let (path, stat) = self.create(create)?;
                MultiResult::Create2(path, stat)
            }
            MultiOp::Delete(delete) => {
                self.delete(&delete.path, delete.version)?;
                MultiResult::Delete
            }
            MultiOp::SetData(set) => MultiResult::SetData(self.set(&set.path, set.data, set.version)?),
            MultiOp::Check(check) => {
                let (_, stat) = self.find(&check.path)?;
                agree(check.version, stat.version)?;
                MultiResult::Check
            }
            other => panic!("the broker asked {other:?} in a multi"),
        })
    }

    fn find(&self, path: &str) -> Result<&(Option<Bytes>, Stat), ErrorCode> {
        self.nodes.get(path).ok_or(ErrorCode::NO_NODE)
    }

    fn find_or_root(&self, path: &str) -> Result<Stat, ErrorCode> {
        if path == "/" { Ok(Stat::default()) } else { self.find(path).map(|(_, stat)| *stat) }
    }

    fn names(&self, path: &str) -> Vec<String> {
        let below = if path == "/" { "/".to_string() } else { format!("{path}/") };
        let names = self.nodes.keys().filter_map(|known| known.strip_prefix(&below));
        names.filter(|name| !name.contains('/')).map(str::to_string).collect()
    }

    fn create(&mut self, create: CreateRequest) -> Result<(String, Stat), ErrorCode> {
        let (ephemeral, sequential) = (create.flags & 1 != 0, create.flags & 2 != 0);
        let parent = parent_of(&create.path).to_string();
        if !parent.is_empty() {
            self.find(&parent)?;
        }
        let mut path = create.path;
        if sequential {
            let next = self.sequences.entry(parent).or_default();
            path = format!("{path}{next:010}");
            *next += 1;
        }
        if self.nodes.contains_key(&path) {
            return Err(ErrorCode::NODE_EXISTS);
        }
        self.zxid += 1;
        let stat = Stat {
            czxid: Zxid(self.zxid),
            mzxid: Zxid(self.zxid),
            ephemeral_owner: if ephemeral { self.session } else { SessionId(0) },
            data_length: create.data.as_ref().map_or(0, |data| data.len() as i32),
            ..Default::default()
        };
        self.nodes.insert(path.clone(), (create.data, stat));
        self.changed(EventKind::CREATED, &path);
        Ok((path, stat))
    }

    fn set(&mut self, path: &str, data: Option<Bytes>, version: i32) -> Result<Stat, ErrorCode> {
        let (old, stat) = self.nodes.get_mut(path).ok_or(ErrorCode::NO_NODE)?;
        agree(version, stat.version)?;
        self.zxid += 1;
        *old = data;
        stat.version += 1;
        stat.mzxid = Zxid(self.zxid);
        let stat = *stat;
        self.changed(EventKind::DATA_CHANGED, path);
        Ok(stat)
    }

    fn delete(&mut self, path: &str, version: i32) -> Result<(), ErrorCode> {
        agree(version, self.find(path)?.1.version)?;
        if !self.names(path).is_empty() {
            return Err(ErrorCode::NOT_EMPTY);
        }
        self.zxid += 1;
        self.nodes.remove(path);
        self.changed(EventKind::DELETED, path);
        Ok(())
    }

    fn changed(&mut self, kind: EventKind, path: &str) {
        let one_shot = self.data.remove(path);
        let above = |root: &String| path == root || path.starts_with(&format!("{root}/"));
        if one_shot || self.recursive.iter().any(above) {
            self.fire(kind, path);
        }
        let parent = parent_of(path);
        let parent = if parent.is_empty() { "/" } else { parent };
        if kind != EventKind::DATA_CHANGED && self.children.remove(parent) {
            self.fire(EventKind::CHILDREN_CHANGED, parent);
        }
        if kind == EventKind::DELETED && self.children.remove(path) {
            self.fire(EventKind::DELETED, path);
        }
    }

    fn fire(&mut self, kind: EventKind, path: &str) {
        let state = SessionState::SYNC_CONNECTED;
        self.events.push_back(WatcherEvent { kind, state, path: path.to_string() });
    }
}

fn parent_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn agree(wanted: i32, version: i32) -> Result<(), ErrorCode> {
    if wanted == -1 || wanted == version { Ok(()) } else { Err(ErrorCode::BAD_VERSION) }
}
