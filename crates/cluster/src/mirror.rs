//! [`Mirror`]: keeps a [`Cluster`] equal to the znodes through one ZooKeeper session.
//!
//! On a server of 3.6 or later it sets a few persistent recursive watches, whose events name every
//! change; such watches survive a lost connection but tell nothing of what was missed, so after each
//! reconnect everything is read again and compared. Older servers get one-shot watches, one for each
//! znode, set by the reads themselves; those the server replays after a reconnect.
//!
//! Pure: it asks with [`Effect::Ask`] and must be handed each answer. Events and answers must come in
//! the order in which the session got them, since that order is what makes the view consistent.

use crate::limits::MIRROR_READS_IN_FLIGHT_MAX;
use crate::znodes::Malformed;
use crate::{Change, Cluster, Place, path};
use std::collections::{BTreeSet, VecDeque};
use zookeeper_wire::{
    AddWatchRequest, ErrorCode, EventKind, PathWatch, Request, Response, Stat, WatcherEvent,
};

/// What happened on the session.
#[derive(Debug)]
pub enum Input {
    /// A session is connected for the first time.
    Began,
    /// The same session is connected again.
    Resumed,
    /// The connection is lost; the session may come back.
    Disconnected,
    /// The answer to an ask.
    Answered {
        /// What was asked, as [`Effect::Ask`] said it.
        read: Read,
        /// The server's word, or `CONNECTION_LOSS` or `SESSION_EXPIRED` of the client's making.
        answer: Result<Response, ErrorCode>,
    },
    /// A watch fired.
    Watch(WatcherEvent),
}

/// What the mirror wants, or wants to be known.
#[derive(Debug)]
pub enum Effect {
    /// Send this and hand the answer back with `read`.
    Ask {
        /// To be handed back.
        read: Read,
        /// To be sent.
        request: Request,
    },
    /// The view changed.
    Changed(Change),
    /// A znode holds what Kafka would not write; the view keeps its last good reading.
    Malformed {
        /// Which.
        path: String,
        /// Why.
        why: Malformed,
    },
    /// The server refused a read.
    Refused {
        /// Which.
        path: String,
        /// How.
        error: ErrorCode,
    },
    /// Everything that was to be read has been read; the view is whole and fresh.
    Settled,
}

/// One read under way. Opaque: only to be handed back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Read {
    what: What,
    /// Reads of an earlier load are answered to nobody.
    load: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum What {
    /// Set a recursive watch.
    Watch(&'static str),
    /// List the children of a directory and read them all.
    List(&'static str),
    /// Read a znode.
    Node(String),
    /// Read a topic's znode and the states of its partitions.
    Topic(String),
    /// Find out whether a znode exists, and watch for its birth.
    Birth(String),
}

/// How changes are noticed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Watching {
    /// Persistent recursive watches (3.6 and later).
    Recursive,
    /// One-shot watches on every znode.
    OneShot,
}

/// Directories whose children are all read.
const DIRECTORIES: [&str; 6] = [
    path::BROKER_IDS,
    path::TOPICS,
    path::TOPIC_CONFIGS,
    path::BROKER_CONFIGS,
    path::DELETE_TOPICS,
    path::LOG_DIR_EVENTS,
];

/// Znodes that are read by name.
const SINGLES: [&str; 4] = [path::CLUSTER_ID, path::CONTROLLER, path::CONTROLLER_EPOCH, path::FEATURE];

/// Keeps a [`Cluster`] fresh.
#[derive(Debug)]
pub struct Mirror {
    watching: Watching,
    connected: bool,
    load: u64,
    queue: VecDeque<What>,
    in_flight: usize,
    /// Whether [`Effect::Settled`] was said since the last read was wanted.
    settled: bool,
    /// Whether the reads under way began with nothing known to be watched.
    loading: bool,
    /// With one-shot watches: the states that are watched or about to be.
    states: BTreeSet<String>,
}

impl Default for Mirror {
    fn default() -> Self {
        Mirror::new(Watching::Recursive)
    }
}

impl Mirror {
    /// A mirror that has not met a server yet. It goes from recursive watches to one-shot ones by
    /// itself when a server does not know the former.
    pub fn new(watching: Watching) -> Mirror {
        Mirror {
            watching,
            connected: false,
            load: 0,
            queue: VecDeque::new(),
            in_flight: 0,
            settled: false,
            loading: false,
            states: BTreeSet::new(),
        }
    }

    /// Whether the view is whole, and nothing that changed is known to be unread.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// How changes are noticed now.
    pub fn watching(&self) -> Watching {
        self.watching
    }

    /// Takes in what happened; `cluster` is the view that this mirror keeps.
    pub fn step(&mut self, cluster: &mut Cluster, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Began => self.begin_load(),
            Input::Resumed => {
                self.connected = true;
                if self.watching == Watching::Recursive {
                    self.begin_load();
                }
            }
            Input::Disconnected => self.connected = false,
            Input::Answered { read, answer } => {
                self.in_flight = self.in_flight.saturating_sub(1);
                if read.load == self.load {
                    self.answered(cluster, read.what, answer, effects);
                }
            }
            Input::Watch(event) => self.fired(cluster, event, effects),
        }
        self.ask(effects);
    }

    /// Forgets what was wanted and wants everything.
    fn begin_load(&mut self) {
        self.connected = true;
        self.load += 1;
        self.settled = false;
        self.loading = true;
        self.states.clear();
        self.queue.clear();
        if self.watching == Watching::Recursive {
            let roots = DIRECTORIES.into_iter().chain(SINGLES);
            self.queue.extend(roots.map(What::Watch));
        }
        self.queue.extend(SINGLES.map(|path| What::Node(path.to_string())));
        self.queue.extend(DIRECTORIES.map(What::List));
    }

    fn want(&mut self, what: What) {
        self.settled = false;
        // A read that was not sent yet will see this change too.
        if !self.queue.contains_recent(&what) {
            self.queue.push_back(what);
        }
    }

    fn ask(&mut self, effects: &mut Vec<Effect>) {
        while self.connected && self.in_flight < MIRROR_READS_IN_FLIGHT_MAX {
            let Some(what) = self.queue.pop_front() else { break };
            let watch = self.watching == Watching::OneShot;
            let request = match &what {
                What::Watch(path) => Request::AddWatch(AddWatchRequest { path: (*path).into(), mode: 1 }),
                What::List(path) => Request::GetChildren(PathWatch { path: (*path).into(), watch }),
                What::Node(path) => Request::GetData(PathWatch { path: path.clone(), watch }),
                What::Topic(name) => Request::GetData(PathWatch { path: path::topic(name), watch }),
                What::Birth(path) => Request::Exists(PathWatch { path: path.clone(), watch }),
            };
            self.in_flight += 1;
            effects.push(Effect::Ask { read: Read { what, load: self.load }, request });
        }
        if self.connected && !self.settled && self.queue.is_empty() && self.in_flight == 0 {
            self.settled = true;
            self.loading = false;
            effects.push(Effect::Settled);
        }
    }

    fn answered(
        &mut self,
        cluster: &mut Cluster,
        what: What,
        answer: Result<Response, ErrorCode>,
        effects: &mut Vec<Effect>,
    ) {
        let response = match answer {
            Ok(response) => response,
            Err(ErrorCode::NO_NODE) => return self.absent(cluster, what, effects),
            // Another load will come with the next session.
            Err(ErrorCode::SESSION_EXPIRED) => return,
            Err(ErrorCode::CONNECTION_LOSS) => {
                self.settled = false;
                return self.queue.push_front(what);
            }
            Err(ErrorCode::UNIMPLEMENTED) if matches!(what, What::Watch(_)) => {
                self.watching = Watching::OneShot;
                return self.begin_load();
            }
            Err(error) => return effects.push(Effect::Refused { path: what.path(), error }),
        };
        match (what, response) {
            (What::Watch(_), _) => {}
            (What::List(directory), Response::Children(names)) => {
                self.listed(cluster, directory, names, effects);
            }
            (What::Node(path), Response::Data(data, stat)) => {
                observe(cluster, &path, Some((data.as_deref().unwrap_or_default(), &stat)), effects);
            }
            (What::Topic(name), Response::Data(data, stat)) => {
                let found = Some((data.as_deref().unwrap_or_default(), &stat));
                observe(cluster, &path::topic(&name), found, effects);
                self.want_states(cluster, &name);
            }
            (What::Birth(path), Response::Stat(_)) => self.want(What::Node(path)),
            (what, _) => {
                let error = ErrorCode::MARSHALLING_ERROR;
                effects.push(Effect::Refused { path: what.path(), error });
            }
        }
    }

    /// Reads the states of a topic's partitions, those already watched excepted.
    fn want_states(&mut self, cluster: &Cluster, topic: &str) {
        let partitions: Vec<i32> = cluster.partitions(topic).map(|(partition, _)| partition).collect();
        for partition in partitions {
            let path = path::partition_state(topic, partition);
            if self.watching == Watching::Recursive || self.states.insert(path.clone()) {
                self.want(What::Node(path));
            }
        }
    }

    fn absent(&mut self, cluster: &mut Cluster, what: What, effects: &mut Vec<Effect>) {
        match what {
            What::List(directory) => self.listed(cluster, directory, Vec::new(), effects),
            What::Node(path) => {
                observe(cluster, &path, None, effects);
                // No listing tells of these: their birth needs a watch of its own.
                if self.watching == Watching::OneShot
                    && (SINGLES.contains(&path.as_str()) || self.states.contains(&path))
                {
                    self.want(What::Birth(path));
                }
            }
            What::Topic(name) => self.topic_gone(cluster, &name, effects),
            What::Birth(_) | What::Watch(_) => {}
        }
    }

    fn topic_gone(&mut self, cluster: &mut Cluster, name: &str, effects: &mut Vec<Effect>) {
        let below = format!("{}/", path::topic(name));
        self.states.retain(|path| !path.starts_with(&below));
        observe(cluster, &path::topic(name), None, effects);
    }

    fn listed(
        &mut self,
        cluster: &mut Cluster,
        directory: &'static str,
        names: Vec<String>,
        effects: &mut Vec<Effect>,
    ) {
        let names: BTreeSet<String> = names.into_iter().collect();
        let known = known_children(cluster, directory);
        for name in known.difference(&names) {
            if directory == path::TOPICS {
                self.topic_gone(cluster, name, effects);
            } else {
                observe(cluster, &format!("{directory}/{name}"), None, effects);
            }
        }
        for name in names {
            if directory == path::DELETE_TOPICS {
                // That it is there is all it says.
                observe(cluster, &path::delete_topic(&name), Some((&[], &Stat::default())), effects);
            } else if known.contains(&name) && !self.loading {
                // It has a watch of its own.
            } else if directory == path::TOPICS {
                self.want(What::Topic(name));
            } else {
                self.want(What::Node(format!("{directory}/{name}")));
            }
        }
    }

    fn fired(&mut self, cluster: &mut Cluster, event: WatcherEvent, effects: &mut Vec<Effect>) {
        let path = event.path;
        if event.kind == EventKind::CHILDREN_CHANGED {
            if let Some(directory) = DIRECTORIES.into_iter().find(|directory| *directory == path) {
                self.want(What::List(directory));
            }
            return;
        }
        let Some(place) = Place::of(&path) else { return };
        match (event.kind, place) {
            (EventKind::DELETED, Place::Topic(name)) => self.topic_gone(cluster, name, effects),
            (EventKind::DELETED, _) => {
                observe(cluster, &path, None, effects);
                let single = SINGLES.contains(&path.as_str()) || self.states.contains(&path);
                if self.watching == Watching::OneShot && single {
                    self.want(What::Birth(path));
                }
            }
            (EventKind::CREATED, Place::DeleteTopic(_)) => {
                observe(cluster, &path, Some((&[], &Stat::default())), effects);
            }
            (EventKind::CREATED | EventKind::DATA_CHANGED, Place::Topic(name)) => {
                // With recursive watches the births of its states are told one by one.
                match self.watching {
                    Watching::Recursive => self.want(What::Node(path)),
                    Watching::OneShot => self.want(What::Topic(name.to_string())),
                }
            }
            (EventKind::CREATED | EventKind::DATA_CHANGED, _) => self.want(What::Node(path)),
            _ => {}
        }
    }
}

impl What {
    fn path(&self) -> String {
        match self {
            What::Watch(path) | What::List(path) => (*path).to_string(),
            What::Node(path) | What::Birth(path) => path.clone(),
            What::Topic(name) => path::topic(name),
        }
    }
}

/// Looking for a read that waits already, among the youngest only: enough for bursts on one znode.
trait ContainsRecent {
    fn contains_recent(&self, what: &What) -> bool;
}

impl ContainsRecent for VecDeque<What> {
    fn contains_recent(&self, what: &What) -> bool {
        self.iter().rev().take(16).any(|waiting| waiting == what)
    }
}

fn observe(cluster: &mut Cluster, path: &str, found: Option<(&[u8], &Stat)>, effects: &mut Vec<Effect>) {
    match cluster.observe(path, found) {
        Ok(Some(change)) => effects.push(Effect::Changed(change)),
        Ok(None) => {}
        Err(why) => effects.push(Effect::Malformed { path: path.to_string(), why }),
    }
}

fn known_children(cluster: &Cluster, directory: &str) -> BTreeSet<String> {
    match directory {
        path::BROKER_IDS => cluster.brokers().keys().map(|id| id.to_string()).collect(),
        path::TOPICS => cluster.topics().keys().map(|name| name.to_string()).collect(),
        path::TOPIC_CONFIGS => cluster.topic_configs().keys().cloned().collect(),
        path::BROKER_CONFIGS => cluster.broker_config_names().collect(),
        path::DELETE_TOPICS => cluster.deleting().clone(),
        path::LOG_DIR_EVENTS => cluster.log_dir_events().keys().cloned().collect(),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests;
