//! wchs, wchc and wchp: watches counted, by session, by path.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use znode::WatcherId;
use zookeeper_wire::SessionId;

use crate::border::ConnectionId;
use crate::keeper::Keeper;

impl Keeper {
    pub(super) fn wchs(&self) -> String {
        let counts = self.server.watches.counts();
        format!(
            "{} connections watching {} paths\nTotal watches:{}\n",
            counts.watchers, counts.paths, counts.watches
        )
    }

    pub(super) fn wchc(&self) -> String {
        let mut by_session: BTreeMap<SessionId, BTreeSet<std::sync::Arc<str>>> = BTreeMap::new();
        for (path, watchers) in self.server.watches.by_path() {
            for watcher in watchers {
                by_session.entry(self.session_of(watcher)).or_default().insert(path.clone());
            }
        }
        let mut text = String::new();
        for (session, paths) in by_session {
            let _ = writeln!(text, "{session}");
            for path in paths {
                let _ = writeln!(text, "\t{path}");
            }
        }
        text.push('\n');
        text
    }

    pub(super) fn wchp(&self) -> String {
        let mut text = String::new();
        for (path, watchers) in self.server.watches.by_path() {
            let _ = writeln!(text, "{path}");
            for watcher in watchers {
                let _ = writeln!(text, "\t{}", self.session_of(watcher));
            }
        }
        text.push('\n');
        text
    }

    pub(crate) fn session_of(&self, WatcherId(watcher): WatcherId) -> SessionId {
        self.connections.get(&ConnectionId(watcher)).map_or(SessionId::NONE, |connection| connection.session)
    }
}
