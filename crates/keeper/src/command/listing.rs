//! What is listed by session or by path: expiry, ephemeral znodes, watches.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Fields;
use crate::keeper::Keeper;
use crate::limits::LISTED_MAX;

impl Keeper {
    pub(super) fn expiry_and_ephemerals(&self) -> Fields {
        let server = &self.server;
        // Sessions of both kinds can be due at the same moment.
        let mut expiry: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for (due, sessions) in server.sessions.by_due().chain(server.local.by_due()) {
            let due = expiry.entry(due.as_ms().to_string()).or_default();
            due.extend(sessions.iter().map(|id| id.0));
        }
        let tree = server.database.tree();
        let mut room = LISTED_MAX;
        let mut ephemerals: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (session, _) in tree.ephemeral_sessions() {
            let paths: Vec<String> = tree.ephemerals(session).take(room).map(|id| tree.path(id)).collect();
            room -= paths.len();
            ephemerals.insert(session.0.to_string(), paths);
        }
        super::fields(json!({
            "expiry_time_to_session_ids": expiry,
            "session_id_to_ephemeral_paths": ephemerals,
        }))
    }

    pub(super) fn watches_by_session(&self) -> Fields {
        let mut by_session: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (path, watchers) in self.server.watches.by_path().into_iter().take(LISTED_MAX) {
            for watcher in watchers {
                let session = self.session_of(watcher).0.to_string();
                by_session.entry(session).or_default().insert(path.as_ref().to_owned());
            }
        }
        super::fields(json!({"session_id_to_watched_paths": by_session}))
    }

    pub(super) fn watches_by_path(&self) -> Fields {
        let by_path: Fields = (self.server.watches.by_path().into_iter().take(LISTED_MAX))
            .map(|(path, watchers)| {
                let sessions: BTreeSet<i64> =
                    watchers.into_iter().map(|watcher| self.session_of(watcher).0).collect();
                (path.as_ref().to_owned(), Value::from_iter(sessions))
            })
            .collect();
        super::fields(json!({"path_to_session_ids": by_path}))
    }
}
